"""New events of a finished generator as HDF5, as `workbench.data.files` reads it: momenta (event, particle, 4) in GeV, or points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tornado.web import RequestHandler

from workbench.families import FAMILIES
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.studios.door import GUEST
from workbench.studios.house import HOME, Guest
from workbench.studios.library import Library
from workbench.studios.sharing import refuse

FOLDER = "new-events"
"""Of the address; not a folder on disk."""


def address(run: Run) -> str:
    """Where a page finds the events of a run."""
    return f"{FOLDER}/{run.id}.h5"


def events_file(run: Run) -> bytes:
    """The events that the mean weights of a finished generator draw, with the recipe that made them. Raises: RunError in one sentence."""
    import h5py

    samples = run.prediction("test")["samples"]
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        made = file.create_dataset("momenta" if samples.ndim == 3 else "points", data=samples.values)
        made.attrs.update(dict(samples.attrs) | {"dataset": run.recipe.to_dict()["dataset"]})
        file.attrs.update({"run": run.id, "recipe": run.recipe.to_json(), "made": run.created})
        file.flush()
        return file.id.get_file_image()


class NewEvents(RequestHandler):
    """Serves the events of a run by its id."""

    def initialize(self, runs: Path) -> None:
        self.runs = runs

    def get(self, name: str) -> None:
        try:
            drawn_from = tuple(kind.recipe for family in FAMILIES for kind in family.kinds if kind.sampler)
            content = events_file(Library(self.runs, drawn_from).find(name))
        except (OSError, RunError, KeyError) as problem:
            guest = Guest.read(HOME, self.request.headers.get(GUEST, ""))
            return refuse(self, 404, RunError(guest.told(str(problem))))
        self.set_header("Content-Type", "application/x-hdf5")
        self.set_header("Content-Disposition", f'attachment; filename="{name}.h5"')
        self.set_header("Cache-Control", "no-store")
        self.finish(content)


def routes(runs: Path) -> list[tuple[Any, ...]]:
    return [(rf"/{FOLDER}/([a-z0-9-]{{1,40}})\.h5", NewEvents, {"runs": runs})]
