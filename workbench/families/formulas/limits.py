"""What a formula is worth: expected limits on f_T from its distribution, for the Standard Model, and the share of the information it keeps.

    p(bin|θ) = Σ_events in bin w (1 + a θ + b θ²) / Σ_events w (1 + a θ + b θ²)       a = c_T/c_0, b = c_TT/c_0 of each event
    q(θ) = −2 n Σ_bins p(bin|0) ln p(bin|θ)/p(bin|0)                                    the Asimov sample of n selected events
    I = Σ_bins p(bin|0) (∂ ln p(bin|θ)/∂θ)²                                             at most ⟨a²⟩, that of all that partons know

Only the shape counts. A statistic that knows nothing of CP is sensitive to f_T² alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 40
"""Quantile bins of a statistic."""
THRESHOLDS = {"68": 0.989, "95": 3.841}
"""q of one parameter."""
LARGEST = 60.0
"""TeV⁻²: as far as limits are looked for."""
GRID = np.arange(0.0, LARGEST + 0.25, 0.25)


@dataclass(frozen=True)
class Limit:
    """Upper ends of the intervals at 68 and 95 % [TeV⁻²], infinite beyond the grid, and the share of the information."""

    inner: float
    outer: float
    information: float


def limit(statistic: np.ndarray, components: np.ndarray, weight: np.ndarray, *, unit: float, events: float) -> Limit:
    """Of a statistic of each event, with components (event, 2) in units of which one TeV⁻² is `unit`."""
    edges = np.quantile(statistic, np.linspace(0, 1, BINS + 1)[1:-1])
    place = np.searchsorted(np.unique(edges), statistic, side="right")
    powers = np.column_stack([np.ones(len(weight)), components])
    filled = np.stack([np.bincount(place, weight * power, minlength=len(np.unique(edges)) + 1) for power in powers.T], axis=-1)
    filled = filled[filled[:, 0] > 0]
    total = filled.sum(axis=0)
    standard = filled[:, 0] / total[0]
    slope = filled[:, 1] / filled[:, 0] - total[1] / total[0]
    information = float((standard * slope**2).sum()) / float((weight * components[:, 0] ** 2).sum() / weight.sum())
    both = []
    for sign in (1, -1):
        theta = sign * GRID * unit
        monomials = np.stack([np.ones_like(theta), theta, theta**2])
        p = (filled @ monomials) / (total @ monomials)
        q = -2 * events * (standard[:, None] * np.log(np.maximum(p, 1e-300) / standard[:, None])).sum(axis=0)
        both.append([_crossing(q, threshold) for threshold in THRESHOLDS.values()])
    ends = [float(np.mean(pair)) for pair in zip(*both, strict=True)]
    return Limit(ends[0], ends[1], information)


def _crossing(q: np.ndarray, threshold: float) -> float:
    """Where q first reaches a threshold; infinite where it does not."""
    above = np.flatnonzero(q >= threshold)
    if not len(above):
        return np.inf
    here = above[0]
    if here == 0:
        return 0.0
    return float(np.interp(threshold, q[here - 1 : here + 1], GRID[here - 1 : here + 1]))
