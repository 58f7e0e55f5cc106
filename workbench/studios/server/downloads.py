"""Files that leave a page: new events of a finished generator, as HDF5, and stories to take home, as HTML.

Events are as `workbench.data.files` reads them: momenta (event, particle, 4) in GeV, or points.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tornado.web import RequestHandler

from workbench.families import FAMILIES
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.studios.pages.library import Library
from workbench.studios.server import errands
from workbench.studios.server.door import GUEST
from workbench.studios.server.house import HOME, Guest
from workbench.studios.server.sharing import refuse

FOLDER = "new-events"
STORIES = "take-home"
"""Of the addresses; not folders on disk."""
QUEUE = 8
"""Stories that may wait until they are written, one after the other."""


def address(run: Run) -> str:
    """Where a page finds the events of a run."""
    return f"{FOLDER}/{run.id}.h5"


def story_address(name: str, *, shipped: bool) -> str:
    """Where a page finds a story to take home."""
    return f"{STORIES}/{name}.html{'?shipped=1' if shipped else ''}"


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


class TakeHome(RequestHandler):
    """Writes a story in a process of its own, which takes seconds; `?shipped=1` from the numbers that ship, whatever is trained here."""

    writing = asyncio.Semaphore(1)
    waiting = 0

    def initialize(self, runs: Path) -> None:
        self.runs = runs

    async def get(self, name: str) -> None:
        if TakeHome.waiting >= QUEUE:
            return refuse(self, 503, RunError(f"{QUEUE} stories are being written for others just now; ask again in a minute."))
        TakeHome.waiting += 1
        try:
            async with TakeHome.writing:
                content = await errands.take_home(name, self.runs, shipped=bool(self.get_query_argument("shipped", "")))
        except (OSError, ValueError) as problem:
            guest = Guest.read(HOME, self.request.headers.get(GUEST, ""))
            return refuse(self, 404, ValueError(guest.told(str(problem))))
        finally:
            TakeHome.waiting -= 1
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}.html"')
        self.set_header("Cache-Control", "no-store")
        self.finish(content)


def routes(runs: Path) -> list[tuple[Any, ...]]:
    return [
        (rf"/{FOLDER}/([a-z0-9-]{{1,40}})\.h5", NewEvents, {"runs": runs}),
        (rf"/{STORIES}/([a-z0-9_]{{1,40}})\.html", TakeHome, {"runs": runs}),
    ]
