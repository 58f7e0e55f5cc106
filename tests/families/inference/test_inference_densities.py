"""Kernel densities beside histograms, and a detector whose energies have tails."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.families.inference.histogram import KERNEL
from workbench.families.inference.job import InferenceJob
from workbench.families.inference.predictor import answers, points
from workbench.families.inference.ratio import EVEN, Quadratic, even
from workbench.families.inference.recipe import InferenceRecipe
from workbench.families.inference.sample import SEED, observables, pool, pool_for, test_set, with_tails

test_set.__test__ = False


def trained(**options):
    job = InferenceJob(InferenceRecipe(**{"uncertainty": "none", **options}))
    list(job.train())
    return job


@pytest.fixture(scope="module")
def kernels():
    return trained(method="afc")


@pytest.mark.parametrize("kernel", [1.0, 2.5])
def test_kernel_densities_are_sums_over_events_that_look_alike(kernel):
    job = trained(method="afc", events=4_000, kernel=kernel)
    train, test = (observables(each.jets("detector")) for each in (job.pool, job.test))
    first, some = len(job.batch), slice(100)
    apart_pt = np.log(test["pt1"][some, None] / train["pt1"][:first]) / (KERNEL[0] * kernel)
    turns = 2 * np.pi * np.arange(-2, 3)[:, None, None]
    apart_phi = (test["dphi"][some, None] - train["dphi"][:first] + turns) / (KERNEL[1] * kernel)
    weight = np.exp(-(apart_pt**2) / 2) * np.exp(-(apart_phi**2) / 2).sum(0) * job.pool.weight[:first]
    direct = Quadratic((weight @ job.pool.components[:first][:, list(EVEN)])[None], job.sigma)
    theta = np.array([[5.0, 0.0], [0.0, 5.0], [-8.0, 8.0]])
    ours, exact = (each.log_ratio(theta)[0] for each in (job.estimate(some), direct))
    assert np.abs(ours - exact).max() < 0.1 and np.abs(ours - exact).mean() < 0.012


def test_kernel_densities_know_more_than_one_observable_and_less_than_a_network(kernels):
    error = {"afc": float(kernels.prediction()["mse_trimmed"])}
    error |= {name: float(trained(**options).prediction()["mse_trimmed"]) for name, options in OTHERS.items()}
    assert error["one"] > 2 * error["afc"] > 4 * error["network"] and error["afc"] < 1.3 * error["two"]


OTHERS = {
    "one": {"method": "histogram_1d", "observable": "pt1"},
    "two": {"method": "histogram_2d"},
    "network": {"steps": 400, "hidden": [32, 32]},
}


def test_kernel_densities_are_resumed_bitwise_and_answer_for_new_events(kernels):
    recipe = kernels.recipe
    other = InferenceJob(recipe)
    other.resume(kernels.tensors, {"step": kernels.step, "seconds": 1.0})
    np.testing.assert_array_equal(
        other.estimate(slice(50)).log_ratio(np.ones((1, 2))), kernels.estimate(slice(50)).log_ratio(np.ones((1, 2)))
    )
    events = points(kernels.test.measured[:50], recipe, "auto")
    told = answers(recipe, kernels.tensors, {"step": kernels.step, "seconds": 1.0}, None, 1.0)(events)
    theta = np.array([[float(told["f_W"][20]), float(told["f_WW"][3])]])
    np.testing.assert_allclose(told["log_ratio"][:, 3, 20], kernels.estimate(slice(50)).log_ratio(theta)[0, :, 0], atol=1e-10)


def test_the_mean_ratio_is_one_where_energies_have_tails_too():
    test = test_set(tails=True)
    for theta in ((5.0, 0.0), (0.0, 5.0), (-8.0, 8.0)):
        m = even(np.array(theta))
        ratio = test.truth["detector"][:, list(EVEN)] @ m / (m @ test.cross_section[list(EVEN)] / test.cross_section[0])
        mean, error = np.average(ratio, weights=test.weight), ratio.std() / np.sqrt(len(ratio))
        assert abs(mean - 1) < 4 * error


def test_tails_lose_energy_in_events_that_stay_the_same_however_many_are_asked_for():
    few, many = (pool_for(InferenceRecipe(events=events, resolution="tails"))["train"] for events in (3_000, 5_000))
    np.testing.assert_array_equal(few.measured, many.measured[:3_000])
    np.testing.assert_array_equal(many.true, pool(5_000, lambda fraction, text: None).true)
    np.testing.assert_array_equal(many.measured, with_tails(many.true, SEED))
    energies = [each[..., 0] * np.cosh(each[..., 1]) for each in (many.measured, many.true)]
    pulls = (energies[0] - energies[1]) / (0.5 * np.sqrt(energies[1]))
    assert (pulls < -5).mean() > 0.01 and (pulls > 5).mean() == 0


def test_a_detector_with_tails_knows_less_and_is_learned_as_well():
    jobs = {name: trained(steps=500, resolution=name) for name in ("normal", "tails")}
    found = {name: job.prediction() for name, job in jobs.items()}
    assert all(float(each["mse_trimmed"]) < 1.5e-3 for each in found.values())
    areas = {name: float(each["area_true"][1]) for name, each in found.items()}
    assert areas["tails"] != areas["normal"] and abs(areas["tails"] / areas["normal"] - 1) < 0.3
    assert abs(float(found["tails"]["area"][1]) / areas["tails"] - 1) < 0.12
    assert InferenceRecipe(resolution="normal").hash == InferenceRecipe().hash != InferenceRecipe(resolution="tails").hash
    assert InferenceRecipe(level="jets", resolution="tails").hash == InferenceRecipe(level="jets").hash
