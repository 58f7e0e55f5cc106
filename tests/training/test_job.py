from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from workbench.families import train
from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.methods.boosting import Boosting
from workbench.results.prediction import summary
from workbench.results.pulls import pulls, width_and_mean

SMALL = {
    "events": 600,
    "test_events": 400,
    "steps": 60,
    "hidden": [24, 16],
    "batch_size": 64,
    "noise": 0.05,
    "draws": 6,
    "members": 3,
    "device": "cpu",
}
FULL_SIZE = {"hidden": [128, 128, 128], "batch_size": 256, "draws": 32, "members": 8}
UNCERTAINTIES = ["bnn", "bnn_last_layer", "repulsive_ensemble", "deterministic"]
ARCHITECTURES = ["deepsets", "deepsets_invariants", "lgatr", "kan", "group_kan"]
EVERY_METHOD = [{"uncertainty": uncertainty} for uncertainty in UNCERTAINTIES]
EVERY_NETWORK = [{"architecture": architecture, "uncertainty": "bnn"} for architecture in ARCHITECTURES]
BY_SOAP = [{"uncertainty": uncertainty, "optimiser": "soap"} for uncertainty in UNCERTAINTIES]
BY_SOAP += [{"architecture": architecture, "optimiser": "soap"} for architecture in ARCHITECTURES]
BY_SOAP += [{"uncertainty": "bnn", "optimiser": "soap", "opening": "fisher", "inputs": "ordered", "target": "soft"}]
MORE = [{"architecture": "lgatr", "uncertainty": "repulsive_ensemble"}, {"architecture": "deepsets", "uncertainty": "bnn_last_layer"}]


def recipe_of(**changes):
    """A small recipe; the transformer, which is slow, gets fewer events and steps."""
    slow = {"events": 300, "test_events": 100, "draws": 2, "members": 2, "hidden": [16], "batch_size": 16}
    if changes.get("architecture") != "lgatr":
        return AmplitudeRecipe(**{**SMALL, **changes})
    pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")
    return AmplitudeRecipe(**{**SMALL, **slow, **changes})


def named(changes):
    return "-".join(changes.values())


def finished(**changes):
    job = Job(recipe_of(**changes))
    reports = list(job.train())
    return job, reports


@pytest.mark.parametrize("changes", EVERY_METHOD + EVERY_NETWORK + BY_SOAP, ids=named)
def test_every_method_and_every_network_learn(changes):
    _, reports = finished(**changes, steps=400)
    assert reports[-1].step == 400
    first = next(report.validation["delta"] for report in reports if report.validation)
    assert reports[-1].validation["delta"] < 0.6 * first


@pytest.mark.parametrize("changes", EVERY_METHOD + EVERY_NETWORK + MORE + BY_SOAP, ids=named)
def test_same_recipe_and_seed_give_the_same_curve(changes):
    one, other = (finished(**changes)[1] for _ in range(2))
    assert [(report.losses, report.validation) for report in one] == [(report.losses, report.validation) for report in other]


def test_another_seed_gives_another_curve():
    assert finished()[1][-1].losses != finished(seed=1)[1][-1].losses


@pytest.mark.parametrize(
    ("changes", "stop"),
    [(changes, stop) for changes in EVERY_METHOD for stop in (7, 43, 56)]
    + [(changes, 43) for changes in EVERY_NETWORK + MORE]
    + [(changes, stop) for changes in BY_SOAP for stop in ((1, 43) if changes.get("uncertainty") == "bnn" else (43,))],
)
def test_a_resumed_training_is_bitwise_the_uninterrupted_one(changes, stop):
    recipe = recipe_of(**changes, boost_sigma=2.0, boost_pull=1.0)
    whole = Job(recipe)
    rest = list(whole.train())
    broken = Job(recipe)
    for report in broken.train():
        if report.step >= stop:
            break
    tensors, state = broken.checkpoint()
    again = Job(recipe)
    again.resume(tensors, state)
    assert [(r.step, r.losses, r.validation) for r in again.train()] == [
        (r.step, r.losses, r.validation) for r in rest if r.step > state["step"]
    ]
    for name, tensor in whole.checkpoint()[0].items():
        torch.testing.assert_close(again.checkpoint()[0][name], tensor, rtol=0, atol=0, msg=name)


