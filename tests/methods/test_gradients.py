"""Every written-out gradient against automatic differentiation of the formula it stands for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from workbench.data.scaling import Batch
from workbench.methods.base import Point
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.methods.regression import GaussianRegression, gaussian_likelihood
from workbench.methods.repulsive import RepulsiveEnsemble, repulsion_gradient
from workbench.nets.population import PopulationMLP

CPU = torch.device("cpu")
POINTS, PRIOR = 40, 2.0


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(11)


@pytest.fixture
def batch(generator):
    features = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    target = torch.randn(12, generator=generator, dtype=torch.float64)
    return Batch(features, target, 1.0 + torch.rand(12, generator=generator, dtype=torch.float64))


def network():
    return PopulationMLP(5, (6, 4), 2)


def regression():
    return GaussianRegression(network())


def in_double(method):
    """The same method with float64 weights, for comparisons to 1e-10."""
    for name, tensor in method.parameters.items():
        double = tensor.double()
        method.parameters[name] = double
        setattr(method, name, double)
    if hasattr(method, "noise"):
        method.noise.table = method.noise.table.double()
    for name in ("signs", "precision", "prior_width", "repulsion"):
        if hasattr(method, name):
            setattr(method, name, getattr(method, name).double())
    return method


def test_likelihood_is_that_of_a_normal_distribution_and_its_slope_the_derivative(generator, batch):
    outputs = torch.randn(3, 12, 2, generator=generator, dtype=torch.float64).requires_grad_()
    target, weight = batch.target.expand(3, -1), batch.weight.expand(3, -1)
    value, slope = gaussian_likelihood(outputs, target, weight)
    normal = Normal(outputs[..., 0], torch.exp(0.5 * outputs[..., 1]))
    expected = -weight * (normal.log_prob(target) + 0.5 * math.log(2.0 * math.pi))
    torch.testing.assert_close(value, expected)
    expected.sum().backward()
    torch.testing.assert_close(slope.detach(), outputs.grad)


def test_a_network_that_claims_too_much_is_pulled_back(batch):
    outputs = torch.zeros(1, 12, 2, dtype=torch.float64)
    outputs[..., 1] = -100.0
    _, slope = gaussian_likelihood(outputs, batch.target.expand(1, -1), batch.weight.expand(1, -1))
    assert torch.isfinite(slope).all() and (slope[..., 1] < 0).all()


def test_heteroscedastic_gradient(batch):
    method = in_double(PointEstimate(regression(), [Point(11, PRIOR)], training_points=POINTS, device=CPU, members=3))
    value = method.differentiate(batch, 0)[0]
    rows = method.weights[0].clone().requires_grad_()
    outputs = method.network(rows, batch.features.expand(3, *batch.features.shape))
    likelihood, _ = gaussian_likelihood(outputs, batch.target.expand(3, -1), batch.weight.expand(3, -1))
    loss = likelihood.mean(1).sum() + rows.square().sum() / (2 * POINTS * PRIOR**2)
    loss.backward()
    torch.testing.assert_close(method.weights.grad[0], rows.grad)
    torch.testing.assert_close(3 * (value + method.penalty()[0]), loss.detach())


@pytest.mark.parametrize("last_layer_only", [False, True])
def test_bayesian_gradient_is_that_of_the_evidence_bound(generator, batch, last_layer_only):
    method = in_double(
        MeanField(
            regression(),
            [Point(11, PRIOR)],
            training_points=POINTS,
            device=CPU,
            seed=5,
            bayesian=network().last_layer if last_layer_only else None,
            warm_start=0.0,
        )
    )
    value = method.differentiate(batch, 9)[0]
    posterior = method.posterior[:, 0].clone().requires_grad_()
    part, noise = method.bayesian, method.noise.draw(9)
    mean, width = posterior[0], posterior[1, part].exp()
    rows = torch.stack([torch.cat([mean[: part.start], mean[part] + sign * noise * width]) for sign in (1.0, -1.0)])
    likelihood, _ = gaussian_likelihood(
        method.network(rows, batch.features.view(2, 6, 5)), batch.target.view(2, 6), batch.weight.view(2, 6)
    )
    rest = mean[: part.start].square().sum() / (2 * POINTS * PRIOR**2)  # weights without a width have the same prior
    divergence = kl_divergence(Normal(mean[part], width), Normal(0.0, PRIOR)).sum() / POINTS + rest
    (likelihood.mean() + divergence).backward()
    torch.testing.assert_close(method.posterior.grad[:, 0], posterior.grad)
    torch.testing.assert_close(value, likelihood.mean().detach())
    torch.testing.assert_close(method.penalty()[0], divergence.detach())


def test_an_odd_batch_leaves_one_event_out(generator, batch):
    method = in_double(MeanField(regression(), [Point(11, PRIOR)], training_points=POINTS, device=CPU, seed=5, warm_start=0.0))
    even = method.differentiate(batch[:10], 4).clone()
    torch.testing.assert_close(method.differentiate(batch[:11], 4), even, rtol=0, atol=0)


def test_warm_start_moves_the_means_only_towards_the_most_probable_weights(generator, batch):
    method = in_double(MeanField(regression(), [Point(11, PRIOR)], training_points=POINTS, device=CPU, seed=5, warm_start=0.5))
    method.advance(0.0)
    value = method.differentiate(batch, 0)[0]
    mean = method.mean.clone().requires_grad_()
    likelihood, _ = gaussian_likelihood(method.network(mean, batch.features.unsqueeze(0)), batch.target[None], batch.weight[None])
    (likelihood.mean() + mean.square().sum() / (2 * POINTS * PRIOR**2)).backward()
    torch.testing.assert_close(method.posterior.grad[0], mean.grad)
    assert not method.posterior.grad[1].any()
    torch.testing.assert_close(value, likelihood.mean().detach())
    method.advance(0.5)
    method.differentiate(batch, 0)
    assert method.posterior.grad[1].all()


def kernel_ratio(prediction):
    """Σ_i Σ_j k(A_i, Ā_j) / Σ_j k(Ā_i, Ā_j), as on the talk's slide."""
    fixed = prediction.detach()
    distance2 = (prediction[:, None] - fixed[None, :]).square().sum(-1)
    bandwidth = distance2.detach().median() / (2 * math.log(len(fixed) + 1))
    kernel = torch.exp(-distance2 / (2 * bandwidth))
    return (kernel.sum(1) / kernel.detach().sum(1)).sum()


