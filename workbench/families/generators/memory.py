"""How much memory a flow needs, or a chain of them: an estimate from the sizes of the arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.families.generators.recipe import GeneratorRecipe
from workbench.nets.coupling import Flow

if TYPE_CHECKING:
    pass
from workbench.training.memory import DOUBLE, LIBRARIES, SINGLE, Needed, bases


def needed_to_draw(recipe: GeneratorRecipe, networks: list[Flow], dimension: int, drawn: int) -> Needed:
    """The memory of a flow, or of a chain of them, with so many events from each draw in the prediction: an estimate as above."""
    posterior, draws = (2, recipe.draws) if recipe.bayesian else (1, 1)
    parameters = sum(network.parameters for network in networks)
    weights = LIBRARIES + 4 * posterior * parameters * SINGLE + bases(recipe, networks, 1)
    widths = max(network.spline.planes * network.moved for network in networks) + sum(recipe.hidden)
    activations = 6 * recipe.batch_size * recipe.blocks * widths * SINGLE
    data = (recipe.events + 2 * recipe.test_events) * dimension * (SINGLE + DOUBLE)
    events = draws * drawn * dimension * (SINGLE + 4 * DOUBLE)
    return Needed(int(weights + activations + data), int(weights + data + draws * parameters * SINGLE + events))
