"""Top and QCD jets by Pythia 8 and FastJet, as taggers have been compared on: pp at 14 TeV, anti-kT R = 0.8, 550 < p_T < 650 GeV, |η| < 2.

    top_jets    tt̄, all W to quarks; a jet whose axis is within 0.8 of the sum of a top's three quarks and of each of them
    qcd_jets    any hard 2 → 2 process of quarks and gluons

p_T of the hard process from 500 to 750 GeV, no multiple interactions. Every jet of an event that passes is taken. Jets are made of visible
particles, or of what the simple detector sees of them; the 128 hardest constituents are kept. Chunks of 1,000 jets with seeds of their own,
made in parallel: the first n jets of a larger request are the same.

What differs from the public set (arXiv:1902.09914): all jets of an event instead of the hardest, Pythia's version with its own tune, and a
simpler detector; so absolute numbers of published tables are no target here, shapes and orderings at equal data are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.families.taggers.detector import MOST_ETA, MUON, Objects, measured
from workbench.families.taggers.jets import MOST_CONSTITUENTS, NEUTRAL_HADRON, PHOTON, QCD, TOP, TRACK, Jets, cylinder, wrapped
from workbench.physics.collisions import BATCH, started

RADIUS = 0.8
LOWEST_PT, HIGHEST_PT, JET_ETA = 550.0, 650.0, 2.0
INVISIBLE = (12, 14, 16)
LEVELS = ("detector", "particles")
CHUNK = 1_000
SETTINGS = (
    "Print:quiet = on", "Beams:eCM = 14000", "PartonLevel:MPI = off", "PhaseSpace:pTHatMin = 500", "PhaseSpace:pTHatMax = 750",
)  # fmt: skip
OF_TOPS = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5")
OF_QCD = ("HardQCD:all = on",)


@dataclass(frozen=True)
class JetKind:
    """Jets of one label and level, made in chunks by `physics.collisions.produce`."""

    label: int
    level: str
    settings: tuple[str, ...]
    chunk: int = CHUNK

    def make(self, number: int, seed: int, done: Callable[[int], None]) -> np.ndarray:
        """Jets of one chunk (jet, 1 + 128, 4), in this process: p_T, η, φ, mass of the jet, then p_T, Δη, Δφ, kind of its constituents,
        hardest first, zero where there is none."""
        pythia, rng = started(self.settings, number, seed), np.random.default_rng([seed, number])
        found: list[np.ndarray] = []
        count = 0
        while count < self.chunk:
            found.append(self.select(pythia.nextBatch(BATCH).prt, rng))
            count += len(found[-1])
            done(min(count, self.chunk))
        return np.concatenate(found)[: self.chunk]

    def select(self, record: Any, rng: np.random.Generator) -> np.ndarray:
        """The jets of a batch of Pythia's records."""
        particles = visible(record)
        seen = measured(particles, rng) if self.level == "detector" else particles_seen(particles)
        seen = seen[np.argsort(seen.event, kind="stable")]
        momentum, event, members, count = clustered(seen, len(record))
        chosen = (momentum[:, 0] > LOWEST_PT) & (momentum[:, 0] < HIGHEST_PT) & (np.abs(momentum[:, 1]) < JET_ETA)
        if self.label == TOP:
            chosen &= from_top(momentum, event, record)
        return _table(momentum, members, count, chosen)


COLLISIONS = {
    f"{name}-{level}": JetKind(label, level, (*SETTINGS, *settings))
    for name, label, settings in (("top_jets", TOP, OF_TOPS), ("qcd_jets", QCD, OF_QCD))
    for level in LEVELS
}
"""By this name `physics.collisions` finds what makes chunks."""


def visible(record: Any) -> Objects:
    """The visible particles of a batch of Pythia's records with |η| < 3; their kinds are their numbers."""
    import awkward

    counts = awkward.to_numpy(awkward.num(record.id))
    event = np.repeat(np.arange(len(counts)), counts)
    status, kind = (awkward.to_numpy(awkward.flatten(column)) for column in (record.status, record.id))
    kept = (status > 0) & ~np.isin(np.abs(kind), INVISIBLE)
    energy, px, py, pz = (
        awkward.to_numpy(awkward.flatten(column))[kept].astype(np.float64) for column in (record.p.e, record.p.px, record.p.py, record.p.pz)
    )
    pt, eta, phi, mass = cylinder(energy, px, py, pz).T
    found = Objects(event[kept], pt, eta, phi, mass, kind[kept])
    return found[np.abs(found.eta) < MOST_ETA]


