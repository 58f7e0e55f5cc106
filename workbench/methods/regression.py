"""Heteroscedastic regression: L = ⟨ n_j { |A_j − Ā(x_j)|²/(2σ(x_j)²) + log σ(x_j) } ⟩   (arXiv:2412.12069)

The outputs of a network are (mean, log σ²) of the standardised log-amplitude. A single network learns σ_syst only.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.objective import OnOutputs
from workbench.nets.network import Network

LOG_VARIANCE = (-24.0, 11.0)
"""Range of log σ²: below, float32 has no digits left to learn from; above, the network says nothing."""


INFORMED = 2_048
"""Events from which the Fisher information is taken: known to some per cent, which is more than a width needs."""


class GaussianRegression(OnOutputs):
    """−log p of a Gaussian whose mean and width are the outputs of a network."""

    def __init__(self, network: Network):
        self.network = network

    def loss(
        self, outputs: Float[Tensor, "*row event 2"], batch: Batch
    ) -> tuple[Float[Tensor, "*row event"], Float[Tensor, "*row event 2"]]:
        return gaussian_likelihood(outputs, batch.target, batch.weight)

    @torch.no_grad()
    def information(
        self, rows: Float[Tensor, "point parameter"], batch: Batch, generator: torch.Generator
    ) -> Float[Tensor, "point parameter"]:
        """The diagonal of an event's Fisher information: the mean square of ∂(−log p)/∂θ, for targets that the networks draw themselves.

        Every event is evaluated as if it had a network of its own, so that any architecture gives its gradient.
        """
        total = torch.zeros_like(rows)
        some = batch[torch.linspace(0, len(batch) - 1, min(len(batch), INFORMED), device=rows.device).round().long()]
        for point, row in enumerate(rows):
            for x in some.features.split(128):
                outputs, tape = self.network.forward(row.expand(len(x), -1), x.unsqueeze(1))
                noise = torch.randn(outputs.shape[:-1], generator=generator).to(outputs)
                drawn = outputs[..., 0] + noise * torch.exp(0.5 * outputs[..., 1].clamp(*LOG_VARIANCE))
                _, delta = gaussian_likelihood(outputs, drawn, torch.ones_like(drawn))
                total[point] += self.network.backward(tape, delta).square_().sum(0)
        return total / len(some)

    @torch.no_grad()
    def predict(
        self, rows: Float[Tensor, "*networks parameter"], features: Float[Tensor, "event feature"]
    ) -> Float[Tensor, "*networks event 2"]:
        """(mean, log σ²) of every network for every event, in portions that stay in the processor's cache."""
        portion, together = (2048, 1) if features.device.type == "cpu" else (1 << 16, 16)
        networks, rows = rows.shape[:-1], rows.flatten(0, -2)
        out = torch.empty(len(rows), len(features), 2, device=features.device)
        for first in range(0, len(rows), together):
            some = rows[first : first + together]
            for start in range(0, len(features), portion):
                x = features[start : start + portion]
                out[first : first + together, start : start + portion] = self.network(some, x.expand(len(some), *x.shape))
        out[..., 1].clamp_(*LOG_VARIANCE)
        return out.view(*networks, len(features), 2)


def gaussian_likelihood(
    outputs: Float[Tensor, "*networks event 2"], target: Float[Tensor, "*networks event"], weight: Float[Tensor, "*networks event"]
) -> tuple[Float[Tensor, "*networks event"], Float[Tensor, "*networks event 2"]]:
    """n_j { (t − μ)²/(2σ²) + log σ } per event, without the constant, and its derivative by (μ, log σ²).

    The clamp of log σ² passes the gradient through, so that a network outside the range finds its way back.
    """
    log_variance = outputs[..., 1].clamp(*LOG_VARIANCE)
    residual = outputs[..., 0] - target
    slope = residual * torch.exp(-log_variance)
    chi2 = residual * slope
    half = 0.5 * weight
    return half * (chi2 + log_variance), torch.stack([weight * slope, half - half * chi2], dim=-1)
