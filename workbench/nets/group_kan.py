"""GroupKAN: multilayer perceptrons that learn their activations, one for each group of features   (after arXiv:2409.10594)

    φ = P(u)/Q(u) ,    P = a₀ + a₁u + … + a₅u⁵ ,    Q = 1 + |S| ,    S = b₁u + … + b₄u⁴ ,    u = z/4

The rational function has no poles and starts as close as it can to an ordinary activation. In units of z = 4 all powers are of order
one, so that a step of the optimiser changes the function everywhere by about as much. With e = δ/Q and s = (P/Q) sign S:

    ∂L/∂a_k = Σ e uᵏ ,    ∂L/∂b_k = −Σ e s uᵏ ,    δφ' = e (P' − s S')/4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Matrix, Network, beside
from workbench.nets.population import ACTIVATIONS, LayerWeights, PopulationMLP

GROUPS = 8
"""Activations per layer: the largest number up to this one that divides the width."""
ABOVE, BELOW = 6, 4
"""Numbers of coefficients a and b."""
UNIT = 4.0
"""z of u = 1."""


@dataclass(frozen=True)
class RationalTape:
    """What the backward pass needs of an activation: u, 1/Q, φ and sign S."""

    coefficients: Tensor
    u: Tensor
    inverse: Tensor
    value: Tensor
    sign: Tensor


@dataclass(frozen=True)
class GroupTape:
    """What the backward pass needs of the forward pass."""

    layers: list[LayerWeights]
    inputs: list[Tensor]
    activations: list[RationalTape]


class GroupKAN(Network):
    """Fully connected networks with learned activations and a member axis; a row holds the activations' coefficients, then the layers.

    Arguments: `features` numbers in, `hidden` widths, `outputs` numbers out, `activation` the name of the one to start from.
    """

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str = "silu"):
        self.start = activation
        self.linear = PopulationMLP(features, hidden, outputs, activation=activation)
        self.groups = [max(g for g in range(1, GROUPS + 1) if width % g == 0) for width in hidden]
        self.sizes = [g * (ABOVE + BELOW) for g in self.groups]

    @property
    def parameters(self) -> int:
        return sum(self.sizes) + self.linear.parameters

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(sum(self.sizes), []), (self.linear.parameters, self.linear.matrices)])

    @property
    def last_layer(self) -> slice:
        part = self.linear.last_layer
        return slice(sum(self.sizes) + part.start, sum(self.sizes) + part.stop)

    def parts(self, rows: Float[Tensor, "member parameter"]) -> tuple[list[Tensor], list[LayerWeights]]:
        """The coefficients `(member, group, coefficient)` of each activation and the layers, as views into the rows."""
        *rationals, linear = rows.split([*self.sizes, self.linear.parameters], dim=1)
        coefficients = [own.unflatten(1, (groups, -1)) for own, groups in zip(rationals, self.groups, strict=True)]
        return coefficients, self.linear.layers(linear)

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """Layers as in the multilayer perceptron, with the activation it would have."""
        coefficients = torch.tensor(fitted(self.start)).repeat(members, sum(self.groups))
        return torch.cat([coefficients, self.linear.initial(members, generator)], dim=1)

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, GroupTape]:
        coefficients, layers = self.parts(rows)
        tape = GroupTape(layers, [x], [])
        *hidden, (last, last_bias) = layers
        for (weight, bias), own in zip(hidden, coefficients, strict=True):
            tape.activations.append(rational(own, torch.baddbmm(bias.unsqueeze(1), tape.inputs[-1], weight.mT)))
            tape.inputs.append(tape.activations[-1].value.flatten(2))
        return torch.baddbmm(last_bias.unsqueeze(1), tape.inputs[-1], last.mT), tape

    def backward(self, tape: GroupTape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        gradient = delta.new_empty(len(delta), self.parameters)
        coefficients, slopes = self.parts(gradient)
        for number in reversed(range(len(slopes))):
            slope, bias_slope = slopes[number]
            torch.bmm(delta.mT, tape.inputs[number], out=slope)
            torch.sum(delta, 1, out=bias_slope)
            if number:
                delta, own = rational_backward(tape.activations[number - 1], torch.bmm(delta, tape.layers[number][0]))
                coefficients[number - 1].copy_(own)
        return gradient


def rational(coefficients: Float[Tensor, "member group coefficient"], z: Float[Tensor, "member event feature"]) -> RationalTape:
    """φ(z) `(member, event, group, feature)` and what its derivative needs."""
    u = (z / UNIT).unflatten(2, (coefficients.shape[1], -1))
    above, below = _columns(coefficients)
    p = horner(above, u)
    s = horner(below, u).mul_(u)
    inverse = s.abs().add_(1.0).reciprocal_()
    return RationalTape(coefficients, u, inverse, p.mul_(inverse), s.sign_())


def rational_backward(
    tape: RationalTape, delta: Float[Tensor, "member event feature"]
) -> tuple[Float[Tensor, "member event feature"], Float[Tensor, "member group coefficient"]]:
    """∂L/∂z and ∂L/∂coefficients from ∂L/∂φ."""
    above, below = _columns(tape.coefficients)
    u, e = tape.u, delta.view_as(tape.u) * tape.inverse
    s = tape.value * tape.sign
    slope = horner([k * a for k, a in enumerate(above)][1:], u)
    slope.sub_(horner([(k + 1) * b for k, b in enumerate(below)], u).mul_(s)).mul_(e)
    own = moments(e, u, ABOVE) + moments(s.mul_(e).neg_().mul_(u), u, BELOW)
    return slope.mul_(1.0 / UNIT).flatten(2), torch.stack(own, dim=-1)


def _columns(coefficients: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """a and b, each `(member, 1, group, 1)`."""
    columns = list(coefficients[:, None, :, None, :].unbind(-1))
    return columns[:ABOVE], columns[ABOVE:]


def horner(coefficients: Sequence[Tensor], u: Tensor) -> Tensor:
    """c₀ + c₁u + c₂u² + …"""
    value = torch.addcmul(coefficients[-2], coefficients[-1], u)
    for c in reversed(coefficients[:-2]):
        value.mul_(u).add_(c)
    return value


def moments(weight: Tensor, u: Tensor, powers: int) -> list[Float[Tensor, "member group"]]:
    """Σ weight uᵏ over events and features of a group, k = 0, 1, …"""
    sums = [weight.sum(1).sum(-1)]
    for _ in range(powers - 1):
        weight = weight * u
        sums.append(weight.sum(1).sum(-1))
    return sums


@cache
def fitted(activation: str) -> tuple[float, ...]:
    """a and b of a rational function close to an activation for |z| < 5: least squares in P − φQ, weighted with the last round's 1/Q."""
    z = torch.linspace(-5.0, 5.0, 1001, dtype=torch.float64).unsqueeze(1)
    target, powers = ACTIVATIONS[activation][0](z), (z / UNIT) ** torch.arange(max(ABOVE, BELOW + 1))
    weight, found = torch.ones_like(z), z
    for _ in range(20):
        system = torch.cat([powers[:, :ABOVE], -target * powers[:, 1 : BELOW + 1]], dim=1)
        found = torch.linalg.lstsq(system * weight, target * weight).solution
        weight = 1.0 / (1.0 + (powers[:, 1 : BELOW + 1] @ found[ABOVE:]).abs())
    return tuple(found[:, 0].tolist())
