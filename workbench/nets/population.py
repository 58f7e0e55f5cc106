"""A population of multilayer perceptrons, evaluated and differentiated together.

The weights of one network are one flat row of numbers; a population is a matrix `(member, parameter)`. Ensemble members, weight
draws of a Bayesian network and the points of a sweep are all just rows, and a layer of all of them is one batched matrix product.

Forward and backward are written out, because at these sizes automatic differentiation costs as much as the mathematics:

    z_l = W_l h_{l-1} + b_l ,   h_l = φ(z_l)
    δ_{l-1} = (W_lᵀ δ_l) φ'(z_{l-1}) ,   ∂L/∂W_l = δ_l h_{l-1}ᵀ ,   ∂L/∂b_l = Σ_event δ_l
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

aten = torch.ops.aten

Elementwise = Callable[[Tensor], Tensor]
"""φ(z)."""
Backward = Callable[[Tensor, Tensor, Tensor], Tensor]
"""δ φ'(z) from (δ, z, φ(z))."""

ACTIVATIONS: dict[str, tuple[Elementwise, Backward]] = {
    "gelu": (F.gelu, lambda delta, z, h: aten.gelu_backward(delta, z)),
    "silu": (F.silu, lambda delta, z, h: aten.silu_backward(delta, z)),
    "tanh": (torch.tanh, lambda delta, z, h: aten.tanh_backward(delta, h)),
    "relu": (torch.relu, lambda delta, z, h: aten.threshold_backward(delta, z, 0)),
}


@dataclass(frozen=True)
class Layer:
    """Where a layer's weights `(out, in)` and biases `(out,)` stand in the flat row."""

    start: int
    inputs: int
    outputs: int

    @property
    def biases(self) -> int:
        return self.start + self.inputs * self.outputs

    @property
    def end(self) -> int:
        return self.biases + self.outputs

    def weight(self, rows: Tensor) -> Tensor:
        """View `(member, out, in)` of the rows; `(out, in)` lets the narrow last layer multiply five times faster than `(in, out)`."""
        return rows[:, self.start : self.biases].view(-1, self.outputs, self.inputs)

    def bias(self, rows: Tensor) -> Tensor:
        return rows[:, self.biases : self.end]


@dataclass(frozen=True)
class Tape:
    """What the backward pass needs of the forward pass."""

    rows: Tensor
    inputs: list[Tensor]
    before: list[Tensor]


class PopulationMLP:
    """Fully connected networks with a member axis.

    Arguments: `features` numbers in, `hidden` widths, `outputs` numbers out, `activation` a name in `ACTIVATIONS`.
    """

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str = "gelu"):
        self.activation, self.activation_backward = ACTIVATIONS[activation]
        self.layers: list[Layer] = []
        widths = [features, *hidden, outputs]
        for inputs, outs in zip(widths, widths[1:], strict=False):
            self.layers.append(Layer(self.layers[-1].end if self.layers else 0, inputs, outs))

    @property
    def parameters(self) -> int:
        """Number of weights and biases of one member."""
        return self.layers[-1].end

    @property
    def last_layer(self) -> slice:
        """The part of a row that belongs to the last layer."""
        return slice(self.layers[-1].start, self.layers[-1].end)

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """Weights ~ N(0, 1/in), scaled by the usual gain √2 except in the last layer; biases ~ U(±1/√in)."""
        rows = torch.zeros(members, self.parameters)
        for layer in self.layers:
            gain = 1.0 if layer is self.layers[-1] else math.sqrt(2.0)
            layer.weight(rows).normal_(0.0, gain / math.sqrt(layer.inputs), generator=generator)
            bound = 0.0 if layer is self.layers[-1] else 1.0 / math.sqrt(layer.inputs)
            layer.bias(rows).uniform_(-bound, bound, generator=generator)
        return rows

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, Tape]:
        """Outputs `(member, event, output)` and the tape for `backward`."""
        inputs, before = [], []
        h = x
        for layer in self.layers:
            inputs.append(h)
            z = torch.baddbmm(layer.bias(rows).unsqueeze(1), h, layer.weight(rows).mT)
            if layer is not self.layers[-1]:
                before.append(z)
                h = self.activation(z)
        return z, Tape(rows, inputs, before)

    def backward(self, tape: Tape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        """∂L/∂rows from δ = ∂L/∂outputs."""
        gradient = torch.empty_like(tape.rows)
        for number in reversed(range(len(self.layers))):
            layer = self.layers[number]
            torch.bmm(delta.mT, tape.inputs[number], out=layer.weight(gradient))
            torch.sum(delta, 1, out=layer.bias(gradient))
            if number:
                delta = torch.bmm(delta, layer.weight(tape.rows))
                delta = self.activation_backward(delta, tape.before[number - 1], tape.inputs[number])
        return gradient

    def __call__(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> Tensor:
        """Outputs `(member, event, output)`, without a tape."""
        h = x
        for layer in self.layers:
            h = torch.baddbmm(layer.bias(rows).unsqueeze(1), h, layer.weight(rows).mT)
            if layer is not self.layers[-1]:
                h = self.activation(h)
        return h
