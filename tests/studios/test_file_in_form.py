"""What is wrong in the form is said at once, in the form and in the bar, and leaves with its cause."""

from __future__ import annotations

import json
import time

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.studios.pages.address import Address


@pytest.fixture
def page(finished):
    page = Amplitudes(runs=finished.root)
    page.restore(Address(run=finished.singles[0].id))
    page.refresh(everything=True)
    return page


def state(part):
    return json.loads(part.state)


def settled(page, wanted):
    end = time.monotonic() + 180
    while state(page.form)["wrong"].get("file", "") != wanted and time.monotonic() < end:
        time.sleep(0.02)
    return state(page.form)["wrong"].get("file", "")


def test_a_file_that_is_not_there_is_said_when_it_is_typed(page, tmp_path):
    missing = tmp_path / "evnts.csv"
    (tmp_path / "events.csv").write_text("1,2\n")
    page.hear({"option": "file", "value": str(missing)})
    said = f"{missing} does not exist. Did you mean events.csv?"
    assert settled(page, said) == said
    assert state(page.bar)["sentence"] == said and page.draft.recipe.file == str(missing) and not page.notices
    train = next(button for button in state(page.bar)["buttons"] if button["name"] == "train")
    assert train["enabled"]  # the file may have come meanwhile; Train looks again
    page.hear({"option": "file", "value": ""})
    assert state(page.form)["wrong"] == {} and said not in state(page.bar)["sentence"]


def test_a_file_that_cannot_be_read_as_events_is_said_when_it_is_typed(page, tmp_path):
    (tmp_path / "bad.csv").write_text("E1,px1\n1,2\n")
    page.hear({"option": "file", "value": str(tmp_path / "bad.csv")})
    end = time.monotonic() + 180
    while not (said := state(page.form)["wrong"].get("file", "")) and time.monotonic() < end:
        time.sleep(0.02)
    assert "bad.csv" in said and "column" in said and not page.notices


def test_what_train_met_leaves_when_the_recipe_is_edited(page, tmp_path):
    page.hear({"option": "file", "value": str(tmp_path / "none.csv")})
    page.hear({"action": "train"})
    while page.busy:
        time.sleep(0.01)
    assert page.notices and "does not exist" in page.notices[0]
    page.hear({"option": "seed", "value": "5"})
    assert page.notices == []


def test_the_bar_says_what_is_wrong_in_the_form(page):
    page.hear({"option": "noise", "value": "much"})
    bar = state(page.bar)
    assert bar["sentence"] == "Noise must be a number between 0 and 0.1."
    assert next(button for button in bar["buttons"] if button["name"] == "train")["title"] == bar["sentence"]
    page.hear({"option": "noise", "value": "0.02"})
    assert "must be" not in state(page.bar)["sentence"]
