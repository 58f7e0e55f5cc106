"""Bayesian networks: L = ⟨objective(θ)⟩_{θ~q} + KL[q(θ), p(θ)]/N   (arXiv:2206.14831, arXiv:2412.12069)

Training draws weights in opposite pairs θ± = μ ± σ ε, each for half of the batch, so that the noise on the mean gradient cancels to
first order. Evaluation draws one θ for all events, again in opposite pairs (shuffled): a draw moves all events together, and without
pairs ⟨A⟩ of a few draws would be off by σ_stat/√draws everywhere. With g± = ∂(−log p)/∂θ±:

    ∂L/∂μ = g₊ + g₋ + μ/(Nσ_p²) ,    ∂L/∂log σ = σ { (g₊ − g₋) ε + σ/(Nσ_p²) } − 1/N

A warm start trains the means alone (a maximum-a-posteriori network) before the widths open at a small value: the same minimum in
less than half the time, because early steps need no error bars. Weights that the data know well open narrower still, where the curvature
of the loss says so by its diagonal, the Fisher information F of an event:

    σ_k = min( 0.003, 1/√(N F_k + 1/σ_p²) ) ,    F_k = ⟨(∂ log p(y|x,θ)/∂θ_k)²⟩ ,  y drawn from p
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.methods.base import Method, Point
from workbench.methods.objective import shared_out
from workbench.nets.bayesian import NoiseTable, kl
from workbench.nets.network import Matrix

INITIAL_WIDTH = 3e-3
"""Width of q when it opens; larger values undo what the warm start has learned."""


class MeanField(Method):
    """A Gaussian posterior over all weights, or over a part of them, for each point; weights without a width have the same prior.

    All points use the same ε of a step, so that they differ by what they learn and not by their draws.

    Arguments: `training_points` N divides the KL; `bayesian` is the part of a row that has widths; `warm_start` is the fraction of
    training with the means alone; `seed` is that of ε; log σ learns `pace` times as fast as μ: as many steps as it takes to find σ grow
    with √(N/B), because the mean of its gradient is √(B/N) of the noise; with `fisher` the widths open as the data ask for.
    """

    def __init__(
        self,
        objective: Any,
        points: Sequence[Point],
        *,
        training_points: int,
        device: torch.device,
        seed: int,
        bayesian: slice | None = None,
        warm_start: float = 0.5,
        pace: float = 1.0,
        fisher: bool = False,
    ):
        self.objective, self.network, self.points, self.training_points = objective, objective.network, len(points), training_points
        self.bayesian = bayesian or slice(0, self.network.parameters)
        mean = torch.cat([self.network.initial(1, torch.Generator().manual_seed(point.seed)) for point in points])
        self.posterior = torch.stack([mean, torch.full_like(mean, INITIAL_WIDTH).log() / pace]).to(device)
        self.pace = pace
        self.parameters = {"posterior": self.posterior}
        self.prior_width = self.posterior.new_tensor([point.prior_width for point in points]).unsqueeze(1)
        self.precision = 1.0 / (training_points * self.prior_width.square())
        """1/(Nσ_p²): the prior's pull on a weight, per event."""
        self.signs = self.posterior.new_tensor([1.0, -1.0]).view(2, 1, 1)
        self.noise = NoiseTable(self.bayesian.stop - self.bayesian.start, seed, device)
        self.warm_start, self.open = warm_start, warm_start == 0.0
        self.fisher, self.seed = fisher, seed

    @property
    def mean(self) -> Float[Tensor, "point parameter"]:
        """μ of all weights."""
        return self.posterior[0]

    @property
    def log_width(self) -> Float[Tensor, "point bayesian"]:
        """log σ of the Bayesian weights: `pace` times a parameter that Adam moves as far as the others, whatever the gradient's unit."""
        return self.pace * self.posterior[1, :, self.bayesian]

    @property
    def linear(self) -> list[tuple[int, list[Matrix]]]:
        return [(self.points, self.network.matrices)]

    @property
    def phase(self) -> str:
        return "open" if self.open else "warm start"

    def advance(self, fraction: float) -> None:
        self.open = fraction >= self.warm_start

    def begin(self, batch: Any, step: int) -> None:
        if not (self.open and self.fisher):
            return
        numbers = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        known = self.training_points * self.objective.information(self.mean, batch, numbers)[:, self.bayesian]
        width = (known + self.prior_width**-2).rsqrt_().clamp_(max=INITIAL_WIDTH)
        self.posterior[1, :, self.bayesian] = width.log_() / self.pace

    def prepare(self, step: int) -> None:
        self.noise.draw(step)

    def differentiate(self, batch: Any, step: int) -> Float[Tensor, " point"]:
        if self.posterior.grad is None:
            self.posterior.grad = torch.zeros_like(self.posterior)
        slope_mean, slope_width = self.posterior.grad[0], self.posterior.grad[1, :, self.bayesian]
        if self.open:
            width = self.log_width.exp()
            shift = self.noise.draw(step) * width
            everywhere = torch.nn.functional.pad(shift, (self.bayesian.start, 0)) if self.bayesian.start else shift
            value, (plus, minus) = self._likelihood(torch.addcmul(self.mean, self.signs, everywhere), batch)
            torch.add(plus, minus, out=slope_mean)
            torch.sub(plus[:, self.bayesian], minus[:, self.bayesian], out=slope_width)
            slope_width.mul_(shift).addcmul_(width.square_(), self.precision).sub_(1.0 / self.training_points)
        else:
            value, gradient = self._likelihood(self.mean.unsqueeze(0), batch)
            slope_mean.copy_(gradient[0])
        slope_mean.addcmul_(self.mean, self.precision)
        return value

    def penalty(self) -> Float[Tensor, " point"]:
        prior = 0.5 * (self.precision * self.mean.square()).sum(1)
        if not self.open:
            return prior
        return prior + kl(torch.zeros_like(self.log_width), self.log_width.exp(), self.prior_width) / self.training_points

    def _likelihood(
        self, rows: Float[Tensor, "draw point parameter"], batch: Any
    ) -> tuple[Float[Tensor, " point"], Float[Tensor, "draw point parameter"]]:
        """The objective on the batch, shared out among the draws, and its derivative by their weights."""
        draws, points, parameters = rows.shape
        if odd := len(batch) % draws:
            batch = batch[: len(batch) - odd]
        seen = shared_out(batch, self.objective.shares(batch, points), draws)
        value, gradient = self.objective.slopes(rows.view(-1, parameters), seen)
        return value.view(draws, points).sum(0), gradient.view_as(rows)

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        if not self.open:
            return self.mean.unsqueeze(1)
        own, device = generator, self.mean.device
        if device.type == "cuda":  # which is faster at it
            own = torch.Generator(device).manual_seed(int(torch.randint(2**62, (), generator=generator)))
        noise = torch.randn((draws + 1) // 2, self.log_width.shape[1], generator=own, device=device)
        pairs = torch.cat([noise, -noise])[torch.randperm(2 * len(noise), generator=generator)[:draws]]
        rows = self.mean.unsqueeze(1).repeat(1, draws, 1)
        rows[..., self.bayesian].addcmul_(pairs, self.log_width.exp().unsqueeze(1))
        return rows

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return self.mean.unsqueeze(1)
