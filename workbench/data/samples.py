"""Events without amplitudes, for networks that learn their density: toys, collisions made by Pythia, the user's own.

Collisions with jets have 1, 2 and 3 of them as they come; events with fewer have NaN for the others. A request for one number of
jets takes the events with so many, in the same order. Chunks of collisions have seeds of their own, so the first n events of a larger
request are the same; a sample shipped with the package serves the first ones where Pythia is not installed.
"""

from __future__ import annotations

import difflib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data import cache as disk
from workbench.data.events import COMPONENTS, WEIGHT, checked_weight, relative, weight_of
from workbench.home import data_folder
from workbench.physics import collisions
from workbench.physics.collisions import MOST_JETS, jet_count
from workbench.physics.datasets import has_jets
from workbench.physics.datasets.known import COLLISIONS, KNOWN, TOYS

if TYPE_CHECKING:
    import xarray

Progress = Callable[[float, str], None]

SAMPLES = {name: toy.label for name, toy in TOYS.items()} | {name: collision.title for name, collision in COLLISIONS.items()}
"""Names and titles."""
USUAL_POINTS, MOST_EVENTS = 100_000, 10_000_000
VERSION = 1
"""Of collisions: raised when the same request gives other ones."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Points (event, 2) of a toy, or momenta (event, particle, component) in GeV with NaN for jets that are not there; 64-bit, read-only.

    `weight` (event,) says how much each event counts; None: all the same.

    Raises: ValueError at birth when the shape does not fit, a number is not finite or a weight not positive.
    """

    points: np.ndarray
    dataset: str
    weight: np.ndarray | None = None

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64).view()
        shapes = _shapes(check_sample(self.dataset))
        if points.shape[1:] not in shapes:
            needed = " or ".join(f"(event, {', '.join(map(str, shape))})" for shape in shapes)
            raise ValueError(f"The events of {self.dataset} have the shape {needed}, not {points.shape}.")
        if len(broken := np.flatnonzero(~_whole_events(points, self.dataset))):
            jets = "; jets that are not there are NaN, and come last" if has_jets(self.dataset) else ""
            raise ValueError(f"{len(broken):,} of {len(points):,} events are not finite, the first of them event {broken[0]}{jets}.")
        points.flags.writeable = False
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "weight", checked_weight(self.weight, len(points)))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, which: slice | np.ndarray) -> Sample:
        """Some of the events: a slice, a mask or an array of numbers."""
        return Sample(self.points[which], self.dataset, None if self.weight is None else self.weight[which])

    @property
    def jets(self) -> np.ndarray:
        """Number of jets of each event; 0 where there are none at all."""
        return jet_count(self.points) if has_jets(self.dataset) else np.zeros(len(self), dtype=int)

    @property
    def relative_weight(self) -> np.ndarray:
        """The weights over their mean; 1 for all where there are none."""
        return relative(self.weight, len(self))

    def with_jets(self, jets: int) -> Sample:
        """The events with so many jets, without room for more."""
        chosen = self[self.jets == jets]
        return Sample(chosen.points[:, : 2 + jets], self.dataset, chosen.weight)

    def to_dataset(self, **attributes: Any) -> xarray.Dataset:
        """The same as an xarray Dataset with named dimensions and units."""
        made = self._described({"dataset": self.dataset, **attributes})
        return made if self.weight is None else made.assign(weight=("event", self.weight, WEIGHT))

    def _described(self, attributes: dict[str, Any]) -> xarray.Dataset:
        """Points or momenta with their names and units."""
        import xarray

        if self.dataset in TOYS:
            described = {"long_name": "coordinates of a point"}
            return xarray.Dataset(
                {"points": (("event", "coordinate"), self.points, described)}, coords={"coordinate": ["x", "y"]}, attrs=attributes
            )
        described = {"units": "GeV", "long_name": "four-momenta (E, px, py, pz)"}
        described["long_name"] += KNOWN[self.dataset].order
        made = xarray.Dataset(
            {"momenta": (("event", "particle", "component"), self.points, described)},
            coords={"particle": list(COLLISIONS[self.dataset].particles[: self.points.shape[1]]), "component": list(COMPONENTS)},
            attrs=attributes,
        )
        return made.assign(jets=("event", self.jets, {"long_name": "number of jets"})) if has_jets(self.dataset) else made

    @classmethod
    def from_dataset(cls, dataset: xarray.Dataset) -> Sample:
        """Inverse of `to_dataset`. Raises: ValueError when a variable is missing."""
        name = "points" if "points" in dataset else "momenta"
        if name not in dataset:
            raise ValueError(f"The dataset has no variable 'momenta' or 'points'; it has {', '.join(map(str, dataset)) or 'none'}.")
        return cls(dataset[name].transpose("event", ...).values, str(dataset.attrs.get("dataset")), weight_of(dataset))


