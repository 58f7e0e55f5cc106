"""Curves y(x) with error bars, fitted in this process: the picture with which a lecture begins, before amplitudes.

fit = fit_curve(x, y, uncertainty="bnn")
fit.predict(np.linspace(-1.2, 1.2, 241))     # Dataset along x: mean, sigma_syst, sigma_stat, sigma_tot, draws
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.data.scaling import Batch
from workbench.families.amplitudes.job import method, network
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.methods.base import Method
from workbench.threads import one_thread
from workbench.training.job import device_of, state
from workbench.training.loop import train
from workbench.training.recipe import RecipeError

DEFAULTS: dict[str, Any] = {
    "hidden": [64, 64, 64],
    "steps": 3_000,
    "learning_rate": 5e-3,
    "warm_start": 0.3,
    "draws": 64,
    "device": "cpu",
    "calibrate": False,
}
GROUPS = ("Network", "Uncertainty", "Training")
FOR_EVENTS = ("inputs", "target", "calibrate")


@dataclass(frozen=True)
class CurveFit:
    """A fitted curve, and the points to which it was fitted."""

    recipe: AmplitudeRecipe
    x: np.ndarray
    y: np.ndarray
    method: Method

    def predict(self, x: Any) -> xr.Dataset:
        """The curve at other points, in the unit of y.

        *Returns*: dim x with mean, sigma_syst, sigma_stat, sigma_tot; draws (draw, x), every network's own mean; data_x, data_y (point).
        """
        x = _finite("x", x)
        rows = self.method.networks(self.recipe.draws, torch.Generator().manual_seed(self.recipe.seed + 1))[0]
        with one_thread():
            outputs = self.method.objective.predict(rows, _features(x, self.x)).double().numpy()
        draws = self.y.mean() + self.y.std() * outputs[..., 0]
        variance = self.y.std() ** 2 * np.exp(outputs[..., 1])
        syst, stat = np.sqrt(variance.mean(axis=0)), draws.std(axis=0)
        columns = {
            "mean": ("x", draws.mean(axis=0), {"long_name": "⟨y⟩"}),
            "sigma_syst": ("x", syst, {"long_name": "learned width σ_syst"}),
            "sigma_stat": ("x", stat, {"long_name": "spread of the networks σ_stat"}),
            "sigma_tot": ("x", np.hypot(syst, stat), {"long_name": "σ_tot"}),
            "draws": (("draw", "x"), draws, {"long_name": "ȳ(x, θ)"}),
            "data_x": ("point", self.x),
            "data_y": ("point", self.y),
        }
        return xr.Dataset(columns, coords={"x": x}, attrs={"recipe": self.recipe.to_json()})


def fit_curve(x: Any, y: Any, **options: Any) -> CurveFit:
    """Fit y(x) to points, in some seconds.

    *Arguments*: x, y, numbers `(point,)`; options of an `AmplitudeRecipe` for network, uncertainty and training: uncertainty, prior_width,
    members, repulsion, hidden, activation, steps, seed, …
    *Raises*: RecipeError for an option that is not possible; ValueError for points that cannot be fitted.
    """
    possible = [name for group in GROUPS for name in AmplitudeRecipe.groups[group] if name not in FOR_EVENTS]
    for name in options:
        if name in AmplitudeRecipe.options() and name not in possible:
            raise RecipeError(f"{name} says something about events and means nothing for a curve; possible are {', '.join(possible)}.")
    recipe = AmplitudeRecipe(**{**DEFAULTS, **options})
    if recipe.architecture not in ("mlp", "kan", "group_kan"):
        raise RecipeError(f"architecture = {recipe.architecture!r} needs particles; a curve is fitted by mlp, kan or group_kan.")
    x, y = _finite("x", x), _finite("y", y)
    if len(x) != len(y) or len(x) < 2 or not (x.std() > 0 and y.std() > 0):
        raise ValueError(f"A curve needs as many x as y, at least two and not all equal; there are {len(x)} x and {len(y)} y.")
    device = device_of(recipe.device)
    target = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32, device=device)
    batch = Batch(_features(x, x).to(device), target, torch.ones_like(target))
    trained = method([recipe], network(recipe, 1, device), len(x), device)
    for _ in train(state(recipe, trained), batch, dict):
        pass
    return CurveFit(recipe, x, y, trained)


def _features(x: np.ndarray, fitted: np.ndarray) -> torch.Tensor:
    return torch.tensor((x - fitted.mean()) / fitted.std(), dtype=torch.float32).unsqueeze(1)


def _finite(name: str, values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be one row of finite numbers, not an array of shape {array.shape}.")
    return array
