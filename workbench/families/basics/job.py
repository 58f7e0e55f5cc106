"""From a recipe of the first lesson to a network that learns, and what it has learned beside the exact answer.

A prediction, and a snapshot of it, hold for a curve

    x; mean, sigma_syst, sigma_stat (x)      the curve with error bars: σ_syst where σ is learned, σ_stat where there are several networks
    truth, answer, noise (x)                 f(x); what minimises the loss, the conditional mean or median; σ(x)
    residual, residual_density, residual_expected    density of (y − f)/σ(x) of points that were not learned from, and N(0, 1)
    point_x, point_y (point)                 some of the training points
    rms                                      of the curve to what it should be

and for classes of points in the plane

    grid_x, grid_y; probability, probability_exact, sigma_stat (grid_y, grid_x)      p of the signal
    signal; background, background_exact, background_sigma (signal)                 ε_B at ε_S, on the same points
    auc, auc_exact, auc_error                area above the curve, on the same points, and its statistical error
    point_x, point_y, point_class (point)

of own points all but what needs the exact answer, which nobody knows;

and for both

    activation (neuron, …)                    what each neuron of the first hidden layer makes of the inputs
    loss, floor                              of points that were not learned from, and of the exact answer on the same points
    dead                                     share of the weights below a thousandth
    landscape (landscape_y, landscape_x), path_x, path_y (path)      at the end: loss around the path of the optimiser, in its own plane
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.families.basics.inputs import Inputs
from workbench.families.basics.measures import EFFICIENCIES, area_error, ratio_of, roc
from workbench.families.basics.network import DroppingMLP
from workbench.families.basics.objectives import Classes, Curve, Regularised, are_weights
from workbench.families.basics.points import TEST, bump_of, plane_of, points_for
from workbench.families.basics.product import BASICS_PRODUCT
from workbench.families.basics.recipe import BasicsRecipe, curve, own
from workbench.methods.base import Method, Point
from workbench.methods.mean_field import MeanField
from workbench.physics.basics import exact
from workbench.training.job import GradientJob, Progress, device_of, granted, nothing, provenance, state
from workbench.training.loop import State, train
from workbench.training.memory import DOUBLE, LIBRARIES, SINGLE, Needed
from workbench.training.optimiser import Optimiser
from workbench.training.report import Report

LIVE = 4_000
"""Points that a snapshot looks at."""
LIVE_DRAWS = 8
PORTION = 4_096
"""Points that networks look at together."""
CURVE, MAP = 201, 60
"""Places of a curve, and along each axis of a map."""
SHOWN, NEURONS = 400, 32
"""Training points and hidden neurons that are drawn."""
RESIDUALS = np.linspace(-4.0, 4.0, 41)
CHECKS, LANDSCAPE, LARGEST = 128, 25, 20_000
"""Places of the path that are kept, points along each axis of the landscape, and weights up to which there is one."""
ACTIVE = {"adam": ("adam", 0.0), "momentum": ("sgd", 0.9), "sgd": ("sgd", 0.0)}
"""What the optimiser is called in the core, and its momentum."""


class BasicsJob(GradientJob):
    """One training of the first lesson, ready to run.

    Raises: ValueError or OSError with one sentence when data, memory or device cannot be used.
    """

    def __init__(self, recipe: BasicsRecipe, progress: Progress = nothing):
        self.recipe, self._device = recipe, device_of(recipe.device)
        self.memory = granted(needed(recipe), self._device, recipe)
        self.points = points_for(recipe, progress)
        self.inputs = Inputs.fit(recipe, self.points["train"])
        self.batch = self.inputs.batch(self.points["train"], self._device)
        self.features = {split: self.inputs.features(points.x, self._device) for split, points in self.points.items()}
        self._floors: dict[tuple[str, int | None], float] = {}
        self.network = network_of(recipe)
        self.method = self._method()
        name, momentum = ACTIVE[recipe.optimiser]
        self.state = state(recipe, self.method, Optimiser(name, self.method.parameters.values(), momentum))
        weights = self.method.central()[0, :1]
        self.best, self.best_loss, self.best_step = self.method.central().clone(), math.inf, 0
        self.path = torch.full((CHECKS if weights.shape[1] <= LARGEST else 0, weights.shape[1]), math.nan)
        if len(self.path):
            self.path[0] = weights[0]

    def _method(self) -> Method:
        recipe = self.recipe
        common: dict[str, Any] = {"training_points": len(self.batch), "device": self._device}
        objective = Curve(self.network, self.inputs.loss) if curve(recipe) else Classes(self.network, self.inputs.loss)
        if recipe.uncertainty == "bnn":
            points = [Point(recipe.seed, recipe.prior_width)]
            return MeanField(objective, points, seed=recipe.seed, warm_start=recipe.warm_start, **common)
        members = recipe.members if recipe.uncertainty == "ensemble" else 1
        return Regularised(objective, [Point(recipe.seed, math.inf)], l1=recipe.l1, l2=recipe.l2, members=members, **common)

    def train(self) -> Iterator[Report]:
        """Reports from where the training stands: losses in the units of y, the loss of the exact answer on the same points as `floor`."""
        unit = self.inputs.unit
        for report in train(self.state, self.batch, self._check, between=self._shuffle):
            losses = {name: unit * value for name, value in report.losses.items()}
            yield replace(report, losses=losses | {"gradient": self._gradient()})

    def _shuffle(self, state: State) -> None:
        if self.network.dropout:
            self.network.shuffle(state.step)

    def change(self, recipe: BasicsRecipe) -> None:
        """Go on with other values of the options that may change while it trains."""
        self.recipe, self.state.learning_rate, self.network.dropout = recipe, recipe.learning_rate, recipe.dropout
        if isinstance(self.method, Regularised):
            self.method.l1, self.method.l2 = recipe.l1, recipe.l2

    def _gradient(self) -> float:
        """Length of the gradient of the last step."""
        squares = [tensor.grad.double().square().sum() for tensor in self.method.parameters.values() if tensor.grad is not None]
        return float(torch.stack(squares).sum().sqrt()) if squares else 0.0

    def _check(self) -> dict[str, float]:
        outputs = self.outputs(self.method.central()[0], self.features["validation"])
        loss, floor = self._loss(outputs, "validation"), self._floor("validation", None)
        if loss < self.best_loss:
            self.best, self.best_loss, self.best_step = self.method.central().clone(), loss, self.step
        if len(self.path):
            self.path[1 + (CHECKS - 2) * self.step // self.steps] = self.method.central()[0, 0].cpu()
        return {"likelihood": loss} | ({"floor": floor} if math.isfinite(floor) else {})

    # What is known of the networks

    @torch.no_grad()
    def outputs(self, rows: Tensor, features: Tensor) -> np.ndarray:
        """(network, event, output) in the units of y, (f, σ²), or as probabilities of the classes."""
        portions = [self.network(rows, part.expand(len(rows), *part.shape)) for part in features.split(PORTION)]
        return self.inputs.answers(torch.cat(portions, 1).double().cpu().numpy())

    def _loss(self, outputs: np.ndarray, split: str, most: int | None = None) -> float:
        """The loss of the mean over networks, in the units of y; the squared or absolute error, χ² or −ln p per point."""
        points = self.points[split]
        return self.inputs.cost(outputs, points.x[:most], points.y[:most], points.sigma[:most])

    def _floor(self, split: str, most: int | None) -> float:
        """The same of the exact answer on the same points; nan where nobody knows it."""
        if own(self.recipe):
            return math.nan
        if (split, most) not in self._floors:
            self._floors[split, most] = self._loss(self.inputs.exact(self.points[split].x[:most]), split, most)
        return self._floors[split, most]

    def rows(self, draws: int) -> Tensor:
        """The networks that are asked: at the end, with early stopping, those of the smallest validation loss."""
        if self.recipe.matters("early_stopping") and self.recipe.early_stopping and self.step == self.steps:
            return self.best[0]
        return self.method.networks(draws, torch.Generator().manual_seed(self.recipe.seed + 1))[0]

    def snapshot(self) -> xr.Dataset:
        """What the networks of this moment say; does not touch the training's random numbers."""
        scalars = {"step": self.step, "seconds": self.state.seconds}
        found = self._look("test", LIVE_DRAWS, LIVE).assign({name: ((), value, ATTRIBUTES[name]) for name, value in scalars.items()})
        return found.map(lambda column: column.astype(np.float32) if column.dtype == np.float64 else column, keep_attrs=True)

    def prediction(self, split: str = "test") -> xr.Dataset:
        """What the networks say at the end, with the loss around the path that led there."""
        found = self._look(split, self.recipe.draws, None)
        if len(self.path) and split == "test":
            found = found.assign(self._landscape())
        return found

    def _look(self, split: str, draws: int, most: int | None) -> xr.Dataset:
        recipe, points, rows = self.recipe, self.points[split], self.rows(draws)
        outputs = self.outputs(rows, self.features[split][:most])
        numbers = {"loss": self._loss(outputs, split, most), "floor": self._floor(split, most), "dead": self._dead(rows)}
        x = points.x[:most]
        columns = self._of_curve(rows, outputs, split, most) if curve(recipe) else self._of_classes(rows, outputs, x, points.y[:most])
        train = self.points["train"]
        columns |= {
            "point_x": ("point", train.x[:SHOWN, 0]),
            "point_y": ("point", train.y[:SHOWN] if curve(recipe) else train.x[:SHOWN, 1]),
        }
        if not curve(recipe):
            columns["point_class"] = ("point", train.y[:SHOWN].astype(np.int8))
        columns |= {name: ((), value) for name, value in numbers.items() if math.isfinite(value)}
        attrs = {
            **provenance(recipe, self.device, split),
            "network": str(self.network),
            "points": len(self.batch),
        }
        described = {name: (*column[:2], ATTRIBUTES[name] | (column[2] if len(column) > 2 else {})) for name, column in columns.items()}
        return BASICS_PRODUCT.named(xr.Dataset(described, attrs=attrs))

    def _of_curve(self, rows: Tensor, outputs: np.ndarray, split: str, most: int | None) -> dict[str, Any]:
        points = self.points[split]
        low, high = self._across()
        x = np.linspace(low, high, CURVE)
        drawn = self.outputs(rows, self.inputs.features(x[:, None], self._device))
        mean = drawn[..., 0].mean(0)
        columns: dict[str, Any] = {"x": ("x", x), "mean": ("x", mean)}
        if not own(self.recipe):
            bump, answer = bump_of(self.recipe), self.inputs.exact(x[:, None])[0, :, 0]
            columns |= {"truth": ("x", bump.mean(x)), "answer": ("x", answer), "noise": ("x", bump.sigma(x))}
            columns["rms"] = ((), float(np.sqrt(((mean - answer) ** 2).mean())))
        if drawn.shape[-1] > 1:
            columns["sigma_syst"] = ("x", np.sqrt(drawn[..., 1].mean(0)))
        if len(drawn) > 1:
            columns["sigma_stat"] = ("x", drawn[..., 0].std(0))
        away = points.y[:most] - outputs[..., 0].mean(0)
        sigma = points.sigma[:most]
        if not np.isfinite(sigma).all():  # own points without their σ: the learned one, or the scatter itself
            sigma = np.sqrt(outputs[..., 1].mean(0)) if outputs.shape[-1] > 1 else np.full(len(away), away.std() or 1.0)
        away = away / sigma
        counted = np.histogram(away, RESIDUALS)[0] / (len(away) * (RESIDUALS[1] - RESIDUALS[0]))
        middle = (RESIDUALS[1:] + RESIDUALS[:-1]) / 2
        columns |= {"residual": ("residual", middle), "residual_density": ("residual", counted)}
        columns["residual_width"] = ((), float(away.std()))
        columns["activation"] = (("neuron", "rough_x"), self._neurons(rows, np.linspace(low, high, 51)[:, None]))
        return columns

    def _across(self) -> tuple[float, float]:
        """Where a curve begins and ends."""
        x = self.points["train"].x[:, 0]
        return (float(x.min()), float(x.max())) if own(self.recipe) else (0.0, 1.0)

    def _window(self) -> np.ndarray:
        """Lowest and highest x₁ and x₂ of a map."""
        if not own(self.recipe):
            return np.asarray(plane_of(self.recipe).window)
        x = self.points["train"].x
        edge = 0.05 * np.ptp(x, axis=0)
        return np.stack([x.min(0) - edge, x.max(0) + edge], 1)

    def _of_classes(self, rows: Tensor, outputs: np.ndarray, x: np.ndarray, label: np.ndarray) -> dict[str, Any]:
        (low_x, high_x), (low_y, high_y) = self._window()
        across, up = np.linspace(low_x, high_x, MAP), np.linspace(low_y, high_y, MAP)
        places = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
        drawn = self.outputs(rows, self.inputs.features(places, self._device))[..., 0].reshape(-1, MAP, MAP)
        two = label < 2  # signal against background, whatever the third class
        ours = [ratio_of(output)[two] for output in outputs]
        *of_draws, mean = [roc(values, label[two]) for values in (*ours, ratio_of(outputs.mean(0))[two])]
        columns: dict[str, Any] = {
            "grid_x": ("grid_x", across),
            "grid_y": ("grid_y", up),
            "probability": (("grid_y", "grid_x"), drawn.mean(0)),
            "signal": ("signal", EFFICIENCIES),
            "background": ("signal", mean[0]),
            "auc": ((), mean[1]),
            "auc_error": ((), area_error(mean[1], int((label == 0).sum()), int((label == 1).sum()))),
            "accuracy": ((), float((outputs.mean(0).argmax(-1) == label).mean())),
        }
        if not own(self.recipe):
            exactly = plane_of(self.recipe).posterior(places, self.recipe.classes)[:, 0].reshape(MAP, MAP)
            best = roc(ratio_of(self.inputs.exact(x)[0])[two], label[two])
            columns |= {
                "probability_exact": (("grid_y", "grid_x"), exactly),
                "background_exact": ("signal", best[0]),
                "background_best": ("signal", exact(self.recipe.toy, self.recipe.classes).background_at(EFFICIENCIES)),
                "auc_exact": ((), best[1]),
            }
        if len(drawn) > 1:
            columns["sigma_stat"] = (("grid_y", "grid_x"), drawn.std(0))
            columns["background_sigma"] = ("signal", np.std([each[0] for each in of_draws], axis=0))
        some = places.reshape(MAP, MAP, 2)[::3, ::3]
        neurons = self._neurons(rows, some.reshape(-1, 2)).reshape(-1, *some.shape[:2])
        columns["activation"] = (("neuron", "rough_y", "rough_x"), neurons)
        return columns

    @torch.no_grad()
    def _neurons(self, rows: Tensor, x: np.ndarray) -> np.ndarray:
        """φ(Σ ω x + β) of the first hidden layer of the first network, (neuron, place)."""
        weight, bias = self.network.layers(rows[:1])[0]
        before = torch.baddbmm(bias.unsqueeze(1), self.inputs.features(x, self._device).unsqueeze(0), weight.mT)
        return self.network.activation(before)[0].T[:NEURONS].cpu().numpy().astype(np.float32)

    def _dead(self, rows: Tensor) -> float:
        weights = rows[:, are_weights(self.network).bool()]
        return float((weights.abs() < 1e-3).double().mean())

    @torch.no_grad()
    def _landscape(self) -> dict[str, Any]:
        """The training loss in the plane in which the path of the optimiser moves most, around it."""
        path = self.path[torch.isfinite(self.path).all(1)].double()
        centre = path[-1]
        _, size, directions = torch.linalg.svd(path - centre, full_matrices=False)
        if len(size) < 2 or float(size[1]) <= 1e-9 * float(size[0]) or not float(size[0]):
            return {}
        at = (path - centre) @ directions[:2].T
        reach = 1.3 * at.abs().amax(0)
        ends = [
            (float(min(at[:, k].min() - 0.3 * reach[k], -0.3 * reach[k])), float(max(at[:, k].max() + 0.3 * reach[k], 0.3 * reach[k])))
            for k in (0, 1)
        ]
        along = [np.linspace(low, high, LANDSCAPE) for low, high in ends]
        places = torch.tensor(np.stack(np.meshgrid(*along), -1).reshape(-1, 2))
        rows = (centre + places @ directions[:2]).float().to(self._device)
        some = self.batch[:500]
        values = []
        for part in rows.split(64):
            outputs = self.network(part, some.features.expand(len(part), *some.features.shape))
            batch = Batch(some.features, some.target.expand(len(part), -1), some.weight.expand(len(part), -1))
            values.append(self.method.objective.value(outputs, batch).mean(1).double().cpu())
        found = torch.cat(values).view(LANDSCAPE, LANDSCAPE).numpy() * self.inputs.unit
        return {
            "landscape": (("landscape_y", "landscape_x"), found.astype(np.float32), ATTRIBUTES["landscape"]),
            "landscape_x": ("landscape_x", along[0]),
            "landscape_y": ("landscape_y", along[1]),
            "path_x": ("path", at[:, 0].numpy()),
            "path_y": ("path", at[:, 1].numpy()),
        }

    @property
    def tensors(self) -> dict[str, Tensor]:
        return super().tensors | {"best": self.best, "path": self.path}

    @property
    def numbers(self) -> dict[str, Any]:
        return super().numbers | {"best_step": self.best_step, "best_loss": self.best_loss if math.isfinite(self.best_loss) else None}

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        super().resume(tensors, saved)
        self.best_step = int(saved["best_step"])
        self.best_loss = math.inf if saved["best_loss"] is None else float(saved["best_loss"])


