"""The chain of flows over the number of jets."""

from __future__ import annotations

import pytest
import torch

from workbench.data.scaling import DensityBatch
from workbench.methods.base import Point
from workbench.methods.chain import Chain
from workbench.methods.flow import Density
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.nets.coupling import Flow

CPU = torch.device("cpu")
PARTS = (slice(0, 3), slice(3, 5), slice(5, 7))


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(8)


@pytest.fixture
def batch(generator):
    jets = torch.tensor([1, 1, 2, 3, 1, 2, 3, 2, 1, 3, 2, 1])
    x = torch.randn(12, 7, generator=generator)
    x[jets < 2, 3:5] = torch.nan
    x[jets < 3, 5:7] = torch.nan
    return DensityBatch(x, torch.nn.functional.one_hot(jets - 1, 3).float(), 0.5 + torch.rand(12, generator=generator))


def chain(make=PointEstimate, **options):
    stages = [
        make(
            Density(Flow(part.stop - part.start, conditions=part.start + 3, blocks=2, hidden=(6,))),
            [Point(n)],
            training_points=50,
            device=CPU,
            **options | ({"seed": n} if make is MeanField else {}),
        )
        for n, part in enumerate(PARTS)
    ]
    for stage in stages:
        for name, tensor in stage.parameters.items():
            (tensor[0] if name == "posterior" else tensor).add_(
                0.2 * torch.randn(tensor.shape[-1], generator=torch.Generator().manual_seed(1))
            )
    return Chain(stages, PARTS, (1.0, 0.6, 0.3))


def test_the_density_of_an_event_is_the_product_of_the_densities_of_its_jets(batch):
    method = chain()
    rows = method.central()[0]
    log = method.objective.log_density(rows, batch.features, batch.condition)[0]
    for event, jets in enumerate((batch.condition.argmax(1) + 1).tolist()):
        total = torch.zeros(())
        for stage, part in list(zip(method.stages, PARTS, strict=True))[:jets]:
            given = torch.cat([batch.features[event : event + 1, : part.start], batch.condition[event : event + 1]], 1)
            total = total + stage.objective.log_density(stage.central()[0], batch.features[event : event + 1, part], given)[0, 0]
        torch.testing.assert_close(log[event], total)


def test_drawn_events_have_the_jets_that_were_asked_for_and_follow_the_density(batch, generator):
    method = chain()
    rows = torch.cat([method.central()[0], method.central()[0] + 0.01])
    condition = batch.condition.repeat(50, 1)
    drawn = method.objective.sample(rows, condition, torch.Generator().manual_seed(4))
    again = method.objective.sample(rows[1:], condition, torch.Generator().manual_seed(4))
    torch.testing.assert_close(drawn[1:], again, equal_nan=True, rtol=0, atol=0)
    assert torch.equal(torch.isnan(drawn[0]), torch.isnan(batch.features.repeat(50, 1)))
    assert torch.isfinite(method.objective.log_density(rows, drawn[0], condition)).all()
    stage = method.stages[1]
    has = condition.argmax(1) > 0
    given = torch.cat([drawn[0, has, :3], condition[has]], 1)
    z, _, _ = stage.network.forward(stage.central()[0], drawn[:1, has, 3:5], given[None])
    assert float(z.abs().max()) < 6 and float((z.std() - 1).abs()) < 0.15


@pytest.mark.parametrize(("make", "options"), [(PointEstimate, {}), (MeanField, {"warm_start": 0.0})])
def test_every_flow_minimises_its_own_loss_over_the_events_that_have_its_jet(make, options, batch):
    """The value is −Σ w log p/Σ w of whole events; a batch without third jets leaves the third flow where it is."""
    method = chain(make, **options)
    value = method.differentiate(batch, 1)
    if make is PointEstimate:
        log = method.objective.log_density(method.central()[0], batch.features, batch.condition)[0]
        torch.testing.assert_close(value[0], -(batch.weight * log).sum() / batch.weight.sum())
    assert all(tensor.grad.isfinite().all() and tensor.grad.any() for tensor in method.parameters.values())
    few = batch[batch.condition[:, 2] == 0]
    method.differentiate(few, 1)
    assert not next(iter(method.stages[2].parameters.values())).grad.any()
    assert method.networks(4, torch.Generator().manual_seed(0)).shape[-1] == method.network.parameters


def test_the_penalty_counts_each_flow_by_the_share_of_events_it_learns_from():
    method = chain()
    torch.testing.assert_close(method.penalty(), sum(s * stage.penalty() for s, stage in zip((1.0, 0.6, 0.3), method.stages, strict=True)))
