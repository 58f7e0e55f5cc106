"""What is pressed and typed on a page, and what that begins; what takes a while is done on other threads."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.data.files import allowed
from workbench.runs.files import in_words
from workbench.runs.run import Run
from workbench.studios.live.hub import HUB
from workbench.studios.pages import address as addresses
from workbench.studios.pages.session import CHANGES, SAID, Session
from workbench.studios.server import errands
from workbench.studios.server.lecture import HALL

HEARD = (
    "preset", "option", "undo", "title", "action", "key", "open", "compare", "delete", "tab", "dismiss", "theme",
    "time", "refused",
    "story", "tell", "lead", "awake", "search", "place", "waiting", "where",
)  # fmt: skip
FOLLOWERS = ("theme", "dismiss", "awake")
"""What is heard of a page that follows a lecture."""

log = logging.getLogger(__name__)
STARTER = ThreadPoolExecutor(max_workers=4, thread_name_prefix="start runs")


class Hearing(Session):
    """A session that is told what somebody does."""

    def hear(self, message: dict[str, Any]) -> None:
        """A message from the browser: one key that names it. Anything unknown is ignored."""
        heard = HEARD if self.follows is None else FOLLOWERS
        hearer: Callable[[dict[str, Any]], None] | None = next((getattr(self, f"on_{key}") for key in message if key in heard), None)
        if hearer is None and self.follows is None:
            hearer = self.on_chosen if any(chooser.name in message for chooser in self.choosers) else None
        if hearer is not None:
            before = self.shown[:1]
            self._try(lambda: hearer(message))
            if self.shown[:1] != before:
                self.at = self.playing = None
            self.look_at_file()
            self.refresh(everything=True)

    def on_preset(self, message: dict[str, Any]) -> None:
        if str(message["preset"]) in self.draft.presets:
            self._withdraw()
            self.draft.choose(str(message["preset"]))
            self.show_finished()

    def on_option(self, message: dict[str, Any]) -> None:
        value = message.get("value")
        self._withdraw()
        self.draft.set(str(message["option"]), value if isinstance(value, bool) else str(value)[:2_000])
        self.show_finished()

    def on_undo(self, message: dict[str, Any]) -> None:
        if str(message["undo"]) in self.recipe_type.options():
            self._withdraw()
            self.draft.undo(str(message["undo"]))
            self.show_finished()

    def on_title(self, message: dict[str, Any]) -> None:
        self.draft.title = "".join(c for c in str(message["title"])[:80] if c.isprintable())

    def on_where(self, message: dict[str, Any]) -> None:
        """The next run trains on a cluster, or here again."""
        if (place := str(message["where"])) in ("", *self.places):
            self._withdraw()
            self.where = place

    def on_tab(self, message: dict[str, Any]) -> None:
        if message["tab"] in [tab.name for tab in self.tabs]:
            self.tab = message["tab"]

    def on_chosen(self, message: dict[str, Any]) -> None:
        """Values of choosers, of one or, where a point was dragged, of two."""
        for chooser in self.choosers:
            if (value := str(message.get(chooser.name))) in chooser.values:
                self.chosen[chooser.name] = value

    def on_awake(self, message: dict[str, Any]) -> None:
        self.awake = message["awake"] if type(message["awake"]) is int else 0

    def on_dismiss(self, message: dict[str, Any]) -> None:
        if 0 <= int(message["dismiss"]) < len(self.notices):
            del self.notices[int(message["dismiss"])]

    def on_theme(self, message: dict[str, Any]) -> None:
        self.theme = "dark" if message["theme"] == "dark" else "light"
        self.projector = bool(message.get("projector"))

    def on_time(self, message: dict[str, Any]) -> None:
        steps = HUB.picture(self.shown[0]).steps if self.shown else ()
        wanted = message["time"]
        if wanted == "play":
            begin = 0.0 if self.at is None else float(min(range(len(steps)), key=lambda k: abs(steps[k] - (self.at or 0)), default=0))
            self.playing = begin if self.playing is None and len(steps) > 1 else None
            self.at = steps[int(begin)] if self.playing is not None else self.at
        elif wanted == "newest":
            self.at = self.playing = None
        elif steps:
            place = min(max(int(wanted), 0), len(steps) - 1)
            self.at, self.playing = None if place == len(steps) - 1 else steps[place], None

    def on_open(self, message: dict[str, Any]) -> None:
        run = self.library.find(str(message["open"]))
        self.shown = [run]
        self.draft.adopt(run.recipe)
        self.tab = self.home

    def on_compare(self, message: dict[str, Any]) -> None:
        name = str(message["compare"])
        if not message.get("on"):
            self.shown = self.shown[:1] + [run for run in self.shown[1:] if run.id != name]
        elif len(self.shown) > addresses.MOST_COMPARED:
            self.note(f"At most {addresses.MOST_COMPARED + 1} runs fit into one figure; take one out of the comparison first.")
        elif name not in [run.id for run in self.shown]:
            self._add(name)

    def on_delete(self, message: dict[str, Any]) -> None:
        name = str(message["delete"])
        run = self.library.own.open(name)
        self.guest.change(run)
        self.library.delete(name)
        self.guest.forget(run)
        self.shown = [run for run in self.shown if run.id != name or self.library.is_example(run)]
        if not self.shown:
            self.show_finished()

    def on_waiting(self, message: dict[str, Any]) -> None:
        """All runs that wait are to be stopped."""
        if message["waiting"] == "stop" and not self.busy:
            self._later("Stopping …", functools.partial(self.guest.stop_waiting, self.library.own))

    def on_search(self, message: dict[str, Any]) -> None:
        self.sought, self.first = "".join(c for c in str(message["search"])[:200] if c.isprintable()), 0

    def on_place(self, message: dict[str, Any]) -> None:
        """Another part of a long list of runs."""
        self.first = max(0, message["place"]) if type(message["place"]) is int else 0

    def on_refused(self, message: dict[str, Any]) -> None:
        """A file that the page sent was not taken."""
        self.note("".join(c for c in str(message["refused"])[:500] if c.isprintable()))

    def on_story(self, message: dict[str, Any]) -> None:
        if message["story"] in self.stories:
            self._turn_to(message["story"])

    def _turn_to(self, story: str) -> None:
        self.story, self.shipped = story, False

    def on_tell(self, message: dict[str, Any]) -> None:
        if message["tell"] in ("shipped", "here"):
            self.shipped = message["tell"] == "shipped"
            return
        self.shipped = False
        teller, store, where = self.teller, self.library.own, self.where

        def train() -> None:
            self.guest.begin_story(teller.story, store, on=where)
            teller.hurry()

        def stop() -> None:
            live = [run for _, run in teller.story.found(store) if run.alive()]
            mine = [run for run in live if not self.guest.no_change(run)]
            for run in mine or live:
                self.guest.change(run)
                run.stop()
            teller.hurry()

        if message["tell"] in ("train", "stop") and not self.busy:
            self._later(*(("Starting the trainings …", train) if message["tell"] == "train" else ("Stopping …", stop)))

    def _key_of_story(self, key: str) -> None:
        """Left and right go through the stories, space trains the one that is shown."""
        if key in ("left", "right"):
            place = self.stories.index(self.story) + (1 if key == "right" else -1)
            self._turn_to(self.stories[place % len(self.stories)])
        elif key == "space":
            self.on_tell({"tell": "train"})

    def on_key(self, message: dict[str, Any]) -> None:
        if self.tab == "stories":
            return self._key_of_story(str(message["key"]))
        buttons = {button["name"] for button in self.transport(self.pictures())["buttons"] if button["enabled"]}
        wanted = {"space": ("pause", "continue", "resume", "train"), "right": ("step",), "r": ("reset",)}.get(message["key"], ())
        if message["key"] == "p":
            self.on_time({"time": "play"})
        elif action := next((name for name in wanted if name in buttons), None):
            self.on_action({"action": action})

    def on_action(self, message: dict[str, Any]) -> None:
        action = message["action"]
        if action == "train" and self.draft.ready and not self.busy:
            self._start()
        elif action == "reset":
            self.draft.choose(self.draft.preset)
            self.shown = []
            self.show_finished()
        elif self.shown and not self.of_example and action in CHANGES:
            runs = self.pressed if len(self.pressed) == 1 else [run for run in self.pressed if run.alive() == (action != "resume")]
            for run in runs:
                self.guest.change(run)
            if action == "continue":
                for run in runs:
                    run.resume()
            elif action in ("pause", "step"):
                for run in runs:
                    run.control(action)
            elif action == "change" and (turned := self.turned):
                self.shown[0].change(**turned)
            elif action == "stop":
                self._later("Stopping …", lambda: [run.stop() for run in reversed(runs)])  # those first that wait, lest they begin
            elif action == "resume" and not self.busy:
                self._later(
                    "Starting the training process again …", lambda: [self.guest.resume(run) for run in runs if run.status.resumable]
                )

    def _start(self) -> None:
        trainings, file = self.draft.trainings, getattr(self.draft.recipe, "file", "")
        again, where = self.of_draft and not self.of_example, self.where

        def work() -> list[Run]:
            if file and not self.guest.lecturer:
                allowed(file)
            for _, recipe in trainings if file else ():
                for note in errands.check_events(recipe):
                    self.soon(functools.partial(self.note, note))
            return self.guest.launch_all(trainings, self.library.own, title=self.draft.title, reuse=not again, on=where)

        self._later("Reading the file …" if file else "Starting the training process …", work, self._started)

    def _withdraw(self) -> None:
        """Take back why the last training could not be started: another one is wanted now."""
        self.notices, self.refusal = [notice for notice in self.notices if notice != self.refusal], ""

    def _started(self, runs: list[Run]) -> None:
        self._withdraw()
        self.draft.title, self.draft.doubts = "", {}
        self.at = self.playing = None
        self.shown = runs if len(runs) > 1 else runs + [other for other in self.shown[1:] if other.id != runs[0].id]
        if self.tab == "runs" or runs[0].recipe.axes:
            self.tab = self.home

    def _later(self, sentence: str, work: Callable[[], Any], then: Callable[[Any], None] = lambda _: None) -> None:
        """Do what may take a while on another thread; its result comes back on the session's own."""
        self.busy = sentence

        def finish(result: Any, problem: Exception | None) -> None:
            self.busy = ""
            if problem is None:
                then(result)
            else:
                self.refusal = self.guest.told(in_words(problem))
                self.note(self.refusal)
            self.refresh(everything=True)

        def run() -> None:
            try:
                result, problem = work(), None
            except Exception as met:  # the bottom of a thread: the page says it
                if not isinstance(met, SAID):
                    log.exception("In the background")
                result, problem = None, met
            self.soon(functools.partial(finish, result, problem))

        STARTER.submit(run)

    def on_lead(self, message: dict[str, Any]) -> None:
        if not self.guest.lecturer:
            return
        if message["lead"] and self.leads is None:
            self.leads = HALL.begin(self)
        elif not message["lead"] and self.leads is not None:
            HALL.end(self.leads)
