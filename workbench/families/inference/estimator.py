"""From networks, or filled histograms, to likelihood ratios of events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from workbench.families.inference import objective
from workbench.families.inference.histogram import of_scores
from workbench.families.inference.objective import POWERS, UNIT
from workbench.families.inference.ratio import Directions, Estimate, Free, Quadratic
from workbench.nets.population import PopulationMLP

PORTION = 8_192
"""Events that networks look at together."""


class Networks:
    """Networks (row) of a method and a head with what they need to answer: cross sections (6), and for scores a pool to histogram.

    Arguments: `pool` gives features, components and weights (network, event) of training events.
    """

    def __init__(
        self, network: PopulationMLP, method: str, head: str, sigma: np.ndarray, pool: Callable[[], tuple[Tensor, np.ndarray, np.ndarray]]
    ):
        self.network, self.method, self.head, self.sigma, self.pool = network, method, head, sigma, pool

    @torch.no_grad()
    def outputs(self, rows: Tensor, features: Tensor) -> np.ndarray:
        """(network, event, output)."""
        portions = [self.network(rows, part.expand(len(rows), *part.shape)) for part in features.split(PORTION)]
        return torch.cat(portions, 1).double().cpu().numpy()

    def estimate(self, rows: Tensor, features: Tensor) -> Estimate:
        """What the networks know of these events."""
        if self.method in ("sally", "sallino"):
            train, components, weight = self.pool()
            own = np.broadcast_to(weight, (len(rows), weight.shape[-1]))
            scores = self.outputs(rows, train), self.outputs(rows, features)
            return of_scores(*scores, components, own, self.sigma, directions=self.method == "sallino")
        if self.head == "quadratic":
            outputs = torch.from_numpy(self.outputs(rows, features))
            return Quadratic(objective.Quadratic.components(outputs).numpy() / POWERS, self.sigma)

        def ask(theta: np.ndarray) -> np.ndarray:
            place = torch.tensor(theta / UNIT, dtype=torch.float32, device=features.device).expand(len(features), 2)
            return np.clip(self.outputs(rows, torch.cat([features, place], -1))[..., 0], -objective.LARGEST, objective.LARGEST)

        return Free(ask, len(rows))

    def scores(self, rows: Tensor, features: Tensor) -> np.ndarray:
        """∇ log r̂ at the Standard Model in TeV², (network, event, 2)."""
        if self.method in ("sally", "sallino"):
            return self.outputs(rows, features) / UNIT
        found = self.estimate(rows, features)
        return score_of(found)


def score_of(found: Estimate) -> np.ndarray:
    """∇ log r̂ at θ = 0 in TeV², (network, event, 2): exact, or by differences."""
    if isinstance(found, Quadratic):
        return found.score()
    if isinstance(found, Directions):
        half = found.components.shape[1] // 2
        along = [Quadratic(found.components[:, k], found.sigma).score()[..., axis] for axis, k in ((0, 0), (1, half))]
        return np.stack(along, axis=-1)
    step = objective.STEP * UNIT
    moves = found.log_ratio(np.array([[step, 0], [-step, 0], [0, step], [0, -step]]))
    return np.stack([moves[..., 0] - moves[..., 1], moves[..., 2] - moves[..., 3]], axis=-1) / (2 * step)
