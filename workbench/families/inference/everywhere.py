"""Distributions at many hypotheses, so that a hypothesis may be dragged over the plane: p_T, Δφ and log r.

    p(x|θ) = r(x|θ) p(x|0)          events of the Standard Model, counted r̂(x|θ) times

At every θ of a grid stands the share of events in each bin, the mean over networks and their spread, beside the exact one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.families.inference.histogram import EDGES, bin_of, filled
from workbench.families.inference.ratio import EVEN, Estimate, even
from workbench.families.inference.sample import Pool, observables

STEP, FURTHEST = 2, 20
PLACES = np.arange(-FURTHEST, FURTHEST + 1, STEP)
"""f_W and f_WW [TeV⁻²] of the grid."""
LIVE_PLACES = PLACES[::5]
BINS = 20
"""Of log r, between the ends that hold 99 % of the exact ones."""
WHOLE = 65_535
"""Shares are kept as whole numbers, in this part of one; their errors in an eighth of it."""
FINER = 8


def shares(values: np.ndarray) -> np.ndarray:
    """Shares of events as they are kept."""
    return np.clip(np.rint(values * WHOLE), 0, WHOLE).astype(np.uint16)


def errors(values: np.ndarray) -> np.ndarray:
    """Errors of shares as they are kept."""
    return shares(np.minimum(values * FINER, 1.0))


def share_of(kept: np.ndarray) -> np.ndarray:
    """The inverse of `shares`."""
    return kept / WHOLE


def error_of(kept: np.ndarray) -> np.ndarray:
    """The inverse of `errors`."""
    return kept / WHOLE / FINER


def nearest(axis: np.ndarray, value: float) -> int:
    """The place on an axis that is nearest to a value."""
    return int(np.abs(axis - value).argmin())


def simulated(pool: Pool, level: str) -> dict[str, np.ndarray]:
    """Of p_T and Δφ, the components (bin, component) of simulated events in each bin, which give them at any θ."""
    made = observables(pool.jets(level))
    return {
        name: filled(bin_of(made[name], EDGES[name]), len(EDGES[name]) - 1, pool.components[:, list(EVEN)], pool.weight)
        for name in ("pt1", "dphi")
    }


def distributions(
    made: dict[str, np.ndarray], test: Pool, level: str, part: slice, ours: Estimate, exact: Estimate, places: np.ndarray
) -> dict[str, Any]:
    """Columns of a prediction: at_pt1, at_dphi (to_f_WW, to_f_W, bin) and at_log_ratio (…, of, bin), of events of the Standard Model and of
    θ; their errors, the simulated or exact ones, and what the Standard Model has. Arguments: made, as `simulated` gives it."""
    weight = test.weight[part] / test.weight[part].sum()
    seen = observables(test.jets(level)[part])
    onto = {name: np.eye(len(EDGES[name]) - 1)[bin_of(seen[name], EDGES[name])] * weight[:, None] for name in made}
    rows: dict[str, list[np.ndarray]] = {}

    def put(name: str, values: np.ndarray) -> None:
        rows.setdefault(name, []).append(values)

    for f_ww in places:  # a row at a time: all at once would take hundreds of megabytes
        theta = np.stack([places.astype(float), np.full(len(places), float(f_ww))], axis=-1)
        learned, true = ours.log_ratio(theta), exact.log_ratio(theta)[0]
        counted = np.exp(learned)
        counted /= np.einsum("net,e->nt", counted, weight)[:, None]
        for name, each in onto.items():
            found = np.einsum("net,eb->tnb", counted, each)
            density = np.maximum(even(theta) @ made[name].T, 0.0)
            put(f"at_{name}", shares(found.mean(1)))
            put(f"at_{name}_sigma", errors(found.std(1)))
            put(f"at_{name}_simulated", shares(density / density.sum(axis=1, keepdims=True)))
        ends = np.quantile(true, [0.005, 0.995], axis=0).T
        put("at_log_ratio_ends", ends.astype(np.float32))
        found = np.stack([_both(each, weight, ends) for each in learned], axis=1)
        put("at_log_ratio", shares(found.mean(1)))
        put("at_log_ratio_sigma", errors(found.std(1)))
        put("at_log_ratio_true", shares(_both(true, weight, ends)))
    dims = {"at_pt1": ("pt1_bin",), "at_dphi": ("dphi_bin",), "at_log_ratio": ("of", "ratio_bin")}
    columns: dict[str, Any] = {"to_f_W": ("to_f_W", places.astype(float)), "to_f_WW": ("to_f_WW", places.astype(float))}
    for name, arrays in rows.items():
        own = ("end",) if name.endswith("_ends") else next(dim for key, dim in dims.items() if name.startswith(key))
        columns[name] = (("to_f_WW", "to_f_W", *own), np.stack(arrays))
    for name, table in made.items():
        columns[f"at_{name}_sm"] = (f"{name}_bin", table[:, 0] / table[:, 0].sum())
        columns[f"{name}_edges"] = (f"{name}_edge", EDGES[name])
    return columns


def _both(log_ratio: np.ndarray, weight: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Shares of events of the Standard Model and of θ in bins of their log r (event, θ), (θ, of, bin)."""
    count = log_ratio.shape[1]
    low, high = ends[:, 0], np.maximum(ends[:, 1], ends[:, 0] + 1e-6)
    inside = np.clip(np.floor((log_ratio - low) / (high - low) * BINS), 0, BINS - 1).astype(int)  # the outer bins take all beyond
    bins = inside + BINS * np.arange(count)
    found = []
    for counted in (np.ones_like(log_ratio), np.exp(log_ratio)):
        own = counted * weight[:, None]
        sums = np.bincount(bins.ravel(), own.ravel(), minlength=count * BINS).reshape(count, BINS)
        found.append(sums / sums.sum(axis=1, keepdims=True))
    return np.stack(found, axis=1)
