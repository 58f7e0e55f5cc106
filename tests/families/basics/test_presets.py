"""What the text of each preset says holds in numbers."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from workbench.families.basics.job import BasicsJob
from workbench.families.basics.presets import PRESETS


@functools.cache
def _trained(name, *changes):
    job = BasicsJob(PRESETS[name].recipe.replace(**dict(changes)))
    return job, list(job.train())


def trained(name, **changes):
    """Job and reports of a preset, or of one that differs from it."""
    return _trained(name, *changes.items())


@functools.cache
def _found(name, *changes):
    return _trained(name, *changes)[0].prediction()


def found(name, **changes):
    """What it says in the end."""
    return _found(name, *changes.items())


def unseen(name, **changes):
    """Losses of unseen points, from the first step to the last."""
    return [report.validation["likelihood"] for report in trained(name, **changes)[1] if report.validation]


def excess(prediction):
    return float(prediction["loss"] - prediction["floor"])


def rms(prediction, **where):
    return math.sqrt(float(((prediction["mean"] - prediction["answer"]).sel(**where) ** 2).mean()))


def arrives(**changes):
    """The first step at which the loss of unseen points is within 0.02 of the exact answer."""
    known = (report for report in BasicsJob(PRESETS["optimisers"].recipe.replace(**changes)).train() if report.validation)
    return next((report.step for report in known if report.validation["likelihood"] - report.validation["floor"] < 0.02), math.inf)


def bend(prediction):
    """How much p(signal) goes up and down along the rows and columns of its map."""
    p = prediction["probability"].values
    return float(np.abs(np.diff(p, axis=0)).sum() + np.abs(np.diff(p, axis=1)).sum())


def test_every_preset_has_a_test_here():
    told = " ".join(name for name in globals() if name.startswith("test_"))
    assert not [name for name in PRESETS if name.replace("-", "_") not in told]


def test_curve():
    (job, _), fit = trained("curve"), found("curve")
    assert job.network.parameters == 1_153
    assert float(fit["loss"]) == pytest.approx(0.05**2, rel=0.1)  # σ²
    assert rms(fit) < 0.02 and abs(float((fit["mean"] - fit["truth"]).sel(x=0.6, method="nearest"))) < 0.06  # the bump is 0.35 high


@pytest.mark.slow
def test_small():
    missed = found("small")
    assert float((missed["truth"] - missed["mean"]).sel(x=0.6, method="nearest")) > 0.15
    assert min(rms(missed), rms(found("small", steps=4_000))) > 0.08


def test_by_heart_and_early_stopping():
    (_, reports), late, losses = trained("by-heart"), found("by-heart"), unseen("by-heart")
    assert reports[-1].losses["likelihood"] < 0.1**2 / 4  # σ²
    assert losses[-1] > 2 * min(losses)
    early = found("early-stopping")
    assert float(early["loss"]) < 1.4 * 0.1**2
    assert rms(early) < rms(late) / 2 and float(np.abs(np.diff(early["mean"], 2)).sum()) < float(np.abs(np.diff(late["mean"], 2)).sum()) / 2


@pytest.mark.slow
def test_dropout_and_l2():
    without = unseen("dropout", dropout=0.0)
    assert without[-1] > 4 * min(without)
    assert all(losses[-1] < 2 * min(losses) for losses in (unseen("dropout"), unseen("l2")))
    small, large = (float(job.rows(1).square().sum()) for job, _ in (trained("l2"), trained("dropout", dropout=0.0)))
    assert small < large / 4 and bend(found("l2")) < bend(found("dropout", dropout=0.0)) / 2


def test_outliers():
    moved = {loss: float((one["mean"] - one["truth"]).mean()) for loss in ("mae", "mse") for one in [found("outliers", loss=loss)]}
    assert moved["mse"] == pytest.approx(0.1 / 2, abs=0.006) and abs(moved["mae"]) < 0.02


@pytest.mark.slow
def test_chi2():
    precise = slice(0, 0.5)
    assert rms(found("chi2"), x=precise) < 0.8 * rms(found("chi2", loss="mse"), x=precise)
    by_itself = found("chi2", loss="gaussian")
    assert float((by_itself["sigma_syst"] / by_itself["noise"]).mean()) == pytest.approx(1, abs=0.2)
    assert float(by_itself["sigma_syst"].sel(x=0.95, method="nearest")) > 3 * float(by_itself["sigma_syst"].sel(x=0.05, method="nearest"))


def test_optimisers():
    assert 200 < arrives() <= 400
    assert arrives(optimiser="momentum") <= 60 and arrives(optimiser="adam", learning_rate=0.005) <= 40
    assert arrives(learning_rate=0.005) == math.inf


def test_units():
    huge = found("units").sel(x=slice(0.1, 1))
    line = np.polynomial.Polynomial.fit(huge["x"], huge["mean"], 1)
    assert float(np.abs(line(huge["x"].values) - huge["mean"]).max()) < 0.02 < 0.08 < rms(huge)
    assert rms(found("curve")) < rms(found("units")) / 5


def test_densities_and_bce():
    by_loss = found("densities"), found("bce")
    for one in by_loss:
        p, exact = one["probability"].values, one["probability_exact"].values
        assert ((p > 0.5) != (exact > 0.5)).mean() < 0.05
        assert float(np.sqrt(((p - exact) ** 2).mean())) < 0.06
        assert abs(float(one["auc"] - one["auc_exact"])) < 0.004
    job, _ = trained("densities")
    points = job.points["test"]
    exact = job.inputs.exact(points.x)[0]
    logarithms = np.log(np.maximum(exact, 1e-300)) - np.log(job.outputs(job.rows(1), job.features["test"])[0])
    assert float((exact * logarithms).sum(1).mean()) == pytest.approx(excess(by_loss[0]), abs=0.002)  # KL[exact, learned]


def test_neyman_pearson():
    one = found("neyman-pearson").sel(signal=slice(0.3, 1))
    assert float((one["background"] / one["background_exact"]).min()) > 0.95
    assert -0.001 < float(one["auc_exact"] - one["auc"]) < 0.003


def test_linear():
    one = found("linear")
    assert float(one["auc"]) == pytest.approx(0.72, abs=0.01) and float(one["auc_exact"]) == pytest.approx(0.84, abs=0.01)
    p = one["probability"].values
    logit = np.log(p / (1 - p))
    assert np.abs(np.diff(logit, 2, axis=0)).max() < 1e-5 and np.abs(np.diff(logit, 2, axis=1)).max() < 1e-5


@pytest.mark.slow
def test_error_bars():
    (job, _), one = trained("error-bars"), found("error-bars")
    sigma, points = one["sigma_stat"].values, job.points["train"].x[:, 0]
    near = (np.abs(one["x"].values[:, None] - points) < 0.05).sum(1)
    assert sigma[near >= 5].mean() < 0.8 * sigma[near <= 2].mean()
    assert min(sigma[0], sigma[-1]) > 1.5 * sigma.min()
