from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.__main__ import main
from workbench.families import FORMER
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.amplitudes.stories.talks import NOISES, WAYS
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.figures import FIGURES
from workbench.results.scan import ATTRIBUTES, scan
from workbench.runs.store import RunStore
from workbench.stories import STORIES, Panel, Row, Story, lines, stories_of, story
from workbench.stories.story import listed, swept
from workbench.training.recipe import Recipe

TINY = AmplitudeRecipe(events=300, test_events=200, steps=40, hidden=[8], batch_size=32, draws=4, members=3, device="cpu", calibrate=False)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    patch.delenv("WORKBENCH_RUNS", raising=False)
    yield
    patch.undo()


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", STORIES)
def test_every_story_can_be_told(name, full):
    told = story(name, full=full)
    assert told.name == name and all([told.title, told.formula, told.look_at, told.talk, told.seconds])
    for panel in told.panels:
        known = inspect.signature(FIGURES[panel.figure].function).parameters
        assert set(panel.options) - {"select"} <= set(known), f"{panel.figure} has no option {set(panel.options) - set(known)}"
    for options, recipe in told.runs:
        assert set(options) <= set(told.axes) and Recipe.from_json(recipe.to_json()).to_dict() == recipe.to_dict()
    assert len({panel.name for panel in told.panels}) == len(told.panels)
    nothing_yet = told.judge(told.scan([]))
    assert nothing_yet.holds is None and "finished" in nothing_yet.sentence and str(nothing_yet)
    for panel in told.panels:
        if FIGURES[panel.figure].takes == "scan" and told.kept is None:  # a sentence, not an error
            assert told.figure(panel, []).layout.annotations or not told.figure(panel, []).data


@pytest.mark.parametrize("name", stories_of(FORMER))
def test_a_slide_of_the_amplitude_talks_has_all_its_parts(name):
    """Title, formula, figure, what to look at, what the talk found, our numbers, copy as Python."""
    told = story(name)
    assert len(told.title) < 70 and "\\" not in told.formula and len(told.formula) < 90
    assert told.look_at[-1] in ".?" and len(told.look_at) < 250
    assert told.talk[-1] == "." and ("2412.12069" in told.talk or "2206.14831" in told.talk) and len(told.talk) < 250
    for panel in told.panels:
        assert panel.title and FIGURES[panel.figure].takes != "generator"
    assert told.kept is not None
    for row in told.judge(told.kept).rows:
        assert row.what and any(map(str.isdigit, row.ours)) and "nan" not in row.ours
    first, second, *rest = filter(None, told.python.splitlines())
    names: dict[str, object] = {}
    exec(f"{first}\n{second}", names)
    same = names["story"]
    assert isinstance(same, Story) and (same.name, same.trained) == (name, told.trained)
    assert [line.split(" = ")[-1] for line in rest] == ["story.train()", "print(story.judge(scan))"]


def made_up(**columns):
    """A finished plateau story with given numbers, by uncertainty and noise."""
    numbers = {name: np.full((len(WAYS), len(NOISES)), 0.5) for name in ATTRIBUTES} | columns
    points = [
        ({"uncertainty": way, "noise": f}, xr.Dataset({name: ((), values[i, k]) for name, values in numbers.items()}))
        for i, way in enumerate(WAYS)
        for k, f in enumerate(NOISES)
    ]
    return scan({"uncertainty": WAYS, "noise": NOISES}, points)


def test_the_plateau_story_holds_for_the_law_and_for_nothing_else():
    law = np.sqrt(np.array(NOISES) ** 2 + 0.008**2) * np.ones((3, 1))
    flat = np.full((3, len(NOISES)), 0.003)
    judge = story("plateau").judge
    assert judge(made_up(sigma_syst_median=law, sigma_stat_median=flat)).headline == "agrees"
    too_bold = judge(made_up(sigma_syst_median=0.9 * law, sigma_stat_median=flat))
    assert too_bold.state == "part" and "f = 0.1" in too_bold.sentence
    growing = judge(made_up(sigma_syst_median=law, sigma_stat_median=flat * np.array([1.0, 1.4, 1.8, 2.0, 2.0, 2.0])))
    assert growing.state == "part" and "σ_stat" in growing.sentence


def tiny(panels, **setup):
    def rows(scan):
        return [Row("median |Δ|", float(scan["delta_median"].min()), 0.0, claim="done")]

    return Story("tiny", "A tiny story", "y = x", "Look.", "Nobody told it.", panels, rows=rows, seconds=1, **setup)


def test_a_story_trains_once_draws_and_is_written(tmp_path):
    told = tiny((Panel("plateau"), Panel("sweep_pulls")), **swept(TINY, noise=[0.0, 0.1], uncertainty=["bnn", "deterministic"]))
    assert told.found() == []
    result = told.train(progress=False)
    assert result["delta_median"].dims == ("noise", "uncertainty") and told.judge(result).holds
    assert "pull_beyond_train" in result
    (found,) = told.found()
    assert [run.id for _, run in told.begin()] == [found[1].id] and len(RunStore().runs()) == 1
    folder = told.write(tmp_path / "out", told.found())
    written = {path.name for path in folder.iterdir()}
    assert {"plateau.html", "plateau.csv", "sweep_pulls.html", "sweep_pulls.csv", "scan.nc", "verdict.txt"} == written
    page = (folder / "plateau.html").read_text()
    assert 'src="http' not in page and "plotly" in page
    assert xr.open_dataset(folder / "scan.nc")["delta_median"].dims == ("noise", "uncertainty")
    verdict_text = (folder / "verdict.txt").read_text()
    assert found[1].id in verdict_text and "done" in verdict_text and "Nobody told it." in verdict_text


