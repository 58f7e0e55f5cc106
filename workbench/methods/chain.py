"""A chain of flows over the number of jets n: log p(x|n) = log p₁(x₁|n) + log p₂(x₂|x₁, n) + log p₃(x₃|x₂, x₁, n)   (arXiv:2110.13632)

x₁ are two muons and a jet, x₂ and x₃ one more jet each; an event has the terms of the jets that it has. Every flow minimises its own
−⟨w log p⟩ over these events, with the weight w of the whole event: then all of them together learn the density p w, whatever w is. If the
flow that adds a jet had the only weight that knows of it, the flows before would learn p, and events with 1/w would be wrong by the mean
of w that their first particles have.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import DensityBatch
from workbench.methods.base import Method
from workbench.methods.flow import Generator
from workbench.nets.network import Architecture, Matrix, beside

MOST = 3
"""Jets, and first columns of the condition: 1 where an event has so many."""


class Flows(Architecture):
    """The flows of a chain; a row has the weights of all of them, one after the other."""

    def __init__(self, flows: Sequence[Architecture]):
        self.flows, self.sizes = flows, [flow.parameters for flow in flows]

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(flow.parameters, flow.matrices) for flow in self.flows])

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        return torch.cat([flow.initial(members, generator) for flow in self.flows], dim=1)


class ChainDensity(Generator):
    """The density of a chain of flows, each of which makes some of the features, given those before and the condition."""

    def __init__(self, stages: Sequence[Generator], parts: Sequence[slice]):
        self.stages, self.parts, self.network = stages, parts, Flows([stage.network for stage in stages])

    @torch.inference_mode()
    def log_density(
        self,
        rows: Float[Tensor, "*networks parameter"],
        features: Float[Tensor, "event dimension"],
        condition: Float[Tensor, "event condition"],
    ) -> Float[Tensor, "*networks event"]:
        log = features.new_zeros(*rows.shape[:-1], len(features))
        for stage, part, own in self._links(rows):
            has = ~torch.isnan(features[:, part.start])
            given = torch.cat([features[has, : part.start], condition[has]], dim=1)
            log[..., has] += stage.log_density(own, features[has, part], given)
        return log

    @torch.inference_mode()
    def sample(
        self, rows: Float[Tensor, "*networks parameter"], condition: Float[Tensor, "event condition"], generator: torch.Generator
    ) -> Float[Tensor, "*networks event dimension"]:
        jets = condition[:, :MOST].argmax(1) + 1
        seeds = torch.randint(2**62, (len(self.stages),), generator=generator).tolist()
        x = condition.new_full((*rows.shape[:-1], len(condition), self.parts[-1].stop), torch.nan)
        for events, row in zip(x.flatten(0, -3), rows.flatten(0, -2), strict=True):
            for n, ((stage, part, own), seed) in enumerate(zip(self._links(row), seeds, strict=True), 1):
                has = jets >= n
                given = torch.cat([events[has, : part.start], condition[has]], dim=1)
                events[has, part] = stage.sample(own[None], given, torch.Generator().manual_seed(seed))[0]
        return x

    def _links(self, rows: Float[Tensor, "*networks parameter"]) -> list[tuple[Generator, slice, Tensor]]:
        return list(zip(self.stages, self.parts, rows.split(self.network.sizes, dim=-1), strict=True))


class Chain(Method):
    """Methods that each learn some of the features, given those before and the condition; features of missing jets are NaN.

    Arguments: `parts` the features that each makes; `shares` which share of the events has them.
    """

    def __init__(self, stages: Sequence[Method], parts: Sequence[slice], shares: Sequence[float]):
        self.stages, self.parts, self.shares = stages, parts, shares
        self.objective = ChainDensity([stage.objective for stage in stages], parts)
        self.network, self.points = self.objective.network, stages[0].points
        self.parameters = {f"{n}.{name}": tensor for n, stage in enumerate(stages, 1) for name, tensor in stage.parameters.items()}

    @property
    def linear(self) -> list[tuple[int, list[Matrix]]]:
        return [each for stage in self.stages for each in stage.linear]

    def advance(self, fraction: float) -> None:
        for stage in self.stages:
            stage.advance(fraction)

    def differentiate(self, batch: DensityBatch, step: int) -> Float[Tensor, " point"]:
        value, total = batch.weight.new_zeros(self.points), batch.weight.sum()
        for stage, part in zip(self.stages, self.parts, strict=True):
            own = batch.select((~torch.isnan(batch.features[:, part.start])).nonzero()[:, 0])
            if len(own) < 2:
                for tensor in stage.parameters.values():
                    tensor.grad = torch.zeros_like(tensor)
                continue
            given = torch.cat([own.features[:, : part.start], own.condition], dim=1)
            likelihood = stage.differentiate(DensityBatch(own.features[:, part], given, own.weight), step)
            value = value + likelihood * own.weight.sum() / total
        return value

    def penalty(self) -> Float[Tensor, " point"]:
        return torch.stack([share * stage.penalty() for stage, share in zip(self.stages, self.shares, strict=True)]).sum(0)

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        return torch.cat([stage.networks(draws, generator) for stage in self.stages], dim=-1)

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return torch.cat([stage.central() for stage in self.stages], dim=-1)
