"""Point estimates: L = objective + Σθ²/(2Nσ_p²), of one network or of several that know nothing of each other.

q(θ) = δ(θ − θ₀): the most probable weights for a Gaussian prior of width σ_p.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.methods.base import Method, Point
from workbench.methods.objective import seen_by_all


class PointEstimate(Method):
    """Independent networks, `members` of them for each point; 1 is the plain case, more are an ensemble without repulsion.

    Arguments: `training_points` N normalises the weight prior, as in the Bayesian case.
    """

    def __init__(self, objective: Any, points: Sequence[Point], *, training_points: int, device: torch.device, members: int = 1):
        self.objective, self.network, self.points, self.training_points = objective, objective.network, len(points), training_points
        fresh = [self.network.initial(members, torch.Generator().manual_seed(point.seed)) for point in points]
        self.weights = torch.stack(fresh).to(device)
        self.precision = per_point([1.0 / (training_points * point.prior_width**2) for point in points], self.weights)
        self.parameters = {"weights": self.weights}

    def differentiate(self, batch: Any, step: int) -> Float[Tensor, " point"]:
        points, members, parameters = self.weights.shape
        seen = seen_by_all(batch, self.objective.shares(batch, points), members)
        value, gradient = self.objective.slopes(self.weights.view(-1, parameters), seen, self.push)
        gradient = gradient.view_as(self.weights).addcmul_(self.weights, self.precision)
        for tensor in self.parameters.values():
            tensor.grad = gradient.view_as(tensor)
        return value.view(points, members).mean(1)

    @property
    def push(self) -> Any:
        """A force between members by their outputs; independent networks feel none."""
        return None

    @property
    def phase(self) -> str:
        return "always"

    def penalty(self) -> Float[Tensor, " point"]:
        return 0.5 * (self.precision * self.weights.square()).sum((1, 2)) / self.weights.shape[1]

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        return self.weights

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return self.weights


def per_point(values: Sequence[float], like: Float[Tensor, "point member parameter"]) -> Float[Tensor, "point 1 1"]:
    """A number for each point, to be multiplied with all its weights."""
    return like.new_tensor(values).view(-1, 1, 1)
