"""What those who come in may do with the runs: everything, on one's own computer; in a class, within the rules of the house.

Whose a run is stands beside the runs, as an empty file `.people/<browser>/<run id>`: all runs stay in one folder, so equal recipes share
one training and one queue, and a name that somebody types is never a path.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.families import Part
from workbench.runs import files, launcher
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.runs.store import ID, RunStore
from workbench.studios.pages.draft import apart
from workbench.training.recipe import Recipe

if TYPE_CHECKING:
    from workbench.stories import Story

PEOPLE = ".people"
NAME = re.compile(r"[0-9a-f]{32}")
PLACE = re.compile(r"(?<![\w./:~<])(/[^/\s'\"]+)*/([^/\s'\"]*[^/\s'\".,:;)])")
"""Where something lies on the computer, and its last name."""


@dataclass(frozen=True)
class House:
    """*Arguments*: gallery, students look at runs and change nothing; users, everybody's list shows their own runs only; each, how many
    runs of a student may train or wait at the same time, 0 for any number; address and token, where and with what a class comes in."""

    gallery: bool = False
    users: bool = False
    each: int = 0
    address: str = ""
    token: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False)

    def link(self, place: str) -> str:
        """A link for the audience, which lets it in; on one's own computer relative to the page."""
        return f"{self.address}{place}" + (f"?token={self.token}" if self.token else "")


HOME = House()
"""One's own computer: whoever is in may do everything."""