def test_repulsion_ratio_is_one_per_member_with_the_gradient_we_use(generator):
    prediction = torch.randn(6, 9, generator=generator, dtype=torch.float64).requires_grad_()
    ratio = kernel_ratio(prediction)
    assert ratio.item() == pytest.approx(6.0, abs=1e-12)
    ratio.backward()
    assert prediction.grad.abs().max() > 0
    torch.testing.assert_close(repulsion_gradient(prediction.detach()), prediction.grad)


def test_descending_the_repulsion_drives_members_apart(generator):
    prediction = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    moved = prediction - 0.1 * repulsion_gradient(prediction)
    assert moved.std(0).mean() > prediction.std(0).mean()


def test_members_that_agree_exactly_do_not_produce_nan():
    assert torch.equal(repulsion_gradient(torch.ones(4, 9)), torch.zeros(4, 9))


def test_without_repulsion_members_train_as_if_alone(generator, batch):
    ensemble = RepulsiveEnsemble(regression(), [Point(2, PRIOR)], training_points=POINTS, device=CPU, members=3)
    independent = PointEstimate(regression(), [Point(2, PRIOR)], training_points=POINTS, device=CPU, members=3)
    for method in (ensemble, independent):
        in_double(method).differentiate(batch, 0)
    torch.testing.assert_close(ensemble.weights.grad, independent.weights.grad, rtol=0, atol=0)


def test_draws_for_evaluation_have_the_posterior_widths_and_cancel_in_pairs():
    method = MeanField(regression(), [Point(11, PRIOR)], training_points=POINTS, device=CPU, seed=5, warm_start=0.0)
    rows = method.networks(2_000, torch.Generator().manual_seed(1))[0]
    torch.testing.assert_close(rows.mean(0), method.mean[0], rtol=0, atol=1e-6)
    width = (rows - method.mean).std(0)
    torch.testing.assert_close(width, method.log_width[0].exp(), rtol=6 / 2_000**0.5, atol=0)
    assert method.networks(5, torch.Generator().manual_seed(1)).shape == (1, 5, method.network.parameters)


METHODS = {
    "deterministic": lambda points: PointEstimate(regression(), points, training_points=POINTS, device=CPU),
    "ensemble": lambda points: RepulsiveEnsemble(regression(), points, training_points=POINTS, device=CPU, members=3),
    "bnn": lambda points: MeanField(regression(), points, training_points=POINTS, device=CPU, seed=5, warm_start=0.0),
    "last layer": lambda points: MeanField(
        regression(), points, training_points=POINTS, device=CPU, seed=5, warm_start=0.0, bayesian=network().last_layer
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_points_trained_together_have_the_gradients_they_have_alone(generator, batch, name):
    points = [Point(1, 0.5, 1.0), Point(2, 0.5, 100.0), Point(2, 3.0, 0.0)]
    target = torch.stack([batch.target, 2.0 * batch.target, batch.target - 1.0])
    weight = torch.stack([batch.weight, batch.weight, 3.0 * batch.weight])
    together = in_double(METHODS[name](points))
    value = together.differentiate(Batch(batch.features, target, weight), 3)
    (parameter,) = together.parameters.values()
    axis = 1 if parameter.shape[0] == 2 else 0
    for number, point in enumerate(points):
        alone = in_double(METHODS[name]([point]))
        own = alone.differentiate(Batch(batch.features, target[number], weight[number]), 3)
        (single,) = alone.parameters.values()
        torch.testing.assert_close(value[number], own[0])
        torch.testing.assert_close(together.penalty()[number], alone.penalty()[0])
        torch.testing.assert_close(parameter.grad.select(axis, number), single.grad.select(axis, 0))
