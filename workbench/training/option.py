"""Options of a recipe: everything that is said of one is said where it is declared.

    noise = Number(0.01, bounds=(0.0, 0.1), label="Noise f_smear", symbol="f", group="Data", scale="decades", smallest=1e-4, doc="…")

From it grow the form, the command line, the address, the help, legends, and the identity of a run. Beside value, bounds, label and doc,
which are those of `param`, an option carries

    group        title of its group in the form and the help; an option without one is hidden
    rare         shown only when a group is unfolded
    unit         in which its number is given
    symbol       as in the formulas: f, σ_p, N
    words        its choices as people say them, where that is not the name itself
    scale        of its slider: linear, decades (1, 1.5, 2, 3, 5, 7, 10, …), octaves (1, 1.5, 2, 3, 4, …), or none
    smallest     value above zero of a slider that grows
    shared       whether points of one training may differ in it
    later        whether runs were stored before it came: at its default it does not count then
    live         whether it may be changed while a run trains
    matters      of a recipe: whether it has any effect there; without effect it is neither shown nor part of the run's identity
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import param
from param.parameterized import Undefined

from workbench.data.own_file import pasted
from workbench.training import spelling


class RecipeError(ValueError):
    """A recipe value that cannot be used; the message names the option, what was met and what is allowed."""


SAID: dict[str, Any] = {
    "group": "", "rare": False, "unit": "", "symbol": "", "words": {}, "scale": "linear", "smallest": 0.0, "shared": False, "later": False,
    "live": False, "matters": None,
}  # fmt: skip
SLOTS = list(SAID)


if TYPE_CHECKING:
    Declared = param.Parameter
else:
    Declared = object  # every class below is an option of param too


class Option(Declared):
    """What is the same for all options; what is not said is taken from the option of the same name in the recipe's base class."""

    __slots__ = ()
    kind: ClassVar[str] = "text"
    """What it is in the form: choice, text, flag or number."""
    placeholder: ClassVar[str] = "TEXT"
    """What stands for its value in the help."""
    # Declared by `SLOTS` in every class below
    group: str
    rare: bool
    unit: str
    symbol: str
    words: Mapping[str, str]
    scale: str
    smallest: float
    shared: bool
    later: bool
    live: bool
    matters: Callable[[Any], bool] | None

    def __init__(self, *args: Any, **said: Any):
        own = {name: said.pop(name, Undefined) for name in SLOTS}
        super().__init__(*args, **said)
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @property
    def titled(self) -> str:
        """The label with its unit."""
        return f"{self.label} [{self.unit}]" if self.unit else str(self.label)

    @property
    def title(self) -> str:
        """As it stands at an axis: 'training events N', '√s [GeV]'."""
        words = self.titled[:1].lower() + self.titled[1:]
        return words if not self.symbol or self.symbol in words.split() or f" {self.symbol}_" in words else f"{words} {self.symbol}"

    @property
    def called(self) -> str:
        """The label without the symbol at its end: 'Noise'."""
        words = str(self.label)
        first, _, last = words.rpartition(" ")
        return first if first and ("_" in last or last == self.symbol) else words

    @property
    def needed(self) -> str:
        """What it may be: 'a number between 0.001 and 1,000'."""
        raise NotImplementedError

    @property
    def wanted(self) -> str:
        """What it must be, as the form says it."""
        return f"{self.called} must be {self.needed}"

    def parse(self, value: Any) -> Any:
        """The value in its type. Raises: TypeError, ValueError or OverflowError for one that is not possible."""
        raise NotImplementedError

    def listed(self, text: str) -> list[str]:
        """The values that a text holds for a sweep, as they are typed."""
        return spelling.values(text)

    def wording(self, value: Any) -> str:
        """One of its values as people say it."""
        return self.words.get(str(value), str(value).replace("_", " "))


class Number(Option, param.Number):
    """A number within bounds."""

    __slots__ = SLOTS
    _slot_defaults = param.Number._slot_defaults | SAID
    kind, placeholder = "number", "NUMBER"
    noun: ClassVar[str] = "a number"

    @property
    def limits(self) -> tuple[float, float]:
        low, high = self.bounds or (None, None)
        return (-math.inf if low is None else low, math.inf if high is None else high)

    @property
    def needed(self) -> str:
        low, high = self.limits
        return f"{self.noun} between {in_short(low)} and {in_short(high)}"

    def parse(self, value: Any) -> Any:
        if isinstance(value, str):
            value = spelling.number(value.strip().removesuffix(self.unit or " "))
        number = self.number(value)
        low, high = self.limits
        if isinstance(value, bool) or not math.isfinite(number) or not low <= number <= high:
            raise ValueError(value)
        return number

    @staticmethod
    def number(value: Any) -> float:
        return float(value)


