"""One objective, every posterior: what is written as a plain function of the outputs has the slopes of what was written by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from workbench.data.scaling import Batch
from workbench.methods.base import Point
from workbench.methods.discriminator import CrossEntropy
from workbench.methods.mean_field import MeanField
from workbench.methods.objective import Autograd
from workbench.methods.point import PointEstimate
from workbench.methods.regression import LOG_VARIANCE, GaussianRegression
from workbench.methods.repulsive import RepulsiveEnsemble
from workbench.nets.population import PopulationMLP

COMMON = {"training_points": 40, "device": torch.device("cpu")}


class PlainRegression(Autograd):
    def __init__(self, network):
        self.network = network

    def value(self, outputs, batch):
        log_variance = outputs[..., 1].clamp(*LOG_VARIANCE)
        return 0.5 * batch.weight * ((batch.target - outputs[..., 0]).square() * torch.exp(-log_variance) + log_variance)


class PlainCrossEntropy(Autograd):
    def __init__(self, network):
        self.network = network

    def value(self, outputs, batch):
        return batch.weight * F.binary_cross_entropy_with_logits(outputs[..., 0], batch.target, reduction="none")


POSTERIORS = {
    "point": lambda objective, points: PointEstimate(objective, points, **COMMON),
    "ensemble": lambda objective, points: PointEstimate(objective, points, members=3, **COMMON),
    "repulsive": lambda objective, points: RepulsiveEnsemble(objective, points, members=3, **COMMON),
    "warm start": lambda objective, points: MeanField(objective, points, seed=5, warm_start=0.5, **COMMON),
    "Bayesian": lambda objective, points: MeanField(objective, points, seed=5, warm_start=0.0, **COMMON),
    "last layer": lambda objective, points: MeanField(
        objective, points, seed=5, warm_start=0.0, bayesian=objective.network.last_layer, **COMMON
    ),
}
OBJECTIVES = {"regression": (GaussianRegression, PlainRegression, 2), "classes": (CrossEntropy, PlainCrossEntropy, 1)}


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_every_posterior_learns_every_objective_and_automatic_differentiation_agrees(posterior, objective):
    generator = torch.Generator().manual_seed(3)
    points = [Point(1, 0.5, 10.0), Point(2, 2.0, 0.0)]
    features, target = torch.randn(12, 5, generator=generator), torch.randn(2, 12, generator=generator)
    target = (target > 0).float() if objective == "classes" else target
    batch = Batch(features, target, 0.5 + torch.rand(2, 12, generator=generator))
    written, plain, outputs = OBJECTIVES[objective]
    by_hand, automatic = (POSTERIORS[posterior](make(PopulationMLP(5, (6, 4), outputs)), points) for make in (written, plain))
    with torch.inference_mode():  # as the steps of a training are
        values = [method.differentiate(batch.select(torch.arange(12)), 7) for method in (by_hand, automatic)]
    torch.testing.assert_close(*values)
    for name, tensor in by_hand.parameters.items():
        assert tensor.grad.abs().max() > 0
        torch.testing.assert_close(tensor.grad, automatic.parameters[name].grad, rtol=1e-4, atol=1e-6)
