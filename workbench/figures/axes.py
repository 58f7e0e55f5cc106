"""The axes of sweeps: places for the values of an option, with words and symbols for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures.drawing import (
    axis,
    number,
    round_values,
)
from workbench.figures.theme import Theme
from workbench.training.recipe import wording

Published = Mapping[str, float | tuple[float, float]] | None
FAR_APART = 20  # positive values that span more than this factor stand on a logarithmic axis


@dataclass(frozen=True)
class Ladder:
    """Where the values of an option stand on the x axis: as numbers, as logarithms (0 a decade below the smallest), or side by side."""

    option: str
    places: dict[Any, float]
    kind: str  # "linear", "log" or "names"

    @classmethod
    def of(cls, option: str, columns: Iterable[Any], published: Published = None, *, log: bool | None = None) -> Ladder:
        """For all values of some runs. log: whether the axis is logarithmic; by default where they are positive and far apart."""
        theirs = [value[0] for value in (published or {}).values() if isinstance(value, (tuple, list))]
        values = list(dict.fromkeys([*(value for column in columns for value in np.asarray(column).tolist()), *theirs]))
        if any(isinstance(value, (str, bool)) for value in values):
            return cls(option, {value: float(place) for place, value in enumerate(values)}, "names")
        values = sorted(float(value) for value in values)
        positive = [value for value in values if value > 0]
        if log is None:
            log = min(values, default=0) >= 0 and bool(positive) and positive[-1] > FAR_APART * positive[0]
        if not log:
            return cls(option, {value: value for value in values}, "linear")
        zero = min(positive, default=1.0) / 10
        return cls(option, {value: value if value > 0 else zero for value in values if value >= 0}, "log")

    @property
    def positive(self) -> list[float]:
        return [value for value in self.places if not isinstance(value, str) and value > 0]

    @property
    def has_zero(self) -> bool:
        return self.kind == "log" and 0.0 in self.places

    @property
    def ends(self) -> tuple[float, float]:
        low, high = min(self.places.values(), default=0.0), max(self.places.values(), default=1.0)
        if self.kind == "log":
            return low / 1.6, high * 1.6
        margin = 0.5 if self.kind == "names" else 0.05 * (high - low) or 0.5
        return low - margin, high + margin

    def of_scan(self, part: xr.Dataset) -> np.ndarray:
        return np.array([self.place(value) for value in part[self.option].values.tolist()])

    def place(self, value: Any) -> float:
        """NaN for a value that this axis cannot show, as a negative one on a logarithmic axis."""
        return self.places.get(value if self.kind == "names" else float(value), np.nan)

    def axis(self, theme: Theme) -> dict[str, Any]:
        title = option_title(self.option)
        made = axis(theme, title, range=list(self.ends), log=self.kind == "log")
        made |= {"uirevision": self.option}
        if self.kind == "names":
            return made | {
                "tickmode": "array",
                "tickvals": list(self.places.values()),
                "ticktext": [folded(word(self.option, value)) for value in self.places],
                **({"tickangle": 0} if len(self.places) <= 4 else {}),  # slanted, the last of few long names would not fit on a phone
            }
        if self.has_zero:
            return made | self._ticks_with_zero(theme)
        return made

    def _ticks_with_zero(self, theme: Theme) -> dict[str, Any]:
        zero, positive = self.places[0.0], self.positive or [1.0]
        powers = range(int(np.ceil(np.log10(min(positive)) - 1e-9)), int(np.floor(np.log10(self.ends[1]))) + 1)
        marks = round_values(min(positive), self.ends[1], 3) if len(powers) < 3 else [10.0**n for n in powers]
        minor = [k * 10.0**n for n in range(powers.start - 1, powers.stop) for k in range(2, 10)]
        minor = [place for place in minor if min(positive) <= place <= self.ends[1]]
        return {
            "tickmode": "array",
            "tickvals": [zero, *marks],
            "ticktext": ["0", *map(number, marks)],
            "tickfont": {},
            "minor": {"ticks": "inside", "tickcolor": theme.ink, "tickmode": "array", "tickvals": minor},
        }


def word(option: str, value: Any) -> str:
    """A choice or widths of layers as they stand in a figure: BNN; 64, 64, 64 as 3 × 64."""
    text = str(value)
    widths = [part.strip() for part in text.split(",")]
    if all(part.isdigit() for part in widths) and len(set(widths)) == 1:
        return f"{len(widths)} × {widths[0]}"
    return wording(text, option).replace("_", " ")


def option_title(name: str) -> str:
    """An option of the recipe as it stands at an axis: prior width σ<sub>p</sub>."""
    return subscripts(known[name].title) if name in (known := AmplitudeRecipe.options()) else name.replace("_", " ")


def option_symbol(name: str) -> str:
    """An option as it stands in a formula: σ<sub>p</sub>."""
    option = AmplitudeRecipe.options().get(name)
    return subscripts(option.symbol) if option and option.symbol else name.replace("_", " ")


def subscripts(text: str) -> str:
    """The symbols of a text with their indices set below: 'σ_p' as 'σ<sub>p</sub>'."""
    return re.sub(r"(?<!\w)(\w)_(\w+)", r"\1<sub>\2</sub>", text)


def folded(name: str) -> str:
    """A name at an axis in lines, so that its neighbours have room: 'Deep Sets +', 'invariants'."""
    return name.replace(" + ", " +<br>").replace(", ", ",<br>")


def point_name(values: Mapping[str, Any]) -> str:
    """A point of a scan in words: ensemble, 3 × 64, f = 0.01."""
    parts = []
    for option, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            parts.append(f"{option.replace('_', ' ')}: {value}" if isinstance(value, bool) else word(option, value))
        else:
            parts.append(f"{option_symbol(option)} = {number(float(value), 6)}")
    return ", ".join(parts)
