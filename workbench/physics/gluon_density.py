"""The gluon density of the proton, x g(x) at Q = 91.188 GeV, from a table shipped with the package.

The table comes from NNPDF2.3 LO (QCD+QED, α_s(M_Z) = 0.130), built into Pythia 8; `python -m workbench.physics.gluon_density` writes it
anew (needs the extra `pythia`). Two gluons are independent, so a pair of protons gives the density g(x₁) g(x₂).

Source: Ball et al., arXiv:1207.1303; Pythia 8.3, arXiv:2203.11601.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("gluon_density.csv")
SCALE = 91.188
"""Factorisation scale Q of the table, in GeV."""


@cache
def table() -> tuple[np.ndarray, np.ndarray]:
    """x and x g(x) as shipped."""
    x, density = np.loadtxt(TABLE, delimiter=",", comments="#", unpack=True)
    return x, density


def gluon_density(x: np.ndarray) -> np.ndarray:
    """x g(x) at Q = 91.188 GeV: linear in ln x between the points of the table, for x from 10⁻⁶ to 1.

    Raises: ValueError outside the table.
    """
    x = np.asarray(x, dtype=np.float64)
    points, density = table()
    if x.size and not (x.min() >= points[0] and x.max() <= 1.0):
        raise ValueError(f"The gluon density is tabulated for x from {points[0]:g} to 1, not for {x.min():g} to {x.max():g}.")
    return np.interp(np.log(x), np.log(points), density)


def draw_gluons(
    count: int, smallest: float, rng: np.random.Generator, weight: Callable[[np.ndarray], np.ndarray] = np.ones_like
) -> np.ndarray:
    """At most `count` pairs (pair, 2) of momentum fractions with τ = x₁x₂ > `smallest`, distributed as g(x₁) g(x₂) weight(τ) dx₁ dx₂.

    In ln τ and the rapidity Y = ln(x₁/x₂)/2 that density is f(τ, Y) = x₁g(x₁) x₂g(x₂) weight(τ), and largest at Y = 0. So τ is drawn from
    |ln τ| f(τ, 0), Y uniformly from its range ±|ln τ|/2, and the pair is kept with probability f(τ, Y)/f(τ, 0): half of them or more.
    """
    log_tau = np.linspace(math.log(smallest), 0.0, 1_000)
    central = -log_tau * gluon_density(np.exp(log_tau / 2)) ** 2 * weight(np.exp(log_tau))
    at, height = _draw_linear(log_tau, central, count, rng)
    rapidity = at * (rng.random(count) - 0.5)
    x = np.exp(at[:, None] / 2 + np.stack([rapidity, -rapidity], axis=-1)).clip(max=1.0)
    density = -at * gluon_density(x).prod(axis=-1) * weight(np.exp(at))
    return x[rng.random(count) * height * BOUND < density]


BOUND = 1.02
"""How much the interpolation between a thousand points may fall below the density at Y = 0."""


def _draw_linear(edges: np.ndarray, heights: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Numbers distributed as the straight lines through (edges, heights), and the height there."""
    widths = np.diff(edges)
    cumulative = np.concatenate([[0.0], (widths * (heights[:-1] + heights[1:]) / 2).cumsum()])
    target = rng.random(count) * cumulative[-1]
    interval = np.searchsorted(cumulative, target, side="right").clip(1, len(widths)) - 1
    low, slope = heights[interval], np.diff(heights)[interval] / widths[interval]
    area = target - cumulative[interval]
    # the root of low t + slope t²/2 = area, without cancellation
    step = 2 * area / (low + np.sqrt(np.maximum(low * low + 2 * slope * area, 0.0)) + np.finfo(float).tiny)
    step = np.minimum(step, widths[interval])
    return edges[interval] + step, low + slope * step


def write_table(path: Path = TABLE) -> None:
    """Make the table with Pythia 8."""
    from importlib.metadata import version

    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for setting in ("Print:quiet = on", "PDF:pSet = 13", "SoftQCD:nonDiffractive = on"):
        pythia.readString(setting)
    pythia.init()
    proton = pythia.getPDFPtr(2212)
    x = np.concatenate([np.geomspace(1e-6, 0.1, 251)[:-1], np.linspace(0.1, 1.0, 181)])
    density = [max(proton.xf(21, float(value), SCALE**2), 0.0) if value < 1 else 0.0 for value in x]
    header = (
        f"x, x g(x) of the proton at Q = {SCALE} GeV\n"
        f"NNPDF2.3 LO QCD+QED, alpha_s(M_Z) = 0.130 (arXiv:1207.1303), as built into Pythia {version('pythia8mc')} with PDF:pSet = 13\n"
        "made by: python -m workbench.physics.gluon_density"
    )
    np.savetxt(path, np.column_stack([x, density]), fmt="%.10g", delimiter=",", header=header)


if __name__ == "__main__":
    write_table()
