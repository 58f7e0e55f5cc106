"""Coefficients of the 25 bubbles from the scalar in the loop, without any subtraction of boxes.

With any spinor x, e = x χ̃ᵀ, χ̃ orthogonal to u_x(K): e² = e·K = 0, and B the t⁰ coefficient of T_S(l) T_S'(l + K) along l = t e − K/2,

    b_S = 2 { ½ B − Σ_triangles Σ_branches [ s₂ ω/δ − s₁ (ω/δ)² α ] } ,  ω = e·b/(a·b) ,  δ = 2 e·K_X ,  α = −K_X·K_Y

over the triangles (X, Y, Z), in the order of their corners, of which Z is S or its complement. On the sphere of the double cut the
product of trees is p(n) + Σ T_i(n)/D_i; its t⁰ coefficient along e is the average of p, which is the bubble, plus [T/D]₀. Neither depends
on x.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from workbench.physics.amplitudes.gg_yygg.cuts import Order, class_sums
from workbench.physics.amplitudes.gg_yygg.legs import LEGS, Gauge, Legs, Set, channel, complement, constant
from workbench.physics.amplitudes.gg_yygg.quark import Line
from workbench.physics.amplitudes.gg_yygg.scalar import ScalarTrees, Series, power
from workbench.physics.amplitudes.gg_yygg.triangles import CLASSES, Branch
from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2, turned, u

CHANNELS: tuple[Set, ...] = (*combinations(LEGS, 2), *(legs for legs in combinations(LEGS, 3) if legs[0] == 0))
SPINOR = (0.9 - 0.2j, 0.4 + 0.7j)


@dataclass(frozen=True)
class Bubbles:
    """The direction e of each channel."""

    legs: Legs
    lines: dict[Set, Line]
    directions: dict[Set, Array]

    @classmethod
    def of(cls, legs: Legs, spinor: tuple[complex, complex] = SPINOR) -> Bubbles:
        x = constant(spinor, legs.lam[0])
        lines = {one: Line(x, turned(u(x, legs.momentum(one)))) for one in CHANNELS}
        return cls(legs, lines, {one: line.momentum() for one, line in lines.items()})

    def direct(self, one: Set) -> dict[int, Array]:
        """B of a channel by class."""
        line, half = self.lines[one], self.legs.momentum(one) / 2
        gauge = Gauge(self.legs, line.chi, line.tilde)
        corners = (one, complement(one))
        beyond = max(0, sum(power(corner) for corner in corners))
        at = [
            ScalarTrees(gauge, corner, self.directions[one], centre, beyond=beyond)
            for corner, centre in zip(corners, (-half, half), strict=True)
        ]

        def trees(place: int, order: Order) -> Series:
            return at[place].tree(order)

        sums = class_sums(corners, trees, Series.__mul__, Series.__add__, CLASSES)
        return {number: found for number, series in sums.items() if (found := series.s[2]) is not None}

    def shares(self, corners: tuple[Set, ...], branch: Branch) -> list[tuple[Set, Array, Array]]:
        """The channels in which a branch of a triangle appears, with ω/δ and (ω/δ)² α."""
        found = []
        for place, z in enumerate(corners):
            if len(z) == 1:
                continue
            one, x, y = channel(z), corners[(place + 1) % 3], corners[(place + 2) % 3]
            e, kx, ky = self.directions[one], self.legs.momentum(x), self.legs.momentum(y)
            ratio = dot2(e, branch.b) / (branch.norm * dot2(e, kx))
            found.append((one, ratio, ratio**2 * dot2(kx, ky) / -2))
        return found
