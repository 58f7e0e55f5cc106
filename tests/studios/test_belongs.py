"""Preset, text and picture agree; and where form and figures do not, the page says whose the figures are."""

from __future__ import annotations

import json
import socket

import pytest

from workbench.families import FAMILIES, PRESETS
from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import unpack
from workbench.runs import files
from workbench.studios.pages import sentences
from workbench.studios.pages.address import Address
from workbench.studios.server.house import Guest, House

KINDS = {family.recipe.kind: family.page.load() for family in FAMILIES}


def told(page) -> str:
    """The sentence above the figures."""
    return "".join(json.loads(page.frame.state)["belongs"])


def opened(kind, runs, **address):
    page = kind(runs=runs)
    page.restore(Address(**address))
    page.refresh(everything=True)
    return page


@pytest.fixture
def pair(finished):
    """The two finished trainings of the store."""
    return [run for run in finished.runs() if type(run.recipe) is AmplitudeRecipe]


@pytest.fixture
def page(finished, pair):
    return opened(Amplitudes, finished.root, run=pair[0].id)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, named in PRESETS.items() for name in named])
def test_a_preset_shows_its_own_finished_run_under_its_own_name(kind: str, name: str, tmp_path):
    page = opened(KINDS[kind], tmp_path)
    page.hear({"preset": name})
    (row,) = json.loads(page.frame.state)["numbers"]["rows"]
    assert page.of_example and page.of_draft and told(page) == ""
    assert row["title"] == PRESETS[kind][name].title and row["words"] == "example"
    assert json.loads(page.form.state)["see"] == PRESETS[kind][name].see
    draws = page.shown[0].prediction("test").sizes.get("draw", 1)
    for tab, cards in ((tab.name, [card for card in page.cards if card.tab == tab.name]) for tab in page.tabs):
        page.hear({"tab": tab})
        for card in (card for card in cards if card.name not in page.absent() and card.entry.takes != "scan"):
            filled = any(len(curve.get("x", curve.get("z", ()))) for curve in unpack(page.plots[card.name].frame)["data"])
            assert filled or draws == 1, card.name
    again = opened(KINDS[kind], tmp_path, preset=name)
    assert [run.id for run in again.shown] == [run.id for run in page.shown]


def test_an_edit_marks_the_figures_and_undoing_it_removes_the_mark(page):
    assert told(page) == ""
    name = page.name_of(page.shown[0])
    page.hear({"option": "noise", "value": "0.05"})
    assert told(page).startswith(f"These figures belong to {name}. Press Train to learn {page.draft.words()}")
    assert "Noise" in page.draft.words() and "0.05" in page.draft.words()
    page.hear({"option": "noise", "value": "much"})
    assert told(page) == f"These figures belong to {name}. Correct the option that is marked, then press Train."
    page.hear({"option": "noise", "value": "0.01"})
    assert told(page) == "" and page.of_draft
    page.hear({"option": "steps", "value": "oops"})
    assert told(page) == ""  # the recipe in the form is still theirs
    page.hear({"undo": "steps"})
    page.hear({"preset": "noise"})
    assert told(page) == "" and page.of_example


def test_editing_towards_a_finished_run_shows_it_at_once(page, pair):
    other = pair[1]
    page.hear({"option": "seed", "value": str(other.recipe.seed)})
    assert [run.id for run in page.shown] == [other.id] and told(page) == ""


@pytest.mark.parametrize("state", ["stopped", "failed", "died"])
def test_ones_own_run_of_a_preset_stays_in_sight_however_it_ended(tmp_path, state):
    page = opened(Amplitudes, tmp_path)
    assert page.of_example and page.of_draft
    run = page.library.own.create(page.draft.recipe)
    files.replace(run.path / "status.json", files.seal({**run.read_status(), "state": state}))
    page._started([run])
    for message in (
        {"option": "noise", "value": "0.05"},
        {"option": "noise", "value": "much"},
        {"undo": "noise"},
        {"preset": page.draft.preset},
    ):
        page.hear(message)
        assert [shown.path for shown in page.shown] == [run.path], message
    assert page.of_draft and told(page) == ""
    page.hear({"preset": "noise"})
    assert page.of_example and page.of_draft  # another preset was asked for
    page.hear({"open": run.id})
    page.hear({"action": "reset"})
    assert page.of_example and page.of_draft


