"""A recipe while it is being edited. Knows no Panel: the form shows what stands here.

Everything that a person types comes through `Draft.set`: a value that cannot be used stays visible as typed, with the recipe's own
sentence beside it, and the last usable value stays in the recipe.
"""

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Collection, Mapping
from typing import Any

from workbench.data.own_file import located
from workbench.families import Part, family_of, parts, presets, with_values
from workbench.training.presets import Preset
from workbench.training.recipe import Recipe, RecipeError, checked_axes, wording
from workbench.training.spelling import decimal_comma

PARTS = {"preset": "Preset", "title": "Title of the next run", "code": "Python and shell"}
"""Parts of the form that are no options, by the names that `hide` knows."""
MOST_RUNS = 8
"""Runs that fit into one figure, and trainings that a sweep typed into a form may have."""


class Draft:
    """The recipe under edit: what was typed, what is wrong with it, and what differs from the preset it started from.

    *Arguments*: recipe_type; preset, the name of the preset to start from; changes, options that differ from the preset; sweeps, whether
    several values of an option make a sweep.
    """

    def __init__(self, recipe_type: type[Recipe], preset: str = "", changes: dict[str, Any] | None = None, *, sweeps: bool = True):
        self.recipe_type, self.sweeps = recipe_type, sweeps
        self._known: tuple[Recipe, list[Part]] | None = None
        self.presets: Mapping[str, Preset] = presets(recipe_type)
        self.title = ""
        self.choose(preset or next(iter(self.presets)))
        for name, value in (changes or {}).items():
            self.set(name, value)

    def choose(self, preset: str) -> None:
        """Start again from a preset. Raises: KeyError."""
        self.recipe = self.presets[preset].recipe
        self.preset = preset
        self.comma: set[str] = set()  # options whose two values may be one number with a decimal comma
        self.wrong: dict[str, tuple[str, str]] = {}
        self.doubts: dict[str, str] = {}
        """What is said of usable values, such as that of a file which is not there: it may come."""

    def adopt(self, recipe: Recipe) -> None:
        """Take over a whole recipe, of a run for instance; the preset on the same data with the fewest differences is compared with it."""
        own = {"file": recipe.file} if hasattr(recipe, "file") else {}  # whose content will count when it is trained
        self.recipe = recipe.replace(**own)
        self.wrong = {}

        def distance(name: str) -> tuple[bool, int]:
            other = self.presets[name].recipe
            return other.subject != self.recipe.subject, len(differences(other, self.recipe))

        self.preset = min(self.presets, key=distance)

    def set(self, name: str, value: Any) -> None:
        """Put a value, as typed, into the recipe, or keep it as wrong with the sentence that says why. Raises: nothing.

        Several values, in a text or a tuple, make the option an axis of a sweep.
        """
        if name not in self.recipe_type.options():
            return
        try:
            values = typed(self.recipe_type, name, value)
            if len(values) > 1 and not self.sweeps:
                label = self.recipe_type.options()[name].called
                raise RecipeError(f"{label} takes one value here; wb.sweep(recipe, {name}=[…]) trains one recipe for each of several.")
            self.recipe = few(with_values(self.recipe, name, values))
            self.wrong.pop(name, None)
        except RecipeError as problem:
            self.wrong[name] = (as_text(value)[:200], refused(self.recipe_type, name, value, sweeps=self.sweeps) or str(problem))
        self.comma = self.comma - {name} | ({name} if isinstance(value, str) and decimal_comma(value) else set())

    def undo(self, name: str) -> None:
        """Back to the preset's value."""
        self.set(name, getattr(self.presets[self.preset].recipe, name))

    @property
    def problem(self) -> str:
        """What is to be corrected first; '' where nothing is."""
        return next((sentence for _, sentence in self.wrong.values()), next(iter(self.doubts.values()), ""))

    @property
    def ready(self) -> bool:
        return not self.wrong

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """Options that differ from the preset: (the preset's value, the value now)."""
        return _compared(self.presets[self.preset].recipe, self.recipe)

    def beside(self, recipe: Recipe) -> dict[str, tuple[Any, Any]]:
        """Options in which it differs from another recipe: name -> (value there, value here)."""
        return _compared(recipe, self.recipe)

    @property
    def trainings(self) -> list[Part]:
        """The recipe as it is trained: as one, or, where points of a sweep cannot train together, as several with the options in which they
        differ."""
        if self._known is None or self._known[0] is not self.recipe:
            self._known = self.recipe, parts(self.recipe) if self.recipe.axes else [({}, self.recipe)]
        return self._known[1]

    def is_like(self, recipe: Recipe) -> bool:
        """Whether another recipe does the same as a training of this one, on a file of the same path."""
        return any(alike(training, recipe) for _, training in self.trainings)

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

    @property
    def axes(self) -> dict[str, list[Any]]:
        """The options with several values."""
        return dict(self.recipe.axes)

    def note(self, name: str, time: str = "") -> str:
        """What stands beside an axis: '3 values → sweep of 3, about 45 s'. `time`: how long the sweep takes, where it is known."""
        counts = [len(values) for values in self.axes.values()]
        several = f" ({' × '.join(map(str, counts))})" if len(counts) > 1 else ""
        runs = f" in {len(self.trainings)} runs" if len(self.trainings) > 1 else ""
        words = f"{len(self.axes[name])} values → sweep of {math.prod(counts)}{several}{runs}" + (f", {time}" if time else "")
        if self.recipe_type.options()[name].kind == "choice":
            return f"{as_words(tuple(self.axes[name]))}: {words}"
        one = ".".join(as_text(value) for value in self.axes[name])
        return f"{words}. For the one number {one}, type a point." if name in self.comma else words

    @property
    def python(self) -> str:
        """The lines that train the recipe from Python."""
        call = self.recipe.as_python()
        train = f"results = {call}" if self.axes else f"recipe = {call}\nrun = wb.launch(recipe)"
        return f"import workbench as wb\n\n{train}"

    def view(self, hide: Collection[str] = (), time: str = "") -> dict[str, Any]:
        """What the form shows, in JSON types, without the options, groups and parts in `hide`.

        *Arguments*: time, how long a sweep takes here, in words, where it is known.
        """
        options = self.recipe_type.options()
        apart, values = hidden_options(self.recipe_type, hide), values_of(self.recipe)
        return {
            "preset": self.preset,
            "see": self.presets[self.preset].see,
            "title": self.title,
            "subject": self.recipe.subject,
            "texts": {name: self.wrong[name][0] if name in self.wrong else as_text(values[name]) for name in options},
            "wrong": self.doubts | {name: sentence for name, (_, sentence) in self.wrong.items()},
            "hidden": [*self.hidden, *sorted(apart)],
            "apart": [part for part in PARTS if part in hide],
            "changes": [
                {"name": name, "label": options[name].titled, "old": as_words(old), "new": as_words(new)}
                for name, (old, new) in self.changes.items()
                if name not in apart
            ],
            "notes": {name: self.note(name, time) for name in self.axes},
            "python": self.python,
            "command": self.recipe.as_command(),
        }