class Integer(Number, param.Integer):
    """A whole number within bounds."""

    __slots__ = ()
    _slot_defaults = param.Integer._slot_defaults | SAID
    placeholder, noun = "N", "a whole number"

    @staticmethod
    def number(value: Any) -> int:
        return whole(value)


class Flag(Option, param.Boolean):
    """On or off."""

    __slots__ = SLOTS
    _slot_defaults = param.Boolean._slot_defaults | SAID
    kind, placeholder, needed = "flag", "true|false", "true or false"
    spelled: ClassVar[dict[str, bool]] = {
        "true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False,
    }  # fmt: skip

    def parse(self, value: Any) -> bool:
        found = self.spelled.get(value.strip().lower()) if isinstance(value, str) else value
        if not isinstance(found, bool):
            raise ValueError(value)
        return found


class Choice(Option, param.Selector):
    """One of a few names; given as a dict, with the words for them."""

    __slots__ = SLOTS
    _slot_defaults = param.Selector._slot_defaults | SAID
    kind, placeholder = "choice", "NAME"

    def __init__(self, names: list[str] | dict[str, str], **said: Any):
        words = names if isinstance(names, dict) else {}
        super().__init__(objects=list(names), words=words, default=said.pop("default", next(iter(names))), **said)

    @property
    def needed(self) -> str:
        return f"one of {', '.join(map(str, self.objects))}"

    @property
    def wanted(self) -> str:
        return f"{self.called} must be one of {', '.join(map(self.wording, self.objects))}"

    def parse(self, value: Any) -> str:
        if value not in self.objects:
            raise ValueError(value)
        return value


class Widths(Option, param.List):
    """Widths of the hidden layers, one integer per layer."""

    __slots__ = [*SLOTS, "layers", "units"]
    _slot_defaults = param.List._slot_defaults | SAID | {"layers": (1, 1), "units": (1, 1)}
    placeholder = "N,N,…"

    def listed(self, text: str) -> list[str]:
        return [part.strip() for part in text.split(";")]

    def __init__(self, default: tuple[int, ...], *, layers: tuple[int, int], units: tuple[int, int], **said: Any):
        super().__init__(default=list(default), item_type=int, bounds=layers, **said)
        self.layers, self.units = layers, units

    @property
    def needed(self) -> str:
        (fewest, most), (narrow, wide) = self.layers, self.units
        return f"{fewest} to {most} whole numbers between {narrow} and {wide:,}, such as 128, 64 or 3×128"

    def parse(self, value: Any) -> list[int]:
        widths = [whole(item) for item in (spelling.widths(value, self.layers[1]) if isinstance(value, str) else value)]
        narrow, wide = self.units
        if not self.layers[0] <= len(widths) <= self.layers[1] or not all(narrow <= width <= wide for width in widths):
            raise ValueError(value)
        return widths


class Text(Option, param.String):
    """A line of text."""

    __slots__ = SLOTS
    _slot_defaults = param.String._slot_defaults | SAID
    needed = "a text of at most 1,000 characters without control characters"

    def listed(self, text: str) -> list[str]:
        return [text]

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > 1_000 or any(ord(character) < 32 for character in value):
            raise ValueError(value)
        return value


MOST_PASTED = 4_000
"""Letters of a path with all that was pasted around it."""


class FilePath(Text):
    """The path of a file, as programs pass it or as people paste it: with blanks or quotes around it, from $HOME, as file:///…"""

    __slots__ = ()

    def parse(self, value: Any) -> str:
        if isinstance(value, (bytes, os.PathLike)):
            value = os.fsdecode(value)
        return super().parse(pasted(value) if isinstance(value, str) and len(value) <= MOST_PASTED else value)


class Axes(Option, param.Dict):
    """Options of a sweep, each with its values."""

    __slots__ = SLOTS
    _slot_defaults = param.Dict._slot_defaults | SAID


def whole(value: Any) -> int:
    """A whole number from a number or a text. Raises: ValueError."""
    if isinstance(value, str):
        value = spelling.number(value)
    if isinstance(value, bool) or not math.isfinite(value) or abs(value) > 1e18 or value != int(value):
        raise ValueError(value)
    return int(value)


def in_short(bound: float) -> str:
    """A bound as it stands in a sentence: 0, 0.1, 10,000,000."""
    return f"{int(bound):,}" if math.isfinite(bound) and bound == int(bound) else f"{bound:g}"


def shown(value: Any) -> str:
    """A value as it may stand in an error message: quoted, and shortened when long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
