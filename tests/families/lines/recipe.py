from workbench.training.option import Number
from workbench.training.recipe.base import TrainingRecipe, declared


@declared
class LineRecipe(TrainingRecipe):
    """How to fit a line."""

    kind = "line"
    command = "fit-line"

    slope = Number(2.0, bounds=(-10.0, 10.0), label="Slope a", symbol="a", group="Data", doc="The slope of the true line y = a x.")
