"""What observables know of the couplings."""

from __future__ import annotations

import numpy as np

from workbench.families.inference.histogram import EDGES, PT_EDGES, bin_of, filled
from workbench.families.inference.sample import Pool, observables

STATISTICS = ("dphi_by_pt", "deta", "dphi", "pt2", "pt1", "pt1_dphi", "all")
"""Histograms of one observable, of two, and everything that is seen."""
LINEAR = (0, 1, 2, 3)


def information(test: Pool, level: str, part: slice) -> np.ndarray:
    """Fisher information of one event of the Standard Model in f_W, f_WW and f_T, (statistic, coupling), in TeV⁴; shape only.

    I = Σ_bins H₀ (H₁/H₀ − σ₁/σ₀)² / Σ H₀, with the exact components of each event; for everything, ⟨t²⟩ of the exact score.
    """
    components = test.truth[level][part][:, LINEAR]
    weight, sigma = test.weight[part], test.cross_section
    seen = observables(test.jets(level)[part])
    both = bin_of(seen["pt1"], PT_EDGES) * (len(EDGES["dphi"]) - 1) + bin_of(seen["dphi"], EDGES["dphi"])
    score = components[:, 1:] / components[:, :1] - sigma[1:4] / sigma[0]
    found = []
    for name in STATISTICS:
        if name == "all":
            found.append(np.average(score**2, axis=0, weights=weight))
            continue
        bins = both if name == "pt1_dphi" else bin_of(seen[name], EDGES[name])
        sums = filled(bins, int(bins.max()) + 1, np.concatenate([np.ones_like(score[:, :1]), score], axis=1), weight)
        spread = filled(bins, int(bins.max()) + 1, np.concatenate([np.ones_like(score[:, :1]), score**2], axis=1), weight)
        there = sums[:, 0] > 1
        sums, spread = sums[there], spread[there]
        mean = sums[:, 1:] / sums[:, :1]
        # the mean score of a bin is known to its statistical error, whose square would count as information
        noise = np.maximum(spread[:, 1:] / sums[:, :1] - mean**2, 0.0) / np.maximum(sums[:, :1] - 1, 1.0)
        found.append((sums[:, :1] * (mean**2 - noise)).sum(axis=0) / weight.sum())
    return np.maximum(np.array(found), 0.0)
