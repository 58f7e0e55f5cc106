"""Normalizing flows: L = −⟨w log p(x|c, θ)⟩ = ⟨w {z²/2 − log|det ∂z/∂x|}⟩ + d/2 log 2π   (INN, arXiv:2110.13632)

The event weights w are divided by their mean over the batch. With a Gaussian posterior of all weights of the subnets (Bayesian INN,
arXiv:2104.04543) likelihood and KL/N are both per event, neither divided by d. By the outputs of the flow,

    ∂L/∂z = w z/N_batch ,    ∂L/∂log|det| = −w/N_batch
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import DensityBatch
from workbench.methods.objective import Objective, Push
from workbench.nets.coupling import Flow
from workbench.nets.network import Architecture

PORTION = {"cpu": 2_048, "cuda": 1 << 16}
"""Events that pass a flow together: what stays in a processor's cache, or fills a GPU."""


class Generator(ABC):
    """What learns a density and draws from it."""

    network: Architecture

    @abstractmethod
    def log_density(
        self,
        rows: Float[Tensor, "*networks parameter"],
        features: Float[Tensor, "event dimension"],
        condition: Float[Tensor, "event condition"],
    ) -> Float[Tensor, "*networks event"]:
        """log p(x|c) of every network for every event."""

    @abstractmethod
    def sample(
        self, rows: Float[Tensor, "*networks parameter"], condition: Float[Tensor, "event condition"], generator: torch.Generator
    ) -> Float[Tensor, "*networks event dimension"]:
        """An event of every network for every condition; all networks map the same z, so that they differ by what they learned."""


class Density(Objective, Generator):
    """−log p(x|c) of a flow."""

    network: Flow

    def __init__(self, network: Flow):
        self.network = network

    def shares(self, batch: DensityBatch, points: int) -> Float[Tensor, "point event"]:
        return (batch.weight / batch.weight.sum(-1, keepdim=True)).expand(points, -1)

    def slopes(
        self, rows: Float[Tensor, "row parameter"], batch: DensityBatch, push: Push | None = None
    ) -> tuple[Float[Tensor, " row"], Float[Tensor, "row parameter"]]:
        z, log_det, tape = self.network.forward(rows, batch.features, batch.condition)
        weight = batch.weight
        value = (weight * (0.5 * z.square().sum(2) - log_det)).sum(1) + weight.sum(1) * 0.5 * self.network.dimension * math.log(
            2.0 * math.pi
        )
        return value, self.network.backward(tape, weight.unsqueeze(2) * z, -weight)

    @torch.inference_mode()
    def log_density(
        self,
        rows: Float[Tensor, "*networks parameter"],
        features: Float[Tensor, "event dimension"],
        condition: Float[Tensor, "event condition"],
    ) -> Float[Tensor, "*networks event"]:
        return torch.stack(
            [
                torch.cat([self.network.log_density(row, x[None], c[None])[0] for x, c in _portions(features, condition)])
                for row in rows.flatten(0, -2).split(1)
            ]
        ).view(*rows.shape[:-1], len(features))

    @torch.inference_mode()
    def sample(
        self, rows: Float[Tensor, "*networks parameter"], condition: Float[Tensor, "event condition"], generator: torch.Generator
    ) -> Float[Tensor, "*networks event dimension"]:
        z = torch.randn(len(condition), self.network.dimension, generator=generator).to(rows)
        return torch.stack(
            [
                torch.cat([self.network.inverse(row, each[None], c[None])[0] for each, c in _portions(z, condition)])
                for row in rows.flatten(0, -2).split(1)
            ]
        ).view(*rows.shape[:-1], *z.shape)


def _portions(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    size = PORTION.get(tensors[0].device.type, PORTION["cpu"])
    return list(zip(*(tensor.split(size) for tensor in tensors), strict=True))
