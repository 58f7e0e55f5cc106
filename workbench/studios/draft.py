"""A recipe while it is being edited. Knows no Panel: the form shows what stands here.

Everything that a person types comes through `Draft.set`: a value that cannot be used stays visible as typed, with the recipe's own
sentence beside it, and the last usable value stays in the recipe.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import param

from workbench.physics.amplitudes import SHIPPED
from workbench.physics.toys import TOYS
from workbench.training.presets import Preset, presets
from workbench.training.recipe import Choice, GeneratorRecipe, Recipe, RecipeError, SweepRecipe, Widths, allowed

FREQUENT = {
    "Data": ("process", "noise", "dataset", "jets", "events", "sampling", "file"),
    "Network": ("inputs", "architecture", "blocks", "hidden", "mixing"),
    "Uncertainty": ("uncertainty", "bayesian", "prior_width", "members", "repulsion"),
    "Boosting": ("boost_sigma", "boost_pull"),
    "Training": ("steps", "seed"),
}

# When an option matters. Options that are not named here always do.
MATTERS: dict[str, Callable[[Any], bool]] = {
    # shipped events were computed in one way only: another one stays in sight, to be corrected
    "beams": lambda recipe: not recipe.file and (recipe.process not in SHIPPED or recipe.beams != "fixed"),
    "sampling": lambda recipe: not recipe.file and (recipe.process not in SHIPPED or recipe.sampling != "flat"),
    "sqrt_s": lambda recipe: not recipe.file,
    "inputs": lambda recipe: recipe.chooses_inputs,
    "activation": lambda recipe: not recipe.architecture.startswith("lgatr"),
    "members": lambda recipe: recipe.uncertainty == "repulsive_ensemble",
    "repulsion": lambda recipe: recipe.uncertainty == "repulsive_ensemble",
    "first_width": lambda recipe: recipe.uncertainty == "repulsive_ensemble" and recipe.architecture == "mlp",
    "prior_width": lambda recipe: not isinstance(recipe, GeneratorRecipe) or recipe.bayesian,
    "draws": lambda recipe: _bayesian(recipe),
    "warm_start": lambda recipe: _bayesian(recipe),
    "jets": lambda recipe: recipe.dataset == "z_jets",
    "edges": lambda recipe: recipe.dataset in ("wedge", "kicker"),
    "bins": lambda recipe: recipe.spline != "affine",
    "file": lambda recipe: not isinstance(recipe, GeneratorRecipe) or recipe.dataset not in TOYS or bool(recipe.file),
    "boost_rounds": lambda recipe: recipe.boost_pull > 0 or recipe.boost_sigma > 0,
    "boost_pull_cut": lambda recipe: recipe.boost_pull > 0,
    "boost_fraction": lambda recipe: recipe.boost_sigma > 0,
}

PARTS = {"preset": "Preset", "title": "Title of the next run", "code": "Python and shell"}
"""Parts of the form that are no options, by the names that `hide` knows."""

# Smallest value above zero on a slider whose stops grow by factors, and those that grow by powers of two.
GROWING = {
    "noise": 1e-4, "prior_width": 1e-3, "learning_rate": 1e-5, "boost_fraction": 1e-3, "repulsion": 0.1, "sqrt_s": 200,
    "events": 1_000, "test_events": 1_000, "steps": 100, "batch_size": 64, "members": 2, "draws": 8,
}  # fmt: skip
BINARY = {"batch_size", "members", "draws"}

WORDS = {
    "gg_yyg": "gg → γγg", "gg_yygg": "gg → γγgg", "fixed": "fixed √s", "repulsive_ensemble": "repulsive ensemble",
    "bnn": "Bayesian", "bnn_last_layer": "Bayesian last layer",
    "mlp": "MLP", "deepsets": "Deep Sets", "deepsets_invariants": "Deep Sets + invariants", "lgatr": "L-GATr",
    "lgatr_slim": "L-GATr, slim", "lgatr_full": "L-GATr, full",
    "kan": "KAN", "group_kan": "GroupKAN",
    "wedge": "wedge ramp", "kicker": "kicker ramp", "ring": "Gaussian ring", "z_jets": "Z + jets", "tt_partons": "top pairs",
    "rational_quadratic": "rational-quadratic",
    "gelu": "GELU", "silu": "SiLU", "relu": "ReLU", "sgd": "SGD", "adam": "Adam", "one_cycle": "one cycle", "cpu": "CPU", "cuda": "GPU",
}  # fmt: skip


def _bayesian(recipe: Any) -> bool:
    return recipe.bayesian if isinstance(recipe, GeneratorRecipe) else recipe.uncertainty.startswith("bnn")


class Draft:
    """The recipe under edit: what was typed, what is wrong with it, and what differs from the preset it started from.

    *Arguments*: recipe_type; preset, the name of the preset to start from; changes, options that differ from the preset.
    """

    def __init__(self, recipe_type: type[Recipe], preset: str = "", changes: dict[str, Any] | None = None):
        self.recipe_type = recipe_type
        self.presets: dict[str, Preset] = presets(recipe_type)
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
        self.recipe = first_point(recipe)
        self.wrong = {}

        def distance(name: str) -> tuple[bool, int]:
            changed = differences(self.presets[name].recipe, self.recipe)
            return "dataset" in changed or "process" in changed, len(changed)

        self.preset = min(self.presets, key=distance)

    def set(self, name: str, value: Any) -> None:
        """Put a value, as typed, into the recipe, or keep it as wrong with the sentence that says why. Raises: nothing."""
        try:
            self.recipe = self.recipe.replace(**{name: self.recipe_type.check(name, value)})
            self.wrong.pop(name, None)
        except RecipeError as problem:
            if name in self.recipe_type.options():
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
        told = [f"{without_unit(str(options[name].label))} {as_words(new)}" for name, (_, new) in changes.items()]
        more = f" and {len(told) - 3} more changes" if len(told) > 4 else ""
        known = owner is not None and bool(told) and not differences(preset.recipe, owner)
        return self.title or ("it" if known else preset.title) + " with " * bool(told) + ", ".join(told[:3] if more else told) + more

    @property
    def hidden(self) -> list[str]:
        """Options without any effect for the recipe as it is."""
        return [name for name in self.recipe_type.options() if not matters(name, self.recipe)]

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
                {"name": name, "label": options[name].label, "old": as_words(old), "new": as_words(new)}
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
    """Options whose values differ: name -> (value in base, value in other)."""
    old, new = values_of(base), values_of(other)
    return {name: (old[name], new[name]) for name in old if name in new and old[name] != new[name]}


def first_point(recipe: Recipe) -> Recipe:
    """A recipe as the form holds it: of a sweep the first point, since there is one value of each option."""
    return recipe.base if isinstance(recipe, SweepRecipe) else recipe


def values_of(recipe: Recipe) -> dict[str, Any]:
    """The options of a recipe; those that a sweep varies as tuples of all their values."""
    if not isinstance(recipe, SweepRecipe):
        return recipe.to_dict()
    return recipe.base.to_dict() | {name: tuple(values) for name, values in recipe.axes.items()}


def matters(name: str, recipe: Recipe) -> bool:
    """Whether an option has an effect in this recipe."""
    return MATTERS.get(name, lambda _: True)(recipe)


def hideable(recipe_type: type[Recipe], tabs: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a lecturer may hide in a link, in JSON types: names and labels, groups by their titles; `tabs` are those that can be spared."""
    options = recipe_type.options()
    groups = [
        {"name": title, "title": title, "items": [(name, without_unit(str(options[name].label))) for name in names]}
        for title, names in recipe_type.groups.items()
    ]
    return [
        {"name": "recipe", "title": "Recipe", "items": list(PARTS.items())},
        *groups,
        {"name": "", "title": "Tabs", "items": list(tabs.items())},
    ]


