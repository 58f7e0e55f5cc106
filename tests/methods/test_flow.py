"""Flows as methods: the losses and their gradients, densities that integrate to 1, and DiscFlow's recursion."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from workbench.data.scaling import DensityBatch
from workbench.methods.base import Point
from workbench.methods.flow import Density
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.nets.coupling import Flow
from workbench.nets.splines import SPLINES
from workbench.training.loop import SCHEDULES, State, train
from workbench.training.optimiser import Optimiser

CPU = torch.device("cpu")
POINTS, PRIOR = 40, 2.0


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(11)


@pytest.fixture
def batch(generator):
    numbers = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    return DensityBatch(numbers[:, :3], numbers[:, 3:], 0.5 + 3.0 * torch.rand(12, generator=generator, dtype=torch.float64))


def network():
    return Flow(3, conditions=2, blocks=3, hidden=(6, 5), spline=SPLINES["cubic"](4, 3.0))


def away_from_start(method, generator):
    """The same method in float64, with weights at which nothing vanishes by accident."""
    for name, tensor in method.parameters.items():
        double = tensor.double()
        weights = double[0] if name == "posterior" else double
        weights += 0.2 * torch.randn(weights.shape, generator=generator, dtype=torch.float64)
        method.parameters[name] = double
        setattr(method, name, double)
    if hasattr(method, "noise"):
        method.noise.table = method.noise.table.double()
    for name in ("signs", "precision", "prior_width"):
        if hasattr(method, name):
            setattr(method, name, getattr(method, name).double())
    return method


def likelihood(flow, rows, batch):
    """−⟨w log p⟩ of each row, with weights of mean 1 over the whole batch, by automatic differentiation."""
    x, condition = (each.expand(len(rows), -1, -1) for each in (batch.features, batch.condition))
    z, log_det, _ = flow.forward(rows, x, condition)
    log_density = Normal(0.0, 1.0).log_prob(z).sum(2) + log_det
    return -(batch.weight / batch.weight.mean() * log_density).mean(1)


def test_gradient_of_the_inn_is_that_of_the_weighted_likelihood_and_the_prior(generator, batch):
    method = away_from_start(PointEstimate(Density(network()), [Point(3, PRIOR)], training_points=POINTS, device=CPU, members=2), generator)
    value = method.differentiate(batch, 0)
    rows = method.weights[0].clone().requires_grad_()
    each = likelihood(method.network, rows, batch)
    (each.sum() + rows.square().sum() / (2 * POINTS * PRIOR**2)).backward()
    torch.testing.assert_close(value[0], each.mean().detach())
    torch.testing.assert_close(method.weights.grad[0], rows.grad)
    torch.testing.assert_close(method.penalty()[0], (rows.detach().square().sum() / (2 * POINTS * PRIOR**2)) / 2)


def test_only_ratios_of_event_weights_matter(generator, batch):
    method = away_from_start(PointEstimate(Density(network()), [Point(3, PRIOR)], training_points=POINTS, device=CPU), generator)
    first = method.differentiate(batch, 0)
    gradient = method.weights.grad.clone()
    torch.testing.assert_close(method.differentiate(DensityBatch(batch.features, batch.condition, 7.0 * batch.weight), 0), first)
    torch.testing.assert_close(method.weights.grad, gradient)


def bayesian(generator, points=None, **options):
    options = {"training_points": POINTS, "device": CPU, "seed": 5, "warm_start": 0.0} | options
    return away_from_start(MeanField(Density(network()), points or [Point(3, PRIOR)], **options), generator)


def test_gradient_of_the_bayesian_inn_is_that_of_the_evidence_bound(generator, batch):
    """Opposite weights for the halves of the batch; likelihood and KL both per event, with the KL divided by N and by nothing else."""
    method = bayesian(generator)
    value = method.differentiate(batch, 9)[0]
    posterior = method.posterior[:, 0].clone().requires_grad_()
    mean, width = posterior[0], posterior[1].exp()
    shift = method.noise.draw(9) * width
    weight = batch.weight / batch.weight.mean()
    loss = torch.zeros((), dtype=torch.float64)
    for part, row in ((slice(0, 6), mean + shift), (slice(6, 12), mean - shift)):
        z, log_det, _ = method.network.forward(row[None], batch.features[None, part], batch.condition[None, part])
        loss = loss - (weight[part] * (Normal(0.0, 1.0).log_prob(z).sum(2) + log_det)).sum() / 12
    divergence = kl_divergence(Normal(mean, width), Normal(0.0, PRIOR)).sum() / POINTS
    (loss + divergence).backward()
    torch.testing.assert_close(value, loss.detach())
    torch.testing.assert_close(method.penalty()[0], divergence.detach())
    torch.testing.assert_close(method.posterior.grad[:, 0], posterior.grad)


def test_the_divergence_counts_less_the_more_events_there_are(generator):
    few, many = (bayesian(torch.Generator().manual_seed(1), training_points=number) for number in (POINTS, 10 * POINTS))
    torch.testing.assert_close(few.penalty(), 10.0 * many.penalty())


def test_points_trained_together_have_the_gradients_they_have_alone(batch):
    points = [Point(1, 0.5), Point(2, 0.5), Point(2, 3.0)]
    weight = torch.stack([batch.weight, batch.weight.flip(0), batch.weight.square()])
    for make in (PointEstimate, MeanField):
        options = {"training_points": POINTS, "device": CPU} | ({"seed": 5, "warm_start": 0.0} if make is MeanField else {})

        def fresh(some, make=make, options=options):
            return away_from_start(make(Density(network()), some, **options), torch.Generator().manual_seed(0))

        together = fresh(points)
        ((name, parameter),) = together.parameters.items()
        axis = 1 if name == "posterior" else 0
        value = together.differentiate(DensityBatch(batch.features, batch.condition, weight), 3)
        for number, point in enumerate(points):
            alone = fresh([point])
            (single,) = alone.parameters.values()
            single.copy_(parameter.narrow(axis, number, 1))
            own = alone.differentiate(DensityBatch(batch.features, batch.condition, weight[number]), 3)
            torch.testing.assert_close(value[number], own[0])
            torch.testing.assert_close(parameter.grad.select(axis, number), single.grad.select(axis, 0))


def trained(method, batch, *, steps, size, rate, seed=0):
    """The method after a training, with the reports of it."""
    state = State(method, Optimiser("adam", method.parameters.values()), steps, size, rate, SCHEDULES["cosine"], seed)
    return list(train(state, batch, dict))


def ring(events, generator):
    """Half a ring of radius 2 and width 0.4, and a condition that shifts it."""
    radius, angle = 2.0 + 0.4 * torch.randn(events, generator=generator), math.pi * torch.rand(events, generator=generator)
    shift = torch.randn(events, 1, generator=generator)
    points = torch.stack([radius * angle.cos(), radius * angle.sin() - 1.0], 1) + 0.5 * shift
    return DensityBatch(points, shift, torch.ones(events))


def a_trained_ring(make, generator, **options):
    flow = Flow(2, conditions=1, blocks=4, hidden=(16, 16), seed=1)
    method = make(Density(flow), [Point(0)], training_points=4_000, device=CPU, **options)
    reports = trained(method, ring(4_000, generator), steps=300, size=512, rate=1e-2)
    return method, reports


@pytest.mark.parametrize(("make", "options"), [(PointEstimate, {"members": 2}), (MeanField, {"seed": 3, "warm_start": 0.3})])
def test_a_trained_density_integrates_to_one_in_two_dimensions(make, options, generator):
    method, reports = a_trained_ring(make, generator, **options)
    assert reports[-1].losses["likelihood"] < reports[0].losses["likelihood"] - 0.3
    axis = torch.linspace(-6.0, 6.0, 301)
    grid = torch.cartesian_prod(axis, axis)
    rows = method.networks(2, torch.Generator().manual_seed(1))[0]
    for shift in (-1.0, 0.5):
        density = method.objective.log_density(rows, grid, torch.full((len(grid), 1), shift)).double().exp()
        torch.testing.assert_close(density.sum(1) * float(axis[1] - axis[0]) ** 2, torch.ones(2, dtype=torch.float64), rtol=0, atol=3e-3)


def test_samples_follow_the_density_and_come_back_to_their_latent_points(generator):
    method, _ = a_trained_ring(PointEstimate, generator)
    condition = torch.full((20_000, 1), 0.5)
    sample = method.objective.sample(method.central()[0], condition, torch.Generator().manual_seed(2))[0]
    again = method.objective.sample(method.central()[0], condition, torch.Generator().manual_seed(2))[0]
    assert torch.equal(sample, again)
    z, _, _ = method.network.forward(method.weights[0], sample[None], condition[None])
    latent = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(2))
    assert (z[0] - latent).abs().max() < 1e-3 and (z[0] - latent).abs().quantile(0.999) < 1e-4
    axis = torch.linspace(-6.0, 6.0, 301)
    grid = torch.cartesian_prod(axis, axis)
    weight = method.objective.log_density(method.central()[0], grid, condition[:1].expand(len(grid), 1))[0].double().exp()
    mean = (weight[:, None] * grid).sum(0) / weight.sum()
    torch.testing.assert_close(sample.double().mean(0), mean, rtol=0, atol=0.05)


def test_the_same_seed_gives_the_same_curve_and_a_stopped_training_is_sound(generator):
    curves = []
    for _ in range(2):
        method = MeanField(
            Density(Flow(2, conditions=1, blocks=2, hidden=(8,))), [Point(4)], training_points=500, device=CPU, seed=3, warm_start=0.5
        )
        state = State(method, Optimiser("adam", method.parameters.values()), 40, 64, 1e-2, SCHEDULES["one_cycle"], 5)
        data = ring(500, torch.Generator().manual_seed(8))
        curves.append([report.losses["loss"] for report in islice(train(state, data, dict), 30)])
    assert curves[0] == curves[1] and all(map(math.isfinite, curves[0]))


TRUTH = Normal(0.0, 1.0)
LINE = torch.linspace(-4.0, 4.0, 161).unsqueeze(1)


def fitted(log_weight, steps=500):
    """log p of a one-dimensional flow after weighted maximum likelihood, Σ w P_ref log p → max, on points that carry P_ref as weight."""
    weight = (TRUTH.log_prob(LINE[:, 0]) + log_weight).exp()
    method = PointEstimate(
        Density(Flow(1, blocks=1, hidden=(), spline=SPLINES["cubic"](16, 4.5))), [Point(0, 1e3)], training_points=1, device=CPU
    )
    trained(method, DensityBatch(LINE, torch.empty(len(LINE), 0), weight), steps=steps, size=len(LINE), rate=5e-2)
    density = method.objective.log_density(method.central()[0], LINE, torch.empty(len(LINE), 0))[0]
    assert float(density.exp().sum() * (LINE[1] - LINE[0])) == pytest.approx(1.0, abs=2e-3)
    return density


@pytest.mark.parametrize("alpha", [0.3, 0.6])
def test_discflow_contracts_the_log_ratio_by_alpha_in_every_converged_round(alpha):
    """e = log p/P_ref obeys e → −α e up to normalisation when the weights are w_D^α with the exact w_D = P_ref/p."""

    def error(density):
        excess = density - TRUTH.log_prob(LINE[:, 0])
        share = TRUTH.log_prob(LINE[:, 0]).exp() / TRUTH.log_prob(LINE[:, 0]).exp().sum()
        return (excess - (share * excess).sum()) * share.sqrt()

    density = fitted(0.8 * torch.sin(1.2 * LINE[:, 0]))
    errors = [error(density)]
    for _ in range(2):
        density = fitted(alpha * (TRUTH.log_prob(LINE[:, 0]) - density))
        errors.append(error(density))
    for before, after in pairwise(errors):
        factor = (before * after).sum() / before.square().sum()
        assert float(factor) == pytest.approx(-alpha, rel=0.1)
        assert float((after - factor * before).norm()) < 0.1 * float(before.norm())


def test_widths_learn_as_much_faster_as_they_are_told(generator, batch):
    """One step of Adam moves log σ by pace × rate, μ by the rate, and both start where they start without."""
    moved = {}
    for pace in (1.0, 5.0):
        method = MeanField(Density(network()), [Point(3, PRIOR)], training_points=POINTS, device=CPU, seed=1, warm_start=0.0, pace=pace)
        before = method.mean.clone(), method.log_width.clone()
        state = State(method, Optimiser("adam", method.parameters.values()), 1, 12, 1e-3, SCHEDULES["constant"], 0)
        single = DensityBatch(*(getattr(batch, name).float() for name in ("features", "condition", "weight")))
        list(train(state, single, dict))
        moved[pace] = before[1], [(now - then).abs().median() for now, then in zip((method.mean, method.log_width), before, strict=True)]
    torch.testing.assert_close(moved[1.0][0], moved[5.0][0])
    torch.testing.assert_close(moved[1.0][1][0], moved[5.0][1][0], rtol=0.05, atol=0)
    torch.testing.assert_close(5.0 * moved[1.0][1][1], moved[5.0][1][1], rtol=0.05, atol=0)
