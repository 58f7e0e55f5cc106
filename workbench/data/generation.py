"""Events with exact amplitudes, made here and kept on disk.

Events come in chunks, each with its own seed (seed, chunk number): the first n events of a larger request are the same events, chunks are
made in parallel, and a dataset on disk is extended by making only what it lacks. Those of gg → γγg are made by threads, since torch
computes outside the interpreter's lock; those of gg → γγgg by processes (`costly`).
"""

from __future__ import annotations

import contextlib
import difflib
import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data import cache as disk
from workbench.data import costly
from workbench.data.events import Events
from workbench.data.mixture import SAMPLES as MIXED
from workbench.home import data_folder
from workbench.physics.amplitudes import PARTICLES, check_process, squared_amplitude
from workbench.physics.phase_space import BEAMS, flat_events, hit_or_miss, peak, peaked_events
from workbench.physics.workers import cores

if TYPE_CHECKING:
    import xarray

Progress = Callable[[float, str], None]

VERSION = 1
"""Of the events: raised when the same request gives other ones."""
CHUNK = {"flat": 4_096, "unweighted": 512}
SCAN_CHUNKS, SCAN_TRIES = 8, 2_048
"""Where the largest weight is looked for: 16,384 events, the same for every seed."""
MOST_TRIES = 200_000
"""Points of phase space drawn at once: 50 MB."""
SAFETY = 1.1
"""How much above the largest weight met there the largest weight is set."""


@dataclass(frozen=True)
class Source:
    """Everything that says which events come out; checked at birth.

    Raises: ValueError naming the option, what was met and what is allowed.
    """

    process: str = "gg_yyg"
    beams: str = "fixed"
    sampling: str = "flat"
    sqrt_s: float = 1000.0
    seed: int = 1

    def __post_init__(self) -> None:
        check_process(self.process)
        for name, allowed in (("beams", BEAMS), ("sampling", (*MIXED, "mixed"))):
            if (value := getattr(self, name)) not in allowed:
                near = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.4)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{name} = {str(value)[:40]!r} is not possible: one of {', '.join(allowed)} is needed.{hint}")
        if not (isinstance(self.sqrt_s, (int, float)) and 200 <= self.sqrt_s <= 14_000):
            raise ValueError(f"sqrt_s = {str(self.sqrt_s)[:40]} is not possible: an energy from 200 to 14,000 GeV is needed.")
        whole("seed", self.seed, 0, 2**31 - 1)

    @property
    def path(self) -> Path:
        """Where its events are kept."""
        return data_folder() / f"{self.process}-{self.beams}-{self.sampling}-{self.sqrt_s:.12g}GeV-seed{self.seed}-v{VERSION}.h5"

    @property
    def chunk_size(self) -> int:
        return (costly.CHUNK if self.process == costly.PROCESS else CHUNK)[self.sampling]

    @property
    def attributes(self) -> dict[str, Any]:
        """What is said of its events as a dataset."""
        return {
            "title": f"{self.process}: exact squared amplitudes made by workbench",
            "source": json.dumps(asdict(self)),
            "version": VERSION,
        }

    def chunk(self, number: int) -> Chunk:
        """The events of one chunk, the same whenever and wherever they are made."""
        rng = np.random.default_rng([self.seed, number])
        draw, largest = (flat_events, 0.0) if self.sampling == "flat" else (peaked_events, self.largest_weight)
        found, count, tries, tried = [], 0, self.chunk_size, 0
        weight = excess = 0.0
        while count < self.chunk_size:
            momenta = draw(tries, rng, beams=self.beams, sqrt_s=float(self.sqrt_s))
            amplitude = squared_amplitude(self.process, momenta)
            if self.sampling == "unweighted":
                ratio = amplitude / peak(momenta)
                weight, excess = weight + ratio.sum(), excess + (ratio - largest).clip(min=0).sum()
                kept = hit_or_miss(ratio, largest, rng)
                momenta, amplitude = momenta[kept], amplitude[kept]
            found.append((momenta, amplitude))
            count, tried = count + len(momenta), tried + tries
            wanted = 1.2 * (self.chunk_size - count) * tried / count if count else 4 * tries
            tries = math.ceil(min(wanted, MOST_TRIES))
        momenta, amplitude = (np.concatenate(arrays)[: self.chunk_size] for arrays in zip(*found, strict=True))
        return Chunk(momenta, amplitude, excess / weight if weight else 0.0)

    @property
    def largest_weight(self) -> float:
        """The largest |M|²/peak for hit-or-miss, dimensionless: met in a scan with a seed of its own, times 1.1."""
        return _largest_weight(self.process, self.beams, float(self.sqrt_s))


