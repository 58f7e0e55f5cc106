"""Pulls: how many error bars the prediction is off. A calibrated error bar gives N(0,1).

systematic   t_syst(x)    = (⟨A⟩ − A_train) / σ_syst         against the noisy value the network was trained on
statistical  t_stat(x, θ) = (Ā(θ) − A_true) / σ_stat         every draw against the truth
scaled       t̂_M(x)       = (⟨A⟩_M − ⟨A⟩) / (σ_stat/√M)      the mean of M of the N draws against the mean of all

Source: facts on arXiv:2412.12069; t_syst as in arXiv:2206.14831.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.results.prediction import summary, weights

FORMULAS = {
    "systematic": "t_syst = (⟨A⟩ − A_train)/σ_syst",
    "statistical": "t_stat = (Ā(θ) − A_true)/σ_stat",
    "scaled": "t_M = (⟨A⟩_M − ⟨A⟩)/(σ_stat/√M)",
}


def pulls(prediction: xr.Dataset, kind: str = "systematic", *, draws: int = 1, calibrated: bool = True) -> xr.DataArray:
    """The pulls of a prediction or, for the systematic pull, of a summary.

    *Arguments*: draws, the M of the scaled pull; calibrated=False takes σ_syst without its factor T.
    *Returns*: dims event (systematic), draw and event (statistical), subset and event (scaled: the draws are cut into ⌊N/M⌋ disjoint
    subsets). attrs: long_name, kind, formula, units, expected_width.
    *Raises*: ValueError for an unknown kind, for missing draws, and for a σ_stat that is zero everywhere.
    """
    if kind not in FORMULAS:
        raise ValueError(f"kind = {kind!r} is not a pull: one of {', '.join(FORMULAS)} is needed.")
    s = summary(prediction)
    if kind == "systematic":
        factor = 1.0 if calibrated or "temperature" not in s.variables else s["temperature"]
        return _named((s["mean"] - s["amplitude_train"]) * factor / s["sigma_syst"], kind)
    count = prediction.sizes.get("draw", 0)
    if count < 2:
        met = "is a summary" if not count else "has one draw"
        needed = f"the {kind} pull needs run.prediction('test') of a network with several draws or members"
        raise ValueError(f"This prediction {met}, so the spread between draws is not known; {needed}.")
    spread = s["sigma_stat"] > 1e-12 * np.abs(s["mean"])
    if not spread.any():
        raise ValueError(f"σ_stat is zero for all events, as all draws agree; the {kind} pull needs a network with an uncertain mean.")
    mean, sigma = prediction["mean"], s["sigma_stat"].where(spread)
    if kind == "statistical":
        return _named((mean - s["amplitude_true"]) / sigma, kind)
    if not 1 <= draws <= count:
        raise ValueError(f"draws = {draws} is not possible: a whole number from 1 to {count}, the number of draws, is needed.")
    subsets = mean.isel(draw=slice(count - count % draws)).coarsen(draw=draws).mean().rename(draw="subset")
    return _named((subsets - s["mean"]) * np.sqrt(draws) / sigma, kind).assign_attrs(draws=draws, expected_width=scaled_width(draws, count))


def scaled_width(draws: int, count: int) -> float:
    """Expected width of the scaled pull for M of N independent draws, √((N − M)/(N − 1)) ≈ √(1 − M/N), as ⟨A⟩ contains ⟨A⟩_M.

    Averaged over all choices of subsets this is the width of any posterior; what tells a Gaussian from another one is the shape.
    """
    return float(np.sqrt((count - draws) / max(count - 1, 1)))


def scaled_widths(prediction: xr.Dataset) -> xr.Dataset:
    """Width of the scaled pull for M = 1, 2, 4, … and all N draws: the law σ_stat/√M with ⟨A⟩ made of the same draws.

    A draw is one network for all events, so its pulls of all events move together: tr(C²)/E² of the correlations C of E events is one over
    the number of independent ones, E_eff, and k subsets know the width to 1/√(2 E_eff (k − 1)) of it.
    *Returns*: dim means (M) with width, error and expected √((N − M)/(N − 1)); scalars within_one and within_two, the shares of draws
    within one and two σ_stat, 0.683 and 0.954 where they are Gaussian.
    *Raises*: ValueError where the draws do not differ.
    """
    t = pulls(prediction, "scaled").transpose("subset", "event").values.astype(float)
    t = t[:, np.isfinite(t).all(axis=0)]
    count, events = t.shape
    correlation = t.T @ t / count
    independent = events**2 / float((correlation**2).sum())
    sizes = [*itertools.takewhile(lambda size: size < count, (2**k for k in itertools.count())), count]
    width = np.array([width_and_mean(pulls(prediction, "scaled", draws=size)).width for size in sizes])
    subsets = count // np.array(sizes)
    error = width / np.sqrt(2 * independent * np.maximum(subsets - 1, 1))
    expected = np.array([scaled_width(size, count) for size in sizes])
    return xr.Dataset(
        {
            "width": ("means", width),
            "error": ("means", error),
            "expected": ("means", expected),
            "within_one": ((), float(np.mean(np.abs(t) < 1))),
            "within_two": ((), float(np.mean(np.abs(t) < 2))),
        },
        coords={"means": sizes},
    )


@dataclass(frozen=True)
class Moments:
    """Mean and width (standard deviation) of a distribution with their statistical errors, from `count` finite values of `events`."""

    mean: float
    mean_error: float
    width: float
    width_error: float
    count: int
    events: int


def width_and_mean(values: xr.DataArray | np.ndarray | Any) -> Moments:
    """Mean and width of pulls. The error of the width comes from the fourth moment: δσ = √(⟨(t − μ)⁴⟩ − σ⁴) / (2σ√n).

    Draws of one event share that event's bias, so events are the independent units: with more dims than `event`, the moments are
    averaged over the others first, and weights are those of events. Values that are not finite are left out.
    """
    array = values if isinstance(values, xr.DataArray) else xr.DataArray(np.asarray(values, dtype=float).ravel(), dims="event")
    table = array.transpose("event", ...).values.astype(float)
    table = table.reshape(len(table), math.prod(table.shape[1:]))
    finite = np.isfinite(table)
    count = finite.sum(axis=1)
    there, known = count > 0, np.where(finite, table, 0.0)
    first, second = (moment.sum(axis=1)[there] / count[there] for moment in (known, known**2))
    weight = weights(array)[there]
    if not len(first):
        return Moments(np.nan, np.nan, np.nan, np.nan, 0, 0)
    mean, mean_error = _average(first, weight)
    spread, spread_error = _average(second - 2 * mean * first, weight)
    width = np.sqrt(max(spread + mean**2, 0.0))
    width_error = spread_error / (2 * width) if width > 0 else np.nan
    return Moments(mean, mean_error, float(width), float(width_error), int(count.sum()), len(first))


def _average(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """⟨x⟩ = Σwx/Σw and its statistical error √(Σw²(x − ⟨x⟩)²)/Σw."""
    mean = np.average(values, weights=weight)
    return float(mean), float(np.sqrt((weight**2 * (values - mean) ** 2).sum()) / weight.sum())


def _named(array: xr.DataArray, kind: str) -> xr.DataArray:
    names = {"systematic": "t_syst", "statistical": "t_stat", "scaled": "t_scaled"}
    long_name = f"{kind} pull"
    return array.rename(names[kind]).assign_attrs(long_name=long_name, units="1", kind=kind, formula=FORMULAS[kind], expected_width=1.0)
