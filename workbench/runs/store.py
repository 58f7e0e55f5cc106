"""The runs of a folder of runs: listed, found by their recipes, made and removed."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.home import runs_folder
from workbench.training.recipe import Recipe

from . import files
from .files import Damaged, Lock, RunError

if TYPE_CHECKING:
    pass

from .folder import SCHEMA
from .run import Run

ID = re.compile(r"[a-z0-9-]{1,40}")
EXAMPLES = Path(__file__).parent / "examples"


class RunStore:
    """The runs of one folder."""

    def __init__(self, root: Path | str | None = None):
        self.root = Path(root).expanduser().absolute() if root else runs_folder().absolute()

    def __repr__(self) -> str:
        return f"<RunStore {self.root}: {len(self.runs())} runs>"

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        return [Run(self.root / name) for _, name in self.dated()]

    def dated(self) -> list[tuple[int, str]]:
        """When the runs were made, in nanoseconds, and their ids; newest first."""
        found: list[tuple[int, str]] = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self.root) as entries:
            for entry in entries:
                if ID.fullmatch(entry.name):
                    with contextlib.suppress(OSError):  # no folder, or a link to what is gone
                        found.append((os.stat(os.path.join(entry.path, "recipe.json")).st_mtime_ns, entry.name))
        return sorted(found, reverse=True)

    def open(self, id: str) -> Run:
        """The run of that id, or the one that a link of that name in the folder leads to. Raises: RunError, also for ids that are paths."""
        path = self.root / id if isinstance(id, str) and ID.fullmatch(id) else None
        if path is None or not (path / "recipe.json").is_file():
            raise RunError(f"There is no run {str(id)[:60]!r} in {self.root}.")
        return Run(path)

    def find(self, recipe: Recipe) -> Run | None:
        """A finished or living run of an equal recipe, a finished one first."""
        living = None
        for run in self.alike(recipe):
            status = run.status
            if status.state == "finished":
                return run
            if status.live:
                living = run
        return living

    def alike(self, recipe: Recipe) -> list[Run]:
        """All runs of an equal recipe, not changed on the way, however they ended; also by the names of before options without effect
        were left out."""
        found, digests = [], dict.fromkeys((recipe.hash, recipe.former_hash))
        for path in sorted(path for digest in digests for path in self.root.glob(f"{digest}-*")):
            with contextlib.suppress(RunError):
                run = self.open(path.name)
                if not run.changes and run.recipe.identity == recipe.identity:
                    found.append(run)
        return found

    def create(self, recipe: Recipe, title: str = "") -> Run:
        """A new run, not yet started. Raises: OSError."""
        run, lock = self.create_owned(recipe, title)
        lock.release()
        return run

    def create_owned(self, recipe: Recipe, title: str = "") -> tuple[Run, Lock]:
        """A new run with its LOCK taken, so that it never looks abandoned. It appears under its id only when it is whole.

        What is kept of the recipe has options without effect at their defaults.
        """
        if not isinstance(recipe, Recipe):
            raise TypeError(f"A recipe is needed, such as AmplitudeRecipe(), not {type(recipe).__name__}.")
        recipe = recipe.effective
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = Run(self.root / f".new-{secrets.token_hex(6)}")
        fresh.path.mkdir(mode=0o700)
        lock = Lock(None)
        try:
            lock = fresh.acquire()
            (fresh.path / "snapshots").mkdir(mode=0o700)
            record = {
                "recipe": {"recipe": recipe.kind, **recipe.to_dict()},
                "title": title[:200],
                "created": now(),
                "versions": _versions(),
                "schema": SCHEMA,
            }
            status = {"state": "stopped", "steps": getattr(recipe, "steps", 0), "message": "Not started yet."}
            files.replace(fresh.path / "recipe.json", files.seal(record, indent=1))
            files.replace(fresh.path / "status.json", files.seal(status))
            return Run(self._name(fresh.path, recipe.hash)), lock
        except BaseException:
            lock.release()
            shutil.rmtree(fresh.path, ignore_errors=True)
            raise

    def _name(self, path: Path, digits: str) -> Path:
        """Give a finished folder the first free id <hash>-<counter>; renaming onto an existing folder fails, so ids are unique."""
        for counter in itertools.count(1):
            target = self.root / f"{digits}-{counter}"
            try:
                os.rename(path, target)
            except OSError:
                if not os.path.lexists(target):
                    raise
            else:
                files.sync_folder(self.root)
                return target
        raise AssertionError

    def delete(self, id: str) -> None:
        """Remove a run for good; of one that is linked only the link. Raises: RunError while it lives; OSError."""
        run = self.open(id)
        if run.path.is_symlink():
            return run.path.unlink()
        with run.acquire():
            trash = self.root / f".trash-{secrets.token_hex(6)}"
            os.rename(run.path, trash)
            shutil.rmtree(trash)


def open_run(path: Path | str) -> Run:
    """Any run, finished, running or killed: by the path of its folder, or by its id in the runs folder or among the examples.

    Raises: RunError.
    """
    if isinstance(path, str) and ID.fullmatch(path) and not Path(path).exists():
        store = EXAMPLES if (EXAMPLES / path / "recipe.json").is_file() and not (runs_folder() / path).exists() else None
        return RunStore(store).open(path)
    run = Run(path)
    with contextlib.suppress(Damaged):  # the rest of it can still be read
        _ = run._record
    return run


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {}
    for package in ("workbench", "torch", "numpy", "xarray"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
