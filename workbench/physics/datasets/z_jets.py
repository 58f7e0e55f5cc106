"""pp → Z(μμ) + 1, 2, 3 jets at 13 TeV.

Muons come first, then jets ordered by p_T; those that an event does not have are NaN.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from workbench.physics import boson
from workbench.physics.collisions import JET_CUTS, MOST_JETS, MUON_MASS, NO_PHOTONS, QUIET, RADIUS, Collision, jet_count
from workbench.physics.coordinates import TURN, Angle, Column, Identity, Logarithm, Peak, Probit, particle
from workbench.physics.datasets.dataset import Dataset, Frame, InFiles
from workbench.physics.kinematics import delta_r, eta, mass, pt, signed_delta_phi
from workbench.physics.observables import ETA, Observable

# How they are made


def select(record: Any) -> np.ndarray:
    """μ⁻, μ⁺ and up to three jets with their cuts; jets that an event does not have are NaN."""
    import awkward
    import fastjet

    final, kind = record.status > 0, abs(record.id)
    muon = final & (kind == 13) & (record.status < 80)  # later ones come from hadrons
    seen = record.p[final & ~muon & (kind != 12) & (kind != 14) & (kind != 16)]
    visible = awkward.zip({"px": seen.px, "py": seen.py, "pz": seen.pz, "E": seen.e}, with_name="Momentum4D")
    found = fastjet.ClusterSequence(visible, fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)).inclusive_jets(JET_CUTS.pt)
    jets = _cylinder(found.E, found.px, found.py, found.pz)
    jets = jets[(jets.pt > JET_CUTS.pt) & (abs(jets.eta) < JET_CUTS.eta)]
    jets = jets[awkward.argsort(jets.pt, axis=1, ascending=False, stable=True)]
    count = awkward.to_numpy(awkward.num(jets))
    padded = awkward.pad_none(jets, MOST_JETS, clip=True)
    parts = [_table(_cylinder(p.e, p.px, p.py, p.pz), 1) for p in (record.p[muon & (record.id == sign)] for sign in (13, -13))]
    coordinates = np.concatenate([*parts, _table(padded, MOST_JETS)], axis=1)[(count > 0) & (count <= MOST_JETS)]
    return coordinates[JET_CUTS.passed(COLLISION.momenta(coordinates))]


def _cylinder(energy: Any, x: Any, y: Any, z: Any) -> Any:
    """Jagged (p_T, η, φ, m)."""
    import awkward

    transverse = np.hypot(x, y)
    squared = energy**2 - transverse**2 - z**2
    parts = {"pt": transverse, "eta": np.arcsinh(z / transverse), "phi": np.arctan2(y, x), "m": np.sqrt(np.maximum(squared, 0.0))}
    return awkward.zip(parts)


def _table(jagged: Any, count: int) -> np.ndarray:
    """(event, particle, 4) in 32 bits from records of exactly `count` particles, NaN where there is none."""
    import awkward

    columns = [awkward.to_numpy(awkward.fill_none(jagged[name], np.nan)) for name in ("pt", "eta", "phi", "m")]
    return np.stack(columns, axis=-1).reshape(-1, count, 4).astype(np.float32)


COLLISION = Collision(
    "z_jets",
    "pp → Z(μμ) + 1, 2, 3 jets at 13 TeV",
    ("mu-", "mu+", "j1", "j2", "j3"),
    (
        *QUIET, "WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 13", "PhaseSpace:mHatMin = 66",
        "PhaseSpace:mHatMax = 116", "PartonLevel:MPI = off", *NO_PHOTONS,
    ),
    2_000,
    select,
    asdict(JET_CUTS),
    (MUON_MASS, MUON_MASS),
    20_000,
    {2: 5_000, 3: 3_000},
)  # fmt: skip


# Their coordinates

JET_PT = Logarithm(boson.START)
Z_PEAK = Peak(66 - 1e-3, 116 + 1e-3, 91.19, 2.5)
"""The range of masses that is made, a little wider, and the pole: what is left of the peak is smooth."""


def columns(jets: int, edges: str, frame: str) -> tuple[Column, ...]:
    """Those of two muons and so many jets, or of the pair and the jets beside it."""
    if frame == "boson":
        return (*_pair(), *(column for n in range(jets) for column in _jet_beside(n)))
    muons = [column for n in range(2) for column in particle(f"muon{n + 1}", n)]
    return (*muons, *(column for n in range(jets) for column in _jet(f"jet{n + 1}", 2 + n)))


def _jet(name: str, number: int) -> list[Column]:
    cut, *rest = particle(name, number)
    return [replace(cut, transform=JET_PT), *rest, Column(f"{name}_mass", "GeV", Logarithm(), 4 * number + 3)]


def _pair() -> list[Column]:
    transforms = {
        "dimuon_mass": ("GeV", Z_PEAK), "dimuon_pt": ("GeV", Logarithm()), "dimuon_rapidity": ("", Identity()),
        "muon1_cosine": ("", Probit(-1.0, 1.0)), "muon1_angle": ("", TURN),
    }  # fmt: skip
    return [Column(name, unit, transform, place) for place, (name, (unit, transform)) in enumerate(transforms.items())]


def _jet_beside(number: int) -> list[Column]:
    """Of the first jet from the pair, of the others from the first."""
    name, place = f"jet{number + 1}", 5 + 4 * number
    own = [("pt", "GeV", JET_PT), ("eta", "", Identity()), ("phi", "", Angle())]
    if number:
        own = [("share", "", Probit()), ("eta", "", Identity()), ("phi", "", TURN)]
    listed = [*own, ("mass", "GeV", Logarithm())]
    return [Column(f"{name}_{what}", unit, transform, place + n) for n, (what, unit, transform) in enumerate(listed)]


# What is histogrammed

_MUONS = ("μ<sup>−</sup>", "μ<sup>+</sup>")


def _muon(number: int) -> tuple[Observable, ...]:
    symbol, name = _MUONS[number], ("negative", "positive")[number]
    return (
        Observable(
            f"muon{number + 1}_pt", f"p<sub>T,{symbol}</sub>", "GeV", np.linspace(0.5, 150, 61), lambda p: pt(p[:, number]),
            f"Transverse momentum of the {name} muon",
        ),
        Observable(
            f"muon{number + 1}_eta", f"η<sub>{symbol}</sub>", "", ETA, lambda p: eta(p[:, number]), f"Pseudorapidity of the {name} muon"
        ),
    )  # fmt: skip


def _of_jet(number: int) -> tuple[Observable, ...]:
    which, high, leg = ("hardest", "second", "third")[number - 1], 157 if number == 1 else 82, 1 + number
    return (
        Observable(
            f"jet{number}_pt", f"p<sub>T,j{number}</sub>", "GeV", np.linspace(17, high, 57 if number == 1 else 66), lambda p: pt(p[:, leg]),
            f"Transverse momentum of the {which} jet", number,
        ),
        Observable(
            f"jet{number}_eta", f"η<sub>j{number}</sub>", "", ETA, lambda p: eta(p[:, leg]), f"Pseudorapidity of the {which} jet", number
        ),
        Observable(
            f"jet{number}_mass", f"m<sub>j{number}</sub>", "GeV", np.linspace(0, 30, 61), lambda p: mass(p[:, leg]),
            f"Mass of the {which} jet", number,
        ),
    )  # fmt: skip


def _of_pair(first: int, second: int) -> tuple[Observable, ...]:
    """Of two jets: their distance, and the two axes of the plane with the hole."""
    a, b, jets, sub = 1 + first, 1 + second, max(first, second), f"<sub>j{first}j{second}</sub>"
    return (
        Observable(
            f"jets{first}{second}_distance", f"ΔR{sub}", "", np.linspace(0, 8, 61), lambda p: delta_r(p[:, a], p[:, b]),
            f"Distance of jets {first} and {second}", jets,
        ),
        Observable(
            f"jets{first}{second}_eta", f"Δη{sub}", "", np.linspace(-5, 5, 101), lambda p: eta(p[:, b]) - eta(p[:, a]),
            f"Difference of the pseudorapidities of jets {first} and {second}", jets, window=True,
        ),
        Observable(
            f"jets{first}{second}_phi", f"Δφ{sub}", "", np.linspace(-np.pi, np.pi, 101), lambda p: signed_delta_phi(p[:, a], p[:, b]),
            f"Azimuthal angle from jet {first} to jet {second}", jets,
        ),
    )  # fmt: skip


def _dimuon(name: str, bins: np.ndarray, description: str, window: bool = False) -> Observable:
    return Observable(name, "M<sub>μμ</sub>", "GeV", bins, lambda p: mass(p[:, 0] + p[:, 1]), description, window=window)


OBSERVABLES = (
    *_of_jet(1)[:1],
    _dimuon("dimuon_mass", np.linspace(70, 110, 51), "Invariant mass of the muons"),
    _dimuon("dimuon_peak", np.linspace(85, 97, 61), "Invariant mass of the muons around the Z pole", window=True),
    *_muon(0),
    *_muon(1),
    Observable(
        "dimuon_pt", "p<sub>T,μμ</sub>", "GeV", np.linspace(0, 150, 61), lambda p: pt(p[:, 0] + p[:, 1]), "Transverse momentum of the Z"
    ),
    *_of_jet(1)[1:],
    *_of_jet(2),
    *_of_jet(3),
    *_of_pair(1, 2),
    *_of_pair(1, 3),
    *_of_pair(2, 3),
    Observable("jets", "number of jets", "", np.arange(0.5, MOST_JETS + 1), lambda p: jet_count(p).astype(float), "Number of jets"),
)


# What files hold

PARTONS = {*range(1, 6), 21}


def pick(particles: list[Any]) -> list[Any] | None:
    """μ⁻, μ⁺ and the partons by p_T."""
    final = [particle for particle in particles if particle.status == 1]
    muons = [particle for kind in (13, -13) for particle in final if particle.id == kind]
    jets = [particle for particle in final if abs(particle.id) in PARTONS]
    if [particle.id for particle in muons] != [13, -13] or len(final) != 2 + len(jets) or not 1 <= len(jets) <= 3:
        return None
    return muons + sorted(jets, key=lambda jet: -np.hypot(jet.px, jet.py))


DATASET = Dataset(
    OBSERVABLES,
    columns,
    collision=COLLISION,
    planes=tuple((f"jets{pair}_eta", f"jets{pair}_phi") for pair in ("12", "13", "23")),  # with an empty disc of radius 0.4 at the origin
    masses=(MUON_MASS, MUON_MASS),
    hidden=("dimuon_mass", "jets12_distance", "jets13_distance", "jets23_distance"),
    frames={
        "boson": Frame(
            boson.coordinates,
            boson.momenta,
            boson.log_jacobian,
            f"jets must be ordered by p_T and {JET_CUTS.distance:g} apart from the first, {Z_PEAK.low:.0f} < M_μμ < {Z_PEAK.high:.0f} GeV",
        )
    },
    share={1: 0.774, 2: 0.185, 3: 0.041},
    order=" of two muons and jets ordered by transverse momentum; NaN where an event has no such jet",
    files=InFiles(91.2, "M_μμ", 2, "muons come first", "mu-, mu+ and one, two or three jets", pick),
)
