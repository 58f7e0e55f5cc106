"""The tab Stories without a browser: a real story of small trainings, begun from the page and told while it trains."""

from __future__ import annotations

import json
import sys
import threading
import time

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import FIGURES, unpack
from workbench.runs import netcdf
from workbench.runs.folder import Status
from workbench.runs.store import RunStore
from workbench.stories import STORIES, Panel, Row, Story
from workbench.stories.story import listed, swept
from workbench.studios.pages import sentences, slide
from workbench.studios.pages.address import Address, read
from workbench.studios.pages.slide import Remembered, Slide

RECIPE = AmplitudeRecipe(events=500, test_events=300, hidden=[8], steps=400, batch_size=32, draws=4, noise=0.0)


def rows(scan):
    largest = scan["delta_median"].values.max()
    agrees = Row("largest median |Δ|", largest, 0.0, claim="All points have ended.")
    return [agrees, Row("the same", largest, high=-1.0), Row("once more", largest)]


def tiny(full: bool) -> Story:
    setup, panels = swept(RECIPE, noise=[0.0, 0.1], hidden=[[8], [8, 8]]), (Panel("plateau"), Panel("sweep_pulls"))
    return Story("tiny", "Tiny", "σ_syst/A = f", "It grows.", "Nothing.", panels, **setup, rows=rows, seconds=3)


def endless(full: bool) -> Story:
    setup = swept(RECIPE.replace(steps=200_000), noise=[0.0, 0.1])
    return Story("endless", "Endless", "σ_syst/A = f", "It grows.", "Nothing.", (Panel("plateau"),), **setup, rows=rows, seconds=3)


def single(full: bool) -> Story:
    setup = listed("network", {"one": RECIPE, "two": RECIPE.replace(seed=1)})
    return Story("single", "Single", "Δ", "Look.", "Nothing.", (Panel("coverage"), Panel("scaled_pull")), **setup, rows=rows, seconds=3)


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    for name, story in (("tiny", tiny), ("single", single), ("endless", endless)):
        monkeypatch.setitem(STORIES, name, story)
    monkeypatch.setattr(Amplitudes, "stories", tuple(STORIES))
    page = Amplitudes(runs=tmp_path / "runs")
    page.restore(Address(tab="stories", story="tiny"))
    page.refresh(everything=True)
    yield page
    for run in RunStore(tmp_path / "runs").runs():
        if run.alive():
            run.stop()


def state(part):
    return json.loads(part.state)


