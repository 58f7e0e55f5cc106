"""Trees of a scalar that absorbs the legs of one corner, at large loop momentum l = t a + V + β b/t: series in 1/t, exact to first order
in β.

    φ₀ = 1 ,  φ = N/D ,  D = 2l·Q + Q²  with Q the momentum absorbed so far
    N = − Σ 2(l + Q')·J φ' − Σ (J_X·J_Y) φ''        T = N of the last state

over the last block (a current J of gluons, or a photon) and over the last two blocks X, Y: two blocks of gluons in their order, a photon
and a block of gluons in both orders, two photons in both.

With the photons in all orders a corner falls at large t like t^w, w = 1 for gluons only, less by one for each photon beside gluons, 0 for
two photons alone: the terms before cancel, and are dropped.
"""

from __future__ import annotations

import numpy as np

from workbench.physics.amplitudes.gg_yygg.cuts import Order, gluons, photons
from workbench.physics.amplitudes.gg_yygg.legs import Gauge, Set, union
from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2

Coefficients = list[Array | None]


def power(corner: Set) -> int:
    """w: the tree falls like t^w."""
    if len(corner) == 1:
        return 1
    return 1 - len(photons(corner)) if gluons(corner) else 0


ORDERS = 4
"""Nothing is asked beyond k = 3 of a product."""


class Series:
    """Coefficients of t^(lead − k), k = 0, 1, …: `s` without β, `r` of β; None where they vanish."""

    def __init__(self, s: Coefficients, r: Coefficients):
        self.s, self.r = s, r

    def __add__(self, other: Series) -> Series:
        return Series(*([plus(a, b) for a, b in zip(x, y, strict=True)] for x, y in ((self.s, other.s), (self.r, other.r))))

    def __mul__(self, other: Series) -> Series:
        length = min(len(self.s) + len(other.s) - 1, ORDERS)
        s: Coefficients = [None] * length
        r: Coefficients = [None] * length
        for i in range(length):
            for j in range(length - i):
                a, b = _at(self.s, i), _at(other.s, j)
                if a is not None and b is not None:
                    s[i + j] = plus(s[i + j], a * b)
                if (b_r := _at(other.r, j)) is not None and a is not None:
                    r[i + j] = plus(r[i + j], a * b_r)
                if (a_r := _at(self.r, i)) is not None and b is not None:
                    r[i + j] = plus(r[i + j], a_r * b)
        return Series(s, r)


def _at(coefficients: Coefficients, k: int) -> Array | None:
    return coefficients[k] if 0 <= k < len(coefficients) else None


def plus(a: Array | None, b: Array | None) -> Array | None:
    return b if a is None else a if b is None else a + b


