"""From a recipe to everything that trains, and back to physical numbers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.catalogue import Splits, events_for
from workbench.data.events import Events
from workbench.data.noise import smear
from workbench.data.scaling import Scaling
from workbench.methods.base import Method
from workbench.methods.bnn import BayesianNetwork
from workbench.methods.boosting import Boosting
from workbench.methods.heteroscedastic import Heteroscedastic
from workbench.methods.repulsive import RepulsiveEnsemble
from workbench.nets.deepsets import DeepSets
from workbench.nets.group_kan import GroupKAN
from workbench.nets.kan import PopulationKAN
from workbench.nets.lgatr import PopulationLGATr
from workbench.nets.network import Network
from workbench.nets.population import PopulationMLP
from workbench.physics.amplitudes import TYPES
from workbench.results.calibration import temperature
from workbench.results.prediction import summary
from workbench.training.loop import SCHEDULES, State, train
from workbench.training.optimiser import Optimiser
from workbench.training.recipe import AmplitudeRecipe
from workbench.training.report import Report

Progress = Callable[[float, str], None]

LIVE_EVENTS, LIVE_DRAWS = 2_000, 8
"""Test events and weight draws of a snapshot: about 20 ms of work, and a pull width known to 2 %."""
KEPT_TRAINING_EVENTS = 2_000
"""Training events whose prediction is kept beside that of the test events."""


def nothing(fraction: float, text: str) -> None:
    """The progress of somebody who does not look."""


def inputs(recipe: AmplitudeRecipe) -> str:
    """What the recipe's architecture sees of an event, a name for `raw_features`."""
    own = {"deepsets": "momenta", "deepsets_invariants": "momenta_invariants", "lgatr": "four_vectors"}
    return own.get(recipe.architecture, recipe.inputs)


