"""What the first lecture minimises, of points (x, y) under networks.

    curve      squared error ⟨w (y − f)²⟩, absolute error ⟨w |y − f|⟩, Gaussian ⟨(y − f)²/(2σ²) + ln σ⟩; χ² has w = 1/σ(x)²
    classes    cross-entropy −⟨ln p_k⟩ of the true class k, or squared error ½⟨Σ_j (p_j − δ_jk)²⟩, with p_j = e^(z_j)/Σ e^(z)

and, for networks without widths, λ₁ Σ|ω| + λ₂ Σ ω² of all weights, but not of the biases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.methods.base import Point
from workbench.methods.objective import Autograd
from workbench.methods.point import PointEstimate
from workbench.nets.network import Network
from workbench.nets.population import PopulationMLP


class Curve(Autograd):
    """A curve through points. *Arguments*: `loss` = mse, mae, or gaussian with ln σ² as second output."""

    def __init__(self, network: Network, loss: str):
        self.network, self.kind = network, loss

    def value(self, outputs: Float[Tensor, "*row event output"], batch: Any) -> Float[Tensor, "*row event"]:
        if self.kind == "gaussian":
            return _gaussian(outputs, batch)
        away = outputs[..., 0] - batch.target
        return batch.weight * (away.abs() if self.kind == "mae" else away.square())


def _gaussian(outputs: Tensor, batch: Any) -> Tensor:
    log_variance = outputs[..., 1].clamp(-24.0, 11.0)
    return batch.weight * 0.5 * ((outputs[..., 0] - batch.target).square() * torch.exp(-log_variance) + log_variance)


class Classes(Autograd):
    """Classes to be told apart; the target is the number of the class. *Arguments*: `loss` = cross_entropy or mse."""

    def __init__(self, network: Network, loss: str):
        self.network, self.kind = network, loss

    def value(self, outputs: Float[Tensor, "*row event class"], batch: Any) -> Float[Tensor, "*row event"]:
        label = batch.target.long().unsqueeze(-1)
        if self.kind == "cross_entropy":
            return -batch.weight * torch.log_softmax(outputs, -1).gather(-1, label).squeeze(-1)
        wanted = torch.zeros_like(outputs).scatter(-1, label, 1.0)
        return 0.5 * batch.weight * (torch.softmax(outputs, -1) - wanted).square().sum(-1)


class Regularised(PointEstimate):
    """Independent networks with λ₁ Σ|ω| + λ₂ Σ ω² beside the objective."""

    def __init__(self, objective: Any, points: Sequence[Point], *, l1: float, l2: float, **common: Any):
        super().__init__(objective, points, **common)
        self.l1, self.l2 = l1, l2
        self.counted = are_weights(objective.network).to(self.weights.device)

    def differentiate(self, batch: Any, step: int) -> Float[Tensor, " point"]:
        value = super().differentiate(batch, step)
        if self.l1 or self.l2:
            weights = self.weights * self.counted
            assert self.weights.grad is not None
            self.weights.grad.add_(2 * self.l2 * weights).add_(self.l1 * weights.sign())
        return value

    def penalty(self) -> Float[Tensor, " point"]:
        weights = self.weights * self.counted
        return (self.l1 * weights.abs() + self.l2 * weights.square()).sum(-1).mean(1)


def are_weights(network: PopulationMLP) -> Float[Tensor, " parameter"]:
    """1 where a row holds a weight, 0 where it holds a bias."""
    kinds = [torch.full((size,), float(number % 2 == 0)) for number, size in enumerate(network.sizes)]
    return torch.cat(kinds)
