"""A recipe while it is being edited. Knows no Panel: the form shows what stands here.

Everything that a person types comes through `Draft.set`: a value that cannot be used stays visible as typed, with the recipe's own
sentence beside it, and the last usable value stays in the recipe.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from typing import Any

from workbench.data.own_file import located
from workbench.families import presets
from workbench.training.presets import Preset
from workbench.training.recipe import Recipe, RecipeError, SweepRecipe, wording

PARTS = {"preset": "Preset", "title": "Title of the next run", "code": "Python and shell"}
"""Parts of the form that are no options, by the names that `hide` knows."""


class Draft:
    """The recipe under edit: what was typed, what is wrong with it, and what differs from the preset it started from.

    *Arguments*: recipe_type; preset, the name of the preset to start from; changes, options that differ from the preset.
    """

    def __init__(self, recipe_type: type[Recipe], preset: str = "", changes: dict[str, Any] | None = None):
        self.recipe_type = recipe_type
        self.presets: Mapping[str, Preset] = presets(recipe_type)
        self.title = ""
        self.choose(preset or next(iter(self.presets)))
        for name, value in (changes or {}).items():
            self.set(name, value)

    def choose(self, preset: str) -> None:
        """Start again from a preset. Raises: KeyError."""
        self.recipe = self.presets[preset].recipe
        self.preset = preset
        self.wrong: dict[str, tuple[str, str]] = {}

    def adopt(self, recipe: Recipe) -> None:
        """Take over a whole recipe, of a run for instance; the preset on the same data with the fewest differences is compared with it.

        Of a sweep its first point is taken: the form holds one value of each option.
        """
        recipe = first_point(recipe)
        own = {"file": recipe.file} if hasattr(recipe, "file") else {}  # whose content will count when it is trained
        self.recipe = recipe.replace(**own)
        self.wrong = {}

        def distance(name: str) -> tuple[bool, int]:
            changed = differences(self.presets[name].recipe, self.recipe)
            return "dataset" in changed or "process" in changed, len(changed)

        self.preset = min(self.presets, key=distance)

    def set(self, name: str, value: Any) -> None:
        """Put a value, as typed, into the recipe, or keep it as wrong with the sentence that says why. Raises: nothing."""
        if name not in self.recipe_type.options():
            return
        try:
            self.recipe = self.recipe.replace(**{name: self.recipe_type.check(name, value)})
            self.wrong.pop(name, None)
        except RecipeError as problem:
            self.wrong[name] = (as_text(value)[:200], str(problem))

    def undo(self, name: str) -> None:
        """Back to the preset's value."""
        self.set(name, getattr(self.presets[self.preset].recipe, name))

    @property
    def ready(self) -> bool:
        return not self.wrong

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Options that differ from the preset: (the preset's value, the value now)."""
        return _compared(self.presets[self.preset].recipe, self.recipe)

    def is_like(self, recipe: Recipe) -> bool:
        """Whether another recipe does the same, on a file of the same path."""
        return not _compared(self.recipe, recipe)

    def words(self, hide: Collection[str] = (), owner: Recipe | None = None) -> str:
        """The recipe by name: that of the next run, else the preset's with what differs from it. Of what is in `hide` nothing is told.

        *Arguments*: owner, a recipe that has just been named: where it is the preset's, the preset is "it".
        """
        preset, options, changes = self.presets[self.preset], self.recipe_type.options(), self.changes
        if "recipe" in hide or "preset" in hide or hidden_options(self.recipe_type, hide) & {*changes}:
            return self.title or "another recipe"
        told = [f"{options[name].label} {as_words(new)}" for name, (_, new) in changes.items()]
        more = f" and {len(told) - 3} more changes" if len(told) > 4 else ""
        known = owner is not None and bool(told) and not differences(preset.recipe, owner)
        return self.title or ("it" if known else preset.title) + " with " * bool(told) + ", ".join(told[:3] if more else told) + more

    @property
    def hidden(self) -> list[str]:
        """Options without any effect for the recipe as it is."""
        return [name for name in self.recipe_type.options() if not self.recipe.matters(name)]

    def view(self, hide: Collection[str] = ()) -> dict[str, Any]:
        """What the form shows, in JSON types, without the options, groups and parts in `hide`."""
        options = self.recipe_type.options()
        apart = hidden_options(self.recipe_type, hide)
        return {
            "preset": self.preset,
            "see": self.presets[self.preset].see,
            "title": self.title,
            "texts": {name: self.wrong[name][0] if name in self.wrong else as_text(getattr(self.recipe, name)) for name in options},
            "wrong": {name: sentence for name, (_, sentence) in self.wrong.items()},
            "hidden": [*self.hidden, *sorted(apart)],
            "apart": [part for part in PARTS if part in hide],
            "changes": [
                {"name": name, "label": options[name].titled, "old": as_words(old), "new": as_words(new)}
                for name, (old, new) in self.changes.items()
                if name not in apart
            ],
            "python": f"import workbench as wb\n\nrecipe = {self.recipe.as_python()}\nrun = wb.launch(recipe)",
            "command": self.recipe.as_command(),
        }


def hidden_options(recipe_type: type[Recipe], hide: Collection[str]) -> set[str]:
    """The options that are in `hide`, by themselves or with their group."""
    return {name for title, names in recipe_type.groups.items() for name in names if name in hide or title in hide}


@functools.lru_cache(maxsize=256)
def _compared(base: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """How two recipes differ: pages ask many times a second."""
    return differences(base, other)


def differences(base: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Options whose values differ, of those that have an effect in `other`: name -> (value in base, value in other)."""
    old, new = values_of(base), values_of(other)
    found = {name: (old[name], new[name]) for name in old if name in new and old[name] != new[name] and other.matters(name)}
    return _without_file(found) | _files(base, other)


def first_point(recipe: Recipe) -> Recipe:
    """A recipe as the form holds it: of a sweep the first point, since there is one value of each option."""
    return recipe.base if isinstance(recipe, SweepRecipe) else recipe


def values_of(recipe: Recipe) -> dict[str, Any]:
    """The options of a recipe; those that a sweep varies as tuples of all their values."""
    values = recipe.base.to_dict() | {n: tuple(v) for n, v in recipe.axes.items()} if isinstance(recipe, SweepRecipe) else recipe.to_dict()
    return {name: value for name, value in values.items() if name in recipe.options()}


def _without_file(found: dict[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in found.items() if name != "file"}


def _files(base: Any, other: Any) -> dict[str, tuple[str, str]]:
    """The own files of two recipes, where they differ: in their content if it is known of both, else in their place."""
    if not hasattr(base, "file"):
        return {}
    if base.file_digest and other.file_digest:
        same, alike = base.file_digest == other.file_digest, base.file == other.file
    else:
        same, alike = base.file == other.file or bool(base.file and other.file and located(base.file) == located(other.file)), False
    names = [f"{recipe.file} ({recipe.file_digest[:8]})" if alike else recipe.file for recipe in (base, other)]
    return {} if same else {"file": (names[0], names[1])}


def hideable(recipe_type: type[Recipe], tabs: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a lecturer may hide in a link, in JSON types: names and labels, groups by their titles; `tabs` are those that can be spared."""
    options = recipe_type.options()
    groups = [
        {"name": title, "title": title, "items": [(name, options[name].label) for name in names]}
        for title, names in recipe_type.groups.items()
    ]
    return [
        {"name": "recipe", "title": "Recipe", "items": list(PARTS.items())},
        *groups,
        {"name": "", "title": "Tabs", "items": list(tabs.items())},
    ]


def form(recipe_type: Any) -> dict[str, Any]:
    """Everything the form needs to know once: presets and the declared options, group by group, in JSON types."""
    groups = []
    for title, names in recipe_type.groups.items():
        rare = [name for name in names if recipe_type.options()[name].rare]
        frequent = [name for name in names if name not in rare]
        fields, more = ([field(recipe_type, name) for name in chosen] for chosen in (frequent, rare))
        groups.append({"title": title, "fields": fields, "more": more})
    return {"presets": [{"name": name, "title": preset.title} for name, preset in presets(recipe_type).items()], "groups": groups}


def field(recipe_type: type[Recipe], name: str) -> dict[str, Any]:
    """One declared option as the form draws it."""
    option = recipe_type.options()[name]
    return {
        "name": name,
        "kind": option.kind,
        "label": option.titled,
        "help": option.doc,
        "allowed": "" if option.kind in ("choice", "flag") else option.allowed,
        "choices": [{"value": value, "label": option.wording(value)} for value in getattr(option, "objects", [])],
        "stops": stops(option),
    }


def stops(option: Any) -> list[float]:
    """Where the slider of a number stops: growing by factors, or in equal round steps."""
    if option.kind != "number" or option.scale == "none":
        return []
    low, high = option.softbounds or option.limits
    whole = option.placeholder == "N"
    smallest = option.smallest or low
    if option.scale == "linear":
        step = max(_round_step((high - low) / 20), int(whole))
        values = {float(f"{i * step:.6g}") for i in range(math.ceil(low / step), math.floor(high / step) + 1)} | {float(low), float(high)}
    else:
        grown = _octaves(high) if option.scale == "octaves" else _decades(smallest, high)
        values = {float(smallest), float(high), float(option.default)} | grown
    kept = sorted(value for value in values if smallest <= value <= high and (not whole or value == int(value)))
    kept = [0.0, *kept] if low == 0 and kept[0] > 0 else kept
    return [int(value) for value in kept] if whole else kept


def _decades(low: float, high: float) -> set[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return {float(f"{factor}e{power}") for power in powers for factor in (1, 1.5, 2, 3, 5, 7)}


def _octaves(high: float) -> set[float]:
    return {factor * 2.0**power for power in range(int(math.log2(high)) + 1) for factor in (1, 1.5)}


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999))


def as_text(value: Any) -> str:
    """A value as it stands in a text field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    short = f"{value:.12g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def as_words(value: Any) -> str:
    """A value as it stands in a sentence; those of an axis one after the other."""
    if isinstance(value, tuple):
        return ", ".join(map(as_words, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return wording(value) or "none" if isinstance(value, str) else as_text(value)
