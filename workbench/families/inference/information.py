"""What observables know of the couplings, and how they are distributed at any θ."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.families.inference import ratio
from workbench.families.inference.histogram import EDGES, PT_EDGES, bin_of, filled
from workbench.families.inference.ratio import EVEN
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


def distributions(
    pool: Pool, test: Pool, level: str, part: slice, theta: np.ndarray, ours: np.ndarray, exact: np.ndarray, sigma: np.ndarray
) -> dict[str, Any]:
    """Of p_T of the harder jet and Δφ at each θ, as events of the Standard Model with the learned ratio have them, with the exact one, and
    as simulated: shares of events in each bin, (θ, network, bin) and (θ, bin).
    """
    seen, simulated = observables(test.jets(level)[part]), observables(pool.jets(level))
    weight, m = test.weight[part], ratio.even(theta)
    found: dict[str, Any] = {}
    for name in ("pt1", "dphi"):
        edges = EDGES[name]
        count, bins = len(edges) - 1, bin_of(seen[name], edges)
        onto = np.eye(count)[bins] * (weight / weight.sum())[:, None]
        made = filled(bin_of(simulated[name], edges), count, pool.components[:, list(EVEN)], pool.weight)
        density = np.maximum(m @ made.T, 0.0)
        found[f"at_{name}"] = (("shown", "network", f"{name}_bin"), np.einsum("net,eb->tnb", np.exp(ours), onto))
        found[f"at_{name}_true"] = (("shown", f"{name}_bin"), np.exp(exact).T @ onto)
        found[f"at_{name}_simulated"] = (("shown", f"{name}_bin"), density / density.sum(axis=1, keepdims=True))
        found[f"at_{name}_sm"] = ((f"{name}_bin",), made[:, 0] / made[:, 0].sum())
    return found
