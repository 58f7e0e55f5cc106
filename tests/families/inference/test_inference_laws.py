"""Likelihood ratios with known answers: toys that are exactly computable, the truth at three levels, thresholds, the wrong conventions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from workbench.families.inference import limit, ratio
from workbench.families.inference.job import InferenceJob
from workbench.families.inference.objective import POWERS, Quadratic, Ratio, cost, scaled_even, slope_even
from workbench.families.inference.predictor import answers, points
from workbench.families.inference.recipe import InferenceRecipe
from workbench.families.inference.sample import LEVELS, observables, pool, test_set
from workbench.nets.population import PopulationMLP
from workbench.physics.amplitudes.wbf_h import monomials
from workbench.physics.wbf import mixture

EVENTS = test_set()
test_set.__test__ = False
HIDDEN = {"hidden": [16, 16], "events": 3_000, "steps": 200, "batch_size": 256}


def trained(**options):
    job = InferenceJob(InferenceRecipe(**{**HIDDEN, **options}))
    return job, list(job.train())


# A toy of six hidden states z and four observations x: everything is a sum


@pytest.fixture
def discrete():
    rng = np.random.default_rng(5)
    seen = rng.dirichlet(np.ones(4), size=6)  # p(x|z)
    reference, hypothesis = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    return seen, reference, hypothesis


def slope(value, log_ratio):
    (found,) = torch.autograd.grad(value, log_ratio)
    return float(found.abs().max())


@pytest.mark.parametrize("method", ["alice", "rolr"])
def test_losses_are_stationary_at_the_true_ratio(discrete, method):
    seen, reference, hypothesis = (torch.tensor(array) for array in discrete)
    true = torch.log((hypothesis @ seen) / (reference @ seen)).requires_grad_()
    v, w = reference / reference, hypothesis / reference  # sampled from the reference
    value = (reference[:, None] * seen * cost(method, true.expand(6, 4), v[:, None], w[:, None], v[:, None], w[:, None])).sum()
    assert slope(value, true) < 1e-10


def test_a_ratio_turned_around_is_not_stationary_and_nor_is_the_error_of_its_logarithm(discrete):
    seen, reference, hypothesis = (torch.tensor(array) for array in discrete)
    true = torch.log((hypothesis @ seen) / (reference @ seen)).requires_grad_()
    share = reference[:, None] * seen
    r = (hypothesis / reference)[:, None]
    exchanged = (share * ((1 / r - torch.exp(true)).square() + r * (r - torch.exp(-true)).square())).sum()
    logarithm = (share * (torch.log(r) - true).square()).sum()
    assert slope(exchanged, true) > 1e-3 and slope(logarithm, true) > 1e-3


def test_the_mean_joint_score_is_the_score_only_with_the_slope_of_the_cross_section():
    m, sigma = monomials(np.zeros(3)), EVENTS.cross_section
    score = ratio.true_score(EVENTS.truth["parton"], sigma)[:, :2]
    error = score.std(axis=0) / math.sqrt(len(score))
    assert (np.abs(np.average(score, axis=0, weights=EVENTS.weight)) < 4 * error).all()
    forgotten = EVENTS.components[:, 1:3] / (EVENTS.components @ m)[:, None]
    assert (np.abs(np.average(forgotten, axis=0, weights=EVENTS.weight)) > 4 * error).all()


# A Gaussian toy: z from N(θ, 1), x = z + N(0, s²)


def test_alice_learns_the_ratio_of_two_gaussians():
    s, rng = 0.7, np.random.default_rng(1)
    z = rng.standard_normal(200_000)
    x = z + s * rng.standard_normal(z.size)
    w = np.exp(z - 0.5)  # N(1, 1) over N(0, 1)
    network = PopulationMLP(1, [32, 32], 1, activation="silu")
    rows = network.initial(1, torch.Generator().manual_seed(0)).requires_grad_()
    optimiser = torch.optim.Adam([rows], 5e-3)
    columns = [torch.tensor(array, dtype=torch.float32) for array in (x, w)]
    for step in range(1_500):
        index = torch.arange(2_000) + 2_000 * (step % 100)
        guess = network(rows, columns[0][index].view(1, -1, 1))[0, :, 0]
        weights = columns[1][index]
        loss = cost("alice", guess, torch.ones_like(guess), weights, torch.ones_like(guess), weights).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        optimiser.param_groups[0]["lr"] = 5e-3 * 0.5 * (1 + math.cos(math.pi * step / 1_500))
    at = torch.linspace(-2, 2, 41)
    learned = network(rows, at.view(1, -1, 1))[0, :, 0].detach().numpy()
    variance = 1 + s**2
    exact = (at.numpy() - 0.5) / variance
    assert np.abs(np.exp(learned - exact) - 1).max() < 0.04
    assert np.sqrt(np.mean((learned - exact) ** 2)) < 0.02


def test_the_regressed_score_of_a_gaussian_shrinks_with_the_resolution_and_its_scatter_stays():
    s, rng = 0.7, np.random.default_rng(2)
    z = rng.standard_normal(400_000)
    x = z + s * rng.standard_normal(z.size)
    slope = (x * z).sum() / (x * x).sum()
    assert slope == pytest.approx(1 / (1 + s**2), abs=0.004)
    assert ((z - slope * x) ** 2).mean() == pytest.approx(s**2 / (1 + s**2), rel=0.01)


# The Higgs


@pytest.mark.parametrize("level", LEVELS)
def test_the_mean_ratio_of_standard_model_events_is_one(level):
    theta = np.array([[5.0, 0.0], [0.0, 5.0], [-4.0, 4.0]])
    exact = ratio.Quadratic(EVENTS.truth[level][None][..., list(ratio.EVEN)], EVENTS.cross_section[list(ratio.EVEN)])
    r = np.exp(exact.log_ratio(theta)[0])
    error = r.std(axis=0) / math.sqrt(len(r))
    assert (np.abs(np.average(r, axis=0, weights=EVENTS.weight) - 1) < 4 * error + 0.002).all()


def test_the_mean_weight_of_events_of_the_mixture_is_one_and_weights_are_bounded():
    found = pool(20_000, lambda fraction, text: None)
    sigma, mean = found.cross_section, mixture()
    for theta in ([0.0, 0.0, 0.0], [10.0, -5.0, 0.0], [-20.0, 20.0, 0.0]):
        m = monomials(np.array(theta))
        w = (found.components @ m) / (m @ sigma) * (mean @ sigma)
        error = w.std() / math.sqrt(len(w))
        assert abs(np.average(w, weights=found.weight) - 1) < 4 * error and w.max() < 8


def test_jets_in_order_of_pt_know_nothing_of_cp():
    for level in ("jets", "detector"):
        odd = ratio.true_score(EVENTS.truth[level], EVENTS.cross_section)[:, 2]
        seen = observables(EVENTS.jets(level))
        error = odd.std() / math.sqrt(len(odd))
        assert abs(odd.mean()) < 4 * error
        assert abs((odd * np.sin(seen["dphi_by_pt"])).mean()) < 4 * error
        assert abs((odd * np.sin(seen["dphi"])).mean()) > 8 * error


def test_mirrored_events_have_the_opposite_odd_score():
    from workbench.physics.wbf_truth import Jets, jet_components

    jets = EVENTS.jets("jets")[:50]
    mirrored = Jets(jets.pt, jets.eta, -jets.phi)
    c, d = jet_components(jets), jet_components(mirrored)
    np.testing.assert_allclose(d[:, 3], -c[:, 3], rtol=1e-6, atol=1e-9 * np.abs(c[:, 0]).max())
    np.testing.assert_allclose(d[:, :3], c[:, :3], rtol=1e-9)


# The quadratic head


def test_the_quadratic_head_is_exact_positive_and_a_parabola_when_it_is_told_the_exact_triangle():
    components = EVENTS.truth["jets"][:200, list(ratio.EVEN)] * POWERS
    a, b, c, d, e, f = components.T
    form = np.stack([np.stack([a, b / 2, c / 2], -1), np.stack([b / 2, d, e / 2], -1), np.stack([c / 2, e / 2, f], -1)], -2)
    lower = np.linalg.cholesky(form)
    outputs = np.stack([lower[:, 0, 0], lower[:, 1, 0], lower[:, 2, 0], lower[:, 1, 1], lower[:, 2, 1], lower[:, 2, 2]], -1)
    learned = Quadratic.components(torch.tensor(outputs)).numpy()
    np.testing.assert_allclose(learned, components, rtol=1e-9, atol=1e-12 * np.abs(components).max())
    theta = np.random.default_rng(0).uniform(-5, 5, (50, 2))
    assert (learned @ ratio.even(theta).T > 0).all()


def test_positive_whatever_the_network_says(generator=None):
    outputs = torch.randn(500, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    theta = 3 * torch.randn(500, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert ((Quadratic.components(outputs) * scaled_even(theta)).sum(-1) > -1e-12).all()


def test_slopes_of_monomials_are_those_of_automatic_differentiation():
    theta = torch.tensor([[0.3, -1.2], [2.0, 0.7]], dtype=torch.float64, requires_grad=True)
    for place in range(6):
        (wanted,) = torch.autograd.grad(scaled_even(theta)[:, place].sum(), theta, allow_unused=True)
        expected = torch.zeros_like(theta) if wanted is None else wanted
        torch.testing.assert_close(slope_even(theta)[..., place].detach(), expected)


@pytest.mark.parametrize("head", ["quadratic", "free"])
@pytest.mark.parametrize("method", ["alice", "rolr", "alices", "rascal", "cascal", "carl"])
def test_slopes_of_every_objective_are_those_of_automatic_differentiation(method, head):
    recipe = InferenceRecipe(method=method, head=head, hidden=[6], events=200, uncertainty="none", activation="tanh")
    job = InferenceJob(recipe)
    objective: Ratio = job.method.objective
    rows = job.method.weights.flatten(0, 1)
    batch = job.batch[torch.arange(20)]
    batch = type(batch)(batch.features[None], batch.condition[None], batch.weight / 20)
    _, found = objective.slopes(rows, batch)
    leaf = rows.clone().requires_grad_()
    outputs, _ = job.network.forward(leaf, objective.inputs(batch))
    wanted: Tensor = torch.autograd.grad(objective.value(objective.folded(outputs), batch).sum(), leaf)[0]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-3)


# Limits


def test_thresholds_are_those_of_chi_squared():
    assert limit.TWO == pytest.approx((2.279, 5.991, 11.618), abs=1e-3)
    for threshold, level in zip(limit.ONE, limit.LEVELS, strict=True):
        assert math.erf(math.sqrt(threshold / 2)) == pytest.approx(level, abs=1e-4)


def test_contours_of_a_parabola_are_ellipses_of_the_right_area_and_nested():
    axis = ratio.AXIS
    x, y = np.meshgrid(axis, axis)
    q = 0.05 * (x - 1) ** 2 + 0.09 * (y + 2) ** 2 + 0.02 * (x - 1) * (y + 2)
    determinant = 0.05 * 0.09 - 0.01**2
    found = []
    for threshold in limit.TWO:
        line = limit.contour(axis, q, threshold, (1.0, -2.0))
        assert limit.area(*line) == pytest.approx(math.pi * threshold / math.sqrt(determinant), rel=0.004)
        found.append(np.hypot(line[0] - 1, line[1] + 2))
    assert (found[0] < found[1]).all() and (found[1] < found[2]).all()
    information = np.array([[0.05, 0.01], [0.01, 0.09]])
    assert limit.area(*limit.ellipse(information, limit.TWO[1], 1.0)) == pytest.approx(
        math.pi * limit.TWO[1] / math.sqrt(determinant), rel=0.004
    )


def test_the_exact_contour_is_around_the_standard_model_larger_than_the_ellipse_and_smaller_with_the_rate():
    sigma = EVENTS.cross_section[list(ratio.EVEN)]
    exact = ratio.Quadratic(EVENTS.truth["detector"][None][..., list(ratio.EVEN)], sigma)
    plane, size = ratio.grid(), len(ratio.AXIS)
    mean = np.average(exact.log_ratio(plane)[0], axis=0, weights=EVENTS.weight).reshape(size, size)
    share = (ratio.even(plane) @ sigma / sigma[0]).reshape(size, size)
    shape, both = limit.q_of(mean, share), limit.q_of(mean, share, rate=True)
    assert shape[size // 2, size // 2] < 0.5 and np.hypot(*limit.lowest(ratio.AXIS, shape)) < 4
    areas = limit.areas(ratio.AXIS, shape)
    assert areas == pytest.approx([151, 427, 921], rel=0.12)  # other events, another grid
    assert all(with_rate < without for with_rate, without in zip(limit.areas(ratio.AXIS, both), areas, strict=True))
    score = ratio.true_score(EVENTS.truth["detector"], EVENTS.cross_section)[:, :2]
    ellipse = limit.ellipse(score.T @ score / len(score), limit.TWO[1])
    assert limit.area(*ellipse) < 0.85 * areas[1]


# Training


def test_every_method_comes_nearer_to_the_truth_than_no_knowledge():
    nothing = float(np.mean([report.validation["mse"] for report in trained(method="histogram_1d", observable="dphi_by_pt")[1][-1:]]))
    for method in ("alice", "alices", "rolr", "sally", "sallino", "histogram_2d"):
        _, reports = trained(method=method)
        assert reports[-1].validation["mse_trimmed"] < nothing, method


@pytest.mark.parametrize(("level", "within"), [("detector", 0.2), ("jets", 0.2), ("parton", 0.35)])  # partons have the longest tails
def test_the_default_is_near_the_exact_contour_at_every_level(level, within):
    job, _ = trained(level=level, hidden=[32, 32], events=20_000, steps=600, uncertainty="none")
    found = job.prediction()
    assert float(found["mse_trimmed"]) < 2e-3
    np.testing.assert_allclose(found["area"], found["area_true"], rtol=within)


@pytest.mark.parametrize("uncertainty", ["bnn_last_layer", "bnn", "ensemble", "bootstrap"])
def test_every_kind_of_error_bars_moves_the_contour_and_is_resumed_bitwise(uncertainty):
    options = {**HIDDEN, "uncertainty": uncertainty, "members": 3, "steps": 60, "warm_start": 0.3}
    whole, begun, again = (InferenceJob(InferenceRecipe(**options)) for _ in range(3))
    expected = [report.losses for report in whole.train()]
    first = begun.train()
    got = [next(first).losses for _ in range(20)]
    again.resume(*begun.checkpoint())
    got += [report.losses for report in again.train()]
    assert got == expected
    found = again.prediction()
    assert np.array_equal(found["mean_log_ratio"], whole.prediction()["mean_log_ratio"])
    assert float(found["log_ratio_sigma"].mean()) > 0 and found.sizes["network"] > 1


@pytest.mark.parametrize("method", ["histogram_2d", "sally"])
def test_histograms_are_resumed_bitwise_too(method):
    whole, begun, again = (InferenceJob(InferenceRecipe(method=method, **HIDDEN)) for _ in range(3))
    list(whole.train())
    first = begun.train()
    [next(first) for _ in range(7)]
    again.resume(*begun.checkpoint())
    list(again.train())
    assert np.array_equal(again.prediction()["mean_log_ratio"], whole.prediction()["mean_log_ratio"])


def test_a_posterior_is_refused_where_the_loss_is_no_likelihood():
    with pytest.raises(ValueError, match=r"^The loss of rolr is no −log p.*take an ensemble"):
        InferenceJob(InferenceRecipe(method="rolr", uncertainty="bnn"))


@pytest.mark.parametrize("options", [{}, {"method": "sallino"}, {"method": "histogram_2d"}, {"method": "alices", "head": "free"}])
def test_a_prediction_of_the_same_events_is_the_run_s_own(options):
    job, _ = trained(members=2, **options)
    oracle = answers(job.recipe, *job.checkpoint(), None, 1.0)
    jets = points(EVENTS.measured[:40], job.recipe, "auto")
    there = oracle(jets)
    own = job.estimate(slice(40)).log_ratio(ratio.grid())
    np.testing.assert_allclose(there["log_ratio"].values.reshape(40, -1), own.mean(0), atol=1e-6)
    with pytest.raises(ValueError, match=r"shape \(3, 2\); \(event, 2, 3\)"):
        points(np.zeros((3, 2)), job.recipe, "auto")


@pytest.mark.slow
def test_more_of_the_simulator_is_better_at_50_000_events():
    common = {"events": 50_000, "steps": 1_500, "batch_size": 1_024, "uncertainty": "none", "hidden": [64, 64, 64]}
    error = {}
    for name, options in {"CARL": {"method": "carl", "head": "free"}, "ALICE": {"head": "free"}, "quadratic": {}}.items():
        job, _ = trained(**common, **options)
        error[name] = float(job.prediction()["mse"])
    assert error["CARL"] > 2 * error["ALICE"] and error["ALICE"] > 3 * error["quadratic"]
