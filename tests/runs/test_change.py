"""Options that are changed while a run trains: from the next block on, kept with their steps, and repeated bitwise after a stop."""

from __future__ import annotations

import json

import numpy as np
import pytest

import workbench as wb
from workbench.runs.files import RunError
from workbench.training.recipe import RecipeError

RECIPE = dict(toy="shift", hidden=(16,), points=200, steps=600, l2=1e-3, schedule="constant")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    begun = wb.launch(wb.BasicsRecipe(**RECIPE))
    yield begun
    if begun.alive():
        begun.stop()


def stepped(run, blocks):
    """Let so many more blocks be trained, and say where that ends."""
    before = run.status.step
    run.step(blocks)
    wb_wait(lambda: run.status.step >= before + 2 * blocks)
    return run.status.step


def wb_wait(done):
    import time

    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_change_holds_from_the_next_block_on_and_comes_again_after_a_stop(run):
    launched = run.recipe
    run.pause()
    wb_wait(lambda: run.status.state == "paused")
    run.change(learning_rate=0.0123, dropout=0.25)
    first = stepped(run, 2)
    run.change(l2=0.0, learning_rate=1e-4)
    second = stepped(run, 2)
    assert run.recipe.identity == launched.replace(learning_rate=1e-4, dropout=0.25, l2=0.0).identity
    assert run.launched.identity == launched.identity
    assert [change["options"].get("l2") for change in run.changes] == [None, 0.0]
    assert run.changes[0]["step"] < first == run.changes[1]["step"] < second
    run.stop()
    run.resume()
    run.control("run")
    run.wait(120)
    assert run.status.state == "finished", run.status
    assert list(json.loads(run.reports.attrs["changed"]).values()) == ["Learning rate 0.0123, Dropout 0.25", "Learning rate 0.0001, L2 0"]
    marks = [note.text for note in run.figure("learning").layout.annotations]
    assert marks == ["Learning rate 0.0123, Dropout 0.25", "Learning rate 0.0001, L2 0"]

    whole = [report["losses"]["loss"] for report in run.read_reports().reports]
    again = replayed(launched, run.changes)
    assert len(whole) == len(again) and np.array_equal(whole, again), "a stop in between changes no digit"
    plain = replayed(launched, [])
    assert not np.array_equal(whole, plain), "and the changes did something"


def replayed(recipe, changes):
    """The losses of the same training in one process, changed at the same steps."""
    from workbench.families.basics.job import BasicsJob

    job, losses, options = BasicsJob(recipe), [], {}
    training = job.train()
    while job.step < job.steps:
        for change in changes:
            if change["step"] == job.step:
                options |= change["options"]
                job.change(recipe.replace(**options))
        losses.append(next(training).losses["loss"])
    return losses


def test_a_run_that_was_changed_answers_for_no_recipe(run):
    run.change(l1=1e-4)
    run.wait(120)
    assert run.changes and run.status.state == "finished"
    assert wb.RunStore().find(run.launched) is None and wb.RunStore().find(run.recipe) is None


def test_changes_that_are_taken_away_from_a_training_are_put_back(run):
    run.pause()
    wb_wait(lambda: run.status.state == "paused")
    run.change(l2=0.0)
    step = stepped(run, 2)
    (run.path / "changes.json").unlink()
    wb_wait((run.path / "changes.json").exists)
    run.stop()
    (run.path / "control.json").unlink()
    seen = wb.RunStore().open(run.id)
    assert [change["options"] for change in seen.changes] == [{"l2": 0.0}] and seen.changes[0]["step"] < step
    seen.resume()
    seen.control("run")
    assert seen.wait(120).status.state == "finished" and seen.recipe.l2 == 0.0


def test_what_cannot_be_changed_is_refused_in_a_sentence(run):
    with pytest.raises(RunError, match=r"^points cannot change while a run trains; .*dropout, learning_rate can\.$"):
        run.change(points=300)
    with pytest.raises(RecipeError, match="learning_rate"):
        run.change(learning_rate=-1)
    run.stop()
    with pytest.raises(RunError, match="only a run that trains can be changed"):
        run.change(l2=0.1)
    assert run.recipe is run.launched and not run.changes
