"""Normalizing flows: L = −⟨w log p(x|c, θ)⟩ = ⟨w {z²/2 − log|det ∂z/∂x|}⟩ + d/2 log 2π   (INN, arXiv:2110.13632)

The event weights w are divided by their mean over the batch. The Bayesian version learns a Gaussian posterior of all weights of the
subnets (arXiv:2104.04543),

    L = −⟨w log p(x|c, θ)⟩_{θ~q} + KL[q(θ), p(θ)]/N ,

with likelihood and KL both per event, neither divided by d. By the outputs of the flow,

    ∂L/∂z = w z/N_batch ,    ∂L/∂log|det| = −w/N_batch
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import DensityBatch
from workbench.methods.base import Method, Point
from workbench.methods.bnn import MeanField
from workbench.methods.heteroscedastic import per_point
from workbench.nets.coupling import Flow

PORTION = {"cpu": 2_048, "cuda": 1 << 16}
"""Events that pass a flow together: what stays in a processor's cache, or fills a GPU."""


class Generator(Method):
    """Methods that learn a density, and draw from it."""

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


class OneFlow(Generator):
    """Generators whose networks are single flows."""

    network: Flow

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


def density_likelihood(
    flow: Flow,
    rows: Float[Tensor, "network parameter"],
    features: Float[Tensor, "network event dimension"],
    condition: Float[Tensor, "network event condition"],
    weight: Float[Tensor, "network event"],
) -> tuple[Float[Tensor, " network"], Float[Tensor, "network parameter"]]:
    """−Σ w log p of each network, and its derivative by the weights."""
    z, log_det, tape = flow.forward(rows, features, condition)
    value = (weight * (0.5 * z.square().sum(2) - log_det)).sum(1) + weight.sum(1) * 0.5 * flow.dimension * math.log(2.0 * math.pi)
    return value, flow.backward(tape, weight.unsqueeze(2) * z, -weight)


def shares(batch: DensityBatch, points: int) -> Float[Tensor, "point event"]:
    """Event weights with sum 1."""
    return (batch.weight / batch.weight.sum(-1, keepdim=True)).expand(points, -1)


class INN(OneFlow):
    """Independent flows, `members` of them for each point; 1 is the plain case.

    Arguments: `training_points` N normalises the weight prior, as in the Bayesian case.
    """

    def __init__(self, network: Flow, points: Sequence[Point], *, training_points: int, device: torch.device, members: int = 1):
        self.network, self.points, self.training_points = network, len(points), training_points
        fresh = [network.initial(members, torch.Generator().manual_seed(point.seed)) for point in points]
        self.weights = torch.stack(fresh).to(device)
        self.precision = per_point([1.0 / (training_points * point.prior_width**2) for point in points], self.weights)
        self.parameters = {"weights": self.weights}

    def differentiate(self, batch: DensityBatch, step: int) -> Float[Tensor, " point"]:
        points, members, parameters = self.weights.shape
        features, condition = (each.expand(points * members, -1, -1) for each in (batch.features, batch.condition))
        weight = shares(batch, points).repeat_interleave(members, 0)
        value, gradient = density_likelihood(self.network, self.weights.view(-1, parameters), features, condition, weight)
        self.weights.grad = gradient.view_as(self.weights).addcmul_(self.weights, self.precision)
        return value.view(points, members).mean(1)

    @property
    def phase(self) -> str:
        return "always"

    def penalty(self) -> Float[Tensor, " point"]:
        return 0.5 * (self.precision * self.weights.square()).sum((1, 2)) / self.weights.shape[1]

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        return self.weights

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return self.weights


class BayesianINN(MeanField, OneFlow):
    """Flows with a Gaussian posterior over all weights; arguments as those of `MeanField`."""

    network: Flow

    def _likelihood(
        self, rows: Float[Tensor, "draw point parameter"], batch: DensityBatch
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "draw point parameter"]]:
        draws, points, parameters = rows.shape
        share = len(batch) // draws
        batch = batch if share * draws == len(batch) else batch[: share * draws]
        features, condition = (
            each.view(draws, 1, share, -1).expand(-1, points, -1, -1).flatten(0, 1) for each in (batch.features, batch.condition)
        )
        weight = shares(batch, points).unflatten(1, (draws, share)).transpose(0, 1).flatten(0, 1)
        value, gradient = density_likelihood(self.network, rows.view(-1, parameters), features, condition, weight)
        return value.view(draws, points).sum(0), gradient.view_as(rows)
