"""What a page lets people choose for some of its figures: an observable, a working point, a nuisance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.training.recipe import Recipe


@dataclass(frozen=True)
class Chooser:
    """*Arguments*: name, in links; label; values, all that any run of the page may have, with their words; option, what a figure is given
    for a value; offered, the values that runs with some recipes have, by default all; usual, the value until another one is chosen, by
    default the first offered; slides, whether it is a slider and no menu."""

    name: str
    label: str
    values: Mapping[str, str]
    option: Callable[[str], dict[str, Any]]
    offered: Callable[[Sequence[Any]], Iterable[str]] | None = None
    usual: str | None = None
    slides: bool = False

    def offers(self, recipes: Sequence[Recipe]) -> list[str]:
        """The values that runs with these recipes have."""
        return list(self.values if self.offered is None else self.offered(recipes))

    def begins_with(self, recipes: Sequence[Recipe]) -> str:
        """The value that is drawn until another one is chosen."""
        return next(iter(self.offers(recipes)), "") if self.usual is None else self.usual

    def drawn(self, chosen: str | None, recipes: Sequence[Recipe]) -> str:
        """The value that is drawn: the chosen one, where the runs have it."""
        return chosen if chosen is not None and chosen in self.offers(recipes) else self.begins_with(recipes)
