"""The bridge between points as people say them and what a network sees, and what a loss is in the units of y."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.families.basics.points import Points, bump_of, plane_of, seen
from workbench.families.basics.recipe import BasicsRecipe, curve, own


class Inputs:
    """The bridge between points as people say them and what a network sees, and back; and what the loss is, in the units of y."""

    def __init__(self, recipe: BasicsRecipe, middle: np.ndarray, width: np.ndarray, offset: float, size: float):
        self.recipe, self.middle, self.width, self.offset, self.size = recipe, middle, width, offset, size
        named = recipe.loss if curve(recipe) else recipe.class_loss if recipe.matters("class_loss") else "cross_entropy"
        self.named = named
        self.loss = {"chi2": "mse"}.get(named, named)
        self.bayesian = recipe.uncertainty == "bnn"
        self.scatter = math.nan
        """The width of y of own points about the curve, where their file says it."""

    @classmethod
    def fit(cls, recipe: BasicsRecipe, train: Points) -> Inputs:
        """The scales of the training points. Raises: ValueError where no point has a logarithm."""
        x = seen(recipe, train.x)
        middle, width = (x.mean(0), x.std(0)) if recipe.standardise else (np.zeros(x.shape[1]), np.ones(x.shape[1]))
        offset, size = 0.0, 1.0
        if curve(recipe) and recipe.target != "plain":
            y = train.y
            if recipe.target == "logarithm":
                if (y > 0).sum() < 2:
                    raise ValueError(
                        "Fewer than two training points have y > 0, and others have no logarithm; take y itself as the target."
                    )
                y = np.log(y[y > 0])
            offset, size = float(y.mean()), float(y.std()) or 1.0
        found = cls(recipe, middle, np.where(width > 0, width, 1.0), offset, size)
        found.scatter = math.sqrt(float((train.sigma**2).mean()))
        return found

    def features(self, x: np.ndarray, device: torch.device) -> Tensor:
        """Inputs of the network, (event, feature)."""
        return torch.tensor((seen(self.recipe, x) - self.middle) / self.width, dtype=torch.float32, device=device)

    @property
    def logarithm(self) -> bool:
        return curve(self.recipe) and self.recipe.target == "logarithm"

    @property
    def unit(self) -> float:
        """What a loss of the network's numbers is in the units of y; 1 where these are no powers of each other."""
        if not curve(self.recipe) or self.named == "gaussian" or self.logarithm:
            return 1.0
        if self.bayesian:
            return self._per_likelihood
        return {"mse": self.size**2, "mae": self.size, "chi2": 1.0}[self.named]

    @property
    def _per_likelihood(self) -> float:
        """From −ln p back to the loss: 2σ² for the squared error, σ√(2/π)-wide exponentials for the absolute one, 2 for χ²."""
        return {"mse": 2 * self._noise**2, "mae": self._noise, "chi2": 2.0}[self.named]

    @property
    def _noise(self) -> float:
        """The width of y about the curve where one number has to do: that of noise and outliers together."""
        return self.scatter if own(self.recipe) else math.sqrt(bump_of(self.recipe).floor(np.linspace(0, 1, 101)))

    def batch(self, points: Points, device: torch.device) -> Batch:
        """Inputs, targets and weights as the network's loss counts them; points without a logarithm are left out where it is asked for."""
        weight, y = np.ones(len(points)), points.y
        if curve(self.recipe):
            if self.logarithm:
                there = points.y > 0
                points, weight, y = Points(points.x[there], points.y[there], points.sigma[there]), weight[there], np.log(points.y[there])
            y = (y - self.offset) / self.size
            sigma = (points.sigma / np.abs(points.y) if self.logarithm else points.sigma) / self.size
            if self.named == "chi2":
                weight = 1 / sigma**2 / (2 if self.bayesian else 1)
            elif self.bayesian and self.named != "gaussian":
                noise = self._noise / self.size
                weight = weight / (2 * noise**2 if self.named == "mse" else noise)
        as_tensor = [torch.tensor(column, dtype=torch.float32, device=device) for column in (y, weight)]
        return Batch(self.features(points.x, device), *as_tensor)

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs of networks (…, event, output) as the curve with σ² beside it, or as probabilities (…, event, class)."""
        if not curve(self.recipe):
            shifted = np.exp(outputs - outputs.max(-1, keepdims=True))
            return shifted / shifted.sum(-1, keepdims=True)
        mean = self.offset + self.size * outputs[..., :1]
        variance = self.size**2 * np.exp(np.clip(outputs[..., 1:], -24.0, 11.0))
        if self.logarithm:
            mean = np.exp(np.minimum(mean, 50.0))
            variance = variance * mean**2
        return np.concatenate([mean, variance], -1)

    def exact(self, x: np.ndarray) -> np.ndarray:
        """What the best network says, as one network (1, event, …): the conditional mean or median, or p_k/Σp."""
        if not curve(self.recipe):
            return plane_of(self.recipe).posterior(x, self.recipe.classes)[None]
        bump = bump_of(self.recipe)
        mean = bump.answer(x[:, 0], "mae" if self.named == "mae" else "mse")
        columns = [mean]
        if self.named == "gaussian":
            columns.append(bump.sigma(x[:, 0]) ** 2 + bump.outliers * (1 - bump.outliers) * 0.25)
        return np.stack(columns, -1)[None]

    def cost(self, outputs: np.ndarray, x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> float:
        """The loss per point of the mean over networks, in the units of y."""
        if not curve(self.recipe):
            probability = outputs.mean(0)
            if self.loss == "cross_entropy":
                return float(-np.log(np.maximum(np.take_along_axis(probability, y.astype(int)[:, None], 1), 1e-300)).mean())
            return float(0.5 * ((probability - np.eye(probability.shape[1])[y.astype(int)]) ** 2).sum(1).mean())
        away = y - outputs[..., 0].mean(0)
        if self.named == "gaussian":
            variance = outputs[..., 1].mean(0)
            return float(0.5 * (away**2 / variance + np.log(variance)).mean())
        return float({"mse": away**2, "mae": np.abs(away), "chi2": (away / sigma) ** 2}[self.named].mean())
