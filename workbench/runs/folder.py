"""Runs on disk: one folder per run, readable at every instant, also of a run that was killed.

    recipe.json        what was asked for: recipe, title, date, versions; never changes
    status.json        state, progress, process; replaced every second while the run is alive
    reports.jsonl      one line per block of optimiser steps; a torn last line is ignored
    snapshots/<step>.nc  what the network says of some 2,000 fixed test events, at that step
    checkpoint-<step>.safetensors, .json   all that training needs to go on, bit for bit; the last two
    run.nc             everything in one netCDF4 file, once the run has finished or was stopped
    control.json       what the run is asked to do: run, pause, step, stop, and with which options from now on
    changes.json       options that were changed while it trained, and at which steps
    LOCK, log.txt      flock of the owner: free means nobody trains here; what went wrong on our side

Every file is written whole under another name and renamed, and carries a checksum; readers take no lock that could stop a writer.
Reading needs neither torch nor panel.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.training.recipe import Recipe, RecipeError

from . import files, history, jobs, turns
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
ELSEWHERE = 20.0  # the same of another computer's owner, whose signs come through a file system with a memory of its own
_heartbeats: dict[Path, tuple[bytes, float]] = {}


@dataclass(frozen=True)
class Status:
    """How a run stands. `state` is queued, preparing, running, paused, finishing, finished, stopped, failed or died.

    `seconds` is time spent training; `eta` the seconds it will still take, None while unknown; `progress` goes from 0 to 1 within
    preparing and finishing; `queue_position` is 1 for the next to start; `updated` the date of the last sign of life. `hopeless`: its
    recipe or its events cannot be used, so that going on would end in the same way. On a cluster, `place` is its name, `job` the job's,
    `node` where it trains, and `left` the seconds until the job's time is over.
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
    place: str = ""
    job: str = ""
    node: str = ""
    left: float | None = None

    @property
    def live(self) -> bool:
        """Whether a process works on this run, or waits for its turn."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it makes sense to go on from where it is."""
        return self.state in ("stopped", "died", "failed") and not self.hopeless


