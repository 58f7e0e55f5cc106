"""Weights of Z + jets events: one hides the hole around a jet, one spans a theory uncertainty.

Magic transformation: train with w, give generated events 1/w, so that the density to be learned goes smoothly to zero at ΔR = R₋.

    w(1 jet) = 1 ,  w(2 jets) = f(ΔR₁₂) ,  w(3 jets) = f(ΔR₁₂) f(ΔR₂₃) f(ΔR₁₃)
    f(ΔR) = 0 for ΔR < R₋ ,  (ΔR − R₋)/(R₊ − R₋) between ,  1 for ΔR > R₊

Theory nuisance a, from 0 to 30:

    w = 1 + a ((p_T,j1 − 15 GeV)/100 GeV)²

Source: Butter et al., arXiv:2110.13632.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from workbench.physics.kinematics import delta_r, pt

LOW, HIGH = 0.2, 1.5
"""R₋ and R₊. An R₋ nearer to the cut at 0.4 is no better: a small flow smears over more than lies between them. With 0.38 it leaves
nearly as many events below the cut as with 0.2, and 1/w, up to 56 instead of 6.5, multiplies what it smears to just above (lecture 7)."""
LARGEST_NUISANCE = 30.0


def nuisance_scale(nuisance: np.ndarray | float) -> np.ndarray:
    """c = √12 (ln(1 + a)/ln(1 + a_max) − 1/2): the logarithm of a hard jet's weight, ln(1 + a), with mean 0 and width 1."""
    return math.sqrt(12) * (np.log1p(nuisance) / np.log1p(LARGEST_NUISANCE) - 0.5)


def magic(distance: np.ndarray, low: float = LOW, high: float = HIGH) -> np.ndarray:
    """f(ΔR), from 0 to 1."""
    return np.clip((np.asarray(distance, dtype=np.float64) - low) / (high - low), 0.0, 1.0)


def magic_weight(momenta: np.ndarray, low: float = LOW, high: float = HIGH) -> np.ndarray:
    """w of events (event, 2 + jets, 4): f(ΔR) of every pair of jets that an event has (the others are NaN)."""
    factors = [magic(delta_r(momenta[:, i], momenta[:, j]), low, high) for i, j in combinations(range(2, momenta.shape[1]), 2)]
    return np.prod([np.where(np.isnan(factor), 1.0, factor) for factor in factors], axis=0) * np.ones(len(momenta))


def theory_weight(jet_pt: np.ndarray, nuisance: np.ndarray | float) -> np.ndarray:
    """1 + a ((p_T − 15 GeV)/100 GeV)² of the p_T of the hardest jet in GeV, which every event has."""
    return 1 + nuisance * ((np.asarray(jet_pt, dtype=np.float64) - 15) / 100) ** 2


def leading_jet_pt(momenta: np.ndarray) -> np.ndarray:
    """p_T of the hardest jet, in GeV, of events (event, 2 + jets, 4)."""
    return pt(momenta[:, 2])
