"""From a generator recipe to a flow that trains, and back to histograms, densities and new events in physical units.

    ln p(physical) = ln p(features) + log_jacobian

Error bands are the spread between weight draws. All draws map the same latent numbers, so that histograms of different draws share the
fluctuations of a finite sample and differ by what was learned.

What a prediction holds, and a snapshot of it what is cheap, for every observable NAME with its bins:

    edges_, truth_, error_NAME               bins; density of the truth, and its statistical error
    density_NAME          (draw, bin)        of every weight draw; with `magic` weighted with 1/w after the cuts
    drawn_error_NAME      (draw, bin)        statistical error of that, √Σw²
    log_loss, below_cut, kept                −⟨ln p⟩; share of drawn events with a ΔR_jj < 0.4 before the cut; share that hit-or-miss keeps
  with `discriminator_steps`, of events drawn from the mean weights:
    central_, central_error_NAME   (bin)     without w_D
    reweighted_, reweighted_error_NAME (bin) times w_D
    weight_mean_NAME      (bin)              where w_D points: ⟨w_D⟩ of the drawn events in the bin
    weight_edges, weight_truth, weight_generated           (weight_edge), (weight_bin): density of w_D from 0 to 3
    log_weight_edges, log_weight_truth, log_weight_generated                            of log₁₀ w_D from −2 to 2
    auc, log_weight_mean, log_weight_spread  area under the curve; of ln w_D on test events
  with `nuisance`: all above at a = 0, and along `nuisance`, a = 0, 5, 10, 20, 30
    nuisance_truth_, nuisance_error_NAME     (nuisance, bin)
    nuisance_density_NAME                    (nuisance, draw, bin)
  with `discflow_alpha`: alpha, its present value; snapshots have the weight histograms of the joint discriminator
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.catalogue import sample_for
from workbench.data.features import Features
from workbench.data.samples import Sample
from workbench.data.scaling import DensityBatch
from workbench.methods.base import Point
from workbench.methods.flow import INN, BayesianINN, Generator
from workbench.nets.coupling import Flow
from workbench.nets.splines import CURVES
from workbench.physics.observables import observables
from workbench.physics.toys import TOYS, Ring, Toy
from workbench.training.job import Progress, copies, device_of, in_words, kept, nothing, restore
from workbench.training.loop import SCHEDULES, State, train
from workbench.training.optimiser import Optimiser
from workbench.training.recipe import GeneratorRecipe
from workbench.training.report import Report

LIVE_EVENTS, LIVE_DRAWS = 5_000, 6
"""Events and weight draws of a snapshot."""
MOST_DRAWN = 20_000
"""Events of each draw in the final histograms: 1 % in a bin that holds half of them."""
CHECKED = 5_000
"""Validation events that are looked at while training."""


class GeneratorJob:
    """One training of a flow, ready to run; what `training.job.Job` is for amplitudes.

    Raises: ValueError or OSError with one sentence when data, file or device cannot be used.
    """

    def __init__(self, recipe: GeneratorRecipe, progress: Progress = nothing):
        self.recipe, self._device = recipe, device_of(recipe.device)
        events = sample_for(recipe, progress)
        self.events: dict[str, Sample] = {"test": events.test, "validation": events.validation, "train": events.train}
        self.features = Features.fit(self.events["train"].points, recipe.dataset, recipe.edges)
        self.batches = {split: self._batch(sample.points) for split, sample in self.events.items()}
        self.method = method(recipe, len(self.features), len(self.events["train"]), self._device)
        self.state = State(
            self.method,
            Optimiser(recipe.optimiser, self.method.parameters.values()),
            recipe.steps,
            recipe.batch_size,
            recipe.learning_rate,
            SCHEDULES[recipe.schedule],
            recipe.seed,
        )

    def _batch(self, points: np.ndarray) -> DensityBatch:
        features = torch.tensor(self.features.features(points), dtype=torch.float32, device=self._device)
        return DensityBatch(features, features.new_zeros(len(features), 0), features.new_ones(len(features)))

    @property
    def device(self) -> str:
        """Where it trains."""
        return in_words(self._device)

    @property
    def step(self) -> int:
        return self.state.step

    @property
    def steps(self) -> int:
        return self.state.steps

    def train(self) -> Iterator[Report]:
        """Reports from where the training stands: losses of the features; `log_loss` is −⟨ln p⟩ of validation events in physical units."""
        yield from train(self.state, self.batches["train"], self._check)

    def _check(self) -> dict[str, float]:
        loss = self._log_loss("validation", self.method.central()[0], CHECKED)
        jacobian = float(self.features.log_jacobian(self.events["validation"].points[:CHECKED]).mean())
        return {"likelihood": loss + jacobian, "log_loss": loss}

    def _log_loss(self, split: str, rows: Tensor, events: int) -> float:
        """−⟨ln p⟩ per event in physical units, p averaged over the networks, in nats."""
        points, batch = self.events[split].points[:events], self.batches[split][:events]
        log = self.method.log_density(rows, batch.features, batch.condition).double()
        averaged = (torch.logsumexp(log, 0) - np.log(len(log))).cpu().numpy()
        return -float((averaged + self.features.log_jacobian(points)).mean())

    def snapshot(self) -> xr.Dataset:
        """The present state in a few draws and events; does not touch the training's random numbers."""
        now = self._look("test", LIVE_DRAWS, LIVE_EVENTS, size=40)
        if self.recipe.bayesian and now.sizes["draw"] == 1:  # as long as weights have no widths all draws are the same
            now = now.isel(draw=[0] * LIVE_DRAWS)
        return now.assign(step=((), self.step), seconds=((), self.state.seconds, {"units": "s"}))

    def prediction(self, split: str = "test") -> xr.Dataset:
        """Histograms of all observables, densities of toys, and new events, `samples`, drawn from the mean weights."""
        if split == "train":
            return self._look(split, LIVE_DRAWS, LIVE_EVENTS, size=40)
        found = self._look(split, self.recipe.draws, MOST_DRAWN, size=60)
        new = self.sample(self.method.central()[0], min(MOST_DRAWN, len(self.events[split])))[0]
        dims = ("sample", "particle", "component")[: new.ndim] if new.ndim == 3 else ("sample", "coordinate")
        unit = "GeV" if new.ndim == 3 else "1"
        about = {"long_name": "new events, drawn from the mean weights", "units": unit}
        return found.assign(samples=(dims, new.astype(np.float32), about))

    def sample(self, rows: Tensor, events: int) -> np.ndarray:
        """Events `(draw, event, …)` of every network, in physical units; the same latent numbers at every call."""
        condition = self.batches["train"].condition[:1].expand(events, -1)
        generator = torch.Generator().manual_seed(self.recipe.seed + 1)
        drawn = self.method.sample(rows, condition, generator).double().cpu().numpy()
        azimuth = np.random.default_rng(self.recipe.seed + 1).uniform(-np.pi, np.pi, events)
        return np.stack([self.features.points(one, azimuth) for one in drawn])

    def _look(self, split: str, draws: int, events: int, *, size: int) -> xr.Dataset:
        rows = self.method.networks(draws, torch.Generator().manual_seed(self.recipe.seed + 1))[0]
        truth, generated = self.events[split].points, self.sample(rows, min(events, len(self.events[split])))
        columns: dict[str, Any] = {}
        for name, observable in observables(self.recipe.dataset, jets=self.recipe.most_jets).items():
            edges = np.asarray(observable.bins, dtype=float)
            counted = np.histogram(observable.values(truth), edges)[0]
            drawn = np.stack([np.histogram(values[np.isfinite(values)], edges)[0] for values in map(observable.values, generated)])
            norm, about = np.diff(edges), {"symbol": observable.symbol, "unit": observable.unit, "long_name": observable.description}
            columns |= {
                f"edges_{name}": ((f"edge_{name}",), edges, about),
                f"truth_{name}": ((f"bin_{name}",), counted / norm / len(truth), about),
                f"error_{name}": ((f"bin_{name}",), np.sqrt(counted) / norm / len(truth), about),
                f"density_{name}": (("draw", f"bin_{name}"), (drawn / norm / generated.shape[1]).astype(np.float32), about),
            }
        if self.recipe.dataset in TOYS and not self.recipe.file:
            columns |= self._maps(TOYS[self.recipe.dataset], rows, size)
            columns["entropy"] = ((), TOYS[self.recipe.dataset].entropy, {"long_name": "exact entropy", "units": "nat"})
        loss = self._log_loss(split, rows, min(events, CHECKED))
        columns["log_loss"] = ((), loss, {"long_name": "−⟨ln p⟩ per event, p averaged over the draws", "units": "nat"})
        attrs = {
            "recipe": self.recipe.to_json(),
            "dataset": self.recipe.dataset,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "device": self.device,
            "split": split,
            "generated": generated.shape[1],
        }
        return xr.Dataset(columns, attrs=attrs)

    def _maps(self, toy: Toy, rows: Tensor, size: int) -> dict[str, Any]:
        """p and its spread between draws on a grid of the plane, and along the coordinate that says most: x of a ramp, r of the ring."""
        box = ((-6.0, 6.0), (-0.5, 7.0)) if isinstance(toy, Ring) else ((-0.1, 1.1), (-0.1, 1.1))
        x, y = (np.linspace(*ends, size) for ends in box)
        plane = np.stack(np.meshgrid(x, y), axis=-1)
        p = self.density(rows, plane.reshape(-1, 2)).reshape(len(rows), size, size)
        if isinstance(toy, Ring):
            u, v = np.linspace(0.5, 7.5, size + 1), (np.arange(size) + 0.5) * np.pi / size
            points = u[:, None, None] * np.stack([np.cos(v), np.sin(v)], axis=-1)
            along = self.density(rows, points.reshape(-1, 2)).reshape(len(rows), len(u), size).sum(2) * u * np.pi / size
            truth, coordinate = toy.marginal("r", u), "r"
        else:
            u, v = np.linspace(0.0, 1.0, size + 1), np.linspace(-0.1, 1.1, size)
            points = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)
            along = np.trapezoid(self.density(rows, points.reshape(-1, 2)).reshape(len(rows), len(u), size), v, axis=2)
            truth, coordinate = toy.marginal("x", u), "x"
        on, line = ("map_y", "map_x"), {"coordinate": coordinate}
        return {
            "map_x": ("map_x", x), "map_y": ("map_y", y),
            "map_mean": (on, p.mean(0).astype(np.float32)), "map_sigma": (on, p.std(0).astype(np.float32)),
            "map_truth": (on, toy.density(plane)),
            "line": ("line", u, line), "line_truth": ("line", truth, line),
            "line_density": (("draw", "line"), along.astype(np.float32), line),
        }  # fmt: skip

    def density(self, rows: Tensor, points: np.ndarray) -> np.ndarray:
        """p `(draw, event)` at points in physical units."""
        batch = self._batch(points)
        log = self.method.log_density(rows, batch.features, batch.condition).double().cpu().numpy()
        return np.exp(log + self.features.log_jacobian(points))

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to continue: tensors, and plain numbers for JSON."""
        return copies(kept(self.method, self.state)), {"step": self.step, "seconds": self.state.seconds}

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        """Continue from a checkpoint of the same recipe. Raises: ValueError when it does not fit."""
        restore(kept(self.method, self.state), tensors)
        self.state.step, self.state.seconds = int(saved["step"]), float(saved["seconds"])
        self.method.advance(max(0, self.state.step - 1) / self.state.steps)


def method(recipe: GeneratorRecipe, features: int, training_points: int, device: torch.device) -> Generator:
    """The recipe's flow and what it minimises, with fresh weights."""
    spline = CURVES[recipe.spline](recipe.bins)
    flow = Flow(features, blocks=recipe.blocks, hidden=recipe.hidden, spline=spline, rotate=recipe.mixing == "rotation", seed=recipe.seed)
    points = [Point(recipe.seed, recipe.prior_width)]
    if not recipe.bayesian:
        return INN(flow, points, training_points=training_points, device=device)
    return BayesianINN(flow, points, training_points=training_points, device=device, seed=recipe.seed, warm_start=recipe.warm_start)
