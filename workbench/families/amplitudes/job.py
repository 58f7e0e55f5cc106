"""From the recipe of an amplitude to everything that trains, and back to physical numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.catalogue import Splits, events_for
from workbench.data.events import WEIGHT, Events
from workbench.data.noise import smear
from workbench.data.scaling import Batch, Scaling
from workbench.families.amplitudes.memory import needed
from workbench.families.amplitudes.product import AMPLITUDE
from workbench.families.amplitudes.recipe import AmplitudeRecipe, squares
from workbench.methods.base import Method, Point
from workbench.methods.boosting import Boosting
from workbench.methods.mean_field import MeanField
from workbench.methods.mean_square import MeanSquare
from workbench.methods.point import PointEstimate
from workbench.methods.regression import GaussianRegression
from workbench.methods.repulsive import RepulsiveEnsemble
from workbench.nets.deepsets import DeepSets
from workbench.nets.group_kan import GroupKAN
from workbench.nets.kan import PopulationKAN
from workbench.nets.lgatr import FullLGATr, SlimLGATr
from workbench.nets.network import Network
from workbench.nets.population import PopulationMLP
from workbench.physics.amplitudes import TYPES, units
from workbench.results.calibration import temperature
from workbench.results.prediction import summary
from workbench.training.job import GradientJob, Progress, device_of, granted, in_words, kept, nothing, provenance, restore, state
from workbench.training.loop import State, train, validate
from workbench.training.report import Report

LIVE_EVENTS, LIVE_DRAWS = 2_000, 8
"""Test events and weight draws of a snapshot: about 20 ms of work, and a pull width known to 2 %."""
KEPT_TRAINING_EVENTS = 2_000
"""Training events whose prediction is kept beside that of the test events."""
LGATR = ("lgatr", "lgatr_slim", "lgatr_full")
"""The Lorentz-equivariant transformer: the variant for the device, or one of the two."""


def inputs(recipe: AmplitudeRecipe) -> str:
    """What the recipe's architecture sees of an event, a name for `raw_features`."""
    own = {"deepsets": "momenta", "deepsets_invariants": "momenta_invariants"} | dict.fromkeys(LGATR, "four_vectors")
    return own.get(recipe.architecture, recipe.inputs)


