"""Discriminator: L = −⟨w log D(x)⟩_truth − ⟨log(1 − D(x))⟩_generated   (arXiv:2110.13632)

Batches hold as many events of both kinds, and the loss is the mean over all, half of the above. Its minimum is
D = p_truth/(p_truth + p_generated), so that

    w_D = D/(1 − D) = p_truth/p_generated ,    D = 1/(1 + e⁻ˡ) ,    log w_D = l ,    ∂L/∂l = w (D − y)

with the label y, 1 for truth. Events with the weight w_D are distributed like the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.base import Point
from workbench.methods.objective import OnOutputs
from workbench.methods.point import PointEstimate
from workbench.nets.network import Network


class CrossEntropy(OnOutputs):
    """−log p of the label, 1 or 0, for a network with the output l."""

    def __init__(self, network: Network):
        self.network = network

    def loss(
        self, outputs: Float[Tensor, "*row event 1"], batch: Batch
    ) -> tuple[Float[Tensor, "*row event"], Float[Tensor, "*row event 1"]]:
        log_weight = outputs[..., 0]
        value = batch.weight * F.softplus(torch.where(batch.target > 0.5, -log_weight, log_weight))
        return value, (batch.weight * (torch.sigmoid(log_weight) - batch.target)).unsqueeze(-1)


class Discriminator(PointEstimate):
    """One network for each point, which says nothing before it has learned: its last layer begins at zero."""

    def __init__(self, network: Network, points: Sequence[Point], *, training_points: int, device: torch.device):
        super().__init__(CrossEntropy(network), points, training_points=training_points, device=device)
        self.weights[..., network.last_layer] = 0.0
        self.parameters = {"discriminator": self.weights[:, 0]}

    @torch.inference_mode()
    def log_weight(self, inputs: Float[Tensor, "event input"]) -> Float[Tensor, " event"]:
        """log w_D of the first point."""
        network, portions = self.objective.network, inputs.split(1 << 14)
        return torch.cat([network(self.weights[0], x[None])[0, :, 0] for x in portions]) if len(inputs) else inputs.new_zeros(0)
