"""Bayesian network: L = −⟨log p(A|x, θ)⟩_{θ~q} + KL[q(θ), p(θ)]/N   (arXiv:2206.14831, arXiv:2412.12069)

Training draws weights in opposite pairs θ± = μ ± σ ε, each for half of the batch, so that the noise on the mean gradient cancels to
first order. Evaluation draws one θ for all events, again in opposite pairs (shuffled): a draw moves all events together, and without
pairs ⟨A⟩ of a few draws would be off by σ_stat/√draws everywhere. With g± = ∂(−log p)/∂θ±:

    ∂L/∂μ = g₊ + g₋ + μ/(Nσ_p²) ,    ∂L/∂log σ = σ { (g₊ − g₋) ε + σ/(Nσ_p²) } − 1/N

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
from workbench.nets.network import Network

INITIAL_WIDTH = 3e-3
"""Width of q when it opens; larger values undo what the warm start has learned."""


class BayesianNetwork(Method):
    """A mean-field Gaussian posterior over all weights, or over those of the last layer.

    Arguments: `training_points` N divides the KL; `warm_start` is the fraction of training with the means alone.
    """

    def __init__(
        self,
        network: Network,
        *,
        training_points: int,
        prior_width: float,
        generator: torch.Generator,
        device: torch.device,
        seed: int,
        last_layer_only: bool = False,
        warm_start: float = 0.5,
    ):
        self.network, self.training_points, self.prior_width = network, training_points, prior_width
        self.bayesian = network.last_layer if last_layer_only else slice(0, network.parameters)
        mean = network.initial(1, generator)[0]
        self.posterior = torch.stack([mean, torch.full_like(mean, INITIAL_WIDTH).log()]).to(device)
        self.parameters = {"posterior": self.posterior}
        self.signs = torch.tensor([[1.0], [-1.0]], device=device, dtype=mean.dtype)
        self.noise = NoiseTable(self.bayesian.stop - self.bayesian.start, seed, device)
        self.warm_start, self.open = warm_start, warm_start == 0.0

    @property
    def mean(self) -> Float[Tensor, " parameter"]:
        """μ of all weights."""
        return self.posterior[0]

    @property
    def log_width(self) -> Float[Tensor, " bayesian"]:
        """log σ of the Bayesian weights."""
        return self.posterior[1, self.bayesian]

    def advance(self, fraction: float) -> None:
        self.open = fraction >= self.warm_start

    def differentiate(self, batch: Batch, step: int) -> Float[Tensor, ""]:
        if self.posterior.grad is None:
            self.posterior.grad = torch.zeros_like(self.posterior)
        slope_mean, slope_width = self.posterior.grad[0], self.posterior.grad[1, self.bayesian]
        if self.open:
            width, noise = self.log_width.exp(), self.noise.draw(step)
            shift = noise * width
            everywhere = torch.nn.functional.pad(shift, (self.bayesian.start, 0)) if self.bayesian.start else shift
            rows = torch.addcmul(self.mean, self.signs, everywhere)
            value, (plus, minus) = self._likelihood(rows, batch)
            torch.add(plus, minus, out=slope_mean)
            torch.sub(plus[self.bayesian], minus[self.bayesian], out=slope_width)
            slope_width.mul_(shift).addcmul_(width, width, value=self.precision).sub_(1.0 / self.training_points)
        else:
            value, gradient = self._likelihood(self.mean.unsqueeze(0), batch)
            slope_mean.copy_(gradient[0])
        slope_mean[self.bayesian].add_(self.mean[self.bayesian], alpha=self.precision)
        return value

    def penalty(self) -> Float[Tensor, ""]:
        mean = self.mean[self.bayesian]
        if not self.open:
            return 0.5 * self.precision * mean.square().sum()
        return kl(mean, self.log_width.exp(), self.prior_width) / self.training_points

    @property
    def precision(self) -> float:
        """1/(Nσ_p²): the prior's pull on a weight, per event."""
        return 1.0 / (self.training_points * self.prior_width**2)

    def _likelihood(self, rows: Float[Tensor, "draw parameter"], batch: Batch) -> tuple[Tensor, Float[Tensor, "draw parameter"]]:
        """Mean negative log-likelihood of the batch, shared out among the draws, and its derivative by their weights."""
        draws = len(rows)
        used = len(batch) // draws * draws
        batch = batch if used == len(batch) else batch[:used]
        outputs, tape = self.network.forward(rows, batch.features.view(draws, -1, batch.features.shape[-1]))
        likelihood, delta = gaussian_likelihood(outputs, batch.target.view(draws, -1), batch.weight.view(draws, -1))
        return likelihood.mean(), self.network.backward(tape, delta.mul_(1.0 / used))

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "draw parameter"]:
        if not self.open:
            return self.mean.unsqueeze(0)
        noise = torch.randn((draws + 1) // 2, len(self.log_width), generator=generator)
        pairs = torch.cat([noise, -noise])[torch.randperm(2 * len(noise), generator=generator)[:draws]]
        rows = self.mean.repeat(draws, 1)
        rows[:, self.bayesian].addcmul_(pairs.to(rows.device), self.log_width.exp())
        return rows

    def central(self) -> Float[Tensor, "draw parameter"]:
        return self.mean.unsqueeze(0)
