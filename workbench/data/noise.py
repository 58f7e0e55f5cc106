"""Noise put on amplitudes: A_train = A (1 + f ε) with ε ~ N(0,1), drawn once per event and kept."""

from __future__ import annotations

import numpy as np


def smear(amplitude: np.ndarray, f: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noisy amplitudes A (1 + f ε), and the ε that made them.

    For f = 0.1, 1 + f ε is negative once in 10²³ draws: a fluctuation below −0.9 is drawn again, so the logarithm always exists.
    """
    epsilon = rng.standard_normal(amplitude.shape)
    while (broken := f * epsilon < -0.9).any():
        epsilon = np.where(broken, rng.standard_normal(amplitude.shape), epsilon)
    return amplitude * (1 + f * epsilon), epsilon