def test_looking_does_not_change_the_training():
    plain = finished()[0]
    watched = Job(AmplitudeRecipe(**SMALL))
    for _ in watched.train():
        watched.snapshot()
        watched.prediction("test")
    for name, tensor in plain.checkpoint()[0].items():
        torch.testing.assert_close(watched.checkpoint()[0][name], tensor, rtol=0, atol=0)


def test_a_checkpoint_of_another_recipe_is_refused():
    tensors, state = finished()[0].checkpoint()
    with pytest.raises(ValueError, match="does not belong to this recipe"):
        Job(AmplitudeRecipe(**{**SMALL, "hidden": [8]})).resume(tensors, state)


@pytest.mark.parametrize("uncertainty", UNCERTAINTIES)
def test_predictions_have_the_promised_shape_and_parts(uncertainty):
    job, _ = finished(uncertainty=uncertainty)
    prediction = job.prediction("test")
    draws = {"bnn": 6, "bnn_last_layer": 6, "repulsive_ensemble": 3, "deterministic": 1}[uncertainty]
    assert prediction.sizes == {"draw": draws, "event": 400, "particle": 5, "component": 4}
    assert all("units" in variable.attrs and "long_name" in variable.attrs for variable in prediction.data_vars.values())
    parts = summary(prediction)
    np.testing.assert_allclose(parts["sigma_tot"] ** 2, parts["sigma_syst"] ** 2 + parts["sigma_stat"] ** 2, rtol=1e-6)
    assert (float(parts["sigma_stat"].max()) == 0.0) == (uncertainty == "deterministic")
    assert job.prediction("train").sizes["event"] == 600


def test_a_snapshot_is_the_summary_of_the_same_events():
    job, _ = finished(draws=8)
    snapshot, full = job.snapshot(), summary(job.prediction("test"))
    np.testing.assert_allclose(snapshot["mean"], full["mean"], rtol=1e-6)
    np.testing.assert_allclose(snapshot["sigma_syst"], full["sigma_syst"], rtol=1e-6)
    assert int(snapshot["step"]) == 60 and snapshot["mean"].dtype == np.float32


def test_calibration_gives_the_validation_pull_a_second_moment_of_one():
    job, _ = finished(steps=300)
    t = pulls(job.prediction("validation"), "systematic")
    assert float((t**2).mean()) == pytest.approx(1.0, abs=1e-9)
    raw = Job(AmplitudeRecipe(**{**SMALL, "calibrate": False}))
    assert float(raw.prediction("test")["temperature"]) == 1.0


def test_boosting_raises_the_weight_of_the_uncertain_events_in_every_round():
    job, _ = finished(boost_sigma=3.0, boost_rounds=4, boost_fraction=0.05)
    (weight,) = job.training.batches["train"].weight
    assert job.training.boosted == 4
    assert weight.min() > 1.0 and weight.max() == pytest.approx(1.0 + 4 * 3.0)
    sigma = torch.as_tensor(summary(next(job.training.draws("train", slice(None), 8)))["sigma_tot"].values)
    assert weight[sigma.argsort()[-30:]].mean() > 2 * weight[sigma.argsort()[:300]].mean()


def test_the_boosting_weights_follow_the_root_of_sigma_up_to_the_cut():
    sigma = np.array([1.0, 4.0, 16.0, 64.0, 100.0])
    weight = Boosting(0.0, 3.0, 4, 2.0, 0.25).round(np.ones(5), sigma, sigma, np.ones(5), sigma)
    cut = np.quantile(sigma, 0.75)
    np.testing.assert_allclose(weight, 1.0 + 3.0 * np.minimum(1.0, np.sqrt(sigma / cut)))
    tails = Boosting(2.0, 0.0, 4, 2.0, 0.25).round(np.ones(5), sigma, sigma + np.array([0, 1, 3, 0, -3]), np.ones(5), sigma)
    np.testing.assert_allclose(tails, [1, 1, 3, 1, 3])


