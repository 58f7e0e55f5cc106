"""Toy densities in the plane with closed forms: wedge ramp, kicker ramp, Gaussian ring; and how a fit would err on them.
A noisy curve with a gap, the cheapest test of a regression with error bars.

    wedge ramp     p(x, y) = 2 x                          on the unit square
    kicker ramp    p(x, y) = 3 x²                         on the unit square
    Gaussian ring  p(x, y) = N(r; 4, 1) / (π r Φ(4))      for y > 0, with r² = x² + y²

Of the ring r itself is Gaussian, cut at r > 0, and φ is uniform from 0 to π: so the density in the plane has the 1/r of dx dy = r dr dφ,
and the radial marginal is the Gaussian that a fit of its mean and width assumes.

Errors of a fit with parameters θ_i that are known to ±Δ_i:  Δp(x)² = Σ_i (Δ_i g_i(x))² ,  g_i = |∂p/∂θ_i|

Source: Bellagente, Haussmann, Luchmann, Plehn, arXiv:2104.04543.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from statistics import NormalDist

import numpy as np


class Toy(ABC):
    """A density p(x, y) of points (event, 2), normalised to one."""

    name: str
    label: str
    formula: str
    marginals: tuple[str, ...]
    """The coordinates whose density `marginal` knows."""

    @abstractmethod
    def density(self, points: np.ndarray) -> np.ndarray:
        """p(x, y) of points (*batch, 2); 0 outside."""

    @abstractmethod
    def marginal(self, coordinate: str, values: np.ndarray) -> np.ndarray:
        """The density of one coordinate."""

    @abstractmethod
    def points(self, uniform: np.ndarray) -> np.ndarray:
        """Points (event, 2) from two uniform numbers each, by inverting the cumulative distributions."""

    @property
    @abstractmethod
    def entropy(self) -> float:
        """H = −∫ p ln p: the loss of a perfect network, per event."""

    def sample(self, events: int, rng: np.random.Generator) -> np.ndarray:
        """Points (event, 2) distributed as p; the first n of more are the same."""
        return self.points(rng.random((events, 2)))

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """ln p(x, y) of points (*batch, 2); −∞ outside."""
        with np.errstate(divide="ignore"):
            return np.log(self.density(points))


@dataclass(frozen=True)
class Ramp(Toy):
    """p(x, y) = (k + 1) xᵏ on the unit square."""

    name: str
    label: str
    power: int
    marginals: tuple[str, ...] = ("x", "y")

    @property
    def formula(self) -> str:  # type: ignore[override]
        return "p(x, y) = 2x" if self.power == 1 else f"p(x, y) = {self.power + 1}x<sup>{self.power}</sup>"

    def density(self, points: np.ndarray) -> np.ndarray:
        return self.marginal("x", points[..., 0]) * self.marginal("y", points[..., 1])

    def marginal(self, coordinate: str, values: np.ndarray) -> np.ndarray:
        inside = (values >= 0) & (values <= 1)
        height = (self.power + 1) * np.abs(values) ** self.power if _known(self, coordinate) == "x" else 1.0
        return np.where(inside, height, 0.0)

    def points(self, uniform: np.ndarray) -> np.ndarray:
        return np.stack([uniform[..., 0] ** (1 / (self.power + 1)), uniform[..., 1]], axis=-1)

    @property
    def entropy(self) -> float:
        """k/(k + 1) − ln(k + 1)"""
        return self.power / (self.power + 1) - math.log(self.power + 1)


@dataclass(frozen=True)
class Ring(Toy):
    """p(x, y) = N(r; μ, w) / (Φ(μ/w) φ_max r) for 0 < φ < φ_max: by default the upper half of a ring of radius 4 and width 1."""

    name: str = "ring"
    label: str = "Gaussian ring"
    radius: float = 4.0
    width: float = 1.0
    sector: float = math.pi
    formula: str = "p(x, y) = N(r; 4, 1) / (π r)"
    marginals: tuple[str, ...] = ("x", "y", "r", "phi")

    @property
    def inside(self) -> float:
        """Φ(μ/w), the part of the Gaussian at r > 0."""
        return NormalDist().cdf(self.radius / self.width)

    def density(self, points: np.ndarray) -> np.ndarray:
        r, phi = np.hypot(points[..., 0], points[..., 1]), np.arctan2(points[..., 1], points[..., 0]) % (2 * math.pi)
        with np.errstate(divide="ignore"):
            return self.marginal("r", r) * self.marginal("phi", phi) / r

    def marginal(self, coordinate: str, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values, dtype=np.float64)
        match _known(self, coordinate):
            case "r":
                gaussian = np.exp(-(((values - self.radius) / self.width) ** 2) / 2) / (math.sqrt(2 * math.pi) * self.width)
                return np.where(values > 0, gaussian / self.inside, 0.0)
            case "phi":
                return np.where((values >= 0) & (values <= self.sector), 1 / self.sector, 0.0)
        if not math.isclose(self.sector, math.pi):
            raise ValueError(f"The density of {coordinate} is known for half a ring only, not for φ up to {self.sector:g}.")
        both = np.where(values > 0, 2.0, 0.0) if coordinate == "y" else 1.0
        return both * self._projected(np.abs(values)) / math.pi

    def _projected(self, distance: np.ndarray) -> np.ndarray:
        """∫ p(r) dt with r = d cosh t: the Gaussian seen along lines that pass the origin at a distance d, by the trapezoidal rule."""
        reach = self.radius + 9 * self.width
        end = np.arccosh(np.maximum(reach / np.maximum(distance, 1e-12), 1.0))
        t = np.linspace(0.0, 1.0, 501) * end[..., None]
        return np.trapezoid(self.marginal("r", distance[..., None] * np.cosh(t)), t, axis=-1)

    def points(self, uniform: np.ndarray) -> np.ndarray:
        gaussian = NormalDist(self.radius, self.width)
        share = 1 - self.inside + self.inside * uniform[..., 0].clip(1e-16, 1 - 1e-16)
        r = np.fromiter(map(gaussian.inv_cdf, share.ravel()), np.float64, share.size).reshape(share.shape)
        phi = self.sector * uniform[..., 1]
        return r[..., None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)

    @property
    def entropy(self) -> float:
        """⟨ln r − ln p(r)⟩ + ln φ_max, by the trapezoidal rule."""
        r = np.linspace(0.0, self.radius + 12 * self.width, 200_001)[1:]
        p = self.marginal("r", r)
        return float(np.trapezoid(p * (np.log(r) - np.log(p)), r)) + math.log(self.sector)


def _known(toy: Toy, coordinate: str) -> str:
    if coordinate not in toy.marginals:
        raise ValueError(f"The density of {coordinate!r} is not known for the {toy.label}; those of {', '.join(toy.marginals)} are.")
    return coordinate


@dataclass(frozen=True)
class Wave:
    """y = ½ sin(k x) + x/2 + noise·ε, for gap < |x| < 1: in the middle there are no points.

    Source: with k = 23 the toy of the authors of arXiv:2412.12069 for their error bars; fewer waves are learned faster.
    """

    k: float = 23.0
    noise: float = 0.1
    gap: float = 0.22

    def mean(self, x: np.ndarray) -> np.ndarray:
        """⟨y⟩."""
        return 0.5 * np.sin(self.k * x) + 0.5 * x

    def sample(self, points: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x and y of points, x uniform on both sides of the gap."""
        x = rng.uniform(self.gap, 1.0, points) * rng.choice([-1.0, 1.0], points)
        return x, self.mean(x) + self.noise * rng.normal(size=points)


