"""Constants of a formula by least squares: MSE = ⟨w (t − f)²⟩, minimised with the method of Levenberg and Marquardt, and their errors.

naive       √(MSE (JᵀJ)⁻¹): right if all residuals had the same width
bootstrap   spread of the constants over samples of events drawn again: right also with heavy tails
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.families.formulas.tree import Program, Tree, constants, slopes, with_constants


@dataclass(frozen=True)
class Data:
    """Columns of points, one array per variable, the target, and the square root of each event's weight, of mean square one."""

    columns: tuple[np.ndarray, ...]
    target: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, target: np.ndarray, weight: np.ndarray | None = None) -> Data:
        """From points (event, variable)."""
        weight = np.ones(len(target)) if weight is None else weight
        return cls(tuple(np.ascontiguousarray(column) for column in x.T), target, np.sqrt(weight / weight.mean()))

    def __len__(self) -> int:
        return len(self.target)

    @property
    def variance(self) -> float:
        """The MSE of the best constant."""
        square = self.root**2
        return float((square * (self.target - (square * self.target).mean()) ** 2).mean())

    def weighted(self, factor: np.ndarray) -> Data:
        return Data(self.columns, self.target, self.root * factor)


def minimised(program: Program, start: Sequence[float], data: Data, steps: int) -> tuple[list[float], float]:
    """The constants after so many steps (JᵀJ + λ diag) δ = Jᵀ(t − f), and their MSE; infinite where the formula has no value."""
    values = list(start)
    registers = program.registers(values)
    away = (data.target - registers[-1]) * data.root
    mse = float(away @ away) / len(away)
    if not math.isfinite(mse):
        return values, math.inf
    if not program.constants:
        return values, mse
    damping = 1e-3
    rows = np.empty((program.constants, len(away)))
    diagonal = np.arange(program.constants)
    for _ in range(steps):
        program.slopes(registers, rows)
        rows *= data.root
        square, slope = rows @ rows.T, rows @ away
        before = mse
        for _ in range(5):
            damped = square.copy()
            damped[diagonal, diagonal] += damping * square[diagonal, diagonal] + 1e-12
            try:
                step = np.linalg.solve(damped, slope)
            except np.linalg.LinAlgError:
                return values, mse
            tried = [value + float(change) for value, change in zip(values, step, strict=True)]
            new = program.registers(tried)
            gone = (data.target - new[-1]) * data.root
            found = float(gone @ gone) / len(gone)
            if found < mse:
                values, mse, registers, away, damping = tried, found, new, gone, damping / 10
                break
            damping *= 10
        if not mse < before * (1 - 1e-6):
            break
    return values, mse


def fitted(tree: Tree, data: Data, steps: int = 50) -> tuple[Tree, float]:
    """The formula with the constants that minimise the MSE from where they stand, and the MSE."""
    with np.errstate(all="ignore"):
        program = Program.of(tree, data.columns, {})
        values, mse = minimised(program, constants(tree), data, steps)
    return with_constants(tree, values), mse


def naive_errors(tree: Tree, data: Data, mse: float) -> np.ndarray:
    """√ of the diagonal of MSE (JᵀJ)⁻¹; infinite where constants cannot be told apart."""
    rows = slopes(tree, data.columns) * data.root
    square = rows @ rows.T
    try:
        inverse = np.linalg.inv(square)
    except np.linalg.LinAlgError:
        return np.full(len(square), np.inf)
    diagonal = np.diag(inverse)
    return np.where(diagonal > 0, np.sqrt(mse * np.maximum(diagonal, 0)), np.inf)


def bootstrapped(
    tree: Tree, data: Data, rng: np.random.Generator, samples: int = 30, progress: Callable[[float], None] = lambda share: None
) -> np.ndarray:
    """Constants (sample, constant) fitted to samples of the same size, drawn again with replacement.

    A sample counts each event as often as it was drawn, which is an integer with the mean 1.
    """
    found = []
    for number in range(samples):
        count = np.bincount(rng.integers(0, len(data), len(data)), minlength=len(data))
        found.append(constants(fitted(tree, data.weighted(np.sqrt(count)), 12)[0]))
        progress((number + 1) / samples)
    return np.array(found).reshape(samples, -1)
