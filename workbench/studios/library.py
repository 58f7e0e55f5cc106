"""The runs that a page can show: the user's own and the examples that come with the package."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

from workbench.home import runs_folder
from workbench.runs.files import RunError
from workbench.runs.store import EXAMPLES, ID, Run, RunStore
from workbench.studios.draft import differences
from workbench.studios.index import index_of
from workbench.studios.live import HUB, identity
from workbench.training.presets import PRESETS
from workbench.training.recipe import KINDS, Recipe, shown

MOST_LOOKED_AT = 20  # of the user's newest runs, in search of one that is worth showing first
ASIDE = {"test_events", "draws"}
"""Options that say how closely a network is looked at, not what it is: examples are small."""


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

    def finished(self, recipe: Recipe) -> tuple[Run | None, bool]:
        """The finished run that is most like this recipe, and whether it is one of this very recipe or an example of it."""
        own = None if getattr(recipe, "file", "") else self.own.find(recipe)  # whether a file is the same, only its content says
        if own is not None and own.status.state == "finished":
            return own, True
        candidates = [*self._fitting(self.examples), *self._fitting(self.own, MOST_LOOKED_AT)]
        finished = [run for run in candidates if run.status.state == "finished" and type(run.recipe) is type(recipe)]
        near = min(finished, key=lambda run: len(differences(recipe, run.recipe)), default=None)
        like = near is not None and set(differences(recipe, near.recipe)) <= ASIDE and not getattr(recipe, "file", "")
        return near, like

    def title(self, run: Run) -> str:
        """A run's own title, else that of the preset it was made from, else nothing."""
        return run.title or HUB.fact(("title", identity(run)), functools.partial(self._preset, run))

    def _preset(self, run: Run) -> str:
        known = PRESETS.get(run.recipe.kind, {}).values()
        return next((preset.title for preset in known if preset.recipe.hash == run.recipe.hash), "")
