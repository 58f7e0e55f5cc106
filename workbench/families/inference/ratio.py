"""Likelihood ratios of many events at many θ = (f_W, f_WW), from what each estimator knows of an event.

    log r̂(x|θ) = log [ĝ(x)·m(θ)] − log [σ(θ)/σ_ref]          six numbers ĝ per event, r̂ quadratic in θ: histograms, quadratic heads, truth
    log r̂(x|θ) = log [ĝ_k(x)·m(θ)] − log [σ(θ)/σ_ref]        six numbers for each direction k of θ: SALLINO
    log r̂(x|θ) = ℓ(x, θ)                                     a network of x and θ

All are compared as log r̂(x|θ) − log r̂(x|0), the ratio to the Standard Model, whatever their reference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.physics.amplitudes.wbf_h import monomials
from workbench.physics.wbf import BOX

EVEN = (0, 1, 2, 4, 5, 6)
"""Of the ten components those of f_W and f_WW: 1, f_W, f_WW, f_W², f_W f_WW, f_WW²."""
FLOOR = 1e-6
"""Below so small a share of the reference no estimator knows anything."""
AXIS = np.linspace(-BOX, BOX, 31)
"""Of the grid in the (f_W, f_WW) plane, TeV⁻²."""
PRIOR = 5.0
"""TeV⁻²: the mean squared error counts θ as exp(−θ²/(2·5²))."""
SHOWN = np.array([[5, 0], [10, 0], [-10, 0], [0, 5], [0, 10], [0, -10], [-8, 8], [20, 0], [0, 20]])
"""Hypotheses at which single events are shown, TeV⁻²."""
TRIMMED = 0.05
"""Share of the largest and of the smallest squared errors that the trimmed mean leaves out."""


def even(theta: np.ndarray) -> np.ndarray:
    """m(θ) (*batch, 6) of θ = (f_W, f_WW) (*batch, 2) in TeV⁻², f_T = 0."""
    theta = np.asarray(theta, dtype=np.float64)
    return monomials(np.concatenate([theta, np.zeros_like(theta[..., :1])], axis=-1))[..., EVEN]


def grid(axis: np.ndarray = AXIS) -> np.ndarray:
    """All θ (point, 2) of the plane; f_W runs fastest."""
    f_w, f_ww = np.meshgrid(axis, axis)
    return np.stack([f_w.ravel(), f_ww.ravel()], axis=-1)


class Estimate(ABC):
    """What an estimator knows of some events, by its networks."""

    networks: int

    @abstractmethod
    def log_ratio(self, theta: np.ndarray) -> np.ndarray:
        """log r̂(x|θ) − log r̂(x|0), (network, event, θ), of θ (θ, 2)."""


@dataclass(frozen=True)
class Quadratic(Estimate):
    """Six numbers (network, event, 6) per event; sigma (6) are the cross sections."""

    components: np.ndarray
    sigma: np.ndarray

    @property
    def networks(self) -> int:  # type: ignore[override]
        return len(self.components)

    def log_ratio(self, theta: np.ndarray) -> np.ndarray:
        m = even(theta)
        density = np.maximum(self.components @ m.T, FLOOR)
        at_sm = np.maximum(self.components[..., :1], FLOOR)
        return np.log(density / at_sm) - np.log(m @ self.sigma / self.sigma[0])

    def score(self) -> np.ndarray:
        """∇ log r̂ at θ = 0, (network, event, 2), in TeV²."""
        return self.components[..., 1:3] / np.maximum(self.components[..., :1], FLOOR) - self.sigma[1:3] / self.sigma[0]


@dataclass(frozen=True)
class Directions(Estimate):
    """Six numbers for each of some directions of θ in a half circle, (network, direction, event, 6)."""

    components: np.ndarray
    sigma: np.ndarray

    @property
    def networks(self) -> int:  # type: ignore[override]
        return len(self.components)

    def log_ratio(self, theta: np.ndarray) -> np.ndarray:
        count = self.components.shape[1]
        which = np.round(np.arctan2(theta[:, 1], theta[:, 0]) / (np.pi / count)).astype(int) % count
        found = np.empty((self.networks, self.components.shape[2], len(theta)))
        for direction in np.unique(which):
            chosen = which == direction
            found[..., chosen] = Quadratic(self.components[:, direction], self.sigma).log_ratio(theta[chosen])
        return found


@dataclass(frozen=True)
class Free(Estimate):
    """A network of x and θ: `ask(θ)` gives ℓ (network, event) at one θ."""

    ask: Callable[[np.ndarray], np.ndarray]
    networks: int

    def log_ratio(self, theta: np.ndarray) -> np.ndarray:
        at_sm = self.ask(np.zeros(2))
        return np.stack([self.ask(one) - at_sm for one in theta], axis=-1)


def true_score(components: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """∇ log p(x|θ) at θ = 0 of f_W, f_WW, f_T, (event, 3), in TeV², from ten components and cross sections: with −∇σ/σ, which is easily
    forgotten."""
    return components[:, 1:4] / components[:, :1] - sigma[1:4] / sigma[0]


def squared_error(ours: np.ndarray, truth: np.ndarray, theta: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Mean squared error of log r (event, θ), over events and θ with exp(−θ²/2·5²), and that mean without 5 % of the errors at each end."""
    count = np.exp(-(theta**2).sum(axis=-1) / (2 * PRIOR**2))
    count = count / count.sum()
    squares = (ours - truth) ** 2
    mean = float(np.average(squares @ count, weights=weight))
    cut = int(TRIMMED * len(squares))
    inside = np.sort(squares, axis=0)[cut : len(squares) - cut]
    return mean, float(inside.mean(axis=0) @ count)
