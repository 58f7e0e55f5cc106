"""L-GATr: Lorentz-equivariant transformers   (arXiv:2405.14806, arXiv:2411.00446; slim: arXiv:2512.17011)

Every particle is a token: its 4-momentum as a vector, its type as scalar channels. Linear maps, attention and non-linearities keep how
each channel transforms, so the scalars, averaged over the particles, are invariant under boosts, rotations and exchanges of identical
particles. The slim variant has vectors and scalars, which meet in Minkowski products only. The full one has multivectors,

    x = (scalar, vector p^μ, bivector, axial vector, pseudoscalar),  1 + 4 + 6 + 4 + 1 = 16 components ,

whose geometric products mix the grades: some 25 times slower on a processor, made for GPUs. The layers are those of the package
`lgatr`; the gradient is automatic.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from workbench.nets.module import ModuleNetwork


class LGATr(ModuleNetwork):
    """Lorentz-equivariant transformers with a member axis; the features are the particles' 4-momenta in one common unit.

    Arguments: `types` a number for each particle, equal for identical ones; `blocks` transformer blocks with `vectors` vector or
    multivector and `scalars` scalar channels; `outputs` numbers out.

    Raises: ValueError when the package `lgatr` is missing.
    """

    name: str
    channel = "vector"

    def __init__(self, types: Sequence[int], outputs: int, *, blocks: int, vectors: int, scalars: int):
        self.types = torch.nn.functional.one_hot(torch.tensor(types)).float()
        self.blocks, self.vectors, self.scalars, self.outputs = blocks, vectors, scalars, outputs
        self.heads = max(heads for heads in (1, 2, 4) if vectors % heads == 0 and scalars % heads == 0)
        self._keep(self._fresh())

    def __str__(self) -> str:
        channels = f"{self.vectors} {self.channel} and {self.scalars} scalar channels"
        return f"{self.name}, {self.blocks} × ({channels}), {self.parameters:,} weights"

    def _fresh(self) -> torch.nn.Module:
        try:
            import lgatr  # noqa: F401
        except ImportError as problem:
            raise ValueError(
                "architecture = 'lgatr' needs the package lgatr, which is not installed here: pip install lgatr, or choose another one."
            ) from problem
        with warnings.catch_warnings():  # about the layers of the multivectors that nobody reads
            warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
            return self._module()

    @abstractmethod
    def _module(self) -> torch.nn.Module:
        """The package's network with fresh weights."""

    def __call__(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> Tensor:
        weight = next(self.module.parameters())
        if (weight.dtype, weight.device) != (x.dtype, x.device):  # the package makes its tables anew at every move
            self.module.to(x)
            self.types = self.types.to(x)
        return self._members(rows, x.unflatten(2, (-1, 1, 4)), self.types.expand(x.shape[1], -1, -1))

    def _members(self, rows: Tensor, momenta: Float[Tensor, "member event particle 1 4"], types: Tensor) -> Tensor:
        """One member after the other."""
        return torch.stack([self._member(row, own, types) for row, own in zip(rows, momenta, strict=True)])

    def _member(self, row: Tensor, momenta: Float[Tensor, "event particle 1 4"], types: Tensor) -> Float[Tensor, "event output"]:
        return self.call(row, self._tokens(momenta), types)[1].mean(1)

    def _tokens(self, momenta: Float[Tensor, "event particle 1 4"]) -> Tensor:
        return momenta


class SlimLGATr(LGATr):
    """Vectors and scalars; arguments as those of `LGATr`."""

    name, work = "L-GATr-slim", 30.0

    def _module(self) -> torch.nn.Module:
        from lgatr import LGATrSlim

        return LGATrSlim(
            num_blocks=self.blocks,
            in_v_channels=1,
            out_v_channels=0,
            hidden_v_channels=self.vectors,
            in_s_channels=self.types.shape[1],
            out_s_channels=self.outputs,
            hidden_s_channels=self.scalars,
            num_heads=self.heads,
        )


class FullLGATr(LGATr):
    """Multivectors and scalars, under the proper orthochronous Lorentz group; arguments as those of `LGATr`.

    All members are evaluated in one sweep over the layers, so that a GPU gets products that are worth its while.
    """

    name, channel, work, last_parts = "L-GATr", "multivector", 70.0, 3

    def _module(self) -> torch.nn.Module:
        from lgatr import LGATr as Package

        return Package(
            num_blocks=self.blocks,
            in_mv_channels=1,
            out_mv_channels=0,
            hidden_mv_channels=self.vectors,
            in_s_channels=self.types.shape[1],
            out_s_channels=self.outputs,
            hidden_s_channels=self.scalars,
            attention={"num_heads": self.heads},
            mlp={},
        )

    def _tokens(self, momenta: Float[Tensor, "event particle 1 4"]) -> Float[Tensor, "event particle 1 16"]:
        from lgatr.interface import embed_vector

        return embed_vector(momenta)

    def _members(self, rows: Tensor, momenta: Float[Tensor, "member event particle 1 4"], types: Tensor) -> Tensor:
        if torch.compiler.is_exporting():  # a graph for other programs knows no vmap
            return super()._members(rows, momenta, types)
        with sdpa_kernel(SDPBackend.MATH):  # a handful of particles; and the fused kernels know no member axis
            return vmap(self._member, in_dims=(0, 0, None))(rows, momenta, types)
