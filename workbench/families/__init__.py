"""The families of trainings. Pages, commands, kinds of recipes, presets, figures, stories and public names grow from this one list."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.families.amplitudes import AMPLITUDES
from workbench.families.basics import BASICS
from workbench.families.family import Family, Kind, Ref
from workbench.families.formulas import FORMULAS
from workbench.families.generators import GENERATORS
from workbench.training.presets import Preset
from workbench.training.recipe import Recipe

if TYPE_CHECKING:
    from workbench.results.product import Product
    from workbench.training.report import Report

__all__ = [
    "FAMILIES",
    "FORMER",
    "PRESETS",
    "Family",
    "Kind",
    "Ref",
    "family_of",
    "kind_of",
    "presets",
    "product_named",
    "train",
    "with_values",
]

FAMILIES: tuple[Family, ...] = (BASICS, AMPLITUDES, GENERATORS, FORMULAS)
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
    yield from kind_of(recipe).job.load()(recipe).train()


@functools.cache
def _products() -> dict[str, Product]:
    return {product.name: product for kind in _KIND.values() if (product := kind.product.load())}


def product_named(name: str) -> Product:
    """The product of a name. Raises: KeyError."""
    return _products()[name]


def with_values(recipe: Recipe, name: str, values: Sequence[Any]) -> Recipe:
    """The recipe with one value of an option, or as a sweep over several. Raises: RecipeError."""
    axes, base, together = dict(recipe.axes), recipe.base.replace(**{name: values[0]}), family_of(recipe).together
    if len(values) > 1:
        axes[name] = list(values)
    else:
        axes.pop(name, None)
    return together(**base.to_dict(), axes=axes) if axes and together else base


def presets(recipe_type: type[Recipe]) -> Mapping[str, Preset]:
    """The presets of a recipe type; the first one is the default recipe."""
    return PRESETS[recipe_type.kind]