@dataclass(frozen=True)
class Chunk:
    """Events, and the share of the cross-section by which weights exceeded the largest one: it is missing where |M|² is largest."""

    momenta: np.ndarray
    amplitude: np.ndarray
    excess: float


@lru_cache
def _largest_weight(process: str, beams: str, sqrt_s: float) -> float:
    largest = 0.0
    for number in range(SCAN_CHUNKS):
        rng = np.random.default_rng([2**32 - 1, number])
        found, count = [], 0
        while count < SCAN_TRIES:
            found.append(peaked_events(20_000, rng, beams=beams, sqrt_s=sqrt_s))
            count += len(found[-1])
        momenta = np.concatenate(found)[:SCAN_TRIES]
        largest = max(largest, float((squared_amplitude(process, momenta) / peak(momenta)).max()))
    return SAFETY * largest


def kept(source: Source, events: int, report: Progress) -> xarray.Dataset:
    """At least so many events from the disk, where they are put first if they are not there."""
    dataset = disk.read(source.path)
    if dataset is not None and dataset.sizes["event"] >= events:
        return dataset
    with disk.locked(source.path, lambda: report(0.0, "waiting for another process that makes these events")):
        dataset = disk.read(source.path)
        if dataset is not None and dataset.sizes["event"] >= events:
            return dataset
        disk.require_space(source.path, disk.size_of(events, len(PARTICLES[source.process])))
        for longer in parts(source, dataset, events, report):
            disk.write(source.path, longer)
        return longer


def parts(source: Source, dataset: xarray.Dataset | None, events: int, report: Progress) -> Iterator[xarray.Dataset]:
    """The dataset extended until it has at least so many events; where that takes long, also on the way."""
    if source.process == costly.PROCESS:
        yield from costly.parts(source, dataset, events, report)
    else:
        yield _extended(source, dataset, events, report)


def _extended(source: Source, dataset: xarray.Dataset | None, events: int, report: Progress) -> xarray.Dataset:
    """The dataset with whole chunks added until it has at least so many events."""
    size = source.chunk_size
    first, last = (dataset.sizes["event"] // size if dataset is not None else 0), math.ceil(events / size)
    if source.sampling == "unweighted":
        report(0.0, "looking for the largest weight")
        largest = source.largest_weight
    made: list[Chunk] = []
    with _threads() as pool:
        for chunk in pool.map(source.chunk, range(first, last)):
            made.append(chunk)
            report(len(made) / (last - first), f"made {min((first + len(made)) * size, events):,} of {events:,} events")
    momenta, amplitude = [chunk.momenta for chunk in made], [chunk.amplitude for chunk in made]
    if dataset is not None:
        momenta.insert(0, dataset["momenta"].values)
        amplitude.insert(0, dataset["amplitude"].values)
    attributes = source.attributes
    if source.sampling == "unweighted":
        before = dataset.attrs["excess"] * first if dataset is not None else 0.0
        attributes |= {"largest_weight": largest, "excess": (before + sum(chunk.excess for chunk in made)) / last}
    return Events(np.concatenate(momenta), np.concatenate(amplitude), source.process).to_dataset(**attributes)


@contextlib.contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """One thread per core: numpy and torch compute outside the interpreter's lock. Work not begun is dropped when the caller stops."""
    pool = ThreadPoolExecutor(min(cores(), 8), thread_name_prefix="events")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise ValueError(f"{name} = {str(value)[:40]} is not possible: a whole number from {low:,} to {high:,} is needed.")
