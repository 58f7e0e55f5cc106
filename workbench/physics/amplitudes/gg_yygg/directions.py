"""The loop momentum on a triple cut: l = t a + V + β b/t before the first corner A, with null vectors a, b orthogonal to all three corners.

    V = x K_A + y K_C ,  2V·K_A = −K_A² ,  2V·K_C = K_C² ,  β = (μ² − V²)/(2a·b)

The branches are (a, b) and (b, a). Where A is a single leg k, a = λ_k χ̃ᵀ on branch 0 and χ λ̃_kᵀ on branch 1; otherwise they are the
roots of a quadratic equation. With polarisations in the gauge of a, a·ε = 0: most leading terms are absent and need not cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.physics.amplitudes.gg_yygg.cuts import Corners
from workbench.physics.amplitudes.gg_yygg.legs import Legs
from workbench.physics.amplitudes.gg_yygg.quark import Line
from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2, turned, u, v


@dataclass(frozen=True)
class Branch:
    """A direction a at infinity with its spinors, the opposite one, 2 a·b, and V before each of the corners."""

    line: Line
    a: Array
    b: Array
    norm: Array
    centres: tuple[Array, ...]


def branches(legs: Legs, corners: Corners) -> tuple[Branch, Branch]:
    one, two = _single(legs, corners) if len(corners[0]) == 1 else _pairs(legs, corners)
    a, b = one.momentum(), two.momentum()
    norm, centres = dot2(a, b), _centres(legs, corners)
    return Branch(one, a, b, norm, centres), Branch(two, b, a, norm, centres)


def _centres(legs: Legs, corners: Corners) -> tuple[Array, ...]:
    first, _, third = corners
    a, b, c = (legs.square(corner) for corner in corners)
    g = b - a - c  # 2 K_A·K_C
    determinant = 4 * a * c - g**2
    one, three = legs.momentum(first), legs.momentum(third)
    centre = (a * (2 * c + g) * three - c * (2 * a + g) * one) / determinant
    return centre, centre + one, centre - three


def _single(legs: Legs, corners: Corners) -> tuple[Line, Line]:
    k, neighbour = corners[0][0], legs.momentum(corners[1])
    return Line(legs.lam[k], turned(u(legs.lam[k], neighbour))), Line(turned(v(legs.tilde[k], neighbour)), legs.tilde[k])


def _pairs(legs: Legs, corners: Corners) -> tuple[Line, Line]:
    """χ solves q₀χ₀² + q₁χ₀χ₁ + q₂χ₁² = 0, (K_A, K_C orthogonal to χ χ̃ᵀ for the same χ̃)."""
    a, c = legs.momentum(corners[0]), legs.momentum(corners[2])
    q0 = a[1, 0] * c[1, 1] - a[1, 1] * c[1, 0]
    q1 = a[1, 1] * c[0, 0] + a[0, 1] * c[1, 0] - a[0, 0] * c[1, 1] - a[1, 0] * c[0, 1]
    q2 = a[0, 0] * c[0, 1] - a[0, 1] * c[0, 0]
    root = np.sqrt(q1**2 - 4 * q0 * q2)
    w = -(q1 + np.where((q1 * root.conj()).real < 0, -root, root)) / 2
    lines = []
    for chi in (np.stack([q2, w]), np.stack([w, q0])):
        chi = chi / _length(chi)
        first, third = u(chi, a), u(chi, c)
        tilde = turned(np.where(_length(first) > _length(third), first, third))
        lines.append(Line(chi, tilde / _length(tilde)))
    return lines[0], lines[1]


def _length(chi: Array) -> Array:
    return np.sqrt((np.abs(chi) ** 2).sum(axis=0))
