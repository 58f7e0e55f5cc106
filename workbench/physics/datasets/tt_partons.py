"""pp → tt̄ → 6 partons at 13 TeV: b and the quark and antiquark of W⁺, then b̄ and those of W⁻."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.physics.collisions import QUIET, Collision
from workbench.physics.coordinates import Column, particle
from workbench.physics.datasets.dataset import Dataset, InFiles
from workbench.physics.kinematics import eta, mass, pt
from workbench.physics.observables import ETA, Observable

# How they are made


def select(record: Any) -> np.ndarray:
    """b and the quark and antiquark of W⁺, then b̄ and those of W⁻."""
    import awkward

    partons = record[record.status > 0]
    kind = awkward.to_numpy(partons.id)
    mother = awkward.to_numpy(record.id[partons.mother1])
    place = np.select([mother == 6, (mother == 24) & (kind > 0), mother == 24, mother == -6, kind > 0], [0, 1, 2, 3, 4], 5)
    order = np.argsort(place, axis=1)
    p = partons.p
    table = np.stack([awkward.to_numpy(column) for column in (p.e, p.px, p.py, p.pz)], axis=-1)
    momenta = np.take_along_axis(table, order[..., None], axis=1)
    azimuth = np.arctan2(momenta[..., 2], momenta[..., 1])
    return np.stack([pt(momenta), eta(momenta), azimuth, np.zeros_like(azimuth)], axis=-1).astype(np.float32)


COLLISION = Collision(
    "tt_partons",
    "pp → tt̄ → 6 partons at 13 TeV",
    ("b", "q", "qbar", "bbar", "q'", "qbar'"),
    (
        *QUIET, "Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5", "PartonLevel:ISR = off",
        "PartonLevel:FSR = off", "PartonLevel:MPI = off", "PartonLevel:Remnants = off", "HadronLevel:all = off", "Check:event = off",
        *(f"{quark}:m0 = 0" for quark in range(1, 6)),
    ),
    5_000,
    select,
    {},
    (0.0,) * 6,
    6_000,
)  # fmt: skip


def columns(jets: int, edges: str, frame: str) -> tuple[Column, ...]:
    """p_T, η and Δφ of the partons."""
    return tuple(column for n in range(6) for column in particle(f"parton{n + 1}", n))


# What is histogrammed

_PARTONS = ("b", "q", "q̄", "b̄", "q′", "q̄′")


def _sum_mass(name: str, symbol: str, bins: np.ndarray, legs: slice, description: str, window: bool = True) -> Observable:
    return Observable(name, f"m<sub>{symbol}</sub>", "GeV", bins, lambda p: mass(p[:, legs].sum(axis=1)), description, window=window)


def _parton(number: int) -> tuple[Observable, ...]:
    symbol = _PARTONS[number]
    return (
        Observable(
            f"parton{number + 1}_pt", f"p<sub>T,{symbol}</sub>", "GeV", np.linspace(0, 300, 61), lambda p: pt(p[:, number]),
            f"Transverse momentum of {symbol}",
        ),
        Observable(
            f"parton{number + 1}_eta", f"η<sub>{symbol}</sub>", "", ETA, lambda p: eta(p[:, number]), f"Pseudorapidity of {symbol}"
        ),
    )  # fmt: skip


OBSERVABLES = (
    _sum_mass("top_mass", "t", np.linspace(160, 186, 53), slice(0, 3), "Invariant mass of the top"),
    _sum_mass("antitop_mass", "t̄", np.linspace(160, 186, 53), slice(3, 6), "Invariant mass of the antitop"),
    _sum_mass("w_plus_mass", "W<sup>+</sup>", np.linspace(70, 91, 43), slice(1, 3), "Invariant mass of the W⁺"),
    _sum_mass("w_minus_mass", "W<sup>−</sup>", np.linspace(70, 91, 43), slice(4, 6), "Invariant mass of the W⁻"),
    _sum_mass("pair_mass", "tt̄", np.linspace(340, 1_000, 67), slice(0, 6), "Invariant mass of the pair", window=False),
    *(observable for number in range(6) for observable in _parton(number)),
)


# What files hold


def pick(particles: list[Any]) -> list[Any] | None:
    """b, quark and antiquark of t, then b̄, quark and antiquark of t̄."""
    final = [particle for particle in particles if particle.status == 1]
    found = []
    for sign in (1, -1):
        mine = [particle for particle in final if _top(particle, particles) == 6 * sign]
        bottom = [quark for quark in mine if quark.id == 5 * sign and particles[int(quark.mother1) - 1].id == 6 * sign]
        others = [quark for quark in mine if quark not in bottom[:1] and abs(quark.id) in range(1, 6)]
        if len(mine) != 3 or not bottom or len(others) != 2:
            return None
        found += [bottom[0], *sorted(others, key=lambda quark: -quark.id)]
    return found if len(final) == 6 else None


def _top(particle: Any, particles: list[Any]) -> int:
    """6 or −6 for what comes from a top quark or antiquark, else 0."""
    for _ in range(10):
        mother = int(particle.mother1)
        if not 1 <= mother <= len(particles):
            return 0
        particle = particles[mother - 1]
        if abs(particle.id) == 6:
            return int(particle.id)
    return 0


DATASET = Dataset(
    OBSERVABLES,
    columns,
    collision=COLLISION,
    planes=(("w_plus_mass", "top_mass"),),
    masses=(0.0,) * 6,
    hidden=("top_mass", "antitop_mass", "w_plus_mass", "w_minus_mass"),
    files=InFiles(172.5, "top masses", 3, "partons are massless here", "t and t̄ that decay to b and two quarks each", pick),
)
