"""The slider over a run's snapshots, and what sets compared runs apart."""

from __future__ import annotations

import json
import time

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.figures import unpack
from workbench.studios.live.hub import HUB
from workbench.studios.pages import session
from workbench.studios.pages.address import Address
from workbench.studios.pages.sentences import only_differences


def state(part):
    return json.loads(part.state)


@pytest.fixture
def page(finished):
    """The page of the example, which has many snapshots."""
    page = Amplitudes(runs=finished.root / "none")
    page.restore(Address())
    page.refresh(everything=True)
    end = time.monotonic() + 20
    while not HUB.picture(page.shown[0]).steps:
        assert time.monotonic() < end
        time.sleep(0.05)
    page.refresh()
    return page


def test_the_slider_ends_at_the_newest(page):
    now = state(page.bar)["time"]
    assert now["newest"] and now["index"] == now["count"] - 1 and now["sentence"].endswith("· end")


def test_figures_and_numbers_go_back_with_the_slider(page):
    last = page.plots["delta"].frame, state(page.frame)["numbers"]["rows"][0]["values"]
    page.hear({"time": 3})
    assert page.plots["delta"].frame != last[0] and state(page.frame)["numbers"]["rows"][0]["values"] != last[1]
    now = state(page.bar)["time"]
    assert now["index"] == 3 and not now["newest"] and f"step={page.at}" in page.address.query()
    marked = unpack(page.plots["losses"].frame)["layout"]["shapes"][-1]
    assert marked["x0"] == page.at
    page.hear({"time": "newest"})
    assert page.at is None and page.plots["delta"].frame == last[0]
    page.hear({"time": 10**9})
    assert page.at is None


def test_a_figure_of_single_draws_says_that_it_exists_at_the_end_only(page):
    page.hear({"tab": "uncertainties"})
    page.hear({"time": 0})
    texts = [note["text"].replace("<br>", " ") for note in unpack(page.plots["scaled_pull"].frame)["layout"]["annotations"]]
    assert any("saved at the end of the training and not in its snapshots" in text for text in texts)
    assert unpack(page.plots["sigmas"].frame)["data"]


def test_a_replay_goes_through_all_snapshots_in_ten_seconds(page):
    count = state(page.bar)["time"]["count"]
    page.hear({"key": "p"})
    seen = [page.at]
    while page.playing is not None:
        page.tick()
        seen.append(page.at)
    assert seen[-1] is None and seen[0] == HUB.picture(page.shown[0]).steps[0]
    assert len(seen) - 1 == pytest.approx(min(session.REPLAY, count - 1), abs=2)
    assert "step=" not in page.address.query()


def test_compared_runs_follow_at_the_nearest_step(finished):
    page = Amplitudes(runs=finished.root)
    first, second = (run for run in finished.runs() if type(run.recipe) is AmplitudeRecipe)
    page.restore(Address(run=first.id, compare=[second.id], step=0))
    page.refresh(everything=True)
    end = time.monotonic() + 20
    while not all(HUB.picture(run).steps for run in page.shown):
        assert time.monotonic() < end
        time.sleep(0.05)
    pictures = page.replayed(page.pictures())
    assert [picture.moment[1] for _, picture in pictures] == [HUB.picture(run).steps[0] for run in page.shown]
    assert all(picture.prediction is None for _, picture in pictures)


def test_another_run_is_shown_at_its_newest(page):
    page.hear({"time": 3})
    page.hear({"preset": "noise"})
    assert page.at is None


@pytest.mark.parametrize("text", ["-1", "x", "1e9", "123456789"])
def test_a_step_that_is_none_is_named(text):
    from workbench.studios.pages.address import read

    assert "step" in read({"step": [text]}, AmplitudeRecipe, tabs=[]).problems[0]


def test_only_the_differences_of_compared_runs_are_listed(finished):
    page = Amplitudes(runs=finished.root)
    first, second = (run for run in finished.runs() if type(run.recipe) is AmplitudeRecipe)
    page.restore(Address(run=first.id, tab="runs"))
    page.refresh(everything=True)
    assert state(page.table)["differs"] is None
    page.hear({"compare": second.id, "on": True})
    differs = state(page.table)["differs"]
    assert [row["label"] for row in differs["rows"]] == ["Seed"] and sorted(differs["rows"][0]["values"]) == ["0", "1"]
    assert differs["text"].splitlines()[1].split("\t")[0] == "Seed" and differs["runs"][0].startswith("A: ")


def test_a_sweep_lists_all_values_of_what_it_varies():
    base = AmplitudeRecipe()
    table = only_differences([("A", base), ("B", SweepRecipe(axes={"noise": [0, 0.1]})), ("C", base.replace(hidden=[8]))])
    assert {row["name"]: row["values"] for row in table["rows"]} == {
        "noise": ["0.01", "0, 0.1", "0.01"],
        "hidden": ["128, 128, 128", "128, 128, 128", "8"],
    }
    assert only_differences([("A", base)]) is None and only_differences([("A", base), ("B", base)])["rows"] == []