def test_a_comparison_belongs_to_all_its_runs(page, pair):
    first, second = pair
    page.hear({"compare": second.id, "on": True})
    assert told(page) == ""
    page.hear({"option": "noise", "value": "0.05"})
    assert told(page).startswith(f"These figures belong to {page.name_of(first)} and 1 compared run. ")


def test_a_link_to_a_run_takes_its_recipe_and_a_link_with_options_says_that_they_differ(finished, pair):
    run, wanted = pair[0], "Press Train to learn First Bayesian network with Noise"
    assert told(opened(Amplitudes, finished.root, run=run.id)) == ""
    page = opened(Amplitudes, finished.root, run=run.id, preset="first-bnn", options={"noise": 0.02})
    assert told(page).startswith(f"These figures belong to {page.name_of(run)}. {wanted}")
    unknown = opened(Amplitudes, finished.root, preset="first-bnn", options={"noise": 0.03})
    assert told(unknown).startswith("These figures belong to First Bayesian network. Press Train to learn it with Noise")


def test_what_a_link_hides_is_not_told_by_the_sentence(finished):
    page = opened(Amplitudes, finished.root, preset="first-bnn", options={"noise": 0.03}, hide=["noise"])
    assert told(page).endswith("Press Train to learn another recipe.")
    page = opened(Amplitudes, finished.root, preset="first-bnn", options={"noise": 0.03}, hide=["recipe"])
    assert told(page).endswith("Press Train to learn another recipe.")


def test_who_follows_a_lecture_is_not_told_to_train(page, finished):
    page.hear({"option": "noise", "value": "0.05"})
    page.hear({"lead": True})
    follower = opened(Amplitudes, finished.root, follow=page.leads.id)
    assert [run.id for run in follower.shown] == [run.id for run in page.shown]
    assert told(page) and told(follower) == ""
    page.hear({"lead": False})


def test_who_may_only_look_is_told_whose_the_figures_are(finished, pair):
    page = Amplitudes(runs=finished.root, guest=Guest(house=House(gallery=True), lecturer=False))
    page.restore(Address(run=pair[0].id))
    page.hear({"option": "noise", "value": "0.05"})
    assert told(page) == f"These figures belong to {page.name_of(pair[0])}."


def test_the_time_is_told_where_a_like_recipe_was_trained_on_this_computer(page):
    run = page.shown[0]
    seconds = run.status.seconds / run.status.steps
    page.hear({"option": "steps", "value": "100000"})
    assert page.library.seconds(page.draft.recipe) == pytest.approx(100_000 * seconds)
    assert told(page).endswith(f"({sentences.about(100_000 * seconds)} here).")
    page.hear({"option": "hidden", "value": "64, 64"})
    assert page.library.seconds(page.draft.recipe) is None and not told(page).endswith(" here).")


def test_the_time_of_another_computer_tells_nothing(page, tmp_path):
    run = page.library.own.create(page.draft.recipe.replace(seed=99))
    status = {**page.shown[0].read_status(), "host": f"not-{socket.gethostname()}", "seconds": 1e6}
    files.replace(run.path / "status.json", files.seal(status))
    assert page.library.seconds(page.draft.recipe) < 1e5
    page.library.own.delete(run.id)


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({}, "These figures belong to A. Press Train to learn B."),
        ({"seconds": 41.0}, "These figures belong to A. Press Train to learn B (about 40 s here)."),
        ({"live": True}, "These figures belong to A, whose training goes on unaffected. Press Train to learn B."),
        ({"compared": 2, "trains": False}, "These figures belong to A and 2 compared runs."),
        ({"ready": False}, "These figures belong to A. Correct the option that is marked, then press Train."),
    ],
)
def test_the_sentence_says_whose_the_figures_are_and_what_to_do(known, sentence):
    pieces = sentences.belongs("A", "B", **known)
    assert "".join(pieces) == sentence and pieces[1] == "A"
