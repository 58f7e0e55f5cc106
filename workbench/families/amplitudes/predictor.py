"""From a checkpoint alone to what its network says of momenta, in physical numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.scaling import Scaling
from workbench.families.amplitudes.job import Job, method, network
from workbench.families.amplitudes.recipe import AmplitudeRecipe, squares
from workbench.families.amplitudes.surrogate import Surrogate
from workbench.methods.base import Method
from workbench.physics.amplitudes import units
from workbench.threads import one_thread
from workbench.training.job import device_of, restore

Oracle = Callable[[np.ndarray], xr.Dataset]


def amplitude(recipe: AmplitudeRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float) -> Oracle:
    """⟨A⟩, σ_syst, σ_stat and σ_tot of momenta (event, particle, 4); `factor` is the temperature T of σ_syst.

    The draws are those of the run's own predictions. Raises: ValueError where the checkpoint does not fit.
    """
    scaling, trained, rows = _restored(recipe, tensors, numbers, draws)
    unit = {"units": units(recipe.process)}

    def oracle(momenta: np.ndarray) -> xr.Dataset:
        with one_thread():
            features = torch.tensor(scaling.features(momenta)).to(rows.device)
            outputs = trained.objective.predict(rows, features).cpu().numpy()
        mean, sigma = scaling.amplitude(outputs[..., 0], outputs[..., 1], scaling.factor(momenta))
        syst, stat = factor * np.sqrt((sigma**2).mean(axis=0)), mean.std(axis=0)
        columns = {
            "mean": (mean.mean(axis=0), "mean squared amplitude ⟨A⟩"),
            "sigma_syst": (syst, "learned systematic uncertainty σ_syst"),
            "sigma_stat": (stat, "spread of the networks σ_stat"),
            "sigma_tot": (np.hypot(syst, stat), "σ_tot"),
        }
        return xr.Dataset({name: ("event", values, {"long_name": words} | unit) for name, (values, words) in columns.items()})

    return oracle


def surrogate(recipe: AmplitudeRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float) -> Surrogate:
    """The same as a module of torch. Arguments, raises: as `amplitude`."""
    scaling, trained, rows = _restored(recipe, tensors, numbers, draws)
    return Surrogate(scaling, trained.objective.network, rows, factor=factor, square=squares(recipe)).train(False)


def _restored(
    recipe: AmplitudeRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None
) -> tuple[Scaling, Method, Tensor]:
    """Scaling, method and weights (draw, parameter) of a checkpoint."""
    device = device_of(recipe.device)
    scaling = scaling_of(recipe, numbers)
    net = network(recipe, len(scaling.feature_mean), device)
    trained = method([recipe], net, recipe.events, device)
    own = {f"parameter.{name}": tensor for name, tensor in trained.parameters.items()}
    restore(own, {name: tensor for name, tensor in tensors.items() if name in own})
    trained.advance(max(0, int(numbers["step"]) - 1) / recipe.steps)
    return scaling, trained, trained.networks(draws or recipe.draws, torch.Generator().manual_seed(recipe.seed + 1))[0]


def scaling_of(recipe: AmplitudeRecipe, numbers: Mapping[str, Any]) -> Scaling:
    """Kept with the weights; of former checkpoints fitted to the training events again."""
    if "scalings" in numbers:
        return Scaling.of(numbers["scalings"][0])
    return Job(recipe).training.scalings[0]
