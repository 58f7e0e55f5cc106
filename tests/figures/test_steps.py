"""Figures over steps: where weights get widths is marked, and what the error to noisy amplitudes cannot fall below."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.basics.recipe import BasicsRecipe
from workbench.families.generators.generated import no_spread
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.figures import FIGURES
from workbench.results.prediction import widths_from
from workbench.runs.run import Run
from workbench.runs.store import EXAMPLES


def reports(**about):
    step = np.arange(0, 1_001, 50)
    falling = 1.0 / (1 + step)
    columns = {
        name: ("step", falling + 0.1) for name in ("likelihood", "validation_likelihood", "kl", "validation_delta", "validation_log_loss")
    }
    return xr.Dataset(columns, {"step": step}, about)


@pytest.mark.parametrize(
    ("recipe", "step"),
    [
        (AmplitudeRecipe(uncertainty="bnn", warm_start=0.55, steps=12_000), 6_600),  # 0.55 × 12,000 is a little more than 6,600
        (AmplitudeRecipe(uncertainty="bnn_last_layer", warm_start=0.333, steps=100), 34),
        (AmplitudeRecipe(uncertainty="bnn", warm_start=0.0), 0),
        (AmplitudeRecipe(uncertainty="deterministic", warm_start=0.5), 0),
        (AmplitudeRecipe(uncertainty="repulsive_ensemble", warm_start=0.5), 0),
        (SweepRecipe(axes={"uncertainty": ["deterministic", "bnn"]}, warm_start=0.2, steps=1_000), 200),
        (SweepRecipe(axes={"noise": [0.0, 0.1]}, uncertainty="deterministic"), 0),
        (GeneratorRecipe(warm_start=0.4, steps=500), 200),
        (GeneratorRecipe(warm_start=0.4, steps=500, bayesian=False), 0),
    ],
)
def test_widths_begin_at_the_first_step_that_the_training_opens(recipe, step):
    assert widths_from(recipe.to_dict()) == step
    if step:
        assert step / recipe.steps >= recipe.warm_start > (step - 1) / recipe.steps


def lines(drawn):
    return [shape["x0"] for shape in drawn["layout"].get("shapes", []) if shape["xref"] == "x"]


def notes(drawn):
    return [note["text"] for note in drawn["layout"].get("annotations", [])]


@pytest.mark.parametrize("name", ["losses", "accuracy", "log_loss"])
def test_the_end_of_the_warm_start_is_a_thin_labelled_line(name):
    figure = FIGURES[name]
    one = figure.as_dict(reports(widths_from=400))
    assert lines(one) == [400] and notes(one) == ["weights get widths"]
    several = figure.as_dict([("a", reports(widths_from=400)), ("b", reports(widths_from=0)), ("c", reports(widths_from=700))])
    assert lines(several) == [400, 700] and notes(several) == ["weights get widths"]
    assert not lines(figure.as_dict(reports(widths_from=0))) and not notes(figure.as_dict(reports()))


def test_the_error_to_noisy_amplitudes_has_its_own_name_and_its_floor():
    noisy, quiet = (FIGURES["accuracy"].as_dict(reports(noise=f)) for f in (0.1, 0.0))
    assert noisy["layout"]["yaxis"]["title"]["text"] == "median |Δ| to noisy amplitudes [%]"
    floor = next(trace for trace in noisy["data"] if trace["name"].startswith("0.67 f"))
    assert floor["y"] == pytest.approx([6.745, 6.745]) and len(quiet["data"]) == 1
    assert "noisy" not in quiet["layout"]["yaxis"]["title"]["text"]
    epsilon = np.random.default_rng(0).normal(size=100_001)
    assert np.median(abs(0.1 * epsilon)) == pytest.approx(0.06745, rel=0.02)


def test_a_run_says_where_its_widths_begin():
    told = [(run.recipe, run.reports.attrs) for run in map(Run, sorted(EXAMPLES.iterdir()))]
    for recipe, about in told:
        bayesian = recipe.bayesian if isinstance(recipe, GeneratorRecipe) else getattr(recipe, "uncertainty", "").startswith("bnn")
        assert about["widths_from"] == (pytest.approx(recipe.warm_start * recipe.steps, abs=1) if bayesian else 0)
        assert recipe.reported.items() <= about.items()
    assert {type(recipe) for recipe, about in told if about["widths_from"]} >= {AmplitudeRecipe, GeneratorRecipe, BasicsRecipe}


def test_a_missing_spread_says_when_it_comes():
    said = no_spread(xr.Dataset(attrs={"recipe": GeneratorRecipe(steps=5_000, warm_start=0.55).to_json()}))
    assert said == "No spread yet: weights get their widths at step 2,750 (end of the warm start)."
    assert "Bayesian flow has" in no_spread(xr.Dataset(attrs={"recipe": GeneratorRecipe(bayesian=False).to_json()}))
