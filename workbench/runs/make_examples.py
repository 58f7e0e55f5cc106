"""The finished runs that come with the package, one of every preset: `python -m workbench.runs.make_examples [PRESET …]` makes them anew.

A whole run has up to 20 MB. Of an example is kept what fills every figure: fewer events, draws, snapshots and reports, numbers in single
precision. Its recipe is that of the preset; what was left out stands in its record.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.families import PRESETS
from workbench.training.presets import Preset

from . import files
from .launcher import launch
from .run import Run
from .store import EXAMPLES, RunStore

if TYPE_CHECKING:
    import xarray

LARGEST = 980_000  # bytes of a run
KEPT = {"event": 2_000, "sample": 5_000, "draw": 16}
"""Of a prediction, the first so many."""
SNAPSHOTS, SNAPSHOT_EVENTS = (30, 24, 18, 12, 8, 5, 3), 1_000
"""Of the snapshots the largest of these numbers that fits; where none does, of the events of a prediction the largest of"""
FEWER = (1_600, 1_200, 1_000, 800, 600)
TRAINING_EVENTS = 250
REPORTS = 200
OURS = ("pid", "born", "host", "leader", "beat", "queue_position")
"""Entries of a status that belong to the process."""


def make(presets: list[Preset], store: RunStore, folder: str) -> Iterator[Run]:
    """Train the recipes of presets in a folder of runs, unless that is done, and keep of each what fits into the package.

    Raises: RuntimeError where a training failed.
    """
    runs = [launch(preset.recipe, runs=folder, title=preset.title) for preset in presets]
    try:
        for run in runs:
            if run.wait().status.state != "finished":
                raise RuntimeError(f"{run.title}: {run.status.state}. {run.status.message}")
            yield slim(run, store)
    finally:
        for run in runs:
            if run.alive():
                run.stop()


def slim(run: Run, store: RunStore) -> Run:
    """A copy of a finished run that fits into the package, in place of an older one of the same recipe."""
    small = Run(store.root / f"{run.recipe.hash}-1")
    small.path.mkdir(parents=True, exist_ok=True)
    test, train, snapshots = run.prediction("test"), run.prediction("train"), run.snapshots
    kept = {"test": shortened(test, **KEPT), "train": shortened(train, **KEPT | {"event": TRAINING_EVENTS})}
    reports = run.read_reports().reports
    validated = [row for row, report in enumerate(reports) if report["validation"]]
    told = [reports[row] for row in sorted({*spread(range(len(reports)), REPORTS), *spread(validated, REPORTS // 2)})]
    status = {name: value for name, value in run.read_status().items() if name not in OURS}
    files.replace(small.path / "status.json", files.seal(status))
    files.replace(small.path / "reports.jsonl", b"".join(map(files.seal, told)))
    counts = {
        "training events": (kept["train"].sizes.get("event"), train.sizes.get("event")),
        "draws": (kept["test"].sizes.get("draw"), test.sizes.get("draw")),
        "samples": (kept["test"].sizes.get("sample"), test.sizes.get("sample")),
        "reports": (len(told), len(reports)),
    }
    record = files.unseal(files.read(run.path / "recipe.json"), "recipe.json")
    for most, events in [*((most, KEPT["event"]) for most in SNAPSHOTS), *((SNAPSHOTS[-1], events) for events in FEWER)]:
        kept["test"] = shortened(test, **KEPT | {"event": events})
        counts["test events"] = kept["test"].sizes.get("event"), test.sizes.get("event")
        some = shortened(snapshots, event=SNAPSHOT_EVENTS).isel(step=spread(range(snapshots.sizes["step"]), most))
        counts["snapshots"] = some.sizes["step"], snapshots.sizes["step"]
        record["kept"] = {name: list(pair) for name, pair in counts.items() if pair[0] != pair[1]}
        files.replace(small.path / "recipe.json", files.seal(record, indent=1))
        files.replace(small.path / "run.nc", Run(small.path).consolidated(kept, some))
        if size(small) <= LARGEST:
            break
    return small


def spread(rows: Sequence[int], most: int) -> list[int]:
    """At most so many of some rows, in equal distances, the first and the last among them."""
    distance = max(1.0, (len(rows) - 1) / (most - 1))
    return [rows[round(place * distance)] for place in range(min(most, len(rows)))]


def shortened(dataset: xarray.Dataset, **sizes: int) -> xarray.Dataset:
    """The first entries of some dimensions, in single precision."""
    short = dataset.isel({name: slice(size) for name, size in sizes.items() if name in dataset.sizes})
    return short.map(lambda values: values.astype("float32") if values.dtype == float and values.ndim else values, keep_attrs=True)


def size(run: Run) -> int:
    """Bytes on disk."""
    return sum(file.stat().st_size for file in run.path.iterdir())


def main(arguments: list[str]) -> int:
    known: dict[str, Preset] = {name: preset for of_kind in PRESETS.values() for name, preset in of_kind.items()}
    parser = argparse.ArgumentParser("python -m workbench.runs.make_examples", description="Train the presets anew, for the package.")
    parser.add_argument("presets", nargs="*", metavar="PRESET", default=list(known), help=f"some of {', '.join(known)}; [all]")
    parser.add_argument("--runs", metavar="FOLDER", help="where the whole runs stay, and are taken from [a folder that is deleted]")
    options = parser.parse_args(arguments)
    if wrong := [name for name in options.presets if name not in known]:
        parser.error(f"there is no preset {wrong[0]!r}: some of {', '.join(known)} are needed")
    store = RunStore(EXAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        for run in make([known[name] for name in options.presets], store, options.runs or folder):
            print(f"{run.id}  {run.title:30} {size(run):9,} bytes, {run.status.seconds:.0f} s on {run.status.device}", flush=True)
    remove_others(store, list(known.values()))
    return 0


def remove_others(store: RunStore, presets: list[Preset]) -> None:
    """Delete the runs that belong to no preset as it is now."""
    current = {run.id for preset in presets for run in store.alike(preset.recipe)}
    for run in store.runs():
        if run.id not in current:
            store.delete(run.id)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
