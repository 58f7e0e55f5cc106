"""How far points lie from what a network was trained on.

    distance(x) = min_i |f(x) − f(x_i)| / median_j min_{i≠j} |f(x_j) − f(x_i)|

f are the standardised inputs of the network, x_i events it was trained on: 1 is how far these typically are from each other. What was the
same in all of them, such as the energy of the beams, counts by its relative change in per cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Scaling
from workbench.families.amplitudes.predictor import scaling_of
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.threads import one_thread

MOST = 1_000
"""Training events that points are compared with: some 2 µs a point, and the unit known to some per cent."""
PORTION = 1_000
"""Points at once: 4 MB of distances."""
USUAL = 0.99
"""The share of training events that are no further from the others than `far`."""
SAME = 1e-6
"""Width of a standardised input below which it was the same in all training events; 1 otherwise."""


class Region:
    """Where training events lie. *Arguments*: scaling, that of the network; momenta (event, particle, 4) [GeV] of at least two of them."""

    def __init__(self, scaling: Scaling, momenta: np.ndarray):
        self.scaling = scaling
        features = scaling.features(momenta[:MOST])
        value = features.mean(axis=0) * scaling.feature_width + scaling.feature_mean
        same = (features.std(axis=0) < SAME) & (value != 0)
        self.width = torch.tensor(np.where(same, 0.01 * np.abs(value) / scaling.feature_width, 1.0), dtype=torch.float32)
        self.centre = torch.tensor(features.mean(axis=0))  # near which nothing is lost to rounding
        self.known = self._inputs(momenta[:MOST])
        alone = self._distances(self.known, itself=True)
        self.unit = max(float(np.median(alone)), SAME)
        self.far = float(np.quantile(alone, USUAL)) / self.unit
        """The distance that one in a hundred training events has from the others, or a larger one."""

    def __call__(self, momenta: np.ndarray) -> xr.DataArray:
        """Distances (event) of momenta (event, particle, 4) in GeV."""
        about = {"long_name": "distance from what was trained on, 1 between training events", "units": "1", "far": self.far}
        return xr.DataArray(self._distances(self._inputs(momenta)) / self.unit, dims="event", attrs=about)

    def _inputs(self, momenta: np.ndarray) -> Float[Tensor, "event feature"]:
        return (torch.tensor(self.scaling.features(momenta)) - self.centre) / self.width

    def _distances(self, points: Float[Tensor, "event feature"], *, itself: bool = False) -> np.ndarray:
        """From each point to the nearest training event; `itself`: to the nearest other one, as the points are the training events."""
        square, across = self.known.square().sum(dim=1), -2 * self.known.T
        nearest = []
        with one_thread():
            for first, part in zip(range(0, len(points), PORTION), points.split(PORTION), strict=True):
                above = torch.addmm(square, part, across)  # |x_i|² − 2 x·x_i
                if itself:
                    above[torch.arange(len(part)), first + torch.arange(len(part))] = torch.inf
                nearest.append((above.amin(dim=1) + part.square().sum(dim=1)).clamp(min=0).sqrt())
        return torch.cat(nearest).numpy().astype(np.float64)


def region(recipe: AmplitudeRecipe, numbers: Mapping[str, Any], momenta: np.ndarray) -> Region:
    """Of a checkpoint with its `numbers`, and of momenta that were trained on."""
    return Region(scaling_of(recipe, numbers), momenta)
