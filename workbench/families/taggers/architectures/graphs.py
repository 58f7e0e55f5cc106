"""Graphs of constituents: each learns from its neighbours.

    ParticleNet    x_i' = ReLU( S x_i + ⟨h(x_i, x_j − x_i)⟩_j ) ,  j the k nearest of i   (arXiv:1902.08570)

nearest in (Δη, Δφ) at first, then in x.

The first layer of h is linear, so A x_i + B (x_j − x_i) = (A − B) x_i + B x_j, and both products are made before neighbours are gathered.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from workbench.families.taggers.architectures.tagger import Body, ModuleTagger, Normal, mean

NEIGHBOURS = 7
FAR = 1e4
"""Farther than anything is from anything."""


class EdgeConvolution(nn.Module):
    """One step from x to x'. *Arguments*: inputs, outputs, channels."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.own, self.other = nn.Linear(inputs, outputs, bias=False), nn.Linear(inputs, outputs, bias=False)
        self.first = Normal(outputs)
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.ReLU(), nn.Linear(outputs, outputs, bias=False), Normal(outputs)]
        self.rest = nn.Sequential(*layers, nn.ReLU())
        self.straight, self.normal = nn.Linear(inputs, outputs, bias=False), Normal(outputs)

    def forward(
        self,
        place: Float[Tensor, "jet constituent place"],
        x: Float[Tensor, "jet constituent inputs"],
        there: Bool[Tensor, "jet constituent"],
    ) -> Float[Tensor, "jet constituent outputs"]:
        near, known = nearest(place, there, min(NEIGHBOURS, x.shape[1] - 1))
        first = torch.arange(len(x), device=x.device).view(-1, 1, 1) * x.shape[1]
        here, flat = there.flatten().nonzero().squeeze(1), x.flatten(0, 1)
        neighbours = (near + first).flatten(0, 1).index_select(0, here)
        own = (self.own(flat) - self.other(flat)).index_select(0, here)
        other = self.other(flat).index_select(0, neighbours.flatten()).unflatten(0, neighbours.shape)
        edges = self.rest(self.first((own.unsqueeze(1) + other).flatten(0, 1))).unflatten(0, neighbours.shape)
        edges = summed_over(edges, known.flatten(0, 1).index_select(0, here))
        found = torch.relu(self.normal(self.straight(flat.index_select(0, here))) + edges)
        return flat.new_zeros(len(flat), found.shape[1]).index_copy(0, here, found).unflatten(0, there.shape)


def summed_over(edges: Float[Tensor, "edge near channel"], known: Bool[Tensor, "edge near"]) -> Float[Tensor, "edge channel"]:
    """The mean over the neighbours that are there."""
    weight = known.to(edges)
    return torch.einsum("nkc,nk->nc", edges, weight / weight.sum(1, keepdim=True).clamp(min=1))


@torch.no_grad()
def nearest(place: Tensor, there: Bool[Tensor, "jet constituent"], k: int) -> tuple[Tensor, Tensor]:
    """Numbers of the k nearest other constituents (jet, constituent, k), and whether these are there."""
    apart = torch.cdist(place, place) + FAR * ~there.unsqueeze(1) + FAR * torch.eye(place.shape[1], dtype=place.dtype, device=place.device)
    found = apart.topk(k, largest=False)
    return found.indices, found.values < FAR / 2


class EdgeConvolutions(Body):
    """Two steps, and the mean over the constituents."""

    width = 128

    def __init__(self, constituents: int):
        super().__init__(constituents)
        self.steps = nn.ModuleList([EdgeConvolution(7, 32), EdgeConvolution(32, 64)])
        self.rest = nn.Sequential(nn.Linear(64, self.width), nn.ReLU())

    def forward(self, features: Float[Tensor, "jet constituent 7"], there: Bool[Tensor, "jet constituent"]) -> Float[Tensor, "jet latent"]:
        x, place = features, features[..., 5:7]
        for step in self.steps:
            x = step(place, x, there)
            place = x
        return self.rest(mean(x, there))


class ParticleNet(ModuleTagger):
    """A dynamic graph, the small one."""

    title, sees, body, price = "ParticleNet", ("features", "there"), EdgeConvolutions, (93.0, 1)
