"""A simple detector: tracks and two calorimeters with the numbers of Delphes' ATLAS card, and its energy flow.

    tracks         |η| < 2.5, p_T > 0.1 GeV, found with an efficiency, p_T smeared log-normally
    calorimeters   electrons and photons in cells of 0.0174 × 1°, hadrons of 0.1 × 10°; E smeared log-normally, cells below a threshold or
                   2σ vanish; a magnetic field of 2 T in a cylinder of 1.15 m and ± 3.51 m bends what is charged
    energy flow    a cell that measures significantly more than its tracks carry gives a photon or neutral hadron with the rest, anywhere in
                   the cell; in any other cell the tracks get the best estimate from both, (T/σ_T² + E/σ²)/(1/σ_T² + 1/σ²)

Simpler than the card: nothing is looked for beyond |η| = 3, all particles come from the origin, and all that is neither an electron, a
photon nor a muon is a hadron with all its energy in the second calorimeter, also the few K⁰ₛ and Λ that did not decay.

Source: Delphes 3, arXiv:1307.6346, and its card delphes_card_ATLAS.tcl.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.families.taggers.jets import NEUTRAL_HADRON, PHOTON, TRACK, wrapped

MOST_ETA = 3.0
"""|η| up to which anything is seen."""
FIELD, FIELD_RADIUS, FIELD_LENGTH = 2.0, 1.15, 3.51
"""In T, m, and half of it in m."""
ELECTRON, MUON, PHOTON_ID = 11, 13, 22
POSITIVE = (211, 321, 2212, -ELECTRON, -MUON)
"""Which particles are positive; the same with the other sign are negative. All other charged ones decay."""


@dataclass(frozen=True)
class Objects:
    """Particles, or what is seen of them, of many events: event, p_T [GeV], η, φ, mass [GeV], and their kind (particle)."""

    event: np.ndarray
    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    mass: np.ndarray
    kind: np.ndarray

    def __getitem__(self, part: np.ndarray) -> Objects:
        return Objects(*(getattr(self, name)[part] for name in self.__dataclass_fields__))

    @property
    def energy(self) -> np.ndarray:
        """In GeV."""
        return np.sqrt((self.pt * np.cosh(self.eta)) ** 2 + self.mass**2)


@dataclass(frozen=True)
class Calorimeter:
    """Cells (width in η and φ of each direction), what they hold at least [GeV], σ(E, η) [GeV], and what they call what has no track."""

    widths: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    threshold: float
    sigma: Callable[[np.ndarray, np.ndarray], np.ndarray]
    kind: int


def _fine(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.full_like(eta, 0.0174), np.full_like(eta, np.pi / 180)


def _coarse(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    outer = np.abs(eta) > 2.6
    return np.where(outer, 0.2, 0.1), np.where(outer, np.pi / 9, np.pi / 18)


def _ecal_sigma(energy: np.ndarray, eta: np.ndarray) -> np.ndarray:
    return np.sqrt((0.0017 * energy) ** 2 + 0.101**2 * energy)


def _hcal_sigma(energy: np.ndarray, eta: np.ndarray) -> np.ndarray:
    inner = (0.0302 * energy) ** 2 + 0.5205**2 * energy + 1.59**2
    outer = (0.05 * energy) ** 2 + 0.706**2 * energy
    return np.sqrt(np.where(np.abs(eta) <= 1.7, inner, outer))


ECAL = Calorimeter(_fine, 0.5, _ecal_sigma, PHOTON)
HCAL = Calorimeter(_coarse, 1.0, _hcal_sigma, NEUTRAL_HADRON)
SIGNIFICANCE = 2.0
"""σ by which a cell must stand above nothing, or above its tracks."""

HADRON_TRACKS = ((0.06, 1.3e-3), (0.10, 1.7e-3), (0.25, 3.1e-3))
ELECTRON_TRACKS = ((0.03, 1.3e-3), (0.05, 1.7e-3), (0.15, 3.1e-3))
MUON_TRACKS = ((0.01, 1.0e-4), (0.015, 1.5e-4), (0.025, 3.5e-4))
"""σ(p_T)/p_T = √(a² + (b p_T)²): (a, b), b per GeV, up to |η| = 0.5, 1.5, 2.5."""
HADRON_EFFICIENCY = ((0.70, 0.95, 0.95), (0.60, 0.85, 0.85))
ELECTRON_EFFICIENCY = ((0.73, 0.95, 0.99), (0.50, 0.83, 0.90))
MUON_EFFICIENCY = ((0.75, 0.99, 0.99), (0.70, 0.98, 0.98))
"""Up to |η| = 1.5 and 2.5, of p_T up to 1, up to 100 and above 100 GeV."""


def measured(particles: Objects, rng: np.random.Generator) -> Objects:
    """What the detector sees of visible particles, whose kinds are their numbers of the Particle Data Group; all massless."""
    identity = np.abs(particles.kind)
    electron, muon, photon = identity == ELECTRON, identity == MUON, identity == PHOTON_ID
    charge = np.isin(particles.kind, POSITIVE).astype(int) - np.isin(-particles.kind, POSITIVE)
    tracked, resolution = _tracked(particles, charge != 0, electron, muon, rng)
    tracks = particles[tracked]
    pt = _log_normal(tracks.pt, resolution[tracked] * tracks.pt, rng)
    tracks = Objects(tracks.event, pt, tracks.eta, tracks.phi, np.zeros_like(pt), np.full(len(pt), TRACK))
    place = _at_calorimeter(particles, charge)
    factor, seen = np.ones(len(pt)), []
    for calorimeter, deposits in ((ECAL, electron | photon), (HCAL, ~(electron | photon | muon))):
        held, own = deposits & (np.abs(place[0]) < MOST_ETA), deposits[tracked] & (np.abs(place[0][tracked]) < MOST_ETA)
        found, scale = _flow(
            calorimeter,
            particles.event[held], place[0][held], place[1][held], particles.energy[held],
            np.flatnonzero(tracked[held]), tracks.energy[own], resolution[tracked][own], rng,
        )  # fmt: skip
        factor[own] = scale
        seen.append(found)
    tracks = Objects(tracks.event, tracks.pt * factor, *(getattr(tracks, name) for name in ("eta", "phi", "mass", "kind")))
    return Objects(*(np.concatenate([getattr(part, name) for part in (tracks, *seen)]) for name in Objects.__dataclass_fields__))


def _tracked(
    particles: Objects, charged: np.ndarray, electron: np.ndarray, muon: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Which particles leave a track, and σ(p_T)/p_T of all."""
    eta = np.abs(particles.eta)
    which = np.select([electron, muon], [1, 2], 0)
    efficiency = np.array([HADRON_EFFICIENCY, ELECTRON_EFFICIENCY, MUON_EFFICIENCY])
    chance = efficiency[which, (eta > 1.5).astype(int), np.digitize(particles.pt, (1.0, 100.0), right=True)]
    a, b = np.moveaxis(np.array([HADRON_TRACKS, ELECTRON_TRACKS, MUON_TRACKS])[which, np.digitize(eta, (0.5, 1.5), right=True)], -1, 0)
    found = charged & (eta <= 2.5) & (particles.pt > 0.1) & (rng.random(len(eta)) < chance)
    return found, np.hypot(a, b * particles.pt)


