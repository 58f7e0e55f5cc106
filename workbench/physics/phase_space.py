"""Where events come from: flat phase space of massless particles, colliding gluons, the talk's cuts, hit-or-miss unweighting.

Every draw takes a numpy Generator. Momenta are (event, particle, 4) in GeV, the two incoming gluons first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from workbench.physics.gluon_density import draw_gluons
from workbench.physics.kinematics import boost, boost_z, delta_r, dot, eta, mass, massless, pt

BEAMS = ("fixed", "pp")
REFLECT = np.array([1.0, -1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Cuts:
    """The cuts of arXiv:2412.12069: transverse momenta in GeV, pseudorapidities, distances ΔR of photons and jet."""

    jet_pt: float = 20.0
    leading_photon_pt: float = 40.0
    photon_pt: float = 30.0
    jet_eta: float = 5.0
    photon_eta: float = 2.37
    distance: float = 0.4

    def passed(self, momenta: np.ndarray) -> np.ndarray:
        """Which events (event, 4 + jets, 4) of gg → γγ and jets pass."""
        first, second, jets = momenta[:, 2], momenta[:, 3], [momenta[:, leg] for leg in range(4, momenta.shape[1])]
        pt1, pt2 = pt(first), pt(second)
        passed = (np.maximum(pt1, pt2) > self.leading_photon_pt) & (np.minimum(pt1, pt2) > self.photon_pt)
        passed &= (np.abs(eta(first)) < self.photon_eta) & (np.abs(eta(second)) < self.photon_eta)
        for jet in jets:
            passed &= (pt(jet) > self.jet_pt) & (np.abs(eta(jet)) < self.jet_eta)
        for p, q in combinations((first, second, *jets), 2):
            passed &= delta_r(p, q) > self.distance
        return passed

    @property
    def smallest_energy(self) -> float:
        """√ŝ in GeV below which no event with one jet passes: √ŝ ≥ Σ p_T."""
        return self.energy_with(1)

    def energy_with(self, jets: int) -> float:
        """√ŝ in GeV below which no event with so many jets passes."""
        return jets * self.jet_pt + self.leading_photon_pt + self.photon_pt

    @property
    def smallest_photon_mass(self) -> float:
        """m_γγ in GeV below which no event passes: m² = 2 p_T1 p_T2 (cosh Δη − cos Δφ)."""
        return math.sqrt(2 * self.leading_photon_pt * self.photon_pt * (1 - math.cos(self.distance)))


CUTS = Cuts()


def flat(count: int, particles: int, energy: float | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points (event, particle, 4) uniform in the phase space of massless particles at rest, of total `energy` in GeV, number or (event,).

    RAMBO: isotropic momenta with energies distributed as E e^{−E}, seen from their common rest frame and scaled.
    Source: Kleiss, Stirling, Ellis, Comput. Phys. Commun. 40 (1986) 359.
    """
    size = rng.standard_gamma(2.0, (count, particles))
    q = size[..., None] * np.concatenate([np.ones((count, particles, 1)), directions((count, particles), rng)], axis=-1)
    total = q.sum(axis=1, keepdims=True)
    q = boost(q, REFLECT * total)
    return massless(q * (energy / q[..., 0].sum(axis=1))[:, None, None])


def volume(particles: int, energy: float) -> float:
    """∫dΦ of massless particles of total `energy` in GeV, in GeV^(2n − 4): (2π)^(4 − 3n) (π/2)^(n − 1) ŝ^(n − 2)/((n − 1)! (n − 2)!)."""
    n = particles
    angles = (2 * math.pi) ** (4 - 3 * n) * (math.pi / 2) ** (n - 1)
    return angles * energy ** (2 * n - 4) / (math.factorial(n - 1) * math.factorial(n - 2))