def network_of(recipe: BasicsRecipe) -> DroppingMLP:
    """The perceptron of a recipe."""
    features = 1 if curve(recipe) else 2
    outputs = (2 if recipe.loss == "gaussian" else 1) if curve(recipe) else recipe.classes
    return DroppingMLP(features, recipe.hidden, outputs, activation=recipe.activation, dropout=recipe.dropout, seed=recipe.seed)


def needed(recipe: BasicsRecipe) -> Needed:
    """The memory of a training and of what is said at its end, in bytes: an estimate from the sizes of the arrays."""
    bayesian = recipe.uncertainty == "bnn"
    networks = recipe.members if recipe.uncertainty == "ensemble" else 1
    asked = recipe.draws if bayesian else networks
    parameters, widths = network_of(recipe).parameters, sum(recipe.hidden)
    weights = LIBRARIES + 4 * (2 if bayesian else 1) * networks * parameters * SINGLE
    activations = 8 * networks * min(recipe.batch_size, recipe.points) * widths * SINGLE
    answers = asked * (parameters * SINGLE + 3 * PORTION * widths * SINGLE + 4 * TEST * recipe.classes * DOUBLE)
    return Needed(weights + activations, weights + answers)


ATTRIBUTES: dict[str, dict[str, str]] = {
    "x": {"long_name": "x"},
    "mean": {"long_name": "learned curve f(x)"},
    "truth": {"long_name": "true curve"},
    "answer": {"long_name": "what minimises the loss"},
    "noise": {"long_name": "width σ(x) of the noise"},
    "sigma_syst": {"long_name": "learned width σ_syst"},
    "sigma_stat": {"long_name": "spread σ_stat of the networks"},
    "rms": {"long_name": "rms of the curve to what minimises the loss"},
    "residual": {"long_name": "(y − f)/σ"},
    "residual_density": {"long_name": "density of (y − f)/σ of unseen points"},
    "residual_width": {"long_name": "width of (y − f)/σ"},
    "point_x": {"long_name": "x of training points"},
    "point_y": {"long_name": "y of training points"},
    "point_class": {"long_name": "class of training points: 0 signal, 1 background"},
    "grid_x": {"long_name": "x₁"},
    "grid_y": {"long_name": "x₂"},
    "probability": {"long_name": "learned probability of the signal"},
    "probability_exact": {"long_name": "exact probability of the signal"},
    "signal": {"long_name": "signal efficiency ε_S"},
    "background": {"long_name": "background efficiency ε_B"},
    "background_exact": {"long_name": "ε_B of the exact answer on the same points"},
    "background_best": {"long_name": "smallest possible ε_B"},
    "background_sigma": {"long_name": "spread of ε_B between networks"},
    "auc": {"long_name": "area above the curve"},
    "auc_exact": {"long_name": "area of the exact answer on the same points"},
    "auc_error": {"long_name": "statistical error of the area"},
    "accuracy": {"long_name": "share of points in the right class"},
    "activation": {"long_name": "neurons of the first hidden layer"},
    "loss": {"long_name": "loss of unseen points"},
    "floor": {"long_name": "loss of the exact answer on the same points"},
    "dead": {"long_name": "share of weights below a thousandth"},
    "landscape": {"long_name": "training loss around the path of the optimiser"},
    "step": {"long_name": "optimiser steps done", "units": "1"},
    "seconds": {"long_name": "time spent training", "units": "s"},
}
