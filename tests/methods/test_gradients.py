"""Every written-out gradient against automatic differentiation of the formula it stands for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from workbench.data.scaling import Batch
from workbench.methods.base import gaussian_likelihood
from workbench.methods.bnn import BayesianNetwork
from workbench.methods.heteroscedastic import Heteroscedastic
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


def in_double(method):
    """The same method with float64 weights, for comparisons to 1e-10."""
    for name, tensor in method.parameters.items():
        double = tensor.double()
        method.parameters[name] = double
        setattr(method, {"weights": "weights", "mean": "mean", "log_width": "log_width"}[name], double)
    if hasattr(method, "noise"):
        method.noise.table = method.noise.table.double()
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


def test_heteroscedastic_gradient(generator, batch):
    method = in_double(Heteroscedastic(network(), training_points=POINTS, prior_width=PRIOR, generator=generator, device=CPU, members=3))
    value = method.differentiate(batch, 0)
    rows = method.weights.clone().requires_grad_()
    outputs = method.network(rows, batch.features.expand(3, *batch.features.shape))
    likelihood, _ = gaussian_likelihood(outputs, batch.target.expand(3, -1), batch.weight.expand(3, -1))
    loss = likelihood.mean(1).sum() + rows.square().sum() / (2 * POINTS * PRIOR**2)
    loss.backward()
    torch.testing.assert_close(method.weights.grad, rows.grad)
    torch.testing.assert_close(3 * (value + method.penalty()), loss.detach())


@pytest.mark.parametrize("last_layer_only", [False, True])
def test_bayesian_gradient_is_that_of_the_evidence_bound(generator, batch, last_layer_only):
    method = in_double(
        BayesianNetwork(
            network(), training_points=POINTS, prior_width=PRIOR, generator=generator, device=CPU, seed=5, last_layer_only=last_layer_only, warm_start=0.0
        )
    )
    value = method.differentiate(batch, 9)
    mean, log_width = method.mean.clone().requires_grad_(), method.log_width.clone().requires_grad_()
    part, width, noise = method.bayesian, log_width.exp(), method.noise.draw(9, 4)
    rows = torch.cat([mean[:, : part.start].expand(4, -1), mean[:, part] + noise * width], dim=1)
    outputs = method.network(rows, batch.features.view(4, 3, 5))
    likelihood, _ = gaussian_likelihood(outputs, batch.target.view(4, 3), batch.weight.view(4, 3))
    divergence = kl_divergence(Normal(mean[:, part], width), Normal(0.0, PRIOR)).sum() / POINTS
    (likelihood.mean() + divergence).backward()
    torch.testing.assert_close(method.mean.grad, mean.grad)
    torch.testing.assert_close(method.log_width.grad, log_width.grad)
    torch.testing.assert_close(value, likelihood.mean().detach())
    torch.testing.assert_close(method.penalty(), divergence.detach())


def test_warm_start_moves_the_means_only_towards_the_most_probable_weights(generator, batch):
    method = in_double(BayesianNetwork(network(), training_points=POINTS, prior_width=PRIOR, generator=generator, device=CPU, seed=5, warm_start=0.5))
    method.advance(0.0)
    value = method.differentiate(batch, 0)
    mean = method.mean.clone().requires_grad_()
    likelihood, _ = gaussian_likelihood(method.network(mean, batch.features.unsqueeze(0)), batch.target.unsqueeze(0), batch.weight.unsqueeze(0))
    (likelihood.mean() + mean.square().sum() / (2 * POINTS * PRIOR**2)).backward()
    torch.testing.assert_close(method.mean.grad, mean.grad)
    assert method.log_width.grad is None
    torch.testing.assert_close(value, likelihood.mean().detach())
    method.advance(0.5)
    method.differentiate(batch, 0)
    assert method.log_width.grad is not None


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
    ensemble = RepulsiveEnsemble(
        network(), training_points=POINTS, prior_width=PRIOR, generator=torch.Generator().manual_seed(2), device=CPU, members=3, repulsion=0.0
    )
    independent = Heteroscedastic(
        network(), training_points=POINTS, prior_width=PRIOR, generator=torch.Generator().manual_seed(2), device=CPU, members=3
    )
    for method in (ensemble, independent):
        in_double(method).differentiate(batch, 0)
    torch.testing.assert_close(ensemble.weights.grad, independent.weights.grad, rtol=0, atol=0)
