"""The families of trainings. Pages, commands, kinds of recipes, presets, figures, stories and public names grow from this one list."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.families.amplitudes import AMPLITUDES
from workbench.families.basics import BASICS
from workbench.families.family import Family, Kind, Ref
from workbench.families.formulas import FORMULAS
from workbench.families.generators import GENERATORS
from workbench.families.inference import INFERENCE
from workbench.families.taggers import TAGGERS
from workbench.training.presets import Preset
from workbench.training.recipe import Recipe, checked_axes, sweep_of

if TYPE_CHECKING:
    from workbench.results.product import Product
    from workbench.training.report import Report

__all__ = [
    "FAMILIES",
    "FORMER",
    "PRESETS",
    "Family",
    "Kind",
    "Part",
    "Ref",
    "family_of",
    "kind_of",
    "parts",
    "presets",
    "product_named",
    "train",
    "with_values",
]

FAMILIES: tuple[Family, ...] = (BASICS, AMPLITUDES, GENERATORS, INFERENCE, TAGGERS, FORMULAS)
"""In the order of the pages; the first one's is the first that opens."""

FORMER = AMPLITUDES
"""The family of links and runs of the days before there were others: those that do not say of what kind they are."""

PRESETS: dict[str, Mapping[str, Preset]] = {family.recipe.kind: family.presets for family in FAMILIES}
"""The presets by the kind of their recipes."""

_KIND = {kind.recipe.kind: kind for family in FAMILIES for kind in family.kinds}
_FAMILY = {kind.recipe.kind: family for family in FAMILIES for kind in family.kinds}


def family_of(recipe: Recipe | type[Recipe]) -> Family:
    """The family to which a recipe belongs. Raises: KeyError."""
    return _FAMILY[recipe.kind]


def kind_of(recipe: Recipe | type[Recipe]) -> Kind:
    """The kind of a recipe: what trains it, and what this yields. Raises: KeyError."""
    return _KIND[recipe.kind]


def train(recipe: Recipe) -> Iterator[Report]:
    """Train in this process, report by report; `wb.launch` trains in the background and keeps everything."""
    recipe.check_file_is_read()
    yield from kind_of(recipe).job.load()(recipe).train()


@functools.cache
def _products() -> dict[str, Product]:
    return {product.name: product for kind in _KIND.values() if (product := kind.product.load())}


def is_product(name: str) -> bool:
    """Whether a training of ours makes a product of this name."""
    return name in _products()


def product_named(name: str) -> Product:
    """The product of a name. Raises: KeyError."""
    return _products()[name]


def with_values(recipe: Recipe, name: str, values: Sequence[Any]) -> Recipe:
    """The recipe with one value of an option, or as a sweep over several. Raises: RecipeError."""
    axes, base = dict(recipe.axes), recipe.base.replace(**{name: values[0]})
    if len(values) > 1:
        axes[name] = list(values)
    else:
        axes.pop(name, None)
    return _swept(base, axes) if axes else base


def _swept(base: Recipe, axes: Mapping[str, Any]) -> Recipe:
    """A sweep of a recipe; one that is trained as one recipe, where its points can be."""
    family = family_of(base)
    one = family.together if family.together and {*axes} <= {*family.shared} else sweep_of(type(base))
    return one(**base.to_dict(), axes=dict(axes))


Part = tuple[dict[str, Any], Recipe]
"""The options in which a training of a sweep differs from the others, and its recipe."""


def parts(recipe: Recipe, axes: Mapping[str, Any] | None = None) -> list[Part]:
    """The trainings of a sweep: one for each combination of the axes along which points do not train together. Raises: RecipeError.

    Arguments: `axes`, by default those of the recipe.
    """
    base = recipe.base
    checked = checked_axes(dict(axes), type(base)) if axes is not None else dict(recipe.axes)
    shared = family_of(recipe).shared
    inner = {name: values for name, values in checked.items() if name in shared}
    outer = {name: values for name, values in checked.items() if name not in shared}
    found: list[Part] = []
    for values in itertools.product(*outer.values()):
        options = dict(zip(outer, values, strict=True))
        one = base.replace(**options)
        found.append((options, _swept(one, inner) if inner else one))
    return found


def presets(recipe_type: type[Recipe]) -> Mapping[str, Preset]:
    """The presets of a recipe type; the first one is the default recipe."""
    return PRESETS[recipe_type.kind]
