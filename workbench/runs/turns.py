"""Who trains next: tickets in the order of asking, fair among people, and a few slots.

A run that waits is an empty file in `.queue`, whose name says all, and no process: the one that starts it (`runs.forker`) looks at the
names. Slots are locks in the same folder. So any number of servers, notebooks and shells share one queue, a process that dies gives its
place back by dying, and what waits goes on waiting when everything else is killed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from . import files
from .files import Lock, NoLocks, is_held, remove

FOLDER = ".queue"
WORKER = "worker"
"""The kind of a ticket whose run has a process already, which waits by itself: it was paused, and goes on."""
KIND = "WORKBENCH_FORKER"  # the environment variable in which a process that starts runs finds its own kind
FROZEN = 4.0  # seconds without a sign of life after which a process that should start a run is passed
ADOPTION = 60.0  # seconds after which a run is started by a process of another kind than the one that it was meant for
NAME = re.compile(r"(\d{6,})-(\d{8,})-(\d+)-([0-9a-f]{8}|worker)-([0-9a-f]{8})-([a-z0-9-]{1,40})")


def slots_here() -> int:
    """How many runs train at the same time: $WORKBENCH_SLOTS, or the number of processor cores, at most 4."""
    asked = os.environ.get("WORKBENCH_SLOTS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 4)


def mark(person: str) -> str:
    """Somebody's name, short and of no use to others, as it stands in tickets."""
    return f"{zlib.crc32(person.encode()):08x}"


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


@dataclass(frozen=True)
class Ticket:
    """A place in the queue of the runs folder `root`.

    `turn` is the round among people in which it comes, `number` counts tickets, `slots` says how many runs train at the same time,
    `kind` who starts it (`Forker.kind`), `person` whose it is.
    """

    root: Path
    turn: int
    number: int
    slots: int
    kind: str
    person: str
    run: str

    @classmethod
    def take(cls, root: Path, run: str, kind: str, *, person: str = "", slots: int = 0) -> Ticket | None:
        """A place for a run; None where the file system has no locks and therefore no queue. Everybody's first run comes before
        anybody's second. `person` is a `mark`; `slots` is by default what the environment says."""
        person, slots = person or mark(""), slots or slots_here()
        try:
            with alone(root, "tickets"):
                others = tickets(root)
                now = min((ticket.turn for ticket in others), default=1)
                after = max((ticket.turn for ticket in others if ticket.person == person), default=0)
                number = max((ticket.number for ticket in others), default=0) + 1
                ticket = cls(root, max(now, after + 1), number, slots, kind, person, run)
                with files.opened(ticket.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL):
                    return ticket
        except NoLocks:
            return None

    @property
    def path(self) -> Path:
        return self.root / FOLDER / f"{self.turn:06d}-{self.number:08d}-{self.slots}-{self.kind}-{self.person}-{self.run}"

    def again(self) -> Ticket | None:
        """Another place for the same run, whose process waits by itself."""
        return Ticket.take(self.root, self.run, WORKER, person=self.person, slots=self.slots)

    def first(self, watch: Watch) -> bool:
        """Whether nobody who waits is before it, but for those that stand still."""
        before = itertools.takewhile(lambda ticket: ticket.path != self.path, tickets(self.root))
        owner = owner_of_all(self.root, self.slots)
        return all(_passed(ticket, watch) or ticket.person == owner != self.person for ticket in before)

    def slot(self) -> Lock | None:
        """A free slot if there is one. Where all are one person's, there is one more for anybody else: nobody waits for the end of
        trainings of a single other person."""
        for number in range(self.slots):
            if slot := self._taken(number):
                return slot
        return self._taken(self.slots) if owner_of_all(self.root, self.slots) not in (None, self.person) else None

    def _taken(self, number: int) -> Lock | None:
        slot = Lock.acquire(_slot(self.root, number), wait=0.0)
        if slot and slot.file is not None:
            os.pwrite(slot.file, self.person.encode(), 0)
        return slot

    def give_back(self) -> None:
        remove(self.path)


class Watch:
    """Who still gives a sign of life, told by this process's own clock: by touching a file again and again."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, float]] = {}

    def stands_still(self, path: Path, patience: float = FROZEN) -> bool:
        try:
            stamp = os.stat(path).st_mtime_ns
        except OSError:
            return False
        before, since = self._seen.setdefault(path, (stamp, time.monotonic()))
        if stamp != before:
            self._seen[path] = (stamp, time.monotonic())
            return False
        return time.monotonic() - since > patience


def tickets(root: Path) -> list[Ticket]:
    """All that wait, the next one first."""
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in sorted(os.listdir(root / FOLDER)):
            if parts := NAME.fullmatch(name):
                found.append(Ticket(root, int(parts[1]), int(parts[2]), int(parts[3]), *parts.groups()[3:]))
    return found


def ticket_of(root: Path, run: str) -> Ticket | None:
    return next((ticket for ticket in tickets(root) if ticket.run == run), None)


def place(root: Path, run: str) -> int | None:
    """1 for the next to begin when a slot becomes free; None for a run that does not wait, or for which a slot is free."""
    waiting = tickets(root)
    for before, ticket in enumerate(waiting):
        if ticket.run == run:
            free = sum(not is_held(_slot(root, number)) for number in range(ticket.slots))
            if before < free or (not is_held(_slot(root, ticket.slots)) and _outrun(waiting[: before + 1])):
                return None
            return before + 1 - free
    return None


def owner_of_all(root: Path, slots: int) -> str | None:
    """Whose runs have all slots, as a `mark`; None where one is free, or they are several people's."""
    owner = None
    for number in range(slots):
        path = _slot(root, number)
        try:
            whose = path.read_text("utf-8", "replace") if is_held(path) else ""
        except OSError:
            return None
        if not whose or (number and whose != owner):
            return None
        owner = whose
    return owner


