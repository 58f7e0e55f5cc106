"""Stories: the plots of the talks, one call each, with a verdict. `workbench story NAME`, `wb.story(NAME)`, or the page's Stories."""

from __future__ import annotations

import difflib

from workbench.stories import boosting, error_bars, generators, networks, sizes
from workbench.stories.story import Panel, Story
from workbench.stories.verdict import MARKS, Row, Verdict, lines

__all__ = ["AMPLITUDES", "GENERATORS", "MARKS", "STORIES", "Panel", "Row", "Story", "Verdict", "lines", "story"]


AMPLITUDES = (*error_bars.STORIES, *sizes.STORIES, *networks.STORIES, *boosting.STORIES)
"""Names of those about amplitudes."""
GENERATORS = tuple(generators.STORIES)
"""Names of those about generators."""
STORIES = {**error_bars.STORIES, **sizes.STORIES, **networks.STORIES, **boosting.STORIES, **generators.STORIES}
"""What makes each story, by its name, in the order of a lecture."""


def story(name: str, *, full: bool = False) -> Story:
    """A story by its name; `full` takes the talk's sizes, which want a GPU. Raises: ValueError naming the nearest story."""
    if name not in STORIES:
        near = difflib.get_close_matches(name, STORIES, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no story {name[:40]!r}.{hint} The stories are: {', '.join(STORIES)}.")
    return STORIES[name](full)