def until(page, condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition(state(page.slides)):
        assert time.monotonic() < end, state(page.slides)
        time.sleep(0.02)
        page.tick()


def drawn(page):
    return [unpack(plot.frame)["data"] for plot in page.slides.plots]


def names(page):
    return [trace["name"] for trace in drawn(page)[0]]


def test_a_story_is_trained_from_its_slide_and_judged_at_the_end(page):
    until(page, lambda view: view["sentence"].startswith("Not trained yet: 2 trainings, 800 steps"))
    assert state(page.slides)["verdict"] is None and not any(drawn(page))
    page.hear({"tell": "train"})
    until(page, lambda view: view["live"])
    until(page, lambda view: view["sentence"].startswith("Trained in"))
    until(page, lambda view: (view["verdict"] or {}).get("state") == "part")
    view = state(page.slides)
    assert view["verdict"]["sentence"] == "All points have ended. Not as expected: the same."
    assert view["verdict"]["words"] == "agrees in part (1 of 2)" and not view["train"]["shown"] and not view["stop"]
    marks = [(mark, sign, expected) for mark, sign, _, _, expected in view["verdict"]["rows"]]
    assert marks == [("agrees", "✓", "≥ 0"), ("differs", "✗", "≤ −1"), ("untested", "–", "")]
    assert [source["state"] for source in view["sources"]] == ["finished"] * 2 and "sweep · noise" in view["sources"][0]["title"]
    assert all(drawn(page)) and view["command"] == "workbench story tiny"
    page.hear({"open": view["sources"][0]["id"]})
    assert page.tab == "sweep" and len(page.shown) == 1


def test_a_story_grows_while_it_trains_and_stopping_it_stops_its_trainings(page):
    page.hear({"story": "endless"})
    page.hear({"tell": "train"})
    until(page, lambda view: "of 200,000" in view["sentence"] and view["progress"] and any(drawn(page)))
    view = state(page.slides)
    assert view["verdict"]["state"] == "unknown" and "so far" in view["verdict"]["sentence"]
    until(page, lambda view: "left" in view["sentence"])
    before = page.slides.plots[0].frame
    until(page, lambda _: page.slides.plots[0].frame != before)  # it grows
    page.hear({"tell": "stop"})
    until(page, lambda view: not view["live"] and view["sentence"].startswith("Not complete"))
    assert state(page.slides)["train"]["label"].startswith("Resume")


def test_numbers_that_come_with_the_package_are_shown_as_such(page, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[Story.__module__], "KEPT", tmp_path)
    told = slide.told("endless")
    scan = told.scan([]).fillna(0.01).assign_attrs(trained=told.trained, made="2026-01-02T03:04:05+00:00", device="cpu")
    (tmp_path / "endless.nc").write_bytes(netcdf.encode({"/": scan}))
    page.hear({"story": "endless"})
    until(page, lambda view: "Shipped result of 2 Jan 2026 (CPU)." in view["sentence"])
    view = state(page.slides)
    assert view["verdict"]["state"] == "part" and view["train"]["enabled"] and drawn(page)[0]


def test_the_shipped_figure_stays_behind_ones_own_and_comes_back_on_demand(page, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[Story.__module__], "KEPT", tmp_path)
    told = slide.told("endless")
    scan = told.scan([]).fillna(0.01).assign_attrs(trained=told.trained, made="2026-01-02T03:04:05+00:00", device="cpu")
    (tmp_path / "endless.nc").write_bytes(netcdf.encode({"/": scan}))
    slide.teller(told, page.library.own)._kept.cache_clear()
    page.hear({"story": "endless"})
    until(page, lambda view: "Shipped result" in view["sentence"] and any(drawn(page)))
    alone = names(page)
    page.hear({"tell": "train"})
    seen = []

    def begun(view):
        seen.append((view["sentence"], names(page)))
        return view["verdict"]["columns"] == ["", "what", "shipped", "here, now", "expected"] and any(
            not name.startswith("shipped") and name in alone for name in names(page)
        )

    until(page, begun)
    assert all(there for _, there in seen)  # the figure never goes
    assert all("Preparing 500 events" in words or "Looking" not in words for words, _ in seen)
    assert {f"shipped: {name}" for name in alone if "σ" in name} & set(names(page)) and names(page)[-1] == "shipped"
    view = state(page.slides)
    assert view["verdict"]["rows"][2][3] == "0.01" and view["other"] == "Back to the shipped numbers"
    page.hear({"tell": "shipped"})
    until(page, lambda view: view["sentence"].startswith("Shipped result") and names(page) == alone)
    view = state(page.slides)
    assert not view["train"]["shown"] and view["verdict"]["columns"][2] == "ours"
    page.hear({"tell": "here"})
    until(page, lambda view: view["sentence"].startswith("Training") and view["stop"])
    page.hear({"tell": "stop"})
    until(page, lambda view: not view["live"])


def test_a_story_says_how_many_events_it_prepares(finished):
    run = finished.singles[0]
    told = sentences.story(Slide(2, 200, True, ((run, Status("preparing", 0, 0, progress=0.25)),) * 2), 10, "")
    assert told["sentence"] == f"Preparing {run.recipe.events:,} events 25% …"


def test_figures_of_single_trainings_are_told_too(page):
    page.hear({"story": "single"})
    page.hear({"tell": "train"})
    until(page, lambda view: view["sentence"].startswith("Trained in") and all(drawn(page)))
    assert [panel for panel in state(page.slides)["panels"]] == [FIGURES["coverage"].title, FIGURES["scaled_pull"].title]


def test_arrows_go_through_the_stories_and_nothing_else_is_pressed(page):
    names = page.stories
    page.hear({"key": "right"})
    assert page.story == names[(names.index("tiny") + 1) % len(names)]
    page.hear({"key": "left"})
    page.hear({"key": "left"})
    assert page.story == names[names.index("tiny") - 1] and state(page.slides)["name"] == page.story
    page.hear({"key": "r"})
    assert not page.busy


def test_the_address_names_the_story(page):
    assert page.address.query().endswith("tab=stories&story=tiny")
    found = read({"tab": [b"stories"], "story": [b"plateau"]}, AmplitudeRecipe, tabs=["stories"], stories=page.stories)
    assert (found.tab, found.story, found.problems) == ("stories", "plateau", [])
    found = read({"story": [b"plato"]}, AmplitudeRecipe, tabs=[], stories=page.stories)
    assert "plateau" in found.problems[0]
    page.hear({"tab": "training"})
    assert "story" not in page.address.query()


def test_every_story_has_a_slide_before_anything_is_trained(page):
    for name in page.stories:
        page.hear({"story": name})
        words = "Shipped result of" if STORIES[name](False).kept is not None else "Not trained yet"
        until(page, lambda view, name=name, words=words: view["name"] == name and words in view["sentence"])
        assert len(state(page.slides)["panels"]) <= len(page.slides.plots)


def test_a_story_is_gathered_and_drawn_on_a_thread_of_its_own(page, monkeypatch):
    threads = set()
    for name in ("scan", "found"):
        whole = getattr(Story, name)
        monkeypatch.setattr(Story, name, lambda *given, whole=whole: [threads.add(threading.current_thread().name), whole(*given)][1])
    page.hear({"story": "single"})
    until(page, lambda view: view["name"] == "single" and "Not trained yet" in view["sentence"])
    page.hear({"theme": "dark", "projector": True})
    until(page, lambda _: unpack(page.slides.plots[0].frame)["layout"]["font"]["size"] == 20 and "tell single" in threads)
    assert all(name.startswith("tell ") for name in threads)


def test_the_teller_ends_when_nobody_asks(page, monkeypatch):
    monkeypatch.setattr(slide, "PATIENCE", 0.1)
    monkeypatch.setattr(slide, "GLANCE_EVERY", 0.02)
    teller = page.teller
    end = time.monotonic() + 10
    while not teller.idle:
        assert time.monotonic() < end
        time.sleep(0.02)
    page.tick()
    assert not teller.idle


def test_a_finished_prediction_is_read_once(finished):
    run = Remembered(finished.runs()[-1])
    assert run.prediction("test") is run.prediction("test")
    assert run.latest_snapshot() is not None


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        (None, "Looking at its trainings …"),
        ([], "Not trained yet: 2 trainings, 200 steps."),
        ([Status("running", 50, 100, 5.0, eta=5.0)], "Training: step 50 of 200, about 15 s left; 0 of 2 trainings have finished."),
        ([Status("finished", 100, 100, 10.0), Status("queued", 0, 100)], "step 100 of 200, timing the first steps; 1 of 2"),
        ([Status("finished", 100, 100, 10.0)] * 2, "Trained in 20 s, 2 trainings together."),
        ([Status("stopped", 30, 100)], "Not complete: 0 of 2 trainings have finished, step 30 of 200."),
        ([Status("failed", 30, 100, message="The loss is no longer a number.")], "failed at step 30: The loss is no longer a number."),
    ],
)  # fmt: skip
def test_where_a_story_stands_is_one_sentence(finished, runs, words):
    run = finished.singles[0]
    named = None if runs is None else tuple((type(run)(run.path.with_name(f"run-{k}")), status) for k, status in enumerate(runs))
    told = sentences.story(Slide(2, 200) if named is None else Slide(2, 200, True, named), 10, "")
    assert words in told["sentence"]
    assert told["train"]["enabled"] == (runs is not None and "Training" not in words and "Trained" not in words and "timing" not in words)