def _shapes(dataset: str) -> list[tuple[int, ...]]:
    if dataset in TOYS:
        return [(2,)]
    return [(particles, 4) for particles in ((3, 4, 5) if has_jets(dataset) else (len(COLLISIONS[dataset].particles),))]


def _whole_events(points: np.ndarray, dataset: str) -> np.ndarray:
    """Which events are finite; jets may be missing from the end, but not the first."""
    fine = np.isfinite(points).reshape(len(points), *points.shape[1:2], -1).all(axis=-1)
    if has_jets(dataset):
        missing = np.isnan(points).all(axis=-1)
        fine[:, 3:] |= missing[:, 3:]
        fine[:, 3:] &= ~(missing[:, 2:-1] & ~missing[:, 3:])
    return fine.all(axis=1)


def check_sample(dataset: str) -> str:
    """The name, if there is such a sample. Raises: ValueError naming all and the nearest one."""
    if dataset in SAMPLES:
        return dataset
    near = difflib.get_close_matches(str(dataset), SAMPLES, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no dataset {str(dataset)[:40]!r}.{hint} The datasets are: {', '.join(SAMPLES)}.")


def make_sample(
    dataset: str, events: int | None = None, seed: int = 1, *, jets: int | None = None, cache: bool = True, progress: Progress
) -> xarray.Dataset:
    """`workbench.make_dataset` for the names of `SAMPLES`; the arguments are checked there but for `jets`."""
    if jets is not None and (not has_jets(check_sample(dataset)) or jets not in range(1, MOST_JETS + 1)):
        allowed = "1, 2 or 3 is needed" if has_jets(dataset) else f"{dataset} has none to choose"
        raise ValueError(f"jets = {str(jets)[:40]} is not possible: {allowed}.")
    if dataset in TOYS:
        toy, count = TOYS[dataset], USUAL_POINTS if events is None else events
        points = toy.sample(count, np.random.default_rng([seed, 0]))
        return Sample(points, dataset).to_dataset(
            title=toy.label, density=toy.formula, entropy=toy.entropy, source=json.dumps({"dataset": dataset, "seed": seed})
        )
    source = Source(dataset, seed)
    count = source.shipped_events(jets) or source.make_first if events is None else events
    found = source.shipped(count, jets) or source.made(count, jets, cache, progress)
    return found.isel(event=slice(count))


@dataclass(frozen=True)
class Source:
    """Collisions of one kind and seed, in the order in which they are made."""

    dataset: str
    seed: int

    @property
    def path(self) -> Path:
        """Where they are kept."""
        return data_folder() / f"{self.dataset}-seed{self.seed}-v{VERSION}.h5"

    @property
    def chunk(self) -> int:
        return COLLISIONS[self.dataset].chunk

    @property
    def make_first(self) -> int:
        """How many are made when it is not said, of a seed that has none shipped."""
        return COLLISIONS[self.dataset].shipped

    def shipped_events(self, jets: int | None) -> int:
        """How many come with the package."""
        if self.seed != collisions.SHIPPED_SEED:
            return 0
        if jets is None:
            return COLLISIONS[self.dataset].shipped
        return int((jet_count(collisions.shipped(self.dataset).momenta) == jets).sum())

    def shipped(self, events: int, jets: int | None) -> xarray.Dataset | None:
        """So many events of the shipped ones, or None if there are too few."""
        if events > self.shipped_events(jets):
            return None
        found = collisions.shipped(self.dataset)
        chosen = found.momenta[: COLLISIONS[self.dataset].shipped] if jets is None else found.momenta
        attributes = {name: found.attributes[name] for name in ("title", "made_with", "settings", "cuts", "references")}
        return self.described(chosen, jets, attributes)

    def described(self, momenta: np.ndarray, jets: int | None, attributes: dict[str, Any]) -> xarray.Dataset:
        """Those with so many jets as a Dataset that says where they are from."""
        sample = Sample(momenta, self.dataset)
        source = json.dumps({"dataset": self.dataset, "seed": self.seed} | ({"jets": jets} if jets else {}))
        return (sample if jets is None else sample.with_jets(jets)).to_dataset(**{**attributes, "source": source, "version": VERSION})

    def made(self, events: int, jets: int | None, cache: bool, progress: Progress) -> xarray.Dataset:
        """At least so many events, from the disk or made and put there."""
        if not cache:
            return self.chosen(self.extended(None, events, jets, progress), jets)
        if (dataset := disk.read(self.path)) is not None and self.enough(dataset, events, jets):
            return self.chosen(dataset, jets)
        with disk.locked(self.path, lambda: progress(0.0, "waiting for another process that makes these events")):
            dataset = disk.read(self.path)
            if dataset is None or not self.enough(dataset, events, jets):
                wanted = self.chunk * len(self.lacking(dataset, events, jets)) + (dataset.sizes["event"] if dataset is not None else 0)
                self.require_pythia(events, jets)
                disk.require_space(self.path, disk.size_of(wanted, len(COLLISIONS[self.dataset].particles)))
                dataset = self.extended(dataset, events, jets, progress)
                disk.write(self.path, dataset)
        return self.chosen(dataset, jets)

    def chosen(self, dataset: xarray.Dataset, jets: int | None) -> xarray.Dataset:
        if jets is None:
            return dataset
        attributes = {name: value for name, value in dataset.attrs.items() if name != "dataset"}
        return self.described(dataset["momenta"].values, jets, attributes)

    def require_pythia(self, events: int, jets: int | None) -> None:
        """Raises: ValueError saying what is there without Pythia."""
        if missing := collisions.missing_packages():
            there = Source(self.dataset, collisions.SHIPPED_SEED).shipped_events(jets)
            which = f" with {jets} jet{'s' * (jets > 1)}" if jets else ""
            raise ValueError(
                f"{events:,} events of {self.dataset}{which} with seed {self.seed} are made with {' and '.join(missing)}, not installed "
                f"here: {collisions.INSTALL}; without, there are {there:,} events of seed {collisions.SHIPPED_SEED}."
            )

    def enough(self, dataset: xarray.Dataset, events: int, jets: int | None) -> bool:
        return (dataset.sizes["event"] if jets is None else int((dataset["jets"] == jets).sum())) >= events

    def lacking(self, dataset: xarray.Dataset | None, events: int, jets: int | None) -> range:
        """The numbers of the chunks to make next: of one number of jets, as many as will hold enough in most cases."""
        first, there = 0, 0
        if dataset is not None:
            first = dataset.sizes["event"] // self.chunk
            there = dataset.sizes["event"] if jets is None else int((dataset["jets"] == jets).sum())
        missing = float(events - there)
        if jets is not None:
            missing = (missing + 2 * math.sqrt(missing)) / KNOWN[self.dataset].share[jets]
        return range(first, first + math.ceil(missing / self.chunk))

    def extended(self, dataset: xarray.Dataset | None, events: int, jets: int | None, progress: Progress) -> xarray.Dataset:
        """The dataset with whole chunks added until it has at least so many events."""
        self.require_pythia(events, jets)
        name = self.dataset
        while dataset is None or not self.enough(dataset, events, jets):
            numbers = self.lacking(dataset, events, jets)
            before, total = numbers.start * self.chunk, numbers.stop * self.chunk

            start = time.monotonic()

            def report(made: int, before: int = before, total: int = total, start: float = start) -> None:
                left = (time.monotonic() - start) * (total - before - made) / max(made, 1)
                progress((before + made) / total, f"made {before + made:,} of {total:,} events{time_left(left)}")

            chunks = collisions.produce(name, numbers, self.seed, report)
            momenta = [COLLISIONS[name].momenta(chunks[number]) for number in numbers]
            if dataset is not None:
                momenta.insert(0, dataset["momenta"].values)
            dataset = self.described(np.concatenate(momenta), None, collisions.provenance(name))
        return dataset


def time_left(seconds: float) -> str:
    """Words about the time left, if it is more than some seconds."""
    if seconds < 5:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} min left"


def available_events(dataset: str, seed: int, jets: int | None) -> int | None:
    """How many events there can be on this computer, or None when as many as anybody likes."""
    if check_sample(dataset) in TOYS or not collisions.missing_packages():
        return None
    return Source(dataset, seed).shipped_events(jets)
