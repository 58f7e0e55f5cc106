"""From a checkpoint alone to what its flow says of events: ln p with its error."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.samples import Sample
from workbench.families.amplitudes.predictor import Oracle
from workbench.families.generators.flows import sampler_of
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.threads import one_thread


def density(recipe: GeneratorRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float) -> Oracle:
    """ln p of events, in nats and the unit of the points: p averaged over the draws, and the spread of ln p between them.

    Of Z + jets p(x|n) with the number n of jets; with a theory nuisance at a = 0. Raises: ValueError where the checkpoint does not fit.
    """
    sampler = sampler_of(recipe, tensors, numbers)
    trained = sampler.method
    trained.advance(max(0, int(numbers["step"]) - 1) / recipe.steps)
    rows = trained.networks(draws or recipe.draws, torch.Generator().manual_seed(recipe.seed + 1))[0]

    def oracle(points: np.ndarray) -> xr.Dataset:
        sample = Sample(points, recipe.dataset)
        with one_thread():
            features = torch.tensor(sampler.features.features(points), dtype=torch.float32, device=sampler.device)
            log = trained.objective.log_density(rows, features, sampler.condition(sample.jets)).double()
            averaged = (torch.logsumexp(log, 0) - np.log(len(log))).cpu().numpy() + sampler.features.log_jacobian(points)
        spread = log.std(0, correction=0).cpu().numpy()
        columns = {
            "log_density": (np.where(np.isnan(averaged), -np.inf, averaged), "ln p, p averaged over the draws"),
            "log_density_error": (spread, "spread of ln p between the draws"),
        }
        return xr.Dataset({name: ("event", values, {"long_name": words, "units": "nat"}) for name, (values, words) in columns.items()})

    return oracle
