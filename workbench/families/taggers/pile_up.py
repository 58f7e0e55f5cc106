"""Pile-up: what further collisions of the same crossing of bunches leave in a jet.

    vertices ~ Poisson(n) per jet;  each a minimum-bias event, turned around the beam and mirrored at random, of which the part within 0.8
    of the jet's axis, at the jet's η, is added;  jet = sum,  constituents in order of p_T again

The pool of 300 minimum-bias events of Pythia at 14 TeV, as the detector sees them, comes with the package. With the same seed a larger n
adds to what a smaller one has. Simpler than a detector that sees everything at once: jet and pile-up share no cells, no collision is told
from the others by its tracks, and jets of particles get the pile-up that a detector sees.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

from workbench.families.taggers.detector import Objects, measured
from workbench.families.taggers.jets import MOST_CONSTITUENTS, Jets, cylinder, massless, wrapped
from workbench.families.taggers.make import JET_ETA, RADIUS, visible
from workbench.families.taggers.store import rounded_numbers
from workbench.physics.collisions import programs, started

FILE = Path(__file__).with_name("minimum_bias.h5")
SETTINGS = ("Print:quiet = on", "Beams:eCM = 14000", "SoftQCD:inelastic = on")
TITLE = "Minimum-bias events of pp collisions at 14 TeV, as a simple detector sees them"
EVENTS, SEED = 300, 1
MOST_VERTICES = 100
"""On average."""
DRAWN = 160
"""Vertices drawn for a jet: with 100 on average there are more in one of 10⁸."""
DISCS, NEIGHBOURS = 30_000, 1_000
"""Parts of events of the size of a jet, and among how many of about the same η each vertex is drawn."""


def overlaid(jets: Jets, vertices: float, seed: int = 1) -> Jets:
    """The same jets below so many further collisions, on average, with the 128 hardest constituents.

    Raises: ValueError for a number of vertices that is not possible.
    """
    if not 0 <= vertices <= MOST_VERTICES:
        raise ValueError(f"{vertices} collisions over each jet are not possible: a number from 0 to {MOST_VERTICES} is needed.")
    discs = _discs()
    draws = np.random.default_rng([seed, 1]).random((len(jets), 1 + DRAWN))
    jet, which = np.nonzero(np.arange(DRAWN) < _poisson(vertices, draws[:, :1]))
    place = np.searchsorted(discs.eta, jets.momentum[jet, 1]).clip(NEIGHBOURS // 2, DISCS - NEIGHBOURS // 2)
    disc = place + ((draws[jet, 1 + which] - 0.5) * NEIGHBOURS).astype(int)
    found, count = discs.parts(disc)
    of = np.repeat(jet, count)
    own = jets.packed()
    owner = np.concatenate([np.repeat(np.arange(len(jets)), own.count), of])
    pt = np.concatenate([own.pt, found.pt])
    eta, phi, kind = (
        np.concatenate([own.delta_eta, found.eta]) + jets.momentum[owner, 1],
        np.concatenate([own.delta_phi, found.phi]) + jets.momentum[owner, 2],
        np.concatenate([own.kind, found.kind]),
    )
    added = len(own.pt)
    momentum = _sum(jets, of, pt[added:], eta[added:], phi[added:])
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(jets))
    return Jets.of(jets.label, counts, pt[order], eta[order], phi[order], kind[order], momentum).packed(MOST_CONSTITUENTS)


def _poisson(mean: float, uniform: np.ndarray) -> np.ndarray:
    """Numbers of a Poisson distribution, larger or equal for larger means."""
    numbers = np.arange(1, DRAWN + 1)
    probability = np.exp(-mean) * np.cumprod(np.concatenate([[1.0], mean / numbers]))
    return np.searchsorted(np.cumsum(probability), uniform).clip(max=DRAWN)


def _sum(jets: Jets, of: np.ndarray, pt: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """(p_T, η, φ, mass) of jets and massless constituents that are added to them."""
    _, *along = massless(*jets.momentum[:, :3].T.astype(np.float64))
    parts = zip((jets.energy, *along), massless(pt, eta, phi), strict=True)
    return cylinder(*(own + np.bincount(of, weights=added, minlength=len(jets)) for own, added in parts))


@dataclass(frozen=True)
class _Discs:
    """Parts of minimum-bias events (disc) by the η of their centre: where what is seen in them lies, with angles from the centre."""

    eta: np.ndarray
    first: np.ndarray
    count: np.ndarray
    seen: Objects

    def parts(self, which: np.ndarray) -> tuple[Objects, np.ndarray]:
        """What is seen in some of them, one behind the other, and how much in each."""
        count = self.count[which]
        begin = np.cumsum(count) - count
        return self.seen[np.repeat(self.first[which] - begin, count) + np.arange(count.sum())], count


@cache
def _discs() -> _Discs:
    """Parts of events of the pool, each event turned and mirrored many times."""
    pool, rng = minimum_bias(), np.random.default_rng(0)
    centre = np.sort(rng.uniform(-JET_ETA, JET_ETA, DISCS))
    per_event = np.bincount(pool.event, minlength=EVENTS)
    event = rng.integers(EVENTS, size=DISCS)
    count = per_event[event]
    disc = np.repeat(np.arange(DISCS), count)
    places = np.repeat((np.cumsum(per_event) - per_event)[event] - (np.cumsum(count) - count), count) + np.arange(count.sum())
    eta = pool.eta[places] * rng.choice([-1.0, 1.0], DISCS)[disc] - centre[disc]
    phi = wrapped(pool.phi[places] + rng.uniform(-np.pi, np.pi, DISCS)[disc])
    inside = np.hypot(eta, phi) < RADIUS
    held = np.bincount(disc[inside], minlength=DISCS)
    kept = places[inside]
    seen = Objects(disc[inside], pool.pt[kept], eta[inside], phi[inside], pool.mass[kept], pool.kind[kept])
    return _Discs(centre, np.cumsum(held) - held, held, seen)


@cache
def minimum_bias() -> Objects:
    """What the detector sees of the events of the pool, in the order of the events."""
    import h5py

    with h5py.File(BytesIO(FILE.read_bytes())) as file:
        count = file["count"][()]
        pt, eta, phi = (file[name][()].astype(np.float64) for name in ("pt", "eta", "phi"))
        return Objects(np.repeat(np.arange(len(count)), count), pt, eta, phi, np.zeros_like(pt), file["kind"][()])


def ship() -> None:
    """Make the pool anew."""
    import h5py

    pythia, rng = started(SETTINGS, 0, SEED), np.random.default_rng([SEED, 0])
    seen = measured(visible(pythia.nextBatch(EVENTS).prt), rng)
    seen = seen[np.lexsort((-seen.pt, seen.event))]
    packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    with h5py.File(FILE, "w", libver="latest") as file:
        file.create_dataset("count", data=np.bincount(seen.event, minlength=EVENTS).astype(np.int32), **packed)
        for name in ("pt", "eta", "phi"):
            file.create_dataset(name, data=rounded_numbers(getattr(seen, name)), **packed)
        file.create_dataset("kind", data=seen.kind.astype(np.uint8), **packed)
        file.attrs.update(title=TITLE, made_with=programs(), date=time.strftime("%Y-%m-%d"), settings="; ".join(SETTINGS), seed=SEED)
        file.attrs["made_by"] = f"python -m {__spec__.name}"  # type: ignore[union-attr]


if __name__ == "__main__":
    ship()
