"""What a trained network says of new points, from a checkpoint alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from workbench.data.files import load_points
from workbench.families.basics.job import BasicsJob
from workbench.families.basics.recipe import BasicsRecipe, curve
from workbench.physics.datasets.known import TOYS
from workbench.threads import one_thread


def points(inputs: Any, recipe: BasicsRecipe, units: str) -> np.ndarray:
    """x (event, 1) of a curve, or points (event, 2) in the plane, from an array or from a table with the columns x and y; of a curve x is
    looked at. Raises: ValueError in one sentence."""
    width = 1 if curve(recipe) else 2
    if isinstance(inputs, (str, os.PathLike)):
        return load_points(inputs, next(iter(TOYS)), units)[:, :width]
    found = np.array(inputs, dtype=np.float64)
    found = found[:, None] if width == 1 and found.ndim == 1 else found
    if found.ndim != 2 or found.shape[1] != width or not len(found):
        raise ValueError(f"The input has the shape {np.shape(inputs)}; ({'event' if width == 1 else 'event, 2'}) is needed.")
    if not np.isfinite(found).all():
        row, column = np.argwhere(~np.isfinite(found))[0]
        raise ValueError(f"The input has {found[row, column]:g} in row {row + 1:,}; a number is needed.")
    return found


def answers(
    recipe: BasicsRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float
) -> Callable[[np.ndarray], xr.Dataset]:
    """The curve with its error bars, or the probabilities of the classes, of points (event, 1 or 2) as people say them.

    The draws are those of the run's own prediction. Raises: ValueError where the checkpoint does not fit.
    """
    job = BasicsJob(recipe)
    job.resume(tensors, numbers)
    rows = job.rows(draws or recipe.draws)

    def oracle(x: np.ndarray) -> xr.Dataset:
        with one_thread():
            outputs = job.outputs(rows, job.inputs.features(x, rows.device))
        columns: dict[str, tuple[tuple[str, ...], Any, str]]
        if not curve(recipe):
            columns = {"probability": (("event", "class"), outputs.mean(0), "probability of the class; 0 is the signal")}
            if len(outputs) > 1:
                columns["sigma_stat"] = (("event", "class"), outputs.std(0), "spread σ_stat of the networks")
        else:
            columns = {"mean": (("event",), outputs[..., 0].mean(0), "learned curve f(x)")}
            if outputs.shape[-1] > 1:
                columns["sigma_syst"] = (("event",), np.sqrt(outputs[..., 1].mean(0)), "learned width σ_syst")
            if len(outputs) > 1:
                columns["sigma_stat"] = (("event",), outputs[..., 0].std(0), "spread σ_stat of the networks")
        return xr.Dataset({name: (dims, values, {"long_name": words}) for name, (dims, values, words) in columns.items()})

    return oracle
