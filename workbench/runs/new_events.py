"""New events of a trained generator, from the weights in its run folder, as HDF5 in portions: memory does not grow with their number.

The file is what `workbench.data.files` reads: momenta (event, particle, 4) in GeV, or points (event, coordinate), with the recipe.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.families import Ref, family_of, kind_of
from workbench.training.recipe import Recipe

from . import checkpoint
from .files import RunError
from .run import Run

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[float, str], None]
MOST = 10_000_000


def write_events(
    run: Run, events: int, file: Path | str, progress: Progress | None = None, *, nuisance: float = 0.0, seed: int = 1
) -> Path:
    """Draw events of weight 1 from the mean weights of a run into an HDF5 file; it appears when it is whole.

    Arguments: `progress(fraction, text)` hears how far it is, and how long it will still take; `nuisance` is the a of a conditional one.
    Raises: RunError in one sentence; ValueError for numbers that are not possible; OSError when the file cannot be written.
    """
    import h5py

    path = Path(file).absolute()
    torn, start, done = path.with_name(f".{path.name}.{os.getpid()}.tmp"), time.monotonic(), 0
    portions = new_events(run, events, nuisance=nuisance, seed=seed)
    try:
        with h5py.File(torn, "w") as out:
            out.attrs.update({"run": run.id, "recipe": run.recipe.to_json(), "made": run.created, "seed": seed, "nuisance": nuisance})
            for portion in portions:
                name = "momenta" if portion.ndim == 3 else "points"
                if name not in out:
                    shape = (events, *portion.shape[1:])
                    made = out.create_dataset(name, shape, "f8", chunks=(min(events, 10_000), *shape[1:]), compression="lzf")
                    made.attrs.update({"units": "GeV" if portion.ndim == 3 else "1", "dataset": run.recipe.to_dict()["dataset"]})
                made[done : done + len(portion)] = portion
                done += len(portion)
                if progress:
                    left = (time.monotonic() - start) / done * (events - done)
                    progress(done / events, f"drew {done:,} of {events:,} events, about {left:.0f} s left")
        os.replace(torn, path)
    finally:
        with contextlib.suppress(OSError):
            torn.unlink(missing_ok=True)
    return path


def new_events(run: Run, events: int, *, nuisance: float = 0.0, seed: int = 1) -> Iterator[np.ndarray]:
    """The same events in memory, portion by portion. Raises: as `write_events`, at once."""
    recipe = run.recipe
    kind = kind_of(recipe)
    if kind.sampler is None:
        raise RunError(f"Run {run.id} learns {family_of(recipe).learns}; new events come from a generator.")
    if isinstance(events, bool) or not 1 <= events <= MOST or events != int(events):
        raise ValueError(f"events = {events!r} is not possible: a whole number from 1 to {MOST:,} is needed.")
    conditional = bool(recipe.to_dict().get("nuisance"))
    if not 0.0 <= nuisance <= 30.0 or (nuisance and not conditional):
        needed = "a number from 0 to 30 is needed" if conditional else "the run was trained without nuisance"
        raise ValueError(f"nuisance = {nuisance!r} is not possible: {needed}.")
    if run.status.live:
        raise RunError(f"Run {run.id} is {run.status.state}; wait for its end, or stop it, before drawing from its weights.")
    found = checkpoint.newest(run)
    if found is None or "sampler" not in found[2]:
        raise RunError(f"Run {run.id} has no weights to draw from; train its recipe anew: {recipe.as_command()}")
    return _portions(kind.sampler, recipe, *found[1:], int(events), nuisance, seed)


def _portions(
    sampler_of: Ref, recipe: Recipe, tensors: dict[str, Any], state: dict[str, Any], events: int, nuisance: float, seed: int
) -> Iterator[np.ndarray]:
    sampler = sampler_of.load()(recipe, tensors, state)
    yield from sampler.new_events(sampler.method.central()[0][:1], events, seed, nuisance)