# How a fit errs


@dataclass(frozen=True)
class Family:
    """Errors Δp(x)² = Σ_i (Δ_i g_i(x))² of densities with a few parameters; `derivatives(x)` are the g_i by the names of the parameters."""

    name: str
    formula: str
    derivatives: Callable[[np.ndarray], dict[str, np.ndarray]] = field(repr=False)

    def error(self, x: np.ndarray, errors: Mapping[str, float]) -> np.ndarray:
        """Δp(x), for errors Δ_i of the parameters by name; those not named are 0."""
        known = self.derivatives(np.asarray(x, dtype=np.float64))
        if unknown := set(errors) - set(known):
            raise ValueError(f"{self.name} has no parameter {min(unknown)!r}; it has {', '.join(known)}.")
        return np.sqrt(sum(((size * known[name]) ** 2 for name, size in errors.items()), start=np.zeros(np.shape(x))))

    def fit(self, x: np.ndarray, sigma: np.ndarray) -> Fit:
        """The errors Δ_i ≥ 0 that come closest to σ(x) > 0, by least squares of Δp²/σ² − 1: the spread of networks is known relatively.

        Few parameters, so every subset of them is tried.
        """
        known = self.derivatives(x)
        table = np.column_stack([(g / sigma) ** 2 for g in known.values()])
        best, least = np.zeros(len(known)), float(len(x))
        for count in range(1, len(known) + 1):
            for chosen in map(list, combinations(range(len(known)), count)):
                sizes = np.linalg.lstsq(table[:, chosen], np.ones(len(x)), rcond=None)[0]
                left = float(((table[:, chosen] @ sizes - 1) ** 2).sum())
                if (sizes >= 0).all() and left < least * (1 - 1e-12):
                    best, least = np.zeros(len(known)), left
                    best[chosen] = sizes
        errors = dict(zip(known, np.sqrt(best).tolist(), strict=True))
        return Fit(errors, self.error(x, errors), sigma)


