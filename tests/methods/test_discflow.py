"""Discriminators and DiscFlow: known density ratios, gradients, and what a batch becomes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from workbench.data.scaling import DensityBatch
from workbench.methods.base import Point
from workbench.methods.discflow import DiscFlow, Nuisance, Ramp, labelled
from workbench.methods.discriminator import Discriminator
from workbench.methods.flow import Density
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.nets.coupling import Flow
from workbench.nets.population import PopulationMLP
from workbench.nets.splines import SPLINES
from workbench.physics.weights import nuisance_scale
from workbench.training.loop import SCHEDULES, State, train
from workbench.training.optimiser import Optimiser

CPU = torch.device("cpu")


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(5)


def discriminator(inputs=1, hidden=(24, 24), points=20_000):
    return Discriminator(PopulationMLP(inputs, hidden, 1, activation="silu"), [Point(3, 2.0)], training_points=points, device=CPU)


def learned(method, batch, *, steps, size=1_024, rate=5e-3):
    for _ in train(State(method, Optimiser("adam", method.parameters.values()), steps, size, rate, SCHEDULES["cosine"], 1), batch, dict):
        pass
    return method


def test_a_fresh_discriminator_knows_nothing():
    assert torch.equal(discriminator().log_weight(torch.randn(7, 1)), torch.zeros(7))


def test_its_gradient_is_that_of_the_cross_entropy_with_weights(generator):
    method = discriminator(3, (5,), points=40)
    method.weights = torch.randn(method.weights.shape, generator=generator, dtype=torch.float64)
    method.parameters["discriminator"] = method.weights[:, 0]
    method.precision = method.precision.double()
    x, other = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (6, 6))
    weight = 0.5 + torch.rand(6, generator=generator, dtype=torch.float64)
    value = method.differentiate(labelled(x, other, weight), 0)
    rows = method.parameters["discriminator"].clone().requires_grad_()
    d_truth, d_drawn = (torch.sigmoid(method.network(rows, points[None])[0, :, 0]) for points in (x, other))
    loss = -(weight / weight.mean() * d_truth.log()).mean() / 2 - (1 - d_drawn).log().mean() / 2
    (loss + rows.square().sum() / (2 * 40 * 2.0**2)).backward()
    torch.testing.assert_close(value[0], loss.detach())
    torch.testing.assert_close(method.parameters["discriminator"].grad, rows.grad)


def test_it_learns_the_ratio_of_two_gaussians(generator):
    """log N(0.6, 0.8)/N(0, 1), with truth drawn twice too often where x < 0 and weighted back."""
    truth, drawn = Normal(0.6, 0.8), Normal(0.0, 1.0)
    x = 0.6 + 0.8 * torch.randn(30_000, 1, generator=generator)
    again = x[x[:, 0] < 0]
    events = torch.cat([x, again])
    weight = torch.where(events[:, 0] < 0, 0.5, 1.0)
    batch = labelled(events, torch.randn(len(events), 1, generator=generator), weight)
    method = learned(discriminator(), batch, steps=800)
    line = torch.linspace(-1.0, 2.2, 33)
    exact = truth.log_prob(line) - drawn.log_prob(line)
    assert float((method.log_weight(line[:, None]) - exact).abs().max()) < 0.15
    assert float((method.log_weight(line[:, None]) - exact).abs().mean()) < 0.05


def flow(make=PointEstimate, **options):
    network = Flow(2, conditions=1, blocks=2, hidden=(8,), spline=SPLINES["cubic"](6, 4.0))
    return make(Density(network), [Point(0)], training_points=500, device=CPU, **options)


def coupled(generator, alpha=0.5, gan=False, make=PointEstimate, **options):
    inner = flow(make, **options)
    judge = discriminator(3, (8,))
    judge.weights += 0.5 * torch.randn(judge.weights.shape, generator=generator)
    ramp = Ramp(alpha, 0.2, 0.4)
    return DiscFlow(inner, judge, lambda x, c: torch.cat([x, c], 1), ramp=ramp, clip=3.0, seed=1, gan=gan)


@pytest.fixture
def batch(generator):
    x = torch.randn(64, 3, generator=generator)
    return DensityBatch(x[:, :2], x[:, 2:], 0.5 + torch.rand(64, generator=generator))


def test_alpha_waits_then_rises():
    ramp = Ramp(0.6, 0.2, 0.4)
    assert [round(ramp(t), 12) for t in (0.0, 0.2, 0.4, 0.6, 1.0)] == [0.0, 0.0, 0.3, 0.6, 0.6]
    assert Ramp(0.6, 0.0, 0.0)(0.1) == 0.6


def test_before_its_start_discflow_is_the_flow_alone(generator, batch):
    method, alone = coupled(generator), flow()
    method.advance(0.1)
    torch.testing.assert_close(method.differentiate(batch, 3), alone.differentiate(batch, 3), rtol=0, atol=0)
    torch.testing.assert_close(method.parameters["weights"].grad, alone.weights.grad, rtol=0, atol=0)
    assert not method.parameters["discriminator"].grad.any()


def test_the_weights_are_those_of_the_discriminator_to_the_power_alpha_clipped_with_mean_one(generator, batch):
    method = coupled(generator)
    method.advance(0.8)
    seen = torch.cat([batch.features, batch.condition], 1)
    w = method.discriminator.log_weight(seen).mul(0.5).exp().clamp(1 / 3, 3)
    changed = method.steer(batch, 4)
    torch.testing.assert_close(changed.weight, batch.weight * w / w.mean())
    assert torch.equal(changed.features, batch.features) and w.std() > 0.05
    assert method.parameters["discriminator"].grad.any()
    again = method.steer(batch, 4)
    torch.testing.assert_close(again.weight, changed.weight, rtol=0, atol=0)


@pytest.mark.parametrize(("make", "options"), [(PointEstimate, {}), (MeanField, {"seed": 3, "warm_start": 0.0})])
def test_the_coupling_of_a_gan_raises_log_d_of_drawn_events(make, options, generator, batch):
    """Its batch has the likelihood of truth and α (log D − ⟨log D⟩) log p of drawn events: shares sum to what truth alone has."""
    method = coupled(generator, gan=True, make=make, **options)
    method.advance(0.8)
    changed = method.steer(batch, 2)
    assert len(changed) == 2 * len(batch)
    torch.testing.assert_close(changed.features[::2], batch.features)
    torch.testing.assert_close(changed.weight[::2], batch.weight / batch.weight.mean())
    drawn = torch.cat([changed.features[1::2], changed.condition[1::2]], 1)
    log_d = torch.nn.functional.logsigmoid(method.discriminator.log_weight(drawn))
    torch.testing.assert_close(changed.weight[1::2], 0.5 * (log_d - log_d.mean()), rtol=1e-4, atol=1e-5)
    assert torch.isfinite(method.differentiate(batch, 2)).all()


def test_the_nuisance_weights_by_one_plus_a_e_over_its_mean(generator, batch):
    """e = x², and ⟨e⟩ given as 0.5."""
    method = Nuisance(flow(), lambda x: x[:, 0].square(), 0.5, 30.0, seed=2)
    changed = method.steer(batch, 6)
    c = changed.condition[:, -1]
    torch.testing.assert_close(torch.stack([c.mean(), c.std()]), torch.tensor([0.0, 1.0]), atol=0.15, rtol=0)
    assert torch.equal(changed.condition[:, :-1], batch.condition[:, :-1])
    a = 31 ** (c / 12**0.5 + 0.5) - 1
    np.testing.assert_allclose(nuisance_scale(a.numpy()), c.numpy(), atol=1e-4)
    torch.testing.assert_close(changed.weight, batch.weight * (1 + a * batch.features[:, 0].square()) / (1 + 0.5 * a))
    assert not torch.equal(method.steer(batch, 7).condition, changed.condition)
