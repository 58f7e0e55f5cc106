"""A studio without a browser: what it shows, and what it does with what it hears."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench import figures
from workbench.families.amplitudes.page import Amplitudes, no_spread, percent
from workbench.figures import unpack
from workbench.studios.pages import hearing, session
from workbench.studios.pages.address import Address
from workbench.studios.server import house


@pytest.fixture
def page(finished):
    page = Amplitudes(runs=finished.root)
    page.restore(Address(run=finished.singles[0].id))
    page.refresh(everything=True)
    return page


def state(part):
    return json.loads(part.state)


def test_a_finished_run_fills_every_figure(page):
    for tab in page.tabs:
        page.hear({"tab": tab.name})
        for card in page.cards:
            if card.tab == tab.name and card.name not in page.absent():
                figure = unpack(page.plots[card.name].frame)
                assert any(len(trace["x"]) for trace in figure["data"]), card.name


def test_an_observable_is_chosen_for_the_kinematic_figure(page):
    page.hear({"tab": "kinematics"})
    before = page.plots["kinematics"].frame
    page.hear({"observable": "jet_pt"})
    assert page.plots["kinematics"].frame != before and page.address.chosen == {"observable": "jet_pt"}


def test_the_number_of_draws_is_chosen_for_the_scaled_pull(page):
    page.hear({"tab": "uncertainties"})
    page.refresh(everything=True)
    before = page.plots["scaled_pull"].frame
    page.hear({"subset": "4"})
    names = [trace["name"] for trace in unpack(page.plots["scaled_pull"].frame)["data"]]
    assert page.plots["scaled_pull"].frame != before and any("M = 4 of" in name for name in names)
    assert "subset=4" in page.address.query()
    page.hear({"subset": "3"})
    assert page.chosen["subset"] == "4"
    page.hear({"subset": "512"})  # more than there are: the mean of all, which is off by nothing
    names = [trace["name"] for trace in unpack(page.plots["scaled_pull"].frame)["data"]]
    assert any("(expected 0.00)" in name for name in names), names


def test_every_theme_is_drawn_in_its_own_colours(page):
    frames = set()
    for theme, projector in (("light", False), ("dark", False), ("light", True), ("dark", True)):
        page.hear({"theme": theme, "projector": projector})
        layout = unpack(page.plots["delta"].frame)["layout"]
        frames.add((layout["paper_bgcolor"], layout["font"]["size"]))
    assert len(frames) == 4


def test_the_address_restores_the_page(page, finished):
    page.hear({"compare": finished.singles[1].id, "on": True})
    page.hear({"tab": "accuracy"})
    page.hear({"option": "noise", "value": "0.05"})
    again = Amplitudes(runs=finished.root)
    again.restore(page.address)
    assert [run.id for run in again.shown] == [run.id for run in page.shown]
    assert again.tab == "accuracy" and again.draft.recipe.to_dict() == page.draft.recipe.to_dict()


def test_compared_runs_have_letters_and_colours_of_their_own(page, finished):
    page.hear({"compare": finished.singles[1].id, "on": True})
    rows = state(page.frame)["numbers"]["rows"]
    assert [row["letter"] for row in rows] == ["A", "B"] and rows[0]["colour"] != rows[1]["colour"]
    names = [trace.get("name", "") for trace in unpack(page.plots["delta"].frame)["data"]]
    assert any(name.startswith("A") for name in names) and any(name.startswith("B") for name in names)
    page.hear({"compare": finished.singles[1].id, "on": False})
    assert len(page.shown) == 1


def test_a_title_stays_text_wherever_it_is_shown(page, finished):
    titled = next(run for run in finished.runs() if run.title)
    page.hear({"open": titled.id})
    assert state(page.frame)["numbers"]["rows"][0]["title"] == "<b>second</b>"
    page.hear({"tab": "runs"})
    assert "<b>second</b>" in [row["title"] for row in state(page.table)["rows"]]
    assert not any("<b>" in str(trace) for trace in unpack(page.plots["delta"].frame)["data"])


def test_the_list_says_what_sets_each_run_apart(page):
    page.hear({"tab": "runs"})
    own = [row for row in state(page.table)["rows"] if not row["example"]]
    assert sorted(row["open"] for row in own) == [False, True]
    assert {row["about"] for row in own} & {"Seed 1 instead of 0", "Seed 0 instead of 1"}


def test_a_run_that_is_gone_leaves_with_a_sentence(page, finished, tmp_path):
    copy = shutil.copytree(finished.singles[0].path, finished.root / "copy-1")
    page.hear({"open": "copy-1"})
    shutil.rmtree(copy)
    page.tick()
    assert page.notices == ["Run copy-1 is gone: its folder was deleted."]
    page.hear({"dismiss": 0})
    assert state(page.frame)["notices"] == []


def test_an_unusable_recipe_is_not_trained(page, monkeypatch):
    monkeypatch.setattr(house.launcher, "launch", lambda *_, **__: pytest.fail("launched"))
    page.hear({"option": "noise", "value": "-1"})
    page.hear({"action": "train"})
    page.hear({"key": "space"})
    assert not page.busy


def test_a_run_that_cannot_be_opened_gives_a_sentence(page):
    page.hear({"open": "../../etc"})
    assert "There is no run" in page.notices[-1]


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda x: st.lists(x, max_size=3), max_leaves=5)
heard = [key for key in hearing.HEARD if key not in ("action", "key")]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.dictionaries(st.sampled_from([*heard, "on", "value", "projector", "x"]), anything, max_size=3))
def test_whatever_a_browser_says_the_page_goes_on(page, message):
    page.form._handle_msg(message)
    assert state(page.frame)["tab"] in [tab.name for tab in page.tabs]
    assert len(page.notices) <= session.MOST_NOTICES


@pytest.mark.parametrize(("share", "words"), [(0.01234, "1.2 %"), (0.5, "50 %"), (2.1e-4, "0.021 %"), (float("nan"), "–")])
def test_shares_are_told_with_two_digits(share, words):
    assert percent(share) == words


def test_a_figure_that_fails_says_so_and_the_others_go_on(page, monkeypatch, caplog):
    def fails(*_):
        raise KeyError("a mistake of ours")

    monkeypatch.setitem(figures.FIGURES, "delta", SimpleNamespace(takes="amplitude", finished=False, as_dict=fails))
    page.hear({"theme": "dark", "projector": True})
    page.hear({"compare": [run.id for run in page.library.own.runs()][-1], "on": True})
    texts = [note["text"] for note in unpack(page.plots["delta"].frame)["layout"].get("annotations", [])]
    assert any("could not be" in text for text in texts)
    assert unpack(page.plots["losses"].frame)["data"]


def test_an_ensemble_of_numbers_that_are_none_is_shown_as_dashes(page, monkeypatch):
    monkeypatch.setattr(page, "numbers", lambda picture: (_ for _ in ()).throw(ValueError("nothing finite")))
    assert set(page.numbers_or_dashes(None)) == {"–"}


def test_a_run_trained_anew_under_an_old_name_is_not_taken_for_the_deleted_one(finished, tmp_path):
    root = tmp_path / "runs"
    shutil.copytree(finished.root, root)
    page = Amplitudes(runs=root)
    titled = next(run for run in page.library.own.runs() if run.title)
    page.hear({"open": titled.id})
    page.hear({"delete": titled.id})
    assert titled.id not in [run.id for run in page.shown] and not titled.path.exists()
    shutil.copytree(finished.root / titled.id, titled.path)
    record = (titled.path / "recipe.json").read_text().replace("<b>second</b>", "third").replace('"created": "2', '"created": "3')
    (titled.path / "recipe.json").write_text(record.rsplit(',\n "crc"', 1)[0] + "\n}")
    page.hear({"open": titled.id})
    assert state(page.frame)["numbers"]["rows"][0]["title"] == "third"


@pytest.mark.parametrize(("step", "opens", "words"), [(300, 6_600, "— after step 6,600"), (6_600, 6_600, "none"), (300, 0, "none")])
def test_a_spread_that_is_still_to_come_says_when(step, opens, words):
    reports = SimpleNamespace(attrs={"widths_from": opens})
    assert no_spread(SimpleNamespace(reports=reports, moment=(1, step, False))) == words
    assert no_spread(SimpleNamespace(reports=None, moment=(1, step, False))) == "none"
