"""Discriminator: L = −⟨w log D(x)⟩_truth − ⟨log(1 − D(x))⟩_generated   (arXiv:2110.13632)

Batches hold as many events of both kinds, and the loss is the mean over all, half of the above. Its minimum is
D = p_truth/(p_truth + p_generated), so that

    w_D = D/(1 − D) = p_truth/p_generated ,    D = 1/(1 + e⁻ˡ) ,    log w_D = l ,    ∂L/∂l = w (D − y)

with the label y, 1 for truth. Events with the weight w_D are distributed like the truth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.base import Method, Point
from workbench.nets.network import Network


class Discriminator(Method):
    """Networks with the output l, for each point one; the target of a batch is the label."""

    network: Network

    def __init__(self, network: Network, points: list[Point], *, training_points: int, device: torch.device):
        self.network, self.points = network, len(points)
        self.weights = torch.cat([network.initial(1, torch.Generator().manual_seed(point.seed)) for point in points]).to(device)
        self.weights[:, network.last_layer] = 0.0
        widths = self.weights.new_tensor([point.prior_width for point in points])
        self.precision = 1.0 / (training_points * widths.square().unsqueeze(1))
        self.parameters = {"discriminator": self.weights}

    def differentiate(self, batch: Batch, step: int) -> Float[Tensor, " point"]:
        outputs, tape = self.network.forward(self.weights, batch.features.expand(self.points, -1, -1))
        log_weight, share = outputs[..., 0], batch.weight / len(batch)
        delta = share * (torch.sigmoid(log_weight) - batch.target)
        self.weights.grad = self.network.backward(tape, delta.unsqueeze(2)).addcmul_(self.weights, self.precision)
        return (share * F.softplus(torch.where(batch.target > 0.5, -log_weight, log_weight))).sum(1)

    def penalty(self) -> Float[Tensor, " point"]:
        return 0.5 * (self.precision * self.weights.square()).sum(1)

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        return self.central()

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return self.weights.unsqueeze(1)

    @torch.inference_mode()
    def log_weight(self, inputs: Float[Tensor, "event input"]) -> Float[Tensor, " event"]:
        """log w_D of the first point."""
        portions = inputs.split(1 << 14)
        return torch.cat([self.network(self.weights[:1], x[None])[0, :, 0] for x in portions]) if len(inputs) else inputs.new_zeros(0)
