"""Top and QCD jets by number: shipped ones, or made once and kept on disk.

1,000 of each with seed 1 and 500 with seed 2, which nobody should train on, come with the package (`python -m
workbench.families.taggers.sample` makes them anew); where more are wanted, Pythia 8 makes them. Jets of both labels take turns, so that any
first part of them has as many of each, and the first ones of a larger request are the same.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from workbench.data import cache as disk
from workbench.data.catalogue import Progress, shown
from workbench.data.generation import whole
from workbench.data.samples import time_left
from workbench.families.taggers.jets import QCD, TOP, Jets
from workbench.families.taggers.make import CHUNK, COLLISIONS, LEVELS, jets_of
from workbench.families.taggers.pile_up import overlaid
from workbench.families.taggers.store import decode, encode, rounded
from workbench.home import data_folder
from workbench.physics.collisions import INSTALL, missing_packages, produce, programs

VERSION = 1
"""Of the jets: raised when the same request gives other ones."""
NAMES = {TOP: "top_jets", QCD: "qcd_jets"}
SEED, TEST_SEED = 1, 2
SHIPPED = {SEED: 1_000, TEST_SEED: 500}
"""Jets of each label in the package, at the level of the detector, by their seed."""
MOST_JETS = 2_000_000
BYTES = 500
"""That a jet takes on disk, about."""


def make_jets(
    jets: int = 1_000,
    level: str = "detector",
    seed: int = SEED,
    *,
    pile_up: float = 0.0,
    cache: bool = True,
    progress: Progress | None = None,
) -> Jets:
    """So many top jets and as many QCD jets of proton collisions at 14 TeV, in turns; the same for the same seed.

    Arguments:
        jets: of each label.
        level: "detector", as a simple detector sees them, or "particles".
        seed: of the first 1,000 with 1 and 500 with 2, at the level of the detector, nothing has to be made.
        pile_up: how many further collisions lie over each jet, on average.
        progress: called with a fraction from 0 to 1 and a text; None shows a bar on a terminal after a second.

    Raises: ValueError for an impossible request; OSError when the jets cannot be kept (use cache=False).
    """
    if level not in LEVELS:
        raise ValueError(f"level = {str(level)[:40]!r} is not possible: one of {', '.join(LEVELS)} is needed.")
    whole("jets", jets, 1, MOST_JETS)
    whole("seed", seed, 0, 2**31 - 1)
    if level == "detector" and jets <= SHIPPED.get(seed, 0):
        found = shipped(seed)[: 2 * jets]
    else:
        with shown(progress) as report:
            sources = [Source(label, level, int(seed)) for label in (TOP, QCD)]
            found = in_turns(*(source.jets(jets, cache, _part(report, place, 2)) for place, source in enumerate(sources)))
    return overlaid(found, pile_up, seed) if pile_up else found


def in_turns(first: Jets, second: Jets) -> Jets:
    """Jets of both, of each as many, one of the first, one of the second, and so on."""
    both = Jets.joined([first, second])
    return both[np.arange(len(both)).reshape(2, -1).T.ravel()].packed()


def _part(report: Progress, place: int, parts: int) -> Progress:
    """Progress of one part of a work."""
    return lambda fraction, text: report((place + fraction) / parts, text)


@cache
def shipped(seed: int = SEED) -> Jets:
    """The jets that come with the package: of seed 1, or those of seed 2 for tests."""
    return decode(shipped_file(seed).read_bytes())[0]


def shipped_file(seed: int) -> Path:
    return Path(__file__).with_name({SEED: "jets.h5", TEST_SEED: "test_jets.h5"}[seed])


@dataclass(frozen=True)
class Source:
    """Jets of one label, level and seed, in the order in which they are made."""

    label: int
    level: str
    seed: int

    @property
    def name(self) -> str:
        return f"{NAMES[self.label]}-{self.level}"

    @property
    def path(self) -> Path:
        """Where they are kept."""
        return data_folder() / f"{self.name}-seed{self.seed}-v{VERSION}.h5"

    def jets(self, jets: int, cache: bool, progress: Progress) -> Jets:
        """The first so many jets, from the disk or made and put there."""
        if not cache:
            return self.extended(None, jets, progress)[:jets]
        if (found := self.kept()) is not None and len(found) >= jets:
            return found[:jets]
        with disk.locked(self.path, lambda: progress(0.0, "waiting for another process that makes these jets")):
            found = self.kept()
            if found is None or len(found) < jets:
                self.require_pythia(jets)
                disk.require_space(self.path, BYTES * jets)
                found = self.extended(found, jets, progress)
                disk.keep(self.path, disk.sealed(encode(found, **provenance(self.name))))
        return found[:jets]

    def kept(self) -> Jets | None:
        """What is on the disk."""
        data = disk.kept(self.path)
        return None if data is None else decode(data)[0]

    def require_pythia(self, jets: int) -> None:
        """Raises: ValueError saying what is there without Pythia."""
        if missing := missing_packages():
            there = " and ".join(f"{number:,} with seed {seed}" for seed, number in SHIPPED.items())
            raise ValueError(
                f"{jets:,} jets of each label with seed {self.seed} at the level of {self.level} are made with {' and '.join(missing)}, "
                f"not installed here: {INSTALL}; without, there are {there}, at the level of the detector."
            )

    def extended(self, found: Jets | None, jets: int, progress: Progress) -> Jets:
        """The jets with whole chunks added until there are at least so many."""
        self.require_pythia(jets)
        there = 0 if found is None else len(found)
        numbers = range(there // CHUNK, -(-jets // CHUNK))
        total, start = CHUNK * numbers.stop, time.monotonic()

        def report(made: int) -> None:
            left = (time.monotonic() - start) * (total - there - made) / max(made, 1)
            progress((there + made) / total, f"made {there + made:,} of {total:,} {NAMES[self.label].replace('_', ' ')}{time_left(left)}")

        chunks = produce(f"{COLLISIONS[self.name].__module__}:{self.name}", numbers, self.seed, report)
        new = [rounded(jets_of(chunks[number], self.label)) for number in numbers]
        return Jets.joined(new if found is None else [found, *new])


def provenance(*names: str) -> dict[str, str]:
    """How jets are made here: programs, settings, cuts."""
    return {
        "title": "Top and QCD jets of pp collisions at 14 TeV: anti-kT, R = 0.8, 550 < p_T < 650 GeV, |η| < 2",
        "made_with": programs(),
        "date": time.strftime("%Y-%m-%d"),
        "version": str(VERSION),
        "level": ", ".join(dict.fromkeys(COLLISIONS[name].level for name in names)),
        **{f"settings_{name.split('-')[0]}": "; ".join(COLLISIONS[name].settings) for name in names},
        "references": "arXiv:2203.11601, arXiv:1111.6097, arXiv:0802.1189, arXiv:1307.6346",
    }


def ship() -> None:
    """Make the jets of the package anew."""
    for seed, jets in SHIPPED.items():
        sources = [Source(label, "detector", seed) for label in (TOP, QCD)]
        made = in_turns(
            *(source.jets(jets, False, lambda fraction, text: print(f"\r{text}", end="", file=sys.stderr)) for source in sources)
        )
        about = {"made_by": f"python -m {__spec__.name}", "seed": str(seed)}  # type: ignore[union-attr]
        shipped_file(seed).write_bytes(encode(made, **provenance(*(source.name for source in sources)), **about))


if __name__ == "__main__":
    ship()
