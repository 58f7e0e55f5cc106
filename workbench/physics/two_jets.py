"""Where events of gg → γγgg come from: flat in phase space, or most of them where |M|² is large.

|M|² grows about as

    σ = 1/z · ŝ²/(p_T5² p_T6²) ,  z = m_γγ²/ŝ ,

as each gluon becomes soft or close to a beam and as the photons become light. No map of four-body phase space has that density, but flat
points cost a thousandth of an amplitude: they are thinned by hit-or-miss to a density ∝ min(σ, C), with C such that two of a thousand
stay. Hit-or-miss with |M|² over that density then gives unweighted events, but slowly: at 1 TeV one in 390 stays (scan of 16,384 points,
whose largest |M|²/peak is 355 times the mean), since the largest weights lie where σ is 2 to 19 times C. A map of phase space that follows
σ further would make C needless.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from workbench.physics.gluon_density import draw_gluons
from workbench.physics.kinematics import dot, pt
from workbench.physics.phase_space import CUTS, Cuts, flat, hit_or_miss, laboratory

JETS = 2
KEPT = 0.002
"""The share of flat points that thinning keeps."""
POINTS, SEED = 200_000, 2**32 - 2
"""Flat points by which C is chosen."""
TRIES = 20_000
"""Points drawn at once: their arrays stay small."""


def flat_events(
    tries: int, rng: np.random.Generator, *, beams: str = "fixed", sqrt_s: float = 1000.0, cuts: Cuts = CUTS, steep: int = 0
) -> np.ndarray:
    """Events g g → γ γ g g, flat in phase space: those of `tries` that pass the cuts, as (event, 6, 4), all of weight one.

    As with one jet, but four-body phase space grows as ŝ², so that times the flux factor 1/(2ŝ) the gluons of protons are distributed as
    g(x₁) g(x₂) ŝ. `steep`: with density ŝ^−steep instead of one.
    """
    smallest = (cuts.energy_with(JETS) / sqrt_s) ** 2
    x = np.ones((tries, 2)) if beams == "fixed" else draw_gluons(tries, smallest, rng, lambda tau: tau ** (1.0 - steep))
    momenta = laboratory(x, flat(len(x), 2 + JETS, sqrt_s * np.sqrt(x.prod(axis=1)), rng), sqrt_s)
    return momenta[cuts.passed(momenta)]


def growth(momenta: np.ndarray) -> np.ndarray:
    """σ, dimensionless."""
    pair, total = momenta[:, 2] + momenta[:, 3], momenta[:, 0] + momenta[:, 1]
    return dot(total, total) ** 3 / dot(pair, pair) / (pt(momenta[:, 4]) * pt(momenta[:, 5])) ** 2


@lru_cache
def highest(beams: str, sqrt_s: float) -> float:
    """C: so many of flat points stay that min(σ, C)/C is 0.002 on average; the same for every seed."""
    rng, found = np.random.default_rng(SEED), [np.empty(0)]
    for _ in range(POINTS // TRIES):
        found.append(growth(flat_events(TRIES, rng, beams=beams, sqrt_s=sqrt_s, steep=2)))
    values = np.sort(np.concatenate(found))
    share = (values.cumsum() + values * np.arange(len(values) - 1, -1, -1)) / (values * len(values))
    enough = np.flatnonzero(share <= KEPT)
    return float(values[enough[0] if len(enough) else -1])


def peaked_events(events: int, rng: np.random.Generator, *, beams: str = "fixed", sqrt_s: float = 1000.0) -> np.ndarray:
    """So many events with density `peak(momenta)` instead of one, or a few more."""
    largest, found, count = highest(beams, sqrt_s), [], 0
    while count < events:
        momenta = flat_events(TRIES, rng, beams=beams, sqrt_s=sqrt_s, steep=2)
        found.append(momenta[hit_or_miss(growth(momenta), largest, rng)])
        count += len(found[-1])
    return np.concatenate(found)


def peak(momenta: np.ndarray, *, beams: str = "fixed", sqrt_s: float = 1000.0) -> np.ndarray:
    """min(σ, C)/ŝ² in GeV⁻⁴."""
    total = momenta[:, 0] + momenta[:, 1]
    return np.minimum(growth(momenta), highest(beams, sqrt_s)) / dot(total, total) ** 2
