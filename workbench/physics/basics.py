"""Toys for a first lecture on learning, each with its exact answer: a noisy curve, and densities in the plane to be told apart.

The curve is a bump on a falling spectrum,

    f(x) = 0.8 e^{−2.5x} + 0.35 e^{−(x − 0.6)²/(2·0.06²)}        y = f(x) + σ(x) ε + ½ b ,    ε ~ N(0,1),  b = 1 with probability q

on x ∈ [0, 1]. A network that minimises the squared error learns the conditional mean, f + q/2, one that minimises the absolute error the
conditional median, and neither can do better than the scatter of y about it.

Of classes with densities p_k, equally frequent, the best classifier is p_k/Σp, no other has a smaller cross-entropy, and no cut on anything
else keeps more signal for the same background (Neyman and Pearson 1933): cells of a fine grid, ordered by p_S/p_B, give the exact curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LOSSES = ("mse", "mae", "chi2")
HEIGHT = 0.5
"""How far outliers lie above the curve."""


@dataclass(frozen=True)
class Bump:
    """The noisy curve. *Arguments*: noise, σ of y; growing, σ(x) = noise · (0.3 + 1.7x) instead; outliers, the probability q."""

    noise: float = 0.05
    growing: bool = False
    outliers: float = 0.0

    def mean(self, x: np.ndarray) -> np.ndarray:
        """f(x), the curve without noise and outliers."""
        return 0.8 * np.exp(-2.5 * x) + 0.35 * np.exp(-(((x - 0.6) / 0.06) ** 2) / 2)

    def sigma(self, x: np.ndarray) -> np.ndarray:
        """σ(x), the width of the noise."""
        return self.noise * (0.3 + 1.7 * np.asarray(x)) if self.growing else np.full(np.shape(x), self.noise)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """x and y of so many points."""
        x = rng.random(count)
        y = self.mean(x) + self.sigma(x) * rng.standard_normal(count)
        return x, y + HEIGHT * (rng.random(count) < self.outliers)

    def answer(self, x: np.ndarray, loss: str = "mse") -> np.ndarray:
        """What minimises the loss: the conditional mean for mse and chi2, the conditional median for mae."""
        x = np.asarray(x, dtype=np.float64)
        if _known(loss) != "mae":
            return self.mean(x) + HEIGHT * self.outliers
        return self.mean(x) + self._median(self.sigma(x))

    def floor(self, x: np.ndarray, loss: str = "mse") -> float:
        """The loss of that answer, averaged over y and these x: (y − f)² for mse, |y − f| for mae, (y − f)²/σ² for chi2."""
        sigma, q = self.sigma(x), self.outliers
        if _known(loss) == "mae":
            away = self._median(sigma)
            return float(((1 - q) * _mean_size(away, sigma) + q * _mean_size(HEIGHT - away, sigma)).mean())
        variance = sigma**2 + q * (1 - q) * HEIGHT**2
        return float((variance if loss == "mse" else variance / sigma**2).mean())

    def _median(self, sigma: np.ndarray) -> np.ndarray:
        """The median of σε + ½b, by bisection for some σ and straight lines between them."""
        if not sigma.size or not self.outliers:
            return np.zeros_like(sigma)
        some = np.linspace(sigma.min(), sigma.max(), 129)
        low, high = np.zeros_like(some), np.full_like(some, HEIGHT)
        for _ in range(40):
            middle = (low + high) / 2
            below = (1 - self.outliers) * _below(middle / some) + self.outliers * _below((middle - HEIGHT) / some)
            low, high = np.where(below < 0.5, middle, low), np.where(below < 0.5, high, middle)
        return np.interp(sigma, some, (low + high) / 2)


def _known(loss: str) -> str:
    if loss not in LOSSES:
        raise ValueError(f"loss = {str(loss)[:40]!r} is not possible: one of {', '.join(LOSSES)} is needed.")
    return loss


_erf = np.vectorize(math.erf, otypes=[float])


def _below(x: np.ndarray) -> np.ndarray:
    """The normal distribution function Φ(x)."""
    return 0.5 * (1 + _erf(x / math.sqrt(2)))


def _mean_size(centre: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """⟨|z|⟩ of z ~ N(centre, σ²)."""
    return sigma * math.sqrt(2 / math.pi) * np.exp(-((centre / sigma) ** 2) / 2) + centre * _erf(centre / sigma / math.sqrt(2))


Draw = Callable[[int, np.random.Generator], np.ndarray]
Density = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """One class of points in the plane: its density at points (*batch, 2), and how its points are drawn."""

    density: Density
    draw: Draw


@dataclass(frozen=True)
class Exact:
    """What nobody can beat. efficiency: ε_B, the smallest background, at ε_S (both ascending); auc, the area above; bce, the smallest
    cross-entropy of signal against background, in nats; cross_entropy, that of all classes."""

    signal: np.ndarray
    background: np.ndarray
    auc: float
    bce: float
    cross_entropy: float

    def background_at(self, signal: np.ndarray) -> np.ndarray:
        """The smallest ε_B for these ε_S."""
        return np.interp(signal, self.signal, self.background)


@dataclass(frozen=True)
class Plane:
    """Classes of points in the plane, equally frequent: signal, background, and a third one for classifiers of several. `window` (2, 2):
    lowest and highest x₁ and x₂ of pictures; `region` the same for integrals."""

    title: str
    kinds: tuple[Kind, Kind, Kind]
    window: tuple[tuple[float, float], tuple[float, float]]
    region: tuple[tuple[float, float], tuple[float, float]]
    axes: tuple[str, str] = ("x₁", "x₂")

    def sample(self, count: int, rng: np.random.Generator, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
        """Points (count, 2) and their classes (count): 0 signal, 1 background, 2 the third; as many of each, in random order."""
        labels = rng.permutation(np.arange(count) % classes)
        points = np.empty((count, 2))
        for label in range(classes):
            points[labels == label] = self.kinds[label].draw(int((labels == label).sum()), rng)
        return points, labels

    def posterior(self, points: np.ndarray, classes: int = 2) -> np.ndarray:
        """p_k/Σp at points (*batch, 2), as (*batch, class); equal shares where no class has a density."""
        densities = np.stack([kind.density(points) for kind in self.kinds[:classes]], axis=-1)
        total = densities.sum(axis=-1, keepdims=True)
        return np.where(total > 0, densities / np.where(total > 0, total, 1.0), 1 / classes)

    def logit(self, points: np.ndarray) -> np.ndarray:
        """ln p_S/p_B at points (*batch, 2); ±∞ where one of them vanishes."""
        signal, background = (kind.density(points) for kind in self.kinds[:2])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(signal) - np.log(background)


@lru_cache(maxsize=32)
def exact(name: str, classes: int = 2, cells: int = 401) -> Exact:
    """The exact answers of a plane by quadrature on a grid of `cells`², good to 1e-5 in the area."""
    plane = PLANES[name]
    edges = [np.linspace(low, high, cells + 1) for low, high in plane.region]
    centres = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    points = np.stack(np.meshgrid(*centres, indexing="ij"), axis=-1)
    densities = np.stack([kind.density(points).ravel() for kind in plane.kinds[:classes]])
    shares = densities / densities.sum(axis=1, keepdims=True)
    signal, background = shares[:2]
    order = np.argsort(-signal / np.where(background > 0, background, 1e-300), kind="stable")
    kept, left = (np.concatenate([[0.0], share[order].cumsum()]) for share in (signal, background))
    return Exact(
        kept,
        left,
        auc=float(1 - np.trapezoid(left, kept)),
        bce=_cross_entropy(shares[:2]),
        cross_entropy=_cross_entropy(shares),
    )


def _cross_entropy(shares: np.ndarray) -> float:
    """−Σ_k ⟨ln p_k/Σp⟩_k / classes, in nats."""
    total = shares.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / total), 0.0)
    return float(-terms.sum() / len(shares))


def normal(centre: tuple[float, float], sigma: float) -> Kind:
    """A round Gaussian."""

    def density(points: np.ndarray) -> np.ndarray:
        return np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * sigma**2)) / (2 * math.pi * sigma**2)

    return Kind(density, lambda count, rng: centre + sigma * rng.standard_normal((count, 2)))


def mixed(*kinds: Kind) -> Kind:
    """Equal parts of several."""

    def draw(count: int, rng: np.random.Generator) -> np.ndarray:
        which = rng.integers(len(kinds), size=count)
        return np.choose(which[:, None], [kind.draw(count, rng) for kind in kinds])

    return Kind(lambda points: np.mean([kind.density(points) for kind in kinds], axis=0), draw)


def product(mass: tuple[Density, Draw], angle: tuple[Density, Draw]) -> Kind:
    """Independent densities of a mass m ∈ [0, 1] and an angle cos θ ∈ [−1, 1]."""

    def density(points: np.ndarray) -> np.ndarray:
        m, c = points[..., 0], points[..., 1]
        inside = (m >= 0) & (m <= 1) & (np.abs(c) <= 1)
        return np.where(inside, mass[0](m) * angle[0](c), 0.0)

    return Kind(density, lambda count, rng: np.stack([mass[1](count, rng), angle[1](count, rng)], axis=-1))


PEAK, WIDTH, SLOPE = 0.5, 0.12, 2.0


def _peak(m: np.ndarray) -> np.ndarray:
    inside = _below(np.array((1 - PEAK) / WIDTH)) - _below(np.array(-PEAK / WIDTH))
    return np.exp(-(((m - PEAK) / WIDTH) ** 2) / 2) / (WIDTH * math.sqrt(2 * math.pi) * inside)


def _draw_peak(count: int, rng: np.random.Generator) -> np.ndarray:
    m = PEAK + WIDTH * rng.standard_normal(count)
    while (outside := (m < 0) | (m > 1)).any():
        m[outside] = PEAK + WIDTH * rng.standard_normal(int(outside.sum()))
    return m


def _falling(m: np.ndarray) -> np.ndarray:
    return SLOPE * np.exp(-SLOPE * m) / (1 - math.exp(-SLOPE))


def _draw_falling(count: int, rng: np.random.Generator) -> np.ndarray:
    return -np.log(1 - rng.random(count) * (1 - math.exp(-SLOPE))) / SLOPE


def _draw_one_plus_square(count: int, rng: np.random.Generator) -> np.ndarray:
    """cos θ from (1 + c²)·3/8: the mean of two, or the largest in size of three, of ±uniform numbers, in the right shares."""
    size = np.where(rng.random(count) < 0.25, rng.random((3, count)).max(axis=0), rng.random(count))
    return size * rng.choice([-1.0, 1.0], count)


FLAT: tuple[Density, Draw] = (lambda c: np.full(np.shape(c), 0.5), lambda count, rng: rng.uniform(-1, 1, count))
CURVED: tuple[Density, Draw] = (lambda c: 3 / 8 * (1 + c**2), _draw_one_plus_square)
UNIFORM: tuple[Density, Draw] = (lambda m: np.ones(np.shape(m)), lambda count, rng: rng.random(count))

WIDE = ((-7.0, 7.0), (-7.0, 7.0))
SQUARE = ((-3.5, 3.5), (-3.5, 3.5))
MASS_ANGLE = ((0.0, 1.0), (-1.0, 1.0))
PLANES: dict[str, Plane] = {
    "resonance": Plane(
        "resonance on a falling background",
        (product((_peak, _draw_peak), FLAT), product((_falling, _draw_falling), CURVED), product(UNIFORM, FLAT)),
        MASS_ANGLE,
        MASS_ANGLE,
        ("mass m", "cos θ"),
    ),
    "shift": Plane("two Gaussians, shifted", (normal((0.75, 0.0), 1.0), normal((-0.75, 0.0), 1.0), normal((0.0, 1.5), 1.0)), SQUARE, WIDE),
    "width": Plane("two Gaussians of different width", (normal((0, 0), 0.5), normal((0, 0), 1.0), normal((0, 0), 2.0)), SQUARE, WIDE),
    "xor": Plane(
        "four Gaussians, exclusive or",
        (mixed(normal((1, 1), 0.7), normal((-1, -1), 0.7)), mixed(normal((1, -1), 0.7), normal((-1, 1), 0.7)), normal((0, 0), 0.7)),
        SQUARE,
        WIDE,
    ),
}
"""The toys in the plane, by the names that recipes use; the physicist's one is the first."""
