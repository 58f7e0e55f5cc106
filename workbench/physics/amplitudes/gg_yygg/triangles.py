"""What the scalar in the loop leaves of the 90 triangles: t², t¹ terms of the product of the trees for the bubbles, β t⁰ terms for R.

A product of trees falls like t^(Σw). Triangles with Σw = 2 have a coefficient of μ²,

    c₂ = ½ Σ_branches r₃/(2 a·b) ,  r₃ the coefficient of β t⁰,

and both s₁ (t²) and s₂ (t¹); those with Σw = 1 only s₂. A corner of one leg has T = −2 l·ε with V·ε = 0: without β it passes one helicity, + on
branch 0 for the first such corner, − for the second; the other helicity enters r₃ once, as −2 b·ε times the leading product of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workbench.physics.amplitudes.gg_yygg.cuts import Corners, Order, class_sums, orders, triangles
from workbench.physics.amplitudes.gg_yygg.directions import Branch, branches
from workbench.physics.amplitudes.gg_yygg.legs import Gauge, Legs, fixed
from workbench.physics.amplitudes.gg_yygg.scalar import ScalarTrees, Series, power
from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2

CLASSES = 2
"""Of the colour orders, since the sum over all three vanishes."""
Fixed = dict[int, int]


@dataclass(frozen=True)
class Part:
    """Coefficients of one branch for some helicities, by class: s₁, s₂ and r₃/(2 a·b)."""

    branch: Branch
    helicities: Fixed
    s1: dict[int, Array]
    s2: dict[int, Array]
    c2: dict[int, Array]


def all_triangles() -> tuple[Corners, ...]:
    return (*triangles(1, 1, 4), *triangles(1, 2, 3), *triangles(2, 2, 2))


def total_power(corners: Corners) -> int:
    """Σw, with 2 for gggg|y|y, whose leading coefficient vanishes."""
    return min(2, sum(power(corner) for corner in corners))


def parts(legs: Legs, corners: Corners) -> Iterator[Part]:
    """The coefficients of one triangle."""
    if not orders(corners, CLASSES):
        return
    squared = total_power(corners) == 2
    beyond = sum(power(corner) for corner in corners) - 1
    for number, branch in enumerate(branches(legs, corners)):
        gauge = Gauge(legs, branch.line.chi, branch.line.tilde)
        singles = [corner[0] for corner in corners if len(corner) == 1]
        helicities = {leg: (number + place) % 2 for place, leg in enumerate(singles)}
        at = [
            ScalarTrees(gauge, corner, branch.a, centre, branch.b if squared else None, beyond=beyond) if len(corner) > 1 else None
            for corner, centre in zip(corners, branch.centres, strict=True)
        ]
        made: dict[tuple[int, Order], Series] = {}

        def trees(place: int, order: Order, opposite: int | None = None, branch: Branch = branch, at=at, made=made, helicities=helicities) -> Series:
            tree = at[place]
            if tree is None:
                (leg,) = corners[place]
                other = leg == opposite
                current = fixed(legs.gauge.current((leg,)), leg, 1 - helicities[leg] if other else helicities[leg])
                value = -dot2(branch.b if other else branch.a, current)
                return Series([None, None, None], [None, None, value]) if other else Series([value], [None])
            if (place, order) not in made:
                made[place, order] = tree.tree(order)
            return made[place, order]

        if helicities.get(0) != 1:
            sums = class_sums(corners, trees, Series.__mul__, Series.__add__, CLASSES)
            yield Part(branch, helicities, _pick(sums, "s", 1), _pick(sums, "s", 2), _over(_pick(sums, "r", 3), branch.norm))
        for leg in singles if squared else ():
            flipped = helicities | {leg: 1 - helicities[leg]}
            if flipped.get(0) != 1:
                sums = class_sums(corners, lambda place, order: trees(place, order, leg), Series.__mul__, Series.__add__, CLASSES)
                yield Part(branch, flipped, {}, {}, _over(_pick(sums, "r", 3), branch.norm))


def _pick(sums: dict[int, Series], name: str, k: int) -> dict[int, Array]:
    found = {number: getattr(series, name) for number, series in sums.items()}
    return {number: values[k] for number, values in found.items() if k < len(values) and values[k] is not None}


def _over(values: dict[int, Array], norm: Array) -> dict[int, Array]:
    return {number: value / norm for number, value in values.items()}
