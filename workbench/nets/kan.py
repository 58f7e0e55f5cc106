"""Kolmogorov-Arnold networks: the functions on the edges are learned   (arXiv:2404.19756; in Gaussian form arXiv:2405.06721)

    out_j = b_j + Σ_i φ_ij(x_i) ,    φ_ij(x) = w_ij φ(x) + Σ_k c_ijk g_k(x) ,    g_k(x) = exp(−(x − x_k)²/h²)

φ is an ordinary activation, x_k a grid with spacing h. A layer is thus a linear map of a fixed basis of functions of every input:

    z_l = W_l B(z_{l−1}) + b_l ,    δ_{l−1} = Σ_basis (W_lᵀ δ_l) B'(z_{l−1}) ,    ∂L/∂W_l = δ_l B(z_{l−1})ᵀ
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Matrix, Network, beside
from workbench.nets.population import ACTIVATIONS, LayerWeights

GRID, REACH = 8, 2.5
"""Number of Gaussians and where the outermost stand; beyond them a function goes on as w_ij φ(x)."""


@dataclass(frozen=True)
class KANTape:
    """What the backward pass needs of the forward pass: weights, inputs and basis of each layer."""

    layers: list[LayerWeights]
    inputs: list[Tensor]
    bases: list[Tensor]


class PopulationKAN(Network):
    """Kolmogorov-Arnold networks with a member axis.

    Arguments: `features` numbers in, `hidden` widths, `outputs` numbers out, `activation` the name of φ.
    """

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str = "silu"):
        self.activation, self.activation_backward = ACTIVATIONS[activation]
        self.shapes = [(out, (1 + GRID) * width) for width, out in pairwise([features, *hidden, outputs])]
        self.sizes = [size for out, basis in self.shapes for size in (out * basis, out)]
        self.spacing = 2.0 * REACH / (GRID - 1)

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(outs * basis + outs, [Matrix(0, outs, basis)]) for outs, basis in self.shapes])

    def layers(self, rows: Float[Tensor, "member parameter"]) -> list[LayerWeights]:
        """The layers' weights `(member, out, basis)` and biases, as views into the rows."""
        parts = rows.split(self.sizes, dim=1)
        return [(parts[2 * n].view(-1, *shape), parts[2 * n + 1]) for n, shape in enumerate(self.shapes)]

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """w ~ N(0, 2/in), in the last layer N(0, 1/in); c ten times narrower than w; no biases."""
        rows = torch.zeros(members, self.parameters)
        layers = self.layers(rows)
        for number, (weight, _) in enumerate(layers):
            inputs = weight.shape[-1] // (1 + GRID)
            scale = ((1.0 if number == len(layers) - 1 else 2.0) / inputs) ** 0.5
            weight.normal_(0.0, 0.1 * scale, generator=generator)
            weight[..., :inputs] *= 10.0
        return rows

    def basis(self, x: Float[Tensor, "member event feature"]) -> Float[Tensor, "member event basis"]:
        """φ(x) of all features, then g_1(x) of all features, and so on."""
        distance = self._distance(x)
        return torch.cat([self.activation(x).unsqueeze(2), distance.square_().neg_().exp_()], dim=2).flatten(2)

    def _distance(self, x: Float[Tensor, "member event feature"]) -> Float[Tensor, "member event grid feature"]:
        """(x − x_k)/h."""
        grid = torch.linspace(-REACH, REACH, GRID, dtype=x.dtype, device=x.device) / self.spacing
        return (x / self.spacing).unsqueeze(2) - grid.unsqueeze(1)

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, KANTape]:
        tape = KANTape(self.layers(rows), [], [])
        for weight, bias in tape.layers:
            tape.inputs.append(x)
            tape.bases.append(self.basis(x))
            x = torch.baddbmm(bias.unsqueeze(1), tape.bases[-1], weight.mT)
        return x, tape

    def backward(self, tape: KANTape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        gradient = delta.new_empty(len(delta), self.parameters)
        slopes = self.layers(gradient)
        for number in reversed(range(len(slopes))):
            slope, bias_slope = slopes[number]
            torch.bmm(delta.mT, tape.bases[number], out=slope)
            torch.sum(delta, 1, out=bias_slope)
            if number:
                x, basis = tape.inputs[number], tape.bases[number].unflatten(2, (1 + GRID, -1))
                share = torch.bmm(delta, tape.layers[number][0]).unflatten(2, (1 + GRID, -1))
                gaussians = share[:, :, 1:].mul_(basis[:, :, 1:]).mul_(self._distance(x)).sum(2)
                delta = self.activation_backward(share[:, :, 0], x, basis[:, :, 0]).sub_(gaussians, alpha=2.0 / self.spacing)
        return gradient