class ScalarTrees:
    """The trees of one corner along a, in the gauge of a (or in any other, with `absent` false).

    Terms up to t^(w − beyond), w the power of the corner, and with b the leading term of β.
    """

    def __init__(self, gauge: Gauge, corner: Set, a: Array, centre: Array, b: Array | None = None, *, beyond: int = 0, absent: bool = True):
        self.gauge, self.corner, self.a, self.centre, self.b, self.absent = gauge, corner, a, centre, b, absent
        self.first = 1 - power(corner)
        self.length = self.first + 1 + beyond + (b is not None)
        self.kept = self.first + 1 + beyond
        self._states: dict[tuple[Order, Set], Series] = {}
        self._propagators: dict[Set, tuple[Array, Array, Array | None]] = {}
        self._vertices: dict[tuple[int, Set, Set], Array] = {}

    def tree(self, order: Order) -> Series:
        """T without the terms that cancel."""
        found = self.all_terms(order)
        s = [x if self.first <= k < self.kept else None for k, x in enumerate(found.s)]
        r = [x if k >= self.first + 2 else None for k, x in enumerate(found.r)]
        return Series(s, r)

    def all_terms(self, order: Order) -> Series:
        """T from t¹ on."""
        found = self._numerator(order, photons(self.corner))
        return Series(*([None if x is None else -x for x in values] for values in (found.s, found.r)))

    def _vertex(self, k: int, string: Set, absorbed: Set) -> Array | None:
        """The t^(1 − k) term of 2(l + Q)·J."""
        if k == 0 and len(string) == 1 and self.absent:
            return None
        key = (k, string, absorbed if k == 1 else ())
        if key not in self._vertices:
            current = self.gauge.current(string)
            if k == 1:
                vector = self.centre + self.gauge.legs.momentum(absorbed) if absorbed else self.centre
            else:
                vector = self.a if k == 0 else self.b  # type: ignore[assignment]
            self._vertices[key] = dot2(vector, current)
        return self._vertices[key]

    def _numerator(self, order: Order, found: Set) -> Series:
        """−N"""
        s: Coefficients = [None] * self.length
        r: Coefficients = [None] * self.length
        for cut in range(len(order)):
            self._absorb(s, r, order[cut:][::-1], order[:cut], found)
            for second in range(cut):
                seagull = dot2(self.gauge.current(order[second:cut][::-1]), self.gauge.current(order[cut:][::-1])) / 2
                self._touch(s, r, seagull, order[:second], found)
        for photon in found:
            others = tuple(leg for leg in found if leg != photon)
            self._absorb(s, r, (photon,), order, others)
            for cut in range(len(order)):
                self._touch(s, r, self._seagull(order[cut:][::-1], photon), order[:cut], others)
        if len(found) == 2:
            self._touch(s, r, self._seagull(found[:1], found[1]), order, ())
        return Series(s, r)

    def _seagull(self, string: Set, photon: int) -> Array:
        return dot2(self.gauge.current(string), self.gauge.current((photon,)))

    def _absorb(self, s: Coefficients, r: Coefficients, string: Set, order: Order, found: Set) -> None:
        """Add 2(l + Q')·J φ'."""
        before = self._state(order, found)
        absorbed = union(order, found)
        for shift in (0, 1, 2):
            if shift == 2 and self.b is None:
                continue
            for k in range(shift, self.length):
                phi, phi_r = before.s[k - shift], before.r[k - shift]
                if phi is None and (phi_r is None or shift == 2):
                    continue
                vertex = self._vertex(shift, string, absorbed)
                if vertex is None:
                    break
                if shift == 2:
                    r[k] = plus(r[k], vertex if order == () and found == () else vertex * phi)
                    continue
                if phi is not None:
                    s[k] = plus(s[k], vertex if order == () and found == () else vertex * phi)
                if phi_r is not None:
                    r[k] = plus(r[k], vertex * phi_r)

    def _touch(self, s: Coefficients, r: Coefficients, seagull: Array, order: Order, found: Set) -> None:
        """Add (J_X·J_Y) φ''."""
        before = self._state(order, found)
        for k in range(1, self.length):
            if (phi := before.s[k - 1]) is not None:
                s[k] = plus(s[k], seagull if order == () and found == () else seagull * phi)
            if (phi_r := before.r[k - 1]) is not None:
                r[k] = plus(r[k], seagull * phi_r)

    def _state(self, order: Order, found: Set) -> Series:
        """φ"""
        key = (order, found)
        if key not in self._states:
            empty: Coefficients = [None] * self.length
            if not order and not found:
                self._states[key] = Series([np.ones(1), *empty[1:]], empty)
            else:
                self._states[key] = self._divided(self._numerator(order, found), union(order, found))
        return self._states[key]

    def _divided(self, numerator: Series, absorbed: Set) -> Series:
        """−(−N)/D"""
        inverse, d1, d2 = self._propagator(absorbed)
        s: Coefficients = []
        r: Coefficients = []
        for k in range(self.length):
            value = numerator.s[k]
            if k >= 1 and (phi := s[k - 1]) is not None:
                value = plus(value, d1 * phi)
            s.append(None if value is None else value * inverse)
            value = numerator.r[k]
            if k >= 1 and (phi_r := r[k - 1]) is not None:
                value = plus(value, d1 * phi_r)
            if k >= 2 and d2 is not None and (phi := s[k - 2]) is not None:
                value = plus(value, d2 * phi)
            r.append(None if value is None else value * inverse)
        return Series(s, r)

    def _propagator(self, absorbed: Set) -> tuple[Array, Array, Array | None]:
        """−1/D₀, D₁, D₂ with D = D₀ t + D₁ + D₂ β/t"""
        if absorbed not in self._propagators:
            legs = self.gauge.legs
            q = legs.momentum(absorbed)
            d1 = dot2(self.centre, q) + legs.square(absorbed)
            self._propagators[absorbed] = (-1 / dot2(self.a, q), d1, None if self.b is None else dot2(self.b, q))
        return self._propagators[absorbed]