class Folder:
    """A run folder, seen from any process. Holds nothing that is not on disk."""

    def __init__(self, path: Path | str):
        self.path = Path(path).absolute()
        self.id = self.path.name
        self._changed: tuple[int, list[dict[str, Any]], Any] = (0, [], None)

    @cached_property
    def _record(self) -> dict[str, Any]:
        try:
            record = files.unseal(files.read(self.path / "recipe.json"), f"{self.id}/recipe.json")
        except OSError as problem:
            raise RunError(f"{self.path} is not a run folder: its recipe.json cannot be read ({problem.strerror}).") from problem
        if record.get("schema", SCHEMA) > SCHEMA:
            raise RunError(f"{self.path} was written by a newer version of workbench (schema {record['schema']}); this one reads {SCHEMA}.")
        return record

    @property
    def recipe(self) -> Recipe:
        """How it trains now. Raises: RunError, in one sentence."""
        return self._changed[2] if self.changes else self.launched

    @cached_property
    def launched(self) -> Recipe:
        """How it was launched: its recipe, but for what was changed while it trained. Raises: RunError, in one sentence."""
        try:
            return Recipe.from_dict(self._record["recipe"])
        except (RecipeError, KeyError, TypeError, ValueError) as problem:
            raise RunError(f"The recipe of {self.path} cannot be read: {problem}") from problem

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What was changed while it trained, in turn: {"step": 300, "options": {"learning_rate": 0.01}}."""
        path = self.path / "changes.json"
        try:
            stamp = os.stat(path).st_mtime_ns
            if stamp != self._changed[0]:
                found = list(files.unseal(files.read(path), f"{self.id}/changes.json")["changes"])
                self._changed = stamp, found, self.launched.replace(**merged(found))
        except FileNotFoundError:
            return []
        return self._changed[1]

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
            return self.waits() or self._beats()

    def waits(self) -> bool:
        """Whether the run waits for its turn, without a process of its own."""
        ticket = turns.ticket_of(self.path.parent, self.id)
        return (ticket is not None and ticket.kind != turns.WORKER) or self._submitted()

    def _submitted(self) -> bool:
        """Whether the run waits for a job that has not begun it yet."""
        job = jobs.job_of(self.path)
        if job is None or job.mine:
            return False
        seen = job.seen
        if seen.waits or seen.ended:
            return seen.waits
        with contextlib.suppress(OSError, Damaged):
            values = files.unseal(files.read(self.path / "status.json"), "status.json")
            return values.get("state") == "queued" and values.get("pid") is None
        return False

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
        if values.get("host") != here():
            return self._beats(patience)
        with contextlib.suppress(FileNotFoundError):
            lock = files.identity(self.path / "LOCK")
            if values.get("lock", lock) == lock:
                return False  # the owner's own, and it has let go of it
        if values.get("folder", 0) not in (0, os.stat(self.path).st_ino):
            return False  # a copy of the folder
        age = time.monotonic_ns() - values.get("beat", 0)
        return lives(pid, values.get("born")) and 0 <= age < 1e9 * SILENT

    @property
    def status(self) -> Status:
        values = self.read_status()
        job = jobs.job_of(self.path) if values["state"] in (*LIVE, "stopped") else None
        if job:
            seen, waits, alive = job.seen, self.waits(), self.alive()
            values = jobs.standing(self.path, self.read_status(), job, seen, waits=waits, alive=alive)
        elif values["state"] in LIVE and not self.alive():
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
        position = turns.place(self.path.parent, self.id) if values["state"] == "queued" and not job else None
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
        """Without flock, and of another computer: no change of status.json during three heartbeats of this reader's own clock means death,
        of a job during somewhat longer, or that its scheduler says that it has ended.

        The first look cannot know; `patience` (s) takes a second one that does.
        """
        try:
            seen = files.read(self.path / "status.json")
            if files.unseal(seen, "status.json").get("state") not in LIVE:
                return False
        except (OSError, Damaged):
            return False
        job = jobs.job_of(self.path)
        if job and not job.mine and job.seen.ended:
            return False
        silent = ELSEWHERE if job else 3 * HEARTBEAT
        before, since = _heartbeats.setdefault(self.path, (seen, time.monotonic()))
        if seen != before:
            _heartbeats[self.path] = before, since = seen, time.monotonic()
        if patience and time.monotonic() - since < silent:
            time.sleep(max(patience, silent - (time.monotonic() - since)))
            return self._beats()
        return time.monotonic() - since < silent

    # What it has said so far

    def read_reports(self, cursor: tuple[int, int] | None = None) -> NewReports:
        """The reports since `cursor` (from the beginning without one): cheap enough to be called many times a second."""
        return history.read_reports(self.path / "reports.jsonl", cursor)

    @property
    def reports(self) -> xarray.Dataset:
        """Losses over step: seconds, loss, likelihood, kl, and validation_… (NaN where the block was not validated)."""
        return self.reports_of(self.read_reports().reports)

    def reports_of(self, reports: list[dict[str, Any]]) -> xarray.Dataset:
        """Reports of this run as `reports`, with what figures over steps want to know in the attributes: what the recipe says,
        `widths_from`, the step at which weights get widths, 0 where they never do, and `changed`, what was changed at which steps."""
        from workbench.results.prediction import widths_from

        said = {"changed": json.dumps(told(self.launched, changes), ensure_ascii=False)} if (changes := self.changes) else {}
        return reports_dataset(reports).assign_attrs(widths_from=widths_from(self.recipe.to_dict()), **said, **self.recipe.reported)

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

    # What it is asked to do, and by whom it is owned

    def write_control(self, command: str, steps: int = 1, *, fresh: bool = False, options: dict[str, Any] | None = None) -> None:
        """`fresh` forgets the steps that an earlier attempt was asked for; `options` are to be changed, beside those changed before."""
        before = self.read_control()
        asked = (0 if fresh else before["asked"]) + (steps if command == "step" else 0)
        values = {"command": command, "serial": before["serial"] + 1, "steps": steps, "asked": asked}
        values["options"] = before["options"] | (options or {})
        files.replace(self.path / "control.json", files.seal(values), sync=False, writer=f"-{os.getpid()}-{threading.get_ident()}")

    def read_control(self) -> dict[str, Any]:
        """`asked` counts all blocks ever asked for by "step", so that two quick requests are not taken for one."""
        nothing = {"command": "run", "serial": 0, "steps": 0, "asked": 0, "options": {}}
        try:
            values = files.unseal(files.read(self.path / "control.json"), f"{self.id}/control.json")
        except (OSError, Damaged):
            return nothing
        if values.get("command") not in COMMANDS:
            return nothing
        counts = {key: value for key, value in values.items() if key in nothing and type(value) is int and value >= 0}
        options = values.get("options")
        return {**nothing, "command": values["command"], **counts, "options": options if isinstance(options, dict) else {}}

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

    def claim(self) -> int:
        """Begin an attempt, whose number is in the name of a file that only one process can make, whatever computers share of locks and
        clocks; whoever sees a higher one writes nothing more.

        Raises: RunError when another process has just begun.
        """
        status, known = self.read_status(), max(claims(self.path), default=0)
        last, unlocked = int(status.get("attempt", 0)), status.get("host", here()) != here() or status.get("lock") == []
        taken = RunError(f"Run {self.id} has just been begun by another process.")
        # since it was acquired; and who comes later than this look makes the same name, also where nobody owned it then
        if unlocked and status.get("pid") is not None and self._beats(patience=3.2 * HEARTBEAT):
            raise taken
        if known > last:  # somebody begins just now, or died while beginning
            time.sleep(3.2 * HEARTBEAT)
            if (int(self.read_status().get("attempt", 0)), max(claims(self.path), default=0)) != (last, known):
                raise taken
        attempt = max(last, known) + 1
        claim = self.path / f".claim-{attempt}"
        try:
            os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.PRIVATE))
        except FileExistsError:
            raise taken from None
        except OSError:  # a full disk; it is made as soon as there is space
            return attempt
        if max(claims(self.path)) > attempt:
            files.remove(claim)
            raise taken
        for older in claims(self.path):
            if older < attempt:
                files.remove(self.path / f".claim-{older}")
        return attempt

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
        about |= {"changes": json.dumps(changes)} if (changes := self.changes) else {}
        snapshots = history.snapshots(self.path)[0] if snapshots is None else snapshots
        groups = {"/": xr.Dataset(attrs=about), "/reports": self.reports, "/snapshots": snapshots}
        return netcdf.encode({**groups, **{f"/prediction/{split}": prediction for split, prediction in predictions.items()}})


def claims(folder: Path) -> list[int]:
    """The numbers of the attempts that were claimed and not yet followed by another."""
    return [int(name[7:]) for name in os.listdir(folder) if name.startswith(".claim-") and name[7:].isdecimal()]


def here() -> str:
    """This computer, as its Slurm calls it where it is a node."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def merged(changes: list[dict[str, Any]]) -> dict[str, Any]:
    """The options after all the changes."""
    return {name: value for change in changes for name, value in change["options"].items()}


def told(launched: Recipe, changes: list[dict[str, Any]]) -> dict[int, str]:
    """The changes of a run in words, by their steps: 'Learning rate 0.01'."""
    before, words = launched.to_dict(), {}
    for change in changes:
        fresh = {name: value for name, value in change["options"].items() if value != before[name]}
        words[change["step"]] = ", ".join(f"{launched.options()[name].called} {value:g}" for name, value in fresh.items())
        before |= fresh
    return {step: text for step, text in words.items() if text}


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
