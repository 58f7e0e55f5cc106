from __future__ import annotations

import pytest
import torch

from workbench.families import train
from workbench.families.amplitudes import job
from workbench.families.amplitudes.job import method, network
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.training.job import state
from workbench.training.loop import SCHEDULES, State, block_size


def a_state(events_per_step, seed=3):
    return State(
        method=None, optimiser=None, steps=100, batch_size=events_per_step, learning_rate=1e-3, schedule=SCHEDULES["cosine"], seed=seed
    )


def batches(state, events, count):
    rows = []
    for _ in range(count):
        rows.append(state.indices(events))
        state.step += 1
    return rows


def test_every_event_is_seen_once_per_epoch():
    rows = torch.cat(batches(a_state(7), 35, 10))
    for epoch in (rows[:35], rows[35:70]):
        assert sorted(epoch.tolist()) == list(range(35))
    assert rows[:35].tolist() != rows[35:].tolist()


def test_batches_run_across_the_end_of_an_epoch_without_losing_events():
    rows = torch.cat(batches(a_state(8), 35, 35))
    assert torch.bincount(rows, minlength=35).eq(8).all()


def test_a_batch_larger_than_the_data_is_all_of_it():
    assert sorted(a_state(100).indices(35).tolist()) == list(range(35))


def test_the_batch_of_a_step_does_not_depend_on_how_one_got_there():
    straight = batches(a_state(8), 35, 12)[-1]
    jumped = a_state(8)
    jumped.step = 11
    assert torch.equal(jumped.indices(35), straight)


def test_schedules_start_and_end_as_named():
    assert SCHEDULES["cosine"](0.0) == 1.0 and abs(SCHEDULES["cosine"](1.0)) < 1e-12
    assert SCHEDULES["one_cycle"](0.3) == 1.0 and SCHEDULES["one_cycle"](0.0) < 0.05 and abs(SCHEDULES["one_cycle"](1.0)) < 1e-12
    assert SCHEDULES["constant"](0.7) == 1.0


@pytest.mark.parametrize("changes", [{}, {"steps": 1_000_000}, {"uncertainty": "repulsive_ensemble", "members": 64}, {"steps": 10}])
def test_reports_are_neither_rare_nor_too_many(changes):
    recipe = AmplitudeRecipe(device="cpu", **changes)
    training = state(recipe, method([recipe], network(recipe, 20, torch.device("cpu")), 9_000, torch.device("cpu")))
    assert 1 <= block_size(training) <= max(1, min(-(-recipe.steps // 400), 200))
    if recipe.members == 64:
        assert block_size(training) == 1


def test_boosting_and_validation_take_one_thread_like_the_steps_between_them(monkeypatch):
    taken, boost, validate = [], job.Training._boost, job.validate
    monkeypatch.setattr(job.Training, "_boost", lambda *those: (taken.append(torch.get_num_threads()), boost(*those))[1])
    monkeypatch.setattr(job, "validate", lambda *those: (taken.append(torch.get_num_threads()), validate(*those))[1])
    torch.set_num_threads(2)
    try:
        reports = list(train(AmplitudeRecipe(events=200, test_events=100, hidden=[8], steps=8)))
        assert len(taken) > len(reports) and set(taken) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
