"""A sweep among the runs of a page: every place that shows runs shows it too, and what it cannot show is a sentence."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qs

import pytest

from workbench.commands.runs import line_of
from workbench.families import with_values
from workbench.families.amplitudes.page import Amplitudes, describe
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.figures import FIGURES, unpack
from workbench.runs.files import RunError
from workbench.runs.history import snapshot_steps
from workbench.studios.live.hub import look, then
from workbench.studios.pages import sentences
from workbench.studios.pages.address import Address, read
from workbench.studios.server.house import Guest


@pytest.fixture
def page(finished, swept):
    page = Amplitudes(runs=finished.root)
    page.restore(Address())
    page.hear({"open": swept.id})
    return page


def state(part):
    return json.loads(part.state)


def words_of(plot):
    """What stands in a figure that could not be drawn; '' for one that was."""
    figure = unpack(plot.frame)
    return "" if figure["data"] else " ".join(note["text"] for note in figure["layout"]["annotations"]).replace("<br>", " ")


def test_a_sweep_opens_in_a_tab_of_its_own(page):
    view = state(page.frame)
    assert view["tab"] == "sweep" and "sweep" not in view["hidden"] and view["absent"] == ["scan"]
    assert {name for name, plot in page.plots.items() if not words_of(plot)} >= {"plateau", "sweep_pulls", "noise_peaks"}


def test_without_a_sweep_there_is_no_such_tab(page, finished):
    page.hear({"open": finished.runs()[-1].id})
    assert state(page.frame)["hidden"] == ["sweep"] and page.tab == "training"
    page.hear({"tab": "sweep"})
    assert state(page.frame)["tab"] == "training"


def test_figures_of_single_networks_say_so_in_a_sentence(page):
    for tab in ("training", "uncertainties", "accuracy", "kinematics"):
        page.hear({"tab": tab})
    said = {name: words_of(plot) for name, plot in page.plots.items() if FIGURES[name].takes == "amplitude"}
    assert len(said) >= 5 and all("a sweep" in words for words in said.values())
    assert not words_of(page.plots["losses"])


def test_a_sweep_is_compared_with_a_single_run(page, finished):
    single = next(run for run in finished.runs() if type(run.recipe) is AmplitudeRecipe)
    page.hear({"compare": single.id, "on": True})
    page.hear({"tab": "training"})
    assert not words_of(page.plots["delta"]) and not words_of(page.plots["losses"])
    rows = state(page.frame)["numbers"]["rows"]
    assert any("…" in value for value in rows[0]["values"]) and not any("…" in value for value in rows[1]["values"])
    again = Amplitudes(runs=finished.root)
    again.restore(page.address)
    again.refresh(everything=True)
    assert [run.id for run in again.shown] == [run.id for run in page.shown]


def test_the_form_shows_the_axes_of_the_sweep(page, swept):
    assert page.of_draft and page.draft.recipe.hash == swept.recipe.hash
    form = state(page.form)
    assert form["texts"]["noise"] == "0, 0.1" and form["texts"]["uncertainty"] == "deterministic, bnn"
    assert form["notes"]["uncertainty"].startswith("deterministic, BNN: 2 values → sweep of 4")
    assert form["notes"]["noise"].startswith("2 values → sweep of 4 (2 × 2), about ") and set(form["notes"]) == {"noise", "uncertainty"}
    assert state(page.frame)["belongs"] == []  # nobody has edited anything
    page.hear({"option": "seed", "value": "7"})
    assert "".join(state(page.frame)["belongs"]).startswith("These figures belong to a sweep. Press Train")
    assert page.draft.axes == swept.recipe.axes and page.draft.recipe.seed == 7


def test_a_link_to_a_sweep_lands_on_its_tab_and_one_to_another_tab_there(finished, swept):
    for tab in ("", "training", "runs"):
        page = Amplitudes(runs=finished.root)
        page.restore(Address(run=swept.id, tab=tab))
        assert page.tab == (tab or "sweep") and page.draft.axes == swept.recipe.axes
        again = Amplitudes(runs=finished.root)
        again.restore(read_again(page))
        assert again.tab == page.tab and again.of_draft


def test_the_address_keeps_the_axes_that_were_typed(finished):
    page = Amplitudes(runs=finished.root)
    page.restore(Address())
    page.hear({"option": "noise", "value": "0, 0.01,0.1"})
    page.hear({"option": "seed", "value": "1;2"})
    assert "noise=0,0.01,0.1&seed=1,2" in page.address.query()
    again = Amplitudes(runs=finished.root)
    again.restore(read_again(page))
    assert again.draft.axes == page.draft.axes == {"noise": [0.0, 0.01, 0.1], "seed": [1, 2]}
    assert again.draft.recipe.hash == page.draft.recipe.hash
    assert "sweep" not in state(page.frame)["hidden"]  # the tab is there before the first sweep has been trained
    page.hear({"option": "noise", "value": "0.01"})
    page.hear({"undo": "seed"})
    assert page.draft.axes == {} and type(page.draft.recipe) is AmplitudeRecipe


def read_again(page):
    """What a new page reads in the address of another one."""
    arguments = parse_qs(page.address.query().removeprefix("?"))
    return read(
        arguments, AmplitudeRecipe, tabs=[tab.name for tab in page.tabs], choosers={one.name: list(one.values) for one in page.choosers}
    )


def test_train_starts_the_sweep_that_is_typed(finished, monkeypatch):
    begun = []
    monkeypatch.setattr(Guest, "launch", lambda _, recipe, store, **more: begun.append(recipe) or store.create(recipe))
    page = Amplitudes(runs=finished.root)
    page.restore(Address(options={"steps": 300, "events": 1_000}))
    page.hear({"option": "noise", "value": "0,0.02"})
    page.hear({"action": "train"})
    while page.busy:
        time.sleep(0.01)
    run = page.shown[0]
    try:
        assert begun[0].axes == run.recipe.axes == {"noise": [0.0, 0.02]} and run.recipe.steps == 300
        assert page.tab == "sweep" and page.draft.axes and page.of_draft
    finally:
        run.stop()
        finished.delete(run.id)


def test_the_time_of_a_sweep_is_told_by_a_like_one_or_by_its_points(page, swept):
    seconds = swept.read_status()["seconds"]
    half = with_values(page.draft.recipe, "noise", [0.05])
    assert page.library.seconds(half) == pytest.approx(seconds / 2)
    single = half.base.replace(uncertainty="bnn")
    assert page.library.time(with_values(single, "seed", [1, 2, 3, 4])).startswith("at most about ")
    assert page.library.time(with_values(single.replace(hidden=[5]), "seed", [1, 2])) == ""


def test_a_sweep_is_described_by_what_it_varies(page, swept):
    assert describe(swept.recipe) == "sweep · noise × uncertainty · 4 points · MLP 2×16 · momenta · 1,000 events"
    page.hear({"tab": "runs"})
    row = next(row for row in state(page.table)["rows"] if row["id"] == swept.id)
    assert row["title"] == "a sweep" and row["open"]
    other = AmplitudeRecipe(**swept.recipe.base.to_dict())
    assert "Noise f_smear 0, 0.1 instead of 0" in sentences.differs(other, swept.recipe)
    assert sentences.differs(swept.recipe, SweepRecipe(**swept.recipe.to_dict())) == "the same recipe as the run shown"


def test_run_figure_knows_sweeps(swept, finished):
    assert swept.figure("plateau").data and swept.figure("losses").data
    with pytest.raises(ValueError, match=r"draws a single training, and run .* is a sweep"):
        swept.figure("delta")
    single = next(run for run in finished.runs() if type(run.recipe) is AmplitudeRecipe)
    with pytest.raises(ValueError, match=r"draws a sweep, and run .* is a single training"):
        single.figure("plateau")


def test_a_sweep_that_has_not_begun_has_no_plateau(finished):
    run = finished.create(SweepRecipe(axes={"noise": [0.0, 0.01]}))
    try:
        with pytest.raises(RunError):
            run.figure("plateau")
        assert look(run, None).of("scan") is None
    finally:
        finished.delete(run.id)


def test_the_plateau_of_a_running_sweep_is_that_of_its_newest_snapshot(swept, finished):
    """As the worker leaves it: the snapshots of a finished sweep, looked at one after the other."""
    first = look(swept, None)
    picture = look(swept, first)
    assert first.of("scan") is not None and first.past is None and picture.past is not None and not snapshot_steps(swept.path)
    early = then(swept, picture, 0)
    assert early.of("scan")["delta_median"].dims == ("noise", "uncertainty") and "mean" not in early.of("scan")
    assert early.moment[1] == picture.steps[0]


def test_the_list_of_a_shell_says_that_a_run_is_a_sweep_and_over_what(swept, finished):
    said = line_of(swept)
    assert "sweep over noise=0,0.1 × uncertainty=deterministic,bnn" in said and "axes" not in said and "default recipe" not in said
    usual = finished.create(SweepRecipe())
    try:
        assert line_of(usual).endswith("sweep over noise=0,0.01,0.1")
    finally:
        finished.delete(usual.id)
    assert "sweep" not in line_of(next(run for run in finished.runs() if type(run.recipe) is AmplitudeRecipe))
