"""What the estimators minimise, of events z from a mixture q with v = p_ref(z)/q(z), w = p_θ(z)/q(z), and the joint ratio r = w/v.

    CARL     v log(1 + r̂) + w log(1 + 1/r̂)                 v, w zero or a constant: events sampled from either hypothesis
    ALICE    v log(1 + r̂) + w log(1 + 1/r̂)                 v, w as they are: the labels' mean s = 1/(1 + r) in place of labels
    ROLR     v (r − r̂)² + w (1/r − 1/r̂)²
    CASCAL, RASCAL, ALICES    + α w |∇_θ log r̂ − t|²
    SALLY    v |t̂ − t|², v and t of the Standard Model

A sample from p_θ is one from q with weights w, so with y = 1 for the reference and y = 0 for θ these are the means over both samples of
(1−y) log(1 + 1/r̂) + y log(1 + r̂), and so on; as the mixture contains all θ of the box, w stays below 6. t(x,z|θ) = ∇ log p(z|θ) has the
term −∇σ/σ. θ is in units of 10 TeV⁻², ℓ = log r̂ is bound to ±10.

*Sources*: Brehmer, Cranmer, Louppe, Pavez, arXiv:1805.00020; Stoye et al., arXiv:1808.00973 (ALICE).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.methods.objective import Autograd, Push
from workbench.nets.population import PopulationMLP
from workbench.physics.wbf import BOX

UNIT = 10.0
"""TeV⁻²: θ of order one."""
LARGEST = 10.0
"""Of |log r̂|."""
FLOOR = 1e-6
STEP = 0.05
"""Of θ, in its unit, in the differences that stand for ∇_θ of a free network."""
POWERS = np.array([1.0, UNIT, UNIT, UNIT**2, UNIT**2, UNIT**2])
"""From components per power of TeV⁻² to those per power of the unit."""


def scaled_even(theta: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 6"]:
    """m(θ) = 1, f_W, f_WW, f_W², f_W f_WW, f_WW²."""
    a, b = theta.unbind(-1)
    return torch.stack([torch.ones_like(a), a, b, a * a, a * b, b * b], dim=-1)


def slope_even(theta: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2 6"]:
    """∇m(θ)."""
    a, b = theta.unbind(-1)
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    return torch.stack(
        [torch.stack([zero, one, zero, 2 * a, b, zero], -1), torch.stack([zero, zero, one, zero, a, 2 * b], -1)],
        dim=-2,
    )


def cost(
    method: str,
    log_ratio: Tensor,
    reference: Tensor,
    hypothesis: Tensor,
    joint_reference: Tensor,
    joint_hypothesis: Tensor,
) -> Tensor:
    """The part of a loss that sees log r̂, of events with sampled v and w and, for ROLR, the joint ones whose quotient is r."""
    if method in ("rolr", "rascal"):
        ratio, guess = joint_hypothesis / joint_reference.clamp(min=1e-30), torch.exp(log_ratio)
        return reference * (ratio - guess).square() + hypothesis * (1 / ratio.clamp(min=1e-30) - 1 / guess).square()
    return reference * F.softplus(log_ratio) + hypothesis * F.softplus(-log_ratio)


class Quadratic:
    """ρ̂(x|θ) = |Lᵀ(x)(1, θ)|² = (o₀+θ₁o₁+θ₂o₂)² + (θ₁o₃+θ₂o₄)² + (θ₂o₅)², positive and quadratic in θ."""

    outputs = 6

    @staticmethod
    def components(outputs: Tensor) -> Tensor:
        """ĝ (…, 6) with ρ̂ = ĝ·m(θ), from L (…, 6)."""
        a, b, c, d, e, f = outputs.unbind(-1)
        return torch.stack([a * a, 2 * a * b, 2 * a * c, b * b + d * d, 2 * (b * c + d * e), c * c + e * e + f * f], dim=-1)


class QuadraticNetwork(PopulationMLP):
    """A perceptron whose outputs begin as the same L everywhere: ρ̂ = 1 + 0.09 θ²."""

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        rows = super().initial(members, generator)
        weight, bias = self.layers(rows)[-1]
        weight.mul_(0.1)
        bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.3, 0.0, 0.3]))
        return rows


class Ratio(Autograd):
    """log r̂(x|θ) of a network; `condition` of a batch holds ĉ (6) relative to the mixture, θ (2), and a uniform number.

    Arguments: `sigma` (6), cross sections relative to that of the mixture, `reference` "mixture" or "sm", both in units of θ; `largest`,
    above the largest w, with which CARL accepts events as sampled.
    """

    def __init__(
        self, network: PopulationMLP, method: str, head: str, sigma: Sequence[float], reference: str, alpha: float, largest: float
    ):
        self.network, self.method, self.head, self.reference, self.alpha, self.largest = network, method, head, reference, alpha, largest
        self.sigma = torch.tensor(sigma, dtype=torch.float32)

    @property
    def scored(self) -> bool:
        return self.method in ("cascal", "rascal", "alices") and self.alpha > 0

    def slopes(
        self, rows: Float[Tensor, "row parameter"], batch: Any, push: Push | None = None
    ) -> tuple[Float[Tensor, " row"], Float[Tensor, "row parameter"]]:
        outputs, tape = self.network.forward(rows, self.inputs(batch))
        value, delta = self.loss(self.folded(outputs), batch)
        return value.sum(1), self.network.backward(tape, self.unfolded(delta))

    def folded(self, outputs: Tensor) -> Tensor:
        """Outputs of a network (row, place and event, 1) at several θ of each event as (row, event, place)."""
        if self.head == "quadratic":
            return outputs
        return outputs[..., 0].unflatten(-1, (5 if self.scored else 1, -1)).mT

    def unfolded(self, delta: Tensor) -> Tensor:
        """The inverse of `folded`."""
        return delta if self.head == "quadratic" else delta.mT.flatten(-2).unsqueeze(-1).contiguous()

    def inputs(self, batch: Any) -> Tensor:
        """x; of a free network with θ, and where the score counts also with θ moved by ±h along each axis, one below the other."""
        if self.head == "quadratic":
            return batch.features
        theta = batch.condition[..., 6:8]
        places = [theta]
        if self.scored:
            moves = STEP * torch.eye(2, dtype=theta.dtype, device=theta.device)
            places += [theta + moves[0], theta - moves[0], theta + moves[1], theta - moves[1]]
        return torch.cat([torch.cat([batch.features, place], -1) for place in places], dim=-2)

    def value(self, outputs: Float[Tensor, "*row event output"], batch: Any) -> Float[Tensor, "*row event"]:
        components, theta, chance = batch.condition[..., :6], batch.condition[..., 6:8], batch.condition[..., 8]
        m, slope, sigma = scaled_even(theta), slope_even(theta), self.sigma.to(outputs)
        rate = (m * sigma).sum(-1)
        density = (components * m).sum(-1)
        w = density / rate
        v = torch.ones_like(w) if self.reference == "mixture" else components[..., 0] / sigma[0]
        log_ratio, slopes = self._guess(outputs, m, slope, rate, sigma)
        bound = log_ratio.clamp(-LARGEST, LARGEST)
        sampled_v, sampled_w = v, w
        if self.method in ("carl", "cascal"):
            sampled_w = self.largest * (chance < w / self.largest)
            if self.reference != "mixture":
                sampled_v = self.largest * (torch.frac(chance * 7919.0) < v / self.largest)
        value = cost(self.method, bound, sampled_v, sampled_w, v, w)
        if self.scored:
            true = (slope @ components.unsqueeze(-1)).squeeze(-1) / density.unsqueeze(-1) - (slope @ sigma) / rate.unsqueeze(-1)
            value = value + self.alpha * sampled_w * (slopes - true).square().sum(-1)
        return batch.weight * value

    def _guess(self, outputs: Tensor, m: Tensor, slope: Tensor, rate: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """log r̂ (row, event) and ∇_θ log r̂ (row, event, 2)."""
        base = torch.ones_like(rate) if self.reference == "mixture" else sigma[0].expand_as(rate)
        if self.head == "quadratic":
            guess = Quadratic.components(outputs)
            density = (guess * m).sum(-1) + FLOOR
            gradient = (slope @ guess.unsqueeze(-1)).squeeze(-1) / density.unsqueeze(-1) - (slope @ sigma) / rate.unsqueeze(-1)
            return torch.log(density) - torch.log(rate / base), gradient
        return outputs[..., 0], (outputs[..., 1::2] - outputs[..., 2::2]) / (2 * STEP)


class LocalScore(Autograd):
    """SALLY: t̂(x) = ∇_θ log p at the Standard Model, from joint scores of events weighted to it."""

    def __init__(self, network: PopulationMLP, sigma: Sequence[float]):
        self.network = network
        self.sigma = torch.tensor(sigma, dtype=torch.float32)

    def value(self, outputs: Float[Tensor, "*row event output"], batch: Any) -> Float[Tensor, "*row event"]:
        components, sigma = batch.condition[..., :6], self.sigma.to(outputs)
        v = components[..., 0] / sigma[0]
        true = components[..., 1:3] / components[..., :1] - sigma[1:3] / sigma[0]
        return batch.weight * v * (outputs - true).square().sum(-1)


LARGEST_WEIGHT_BOX = BOX / UNIT
"""θ is drawn uniformly from ± so much, in its unit."""
