"""What a story comes to: its numbers, each beside what is expected of it, and a verdict that is computed from them and from nothing else.

row = Row("width of the pull", 1.04, 0.9, 1.1)
row.mark                                        # "agrees": 0.9 ≤ 1.04 ≤ 1.1
Verdict((row, Row("width, f = 0.1", 1.3, 0.9, 1.1))).headline    # "agrees in part (1 of 2)"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.figures.drawing import number, with_error

MOST_NAMED = 4
"""Rows that a sentence names; of more it says how many."""
MARKS = {"agrees": "✓", "differs": "✗", "untested": "–", "missing": "…"}
"""How a row is marked: as expected, not so, no number to compare with, not measured (yet)."""


@dataclass(frozen=True)
class Row:
    """One number: `what` it is, its value, and the interval from `low` to `high` in which it is expected; without ends nothing is.

    `error` is its statistical error, where that is known; `form` how it is written, by default with three digits; strict=True leaves the
    ends of the interval out. `claim` is a sentence that is said where all rows that make this claim agree.
    """

    what: str
    value: float
    low: float = -np.inf
    high: float = np.inf
    form: str = ""
    error: float = np.nan
    strict: bool = False
    claim: str = ""

    @property
    def tested(self) -> bool:
        """Whether there is a number to compare with."""
        return not (np.isnan(self.low) or np.isnan(self.high)) and bool(np.isfinite([self.low, self.high]).any())

    @property
    def mark(self) -> str:
        """One of `MARKS`."""
        if not np.isfinite(self.value):
            return "missing"
        if not self.tested:
            return "untested"
        inside = self.low < self.value < self.high if self.strict else self.low <= self.value <= self.high
        return "agrees" if inside else "differs"

    @property
    def ours(self) -> str:
        """The value in words: 1.04, 72.2 ± 1.4 %, 3·10⁻⁵."""
        if not np.isfinite(self.value):
            return "–"
        if np.isfinite(self.error):
            percent = self.form.endswith("%")
            scale, unit = (100, " %") if percent else (1, "")
            return f"{with_error(scale * self.value, scale * self.error)}{unit}"
        return _written(self.value, self.form)

    @property
    def expected(self) -> str:
        """The interval in words: 0.9 to 1.1, ≥ 2; '' where nothing is expected."""
        if not self.tested:
            return ""
        scale, unit = (100, " %") if self.form.endswith("%") else (1, "")
        low, high = (number(scale * end, 3) for end in (self.low, self.high))
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{low} to {high}{unit}"
        signs = ("> ", "< ") if self.strict else ("≥ ", "≤ ")
        return f"{signs[0]}{low}{unit}" if np.isfinite(self.low) else f"{signs[1]}{high}{unit}"


def claim(sentence: str, *rows: Row) -> list[Row]:
    """Rows that together make a claim."""
    return [replace(row, claim=sentence) for row in rows]


def near(what: str, value: float, error: float, expected: float, form: str = "", *, errors: float = 2.0) -> Row:
    """A number that should be `expected` within so many statistical errors of it."""
    return Row(what, value, expected - errors * error, expected + errors * error, form, error)


@dataclass(frozen=True)
class Verdict:
    """What rows say together. Only those that have a number to compare with count."""

    rows: tuple[Row, ...] = ()

    @property
    def tested(self) -> list[Row]:
        return [row for row in self.rows if row.tested or row.mark == "missing"]

    @property
    def agreeing(self) -> list[Row]:
        return [row for row in self.tested if row.mark == "agrees"]

    @property
    def differing(self) -> list[Row]:
        return [row for row in self.tested if row.mark == "differs"]

    @property
    def state(self) -> str:
        """agrees, part or differs; unknown while a number is missing, or where none is tested."""
        if not self.tested or any(row.mark == "missing" for row in self.tested):
            return "unknown"
        return "agrees" if not self.differing else "part" if self.agreeing else "differs"

    @property
    def holds(self) -> bool | None:
        """Whether all rows agree; None while that is not known."""
        return None if self.state == "unknown" else self.state == "agrees"

    @property
    def headline(self) -> str:
        part = f"agrees in part ({len(self.agreeing)} of {len(self.tested)})"
        return {"agrees": "agrees", "part": part, "differs": "does not agree", "unknown": "not known yet"}[self.state]

    @property
    def sentence(self) -> str:
        """The claims of which all rows agree, and the names of the rows that do not."""
        if self.state == "unknown":
            return "Not all of its trainings have finished."
        claims = dict.fromkeys(row.claim for row in self.tested if row.claim)
        held = [text for text in claims if all(row.mark == "agrees" for row in self.tested if row.claim == text)]
        names = [row.what for row in self.differing]
        more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
        missed = [f"Not as expected: {', '.join(names[:MOST_NAMED] + more)}."] if names else []
        return " ".join(held + missed) or "All numbers are as expected."

    def __str__(self) -> str:
        return "\n".join([f"{self.headline[0].upper()}{self.headline[1:]}. {self.sentence}", *lines(self.rows)])


def lines(rows: Sequence[Row]) -> list[str]:
    """Rows as lines of a terminal, in columns: mark, what, ours, expected."""
    cells = [(MARKS[row.mark], row.what, row.ours, row.expected) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _written(value: float, form: str) -> str:
    if not form:
        return number(value, 3)
    return f"{value:{form}}".replace("-", "−").replace("%", " %")