def directions(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Isotropic unit vectors (*shape, 3)."""
    cosine, azimuth = rng.uniform(-1.0, 1.0, shape), rng.uniform(0.0, 2 * math.pi, shape)
    sine = np.sqrt(1 - cosine**2)
    return np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=-1)


def flat_events(tries: int, rng: np.random.Generator, *, beams: str = "fixed", sqrt_s: float = 1000.0, cuts: Cuts = CUTS) -> np.ndarray:
    """Events g g → γ γ g, flat in phase space: those of `tries` that pass the cuts, as (event, 5, 4), all of weight one.

    fixed: two gluons of energy √s/2 each. pp: two protons of energy √s/2 each, whose gluons have momentum fractions distributed as
    g(x₁) g(x₂) at Q = 91.188 GeV; the event is seen from the laboratory, and cut there. The flux factor 1/(2ŝ) times the volume of
    three-body phase space, which grows as ŝ, is constant: so in both cases events are distributed as the cross-section would be if |M|²
    were constant, and hit-or-miss with |M|² gives the distribution of the cross-section itself.
    """
    x = np.ones((tries, 2)) if beams == "fixed" else draw_gluons(tries, (cuts.smallest_energy / sqrt_s) ** 2, rng)
    final = flat(len(x), 3, sqrt_s * np.sqrt(x.prod(axis=1)), rng)
    momenta = laboratory(x, final, sqrt_s)
    return momenta[cuts.passed(momenta)]


def peaked_events(tries: int, rng: np.random.Generator, *, beams: str = "fixed", sqrt_s: float = 1000.0, cuts: Cuts = CUTS) -> np.ndarray:
    """The same with density `peak(momenta)` instead of one: most of them where |M|² is large.

    Flat three-body phase space is a jet of energy x√ŝ/2 with density x dx, isotropic, and photons isotropic in their own rest frame.
    With z = m_γγ²/ŝ = 1 − x and p_T² = ŝ x² sin²θ/4 the density becomes dx dη (1/x + 1/(1−x) − 1)/ŝ: the rapidity of the jet is uniform,
    also in the laboratory, logit x nearly so, and the gluons are distributed as g(x₁) g(x₂)/ŝ · √(1 − E_min/√ŝ).
    """
    smallest = (cuts.smallest_energy / sqrt_s) ** 2
    if beams == "fixed":
        gluons = np.ones((tries, 2))
    else:
        gluons = draw_gluons(tries, smallest, rng, lambda tau: _threshold(np.sqrt(smallest / tau)) / tau)
    low, high = 2 * cuts.jet_pt / sqrt_s, (cuts.smallest_photon_mass / sqrt_s) ** 2
    logit = rng.uniform(math.log(low / (1 - low)), math.log((1 - high) / high), len(gluons))
    rapidity = rng.uniform(-cuts.jet_eta, cuts.jet_eta, len(gluons))
    azimuth = rng.uniform(0.0, 2 * math.pi, len(gluons))
    x, z = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(logit))
    energy = sqrt_s * np.sqrt(gluons.prod(axis=1))
    rapidity = rapidity - np.log(gluons[:, 0] / gluons[:, 1]) / 2
    transverse = x * energy / 2 / np.cosh(rapidity)
    kept = (rng.random(len(gluons)) < 1 - x * z) & (transverse > cuts.jet_pt) & (np.sqrt(z) * energy > cuts.smallest_photon_mass)
    gluons, z, energy, rapidity, transverse, azimuth = (array[kept] for array in (gluons, z, energy, rapidity, transverse, azimuth))
    jet = transverse[:, None] * np.stack([np.cosh(rapidity), np.cos(azimuth), np.sin(azimuth), np.sinh(rapidity)], axis=-1)
    photon = directions((len(gluons),), rng)
    photons = np.stack([photon, -photon], axis=1) * (energy * np.sqrt(z) / 2)[:, None, None]
    recoil = np.concatenate([energy[:, None] - jet[:, :1], -jet[:, 1:]], axis=-1)
    photons = boost(massless(np.concatenate([photons[..., :1], photons], axis=-1)), recoil[:, None])
    momenta = laboratory(gluons, np.concatenate([photons, jet[:, None]], axis=1), sqrt_s)
    return momenta[cuts.passed(momenta)]


def peak(momenta: np.ndarray, cuts: Cuts = CUTS) -> np.ndarray:
    """(1 − z + z²)/z · 1/p_T,jet² · √(1 − E_min/√ŝ) in GeV⁻², z = m_γγ²/ŝ: |M|² grows so where the gluon is soft or close to the beam.

    The collinear limit has the square of the first factor, for P_gg(z) = 6 (1 − z + z²)²/(z (1 − z)); inside the cuts, where the photons
    cannot be light without being close, the first power follows |M|² better: hit-or-miss keeps 6 % at 1 TeV instead of 0.01 %.
    The last factor, with E_min = 90 GeV, matters for proton beams only.
    """
    pair, total = momenta[:, 2] + momenta[:, 3], momenta[:, 0] + momenta[:, 1]
    energy = mass(total)
    z = dot(pair, pair) / energy**2
    return (1 / z - 1 + z) / pt(momenta[:, 4]) ** 2 * _threshold(cuts.smallest_energy / energy)


def hit_or_miss(weight: np.ndarray, largest: float, rng: np.random.Generator) -> np.ndarray:
    """Which points to keep so that their density follows the weight: each with probability weight/largest."""
    return rng.random(len(weight)) * largest < weight


def _threshold(ratio: np.ndarray) -> np.ndarray:
    """√(1 − ratio) of the smallest energy inside the cuts to √ŝ: fewer events where hardly one passes."""
    return np.sqrt((1 - ratio).clip(min=0.0))


def laboratory(x: np.ndarray, final: np.ndarray, sqrt_s: float) -> np.ndarray:
    """Events (event, 2 + n, 4) in the laboratory, from momentum fractions and final momenta in the rest frame of the collision."""
    final = massless(boost_z(final, np.log(x[:, :1] / x[:, 1:]) / 2))
    incoming = (sqrt_s / 2 * x)[..., None] * np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]])
    return np.concatenate([incoming, final], axis=1)
