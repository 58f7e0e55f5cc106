"""From a recipe to an estimator that learns a likelihood ratio, and what it says beside the exact one.

A prediction, and a snapshot of it, hold (of events of the Standard Model, θ = (f_W, f_WW) in TeV⁻²)

    f_W, f_WW; mean_log_ratio (network, f_WW, f_W), mean_log_ratio_true, sigma_ratio     ⟨log r(x|θ)⟩ and σ(θ)/σ(0): q(θ) follows (`limit`)
    theta (shown, coupling); log_ratio, log_ratio_sigma, log_ratio_true, log_ratio_joint (shown, event)
    pt1, pt2, deta, dphi, event_weight (event); score, score_sigma, score_true (direction, event)
    information (statistic, coupling), fisher, fisher_true (direction, other)             per event, TeV⁴
    at_pt1, at_dphi, at_log_ratio (to_f_WW, to_f_W, …)                                   distributions at many θ (`everywhere`)
    experiment_log_ratio, toy_q (at the end only)                                        single experiments of n events (`experiment`)
    mse, mse_trimmed; area, area_true (limit); loss
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.scaling import DensityBatch
from workbench.families.inference import limit, ratio
from workbench.families.inference.estimator import Networks, score_of
from workbench.families.inference.everywhere import LIVE_PLACES, PLACES, distributions, simulated
from workbench.families.inference.experiment import experiments, toys
from workbench.families.inference.histogram import Binning, filled
from workbench.families.inference.information import STATISTICS, information
from workbench.families.inference.objective import LARGEST_WEIGHT_BOX, POWERS, LocalScore, QuadraticNetwork, Ratio
from workbench.families.inference.product import INFERENCE_PRODUCT
from workbench.families.inference.ratio import EVEN, Estimate, Quadratic
from workbench.families.inference.recipe import HISTOGRAMS, SCORES, InferenceRecipe, entropy, network
from workbench.families.inference.sample import observables, pool_for, sampled
from workbench.methods.base import Method, Point
from workbench.methods.mean_field import MeanField
from workbench.methods.point import PointEstimate
from workbench.nets.population import PopulationMLP
from workbench.physics.wbf import mixture
from workbench.threads import one_thread
from workbench.training.job import GradientJob, Progress, device_of, granted, nothing, provenance, restore, state
from workbench.training.loop import State, train
from workbench.training.memory import DOUBLE, LIBRARIES, SINGLE, Needed
from workbench.training.report import Report

LIVE, LIVE_SHOWN, LIVE_DRAWS = 1_000, 4, 8
"""Events, hypotheses at which single events are shown, and draws of a snapshot."""
LIVE_EVENTS = 400
"""Of them those that are shown one by one."""
LIVE_AXIS = np.linspace(ratio.AXIS[0], ratio.AXIS[-1], 16)
WATCHED, WATCHED_EVENTS = ratio.grid(np.linspace(-16.0, 16.0, 7)), 400
"""Hypotheses and events at which log r is compared with the truth while it is learned."""
VALIDATION, MOST_VALIDATION = 0.1, 5_000
"""Share of the events that only watches, and the largest number of them."""
FILLS = 40
"""Portions in which a histogram is filled."""
ASKED_POOL = 20_000
"""Events of the pool whose learned scores a snapshot histograms."""


@dataclass
class Filling:
    """How far a histogram is filled."""

    steps: int = FILLS
    step: int = 0
    seconds: float = 0.0


class InferenceJob(GradientJob):
    """One training of an estimator, ready to run.

    Raises: ValueError or OSError with one sentence when events, memory or device cannot be used.
    """

    state: Any
    method: Method

    def __init__(self, recipe: InferenceRecipe, progress: Progress = nothing):
        if recipe.uncertainty.startswith("bnn") and not entropy(recipe):
            raise ValueError(
                f"The loss of {recipe.method} is no −log p, so its weights have no posterior; take an ensemble for error bars, or ALICE."
            )
        self.recipe, self._device = recipe, device_of(recipe.device)
        self.memory = granted(needed(recipe), self._device, recipe, ["events"])
        pools = pool_for(recipe, progress)
        self.test, whole = pools["test"], pools["train"]
        cut = len(whole) - min(max(20, int(VALIDATION * len(whole))), MOST_VALIDATION)
        self.pool = whole
        self.sigma = whole.cross_section[list(EVEN)]
        self.relative = self.sigma * POWERS / (whole.cross_section @ mixture())
        raw = {"train": sampled(whole, recipe.level), "test": sampled(self.test, recipe.level)}
        self.middle, self.width = raw["train"].mean(0), raw["train"].std(0)
        self.inputs = {split: self.features(values) for split, values in raw.items()}
        self.batch = self._batch(slice(cut))
        self.validation = self._batch(slice(cut, None), plain=True)
        self._truths: dict[tuple[int, int], np.ndarray] = {}
        self.networks: Networks | None = None
        if recipe.method in HISTOGRAMS:
            self.binning = Binning(recipe)
            self.bins = {"train": self.binning.bins(whole), "test": self.binning.bins(self.test)}
            self.counts = torch.zeros(self.members, self.binning.count, 6, dtype=torch.float64)
            self.state = Filling()
            return
        self.method = self._method()
        self.networks = Networks(self.network, recipe.method, recipe.head, self.sigma, self._histogrammed)
        self.state = state(recipe, self.method)

    @property
    def members(self) -> int:
        return self.recipe.members if self.recipe.uncertainty in ("ensemble", "bootstrap") else 1

    def features(self, values: np.ndarray) -> Tensor:
        """Standardised inputs of networks."""
        return torch.tensor((values - self.middle) / self.width, dtype=torch.float32, device=self._device)

    def _batch(self, part: slice, *, plain: bool = False) -> DensityBatch:
        """Inputs; ĉ, θ and a number for acceptance; and how much each event counts, for each member."""
        recipe, pool = self.recipe, self.pool
        count = len(range(len(pool))[part])
        rng = np.random.default_rng([recipe.seed, 11, int(plain)])
        weight = np.tile(pool.weight[part], (1 if plain else self.members, 1))
        if recipe.uncertainty == "bootstrap" and not plain:
            weight = weight * rng.multinomial(count, np.full(count, 1 / count), size=self.members)
        theta = rng.uniform(-LARGEST_WEIGHT_BOX, LARGEST_WEIGHT_BOX, (count, 2))
        columns = [pool.components[part][:, list(EVEN)] * POWERS, theta, rng.random((count, 1))]
        condition = torch.tensor(np.concatenate(columns, axis=1), dtype=torch.float32, device=self._device)
        return DensityBatch(self.inputs["train"][part], condition, torch.tensor(weight, dtype=torch.float32, device=self._device))

    def _method(self) -> Method:
        recipe, features = self.recipe, self.inputs["train"].shape[1]
        net = self.network = network_of(recipe, features)
        if recipe.method in SCORES:
            objective: Any = LocalScore(net, self.relative)
        else:
            largest = float((1.001 * self._largest()) if recipe.method in ("carl", "cascal") else 1.0)
            objective = Ratio(net, recipe.method, recipe.head, self.relative, recipe.reference, recipe.alpha, largest)
        common: dict[str, Any] = {"training_points": len(self.batch), "device": self._device}
        if recipe.uncertainty.startswith("bnn"):
            part = net.last_layer if recipe.uncertainty == "bnn_last_layer" else None
            points = [Point(recipe.seed, recipe.prior_width)]
            return MeanField(objective, points, seed=recipe.seed, bayesian=part, warm_start=recipe.warm_start, **common)
        return PointEstimate(objective, [Point(recipe.seed + 1_009 * k, math.inf) for k in range(self.members)], **common)

    def _largest(self) -> float:
        """The largest w = p_θ/q of an event over its own θ."""
        components, theta = self.batch.condition[:, :6].double().cpu().numpy(), self.batch.condition[:, 6:8].double().cpu().numpy()
        m = ratio.even(theta)
        weight = (components * m).sum(1) / (m @ self.relative)
        return float(max(weight.max(), (components[:, 0] / self.relative[0]).max()))

    def train(self) -> Iterator[Report]:
        """Reports from where the training stands."""
        if self.networks is None:
            yield from self._fill()
            return
        yield from train(self.state, self.batch, self._check, between=self._new_hypotheses)

    def _new_hypotheses(self, state: State) -> None:
        """Each event gets another θ; only labels that were sampled belong to the θ for which they were."""
        if self.recipe.method not in ("carl", "cascal"):
            generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + state.step)
            theta = LARGEST_WEIGHT_BOX * (2 * torch.rand(len(self.batch), 2, generator=generator) - 1)
            self.batch.condition[:, 6:8] = theta.to(self._device)

    def _fill(self) -> Iterator[Report]:
        """A histogram, portion by portion."""
        components, weight = self.pool.components[:, list(EVEN)], self.batch.weight.double().cpu().numpy()
        while self.state.step < self.state.steps:
            started = time.perf_counter()
            count = len(self.batch)
            low, high = (count * (self.state.step + more) // self.state.steps for more in (0, 1))
            for member in range(self.members):
                table = filled(self.bins["train"][low:high], self.binning.count, components[low:high], weight[member, low:high])
                self.counts[member] += torch.from_numpy(table)
            self.state.step += 1
            self.state.seconds += time.perf_counter() - started
            checked = self._check()
            losses = {"loss": checked["likelihood"], "likelihood": checked["likelihood"], "kl": 0.0}
            yield Report(self.state.step, self.state.steps, self.state.seconds, losses, checked)

    # What is known of the estimator

    def rows(self, draws: int) -> Tensor:
        """The networks that are asked: members, or draws."""
        return self.method.networks(draws, torch.Generator().manual_seed(self.recipe.seed + 1)).flatten(0, 1)

    def estimate(self, part: slice = slice(None), *, split: str = "test", draws: int = LIVE_DRAWS, central: bool = False) -> Estimate:
        """What the estimator knows of test or training events."""
        if self.networks is None:
            return Quadratic(self.binning.densities(self.counts.numpy())[:, self.bins[split][part]], self.sigma)
        with one_thread():
            rows = self.method.central().flatten(0, 1) if central else self.rows(draws)
            return self.networks.estimate(rows, self.inputs[split][part])

    def _histogrammed(self) -> tuple[Tensor, np.ndarray, np.ndarray]:
        part = slice(len(self.batch) if self.step == self.steps else min(ASKED_POOL, len(self.batch)))
        weight = self.batch.weight.double().cpu().numpy()[:, part]
        return self.batch.features[part], self.pool.components[part][:, list(EVEN)], weight

    def truth(self, axis: np.ndarray, events: int) -> np.ndarray:
        """log r(x|θ) to the Standard Model, (event, θ), exact."""
        key = (len(axis), events)
        if key not in self._truths:
            self._truths[key] = self._exact(slice(events)).log_ratio(ratio.grid(axis))[0].astype(np.float32)
        return self._truths[key]

    @cached_property
    def made(self) -> dict[str, np.ndarray]:
        """What simulated events look like at any θ; they stay the same while it trains."""
        return simulated(self.pool, self.recipe.level)

    def _exact(self, part: slice) -> Quadratic:
        return Quadratic(self.test.truth[self.recipe.level][part][None][..., list(EVEN)], self.sigma)

    def _check(self) -> dict[str, float]:
        part = slice(WATCHED_EVENTS)
        found = self.estimate(part, central=True).log_ratio(WATCHED).mean(0)
        exact = self._exact(part).log_ratio(WATCHED)[0]
        mse, trimmed = ratio.squared_error(found, exact, WATCHED, self.test.weight[part])
        return {"likelihood": self._loss(), "mse": mse, "mse_trimmed": trimmed}

    def _loss(self) -> float:
        """The loss of events that only watch; of a histogram the cross-entropy of its ratio to the Standard Model."""
        if self.networks is None:
            return self._cross_entropy()
        with torch.no_grad():
            rows = self.method.central().flatten(0, 1)
            batch = DensityBatch(
                self.validation.features.expand(len(rows), -1, -1),
                self.validation.condition.expand(len(rows), -1, -1),
                self.validation.weight.expand(len(rows), -1),
            )
            objective = self.method.objective
            if isinstance(objective, Ratio):
                outputs = objective.folded(self.network(rows, objective.inputs(batch)))
            else:
                outputs = self.network(rows, batch.features)
            value = objective.value(outputs, batch)
            return float(value.mean())

    def _cross_entropy(self) -> float:
        """v log(1 + r̂) + w log(1 + 1/r̂) of events that only watch, with the Standard Model as reference."""
        condition = self.validation.condition.double().cpu().numpy()
        first = len(self.batch)
        found = self.estimate(slice(first, None), split="train")
        m = ratio.even(condition[:, 6:8] * 10.0)
        known = found.components.mean(0)  # type: ignore[attr-defined]
        log_ratio = np.log(np.maximum((known * m).sum(1), 1e-6)) - np.log(m @ self.sigma / self.sigma[0])
        scaled = ratio.even(condition[:, 6:8])
        w = (condition[:, :6] * scaled).sum(1) / (scaled @ self.relative)
        v = condition[:, 0] / self.relative[0]
        return float((v * np.logaddexp(0, log_ratio) + w * np.logaddexp(0, -log_ratio)).mean())

    def snapshot(self) -> xr.Dataset:
        """What the estimator of this moment says; does not touch the training's random numbers."""
        scalars = {"step": self.step, "seconds": self.state.seconds}
        found = self._look(LIVE, LIVE_AXIS, LIVE_SHOWN, LIVE_DRAWS, "test", places=LIVE_PLACES)
        named = found.isel(event=slice(LIVE_EVENTS)).assign({name: ((), value) for name, value in scalars.items()})
        return named.map(lambda column: column.astype(np.float32) if column.dtype == np.float64 else column, keep_attrs=True)

    def prediction(self, split: str = "test") -> xr.Dataset:
        """What the estimator says at the end of events of the Standard Model; "train" is the first third of them."""
        events = len(self.test) if split == "test" else len(self.test) // 3
        return self._look(events, ratio.AXIS, len(ratio.SHOWN), self.recipe.draws, split, places=PLACES, whole=split == "test")

    def _look(
        self, events: int, axis: np.ndarray, shown: int, draws: int, split: str, *, places: np.ndarray, whole: bool = False
    ) -> xr.Dataset:
        part, plane, singles = slice(events), ratio.grid(axis), ratio.SHOWN[:shown].astype(float)
        weight, found = self.test.weight[part], self.estimate(part, draws=draws)
        exact, everywhere = self._exact(part), found.log_ratio(plane)
        truth = self.truth(axis, events)
        mse, trimmed = ratio.squared_error(everywhere.mean(0), truth, plane, weight)
        mean = np.average(everywhere, axis=1, weights=weight).reshape(-1, len(axis), len(axis))
        mean_true = np.average(truth, axis=0, weights=weight).reshape(len(axis), len(axis))
        sigma_ratio = (ratio.even(plane) @ self.sigma / self.sigma[0]).reshape(len(axis), len(axis))
        at_shown = found.log_ratio(singles)
        exact_shown = exact.log_ratio(singles)[0]
        joint = Quadratic(self.test.components[part][None][..., list(EVEN)], self.sigma)
        score = score_of(found) if self.networks is None else self._score(part, draws)
        true = ratio.true_score(self.test.truth[self.recipe.level][part], self.test.cross_section)
        seen = observables(self.test.jets(self.recipe.level)[part])
        columns: dict[str, Any] = {
            "f_W": ("f_W", axis),
            "f_WW": ("f_WW", axis),
            "mean_log_ratio": (("network", "f_WW", "f_W"), mean),
            "mean_log_ratio_true": (("f_WW", "f_W"), mean_true),
            "sigma_ratio": (("f_WW", "f_W"), sigma_ratio),
            "theta": (("shown", "axis"), singles),
            "log_ratio": (("shown", "event"), at_shown.mean(0).T),
            "log_ratio_sigma": (("shown", "event"), at_shown.std(0).T),
            "log_ratio_true": (("shown", "event"), exact_shown.T),
            "log_ratio_joint": (("shown", "event"), joint.log_ratio(singles)[0].T),
            "event_weight": ("event", weight),
            "score": (("direction", "event"), score.mean(0).T),
            "score_sigma": (("direction", "event"), score.std(0).T),
            "score_true": (("direction", "event"), true[:, :2].T),
            "fisher": (("direction", "other"), np.einsum("nea,neb,e->ab", score, score, weight) / weight.sum() / len(score)),
            "fisher_true": (("direction", "other"), np.einsum("ea,eb,e->ab", true[:, :2], true[:, :2], weight) / weight.sum()),
            "information": (("statistic", "coupling"), information(self.test, self.recipe.level, part)),
            "statistic": ("statistic", list(STATISTICS)),
            "mse": ((), mse),
            "mse_trimmed": ((), trimmed),
            "area": ("limit", limit.areas(axis, limit.q_of(mean.mean(0), sigma_ratio))),
            "area_true": ("limit", limit.areas(axis, limit.q_of(mean_true, sigma_ratio))),
            "loss": ((), self._loss()),
        }
        columns |= {name: ("event", values) for name, values in seen.items()}
        columns |= distributions(self.made, self.test, self.recipe.level, part, found, exact, places if split == "test" else places[:1])
        if whole:
            columns |= experiments(everywhere, truth, weight, len(axis)) | toys(everywhere, truth, weight, len(axis))
        described = {name: (*column[:2], ATTRIBUTES.get(name, {})) for name, column in columns.items()}
        attrs = {
            **provenance(self.recipe, self.device, split),
            "network": str(self.method.network) if self.networks is not None else "histogram",
            "events": len(self.batch),
        }
        return INFERENCE_PRODUCT.named(xr.Dataset(described, attrs=attrs))

    def _score(self, part: slice, draws: int) -> np.ndarray:
        assert self.networks is not None
        with one_thread():
            return self.networks.scores(self.rows(draws), self.inputs["test"][part])

    @property
    def tensors(self) -> dict[str, Tensor]:
        return {"counts": self.counts} if self.networks is None else super().tensors

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        if self.networks is not None:
            return super().resume(tensors, saved)
        restore(self.tensors, tensors)
        self.state.step, self.state.seconds = int(saved["step"]), float(saved["seconds"])


