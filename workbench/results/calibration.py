"""One factor T on σ_syst, so that the systematic pull has second moment 1.

L_T = ⟨(A − ⟨A⟩)²/(2σ²T²) + log(σT)⟩ is smallest at T² = ⟨(A − ⟨A⟩)²/σ²⟩, so nothing needs to be trained; `descent` trains it
nevertheless and comes to the same T. The shape of the pull stays.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from workbench.results.prediction import summary, weights
from workbench.results.pulls import pulls

RATE = 0.1  # of the descent in log T, where L_T has curvature 2 at its minimum: the distance shrinks by 1 − 2·0.1 a step


def temperature(prediction: xr.Dataset, *, calibrated: bool = True) -> float:
    """T = √⟨t_syst²⟩: the factor that σ_syst of this prediction still needs; 1 where it is calibrated on just these events.

    calibrated=False takes the factor out that σ_syst already has.
    """
    pull = pulls(prediction, "systematic", calibrated=calibrated)
    there = np.isfinite(pull.values)
    if not there.any():
        raise ValueError("There is no finite systematic pull to calibrate with; σ_syst must be positive and finite for some events.")
    return float(np.sqrt(np.average(pull.values[there] ** 2, weights=weights(pull)[there])))


def descent(prediction: xr.Dataset, start: float = 1.0, *, steps: int = 200, rate: float = RATE, calibrated: bool = True) -> xr.Dataset:
    """T by gradient descent on L_T: log T ← log T − rate · clip(∂L_T/∂log T), ∂L_T/∂log T = 1 − ⟨t²⟩/T².

    The gradient is clipped to ±1, so that also a T that starts much too small comes back in equal steps of log T.
    *Returns*: dim step (0 is the start) with temperature and loss (L_T, σ in the units of the amplitudes); scalar closed_form.
    """
    if not (np.isfinite(start) and start > 0):
        raise ValueError(f"start = {start} is not possible: the factor T on σ_syst must be a positive number.")
    best = temperature(prediction, calibrated=calibrated)
    path = [np.log(start)]
    for _ in range(steps):
        gradient = 1 - best**2 * np.exp(-2 * path[-1])
        path.append(path[-1] - rate * np.clip(gradient, -1, 1))
    t = np.exp(path)
    return xr.Dataset(
        {
            "temperature": ("step", t, {"long_name": "T", "units": "1"}),
            "loss": ("step", best**2 / (2 * t**2) + np.log(t) + _log_sigma(prediction, calibrated), {"long_name": "L_T", "units": "1"}),
            "closed_form": ((), best),
        },
        coords={"step": np.arange(steps + 1)},
    )


def _log_sigma(prediction: xr.Dataset, calibrated: bool) -> float:
    """⟨log σ⟩ over the events that have a pull."""
    s = summary(prediction)
    factor = 1.0 if calibrated or "temperature" not in s.variables else float(s["temperature"])
    there = np.isfinite(pulls(prediction, "systematic").values)
    return float(np.average(np.log(s["sigma_syst"].values[there] / factor), weights=weights(s)[there]))
