"""Bayesian network: L = −⟨log p(A|x, θ)⟩_{θ~q} + KL[q(θ), p(θ)]/N   (arXiv:2206.14831, arXiv:2412.12069)

Training draws weights θ = μ + σ ε for groups of events, evaluation draws one θ for all events. With g = ∂(−log p)/∂θ of a group:

    ∂L/∂μ = Σ g + μ/(Nσ_p²) ,    ∂L/∂log σ = σ Σ g ε + (σ²/σ_p² − 1)/N

A warm start trains the means alone (a maximum-a-posteriori network) before the widths open at a small value: the same minimum in
less than half the time, because early steps need no error bars.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.base import Method, gaussian_likelihood
from workbench.nets.bayesian import NoiseTable, kl
from workbench.nets.population import PopulationMLP

INITIAL_WIDTH = 3e-3
"""Width of q when it opens; larger values undo what the warm start has learned."""


class BayesianNetwork(Method):
    """A mean-field Gaussian posterior over all weights, or over those of the last layer.

    Arguments: `training_points` N divides the KL; `warm_start` is the fraction of training with the means alone; `draws` weight
    draws share each batch.
    """

    def __init__(
        self,
        network: PopulationMLP,
        *,
        training_points: int,
        prior_width: float,
        generator: torch.Generator,
        device: torch.device,
        seed: int,
        last_layer_only: bool = False,
        warm_start: float = 0.5,
        draws: int = 4,
    ):
        self.network, self.training_points, self.prior_width = network, training_points, prior_width
        self.bayesian = network.last_layer if last_layer_only else slice(0, network.parameters)
        self.mean = network.initial(1, generator).to(device)
        self.log_width = torch.full_like(self.mean[:, self.bayesian], INITIAL_WIDTH).log()
        self.parameters = {"mean": self.mean, "log_width": self.log_width}
        self.noise = NoiseTable(self.log_width.shape[1], seed, device)
        self.warm_start, self.draws, self.open = warm_start, draws, warm_start == 0.0

    def advance(self, fraction: float) -> None:
        self.open = fraction >= self.warm_start

    def differentiate(self, batch: Batch, step: int) -> Float[Tensor, ""]:
        return self._differentiate_posterior(batch, step) if self.open else self._differentiate_mean(batch)

    def _differentiate_mean(self, batch: Batch) -> Float[Tensor, ""]:
        value, gradient = self._likelihood(self.mean, batch)
        gradient[:, self.bayesian].add_(self.mean[:, self.bayesian], alpha=self.precision)
        self.mean.grad, self.log_width.grad = gradient, None
        return value

    def _differentiate_posterior(self, batch: Batch, step: int) -> Float[Tensor, ""]:
        width = self.log_width.exp()
        draws = self.draws if len(batch) % self.draws == 0 else 1
        noise = self.noise.draw(step, draws)
        rows = self.mean.repeat(draws, 1)
        rows[:, self.bayesian].addcmul_(noise, width)
        value, gradient = self._likelihood(rows, batch)
        self.mean.grad = gradient.sum(0, keepdim=True)
        self.mean.grad[:, self.bayesian].add_(self.mean[:, self.bayesian], alpha=self.precision)
        slope = noise.mul_(gradient[:, self.bayesian]).sum(0, keepdim=True)
        self.log_width.grad = slope.add_(width, alpha=self.precision).mul_(width).sub_(1.0 / self.training_points)
        return value

    def penalty(self) -> Float[Tensor, ""]:
        mean = self.mean[:, self.bayesian]
        if not self.open:
            return 0.5 * self.precision * mean.square().sum()
        return kl(mean, self.log_width.exp(), self.prior_width).sum() / self.training_points

    @property
    def precision(self) -> float:
        """1/(Nσ_p²): the prior's pull on a weight, per event."""
        return 1.0 / (self.training_points * self.prior_width**2)

    def _likelihood(self, rows: Float[Tensor, "draw parameter"], batch: Batch) -> tuple[Tensor, Float[Tensor, "draw parameter"]]:
        """Mean negative log-likelihood of the batch, shared out among the draws, and its derivative by their weights."""
        draws = len(rows)
        outputs, tape = self.network.forward(rows, batch.features.view(draws, -1, batch.features.shape[-1]))
        likelihood, delta = gaussian_likelihood(outputs, batch.target.view(draws, -1), batch.weight.view(draws, -1))
        return likelihood.mean(), self.network.backward(tape, delta / len(batch))

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "draw parameter"]:
        if not self.open:
            return self.mean
        rows = self.mean.repeat(draws, 1)
        noise = torch.randn(draws, self.log_width.shape[1], generator=generator).to(rows.device)
        rows[:, self.bayesian].addcmul_(noise, self.log_width.exp())
        return rows

    def central(self) -> Float[Tensor, "draw parameter"]:
        return self.mean
