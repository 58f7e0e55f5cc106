"""What a training of the first lesson yields: a curve, or a map, beside the exact answer, with the numbers that compare the two."""

from __future__ import annotations

import math

import xarray as xr

from workbench.results.product import Product

KNOWN = {
    "loss": {"long_name": "loss of unseen points", "units": "1"},
    "excess": {"long_name": "loss above that of the exact answer", "units": "1"},
    "auc": {"long_name": "area above the ROC curve", "units": "1"},
    "auc_exact": {"long_name": "area of the exact answer on the same points", "units": "1"},
    "rms": {"long_name": "rms of the curve to what minimises the loss", "units": "1"},
}


def numbers(found: xr.Dataset) -> dict[str, float]:
    """The numbers of a snapshot or prediction; NaN where it has none of that kind."""
    values = {name: float(found[name]) if name in found.variables else math.nan for name in ("loss", "floor", "auc", "auc_exact", "rms")}
    return values | {"excess": values["loss"] - values.pop("floor")}


def _sentence(found: xr.Dataset) -> str:
    known = numbers(found)
    loss = f"loss {known['loss']:.4g}"
    if math.isfinite(known["excess"]):
        loss += f", {known['excess']:.2g} above the exact answer"
    if math.isfinite(known["auc"]):
        exact = f", exact {known['auc_exact']:.4f} on the same points" if math.isfinite(known["auc_exact"]) else ""
        return f"AUC {known['auc']:.4f} ± {float(found['auc_error']):.4f}{exact}; {loss}"
    return f"rms to the best curve {known['rms']:.3g}; {loss}" if math.isfinite(known["rms"]) else loss


def _points(test: xr.Dataset, train: xr.Dataset | None) -> list[tuple[dict[str, object], xr.Dataset]]:
    return [({}, xr.Dataset({name: ((), value, KNOWN[name]) for name, value in numbers(test).items()}))]


BASICS_PRODUCT = Product(
    "basics",
    "a first training",
    "This figure shows a first training of Basics.",
    _sentence,
    _points,
    KNOWN,
    scan="basics scan",
    told={"loss": "loss", "excess": "above exact", "auc": "AUC", "auc_exact": "exact AUC", "rms": "rms"},
)