def network(recipe: AmplitudeRecipe, features: int) -> Network:
    """The recipe's architecture for a number of input features, with outputs (mean, log σ²)."""
    hidden, types = recipe.hidden, TYPES[recipe.process]
    if recipe.architecture.startswith("deepsets"):
        embedding = [(width + 1) // 2 for width in hidden]
        return DeepSets(types, features - 4 * len(types), embedding, hidden, 2, activation=recipe.activation)
    if recipe.architecture == "lgatr":
        channels = max(1, max(hidden) // 8)
        return PopulationLGATr(types, 2, blocks=len(hidden), vectors=channels, scalars=2 * channels)
    if recipe.architecture == "kan":
        return PopulationKAN(features, [max(2, width // 3) for width in hidden], 2, activation=recipe.activation)
    chosen = {"mlp": PopulationMLP, "group_kan": GroupKAN}[recipe.architecture]
    return chosen(features, hidden, 2, activation=recipe.activation)


def method(recipe: AmplitudeRecipe, features: int, training_points: int, device: torch.device) -> Method:
    """The recipe's networks and what they minimise, with fresh weights."""
    net = network(recipe, features)
    common: dict[str, Any] = {
        "training_points": training_points,
        "prior_width": recipe.prior_width,
        "generator": torch.Generator().manual_seed(recipe.seed),
        "device": device,
    }
    if recipe.uncertainty == "deterministic":
        return Heteroscedastic(net, **common)
    if recipe.uncertainty == "repulsive_ensemble":
        return RepulsiveEnsemble(net, members=recipe.members, repulsion=recipe.repulsion, **common)
    last = recipe.uncertainty == "bnn_last_layer"
    return BayesianNetwork(net, seed=recipe.seed, last_layer_only=last, warm_start=recipe.warm_start, **common)


def state(recipe: AmplitudeRecipe, trained: Method) -> State:
    """The training of a method as the recipe says, before its first step."""
    return State(
        trained,
        Optimiser(recipe.optimiser, trained.parameters.values()),
        recipe.steps,
        recipe.batch_size,
        recipe.learning_rate,
        SCHEDULES[recipe.schedule],
        recipe.seed,
    )


def device_of(name: str) -> torch.device:
    """The device of a recipe. Raises: ValueError when a GPU is asked for and there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = 'cuda' needs a GPU that PyTorch can use, and there is none here; choose 'auto' or 'cpu'.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


class Job:
    """One training, ready to run.

    Arguments: `progress(fraction, text)` hears how the data come along.

    Raises: ValueError or OSError with one sentence when data, file or device cannot be used.
    """

    def __init__(self, recipe: AmplitudeRecipe, progress: Progress = nothing):
        self.recipe = recipe
        self._device = device_of(recipe.device)
        events: Splits = events_for(recipe, progress)
        self.events = {"test": events.test, "validation": events.validation, "train": events.train}
        self.amplitudes = _smeared(self.events, recipe)
        train_events = self.events["train"]
        self.scaling = Scaling.fit(train_events.momenta, self.amplitudes["train"], inputs(recipe), process=train_events.process)
        self.batches = {
            split: self.scaling.batch(chosen.momenta, self.amplitudes[split], self._device) for split, chosen in self.events.items()
        }
        self.method = method(recipe, self.batches["train"].features.shape[1], len(train_events), self._device)
        self.state = state(recipe, self.method)
        self.boosting = Boosting(recipe.boost_pull, recipe.boost_sigma, recipe.boost_rounds, recipe.boost_pull_cut, recipe.boost_fraction)
        self.boosted = 0

    @property
    def step(self) -> int:
        return self.state.step

    @property
    def steps(self) -> int:
        return self.state.steps

    @property
    def device(self) -> str:
        """The device in words."""
        if self._device.type == "cuda":
            return f"{self._device.type} ({torch.cuda.get_device_name(self._device)})"
        return "cpu"

    def train(self) -> Iterator[Report]:
        """Reports of the training from where it stands; the validation adds `delta`, the median |ΔA|/A of validation events."""
        for report in train(self.state, self.batches["train"], self.batches["validation"], between=self._boost):
            checks = dict(report.validation)
            if "residual" in checks:
                checks["delta"] = float(np.expm1(min(self.scaling.log_width * checks.pop("residual"), 100.0)))
            yield Report(report.step, report.steps, report.seconds, report.losses, checks)

    def _boost(self, current: State) -> None:
        while self.boosted < self.boosting.due(current.step / current.steps):
            weight = self.batches["train"].weight
            now = summary(self._draws("train", slice(None), LIVE_DRAWS))
            raised = self.boosting.round(
                weight.cpu().numpy(), self.amplitudes["train"], *(now[name].values for name in ("mean", "sigma_syst", "sigma_tot"))
            )
            weight.copy_(torch.as_tensor(raised, dtype=weight.dtype))
            self.boosted += 1

    def snapshot(self) -> xr.Dataset:
        """Summary of the present prediction for a fixed part of the test events; does not touch the training's random numbers."""
        now = summary(self._calibrated("test", slice(0, LIVE_EVENTS), LIVE_DRAWS))[SNAPSHOT]
        scalars = {"step": self.step, "seconds": self.state.seconds}
        return now.astype(np.float32).assign({name: ((), value, ATTRIBUTES[name]) for name, value in scalars.items()})

    def prediction(self, split: str = "test") -> xr.Dataset:
        """Every draw's ⟨A⟩ and σ_syst `(draw, event)` with truth, training value and momenta, in physical units."""
        part = slice(0, KEPT_TRAINING_EVENTS if split == "train" else None)
        events: Events = self.events[split][part]
        coords = events.to_dataset().coords
        momenta = (("event", "particle", "component"), events.momenta, ATTRIBUTES["momenta"])
        return (
            self._calibrated(split, part, self.recipe.draws)
            .assign(momenta=momenta)
            .assign_coords(particle=coords["particle"], component=coords["component"])
        )

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to continue: tensors, and plain numbers for JSON."""
        tensors = self._state_tensors()
        copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        return copies, {"step": self.step, "seconds": self.state.seconds, "boosted": self.boosted}

    def _state_tensors(self) -> dict[str, Tensor]:
        """The tensors that a training changes, by name."""
        parameters = {f"parameter.{name}": tensor for name, tensor in self.method.parameters.items()}
        moments = {f"optimiser.{name}": tensor for name, tensor in self.state.optimiser.tensors.items()}
        return parameters | moments | {"weight": self.batches["train"].weight}

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        """Continue from a checkpoint of the same recipe.

        Raises: ValueError when it does not fit.
        """
        own = self._state_tensors()
        for name in own.keys() | tensors.keys():
            if name not in own or name not in tensors or own[name].shape != tensors[name].shape:
                raise ValueError(f"The checkpoint's {name} does not belong to this recipe; start the run anew.")
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
        self.state.step, self.state.seconds, self.boosted = int(saved["step"]), float(saved["seconds"]), int(saved["boosted"])
        self.method.advance(max(0, self.state.step - 1) / self.state.steps)

    def _calibrated(self, split: str, part: slice, draws: int) -> xr.Dataset:
        """Draws with σ_syst multiplied by the temperature that the validation events ask for."""
        factor = temperature(self._draws("validation", slice(None), draws)) if self.recipe.calibrate else 1.0
        raw = self._draws(split, part, draws)
        made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        attrs = {
            "recipe": self.recipe.to_json(),
            "process": self.events[split].process,
            "made": made,
            "device": self.device,
            "split": split,
        }
        sigma = (factor * raw["sigma_syst"]).assign_attrs(raw["sigma_syst"].attrs)
        return raw.assign(sigma_syst=sigma, temperature=((), factor, ATTRIBUTES["temperature"])).assign_attrs(attrs)

    def _draws(self, split: str, part: slice, draws: int) -> xr.Dataset:
        """⟨A⟩ and σ_syst as the networks give them `(draw, event)`; the same draws at every call."""
        rows = self.method.networks(draws, torch.Generator().manual_seed(self.recipe.seed + 1))
        outputs = self.method.predict(rows, self.batches[split].features[part]).cpu().numpy()
        mean, sigma = self.scaling.amplitude(outputs[..., 0], outputs[..., 1])
        both, one = ("draw", "event"), ("event",)
        return xr.Dataset(
            {
                "mean": (both, mean, ATTRIBUTES["mean"]),
                "sigma_syst": (both, sigma, ATTRIBUTES["sigma_syst"]),
                "amplitude_true": (one, self.events[split].amplitude[part], ATTRIBUTES["amplitude_true"]),
                "amplitude_train": (one, self.amplitudes[split][part], ATTRIBUTES["amplitude_train"]),
            }
        )


def _smeared(events: dict[str, Events], recipe: AmplitudeRecipe) -> dict[str, np.ndarray]:
    """Amplitudes with their noise; test events draw first, so that they carry the same noise whatever the training size."""
    generator = np.random.default_rng([recipe.data_seed, 1])
    return {split: smear(events[split].amplitude, recipe.noise, generator)[0] for split in ("test", "validation", "train")}


SNAPSHOT = ["mean", "sigma_syst", "sigma_stat", "amplitude_true", "amplitude_train", "temperature"]
ATTRIBUTES = {
    "mean": {"long_name": "mean squared amplitude ⟨A⟩", "units": "GeV^-2"},
    "sigma_syst": {"long_name": "learned systematic uncertainty σ_syst", "units": "GeV^-2"},
    "amplitude_true": {"long_name": "exact squared amplitude", "units": "GeV^-2"},
    "amplitude_train": {"long_name": "squared amplitude with its noise", "units": "GeV^-2"},
    "momenta": {"long_name": "four-momenta", "units": "GeV"},
    "temperature": {"long_name": "calibration factor T on σ_syst", "units": "1"},
    "step": {"long_name": "optimiser steps done", "units": "1"},
    "seconds": {"long_name": "time spent training", "units": "s"},
}


def train_recipe(recipe: AmplitudeRecipe) -> Iterator[Report]:
    """Train in this process, report by report; `wb.launch` trains in the background and keeps everything."""
    yield from Job(recipe).train()
