"""Normalizing flows of coupling blocks   (arXiv:1410.8516, arXiv:2110.13632)

    log p(x|c) = −z²/2 − d/2 log 2π + log|det ∂z/∂x| ,    z = f(x; c)

A block mixes the components by a fixed orthogonal matrix and keeps the first half of them. The kept ones and the conditions c choose,
through a perceptron, a spline for each component of the other half; so log|det| is the sum of their log-slopes, and the inverse costs
as much as the map. Blocks come in pairs, of which the second moves what the first has kept; between pairs the mixing is random.

Events run along the last axis inside, so that the perceptron's outputs are the planes of the spline as they stand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Architecture, Matrix, beside
from workbench.nets.population import PopulationMLP
from workbench.nets.population import Tape as LayerTape
from workbench.nets.splines import CubicSpline, Curve


class Subnet:
    """The perceptrons of one block, with the events along the last axis.

    Arguments: as those of `PopulationMLP`, which says where the weights are.
    """

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str):
        self.weights = PopulationMLP(features, hidden, outputs, activation=activation)
        self.parameters = self.weights.parameters

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """Weights with outputs that are all zero."""
        rows = self.weights.initial(members, generator)
        rows[:, self.weights.last_layer] = 0.0
        return rows

    def forward(
        self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member feature event"]
    ) -> tuple[Float[Tensor, "member output event"], LayerTape]:
        tape = LayerTape(self.weights.layers(rows), [x], [])
        *hidden, (last, last_bias) = tape.layers
        for weight, bias in hidden:
            tape.before.append(torch.baddbmm(bias.unsqueeze(2), weight, tape.inputs[-1]))
            tape.inputs.append(self.weights.activation(tape.before[-1]))
        return torch.baddbmm(last_bias.unsqueeze(2), last, tape.inputs[-1]), tape

    def backward(
        self, tape: LayerTape, delta: Float[Tensor, "member output event"], gradient: Float[Tensor, "member parameter"]
    ) -> Float[Tensor, "member feature event"]:
        """∂L/∂x from δ = ∂L/∂outputs; fills `gradient` with ∂L/∂rows."""
        slopes = self.weights.layers(gradient)
        for number in reversed(range(len(slopes))):
            slope, bias_slope = slopes[number]
            torch.bmm(delta, tape.inputs[number].mT, out=slope)
            torch.sum(delta, 2, out=bias_slope)
            delta = torch.bmm(tape.layers[number][0].mT, delta)
            if number:
                delta = self.weights.activation_backward(delta, tape.before[number - 1], tape.inputs[number])
        return delta


@dataclass(frozen=True)
class BlockTape:
    """What the backward pass needs of one block."""

    mixing: Tensor
    subnet: LayerTape
    spline: Any


class Flow(Architecture):
    """Flows with a member axis, near the identity when fresh; the weights of one are those of its blocks, one after the other.

    Arguments: `dimension` of x, `conditions` how many numbers an event is conditioned on, `blocks` couplings, `hidden` widths of their
    perceptrons, `spline` what they choose, `rotate` mixes by random rotations instead of permutations, `seed` is that of the mixing.
    """

    def __init__(
        self,
        dimension: int,
        *,
        conditions: int = 0,
        blocks: int = 12,
        hidden: Sequence[int] = (128, 128),
        spline: Curve | None = None,
        rotate: bool = True,
        activation: str = "silu",
        seed: int = 0,
    ):
        self.dimension, self.conditions, self.spline = dimension, conditions, spline or CubicSpline()
        self.kept = dimension // 2
        self.moved = dimension - self.kept
        self.subnet = Subnet(self.kept + conditions, hidden, self.spline.planes * self.moved, activation=activation)
        self.sizes = [self.subnet.parameters] * blocks
        self.mixings = mixings(dimension, blocks, rotate, torch.Generator().manual_seed(seed))
        self._cast = self.mixings

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(size, self.subnet.weights.matrices) for size in self.sizes])

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """The identity, but for the mixing; hidden layers as in the multilayer perceptrons."""
        return torch.cat([self.subnet.initial(members, generator) for _ in self.sizes], dim=1)

    def forward(
        self,
        rows: Float[Tensor, "member parameter"],
        x: Float[Tensor, "member event dimension"],
        condition: Float[Tensor, "member event condition"],
    ) -> tuple[Float[Tensor, "member event dimension"], Float[Tensor, "member event"], list[BlockTape]]:
        """z, log|det ∂z/∂x| and the tape for `backward`."""
        state, given, tape = x.mT, condition.mT, []
        log_det = torch.zeros_like(x[..., 0])
        for mixing, own in zip(self._mixings(x), rows.split(self.sizes, dim=1), strict=True):
            state = torch.matmul(mixing, state)
            kept, moved = state.split([self.kept, self.moved], dim=1)
            outputs, layers = self.subnet.forward(own, torch.cat([kept, given], dim=1))
            moved, log_slope, pieces = self.spline.forward(moved, self._planes(outputs))
            state, log_det = torch.cat([kept, moved], dim=1), log_det + log_slope.sum(1)
            tape.append(BlockTape(mixing, layers, pieces))
        return state.mT, log_det, tape

    def backward(
        self, tape: list[BlockTape], dz: Float[Tensor, "member event dimension"], dlog_det: Float[Tensor, "member event"]
    ) -> Float[Tensor, "member parameter"]:
        """∂L/∂rows from ∂L/∂z and ∂L/∂log|det|."""
        gradient = dz.new_empty(len(dz), self.parameters)
        dstate, dlog = dz.mT, dlog_det.unsqueeze(1)
        for block, own in zip(reversed(tape), reversed(gradient.split(self.sizes, dim=1)), strict=True):
            dkept, dmoved = dstate.split([self.kept, self.moved], dim=1)
            dmoved, dplanes = self.spline.backward(block.spline, dmoved, dlog.expand_as(dmoved))
            dinputs = self.subnet.backward(block.subnet, dplanes.movedim(0, 1).flatten(1, 2), own)
            dstate = torch.matmul(block.mixing.mT, torch.cat([dkept + dinputs[:, : self.kept], dmoved], dim=1))
        return gradient

    def inverse(
        self,
        rows: Float[Tensor, "member parameter"],
        z: Float[Tensor, "member event dimension"],
        condition: Float[Tensor, "member event condition"],
    ) -> Float[Tensor, "member event dimension"]:
        """The x that the flow maps to z."""
        state, given = z.mT, condition.mT
        for mixing, own in zip(reversed(self._mixings(z)), reversed(rows.split(self.sizes, dim=1)), strict=True):
            kept, moved = state.split([self.kept, self.moved], dim=1)
            outputs, _ = self.subnet.forward(own, torch.cat([kept, given], dim=1))
            state = torch.matmul(mixing.mT, torch.cat([kept, self.spline.inverse(moved, self._planes(outputs))], dim=1))
        return state.mT

    def log_density(
        self,
        rows: Float[Tensor, "member parameter"],
        x: Float[Tensor, "member event dimension"],
        condition: Float[Tensor, "member event condition"],
    ) -> Float[Tensor, "member event"]:
        """log p(x|c), with the constant."""
        z, log_det, _ = self.forward(rows, x, condition)
        return log_det - 0.5 * z.square().sum(2) - 0.5 * self.dimension * math.log(2.0 * math.pi)

    def _mixings(self, like: Tensor) -> Sequence[Float[Tensor, "dimension dimension"]]:
        if (self._cast.dtype, self._cast.device) != (like.dtype, like.device):
            with torch.inference_mode(False):
                self._cast = self.mixings.to(like)
        return self._cast.unbind()

    def _planes(self, outputs: Float[Tensor, "member output event"]) -> Float[Tensor, "plane member moved event"]:
        return outputs.unflatten(1, (self.spline.planes, self.moved)).movedim(1, 0)


def mixings(dimension: int, blocks: int, rotate: bool, generator: torch.Generator) -> Float[Tensor, "block dimension dimension"]:
    """Orthogonal matrices before each block: nothing, a swap of the halves, a random one, a swap, a random one, …"""
    unity = torch.eye(dimension, dtype=torch.float64)
    chosen = []
    for number in range(blocks):
        if number % 2:
            chosen.append(unity.roll(dimension - dimension // 2, 0))
        elif number and rotate:
            chosen.append(random_rotation(dimension, generator))
        else:
            chosen.append(unity[torch.randperm(dimension, generator=generator)] if number else unity)
    return torch.stack(chosen)


def random_rotation(dimension: int, generator: torch.Generator) -> Float[Tensor, "dimension dimension"]:
    """Uniform among all rotations: Q of a Gaussian matrix, with the signs that make R positive and the determinant 1."""
    q, r = torch.linalg.qr(torch.randn(dimension, dimension, dtype=torch.float64, generator=generator))
    q = q * r.diagonal().sign()
    q[:, 0] *= torch.linalg.det(q).sign()
    return q
