"""Widths of a Bayesian network open as narrow as the data know a weight, and never wider than before."""

from __future__ import annotations

import math

import pytest
import torch

from workbench.data.scaling import Batch
from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.methods.base import Point
from workbench.methods.mean_field import INITIAL_WIDTH, MeanField
from workbench.methods.regression import GaussianRegression
from workbench.nets.population import PopulationMLP

CPU = torch.device("cpu")
PRIOR, SIGMA, POINTS = 2.0, 0.5, 1e6


@pytest.fixture
def batch():
    """Features of widths 1, 3 and 0."""
    x = torch.randn(4_000, 3, generator=torch.Generator().manual_seed(2)) * torch.tensor([1.0, 3.0, 0.0])
    return Batch(x, torch.zeros(len(x)), torch.ones(len(x)))


def line():
    """y = w·x + b with σ = 0.5, and weights in the order w, w of log σ², b, log σ²."""
    network = PopulationMLP(3, (), 2)
    rows = torch.zeros(1, network.parameters)
    rows[0, :3], rows[0, 7] = torch.tensor([0.3, -0.2, 5.0]), math.log(SIGMA**2)
    return network, rows


def exact():
    """F = ⟨x²⟩/σ² of the mean, ⟨x²⟩/2 of log σ², for a Gaussian."""
    squares = torch.tensor([1.0, 9.0, 0.0])
    return torch.cat([squares / SIGMA**2, squares / 2, torch.tensor([1 / SIGMA**2, 0.5])])


def test_the_information_of_a_line_is_known(batch):
    network, rows = line()
    found = torch.stack([GaussianRegression(network).information(rows, batch, torch.Generator().manual_seed(n))[0] for n in range(8)])
    torch.testing.assert_close(found.mean(0), exact(), rtol=0.08, atol=0.0)


def test_widths_open_at_the_posterior_of_each_weight_but_not_above_the_usual_one(batch):
    network, rows = line()
    method = MeanField(
        GaussianRegression(network), [Point(0, PRIOR)], training_points=int(POINTS), device=CPU, seed=0, pace=2.0, fisher=True
    )
    method.posterior[0] = rows
    method.begin(batch, 10)
    assert method.log_width.exp().allclose(torch.tensor(INITIAL_WIDTH))  # they are not open yet
    method.advance(0.7)
    method.begin(batch, 10)
    width = method.log_width.exp()[0]
    torch.testing.assert_close(width, (POINTS * exact() + PRIOR**-2).rsqrt().clamp(max=INITIAL_WIDTH), rtol=0.15, atol=0.0)
    assert width[2] == width[5] and width[0] > 2 * width[1]


@pytest.mark.parametrize("opening", ["alike", "fisher"])
@pytest.mark.parametrize("uncertainty", ["bnn", "bnn_last_layer"])
def test_a_training_opens_its_widths_as_the_recipe_says(opening, uncertainty):
    options = {"events": 9_000, "test_events": 200, "hidden": [32], "noise": 0.0, "inputs": "invariants", "device": "cpu"}
    job = Job(AmplitudeRecipe(**options, uncertainty=uncertainty, opening=opening, steps=300, warm_start=0.995))  # one step with widths
    for _ in job.train():
        pass
    width = job.training.method.log_width.exp()
    usual = width.isclose(torch.tensor(INITIAL_WIDTH), rtol=1e-3)
    assert usual.all() if opening == "alike" else not usual.all() and (width <= INITIAL_WIDTH * 1.001).all()
