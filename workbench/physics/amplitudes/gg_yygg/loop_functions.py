"""Box and triangle functions without the parts ∝ (−s)^−ε/ε², which cancel in the sum of all cuts.

L_s = ln(−s) = ln|s| − iπ θ(s), Li(a/b) = Li₂(1 − a/b). For a box with corners K₁ … K₄: s = (K₁ + K₂)², t = (K₂ + K₃)² and

    one mass m                    F₄ = −2/(st)      [ Li(m/s) + Li(m/t) + (L_s − L_t)²/2 + π²/6 ]
    m and n opposite              F₄ = −2/(st − mn) [ Li(m/s) + Li(m/t) + Li(n/s) + Li(n/t) − Li(mn/st) + (L_s − L_t)²/2 ]
    m and n adjacent, s = (K_m + K_n)²
                                  F₄ = −2/(st)      [ Li(m/t) + Li(n/t) + (L_s − L_t)²/2 − (L_m − L_s)(L_n − L_s)/2 ]
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from workbench.physics.amplitudes.gg_yygg.cuts import Corners
from workbench.physics.amplitudes.gg_yygg.legs import Legs, union
from workbench.physics.amplitudes.gg_yygg.vector import Array

_BERNOULLI = "1/6 -1/30 1/42 -1/30 5/66 -691/2730 7/6 -3617/510 43867/798 -174611/330 854513/138 -236364091/2730"
SERIES = [Fraction(number) / math.factorial(2 * k + 1) for k, number in enumerate(_BERNOULLI.split(), start=1)]
"""B₂ₖ/(2k + 1)!"""


def pi_of(real: type) -> np.floating:
    return 4 * np.arctan(real(1))


def dilogarithm(x: Array) -> Array:
    """Li₂(x) for real x < 1: mapped to [−1, 1/2], then Σ B_n uⁿ⁺¹/(n+1)! in u = −ln(1 − x)."""
    real = x.dtype.type
    high, low = x > 0.5, x < -1
    log = np.log1p(-x)
    log_high, log_low = np.log(np.maximum(x, real(0.5))), np.log(-np.minimum(x, real(-1)))
    argument = np.where(high, -log_high, np.where(low, log - log_low, -log))
    square = argument**2
    series = np.zeros_like(x)
    for term in reversed(SERIES):
        series = series * square + real(term.numerator) / real(term.denominator)
    value = argument - square / 4 + argument * square * series
    sixth = pi_of(real) ** 2 / 6
    upper = sixth - log_high * log - value
    lower = value - sixth + log * (log / 2 - log_low)
    return np.where(high, upper, np.where(low, lower, value))


def continued(ratio: Array, log: Array) -> Array:
    """Li₂(1 − r), continued to the sheet on which ln r is `log`."""
    inside = np.abs(ratio) < 1
    r, logarithm = np.where(inside, ratio, 1 / ratio), np.where(inside, log, -log)
    direct = (r > 0.5) & (logarithm.imag == 0)
    li2 = dilogarithm(np.where(direct, 1 - r, r))
    sixth = pi_of(ratio.dtype.type) ** 2 / 6
    value = np.where(direct, li2, sixth - li2 - logarithm * np.log1p(-r))
    return np.where(inside, value, -value - log**2 / 2)


class LoopFunctions:
    """Box and three-mass functions of a chunk of points."""

    def __init__(self, legs: Legs):
        self.legs = legs

    def box(self, corners: Corners) -> Array:
        legs, masses = self.legs, [number for number, corner in enumerate(corners) if len(corner) > 1]
        one, two = union(corners[0], corners[1]), union(corners[1], corners[2])
        if len(masses) == 2 and (masses[1] - masses[0]) % 2 and set(masses) not in ({0, 1}, {2, 3}):
            one, two = two, one
        s, t, log_s, log_t = legs.square(one), legs.square(two), legs.log(one), legs.log(two)
        half = (log_s - log_t) ** 2 / 2
        square = [legs.square(corners[number]) for number in masses]
        log = [legs.log(corners[number]) for number in masses]

        def li(number: int, below: Array, log_below: Array) -> Array:
            return continued(square[number] / below, log[number] - log_below)

        if len(masses) == 1:
            sixth = pi_of(legs.real) ** 2 / 6
            return -2 / (s * t) * (li(0, s, log_s) + li(0, t, log_t) + half + sixth)
        if (masses[1] - masses[0]) % 2:
            return -2 / (s * t) * (li(0, t, log_t) + li(1, t, log_t) + half - (log[0] - log_s) * (log[1] - log_s) / 2)
        mn, log_mn = square[0] * square[1], log[0] + log[1]
        four = li(0, s, log_s) + li(0, t, log_t) + li(1, s, log_s) + li(1, t, log_t)
        return -2 / (s * t - mn) * (four - continued(mn / (s * t), log_mn - log_s - log_t) + half)

    def three_mass(self, corners: Corners) -> Array:
        """F₃ = 1/λ { (ln²v − ln²u)/2 − Li(v) + Li(u) − Li(1/u) + Li(1/v) + C ln(v/u) } with roots −u, −v of s₁X² + (s₁ + s₂ − s₃)X + s₂"""
        real = self.legs.real
        squares = np.stack([self.legs.square(corner) for corner in corners])
        one_positive = (squares > 0).sum(axis=0) == 1
        last = np.argmax(squares, axis=0)  # becomes s₃ if only one is positive, s₁ if all are
        a, b, c = (np.take_along_axis(squares, (last + shift)[None] % 3, axis=0)[0] for shift in (0, 1, 2))
        s1, s2, s3 = np.where(one_positive, b, a), np.where(one_positive, c, b), np.where(one_positive, a, c)
        root = np.sqrt((s1 - s2 - s3) ** 2 - 4 * s2 * s3)
        middle = s1 + s2 - s3
        q = -(middle + np.where(middle > 0, root, -root)) / 2
        upper = np.where(middle > 0, s2 / q, q / s1)  # (−middle + root)/(2 s₁)
        lower = np.where(middle > 0, q / s1, s2 / q)
        u, v = -upper, -lower
        log_u, log_v = np.log(u), np.log(v)
        constant = np.log(np.abs(s1 / s3)) + 1j * pi_of(real) * one_positive
        functions = dilogarithm(1 - u) - dilogarithm(1 - v) + dilogarithm(1 - 1 / v) - dilogarithm(1 - 1 / u)
        return ((log_v**2 - log_u**2) / 2 + functions + constant * (log_v - log_u)) / root
