"""Integrals over phase space: what error bars of single points say of a sum of many.

    I(θ) = Σ_j w_j Ā(x_j; θ) ,    w_j = 1 for points flat in phase space, 1/A_j for unweighted ones

A draw θ is one network, and moves all points together: σ_stat is the spread of I(θ), and not √(Σ w²σ²_stat,j), which takes the points
for independent and is too small: by four or five for 20,000 flat points of gg → γγg, few of which make most of the sum, by more where all
count alike. How far σ_syst of one point goes with that of another is not known to the network; √(Σ w²σ²_syst,j), all independent, and
Σ wσ_syst,j, all together, are the ends of what is possible.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from workbench.results.prediction import recipe_of, weights

PARTS = {
    "sigma_stat": "σ_stat, draw by draw",
    "sigma_stat_naive": "σ_stat, as if points were independent",
    "sigma_syst_independent": "σ_syst, points independent",
    "sigma_syst_together": "σ_syst, all points together",
}
"""The error bars of an integral."""


def integral(prediction: xr.Dataset) -> xr.Dataset:
    """The integral of a prediction (draw, event) over that of the exact amplitudes at the same points.

    *Returns*: value, draws (draw) and the error bars named in `PARTS`, relative to the exact integral; monte_carlo, the relative error of
    that as an integral over all of phase space, as there are only so many points.
    *Raises*: ValueError of a summary, or where no amplitude is finite.
    """
    if "draw" not in prediction.dims:
        raise ValueError(
            "This prediction is a summary, whose draws are no longer known; run.prediction('test') of a finished run has them."
        )
    mean, syst = (prediction[name].transpose("draw", "event").values.astype(float) for name in ("mean", "sigma_syst"))
    truth, weight = prediction["amplitude_true"].values.astype(float), weights(prediction)
    if recipe_of(prediction).get("sampling") == "unweighted" and not recipe_of(prediction).get("file"):
        weight = weight / truth
    there = np.isfinite(mean).all(axis=0) & np.isfinite(syst).all(axis=0) & np.isfinite(truth)
    if not there.any():
        raise ValueError("No event has a finite prediction yet.")
    weight, mean, syst, truth = weight[there], mean[:, there], syst[:, there], truth[there]
    exact, count = float(weight @ truth), len(truth)
    of_points = {"stat": weight * mean.std(axis=0), "syst": weight * np.sqrt((syst**2).mean(axis=0))}
    found = mean @ weight / exact
    numbers = {
        "value": found.mean(),
        "sigma_stat": found.std(),
        "sigma_stat_naive": np.sqrt((of_points["stat"] ** 2).sum()) / exact,
        "sigma_syst_independent": np.sqrt((of_points["syst"] ** 2).sum()) / exact,
        "sigma_syst_together": of_points["syst"].sum() / exact,
        "monte_carlo": (weight * truth).std() / exact * np.sqrt(count),
    }
    scalars = {name: ((), float(value), {"units": "1", "long_name": PARTS.get(name, name)}) for name, value in numbers.items()}
    return xr.Dataset(scalars | {"draws": ("draw", found, {"units": "1"})}, attrs={"points": count})
