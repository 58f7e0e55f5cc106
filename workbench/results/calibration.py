"""One factor T on σ_syst, so that the systematic pull has second moment 1.

L_T = ⟨(A − ⟨A⟩)²/(2σ²T²) + log(σT)⟩ is smallest at T² = ⟨(A − ⟨A⟩)²/σ²⟩, so nothing needs to be trained. The shape of the pull stays.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from workbench.results.pulls import pulls


def temperature(prediction: xr.Dataset) -> float:
    """T = √⟨t_syst²⟩: the factor that σ_syst of this prediction still needs; 1 where it is calibrated on just these events."""
    t = pulls(prediction, "systematic").values
    t = t[np.isfinite(t)]
    if not t.size:
        raise ValueError("There is no finite systematic pull to calibrate with; σ_syst must be positive and finite for some events.")
    return float(np.sqrt(np.mean(t**2)))
