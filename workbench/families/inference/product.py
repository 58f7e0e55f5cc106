"""What a training of Inference yields: likelihood ratios beside the exact ones, and the limits that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from workbench.results.product import Product

NAMES = ("68", "95", "997")
KNOWN = {
    "mse": {"long_name": "mean squared error of log r", "units": "1"},
    "mse_trimmed": {"long_name": "trimmed mean squared error of log r", "units": "1"},
    "area_68": {"long_name": "area of the 68 % contour", "units": "TeV⁻⁴"},
    "area_95": {"long_name": "area of the 95 % contour", "units": "TeV⁻⁴"},
    "area_997": {"long_name": "area of the 99.7 % contour", "units": "TeV⁻⁴"},
    "area_68_true": {"long_name": "exact area of the 68 % contour", "units": "TeV⁻⁴"},
    "area_95_true": {"long_name": "exact area of the 95 % contour", "units": "TeV⁻⁴"},
    "area_997_true": {"long_name": "exact area of the 99.7 % contour", "units": "TeV⁻⁴"},
    "pull_width": {"long_name": "rms pull of log r against the truth, inner 90 %", "units": "1"},
}


def numbers(found: xr.Dataset) -> dict[str, float]:
    """The numbers of a snapshot or prediction."""
    values = {name: float(found[name]) for name in ("mse", "mse_trimmed")}
    for place, name in enumerate(NAMES):
        values[f"area_{name}"], values[f"area_{name}_true"] = float(found["area"][place]), float(found["area_true"][place])
    return values | {"pull_width": pull_width(found)}


def pull_width(found: xr.Dataset) -> float:
    """Rms of (log r̂ − log r)/σ_stat over shown hypotheses and events, the largest tenth left out; NaN without error bars."""
    sigma = found["log_ratio_sigma"].values.astype(float)
    if not (sigma > 0).any():
        return math.nan
    pulls = (found["log_ratio"].values - found["log_ratio_true"].values).astype(float)[sigma > 0] / sigma[sigma > 0]
    inside = np.sort(np.abs(pulls))[: max(1, int(0.9 * pulls.size))]
    return float(np.sqrt((inside**2).mean()))


def _sentence(found: xr.Dataset) -> str:
    known = numbers(found)
    areas = " / ".join(f"{known[f'area_{name}']:.0f}" for name in NAMES)
    exact = " / ".join(f"{known[f'area_{name}_true']:.0f}" for name in NAMES)
    return f"MSE of log r {known['mse']:.2g}, trimmed {known['mse_trimmed']:.2g}; areas 68 / 95 / 99.7 % {areas} TeV⁻⁴, exact {exact}"


def _points(test: xr.Dataset, train: xr.Dataset | None) -> list[tuple[dict[str, object], xr.Dataset]]:
    return [({}, xr.Dataset({name: ((), value, KNOWN[name]) for name, value in numbers(test).items()}))]


def _part(found: xr.Dataset, observables: Sequence[str], maps: bool, draws: bool) -> xr.Dataset:
    """500 events, without single experiments and toys, which no story draws."""
    short = found.isel(event=slice(500)).drop_vars([name for name in found.variables if str(name).startswith(("exp", "toy"))])
    return short.map(lambda values: values.astype(np.float32) if values.dtype == float else values, keep_attrs=True).assign_attrs(
        found.attrs
    )


INFERENCE_PRODUCT = Product(
    "inference",
    "an inference",
    "This figure shows a training of Inference.",
    _sentence,
    _points,
    KNOWN,
    part=_part,
    scan="inference scan",
)
