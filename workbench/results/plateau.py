"""Scans: how the error bars depend on an option of the recipe, above all on the noise.

A *scan* has the axes of a sweep as dims and one number per point: sigma_syst_median (of σ_syst/⟨A⟩), sigma_stat_median, delta_median, …
Noise of relative width f is learned as σ_syst/A = f, until f falls below what the network itself cannot express, the plateau p:

    σ_syst/A = √(f² + p²)

Source: facts on arXiv:2412.12069, plots 1.P3 and 1.P4.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

PER_EVENT = ("mean", "sigma_syst", "sigma_stat", "amplitude_train", "amplitude_true")
SEEDS = ("seed", "data_seed")
FAR = 5  # times the plateau: above it the slope of σ_syst is 1, below 1/5 of it 0


def axes(scan: xr.Dataset) -> list[str]:
    """The options that the scan varies, in the order of its dims."""
    dims = max((variable.dims for variable in scan.data_vars.values()), key=len, default=())
    return [str(dim) for dim in dims if dim not in ("event", "step", "draw", "particle", "component")]


def chosen(scan: xr.Dataset, select: dict[str, Any] | None = None) -> xr.Dataset:
    """The part of a scan with these values: text exactly, numbers to the nearest; a list keeps the axis, a single value drops it.

    Of a scan with the dim step (the snapshots of a running sweep) the last one is taken.
    *Raises*: ValueError for an axis or a text that the scan does not have.
    """
    if "step" in scan.dims:
        scan = scan.isel(step=-1)
    for name, value in (select or {}).items():
        if name not in axes(scan):
            raise ValueError(f"This scan has no axis {name!r}: its axes are {', '.join(axes(scan)) or 'none'}.")
        single = isinstance(value, str) or not isinstance(value, (list, tuple, np.ndarray))
        places = [_place(scan[name], item) for item in ([value] if single else value)]
        scan = scan.isel({name: places[0] if single else places})
    return scan


def points(scan: xr.Dataset, without: str = "") -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """The points of all axes but one: their values, and what the scan holds there (along that one axis)."""
    others = [name for name in axes(scan) if name != without]
    for place in itertools.product(*(range(scan.sizes[name]) for name in others)):
        part = scan.isel(dict(zip(others, place, strict=True)))
        yield {name: part[name].item() for name in others}, part


def over_seeds(scan: xr.Dataset, keep: str = "") -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """Median, smallest and largest number over the axes that only repeat a point with another seed; without values per event."""
    scan = scan.drop_vars([name for name, variable in scan.variables.items() if "event" in variable.dims])
    seeds = [name for name in axes(scan) if name in SEEDS and name != keep]
    if not seeds:
        return scan, scan, scan
    return scan.median(seeds), scan.min(seeds), scan.max(seeds)


def event_points(scan: xr.Dataset) -> Iterator[tuple[dict[str, Any], xr.Dataset]]:
    """The points of a finished scan as summaries over the test events.

    *Raises*: ValueError where the scan has no values per event.
    """
    if not {"mean", "sigma_syst", "amplitude_train", "amplitude_true"} <= set(scan.variables):
        raise ValueError("This scan has no values per event: its sweep is still running, or its points have different test events.")
    kept = scan[[name for name in PER_EVENT if name in scan.variables]]
    if "sigma_stat" not in kept:
        kept = kept.assign(sigma_stat=0 * kept["sigma_syst"])
    yield from points(kept)


def noise_law(scan: xr.Dataset, average: str = "median") -> xr.Dataset:
    """The plateau of a scan over noise, the curve √(f² + p²), and how well the scan follows it, for each point of the other axes.

    p² is σ_syst² − f² at the lowest noise, so p is the value at f = 0 where the scan has it.
    *Returns*: plateau p; expected (noise); slope_above and slope_below, d log σ_syst/d log f for f > 5p and for 0 < f < p/5; stat_growth,
    the largest over the smallest σ_stat for f ≤ p. NaN with less than two points.
    """
    if average not in ("median", "mean"):
        raise ValueError(f"average = {average!r} is not known: 'median' or 'mean' is needed.")
    if "noise" not in axes(scan):
        raise ValueError(f"A plateau needs a scan over noise; the axes of this one are {', '.join(axes(scan)) or 'none'}.")
    scan = scan.sortby("noise")
    noise = scan["noise"].astype(float)
    syst, stat = (scan[f"sigma_{part}_{average}"].astype(float) for part in ("syst", "stat"))
    lowest = syst.isel(noise=0, drop=True)
    p = np.sqrt((lowest**2 - float(noise[0]) ** 2).clip(min=0))
    low = stat.where((noise <= p) & (stat > 0))
    growth = (low.max("noise") / low.min("noise")).where(low.count("noise") > 1)
    return xr.Dataset(
        {
            "plateau": p,
            "expected": np.sqrt(noise**2 + p**2),
            "slope_above": _slope(syst, noise, noise > FAR * p),
            "slope_below": _slope(syst, noise, (noise > 0) & (noise < p / FAR)),
            "stat_growth": growth,
        }
    )


def _slope(y: xr.DataArray, x: xr.DataArray, where: xr.DataArray) -> xr.DataArray:
    """Least-squares slope of log y against log x, of the points where both are positive."""
    good = where & (x > 0) & (y > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = (xr.apply_ufunc(np.log, a.where(good)) for a in (x, y))
        u = u - u.mean("noise")
        return ((u * v).sum("noise") / (u**2).sum("noise")).where(good.sum("noise") > 1)


def _place(axis: xr.DataArray, value: Any) -> int:
    values = axis.values
    if values.dtype.kind in "OSU":
        if value not in list(values):
            raise ValueError(f"{axis.name} = {value!r} is not in this scan: it has {', '.join(map(repr, values.tolist()))}.")
        return list(values).index(value)
    return int(np.argmin(np.abs(values.astype(float) - float(value))))