def typed(recipe_type: type[Recipe], name: str, value: Any) -> tuple[Any, ...]:
    """The values that were typed for an option, or stand in a link; several are an axis of a sweep. Raises: RecipeError."""
    found = parts_of(recipe_type, name, value)
    return tuple(checked_axes({name: found}, recipe_type)[name]) if len(found) > 1 else (recipe_type.check(name, found[0]),)


def few(recipe: Recipe) -> Recipe:
    """A recipe that trains as one, or as so few as fit into one figure. Raises: RecipeError."""
    apart = {name: values for name, values in recipe.axes.items() if name not in family_of(recipe).shared}
    if (runs := math.prod(map(len, apart.values()))) > MOST_RUNS:
        raise RecipeError(
            f"{' × '.join(map(str, map(len, apart.values())))} values need {runs} runs, and {MOST_RUNS} fit into one figure; "
            f"wb.sweep(recipe, {next(iter(apart))}=[…]) in a notebook trains any number."
        )
    return recipe


def parts_of(recipe_type: type[Recipe], name: str, value: Any) -> list[Any]:
    """The values of an option, each as it was typed."""
    if isinstance(value, str):
        return recipe_type.options()[name].listed(value)
    return list(value) if isinstance(value, tuple) else [value]


def apart(recipe: Recipe, options: Mapping[str, Any]) -> str:
    """What sets a training of a sweep apart, in words: 'Hidden layers 64, 64'."""
    return ", ".join(f"{recipe.options()[name].called} {as_words(value)}" for name, value in options.items())


