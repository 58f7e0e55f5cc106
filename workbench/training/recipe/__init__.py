"""Recipes: everything that defines a training run, declared once.

From these declarations grow the page's controls, the command line, the state in the URL, `recipe.json` on disk, the check of bad
input and the help. A recipe is plain data: it imports neither torch nor panel.
"""

from workbench.training.option import Choice, RecipeError, Widths, shown
from workbench.training.recipe.amplitude import SHARED, AmplitudeRecipe
from workbench.training.recipe.base import KINDS, Recipe, TrainingRecipe, wording
from workbench.training.recipe.generator import GeneratorRecipe
from workbench.training.recipe.sweep import Sweep, SweepRecipe, checked_axes, sweep_of

__all__ = [
    "KINDS",
    "SHARED",
    "AmplitudeRecipe",
    "Choice",
    "GeneratorRecipe",
    "Recipe",
    "RecipeError",
    "Sweep",
    "SweepRecipe",
    "TrainingRecipe",
    "Widths",
    "checked_axes",
    "shown",
    "sweep_of",
    "wording",
]