@dataclass(frozen=True)
class Fit:
    """Errors of the parameters, and the curve Δp(x) they give beside the σ(x) to which they were fitted."""

    errors: dict[str, float]
    curve: np.ndarray
    sigma: np.ndarray

    def chi2(self, draws: int) -> float:
        """Σ (Δp/σ − 1)² · 2 (M − 1): the spread σ of M networks is itself known to σ/√(2(M − 1))."""
        return float(((self.curve / self.sigma - 1) ** 2).sum() * 2 * (draws - 1))


def wedge_line(x: np.ndarray, slope: float = 2.0) -> dict[str, np.ndarray]:
    """Of a straight line, p = a x + (1 − a (x_max² − x_min²)/2)/(x_max − x_min): |x − ½|, 1 + a/2 and |1 − a/2|."""
    return {
        "slope": np.abs(x - 0.5),
        "upper edge": np.full_like(x, 1 + slope / 2),
        "lower edge": np.full_like(x, abs(1 - slope / 2)),
    }


def kicker_parabola(x: np.ndarray, slope: float = 3.0, curvature: float = 3.0) -> dict[str, np.ndarray]:
    """Of a parabola p = 1 + a c + b (c² − 1/12), c = x − ½: |3x² − 2x| and, as for the line, p(1) and p(0).

    Where p = 3x² vanishes, at x = 0, events fix it: Δp(0) = 0 ties Δb = 3 Δa, so both together vary as 3x² − 2x. It vanishes at x = ⅔.
    """
    high, low = (1 + slope * c + curvature * (c**2 - 1 / 12) for c in (0.5, -0.5))
    return {"slope and curvature": np.abs(3 * x**2 - 2 * x), "upper edge": np.full_like(x, high), "lower edge": np.full_like(x, abs(low))}


def power_law(x: np.ndarray, power: int) -> dict[str, np.ndarray]:
    """Of a power law p = (k + 1) xᵏ: xᵏ |1 + (k + 1) ln x|, which vanishes at x = e^(−1/(k+1))."""
    inside = np.maximum(x, np.finfo(float).tiny)
    return {"power": inside**power * np.abs(1 + (power + 1) * np.log(inside))}


def running_power(x: np.ndarray, power: int) -> dict[str, np.ndarray]:
    """Of a power law whose exponent runs, p ∝ x^(k + b ln x): p |1 − t| and p |1 − 2t + t²/2| with t = −(k + 1) ln x.

    t is exponentially distributed, so these Laguerre polynomials are the derivatives by parameters that events find uncorrelated.
    """
    t = -(power + 1) * np.log(np.maximum(x, np.finfo(float).tiny))
    p = (power + 1) * np.exp(-t * power / (power + 1))
    return {"power": p * np.abs(1 - t), "running": p * np.abs(1 - 2 * t + t**2 / 2)}


def ring_gaussian(r: np.ndarray, toy: Ring) -> dict[str, np.ndarray]:
    """Of a Gaussian in r: p |r − μ|/w², which vanishes at μ, and p |(r − μ)²/w³ − 1/w|, which vanishes at μ ± w."""
    p, away = toy.marginal("r", r), r - toy.radius
    return {"radius": p * np.abs(away) / toy.width**2, "width": p * np.abs(away**2 / toy.width**3 - 1 / toy.width)}


def counting(x: np.ndarray, toy: Toy) -> dict[str, np.ndarray]:
    """Of counted events: √p. The hypothesis that a fit must beat."""
    return {"counts": np.sqrt(toy.marginal("r" if isinstance(toy, Ring) else "x", x))}


def _ramp_families(toy: Ramp) -> dict[str, Family]:
    line = Family("straight line", "Δp² = (x − ½)² Δa² + 4 Δx<sub>max</sub>²", wedge_line)
    parabola = Family("parabola", "Δp² = (3x² − 2x)² Δa² + 9 Δx<sub>max</sub>²", kicker_parabola)
    power = Family("power law", "Δp = x<sup>k</sup> |1 + (k + 1) ln x| Δk", lambda x: power_law(x, toy.power))
    formula = "Δp²/p² = (1 − t)² Δk² + (1 − 2t + t²/2)² Δb², t = −(k + 1) ln x"
    running = Family("running power law", formula, lambda x: running_power(x, toy.power))
    return {"fit": line if toy.power == 1 else parabola, "power": power, "running": running, "counting": _counting_family(toy)}


def _ring_families(toy: Ring) -> dict[str, Family]:
    formula = "Δp²/p² = ((r − μ)/w²)² Δμ² + ((r − μ)²/w³ − 1/w)² Δw²"
    return {"fit": Family("Gaussian", formula, lambda r: ring_gaussian(r, toy)), "counting": _counting_family(toy)}


def _counting_family(toy: Toy) -> Family:
    return Family("counting", "Δp ∝ √p", lambda x: counting(x, toy))


def errors_of(toy: Toy) -> dict[str, Family]:
    """How fits of a toy err: `fit` is the simplest, `counting` the one to reject. x is r for the ring, p the marginal."""
    return _ring_families(toy) if isinstance(toy, Ring) else _ramp_families(toy)  # type: ignore[arg-type]
