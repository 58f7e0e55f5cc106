"""The points of a first lesson: those to learn from, those to watch over it, and those that nobody sees before the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.data.files import load_table
from workbench.data.own_file import check_content
from workbench.families.basics.recipe import BasicsRecipe, curve, own
from workbench.physics.basics import PLANES, Bump, Plane

VALIDATION, TEST = 5_000, 40_000
"""Points to watch over the training, and for the numbers at its end."""
GEV = {True: (1_000.0, 0.0), False: (100.0, 500.0)}
"""Factor and shift of inputs in GeV: of a curve, and in the plane."""


@dataclass(frozen=True)
class Points:
    """x (event, 1 or 2) as people say it, y (event) or the number of the class, and σ of y; nan where it is not known."""

    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray

    def __len__(self) -> int:
        return len(self.x)


def points_for(recipe: BasicsRecipe, progress: Callable[[float, str], None] | None = None) -> dict[str, Points]:
    """Train, validation and test points of a recipe. Raises: ValueError or OSError in one sentence where own ones cannot be used."""
    if own(recipe):
        return _own(recipe)
    wanted = {"train": recipe.points, "validation": VALIDATION, "test": TEST}
    return {split: _drawn(recipe, count, place) for place, (split, count) in enumerate(wanted.items())}


def _own(recipe: BasicsRecipe) -> dict[str, Points]:
    """Own points in an order drawn at random: a fifth to watch, a fifth to test, of the others as many as are asked for to learn from."""
    if not recipe.file:
        raise ValueError("No points are there yet; paste two or three columns, or name a file with them.")
    check_content(recipe)
    columns = load_table(recipe.file, recipe.subject)
    if curve(recipe):
        y, sigma = columns["y"], columns.get("sigma", np.full(len(columns["y"]), np.nan))
        if "sigma" not in columns and (recipe.loss == "chi2" or (recipe.uncertainty == "bnn" and recipe.loss != "gaussian")):
            raise ValueError(f"{recipe.file} has no column with the width σ of y, which this loss needs; add one, or learn σ with y.")
        x = columns["x"][:, None]
    else:
        x, y = np.stack([columns["x1"], columns["x2"]], 1), columns["class"]
        sigma = np.ones(len(y))
        if (found := int(y.max()) + 1) != recipe.classes:
            raise ValueError(f"{recipe.file} has {found} classes; set classes = {found}.")
    order = np.random.default_rng([recipe.data_seed, 17]).permutation(len(y))
    fifth = len(order) // 5
    parts = {
        "validation": order[:fifth][:VALIDATION],
        "test": order[fifth : 2 * fifth][:TEST],
        "train": order[2 * fifth :][: recipe.points],
    }
    return {split: Points(x[rows], y[rows], sigma[rows]) for split, rows in parts.items()}


def _drawn(recipe: BasicsRecipe, count: int, place: int) -> Points:
    rng = np.random.default_rng([recipe.data_seed, 17, place])
    if curve(recipe):
        bump = bump_of(recipe)
        x, y = bump.sample(count, rng)
        return Points(x[:, None], y, bump.sigma(x))
    x, label = plane_of(recipe).sample(count, rng, recipe.classes)
    return Points(x, label.astype(float), np.ones(count))


def bump_of(recipe: BasicsRecipe) -> Bump:
    """The curve of a recipe, with its noise."""
    return Bump(recipe.noise, recipe.growing, recipe.outliers)


def plane_of(recipe: BasicsRecipe) -> Plane:
    """The classes of a recipe."""
    return PLANES[recipe.toy]


def seen(recipe: BasicsRecipe, x: np.ndarray) -> np.ndarray:
    """Inputs as the recipe hands them to the network: of order one, or in GeV."""
    factor, shift = GEV[curve(recipe)] if recipe.scale == "GeV" and not own(recipe) else (1.0, 0.0)
    return factor * x + shift
