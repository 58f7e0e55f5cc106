"""What a training of Taggers yields: the probability of every test jet to be a top, with its error bar, and what follows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from workbench.results.product import Product

KNOWN = {
    "auc": {"long_name": "area under the ROC curve", "units": "1"},
    "rejection_50": {"long_name": "1/ε_B at ε_S = 0.5", "units": "1"},
    "rejection_30": {"long_name": "1/ε_B at ε_S = 0.3", "units": "1"},
    "accuracy": {"long_name": "share of jets told right at p = ½", "units": "1"},
    "loss": {"long_name": "cross-entropy of test jets", "units": "nat"},
    "ece": {"long_name": "expected calibration error", "units": "1"},
    "ece_floor": {"long_name": "the same of a perfect classifier, on average", "units": "1"},
    "sigma_undecided": {"long_name": "median σ of jets with 0.3 < μ < 0.7", "units": "1"},
    "sigma_logit": {"long_name": "median σ of the logit", "units": "1"},
    "auc_mass": {"long_name": "area under the ROC curve of |m − 172.5 GeV|", "units": "1"},
    "rejection_50_mass": {"long_name": "1/ε_B at ε_S = 0.5 of |m − 172.5 GeV|", "units": "1"},
}
ERRORS = ("auc", "rejection_50", "rejection_30", "rejection_50_mass")
"""Numbers with a statistical error from a finite test set."""


def numbers(found: xr.Dataset) -> dict[str, float]:
    """The numbers of a snapshot or prediction."""
    return {name: float(found[name]) if name in found.variables else math.nan for name in KNOWN}


def _sentence(found: xr.Dataset) -> str:
    known = numbers(found)
    return (
        f"AUC {known['auc']:.4f} ± {float(found['auc_error']):.4f}, 1/ε_B(0.5) {known['rejection_50']:.0f} ± "
        f"{float(found['rejection_50_error']):.0f} (mass alone {known['rejection_50_mass']:.0f}), ECE {known['ece']:.3f} "
        f"(floor {known['ece_floor']:.3f}) on {int(found.attrs.get('tested', found.sizes['event'])):,} test jets"
    )


def _points(test: xr.Dataset, train: xr.Dataset | None) -> list[tuple[dict[str, object], xr.Dataset]]:
    return [({}, xr.Dataset({name: ((), value, KNOWN[name]) for name, value in numbers(test).items()}))]


def _part(found: xr.Dataset, observables: Sequence[str], maps: bool, draws: bool) -> xr.Dataset:
    """1,000 jets, with the constituents of 200 where a figure shows what only a finished run has."""
    short = found.isel(event=slice(1_000), shifted=slice(300), shown=slice(200), missing_dims="ignore")
    if not draws:
        short = short.drop_vars([name for name in found.data_vars if str(name).startswith(("average_image", "constituent_"))])
    return short.map(lambda values: values.astype(np.float32) if values.dtype == float else values, keep_attrs=True).assign_attrs(
        found.attrs
    )


TAGGER_PRODUCT = Product(
    "tagger",
    "a tagger",
    "This figure shows a training of Taggers.",
    _sentence,
    _points,
    KNOWN,
    part=_part,
    scan="tagger scan",
    told={"auc": "AUC", "rejection_50": "1/ε_B(0.5)", "rejection_30": "1/ε_B(0.3)", "ece": "ECE", "sigma_undecided": "σ, undecided"},
)
