"""What every way of learning has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Architecture, Network

LOG_VARIANCE = (-24.0, 11.0)
"""Range of log σ²: below, float32 has no digits left to learn from; above, the network says nothing."""


@dataclass(frozen=True)
class Point:
    """What may differ between the points of a sweep that are trained together, beside their training amplitudes."""

    seed: int = 0
    prior_width: float = 1.0
    repulsion: float = 0.0


class Method(ABC):
    """Networks, and the gradient of what they minimise.

    Several points of a sweep train together, a single training is one point: the weights of all are rows of one matrix, and no row knows
    of another, but for the members of one ensemble. `parameters` are the tensors that the optimiser moves, with the axis `point`;
    `differentiate` puts the gradients into their `.grad`.
    """

    network: Architecture
    points: int
    parameters: dict[str, Tensor]

    @abstractmethod
    def differentiate(self, batch: Any, step: int) -> Float[Tensor, " point"]:
        """Put the gradient of the whole loss into `parameters[...].grad` and return its likelihood part, −⟨n_j log p_j⟩.

        Random numbers depend on the seed and `step` only, so that a resumed training sees the same ones.
        """

    @abstractmethod
    def penalty(self) -> Float[Tensor, " point"]:
        """The other part of the loss per event: KL[q, p]/N, or θ²/(2Nσ_p²) where weights have no width."""

    @abstractmethod
    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        """Weights of `draws` networks of every point, each to be used for all events."""

    @abstractmethod
    def central(self) -> Float[Tensor, "point draw parameter"]:
        """The cheapest fair representatives, for validation: mean weights, or all members."""

    @property
    def rows(self) -> int:
        """Networks that a step evaluates on the whole batch."""
        return self.central().shape[:2].numel()

    @property
    def phase(self) -> Hashable:
        """Steps of one phase are the same operations on other numbers, so that a GPU can record them; None: they are not."""
        return None

    def advance(self, fraction: float) -> None:  # noqa: B027 - most methods have no phases
        """Called before each step with the fraction of training done, for methods that have phases."""

    def prepare(self, step: int) -> None:  # noqa: B027 - most methods have no random numbers
        """Put the random numbers of a step where a recorded step reads them."""


class Regression(Method):
    """Methods whose networks have the outputs (mean, log σ²)."""

    network: Network

    @torch.no_grad()
    def predict(
        self, rows: Float[Tensor, "*networks parameter"], features: Float[Tensor, "event feature"]
    ) -> Float[Tensor, "*networks event 2"]:
        """(mean, log σ²) of every network for every event, in portions that stay in the processor's cache."""
        portion, together = (2048, 1) if features.device.type == "cpu" else (1 << 16, 16)
        networks, rows = rows.shape[:-1], rows.flatten(0, -2)
        out = torch.empty(len(rows), len(features), 2, device=features.device)
        for first in range(0, len(rows), together):
            some = rows[first : first + together]
            for start in range(0, len(features), portion):
                x = features[start : start + portion]
                out[first : first + together, start : start + portion] = self.network(some, x.expand(len(some), *x.shape))
        out[..., 1].clamp_(*LOG_VARIANCE)
        return out.view(*networks, len(features), 2)


def gaussian_likelihood(
    outputs: Float[Tensor, "*networks event 2"], target: Float[Tensor, "*networks event"], weight: Float[Tensor, "*networks event"]
) -> tuple[Float[Tensor, "*networks event"], Float[Tensor, "*networks event 2"]]:
    """n_j { (t − μ)²/(2σ²) + log σ } per event, without the constant, and its derivative by (μ, log σ²).

    The clamp of log σ² passes the gradient through, so that a network outside the range finds its way back.
    """
    log_variance = outputs[..., 1].clamp(*LOG_VARIANCE)
    residual = outputs[..., 0] - target
    slope = residual * torch.exp(-log_variance)
    chi2 = residual * slope
    half = 0.5 * weight
    return half * (chi2 + log_variance), torch.stack([weight * slope, half - half * chi2], dim=-1)
