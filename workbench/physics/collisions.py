"""Proton collisions at 13 TeV by Pythia 8 and FastJet: pp → Z(μμ) + 1, 2, 3 jets, and pp → tt̄ → 6 partons.

z_jets: q q̄ → γ*/Z → μ⁻μ⁺ with 66 < m < 116 GeV, initial- and final-state shower with Pythia's matrix-element correction of the first
emission, hadronisation, no multiple interactions. Jets are anti-kT, R = 0.4, of everything visible but the two muons, ordered by p_T.
Nothing radiates photons: one from a muon would count as a jet without mass. tt_partons: both W decay to quarks; no shower, no
hadronisation, all quarks but the top massless.

Events come in chunks with seeds of their own, made by processes of their own (`python -m workbench.physics.collisions`): the same events
for the same seed, however many work at them. Momenta are kept as (p_T, η, φ, m) in 32 bits. The package has a sample of each.

Sources: Pythia 8.3, arXiv:2203.11601; FastJet, arXiv:1111.6097; anti-kT, arXiv:0802.1189; the events of arXiv:2110.13632.
"""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from workbench.physics import workers
from workbench.physics.kinematics import delta_r, eta, four_momentum, mass, pt

MUON_MASS = 0.1056583755
"""In GeV."""
SQRT_S = 13_000.0
"""Energy of the two protons, in GeV."""
RADIUS = 0.4
"""R of anti-kT."""
MOST_JETS = 3
BATCH = 500
"""Collisions between two words about progress."""
SEEDS = 900_000_000
"""Pythia's seeds go from 1 to this."""
NO_PHOTONS = ("TimeShower:QEDshowerByL = off", "TimeShower:QEDshowerByQ = off", "SpaceShower:QEDshowerByQ = off")


@dataclass(frozen=True)
class JetCuts:
    """What a jet must be: p_T and mass in GeV, |η|, and ΔR between any two. A lone photon or electron has less mass than a pion."""

    pt: float = 20.0
    eta: float = 5.0
    distance: float = 0.4
    mass: float = 0.1

    def passed(self, momenta: np.ndarray) -> np.ndarray:
        """Which events (event, 2 + jets, 4) have jets, all of which pass; jets that an event does not have are NaN."""
        jets = momenta[:, 2:]
        there = ~np.isnan(jets[..., 0])
        fine = (pt(jets) > self.pt) & (np.abs(eta(jets)) < self.eta) & (mass(jets) > self.mass)
        passed = (fine | ~there).all(axis=1) & there[:, 0]
        for i, j in combinations(range(jets.shape[1]), 2):
            passed &= ~(delta_r(jets[:, i], jets[:, j]) <= self.distance)
        return passed


JET_CUTS = JetCuts()


def jet_count(momenta: np.ndarray) -> np.ndarray:
    """Number of jets of events (event, 2 + jets, 4): those that are not NaN."""
    return (~np.isnan(momenta[:, 2:, 0])).sum(axis=1)


@dataclass(frozen=True)
class Collision:
    """One kind of collision: Pythia's settings, the particles kept, and how they are found in its record."""

    name: str
    title: str
    particles: tuple[str, ...]
    settings: tuple[str, ...]
    chunk: int
    """Events with a seed of their own."""
    select: Callable[[Any], np.ndarray]
    """(p_T, η, φ, m) of events (event, particle, 4) from a batch of Pythia's records."""
    cuts: dict[str, float]
    masses: tuple[float, ...]
    """Of the first particles, where they are known, in GeV."""
    shipped: int
    """Events in the package, in the order in which they are made."""
    more: dict[int, int] = field(default_factory=dict)
    """Of the next events those with so many jets follow, until there are so many."""

    def momenta(self, coordinates: np.ndarray) -> np.ndarray:
        """(E, px, py, pz) in GeV, 64 bits, of (p_T, η, φ, m); NaN stays NaN."""
        pt, eta, phi, mass = np.moveaxis(coordinates.astype(np.float64), -1, 0)
        mass[:, : len(self.masses)] = self.masses
        return four_momentum(pt, eta, phi, mass)

    def make(self, number: int, seed: int, done: Callable[[int], None]) -> np.ndarray:
        """(p_T, η, φ, m) of one chunk (event, particle, 4), in this process; `done` hears how many events there are."""
        pythia = started(self.settings, number, seed)
        found: list[np.ndarray] = []
        count = 0
        while count < self.chunk:
            found.append(self.select(pythia.nextBatch(BATCH).prt))
            count += len(found[-1])
            done(min(count, self.chunk))
        return np.concatenate(found)[: self.chunk]


def of_name(name: str) -> Any:
    """The collision of a dataset; "module:name" is what is in `COLLISIONS` of a module, with a `chunk` and `make` as here."""
    module, _, own = name.rpartition(":")
    return import_module(module or "workbench.physics.datasets.known").COLLISIONS[own]


