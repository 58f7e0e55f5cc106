"""What a trained tagger says of new jets, from a checkpoint alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from workbench.families.taggers.jets import Jets
from workbench.families.taggers.job import TaggerJob, probability
from workbench.families.taggers.read import read_jets
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.threads import one_thread


def points(inputs: Any, recipe: TaggerRecipe, units: str) -> Jets:
    """Jets, the path of a file that has some, or an array (jet, constituent, 3) with p_T [GeV], η and φ of massless constituents, zero
    where there is none.

    Raises: ValueError in one sentence.
    """
    if isinstance(inputs, Jets):
        return inputs
    if isinstance(inputs, (str, os.PathLike)):
        return read_jets(inputs, to_train=False)
    found = np.array(inputs, dtype=np.float64)
    if found.ndim != 3 or found.shape[2] != 3 or not len(found):
        raise ValueError(f"The input has the shape {np.shape(inputs)}; (jet, constituent, 3) with p_T in GeV, η and φ is needed.")
    if not np.isfinite(found).all() or (found[..., 0] < 0).any():
        raise ValueError("The input has values that are not finite, or p_T that are negative; leave these jets out.")
    there = found[..., 0] > 0
    if not there.any(axis=1).all():
        raise ValueError(f"{(~there.any(axis=1)).sum():,} jets have no constituent with positive p_T; leave these jets out.")
    pt, eta, phi = (found[..., k][there] for k in range(3))
    return Jets.of(np.zeros(len(found)), there.sum(axis=1), pt, eta, phi)


def answers(
    recipe: TaggerRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float
) -> Callable[[Jets], xr.Dataset]:
    """The probability of each jet to be a top with its error bar, and both of the logit.

    The draws are those of the run's own prediction. Raises: ValueError where the checkpoint does not fit.
    """
    job = TaggerJob(recipe)
    job.resume(tensors, numbers)
    rows = job.rows(draws or recipe.draws)

    def oracle(jets: Jets) -> xr.Dataset:
        with one_thread():
            logits = job.network.ask(rows, job.features(jets)).double().cpu().numpy()
        p = probability(logits)
        columns = {
            "mu": (p.mean(0), "probability of a top, mean over networks"),
            "sigma": (p.std(0), "spread σ_stat of the probability over networks"),
            "mu_logit": (logits.mean(0), "mean logit"),
            "sigma_logit": (logits.std(0), "spread of the logit over networks"),
        }
        return xr.Dataset({name: (("event",), values, {"long_name": words}) for name, (values, words) in columns.items()})

    return oracle
