"""Events of gg → γγgg, whose amplitude costs 5 ms: made by processes, with the time it takes said before and while it passes.

Chunks have seeds of their own, as everywhere. Every amplitude comes with its estimated relative error. Points whose error stays above
10⁻⁶ also after they were computed again with longer numbers are left out and counted: of 4,096 flat points at 1 TeV there were fifteen
in 64 bits, in corners of phase space where nothing special happens; with longer numbers one of
16,385, and of as many thinned ones two.

Unweighted events: hit-or-miss of points with density `peak` against the largest |M|²/peak of a fixed scan. At 1 TeV one of 390 points is
kept, so that each event takes seconds of a core.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.events import Events
from workbench.data.samples import time_left
from workbench.physics import two_jets, workers
from workbench.physics.amplitudes import gg_yygg
from workbench.physics.amplitudes.gg_yygg.amplitude import amplitudes
from workbench.physics.phase_space import hit_or_miss

if TYPE_CHECKING:
    import xarray

    from workbench.data.generation import Source

Progress = Callable[[float, str], None]

PROCESS = "gg_yygg"
CHUNK = {"flat": 2_048, "unweighted": 64}
AT_ONCE = 1_024
"""Points thinned and computed at once for unweighted events."""
SCAN_CHUNKS, SCAN_POINTS = 8, 2_048
"""Where the largest weight is looked for: 16,384 points, the same for every seed."""
SAFETY = 1.1
"""How much above the largest weight met there the largest weight is set."""
WORST = 1e-6
"""Points with a larger error, or none, are left out."""
PART = 8
"""Chunks of each core after which what was made is kept."""
PILOT, AS_MANY = 32, 150
"""By so many points the time is estimated: most of a call does not depend on their number, so it takes as long as so many of a chunk."""
ERROR = {"units": "1", "long_name": "estimated relative error of the amplitude"}


@dataclass(frozen=True)
class Costly:
    """Everything that a worker needs to know: how many `size` events a chunk has, or points a scan; for unweighted events the `largest`
    |M|²/peak."""

    beams: str
    sampling: str
    sqrt_s: float
    seed: int
    size: int
    largest: float = 0.0

    @property
    def kinematics(self) -> dict[str, Any]:
        return {"beams": self.beams, "sqrt_s": self.sqrt_s}

    def chunk(self, number: int, done: Callable[[int], None]) -> workers.Made:
        """The events of a chunk, (event, 26): momenta, |M|² and its error."""
        rng, found, count = np.random.default_rng([self.seed, number]), [], 0
        sums = {"dropped": 0, "tried": 0, "weight": 0.0, "excess": 0.0}
        while count < self.size:
            momenta = self._drawn(self.size - count, rng)
            rows, dropped = _computed(momenta)
            sums["dropped"] += dropped
            sums["tried"] += len(momenta)
            if self.sampling == "unweighted":
                ratio = rows[:, -2] / two_jets.peak(rows[:, :-2].reshape(-1, 6, 4), **self.kinematics)
                sums["weight"] += float(ratio.sum())
                sums["excess"] += float((ratio - self.largest).clip(min=0).sum())
                rows = rows[hit_or_miss(ratio, self.largest, rng)]
            found.append(rows)
            count += len(rows)
            done(min(count, self.size))
        return workers.Made(np.concatenate(found)[: self.size], sums)

    def _drawn(self, wanted: int, rng: np.random.Generator) -> np.ndarray:
        """So many flat points, or those of which some will be kept."""
        if self.sampling == "unweighted":
            return two_jets.peaked_events(AT_ONCE, rng, **self.kinematics)[:AT_ONCE]
        found, count = [], 0
        while count < wanted:
            found.append(two_jets.flat_events(two_jets.TRIES, rng, **self.kinematics))
            count += len(found[-1])
        return np.concatenate(found)[:wanted]

    def scan(self, number: int, done: Callable[[int], None]) -> workers.Made:
        """|M|²/peak of so many points with density `peak`."""
        momenta = two_jets.peaked_events(self.size, np.random.default_rng([2**32 - 1, number]), **self.kinematics)[: self.size]
        rows, _ = _computed(momenta)
        return workers.Made(rows[:, -2] / two_jets.peak(rows[:, :-2].reshape(-1, 6, 4), **self.kinematics), {})


def _computed(momenta: np.ndarray) -> tuple[np.ndarray, int]:
    """Momenta, |M|² and its error in rows, and how many points were left out."""
    squared, error = gg_yygg.squared_amplitude_with_error(momenta)
    good = (error <= WORST) & (squared > 0)
    rows = np.column_stack([momenta.reshape(len(momenta), -1), squared, error])
    return rows[good], int((~good).sum())


def work(what: str, words: str) -> None:
    """Be a worker that makes chunks, or scans."""
    workers.serve(getattr(Costly(**json.loads(words)), {"chunk": "chunk", "scan": "scan"}[what]))


def produce(asked: Costly, what: str, numbers: range, done: Callable[[int], None]) -> list[workers.Made]:
    """Chunks, or scans, by all cores."""
    made = workers.produce("workbench.data.costly", (what, json.dumps(asdict(asked))), numbers, done, using=f" of {PROCESS}")
    return [made[number] for number in numbers]


def look_for_largest(asked: Costly, report: Progress) -> tuple[float, float]:
    """The largest |M|²/peak, and which share of the points hit-or-miss will keep."""

    def told(points: int) -> None:
        report(0.0, f"looking for the largest weight: {points / (SCAN_CHUNKS * SCAN_POINTS):.0%}")

    ratio = np.concatenate([scan.values for scan in produce(replace(asked, size=SCAN_POINTS), "scan", range(SCAN_CHUNKS), told)])
    largest = SAFETY * float(ratio.max())
    return largest, float(ratio.mean()) / largest


def seconds_a_point(asked: Costly) -> float:
    """How long an amplitude takes just now on one core, computing again what is bad and thinning included."""
    thinning = 0.0
    if asked.sampling == "unweighted":
        two_jets.highest(**asked.kinematics)
        start = time.perf_counter()
        thinning = 1 / len(two_jets.peaked_events(PILOT, np.random.default_rng(0), **asked.kinematics))
        thinning *= time.perf_counter() - start
    momenta = replace(asked, sampling="flat", largest=0.0)._drawn(PILOT, np.random.default_rng(0))
    start = time.perf_counter()
    amplitudes(momenta)
    return (time.perf_counter() - start) / AS_MANY + thinning


def parts(source: Source, dataset: xarray.Dataset | None, events: int, report: Progress) -> Iterator[xarray.Dataset]:
    """The dataset with whole chunks added, again and again until it has at least so many events: each may be kept."""
    size = CHUNK[source.sampling]
    asked = Costly(source.beams, source.sampling, float(source.sqrt_s), source.seed, size)
    first, last = (dataset.sizes["event"] // size if dataset is not None else 0), math.ceil(events / size)
    attributes: dict[str, Any] = dict(dataset.attrs) if dataset is not None else {"dropped": 0, "tried": 0, "excess": 0.0}
    efficiency = 1.0
    if source.sampling == "unweighted":
        if dataset is None:
            attributes["largest_weight"], efficiency = look_for_largest(asked, report)
        else:
            efficiency = dataset.sizes["event"] / dataset.attrs["tried"]
        asked = replace(asked, largest=float(attributes["largest_weight"]))
    wanted = (last - first) * size
    seconds = seconds_a_point(asked) / efficiency * wanted / min(workers.cores(), last - first)
    share = f", of which one in {1 / efficiency:.0f} is kept" if efficiency < 1 else ""
    report(0.0, f"{wanted:,} events{share} take about {in_words(seconds)}")
    start, part = time.monotonic(), PART * workers.cores()
    for begin in range(first, last, part):
        end = min(begin + part, last)

        def told(made: int, before: int = (begin - first) * size) -> None:
            passed, ready = time.monotonic() - start, before + made
            left = passed * (wanted - ready) / ready if ready else max(seconds - passed, 0.0)
            report(ready / wanted, f"made {first * size + ready:,} of {last * size:,} events{time_left(left)}")

        made = produce(asked, "chunk", range(begin, end), told)
        dataset = _joined(source, dataset, made, attributes, begin)
        attributes = dict(dataset.attrs)
        yield dataset


def in_words(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"


def _joined(
    source: Source, dataset: xarray.Dataset | None, made: list[workers.Made], attributes: dict[str, Any], chunks_before: int
) -> xarray.Dataset:
    """What there was and what was made since."""
    rows = np.concatenate([chunk.values for chunk in made])
    momenta, amplitude, error = rows[:, :-2].reshape(-1, 6, 4), rows[:, -2], rows[:, -1]
    if dataset is not None:
        momenta = np.concatenate([dataset["momenta"].values, momenta])
        amplitude, error = np.concatenate([dataset["amplitude"].values, amplitude]), np.concatenate([dataset["error"].values, error])
    shares = sum(chunk.notes["excess"] / chunk.notes["weight"] for chunk in made) if source.sampling == "unweighted" else 0.0
    counted = {name: int(attributes[name]) + sum(chunk.notes[name] for chunk in made) for name in ("dropped", "tried")}
    chunks = chunks_before + len(made)
    attributes = {**source.attributes, **counted, "excess": (float(attributes["excess"]) * chunks_before + shares) / chunks} | (
        {"largest_weight": attributes["largest_weight"]} if source.sampling == "unweighted" else {}
    )
    return Events(momenta, amplitude, source.process).to_dataset(**attributes).assign(error=("event", error, ERROR))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work", what, words]:
            work(what, words)
        case _:
            sys.exit("Events of gg → γγgg are made by workbench.make_dataset; this module is started by it.")
