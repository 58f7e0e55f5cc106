"""Sets of constituents: deep sets, with built-in physics or without, and LoLa.

    deep sets    z = F( Σ_i Φ(x_i)/20, jet )                    Φ and F perceptrons                 (PFN, arXiv:1810.05165)
    LoLa         k̃ = (k, C k) ;   m², p_T, Σ w E, ψ(Σ w d²), ψ(Σ w' d²), ψ(min d²) of each k̃        (arXiv:1707.08966)

with d²_ij = (k̃_i − k̃_j)² and ψ(s) = sgn(s) log(1 + |s|).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.families.taggers.architectures.tagger import Blocks, Body, ModuleTagger, Tagger, perceptron
from workbench.nets.network import Matrix, beside
from workbench.nets.population import PopulationMLP
from workbench.nets.population import Tape as LayersTape

TYPICAL = 20.0
"""Constituents by which the sum is divided."""
SCALE = 20.0
"""GeV: momenta of order one."""


@dataclass(frozen=True)
class Tape:
    """The tapes of Φ and F, and where constituents are."""

    embedding: LayersTape
    head: LayersTape
    there: Tensor


class DeepSets(Tagger):
    """Φ of each constituent, their sum, and F of it, for all members at once.

    Arguments: `constituents`, how many the jets have at most; `sees`, first features of constituents, then where they are, then, maybe,
    those of the jet; `embedding` and `hidden`, the widths of Φ and of F.
    """

    def __init__(
        self,
        constituents: int,
        sees: Sequence[str] = ("features", "there"),
        embedding: Sequence[int] = (64, 64, 64),
        hidden: Sequence[int] = (64, 64),
    ):
        self.sees, self.blocks = tuple(sees), Blocks(sees, constituents)
        self.constituents, self.place = constituents, self.sees.index("there")
        features = sum(size for size in self.blocks.sizes[: self.place]) // constituents
        self.jet = sum(self.blocks.sizes[self.place + 1 :])
        self.inner = embedding[-1]
        self.embedding = PopulationMLP(features, embedding[:-1], self.inner, activation="relu")
        self.head = PopulationMLP(self.inner + self.jet, hidden, 1, activation="relu")
        self.sizes = [*self.embedding.sizes, *self.head.sizes]
        self.work = 0.27 * constituents

    def __str__(self) -> str:
        return f"deep sets, {self.parameters:,} weights"

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(part.parameters, part.matrices) for part in (self.embedding, self.head)])

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        return torch.cat([part.initial(members, generator) for part in (self.embedding, self.head)], dim=1)

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member jet feature"]) -> tuple[Tensor, Tape]:
        own, rest = self._parts(rows)
        each, there, jet = self._seen(x)
        embedded, tape = self.embedding.forward(own, each)
        outputs, last = self.head.forward(rest, self._pooled(embedded, there, jet))
        return outputs, Tape(tape, last, there)

    def backward(self, tape: Tape, delta: Float[Tensor, "member jet output"]) -> Float[Tensor, "member parameter"]:
        slope, inputs = self.head.backward_to_inputs(tape.head, delta)
        shared = inputs[..., : self.inner].unsqueeze(2) * (tape.there.unsqueeze(-1) / TYPICAL)
        return torch.cat([self.embedding.backward(tape.embedding, shared.flatten(1, 2)), slope], dim=1)

    def latent(self, row: Float[Tensor, " parameter"], x: Float[Tensor, "jet feature"]) -> Float[Tensor, "jet latent"]:
        own, rest = self._parts(row.unsqueeze(0))
        each, there, jet = self._seen(x.unsqueeze(0))
        hidden = self._pooled(self.embedding(own, each), there, jet)
        for weight, bias in self.head.layers(rest)[:-1]:
            hidden = self.head.activation(torch.baddbmm(bias.unsqueeze(1), hidden, weight.mT))
        return hidden[0]

    def _parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        own, rest = rows.split([self.embedding.parameters, self.head.parameters], dim=1)
        return own, rest

    def _seen(self, x: Float[Tensor, "member jet feature"]) -> tuple[Tensor, Tensor, Tensor]:
        """Features of all constituents one below the other, where they are, and features of the jet."""
        parts = self.blocks.split(x)
        each, there = parts[: self.place], parts[self.place]
        seen = torch.cat(each, -1) if len(each) > 1 else each[0]
        return seen.flatten(1, 2), there, torch.cat([x[..., :0], *parts[self.place + 1 :]], -1)

    def _pooled(self, embedded: Tensor, there: Tensor, jet: Tensor) -> Tensor:
        weight = there.to(embedded).unsqueeze(2) / TYPICAL
        return torch.cat([(weight @ embedded.unflatten(1, there.shape[1:])).squeeze(2), jet], -1)


class LolaLayers(Body):
    """Linear combinations of four-vectors, and Lorentz-invariant and other numbers of each, hardest constituents first."""

    width, combinations = 50, 15
    metric: Tensor
    same: Tensor

    def __init__(self, constituents: int):
        super().__init__(constituents)
        self.combine = nn.Parameter(torch.randn(self.combinations, constituents) / constituents**0.5)
        vectors = constituents + self.combinations
        self.weights = nn.Parameter(torch.randn(3, vectors, vectors) / vectors**0.5)
        self.rest = nn.Sequential(perceptron(6 * vectors, 100, self.width), nn.ReLU())
        self.register_buffer("metric", torch.tensor([1.0, -1.0, -1.0, -1.0]), persistent=False)
        self.register_buffer("same", 1e9 * torch.eye(vectors), persistent=False)

    def forward(self, momenta: Float[Tensor, "jet constituent 4"]) -> Float[Tensor, "jet latent"]:
        k = momenta / SCALE
        k = torch.cat([k, self.combine @ k], dim=1)
        products = (k * self.metric) @ k.mT
        square = products.diagonal(dim1=1, dim2=2)
        apart = square.unsqueeze(1) + square.unsqueeze(2) - 2 * products
        energy, one, other = self.weights
        numbers = [
            soft(square), k[..., 1:3].square().sum(-1).add(1e-6).sqrt().log1p(), k[..., 0] @ energy.mT / 5,
            soft((one * apart).sum(-1)), soft((other * apart).sum(-1)), soft((apart + self.same).amin(-1)),
        ]  # fmt: skip
        return self.rest(torch.cat(numbers, dim=1))


def soft(values: Tensor) -> Tensor:
    """ψ(s) = sgn(s) log(1 + |s|)."""
    return values.sign() * values.abs().log1p()


class Lola(ModuleTagger):
    """Learned combinations of four-vectors; not invariant under another order of the constituents."""

    title, sees, body, price = "LoLa", ("momenta",), LolaLayers, (7.0, 0)
