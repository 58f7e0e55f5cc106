"""The coefficients of μ⁴ of the 21 boxes that have one: gggg in corners ggg|g or gg|gg, each photon in a corner of its own.

d₄ = Π T(n)/(n²)² ,  n = (b·K₃) a − (a·K₃) b orthogonal to all corners, with T the leading term of the scalar trees along n

R = 2 [ −1/6 Σ d₄ + ½ Σ c₂ ]
"""

from __future__ import annotations

from workbench.physics.amplitudes.gg_yygg.cuts import Corners, Order, boxes, class_sums
from workbench.physics.amplitudes.gg_yygg.legs import Legs
from workbench.physics.amplitudes.gg_yygg.scalar import ScalarTrees, Series, power
from workbench.physics.amplitudes.gg_yygg.triangles import CLASSES
from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2, outer


def all_boxes() -> tuple[Corners, ...]:
    return tuple(corners for corners in boxes() if sum(power(corner) for corner in corners) == 4)


def coefficient(legs: Legs, corners: Corners) -> dict[int, Array]:
    """d₄ of a box by class, for all helicities."""
    single = [corner[0] for corner in corners if len(corner) == 1][:2]
    massive = max(corners, key=len)
    i, j = single
    a, b = outer(legs.lam[i], legs.tilde[j]), outer(legs.lam[j], legs.tilde[i])
    third = legs.momentum(massive)
    n = (dot2(b, third) * a - dot2(a, third) * b) / 2
    at = [ScalarTrees(legs.gauge, corner, n, n, absent=False) for corner in corners]

    def trees(place: int, order: Order) -> Series:
        return at[place].tree(order)

    squared = (dot2(n, n) / 2) ** 2
    sums = class_sums(corners, trees, Series.__mul__, Series.__add__, CLASSES)
    return {number: found / squared for number, series in sums.items() if (found := series.s[0]) is not None}
