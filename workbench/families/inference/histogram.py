"""Histograms of observables, once for all θ: each bin holds the six components of its events, p(bin|θ) = H·m(θ)/σ(θ)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.families.inference.ratio import Directions, Quadratic
from workbench.families.inference.recipe import InferenceRecipe
from workbench.families.inference.sample import Pool, observables

PT_EDGES = np.array([20.0, 30, 40, 50, 60, 70, 80, 90, 100, 130, 160, 200, 250, 300, 400, 600, 1000])
"""GeV; the first and the last bin take all beyond."""
PHI_EDGES = np.linspace(0, np.pi, 11)
EDGES = {
    "pt1": PT_EDGES,
    "pt2": PT_EDGES,
    "deta": np.linspace(0, 8, 17),
    "dphi": np.linspace(-np.pi, np.pi, 21),
    "dphi_by_pt": np.linspace(-np.pi, np.pi, 21),
}
ACROSS, ALONG, DIRECTIONS = 14, 40, 24
"""Bins of the score along each axis, of its projection, and directions of θ in a half circle."""


@dataclass(frozen=True)
class Binning:
    """Numbers of bins of events of a recipe whose method is a histogram."""

    recipe: InferenceRecipe

    @property
    def count(self) -> int:
        if self.recipe.method == "histogram_2d":
            return (len(PT_EDGES) - 1) * (len(PHI_EDGES) - 1)
        return len(EDGES[self.recipe.observable]) - 1

    def bins(self, pool: Pool) -> np.ndarray:
        """The bin of each event."""
        seen = observables(pool.jets(self.recipe.level))
        if self.recipe.method == "histogram_2d":
            return bin_of(seen["pt1"], PT_EDGES) * (len(PHI_EDGES) - 1) + bin_of(np.abs(seen["dphi"]), PHI_EDGES)
        return bin_of(seen[self.recipe.observable], EDGES[self.recipe.observable])


def bin_of(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Numbers of bins; the outer ones take what lies beyond them."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def filled(bins: np.ndarray, count: int, components: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Σ weight × components in each bin, (bin, component)."""
    columns = [np.bincount(bins, weight * column, minlength=count) for column in components.T]
    return np.stack(columns, axis=-1)


def of_scores(
    train: np.ndarray, test: np.ndarray, components: np.ndarray, weight: np.ndarray, sigma: np.ndarray, *, directions: bool
) -> Quadratic | Directions:
    """Densities of learned scores: of both components in 14 × 14 bins, or of projections on 24 directions in 40 bins.

    Arguments: scores of the pool and of the events asked for, (network, event, 2), components (event, 6), weight (network, event).
    """
    found = []
    for ours, asked, own in zip(train, test, weight, strict=True):
        if not directions:
            edges = np.quantile(ours[:, 0], np.linspace(0, 1, ACROSS + 1))
            rows = [bin_of(each[:, 0], edges) for each in (ours, asked)]
            bins = [np.zeros(len(each), dtype=int) for each in rows]
            for row in range(ACROSS):
                inside = ours[rows[0] == row, 1]
                within = np.quantile(inside, np.linspace(0, 1, ACROSS + 1)) if len(inside) else np.linspace(-1, 1, ACROSS + 1)
                for each, row_of, values in zip(bins, rows, (ours, asked), strict=True):
                    here = row_of == row
                    each[here] = row * ACROSS + bin_of(values[here, 1], within)
            found.append(filled(bins[0], ACROSS**2, components, own)[bins[1]][None])
            continue
        along = []
        for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
            axis = np.array([np.cos(angle), np.sin(angle)])
            edges = np.quantile(ours @ axis, np.linspace(0, 1, ALONG + 1))
            table = filled(bin_of(ours @ axis, edges), ALONG, components, own)
            along.append(table[bin_of(asked @ axis, edges)])
        found.append(np.stack(along))
    each = np.stack(found)
    # a bin without events knows nothing: the mean of all, so that its ratio is one
    each = each / np.maximum(each[..., :1], 1e-9 * np.abs(each[..., :1]).max())
    return Directions(each, sigma) if directions else Quadratic(each[:, 0], sigma)
