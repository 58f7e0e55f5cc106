"""Proton collisions with a Higgs boson and two jets from the fusion of W bosons: events with the ten components of their probability.

    dσ = Σ f f |M|²/(2ŝ) · (2π)⁻⁵ · (p_T3 p_T4/8) · (2/s) dp_T3 dη₃ dφ₃ dp_T4 dη₄ dφ₄ dy_H            x₁,₂ = Σ (E ± p_z)/√s

The jets are drawn directly, so that cuts are limits of integration and no event is lost; the momentum of the Higgs balances theirs. An
event z carries ten components c with dσ(z|θ) = c·m(θ) dz (`amplitudes.wbf_h.monomials`), summed over all quarks, so one sample is enough
for every θ:

    p(z|θ) = c(z)·m(θ) / σ(θ)            σ(θ) = σ·m(θ), the ten cross sections after the cuts

Parton 3 comes from the proton along +z: the two jets are in no order of hardness. Events are unweighted for a mixture of θ, the mean of
m(θ) over a grid, so that weights to any θ of the grid's range stay small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from workbench.physics.amplitudes.wbf_h import MASS_H, components, monomials
from workbench.physics.kinematics import four_momentum
from workbench.physics.quark_density import quark_densities

SQRT_S = 13_000.0
"""GeV."""
JET_PT, JET_ETA, LARGEST_PT, LARGEST_RAPIDITY = 20.0, 5.0, 1_500.0, 4.5
"""Cuts on the jets, and how far their transverse momenta (GeV) and the rapidity of the Higgs are integrated."""
PICOBARN = 0.3893793721e9
"""GeV⁻² in pb."""
SOFT = 60.0
"""GeV: transverse momenta are drawn as p_T/(p_T² + 60²)², before the grid adapts."""
BOX = 22.0
"""TeV⁻²: f_W and f_WW of the mixture lie within ±22, which the 99.7 % contour of 36 events needs."""
W_PLUS = (("u", "c"), ("dbar", "sbar"))
"""Quarks, and antiquarks, that emit a W⁺."""
W_MINUS = (("d", "s"), ("ubar", "cbar"))


def mixture(points: int = 5, box: float = BOX) -> np.ndarray:
    """The mean of m(θ), (10,), over a square grid of `points`² values of (f_W, f_WW) within ±`box` TeV⁻², f_T = 0."""
    axis = np.linspace(-box, box, points)
    f_w, f_ww = np.meshgrid(axis, axis)
    return monomials(np.stack([f_w, f_ww, np.zeros_like(f_w)], axis=-1)).mean(axis=(0, 1))


STANDARD_MODEL = monomials(np.zeros(3))


@dataclass(frozen=True)
class Luminosities:
    """Products x₁f(x₁) x₂f(x₂) of partons whose line 1 emits one W and line 2 the other: two quarks or two antiquarks, or one of each."""

    same: np.ndarray
    opposite: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Luminosities:
        """At momentum fractions x (event, 2)."""
        first, second = (quark_densities(x[:, proton], *W_PLUS, *W_MINUS) for proton in (0, 1))
        same = opposite = np.zeros(len(x))
        for a, b in ((first, second), (second, first)):
            plus, antiplus, minus, antiminus = a[0], a[1], b[2], b[3]
            same = same + plus * minus + antiplus * antiminus
            opposite = opposite + plus * antiminus + antiplus * minus
        return cls(same, opposite)


def momenta(pt: np.ndarray, eta: np.ndarray, phi: np.ndarray, rapidity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Momenta (event, 5, 4) in GeV of p₁ p₂ → p₃ p₄ H, and fractions x (event, 2) of the protons' momenta.

    Arguments as of `density`. Fractions above one are impossible; such points have no probability.
    """
    jets = four_momentum(pt, eta, phi, 0.0)
    recoil = -jets[..., 1:3].sum(axis=1)
    transverse_mass = np.sqrt(MASS_H**2 + (recoil**2).sum(axis=-1))
    higgs = np.stack([transverse_mass * np.cosh(rapidity), *recoil.T, transverse_mass * np.sinh(rapidity)], axis=-1)
    total = jets.sum(axis=1) + higgs
    light_cone = np.stack([total[:, 0] + total[:, 3], total[:, 0] - total[:, 3]], axis=-1)
    incoming = (light_cone / 2)[..., None] * np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]])
    return np.concatenate([incoming, jets, higgs[:, None]], axis=1), light_cone / SQRT_S