def network(recipe: AmplitudeRecipe, features: int, device: torch.device) -> Network:
    """The recipe's architecture for a number of input features, with outputs (mean, log σ²), in the variant for the device."""
    hidden, types = recipe.hidden, TYPES[recipe.process]
    if recipe.architecture.startswith("deepsets"):
        embedding = [(width + 1) // 2 for width in hidden]
        return DeepSets(types, features - 4 * len(types), embedding, hidden, 2, activation=recipe.activation)
    if recipe.architecture in LGATR:
        channels = max(1, max(hidden) // 8)
        full = recipe.architecture == "lgatr_full" or (recipe.architecture == "lgatr" and device.type == "cuda")
        return (FullLGATr if full else SlimLGATr)(types, 2, blocks=len(hidden), vectors=channels, scalars=2 * channels)
    if recipe.architecture == "kan":
        return PopulationKAN(features, [max(2, width // 3) for width in hidden], 2, activation=recipe.activation)
    if recipe.architecture == "group_kan":
        return GroupKAN(features, hidden, 2, activation=recipe.activation)
    first_width = recipe.first_width if recipe.uncertainty == "repulsive_ensemble" else 1.0
    return PopulationMLP(features, hidden, 2, activation=recipe.activation, first_width=first_width)


def method(recipes: Sequence[AmplitudeRecipe], net: Network, training_points: int, device: torch.device) -> Method:
    """The networks of points of equal shape, and what they minimise, with fresh weights."""
    first = recipes[0]
    square = squares(first)
    points = [Point(recipe.seed, math.inf if square else recipe.prior_width, recipe.repulsion) for recipe in recipes]
    common: dict[str, Any] = {"training_points": training_points, "device": device}
    objective = MeanSquare(net) if square else GaussianRegression(net)
    if first.uncertainty == "deterministic":
        return PointEstimate(objective, points, **common)
    if first.uncertainty == "repulsive_ensemble":
        return RepulsiveEnsemble(objective, points, members=first.members, **common)
    part = net.last_layer if first.uncertainty == "bnn_last_layer" else None
    fisher = first.opening == "fisher"
    return MeanField(objective, points, seed=first.seed, bayesian=part, warm_start=first.warm_start, fisher=fisher, **common)


class Training:
    """Points of equal shape while they train together: their data as network input, networks, optimiser and boosting.

    Arguments: `recipes`, one for each point, which share all that shapes a training (see `SHARED` in `training.recipe`).

    Raises: ValueError in one sentence, before it is taken, where the memory is not enough.
    """

    def __init__(self, recipes: Sequence[AmplitudeRecipe], events: dict[str, Events], device: torch.device, block: int | None = None):
        self.recipes, self.events, self.device, self.block = list(recipes), events, device, block
        first, train_events = recipes[0], events["train"]
        noisy = {recipe.noise: _smeared(events, recipe) for recipe in recipes}
        self.amplitudes = [noisy[recipe.noise] for recipe in recipes]
        momenta, process = train_events.momenta, train_events.process
        fitted = Scaling.fit(momenta, self.amplitudes[0]["train"], inputs(first), process=process, target=first.target)
        self.scalings = [fitted.for_targets(momenta, amplitudes["train"]) for amplitudes in self.amplitudes]
        self.batches = {split: self._batch(split) for split in events}
        features = self.batches["train"].features.shape[1]
        net = network(first, features, device)
        self.memory = granted(needed(self.recipes, net, features), device, first)
        self.method = method(recipes, net, len(train_events), device)
        self.state = state(first, self.method)
        self.boosting = [
            Boosting(recipe.boost_pull, recipe.boost_sigma, recipe.boost_rounds, recipe.boost_pull_cut, recipe.boost_fraction)
            for recipe in recipes
        ]
        self.boosted = 0

    def _batch(self, split: str) -> Batch:
        momenta = self.events[split].momenta
        batch = self.scalings[0].batch(momenta, self.amplitudes[0][split], self.device)
        targets = [scaling.targets(momenta, amplitudes[split]) for scaling, amplitudes in zip(self.scalings, self.amplitudes, strict=True)]
        target = torch.stack(targets).to(self.device)
        return Batch(batch.features, target, self._own_weight(split).expand_as(target).clone())

    def _own_weight(self, split: str) -> Tensor:
        """Weights that the events came with, of mean 1."""
        return torch.tensor(self.events[split].relative_weight, dtype=torch.float32, device=self.device)

    def train(self) -> Iterator[Report]:
        """Reports from where the training stands; the validation adds `delta`, the median |ΔA|/A of validation events."""
        yield from train(self.state, self.batches["train"], self._check, between=self._boost, block=self.block)

    def _check(self) -> dict[str, float]:
        likelihood, residual = (each.cpu().numpy() for each in validate(self.method, self.batches["validation"]))
        widths = np.array([scaling.log_width for scaling in self.scalings])
        delta = np.expm1(np.minimum(widths * residual, 100.0))
        sound = np.isfinite(likelihood + delta)
        return {"likelihood": float(likelihood[sound].mean()), "delta": float(delta[sound].mean())} if sound.any() else {}

    def _boost(self, current: State) -> None:
        own = self.events["train"].relative_weight
        while self.boosted < max(boosting.due(current.step / current.steps) for boosting in self.boosting):
            for point, now in enumerate(self.draws("train", slice(None), LIVE_DRAWS)):
                weight, looked = self.batches["train"].weight[point], summary(now)
                raised = self.boosting[point].round(
                    weight.cpu().numpy() / own,
                    self.amplitudes[point]["train"],
                    *(looked[name].values for name in ("mean", "sigma_syst", "sigma_tot")),
                )
                weight.copy_(torch.as_tensor(own * raised, dtype=weight.dtype))
            self.boosted += 1

    def calibrated(self, split: str, part: slice, draws: int) -> Iterator[xr.Dataset]:
        """Point by point, draws with σ_syst multiplied by the temperature that the validation events ask for."""
        looks = self.draws("validation", slice(None), draws)
        for recipe, raw in zip(self.recipes, self.draws(split, part, draws), strict=True):
            factor = _temperature(next(looks)) if recipe.calibrate else 1.0
            attrs = {
                **provenance(recipe, in_words(self.device), split),
                "process": self.events[split].process,
                "network": str(self.method.network),
            }
            sigma = (factor * raw["sigma_syst"]).assign_attrs(raw["sigma_syst"].attrs)
            yield raw.assign(sigma_syst=sigma, temperature=((), factor, ATTRIBUTES["temperature"])).assign_attrs(attrs)

    def draws(self, split: str, part: slice, draws: int) -> Iterator[xr.Dataset]:
        """Point by point, ⟨A⟩ and σ_syst as the networks give them `(draw, event)`; the same draws at every call."""
        rows = self.method.networks(draws, torch.Generator().manual_seed(self.recipes[0].seed + 1))
        features, events = self.batches[split].features[part], self.events[split][part]
        factor = self.scalings[0].factor(events.momenta)
        coords = {} if events.weight is None else {"weight": ("event", events.relative_weight, WEIGHT)}
        for own, scaling, amplitudes in zip(rows, self.scalings, self.amplitudes, strict=True):
            outputs = self.method.objective.predict(own, features).cpu().numpy()
            mean, sigma = scaling.amplitude(outputs[..., 0], outputs[..., 1], factor)
            columns = {
                "mean": (("draw", "event"), mean),
                "sigma_syst": (("draw", "event"), sigma),
                "amplitude_true": (("event",), events.amplitude),
                "amplitude_train": (("event",), amplitudes[split][part]),
            }
            unit = {"units": units(self.recipes[0].process)}
            yield xr.Dataset({name: (*column, ATTRIBUTES[name] | unit) for name, column in columns.items()}, coords)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that a training changes, by name."""
        return kept(self.method, self.state) | {"weight": self.batches["train"].weight}

    @property
    def numbers(self) -> dict[str, Any]:
        """The rest of what a training changes, for JSON."""
        scalings = [scaling.about for scaling in self.scalings]
        return {"step": self.state.step, "seconds": self.state.seconds, "boosted": self.boosted, "scalings": scalings}

    def resume(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Continue from a checkpoint of the same recipes. Raises: ValueError when it does not fit."""
        restore(self.tensors, tensors)
        self.state.step, self.state.seconds, self.boosted = int(numbers["step"]), float(numbers["seconds"]), int(numbers["boosted"])
        self.method.advance(max(0, self.state.step - 1) / self.state.steps)


class Job(GradientJob):
    """One training of an amplitude, ready to run.

    Arguments: `progress(fraction, text)` hears how the data come along.

    Raises: ValueError or OSError with one sentence when data, file or device cannot be used.
    """

    def __init__(self, recipe: AmplitudeRecipe, progress: Progress = nothing):
        self.recipe = recipe
        self.training = Training([recipe], splits(recipe, progress), device_of(recipe.device))
        self.memory, self.method, self.state = self.training.memory, self.training.method, self.training.state
        self._device = self.training.device

    def train(self) -> Iterator[Report]:
        """Reports of the training from where it stands."""
        yield from self.training.train()

    def snapshot(self) -> xr.Dataset:
        """Summary of the present prediction for a fixed part of the test events; does not touch the training's random numbers."""
        now = summary(next(self.training.calibrated("test", slice(0, LIVE_EVENTS), LIVE_DRAWS)))[SNAPSHOT]
        scalars = {"step": self.step, "seconds": self.training.state.seconds}
        return AMPLITUDE.named(now.astype(np.float32).assign({name: ((), value, ATTRIBUTES[name]) for name, value in scalars.items()}))

    def prediction(self, split: str = "test") -> xr.Dataset:
        """Every draw's ⟨A⟩ and σ_syst `(draw, event)` with truth, training value and momenta, in physical units."""
        part = slice(0, KEPT_TRAINING_EVENTS if split == "train" else None)
        events: Events = self.training.events[split][part]
        coords = events.to_dataset().coords
        momenta = (("event", "particle", "component"), events.momenta, ATTRIBUTES["momenta"])
        found = next(self.training.calibrated(split, part, self.recipe.draws))
        return AMPLITUDE.named(found.assign(momenta=momenta).assign_coords(particle=coords["particle"], component=coords["component"]))

    @property
    def tensors(self) -> dict[str, Tensor]:
        return self.training.tensors

    @property
    def numbers(self) -> dict[str, Any]:
        return self.training.numbers

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        self.training.resume(tensors, saved)


def splits(recipe: AmplitudeRecipe, progress: Progress) -> dict[str, Events]:
    """The events of a recipe: test, validation and train."""
    events: Splits = events_for(recipe, progress)
    return {"test": events.test, "validation": events.validation, "train": events.train}


def _temperature(prediction: xr.Dataset) -> float:
    """T of a prediction; NaN where a lost point has no finite pull."""
    try:
        return temperature(prediction)
    except ValueError:
        return float("nan")


def _smeared(events: dict[str, Events], recipe: AmplitudeRecipe) -> dict[str, np.ndarray]:
    """Amplitudes with their noise; test events draw first, so that they carry the same noise whatever the training size."""
    generator = np.random.default_rng([recipe.data_seed, 1])
    return {split: smear(events[split].amplitude, recipe.noise, generator)[0] for split in ("test", "validation", "train")}


SNAPSHOT = ["mean", "sigma_syst", "sigma_stat", "amplitude_true", "amplitude_train", "temperature"]
ATTRIBUTES = {
    "mean": {"long_name": "mean squared amplitude ⟨A⟩"},
    "sigma_syst": {"long_name": "learned systematic uncertainty σ_syst"},
    "amplitude_true": {"long_name": "exact squared amplitude"},
    "amplitude_train": {"long_name": "squared amplitude with its noise"},
    "momenta": {"long_name": "four-momenta", "units": "GeV"},
    "temperature": {"long_name": "calibration factor T on σ_syst", "units": "1"},
    "step": {"long_name": "optimiser steps done", "units": "1"},
    "seconds": {"long_name": "time spent training", "units": "s"},
}
