"""Following runs: one reader thread per run and one packed figure per moment, however many pages watch.

A page asks for `HUB.picture(run)` whenever it looks. As long as somebody asks, a thread reads the run folder and tells the listeners of
the hub what has moved; when nobody has asked for some seconds, it ends. Nothing depends on a browser saying goodbye.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import xarray as xr

from workbench.families import kind_of, product_named
from workbench.figures import REPORTS, Entry
from workbench.results.product import product_of
from workbench.runs import history
from workbench.runs.files import RunError
from workbench.runs.folder import Status
from workbench.runs.run import Run

READ_EVERY = 0.1  # seconds, while the run is live
NAP = 0.01  # seconds between two glances at the sizes of its files: what is new is read at once, but
BREATH = 0.04  # seconds after the last news: a report and its snapshot come together
GLANCE_EVERY = 0.5  # seconds, while it is not: somebody may resume or delete it
PATIENCE = 5.0  # seconds without a question after which a reader ends
KEPT_PICTURES = 12
KEPT_FRAMES, KEPT_BYTES = 320, 64_000_000
KEPT_FACTS = 20_000

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """What is known of a run at one moment.

    `product` is the name of what it yields, `summary` what figures draw of it: of the newest snapshot while the run is live, of the
    prediction when it is finished; `prediction` then is all of it, with the single draws. `moment` is (attempt, step, final)
    of what is known: a new summary, a new moment. `steps` are those of the snapshots; those of an ended run stand together in `past`.
    """

    status: Status
    product: str
    reports: xr.Dataset | None = None
    summary: xr.Dataset | None = None
    prediction: xr.Dataset | None = None
    moment: tuple[int, int, bool] = (0, -1, False)
    steps: tuple[int, ...] = ()
    past: xr.Dataset | None = None
    raw: tuple[dict[str, Any], ...] = ()
    cursor: tuple[int, int] = (0, 0)

    def of(self, product: str) -> xr.Dataset | None:
        """The summary, where the run yields this product."""
        return self.summary if product == self.product else None

    def drawn_by(self, entry: Entry) -> xr.Dataset | None:
        """What a figure draws of it; None where there is no such thing, or not yet."""
        if entry.takes == REPORTS:
            return self.reports
        return self.prediction if entry.finished and entry.takes == self.product else self.of(entry.takes)


def ending() -> bool:
    """Whether the program is about to end: then threads that read HDF5 end by themselves, within a second.

    Nothing else may end them. A daemon thread is cut off in the middle of a call, with h5py's lock in its hands; the interpreter, which
    takes that lock for every HDF5 object that it clears away, would then wait for ever.
    """
    return not threading.main_thread().is_alive()


def identity(run: Run) -> tuple[str, str]:
    """What tells a run from all others, also from a later one in the same folder."""
    return str(run.path), run.created


class Follower:
    """Reads one run while somebody asks for its picture, and calls `moved` from its thread whenever there is something new."""

    def __init__(self, run: Run, moved: Callable[[], None] = lambda: None):
        self.run, self.moved = run, moved
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._picture: Picture | None = None
        self._asked = 0.0
        self._written: tuple[int, ...] = ()
        self._news = threading.Condition()

    @property
    def picture(self) -> Picture:
        """The newest picture. The first question waits for the files, the others do not."""
        self._asked = time.monotonic()
        with self._lock:
            if self._picture is None:
                self._picture = look(self.run, None)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name=f"follow {self.run.id}")
                self._thread.start()
        return self._picture

    @property
    def idle(self) -> bool:
        return self._thread is None

    def newer(self, before: Picture | None, timeout: float) -> Picture:
        """The picture that tells more than the one before, as soon as it is read; the present one after `timeout` seconds."""
        present = self.picture
        with self._news:
            self._news.wait_for(lambda: before is None or differs(before, self._picture or present), timeout)
        return self._picture or present

    def _rest(self, news: bool) -> None:
        """Wait until it is time to read again: when something was written, at once or a breath after the last news; else after a while."""
        live = bool(self._picture and self._picture.status.live)
        busy = live or (self._picture is not None and self._picture.moment[2] and self._picture.past is None)
        end = time.monotonic() + (READ_EVERY if busy else GLANCE_EVERY)
        if news:
            time.sleep(BREATH)
        before = self._written if live else None
        while (left := end - time.monotonic()) > 0 and (before is None or self._written_now() == before):
            time.sleep(min(left, NAP) if live else left)

    def _written_now(self) -> tuple[int, ...]:
        """What changes when the run writes reports or a snapshot."""
        found = []
        for name in ("reports.jsonl", "snapshots"):
            try:
                told = os.stat(self.run.path / name)
            except OSError:
                continue
            found += [told.st_ino, told.st_size, told.st_mtime_ns]
        return tuple(found)

    def _follow(self) -> None:
        news = True
        while not ending():
            self._rest(news)
            before, news = self._picture, True
            with self._lock:
                if time.monotonic() - self._asked > PATIENCE:
                    self._thread = None
                    return
            try:
                written = self._written_now()  # before they are read, so that nothing is missed
                self._picture, self._written = look(self.run, before), written
                news = before is None or differs(before, self._picture)
                if news:
                    with self._news:
                        self._news.notify_all()
                    self.moved()
            except (OSError, RunError):
                continue  # deleted, or not to be read just now: the page finds out by asking for the run
            except Exception:  # the bottom of a thread: what was read before stays on the screen
                log.exception("Reading run %s", self.run.id)
                time.sleep(1.0)


def differs(one: Picture, other: Picture) -> bool:
    """Whether there is more to show than a later sign of life."""
    known = [
        (replace(picture.status, updated=""), picture.cursor, picture.moment, picture.steps, picture.past is None)
        for picture in (one, other)
    ]
    return known[0] != known[1]


def look(run: Run, before: Picture | None) -> Picture:
    """Read what is new since `before`. Raises: OSError when the folder cannot be read."""
    status = run.status
    now = Picture(status, kind_of(run.recipe).product.load().name) if before is None else replace(before, status=status)
    if before is None or not before.moment[2]:
        new = run.read_reports(None if before is None else before.cursor)
        if new.reports or new.restarted or before is None:
            raw = (*(() if new.restarted else now.raw), *new.reports)
            now = replace(now, raw=raw, cursor=new.cursor, reports=run.reports_of(list(raw)))
    if status.state == "finished":
        if not now.moment[2]:
            prediction = run.prediction("test")
            return replace(now, **known(prediction), prediction=prediction, moment=(status.attempt, status.step, True), past=None)
        return now if now.past is not None else _with_past(now, run)  # the second look: the first picture does not wait for it
    newest = run.latest_snapshot(after_step=now.moment[1] if now.moment[0] == status.attempt else None)
    if newest is not None:
        moment, steps = (status.attempt, int(newest["step"]), False), tuple(history.snapshot_steps(run.path))
        now = replace(now, **known(newest), prediction=None, moment=moment, steps=steps, past=None)
        return now if steps or status.live else _with_past(now, run)
    return now


def known(dataset: xr.Dataset) -> dict[str, Any]:
    """What a snapshot or a prediction tells, as fields of a Picture. Raises: RunError for what is none of ours."""
    product = product_of(dataset)
    try:
        return {"product": product, "summary": product_named(product).summary(dataset)}
    except (KeyError, ValueError, TypeError) as problem:
        raise RunError("What the run has come to cannot be understood; no training of this workbench writes it so.") from problem


def _with_past(now: Picture, run: Run) -> Picture:
    past = run.snapshots
    return replace(now, past=past, steps=tuple(past["step"].values.tolist()))


def then(run: Run, picture: Picture, step: int) -> Picture:
    """The run as it was at the snapshot nearest to a step; as it is where there are no snapshots.

    Raises: OSError or Damaged when that snapshot cannot be read.
    """
    if not picture.steps:
        return picture
    nearest = min(picture.steps, key=lambda other: abs(other - step))
    attempt, past = picture.status.attempt, picture.past

    def read() -> dict[str, Any]:
        found = history.snapshot(run.path, nearest) if past is None else past.isel(step=picture.steps.index(nearest))
        return known(found)

    told = HUB.once(("then", identity(run), attempt, nearest), read)
    return replace(picture, **told, prediction=None, moment=(attempt, nearest, False))


class Kept:
    """kept(key, make) is what `make` returned for that key, made once for everybody; what nobody asked for longest is forgotten.

    *Arguments*: most, how many; room, for how many bytes all together.
    """

    def __init__(self, most: int, room: float = math.inf):
        self.most, self.room, self.size = most, room, 0
        self.made: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key: Any, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self.made:
                self.made.move_to_end(key)
                return self.made[key]
        made = make()
        with self._lock:
            self.size += size_of(made) - size_of(self.made.pop(key, None))
            self.made[key] = made
            while len(self.made) > self.most or (self.size > self.room and len(self.made) > 1):
                self.size -= size_of(self.made.popitem(last=False)[1])
        return made


def size_of(made: Any) -> int:
    """Bytes of packed figures and of datasets; all else that pages share is small."""
    if isinstance(made, dict):
        return sum(map(size_of, made.values()))
    return len(made) if isinstance(made, bytes) else int(made.nbytes) if isinstance(made, xr.Dataset) else 0


class Hub:
    """All followers, and what was made from their pictures, shared by all pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: OrderedDict[tuple[str, str], Follower] = OrderedDict()
        self.once = Kept(KEPT_FRAMES, KEPT_BYTES)
        """What is made once per key for everybody, and large: packed figures, numbers."""
        self.fact = Kept(KEPT_FACTS)
        """The same for what is said of a run in a few words."""
        self.listeners: list[Callable[[Any], None]] = []
        """Called by a reader's thread with the identity of a run that has moved."""

    def picture(self, run: Run) -> Picture:
        """The newest picture of a run. Raises: OSError or RunError when its folder cannot be read at all."""
        return self._follower(run).picture

    def newer(self, run: Run, before: Picture | None, timeout: float) -> Picture:
        """The picture of a run that tells more than the one before, as soon as it is read; the present one after `timeout` seconds.

        Raises: as `picture`.
        """
        return self._follower(run).newer(before, timeout)

    def _follower(self, run: Run) -> Follower:
        key = identity(run)
        with self._lock:
            if key not in self._followers:
                self._followers[key] = Follower(run, lambda: self._moved(key))
            follower = self._followers[key]
            self._followers.move_to_end(key)
            idle = [name for name, other in self._followers.items() if other.idle and name != key]
            for name in idle[: max(0, len(self._followers) - KEPT_PICTURES)]:
                del self._followers[name]
        return follower

    def _moved(self, key: Any) -> None:
        for listener in self.listeners:
            listener(key)

    def forget(self, run: Run) -> None:
        """Forget a run that was deleted."""
        with self._lock:
            self._followers.pop(identity(run), None)


HUB = Hub()
