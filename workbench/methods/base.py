"""What every way of learning a mean with an uncertainty has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.nets.network import Network

LOG_VARIANCE = (-24.0, 11.0)
"""Range of log σ²: below, float32 has no digits left to learn from; above, the network says nothing."""


class Method(ABC):
    """A population of networks with outputs (mean, log σ²), and the gradient of what it minimises.

    `parameters` are the tensors that the optimiser moves; `differentiate` puts the gradients into their `.grad`.
    """

    network: Network
    parameters: dict[str, Tensor]

    @abstractmethod
    def differentiate(self, batch: Batch, step: int) -> Float[Tensor, ""]:
        """Put the gradient of the whole loss into `parameters[...].grad` and return its likelihood part, −⟨n_j log p(A_j|x_j)⟩.

        Random numbers depend on the seed and `step` only, so that a resumed training sees the same ones.
        """

    @abstractmethod
    def penalty(self) -> Float[Tensor, ""]:
        """The other part of the loss per event: KL[q, p]/N, or θ²/(2Nσ_p²) where weights have no width."""

    @abstractmethod
    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "draw parameter"]:
        """Weights of `draws` networks, each to be used for all events."""

    @abstractmethod
    def central(self) -> Float[Tensor, "draw parameter"]:
        """The cheapest fair representatives, for validation: mean weights, or all members."""

    def advance(self, fraction: float) -> None:  # noqa: B027 - most methods have no phases
        """Called before each step with the fraction of training done, for methods that have phases."""

    @torch.no_grad()
    def predict(self, rows: Float[Tensor, "draw parameter"], features: Float[Tensor, "event feature"]) -> Float[Tensor, "draw event 2"]:
        """(mean, log σ²) of every network for every event, in portions that stay in the processor's cache."""
        portion, together = (2048, 1) if features.device.type == "cpu" else (1 << 16, 16)
        out = torch.empty(len(rows), len(features), 2, device=features.device)
        for first in range(0, len(rows), together):
            some = rows[first : first + together]
            for start in range(0, len(features), portion):
                x = features[start : start + portion]
                out[first : first + together, start : start + portion] = self.network(some, x.expand(len(some), *x.shape))
        out[..., 1].clamp_(*LOG_VARIANCE)
        return out


def gaussian_likelihood(
    outputs: Float[Tensor, "member event 2"], target: Float[Tensor, "member event"], weight: Float[Tensor, "member event"]
) -> tuple[Float[Tensor, "member event"], Float[Tensor, "member event 2"]]:
    """n_j { (t − μ)²/(2σ²) + log σ } per event, without the constant, and its derivative by (μ, log σ²).

    The clamp of log σ² passes the gradient through, so that a network outside the range finds its way back.
    """
    log_variance = outputs[..., 1].clamp(*LOG_VARIANCE)
    residual = outputs[..., 0] - target
    slope = residual * torch.exp(-log_variance)
    chi2 = residual * slope
    half = 0.5 * weight
    return half * (chi2 + log_variance), torch.stack([weight * slope, half - half * chi2], dim=-1)
