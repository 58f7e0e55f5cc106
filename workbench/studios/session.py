"""The state of one page: which recipe is edited, which runs are shown, what was pressed. Knows no Panel.

A session keeps nothing that matters: the draft of the recipe, which runs are shown and which tab is open stand in the address;
everything else stands in the run folders.
"""

from __future__ import annotations

import functools
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workbench.data.files import allowed, check_file
from workbench.results.generated import NUISANCE_STOPS
from workbench.runs.files import RunError, in_words
from workbench.runs.store import Run
from workbench.studios import address as addresses
from workbench.studios import errands, sentences, slide
from workbench.studios.draft import Draft
from workbench.studios.house import Guest
from workbench.studios.lecture import HALL, Lecture, Scene
from workbench.studios.library import Library
from workbench.studios.live import HUB, Picture, then
from workbench.studios.slide import Teller
from workbench.training.recipe import Recipe, SweepRecipe

MOST_NOTICES = 6
REPLAY = 40  # ticks of a page, 10 s, in which a whole training is replayed
HEARD = (
    "preset", "option", "undo", "title", "action", "key", "open", "compare", "delete", "tab", "observable", "subset", "dismiss", "theme",
    "time", "refused",
    "story", "tell", "lead", "a", "awake", "search", "place", "waiting",
)  # fmt: skip
CHANGES = ("pause", "continue", "step", "stop", "resume")
"""Actions that change the run that is shown."""
FOLLOWERS = ("theme", "dismiss", "awake")
"""What is heard of a page that follows a lecture."""
SUBSETS = {"": "M = 1, N/8, N/2"} | {str(2**k): f"M = {2**k}" for k in range(10)}
"""Of how many draws the scaled pull takes the mean: a choice, and its words."""
NUISANCES = tuple(f"{a:g}" for a in NUISANCE_STOPS)
"""Values of the theory nuisance a at which distributions are drawn."""
SAID = (OSError, ValueError, RunError)
"""Errors whose message is a sentence for the page."""

log = logging.getLogger(__name__)
CHECKER = ThreadPoolExecutor(max_workers=2, thread_name_prefix="look at files")
STARTER = ThreadPoolExecutor(max_workers=4, thread_name_prefix="start runs")


@dataclass(frozen=True)
class Tab:
    name: str
    title: str
    lead: str = ""


