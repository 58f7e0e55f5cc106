"""Runs on disk: one folder per run, readable at every instant, also of a run that was killed.

    recipe.json        what was asked for: recipe, title, date, versions; never changes
    status.json        state, progress, process; replaced every second while the run is alive
    reports.jsonl      one line per block of optimiser steps; a torn last line is ignored
    snapshots/<step>.nc  what the network says of some 2,000 fixed test events, at that step
    checkpoint-<step>.safetensors, .json   all that training needs to go on, bit for bit; the last two
    run.nc             everything in one netCDF4 file, once the run has finished or was stopped
    control.json       what the run is asked to do: run, pause, step, stop
    LOCK, log.txt      flock of the owner: free means nobody trains here; what went wrong on our side

Every file is written whole under another name and renamed, and carries a checksum; readers take no lock that could stop a writer.
Reading needs neither torch nor panel.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.families import kind_of, product_named
from workbench.home import runs_folder
from workbench.training.recipe import Recipe, RecipeError

from . import files, history, turns
from .files import Damaged, Lock, NoLocks, RunError
from .history import NewReports, reports_dataset

if TYPE_CHECKING:
    import xarray

SCHEMA = 1
ID = re.compile(r"[a-z0-9-]{1,40}")
LIVE = ("queued", "preparing", "running", "paused", "finishing")
COMMANDS = ("run", "pause", "step", "stop")
HEARTBEAT = 1.0  # seconds between two rewritings of status.json
SILENT = 10.0  # seconds of its own computer's clock after which an owner without LOCK is no longer one
EXAMPLES = Path(__file__).parent / "examples"
_heartbeats: dict[Path, tuple[bytes, float]] = {}


@dataclass(frozen=True)
class Status:
    """How a run stands. `state` is queued, preparing, running, paused, finishing, finished, stopped, failed or died.

    `seconds` is time spent training; `eta` the seconds it will still take, None while unknown; `progress` goes from 0 to 1 within
    preparing and finishing; `queue_position` is 1 for the next to start; `updated` the date of the last sign of life. `hopeless`: its
    recipe or its events cannot be used, so that going on would end in the same way.
    """

    state: str
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    message: str = ""
    progress: float | None = None
    device: str = ""
    pid: int | None = None
    attempt: int = 0
    eta: float | None = None
    queue_position: int | None = None
    temperature: float | None = None
    started: str = ""
    updated: str = ""
    hopeless: bool = False

    @property
    def live(self) -> bool:
        """Whether a process works on this run, or waits for its turn."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it makes sense to go on from where it is."""
        return self.state in ("stopped", "died", "failed") and not self.hopeless


