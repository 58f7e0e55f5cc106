"""Gaussian weights: q(θ) = N(μ, σ²) against the prior p(θ) = N(0, σ_p²), as flat rows.

    KL[q, p] = Σ_k { log(σ_p/σ_k) + (σ_k² + μ_k²)/(2σ_p²) − 1/2 }      (arXiv:2412.12069, arXiv:2206.14831)
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def kl(mean: Float[Tensor, "member parameter"], width: Float[Tensor, "member parameter"], prior_width: Tensor | float) -> Float[Tensor, " member"]:
    """KL[q, p] of each member, summed over its weights, in nats."""
    prior = torch.as_tensor(prior_width, dtype=mean.dtype, device=mean.device)
    relative = width / prior
    return (0.5 * (relative.square() + (mean / prior).square() - 1.0) - relative.log()).sum(-1)


class NoiseTable:
    """Standard normal numbers for weight draws, made once and read from random places.

    Making fresh normal numbers costs more than the products they enter. Each draw is a window of the table at a random offset:
    exactly N(0, 1) for every weight, and practically independent between draws, because windows are rarely aligned. Draws come in
    pairs ±ε, whose noise on the mean gradient cancels to first order. The offsets of step s depend on the seed and s only, so a
    resumed training sees the same numbers.
    """

    def __init__(self, parameters: int, seed: int, device: torch.device, windows: int = 32):
        generator = torch.Generator().manual_seed(seed)
        self.parameters, self.seed = parameters, seed
        self.table = torch.randn(max(windows * parameters, 1 << 18), generator=generator).to(device)
        self.generator = generator

    def draw(self, step: int, draws: int) -> Float[Tensor, "draw parameter"]:
        """The noise ε of `draws` weight draws in step `step`."""
        self.generator.manual_seed(self.seed * 1_000_003 + step)
        last = self.table.numel() - self.parameters
        starts = torch.randint(0, last, ((draws + 1) // 2,), generator=self.generator).tolist()
        windows = [sign * self.table[start : start + self.parameters] for start in starts for sign in (1.0, -1.0)]
        return torch.stack(windows[:draws])
