"""Repulsive ensemble: networks trained together and pushed apart in the space of functions   (arXiv:2412.12069)

    L = Σ_i { −⟨log p(x|θ_i)⟩ + (β/N) Σ_j k(A_i, Ā_j) / Σ_j k(Ā_i, Ā_j) + θ_i²/(2Nσ_p²) } ,   k = exp(−|A_i − A_j|²/(2h))

A_i are a member's predictions on the batch, a bar stops the gradient, h = median|A_i − A_j|²/(2 log(n+1)). The ratio is 1 for
every member; only its gradient acts, and it is the gradient of the logarithm of the members' density at A_i:

    ∂/∂A_i = −(β/N) Σ_j k_ij (A_i − A_j) / (h Σ_j k_ij)
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.methods.heteroscedastic import Heteroscedastic
from workbench.nets.network import Network


class RepulsiveEnsemble(Heteroscedastic):
    """`members` networks with a function-space repulsion of strength `repulsion` = β."""

    def __init__(
        self,
        network: Network,
        *,
        training_points: int,
        prior_width: float,
        generator: torch.Generator,
        device: torch.device,
        members: int,
        repulsion: float,
    ):
        super().__init__(
            network, training_points=training_points, prior_width=prior_width, generator=generator, device=device, members=members
        )
        self.repulsion = repulsion

    def repel(self, outputs: Float[Tensor, "member event 2"], delta: Float[Tensor, "member event 2"]) -> Float[Tensor, "member event 2"]:
        delta[..., 0] += self.repulsion / self.training_points * repulsion_gradient(outputs[..., 0])
        return delta


def repulsion_gradient(prediction: Float[Tensor, "member event"]) -> Float[Tensor, "member event"]:
    """Derivative of Σ_i Σ_j k(A_i, Ā_j)/Σ_j k(Ā_i, Ā_j) by A; zero where all members agree exactly."""
    square = prediction.square().sum(-1)
    distance2 = (square[:, None] + square[None, :] - 2.0 * prediction @ prediction.T).clamp(min=0.0)
    bandwidth = (distance2.median() / (2.0 * math.log(len(prediction) + 1.0))).clamp(min=torch.finfo(prediction.dtype).tiny)
    kernel = torch.exp(-distance2 / (2.0 * bandwidth))
    share = kernel / kernel.sum(-1, keepdim=True)
    return -(prediction - share @ prediction) / bandwidth
