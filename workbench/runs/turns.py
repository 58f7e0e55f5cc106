"""Who trains next: tickets in the order of asking, and a few slots.

Both are locks in the runs folder, so any number of servers, notebooks and shells share one queue, and a process that dies gives
its place back by dying.
"""

from __future__ import annotations

import os
from pathlib import Path

from .files import Lock, NoLocks, is_held, remove

FOLDER = ".queue"


def slots() -> int:
    """How many runs train at the same time: $WORKBENCH_SLOTS, or the number of processor cores, at most 4."""
    asked = os.environ.get("WORKBENCH_SLOTS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 4)


def alone(root: Path, purpose: str) -> Lock:
    """The lock under which one program at a time does something to a runs folder, such as find or else create a run.

    Raises: NoLocks; TimeoutError after 30 s.
    """
    folder = root / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock.acquire(folder / f"{purpose}.lock", wait=30.0)
    if lock is None:
        raise TimeoutError(f"{folder / purpose}.lock has been held by another program for more than 30 s.")
    return lock


class Ticket:
    """A place in the queue, kept as long as its lock is held."""

    def __init__(self, path: Path, lock: Lock, slots: int):
        self.path, self.lock, self.slots = path, lock, slots

    @classmethod
    def take(cls, root: Path) -> Ticket | None:
        """The next place in the queue of a runs folder; None where the file system has no locks and therefore no queue."""
        try:
            with alone(root, "tickets"):
                waiting = [0]
                for path in _tickets(root / FOLDER):
                    if is_held(path):
                        waiting.append(int(path.name))
                    else:
                        remove(path)
                path = root / FOLDER / f"{max(waiting) + 1:08d}"
                lock = Lock.acquire(path)
        except NoLocks:
            return None
        return cls(path, lock, slots()) if lock else None

    def place(self) -> int:
        """1 for the next to begin."""
        return 1 + sum(path.name < self.path.name and is_held(path) for path in _tickets(self.path.parent))

    def slot(self) -> Lock | None:
        """A free slot if there is one, for the first in the queue."""
        for number in range(self.slots):
            if slot := Lock.acquire(self.path.parent / f"slot-{number}", wait=0.0):
                return slot
        return None

    def give_back(self) -> None:
        remove(self.path)
        self.lock.release()


def _tickets(folder: Path) -> list[Path]:
    return sorted(folder / name for name in os.listdir(folder) if name.isdecimal())
