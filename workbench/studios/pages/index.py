"""What lists and searches know of every run of a folder: read once per run, kept for all pages, never stored, so that it is never wrong."""

from __future__ import annotations

import functools
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

from workbench.families import FORMER
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.studios.pages.draft import as_words
from workbench.studios.pages.sentences import when
from workbench.training.recipe import KINDS, Recipe

GLANCE_EVERY = 1.0  # seconds between two looks at all folders; in between only at the date of the folder that holds them


class Entry(NamedTuple):
    """A run's id, the kind of its recipe, and the text that a search looks through."""

    id: str
    kind: str
    text: str


class Index:
    """The runs of one folder, newest first; damaged ones are left out."""

    def __init__(self, root: Path):
        self.store = RunStore(root)
        self._lock = threading.Lock()
        self._known: dict[tuple[int, str], Entry | None] = {}
        self._seen, self._looked = 0, float("-inf")

    @property
    def entries(self) -> list[Entry]:
        with self._lock:
            try:
                seen = os.stat(self.store.root).st_mtime_ns
            except OSError:
                return []
            if seen != self._seen or time.monotonic() - self._looked > GLANCE_EVERY:
                self._seen, self._looked = seen, time.monotonic()
                known = self._known
                self._known = {key: known[key] if key in known else _entry(Run(self.store.root / key[1])) for key in self.store.dated()}
            return [entry for entry in self._known.values() if entry]

    def search(self, words: str, kinds: set[str]) -> list[str]:
        """Ids of the runs of these kinds in which all the words stand, newest first."""
        wanted = plain(words).split()
        return [entry.id for entry in self.entries if entry.kind in kinds and all(word in entry.text for word in wanted)]


@functools.lru_cache(maxsize=8)
def index_of(root: Path) -> Index:
    """The index of a folder, the same for all pages."""
    return Index(root)


def plain(text: str) -> str:
    """As it is searched: 'Noise 1,000' finds 'noise 1000', and 'test_events' finds 'test events'."""
    return text.casefold().replace(",", "").replace("_", " ")


def _entry(run: Run) -> Entry | None:
    """None where recipe.json cannot be read. The recipe is not checked: that would take a hundred times longer."""
    try:
        options = run.options
    except RunError:
        return None
    kind = str(options.get("recipe", FORMER.recipe.kind))
    words = [
        run.id,
        run.title,
        kind,
        when(run.created),
        *((_known_words if isinstance(value, PLAIN) else _words)(kind, name, value) for name, value in options.items()),
    ]
    return Entry(run.id, kind, plain(" ".join(words)))


PLAIN = (str, int, float)


def _words(kind: str, name: str, value: object) -> str:
    """What of an option is searched."""
    return f"{name} {_word(value)}" if _told(kind, name, value) else ""


_known_words = functools.lru_cache(maxsize=10_000, typed=True)(_words)  # thousands of runs share nearly all of them


def _told(kind: str, name: str, value: object) -> bool:
    """Whether an option is worth finding: a choice, a size, or a number that is not the usual one."""
    return (name != "file_digest" and isinstance(value, str)) or name in ("events", "hidden") or value != _usual(kind).get(name)


ALSO = {"bnn": "Bayesian", "bnn_last_layer": "Bayesian"}
"""Other words by which people look for a value."""


def _word(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {_word(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(map(_word, value))
    return f"{value} {as_words(value)} {ALSO.get(str(value), '')}" if isinstance(value, PLAIN) else str(value)


@functools.cache
def _usual(kind: str) -> dict[str, object]:
    recipe: type[Recipe] | None = KINDS.get(kind)
    return {name: option.default for name, option in recipe.options().items()} if recipe else {}