def _at_calorimeter(particles: Objects, charge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """η and φ where particles leave the magnetic field, seen from the origin.

    With ρ = p_T/(0.3 B) and the length s of its circle, z = s sinh η, a particle is 2ρ sin(s/2ρ) from the axis, at φ ∓ s/2ρ.
    """
    radius = particles.pt / (0.2998 * FIELD)
    wall = FIELD_LENGTH / np.maximum(np.abs(np.sinh(particles.eta)), 1e-9)
    barrel = np.where(FIELD_RADIUS < 2 * radius, 2 * radius * np.arcsin(np.minimum(FIELD_RADIUS / (2 * radius), 1)), np.inf)
    length = np.minimum(wall, barrel)
    turned = length / (2 * radius)
    from_axis = 2 * radius * np.sin(turned)
    eta = np.arcsinh(length * np.sinh(particles.eta) / np.maximum(np.abs(from_axis), 1e-6))
    phi = wrapped(particles.phi - charge * turned + np.pi * (from_axis < 0))
    bent = charge != 0
    return np.where(bent, eta, particles.eta), np.where(bent, phi, particles.phi)


def _flow(
    calorimeter: Calorimeter,
    event: np.ndarray,
    eta: np.ndarray,
    phi: np.ndarray,
    energy: np.ndarray,
    tracked: np.ndarray,
    track_energy: np.ndarray,
    track_resolution: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Objects, np.ndarray]:
    """What has no track, and the factors of the tracks, after a calorimeter.

    Arguments:
        event, eta, phi, energy: (deposit), in GeV.
        tracked, track_energy, track_resolution: (track), the deposit of each track, its energy in GeV and σ(E)/E.
    """
    eta_width, phi_width = calorimeter.widths(eta)
    row, column = np.floor(eta / eta_width).astype(np.int64), np.floor((phi + np.pi) / phi_width).astype(np.int64)
    key = ((event * 2 + (eta_width > 0.15)) * 1_024 + row + 512) * 512 + column
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    deposited = np.bincount(cell, weights=energy)
    centre = (row[first] + 0.5) * eta_width[first]
    found = _log_normal(deposited, calorimeter.sigma(deposited, centre), rng)
    sigma = calorimeter.sigma(found, centre)
    found = np.where((found < calorimeter.threshold) | (found < SIGNIFICANCE * sigma), 0.0, found)
    of_track = cell[tracked]
    carried = np.bincount(of_track, weights=track_energy, minlength=len(found))
    variance = np.bincount(of_track, weights=(track_resolution * track_energy) ** 2, minlength=len(found))
    rest = np.maximum(found - carried, 0)
    neutral = (rest > calorimeter.threshold) & (rest > SIGNIFICANCE * np.sqrt(variance + sigma**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        best = (carried / variance + found / sigma**2) / (1 / variance + 1 / sigma**2)
        scale = np.where(neutral | (carried == 0) | (sigma == 0), 1.0, best / carried)
    which = first[neutral]
    new_eta = (row[which] + rng.random(len(which))) * eta_width[which]
    new_phi = (column[which] + rng.random(len(which))) * phi_width[which] - np.pi
    kind = np.full(len(which), calorimeter.kind)
    return Objects(event[which], rest[neutral] / np.cosh(new_eta), new_eta, new_phi, np.zeros(len(which)), kind), scale[of_track]


def _log_normal(mean: np.ndarray, sigma: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positive random numbers with these means and widths."""
    squared = np.log1p((sigma / mean) ** 2)
    return mean * np.exp(np.sqrt(squared) * rng.standard_normal(len(mean)) - squared / 2)
