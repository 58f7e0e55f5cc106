"""How much memory points need that train together: an estimate from the sizes of the arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.nets.network import Network

if TYPE_CHECKING:
    pass
from workbench.training.memory import DOUBLE, LIBRARIES, SINGLE, Needed, bases


def needed(points: list[AmplitudeRecipe], network: Network, features: int) -> Needed:
    """The memory of points that train together, in bytes: an estimate from the sizes of the arrays."""
    first = points[0]
    rows = sum(point.members if point.uncertainty == "repulsive_ensemble" else 1 for point in points)
    draws = first.members if first.uncertainty == "repulsive_ensemble" else first.draws if "bnn" in first.uncertainty else 1
    posterior = 2 if first.uncertainty.startswith("bnn") else 1
    weights = LIBRARIES + 4 * posterior * rows * network.parameters * SINGLE + bases(first, [network], rows)
    activations = 6 * rows * first.batch_size * (features + sum(first.hidden) * network.work) * SINGLE
    data = (first.events + first.test_events) * (features + 2 * len(points)) * SINGLE
    drawn = draws * network.parameters * SINGLE
    return Needed(int(weights + activations + data), int(weights + data + drawn + 10 * draws * first.test_events * DOUBLE))
