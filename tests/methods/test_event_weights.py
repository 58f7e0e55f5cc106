"""An event of weight n is n events: the gradients are those of a batch that holds it n times."""

from __future__ import annotations

import pytest
import torch

from workbench.data.scaling import Batch, DensityBatch
from workbench.methods.base import Point
from workbench.methods.chain import Chain
from workbench.methods.discflow import labelled
from workbench.methods.discriminator import Discriminator
from workbench.methods.flow import Density
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.methods.regression import GaussianRegression
from workbench.nets.coupling import Flow
from workbench.nets.population import PopulationMLP
from workbench.nets.splines import SPLINES
from workbench.training.loop import validate, weighted_median

OPTIONS = {"training_points": 40, "device": torch.device("cpu")}
COUNT = torch.tensor([1, 3, 1, 2, 5, 1, 1, 4])


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def flow(dimension=3, conditions=2):
    return Flow(dimension, conditions=conditions, blocks=2, hidden=(6,), spline=SPLINES["cubic"](4, 3.0))


def gradients(method):
    return {name: tensor.grad.clone() for name, tensor in method.parameters.items()}


REGRESSIONS = {
    "deterministic": lambda: PointEstimate(GaussianRegression(PopulationMLP(5, (6, 4), 2)), [Point(1, 2.0)], **OPTIONS),
    "warm start": lambda: MeanField(GaussianRegression(PopulationMLP(5, (6, 4), 2)), [Point(1, 2.0)], seed=3, warm_start=0.5, **OPTIONS),
}
DENSITIES = {
    "INN": lambda: PointEstimate(Density(flow()), [Point(1, 2.0)], **OPTIONS),
    "warm start": lambda: MeanField(Density(flow()), [Point(1, 2.0)], seed=3, warm_start=0.5, **OPTIONS),
}


def same(method, weighted, repeated):
    value = method.differentiate(weighted, 0).clone()
    own = gradients(method)
    torch.testing.assert_close(method.differentiate(repeated, 0), value)
    for name, gradient in gradients(method).items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", REGRESSIONS.values(), ids=REGRESSIONS)
def test_amplitudes_with_weights_are_repeated_amplitudes(make):
    features, target = numbers(8, 5), numbers(8)
    again = torch.repeat_interleave(torch.arange(8), COUNT)
    weight = COUNT / COUNT.float().mean()
    same(make(), Batch(features, target, weight), Batch(features[again], target[again], torch.ones(len(again))))


@pytest.mark.parametrize("make", DENSITIES.values(), ids=DENSITIES)
def test_points_with_weights_are_repeated_points(make):
    features, condition = numbers(8, 3), numbers(8, 2)
    again = torch.repeat_interleave(torch.arange(8), COUNT)
    same(
        make(),
        DensityBatch(features, condition, 0.3 * COUNT),
        DensityBatch(features[again], condition[again], torch.ones(len(again))),
    )


def test_a_chain_with_weights_is_a_chain_over_repeated_events():
    features = numbers(8, 5)
    features[[1, 4, 6], 3:] = torch.nan
    chain = Chain(
        [PointEstimate(Density(flow(3, 2)), [Point(1, 2.0)], **OPTIONS), PointEstimate(Density(flow(2, 5)), [Point(2, 2.0)], **OPTIONS)],
        [slice(0, 3), slice(3, 5)],
        [1.0, 0.6],
    )
    again = torch.repeat_interleave(torch.arange(8), COUNT)
    condition = numbers(8, 2)
    same(
        chain,
        DensityBatch(features, condition, 0.3 * COUNT),
        DensityBatch(features[again], condition[again], torch.ones(len(again))),
    )


def test_a_discriminator_sees_weighted_truth_as_repeated_truth():
    method = Discriminator(PopulationMLP(4, (6,), 1), [Point(1, 2.0)], **OPTIONS)
    truth, drawn = numbers(8, 4), numbers(18, 4) + 1
    again = torch.repeat_interleave(torch.arange(8), COUNT)
    batch = labelled(truth, drawn, 0.3 * COUNT)
    half = Batch(batch.features[:8], batch.target[:8], batch.weight[:8])
    whole = labelled(truth[again], drawn, torch.ones(len(again)))
    same(method, half, Batch(whole.features[: len(again)], whole.target[: len(again)], whole.weight[: len(again)]))


def test_validation_counts_weights():
    method = REGRESSIONS["deterministic"]()
    features, target = numbers(8, 5), numbers(8)
    again = torch.repeat_interleave(torch.arange(8), COUNT)
    weighted = validate(method, Batch(features, target, COUNT / COUNT.float().mean()))
    repeated = validate(method, Batch(features[again], target[again], torch.ones(len(again))))
    for own, other in zip(weighted, repeated, strict=True):
        torch.testing.assert_close(own, other)


def test_the_median_without_weights_is_that_of_torch():
    for count in (1, 2, 7, 100):
        values = numbers(3, count)
        torch.testing.assert_close(weighted_median(values, torch.ones(3, count)), values.median(-1).values, rtol=0, atol=0)