def particles_seen(particles: Objects) -> Objects:
    """Particles themselves, their kinds as those of a detector: 1 charged, 2 photon, 3 neutral hadron."""
    identity = np.abs(particles.kind)
    charged = np.isin(identity, (211, 321, 2212, 11, MUON))
    kind = np.select([charged, identity == 22], [TRACK, PHOTON], NEUTRAL_HADRON)
    return Objects(particles.event, particles.pt, particles.eta, particles.phi, particles.mass, kind)


def clustered(seen: Objects, events: int) -> tuple[np.ndarray, np.ndarray, Objects, np.ndarray]:
    """Jets: p_T, η, φ, mass (jet, 4), their events (jet), and their constituents one behind the other with the number of each (jet).

    Arguments: `seen`: in the order of their events.
    """
    import awkward
    import fastjet

    counts = np.bincount(seen.event, minlength=events)
    parts = {"px": seen.pt * np.cos(seen.phi), "py": seen.pt * np.sin(seen.phi), "pz": seen.pt * np.sinh(seen.eta), "E": seen.energy}
    momenta = awkward.unflatten(awkward.zip(parts, with_name="Momentum4D"), counts)
    cluster = fastjet.ClusterSequence(momenta, fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS))
    jets, inside = cluster.inclusive_jets(LOWEST_PT), cluster.constituent_index(LOWEST_PT)
    of_event = awkward.to_numpy(awkward.num(jets))
    event = np.repeat(np.arange(events), of_event)
    count = awkward.to_numpy(awkward.num(awkward.flatten(inside)))
    first = np.cumsum(counts) - counts
    places = awkward.to_numpy(awkward.flatten(inside, axis=None)) + np.repeat(first[event], count)
    energy, px, py, pz = (awkward.to_numpy(awkward.flatten(column)) for column in (jets.E, jets.px, jets.py, jets.pz))
    return cylinder(energy, px, py, pz), event, seen[places], count


def from_top(momentum: np.ndarray, event: np.ndarray, record: Any) -> np.ndarray:
    """Which jets hold a top: its axis and each of its three quarks are within 0.8 of the jet's."""
    tops, quarks = _tops(record)
    directions = np.concatenate([tops[:, :, None], quarks], axis=2)[event]  # (jet, top, 1 + 3, 4)
    _, eta, phi, _ = np.moveaxis(cylinder(*np.moveaxis(directions, -1, 0)), -1, 0)
    near = np.hypot(eta - momentum[:, 1, None, None], wrapped(phi - momentum[:, 2, None, None])) < RADIUS
    return near.all(axis=2).any(axis=1)


def _tops(record: Any) -> tuple[np.ndarray, np.ndarray]:
    """Momenta of top and antitop (event, 2, 4), and of their quarks (event, 2, 3, 4): those of b, or s or d, and of the W."""
    import awkward

    mother = record.id[record.mother1]
    chosen = (abs(record.id) <= 5) & ((abs(mother) == 6) | (abs(mother) == 24))
    sign = awkward.to_numpy(mother[chosen])
    p = record.p[chosen]
    momenta = np.stack([awkward.to_numpy(column) for column in (p.e, p.px, p.py, p.pz)], axis=-1)
    order = np.argsort(-np.sign(sign), axis=1, kind="stable")
    quarks = np.take_along_axis(momenta, order[..., None], axis=1).reshape(-1, 2, 3, 4)
    return quarks.sum(axis=2), quarks


def _table(momentum: np.ndarray, members: Objects, count: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Jets as one array (jet, 1 + 128, 4)."""
    kept = np.repeat(chosen, count)
    pt, eta, phi, kind = (getattr(members, name)[kept] for name in ("pt", "eta", "phi", "kind"))
    of = Jets.of(np.zeros(int(chosen.sum())), count[chosen], pt, eta, phi, kind, momentum[chosen]).packed(MOST_CONSTITUENTS)
    table = np.zeros((len(of), 1 + MOST_CONSTITUENTS, 4), dtype=np.float32)
    table[:, 0] = of.momentum
    angles, there = of.padded(MOST_CONSTITUENTS)
    table[:, 1:, :3] = angles
    table[:, 1:, 3][there] = of.kind
    return table


def jets_of(table: np.ndarray, label: int) -> Jets:
    """The inverse of `_table`."""
    there = table[:, 1:, 0] > 0
    pt, delta_eta, delta_phi, kind = np.moveaxis(table[:, 1:][there], -1, 0)
    count = there.sum(axis=1)
    labels = np.full(len(table), label, dtype=np.uint8)
    return Jets(table[:, 0].copy(), labels, np.cumsum(count) - count, count, pt, delta_eta, delta_phi, kind.astype(np.uint8))
