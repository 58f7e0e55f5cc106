"""The first lesson: losses end where theory says, cures cure, and what is resumed is what was not interrupted."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from workbench.data.scaling import Batch
from workbench.families.basics.job import BasicsJob, network_of
from workbench.families.basics.measures import roc
from workbench.families.basics.network import DroppingMLP
from workbench.families.basics.objectives import Classes, Curve
from workbench.families.basics.predictor import answers, points
from workbench.families.basics.presets import DENSITIES, PRESETS
from workbench.families.basics.recipe import BasicsRecipe
from workbench.figures import FIGURES
from workbench.nets.population import PopulationMLP

DEFAULT = """
import time
from workbench.families.basics.job import BasicsJob
from workbench.families.basics.recipe import BasicsRecipe
begin = time.process_time()
list(BasicsJob(BasicsRecipe()).train())
print(time.process_time() - begin)
"""


def trained(**options):
    job = BasicsJob(BasicsRecipe(**options))
    reports = list(job.train())
    return job, reports, job.prediction()


@pytest.mark.parametrize("toy", ["shift", "width", "xor", "resonance"])
def test_the_area_is_the_exact_one_on_the_same_points(toy):
    _, _, found = trained(toy=toy, **DENSITIES)
    assert abs(float(found["auc"] - found["auc_exact"])) < 0.003
    assert 0 < float(found["loss"] - found["floor"]) < 0.008
    half = found.sel(signal=0.5)
    assert float(half["background"] / half["background_exact"]) == pytest.approx(1, abs=0.06)


def test_a_default_training_takes_less_than_two_seconds_of_a_processor(slowdown):
    """In a process of its own: here every shape is checked on the way."""
    before = slowdown()
    seconds = float(subprocess.run([sys.executable, "-c", DEFAULT], capture_output=True, text=True, check=True).stdout)
    factor = max(before, slowdown())
    print(f"a default training takes {seconds:.2f} s of a processor, on a machine that is {factor:.1f} times slower than idle")
    assert seconds < 2 * factor


def test_three_classes_come_near_their_exact_cross_entropy():
    _, _, found = trained(toy="resonance", classes=3, **DENSITIES)
    assert 0 < float(found["loss"] - found["floor"]) < 0.012


def test_the_squared_error_learns_the_mean_and_the_absolute_one_the_median():
    _, _, mean = trained(points=4_000, outliers=0.1)
    _, _, median = trained(points=4_000, outliers=0.1, loss="mae")
    assert float((mean["mean"] - mean["truth"]).mean()) == pytest.approx(0.05, abs=0.006)
    assert float((median["mean"] - median["truth"]).mean()) == pytest.approx(0.007, abs=0.005)
    assert float(mean["rms"]) < 0.02 and float(median["rms"]) < 0.02


def test_a_learned_width_is_that_of_the_noise_and_residuals_are_standard_normal():
    _, _, found = trained(points=4_000, noise=0.1, growing=True, loss="gaussian")
    inside = found.sel(x=slice(0.05, 0.95))
    assert float(abs(inside["sigma_syst"] / inside["noise"] - 1).mean()) < 0.1
    assert float(found["residual_width"]) == pytest.approx(1, abs=0.05)


def test_a_hundred_points_are_learned_by_heart_and_every_cure_helps():
    few = {name: value for name, value in PRESETS["dropout"].changes.items() if name != "dropout"}
    excess = {}
    for name, cure in {
        "none": {},
        "dropout": {"dropout": 0.3},
        "l2": {"l2": 3e-3},
        "early": {"early_stopping": True},
        "data": {"points": 4_000},
    }.items():
        _, _, found = trained(**{**few, **cure})
        excess[name] = float(found["loss"] - found["floor"])
    assert excess["none"] > 0.5 and all(excess[name] < excess["none"] / 2 for name in ("dropout", "l2", "early", "data"))
    assert excess["data"] < min(excess[name] for name in ("dropout", "l2", "early"))


@pytest.mark.slow  # the preset's own test is like it
def test_twenty_five_points_are_learned_by_heart_and_stopping_early_helps():
    _, reports, late = trained(**PRESETS["by-heart"].changes)
    _, _, early = trained(**PRESETS["early-stopping"].changes)
    assert reports[-1].losses["likelihood"] < 0.01 / 4 and float(late["loss"]) > 2 * 0.01
    assert float(early["loss"]) < 0.7 * float(late["loss"])


@pytest.mark.slow  # the preset's own test is like it
def test_depth_without_a_bend_is_a_line_and_units_matter():
    _, _, line = trained(**PRESETS["linear"].changes)
    assert float(line["auc_exact"] - line["auc"]) > 0.08
    _, _, plain = trained()
    _, _, huge = trained(**PRESETS["units"].changes)
    assert float(plain["rms"]) < 0.03 < 0.06 < float(huge["rms"])


def test_a_loss_that_is_no_number_any_more_is_said():
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        trained(optimiser="sgd", learning_rate=10.0)


@pytest.mark.parametrize("kind", ["mse", "mae", "gaussian", "cross_entropy", "class_mse"])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_slopes_are_those_of_automatic_differentiation(kind, dropout):
    curve = kind in ("mse", "mae", "gaussian")
    recipe = BasicsRecipe(hidden=[7, 5], activation="tanh", dropout=dropout, **({"loss": kind} if curve else {"toy": "xor", "classes": 3}))
    network = network_of(recipe)
    objective = Curve(network, kind) if curve else Classes(network, kind.removeprefix("class_"))
    rng = torch.Generator().manual_seed(1)
    rows = network.initial(2, rng)
    x = torch.randn(20, 1 if curve else 2, generator=rng)
    target = torch.randn(20, generator=rng) if curve else torch.randint(0, 3, (20,), generator=rng).float()
    batch = Batch(x.expand(2, -1, -1), target.expand(2, -1), torch.rand(20, generator=rng).expand(2, -1))

    def hide():
        if isinstance(network, DroppingMLP):
            network.shuffle(5)

    hide()
    value, slope = objective.slopes(rows, batch)
    leaf = rows.clone().requires_grad_()
    hide()
    outputs, _ = network.forward(leaf, batch.features)
    expected = objective.value(outputs, batch).sum()
    (wanted,) = torch.autograd.grad(expected, leaf)
    torch.testing.assert_close(value.sum(), expected.detach())
    torch.testing.assert_close(slope, wanted, atol=1e-6, rtol=1e-4)


def test_a_network_that_is_asked_has_all_its_neurons_and_their_mean_stays():
    quiet = DroppingMLP(1, [400], 1, activation="relu", dropout=0.5, seed=3)
    plain = PopulationMLP(1, [400], 1, activation="relu")
    rows, x = plain.initial(1, torch.Generator().manual_seed(0)), torch.linspace(-1, 1, 9).view(1, 9, 1)
    torch.testing.assert_close(quiet(rows, x), plain(rows, x))
    seen = []
    for step in range(2_000):
        quiet.shuffle(step)
        seen.append(quiet.forward(rows, x)[0])
    spread = torch.stack(seen)
    assert ((spread.mean(0) - plain(rows, x)).abs() < 5 * spread.std(0) / math.sqrt(2_000) + 1e-6).all()


@pytest.mark.parametrize(
    "options", [{"dropout": 0.2, "l1": 1e-4, "l2": 1e-4}, {"uncertainty": "bnn"}, {"uncertainty": "ensemble", "early_stopping": True}]
)
def test_a_resumed_training_is_the_uninterrupted_one(options):
    recipe = BasicsRecipe(steps=400, hidden=[8, 8], **options)
    whole, begun, again = (BasicsJob(recipe) for _ in range(3))
    expected = [report.losses for report in whole.train()]
    first = begun.train()
    got = [next(first).losses for _ in range(40)]
    again.resume(*begun.checkpoint())
    got += [report.losses for report in again.train()]
    assert got == expected
    assert np.array_equal(again.prediction()["mean"], whole.prediction()["mean"])


def test_a_prediction_of_the_same_points_is_the_run_s_own():
    job, _, found = trained(uncertainty="bnn", steps=400, points=50)
    oracle = answers(job.recipe, *job.checkpoint(), None, 1.0)
    there = oracle(points(found["x"].values, job.recipe, "auto"))
    np.testing.assert_allclose(there["mean"], found["mean"], rtol=1e-9)
    np.testing.assert_allclose(there["sigma_stat"], found["sigma_stat"], rtol=1e-9)
    with pytest.raises(ValueError, match=r"shape \(2, 2\); \(event\) is needed"):
        points([[1, 2], [3, 4]], job.recipe, "auto")


def test_equal_values_pass_a_cut_together():
    background, area = roc(np.zeros(100), np.arange(100) % 2)
    np.testing.assert_allclose(background, np.linspace(0, 1, 101))
    assert area == pytest.approx(0.5)


@pytest.mark.slow  # the preset's own test is like it
def test_a_band_of_a_bayesian_network_opens_where_there_are_no_points():
    _, _, found = trained(**PRESETS["error-bars"].changes)
    assert float(found["sigma_stat"].max()) > 3 * float(found["sigma_stat"].min()) > 0


def test_two_starts_find_their_own_ways_and_stand_side_by_side():
    first, second = (trained(seed=seed, steps=300)[2] for seed in (1, 2))
    assert not np.allclose(first["path_x"], second["path_x"])
    drawn = FIGURES["landscape"].as_dict([("A", first), ("B", second)])
    paths = [one for one in drawn["data"] if one["name"] == "path of the optimiser"]
    assert [one["xaxis"] for one in paths] == ["x", "x2"] and [note["text"] for note in drawn["layout"]["annotations"]] == ["A", "B"]
    np.testing.assert_allclose(paths[1]["x"], second["path_x"])
    alone = FIGURES["landscape"].as_dict(first)
    assert "xaxis2" not in alone["layout"] and next(one for one in alone["data"] if one["name"] == "path of the optimiser")["xaxis"] == "x"
