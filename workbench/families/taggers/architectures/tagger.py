"""What all taggers have in common: from what they see of a jet to one logit, z = log p(top)/p(QCD).

    z = ω · h(x) + β ,    h from the layers of each architecture ,    all sums over constituents leave out those that are not there

Layers that normalise by the batch, x → (x − ⟨x⟩)/σ_x, use the jets of the batch while they learn. There are no running means: before a
network is asked, means and widths are taken anew from fixed training jets, the same for all networks, so that what it says is a function
of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from workbench.nets.module import ModuleNetwork
from workbench.nets.network import Network

BLOCKS = {"features": (-1, 7), "aligned": (-1, 2), "momenta": (-1, 4), "there": (-1,), "jet": (3,), "mass": (1,), "image": (24, 24)}
"""What may be seen of a jet, with its shape; −1 stands for the constituents."""
PORTION = 256
"""Jets that networks look at together: what is between their layers stays near the processor."""


class Blocks:
    """Rows of features as what they were made of, in the order of their names."""

    def __init__(self, sees: Sequence[str], constituents: int):
        self.sees = sees
        self.shapes = [tuple(constituents if size < 0 else size for size in BLOCKS[name]) for name in sees]
        self.sizes = [prod(shape) for shape in self.shapes]

    def split(self, x: Float[Tensor, "*row feature"]) -> list[Tensor]:
        """What is seen, each in its shape; what says where constituents are as truth values."""
        parts = [part.unflatten(-1, shape) for part, shape in zip(x.split(self.sizes, dim=-1), self.shapes, strict=True)]
        return [part > 0.5 if name == "there" else part for name, part in zip(self.sees, parts, strict=True)]

    def joined(self, known: dict[str, Tensor]) -> Float[Tensor, "jet feature"]:
        """The inverse of `split`, of jets."""
        return torch.cat([known[name].float().flatten(1) for name in self.sees], dim=1)


class Tagger(Network):
    """A network with one output; `sees` names what it is given of a jet."""

    sees: tuple[str, ...]
    blocks: Blocks
    fixed: Tensor | None = None
    """Features of the training jets that normalise, where layers do."""

    def latent(self, row: Float[Tensor, " parameter"], x: Float[Tensor, "jet feature"]) -> Float[Tensor, "jet latent"]:
        """h of one network."""
        raise NotImplementedError

    def settle(self, row: Float[Tensor, " parameter"]) -> None:
        """Take means and widths of the layers of one network from the fixed jets."""

    @torch.no_grad()
    def ask(self, rows: Float[Tensor, "row parameter"], x: Float[Tensor, "jet feature"]) -> Float[Tensor, "row jet"]:
        """Logits of networks that have learned. Of networks that differ in their last layer only, all others are evaluated once."""
        last = self.last_layer
        body = rows[:, : last.start]
        heads = rows[:, last]
        if len(rows) > 1 and bool((body == body[:1]).all()):
            return heads[:, :-1] @ self._hidden(rows[0], x).mT + heads[:, -1:]
        return torch.stack([self._hidden(row, x) @ head[:-1] + head[-1] for row, head in zip(rows, heads, strict=True)])

    def _hidden(self, row: Tensor, x: Tensor) -> Tensor:
        self.settle(row)
        return torch.cat([self.latent(row, part) for part in x.split(PORTION)])


class Normal(nn.Module):
    """x → γ (x − ⟨x⟩)/σ_x + β of each channel, the second axis. *Arguments*: channels."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.settled = False
        self.register_buffer("mean", torch.zeros(channels), persistent=False)
        self.register_buffer("variance", torch.ones(channels), persistent=False)

    def forward(self, x: Float[Tensor, "some channel *place"]) -> Float[Tensor, "some channel *place"]:
        if self.settled or x.numel() == x.shape[1]:
            return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias)
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, training=True, momentum=1.0)


class Body(nn.Module):
    """Layers up to h, from what is seen. *Arguments*: constituents, how many the jets have at most."""

    width: int
    """Of h."""

    def __init__(self, constituents: int):
        super().__init__()


class Whole(nn.Module):
    """A body and the last linear layer."""

    def __init__(self, body: Body):
        super().__init__()
        self.body = body
        self.last = nn.Linear(body.width, 1)

    def forward(self, *seen: Tensor, logit: bool = True) -> Tensor:
        hidden = self.body(*seen)
        return self.last(hidden) if logit else hidden


class ModuleTagger(ModuleNetwork, Tagger):
    """A tagger whose layers are a module. *Arguments*: constituents, how many the jets have at most."""

    body: type[Body]
    title: str
    price: tuple[float, int]
    """`work` with 30 constituents, and the power of their number with which it grows."""
    recordable = False
    settled_for: Tensor | None = None
    """The row for which means and widths were taken last."""

    def __init__(self, constituents: int):
        self.constituents = constituents
        self.blocks = Blocks(self.sees, constituents)
        self._keep(self._fresh())
        self.work = self.price[0] * (constituents / 30) ** self.price[1]
        self.normal = [layer for layer in self.module.modules() if isinstance(layer, Normal)]

    def __str__(self) -> str:
        return f"{self.title}, {self.parameters:,} weights"

    def _fresh(self) -> nn.Module:
        return Whole(self.body(self.constituents))

    def __call__(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member jet feature"]) -> Tensor:
        """Logits of networks while they learn: what normalises are the jets that they see."""
        self._at(x)
        self._settled(False)
        self.settled_for = None
        return torch.stack([self.call(row, *self.blocks.split(own)) for row, own in zip(rows, x, strict=True)])

    def latent(self, row: Float[Tensor, " parameter"], x: Float[Tensor, "jet feature"]) -> Float[Tensor, "jet latent"]:
        return self.call(row, *self.blocks.split(x), logit=False)

    @torch.no_grad()
    def settle(self, row: Float[Tensor, " parameter"]) -> None:
        self._at(row)
        known = self.settled_for is not None and torch.equal(self.settled_for, row)
        if self.normal and self.fixed is not None and not known:
            self._settled(False)
            self.latent(row, self.fixed)
            self.settled_for = row.clone()
        self._settled(True)

    def _settled(self, settled: bool) -> None:
        for layer in self.normal:
            layer.settled = settled

    def _at(self, like: Tensor) -> None:
        weight = next(self.module.parameters())
        if (weight.dtype, weight.device) != (like.dtype, like.device):
            self.module.to(like)


def summed(x: Float[Tensor, "jet constituent channel"], there: Bool[Tensor, "jet constituent"]) -> Float[Tensor, "jet channel"]:
    """Σ over the constituents that are there."""
    return (x * there.unsqueeze(-1)).sum(1)


def mean(x: Float[Tensor, "jet constituent channel"], there: Bool[Tensor, "jet constituent"]) -> Float[Tensor, "jet channel"]:
    """The mean over the constituents that are there; of none it is zero."""
    return summed(x, there) / there.sum(1, keepdim=True).clamp(min=1)


def perceptron(*widths: int, bend: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with a bend after each but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), bend()]
    return nn.Sequential(*layers[:-1])
