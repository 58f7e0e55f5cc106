"""Stories: the plots of the talks, one call each, with a verdict. `workbench story NAME`, `wb.story(NAME)`, or the page's Stories."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from typing import Any

from workbench.families import FAMILIES, Family
from workbench.stories.story import Panel, Story
from workbench.stories.verdict import MARKS, Row, Verdict, lines

STORIES: dict[str, Callable[[bool], Story]]
"""What makes each story, by its name, in the order of a lecture."""

__all__ = ["MARKS", "STORIES", "Panel", "Row", "Story", "Verdict", "lines", "stories_of", "story"]


def stories_of(family: Family) -> tuple[str, ...]:
    """Names of the stories about a family, in the order of a lecture."""
    return tuple(name for made in family.stories for name in made.load())


@functools.cache
def _stories() -> dict[str, Callable[[bool], Story]]:
    return {name: make for family in FAMILIES for made in family.stories for name, make in made.load().items()}


def __getattr__(name: str) -> Any:
    """`STORIES` is made when it is asked for: the stories that it loads import this package."""
    if name == "STORIES":
        return _stories()
    raise AttributeError(f"module 'workbench.stories' has no attribute {name!r}.")


def story(name: str, *, full: bool = False) -> Story:
    """A story by its name; `full` takes the talk's sizes, which want a GPU. Raises: ValueError naming the nearest story."""
    stories = _stories()
    if name not in stories:
        near = difflib.get_close_matches(name, stories, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no story {name[:40]!r}.{hint} The stories are: {', '.join(stories)}.")
    return stories[name](full)
