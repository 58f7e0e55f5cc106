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

from workbench.nets.network import Matrix, Network, beside

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
    "sigmoid": (torch.sigmoid, lambda delta, z, h: aten.sigmoid_backward(delta, h)),
    "linear": (lambda z: z, lambda delta, z, h: delta),
}


LayerWeights = tuple[Tensor, Tensor]
"""One layer's weights `(member, out, in)` and biases `(member, out)`, as views into the rows. The narrow last layer multiplies five
times faster as `(out, in)` than as `(in, out)`."""


@dataclass(frozen=True)
class Tape:
    """What the backward pass needs of the forward pass."""

    layers: list[LayerWeights]
    inputs: list[Tensor]
    before: list[Tensor]


class PopulationMLP(Network):
    """Fully connected networks with a member axis.

    Arguments: `features` numbers in, `hidden` widths, `outputs` numbers out, `activation` a name in `ACTIVATIONS`; the first layer begins
    `first_width` times wider than the others, which makes fresh networks rougher functions.
    """

    tape: type[Tape] = Tape

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str = "gelu", first_width: float = 1.0):
        self.first_width = first_width
        self.activation, self.activation_backward = ACTIVATIONS[activation]
        widths = [features, *hidden, outputs]
        self.shapes = list(zip(widths[1:], widths, strict=False))
        self.sizes = [size for outs, inputs in self.shapes for size in (outs * inputs, outs)]

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(outs * inputs + outs, [Matrix(0, outs, inputs)]) for outs, inputs in self.shapes])

    def layers(self, rows: Float[Tensor, "member parameter"]) -> list[LayerWeights]:
        """The layers' weights and biases, as views into the rows."""
        parts = rows.split(self.sizes, dim=1)
        return [(parts[2 * n].view(len(rows), *shape), parts[2 * n + 1]) for n, shape in enumerate(self.shapes)]

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """Weights ~ N(0, 2/in) and biases ~ U(±1/√in); in the last layer ~ N(0, 1/in) and 0."""
        rows = torch.zeros(members, self.parameters)
        *hidden, (last, _) = self.layers(rows)
        for weight, bias in hidden:
            inputs = max(1, weight.shape[-1])
            weight.normal_(0.0, math.sqrt(2.0 / inputs), generator=generator)
            bias.uniform_(-1.0 / math.sqrt(inputs), 1.0 / math.sqrt(inputs), generator=generator)
        for part in self.layers(rows)[0] if hidden else ():
            part.mul_(self.first_width)
        last.normal_(0.0, 1.0 / math.sqrt(max(1, last.shape[-1])), generator=generator)
        return rows

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, Tape]:
        """Outputs `(member, event, output)` and the tape for `backward`."""
        tape = self.tape(self.layers(rows), [x], [])
        *hidden, (last, last_bias) = tape.layers
        for weight, bias in hidden:
            tape.before.append(torch.baddbmm(bias.unsqueeze(1), tape.inputs[-1], weight.mT))
            tape.inputs.append(self._bend(tape))
        return torch.baddbmm(last_bias.unsqueeze(1), tape.inputs[-1], last.mT), tape

    def backward(self, tape: Tape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        """∂L/∂rows from δ = ∂L/∂outputs."""
        return self._backward(tape, delta)[0]

    def backward_to_inputs(
        self, tape: Tape, delta: Float[Tensor, "member event output"]
    ) -> tuple[Float[Tensor, "member parameter"], Float[Tensor, "member event feature"]]:
        """∂L/∂rows and ∂L/∂x, for networks that are parts of a larger one."""
        gradient, first = self._backward(tape, delta)
        return gradient, torch.bmm(first, tape.layers[0][0])

    def _backward(self, tape: Tape, delta: Tensor) -> tuple[Tensor, Tensor]:
        """∂L/∂rows, and δ of the first layer."""
        gradient = delta.new_empty(len(delta), self.parameters)
        slopes = self.layers(gradient)
        for number in reversed(range(len(slopes))):
            slope, bias_slope = slopes[number]
            torch.bmm(delta.mT, tape.inputs[number], out=slope)
            torch.sum(delta, 1, out=bias_slope)
            if number:
                delta = self._bend_backward(tape, number - 1, torch.bmm(delta, tape.layers[number][0]))
        return gradient, delta

    def _bend(self, tape: Tape) -> Tensor:
        """What the newest hidden layer hands on: φ(z)."""
        return self.activation(tape.before[-1])

    def _bend_backward(self, tape: Tape, layer: int, delta: Tensor) -> Tensor:
        """δ before a hidden layer's φ from δ of what it handed on."""
        return self.activation_backward(delta, tape.before[layer], tape.inputs[layer + 1])

    def __call__(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> Tensor:
        """Outputs `(member, event, output)`, without a tape."""
        *hidden, (last, last_bias) = self.layers(rows)
        for weight, bias in hidden:
            x = self.activation(torch.baddbmm(bias.unsqueeze(1), x, weight.mT))
        return torch.baddbmm(last_bias.unsqueeze(1), x, last.mT)
