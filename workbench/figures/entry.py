"""A figure as pages and `run.figure(name)` know it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.figures.theme import Theme

REPORTS = "reports"
"""What figures over the steps of a training take, whatever it yields."""


@dataclass(frozen=True)
class Entry:
    """A figure, with words about it.

    `takes` says what the function draws: "reports", those of a run, or the name of a product, of which it draws a snapshot or a
    prediction. Where it draws single draws or momenta, only the prediction of a `finished` run has them. `height` in pixels is what it
    needs to be read with the normal font.
    """

    title: str
    function: Callable[..., Any]
    takes: str
    look_at: str
    formula: str
    height: int = 380
    finished: bool = False

    def as_dict(self, datasets: Any, theme: str | Theme = "light", **options: Any) -> dict[str, Any]:
        """The figure as plain dict with data, layout and config."""
        return self.function.as_dict(datasets, theme, **options)  # type: ignore[attr-defined]
