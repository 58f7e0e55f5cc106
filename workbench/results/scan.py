"""Scans: what the points of a sweep, or several runs, come to, as one Dataset with the swept options as dims.

σ/⟨A⟩ as median and mean over test events, Δ, pulls and T of every point; its events stay beside them where the sweep has finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from workbench.results.prediction import largest, median, quantile, relative_sigma, summary, weights
from workbench.results.pulls import pulls, width_and_mean

ATTRIBUTES = {
    "sigma_syst_median": "median of σ_syst/⟨A⟩",
    "sigma_syst_mean": "mean of σ_syst/⟨A⟩",
    "sigma_stat_median": "median of σ_stat/⟨A⟩",
    "sigma_stat_mean": "mean of σ_stat/⟨A⟩",
    "sigma_tot_median": "median of σ_tot/⟨A⟩",
    "sigma_tot_mean": "mean of σ_tot/⟨A⟩",
    "delta_median": "median of |Δ|",
    "delta_width": "68 % quantile of |Δ|",
    "delta_largest": "68 % quantile of |Δ| of the largest 1 % of A",
    "pull_mean": "mean of t_syst",
    "pull_width": "width of t_syst",
    "pull_beyond": "fraction of events with |t_syst| > 2",
    "statistical_width": "width of t_stat",
    "temperature": "calibration factor T on σ_syst",
}
PER_EVENT = ("mean", "sigma_syst", "sigma_stat", "amplitude_train")


def numbers(prediction: xr.Dataset) -> xr.Dataset:
    """What one prediction comes to, as scalars named in `ATTRIBUTES`; NaN where it has no finite value."""
    s, relative = summary(prediction), relative_sigma(prediction)
    values: dict[str, float] = {}
    for part in ("syst", "stat", "tot"):
        values |= {f"sigma_{part}_median": median(relative[part]), f"sigma_{part}_mean": _mean(relative[part])}
    delta = abs(s["delta"])
    t = pulls(prediction, "systematic")
    pull = width_and_mean(t)
    values |= {
        "delta_median": median(delta),
        "delta_width": quantile(delta, 0.68),
        "delta_largest": quantile(abs(largest(s, 0.01)["delta"]), 0.68),
        "pull_mean": pull.mean,
        "pull_width": pull.width,
        "pull_beyond": _mean((abs(t) > 2).where(np.isfinite(t))),
        "statistical_width": _statistical_width(prediction),
        "temperature": float(s["temperature"]) if "temperature" in s.variables else 1.0,
    }
    return xr.Dataset({name: ((), value, attributes(name)) for name, value in values.items()})


def per_event(prediction: xr.Dataset) -> xr.Dataset:
    """⟨A⟩, σ_syst, σ_stat, A_train and A of the events of one prediction."""
    return summary(prediction)[[*PER_EVENT, "amplitude_true"]].drop_attrs(deep=False)


def scan(
    axes: Mapping[str, Sequence[Any]],
    points: Iterable[tuple[Mapping[str, Any], xr.Dataset]],
    known: Mapping[str, Mapping[str, str]] | None = None,
    product: str = "scan",
) -> xr.Dataset:
    """Points as one Dataset with the dims `axes`; a point that is missing is NaN.

    Arguments: `points` are pairs of the options of a point, by axis, and its `numbers`, with its `per_event` where they are known; `known`
    are the numbers that every scan of such points has, with their attributes, by default those of amplitudes; `product` is its name.
    A number that is called as an axis, such as the loss in a sweep over losses, stands there with `_number` after its name.
    """
    known = {name: attributes(name) for name in ATTRIBUTES} if known is None else known
    places = {name: {as_coordinate(value): k for k, value in enumerate(values)} for name, values in axes.items()}
    shape = tuple(map(len, axes.values()))
    columns = {beside_axes(name, axes): xr.Variable(tuple(axes), np.full(shape, np.nan), dict(about)) for name, about in known.items()}
    shared: dict[str, xr.DataArray] = {}
    for options, dataset in points:
        if "weight" in dataset.coords:
            shared.setdefault("weight", dataset["weight"])
        place = tuple(places[name][as_coordinate(options[name])] for name in axes)
        for own, array in dataset.data_vars.items():
            if own == "amplitude_true":
                shared.setdefault(str(own), array)
                continue
            name = beside_axes(str(own), axes)
            if name not in columns:
                kind = np.float32 if array.ndim else np.float64
                empty = np.full((*shape, *array.shape), np.nan, dtype=kind)
                columns[name] = xr.Variable((*axes, *array.dims), empty, array.attrs)
            columns[name].values[place] = array.values
    coords = {name: (name, [as_coordinate(value) for value in values]) for name, values in axes.items()}
    return xr.Dataset({**columns, **shared}, coords, {"product": product}).set_coords({"weight"} & {*shared})


def beside_axes(name: str, axes: Iterable[str]) -> str:
    """The name under which a number stands in a scan over some axes."""
    return f"{name}_number" if name in axes else name


def points_of(scanned: xr.Dataset) -> list[tuple[dict[str, Any], xr.Dataset]]:
    """A scan's points again, as `scan` takes them."""
    axes = {str(name): scanned[name].values.tolist() for name in scanned["sigma_syst_median"].dims}
    found = []
    for values in product(*axes.values()):
        options = dict(zip(axes, values, strict=True))
        point = scanned.sel(options)
        found.append((options, point.drop_vars([name for name in point.coords if not point[name].dims])))
    return found


def as_coordinate(value: Any) -> Any:
    """An option's value as it stands on an axis: numbers and names as they are, widths as '64, 64, 64'."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _statistical_width(prediction: xr.Dataset) -> float:
    try:
        return width_and_mean(pulls(prediction, "statistical")).width
    except ValueError:  # one draw, or draws that all agree
        return float("nan")


def _mean(array: xr.DataArray) -> float:
    """The mean of the finite values of events, with their weights; NaN of none."""
    there = np.isfinite(array.values)
    return float(np.average(array.values[there], weights=weights(array)[there])) if there.any() else float("nan")


def attributes(name: str) -> dict[str, str]:
    """Name and unit of a number."""
    return {"long_name": ATTRIBUTES[name], "units": "1"}