def network_of(recipe: InferenceRecipe, features: int) -> PopulationMLP:
    """The perceptron of a recipe."""
    if recipe.method in SCORES:
        return PopulationMLP(features, recipe.hidden, 2, activation=recipe.activation)
    if recipe.head == "quadratic":
        return QuadraticNetwork(features, recipe.hidden, 6, activation=recipe.activation)
    return PopulationMLP(features + 2, recipe.hidden, 1, activation=recipe.activation)


def needed(recipe: InferenceRecipe) -> Needed:
    """The memory of a training and of what is said at its end, in bytes: an estimate from the sizes of the arrays."""
    bayesian, members = recipe.uncertainty.startswith("bnn"), recipe.members if recipe.uncertainty in ("ensemble", "bootstrap") else 1
    data = recipe.events * (40 * DOUBLE + (16 + members) * SINGLE)
    asked = recipe.draws if bayesian else members
    answers = asked * 3_000 * len(ratio.AXIS) ** 2 * 3 * DOUBLE
    if not network(recipe):
        return Needed(LIBRARIES + data, LIBRARIES + data + answers)
    parameters, widths = network_of(recipe, 8).parameters, sum(recipe.hidden)
    places = 5 if recipe.head == "free" else 1
    weights = 4 * (2 if bayesian else 1) * members * parameters * SINGLE
    activations = 8 * members * places * min(recipe.batch_size, recipe.events) * widths * SINGLE
    return Needed(LIBRARIES + data + weights + activations, LIBRARIES + data + weights + answers)


