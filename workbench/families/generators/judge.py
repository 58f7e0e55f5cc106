"""A fresh discriminator judges a finished generator: what w_D says of its events, and what they become with it.

It learns from training events and as many new ones, and is asked about test events and other new ones. With magic weights it sees events
before the cuts and truth with the weight w, so that w_D and 1/w multiply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data.features import Seen
from workbench.data.scaling import DensityBatch
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.sampling import Drawn, Sampler
from workbench.methods.base import Point
from workbench.methods.discflow import labelled
from workbench.methods.discriminator import Discriminator
from workbench.nets.population import PopulationMLP
from workbench.physics.observables import Observable
from workbench.training.loop import SCHEDULES, State, train
from workbench.training.optimiser import Optimiser

RATE, BATCH = 2e-3, 1_024
WEIGHTS = {"weight": np.linspace(0, 3, 61), "log_weight": np.linspace(-2, 2, 61)}
"""Bins of w_D and of log₁₀ w_D."""


def discriminator(recipe: GeneratorRecipe, inputs: int, training_points: int, device: torch.device) -> Discriminator:
    """A fresh one, as the recipe wants it."""
    network = PopulationMLP(inputs, recipe.discriminator_hidden, 1, activation="silu")
    return Discriminator(network, [Point(recipe.seed + 7, 1.0)], training_points=training_points, device=device)


def inputs_of(seen: Seen, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """What a discriminator sees of tensors of features and conditions."""

    def inputs(features: Tensor, condition: Tensor) -> Tensor:
        return torch.from_numpy(seen(features.double().cpu().numpy(), condition.double().cpu().numpy())).to(device)

    return inputs


@dataclass(frozen=True, eq=False)
class Judge:
    """A trained discriminator with what it sees."""

    network: Discriminator
    inputs: Callable[[Tensor, Tensor], Tensor]

    @classmethod
    def trained(cls, sampler: Sampler, seen: Seen, truth: DensityBatch, rows: Tensor, jets: np.ndarray, nuisance: np.ndarray) -> Judge:
        """Arguments: `truth` training events with weights, their `jets` and `nuisance`; `rows` the weights of one network."""
        recipe, inputs = sampler.recipe, inputs_of(seen, sampler.device)
        drawn = sampler.draw(rows, jets, [recipe.seed, 8], nuisance)
        batch = labelled(
            inputs(truth.features, truth.condition), inputs(torch.from_numpy(drawn.features[0]), drawn.condition), truth.weight
        )
        network = discriminator(recipe, batch.features.shape[1], len(batch), sampler.device)
        optimiser = Optimiser("adam", network.parameters.values())
        for _ in train(
            State(network, optimiser, recipe.discriminator_steps, BATCH, RATE, SCHEDULES["cosine"], recipe.seed), batch, lambda: {}
        ):
            pass
        return cls(network, inputs)

    def log_weight(self, features: np.ndarray | Tensor, condition: Tensor) -> np.ndarray:
        """ln w_D of events."""
        return self.network.log_weight(self.inputs(torch.as_tensor(features), condition)).double().cpu().numpy()

    def columns(self, known: Mapping[str, Observable], truth: DensityBatch, drawn: Drawn) -> dict[str, Any]:
        """Variables of a prediction: truth are test events, drawn those of one network; see `training.generator`."""
        of_truth = self.log_weight(truth.features, truth.condition)
        of_drawn = self.log_weight(drawn.features[0], drawn.condition)
        own = truth.weight.double().cpu().numpy()
        columns = weight_columns(of_truth, of_drawn, own)
        columns["auc"] = ((), auc(of_truth, of_drawn, own), {"long_name": "area under the curve of a fresh discriminator", "units": "1"})
        points, plain, w = drawn.points[0], drawn.weight[0], np.exp(of_drawn)
        for name, observable in known.items():
            edges, values = observable.bins, observable.values(points)
            for kind, weight in (("central", plain), ("reweighted", plain * w)):
                density, error = weighted_histogram(values, edges, weight)
                columns[f"{kind}_{name}"] = ((f"bin_{name}",), narrow(density))
                columns[f"{kind}_error_{name}"] = ((f"bin_{name}",), narrow(error))
            norm, there = (np.histogram(values, edges, weights=weight)[0] for weight in (plain, plain * w))
            with np.errstate(invalid="ignore", divide="ignore"):
                columns[f"weight_mean_{name}"] = ((f"bin_{name}",), np.where(norm > 0, there / norm, np.nan).astype(np.float32))
        return columns


def weight_columns(of_truth: np.ndarray, of_drawn: np.ndarray, own: np.ndarray) -> dict[str, Any]:
    """Histograms of w_D and log₁₀ w_D, and mean and spread of ln w_D on truth, whose events have weights of their `own`."""
    mean = np.average(of_truth, weights=own)
    columns: dict[str, Any] = {
        "log_weight_mean": ((), mean, {"long_name": "⟨ln w_D⟩ of test events", "units": "1"}),
        "log_weight_spread": ((), np.sqrt(np.average((of_truth - mean) ** 2, weights=own)), {"long_name": "σ(ln w_D) of test events"}),
    }
    for name, edges in WEIGHTS.items():
        scale = np.exp if name == "weight" else lambda log: log / np.log(10)
        columns[f"{name}_edges"] = (("weight_edge",), edges)
        columns[f"{name}_truth"] = (("weight_bin",), weighted_histogram(scale(of_truth), edges, own)[0].astype(np.float32))
        drawn = weighted_histogram(scale(of_drawn), edges, np.ones(len(of_drawn)))[0]
        columns[f"{name}_generated"] = (("weight_bin",), drawn.astype(np.float32))
    return columns


def weighted_histogram(values: np.ndarray, edges: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Density of weighted events in bins, Σw, and its statistical error, √Σw², relative to all."""
    fine = np.isfinite(values) & (weight > 0)
    norm = np.diff(edges) * max(weight.sum(), 1e-300)
    total, squares = (np.histogram(values[fine], edges, weights=w[fine])[0] for w in (weight, weight**2))
    return total / norm, np.sqrt(squares) / norm


def narrow(values: np.ndarray) -> np.ndarray:
    """The values in 32 bits where these hold them; densities of tiny or huge numbers need 64."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    return values.astype(np.float32 if not size.size or (size.max() < 1e37 and size.max() > 1e-30) else np.float64)


def auc(truth: np.ndarray, generated: np.ndarray, weight: np.ndarray) -> float:
    """Probability that an event of truth looks more like truth than a generated one: 1/2 if nothing tells them apart."""
    order = np.sort(generated)
    below = 0.5 * (np.searchsorted(order, truth, "left") + np.searchsorted(order, truth, "right")) / len(order)
    return float(np.average(below, weights=weight))
