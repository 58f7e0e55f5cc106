"""What a trained estimator says of new events, from a checkpoint alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from workbench.families.inference.job import InferenceJob
from workbench.families.inference.ratio import AXIS, Quadratic, grid
from workbench.families.inference.recipe import InferenceRecipe
from workbench.families.inference.sample import Pool, features
from workbench.physics.wbf_truth import Jets
from workbench.threads import one_thread

SHAPE = "(event, jet, 3) with p_T in GeV, η and φ of two jets"


def points(inputs: Any, recipe: InferenceRecipe, units: str) -> np.ndarray:
    """Two jets per event, (event, 2, 3) with p_T [GeV], η and φ; of partons (event, 3, 3) with the mass-shell Higgs' third row holding its
    rapidity in the place of η. Raises: ValueError in one sentence."""
    found = np.array(inputs, dtype=np.float64)
    rows = 3 if recipe.level == "parton" else 2
    if found.ndim != 3 or found.shape[1:] != (rows, 3) or not len(found):
        more = ", and in a third row the rapidity of the Higgs at the place of η" if rows == 3 else ""
        raise ValueError(f"The input has the shape {np.shape(inputs)}; {SHAPE.replace('jet, 3', f'{rows}, 3')}{more}, is needed.")
    if not np.isfinite(found).all() or not (found[:, :2, 0] > 0).all():
        raise ValueError("The input has values that are not finite, or p_T that are not positive; leave these events out.")
    return found


def answers(
    recipe: InferenceRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float
) -> Callable[[np.ndarray], xr.Dataset]:
    """log r̂(x|θ) to the Standard Model on the grid of the (f_W, f_WW) plane with σ_stat, of events as `points` reads them.

    The draws are those of the run's own prediction. Raises: ValueError where the checkpoint does not fit.
    """
    job = InferenceJob(recipe)
    job.resume(tensors, numbers)

    def oracle(events: np.ndarray) -> xr.Dataset:
        jets = Jets(*np.moveaxis(events[:, :2], -1, 0))
        rapidity = events[:, 2, 1] if events.shape[1] == 3 else np.zeros(len(events))
        if job.networks is None:
            none = np.zeros((len(events), 10))
            pool = Pool(events[:, :2], events[:, :2], rapidity, none, np.ones(len(events)), job.pool.cross_section, {})
            found: Any = Quadratic(job.binning.densities(job.counts.numpy())[:, job.binning.bins(pool)], job.sigma)
        else:
            with one_thread():
                found = job.networks.estimate(job.rows(draws or recipe.draws), job.features(features(jets, rapidity, recipe.level)))
        values = found.log_ratio(grid()).reshape(-1, len(events), len(AXIS), len(AXIS))
        dims = ("event", "f_WW", "f_W")
        return xr.Dataset(
            {
                "log_ratio": (dims, values.mean(0), {"long_name": "log r(x|θ) to the Standard Model"}),
                "log_ratio_sigma": (dims, values.std(0), {"long_name": "σ_stat of log r, the spread of networks"}),
            },
            coords={"f_W": ("f_W", AXIS, {"units": "TeV⁻²"}), "f_WW": ("f_WW", AXIS, {"units": "TeV⁻²"})},
        )

    return oracle
