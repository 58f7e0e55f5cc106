"""The state of one page: which recipe is edited, which runs are shown, where the page stands. Knows no Panel.

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
from workbench.families import Family
from workbench.runs.cluster import clusters
from workbench.runs.files import RunError, in_words
from workbench.runs.run import Run
from workbench.stories import stories_of
from workbench.studios.live.hub import HUB, Picture, then
from workbench.studios.pages import address as addresses
from workbench.studios.pages import sentences, slide
from workbench.studios.pages.chooser import Chooser
from workbench.studios.pages.draft import Draft, alike
from workbench.studios.pages.library import Library
from workbench.studios.pages.slide import Teller
from workbench.studios.server.house import Guest
from workbench.studios.server.lecture import HALL, Lecture, Scene
from workbench.training.recipe import Recipe

MOST_NOTICES = 6
REPLAY = 40  # ticks of a page, 10 s, in which a whole training is replayed
CHANGES = ("pause", "continue", "step", "stop", "resume", "change")
"""Actions that change the run that is shown."""
SAID = (OSError, ValueError, RunError)
"""Errors whose message is a sentence for the page."""

log = logging.getLogger(__name__)
CHECKER = ThreadPoolExecutor(max_workers=2, thread_name_prefix="look at files")


@dataclass(frozen=True)
class Tab:
    name: str
    title: str
    lead: str = ""


class Session(ABC):
    """*Arguments*: runs, the folder of the user's own runs; guest, who looks at the page, by default somebody who may do everything."""

    family: ClassVar[Family]
    """What its runs belong to; all else that is said of it here follows from that."""
    recipe_type: ClassVar[type[Recipe]]
    """The recipe that the form edits."""
    place: ClassVar[str]
    """Where the page stands below the server's address."""
    stories: ClassVar[tuple[str, ...]]
    """Names of the stories that the tab "stories" tells, in the order of a lecture."""
    tabs: ClassVar[tuple[Tab, ...]]
    choosers: ClassVar[tuple[Chooser, ...]] = ()
    """What is chosen for its figures."""

    def __init_subclass__(cls) -> None:
        if family := vars(cls).get("family"):
            cls.recipe_type, cls.place, cls.stories = family.recipe, f"./{family.place}", stories_of(family)

    def __init__(self, *, runs: str | os.PathLike[str] | None = None, guest: Guest | None = None):
        self.guest = guest or Guest()
        self.library = Library(runs, tuple(kind.recipe for kind in self.family.kinds))
        self.draft = Draft(self.recipe_type)
        self.shown: list[Run] = []
        self.where = ""  # the cluster on which the next run trains; this computer where it is empty
        self.tab = self.tabs[0].name
        self.story = next(iter(self.stories), "")
        self.shipped = False  # one's own trainings of the story stand back behind the numbers that ship
        self.at: int | None = None  # the step that is looked at; None for the newest
        self.playing: float | None = None  # the position among the snapshots while they are replayed
        self.chosen: dict[str, str] = {}  # by name of the chooser
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

    @property
    def recipes(self) -> list[Any]:
        """Those of the runs shown; where there are none, that of the form."""
        return [run.recipe for run in self.shown] or [self.draft.recipe]

    @property
    def drawn_at(self) -> dict[str, str]:
        """The values that are drawn, by name of the chooser."""
        return {chooser.name: chooser.drawn(self.chosen.get(chooser.name), self.recipes) for chooser in self.choosers}

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
        self.chosen |= address.chosen
        self.at, self.hide = address.step, address.hide
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
        swept = bool(self.shown) and bool(self.shown[0].recipe.axes)
        return "sweep" if swept and "sweep" in [tab.name for tab in self.tabs] else self.tabs[0].name

    @property
    def address(self) -> addresses.Address:
        """Where the page stands now. A lone example needs no name: it is found again by its recipe."""
        if self.follows is not None:
            return addresses.Address(follow=self.follows.id)
        named = self.shown if len(self.shown) > 1 or not self.of_example else []
        same = bool(named) and self.of_draft and len(self.draft.trainings) == 1  # no run knows the others of its sweep
        options = {} if same else {name: new for name, (_, new) in self.draft.changes.items()}
        usual = self.draft.preset == next(iter(self.draft.presets)) and (bool(options) or not named)
        return addresses.Address(
            preset=None if same or usual else self.draft.preset,
            options=options,
            run=named[0].id if named else "",
            compare=[run.id for run in named[1:]],
            tab="" if self.tab == self.home else self.tab,
            chosen={c.name: value for c in self.choosers if (value := self.drawn_at[c.name]) != c.begins_with(self.recipes)},
            story=self.story if self.tab == "stories" else "",
            lead=self.leads is not None,
            hide=self.hide,
            step=self.at if self.playing is None else None,  # some browsers allow few changes of an address
        )

    def shown_now(self) -> Scene:
        """What those see who follow this page."""
        runs = tuple(run.id for run in self.shown)
        story = self.story if self.tab == "stories" else ""
        return Scene(self.place, runs, self.tab, self.drawn_at, story, self.at, self.shipped)

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
        self.tab, self.chosen, self.at = scene.tab, {**scene.chosen}, scene.at
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

    @property
    def of_example(self) -> bool:
        """Whether the first run shown is an example."""
        return bool(self.shown) and self.library.is_example(self.shown[0])

    @property
    def of_draft(self) -> bool:
        """Whether the first run shown is a run of the recipe in the form, which is trained by all that are shown where it is several."""
        if not self.shown or not self.draft.is_like(self.shown[0].recipe):
            return False
        shown, wanted = [run.recipe for run in self.shown], [recipe for _, recipe in self.draft.trainings]
        return len(wanted) == 1 or all(any(alike(recipe, other) for other in shown) for recipe in wanted)

    @property
    def pressed(self) -> list[Run]:
        """The runs on which the buttons act: the first one shown, or all of a sweep that is shown."""
        several = len(self.draft.trainings) > 1 and self.of_draft
        return [run for run in self.shown if self.draft.is_like(run.recipe)] if several else self.shown[:1]

    @property
    def of_other(self) -> bool:
        """Whether the figures belong to other recipes than the one in the form."""
        return bool(self.shown) and not any(self.draft.is_like(run.recipe) for run in self.shown)

    def show_finished(self) -> None:
        """Show a finished run of the draft's recipe; with nothing to see yet, the one that resembles it most.

        A training stays in sight, and so does one's own run of this recipe, however it ended.
        """
        status = self.shown[0].status if self.shown else None
        if status is not None and not self.of_example and (status.live or self.of_draft):
            return
        wanted = [recipe for _, recipe in self.draft.trainings]
        found = [run for recipe in wanted if (run := self.library.trained(recipe)) is not None]
        if not found and not self.shown and (nearest := self.library.nearest(wanted[0])):
            found = [nearest]
        if found:
            others = [other for other in self.shown[1:] if other.path not in [run.path for run in found]]
            self.shown = found + (others if len(wanted) == 1 else [])

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

    @property
    def turned(self) -> dict[str, Any]:
        """What the form has otherwise than the run shown, where all of it may change while that run trains; else nothing."""
        if not self.shown or self.of_example or self.draft.axes or not self.draft.ready or not HUB.picture(self.shown[0]).status.live:
            return {}
        options, differing = self.draft.recipe_type.options(), self.draft.beside(self.shown[0].recipe)
        return {name: new for name, (_, new) in differing.items()} if all(options[name].live for name in differing) else {}

    def transport(self, pictures: list[tuple[Run, Picture]]) -> dict[str, Any]:
        """Buttons, progress and sentence of the first run shown."""
        pressed = self.pressed
        several = [(run, picture.status) for run, picture in pictures if run in pressed] or [
            (run, picture.status) for run, picture in pictures[:1]
        ]
        run, status = next(((run, status) for run, status in several if status.live), several[0] if several else (None, None))
        status = status and replace(status, message=self.guest.told(status.message))
        same = self.of_draft and not self.of_example
        if self.follows is not None:
            return sentences.transport(status, example=False, same=same, ready=False, busy="") | {"buttons": []}
        trains = not self.guest.no_training
        bar = sentences.transport(
            status, example=self.of_example, same=same, ready=self.draft.ready, busy=self.busy, trains=trains,
            wrong=self.guest.told(self.draft.problem) if trains else "",
        )  # fmt: skip
        if turned := self.turned:
            bar["buttons"].append(sentences.change(self.draft.recipe, turned, ready=not self.busy))
        if len(several) > 1:
            bar["sentence"] = f"{sentences.ended([status for _, status in several])} {bar['sentence']}"
        no_change = self.guest.no_change(run) if run is not None and not self.of_example else ""
        refused = {"train": self.guest.no_training} | dict.fromkeys(CHANGES, no_change)
        for button in bar["buttons"]:
            if why := refused.get(button["name"]):
                button |= {"enabled": False, "title": why}
        return bar

    @property
    def places(self) -> list[str]:
        """The clusters on which this guest may train, besides this computer."""
        try:
            return [*clusters()] if self.guest.lecturer and not self.guest.no_training else []
        except RunError as problem:
            log.info("No cluster: %s", problem)
            return []

    def _add(self, name: str) -> None:
        self.shown.append(self.library.find(name))

    # The file of the recipe

    def look_at_file(self) -> None:
        """Say what is wrong with the file that is named as soon as that is known; meanwhile people type on."""
        recipe = self.draft.recipe
        looked = (getattr(recipe, "file", ""), recipe.subject, getattr(recipe, "units", ""))
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

    def _try(self, work: Callable[[], Any]) -> None:
        """Do something that may not be possible: then its sentence goes onto the page."""
        try:
            work()
        except (*SAID, KeyError, TypeError) as problem:
            log.info("Not possible: %s", problem)
            self.note(in_words(problem))