@dataclass(frozen=True)
class Guest:
    """A browser in a house. *Arguments*: name, its random number; lecturer, whether it may do everything; address, whence it came."""

    house: House = HOME
    name: str = ""
    lecturer: bool = True
    address: str = ""

    def __str__(self) -> str:
        return f"{self.name} {'lecturer' if self.lecturer else 'student'}"

    @classmethod
    def read(cls, house: House, text: str, address: str = "") -> Guest:
        """The guest that `str` wrote; whoever cannot be read may do nothing."""
        name, _, role = text.partition(" ")
        return cls(house, name if NAME.fullmatch(name) else "", role == "lecturer", address)

    @property
    def invites(self) -> House | None:
        """The house to which this guest may invite others with its token."""
        return self.house if self.lecturer and self.house.token else None

    # What is allowed

    @property
    def no_training(self) -> str:
        """Why this guest may not train at all; '' where it may."""
        if not self.lecturer and self.house.gallery:
            return "This is a gallery: everything can be looked at, and the lecturer trains."
        return ""

    def no_change(self, run: Run) -> str:
        """Why this guest may not pause, stop, resume or delete a run; '' where it may."""
        return "" if self.lecturer else self.no_training or self._not_mine(run)

    def _not_mine(self, run: Run) -> str:
        mine, others = self._owners(run)
        if not mine:
            return "This run was started by somebody else; only they and the lecturer may change it."
        return "Somebody else trains this too, with the same recipe; only the lecturer may change it now." if others else ""

    def told(self, sentence: str) -> str:
        """A sentence for this guest: students read what a file is called, not where on the computer it lies."""
        return sentence if self.lecturer else PLACE.sub(lambda found: found[2] if found[1] else found[0], sentence)

    # What is done

    def launch(self, recipe: Recipe, store: RunStore, *, title: str = "", reuse: bool = True, on: str = "") -> Run:
        """Train a recipe, or join a training of it: every training that a page starts is started here, claimed and counted.
        Its own file has been read by another process, lest all wait for it here. The lecturer may name a cluster to train `on`.

        Raises: RunError in one sentence where that is not allowed; RecipeError; OSError.
        """
        self._check(self.no_training or self._no_cluster(on))
        recipe = recipe.fixed()
        with self.house.lock:
            found = store.find(recipe) if reuse else None
            if found is None:
                self._check_room(store, 1)
                found = launcher.launch(
                    recipe, runs=store, title=title, reuse=reuse, person=self.queues_as(store), checked=True, on=on or None
                )
            return self._claimed(found, store)

    @property
    def _back(self) -> str | None:
        """Where a run goes on: where it was, but of a student always on this computer."""
        return None if self.lecturer else "here"

    def _no_cluster(self, on: str) -> str:
        return "Only the lecturer trains on a cluster." if on and not self.lecturer else ""

    def launch_all(self, trainings: Sequence[Part], store: RunStore, *, title: str = "", reuse: bool = True, on: str = "") -> list[Run]:
        """Train a recipe, or a sweep as the several that it takes, each titled by what sets it apart; on a cluster as one array of jobs.

        Raises: as `launch`."""
        titles = [": ".join(filter(None, [title, apart(recipe, options)])) for options, recipe in trainings]
        with self.house.lock:
            self._check_room(store, sum(not reuse or store.find(recipe) is None for _, recipe in trainings))
            if not on:
                return [self.launch(recipe, store, title=title, reuse=reuse) for title, (_, recipe) in zip(titles, trainings, strict=True)]
            self._check(self.no_training or self._no_cluster(on))
            runs = launcher.launch_all([recipe for _, recipe in trainings], runs=store, titles=titles, reuse=reuse, on=on)
            return [self._claimed(run, store) for run in runs]

    def resume(self, run: Run) -> Run:
        """Raises: RunError in one sentence."""
        self._check(self.no_change(run))
        with self.house.lock:
            store = RunStore(run.path.parent)
            self._check_room(store, 1)
            return self._claimed(launcher.resume(run, person=self.queues_as(store), on=self._back), store)

    def begin(self, recipe: Recipe, *, runs: RunStore, title: str = "", on: str = "") -> Run:
        """As `runs.sweep.begin`, which also resumes what was interrupted, within the rules of the house."""
        if runs.find(recipe) is None:
            for run in runs.alike(recipe):
                if run.status.resumable and not self.no_change(run):
                    with self.house.lock, contextlib.suppress(RunError):  # somebody else may just have done so
                        self._check_room(runs, 1)
                        return self._claimed(launcher.resume(run, person=self.queues_as(runs), on=on or self._back), runs)
        return self.launch(recipe, runs, title=title, on=on)

    def begin_story(self, story: Story, store: RunStore, *, on: str = "") -> None:
        """Train what a story needs and nobody trains. Raises: RunError where so many trainings are not allowed; OSError."""
        self._check(self.no_training or self._no_cluster(on))
        with self.house.lock:
            self._check_room(store, sum(store.find(recipe) is None for _, recipe in story.runs))
            story.begin(store, begin=self.begin, on=on)

    def stop_waiting(self, store: RunStore) -> None:
        """Stop all that waits for its turn. Raises: RunError where this guest may not."""
        if not self.lecturer:
            raise RunError("Only the lecturer may stop all runs that wait.")
        launcher.stop_waiting(store.root)

    def change(self, run: Run) -> None:
        """Raises: RunError where this guest may not change a run."""
        self._check(self.no_change(run))

    def forget(self, run: Run) -> None:
        """A run was deleted: it is nobody's any more, and a later one of the same name is somebody else's."""
        for folder in self._people(run.path.parent):
            files.remove(folder / run.id)

    def sees(self, names: Sequence[str], root: Path) -> Sequence[str]:
        """Those of some runs in a folder, by their ids, that stand in this guest's list."""
        if not self.house.users or self.lecturer:
            return names
        mine = self._claims(root)
        return [name for name in names if name in mine]

    # Whose a run is

    def queues_as(self, store: RunStore) -> str:
        """Who this guest is in the queue, in which people take turns: until a training of theirs has finished, all from their address
        are one, since whoever throws a badge away gets a new one."""
        known = self.lecturer or not self.address or any(self._trained(store, name) for name in self._claims(store.root))
        return self.name if known else self.address

    def _trained(self, store: RunStore, name: str) -> bool:
        """Whether a run has finished that was this guest's before it did."""
        with contextlib.suppress(OSError):
            claimed = os.stat(store.root / PEOPLE / self.name / name).st_mtime
            return claimed < os.stat(store.root / name / "run.nc").st_mtime and Run(store.root / name).read_status()["state"] == "finished"
        return False

    def _claims(self, root: Path) -> set[str]:
        if not NAME.fullmatch(self.name):
            return set()
        with contextlib.suppress(OSError):
            return {name for name in os.listdir(root / PEOPLE / self.name) if ID.fullmatch(name)}
        return set()

    def _claimed(self, run: Run, store: RunStore) -> Run:
        if NAME.fullmatch(self.name) and self.house is not HOME:
            folder = store.root / PEOPLE / self.name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / run.id).touch(mode=files.PRIVATE)
        return run

    def _people(self, root: Path) -> list[Path]:
        with contextlib.suppress(OSError):
            return [root / PEOPLE / name for name in os.listdir(root / PEOPLE) if NAME.fullmatch(name)]
        return []

    def _owners(self, run: Run) -> tuple[bool, bool]:
        """Whether a run is this guest's, and whether it is somebody else's."""
        owners = {folder.name for folder in self._people(run.path.parent) if (folder / run.id).exists()}
        return self.name in owners, bool(owners - {self.name})

    def _check_room(self, store: RunStore, more: int) -> None:
        limit = self.house.each
        if self.lecturer or not limit:
            return
        live = sum(Run(store.root / name).alive() for name in self._claims(store.root))
        if live + more > limit:
            now = f"{live} of yours {'trains or waits' if live == 1 else 'train or wait'} already" if live else f"this would be {more}"
            raise RunError(f"At most {limit} {'run' if limit == 1 else 'runs'} per person train at the same time here, and {now}.")

    def _check(self, why: str) -> None:
        if why:
            raise RunError(why)