class Run:
    """A run folder, seen from any process: a page, a notebook, a shell. Holds nothing that is not on disk."""

    def __init__(self, path: Path | str):
        self.path = Path(path).absolute()
        self.id = self.path.name

    def __repr__(self) -> str:
        status = self.status
        return f"<Run {self.id}: {status.state}, step {status.step:,} of {status.steps:,}, {self.path}>"

    @cached_property
    def _record(self) -> dict[str, Any]:
        try:
            record = files.unseal(files.read(self.path / "recipe.json"), f"{self.id}/recipe.json")
        except OSError as problem:
            raise RunError(f"{self.path} is not a run folder: its recipe.json cannot be read ({problem.strerror}).") from problem
        if record.get("schema", SCHEMA) > SCHEMA:
            raise RunError(f"{self.path} was written by a newer version of workbench (schema {record['schema']}); this one reads {SCHEMA}.")
        return record

    @cached_property
    def recipe(self) -> Recipe:
        """Raises: RunError, in one sentence."""
        try:
            return Recipe.from_dict(self._record["recipe"])
        except (RecipeError, KeyError, TypeError, ValueError) as problem:
            raise RunError(f"The recipe of {self.path} cannot be read: {problem}") from problem

    @property
    def options(self) -> dict[str, Any]:
        """The recipe as it stands in recipe.json, unchecked: a hundred times quicker than `recipe`. Raises: RunError."""
        options = self._record.get("recipe", {})
        return options if isinstance(options, dict) else {}

    @property
    def title(self) -> str:
        return str(self._record.get("title", ""))

    @property
    def created(self) -> str:
        """ISO date."""
        return str(self._record.get("created", ""))

    @property
    def kept(self) -> dict[str, tuple[int, int]]:
        """What of a run that comes with the package was left out of it: of the test events, say, 2,000 of 10,000 were kept."""
        return {str(name): (int(some), int(whole)) for name, (some, whole) in self._record.get("kept", {}).items()}

    # How it stands

    def alive(self) -> bool:
        """Whether the run has a living owner, whose LOCK is held, or waits for its turn. Where there are no locks: whether its heart
        still beats."""
        lock = self.path / "LOCK"
        try:
            return files.is_held(lock) or self.waits() or files.is_held(lock) or self._owned_unlocked()
        except NoLocks:
            return self._beats()

    def waits(self) -> bool:
        """Whether the run waits for its turn, without a process of its own."""
        ticket = turns.ticket_of(self.path.parent, self.id)
        return ticket is not None and ticket.kind != turns.WORKER

    def _owned_unlocked(self, patience: float = 0.0) -> bool:
        """Whether an owner lives although LOCK is free, because the file was deleted, replaced or copied since.

        On this computer its process tells, by its number, its birth and its heart; on another one a change of status.json does.
        """
        try:
            values = files.unseal(files.read(self.path / "status.json"), "status.json")
        except (OSError, Damaged):
            return False
        if values.get("state") not in LIVE or not isinstance(pid := values.get("pid"), int):
            return False
        with contextlib.suppress(FileNotFoundError):
            lock = files.identity(self.path / "LOCK")
            if values.get("lock", lock) == lock:
                return False  # the owner's own, and it has let go of it
        if values.get("host") != socket.gethostname():
            return self._beats(patience)
        if values.get("folder", 0) not in (0, os.stat(self.path).st_ino):
            return False  # a copy of the folder
        age = time.monotonic_ns() - values.get("beat", 0)
        return lives(pid, values.get("born")) and 0 <= age < 1e9 * SILENT

    @property
    def status(self) -> Status:
        values = self.read_status()
        if values["state"] in LIVE and not self.alive():
            values = self.read_status()  # it may have ended in good order between the two looks
            if values["state"] in LIVE:
                values["state"], values["message"] = (
                    "died",
                    "The training process ended without a word; it can be resumed from its last checkpoint.",
                )
        reports = [] if values["state"] == "finished" else history.last_reports(self.path / "reports.jsonl")
        if reports:
            values["step"], values["seconds"] = reports[-1]["step"], reports[-1]["seconds"]
        eta = history.eta(reports, values.get("steps", 0)) if values["state"] == "running" else None
        position = turns.place(self.path.parent, self.id) if values["state"] == "queued" else None
        if position is not None:
            values["message"] = "Waiting for a free slot" if position == 1 else f"Waiting: {position - 1} ahead"
        known = {name: values[name] for name in Status.__dataclass_fields__ if name in values}
        return Status(**{**known, "eta": eta, "queue_position": position})

    def read_status(self) -> dict[str, Any]:
        """What status.json says, without asking whether the process still lives."""
        try:
            values = files.unseal(files.read(self.path / "status.json"), f"{self.id}/status.json")
            return {"state": "stopped", "steps": 0, **values}
        except (OSError, Damaged) as problem:
            state = "queued" if self.waits() else "running" if self.alive() else "finished" if (self.path / "run.nc").exists() else "died"
            return {"state": state, "steps": getattr(self.recipe, "steps", 0), "message": f"status.json cannot be read: {problem}"}

    def _beats(self, patience: float = 0.0) -> bool:
        """Without flock: no change of status.json during three heartbeats of this reader's own clock means death.

        The first look cannot know; `patience` (s) takes a second one that does.
        """
        try:
            seen = files.read(self.path / "status.json")
            if files.unseal(seen, "status.json").get("state") not in LIVE:
                return False
        except (OSError, Damaged):
            return False
        before, since = _heartbeats.setdefault(self.path, (seen, time.monotonic()))
        if patience:
            time.sleep(patience)
            return self._beats()
        if seen != before:
            _heartbeats[self.path] = (seen, time.monotonic())
        return seen != before or time.monotonic() - since < 3 * HEARTBEAT

    def wait(self, timeout: float | None = None) -> Run:
        """This run, once it no longer lives. Raises: TimeoutError after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.status.live:
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"Run {self.id} is still {self.status.state} after {timeout:g} s.")
            time.sleep(0.02)
        return self

    # What it has said so far

    def read_reports(self, cursor: tuple[int, int] | None = None) -> NewReports:
        """The reports since `cursor` (from the beginning without one): cheap enough to be called many times a second."""
        return history.read_reports(self.path / "reports.jsonl", cursor)

    @property
    def reports(self) -> xarray.Dataset:
        """Losses over step: seconds, loss, likelihood, kl, and validation_… (NaN where the block was not validated)."""
        return self.reports_of(self.read_reports().reports)

    def reports_of(self, reports: list[dict[str, Any]]) -> xarray.Dataset:
        """Reports of this run as `reports`, with what figures over steps want to know in the attributes: what the recipe says, and
        `widths_from`, the step at which weights get widths, 0 where they never do."""
        from workbench.results.prediction import widths_from

        return reports_dataset(reports).assign_attrs(widths_from=widths_from(self.recipe.to_dict()), **self.recipe.reported)

    def latest_snapshot(self, after_step: int | None = None) -> xarray.Dataset | None:
        """The newest snapshot that is whole, or None if there is none later than `after_step`."""
        for step in reversed(history.snapshot_steps(self.path)):
            if after_step is not None and step <= after_step:
                return None
            with contextlib.suppress(OSError, Damaged):
                return history.snapshot(self.path, step)
        with contextlib.suppress(OSError, Damaged):
            snapshots = self._consolidated("/snapshots")
            if snapshots.sizes.get("step") and (after_step is None or int(snapshots["step"][-1]) > after_step):
                return snapshots.isel(step=-1)
        return None

    @property
    def snapshots(self) -> xarray.Dataset:
        """All snapshots, with a dimension step; what never changes (amplitude_true, …) has it not. Damaged ones are left out."""
        return self._snapshots()[0]

    def _snapshots(self) -> tuple[xarray.Dataset, list[str]]:
        consolidated = self.path / "run.nc"
        if not consolidated.exists():
            found = history.snapshots(self.path)
            if not consolidated.exists():  # else they have moved there in the meantime
                return found
        try:
            return self._consolidated("/snapshots"), []
        except (OSError, Damaged) as problem:
            snapshots, damaged = history.snapshots(self.path)
            return snapshots, [str(problem), *damaged]

    def prediction(self, split: str = "test") -> xarray.Dataset:
        """The final prediction, draw by draw, on the "test" or a part of the "train" events.

        Raises: RunError when there is none yet or it is damaged.
        """
        try:
            return self._consolidated(f"/prediction/{split}")
        except OSError as problem:
            status = self.status
            raise RunError(
                f"Run {self.id} has no prediction for {split!r}: it is {status.state} at step {status.step:,} of {status.steps:,}, "
                'and predictions ("test", "train") are made at the end.'
            ) from problem

    def _consolidated(self, group: str) -> xarray.Dataset:
        from . import netcdf

        found = netcdf.decode(files.read(self.path / "run.nc"), f"{self.id}/run.nc", only=group)
        if group not in found:
            raise FileNotFoundError(f"{self.id}/run.nc has no {group}")
        return found[group]

    def problems(self) -> list[str]:
        """What of this folder is damaged, one sentence each; the rest stays readable."""
        found = []
        for name in ("recipe.json", "status.json"):
            try:
                files.unseal(files.read(self.path / name), f"{self.id}/{name}")
            except (OSError, Damaged) as problem:
                found.append(str(problem))
        with contextlib.suppress(FileNotFoundError):
            lines = files.read(self.path / "reports.jsonl")
            damaged = history.parse(lines[: lines.rfind(b"\n") + 1])[1]
            if damaged:
                found.append(f"{self.id}/reports.jsonl is damaged in {damaged} lines, which are left out.")
        return found + self._snapshots()[1]

    def drawable(self, name: str) -> str:
        """The name in `workbench.figures.FIGURES` of a figure that this kind of run fills; "pulls" and other words for it are understood.

        Raises: ValueError with the nearest name, or with those that fit.
        """
        from workbench.figures import FIGURES, REPORTS, named

        found, mine = named(name), kind_of(self.recipe).product.load()
        fitting = [other for other, entry in FIGURES.items() if entry.takes in (REPORTS, mine.name)]
        if found not in fitting:
            needed = product_named(FIGURES[found].takes).title
            raise ValueError(
                f"The figure {found!r} draws {needed}, and run {self.id} is {mine.title}: one of {', '.join(fitting)} is needed."
            )
        return found

    def figure(self, name: str = "losses", theme: str = "light", **options: Any) -> Any:
        """A figure of this run by its name in `workbench.figures.FIGURES`, as a plotly Figure.

        Raises: ValueError for an unknown name, or one that this kind of run cannot fill; RunError when the run has not come so far.
        """
        from workbench.figures import FIGURES, REPORTS

        entry, dataset = FIGURES[self.drawable(name)], None
        if entry.takes == REPORTS:
            dataset = self.reports
        elif not entry.finished and self.read_status()["state"] != "finished":
            dataset = self.latest_snapshot()
        return entry.function(self.prediction("test") if dataset is None else dataset, theme, **options)

    def live(self, *names: str, theme: str = "auto", height: int | None = None) -> Any:
        """A figure in a notebook cell that follows this run to its end, with progress, time left, and buttons that pause and stop it.

        *Arguments*: names of figures as for `figure`, "losses" without any, several stand side by side; theme, "auto" for that of the
        notebook, else "light", "dark" or "projector"; height of a figure in pixels.
        *Raises*: ValueError for an unknown name, or one that this kind of run cannot fill.
        *Example*: wb.launch(recipe).live("losses", "pulls")
        """
        from workbench.studios.follow import LiveRun

        return LiveRun(self, *names, theme=theme, height=height)

    def sample(self, events: int, file: Path | str, progress: Any = None, *, nuisance: float = 0.0, seed: int = 1) -> Path:
        """New events of a generator, from the weights in this folder, as HDF5; at most 10 million, in portions.

        Arguments: `progress(fraction, text)`; `nuisance` is the a of a conditional generator; another `seed` gives other events.
        Raises: RunError where there are no weights; ValueError for numbers that are not possible.
        """
        from .new_events import write_events

        return write_events(self, events, file, progress, nuisance=nuisance, seed=seed)

    def predict(self, inputs: Any, draws: int | None = None, *, units: str = "auto", progress: Any = None) -> xarray.Dataset:
        """What the network says of other points, from its last checkpoint, also while it still trains.

        *Arguments*: inputs, momenta (event, particle, 4) in GeV or points (event, 2), or the path of a file that a recipe could read,
        with amplitudes or without; draws, of a Bayesian network, those of the recipe by default; `progress(fraction, text)`.
        *Returns*: per event mean ⟨A⟩, sigma_syst, sigma_stat and sigma_tot of an amplitude; log_density, ln p in the unit of the points
        averaged over the draws, and log_density_error, its spread, of a generator.
        *Raises*: RunError where there are no weights; ValueError in one sentence for points that cannot be looked at.
        *Example*: run.predict("points.h5")["mean"]
        """
        from .prediction import predict

        return predict(self, inputs, draws, units=units, progress=progress)

    # What it is asked to do

    def control(self, command: str, steps: int = 1) -> None:
        """Ask the run to "run", "pause", "step" (that many blocks, then pause) or "stop"; it obeys within a block.

        Raises: RunError when nobody is there to obey.
        """
        if command not in COMMANDS:
            raise ValueError(f"{command!r} is not a command: run, pause, step or stop is needed.")
        if not self.alive():
            raise RunError(f"Run {self.id} is {self.status.state}; there is nobody to {command}.")
        self.write_control(command, steps)

    def write_control(self, command: str, steps: int = 1, *, fresh: bool = False) -> None:
        """`fresh` forgets the steps that an earlier attempt was asked for."""
        before = self.read_control()
        asked = (0 if fresh else before["asked"]) + (max(1, steps) if command == "step" else 0)
        values = {"command": command, "serial": before["serial"] + 1, "steps": steps, "asked": asked}
        files.replace(self.path / "control.json", files.seal(values), sync=False, writer=f"-{os.getpid()}-{threading.get_ident()}")

    def read_control(self) -> dict[str, Any]:
        """`asked` counts all blocks ever asked for by "step", so that two quick requests are not taken for one."""
        nothing = {"command": "run", "serial": 0, "steps": 0, "asked": 0}
        try:
            values = files.unseal(files.read(self.path / "control.json"), f"{self.id}/control.json")
        except (OSError, Damaged):
            return nothing
        if values.get("command") not in COMMANDS:
            return nothing
        counts = {key: value for key, value in values.items() if key in nothing and type(value) is int and value >= 0}
        return {**nothing, "command": values["command"], **counts}

    def pause(self) -> None:
        """Pause the training itself; the process then idles and its slot is free for others."""
        self.control("pause")

    def step(self, blocks: int = 1) -> None:
        """Train `blocks` more blocks of optimiser steps, then pause."""
        self.control("step", blocks)

    def resume(self) -> Run:
        """Go on: after a pause at once, after a stop or a death in a new process from the last checkpoint. Raises: RunError."""
        if self.alive():
            self.control("run")
            return self
        from .launcher import resume

        return resume(self)

    def stop(self) -> Run:
        """End the training process within 2.5 s, in good order if it can. What was learned stays and can be resumed."""
        from .launcher import stop

        return stop(self)

    # What its owner does

    def acquire(self) -> Lock:
        """Become the owner of this run. Raises: RunError naming the owner."""
        try:
            lock = Lock.acquire(self.path / "LOCK")
            if lock is not None and (self.waits() or self._owned_unlocked(patience=3.2 * HEARTBEAT)):
                lock.release()
                lock = None
        except NoLocks:
            lock = None if self._beats(patience=3.2 * HEARTBEAT) else Lock(None)
        if lock is None:
            if self.waits():
                raise RunError(f"Run {self.id} waits for its turn; stop it first.")
            values = self.read_status()
            if values.get("pid") is None:
                raise RunError(f"Run {self.id} is just being changed by somebody else; try again in a moment.")
            raise RunError(f"Run {self.id} is {values['state']}, in process {values['pid']} on {values.get('host', 'this computer')}.")
        return lock

    def checkpoints(self) -> list[int]:
        """Steps of the committed checkpoints, the newest first."""
        names = re.findall(r"^checkpoint-(\d+)\.json$", "\n".join(os.listdir(self.path)), re.MULTILINE)
        return sorted(map(int, names), reverse=True)

    def consolidated(self, predictions: dict[str, xarray.Dataset], snapshots: xarray.Dataset | None = None) -> bytes:
        """The bytes of run.nc; without `snapshots`, those of the folder."""
        import xarray as xr

        from . import netcdf

        about = {"recipe": json.dumps(self._record["recipe"]), "title": self.title, "created": self.created, "run": self.id}
        about |= {"kept": json.dumps(self.kept)} if self.kept else {}
        snapshots = history.snapshots(self.path)[0] if snapshots is None else snapshots
        groups = {"/": xr.Dataset(attrs=about), "/reports": self.reports, "/snapshots": snapshots}
        return netcdf.encode({**groups, **{f"/prediction/{split}": prediction for split, prediction in predictions.items()}})


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
        """All runs of an equal recipe, however they ended; also those whose names come from before options without effect were left out."""
        found, digests = [], dict.fromkeys((recipe.hash, recipe.former_hash))
        for path in sorted(path for digest in digests for path in self.root.glob(f"{digest}-*")):
            with contextlib.suppress(RunError):
                run = self.open(path.name)
                if run.recipe.identity == recipe.identity:
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


def birth(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did; None where /proc does not tell."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def lives(pid: int, born: int | None) -> bool:
    """Whether a process of this computer is there, and is the one that was born then."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return birth(pid) == born
