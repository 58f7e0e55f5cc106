"""Follow me: what a lecturer's page shows, on everybody's, live and read-only.

A scene names runs, tab, story and step; the figures are those that all pages share (`live.HUB`), so a follower costs what is sent to it.
Lectures live in the server's memory. A lecturer who reloads, or goes to another page, takes the lecture along; after a while away it is
over.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakSet, ref

if TYPE_CHECKING:
    from workbench.studios.pages.session import Session

AWAY = 6.0  # seconds without a sign of life after which the lecturer has left, for those who follow
FORGOTTEN = 1_800.0  # seconds after which the lecture is over
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Scene:
    """What a page shows, apart from theme and size. `place` is its address below the server's."""

    place: str
    runs: tuple[str, ...]
    tab: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    story: str = ""
    at: int | None = None
    shipped: bool = False


@dataclass(eq=False)
class Lecture:
    """*Arguments*: owner, the name of the lecturer's browser."""

    id: str
    owner: str
    scene: Scene | None = None
    over: bool = False
    seen: float = field(default_factory=time.monotonic)
    followers: WeakSet[Session] = field(default_factory=WeakSet)
    _leader: Callable[[], Session | None] = lambda: None

    @property
    def leader(self) -> Session | None:
        """The page that leads, as long as it is there: a lecture outlives the pages of its lecturer."""
        return self._leader()

    def led_by(self, leader: Session) -> Lecture:
        self._leader = ref(leader)
        return self

    @property
    def led(self) -> bool:
        return not self.over and time.monotonic() - self.seen < AWAY

    def show(self, leader: Session, scene: Scene) -> bool:
        """The leading page's sign of life; whether there is something new. Another page of the lecturer may have taken over."""
        if leader is not self.leader or self.over:
            return False
        new = scene != self.scene or not self.led
        self.seen, self.scene = time.monotonic(), scene
        return new


class Hall:
    """All lectures of a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lectures: dict[str, Lecture] = {}

    def begin(self, leader: Session) -> Lecture:
        with self._lock:
            lecture = Lecture("".join(secrets.choice(LETTERS) for _ in range(5)), leader.guest.name).led_by(leader)
            self._lectures[lecture.id] = lecture
            return lecture

    def take_over(self, leader: Session) -> Lecture | None:
        """The lecture of this browser, led by another of its pages from now on."""
        mine = [lecture for lecture in self.all() if lecture.owner == leader.guest.name]
        if not mine or not leader.guest.lecturer:
            return None
        return mine[-1].led_by(leader)

    def end(self, lecture: Lecture) -> None:
        with self._lock:
            lecture.over = True
            self._lectures.pop(lecture.id, None)

    def all(self) -> list[Lecture]:
        """Those that are not over, the first to begin first."""
        with self._lock:
            gone = [name for name, lecture in self._lectures.items() if time.monotonic() - lecture.seen > FORGOTTEN]
            for name in gone:
                self._lectures.pop(name).over = True
            return list(self._lectures.values())

    def find(self, name: str) -> Lecture | None:
        """A lecture by its id; without one, the first that is on."""
        lectures = self.all()
        return next((lecture for lecture in lectures if name in ("", lecture.id)), None)


HALL = Hall()
