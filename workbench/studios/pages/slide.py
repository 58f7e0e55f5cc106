"""A story as a slide: what its trainings have come to so far, its figures and its verdict, told by a thread of its own.

A page asks `teller(story, store).slide(theme)` at every tick and gets what is known; nothing is read or drawn on the page's own thread.
The other thread draws anew only when a training has moved, rests three times as long as that took, and ends when nobody asks any more.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from workbench.families.amplitudes.product import SCAN
from workbench.figures import FIGURES
from workbench.figures.drawing import sentence as figure_of_sentence
from workbench.figures.drawing import signed
from workbench.figures.frame import pack
from workbench.figures.ghosts import over
from workbench.figures.theme import Theme
from workbench.runs import history
from workbench.runs.files import RunError
from workbench.runs.folder import Status
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.stories import Story, Verdict, story
from workbench.stories.story import Panel, Trainings
from workbench.studios.live.hub import ending, identity
from workbench.studios.pages import sentences

LOOK_EVERY = 0.25  # seconds, while a training lives
GLANCE_EVERY = 0.7  # seconds, while none does: somebody may begin one
PATIENCE = 5.0  # seconds without a question after which the thread ends
SHARE = 3.0  # times what the last look took, the thread rests
NAP = 0.5  # seconds after which a resting thread looks whether the program ends
KEPT = 6  # stories

log = logging.getLogger(__name__)


@functools.cache
def told(name: str) -> Story:
    """A story by its name, made once. Raises: ValueError."""
    return story(name)


@dataclass(frozen=True)
class Slide:
    """What is known of a story at one moment.

    `wanted` counts its trainings, `steps` their optimiser steps; `frames` are packed figures. `kept` says when and where the numbers
    were made that come with the package, '' where there are none; beside trainings of one's own `shipped` is what those numbers say.
    """

    wanted: int
    steps: int
    looked: bool = False
    runs: tuple[tuple[Run, Status], ...] = ()
    verdict: Verdict | None = None
    kept: str = ""
    shipped: Verdict | None = None
    frames: Mapping[Theme, tuple[bytes, ...]] = field(default_factory=dict)

    @property
    def live(self) -> list[Run]:
        return [run for run, status in self.runs if status.live]

    @property
    def finished(self) -> int:
        return sum(status.state == "finished" for _, status in self.runs)

    @property
    def done(self) -> int:
        """Optimiser steps of all trainings."""
        return sum(status.steps if status.state == "finished" else status.step for _, status in self.runs)

    @property
    def failed(self) -> list[tuple[Run, Status]]:
        return [(run, status) for run, status in self.runs if status.state == "failed"]

    @property
    def eta(self) -> float | None:
        """Seconds until the last training ends, None while unknown: those that wait go at the mean pace of the others."""
        paced = [status for _, status in self.runs if status.step and status.seconds]
        running = sum(status.state == "running" for _, status in self.runs)
        if not running or not paced or any(status.state == "running" and status.eta is None for _, status in self.runs):
            return None
        pace = sum(status.seconds for status in paced) / sum(status.step for status in paced)
        known = {run.id: status.eta for run, status in self.runs if status.eta is not None}
        waiting = self.steps - self.done - sum(status.steps - status.step for run, status in self.runs if run.id in known)
        return (sum(known.values()) + max(0, waiting) * pace) / running


class Remembered(Run):
    """A run whose predictions and newest snapshot are read once."""

    def __init__(self, run: Run):
        super().__init__(run.path)
        self._predictions: dict[str, xr.Dataset] = {}
        self._newest: tuple[int, xr.Dataset | None] = (-1, None)

    def prediction(self, split: str = "test") -> xr.Dataset:
        if split not in self._predictions:
            self._predictions[split] = super().prediction(split)
        return self._predictions[split]

    def latest_snapshot(self, after_step: int | None = None) -> xr.Dataset | None:
        steps = history.snapshot_steps(self.path)
        if after_step is not None or not steps or steps[-1] != self._newest[0]:
            found = super().latest_snapshot(after_step)
            if after_step is not None or found is None:
                return found
            self._newest = (int(found["step"]), found)
        return self._newest[1]


class Teller:
    """Looks at the trainings of one story while somebody asks for its slide; `shipped` looks at what comes with the package alone."""

    def __init__(self, story: Story, store: RunStore, *, shipped: bool = False):
        self.story, self.store, self.shipped = story, store, shipped
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake, self._looked = threading.Event(), threading.Event()
        self._asked: dict[Theme, float] = {}
        self._runs: dict[tuple[str, str], Remembered] = {}
        self._stamp: Any = None
        self._scan: xr.Dataset | None = None
        self._kept = functools.cache(lambda: story.kept)
        self._behind: dict[tuple[str, Theme], dict[str, Any] | None] = {}
        self._slide = Slide(len(story.runs), sum(getattr(recipe, "steps", 0) for _, recipe in story.runs))

    def slide(self, look: Theme) -> Slide:
        """The newest slide; its figures in this look come a moment after they are first asked for."""
        with self._lock:
            new = look not in self._asked
            self._asked[look] = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._tell, name=f"tell {self.story.name}")
                self._thread.start()
            elif new:
                self._wake.set()
        return self._slide

    def hurry(self) -> None:
        """Look again, and wait for that: something was begun or stopped."""
        self._looked.clear()
        self._wake.set()
        self._looked.wait(2.0)

    @property
    def idle(self) -> bool:
        return self._thread is None

    def _tell(self) -> None:
        while not ending():
            with self._lock:
                now = time.monotonic()
                self._asked = {look: at for look, at in self._asked.items() if now - at < PATIENCE}
                if not self._asked:
                    self._thread, self._stamp, self._scan, self._runs, self._behind = None, None, None, {}, {}
                    return
                looks = list(self._asked)
            begin = time.monotonic()
            try:
                self._look(looks)
            except Exception:  # the bottom of a thread: what was told before stays on the screen
                log.exception("Looking at the story %s", self.story.name)
                time.sleep(1.0)
            self._looked.set()
            end = time.monotonic() + max(LOOK_EVERY if self._slide.live else GLANCE_EVERY, SHARE * (time.monotonic() - begin))
            while (left := end - time.monotonic()) > 0 and not self._wake.wait(min(left, NAP)) and not ending():
                pass
            self._wake.clear()

    def _look(self, looks: list[Theme]) -> None:
        there = () if self.shipped else self.story.found(self.store)
        found = [(options, self._remembered(run)) for options, run in there]
        states = [run.status for _, run in found]
        stamp = [_moment(run, status) for (_, run), status in zip(found, states, strict=True)]
        changed = stamp != self._stamp
        kept = self._kept()
        if changed:
            self._scan = self.story.scan(found) if found or kept is None else kept
        verdict = self._judge(self._scan) if changed else self._slide.verdict
        shipped = None if not found or kept is None else self._judge(kept) if changed else self._slide.shipped
        known = {} if changed else self._slide.frames
        frames = {look: known.get(look) or tuple(self._draw(panel, found, look) for panel in self.story.panels) for look in looks}
        runs = tuple((run, status) for (_, run), status in zip(found, states, strict=True))
        device = "" if kept is None else kept.attrs.get("device", "").replace("cpu", "CPU")
        about = "" if kept is None else f"{sentences.day(kept.attrs.get('made', ''))}{f' ({device})' if device else ''}"
        self._slide = Slide(self._slide.wanted, self._slide.steps, True, runs, verdict, about, shipped, frames)
        self._stamp = stamp

    def _remembered(self, run: Run) -> Remembered:
        return self._runs.setdefault(identity(run), Remembered(run))

    def _judge(self, scan: xr.Dataset | None) -> Verdict | None:
        try:
            return self.story.judge(scan) if scan is not None else None
        except Exception:  # a verdict that fails is no reason to show no figure
            log.exception("Judging the story %s", self.story.name)
            return None

    def _draw(self, panel: Panel, found: Trainings, theme: Theme) -> bytes:
        if not found and self._kept() is None:
            return pack(figure_of_sentence(sentences.folded("Nothing has been trained for this story yet."), theme))
        try:
            shipped = self._shipped(panel, theme) if found else None
            drawn = self._own(panel, found, theme) if shipped is None else over(shipped, self._begun(panel, found, theme), theme)
            made = self._scan.attrs.get("made", "") if self._scan is not None else ""
            about = [
                f"{panel.title}, of the story {self.story.title}",
                f"made {made}" if made else "",
                *(f"run {run.id}" for _, run in found),
            ]
            return pack(signed(drawn, f"{self.story.name}-{panel.figure}", "; ".join(filter(None, about))))
        except (ValueError, RunError) as problem:
            return pack(figure_of_sentence(sentences.folded(str(problem)), theme))
        except Exception as problem:  # the bottom of a figure: the page goes on
            log.exception("Drawing %s of the story %s", panel.figure, self.story.name)
            words = f"This figure could not be drawn ({type(problem).__name__}); the log says why."
            return pack(figure_of_sentence(sentences.folded(words), theme))

    def _own(self, panel: Panel, found: Trainings, theme: Theme) -> dict[str, Any]:
        entry = FIGURES[panel.figure]
        data = self._scan if entry.takes == SCAN.name else self.story.drawn_from(panel, found)
        return entry.as_dict(data, theme, **panel.passed)

    def _begun(self, panel: Panel, found: Trainings, theme: Theme) -> dict[str, Any]:
        """The same; an empty figure where nothing is there to draw yet."""
        try:
            return self._own(panel, found, theme)
        except (ValueError, RunError) as reason:
            return figure_of_sentence(str(reason), theme)

    def _shipped(self, panel: Panel, theme: Theme) -> dict[str, Any] | None:
        """The figure that comes with the package, drawn once; None where only its numbers come, or nothing."""
        name = (panel.name, theme)
        if name not in self._behind:
            entry, kept = FIGURES[panel.figure], self._kept()
            try:
                data = kept if entry.takes == SCAN.name else self.story.drawn_from(panel, ())
                drawn = None if kept is None else entry.as_dict(data, theme, **panel.passed)
            except (ValueError, RunError):
                drawn = None
            self._behind[name] = drawn if drawn and drawn["data"] else None
        return self._behind[name]


def _moment(run: Run, status: Status) -> tuple[Any, ...]:
    """Changes when a run has something new to draw."""
    newest = -1 if status.state == "finished" else next(iter(reversed(history.snapshot_steps(run.path))), -1)
    return identity(run), status.attempt, status.state == "finished", newest


_lock = threading.Lock()
_tellers: OrderedDict[tuple[str, str, bool], Teller] = OrderedDict()


def teller(story: Story, store: RunStore, *, shipped: bool = False) -> Teller:
    """The one teller of a story about the runs of a store, or about what ships with the package."""
    key = (str(store.root), story.name, shipped)
    with _lock:
        found = _tellers.setdefault(key, Teller(story, store, shipped=shipped))
        _tellers.move_to_end(key)
        for name in [name for name, other in _tellers.items() if other.idle and name != key][: max(0, len(_tellers) - KEPT)]:
            del _tellers[name]
    return found
