"""What all recipes have in common: construction with sentences for errors, JSON, identity, differences; and what all trainings have."""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

import param

from workbench.data.own_file import DIGITS, digest, digits_of, located
from workbench.training.option import Choice, Integer, Number, Option, RecipeError, Text, shown

KINDS: dict[str, type[Recipe]] = {}
"""The recipes that are trained, by the names that stand in recipe.json."""


R = TypeVar("R", bound="Recipe")


class Recipe(param.Parameterized):
    """Everything that defines a run, declared once."""

    kind: ClassVar[str] = ""
    command: ClassVar[str] = "train"
    """What `workbench` calls the training of such a recipe."""
    axes: Any = MappingProxyType({})
    """Of a sweep, the options that have several values, and these."""
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """Titles of the groups and the names of their options, as they are declared: first the recipe's own, then those of its base class."""

    def __init__(self, **values: Any):
        checked = {name: self.check(name, value) for name, value in values.items()}
        super().__init__(**checked)

    @classmethod
    @functools.cache
    def _declared(cls) -> Mapping[str, Any]:
        return MappingProxyType({name: cls.param[name] for name in cls.param if isinstance(cls.param[name], Option)})

    @classmethod
    @functools.cache
    def options(cls) -> Mapping[str, Any]:
        """The options that people choose, in the order of their groups."""
        return MappingProxyType({name: cls._declared()[name] for names in cls.groups.values() for name in names})

    @classmethod
    def check(cls, name: str, value: Any) -> Any:
        """The value in its declared type. Strings are parsed, so the command line and the URL come through here too.

        Raises: RecipeError naming the option, the value met and the range allowed.
        """
        declared = cls._declared()
        if name not in declared:
            near = difflib.get_close_matches(name, cls.options(), n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise RecipeError(f"There is no option {shown(name)}.{hint} The options are: {', '.join(cls.options())}.")
        try:
            return declared[name].parse(_unboxed(value))
        except (TypeError, ValueError, OverflowError) as problem:
            raise RecipeError(f"{name} = {shown(value)} is not possible: it must be {declared[name].needed}.") from problem

    def to_dict(self, *, only_changes: bool = False) -> dict[str, Any]:
        """Options and values as plain JSON types; `only_changes` leaves out those at their default, and what nobody chooses."""
        if only_changes:
            return {name: value for name, value in self.to_dict().items() if value != self._usual().get(name, value)}
        chosen = {name: _plain(getattr(self, name)) for name in self.options()}
        return chosen | {name: getattr(self, name) for name in self._declared() if name not in chosen and getattr(self, name)}

    @classmethod
    @functools.cache
    def _usual(cls) -> Mapping[str, Any]:
        return MappingProxyType({name: _plain(option.default) for name, option in cls.options().items()})

    def to_json(self) -> str:
        return json.dumps({"recipe": self.kind, **self.to_dict()}, indent=1, ensure_ascii=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """A recipe from `to_dict`, of the class that `values["recipe"]` names (by default the class this is called on)."""
        values = dict(values)
        kind = values.pop("recipe", cls.kind)
        if kind != cls.kind:
            if not isinstance(kind, str) or kind not in KINDS:
                raise RecipeError(f"recipe = {shown(kind)} is not known: one of {', '.join(KINDS)} is needed.")
            return KINDS[kind].from_dict(values)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Parse `to_json`, strictly: at most 64 kB, no duplicate keys, no NaN or infinity, one flat object.

        Raises: RecipeError in one sentence.
        """
        if len(text) > 65_536:
            raise RecipeError(f"The recipe has {len(text):,} characters; at most 65,536 are read.")
        try:
            values = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as problem:
            raise RecipeError(f"The recipe is not valid JSON: {problem}.") from problem
        if not isinstance(values, dict):
            raise RecipeError(f"The recipe must be a JSON object with options and values, not {type(values).__name__}.")
        return cls.from_dict(values)

    def replace(self, **changes: Any) -> Self:
        """The same recipe with some options changed; of another file nothing is known yet."""
        values = self.to_dict()
        if "file" in changes:
            values.pop("file_digest", None)
        return type(self)(**{**values, **changes})

    # What it is

    @property
    def reported(self) -> dict[str, Any]:
        """What figures over the steps of a training want to know of its recipe."""
        return {}

    @property
    def subject(self) -> str:
        """The process or dataset that is learned, by its name; '' where there is no choice."""
        return ""

    @property
    def base(self) -> Recipe:
        """The recipe of a single training: of a sweep, that of its first point."""
        return self

    def matters(self, name: str) -> bool:
        """Whether an option has any effect in this recipe."""
        matters = self.options()[name].matters
        return matters is None or bool(matters(self))

    @property
    def effective(self) -> Self:
        """The same recipe with its options without effect at their defaults."""
        idle = {name: self._usual()[name] for name in self.to_dict(only_changes=True) if not self.matters(name)}
        return self.replace(**idle) if idle else self

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this recipe from others: its options that have an effect, and of a file its content as far as it is known."""
        values, later = self.effective.to_dict(), {name for name, option in self.options().items() if option.later}
        digest = values.pop("file_digest", "")
        if values.get("file") and (digits := digest[:DIGITS] or digits_of(values["file"])):
            values["file"] = f"sha256:{digits}"
        return {"recipe": self.kind} | {name: value for name, value in values.items() if name not in later or value != self._usual()[name]}

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that identify the recipe: equal recipes share a run."""
        return _hash(self.identity)

    @property
    def former_hash(self) -> str:
        """The hash of the days in which options without effect counted, and a file was what its path said."""
        values, later = self.to_dict(), {name for name, option in self.options().items() if option.later}
        values.pop("file_digest", None)
        kept = {name: value for name, value in values.items() if name not in later or value != self._usual()[name]}
        return _hash({"recipe": self.kind, **kept})

    def fixed(self) -> Self:
        """The same recipe for good: its own file by its path from the root and by its content as they are now.

        Raises: RecipeError in one sentence where the file cannot be read.
        """
        if not (file := getattr(self, "file", "")):
            return self.replace(file_digest="") if getattr(self, "file_digest", "") else self
        from workbench.data.files import existing

        try:
            found = digest(existing(file))
        except (OSError, ValueError) as problem:
            raise RecipeError(str(problem)) from problem
        return self.replace(file=file if digits_of(file) else str(located(file)), file_digest=found)

    def check_file_is_read(self) -> None:
        """Raises: RecipeError where an own file is named that this recipe does not read, since something else would be trained."""
        file = getattr(self, "file", "")
        if not file or self.matters("file"):
            return
        for name, option in self.options().items():
            values = [value for value in getattr(option, "objects", ()) if self.replace(**{name: value}).matters("file")]
            if values:
                choose = f"choose {name} = {' or '.join(map(str, values))}, or leave the file out"
                raise RecipeError(f"{file} is not read with {name} = {getattr(self, name)}; {choose}.")
        raise RecipeError(f"{file} is not read by this recipe; leave it out.")

    # How others write it

    def as_python(self) -> str:
        """The call that makes this recipe, with the options that differ from the defaults."""
        changes = ", ".join(f"{name}={value!r}" for name, value in self.to_dict(only_changes=True).items())
        return f"wb.{type(self).__name__}({changes})"

    def as_command(self) -> str:
        """The shell command that trains this recipe."""
        return " ".join([f"workbench {self.command}", *(flag(name, value) for name, value in self.to_dict(only_changes=True).items())])


def declared(cls: type[R]) -> type[R]:
    """Make a recipe known, with the groups of its options: the decorator of every class of which recipes are trained."""
    KINDS[cls.kind] = grouped(cls)
    return cls


def grouped(cls: type[R]) -> type[R]:
    """A class of recipes with the groups of its options."""
    found: dict[str, list[str]] = {}
    for base in cls.__mro__:
        for name in vars(base):
            new = name in cls._declared() and not any(name in vars(below) for below in base.__mro__[1:])
            if new and (group := cls._declared()[name].group):
                found.setdefault(group, []).append(name)
    cls.groups = MappingProxyType({title: tuple(names) for title, names in found.items()})
    return cls


UNITS_DOC = "Units of the momenta in your own file, and in powers of its amplitudes. auto: what the file says, else GeV."
RATE = "Step length η of the optimiser in θ ← θ − η m/√v, at its largest: the schedule lowers it."
OPTIMISER = (
    "adam: θ ← θ − η m/√v, with running means m of the gradient and v of its square. sgd: θ ← θ − η m, with m ← 0.9 m + gradient. "
    "soap: Adam in the eigenbasis of the gradients of each layer; a step takes two to three times as long and is worth far more where the "
    "function is smooth and hardly noisy."
)


class TrainingRecipe(Recipe):
    """What all trainings have in common: steps, step lengths, the Bayesian prior, seeds, device."""

    file_digest = Text("", doc="SHA-256 of the content of the own file, from when a run was started.")
    prior_width = Number(
        1.0,
        bounds=(1e-3, 1e3),
        label="Prior width σ_p",
        symbol="σ_p",
        group="Uncertainty",
        scale="decades",
        smallest=1e-3,
        shared=True,
        doc="Width of the Gaussian weight prior p(θ) = N(0, σ_p²); smaller pulls the weights to zero.",
    )
    draws = Integer(
        32,
        bounds=(2, 512),
        softbounds=(8, 64),
        label="Draws",
        group="Uncertainty",
        rare=True,
        scale="octaves",
        smallest=8,
        doc="Number M of weight draws of a Bayesian network in the final prediction.",
    )
    steps = Integer(
        12_000,
        bounds=(1, 10_000_000),
        softbounds=(500, 50_000),
        label="Steps",
        group="Training",
        scale="decades",
        smallest=100,
        doc="Number of optimiser steps.",
    )
    batch_size = Integer(
        256,
        bounds=(16, 65_536),
        softbounds=(64, 4_096),
        label="Batch size",
        group="Training",
        rare=True,
        scale="octaves",
        smallest=64,
        doc="Events per step B.",
    )
    learning_rate = Number(
        3e-3, bounds=(1e-7, 1.0), label="Learning rate", group="Training", rare=True, scale="decades", smallest=1e-5, doc=RATE
    )
    schedule = Choice(
        {"cosine": "cosine", "one_cycle": "one cycle", "constant": "constant"},
        label="Schedule",
        group="Training",
        rare=True,
        doc="Learning rate after a fraction t of the steps. cosine: η (1 + cos πt)/2, to zero. one_cycle: from η/25 up to η at t = 0.3, "
        "then to zero as a cosine. constant: η.",
    )
    optimiser = Choice({"adam": "Adam", "sgd": "SGD", "soap": "SOAP"}, label="Optimiser", group="Training", rare=True, doc=OPTIMISER)
    warm_start = Number(
        0.55,
        bounds=(0.0, 1.0),
        label="Warm start",
        group="Training",
        rare=True,
        doc="Fraction of the steps in which a Bayesian network trains its mean weights only, before their widths open.",
    )
    seed = Integer(
        0,
        bounds=(0, 2**31 - 1),
        label="Seed",
        group="Training",
        scale="none",
        shared=True,
        doc="Seed of weights, batches and draws: same recipe and seed, same curve.",
    )
    device = Choice(
        {"auto": "auto", "cpu": "CPU", "cuda": "GPU"}, label="Device", group="Training", rare=True, doc="auto: a GPU when there is one."
    )


def wording(value: str, option: str = "") -> str:
    """A choice of an option, by default of any, as people say it: BNN, Z + jets."""
    return _words(option).get(value, value)


@functools.cache
def _words(option: str) -> Mapping[str, str]:
    options = [one for kind in KINDS.values() for name, one in kind.options().items() if option in ("", name)]
    return {name: one.wording(name) for one in options for name in getattr(one, "objects", ())}


def flag(name: str, value: Any) -> str:
    """An option on the command line."""
    return f"--{name.replace('_', '-')} {_word(value)}"


def _hash(identity: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def _unboxed(value: Any) -> Any:
    """A number of numpy as one of Python; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _word(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return (
        text if text and all(character.isalnum() or character in "._-,/" for character in text) else "'" + text.replace("'", "'\\''") + "'"
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"the key {shown(min(twice))} stands twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number JSON knows")
