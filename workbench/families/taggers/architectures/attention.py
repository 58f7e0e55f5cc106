"""Attention among constituents: every one learns from every other, the more the better their pair fits.

    ParT    x ← x + A(x) v(x) ,  A = softmax( q·k/√d + U ) ,  x ← x + F(x) ;    U_ij = MLP(ln ΔR, ln k_T, ln z, ln m²) of each pair

and a class token that gathers the constituents at the end   (arXiv:2202.03772).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from workbench.families.taggers.architectures.tagger import Body, ModuleTagger, perceptron

WIDTH, HEADS, BLOCKS, PAIR = 32, 4, 2, 16
NEVER = -1e4
"""Added to what must not be looked at; −∞ would give no number where nothing is left."""
PAIR_CENTRE, PAIR_WIDTH = (-1.3, 0.0, -1.8, 1.2), (1.0, 1.6, 1.2, 2.4)
"""Of the four numbers of a pair, roughly."""


class Attention(nn.Module):
    """Queries of some tokens to others, in several heads."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.pairs, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, asking: Float[Tensor, "jet token channel"], asked: Float[Tensor, "jet other channel"], bias: Tensor) -> Tensor:
        query = self.query(asking).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        key, value = self.pairs(asked).unflatten(-1, (2, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then a perceptron for every token."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.attention, self.between = nn.LayerNorm(WIDTH), Attention(), nn.LayerNorm(WIDTH)
        self.forward_layers = perceptron(WIDTH, 4 * WIDTH, WIDTH, bend=nn.GELU)

    def forward(self, x: Tensor, asked: Tensor, bias: Tensor) -> Tensor:
        x = x + self.attention(self.before(x), self.before(asked), bias)
        return x + self.forward_layers(self.between(x))


class ParticleAttention(Body):
    """Blocks with a bias from pairs, and one in which a class token gathers."""

    width = WIDTH
    row: Tensor
    column: Tensor
    places: Tensor

    def __init__(self, constituents: int):
        super().__init__(constituents)
        self.embed = perceptron(7, 2 * WIDTH, WIDTH, bend=nn.GELU)
        self.pair = perceptron(4, PAIR, PAIR, HEADS, bend=nn.GELU)
        self.blocks, self.last = nn.ModuleList([Block() for _ in range(BLOCKS)]), Block()
        self.token, self.normal = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH)), nn.LayerNorm(WIDTH)
        row, column = torch.tril_indices(constituents, constituents, -1)
        places = torch.full((constituents, constituents), len(row))  # the place behind all pairs, for a constituent and itself
        places[row, column] = places[column, row] = torch.arange(len(row))
        self.register_buffer("row", row, persistent=False)
        self.register_buffer("column", column, persistent=False)
        self.register_buffer("places", places.flatten(), persistent=False)

    def forward(
        self,
        features: Float[Tensor, "jet constituent 7"],
        momenta: Float[Tensor, "jet constituent 4"],
        there: Bool[Tensor, "jet constituent"],
    ) -> Float[Tensor, "jet latent"]:
        bias = F.pad(self.pair(pairs(features, momenta, self.row, self.column)), (0, 0, 0, 1))
        size = momenta.shape[1]
        bias = bias.index_select(1, self.places).unflatten(1, (size, size)).permute(0, 3, 1, 2)
        absent = NEVER * (~there).to(bias)[:, None, None, :]
        x = self.embed(features)
        for block in self.blocks:
            x = block(x, x, bias + absent)
        token = self.token.expand(len(x), -1, -1)
        absent = F.pad(absent, (1, 0))  # the token sees itself
        return self.normal(self.last(token, torch.cat([token, x], 1), absent)).squeeze(1)


@torch.no_grad()
def pairs(features: Tensor, momenta: Tensor, row: Tensor, column: Tensor) -> Float[Tensor, "jet pair 4"]:
    """ln ΔR, ln k_T, ln z and ln m² of pairs of constituents, of order one; of those that are not there anything."""
    one, other = momenta[:, row], momenta[:, column]
    angles = features[..., 5:7]
    apart = (angles[:, row] - angles[:, column]).norm(dim=-1)
    hard, soft = (each[..., 1:3].norm(dim=-1) for each in (one, other))
    least = torch.minimum(hard, soft)
    mass = 2 * (one[..., 0] * other[..., 0] - (one[..., 1:] * other[..., 1:]).sum(-1))
    numbers = (apart, least * apart, least / (hard + soft).clamp(min=1e-8), mass)
    logs = torch.stack([value.clamp(min=1e-8).log() for value in numbers], dim=-1)
    return (logs - logs.new_tensor(PAIR_CENTRE)) / logs.new_tensor(PAIR_WIDTH)


class ParT(ModuleTagger):
    """A particle transformer, a small one."""

    title, sees, body, price = "ParT", ("features", "momenta", "there"), ParticleAttention, (50.0, 2)
