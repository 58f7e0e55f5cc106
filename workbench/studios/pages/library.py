"""The runs that a page can show: the user's own and the examples that come with the package."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from workbench.families import PRESETS, parts
from workbench.home import runs_folder
from workbench.runs.files import RunError
from workbench.runs.folder import here
from workbench.runs.run import Run
from workbench.runs.store import EXAMPLES, ID, RunStore
from workbench.studios.live.hub import HUB, identity
from workbench.studios.pages.draft import differences
from workbench.studios.pages.index import index_of
from workbench.studios.pages.sentences import about
from workbench.training.recipe import KINDS, Recipe, shown

MOST_LOOKED_AT = 20  # of the user's newest runs, in search of one that is worth showing first
SAME_PACE = {
    "steps", "seed", "data_seed", "noise", "prior_width", "repulsion", "learning_rate", "schedule", "events", "test_events", "sqrt_s",
}  # fmt: skip
"""Options that do not change how long a step takes."""


def points(recipe: Recipe) -> int:
    """How many networks of its kind a recipe trains: the points of a sweep."""
    return math.prod(map(len, recipe.axes.values()))


class Library:
    """*Arguments*: runs, the folder of the user's own runs; kinds, the recipes whose runs the page shows."""

    def __init__(self, runs: str | os.PathLike[str] | None = None, kinds: tuple[type[Recipe], ...] = (Recipe,)):
        self.own = RunStore(Path(runs) if runs else runs_folder())
        self.examples = RunStore(EXAMPLES)
        self.kinds = kinds

    def search(self, store: RunStore, words: str = "") -> list[str]:
        """Ids of the runs of these kinds in which all the words stand, newest first."""
        return index_of(store.root).search(words, {name for name, kind in KINDS.items() if issubclass(kind, self.kinds)})

    def _fitting(self, store: RunStore, most: int | None = None) -> Iterator[Run]:
        for name in self.search(store)[:most]:
            run = Run(store.root / name)
            with contextlib.suppress(RunError, OSError):
                if isinstance(run.recipe, self.kinds):
                    yield run

    def find(self, name: str) -> Run:
        """A run by its id. Raises: RunError in one sentence, where there is none or its recipe cannot be read."""
        for store in (self.own, self.examples):
            if ID.fullmatch(name) and (store.root / name).exists():
                run = store.open(name)
                if not isinstance(run.recipe, self.kinds):
                    raise RunError(f"Run {name} is of another kind ({run.recipe.kind}), which has a page of its own.")
                return run
        raise RunError(f"There is no run {shown(name)} among your own and the examples.")

    def delete(self, name: str) -> None:
        """Remove one of the user's own runs for good. Raises: RunError while it lives; OSError."""
        run = self.own.open(name)
        self.own.delete(name)
        HUB.forget(run)

    def is_example(self, run: Run) -> bool:
        return run.path.parent == self.examples.root

    def trained(self, recipe: Recipe) -> Run | None:
        """A finished run of this very recipe: one of the user's own, else the example. Only its content says whether a file is the same."""
        if getattr(recipe, "file", ""):
            return None
        found = (store.find(recipe) for store in (self.own, self.examples))
        return next((run for run in found if run is not None and run.status.state == "finished"), None)

    def nearest(self, recipe: Recipe) -> Run | None:
        """The finished run that is most like this recipe."""
        candidates = [*self._fitting(self.examples), *self._fitting(self.own, MOST_LOOKED_AT)]
        finished = [run for run in candidates if run.status.state == "finished"]
        alike = [run for run in finished if type(run.recipe) is type(recipe)]
        return min(alike or finished, key=lambda run: len(differences(recipe, run.recipe)), default=None)

    def time(self, sweep: Recipe) -> str:
        """How long a sweep will train here, in words: as like ones, or at most as all its points one after the other; '' if unknown."""
        trainings = [recipe for _, recipe in parts(sweep)]
        if seconds := self.total(trainings):
            return about(seconds)
        total = self.total([recipe.base for recipe in trainings])
        return f"at most {about(total * points(trainings[0]))}" if total else ""

    def total(self, trainings: Sequence[Recipe]) -> float | None:
        """How long some recipes will train here, one after the other; None where it is not known of one of them."""
        known = [seconds for recipe in trainings if (seconds := self.seconds(recipe)) is not None]
        return sum(known) if len(known) == len(trainings) else None

    def seconds(self, recipe: Recipe) -> float | None:
        """How long a recipe will train here, as told by the steps of a like one on this computer; None where none of the newest is."""
        newest = tuple(self.search(self.own)[:MOST_LOOKED_AT])
        return HUB.fact(("seconds", self.own.root, recipe.hash, newest), functools.partial(self._seconds, recipe))

    def _seconds(self, recipe: Recipe) -> float | None:
        for run in self._fitting(self.own, MOST_LOOKED_AT):
            told = run.read_status()
            measured = told["state"] == "finished" and told.get("host") == here()
            if measured and type(run.recipe) is type(recipe) and set(differences(recipe, run.recipe)) <= SAME_PACE:
                return told["seconds"] / told["steps"] * getattr(recipe, "steps", 0) * points(recipe) / points(run.recipe)
        return None

    def title(self, run: Run) -> str:
        """A run's own title, else that of the preset it was made from, else nothing."""
        return run.title or HUB.fact(("title", identity(run)), functools.partial(self._preset, run))

    def _preset(self, run: Run) -> str:
        known = PRESETS.get(run.recipe.kind, {}).values()
        return next((preset.title for preset in known if preset.recipe.hash == run.recipe.hash), "")
