"""Repulsive ensemble: networks trained together and pushed apart in the space of functions   (arXiv:2412.12069)

    L = Σ_i { −⟨log p(x|θ_i)⟩ + (β/N) Σ_j k(A_i, Ā_j) / Σ_j k(Ā_i, Ā_j) + θ_i²/(2Nσ_p²) } ,   k = exp(−|A_i − A_j|²/(2h))

A_i are a member's predictions on the batch, a bar stops the gradient, h = median|A_i − A_j|²/(2 log(n+1)). The ratio is 1 for
every member; only its gradient acts, and it is the gradient of the logarithm of the members' density at A_i:

    ∂/∂A_i = −(β/N) Σ_j k_ij (A_i − A_j) / (h Σ_j k_ij)

Weights of events and of boosting are in the likelihood alone; the distance between two functions counts every event once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.methods.base import Point
from workbench.methods.objective import Push
from workbench.methods.point import PointEstimate, per_point


class RepulsiveEnsemble(PointEstimate):
    """`members` networks for each point, with a function-space repulsion of strength β = `point.repulsion` between their first outputs."""

    def __init__(self, objective: Any, points: Sequence[Point], *, training_points: int, device: torch.device, members: int):
        super().__init__(objective, points, training_points=training_points, device=device, members=members)
        self.repulsion = per_point([point.repulsion / training_points for point in points], self.weights)

    @property
    def push(self) -> Push:
        return self.repel

    def repel(
        self, outputs: Float[Tensor, "row event output"], delta: Float[Tensor, "row event output"]
    ) -> Float[Tensor, "row event output"]:
        """The derivative of the loss by the outputs, the repulsion within each point's ensemble added."""
        first = outputs[..., 0].unflatten(0, (self.points, -1))
        delta[..., 0].unflatten(0, (self.points, -1)).addcmul_(self.repulsion, repulsion_gradient(first))
        return delta


def repulsion_gradient(prediction: Float[Tensor, "*point member event"]) -> Float[Tensor, "*point member event"]:
    """Derivative of Σ_i Σ_j k(A_i, Ā_j)/Σ_j k(Ā_i, Ā_j) by A; zero where all members agree exactly."""
    square = prediction.square().sum(-1)
    distance2 = (square[..., :, None] + square[..., None, :] - 2.0 * prediction @ prediction.mT).clamp(min=0.0)
    median = distance2.flatten(-2).median(-1).values[..., None, None]
    bandwidth = (median / (2.0 * math.log(prediction.shape[-2] + 1.0))).clamp(min=torch.finfo(prediction.dtype).tiny)
    kernel = torch.exp(-distance2 / (2.0 * bandwidth))
    share = kernel / kernel.sum(-1, keepdim=True)
    return -(prediction - share @ prediction) / bandwidth
