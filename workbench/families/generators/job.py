"""From a generator recipe to a flow that trains, and back to histograms, densities and new events in physical units.

    ln p(physical) = ln p(features) + log_jacobian

Error bands are the spread between weight draws. All draws map the same latent numbers, so that histograms of different draws share the
fluctuations of a finite sample and differ by what was learned.

What a prediction holds, and a snapshot of it what is cheap, for every observable NAME with its bins:

    edges_, truth_, error_NAME               bins, which share of the truth lies outside; its density, and its statistical error
    density_NAME          (draw, bin)        of every weight draw; with `magic` weighted with 1/w after the cuts
    drawn_error_NAME      (draw, bin)        statistical error of that, √Σw²
    log_loss, without_density                −⟨ln p⟩; share of the events with p = 0, for which it is infinite
    map_mean, map_sigma      (map_y, map_x)  of toys and own points: p and its spread between the draws, beside map_truth, or of own points
    map_counted          (count_y, count_x)  density of counted events
    below_cut, kept                          share of drawn events with a ΔR_jj < 0.4 before the cut; share that hit-or-miss keeps
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
    nuisance_outside_NAME                    (nuisance, side)   shares of the truth below and above the bins
  of two or more jets, at the end: plane_truth_, plane_drawn_PAIR (plane_phi, plane_eta), density around the hole; PAIR is 12, 13, 23
  with `discflow_alpha`: alpha, its present value; snapshots have the weight histograms of the joint discriminator
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.catalogue import sample_for
from workbench.data.features import Features, Seen
from workbench.data.samples import Sample
from workbench.data.scaling import DensityBatch
from workbench.families.generators.flows import flow_networks, flows, steered
from workbench.families.generators.judge import Judge, narrow, weight_columns, weighted_histogram
from workbench.families.generators.memory import needed_to_draw
from workbench.families.generators.product import GENERATOR
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.sampling import Drawn, Sampler, Shares, check_map, excess, kept_share
from workbench.methods.discflow import DiscFlow, Nuisance
from workbench.physics.collisions import jet_count
from workbench.physics.datasets import ROWS
from workbench.physics.datasets.known import KNOWN, TOYS
from workbench.physics.observables import Observable, observables, outside
from workbench.physics.toys import Ring, Toy
from workbench.physics.weights import LARGEST_NUISANCE, magic_weight
from workbench.training.job import GradientJob, Progress, device_of, granted, nothing, provenance, state
from workbench.training.loop import train
from workbench.training.report import Report

LIVE_EVENTS, LIVE_DRAWS = 5_000, 6
"""Events and weight draws of a snapshot."""
LIVE_DOTS = 600
"""New events of a snapshot, which are drawn as points."""
MOST_DRAWN = 20_000
"""Events of each draw in the final histograms: 1 % in a bin that holds half of them."""
CHECKED = 5_000
"""Validation events that are looked at while training."""
JUDGED, MOST_TRUTH = 100_000, 500_000
"""Events that a finished generator is judged by, and training events that its discriminator learns from."""
NEAR = np.linspace(-2.5, 2.5, 41)
"""Bins of Δη and Δφ around the hole between two jets."""
PER_CELL, CELLS = 10, (8, 60)
"""Events per cell of a map of counted ones, on average, and how many cells it may have along an axis."""
NUISANCES = (0.0, 5.0, 10.0, 20.0, 30.0)
"""Values of a with histograms of their own."""


class GeneratorJob(GradientJob):
    """One training of a flow, ready to run; what `training.job.Job` is for amplitudes.

    Raises: ValueError or OSError with one sentence when data, file or device cannot be used.
    """

    def __init__(self, recipe: GeneratorRecipe, progress: Progress = nothing):
        check_options(recipe)
        self.recipe, self._device = recipe, device_of(recipe.device)
        events = sample_for(recipe, progress)
        self.events: dict[str, Sample] = {
            split: hit(sample, recipe)
            for split, sample in (("test", events.test), ("validation", events.validation), ("train", events.train))
        }
        train, test = self.events["train"], self.events["test"]
        self.observables = {
            name: observable.fitted(test.points, test.relative_weight)
            for name, observable in observables(recipe.dataset, jets=recipe.most_jets).items()
        }
        self.features = Features.fit(train.points, recipe.dataset, recipe.edges, recipe.coordinates)
        unweighted, shares = Shares.of(Sample(train.points, train.dataset)), Shares.of(train)
        networks = flow_networks(recipe, self.features, unweighted)
        self.memory = granted(needed_to_draw(recipe, networks, len(self.features), self._most_drawn), self._device, recipe)
        flow = flows(recipe, self.features, unweighted, len(train), self._device)
        self.method = steered(recipe, flow, self.features, train.points, shares, self._device)
        self.sampler = Sampler(recipe, self.method, self.features, shares, self._device)
        self.batches = {split: self._batch(sample) for split, sample in self.events.items()}
        self.state = state(recipe, self.method)

    @property
    def _most_drawn(self) -> int:
        """Events of each draw that are there together."""
        return min(MOST_DRAWN, len(self.events["test"])) * (len(NUISANCES) if self.recipe.nuisance else 1)

    def _batch(self, sample: Sample) -> DensityBatch:
        """Features, conditions at a = 0, and weights: those of the events with mean 1, or magic ones with mean 1 in each number of jets."""
        features = torch.tensor(self.features.features(sample.points), dtype=torch.float32, device=self._device)
        weight = magic_weight(sample.points) if self.recipe.magic else sample.relative_weight
        for n in np.unique(sample.jets) if self.recipe.magic else ():
            weight[sample.jets == n] /= weight[sample.jets == n].mean()
        return DensityBatch(features, self.sampler.condition(sample.jets), torch.tensor(weight).to(features))

    def train(self) -> Iterator[Report]:
        """Reports from where the training stands: losses of the features; `log_loss` is −⟨ln p⟩ of validation events in physical units."""
        yield from train(self.state, self.batches["train"], self._check)

    def _check(self) -> dict[str, float]:
        loss = self._log_loss("validation", self.method.central()[0], CHECKED)
        some = self.events["validation"][:CHECKED]
        jacobian = float(np.average(self.features.log_jacobian(some.points), weights=some.relative_weight))
        found = {"likelihood": loss + jacobian, "log_loss": loss}
        if (coupled := self._coupled()) is not None:
            batch = self.batches["validation"][:CHECKED]
            found["log_weight"] = float(coupled.discriminator.log_weight(coupled.inputs(batch.features, batch.condition)).abs().mean())
        return found

    def _coupled(self) -> DiscFlow | None:
        """The joint training, once its discriminator learns."""
        steered = self.method.inner if isinstance(self.method, Nuisance) else self.method
        return steered if isinstance(steered, DiscFlow) and steered.coupled else None

    def _log_loss(self, split: str, rows: Tensor, events: int) -> float:
        """−⟨w ln p⟩ per event; infinite where an event has no density."""
        log, weight = self._log_density(split, rows, events)
        return -float(np.average(log, weights=weight))

    def _log_density(self, split: str, rows: Tensor, events: int) -> tuple[np.ndarray, np.ndarray]:
        """ln p of some events in physical units, p averaged over the networks and divided by magic weights, in nats, and their weights.

        Of a chain p(x|n). Where p is smaller than any number it is 0.
        """
        sample, batch = self.events[split][:events], self.batches[split][:events]
        log = self.method.objective.log_density(rows, batch.features, batch.condition).double()
        averaged = torch.logsumexp(log, 0) - np.log(len(log))
        if self.recipe.magic:
            averaged = averaged - batch.weight.double().log()
        whole = averaged.cpu().numpy() + self.features.log_jacobian(sample.points)
        return np.where(np.isnan(whole), -np.inf, whole), sample.relative_weight

    def snapshot(self) -> xr.Dataset:
        """The present state in a few draws and events; does not touch the training's random numbers."""
        now = self._look("test", LIVE_DRAWS, LIVE_EVENTS, size=40)
        if self.recipe.bayesian and now.sizes["draw"] == 1:  # as long as weights have no widths all draws are the same
            now = now.isel(draw=[0] * LIVE_DRAWS)
        if self.recipe.discflow_alpha:
            now = now.assign(self._joint())
        if "map_mean" in now.variables:  # the same latent numbers at every step: the points move
            about = {"long_name": "new events, drawn from the mean weights"}
            now = now.assign(cloud=(("dot", "coordinate"), self.new_events(LIVE_DOTS).astype(np.float32), about))
        return now.assign(step=((), self.step), seconds=((), self.state.seconds, {"units": "s"}))

    def _joint(self) -> dict[str, Any]:
        """α, and histograms of the joint discriminator's weights; before it learns they are all 1."""
        truth = self.batches["test"][:LIVE_EVENTS]
        of_truth, of_drawn = np.zeros(len(truth)), np.zeros(len(truth))
        if (coupled := self._coupled()) is not None:
            drawn = self.method.objective.sample(
                self.method.central()[0][:1], truth.condition, torch.Generator().manual_seed(self.recipe.seed + 3)
            )[0]
            seen = (coupled.inputs(features, truth.condition) for features in (truth.features, drawn))
            of_truth, of_drawn = (coupled.discriminator.log_weight(one).double().cpu().numpy() for one in seen)
        columns = weight_columns(of_truth, of_drawn, truth.weight.double().cpu().numpy())
        return columns | {"alpha": ((), coupled.alpha if coupled else 0.0, {"long_name": "α of DiscFlow"})}

    def prediction(self, split: str = "test") -> xr.Dataset:
        """Histograms of all observables, densities of toys, and new events, `samples`, drawn from the mean weights."""
        if split == "train":
            return self._look(split, LIVE_DRAWS, LIVE_EVENTS, size=40)
        found = self._look(split, self.recipe.draws, MOST_DRAWN, size=60)
        if self.recipe.nuisance:
            found = found.assign_coords(nuisance=list(NUISANCES)).assign(self._nuisance_columns())
        if self.recipe.discriminator_steps:
            found = found.assign(self._judged())
        if self.recipe.discflow_alpha:
            found = found.assign(alpha=((), self.recipe.discflow_alpha, {"long_name": "α of DiscFlow"}))
        new = self.new_events(min(MOST_DRAWN, len(self.events[split])))
        if self.recipe.has_jets and self.recipe.jets != 1:
            found = found.assign_coords(plane_eta=_middles(NEAR), plane_phi=_middles(NEAR)).assign(self._planes(self.events[split], new))
        dims = ("sample", "particle", "component")[: new.ndim] if new.ndim == 3 else ("sample", "coordinate")
        unit = "GeV" if new.ndim == 3 else "1"
        about = {"long_name": "new events, drawn from the mean weights", "units": unit}
        return found.assign(samples=(dims, narrow(new), about))

    def _planes(self, truth: Sample, new: np.ndarray) -> dict[str, Any]:
        """Densities in Δη and Δφ of pairs of jets, of truth and of new events of weight 1, around the hole."""
        known = self.observables
        columns: dict[str, Any] = {}
        for x, y in KNOWN[self.recipe.dataset].planes:
            if x not in known:
                continue
            for who, points, weight in (("truth", truth.points, truth.relative_weight), ("drawn", new, np.ones(len(new)))):
                eta, phi = known[x].values(points), known[y].values(points)
                there = np.isfinite(eta) & np.isfinite(phi)
                counted = np.histogram2d(phi[there], eta[there], (NEAR, NEAR), weights=weight[there])[0]
                counted /= max(1e-300, weight[there].sum()) * (NEAR[1] - NEAR[0]) ** 2
                columns[f"plane_{who}_{x.removeprefix('jets')[:2]}"] = (("plane_phi", "plane_eta"), counted.astype(np.float32))
        return columns

    def sample(self, rows: Tensor, events: int, nuisance: float = 0.0) -> np.ndarray:
        """Events `(draw, event, …)` of every network, in physical units, as they come; the same latent numbers at every call."""
        return self._drawn(rows, events, nuisance).points

    def new_events(self, events: int, nuisance: float = 0.0) -> np.ndarray:
        """New events of weight 1 from the mean weights, in physical units; the same at every call."""
        return np.concatenate(list(self.sampler.new_events(self.method.central()[0][:1], events, self.recipe.seed + 1, nuisance)))

    def judge(self) -> Judge:
        """A fresh discriminator, trained against the mean weights."""
        truth, jets = self.batches["train"][:MOST_TRUTH], self.events["train"].jets[:MOST_TRUTH]
        a = np.zeros(len(truth))
        if self.recipe.nuisance:
            e = excess(self.events["train"].points[:MOST_TRUTH])
            a = np.expm1(np.random.default_rng([self.recipe.seed, 9]).uniform(0, np.log1p(LARGEST_NUISANCE), len(truth)))
            weight = truth.weight.cpu().numpy() * (1 + a * e) / (1 + a * self.sampler.shares.mean_excess)
            truth = DensityBatch(truth.features, self.sampler.condition(jets, a), torch.tensor(weight).to(truth.weight))
        seen = Seen.fit(self.features, self.events["train"].points)
        return Judge.trained(self.sampler, seen, truth, self.method.central()[0][:1], jets, a)

    def _judged(self) -> dict[str, Any]:
        numbers = np.random.default_rng([self.recipe.seed, 10])
        drawn = self.sampler.draw(
            self.method.central()[0][:1], self.sampler.jets(min(JUDGED, 5 * len(self.events["test"])), numbers), [self.recipe.seed, 11]
        )
        return self.judge().columns(self.observables, self.batches["test"], drawn)

    def _nuisance_columns(self) -> dict[str, Any]:
        """Histograms for each a, of truth with the weight 1 + a e and of the draws."""
        sample, rows = self.events["test"], self._rows(self.recipe.draws)
        truth, e = sample.points, excess(sample.points)
        weights = [sample.relative_weight * (1 + a * e) for a in NUISANCES]
        drawn = [self._drawn(rows, min(MOST_DRAWN, len(truth)), a) for a in NUISANCES]
        columns: dict[str, Any] = {}
        for name, observable in self.observables.items():
            edges, own, along = observable.bins, observable.values(truth), ("nuisance", f"bin_{name}")
            found, errors = zip(*(weighted_histogram(own, edges, weight) for weight in weights), strict=True)
            density = np.stack([_densities(observable, each)[0] for each in drawn])
            beyond = np.array([outside(own, edges, weight) for weight in weights])
            columns |= {
                f"nuisance_truth_{name}": (along, np.stack(found)), f"nuisance_error_{name}": (along, np.stack(errors)),
                f"nuisance_density_{name}": (("nuisance", "draw", f"bin_{name}"), narrow(density)),
                f"nuisance_outside_{name}": (("nuisance", "side"), beyond),
            }  # fmt: skip
        return columns

    def _rows(self, draws: int) -> Tensor:
        return self.method.networks(draws, torch.Generator().manual_seed(self.recipe.seed + 1))[0]

    def _drawn(self, rows: Tensor, events: int, nuisance: float = 0.0) -> Drawn:
        jets = self.sampler.jets(events, np.random.default_rng([self.recipe.seed, 12]), nuisance)
        return self.sampler.draw(rows, jets, [self.recipe.seed, 13], nuisance)

    def _look(self, split: str, draws: int, events: int, *, size: int) -> xr.Dataset:
        rows, sample = self._rows(draws), self.events[split]
        truth = sample.points
        generated = self._drawn(rows, min(events, len(truth)))
        columns: dict[str, Any] = {}
        for name, observable in self.observables.items():
            edges, values = observable.bins, observable.values(truth)
            counted, counted_error = weighted_histogram(values, edges, sample.relative_weight)
            beyond = dict(zip(("below", "above"), outside(values, edges, sample.relative_weight), strict=True))
            density, error = _densities(observable, generated)
            about = {"symbol": observable.symbol, "unit": observable.unit, "long_name": observable.description}
            columns |= {
                f"edges_{name}": ((f"edge_{name}",), edges, about | beyond),
                f"truth_{name}": ((f"bin_{name}",), counted, about),
                f"error_{name}": ((f"bin_{name}",), counted_error, about),
                f"density_{name}": (("draw", f"bin_{name}"), narrow(density), about),
                f"drawn_error_{name}": (("draw", f"bin_{name}"), narrow(error), about),
            }
        if self.recipe.dataset in TOYS and self.recipe.file:
            columns |= self._own_map(rows, size)
        elif self.recipe.dataset in TOYS:
            columns |= self._maps(TOYS[self.recipe.dataset], rows, size)
            columns["entropy"] = ((), TOYS[self.recipe.dataset].entropy, {"long_name": "exact entropy", "units": "nat"})
        log, weight = self._log_density(split, rows, min(events, CHECKED))
        columns["log_loss"] = (
            (),
            -np.average(log, weights=weight),
            {"long_name": "−⟨ln p⟩ per event, p averaged over the draws", "units": "nat"},
        )
        columns["without_density"] = ((), np.average(np.isinf(log), weights=weight), {"long_name": "share of these events with p = 0"})
        if self.recipe.has_jets:
            kept = kept_share(generated.weight[0], jet_count(generated.points[0]))
            columns["below_cut"] = ((), generated.below_cut, {"long_name": "share of drawn events with ΔR_jj < 0.4, before the cut"})
            columns["kept"] = ((), kept, {"long_name": "share of drawn events that hit-or-miss keeps"})
        attrs = {
            "product": GENERATOR.name,
            **provenance(self.recipe, self.device, split),
            "dataset": self.recipe.dataset,
            "generated": generated.points.shape[1],
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

    def _own_map(self, rows: Tensor, size: int) -> dict[str, Any]:
        """p of own points and its spread on a grid over the bins of x and y; there is no formula, so counted events stand for the truth."""
        x, y = (np.linspace(self.observables[name].bins[0], self.observables[name].bins[-1], size) for name in "xy")
        p = self.density(rows, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)).reshape(len(rows), size, size)
        on = ("map_y", "map_x")
        return {
            "map_x": ("map_x", x), "map_y": ("map_y", y), "map_mean": (on, narrow(p.mean(0))), "map_sigma": (on, narrow(p.std(0))),
        } | self._counted  # fmt: skip

    @cached_property
    def _counted(self) -> dict[str, Any]:
        """Density of all events, test, validation and training, in cells that hold some ten of them on average."""
        points = np.concatenate([sample.points for sample in self.events.values()])
        weight = np.concatenate([sample.relative_weight for sample in self.events.values()])
        cells = int(np.clip(np.sqrt(len(points) / PER_CELL), *CELLS))
        x, y = (np.linspace(self.observables[name].bins[0], self.observables[name].bins[-1], cells + 1) for name in "xy")
        found = np.histogram2d(points[:, 1], points[:, 0], (y, x), weights=weight)[0] / weight.sum() / (x[1] - x[0]) / (y[1] - y[0])
        return {
            "count_x": ("count_x", _middles(x)), "count_y": ("count_y", _middles(y)),
            "map_counted": (("count_y", "count_x"), narrow(found), {"events": len(points), "long_name": "density of counted events"}),
        }  # fmt: skip

    def density(self, rows: Tensor, points: np.ndarray) -> np.ndarray:
        """p `(draw, event)` at points in physical units."""
        batch = self._batch(Sample(points, self.recipe.dataset))
        log = self.method.objective.log_density(rows, batch.features, batch.condition).double().cpu().numpy()
        return np.exp(log + self.features.log_jacobian(points))

    @property
    def numbers(self) -> dict[str, Any]:
        return super().numbers | {"sampler": self.sampler.about}

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        check_map(self.recipe, saved.get("sampler", {}))
        super().resume(tensors, saved)


def _middles(edges: np.ndarray) -> np.ndarray:
    return (edges[1:] + edges[:-1]) / 2


def check_options(recipe: GeneratorRecipe) -> None:
    """Raises: ValueError in one sentence where options do not go together."""
    if not recipe.has_jets and (recipe.magic or recipe.nuisance):
        which, jets = "magic" if recipe.magic else "nuisance", " or ".join(row.name for row in ROWS if row.jets)
        raise ValueError(
            f"{which} = true is about the jets of {jets}, and the dataset is {recipe.dataset}: choose {jets}, or {which} = false."
        )


def hit(sample: Sample, recipe: GeneratorRecipe) -> Sample:
    """The events that the training can see: those of magic weight 0 are not among them."""
    return sample[magic_weight(sample.points) > 0] if recipe.magic else sample


def _densities(observable: Observable, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Density of every draw in the observable's bins, and its statistical error."""
    edges = observable.bins
    pairs = zip(map(observable.values, drawn.points), drawn.weight, strict=True)
    density, error = zip(*(weighted_histogram(values, edges, weight) for values, weight in pairs), strict=True)
    return np.stack(density), np.stack(error)
