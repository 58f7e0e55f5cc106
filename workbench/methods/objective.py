"""Objectives: what is minimised, −⟨log p⟩ of events under networks, written once for every posterior that learns it.

    L(θ) = Σ_j s_j l(outputs_θ(x_j), y_j) ,    Σ_j s_j = ⟨weight⟩, most often one

A point estimate, an ensemble or a Bayesian network (`methods.point`, `methods.repulsive`, `methods.mean_field`) gives an objective some
networks, the rows of a matrix, and takes the slope of L by their weights. A newcomer writes l as a plain function of the outputs
(`Autograd`); where a benchmark shows that it pays, its derivative is written too (`OnOutputs`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Architecture, Network

COLUMNS = ("features", "condition")
"""Tensors of a batch with a column axis after that of the events, the same for all points; the others are numbers, with or without one for
each point."""
Push = Callable[[Tensor, Tensor], Tensor]
"""From outputs and ∂L/∂outputs (row, event, output) the derivative with a further force between the rows."""


class Objective(ABC):
    """What events cost under networks, and how the cost changes with their weights."""

    network: Architecture

    def shares(self, batch: Any, points: int) -> Float[Tensor, "point event"]:
        """How much each event counts: its weight, over the number of events."""
        return (batch.weight / len(batch)).expand(points, -1)

    @abstractmethod
    def slopes(
        self, rows: Float[Tensor, "row parameter"], batch: Any, push: Push | None = None
    ) -> tuple[Float[Tensor, " row"], Float[Tensor, "row parameter"]]:
        """L of every row on its own events, and ∂L/∂row; the weights of the batch are shares."""


class OnOutputs(Objective):
    """Objectives that see nothing but the outputs of a network."""

    network: Network

    @abstractmethod
    def loss(
        self, outputs: Float[Tensor, "*row event output"], batch: Any
    ) -> tuple[Float[Tensor, "*row event"], Float[Tensor, "*row event output"]]:
        """s_j l_j of every event, and its derivative by the outputs."""

    def slopes(
        self, rows: Float[Tensor, "row parameter"], batch: Any, push: Push | None = None
    ) -> tuple[Float[Tensor, " row"], Float[Tensor, "row parameter"]]:
        outputs, tape = self.network.forward(rows, batch.features)
        value, delta = self.loss(outputs, batch)
        if push is not None:
            delta = push(outputs, delta)
        return value.sum(1), self.network.backward(tape, delta)


class Autograd(OnOutputs):
    """Objectives written as a plain function of the outputs; automatic differentiation gives the slope."""

    @abstractmethod
    def value(self, outputs: Float[Tensor, "*row event output"], batch: Any) -> Float[Tensor, "*row event"]:
        """s_j l_j of every event."""

    def loss(
        self, outputs: Float[Tensor, "*row event output"], batch: Any
    ) -> tuple[Float[Tensor, "*row event"], Float[Tensor, "*row event output"]]:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = outputs.detach().clone().requires_grad_()
            value = self.value(leaf, _ordinary(batch))
            (slope,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), slope


def _ordinary(batch: Any) -> Any:
    """A batch that automatic differentiation may keep, as tensors made in inference mode may not."""
    return replace(batch, **{name: tensor.clone() for name, tensor in vars(batch).items()})


def seen_by_all(batch: Any, shares: Float[Tensor, "point event"], members: int) -> Any:
    """The batch for rows in the order (point, member), each of which sees all events."""
    points = len(shares)

    def of_row(name: str, tensor: Tensor) -> Tensor:
        if name in COLUMNS:
            return tensor.expand(points * members, *tensor.shape)
        return tensor.expand(points, -1).unsqueeze(1).expand(-1, members, -1).flatten(0, 1)

    return replace(batch, **{name: of_row(name, tensor) for name, tensor in (vars(batch) | {"weight": shares}).items()})


def shared_out(batch: Any, shares: Float[Tensor, "point event"], draws: int) -> Any:
    """The batch for rows in the order (draw, point): every draw sees a part of the events, the same for all points."""
    points, part = len(shares), len(batch) // draws

    def of_row(name: str, tensor: Tensor) -> Tensor:
        if name in COLUMNS:
            return tensor.view(draws, 1, part, -1).expand(-1, points, -1, -1).flatten(0, 1)
        return tensor.expand(points, -1).unflatten(1, (draws, part)).transpose(0, 1).flatten(0, 1)

    return replace(batch, **{name: of_row(name, tensor) for name, tensor in (vars(batch) | {"weight": shares}).items()})
