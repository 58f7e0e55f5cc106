"""How often the truth lies within the error bar: |A_train − ⟨A⟩| < z σ with P(|N(0,1)| < z) = nominal coverage.

On the diagonal the error bar is right; below it is too small (over-confident), above too large. In contrast to the width of the pull this
is not carried by the tails.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import xarray as xr

from workbench.results.prediction import summary, weights

NOMINAL = np.linspace(0.05, 0.99, 50)


def coverage(prediction: xr.Dataset, sigma: str = "tot", nominal: Any = NOMINAL) -> xr.Dataset:
    """Fraction of the events whose A_train lies in the central interval of N(⟨A⟩, σ) with each nominal coverage.

    *Arguments*: sigma, "tot" or "syst"; nominal, fractions between 0 and 1.
    *Returns*: dim nominal with covered and its binomial error √(c(1 − c)/n), c = (k + 1)/(n + 2) so that it never vanishes; scalar events
    (n, those with a finite pull; in the error (Σw)²/Σw² of weighted ones). Without any, covered and error are NaN.
    """
    if sigma not in ("tot", "syst"):
        raise ValueError(f"sigma = {sigma!r} has no coverage: 'tot' or 'syst' is needed.")
    nominal = np.asarray(nominal, dtype=float)
    if not np.all((nominal > 0) & (nominal < 1)):
        raise ValueError("The nominal coverages must lie between 0 and 1.")
    s = summary(prediction)
    t = np.abs(((s["amplitude_train"] - s["mean"]) / s[f"sigma_{sigma}"]).values)
    there, weight = np.isfinite(t), weights(s)
    order = np.argsort(t[there])
    t, weight = t[there][order], weight[there][order]
    reached = np.append(0.0, np.cumsum(weight))
    within = reached[np.searchsorted(t, [NormalDist().inv_cdf((1 + level) / 2) for level in nominal])] / (reached[-1] or 1.0)
    count = reached[-1] ** 2 / max((weight**2).sum(), 1e-300)
    shrunk = (count * within + 1) / (count + 2)
    none = np.full(len(nominal), np.nan)
    return xr.Dataset(
        {
            "covered": ("nominal", within if len(t) else none),
            "error": ("nominal", np.sqrt(shrunk * (1 - shrunk) / count) if len(t) else none),
            "events": ((), len(t)),
        },
        coords={"nominal": nominal},
        attrs={"sigma": sigma},
    )
