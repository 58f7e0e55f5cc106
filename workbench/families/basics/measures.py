"""How well signal and background are told apart, from what a classifier says of points whose class is known."""

from __future__ import annotations

import math

import numpy as np

EFFICIENCIES = np.linspace(0.0, 1.0, 101)


def ratio_of(probability: np.ndarray) -> np.ndarray:
    """p_S/(p_S + p_B) of probabilities (…, class): what tells signal from background, whatever other classes there are."""
    total = probability[..., 0] + probability[..., 1]
    return np.where(total > 0, probability[..., 0] / np.where(total > 0, total, 1.0), 0.5)


def roc(values: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, float]:
    """ε_B at the signal efficiencies `EFFICIENCIES` of a cut from above, and the area above the curve; 0 is signal, 1 background."""
    kept, left = passed(values, label == 0)
    return np.interp(EFFICIENCIES, kept, left), float(1 - np.trapezoid(left, kept))


def passed(values: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ε_S and ε_B after each cut from above, from (0, 0) to (1, 1); equal values pass together."""
    order = np.argsort(-values, kind="stable")
    ends = np.concatenate([[0], np.flatnonzero(np.diff(values[order])) + 1, [len(values)]])
    kept, left = (np.concatenate([[0], kind[order].cumsum()])[ends] / max(1, kind.sum()) for kind in (signal, ~signal))
    return kept, left


def area_error(area: float, signal: int, background: int) -> float:
    """Standard deviation of an area from so many events (Hanley and McNeil 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (signal - 1) * (one - area**2) + (background - 1) * (two - area**2)
    return math.sqrt(max(variance, 0.0) / max(1, signal * background))
