"""A sweep whose points cannot share one training, typed into a form: it trains, shows, stops and is found again as several runs."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qs

import pytest

from workbench.families.basics.page import Basics
from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.studios.pages.address import Address, read
from workbench.studios.server.house import Guest, House

TINY = {"points": 50, "steps": 60, "hidden": [8]}


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    page = Basics(runs=tmp_path / "runs")
    page.restore(Address(options=TINY))
    yield page
    for run in RunStore(tmp_path / "runs").runs():
        if run.alive():
            run.stop()


def press(page, action):
    page.hear({"action": action})
    while page.busy:
        time.sleep(0.01)


def state(part):
    return json.loads(part.state)


def test_it_trains_a_run_for_each_value_and_shows_them_side_by_side(page):
    page.hear({"option": "learning_rate", "value": "0.001, 0.01"})
    press(page, "train")
    assert [run.recipe.learning_rate for run in page.shown] == [0.001, 0.01] and page.of_draft and not page.notices
    for run in page.shown:
        assert run.wait(60).status.state == "finished"
    until = time.monotonic() + 20
    while not (bar := state(page.bar))["sentence"].startswith("2 of 2 runs have ended. Finished: 60 steps"):
        assert time.monotonic() < until, bar["sentence"]
        time.sleep(0.1)
        page.refresh(everything=True)
    view = state(page.frame)
    assert [row["title"] for row in view["numbers"]["rows"]] == ["Learning rate 0.001", "Learning rate 0.01"] and view["belongs"] == []
    assert [button["label"] for button in bar["buttons"] if button["name"] == "train"] == ["Train again"]
    shown = [run.id for run in page.shown]

    again = Basics(runs=page.library.own.root)
    arguments = parse_qs(page.address.query().removeprefix("?"))
    again.restore(read(arguments, again.recipe_type, tabs=[tab.name for tab in page.tabs]))
    assert again.draft.axes == {"learning_rate": [0.001, 0.01]} and [run.id for run in again.shown] == shown and again.of_draft

    page.hear({"option": "learning_rate", "value": "0.01, 0.1"})  # one of them is known already
    assert [run.id for run in page.shown] == shown[1:] and not page.of_draft
    press(page, "train")
    assert page.shown[0].id == shown[1] and len(RunStore(page.library.own.root).runs()) == 3


def test_the_buttons_act_on_all_its_runs(page):
    page.hear({"option": "steps", "value": "1000000"})
    page.hear({"option": "seed", "value": "1, 2"})
    press(page, "train")
    runs = list(page.shown)
    assert len(runs) == 2 and page.pressed == runs
    press(page, "pause")
    while not all(run.status.state in ("paused", "queued") for run in runs):
        assert all(run.status.live for run in runs)
    press(page, "stop")
    assert [run.status.state for run in runs] == ["stopped", "stopped"]
    press(page, "resume")
    assert all(run.alive() for run in runs)
    page.hear({"undo": "seed"})
    page.hear({"option": "seed", "value": "1"})
    assert page.pressed == page.shown[:1] == runs[:1]


def test_in_a_class_it_counts_as_many_runs_as_it_is(page):
    student = Guest(House(each=2), "a" * 32, lecturer=False)
    page.draft.set("seed", "1, 2, 3")
    with pytest.raises(RunError, match="At most 2 runs per person train at the same time here, and this would be 3"):
        student.launch_all(page.draft.trainings, page.library.own)
    assert page.library.own.runs() == []
    page.draft.set("seed", "1, 2")
    runs = student.launch_all(page.draft.trainings, page.library.own, title="mine")
    assert [run.title for run in runs] == ["mine: Seed 1", "mine: Seed 2"] and not any(student.no_change(run) for run in runs)
