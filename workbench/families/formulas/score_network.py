"""The network beside the formulas: it learns the score from the same inputs by ⟨w (t − g)²⟩, odd in Δφ by construction,

g(x) = h(x₁, x₂, Δη, sin Δφ, cos Δφ) − h(x₁, x₂, Δη, −sin Δφ, cos Δφ)
"""

from __future__ import annotations

import numpy as np
import torch

from workbench.training.loop import SCHEDULES
from workbench.training.optimiser import Optimiser

STEPS, BATCH, WIDTH, RATE = 1_200, 512, 64, 4e-3


def learned_score(x: np.ndarray, score: np.ndarray, weight: np.ndarray, seed: int, steps: int = STEPS) -> np.ndarray:
    """What the network says of every event after its training; same seed, same numbers."""
    generator = torch.Generator().manual_seed(seed + 17)
    features = np.column_stack([np.log(x[:, :2]), x[:, 2], np.sin(x[:, 3]), np.cos(x[:, 3])])
    features[:, :3] = (features[:, :3] - features[:, :3].mean(0)) / features[:, :3].std(0)
    inputs = torch.tensor(features, dtype=torch.float32)
    mirrored = inputs * torch.tensor([1.0, 1.0, 1.0, -1.0, 1.0])
    scale = float(np.sqrt((weight * score**2).sum() / weight.sum()))
    target = torch.tensor(score / scale, dtype=torch.float32)
    weights = torch.tensor(weight / weight.mean(), dtype=torch.float32)
    layers = []
    for before, after in ((5, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)):
        matrix = torch.randn(before, after, generator=generator) / before**0.5
        layers += [matrix.requires_grad_(), torch.zeros(after, requires_grad=True)]

    def h(given: torch.Tensor) -> torch.Tensor:
        for place in (0, 2):
            given = torch.nn.functional.silu(given @ layers[place] + layers[place + 1])
        return (given @ layers[4] + layers[5])[:, 0]

    optimiser = Optimiser("adam", layers)
    for step in range(steps):
        chosen = torch.randint(len(target), (min(BATCH, len(target)),), generator=generator)
        said = h(torch.cat([inputs[chosen], mirrored[chosen]])).view(2, -1)
        loss = (weights[chosen] * (target[chosen] - said[0] + said[1]).square()).mean()
        gradients = torch.autograd.grad(loss, layers)
        length = float(torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt())
        for layer, gradient in zip(layers, gradients, strict=True):
            layer.grad = gradient / max(1.0, length)
        with torch.no_grad():
            optimiser.step(SCHEDULES["cosine"](step / steps) * RATE)
    with torch.no_grad():
        return scale * torch.cat([h(a) - h(b) for a, b in zip(inputs.split(65_536), mirrored.split(65_536), strict=True)]).double().numpy()
