"""Histograms of observables, once for all θ: each bin holds the six components of its events, p(bin|θ) = H·m(θ)/σ(θ).

Kernel densities (approximate frequentist computation, AFC) are those of fine cells, smoothed by a Gaussian in ln p_T and in Δφ.
"""

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
LOG_PT_EDGES = np.linspace(np.log(10.0), np.log(2_000.0), 161)
"""Of the cells of kernel densities, a fifth of a kernel wide; in Δφ a third."""
CELL_PHI_EDGES = np.linspace(-np.pi, np.pi, 73)
KERNEL = 0.15, 0.25
"""Widths of kernels in ln p_T and in Δφ."""
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
        if self.recipe.method == "afc":
            return (len(LOG_PT_EDGES) - 1) * (len(CELL_PHI_EDGES) - 1)
        return len(EDGES[self.recipe.observable]) - 1

    def bins(self, pool: Pool) -> np.ndarray:
        """The bin of each event."""
        seen = observables(pool.jets(self.recipe.level))
        if self.recipe.method == "histogram_2d":
            return bin_of(seen["pt1"], PT_EDGES) * (len(PHI_EDGES) - 1) + bin_of(np.abs(seen["dphi"]), PHI_EDGES)
        if self.recipe.method == "afc":
            return bin_of(np.log(seen["pt1"]), LOG_PT_EDGES) * (len(CELL_PHI_EDGES) - 1) + bin_of(seen["dphi"], CELL_PHI_EDGES)
        return bin_of(seen[self.recipe.observable], EDGES[self.recipe.observable])

    def densities(self, counts: np.ndarray) -> np.ndarray:
        """Components in each bin relative to the first, (member, bin, component), from sums over the events of each bin."""
        if self.recipe.method == "afc":
            counts = smoothed(counts, *(self.recipe.kernel * width for width in KERNEL))
        return counts / np.maximum(counts[..., :1], 1e-30)


def smoothed(counts: np.ndarray, along: float, around: float) -> np.ndarray:
    """Σ over cells (member, cell, component) with Gaussian kernels of these widths in ln p_T and, as on a circle, in Δφ."""
    u, phi = ((edges[1:] + edges[:-1]) / 2 for edges in (LOG_PT_EDGES, CELL_PHI_EDGES))
    turns = 2 * np.pi * np.arange(-2, 3)
    in_pt = np.exp(-((u[:, None] - u) ** 2) / (2 * along**2))
    in_phi = np.exp(-((phi[:, None, None] - phi[None, :, None] - turns) ** 2) / (2 * around**2)).sum(-1)
    table = counts.reshape(len(counts), len(u), len(phi), -1)
    return np.einsum("ij,mjkc,lk->milc", in_pt, table, in_phi, optimize=True).reshape(counts.shape)


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
