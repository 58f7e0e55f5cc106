"""What every architecture has in common: a population is a matrix of weights, one network a row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Matrix:
    """A linear map among the weights of a row: where it begins, and its shape (out, in)."""

    start: int
    outputs: int
    inputs: int

    def of(self, rows: Float[Tensor, "row parameter"]) -> Float[Tensor, "row out in"]:
        """The matrix of every row, as a view."""
        return rows[:, self.start : self.start + self.outputs * self.inputs].unflatten(1, (self.outputs, self.inputs))


def beside(parts: Sequence[tuple[int, Sequence[Matrix]]]) -> list[Matrix]:
    """The matrices of parts that stand one after the other in a row, each with its number of weights."""
    starts = accumulate((size for size, _ in parts), initial=0)
    return [replace(matrix, start=start + matrix.start) for start, (_, own) in zip(starts, parts, strict=False) for matrix in own]


class Architecture(ABC):
    """Something whose weights are flat rows, for all members together."""

    work: float = 1.0
    """Time of a step for each weight and event, relative to a perceptron."""

    recordable: bool = True
    """Whether its steps are always the same operations, so that a GPU can record them."""

    sizes: list[int]
    """Numbers of weights of the parts of a row, in order."""

    @property
    def parameters(self) -> int:
        """Number of weights of one member."""
        return sum(self.sizes)

    def __str__(self) -> str:
        return f"{type(self).__name__}, {self.parameters:,} weights"

    @property
    @abstractmethod
    def matrices(self) -> list[Matrix]:
        """The linear maps among the weights, for optimisers that know more of them than numbers."""

    @abstractmethod
    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """Fresh weights, from which numbers of order one give numbers of order one."""


class Network(Architecture):
    """A map from features to outputs, evaluated and differentiated for all members together.

    The last two parts of a row are the weights and biases of the last linear layer.
    """

    @property
    def last_layer(self) -> slice:
        """The part of a row that belongs to the last linear layer."""
        return slice(self.parameters - sum(self.sizes[-2:]), self.parameters)

    @abstractmethod
    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, Any]:
        """Outputs `(member, event, output)` and the tape for `backward`."""

    @abstractmethod
    def backward(self, tape: Any, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        """∂L/∂rows from δ = ∂L/∂outputs."""

    def __call__(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> Tensor:
        """Outputs `(member, event, output)`, without a tape."""
        return self.forward(rows, x)[0]