ATTRIBUTES: dict[str, dict[str, str]] = {
    "f_W": {"long_name": "f_W/Λ²", "units": "TeV⁻²"},
    "f_WW": {"long_name": "f_WW/Λ²", "units": "TeV⁻²"},
    "mean_log_ratio": {"long_name": "⟨log r̂(x|θ)⟩ to the Standard Model, of each network"},
    "mean_log_ratio_true": {"long_name": "exact ⟨log r(x|θ)⟩"},
    "sigma_ratio": {"long_name": "σ(θ)/σ(0)"},
    "theta": {"long_name": "hypotheses f_W, f_WW", "units": "TeV⁻²"},
    "log_ratio": {"long_name": "estimated log r(x|θ) to the Standard Model"},
    "log_ratio_sigma": {"long_name": "σ_stat of log r, the spread of networks"},
    "log_ratio_true": {"long_name": "exact log r(x|θ)"},
    "log_ratio_joint": {"long_name": "joint log r(x,z|θ)"},
    "score": {"long_name": "estimated score", "units": "TeV²"},
    "score_true": {"long_name": "exact score", "units": "TeV²"},
    "information": {"long_name": "Fisher information of one event", "units": "TeV⁴"},
    "to_f_W": {"long_name": "f_W/Λ² of the hypotheses of distributions", "units": "TeV⁻²"},
    "to_f_WW": {"long_name": "f_WW/Λ² of the hypotheses of distributions", "units": "TeV⁻²"},
    "at_pt1": {"long_name": "events of 65,535 in each bin of p_T of the harder jet, SM events counted r̂ times"},
    "at_dphi": {"long_name": "events of 65,535 in each bin of Δφ, SM events counted r̂ times"},
    "at_log_ratio": {"long_name": "events of 65,535 in each bin of log r̂, of the SM and of θ"},
    "experiment_events": {"long_name": "events seen in single experiments"},
    "experiment_log_ratio": {"long_name": "Σ log r̂ over the events of single experiments"},
    "experiment_log_ratio_true": {"long_name": "exact Σ log r over the events of single experiments"},
    "experiment_q_sigma": {"long_name": "σ_stat of q of single experiments, the spread of networks"},
    "toy_q": {"long_name": "q(0) of 1,000 experiments, in order"},
    "toy_q_true": {"long_name": "exact q(0) of 1,000 experiments, in order"},
    "mse": {"long_name": "mean squared error of log r"},
    "mse_trimmed": {"long_name": "the same without 5 % of the errors at each end"},
    "area": {"long_name": "areas of the 68, 95, 99.7 % contours, 36 events", "units": "TeV⁻⁴"},
    "area_true": {"long_name": "exact areas", "units": "TeV⁻⁴"},
    "loss": {"long_name": "loss of events that only watch"},
}
