"""What a search yields: formulas by their complexity, the best of them, its constants with their errors, and what it is worth."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from workbench.results.product import Product

KNOWN = {
    "mse": {"long_name": "MSE of the best formula over the variance", "units": "1"},
    "nodes": {"long_name": "complexity of the best formula", "units": "1"},
    "constants": {"long_name": "constants of the best formula", "units": "1"},
    "errors": {"long_name": "smallest bootstrap error over naive error", "units": "1"},
    "information": {"long_name": "share of the information that the best formula keeps", "units": "1"},
}


def best(found: xr.Dataset) -> int:
    """The place of the best formula: the one with the smallest score. Raises: ValueError where there is none yet."""
    score = found["score"].values
    if not np.isfinite(score).any():
        raise ValueError("The first formulas appear after one generation.")
    return int(np.nanargmin(score))


def numbers(found: xr.Dataset) -> dict[str, float]:
    """The numbers of a snapshot or prediction; NaN where it has none of that kind."""
    place = best(found)
    values = {
        "mse": float(found["mse"][place] / found["variance"]),
        "nodes": float(found["complexity"][place]),
        "constants": float(found["constants"][place]),
        "errors": math.nan,
        "information": math.nan,
    }
    if "value" in found.variables:
        naive, wide = found["naive"].values, found["bootstrap"].values
        known = np.isfinite(naive) & (naive > 0)
        values["errors"] = float((wide[known] / naive[known]).min()) if known.any() else math.nan
    if "information" in found.variables:
        values["information"] = float(found["information"].sel(statistic="best formula"))
    return values


def _sentence(found: xr.Dataset) -> str:
    place = best(found)
    text = str(found["formula"].values[place])
    share = 100 * float(found["mse"][place] / found["variance"])
    return f"{found.attrs['described']} = {text}; {share:.3g} % of the variance is left, {int(found['complexity'][place])} nodes"


def _points(test: xr.Dataset, train: xr.Dataset | None) -> list[tuple[dict[str, object], xr.Dataset]]:
    return [({}, xr.Dataset({name: ((), value, KNOWN[name]) for name, value in numbers(test).items()}))]


FORMULA = Product(
    "formula",
    "a search for a formula",
    "This figure shows a search for a formula.",
    _sentence,
    _points,
    KNOWN,
    scan="formula scan",
    awaited="The first formulas appear in a moment …",
)
