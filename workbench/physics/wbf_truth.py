"""What the detector sees of Higgs events with two jets, and the exact likelihood of it: ten components per event at every level.

    p(x|θ) = H(x)·m(θ) / σ(θ)

    parton     x = z, all momenta                        H = c(z)
    jets       x = two jets, no smearing                 H = Σ over which jet is which of ∫ c dy_H                 (Gauss-Legendre)
    detector   x = two smeared jets                      H = ∫ p(x|z) c(z) dz, the matrix element method           (importance sampling)

The Higgs is not used, and nothing tells which proton a jet came from or which quark it was. The same points of the integrals serve all
θ, so ratios between hypotheses carry far less noise than H itself.

*Sources*: Kondo, J. Phys. Soc. Jpn. 57 (1988) 4126 (matrix element method); Brehmer, Cranmer, Louppe, Pavez, arXiv:1805.00020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.physics.kinematics import eta, phi, pt
from workbench.physics.wbf import JET_ETA, JET_PT, LARGEST_PT, LARGEST_RAPIDITY, density

NODES = 48
POINTS = 1_000
"""Partons per event and assignment in the matrix element method."""
AT_ONCE = 100_000
"""Points of an integral that are computed together: 30 MB."""


@dataclass(frozen=True)
class Jets:
    """Two jets per event, in no order: transverse momenta [GeV], pseudorapidities and azimuths, (event, 2) each."""

    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray

    def __len__(self) -> int:
        return len(self.pt)

    def __getitem__(self, chosen: slice | np.ndarray) -> Jets:
        return Jets(self.pt[chosen], self.eta[chosen], self.phi[chosen])

    @classmethod
    def of(cls, momenta: np.ndarray) -> Jets:
        """The outgoing partons of events (event, 5, 4)."""
        return cls(pt(momenta[:, 2:4]), eta(momenta[:, 2:4]), phi(momenta[:, 2:4]))

    @property
    def swapped(self) -> Jets:
        return self[:, ::-1]  # type: ignore[index]

    @property
    def delta_phi(self) -> np.ndarray:
        """φ of the forward jet minus φ of the backward one, from −π to π: of jets in order of p_T it would know nothing of CP."""
        forward = self.eta[:, 0] > self.eta[:, 1]
        difference = np.where(forward, self.phi[:, 0] - self.phi[:, 1], self.phi[:, 1] - self.phi[:, 0])
        return np.pi - np.mod(np.pi - difference, 2 * np.pi)


@dataclass(frozen=True)
class Detector:
    """How jets are measured: E × (1 + `energy` g), η and φ + `angle` g, with independent g ~ N(0,1), and p_T = E/cosh η.

    With `tails` the energy is E + 0.5 √(E GeV) ξ instead, ξ from a Gaussian whose left side beyond 1.5 falls as a power 2.5, as that of a
    calorimeter does (Crystal Ball), drawn again where the energy would be negative.
    """

    energy: float = 0.10
    angle: float = 0.10
    tails: bool = False

    def measured(self, jets: Jets, rng: np.random.Generator) -> Jets:
        """One measurement of every event."""
        true = jets.pt * np.cosh(jets.eta)
        if self.tails:
            energy = true + spread(true) * draw_crystal_ball(true.shape, rng)
            while (negative := energy <= 0).any():
                energy[negative] = true[negative] + spread(true[negative]) * draw_crystal_ball((int(negative.sum()),), rng)
        else:
            energy = true * (1 + self.energy * rng.standard_normal(true.shape))
        at = jets.eta + self.angle * rng.standard_normal(true.shape)
        around = jets.phi + self.angle * rng.standard_normal(true.shape)
        return Jets(energy / np.cosh(at), at, np.pi - np.mod(np.pi - around, 2 * np.pi))

    def partons(self, jets: Jets, rng: np.random.Generator) -> tuple[Jets, np.ndarray]:
        """One parton for every measured jet, and the weight (event) with which it stands for the integral of p(x|z) over dp_T dη dφ."""
        measured = jets.pt * np.cosh(jets.eta)
        if self.tails:
            true, weight = _behind_tails(measured, rng)
        else:
            true = measured / np.maximum(1 + self.energy * rng.standard_normal(measured.shape), 1e-3)
            weight = true / measured
        at = jets.eta - self.angle * rng.standard_normal(true.shape)
        around = jets.phi - self.angle * rng.standard_normal(true.shape)
        # p(x|z) is a density in the energy; those of partons and jets are in p_T
        return Jets(true / np.cosh(at), at, around), (weight * np.cosh(jets.eta) / np.cosh(at)).prod(axis=1)


ALPHA, POWER, SLOPE = 1.5, 2.5, 0.75


def spread(energy: np.ndarray) -> np.ndarray:
    """0.5 √(E GeV), in GeV."""
    return 0.5 * np.sqrt(energy)


def crystal_ball(x: np.ndarray) -> np.ndarray:
    """The density of a unit Gaussian with a power law below −1.5, normalised."""
    core, tail = _areas()
    below = np.minimum(x, -ALPHA)
    power = math.exp(-(ALPHA**2) / 2) * (1 - ALPHA / POWER * (ALPHA + below)) ** -POWER
    return np.where(x > -ALPHA, np.exp(-(x**2) / 2), power) / (core + tail)


def draw_crystal_ball(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Numbers with that density: the power law by inversion, the Gaussian by rejection of what lies below −1.5."""
    core, tail = _areas()
    u = rng.random(shape)
    power = -ALPHA - POWER / ALPHA * (u ** (-1 / (POWER - 1)) - 1)
    gauss = rng.standard_normal(shape)
    while (low := gauss < -ALPHA).any():
        gauss[low] = rng.standard_normal(int(low.sum()))
    return np.where(rng.random(shape) < tail / (core + tail), power, gauss)