def _slot(root: Path, number: int) -> Path:
    """The lock of a slot, in which stands whose run has it."""
    return root / FOLDER / f"slot-{number}"


def _outrun(waiting: list[Ticket]) -> bool:
    """Whether all before the last one are of somebody who has all slots, and the last one is not."""
    *before, last = waiting
    owner = owner_of_all(last.root, last.slots)
    return owner not in (None, last.person) and all(ticket.person == owner for ticket in before)


def leader(root: Path, kind: str) -> Path:
    """The lock of the one process that starts runs of a kind."""
    return root / FOLDER / f"leader-{kind}"


def neglected(root: Path) -> bool:
    """Whether runs wait that nobody starts."""
    return any(ticket.kind != WORKER and not is_held(leader(root, ticket.kind)) for ticket in tickets(root))


def _passed(ticket: Ticket, watch: Watch) -> bool:
    """Whether who is to start the run of a ticket is dead, or stands still."""
    if ticket.kind == WORKER:
        return not is_held(ticket.root / ticket.run / "LOCK") or watch.stands_still(ticket.path)
    path = leader(ticket.root, ticket.kind)
    return not is_held(path) or watch.stands_still(path)


class Dispatcher:
    """Decides which runs of a folder begin. Of the processes of a kind one leads, and says so by a lock that it touches every second;
    when it is killed or stands still another one does. That no run begins twice does not depend on it, but on LOCK."""

    def __init__(self, root: Path, kind: str):
        self.root, self.kind = root, kind
        self.watch = Watch()
        self._lock: Lock | None = None
        self._touched = 0.0

    @property
    def held(self) -> bool:
        """Whether it led when it last looked."""
        return self._lock is not None

    def leads(self) -> bool:
        path = leader(self.root, self.kind)
        if self._lock and not files.still_named(self._lock.file, path):
            self.step_down()
        if self._lock is None:
            if self.watch.stands_still(path):
                remove(path)
            with contextlib.suppress(FileNotFoundError):
                self._lock = Lock.acquire(path, wait=0.0)
        if self._lock and time.monotonic() > self._touched + 1.0:
            self._touched = time.monotonic()
            os.utime(path)
        return self._lock is not None

    def step_down(self) -> None:
        """Let others lead."""
        path = leader(self.root, self.kind)
        if self._lock and files.still_named(self._lock.file, path):
            remove(path)
        self.forget()

    def forget(self) -> None:
        """In a fork of this process, its lock is not ours to keep."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def needed(self) -> bool:
        """Whether runs wait that this process may have to start."""
        waiting = [ticket for ticket in tickets(self.root) if ticket.kind != WORKER]
        return any(ticket.kind == self.kind or not is_held(leader(self.root, ticket.kind)) for ticket in waiting)

    def next(self) -> tuple[Ticket, Lock, Lock] | None:
        """The ticket whose run begins now, its LOCK, and its slot."""
        owners: dict[int, str | None] = {}
        for ticket in tickets(self.root):
            if ticket.slots not in owners:
                owners[ticket.slots] = owner_of_all(self.root, ticket.slots)
            outdone = ticket.person == owners[ticket.slots]  # only somebody else's run may begin now
            if ticket.kind != self.kind:
                if not _passed(ticket, self.watch):
                    if outdone:
                        continue
                    return None
                if ticket.kind == WORKER:
                    if not is_held(self.root / ticket.run / "LOCK"):
                        ticket.give_back()  # it was killed while it waited
                    continue
                if not self.watch.stands_still(ticket.path, ADOPTION):
                    continue
            if outdone:
                continue
            slot = ticket.slot()
            if slot is None:
                return None
            try:
                lock = Lock.acquire(self.root / ticket.run / "LOCK", wait=0.02)
            except (FileNotFoundError, NotADirectoryError):  # the run was deleted
                ticket.give_back()
                lock = None
            if lock and ticket.path.exists():
                return ticket, lock, slot
            for held in (lock, slot):  # it has just begun, or was stopped
                if held:
                    held.release()
        return None
