"""What every way of learning has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Architecture, Matrix


@dataclass(frozen=True)
class Point:
    """What may differ between the points of a sweep that are trained together, beside their training amplitudes."""

    seed: int = 0
    prior_width: float = 1.0
    repulsion: float = 0.0


class Method(ABC):
    """What is believed of the weights, and the gradient by it: a point estimate, an ensemble, a Gaussian posterior of an objective.

    Several points of a sweep train together, a single training is one point: the weights of all are rows of one matrix, and no row knows
    of another, but for the members of one ensemble. `parameters` are the tensors that the optimiser moves, with the axis `point`;
    `differentiate` puts the gradients into their `.grad`.
    """

    objective: Any
    """What is minimised, with `predict` of a regression, `log_density` and `sample` of a generator."""
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

    @property
    def linear(self) -> list[tuple[int, list[Matrix]]]:
        """Of each of the `parameters`, seen as rows: how many at the beginning are weights, and the matrices in them."""
        return [(tensor.shape[:-1].numel(), self.network.matrices) for tensor in self.parameters.values()]

    def advance(self, fraction: float) -> None:  # noqa: B027 - most methods have no phases
        """Called before each step with the fraction of training done, for methods that have phases."""

    def begin(self, batch: Any, step: int) -> None:  # noqa: B027 - most methods need nothing of all events
        """Called with all training events before the first step of a phase, but for the phase that a training begins with."""

    def prepare(self, step: int) -> None:  # noqa: B027 - most methods have no random numbers
        """Put the random numbers of a step where a recorded step reads them."""