def started(settings: Iterable[str], number: int, seed: int) -> Any:
    """Pythia with the seed of a chunk. Raises: RuntimeError naming a setting that it does not know."""
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for setting in (*settings, "Random:setSeed = on", f"Random:seed = {pythia_seed(seed, number)}"):
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia does not know the setting {setting!r}.")
    if not pythia.init():
        raise RuntimeError("Pythia could not be started.")
    return pythia


def pythia_seed(seed: int, number: int) -> int:
    """Pythia's seed of a chunk; those of one dataset differ."""
    return (int(np.random.SeedSequence(seed).generate_state(1)[0]) + number) % SEEDS + 1


QUIET = ("Print:quiet = on", f"Beams:eCM = {SQRT_S:g}")

# Many chunks in parallel


def missing_packages() -> list[str]:
    """What of Pythia 8 and FastJet is not installed."""
    return [name for name in ("pythia8mc", "fastjet") if importlib.util.find_spec(name) is None]


def produce(
    name: str, numbers: Iterable[int], seed: int, done: Callable[[int], None] = lambda events: None, processes: int | None = None
) -> dict[int, np.ndarray]:
    """Chunks of (p_T, η, φ, m), as (event, particle, 4) by their numbers, made in parallel.

    Arguments:
        done: called in this thread with the number of events there are, several times a second; what it raises stops the work.
        processes: how many work; None: one per core.

    Raises: ValueError with the command that installs what is missing; Stopped when a process fails.
    """
    if missing := missing_packages():
        raise ValueError(f"{name} is made with {' and '.join(missing)}, not installed here: {INSTALL}.")
    made = workers.produce("workbench.physics.collisions", (name, str(seed)), numbers, done, processes=processes, using=" with Pythia")
    return {number: chunk.values for number, chunk in made.items()}


def work(name: str, seed: int) -> None:
    """Make the chunks whose numbers come from standard input, as 32-bit numbers."""
    workers.serve(lambda number, done: workers.Made(of_name(name).make(number, seed, done).astype(np.float32), {}))


# Shipped samples


SHIPPED_SEED = 1
INSTALL = 'pip install "pythia8mc<8.318" fastjet awkward'
"""What the extra `pythia` stands for: by its name a package index might offer another workbench."""


@dataclass(frozen=True)
class Shipped:
    """Momenta (event, particle, 4) in GeV, the place of each event in the order in which they are made, and how they were made."""

    momenta: np.ndarray
    number: np.ndarray
    attributes: dict[str, str]


def shipped_file(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.h5")


@cache
def shipped(name: str) -> Shipped:
    """The sample of a collision that comes with the package."""
    import h5py

    with h5py.File(io.BytesIO(shipped_file(name).read_bytes())) as file:
        coordinates, number = file["coordinates"][()], file["number"][()]
        attributes = {key: str(value) for key, value in file.attrs.items()}
    momenta = of_name(name).momenta(coordinates)
    momenta.flags.writeable = number.flags.writeable = False
    return Shipped(momenta, number, attributes)


def programs() -> str:
    """Pythia and FastJet with their versions."""
    from importlib.metadata import version

    return f"Pythia {version('pythia8mc')}, FastJet {version('fastjet')}"


def provenance(name: str) -> dict[str, str]:
    """How events are made here: title, programs, settings, cuts."""
    collision = of_name(name)
    return {
        "title": collision.title,
        "made_with": programs(),
        "settings": "; ".join(collision.settings),
        "cuts": json.dumps(collision.cuts),
        "references": "arXiv:2203.11601, arXiv:1111.6097, arXiv:0802.1189",
    }


def ship(name: str) -> None:
    """Make the sample of a collision anew."""
    import h5py

    collision = of_name(name)
    more = collision.more.items()
    made: list[np.ndarray] = []
    while True:
        first = len(made)
        chunks = produce(name, range(first, first + 10), SHIPPED_SEED, lambda events: print(f"\r{events:,}", end="", flush=True))
        made += [chunks[number] for number in sorted(chunks)]
        coordinates = np.concatenate(made)
        kept = np.arange(len(coordinates)) < collision.shipped
        for jets, most in more:
            kept |= (alike := jet_count(coordinates) == jets) & (alike.cumsum() <= most)
        if len(coordinates) >= collision.shipped and all((jet_count(coordinates) == jets).sum() >= most for jets, most in more):
            break
    options: dict[str, Any] = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    with h5py.File(shipped_file(name), "w", libver="latest") as file:
        file.create_dataset("coordinates", data=coordinates[kept], **options)
        file.create_dataset("number", data=np.flatnonzero(kept).astype(np.int32), **options)
        file.attrs.update(provenance(name))
        file.attrs["coordinates"] = f"p_T [GeV], η, φ, m [GeV] of {', '.join(collision.particles)}"
        file.attrs["made_by"] = f"python -m workbench.physics.collisions ship {name}"
        file.attrs["seed"] = SHIPPED_SEED


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work", name, seed]:
            work(name, int(seed))
        case ["ship", name]:
            ship(name)
        case _:
            sys.exit("usage: python -m workbench.physics.collisions ship DATASET")
