"""Presets: recipes with a story, the first thing a lecturer reaches for.

A preset is a title, one sentence that says what to look at, and the few options that differ from the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workbench.training.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """A named recipe: `changes` are the options that differ from the defaults, `see` says what to look at."""

    title: str
    see: str
    changes: dict[str, Any] = field(default_factory=dict)
    recipe_type: type[Recipe] = field(kw_only=True)

    @cached_property
    def recipe(self) -> Recipe:
        return self.recipe_type(**self.changes)
