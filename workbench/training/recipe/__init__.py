"""Recipes: everything that defines a training run, declared once.

From these declarations grow the page's controls, the command line, the state in the URL, `recipe.json` on disk, the check of bad
input and the help. A recipe is plain data: it imports neither torch nor panel.
"""

from workbench.training.option import Choice, RecipeError, Widths, shown
from workbench.training.recipe.base import KINDS, Recipe, TrainingRecipe, wording
from workbench.training.recipe.sweep import Sweep, checked_axes, sweep_of

__all__ = [
    "KINDS",
    "Choice",
    "Recipe",
    "RecipeError",
    "Sweep",
    "TrainingRecipe",
    "Widths",
    "checked_axes",
    "shown",
    "sweep_of",
    "wording",
]
