"""Gaussian weights: q(θ) = N(μ, σ²) against the prior p(θ) = N(0, σ_p²), as flat rows.

KL[q, p] = Σ_k { log(σ_p/σ_k) + (σ_k² + μ_k²)/(2σ_p²) − 1/2 }      (arXiv:2412.12069, arXiv:2206.14831)
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def kl(
    mean: Float[Tensor, "*batch parameter"], width: Float[Tensor, "*batch parameter"], prior_width: float | Float[Tensor, "*batch 1"]
) -> Float[Tensor, "*batch"]:
    """KL[q, p] summed over the weights, in nats."""
    relative = width / prior_width
    return (0.5 * (relative.square() + (mean / prior_width).square() - 1.0) - relative.log()).sum(-1)


class NoiseTable:
    """Standard normal numbers for weight draws, made once and read from random places.

    Making fresh normal numbers costs more than most products they enter. Each draw is a window of the table at a random offset:
    exactly N(0, 1) for every weight, and practically independent between draws, because windows are rarely aligned. The offset of
    step s depends on the seed and s only, so a resumed training sees the same numbers. On a GPU the window is copied to one place, where
    a recorded step reads it.
    """

    def __init__(self, parameters: int, seed: int, device: torch.device, windows: int = 32):
        self.parameters, self.seed = parameters, seed
        self.generator = torch.Generator().manual_seed(seed)
        self.table = torch.randn(max(windows * parameters, 1 << 18), generator=self.generator).to(device)
        self.starts: tuple[int, list[int]] = (-1, [])
        self.place = torch.empty(parameters, device=device) if device.type == "cuda" else None

    def draw(self, step: int) -> Float[Tensor, " parameter"]:
        """The noise ε of step `step`, not to be changed; while a step is recorded, where the noise of every step will be."""
        if self.place is not None and torch.cuda.is_current_stream_capturing():
            return self.place
        page, line = divmod(step, 1_024)
        if self.starts[0] != page:
            self.generator.manual_seed(self.seed * 1_000_003 + page)
            places = self.table.numel() - self.parameters
            self.starts = (page, torch.randint(0, places, (1_024,), generator=self.generator).tolist())
        start = self.starts[1][line]
        window = self.table[start : start + self.parameters]
        return window if self.place is None else self.place.copy_(window)
