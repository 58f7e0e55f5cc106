"""What a family of trainings is: one record. It imports neither torch nor plotly nor panel; a `Ref` is loaded where it is used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from workbench.training.presets import Preset
from workbench.training.recipe import Recipe, Sweep


@dataclass(frozen=True)
class Ref:
    """A name in a module: Ref("workbench.families.amplitudes.job:Job")."""

    place: str

    def load(self) -> Any:
        module, _, name = self.place.partition(":")
        return getattr(import_module(module), name)


@dataclass(frozen=True)
class Kind:
    """Recipes of one kind, the job that trains them, `job(recipe, progress)`, and the `results.product.Product` that this yields.

    From a checkpoint, `predictor(recipe, tensors, numbers, draws, factor)` makes what answers for new points, which `points(inputs, recipe,
    units)` reads where they are none of a process or dataset; `surrogate`, with the same arguments as `predictor`, makes a module of torch
    that does the same, of which `integrator(recipe, module, events, seed, progress)` makes a cross section; and where new events can be
    drawn, `sampler(recipe, tensors, numbers)` makes what draws them. Of a checkpoint and of points that were trained on, as a prediction on
    training events keeps them, `region(recipe, numbers, points)` makes what says how far new points lie from these.
    """

    recipe: type[Recipe]
    job: Ref
    product: Ref
    predictor: Ref | None = None
    sampler: Ref | None = None
    points: Ref | None = None
    surrogate: Ref | None = None
    integrator: Ref | None = None
    region: Ref | None = None


@dataclass(frozen=True)
class Family:
    """Everything that the rest of the house knows of a family.

    `name` is that of its studio and `title` that of its page, at `place` below the server's address. The first of the `kinds` is the one
    that its form edits and its command trains. `learns` says what, `help` and `about` are the words of the command. `events` reads what a
    recipe trains on, `events(recipe, progress)`. `figures` are those of its products, by name, and `first` the names of those that an
    exported notebook shows; `stories` makes its stories, by name.
    Points of a sweep that are a recipe of the type `together` train as one.
    """

    name: str
    title: str
    place: str
    learns: str
    help: str
    about: str
    kinds: tuple[Kind, ...]
    presets: Mapping[str, Preset]
    events: Ref
    page: Ref
    figures: Ref
    stories: tuple[Ref, ...] = ()
    first: tuple[str, ...] = ("losses",)
    together: type[Sweep] | None = None

    @property
    def recipe(self) -> type[Recipe]:
        return self.kinds[0].recipe

    @property
    def command(self) -> str:
        """What `workbench` calls its training."""
        return self.recipe.command

    @property
    def shared(self) -> Collection[str]:
        """The options in which points that train together may differ."""
        return (self.together.together or ()) if self.together else ()
