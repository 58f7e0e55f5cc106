"""Following runs: one reader thread per run and one packed figure per moment, however many pages watch.

A page asks for `HUB.picture(run)` in its own periodic callback. As long as somebody asks, a thread reads the run folder; when nobody has
asked for some seconds, it ends. Nothing depends on a browser saying goodbye.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import xarray as xr

from workbench.results.prediction import summary
from workbench.runs.files import RunError
from workbench.runs.store import Run, Status, reports_dataset

READ_EVERY = 0.1  # seconds, while the run is live
GLANCE_EVERY = 0.5  # seconds, while it is not: somebody may resume or delete it
PATIENCE = 5.0  # seconds without a question after which a reader ends
KEPT_PICTURES = 12
KEPT_FRAMES = 160

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Picture:
    """What is known of a run at one moment.

    `events` is a summary per event: of the newest snapshot while the run is live, of the prediction on all test events when it is
    finished; `prediction` then has the single draws. `moment` is (attempt, step, final) of the events: new events, new moment.
    """

    status: Status
    reports: xr.Dataset | None = None
    events: xr.Dataset | None = None
    prediction: xr.Dataset | None = None
    moment: tuple[int, int, bool] = (0, -1, False)
    raw: tuple[dict[str, Any], ...] = ()
    cursor: tuple[int, int] = (0, 0)


def identity(run: Run) -> tuple[str, str]:
    """What tells a run from all others, also from a later one in the same folder."""
    return str(run.path), run.created


class Follower:
    """Reads one run while somebody asks for its picture."""

    def __init__(self, run: Run):
        self.run = run
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._picture: Picture | None = None
        self._asked = 0.0

    @property
    def picture(self) -> Picture:
        """The newest picture. The first question waits for the files, the others do not."""
        self._asked = time.monotonic()
        with self._lock:
            if self._picture is None:
                self._picture = look(self.run, None)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name=f"follow {self.run.id}", daemon=True)
                self._thread.start()
        return self._picture

    @property
    def idle(self) -> bool:
        return self._thread is None

    def _follow(self) -> None:
        while True:
            time.sleep(READ_EVERY if self._picture and self._picture.status.live else GLANCE_EVERY)
            with self._lock:
                if time.monotonic() - self._asked > PATIENCE:
                    self._thread = None
                    return
            try:
                self._picture = look(self.run, self._picture)
            except (OSError, RunError):
                continue  # deleted, or not to be read just now: the page finds out by asking for the run
            except Exception:  # the bottom of a thread: what was read before stays on the screen
                log.exception("Reading run %s", self.run.id)
                time.sleep(1.0)


def look(run: Run, before: Picture | None) -> Picture:
    """Read what is new since `before`. Raises: OSError when the folder cannot be read."""
    status = run.status
    now = Picture(status) if before is None else replace(before, status=status)
    if before is None or not before.moment[2]:
        new = run.read_reports(None if before is None else before.cursor)
        if new.reports or new.restarted or before is None:
            raw = (*(() if new.restarted else now.raw), *new.reports)
            now = replace(now, raw=raw, cursor=new.cursor, reports=reports_dataset(list(raw)))
    if status.state == "finished":
        if not now.moment[2]:
            prediction = run.prediction("test")
            now = replace(now, events=summary(prediction), prediction=prediction, moment=(status.attempt, status.step, True))
        return now
    newest = run.latest_snapshot(after_step=now.moment[1] if now.moment[0] == status.attempt else None)
    if newest is not None:
        now = replace(now, events=summary(newest), prediction=None, moment=(status.attempt, int(newest["step"]), False))
    return now


class Hub:
    """All followers, and what was made from their pictures, shared by all pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._followers: OrderedDict[tuple[str, str], Follower] = OrderedDict()
        self._made: OrderedDict[Any, Any] = OrderedDict()

    def picture(self, run: Run) -> Picture:
        """The newest picture of a run. Raises: OSError or RunError when its folder cannot be read at all."""
        key = identity(run)
        with self._lock:
            follower = self._followers.setdefault(key, Follower(run))
            self._followers.move_to_end(key)
            idle = [name for name, other in self._followers.items() if other.idle and name != key]
            for name in idle[: max(0, len(self._followers) - KEPT_PICTURES)]:
                del self._followers[name]
        return follower.picture

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` returns, made once per key for everybody: packed figures, numbers."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > KEPT_FRAMES:
                self._made.popitem(last=False)
        return made

    def forget(self, run: Run) -> None:
        """Forget a run that was deleted."""
        with self._lock:
            self._followers.pop(identity(run), None)


HUB = Hub()
