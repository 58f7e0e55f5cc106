"""What a page says about a run."""

from __future__ import annotations

import pytest

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs.folder import Status
from workbench.studios.pages import sentences


def bar(state, *, same=True, ready=True, busy="", example=False, **known):
    status = None if state is None else Status(state, **{"step": 1_200, "steps": 4_000, "seconds": 30.0, **known})
    view = sentences.transport(status, example=example, same=same, ready=ready, busy=busy)
    return view, {button["name"] for button in view["buttons"] if button["enabled"]}


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        (None, {"train", "reset"}),
        ("queued", {"pause", "stop", "reset"}),
        ("preparing", {"pause", "stop", "reset"}),
        ("running", {"pause", "stop", "reset"}),
        ("paused", {"continue", "step", "stop", "reset"}),
        ("finishing", {"stop", "reset"}),
        ("finished", {"train", "reset"}),
        ("stopped", {"resume", "train", "reset"}),
        ("died", {"resume", "train", "reset"}),
        ("failed", {"resume", "train", "reset"}),
    ],
)
def test_only_buttons_that_make_sense_can_be_pressed(state, enabled):
    assert bar(state)[1] == enabled


def test_another_recipe_can_be_trained_while_one_runs_and_a_wrong_one_never():
    assert "train" in bar("running", same=False)[1]
    assert "train" not in bar("finished", ready=False)[1]
    assert bar("running", busy="Stopping …")[1] == set()


def test_an_example_is_neither_resumed_nor_paused():
    view, enabled = bar("finished", example=True)
    assert enabled == {"train", "reset"} and view["state"] == "none" and "example" in view["sentence"]


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"state": "running", "eta": 12.3}, "Training: step 1,200 of 4,000, about 12 s left."),
        ({"state": "running"}, "Training: step 1,200 of 4,000, timing the first steps."),
        ({"state": "preparing", "progress": 0.43, "message": "Preparing data"}, "Preparing data 43 % …"),
        ({"state": "queued", "queue_position": 3}, "Waiting for a free slot: 2 runs are before this one."),
        ({"state": "queued", "queue_position": 1}, "Waiting for a free slot: next to start."),
        ({"state": "finished"}, "Finished: 4,000 steps in 30 s."),
        ({"state": "died"}, "died at step 1,200 of 4,000"),
        ({"state": "failed", "message": "The loss is no longer a number."}, "The loss is no longer a number."),
    ],
)
def test_where_a_run_stands_is_one_sentence(known, words):
    assert words in bar(**known)[0]["sentence"].replace("43%", "43 %")


def test_screen_readers_hear_of_states_and_not_of_steps():
    first, later = bar("running", step=1)[0], bar("running", step=2)[0]
    assert first["sentence"] != later["sentence"] and first["spoken"] == later["spoken"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0.2 s"), (3, "3 s"), (59, "59 s"), (60, "1 min"), (90, "1 min 30 s"), (3_600, "1 h 0 min"), (7_500, "2 h 5 min")],
)
def test_durations_read_as_one_says_them(seconds, words):
    assert sentences.duration(seconds) == words


def test_the_time_left_does_not_pretend_to_know_more():
    assert [sentences.left(t) for t in (0.3, 13.4, 47, 130)] == [f"about {t} left" for t in ("1 s", "13 s", "45 s", "2 min")]


def test_two_recipes_differ_by_what_differs():
    base = AmplitudeRecipe()
    assert sentences.differs(base, base.replace(noise=0.1, seed=2)) == "Noise f_smear 0.1 instead of 0.01, Seed 2 instead of 0"
    assert sentences.differs(base, base) == "the same recipe as the run shown"


def test_a_date_that_is_none_is_shown_as_it_is():
    assert sentences.when("not a date") == "not a date"
