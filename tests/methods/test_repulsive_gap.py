"""Repulsion acts where the data do not: a gap in a 1D regression (check A3 of the fact sheet)."""

from __future__ import annotations

import torch

from workbench.data.scaling import Batch
from workbench.methods.base import Point
from workbench.methods.regression import GaussianRegression
from workbench.methods.repulsive import RepulsiveEnsemble
from workbench.nets.population import PopulationMLP
from workbench.training.optimiser import Optimiser

STRENGTHS = (0.0, 3.0, 300.0)


def spreads():
    """Spread between 8 members in the gap |x| < 0.3 and where the data are, for each strength of the repulsion, trained together."""
    generator = torch.Generator().manual_seed(4)
    x = torch.rand(400, generator=generator) * 2 - 1
    x = x[x.abs() > 0.3].unsqueeze(1)
    target = torch.sin(4.0 * x[:, 0]) + 0.1 * torch.randn(len(x), generator=generator)
    batch = Batch(x, target, torch.ones(len(x)))
    points = [Point(seed=1, repulsion=strength) for strength in STRENGTHS]
    method = RepulsiveEnsemble(
        GaussianRegression(PopulationMLP(1, (16, 16), 2, activation="tanh")), points, training_points=len(x), device=x.device, members=8
    )
    optimiser = Optimiser("adam", method.parameters.values())
    with torch.inference_mode():
        for step in range(1_500):
            method.differentiate(batch, step)
            optimiser.step(5e-3)
        mean = method.objective.predict(method.weights, torch.linspace(-1, 1, 201).unsqueeze(1))[..., 0]
    spread, grid = mean.std(1), torch.linspace(-1, 1, 201)
    return spread[:, grid.abs() < 0.2].mean(1), spread[:, grid.abs() > 0.4].mean(1)


def test_members_differ_where_there_are_no_data_and_more_so_the_stronger_they_repel():
    gap, data = spreads()
    assert gap[0] > 3 * data[0]
    assert (gap.diff() > 0).all(), gap
    assert gap[-1] > 1.3 * gap[0]