def test_a_story_of_listed_networks_draws_their_predictions():
    recipes = {"few": TINY.replace(uncertainty="repulsive_ensemble"), "many": TINY.replace(uncertainty="repulsive_ensemble", seed=2)}
    told = tiny((Panel("members"), Panel("coverage")), **listed("network", recipes))
    with pytest.raises(ValueError, match="Appears when"):
        told.figure(Panel("members"), [])
    assert told.train(progress=False)["delta_median"].dims == ("network",)
    for panel in told.panels:
        names = " ".join(str(trace.name) for trace in told.figure(panel, told.found(), "projector").data)
        assert "few" in names and "many" in names


def test_the_command_line_tells_and_refuses(capsys):
    assert main(["story"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in STORIES)
    assert main(["story", "platau"]) == 2
    assert "Did you mean 'plateau'?" in capsys.readouterr().err
    with pytest.raises(ValueError, match="There is no story"):
        wb.story("nothing")


def test_the_table_of_all_stories_is_made_of_what_ships(capsys):
    assert main(["story", "--table"]) == 0
    printed = capsys.readouterr().out
    for name in STORIES:
        told = story(name)
        found = told.judge(told.kept)
        assert f"\n{name}: {found.headline}\n" in printed and told.talk in printed
        assert all(line in printed for line in lines(found.rows))
    assert main(["story", "depth", "--table"]) == 0
    one = capsys.readouterr().out
    assert "depth: agrees in part (5 of 6)" in one and "  ✗  plateau of six layers over that of three" in one and "prior" not in one
    assert main(["story", "plateau", "--table", "--full"]) == 0
    assert "No numbers come with the package" in capsys.readouterr().out
    assert main(["story", "platau", "--table"]) == 2 and "Did you mean 'plateau'?" in capsys.readouterr().err


SMALL = GeneratorRecipe(
    events=500, test_events=500, steps=30, hidden=[8], blocks=2, bins=4, batch_size=64, draws=4, warm_start=0.2, device="cpu"
)


def test_a_story_of_generators_trains_draws_is_kept_and_told_from_what_is_kept(tmp_path, monkeypatch):
    def rows(scan):
        return [Row(name, float(scan["log_loss"].sel(flow=name)), -9, 9) for name in ("one", "other")]

    panels = (Panel("generated", {"observable": "x"}), Panel("uncertainty_line", {"select": {"flow": "other"}}), Panel("density_map"))
    setup = listed("flow", {"one": SMALL, "other": SMALL.replace(seed=1, edges="known")})
    told = Story("flows", "Two flows", "p", "Look.", "Nobody told it.", panels, rows=rows, seconds=1, **setup)
    assert told.judge(told.scan([])).holds is None and told.kept is None
    result = told.train(tmp_path / "runs", progress=False)
    assert result["log_loss"].dims == ("flow",) and np.isfinite(result["deviation_x"]).all() and told.judge(result).holds
    drawn = {panel.name: told.figure(panel, told.found(tmp_path / "runs")) for panel in panels}
    names = [str(trace.name) for trace in drawn["generated-x"].data]
    assert any(name.startswith("one: flow") for name in names) and any(name.startswith("other: flow") for name in names)
    assert not any("one" in str(trace.name) for trace in drawn["uncertainty_line-other"].data)
    written = {path.name for path in told.write(tmp_path / "out", told.found(tmp_path / "runs")).iterdir()}
    assert {"generated-x.html", "uncertainty_line-other.csv", "density_map.html", "scan.nc", "verdict.txt"} <= written

    monkeypatch.setattr(sys.modules[Story.__module__], "KEPT", tmp_path)
    path = told.keep(told.found(tmp_path / "runs"))
    assert path.stat().st_size < 300_000 and told.judge(told.kept) == told.judge(result) and told.kept.attrs["made"]
    for panel in panels:
        again = told.figure(panel, [])
        assert [trace.name for trace in again.data] == [trace.name for trace in drawn[panel.name].data]
        np.testing.assert_allclose(np.asarray(again.data[0].y, float), np.asarray(drawn[panel.name].data[0].y, float), rtol=1e-5)
    other = Story("flows", "Two flows", "p", "Look.", "Nobody.", panels, rows=rows, seconds=1, **listed("flow", {"one": SMALL}))
    assert other.kept is None  # other trainings
    with pytest.raises(ValueError, match="Appears when"):
        other.figure(panels[0], [])


def test_a_sweep_of_generators_is_one_training_for_each_point():
    setup = swept(SMALL, events=[500, 1_000], seed=[0, 1])
    assert setup["axes"] == {"events": [500, 1_000], "seed": [0, 1]} and len(setup["runs"]) == 4
    assert setup["runs"][3][1].to_dict() == SMALL.replace(events=1_000, seed=1).to_dict()
    with pytest.raises(ValueError, match="There is no option 'noise'"):
        swept(SMALL, noise=[0.1])
