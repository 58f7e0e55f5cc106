"""A sweep among the runs of a page: every place that shows runs shows it too, and what it cannot show is a sentence."""

from __future__ import annotations

import json

import pytest

from workbench.figures import FIGURES, unpack
from workbench.runs.files import RunError
from workbench.runs.history import snapshot_steps
from workbench.studios import sentences
from workbench.studios.address import Address
from workbench.studios.amplitudes import Amplitudes, describe
from workbench.studios.live import look, then
from workbench.training.recipe import AmplitudeRecipe, SweepRecipe


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


def test_the_form_adopts_the_first_point(page, swept):
    assert type(page.draft.recipe) is AmplitudeRecipe and page.draft.recipe.to_dict() == swept.recipe.base.to_dict()
    assert not page.of_draft
    assert state(page.frame)["belongs"] == []  # nobody has edited anything
    page.hear({"option": "seed", "value": "7"})
    assert "".join(state(page.frame)["belongs"]).startswith("These figures belong to a sweep. Press Train")


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