def density(pt: np.ndarray, eta: np.ndarray, phi: np.ndarray, rapidity: np.ndarray) -> np.ndarray:
    """The ten components of dσ/(dp_T3 dη₃ dφ₃ dp_T4 dη₄ dφ₄ dy_H), (event, 10), in pb/GeV² times TeV² per f; zero beyond the beams' energy.

    Arguments: transverse momenta [GeV], pseudorapidities and azimuths (event, 2) of jets 3 and 4; rapidity (event) of the Higgs.
    """
    found = np.zeros((len(pt), 10))
    events, x = momenta(pt, eta, phi, rapidity)
    inside = (x < 1).all(axis=1)
    events, x = events[inside], x[inside]
    luminosities, squared_energy = Luminosities.of(x), x.prod(axis=1) * SQRT_S**2
    # f f = (x f)(x f)/(x₁ x₂)
    factor = PICOBARN / (2 * squared_energy) / (2 * math.pi) ** 5 * pt[inside].prod(axis=1) / 8 * (2 / SQRT_S**2) / x.prod(axis=1)
    same, opposite = (components(events, lines) for lines in ("quark-quark", "quark-antiquark"))
    found[inside] = factor[:, None] * (luminosities.same[:, None] * same + luminosities.opposite[:, None] * opposite)
    return found


@dataclass
class Grid:
    """An importance-sampling grid on the unit cube, axis by axis: bins of equal probability are narrow where the integrand is large.

    Source: Lepage, J. Comput. Phys. 27 (1978) 192.
    """

    edges: np.ndarray = field(default_factory=lambda: np.tile(np.linspace(0.0, 1.0, 65), (6, 1)))

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points (count, axis) and the volume of each, 1/density."""
        at = rng.random((count, len(self.edges))) * (self.edges.shape[1] - 1)
        number = at.astype(int)
        axis = np.arange(len(self.edges))
        low, high = self.edges[axis, number], self.edges[axis, number + 1]
        return low + (at - number) * (high - low), np.prod((high - low) * (self.edges.shape[1] - 1), axis=1)

    def adapted(self, points: np.ndarray, values: np.ndarray, damping: float = 0.7) -> Grid:
        """The grid after points with integrand × volume `values`: every bin holds an equal share of their damped squares."""
        edges = []
        for own, column in zip(self.edges, points.T, strict=True):
            weight, _ = np.histogram(column, own, weights=values**2)
            smooth = np.convolve(np.pad(weight, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
            share = smooth / smooth.sum() + 1e-12
            importance = ((1 - share) / -np.log(share)) ** damping
            total = np.concatenate([[0.0], importance.cumsum()])
            edges.append(np.interp(np.linspace(0.0, total[-1], len(own)), total, own))
        return Grid(np.array(edges))


def from_cube(cube: np.ndarray, rng: np.random.Generator) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Arguments of `density` from points (event, 6) of the unit cube, and the volume of phase space per volume of the cube."""
    low, high = 1 / (JET_PT**2 + SOFT**2), 1 / (LARGEST_PT**2 + SOFT**2)
    pt = np.sqrt(1 / (low + cube[:, [0, 2]] * (high - low)) - SOFT**2)
    eta = JET_ETA * (2 * cube[:, [1, 3]] - 1)
    opening = math.pi * (2 * cube[:, 4] - 1)
    azimuth = rng.uniform(-math.pi, math.pi, len(cube))
    rapidity = LARGEST_RAPIDITY * (2 * cube[:, 5] - 1)
    angles = (2 * JET_ETA) ** 2 * (2 * math.pi) ** 2 * 2 * LARGEST_RAPIDITY
    jacobian = ((low - high) * (pt**2 + SOFT**2) ** 2 / (2 * pt)).prod(axis=1) * angles
    return (pt, eta, np.stack([azimuth + opening, azimuth], axis=-1), rapidity), jacobian


