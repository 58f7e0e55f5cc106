"""What averaging over members does to the systematic pull.

⟨A⟩ of n members has a smaller residual than each of them, while σ_syst, averaged in quadrature, stays: the pull narrows as

    width(n) = width(1) √(ρ + (1 − ρ)/n),   ρ = ⟨rᵢ rⱼ⟩ / ⟨rᵢ²⟩ for i ≠ j,   rᵢ = (Āᵢ − A_train)/σ_syst

Noise is common to all members, ρ → 1; the networks' own errors are not. (Caveat 1.6.1 of the facts on arXiv:2412.12069.)
"""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr

from workbench.results.prediction import summary
from workbench.results.pulls import width_and_mean


def pull_widths(prediction: xr.Dataset) -> xr.Dataset:
    """Width of t_syst for n = 1, 2, 4, … and all N members; the members are cut into ⌊N/n⌋ disjoint subsets, whose pulls are put together.

    *Returns*: dim members with width, error (statistical), mean, subsets and expected (width(n) from ρ); scalar correlation ρ.
    *Raises*: ValueError where the prediction has less than two draws.
    """
    count = prediction.sizes.get("draw", 0)
    if count < 2:
        raise ValueError("Averaging over members needs run.prediction('test') of a network with several draws or members.")
    mean, variance = (_rows(array) for array in (prediction["mean"], prediction["sigma_syst"].astype(float) ** 2))
    train, together, rows = prediction["amplitude_train"].values, summary(prediction), []
    own = {"weight": prediction["weight"]} if "weight" in prediction.coords else {}
    n = np.array([*itertools.takewhile(lambda size: size < count, (2**k for k in itertools.count())), count])
    for _ in n[:-1]:
        rows.append(width_and_mean(xr.DataArray((mean - train) / np.sqrt(variance), own, dims=("subset", "event"))))
        mean, variance = _paired(mean), _paired(variance)
    rows.append(width_and_mean((together["mean"] - train) / together["sigma_syst"]))
    correlation, single = _correlation(prediction, together["sigma_syst"])
    return xr.Dataset(
        {
            "width": ("members", [m.width for m in rows]),
            "error": ("members", [m.width_error for m in rows]),
            "mean": ("members", [m.mean for m in rows]),
            "subsets": ("members", count // n),
            "expected": ("members", expected_width(n, correlation, single)),
            "correlation": ((), correlation),
        },
        coords={"members": n},
    )


def expected_width(members: np.ndarray, correlation: float, single: float = 1.0) -> np.ndarray:
    """width(1) √(ρ + (1 − ρ)/n)."""
    return single * np.sqrt(np.maximum(correlation + (1 - correlation) / members, 0))


def _rows(array: xr.DataArray) -> np.ndarray:
    return array.transpose("draw", "event").values.astype(float)


def _paired(rows: np.ndarray) -> np.ndarray:
    """Means of neighbouring rows; an odd last one is left out."""
    return (rows[: len(rows) // 2 * 2 : 2] + rows[1::2]) / 2


def _correlation(prediction: xr.Dataset, sigma: xr.DataArray) -> tuple[float, float]:
    """ρ and the width of a single member's residual in units of σ_syst of all."""
    residual = (prediction["mean"] - prediction["amplitude_train"]) / sigma
    single, together = width_and_mean(residual).width, width_and_mean(residual.mean("draw")).width
    count = residual.sizes["draw"]
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((count * (together / single) ** 2 - 1) / (count - 1)), single
