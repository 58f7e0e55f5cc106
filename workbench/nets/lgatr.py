"""L-GATr-slim: a Lorentz-equivariant transformer on vectors and scalars   (arXiv:2512.17011, after arXiv:2405.14806)

Every particle is a token: its 4-momentum as a vector channel, its type as scalar channels. Linear maps, attention and non-linearities
combine vectors through their Minkowski products only, so the scalars, averaged over the particles, are invariant under boosts, rotations
and exchanges of identical particles. The layers are those of the package `lgatr`; the gradient is automatic.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from workbench.nets.network import Network

Tape = tuple[Tensor, Tensor]
"""The rows and the outputs, joined by the graph of automatic differentiation."""


class PopulationLGATr(Network):
    """Lorentz-equivariant transformers with a member axis; the features are the particles' 4-momenta in one common unit.

    Arguments: `types` a number for each particle, equal for identical ones; `blocks` transformer blocks with `vectors` vector and
    `scalars` scalar channels; `outputs` numbers out.

    Raises: ValueError when the package `lgatr` is missing.
    """

    work = 30.0

    def __init__(self, types: Sequence[int], outputs: int, *, blocks: int, vectors: int, scalars: int):
        self.types = torch.nn.functional.one_hot(torch.tensor(types)).float()
        self.options: dict[str, Any] = {
            "num_blocks": blocks,
            "in_v_channels": 1,
            "out_v_channels": 0,
            "hidden_v_channels": vectors,
            "in_s_channels": self.types.shape[1],
            "out_s_channels": outputs,
            "hidden_s_channels": scalars,
            "num_heads": max(heads for heads in (1, 2, 4) if vectors % heads == 0 and scalars % heads == 0),
        }
        self.module = self._fresh()
        self.shapes = {name: weight.shape for name, weight in _live(self.module).items()}
        self.sizes = [prod(shape) for shape in self.shapes.values()]

    def _fresh(self) -> torch.nn.Module:
        try:
            from lgatr import LGATrSlim
        except ImportError as problem:
            raise ValueError(
                "architecture = 'lgatr' needs the package lgatr, which is not installed here: pip install lgatr, or choose another one."
            ) from problem
        return LGATrSlim(**self.options)

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """As the package chooses them; it knows the global random numbers only, which are borrowed and put back."""
        rows = []
        with torch.random.fork_rng(devices=[]):
            for seed in torch.randint(2**31, (members,), generator=generator).tolist():
                torch.manual_seed(seed)
                rows.append(torch.cat([weight.detach().flatten() for weight in _live(self._fresh()).values()]))
        return torch.stack(rows)

    def __call__(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> Tensor:
        self.module.to(x)
        vectors = x.unflatten(2, (-1, 1, 4))
        types = self.types.to(x).expand(x.shape[1], -1, -1)
        return torch.stack([self._member(row, momenta, types) for row, momenta in zip(rows, vectors, strict=True)])

    def _member(self, row: Tensor, momenta: Float[Tensor, "event particle 1 4"], types: Tensor) -> Float[Tensor, "event output"]:
        weights = {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), row.split(self.sizes), strict=True)}
        return functional_call(self.module, weights, (momenta, types))[1].mean(1)

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, Tape]:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = rows.clone().requires_grad_()
            outputs = self(leaf, x.clone())
        return outputs.detach(), (leaf, outputs)

    def backward(self, tape: Tape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        leaf, outputs = tape
        with torch.inference_mode(False):
            return torch.autograd.grad(outputs, leaf, delta.clone())[0]


def _live(module: torch.nn.Module) -> dict[str, Tensor]:
    """The weights that have an effect: the package freezes those whose outputs nobody reads."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad and weight.numel()}