@dataclass(frozen=True)
class Sample:
    """Unweighted events of a mixture. momenta (event, 5, 4) in GeV; components (event, 10), proportional to dσ/dz; weight (event): one but
    for the few events above the largest weight, so that nothing is missing; cross_section (10,) in pb and its statistical error.
    """

    momenta: np.ndarray
    components: np.ndarray
    weight: np.ndarray
    cross_section: np.ndarray
    error: np.ndarray
    efficiency: float

    def sigma(self, theta: np.ndarray) -> np.ndarray:
        """σ(θ) in pb of θ = (f_W, f_WW, f_T) (*batch, 3) in TeV⁻²."""
        return monomials(theta) @ self.cross_section

    def ratio(self, theta: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """p(z|θ)/p(z|mixture) of each event for one θ (3,), the mixture given by its mean of m(θ)."""
        m = monomials(theta)
        return (self.components @ m) / (m @ self.cross_section) * (mean @ self.cross_section) / (self.components @ mean)


class Generator:
    """Events of a mixture of θ, given by its mean of m(θ) (10,): a grid and a largest weight found once, then any number of events.

    Same seed, same events.
    """

    def __init__(self, mean: np.ndarray | None = None, *, seed: int = 1, iterations: int = 8, points: int = 40_000):
        self.mean, self.seed = mixture() if mean is None else mean, seed
        rng, grid = np.random.default_rng([seed, 0]), Grid()
        for _ in range(iterations):
            cube, values = self._tried(grid, points, rng)[:2]
            grid = grid.adapted(cube, values @ self.mean)
        self.grid = grid
        tried = self._tried(grid, 4 * points, rng)[1]
        self.largest = float(np.quantile(tried @ self.mean, 0.9995))

    def _tried(self, grid: Grid, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
        """Points of the cube, their components times volume [pb] (point, 10), and where they are."""
        cube, volume = grid.draw(count, rng)
        arguments, jacobian = from_cube(cube, rng)
        return cube, density(*arguments) * (volume * jacobian)[:, None], arguments

    def chunks(self, tries: int = 50_000) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """For ever: momenta, components and weights of the events kept from `tries` points, and the components of all points tried."""
        number = 0
        while True:
            number += 1
            rng = np.random.default_rng([self.seed, number])
            _, values, arguments = self._tried(self.grid, tries, rng)
            share = values @ self.mean / self.largest
            kept = rng.random(tries) < share
            yield momenta(*(array[kept] for array in arguments))[0], values[kept], np.maximum(share[kept], 1.0), values

    def enough(
        self, events: int, progress: Callable[[float, str], None] = lambda fraction, text: None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """`chunks` until they hold so many events, the last one perhaps more; `progress` hears how far that is."""
        count = 0
        for chunk in self.chunks():
            count += len(chunk[0])
            progress(min(1.0, count / events), f"made {min(count, events):,} of {events:,} events")
            yield chunk
            if count >= events:
                return

    def sample(self, events: int) -> Sample:
        """So many unweighted events, and the cross sections from all points tried."""
        found, count = [], 0
        sums, squares, tried = np.zeros(10), np.zeros(10), 0
        for p, c, weight, values in self.enough(events):
            found.append((p, c, weight))
            sums, squares, tried, count = sums + values.sum(axis=0), squares + (values**2).sum(axis=0), tried + len(values), count + len(p)
        p, c, weight = (np.concatenate(arrays)[:events] for arrays in zip(*found, strict=True))
        mean = sums / tried
        error = np.sqrt((squares / tried - mean**2) / tried)
        c = c / (c @ self.mean)[:, None]  # only ratios matter, and these are of order one
        return Sample(p, c, weight, mean, error, count / tried)
