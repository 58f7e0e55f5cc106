"""SOAP: Adam in a basis that turns with the gradients   (arXiv:2409.11321)

    L ← β L + (1−β) G Gᵀ ,   R ← β R + (1−β) Gᵀ G ,   every tenth step  Q_L ← qr(L Q_L) ,  Q_R ← qr(R Q_R)
    G' = Q_Lᵀ G Q_R ,  m ← β m + (1−β) G' ,  v ← β v + (1−β) G'² ,   θ ← θ − η Q_L [m̂/(√v̂ + ε)] Q_Rᵀ

for the gradient G of each matrix of a network. On the first step Q are the eigenvectors of L and R, and nothing moves. m turns with the
basis. v does not, but m̂² ≤ v̂ holds of every sequence of gradients and is restored: where there was no gradient at all before, the first one
would move the weights without bound. Biases, widths and whatever is no matrix move by Adam with the same β.

All are products of fixed shape, batched over the networks of an ensemble and the points of a sweep, so that a step can be recorded on a
GPU; the QR happens before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.nets.network import Matrix

BETA, EPSILON = 0.95, 1e-8
TURNS = 10
"""Steps after which the basis is brought up to date."""


@dataclass(frozen=True)
class Basis:
    """The two sides of one matrix in all rows: their mean squares L and R, and the bases Q that nearly diagonalise them."""

    matrix: Matrix
    squares: tuple[Tensor, Tensor]
    bases: tuple[Tensor, Tensor]

    @classmethod
    def fresh(cls, matrix: Matrix, rows: int, like: Tensor) -> Basis:
        def sides() -> tuple[Tensor, Tensor]:
            return (like.new_zeros(rows, matrix.outputs, matrix.outputs), like.new_zeros(rows, matrix.inputs, matrix.inputs))

        return cls(matrix, sides(), sides())

    def of(self, rows: Tensor) -> Tensor:
        """The matrix `(row, out, in)`, a view into the rows."""
        return self.matrix.of(rows[: len(self.squares[0])])

    def learn(self, gradient: Tensor) -> None:
        """L and R of one more gradient."""
        left, right = self.squares
        left.baddbmm_(gradient, gradient.mT, beta=BETA, alpha=1.0 - BETA)
        right.baddbmm_(gradient.mT, gradient, beta=BETA, alpha=1.0 - BETA)

    def begin(self, gradient: Tensor) -> None:
        """Q from the first gradient; that of a lost network, which is no number, harms no other."""
        self.learn(gradient)
        for square, basis in zip(self.squares, self.bases, strict=True):
            basis.copy_(torch.linalg.eigh(square.nan_to_num(0.0, 0.0, 0.0))[1])

    def turn(self, moment: Tensor, square: Tensor, lacking: float) -> None:
        """One step of the power iteration for Q, with m in the new basis and v raised to what m there cannot be without."""
        left, right = self.bases
        new_left, new_right = (torch.linalg.qr(square @ basis)[0] for square, basis in zip(self.squares, self.bases, strict=True))
        moment.copy_((new_left.mT @ left) @ moment @ (right.mT @ new_right))
        square.copy_(torch.maximum(square, moment.square().div_(lacking)))
        left.copy_(new_left)
        right.copy_(new_right)

    def inwards(self, gradient: Tensor, out: Tensor) -> None:
        """G' = Q_Lᵀ G Q_R."""
        torch.bmm(torch.bmm(self.bases[0].mT, gradient), self.bases[1], out=out)

    def outwards(self, step: Tensor) -> None:
        """Q_L D Q_Rᵀ in place of D."""
        torch.bmm(torch.bmm(self.bases[0], step), self.bases[1].mT, out=step)


class Soap:
    """Moves tensors along their `.grad`, as `training.optimiser.Optimiser` does; `tensors` holds its memory by name, for checkpoints.

    Arguments: `linear` says of each tensor, seen as rows of weights, how many rows at its beginning have matrices, and which.
    """

    def __init__(self, parameters: Iterable[Tensor], linear: Sequence[tuple[int, Sequence[Matrix]]]):
        self.parameters = list(parameters)
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.bases = [
            [Basis.fresh(matrix, rows, parameter) for matrix in matrices]
            for parameter, (rows, matrices) in zip(self.parameters, linear, strict=True)
        ]
        self.count = torch.zeros(())
        """Steps done, on the processor, where Python asks for them."""
        on_gpu = self.parameters[0].device.type == "cuda"
        self.rate: list[float] | Tensor = self.parameters[0].new_zeros(2) if on_gpu else [0.0, 0.0]

    def step(self, rate: float) -> None:
        """One step with learning rate η = `rate`."""
        self.prepare(rate)
        self.move()

    def prepare(self, rate: float) -> None:
        """All of a step that is different from step to step: η over what m and v lack at the beginning, and every tenth time the bases."""
        self.count += 1
        done = int(self.count)
        if done % TURNS == 0:
            for first, second, bases in zip(self.first, self.second, self.bases, strict=True):
                for basis in bases:
                    basis.turn(basis.of(first.flatten(0, -2)), basis.of(second.flatten(0, -2)), 1.0 - BETA ** (done - 2))
        lacking = 1.0 - BETA ** max(1, done - 1)
        for place, value in enumerate((rate / lacking, 1.0 / math.sqrt(lacking))):
            self.rate[place] = value

    def move(self) -> None:
        """One step as it was prepared."""
        if self.count == 1:
            for parameter, bases in zip(self.parameters, self.bases, strict=True):
                for basis in bases:
                    basis.begin(basis.of(self._gradient(parameter).flatten(0, -2)))
            return
        rate, scale = self.rate
        for parameter, first, second, bases in zip(self.parameters, self.first, self.second, self.bases, strict=True):
            gradient = self._gradient(parameter)
            turned = gradient.clone()
            rows = turned.flatten(0, -2)
            for basis in bases:
                own = basis.of(gradient.flatten(0, -2))
                basis.learn(own)
                basis.inwards(own, basis.of(rows))
            first.lerp_(turned, 1.0 - BETA)
            second.mul_(BETA).addcmul_(turned, turned, value=1.0 - BETA)
            step = torch.sqrt(second, out=turned).mul_(scale).add_(EPSILON).reciprocal_().mul_(first).mul_(rate)
            rows = step.flatten(0, -2)
            for basis in bases:
                basis.outwards(basis.of(rows))
            parameter.sub_(step)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Moments, squares, bases and the number of steps, to be kept and to be filled."""
        kept = {"count": self.count}
        for number, (first, second, bases) in enumerate(zip(self.first, self.second, self.bases, strict=True)):
            kept |= {f"first.{number}": first, f"second.{number}": second}
            for place, basis in enumerate(bases):
                for side, square, own in zip(("left", "right"), basis.squares, basis.bases, strict=True):
                    kept |= {f"square.{number}.{place}.{side}": square, f"basis.{number}.{place}.{side}": own}
        return kept

    @staticmethod
    def _gradient(parameter: Tensor) -> Tensor:
        return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
