"""Histograms with error bars, and distributions weighted by the amplitude with error bands."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from workbench.physics.observables import outside, quantiles
from workbench.results.prediction import recipe_of, summary, weights


def histogram(values: Any, edges: Any) -> xr.Dataset:
    """Density of the values in fixed bins, normalised to all finite values, with its statistical error.

    The integral is 1 minus the fraction outside of the bins. Draws of one event are not independent: with more dims than `event` the
    error is that of events which each fall into several bins with weights f_e, δn² = Σ_e f_e². Weights of events multiply these.
    *Returns*: dim bin with density, error, count (of values); coords low, high; scalars below, above (fractions outside), total
    (finite values), events (independent units), invalid (values that are not finite).
    """
    edges = _edges(edges)
    array = values if isinstance(values, xr.DataArray) else xr.DataArray(np.asarray(values, dtype=float).ravel(), dims="event")
    table = array.transpose(..., "event").values.astype(float)
    table = table.reshape(math.prod(table.shape[:-1]), table.shape[-1])
    finite = np.isfinite(table)
    total, bins, units = int(finite.sum()), len(edges) - 1, table.shape[1]
    weight = weights(array)
    wide = np.broadcast_to(weight, table.shape)
    place, inside = _place(table, edges)
    if table.shape[0] == 1:
        count = np.bincount(place[inside], minlength=bins)
        content, variance = (np.bincount(place[inside], wide[inside] ** power, minlength=bins) for power in (1, 2))
    else:
        event = np.broadcast_to(np.arange(units), table.shape)
        share = np.bincount(event[inside] * bins + place[inside], minlength=units * bins).reshape(units, bins)
        count, own = share.sum(axis=0), share * weight[:, None]
        content, variance = own.sum(axis=0), (own**2).sum(axis=0)
    whole = wide[finite].sum() or 1.0
    norm = whole * np.diff(edges)
    return xr.Dataset(
        {
            "density": ("bin", content / norm),
            "error": ("bin", np.sqrt(variance) / norm),
            "count": ("bin", count),
            "below": ((), wide[finite & (table < edges[0])].sum() / whole),
            "above": ((), wide[finite & (table > edges[-1])].sum() / whole),
            "total": ((), total),
            "events": ((), int(finite.any(axis=0).sum())),
            "invalid": ((), table.size - total),
        },
        coords={"low": ("bin", edges[:-1]), "high": ("bin", edges[1:])},
    )


def ratio_profile(prediction: xr.Dataset, edges: Any) -> xr.Dataset:
    """⟨A⟩/A in bins of A: median and the bands that hold 68 % and 95 % of the events.

    *Returns*: dim bin with median, low68, high68, low95, high95 (NaN in empty bins), count; coords low, high.
    """
    s = summary(prediction)
    edges = _edges(edges)
    truth, ratio, weight = s["amplitude_true"].values, (s["mean"] / s["amplitude_true"]).values, weights(s)
    place, inside = _place(truth, edges)
    inside &= np.isfinite(ratio)
    levels = [0.5, 0.15865, 0.84135, 0.02275, 0.97725]
    rows = []
    for number in range(len(edges) - 1):
        chosen = inside & (place == number)
        here = ratio[chosen]
        rows.append([*quantiles(here, levels, weight[chosen]), here.size] if here.size else [np.nan] * 5 + [0])
    table = np.array(rows, dtype=float).T
    names = ("median", "low68", "high68", "low95", "high95", "count")
    return xr.Dataset(
        {n: ("bin", row) for n, row in zip(names, table, strict=True)}, {"low": ("bin", edges[:-1]), "high": ("bin", edges[1:])}
    )


def distribution(prediction: xr.Dataset, observable: Any) -> xr.Dataset:
    """Distribution of an observable weighted by the amplitude: Σ A in each bin, per event and per unit of the observable.

    Events from flat sampling count A; unweighted events, whose density is already ∝ A, count A/A_true. In one bin the same network
    misjudges all events alike, so σ_stat is the spread of the bin's sum between draws (or, without draws, the sum of the σ_stat); σ_syst
    acts like noise on each event and adds in quadrature. The error of the finite sample, √ΣA², is common to truth and prediction.

    *Arguments*: observable with name, symbol, unit, bins (edges) and values(momenta).
    *Returns*: dim bin with truth, predicted, sigma_stat, sigma_syst, sample_error, count; ratio and ratio_stat, ratio_syst, ratio_sample
    relative to the truth (NaN in empty bins); coords low, high; scalars outside (number of events), events, below and above (shares
    of the events on either side).
    *Raises*: ValueError where the prediction carries no momenta.
    """
    if "momenta" not in prediction.variables:
        raise ValueError("This prediction carries no momenta, so no observable can be computed; take run.prediction('test').")
    s = summary(prediction)
    edges = _edges(observable.bins)
    bins = len(edges) - 1
    value = np.asarray(observable.values(prediction["momenta"].transpose("event", "particle", "component").values), dtype=float)
    truth = s["amplitude_true"].values.astype(float)
    recipe = recipe_of(prediction)
    unweighted = recipe.get("sampling") == "unweighted" and not recipe.get("file")
    weight = weights(s) / truth if unweighted else weights(s)
    place, inside = _place(value, edges)
    inside &= np.isfinite(s["mean"].values)
    place, weight = place[inside], weight[inside]

    def total(x: np.ndarray) -> np.ndarray:
        return np.bincount(place, weights=x[inside] * weight, minlength=bins)

    def quadrature(x: np.ndarray) -> np.ndarray:
        return np.sqrt(np.bincount(place, weights=(x[inside] * weight) ** 2, minlength=bins))

    if "draw" in prediction.dims:
        draws = prediction["mean"].transpose("draw", "event").values
        stat = np.std([total(row) for row in draws], axis=0)
    else:
        stat = total(s["sigma_stat"].values)
    norm = max(len(truth), 1) * np.diff(edges)
    columns = {
        "truth": total(truth) / norm,
        "predicted": total(s["mean"].values) / norm,
        "sigma_stat": stat / norm,
        "sigma_syst": quadrature(s["sigma_syst"].values) / norm,
        "sample_error": quadrature(truth) / norm,
    }
    base = np.where(columns["truth"] > 0, columns["truth"], np.nan)
    parts = {"ratio": "predicted", "ratio_stat": "sigma_stat", "ratio_syst": "sigma_syst", "ratio_sample": "sample_error"}
    columns |= {name: columns[source] / base for name, source in parts.items()}
    columns["count"] = np.bincount(place, minlength=bins)
    result = xr.Dataset(
        {name: ("bin", column) for name, column in columns.items()}, {"low": ("bin", edges[:-1]), "high": ("bin", edges[1:])}
    )
    below, above = outside(value, edges, weights(s))
    return result.assign(outside=len(truth) - int(inside.sum()), events=len(truth), below=below, above=above)


def _edges(edges: Any) -> np.ndarray:
    edges = np.asarray(edges, dtype=float)
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
        raise ValueError("The bin edges must be at least two increasing numbers.")
    return edges


def _place(values: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bin number of each value, and which values lie in a bin; the last edge belongs to the last bin."""
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = len(edges) - 2
    return place, np.isfinite(values) & (place >= 0) & (place < len(edges) - 1)
