"""The page "Generators": a normalizing flow learns the density of events, with error bars, live."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import xarray as xr

from workbench.families.amplitudes.page import percent
from workbench.families.generators import GENERATORS
from workbench.families.generators.generated import NUISANCE_STOPS, quality
from workbench.families.generators.product import GENERATOR
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.physics.datasets.known import TOYS
from workbench.physics.observables import Observable, observables
from workbench.runs.run import Run
from workbench.studios.live.hub import Picture
from workbench.studios.pages.chooser import Chooser
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio
from workbench.studios.server import downloads
from workbench.training.recipe import Recipe, wording

BAND = (
    "The band is the spread between networks that fit the same limited training data. What no such flow can express, a sharp edge, "
    "a narrow peak or a hole, is missing from all of them alike, and not in the band."
)

JUDGED = (
    "A fresh discriminator learns to tell new events from true ones. Its w_D moves what it recognises to the truth, where there are "
    "generated events to weight; a region that the generator leaves empty stays empty."
)
THEORY = (
    "At each a the band is the spread between networks, as everywhere; what a is, it does not know. The range over a is the theory "
    "uncertainty, as wide as the range that was chosen; neither holds a feature that no such flow can express."
)


LEARNED = (
    "A network learns how events are distributed, so that it can draw new ones. Where does it miss the truth, and does its band say so? "
    "Look at edges and tails."
)


def titled(observable: Observable) -> str:
    """An observable in the plain text of a menu: 'Transverse momentum of jet 1  pT,j1'."""
    symbol = re.sub("<[^>]*>", "", observable.symbol)
    return observable.description if observable.description.endswith(f" {symbol}") else f"{observable.description}  {symbol}"


def offered(recipes: Sequence[GeneratorRecipe]) -> list[str]:
    """The observables that runs have."""
    return list(dict.fromkeys(name for recipe in recipes for name in observables(recipe.dataset, jets=recipe.most_jets)))


OBSERVABLE = Chooser(
    "observable",
    "Observable",
    {one.name: titled(one) for dataset in GeneratorRecipe.options()["dataset"].objects for one in observables(dataset).values()},
    lambda name: {"observable": name},
    offered,
)
NUISANCE = Chooser(
    "a",
    "Theory nuisance a",
    {f"{a:g}": f"{a:g}" for a in NUISANCE_STOPS},
    lambda a: {"a": float(a)},
    usual=f"{NUISANCE_STOPS[-1]:g}",
    slides=True,
)


class Generators(Studio):
    family = GENERATORS
    tour = (
        (".action.train", "Press Train, or the space bar. A network learns to turn random numbers into events."),
        ("[data-figure=cloud], [data-figure=losses]", "Watch its density and its events move onto the true ones. Sharp edges come last."),
        ("[data-tab=distributions]", "Open Distributions: the ratio to the truth should agree with 1 within the band."),
        ("[data-option=dataset]", "Choose another dataset, a ring for instance, and train again: which shapes are hard?"),
    )
    choosers = (OBSERVABLE, NUISANCE)
    tabs = (
        Tab("training", "Training", LEARNED),
        Tab("distributions", "Distributions", BAND),
        Tab("density", "Density", BAND),
        Tab("discriminator", "Discriminator", JUDGED),
        Tab("theory", "Theory", THEORY),
        Tab("stories", "Stories"),
        Tab("runs", "Runs"),
    )
    cards = (
        Card("cloud", "training"),
        Card("losses", "training", formula="L = −⟨log p(x|θ)⟩ + KL[q(θ), p(θ)] / N"),
        Card("log_loss", "training"),
        Card("generated", "distributions", choose=("observable",)),
        Card("hole", "distributions"),
        Card("ways", "discriminator", choose=("observable",)),
        Card("weights", "discriminator"),
        Card("weight_points", "discriminator", choose=("observable",)),
        Card("nuisance", "theory", choose=("observable", "a")),
        Card("theory_band", "theory", choose=("observable",)),
        Card("density_map", "density"),
        Card("uncertainty_map", "density"),
        Card("uncertainty_line", "density"),
    )
    columns = (
        ("log loss", "−⟨ln p⟩ per test event in physical units, p averaged over the draws, in nats"),
        ("entropy", "−∫ p ln p, the log loss of a perfect flow; known for toys"),
        ("|ratio − 1|", "Mean deviation from the truth, over the bins of all observables that hold more than 1 % of it"),
        ("statistics", "Mean relative error of the truth in these bins: no deviation can be told from one of this size"),
        ("largest", "Largest deviation in these bins, and of which observable"),
        ("band", "Mean σ/⟨h⟩ of the draws in these bins"),
    )

    def absent(self) -> set[str]:
        return {name for name, wanted in MAKES_SENSE.items() if not any(map(wanted, self.recipes))}

    @property
    def home(self) -> str:
        """The tab on which the page opens: one on which something generated is seen."""
        return self.tabs[0].name if "cloud" not in self.absent() else "distributions"

    def describe(self, recipe: Recipe) -> str:
        return describe(cast(GeneratorRecipe, recipe))

    def download(self, run: Run) -> str:
        return downloads.address(run)

    def numbers(self, picture: Picture) -> list[str]:
        if (drawn := picture.of(GENERATOR.name)) is None:
            return ["–"] * len(self.columns)
        found = quality(drawn)
        largest = f"{percent(found.largest)} ({in_words(found.where, drawn)})" if found.where else "–"
        return [
            nats(found.log_loss),
            nats(found.entropy),
            f"none: {found.reason}" if found.reason else percent(found.deviation),
            percent(found.statistics),
            largest,
            percent(found.band) if np.isfinite(found.band) else "none",
        ]


def _judged(recipe: GeneratorRecipe) -> bool:
    return recipe.discriminator_steps > 0


def _toy(recipe: GeneratorRecipe) -> bool:
    return recipe.dataset in TOYS


MAKES_SENSE: dict[str, Callable[[GeneratorRecipe], bool]] = {
    "cloud": _toy,
    "density_map": _toy,
    "uncertainty_map": _toy,
    "uncertainty_line": lambda recipe: _toy(recipe) and not recipe.file,
    "hole": lambda recipe: recipe.has_jets and recipe.jets != 1,
    "ways": _judged,
    "weights": lambda recipe: _judged(recipe) or recipe.discflow_alpha > 0,
    "weight_points": _judged,
    "nuisance": lambda recipe: recipe.nuisance,
    "theory_band": lambda recipe: recipe.nuisance,
}
"""Which figures are about which recipes; the others are about all."""


def in_words(name: str, dataset: xr.Dataset) -> str:
    """The symbol of an observable as sentences have it: 'p_T,j1', 'p_T,μ⁻'."""
    symbol = str(dataset[f"density_{name}"].attrs.get("symbol", name.replace("_", " ")))
    return re.sub("<[^>]*>", "", symbol.replace("<sup>−</sup>", "⁻").replace("<sup>+</sup>", "⁺").replace("<sub>", "_"))


def nats(value: float) -> str:
    """A log loss: '−0.193'."""
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else "∞" if value > 0 else "–"


def describe(recipe: GeneratorRecipe) -> str:
    """A recipe in one short line, for lists and legends: what kind of flow, on which events."""
    data = wording(recipe.dataset)
    if recipe.has_jets:
        data = data.replace("jets", f"{recipe.jets or '1, 2, 3'} jet{'s' if recipe.jets != 1 else ''}")
    if recipe.file and recipe.dataset in TOYS:
        data = "own points"
    return " · ".join(
        [
            data,
            "Bayesian INN" if recipe.bayesian else "INN",
            f"{recipe.blocks} blocks",
            "affine" if recipe.spline == "affine" else f"{wording(recipe.spline)} splines",
            f"{recipe.events:,} events",
        ]
    )