def _behind_tails(measured: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True energies behind measured ones [GeV], half from the core of the resolution, half from a power law above, and their weights
    p(measured|true)/density."""
    width, scale = spread(measured), spread(measured) + 2.0
    far = scale * (rng.random(measured.shape) ** (-1 / SLOPE) - 1)
    near = -width * draw_crystal_ball(measured.shape, rng)
    true = np.maximum(measured + np.where(rng.random(measured.shape) < 0.5, far, near), 1e-3)
    above = np.maximum(true - measured, 0.0)
    proposed = 0.5 * crystal_ball((measured - true) / width) / width
    proposed += np.where(true > measured, 0.5 * SLOPE / scale * (1 + above / scale) ** (-1 - SLOPE), 0.0)
    resolution = spread(true)
    positive = 1 - crystal_ball_below(-true / resolution)
    return true, crystal_ball((measured - true) / resolution) / resolution / positive / proposed


def crystal_ball_below(x: np.ndarray) -> np.ndarray:
    """The probability to be below x, for x in the tail; a bound above it, nearly one, for x > −1.5."""
    core, tail = _areas()
    return tail / (core + tail) * (1 - ALPHA / POWER * (ALPHA + np.minimum(x, -ALPHA))) ** (1 - POWER)


def _areas() -> tuple[float, float]:
    """Areas of the Gaussian part and of the power law, relative to a height of one."""
    core = math.sqrt(math.pi / 2) * (1 + math.erf(ALPHA / math.sqrt(2)))
    return core, POWER / ALPHA / (POWER - 1) * math.exp(-(ALPHA**2) / 2)


def jet_components(jets: Jets) -> np.ndarray:
    """H (event, 10) of unsmeared jets, in pb/GeV² times TeV² per f: the Higgs' rapidity integrated, both assignments added."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    total = np.zeros((len(jets), 10))
    for begin in range(0, len(jets), size := AT_ONCE // NODES):
        part = jets[begin : begin + size]
        rapidity = np.tile(LARGEST_RAPIDITY * nodes, len(part))
        for each in (part, part.swapped):
            pts, etas, phis = (np.repeat(array, NODES, axis=0) for array in (each.pt, each.eta, each.phi))
            values = density(pts, etas, phis, rapidity)
            total[begin : begin + size] += LARGEST_RAPIDITY * np.einsum("enc,n->ec", values.reshape(len(part), NODES, 10), weights)
    return total


def detector_components(jets: Jets, detector: Detector, *, points: int = POINTS, seed: int = 1) -> np.ndarray:
    """H (event, 10) of measured jets: the matrix element method with `points` partons per event and assignment; same seed, same numbers."""
    total = np.zeros((len(jets), 10))
    rng = np.random.default_rng(seed)
    for begin in range(0, len(jets), size := max(1, AT_ONCE // points)):
        part = jets[begin : begin + size]
        for each in (part, part.swapped):
            repeated = Jets(*(np.repeat(array, points, axis=0) for array in (each.pt, each.eta, each.phi)))
            partons, weight = detector.partons(repeated, rng)
            rapidity = LARGEST_RAPIDITY * rng.uniform(-1, 1, len(weight))
            inside = (partons.pt > JET_PT) & (partons.pt < LARGEST_PT) & (np.abs(partons.eta) < JET_ETA)
            inside = inside.all(axis=1)
            values = np.zeros((len(weight), 10))
            chosen = partons[inside]
            values[inside] = density(chosen.pt, chosen.eta, chosen.phi, rapidity[inside]) * weight[inside, None]
            total[begin : begin + size] += 2 * LARGEST_RAPIDITY * values.reshape(len(part), points, 10).mean(axis=1)
    return total
