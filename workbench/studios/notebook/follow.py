"""A run in a notebook cell: its bar, and figures that follow it while it trains.

A thread follows the run folder and hands over the newest frames when there is news, ten times a second at most; what the browser has not
drawn yet is replaced, never queued. So the kernel stays free, and where it is busy the figures go on. When the run has ended, so does the
thread.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import anywidget
import traitlets

from workbench import figures
from workbench.figures.drawing import sentence as figure_of_sentence
from workbench.figures.frame import checksum, pack
from workbench.figures.still import svg
from workbench.figures.theme import DARK, THEMES, Theme, theme_of
from workbench.runs.files import RunError
from workbench.runs.folder import Status
from workbench.runs.run import Run
from workbench.runs.store import EXAMPLES
from workbench.studios.browser.assets import ENGINE_URL, bundle, compressed_engine, source
from workbench.studios.live.hub import HUB, Picture, ending
from workbench.studios.notebook.still import Still
from workbench.studios.pages import sentences

MOST_FIGURES = 4
PERIOD = 0.1  # seconds between two frames, on average
AHEAD = 0.05  # seconds by which one of them may come early
PATIENCE = 1.0  # seconds after which a frame is sent although the last one was not acknowledged: a busy kernel does not hear it
LOOK_EVERY = 0.5  # seconds between two looks at a run that writes nothing
BUTTONS = ("resume", "continue", "pause", "step", "stop")

log = logging.getLogger(__name__)


def style() -> str:
    """The pages' colours and sizes, for an element of its own in somebody else's document."""
    colours = source("theme.css").replace(":root[data-theme=dark]", ":host([data-theme=dark])")
    colours = colours.replace(":root[data-projector]", ":host([data-projector])").replace(":root", ":host")
    cell = (
        ":host { display: block; } .following { display: flex; flex-direction: column; gap: .7em; padding: .2em 0; } .cards { flex: none; }"
    )
    return source("studio.css") + colours + cell


class LiveRun(anywidget.AnyWidget):
    """A live figure in a notebook cell, or several side by side, with progress, time left, and buttons that pause and stop the run.

    *Arguments*: run; names of figures as for `run.figure`; theme, "auto" for that of the notebook, else "light", "dark" or "projector".
    *Raises*: ValueError for a figure that there is not, or that this kind of run cannot fill.
    """

    _engine_sent: ClassVar[bool] = False
    _esm = bundle("follow.js")
    sheet = traitlets.Unicode(style()).tag(sync=True)
    engine_url = traitlets.Unicode(ENGINE_URL).tag(sync=True)
    theme = traitlets.Enum(["auto", *THEMES], default_value="auto").tag(sync=True)
    cards = traitlets.Unicode("[]").tag(sync=True)
    state = traitlets.Unicode("{}").tag(sync=True)
    still = traitlets.Unicode("").tag(sync=True)
    wire_0 = traitlets.Bytes(b"").tag(sync=True)
    wire_1 = traitlets.Bytes(b"").tag(sync=True)
    wire_2 = traitlets.Bytes(b"").tag(sync=True)
    wire_3 = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, run: Run, *names: str, theme: str = "auto", height: int | None = None):
        if len(names) > MOST_FIGURES:
            raise ValueError(f"{len(names)} figures are more than fit into a cell: at most {MOST_FIGURES} are followed at once.")
        self.run = run
        self.names = tuple(run.drawable(name) for name in names or ("losses",))
        entries = [(name, figures.FIGURES[name]) for name in self.names]
        cards = [{"name": n, "title": e.title, "look": e.look_at, "formula": e.formula, "height": height or e.height} for n, e in entries]
        self.busy = ""
        self._page_theme = "light"
        self._drawn: dict[int, Any] = {}  # figure -> what its newest frame shows
        self._frames: dict[int, bytes] = {}
        self._sent: dict[int, float] = {}  # figure -> when a frame was sent that the browser has not acknowledged yet
        self._due = 0.0
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._still = Still()
        super().__init__(theme=theme, cards=json.dumps(cards), still=self._still.name)
        self.on_msg(lambda _, message, __: self._hear(message))
        self.observe(lambda _: self._refresh(), "theme")
        self._refresh()
        self._begin()
        if not LiveRun._engine_sent:  # the first figure brings the plotting library with it: a busy kernel could not be asked
            LiveRun._engine_sent = True
            self._send_engine()

    def __repr__(self) -> str:
        return f"<live {', '.join(self.names)} of {self.run!r}>"

    @property
    def following(self) -> bool:
        """Whether the run is still followed: until it has ended, or the widget was closed."""
        return self._thread is not None and self._thread.is_alive()

    def _repr_mimebundle_(self, **which: Any) -> Any:
        self._stand_still()
        return super()._repr_mimebundle_(**which)

    def _stand_still(self) -> None:
        """What an exported notebook shows: the figures as they are now."""
        try:
            picture = HUB.picture(self.run)
            images = [svg({**(d := drawn(picture, n, theme_of("light"))), "layout": {**d["layout"], **_sized(n)}}) for n in self.names]
            self._still.show(f"Run {self.run.id}: {sentences.where(picture.status)}", images)
        except (OSError, RunError) as problem:
            self._still.show(str(problem), [])

    def close(self) -> None:
        """Follow no longer; the run itself goes on."""
        self._thread = None
        super().close()

    # Following

    def _begin(self) -> None:
        if not self.following:
            self._thread = threading.Thread(target=self._follow, name=f"live {self.run.id}")
            self._thread.start()

    def _follow(self) -> None:
        picture = None
        while self._thread is threading.current_thread() and not ending():
            try:
                HUB.newer(self.run, picture, LOOK_EVERY)
                self._pace()
                picture = HUB.picture(self.run)  # what came while this thread kept pace
                self._show(picture)
                if not (picture.status.live or self.busy or self.run.status.live):  # it may just have been resumed
                    self._stand_still()
                    return self._finish()
            except (OSError, RunError) as problem:
                self._say(str(problem) if isinstance(problem, RunError) else f"Run {self.run.id} is gone: its folder cannot be read.")
                break
            except Exception:  # the bottom of a thread
                log.exception("Following run %s", self.run.id)
                time.sleep(1.0)

    def _finish(self) -> None:
        """See to it that the last frames arrive."""
        while self._thread is threading.current_thread() and any(getattr(self, f"wire_{k}") != frame for k, frame in self._frames.items()):
            time.sleep(0.1)
            with self._lock:
                for k in self._frames:
                    self._hand_over(k)

    def _pace(self) -> None:
        """Wait until the next frames are due: ten times a second at most on average, a little early where they come unevenly."""
        wait = self._due - AHEAD - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._due = max(self._due, time.monotonic()) + PERIOD

    def _refresh(self) -> None:
        """Show how things stand now."""
        try:
            self._show(HUB.picture(self.run))
        except (OSError, RunError) as problem:
            self._say(str(problem))

    def _show(self, picture: Picture) -> None:
        with self._lock, self.hold_sync():  # in one message: the next would wait up to 40 ms for TCP's delayed acknowledgement of this one
            self._tell(picture.status)
            theme = self._theme()
            for k, name in enumerate(self.names):
                reports = figures.FIGURES[name].takes == figures.REPORTS
                shown = (picture.cursor if reports else picture.moment, picture.status.state, theme)
                if self._drawn.get(k) != shown:
                    self._drawn[k], self._frames[k] = shown, pack(drawn(picture, name, theme))
                self._hand_over(k)

    def _hand_over(self, k: int) -> None:
        """Hand the newest frame to the browser, unless it still draws the one before."""
        wire = f"wire_{k}"
        waits = k in self._sent and time.monotonic() - self._sent[k] < PATIENCE
        if k in self._frames and getattr(self, wire) != self._frames[k] and not waits:
            self._sent[k] = time.monotonic()
            setattr(self, wire, self._frames[k])

    def _theme(self) -> Theme:
        chosen = self._page_theme if self.theme == "auto" else self.theme
        return replace(DARK, paper="#1a1e22") if chosen == "dark" else theme_of(chosen)

    def _tell(self, status: Status) -> None:
        example = self.run.path.parent == EXAMPLES
        told = sentences.transport(status, example=example, same=True, ready=True, busy=self.busy)
        buttons = [button for button in told["buttons"] if button["name"] in BUTTONS and (button["enabled"] or status.live)]
        with self._lock:
            self.state = json.dumps({**told, "buttons": buttons, "time": None, "sentence": self.busy or sentences.where(status)})

    def _say(self, sentence: str) -> None:
        nothing = {"state": "failed", "buttons": [], "busy": False, "progress": 0, "device": "", "time": None}
        with self._lock:
            self.state = json.dumps({**nothing, "sentence": sentence, "spoken": sentence})

    def _send_engine(self) -> None:
        self.send({"engine": ENGINE_URL}, buffers=[compressed_engine()])

    # What the browser says

    def _hear(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        if message.get("engine") == ENGINE_URL:
            self._send_engine()
        elif message.get("theme") in ("light", "dark") and message["theme"] != self._page_theme:
            self._page_theme = message["theme"]
            self._refresh()
        elif message.get("action") in BUTTONS:
            self._act(message["action"])
        elif "drawn" in message and message.get("figure") in range(len(self.names)):
            self._acknowledge(message["figure"], message["drawn"])

    def _acknowledge(self, k: int, name: Any) -> None:
        """The browser has drawn what was sent: send what came meanwhile."""
        with self._lock:
            if name == checksum(getattr(self, f"wire_{k}")):
                self._sent.pop(k, None)
                self._hand_over(k)

    def _act(self, action: str) -> None:
        run = self.run
        simple: dict[str, Callable[[], Any]] = {"pause": run.pause, "continue": run.resume, "step": run.step}
        if action in simple:
            return self._try(simple[action])
        self.busy = "Stopping …" if action == "stop" else "Starting the training process again …"
        self._tell(run.status)
        threading.Thread(target=self._try, args=(run.stop if action == "stop" else run.resume,)).start()

    def _try(self, work: Callable[[], Any]) -> None:
        sentence = ""
        try:
            work()
        except (OSError, RunError) as problem:  # it has ended meanwhile, for instance
            sentence = str(problem)
        self.busy = ""
        if sentence:
            self._say(sentence)
        else:
            self._refresh()
            self._begin()


def _sized(name: str) -> dict[str, Any]:
    entry = figures.FIGURES[name]
    return {"title": {"text": entry.title}, "height": entry.height}


def drawn(picture: Picture, name: str, theme: Theme) -> dict[str, Any]:
    """A figure of a picture, as plain dict; where it cannot be drawn, or not yet, one that says why."""
    entry = figures.FIGURES[name]
    dataset = picture.drawn_by(entry)
    try:
        if dataset is not None:
            return entry.as_dict(dataset, theme)
        reason = sentences.missing(entry, picture)
    except ValueError as problem:
        reason = str(problem)
    return figure_of_sentence(sentences.folded(reason), theme)
