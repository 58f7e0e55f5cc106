"""How well jets are told apart, with what is known of the numbers themselves.

AUC                by sorting, equal scores together; of N(0, 1) against N(d, 1) it is ½ (1 + erf(d/2))
1/ε_B at ε_S       with the binomial error of the background jets that pass
ECE                Σ_b n_b/N |share of tops − ⟨p⟩| ,  of a perfect classifier on average Σ_b √(2/π Σ_{i∈b} p_i (1 − p_i))/N, not zero
arc                σ_p ≈ μ (1 − μ) σ_z  to first order, for any classifier with a sigmoid
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.families.basics.measures import area_error, passed

BINS = 15
"""Of a reliability curve."""
SAMPLES = 100
"""Of a bootstrap."""


@dataclass(frozen=True)
class Roc:
    """ε_S and ε_B after each cut from above, from (0, 0) to (1, 1), and how many jets of each kind there were."""

    signal: np.ndarray
    background: np.ndarray
    tops: int
    others: int

    @classmethod
    def of(cls, score: np.ndarray, top: np.ndarray) -> Roc:
        """Of scores (jet) and labels, true or 1 for a top."""
        tops = np.asarray(top).astype(bool)
        return cls(*passed(score, tops), int(tops.sum()), int((~tops).sum()))

    @property
    def area(self) -> float:
        return float(1 - np.trapezoid(self.background, self.signal)) if self.tops and self.others else math.nan

    def at(self, efficiency: np.ndarray | float) -> np.ndarray:
        """ε_B at signal efficiencies, linear between cuts; of cuts that keep the same tops the tightest counts."""
        return np.interp(np.nextafter(efficiency, -1), self.signal, self.background)

    def rejection(self, efficiency: float) -> tuple[float, float]:
        """1/ε_B and its binomial error; NaN where no background jet passes."""
        left = float(self.at(efficiency))
        if not left > 0:
            return math.nan, math.nan
        return 1 / left, math.sqrt((1 - left) / (left * max(1, self.others))) / left

    @property
    def area_error(self) -> float:
        """Of a finite test set."""
        return area_error(self.area, self.tops, self.others)


def area(score: np.ndarray, top: np.ndarray) -> float:
    """AUC alone."""
    return Roc.of(score, top).area


def paired(one: np.ndarray, other: np.ndarray, top: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """AUC of one score minus that of another on the same jets, with the error from drawing the jets again.

    A jet that is drawn k times counts k times, so that each score is sorted once.
    """
    rng = np.random.default_rng(seed)
    times = np.stack([np.bincount(rng.integers(0, len(top), len(top)), minlength=len(top)) for _ in range(SAMPLES)]).astype(np.int32)
    found = _areas(one, top, times) - _areas(other, top, times)
    return area(one, top) - area(other, top), float(np.std(found))


def _areas(score: np.ndarray, top: np.ndarray, times: np.ndarray) -> np.ndarray:
    """AUC of each (sample) in which jets count so many times (sample, jet): pairs in the right order, of equal scores one half."""
    order = np.argsort(score, kind="stable")
    begins = np.flatnonzero(np.concatenate([[True], np.diff(score[order]) != 0]))
    counts, tops = times[:, order], np.asarray(top).astype(bool)[order]
    of_tops, of_others = (np.add.reduceat(counts * kind, begins, axis=1) for kind in (tops, ~tops))
    below = of_others.cumsum(axis=1) - of_others / 2
    with np.errstate(invalid="ignore"):  # where all that were drawn are of one kind
        return (of_tops * below).sum(axis=1) / (of_tops.sum(axis=1) * of_others.sum(axis=1))


@dataclass(frozen=True)
class Reliability:
    """Of each bin of p: ⟨p⟩, the share of tops, its statistical error, NaN where there is no jet, and how many; ECE and its floor."""

    mean: np.ndarray
    share: np.ndarray
    error: np.ndarray
    count: np.ndarray
    expected_error: float
    floor: float

    @classmethod
    def of(cls, p: np.ndarray, top: np.ndarray, bins: int = BINS) -> Reliability:
        """Of probabilities (jet) and labels. p = 1 belongs to the last bin."""
        place = np.minimum((p * bins).astype(int), bins - 1)
        count, said, seen, spread = (
            np.bincount(place, weight, minlength=bins) for weight in (np.ones_like(p), p, np.asarray(top, dtype=float), p * (1 - p))
        )
        gap = float(np.abs(seen - said).sum() / max(1, len(p)))
        floor = float(np.sqrt(2 / np.pi * spread).sum() / max(1, len(p)))
        some = np.where(count > 0, count, np.nan)
        return cls(said / some, seen / some, np.sqrt(spread) / some, count, gap, floor)


def arc_ratio(mu: np.ndarray, sigma: np.ndarray, sigma_z: np.ndarray) -> tuple[float, float]:
    """Median of σ/(μ(1−μ)σ_z), and the correlation of both sides; NaN without error bars."""
    expected = mu * (1 - mu) * sigma_z
    known = expected > 1e-6
    if known.sum() < 3:
        return math.nan, math.nan
    return float(np.median(sigma[known] / expected[known])), float(np.corrcoef(sigma[known], expected[known])[0, 1])


def cross_entropy(p: np.ndarray, top: np.ndarray) -> float:
    """−⟨log p of the true kind⟩, in nats."""
    right = np.where(np.asarray(top).astype(bool), p, 1 - p)
    return float(-np.log(np.maximum(right, 1e-12)).mean())