def without_unit(label: str) -> str:
    """A label without its unit."""
    return label.partition(" [")[0]


def form(recipe_type: Any) -> dict[str, Any]:
    """Everything the form needs to know once: presets and the declared options, group by group, in JSON types."""
    groups = []
    for title, names in recipe_type.groups.items():
        frequent = [name for name in FREQUENT.get(title, names) if name in names]
        rare = [name for name in names if name not in frequent]
        fields, more = ([field(recipe_type, name) for name in chosen] for chosen in (frequent, rare))
        groups.append({"title": title, "fields": fields, "more": more})
    return {"presets": [{"name": name, "title": preset.title} for name, preset in presets(recipe_type).items()], "groups": groups}


def field(recipe_type: type[Recipe], name: str) -> dict[str, Any]:
    """One declared option as the form draws it."""
    option = recipe_type.options()[name]
    kinds = ((Choice, "choice"), (Widths, "text"), (param.Boolean, "flag"), (param.Number, "number"))
    return {
        "name": name,
        "kind": next((kind for cls, kind in kinds if isinstance(option, cls)), "text"),
        "label": option.label,
        "help": option.doc,
        "allowed": "" if isinstance(option, (param.Selector, param.Boolean)) else allowed(option),
        "choices": [{"value": value, "label": WORDS.get(value, value.replace("_", " "))} for value in getattr(option, "objects", [])],
        "stops": stops(name, option),
    }


def stops(name: str, option: Any) -> list[float]:
    """Where the slider of a number stops: growing by factors, or in equal round steps; seeds have no slider."""
    kind = type(option)
    if not issubclass(kind, param.Number) or issubclass(kind, param.Boolean) or name.endswith("seed"):
        return []
    bounds: tuple[float, float] = option.softbounds or option.bounds
    low, high = bounds
    whole = issubclass(kind, param.Integer)
    if name in GROWING:
        smallest = GROWING[name]
        values = {float(smallest), float(high), float(option.default)} | (_octaves(high) if name in BINARY else _decades(smallest, high))
    else:
        smallest = low
        step = max(_round_step((high - low) / 20), int(whole))
        values = {float(f"{i * step:.6g}") for i in range(math.ceil(low / step), math.floor(high / step) + 1)} | {float(low), float(high)}
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
    return WORDS.get(value, value or "none") if isinstance(value, str) else as_text(value)