class Session(ABC):
    """*Arguments*: runs, the folder of the user's own runs; guest, who looks at the page, by default somebody who may do everything."""

    recipe_type: ClassVar[type[Recipe]]
    """The recipe that the form edits."""
    kinds: ClassVar[tuple[type[Recipe], ...]]
    """The recipes whose runs the page shows."""
    tabs: ClassVar[tuple[Tab, ...]]
    place: ClassVar[str] = "./"
    """Where the page stands below the server's address."""
    stories: ClassVar[tuple[str, ...]] = ()
    """Names of the stories that the tab "stories" tells, in the order of a lecture."""

    def __init__(self, *, runs: str | os.PathLike[str] | None = None, guest: Guest | None = None):
        self.guest = guest or Guest()
        self.library = Library(runs, self.kinds)
        self.draft = Draft(self.recipe_type)
        self.shown: list[Run] = []
        self.tab = self.tabs[0].name
        self.story = next(iter(self.stories), "")
        self.shipped = False  # one's own trainings of the story stand back behind the numbers that ship
        self.at: int | None = None  # the step that is looked at; None for the newest
        self.playing: float | None = None  # the position among the snapshots while they are replayed
        self.observable = ""  # what was chosen; empty for the first
        self.subset = ""
        self.a = ""  # of the theory nuisance; empty for the largest
        self.hide: list[str] = []  # names of what a link has hidden for an exercise
        self.notices: list[str] = []
        self.theme, self.projector = "light", False
        self.leads: Lecture | None = None
        self.follows: Lecture | None = None
        self.scene: Scene | None = None  # what is shown of the lecture that is followed
        self.looked: tuple[str, str, str] = ("", "", "")  # the file that was looked at, of what kind, in which units
        self.refusal = ""  # the notice that says why a training could not be started
        self.busy = ""  # a sentence while a run is being started
        self.sought = ""  # in the list of runs
        self.first = 0  # of the runs found, the one with which the list begins
        self.awake = 0  # the last question of a page whether it is still heard
        self.soon: Callable[[Callable[[], None]], Any] = lambda work: work()  # runs something on the session's own thread

    @abstractmethod
    def refresh(self, *, everything: bool = False) -> None:
        """Show how things stand now; `everything`, when something was pressed."""

    def observables(self) -> dict[str, str]:
        """Names and titles of all observables that some run of this page may have."""
        return {}

    def offered(self) -> list[str]:
        """The observables that the runs shown have."""
        return list(self.observables())

    @property
    def observed(self) -> str:
        """The observable that is drawn: the chosen one, where the runs shown have it."""
        offered = self.offered()
        return self.observable if self.observable in offered else next(iter(offered), "")

    def note(self, sentence: str) -> None:
        """Put a sentence on the page, where it stays until it is dismissed."""
        sentence = self.guest.told(sentence)
        if sentence not in self.notices:
            self.notices = [*self.notices, sentence][-MOST_NOTICES:]

    # Where the page stands

    def restore(self, address: addresses.Address) -> None:
        """Take over what a link says: runs first, then the recipe, which may differ from that of the run."""
        for problem in address.problems:
            self.note(problem)
        if address.follow and (lecture := HALL.find(address.follow)):
            self.follows = lecture
            lecture.followers.add(self)
            return self.attend()
        if address.follow:
            self.note("The lecture of this link is over.")
        if address.lead:
            self.leads = HALL.take_over(self)
        self.observable, self.subset = address.observable or self.observable, address.subset or self.subset
        self.at, self.a, self.hide = address.step, address.a or self.a, address.hide
        self.story = address.story or self.story
        for name in filter(None, dict.fromkeys([address.run, *address.compare])):
            self._try(functools.partial(self._add, name))
        if address.preset is not None or address.options:
            self.draft = Draft(self.recipe_type, address.preset or "", address.options)
        elif self.shown:
            self.draft.adopt(self.shown[0].recipe)
        if not self.shown:
            self.show_finished()
        self.tab = address.tab or self.home
        self.look_at_file()

    @property
    def home(self) -> str:
        """The tab on which the page opens: that of the sweep, where one is shown."""
        swept = bool(self.shown) and isinstance(self.shown[0].recipe, SweepRecipe)
        return "sweep" if swept and "sweep" in [tab.name for tab in self.tabs] else self.tabs[0].name

    @property
    def address(self) -> addresses.Address:
        """Where the page stands now. A lone example needs no name: it is found again by its recipe."""
        if self.follows is not None:
            return addresses.Address(follow=self.follows.id)
        named = self.shown if len(self.shown) > 1 or not self.of_example else []
        same = bool(named) and self.of_draft
        options = {} if same else {name: new for name, (_, new) in self.draft.changes.items()}
        usual = self.draft.preset == next(iter(self.draft.presets)) and (bool(options) or not named)
        return addresses.Address(
            preset=None if same or usual else self.draft.preset,
            options=options,
            run=named[0].id if named else "",
            compare=[run.id for run in named[1:]],
            tab="" if self.tab == self.home else self.tab,
            observable="" if self.observed == next(iter(self.offered()), "") else self.observed,
            subset=self.subset,
            a=self.a,
            story=self.story if self.tab == "stories" else "",
            lead=self.leads is not None,
            hide=self.hide,
            step=self.at if self.playing is None else None,  # some browsers allow few changes of an address
        )

    def shown_now(self) -> Scene:
        """What those see who follow this page."""
        runs = tuple(run.id for run in self.shown)
        story = self.story if self.tab == "stories" else ""
        return Scene(self.place, runs, self.tab, self.observed, self.subset, story, self.at, self.a, self.shipped)

    def attend(self) -> None:
        """Show what the lecturer shows."""
        scene = self.follows.scene if self.follows else None
        if scene is None or scene == self.scene or scene.place != self.place:
            return
        self.scene = scene
        if scene.runs != tuple(run.id for run in self.shown):
            self.shown = []
            for name in scene.runs:
                self._try(functools.partial(self._add, name))
        self.tab, self.observable, self.subset, self.at, self.a = scene.tab, scene.observable, scene.subset, scene.at, scene.a
        self.story, self.shipped = scene.story or self.story, scene.shipped

    def lecture(self, stir: Callable[..., None]) -> dict[str, Any] | None:
        """What stands above a page that leads, follows, or may lead. `stir` makes other pages look."""
        if self.leads is not None and (self.leads.over or self.leads.leader is not self):
            self.leads = None
        if self.leads is not None:
            if self.leads.show(self, self.shown_now()):
                stir(*self.leads.followers)
            first = HALL.find("") is self.leads
            people = len(self.leads.followers)
            words = f"{people} {'page follows' if people == 1 else 'pages follow'}" if people else "Nobody follows yet"
            return {"leads": True, "link": self.guest.house.link("follow" if first else f"follow/{self.leads.id}"), "people": words}
        if self.follows is None:
            return {"leads": False} if self.guest.lecturer else None
        scene = self.follows.scene
        elsewhere = scene is not None and scene.place != self.place
        around = addresses.Address(run=next(iter(scene.runs), ""), tab=scene.tab, story=scene.story) if scene else addresses.Address()
        return {
            "follows": True,
            "sentence": sentences.following(led=self.follows.led, over=self.follows.over, at=self.at),
            "leave": self.place + around.query(),
            "go": f"{scene.place}?follow={self.follows.id}" if scene and elsewhere else "",
        }

    def on_lead(self, message: dict[str, Any]) -> None:
        if not self.guest.lecturer:
            return
        if message["lead"] and self.leads is None:
            self.leads = HALL.begin(self)
        elif not message["lead"] and self.leads is not None:
            HALL.end(self.leads)

    @property
    def of_example(self) -> bool:
        """Whether the first run shown is an example."""
        return bool(self.shown) and self.library.is_example(self.shown[0])

    @property
    def of_draft(self) -> bool:
        """Whether the first run shown is a run of the recipe in the form."""
        return bool(self.shown) and self.draft.is_like(self.shown[0].recipe)

    @property
    def of_other(self) -> bool:
        """Whether the figures belong to other recipes than the one in the form."""
        return bool(self.shown) and not any(self.draft.is_like(run.recipe) for run in self.shown)

    def show_finished(self) -> None:
        """Show a finished run of the draft's recipe; with nothing to see yet, the one that resembles it most. A training stays in sight."""
        status = self.shown[0].status if self.shown else None
        if status is not None and not self.of_example and (status.live or (self.of_draft and status.state == "finished")):
            return
        run = self.library.trained(self.draft.recipe) or (None if self.shown else self.library.nearest(self.draft.recipe))
        if run is not None:
            self.shown = [run, *(other for other in self.shown[1:] if other.path != run.path)]

    def pictures(self) -> list[tuple[Run, Picture]]:
        """Shown runs with what is known of them; a run that is gone leaves with a sentence."""
        found = []
        for run in list(self.shown):
            try:
                if not (run.path / "recipe.json").exists():
                    raise FileNotFoundError
                found.append((run, HUB.picture(run)))
            except SAID as problem:
                self.shown.remove(run)
                HUB.forget(run)
                self.note(f"Run {run.id} is gone: its folder was deleted." if isinstance(problem, FileNotFoundError) else str(problem))
        return found

    def replayed(self, pictures: list[tuple[Run, Picture]]) -> list[tuple[Run, Picture]]:
        """The pictures at the step that is looked at: each at its nearest snapshot."""
        if self.at is None:
            return pictures
        found = []
        for run, picture in pictures:
            try:
                found.append((run, then(run, picture, self.at)))
            except SAID as problem:  # it has just moved into the file of the finished run
                log.info("A snapshot of run %s: %s", run.id, problem)
                found.append((run, picture))
        return found

    def play(self) -> None:
        """One tick of a replay."""
        if self.playing is None:
            return
        steps = HUB.picture(self.shown[0]).steps if self.shown and self.shown[0].path.exists() else ()
        self.playing += max(1.0, len(steps) / REPLAY)
        if self.playing >= len(steps) - 1:
            self.at = self.playing = None
        else:
            self.at = steps[int(self.playing)]

    @property
    def teller(self) -> Teller:
        """Who tells the chosen story."""
        return slide.teller(slide.told(self.story), self.library.own, shipped=self.shipped)

    def transport(self, pictures: list[tuple[Run, Picture]]) -> dict[str, Any]:
        """Buttons, progress and sentence of the first run shown."""
        status = pictures[0][1].status if pictures else None
        status = status and replace(status, message=self.guest.told(status.message))
        same = self.of_draft and not self.of_example
        if self.follows is not None:
            return sentences.transport(status, example=False, same=same, ready=False, busy="") | {"buttons": []}
        trains = not self.guest.no_training
        bar = sentences.transport(
            status, example=self.of_example, same=same, ready=self.draft.ready, busy=self.busy, trains=trains,
            wrong=self.guest.told(self.draft.problem) if trains else "",
        )  # fmt: skip
        no_change = self.guest.no_change(pictures[0][0]) if pictures and not self.of_example else ""
        refused = {"train": self.guest.no_training} | dict.fromkeys(CHANGES, no_change)
        for button in bar["buttons"]:
            if why := refused.get(button["name"]):
                button |= {"enabled": False, "title": why}
        return bar

    def _add(self, name: str) -> None:
        self.shown.append(self.library.find(name))

    # The file of the recipe

    def look_at_file(self) -> None:
        """Say what is wrong with the file that is named as soon as that is known; meanwhile people type on."""
        recipe = self.draft.recipe.to_dict()
        looked = (recipe.get("file", ""), recipe.get("process") or recipe.get("dataset", ""), recipe.get("units", ""))
        if looked == self.looked:
            return
        self.looked, self.draft.doubts = looked, {}

        def look() -> None:
            try:
                if not self.guest.lecturer:
                    allowed(looked[0])
                check_file(*looked)
            except SAID as problem:
                self.soon(functools.partial(self._doubt, looked, in_words(problem)))
            except Exception:  # the bottom of a thread: Train will say it
                log.exception("Looking at a file")

        if looked[0]:
            CHECKER.submit(look)

    def _doubt(self, looked: tuple[str, str, str], sentence: str) -> None:
        if looked == self.looked:
            self.draft.doubts = {"file": self.guest.told(sentence)}
            self.refresh(everything=True)

    # What is pressed

    def hear(self, message: dict[str, Any]) -> None:
        """A message from the browser: one key that names it. Anything unknown is ignored."""
        heard = HEARD if self.follows is None else FOLLOWERS
        hearer = next((getattr(self, f"on_{key}") for key in message if key in heard), None)
        if hearer is not None:
            before = self.shown[:1]
            self._try(lambda: hearer(message))
            if self.shown[:1] != before:
                self.at = self.playing = None
            self.look_at_file()
            self.refresh(everything=True)

    def _try(self, work: Callable[[], Any]) -> None:
        """Do something that may not be possible: then its sentence goes onto the page."""
        try:
            work()
        except (*SAID, KeyError, TypeError) as problem:
            log.info("Not possible: %s", problem)
            self.note(in_words(problem))

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

    def on_tab(self, message: dict[str, Any]) -> None:
        if message["tab"] in [tab.name for tab in self.tabs]:
            self.tab = message["tab"]

    def on_observable(self, message: dict[str, Any]) -> None:
        if message["observable"] in self.observables():
            self.observable = message["observable"]

    def on_subset(self, message: dict[str, Any]) -> None:
        if message["subset"] in SUBSETS:
            self.subset = message["subset"]

    def on_a(self, message: dict[str, Any]) -> None:
        if str(message["a"]) in NUISANCES:
            self.a = "" if str(message["a"]) == NUISANCES[-1] else str(message["a"])

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
        teller, store = self.teller, self.library.own

        def train() -> None:
            self.guest.begin_story(teller.story, store)
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
        run = self.shown[0] if self.shown else None
        action = message["action"]
        if action == "train" and self.draft.ready and not self.busy:
            self._start()
        elif action == "reset":
            self.draft.choose(self.draft.preset)
            self.shown = []
            self.show_finished()
        elif run is not None and not self.of_example and action in CHANGES:
            self.guest.change(run)
            if action == "pause":
                run.pause()
            elif action == "continue":
                run.resume()
            elif action == "step":
                run.step()
            elif action == "stop":
                self._later("Stopping …", run.stop)
            elif action == "resume" and not self.busy:
                self._later("Starting the training process again …", functools.partial(self.guest.resume, run))

    def _start(self) -> None:
        recipe, file = self.draft.recipe, getattr(self.draft.recipe, "file", "")
        again = self.of_draft and not self.of_example

        def work() -> Run:
            if file and not self.guest.lecturer:
                allowed(file)
            for note in errands.check_events(recipe) if file else ():
                self.soon(functools.partial(self.note, note))
            return self.guest.launch(recipe, self.library.own, title=self.draft.title, reuse=not again)

        self._later("Reading the file …" if file else "Starting the training process …", work, self._started)

    def _withdraw(self) -> None:
        """Take back why the last training could not be started: another one is wanted now."""
        self.notices, self.refusal = [notice for notice in self.notices if notice != self.refusal], ""

    def _started(self, run: Run) -> None:
        self._withdraw()
        self.draft.title, self.draft.doubts = "", {}
        self.at = self.playing = None
        self.shown = [run, *(other for other in self.shown[1:] if other.id != run.id)]
        if self.tab == "runs" or isinstance(run.recipe, SweepRecipe):
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
