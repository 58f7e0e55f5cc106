"""Physical coordinates of events, and the monotonic functions that make numbers for networks of them, with inverse and slope."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

HALF_TURN = math.pi * (1 + 1e-6)
SMALLEST = 1e-12
"""Nearest to an edge of the unit square that a known edge lets a point come."""


class Transform(ABC):
    """A monotonic function of one number and its inverse."""

    @abstractmethod
    def forward(self, x: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def inverse(self, y: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def log_slope(self, x: np.ndarray) -> np.ndarray:
        """ln |dy/dx|"""


@dataclass(frozen=True)
class Identity(Transform):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return x

    def inverse(self, y: np.ndarray) -> np.ndarray:
        return y

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        return 0.0 * x  # NaN stays NaN


@dataclass(frozen=True)
class Logarithm(Transform):
    """y = ln(x − start)"""

    start: float = 0.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.log(x - self.start)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        return self.start + np.exp(y)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        return -np.log(x - self.start)


@dataclass(frozen=True)
class Angle(Transform):
    """y = artanh(x/π′)"""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.arctanh(x / HALF_TURN)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        return HALF_TURN * np.tanh(y)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        return -np.log(HALF_TURN) - np.log1p(-((x / HALF_TURN) ** 2))


@dataclass(frozen=True)
class Probit(Transform):
    """y = Φ⁻¹(s), s = (t(x) − t(low))/(t(high) − t(low)): what is flat in t becomes a unit Gaussian, and there is no edge left to learn.

    Outside there is no density. Here t(x) = x.
    """

    low: float = 0.0
    high: float = 1.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        from torch import as_tensor
        from torch.special import ndtri

        return ndtri(as_tensor(np.clip((self.bent(x) - self.bent(self.low)) / self._range, SMALLEST, 1 - SMALLEST))).numpy()

    def inverse(self, y: np.ndarray) -> np.ndarray:
        from torch import as_tensor
        from torch.special import ndtr

        return self.unbent(self.bent(self.low) + self._range * ndtr(as_tensor(y)).numpy())

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        found = 0.5 * self.forward(x) ** 2 + 0.5 * math.log(2 * math.pi) + self.log_bend(x) - np.log(self._range)
        return np.where((x <= self.low) | (x >= self.high), -np.inf, found)  # NaN stays NaN

    def bent(self, x: np.ndarray | float) -> Any:
        """t(x)"""
        return x

    def unbent(self, t: np.ndarray) -> np.ndarray:
        """The x with t(x) = t."""
        return t

    def log_bend(self, x: np.ndarray) -> np.ndarray | float:
        """ln dt/dx"""
        return 0.0

    @property
    def _range(self) -> float:
        return float(self.bent(self.high) - self.bent(self.low))


@dataclass(frozen=True)
class Peak(Probit):
    """t = arctan((x − mean)/(width/2)): a resonance becomes a unit Gaussian."""

    mean: float = 0.0
    width: float = 1.0

    def bent(self, x: np.ndarray | float) -> Any:
        return np.arctan(2 * (x - self.mean) / self.width)

    def unbent(self, t: np.ndarray) -> np.ndarray:
        return self.mean + self.width / 2 * np.tan(t)

    def log_bend(self, x: np.ndarray) -> np.ndarray:
        return np.log(2 / self.width) - np.log1p((2 * (x - self.mean) / self.width) ** 2)


@dataclass(frozen=True)
class Column:
    """A physical coordinate: what is done to it, and its place among those of all particles, (p_T, η, Δφ, m) each."""

    name: str
    unit: str
    transform: Transform
    place: int


TURN = Probit(-HALF_TURN, HALF_TURN)


def particle(name: str, number: int) -> list[Column]:
    """p_T, η and Δφ; the first particle has no azimuth."""
    found = [Column(f"{name}_pt", "GeV", Logarithm(), 4 * number), Column(f"{name}_eta", "", Identity(), 4 * number + 1)]
    return found + [Column(f"{name}_phi", "", Angle(), 4 * number + 2)] * (number > 0)
