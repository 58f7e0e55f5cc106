"""What the scalar in the loop leaves of the 90 triangles: t², t¹ terms of the product of the trees for the bubbles, β t⁰ terms for R.

A product of trees falls like t^(Σw). Triangles with Σw = 2 have a coefficient of μ²,

    c₂ = ½ Σ_branches r₃/(2 a·b) ,  r₃ the coefficient of β t⁰,

and both s₁ (t²) and s₂ (t¹); those with Σw = 1 only s₂. A corner of one leg has T = −2 l·ε with V·ε = 0: without β it passes one
helicity, + on branch 0 for the first such corner, − for the second; the other helicity enters r₃ once, as −2 b·ε times the leading
product of the others.
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
    """Of one branch, for some helicities, by class: s₁, s₂ and what it adds to c₂."""

    number: int
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
    singles = [corner[0] for corner in corners if len(corner) == 1]
    for number, branch in enumerate(branches(legs, corners)):
        helicities = {leg: (number + place) % 2 for place, leg in enumerate(singles)}
        products = _Products(legs, corners, branch, helicities)
        if helicities.get(0) != 1:
            sums = products.sums()
            yield Part(number, branch, helicities, _pick(sums, "s", 1), _pick(sums, "s", 2), _half(_pick(sums, "r", 3), branch.norm))
        for leg in singles if total_power(corners) == 2 else ():
            flipped = helicities | {leg: 1 - helicities[leg]}
            if flipped.get(0) != 1:
                yield Part(number, branch, flipped, {}, {}, _half(_pick(products.sums(leg), "r", 3), branch.norm))


class _Products:
    """The products of the trees of one branch of a triangle."""

    def __init__(self, legs: Legs, corners: Corners, branch: Branch, helicities: Fixed):
        self.legs, self.corners, self.branch, self.helicities = legs, corners, branch, helicities
        gauge, total = Gauge(legs, branch.line.chi, branch.line.tilde), sum(power(corner) for corner in corners)
        opposite = branch.b if total_power(corners) == 2 else None
        self.at = [
            ScalarTrees(gauge, corner, branch.a, centre, opposite, beyond=total - 1)
            for corner, centre in zip(corners, branch.centres, strict=True)
        ]
        self.made: dict[tuple[int, Order], Series] = {}

    def sums(self, flipped: int | None = None) -> dict[int, Series]:
        """By class; for the helicities that pass, or with that of one single leg flipped."""

        def trees(place: int, order: Order) -> Series:
            if len(self.corners[place]) == 1:
                return self._single(self.corners[place][0], flipped)
            if (place, order) not in self.made:
                self.made[place, order] = self.at[place].tree(order)
            return self.made[place, order]

        return class_sums(self.corners, trees, Series.__mul__, Series.__add__, CLASSES)

    def _single(self, leg: int, flipped: int | None) -> Series:
        current, helicity = self.legs.gauge.current((leg,)), self.helicities[leg]
        if leg == flipped:
            return Series([None, None, None], [None, None, -dot2(self.branch.b, fixed(current, leg, 1 - helicity))])
        return Series([-dot2(self.branch.a, fixed(current, leg, helicity))], [None])


def _half(values: dict[int, Array], norm: Array) -> dict[int, Array]:
    return {number: value / (2 * norm) for number, value in values.items()}


def _pick(sums: dict[int, Series], name: str, k: int) -> dict[int, Array]:
    found = {number: getattr(series, name) for number, series in sums.items()}
    return {number: values[k] for number, values in found.items() if k < len(values) and values[k] is not None}
