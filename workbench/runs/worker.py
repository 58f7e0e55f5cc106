"""The process that trains one run: `run_job(folder)` knows a folder and a job, nothing of pages, sockets or schedulers.

The main thread trains; one thread writes, in order, and keeps the heart beating. So a slow disk costs the training nothing, and a
full one pauses it until there is space.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from workbench.families import kind_of
from workbench.training.recipe import Recipe
from workbench.training.report import Report

from . import checkpoint, files, history, netcdf
from .disk import Disk, identity
from .files import Lock, RunError
from .folder import merged
from .run import Run
from .store import now
from .turns import Ticket, Watch

if TYPE_CHECKING:
    import torch
    import xarray

SNAPSHOT_SECONDS = 0.25
SNAPSHOTS_PER_RUNTIME = 400  # from 100 s on, snapshots grow rarer: a four-hundredth of the time trained so far
SNAPSHOT_SHARE = 0.1  # of the time, at most, goes into making snapshots
CHECKPOINT_SECONDS = 10.0
LAST_SECONDS = 10.0  # in which a run that a signal has stopped must be on disk before anything else is done
FINISHED, FAILED, TAKEN = 0, 1, 3  # exit codes; a run that was stopped ends with 0 too


class Job(Protocol):
    """What `workbench.families.amplitudes.job.Job` is to the worker; the tests bring a smaller one.

    One whose recipe has options that may change while it trains has `change(recipe)` too.
    """

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def device(self) -> str: ...
    def train(self) -> Iterator[Report]: ...
    def snapshot(self) -> xarray.Dataset: ...
    def prediction(self, split: str) -> xarray.Dataset: ...
    def checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]: ...
    def resume(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None: ...


JobFactory = Callable[..., Job]
Terminated = Callable[[Run], tuple[str, str]]


class Stopped(BaseException):
    """The run was asked to stop. Not an Exception, so that no library swallows it."""


class Displaced(BaseException):
    """Somebody else trains in this folder, so nothing more is written into it."""


class Refused(Exception):
    """The job says in one sentence why it cannot begin; `hopeless` where it never will."""

    def __init__(self, sentence: str, *, hopeless: bool):
        super().__init__(sentence)
        self.hopeless = hopeless


def run_job(
    folder: Path | str,
    job_factory: JobFactory | None = None,
    *,
    lock: Lock | None = None,
    ticket: Ticket | None = None,
    slot: Lock | None = None,
    terminated: Terminated | None = None,
) -> int:
    """Train the run in `folder` from its beginning or its last checkpoint, to its end.

    Arguments: job_factory: called with (recipe, progress=…), by default the Job of `workbench.training`. lock: the run's LOCK if the
    launcher took it already. ticket, slot: the place in the queue that it had, and the slot for which it waited there. terminated: says in
    which state, and with which words, a run ends that a signal has stopped.
    Returns: the exit code: 0 finished or stopped, 1 failed, 3 somebody else owns the run.
    """
    run, own = Run(folder), lock
    try:
        if own is None:
            own = run.acquire()
            run.write_control("run", fresh=True)
        return Worker(run, job_factory or _job, own, ticket, slot, terminated).work()
    except RunError as problem:
        print(problem, file=sys.stderr)
        return TAKEN
    finally:
        if own and lock is None:  # a lock that was given falls open with the process, not before
            own.release()


def _job(recipe: Recipe, progress: Callable[[float, str], None]) -> Job:
    import torch

    torch.set_num_threads(1)
    return kind_of(recipe).job.load()(recipe, progress)


class Worker:
    """One attempt at one run."""

    def __init__(
        self,
        run: Run,
        job_factory: JobFactory,
        lock: Lock,
        ticket: Ticket | None = None,
        slot: Lock | None = None,
        terminated: Terminated | None = None,
    ):
        self.run, self.job_factory, self.ticket, self.slot, self.terminated = run, job_factory, ticket, slot, terminated
        self.job: Job | None = None
        self.stopping = self.interruptible = self.signalled = False
        self.paused = self.resting = self.stepping = False
        self.serial = self.asked = self.allowance = 0
        self.seconds = 0.0
        self.changes = run.changes
        self.changed: dict[str, Any] = {}
        self.saved = {"snapshot": -1, "checkpoint": -1}
        self.due = {"snapshot": 0.0, "checkpoint": 0.0}
        before, attempt = run.read_status(), run.claim()
        for torn in (*run.path.glob(".[!c]*.tmp"), *run.path.glob(".checkpoint*.tmp"), *run.path.glob("snapshots/.*.tmp")):
            files.remove(torn)  # but none of .control…tmp, which is not ours
        self.disk = Disk(run, lock, {
            "state": "preparing", "step": before.get("step", 0), "steps": before.get("steps", 0),
            "seconds": before.get("seconds", 0.0), "message": "", "progress": None, "device": before.get("device", ""),
            "attempt": attempt, "started": now(), **identity(),
        })  # fmt: skip

    def work(self) -> int:
        with self._signals():
            self.disk.start()
            try:
                self._attempt()
                return FINISHED
            except Stopped:
                self._end("stopped", "")
                return FINISHED
            except Displaced:
                self._log("Another process trains in this folder; this one ends.")
                return TAKEN
            except FloatingPointError as problem:
                self.disk.put(lambda: checkpoint.drop_diverged(self.run))
                self._end("failed", str(problem))
            except Refused as problem:
                self._end("failed", str(problem), hopeless=problem.hopeless)
            except Exception as problem:
                self._log(traceback.format_exc())
                self._end("failed", _sentence(problem, self.run.recipe))
            finally:
                self.disk.close()
                if self.slot:
                    self.slot.release()
            return FAILED

    def _attempt(self) -> None:
        self._listen()
        saved = self._go_back()
        self.disk.say(state="preparing", message="Preparing")
        try:
            with self._interruptible():
                self.job = self.job_factory(self.run.launched, progress=self._progress)
        except (ValueError, OSError) as problem:
            self._log(traceback.format_exc())
            raise Refused(files.in_words(problem), hopeless=isinstance(problem, ValueError) and not saved) from problem
        if saved:
            self.job.resume(*saved)
        self.disk.say(state="running", steps=self.job.steps, device=str(self.job.device), progress=None, message="")
        self.due["checkpoint"] = time.monotonic() + CHECKPOINT_SECONDS
        self._obey()
        for report in self.job.train():
            self._report(report)
            self._obey()
        self._finish(self.job)

    # Saving

    def _report(self, report: Report) -> None:
        assert self.job
        self.seconds = report.seconds
        self.disk.append(files.seal(report.to_dict()))
        if time.monotonic() >= self.due["snapshot"] and self.disk.backlog < 8:
            self._snapshot(self.job)
        if time.monotonic() >= self.due["checkpoint"] and self.disk.backlog < 8:
            self._checkpoint(self.job)

    def _snapshot(self, job: Job) -> None:
        start = time.monotonic()
        data = netcdf.encode({"/": job.snapshot().assign_coords(step=job.step)})
        self.disk.write(self.run.path / "snapshots" / f"{job.step}.nc", data)
        self.saved["snapshot"] = job.step
        cost = time.monotonic() - start
        self.due["snapshot"] = time.monotonic() + max(SNAPSHOT_SECONDS, self.seconds / SNAPSHOTS_PER_RUNTIME, cost / SNAPSHOT_SHARE)

    def _checkpoint(self, job: Job) -> None:
        step, (tensors, state) = job.step, job.checkpoint()
        data, record = checkpoint.encode(step, tensors, state)
        self.disk.sync()  # no checkpoint may be ahead of the reports
        self.disk.put(lambda: checkpoint.write(self.run, step, data, record))
        self.saved["checkpoint"] = step
        self.due["checkpoint"] = time.monotonic() + CHECKPOINT_SECONDS

    def _save(self) -> None:
        """What is known now, if it is not saved yet."""
        if self.job and (self.job.step or self.saved["checkpoint"] >= 0):
            if self.saved["snapshot"] != self.job.step:
                self._snapshot(self.job)
            if self.saved["checkpoint"] != self.job.step:
                self._checkpoint(self.job)

    def _go_back(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """The last whole checkpoint, and the folder as it was then: what came later will come again."""
        found = checkpoint.newest(self.run)
        step = found[0] if found else -1
        folder = self.run.path
        reports = [report for report in self.run.read_reports().reports if report["step"] <= step]
        if (folder / "reports.jsonl").exists():
            files.replace(folder / "reports.jsonl", b"".join(map(files.seal, reports)))
        self.disk.status["seconds"] = self.seconds = reports[-1]["seconds"] if reports else 0.0
        stale = [folder / "snapshots" / f"{later}.nc" for later in history.snapshot_steps(self.run.path) if later > step]
        for path in [*stale, folder / "run.nc"]:
            files.remove(path)
        return found[1:] if found else None

    def _finish(self, job: Job) -> None:
        self._save()
        self.disk.say(state="finishing", message="Predicting test events, draw by draw")
        with self._interruptible():
            predictions = {split: job.prediction(split) for split in ("test", "train")}
        factor = predictions["test"].get("temperature")
        temperature = float(factor) if factor is not None and factor.ndim == 0 else None
        self._settle()
        self.disk.write(self.run.path / "run.nc", self.run.consolidated(predictions))
        self.disk.put(lambda: files.sync_folder(self.run.path))
        self.disk.say(state="finished", progress=None, message="", temperature=temperature, step=job.step, seconds=self.seconds)
        self._settle()
        for step in history.snapshot_steps(self.run.path):  # they are in run.nc now
            files.remove(self.run.path / "snapshots" / f"{step}.nc")

    def _end(self, state: str, message: str, *, hopeless: bool = False) -> None:
        if state == "stopped":
            self._save()
        if self.signalled and self.terminated and state == "stopped":
            self._settle(patience=LAST_SECONDS)
            state, message = self.terminated(self.run)
            self.disk.say(pid=None)
        self.disk.say(state=state, message=message, progress=None, hopeless=hopeless)
        with contextlib.suppress(Stopped, Displaced, OSError):
            self._settle(patience=2.0)
            if not self.disk.problem and (self.run.path / "reports.jsonl").exists():
                self.disk.write(self.run.path / "run.nc", self.run.consolidated({}))

    def _settle(self, patience: float | None = None) -> None:
        """Wait until all is written; a full disk takes as long as it takes, unless `patience` (s) says otherwise."""
        end = None if patience is None else time.monotonic() + patience
        while self.disk.backlog and (end is None or time.monotonic() < end):
            if end is None:
                self._listen()
            time.sleep(0.002)

    def _log(self, text: str) -> None:
        with contextlib.suppress(OSError):
            journal = files.Journal(self.run.path / "log.txt")
            journal.append(f"{now()}\n{text}\n".encode())
            journal.close()

    # Obeying

    def _listen(self) -> None:
        """Read what the run is asked to do. Raises: Stopped, Displaced."""
        if self.disk.displaced:
            raise Displaced
        control = self.run.read_control()
        if control["serial"] != self.serial:
            self.serial = control["serial"]
            self.stopping |= control["command"] == "stop"
            self.paused = control["command"] != "run"
            self.allowance = self.allowance + control["asked"] - self.asked if control["command"] == "step" else 0
            self.asked = control["asked"]
            self._note(control["options"])
        if self.stopping or self.disk.gone:
            raise Stopped

    def _obey(self) -> None:
        """Between two blocks of steps: go on, or rest here until told to."""
        while True:
            self._listen()
            if self.disk.problem:
                time.sleep(0.05)
            elif not self.paused or self.allowance:
                self.allowance -= bool(self.paused)
                self._carry_on()
                self._change()
                return
            else:
                self._rest()
                time.sleep(0.02)

    def _note(self, options: dict[str, Any]) -> None:
        """Keep what is to change from this step on; what an earlier attempt changed later comes again at its step."""
        if options == merged(self.changes):
            return
        step = self.job.step if self.job else 0
        self.changes = [change for change in self.changes if change["step"] <= step] + [{"step": step, "options": options}]
        self.disk.write(self.run.path / "changes.json", files.seal({"changes": self.changes}))

    def _change(self) -> None:
        """Go on with the options of this step."""
        assert self.job
        options = merged([change for change in self.changes if change["step"] <= self.job.step])
        if options != self.changed:
            self.changed = options
            self.job.change(self.run.launched.replace(**options))  # type: ignore[attr-defined]

    def _rest(self) -> None:
        if not self.resting:
            self.resting = True
            self._save()
            self.disk.say(state="paused", message="")
            if self.slot:
                self.slot.release()
                self.slot = None

    def _carry_on(self) -> None:
        """Have a slot, and say how: "paused" also while a block is trained that was asked for."""
        rested, self.resting = self.resting, False
        if rested:
            self._wait_for_turn()
        if rested or self.paused != self.stepping:
            self.stepping = self.paused
            self.disk.say(state="paused" if self.paused else "running", message="")

    def _wait_for_turn(self) -> None:
        """A paused run gives its slot to others, so it may have to wait for one when it goes on."""
        ticket = self.ticket.again() if self.ticket else None
        if ticket is None:
            return
        watch, said = Watch(), False
        try:
            while self.slot is None:
                if first := ticket.first(watch):
                    self.slot = ticket.slot()
                if self.slot is None:
                    if not said:
                        self.disk.say(state="queued", message="Waiting for a free slot")
                        said = True
                    self._listen()
                    with contextlib.suppress(OSError):
                        os.utime(ticket.path)
                    time.sleep(0.05 if first else 0.25)
        finally:
            ticket.give_back()

    def _progress(self, fraction: float, text: str) -> None:
        self.disk.progress = {"progress": min(1.0, max(0.0, float(fraction))), "message": str(text)}
        self._listen()

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Where nothing is half done, a signal may end the work at once, not only between two blocks."""
        self._listen()
        self.interruptible = True
        try:
            yield
        finally:
            self.interruptible = False

    def _terminate(self, *_: Any) -> None:
        self.stopping = self.signalled = True
        if self.interruptible:
            raise Stopped

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._terminate) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _sentence(problem: Exception, recipe: Recipe) -> str:
    text = " ".join(str(problem).split())
    if isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError" or "can't allocate memory" in text:
        size = getattr(recipe, "batch_size", 0)
        smaller = f"a batch size of {max(16, size // 2):,}, fewer members or draws, or a smaller network"
        return f"The memory is not enough for batches of {size:,} events: try {smaller}."
    return f"The training ended with an error of ours, {type(problem).__name__}: {text[:200]}. The details are in log.txt."


def become_worker(folder: Path) -> None:
    """Make this process a worker of its own: own session, so that it outlives who started it; private files; a log; the last claim
    to the processor."""
    with contextlib.suppress(OSError):
        os.setsid()
    os.umask(0o077)
    os.nice(max(0, 5 - os.nice(0)))
    with contextlib.suppress(OSError):  # where the kernel shares out the processor among sessions, a session of its own has its own claim
        Path("/proc/self/autogroup").write_text("5")
    into_log(folder)


def into_log(folder: Path) -> None:
    """What this process says goes to the log of its run."""
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, files.PRIVATE)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def main() -> int:
    """`python -m workbench.runs.worker FOLDER`: for schedulers, and for systems that cannot fork."""
    folder = Path(sys.argv[1]).absolute()
    become_worker(folder)
    return run_job(folder)


if __name__ == "__main__":
    sys.exit(main())
