"""Heteroscedastic regression: L = ⟨ n_j { |A_j − Ā(x_j)|²/(2σ(x_j)²) + log σ(x_j) } ⟩ + Σθ²/(2Nσ_p²)   (arXiv:2412.12069)

One deterministic network learns a mean and a width: q(θ) = δ(θ − θ₀), so σ_syst only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.base import Point, Regression, gaussian_likelihood
from workbench.nets.network import Network


class Heteroscedastic(Regression):
    """Independent deterministic networks, `members` of them for each point; 1 is the plain case.

    Arguments: `training_points` N normalises the weight prior, as in the Bayesian case.
    """

    def __init__(self, network: Network, points: Sequence[Point], *, training_points: int, device: torch.device, members: int = 1):
        self.network, self.points, self.training_points = network, len(points), training_points
        fresh = [network.initial(members, torch.Generator().manual_seed(point.seed)) for point in points]
        self.weights = torch.stack(fresh).to(device)
        self.precision = per_point([1.0 / (training_points * point.prior_width**2) for point in points], self.weights)
        self.parameters = {"weights": self.weights}

    def differentiate(self, batch: Batch, step: int) -> Float[Tensor, " point"]:
        points, members, parameters = self.weights.shape
        rows = self.weights.view(-1, parameters)
        outputs, tape = self.network.forward(rows, batch.features.expand(len(rows), *batch.features.shape))
        outputs = outputs.view(points, members, *outputs.shape[1:])
        target, weight = (each.expand(points, len(batch)).unsqueeze(1).expand(-1, members, -1) for each in (batch.target, batch.weight))
        likelihood, delta = gaussian_likelihood(outputs, target, weight)
        delta = self.repel(outputs, delta / len(batch))
        gradient = self.network.backward(tape, delta.flatten(0, 1)).view_as(self.weights)
        self.weights.grad = gradient.addcmul_(self.weights, self.precision)
        return likelihood.mean((1, 2))

    @property
    def phase(self) -> str:
        return "always"

    def penalty(self) -> Float[Tensor, " point"]:
        return 0.5 * (self.precision * self.weights.square()).sum((1, 2)) / self.weights.shape[1]

    def repel(
        self, outputs: Float[Tensor, "point member event 2"], delta: Float[Tensor, "point member event 2"]
    ) -> Float[Tensor, "point member event 2"]:
        """The derivative of the loss by the outputs; independent networks leave it as it is."""
        return delta

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        return self.weights

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return self.weights


def per_point(values: Sequence[float], like: Float[Tensor, "point member parameter"]) -> Float[Tensor, "point 1 1"]:
    """A number for each point, to be multiplied with all its weights."""
    return like.new_tensor(values).view(-1, 1, 1)
