"""The state of a page as the query of its address: the recipe's unusual options, the run, the compared runs, the tab,
what was chosen for the figures, the story, the step looked at, and what a lecturer has hidden for an exercise.

Only what differs from the defaults is written. What cannot be read is named in a sentence and left out; the rest is kept.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from workbench.families import presets
from workbench.studios.pages.draft import MOST_RUNS, as_text, typed
from workbench.training.recipe import Recipe, RecipeError, shown

RUN_ID = re.compile(r"[a-z0-9-]{1,40}")
MOST_COMPARED = MOST_RUNS - 1
MOST_SENTENCES = 4


@dataclass
class Address:
    """What a link asks for. `preset` and `options` are None and empty where the link says nothing about the recipe."""

    preset: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    run: str = ""
    compare: list[str] = field(default_factory=list)
    tab: str = ""
    chosen: dict[str, str] = field(default_factory=dict)
    story: str = ""
    step: int | None = None
    follow: str = ""
    lead: bool = False
    hide: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def query(self) -> str:
        """'?preset=noise&run=…', or '' where there is nothing to say."""
        pairs = {
            "preset": self.preset,
            **{
                name: "1" if value is True else "0" if value is False else as_text(value).replace("; ", ";").replace(", ", ",")
                for name, value in self.options.items()
            },
            "run": self.run,
            "compare": ",".join(self.compare),
            "tab": self.tab,
            **self.chosen,
            "story": self.story,
            "step": "" if self.step is None else str(self.step),
            "follow": self.follow,
            "lead": "1" if self.lead else "",
            "hide": ",".join(self.hide),
        }
        words = [f"{name}={quote(value, safe=',.-_/;')}" for name, value in pairs.items() if value]
        return "?" + "&".join(words) if words else ""


def read(
    arguments: Mapping[str, Sequence[bytes | str]],
    recipe_type: type[Recipe],
    *,
    tabs: Sequence[str],
    choosers: Mapping[str, Sequence[str]] = MappingProxyType({}),
    stories: Sequence[str] = (),
    hideable: Sequence[str] = (),
) -> Address:
    """The address that a request's arguments spell. Raises: nothing; problems are sentences in the result.

    Arguments: `choosers`, what can be chosen for figures, with the names of all values.
    """
    address = Address()
    for key, values in arguments.items():
        text = values[-1].decode("utf-8", "replace") if isinstance(values[-1], bytes) else values[-1]
        try:
            names = {"tab": tabs, "story": stories, "hide": hideable}
            _take(address, key, text, recipe_type, names, choosers)
        except RecipeError as problem:
            address.problems.append(f"In the link: {problem}")
    if len(address.problems) > MOST_SENTENCES:
        rest = len(address.problems) - MOST_SENTENCES
        address.problems[MOST_SENTENCES:] = [f"In the link: {rest} more {'entry is' if rest == 1 else 'entries are'} not usable either."]
    return address


def _take(
    address: Address,
    key: str,
    text: str,
    recipe_type: type[Recipe],
    names: Mapping[str, Sequence[str]],
    choosers: Mapping[str, Sequence[str]],
) -> None:
    if key == "preset":
        address.preset = _one_of(key, text, list(presets(recipe_type)))
    elif key == "hide":
        words = list(dict.fromkeys(word for word in text.split(",") if word))
        address.hide = [word for word in words if word in names["hide"]]
        for word in words:
            _hideable(word, names["hide"])
    elif key in choosers:
        address.chosen[key] = _one_of(key, text, [*filter(None, choosers[key])])
    elif names.get(key):
        setattr(address, key, _one_of(key, text, names[key]))
    elif key == "step":
        address.step = _step(text)
    elif key == "follow":
        address.follow = _run_id(text, "lecture")
    elif key == "lead":
        address.lead = _one_of(key, text, ["1"]) == "1"
    elif key == "run":
        address.run = _run_id(text)
    elif key == "compare":
        runs = list(dict.fromkeys(name for name in text.split(",") if name))
        if len(runs) > MOST_COMPARED:
            raise RecipeError(f"{len(runs)} runs to compare are too many; at most {MOST_COMPARED} fit into one figure.")
        address.compare = [_run_id(name) for name in runs]
    elif key in recipe_type.options():
        values = typed(recipe_type, key, text)
        address.options[key] = values if len(values) > 1 else values[0]
    else:
        known = ["preset", "run", "compare", "tab", "story", "step", "follow", "lead", "hide", *choosers, *recipe_type.options()]
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        raise RecipeError(f"{shown(key)} is not known" + (f"; did you mean {near[0]!r}?" if near else "."))


def _one_of(key: str, text: str, names: Sequence[str]) -> str:
    if text not in names:
        raise RecipeError(f"{key} = {shown(text)} is not known: one of {', '.join(names)} is needed.")
    return text


def _hideable(word: str, names: Sequence[str]) -> None:
    if word not in names:
        near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ": options, their groups, tabs and parts of the form can be hidden."
        raise RecipeError(f"hide = {shown(word)} is not known{hint}")


def _step(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,8}", text):
        raise RecipeError(f"step = {shown(text)} is not possible: a whole number of optimiser steps is needed.")
    return int(text)


def _run_id(text: str, what: str = "run") -> str:
    if not RUN_ID.fullmatch(text):
        raise RecipeError(f"{shown(text)} is not the name of a {what}: lower-case letters, digits and hyphens are, at most 40.")
    return text
