"""Heteroscedastic regression: L = ⟨ n_j { |A_j − Ā(x_j)|²/(2σ(x_j)²) + log σ(x_j) } ⟩ + Σθ²/(2Nσ_p²)   (arXiv:2412.12069)

One deterministic network learns a mean and a width: q(θ) = δ(θ − θ₀), so σ_syst only.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.base import Method, gaussian_likelihood
from workbench.nets.network import Network


class Heteroscedastic(Method):
    """A population of independent deterministic networks; `members` = 1 is the plain case.

    Arguments: `training_points` N normalises the weight prior, as in the Bayesian case.
    """

    def __init__(
        self,
        network: Network,
        *,
        training_points: int,
        prior_width: float,
        generator: torch.Generator,
        device: torch.device,
        members: int = 1,
    ):
        self.network, self.training_points, self.prior_width = network, training_points, prior_width
        self.weights = network.initial(members, generator).to(device)
        self.parameters = {"weights": self.weights}

    def differentiate(self, batch: Batch, step: int) -> Float[Tensor, ""]:
        members = len(self.weights)
        outputs, tape = self.network.forward(self.weights, batch.features.expand(members, *batch.features.shape))
        likelihood, delta = gaussian_likelihood(outputs, batch.target.expand(members, -1), batch.weight.expand(members, -1))
        delta = self.repel(outputs, delta / len(batch))
        prior = self.training_points * self.prior_width**2
        self.weights.grad = self.network.backward(tape, delta).add_(self.weights, alpha=1.0 / prior)
        return likelihood.mean()

    def penalty(self) -> Float[Tensor, ""]:
        return self.weights.square().sum() / (2.0 * self.training_points * self.prior_width**2 * len(self.weights))

    def repel(self, outputs: Float[Tensor, "member event 2"], delta: Float[Tensor, "member event 2"]) -> Float[Tensor, "member event 2"]:
        """The derivative of the loss by the outputs; independent networks leave it as it is."""
        return delta

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "draw parameter"]:
        return self.weights

    def central(self) -> Float[Tensor, "draw parameter"]:
        return self.weights