def refused(recipe_type: type[Recipe], name: str, value: Any, *, sweeps: bool = True) -> str:
    """What to type instead of a value that cannot be used, in the words of the form; '' where its error says it."""
    option, typed = recipe_type.options()[name], parts_of(recipe_type, name, value)
    if len(typed) == 1:
        return f"{option.wanted}."
    if point := decimal_comma(value) if isinstance(value, str) else "":
        return f"{option.wanted}; a comma parts several values, so type {point} for one number."
    if not sweeps:
        return ""
    if impossible := [as_text(part) for part in typed if not possible(recipe_type, name, part)]:
        return f"{option.wanted}, and {impossible[0][:40] or 'nothing'} is not."
    values = [as_text(recipe_type.check(name, part)) for part in typed]
    return "" if len(set(values)) == len(values) else f"{option.called} needs different values for a sweep."


def possible(recipe_type: type[Recipe], name: str, value: Any) -> bool:
    """Whether an option can have a value."""
    try:
        recipe_type.check(name, value)
    except RecipeError:
        return False
    return True


def hidden_options(recipe_type: type[Recipe], hide: Collection[str]) -> set[str]:
    """The options that are in `hide`, by themselves or with their group."""
    return {name for title, names in recipe_type.groups.items() for name in names if name in hide or title in hide}


def alike(base: Recipe, other: Recipe) -> bool:
    """Whether two recipes do the same, on a file of the same path."""
    return not _compared(base, other)


_known: weakref.WeakKeyDictionary[Recipe, weakref.WeakKeyDictionary[Recipe, dict[str, tuple[Any, Any]]]] = weakref.WeakKeyDictionary()


def _compared(base: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """How two recipes differ: pages ask many times a second, and what is known of a recipe goes with it."""
    known = _known.setdefault(base, weakref.WeakKeyDictionary())
    if other not in known:
        known[other] = differences(base, other)
    return known[other]


def differences(base: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """Options whose values differ, of those that have an effect in `other`: name -> (value in base, value in other)."""
    old, new = values_of(base), values_of(other)
    found = {name: (old[name], new[name]) for name in old if name in new and old[name] != new[name] and other.matters(name)}
    return _without_file(found) | _files(base, other)


def values_of(recipe: Recipe) -> dict[str, Any]:
    """The options of a recipe; those that a sweep varies as tuples of all their values."""
    values = recipe.base.to_dict() | {name: tuple(values) for name, values in recipe.axes.items()}
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


LOWERED = str.maketrans("aehijklmnoprstuvx0123456789", "ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₀₁₂₃₄₅₆₇₈₉")


def in_menu(text: str) -> str:
    """A title with its symbols as an entry of a menu, which is plain text: σ_tot as σₜₒₜ; σ syst, since there is no lowered y."""

    def lowered(found: re.Match[str]) -> str:
        letters = found[2].translate(LOWERED)
        return found[1] + (f"\u202f{found[2]}" if set(letters) & set(found[2]) else letters)

    return re.sub(r"(?<!\w)(?!z_)(\w)_(\w+)", lowered, text)


def form(recipe_type: Any) -> dict[str, Any]:
    """Everything the form needs to know once: presets and the declared options, group by group, in JSON types."""
    groups = []
    for title, names in recipe_type.groups.items():
        rare = [name for name in names if recipe_type.options()[name].rare]
        frequent = [name for name in names if name not in rare]
        fields, more = ([field(recipe_type, name) for name in chosen] for chosen in (frequent, rare))
        groups.append({"title": title, "fields": fields, "more": more})
    return {"presets": [{"name": name, "title": in_menu(preset.title)} for name, preset in presets(recipe_type).items()], "groups": groups}


def field(recipe_type: type[Recipe], name: str) -> dict[str, Any]:
    """One declared option as the form draws it."""
    option = recipe_type.options()[name]
    return {
        "name": name,
        "kind": option.kind,
        "label": option.titled,
        "help": option.doc + " Can be changed while it trains." * option.live,
        "allowed": "" if option.kind in ("choice", "flag") else option.needed,
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
        return ("; " if any(isinstance(item, (list, tuple)) for item in value) else ", ").join(map(as_text, value))
    short = f"{value:.12g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def as_words(value: Any) -> str:
    """A value as it stands in a sentence; those of an axis one after the other."""
    if isinstance(value, tuple):
        return ("; " if any(isinstance(item, list) for item in value) else ", ").join(map(as_words, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return wording(value) or "none" if isinstance(value, str) else as_text(value)
