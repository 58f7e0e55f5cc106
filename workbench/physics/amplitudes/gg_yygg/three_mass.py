"""Coefficients of the fifteen three-mass triangles: c₀ = ½ Σ over the branches of the t⁰ term of Tr(T_C T_B T_A).

The trees are those of a quark in second-order form, 2×2 matrices: a vertex V₁(J; l) = 2l·J 1 + P_J J̄ and a seagull J_later J̄_earlier.
For two legs i, then j:

    T = V₁(j; l + k_i) V₁(i; l)/D − J_j J̄_i − V₁(J_ij; l) ,   D = 2l·k_i + k_i² ,

the last term for two gluons; with a photon both orders are added. Each T is a series in 1/t from t¹ on, of which four terms matter; μ = 0.
"""

from __future__ import annotations

import numpy as np

from workbench.physics.amplitudes.gg_yygg.cuts import Corners, Order, orders
from workbench.physics.amplitudes.gg_yygg.directions import Branch, branches
from workbench.physics.amplitudes.gg_yygg.legs import Gauge, Legs, Set
from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2, matmul

Matrices = list[Array | None]
"""Coefficients of t¹, t⁰, t⁻¹, t⁻² of a matrix; None where it vanishes."""
ORDERS = 4


def plus(a: Array | None, b: Array | None) -> Array | None:
    return b if a is None else a if b is None else a + b


class SecondOrderTrees:
    """The trees of one corner of two legs."""

    def __init__(self, gauge: Gauge, corner: Set, branch: Branch, centre: Array, beta: Array):
        self.gauge, self.corner, self.branch, self.centre, self.beta = gauge, corner, branch, centre, beta

    def tree(self, order: Order) -> Matrices:
        if len(order) == 2:
            return self._ordered(*order, both_gluons=True)
        i, j = self.corner
        return [plus(a, b) for a, b in zip(self._ordered(i, j), self._ordered(j, i), strict=True)]

    def _vertex(self, string: Set, centre: Array) -> tuple[Array | None, Array, Array]:
        """V₁(J; l): its terms t¹ (absent for a polarisation), t⁰ and t⁻¹, the first and the last of which multiply 1."""
        j, bar, momentum = self.gauge.current(string), self.gauge.bar(string), self.gauge.momentum(string)
        constant = matmul(momentum, bar)
        scalar = dot2(centre, j)
        constant = constant + scalar * _unit(scalar)
        leading = None if len(string) == 1 else dot2(self.branch.a, j)
        return leading, constant, self.beta * dot2(self.branch.b, j)

    def _ordered(self, i: int, j: int, both_gluons: bool = False) -> Matrices:
        k = self.gauge.legs.momentum((i,))
        _, first, first_beta = self._vertex((i,), self.centre)
        _, second, second_beta = self._vertex((j,), self.centre + k)
        d0, d1 = dot2(self.branch.a, k), dot2(self.centre, k)
        phi1 = first / d0
        phi2 = (first_beta * _unit(first_beta) - d1 * phi1) / d0
        found: Matrices = [
            None,
            -matmul(self.gauge.current((j,)), self.gauge.bar((i,))),
            matmul(second, phi1),
            matmul(second, phi2) + second_beta * phi1,
        ]
        if both_gluons:
            leading, constant, beta = self._vertex((j, i), self.centre)
            assert leading is not None
            pieces = (leading * _unit(leading), constant, beta * _unit(beta))
            found = [plus(a, b) for a, b in zip(found, (*(-piece for piece in pieces), None), strict=True)]
        return found


def _unit(like: Array) -> Array:
    """The unit matrix."""
    return np.eye(2, dtype=like.dtype).reshape(2, 2, *(1,) * like.ndim)


def _product(a: Matrices, b: Matrices) -> Matrices:
    found: Matrices = [None] * ORDERS
    for i, first in enumerate(a):
        for j, second in enumerate(b[: ORDERS - i]):
            if first is not None and second is not None:
                found[i + j] = plus(found[i + j], matmul(first, second))
    return found


def _trace(a: Matrices, b: Matrices) -> Array:
    """The last coefficient of Tr(A B)."""
    total: Array | float = 0.0
    for first, second in zip(a, reversed(b), strict=True):
        if first is not None and second is not None:
            total = total + (first * second.swapaxes(0, 1)).sum(axis=(0, 1))
    return total  # type: ignore[return-value]


def coefficient(legs: Legs, corners: Corners) -> dict[int, Array]:
    """c₀ of a triangle by class."""
    sums: dict[int, Array] = {}
    for branch in branches(legs, corners):
        gauge = Gauge(legs, branch.line.chi, branch.line.tilde)
        centre = branch.centres[0]
        beta = -dot2(centre, centre) / 2 / branch.norm
        at = [SecondOrderTrees(gauge, corner, branch, centre, beta) for corner, centre in zip(corners, branch.centres, strict=True)]
        trees: dict[tuple[int, Order], Matrices] = {}
        pairs: dict[tuple[Order, Order], Matrices] = {}
        for number, chosen in orders(corners):
            for place, order in enumerate(chosen):
                if (place, order) not in trees:
                    trees[place, order] = at[place].tree(order)
            first, second, third = chosen
            if (first, second) not in pairs:
                pairs[first, second] = _product(trees[1, second], trees[0, first])
            found = _trace(trees[2, third], pairs[first, second]) / 2
            sums[number] = sums[number] + found if number in sums else found
    return sums
