"""From single draws to ⟨A⟩ and its error bars.

⟨A⟩ = 1/N Σᵢ Ā(θᵢ)    σ_syst² = 1/N Σᵢ σ_syst²(θᵢ)    σ_stat² = 1/N Σᵢ (Ā(θᵢ) − ⟨A⟩)²    σ_tot² = σ_syst² + σ_stat²    Δ = (⟨A⟩ − A)/A

A *prediction* has the dims (draw, event); a *summary* has only the dim event. A snapshot of a running training is a summary. Where events
have weights these are a coordinate, which stays with all that is computed of them, and means, quantiles and histograms count it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from workbench.physics.observables import quantiles

KEPT = ("amplitude_true", "amplitude_train", "temperature", "momenta", "step", "seconds")


def summary(prediction: xr.Dataset) -> xr.Dataset:
    """⟨A⟩, σ_syst, σ_stat, σ_tot and Δ per event. A summary passes through; σ_tot and Δ are added where they are missing.

    Amplitudes keep the units of the prediction: GeV⁻² for gg → γγg, GeV⁻⁴ with one more jet.
    """
    if {"sigma_tot", "delta"} <= set(prediction.variables):
        return prediction
    mean, syst = prediction["mean"].astype(float), prediction["sigma_syst"].astype(float)
    if "draw" in prediction.dims:
        stat, syst, mean = mean.std("draw"), (syst**2).mean("draw") ** 0.5, mean.mean("draw")
    else:
        stat = prediction["sigma_stat"].astype(float)
    units = prediction["mean"].attrs.get("units", "GeV^-2")
    result = prediction[[name for name in KEPT if name in prediction.variables]]
    truth = prediction["amplitude_true"].astype(float)
    return result.assign(
        mean=_named(mean, "⟨A⟩", units),
        sigma_syst=_named(syst, "σ_syst", units),
        sigma_stat=_named(stat, "σ_stat", units),
        sigma_tot=_named((syst**2 + stat**2) ** 0.5, "σ_tot", units),
        delta=_named((mean - truth) / truth, "Δ = (⟨A⟩ − A)/A", "1"),
    )


def weights(array: xr.DataArray | xr.Dataset) -> np.ndarray:
    """The weights of the events, which stand beside them as a coordinate; 1 for all where there are none."""
    return array["weight"].values.astype(float) if "weight" in array.coords else np.ones(array.sizes["event"])


def quantile(array: xr.DataArray, level: float) -> float:
    """The quantile of the finite values of events, with their weights; NaN of none."""
    there = np.isfinite(array.values)
    return float(quantiles(array.values[there], [level], weights(array)[there])[0]) if there.any() else np.nan


def median(array: xr.DataArray) -> float:
    """The median of the finite values of events, with their weights; NaN of none."""
    return quantile(array, 0.5)


def relative_sigma(prediction: xr.Dataset) -> xr.Dataset:
    """σ_syst/⟨A⟩, σ_stat/⟨A⟩ and σ_tot/⟨A⟩ per event, as syst, stat, tot."""
    s = summary(prediction)
    mean = s["mean"]
    share = {name: s[f"sigma_{name}"].values / mean.values for name in ("syst", "stat", "tot")}
    told = {name: (mean.dims, values, {"long_name": f"σ_{name}/⟨A⟩", "units": "1"}) for name, values in share.items()}
    return xr.Dataset(told, coords=mean.coords)


def largest(prediction: xr.Dataset, fraction: float) -> xr.Dataset:
    """The events with the largest true amplitudes: this fraction of all, rounded up."""
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction = {fraction} is not possible: a number above 0 and up to 1 is needed.")
    count = int(np.ceil(fraction * prediction.sizes["event"]))
    order = np.argsort(prediction["amplitude_true"].values, kind="stable")
    return prediction.isel(event=np.sort(order[len(order) - count :]))


def recipe_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Options of the recipe that made a Dataset, from its attribute `recipe`; empty where there is none."""
    text = dataset.attrs.get("recipe", "")
    try:
        options = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return options if isinstance(options, dict) else {}


def widths_from(recipe: Mapping[str, Any]) -> int:
    """The step at which the weights of a Bayesian network get widths, the end of its warm start, from the options of its recipe; 0 where
    none of its networks has any."""
    ways = recipe.get("axes", {}).get("uncertainty", [recipe.get("uncertainty", "")])
    if not (recipe.get("bayesian") or any(str(way).startswith("bnn") for way in ways)):
        return 0
    steps, share = int(recipe.get("steps", 1)), float(recipe.get("warm_start", 0.0))
    step = round(share * steps)
    return step if step / steps >= share else step + 1


def _named(array: xr.DataArray, long_name: str, units: str) -> xr.DataArray:
    return array.assign_attrs(long_name=long_name, units=units)
