"""Networks of four-vectors that keep how these transform: LorentzNet, and L-GATr through the package `lgatr`.

    LorentzNet    m_ij = φ_e(h_i, h_j, ψ|x_i − x_j|², ψ⟨x_i, x_j⟩) ,  x_i += c ⟨φ_x(m_ij)(x_i − x_j)⟩_j ,  h_i += φ_h(h_i, Σ_j σ(φ_m) m_ij)

with Minkowski products and ψ(s) = sgn(s) log(1 + |s|)   (arXiv:2201.08187; L-GATr: arXiv:2405.14806, slim: arXiv:2512.17011). Beams, and of
L-GATr the time axis, are tokens too: a detector breaks the symmetry, and a network without them is worse.
"""

from __future__ import annotations

import warnings

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from workbench.families.taggers.architectures.sets import SCALE, soft
from workbench.families.taggers.architectures.tagger import Body, ModuleTagger, Normal, mean, perceptron

BEAMS = ((1.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, -1.0))
TIME = ((1.0, 0.0, 0.0, 0.0),)
NEVER = -1e4
"""Added to what must not be looked at."""


def with_tokens(
    momenta: Float[Tensor, "jet constituent 4"], there: Bool[Tensor, "jet constituent"], tokens: Tensor
) -> tuple[Float[Tensor, "jet token 4"], Bool[Tensor, "jet token"], Float[Tensor, " token"]]:
    """Constituents in units of 20 GeV with further four-vectors behind, which of them are there, and 1 for the further ones."""
    vectors = torch.cat([momenta / SCALE, tokens.expand(len(momenta), -1, -1)], dim=1)
    added = there.new_ones(len(there), len(tokens))
    kind = torch.cat([momenta.new_zeros(momenta.shape[1]), momenta.new_ones(len(tokens))])
    return vectors, torch.cat([there, added], dim=1), kind


class Exchange(nn.Module):
    """One block of LorentzNet. *Arguments*: width of h; whether the vectors move, which after the last block nobody sees."""

    def __init__(self, width: int, moves: bool):
        super().__init__()
        self.own, self.other = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.products = nn.Linear(2, width, bias=False)
        self.message = nn.Sequential(Normal(width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.gate = nn.Sequential(nn.Linear(width, 1), nn.Sigmoid())
        self.step = perceptron(width, width, 1) if moves else None
        self.update = nn.Sequential(nn.Linear(2 * width, width), Normal(width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, h: Tensor, x: Tensor, one: Tensor, other: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """h and x of all tokens of all jets one below the other; pairs of places; how many others each token sees."""
        mine, others = x.index_select(0, one), x.index_select(0, other)
        away = mine - others
        square, product = minkowski(away, away), minkowski(mine, others)
        numbers = torch.stack([soft(square), soft(product)], dim=-1)
        message = self.message(self.own(h).index_select(0, one) + self.other(h).index_select(0, other) + self.products(numbers))
        if self.step is not None:
            x = x.index_add(0, one, 5e-3 * (self.step(message) * away).clamp(-100, 100) / count[one])
        heard = torch.zeros_like(h).index_add(0, one, self.gate(message) * message)
        return h + self.update(torch.cat([h, heard], dim=-1)), x


def minkowski(one: Float[Tensor, "*some 4"], other: Float[Tensor, "*some 4"]) -> Float[Tensor, "*some"]:
    """E E' − p·p'."""
    products = one * other
    return 2 * products[..., 0] - products.sum(-1)


class Exchanges(Body):
    """Three blocks, and the mean of h over the constituents."""

    width, blocks = 16, 3
    tokens: Tensor

    def __init__(self, constituents: int):
        super().__init__(constituents)
        self.embed = nn.Linear(2, self.width)
        self.steps = nn.ModuleList([Exchange(self.width, number < self.blocks - 1) for number in range(self.blocks)])
        self.rest = nn.Sequential(nn.Linear(self.width, self.width), nn.ReLU())
        self.register_buffer("tokens", torch.tensor(BEAMS), persistent=False)

    def forward(self, momenta: Float[Tensor, "jet constituent 4"], there: Bool[Tensor, "jet constituent"]) -> Float[Tensor, "jet latent"]:
        vectors, known, kind = with_tokens(momenta, there, self.tokens)
        size, here = known.shape[1], known.flatten()
        jet, one, other = (
            (known.unsqueeze(1) & known.unsqueeze(2) & ~torch.eye(size, dtype=torch.bool, device=known.device)).nonzero().unbind(1)
        )
        number = here.cumsum(0) - 1  # tokens that are there, counted through
        one, other = number[jet * size + one], number[jet * size + other]
        x, kinds = vectors.flatten(0, 1)[here], kind.repeat(len(known))[here]
        count = (known.sum(1) - 1).clamp(min=1).repeat_interleave(size)[here].to(x).unsqueeze(1)
        h = self.embed(torch.stack([kinds, soft(minkowski(x, x))], dim=-1))
        for step in self.steps:
            h, x = step(h, x, one, other, count)
        everywhere = torch.zeros(len(here), self.width, dtype=h.dtype, device=h.device).index_put((here,), h).unflatten(0, known.shape)
        return self.rest(mean(everywhere[:, : momenta.shape[1]], there))


class LorentzNet(ModuleTagger):
    """Minkowski products of all pairs, the small one."""

    title, sees, body, price = "LorentzNet", ("momenta", "there"), Exchanges, (640.0, 2)


class Geometric(Body):
    """L-GATr-slim, and the mean of its scalars over the constituents. *Raises*: ValueError where the package `lgatr` is missing."""

    width = 16
    tokens: Tensor
    names: Tensor

    def __init__(self, constituents: int):
        super().__init__(constituents)
        try:
            from lgatr import LGATrSlim
        except ImportError as problem:
            raise ValueError(
                "architecture = 'lgatr' needs the package lgatr, which is not installed here: pip install lgatr, or choose another one."
            ) from problem
        with warnings.catch_warnings():  # about the layers of vectors that nobody reads
            warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
            self.layers = LGATrSlim(
                num_blocks=2, in_v_channels=1, out_v_channels=0, hidden_v_channels=8, in_s_channels=9, out_s_channels=self.width,
                hidden_s_channels=16, num_heads=4,
            )  # fmt: skip
        self.register_buffer("tokens", torch.tensor(BEAMS + TIME), persistent=False)
        self.register_buffer("names", torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), persistent=False)

    def forward(
        self,
        features: Float[Tensor, "jet constituent 7"],
        momenta: Float[Tensor, "jet constituent 4"],
        there: Bool[Tensor, "jet constituent"],
    ) -> Float[Tensor, "jet latent"]:
        vectors, known, _ = with_tokens(momenta, there, self.tokens)
        size = momenta.shape[1]
        scalars = vectors.new_zeros(*known.shape, 9)
        scalars[:, :size, :7], scalars[:, size:, 7:] = features, self.names
        absent = NEVER * (~known).to(vectors)[:, None, None, :]
        found = self.layers(vectors.unsqueeze(2), scalars, attn_mask=absent)[1]
        return mean(found[:, :size], there)


class LGATr(ModuleTagger):
    """A Lorentz-equivariant transformer, the slim one."""

    title, sees, body, price = "L-GATr-slim", ("features", "momenta", "there"), Geometric, (356.0, 2)
