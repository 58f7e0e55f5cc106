"""Datasets by name: generated events, kept on disk, shipped ones, and the events of a recipe."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
from tqdm.auto import tqdm

from workbench.data import cache as disk
from workbench.data.events import HIT_OR_MISS, Events
from workbench.data.files import load_file, load_sample
from workbench.data.generation import Source, kept, parts, whole
from workbench.data.mixture import mixed
from workbench.data.own_file import check_content
from workbench.data.samples import SAMPLES, Sample, available_events, make_sample
from workbench.home import data_folder
from workbench.physics.amplitudes import PROCESSES, SHIPPED, gg_yygg
from workbench.physics.collisions import INSTALL
from workbench.physics.datasets import has_jets
from workbench.physics.phase_space import BEAMS

if TYPE_CHECKING:
    import xarray

Progress = Callable[[float, str], None]

USUAL_EVENTS, MOST_EVENTS = 90_000, 10_000_000


def make_dataset(
    process: str = "gg_yyg",
    events: int | None = None,
    seed: int = 1,
    *,
    beams: str = "fixed",
    sampling: str = "flat",
    sqrt_s: float = 1000.0,
    jets: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> xarray.Dataset:
    """Events, all of weight one; the first n of a larger request are the same events.

    gg_yyg, gg_yygg: momenta (event, particle, component) in GeV and exact amplitudes (event) in GeV^(8 − 2n). Made in parallel on the
    processor's cores; kept in the data folder, from where a second request, or a smaller one, is served. An amplitude of gg_yygg takes
    5 ms of a core: how long all will take is said before, what was made is kept every few minutes, and the variable `error` is the
    estimated relative error of each; the attribute `dropped` counts points that were left out since it stayed above 10⁻⁶. Unweighted ones
    take seconds of a core each.

    Up to 600 flat events of gg_yygg with fixed beams come at once, from a file of the package in which another program computed them:
    other ones than the first of a larger request. They come in an order drawn with `seed`, brought to `sqrt_s` by A(λp) = λ⁻⁴ A(p), and
    the variable `sqrt_s` tells where each was computed; the cuts were made there. For 494 of them this is the default, 1 TeV, where 597
    pass the cuts.

    z_jets, tt_partons: momenta of proton collisions at 13 TeV, and of z_jets the number of jets (event); those that an event does not have
    are NaN. Seed 1 is served from a shipped sample as far as that goes; the rest is made by Pythia 8 on all cores and kept.

    wedge, kicker, ring: points (event, coordinate) of a toy density.

    Arguments:
        events: how many; None: 90,000, 100,000 points, or all that are shipped.
        beams: fixed: gluons of energy √s/2 each. pp: protons; the gluons follow their densities g(x₁) g(x₂) at Q = 91.188 GeV.
        sampling: flat: uniform in phase space. unweighted: density ∝ |M|², by hit-or-miss against the largest |M|²/peak met in a fixed
            scan; the attribute `excess` says which share of the cross-section lay above it. mixed: three of ten unweighted.
        sqrt_s: energy of the two beams, in GeV.
        jets: of z_jets only the events with so many.
        progress: called with a fraction from 0 to 1 and a text; None shows a bar on a terminal after a second.

    Raises: ValueError for an impossible request; OSError when the events cannot be kept (use cache=False).
    """
    if process in SAMPLES:
        _only_for_amplitudes(process, beams=beams, sampling=sampling, sqrt_s=sqrt_s)
        whole("seed", seed, 0, 2**31 - 1)
        if events is not None:
            whole("events", events, 1, MOST_EVENTS)
        with shown(progress) as report:
            return make_sample(process, events, seed, jets=jets, cache=cache, progress=report)
    if process not in PROCESSES:
        near = difflib.get_close_matches(str(process), [*PROCESSES, *SAMPLES], n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no process {str(process)[:40]!r}.{hint} There are: {', '.join([*PROCESSES, *SAMPLES])}.")
    if jets is not None:
        raise ValueError(f"jets = {str(jets)[:40]} is not possible: {process} has none to choose.")
    source = Source(process, beams, sampling, sqrt_s, seed)
    events = SHIPPED.get(process, USUAL_EVENTS) if events is None else events
    whole("events", events, 1, MOST_EVENTS)
    if sampling == "mixed":
        return mixed(partial(_made, source, cache=cache), events, progress=progress)
    if ships(source, events):
        return _shipped(source, events)
    return _made(source, events=events, cache=cache, progress=progress)


def _made(source: Source, *, events: int, cache: bool = True, sampling: str = "", progress: Progress | None = None) -> xarray.Dataset:
    """So many events made here, by another sampling if it is said."""
    source = replace(source, sampling=sampling) if sampling else source
    with shown(progress) as report:
        if cache:
            dataset = kept(source, events, report)
        else:
            *_, dataset = parts(source, None, events, report)
    return dataset.isel(event=slice(events))


def ships(asked: Any, events: int) -> bool:
    """Whether so many events are among those that come with the package."""
    return events <= SHIPPED.get(asked.process, 0) and asked.beams == BEAMS[0] and asked.sampling == "flat"


def _only_for_amplitudes(dataset: str, **options: Any) -> None:
    """Raises: ValueError when an option is set that the dataset does not have."""
    usual = {"beams": "fixed", "sampling": "flat", "sqrt_s": 1000.0}
    for name, value in options.items():
        if value != usual[name]:
            raise ValueError(f"{name} = {str(value)[:40]!r} is not possible: {dataset} has no such option.")


def _shipped(source: Source, events: int) -> xarray.Dataset:
    """The first of the shipped points in an order drawn with the seed, at the energy asked for."""
    points = gg_yygg.shipped().at(source.sqrt_s)
    order = np.random.default_rng([source.seed, 2]).permutation(len(points.amplitude))[:events]
    attributes: dict[str, Any] = {f"points_{name}": text for name, text in points.attributes.items()}
    attributes |= {"title": f"{source.process}: exact squared amplitudes shipped with workbench", "source": json.dumps(asdict(source))}
    dataset = Events(points.momenta[order], points.amplitude[order], source.process).to_dataset(**attributes)
    computed = {"units": "GeV", "long_name": "energy of the collision at which the amplitude was computed"}
    return dataset.assign(sqrt_s=("event", points.sqrt_s[order], computed))


@contextlib.contextmanager
def shown(progress: Progress | None) -> Iterator[Progress]:
    """The caller's progress, or a bar that appears on a terminal when the work takes more than a second."""
    if progress is not None:
        yield progress
        return
    with tqdm(
        total=1.0, delay=1.0, disable=None, leave=False, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} < {remaining}"
    ) as bar:

        def report(fraction: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(fraction - bar.n)

        yield report


class Wanted(Protocol):
    """What a recipe says about its events."""

    process: str
    file: str
    units: str
    beams: str
    sampling: str
    sqrt_s: float
    events: int
    test_events: int
    data_seed: int


class WantedSample(Protocol):
    """What a recipe says about events without amplitudes; `jets` = 0: as they come."""

    dataset: str
    file: str
    units: str
    jets: int
    events: int
    test_events: int
    data_seed: int


Table = TypeVar("Table", Events, Sample)


@dataclass(frozen=True)
class Splits(Generic[Table]):
    """The events of a recipe. Test events are the first ones, so they are the same whatever the number of training events."""

    events: Table
    test_events: int
    validation_events: int

    @property
    def test(self) -> Table:
        return self.events[: self.test_events]

    @property
    def validation(self) -> Table:
        return self.events[self.test_events : self.test_events + self.validation_events]

    @property
    def train(self) -> Table:
        return self.events[self.test_events + self.validation_events :]


def events_for(recipe: Wanted, progress: Progress | None = None) -> Splits[Events]:
    """Test, validation and training events of a recipe: made, from the cache, shipped, or the user's own; the last two in an order drawn
    with `data_seed`.

    Raises: ValueError when the recipe is impossible or there are too few events; OSError when a disk is full or a file unreadable.
    """
    if recipe.file:
        check_symmetry(recipe)
        loaded = _promised(recipe, lambda: load_file(recipe.file, recipe.process, recipe.units))
        order = np.random.default_rng([recipe.data_seed, 2]).permutation(len(loaded))
        validation = _validation(recipe, recipe.file, len(loaded))
        return Splits(loaded[order[: recipe.test_events + validation + recipe.events]], recipe.test_events, validation)
    few = ships(recipe, recipe.test_events + recipe.events + _least(recipe))
    validation = _validation(recipe, recipe.process, SHIPPED[recipe.process] if few else None)
    before = recipe.test_events + validation
    source = Source(recipe.process, recipe.beams, recipe.sampling, recipe.sqrt_s, recipe.data_seed)
    if recipe.sampling == "mixed":
        dataset = mixed(partial(_made, source), recipe.events, before, progress)
    else:
        dataset = make_dataset(events=before + recipe.events, **asdict(source), progress=progress)
    return Splits(Events.from_dataset(dataset), recipe.test_events, validation)


def sample_for(recipe: WantedSample, progress: Progress | None = None) -> Splits[Sample]:
    """The same of events without amplitudes: toys, collisions, or the user's own, these in an order drawn with `data_seed`.

    Raises: ValueError when the recipe is impossible or there are too few events; OSError when a disk is full or a file unreadable.
    """
    jets = (recipe.jets or None) if has_jets(recipe.dataset) else None
    if recipe.file:
        loaded = _promised(recipe, lambda: load_sample(recipe.file, recipe.dataset, recipe.units))
        check_weights(recipe, loaded)
        loaded = loaded if jets is None else loaded.with_jets(jets)
        order = np.random.default_rng([recipe.data_seed, 2]).permutation(len(loaded))
        validation = _validation(recipe, recipe.file, len(loaded))
        return Splits(loaded[order[: recipe.test_events + validation + recipe.events]], recipe.test_events, validation)
    try:
        validation = _validation(recipe, recipe.dataset, available_events(recipe.dataset, recipe.data_seed, jets))
    except ValueError as problem:
        raise ValueError(f"{problem} With `{INSTALL}` more are made here.") from problem
    count = recipe.test_events + validation + recipe.events
    dataset = make_dataset(recipe.dataset, count, recipe.data_seed, jets=jets, progress=progress)
    return Splits(Sample.from_dataset(dataset), recipe.test_events, validation)


LOOKED_AT: set[tuple[Any, ...]] = set()
OF_FILE = ("file_digest", "process", "dataset", "units", "jets", "events", "test_events", "magic")
"""What decides, besides the file's place, whether a training finds its events in an own file."""


def check_own_file(recipe: Any) -> None:
    """Read a recipe's own file as its training will, and forget it: what cannot work is said before a run is made of it.

    Raises: ValueError with one sentence; OSError. Warns: FileNote with one sentence, the first time.
    """
    asked = tuple(getattr(recipe, name, None) for name in OF_FILE)
    if not getattr(recipe, "file", ""):
        return
    check_symmetry(recipe)
    if asked in LOOKED_AT:
        return
    (sample_for if hasattr(recipe, "dataset") else events_for)(recipe)
    if recipe.file_digest:
        LOOKED_AT.add(asked)


def check_symmetry(recipe: Any) -> None:
    """Raises: ValueError where particles of an own file would be put in order, and nobody said that their order is of no meaning."""
    if getattr(recipe, "inputs", "") == "ordered" and recipe.matters("inputs") and not recipe.symmetric:
        raise ValueError(
            "inputs = 'ordered' needs amplitudes that stay as they are when identical particles change places and under reflection, which "
            "nobody said of your own file; set symmetric = true if they do, or choose invariants."
        )


def check_weights(recipe: Any, sample: Sample) -> None:
    """Raises: ValueError where the events have weights and the training has others for them."""
    if sample.weight is not None and getattr(recipe, "magic", False):
        raise ValueError(
            f"{recipe.file} has weights, and magic = true puts others in their place: choose magic = false, or unweight the events by "
            f"{HIT_OR_MISS}."
        )


def _promised(recipe: Any, read: Callable[[], Table]) -> Table:
    """What is read of a recipe's own file, if its content is before and after what it was when the run was started. Raises: ValueError."""
    check_content(recipe)
    loaded = read()
    check_content(recipe)
    return loaded


class Sizes(Protocol):
    file: str
    events: int
    test_events: int


def _least(recipe: Sizes) -> int:
    """Number of validation events at least."""
    return max(recipe.events // 10, 1)


def _validation(recipe: Sizes, name: str, available: int | None) -> int:
    """Number of validation events: 1,000 or a tenth of the training events; of a limited number of events what is left, at least a tenth.

    Raises: ValueError when too little is left.
    """
    least, most = _least(recipe), max(recipe.events // 10, 1_000)
    if available is None:
        return most
    validation = min(most, max(available - recipe.test_events - recipe.events, least))
    if recipe.test_events + validation + recipe.events > available:
        raise ValueError(_too_small(recipe, name, available, validation))
    return validation


def _too_small(recipe: Sizes, name: str, available: int, validation: int) -> str:
    test = min(recipe.test_events, max(available // 6, 100))
    events = min(recipe.events, max((available - test) * 4 // 5, 100))
    more = "" if recipe.file else ", and a file of your own may hold more"
    return (
        f"{name} has {available:,} events, but {recipe.events:,} for training, {validation:,} for validation and "
        f"{recipe.test_events:,} for the test are asked for; events={events} and test_events={test} would fit{more}."
    )


@dataclass(frozen=True)
class Cached:
    """A dataset on disk: what it is, how many events it has (None when damaged) and bytes."""

    path: Path
    name: str
    events: int | None
    size: int


def list_cached() -> list[Cached]:
    """The datasets in the data folder, by name."""
    found = []
    for path in sorted(data_folder().glob("*.h5")):
        dataset = disk.read(path)
        with contextlib.suppress(FileNotFoundError):
            found.append(Cached(path, path.stem, dataset.sizes.get("event") if dataset is not None else None, path.stat().st_size))
    return found


def remove_cached(name: str) -> int:
    """Remove a dataset of `list_cached` by its name, or "all"; the bytes freed.

    Raises: ValueError naming the nearest dataset.
    """
    cached = {dataset.name: dataset for dataset in list_cached()}
    if name != "all" and name not in cached:
        near = difflib.get_close_matches(name, cached, n=1, cutoff=0.3)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no dataset {name[:80]!r} in {data_folder()}.{hint}")
    chosen = list(cached.values()) if name == "all" else [cached[name]]
    for dataset in chosen:
        for path in (dataset.path, dataset.path.with_name(f".{dataset.path.name}.lock")):
            path.unlink(missing_ok=True)
    return sum(dataset.size for dataset in chosen)
