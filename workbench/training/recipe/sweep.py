"""Many recipes at once, and the axes along which they differ."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Collection
from typing import Any, ClassVar

from workbench.training import spelling
from workbench.training.option import Axes, RecipeError, shown
from workbench.training.recipe.base import Recipe, flag, grouped

MOST_POINTS = 512


class _Point:
    """A point of a sweep, as far as one asks which options matter there: a recipe of its own would take a thousand times longer."""

    def __init__(self, base: Recipe, options: dict[str, Any]):
        self.__dict__.update(options)
        self._base = base

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


class Sweep(Recipe):
    """Many recipes of one kind: all combinations of the values that `axes` gives to some options."""

    single: ClassVar[type[Recipe]]
    """The kind of recipe that each point is."""
    together: ClassVar[Collection[str] | None] = None
    """The options that may be swept; None: all."""

    axes = Axes(
        {},
        label="Axes",
        group="Sweep",
        doc="Options and their values, for instance noise=0,0.01,0.1; uncertainty=deterministic,bnn. All combinations are trained.",
    )

    def __init__(self, **values: Any):
        axes = self.check("axes", values.get("axes", self.options()["axes"].default))
        super().__init__(**{name: value for name, value in values.items() if name not in axes})

    @classmethod
    def check(cls, name: str, value: Any) -> Any:
        return checked_axes(value, cls.single, cls.together) if name == "axes" else super().check(name, value)

    @property
    def reported(self) -> dict[str, Any]:
        return {}

    def matters(self, name: str) -> bool:
        """Whether an option has any effect in one of the points."""
        matters = self.options()[name].matters
        return matters is None or name in self.axes or any(matters(_Point(self, options)) for options in self.options_of_points)

    def as_python(self) -> str:
        """The call that trains this sweep and returns what came out."""
        axes = ", ".join(f"{name}={values!r}" for name, values in self.axes.items())
        base = self.base.replace(**{name: self._usual()[name] for name in self.axes})
        return f"wb.sweep({base.as_python()}, {axes})"

    def as_command(self) -> str:
        """The shell command that trains this sweep."""
        axes = [flag(name, spelling.listed(values)) for name, values in self.axes.items()]
        rest = [name for name in self.base.to_dict(only_changes=True) if name not in self.axes]
        command = "workbench sweep" if self.command == Recipe.command else f"workbench sweep {self.command}"
        return " ".join([command, *axes, *(flag(name, getattr(self, name)) for name in rest)])

    @property
    def base(self) -> Any:
        """The options that all points share; those on an axis stand at their first value."""
        return self.single(**{name: value for name, value in self.to_dict().items() if name != "axes"} | self.options_of_points[0])

    @property
    def options_of_points(self) -> list[dict[str, Any]]:
        """The swept options of every point, the last axis running fastest."""
        return [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values())]

    @property
    def recipes(self) -> list[Any]:
        """The recipe of every point."""
        base = {name: value for name, value in self.to_dict().items() if name != "axes"}
        return [self.single(**base | options) for options in self.options_of_points]


@functools.cache
def sweep_of(recipe_type: type[Recipe]) -> type[Sweep]:
    """Sweeps over any options of recipes of a type. They are edited and taken apart into trainings; none of them is trained as one."""
    return grouped(type(f"SweepOf{recipe_type.__name__}", (Sweep, recipe_type), {"single": recipe_type, "__doc__": Sweep.__doc__}))


def checked_axes(value: Any, recipe_type: type[Recipe], names: Collection[str] | None = None) -> dict[str, list[Any]]:
    """The axes of a sweep from a dict or a text such as "noise=0,0.01; seed=1,2", each value in its declared type.

    Arguments: `names`, the options that may be swept, by default all of `recipe_type`.
    Raises: RecipeError naming the option, the value met and the range allowed.
    """
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(";") if part.strip()]
        if len({name.strip() for name, _, _ in pairs}) < len(pairs):
            raise RecipeError(f"axes = {shown(value)} is not possible: an option stands there twice.")
        value = {name.strip(): spelling.values(values) for name, _, values in pairs}
    if not isinstance(value, dict) or not value:
        raise RecipeError(f"axes = {shown(value)} is not possible: options with their values are needed, such as seed=1,2,3.")
    axes = {}
    for name, values in value.items():
        listed = list(values) if isinstance(values, (list, tuple, range)) or hasattr(values, "tolist") else [values]
        axes[str(name)] = [recipe_type.check(str(name), item.item() if hasattr(item, "item") else item) for item in listed]
        if names is not None and name not in names:
            raise RecipeError(f"{name} cannot differ within one training; an axis may be one of {', '.join(names)}.")
        if not axes[name] or len({str(item) for item in axes[name]}) < len(axes[name]):
            raise RecipeError(f"{name} = {shown(values)} is not possible as an axis: one or more different values are needed.")
    points = math.prod(map(len, axes.values()))
    if points > MOST_POINTS:
        raise RecipeError(f"{points:,} points are too many for one sweep; at most {MOST_POINTS} are possible.")
    return axes
