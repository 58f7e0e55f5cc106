"""Coefficients of boxes from quadruple cuts: d = ½ Σ over two solutions, two chiralities of Π over the corners of T.

The first corner is a single leg k. Solution 0: l₀ = λ_k xᵀ with u(K₄)·x = K₄², u(K₂)·x = −(k + K₂)²; solution 1: l₀ = x λ̃_kᵀ with v for u.
A corner of one leg at place i passes on solution 0 only helicity + for even i, − for odd i; on solution 1 the opposite.
"""

from __future__ import annotations

from workbench.physics.amplitudes.gg_yygg.cuts import Corners, Order, class_sums
from workbench.physics.amplitudes.gg_yygg.legs import SIGNS, Gauge, Legs, union
from workbench.physics.amplitudes.gg_yygg.quark import Line, QuarkTrees
from workbench.physics.amplitudes.gg_yygg.vector import Array, factors, solve, u, v

Pair = tuple[Array, Array]
Fixed = dict[int, int]
"""The helicities of some legs."""


def passing(corners: Corners, solution: int) -> Fixed | None:
    """The helicities that single legs must have; None where leg 1 would be −."""
    found = {corner[0]: (solution + place) % 2 for place, corner in enumerate(corners) if len(corner) == 1}
    return None if found.get(0) == 1 else found


def lines(legs: Legs, corners: Corners, solution: int) -> list[Line]:
    """The loop momenta before each corner, on the cut."""
    (k,), second, _, fourth = corners
    spinor, linear = (legs.tilde[k], v) if solution else (legs.lam[k], u)
    other = solve(
        linear(spinor, legs.momentum(fourth)),
        legs.square(fourth),
        linear(spinor, legs.momentum(second)),
        -legs.square(union((k,), second)),
    )
    if solution:
        first, next_ = Line(other, spinor), Line(other + SIGNS[k] * legs.lam[k], spinor)
    else:
        first, next_ = Line(spinor, other), Line(spinor, other + SIGNS[k] * legs.tilde[k])
    return [
        first,
        next_,
        Line(*factors(next_.momentum() + legs.momentum(second))),
        Line(*factors(first.momentum() - legs.momentum(fourth))),
    ]


def _multiply(a: Pair, b: Pair) -> Pair:
    return a[0] * b[0], a[1] * b[1]


def _add(a: Pair, b: Pair) -> Pair:
    return a[0] + b[0], a[1] + b[1]


def coefficient(legs: Legs, corners: Corners, gauge: Gauge | None = None) -> list[tuple[Fixed, dict[int, Array]]]:
    """d of a box by class, for the two sets of helicities that pass."""
    found = []
    for solution in (0, 1):
        helicities = passing(corners, solution)
        if helicities is None:
            continue
        cut = lines(legs, corners, solution)
        at = [
            QuarkTrees(gauge or legs.gauge, corner, cut[i], cut[(i + 1) % 4], helicities[corner[0]] if len(corner) == 1 else None)
            for i, corner in enumerate(corners)
        ]

        def trees(place: int, order: Order, at: list[QuarkTrees] = at) -> Pair:
            return at[place].tree(order)

        sums = class_sums(corners, trees, _multiply, _add, 3)
        found.append((helicities, {number: (left + right) / 2 for number, (left, right) in sums.items()}))
    return found
