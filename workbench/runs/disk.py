"""The thread that writes for a worker and keeps its heart beating: a slow disk costs the training nothing, a full one pauses it."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import files
from .files import Lock
from .folder import HEARTBEAT, LIVE, birth, claims, here
from .run import Run
from .store import now

RETRY_SECONDS = 2.0
GONE_SECONDS = 60.0
RESERVE = 32_768  # bytes kept back, so that a full disk can still be reported
LASTING = ("recipe.json", "changes.json")
"""What of a folder stays as it is while the run trains, and what the run cannot be found or read without."""


class Disk(threading.Thread):
    """Writes for the worker: in order, one after the other, insisting. What OSError says becomes `problem` and a paused run."""

    def __init__(self, run: Run, lock: Lock, status: dict[str, Any]):
        super().__init__(name="disk", daemon=True)
        self.folder, self.lock = run.path, lock
        self.status = status | {"lock": lock.identity, "folder": os.stat(run.path).st_ino}
        self.progress: dict[str, Any] = {}
        self.problem = ""
        self.lost: float | None = None  # since when the folder is not there
        self.displaced = False  # somebody else trains in this folder
        self.journal: files.Journal | None = None
        self.lasting = {name: files.read(self.folder / name) for name in LASTING if (self.folder / name).exists()}
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._leaving = threading.Event()

    def put(self, order: Callable[[], None]) -> None:
        """Have something written after all that was put before. It may be tried more than once."""
        self._orders.put(order)

    def write(self, path: Path, data: bytes) -> None:
        def order() -> None:
            files.replace(path, data)
            if path.name in LASTING:
                self.lasting[path.name] = data

        self.put(order)

    def append(self, line: bytes) -> None:
        self.put(lambda: self._journal().append(line))

    def sync(self) -> None:
        """Make what was appended survive a power cut."""
        self.put(lambda: self._journal().sync())

    def say(self, **changes: Any) -> None:
        """Change the status, once all that was put before is on disk."""
        self.put(lambda: self._say({**self.status, **changes}))

    @property
    def backlog(self) -> int:
        return self._orders.unfinished_tasks

    @property
    def gone(self) -> bool:
        """Whether the run's folder has been away for so long that somebody must have deleted it."""
        return self.lost is not None and time.monotonic() > self.lost + GONE_SECONDS

    def close(self) -> None:
        """Write what was put, but no longer insist; and end."""
        self._leaving.set()
        self._orders.put(None)
        self.join()

    def run(self) -> None:
        beat, said = 0.0, self.progress
        self._reserve()
        while True:
            if time.monotonic() >= beat or self.progress is not said:
                said, beat = self.progress, time.monotonic() + HEARTBEAT
                self._beat(said)
            with contextlib.suppress(queue.Empty):
                order = self._orders.get(timeout=HEARTBEAT / 4)
                if order is None:
                    break
                self.displaced = self.displaced or self._succeeded()
                if not self.displaced:
                    self._insist(order)
                self._orders.task_done()
        with contextlib.suppress(OSError):
            if not self.displaced:
                self._put_back()
        files.remove(self.folder / ".reserve")
        if self.journal:
            self.journal.close()

    def _insist(self, order: Callable[[], None]) -> None:
        while True:
            try:
                if self.problem:
                    self._reserve(insist=True)
                order()
            except OSError as problem:
                with contextlib.suppress(OSError):
                    if self._made_again(problem):
                        continue
                self._complain(problem)
                if self._leaving.wait(RETRY_SECONDS):
                    with contextlib.suppress(OSError):
                        order()
                    return
            else:
                if self.problem:
                    self.problem, self.lost = "", None
                    self._beat({})
                return

    def _complain(self, problem: OSError) -> None:
        self.problem = files.disk_sentence(problem, self.folder) + " The run is paused and goes on by itself once it can write."
        self.lost = None if self.folder.exists() else self.lost or time.monotonic()
        files.remove(self.folder / ".reserve")
        with contextlib.suppress(OSError):
            self._write_status({**self.status, "state": "paused", "message": self.problem})

    def _reserve(self, *, insist: bool = False) -> None:
        """Keep some space back. That it can be had again is also what tells that a full disk is no longer full."""
        path = self.folder / ".reserve"
        if not path.exists():
            with contextlib.nullcontext() if insist else contextlib.suppress(OSError):
                files.replace(path, os.urandom(RESERVE))

    def _owns(self) -> bool:
        """Whether this folder is still ours. A LOCK that was deleted or replaced is taken anew, unless somebody has done so before."""
        lock = self.folder / "LOCK"
        if self._succeeded():
            return False
        if self.lock.file is None:
            return not self._overtaken()
        if files.still_named(self.lock.file, lock) or not self.folder.exists():
            return True
        again = Lock.acquire(lock, wait=HEARTBEAT)
        if again is None:
            return False
        self.lock.release()
        self.lock.file = again.file
        self.status["lock"] = self.lock.identity
        return True

    def _succeeded(self) -> bool:
        """Whether another attempt has claimed this folder since; a claim of ours that was taken away is made again."""
        claim = self.folder / f".claim-{self.status['attempt']}"
        if claim.exists():
            return False
        with contextlib.suppress(OSError):
            if max(claims(self.folder), default=0) > self.status["attempt"]:
                return True
            os.close(os.open(claim, os.O_WRONLY | os.O_CREAT, files.PRIVATE))
        return False

    def _overtaken(self) -> bool:
        """Without locks: whether another process says that it trains here, and did so after us."""
        try:
            theirs = files.unseal(files.read(self.folder / "status.json"), "status.json")
            who = [(values.get("attempt", 0), str(values.get("host")), values["pid"]) for values in (self.status, theirs)]
            return theirs.get("state") in LIVE and who[1] > who[0]
        except (OSError, files.Damaged, KeyError, TypeError):
            return False

    def _beat(self, progress: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.displaced = self.displaced or not self._owns()
            if self.displaced:
                return
            self._put_back()
            if self.journal:
                self.journal.sync()
            self._write_status({**self.status, **progress})

    def _put_back(self) -> None:
        """What somebody took away while the run trains: small files are known here, and reports are still open."""
        if not self.folder.exists():
            return
        missing = [name for name in self.lasting if not (self.folder / name).exists()]
        for name in missing:
            files.replace(self.folder / name, self.lasting[name])
        path, journal = self.folder / "reports.jsonl", self.journal
        if journal and not files.still_named(journal.file, path):
            files.replace(path, os.pread(journal.file, journal.size, 0))
            self.journal = files.Journal(path)
            journal.close()
            missing.append(path.name)
        if missing:
            self.status["message"] = f"The file {missing[-1]} was taken away while the run trained, and was put back."

    def _made_again(self, problem: OSError) -> bool:
        """Whether what was missing was the folder of the snapshots, which somebody took away."""
        snapshots = self.folder / "snapshots"
        if problem.errno != errno.ENOENT or snapshots.exists() or not self.folder.exists():
            return False
        snapshots.mkdir(mode=0o700)
        self.status["message"] = "The folder snapshots was taken away while the run trained: the earlier ones are lost."
        return True

    def _say(self, status: dict[str, Any]) -> None:
        self._write_status(status, sync=True)
        self.status, self.progress = status, {}

    def _write_status(self, status: dict[str, Any], *, sync: bool = False) -> None:
        files.replace(self.folder / "status.json", files.seal({**status, "updated": now(), "beat": time.monotonic_ns()}), sync=sync)

    def _journal(self) -> files.Journal:
        if self.journal is None:
            self.journal = files.Journal(self.folder / "reports.jsonl")
        return self.journal


def identity() -> dict[str, Any]:
    """Who this process is: enough to tell it from another one that got the same number later."""
    return {"pid": os.getpid(), "born": birth(os.getpid()), "host": here(), "leader": os.getpgid(0) == os.getpid()}