def test_without_boosting_all_events_count_once():
    assert finished()[0].training.batches["train"].weight.eq(1.0).all()


def test_the_test_events_and_their_noise_do_not_depend_on_the_training_size():
    small, large = Job(AmplitudeRecipe(**SMALL)), Job(AmplitudeRecipe(**{**SMALL, "events": 900}))
    np.testing.assert_array_equal(small.training.events["test"].momenta, large.training.events["test"].momenta)
    np.testing.assert_array_equal(small.training.amplitudes[0]["test"], large.training.amplitudes[0]["test"])


def test_a_hopeless_learning_rate_ends_in_a_sentence():
    with pytest.raises(FloatingPointError, match="learning rate"):
        for _ in train(AmplitudeRecipe(**{**SMALL, "learning_rate": 1.0, "optimiser": "sgd", "steps": 400})):
            pass


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_has_its_own_inputs(architecture):
    features = {"deepsets": 20, "deepsets_invariants": 31, "lgatr": 20}.get(architecture, 11)
    job = Job(recipe_of(architecture=architecture, inputs="invariants"))
    assert job.training.batches["train"].features.shape[1] == features
    assert job.prediction("test")["mean"].notnull().all()


def test_a_missing_lgatr_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgatr", None)
    with pytest.raises(ValueError, match="pip install lgatr"):
        Job(AmplitudeRecipe(**{**SMALL, "architecture": "lgatr"}))


def test_a_missing_gpu_is_named():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ValueError, match="GPU"):
        Job(AmplitudeRecipe(**{**SMALL, "device": "cuda"}))


@pytest.mark.slow
@pytest.mark.parametrize("uncertainty", ["deterministic", "bnn", "repulsive_ensemble"])
def test_injected_noise_is_learned_as_the_systematic_uncertainty(uncertainty):
    """Noise of 10 % on 90,000 training points: median σ_syst/A = 0.1 within 3 %, pull N(0, 1)."""
    steps = 4_000 if uncertainty == "repulsive_ensemble" else 12_000
    job, _ = finished(**FULL_SIZE, uncertainty=uncertainty, events=90_000, test_events=10_000, noise=0.1, inputs="invariants", steps=steps)
    prediction = job.prediction("test")
    parts, t = summary(prediction), width_and_mean(pulls(prediction, "systematic"))
    print(uncertainty, float((parts["sigma_syst"] / parts["mean"]).median()), t)
    assert float((parts["sigma_syst"] / parts["mean"]).median()) == pytest.approx(0.1, rel=0.03)
    assert abs(t.mean) < 0.05 and abs(t.width - 1.0) < 0.1


@pytest.mark.parametrize(("uncertainty", "factor"), [("repulsive_ensemble", 2.0), ("bnn", 1.0), ("deterministic", 1.0)])
def test_only_members_of_an_ensemble_begin_rougher(uncertainty, factor):
    plain, wide = (Job(recipe_of(uncertainty=uncertainty, first_width=width)).training.method.central() for width in (1.0, 2.0))
    first = slice(0, 24 * 20)
    torch.testing.assert_close(wide[..., first], factor * plain[..., first])
    torch.testing.assert_close(wide[..., -2 * 16 - 2 :], plain[..., -2 * 16 - 2 :])


@pytest.mark.slow
@pytest.mark.parametrize(("inputs", "bound"), [("momenta", 0.015), ("invariants", 0.005)])
def test_accuracy_of_the_default_network(inputs, bound):
    """9,000 points without noise: the median |Δ| of fresh events stays below 1.5 % from momenta and 0.5 % from invariants."""
    job, reports = finished(**FULL_SIZE, events=9_000, test_events=10_000, noise=0.0, inputs=inputs, steps=12_000)
    delta = summary(job.prediction("test"))["delta"]
    print(inputs, float(abs(delta).median()), reports[-1].seconds)
    assert float(abs(delta).median()) < bound
