"""Trees of a massless quark line between two on-shell spinors, for boxes.

l = χ χ̃ᵀ before the corner, l + K after it; η = (χ₁, −χ₀), so that l̄ = η̃ ηᵀ. With P = l + the momentum absorbed so far and one term for
each last block of gluons (a current J) or photon:

    chirality L: ψ₀ = η̃,  ψ = −P̄ Σ J ψ'/P²,  T = −η_outᵀ Σ J ψ'       chirality R: ψ₀ = χ,  ψ = −P Σ J̄ ψ'/P²,  T = −χ̃_outᵀ Σ J̄ ψ'
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.physics.amplitudes.gg_yygg.cuts import Order, photons
from workbench.physics.amplitudes.gg_yygg.legs import Gauge, Set, fixed, union
from workbench.physics.amplitudes.gg_yygg.vector import Array, apply, bar, dot2, outer, turned

CHIRALITIES = (0, 1)


@dataclass(frozen=True)
class Line:
    """A null loop momentum χ χ̃ᵀ."""

    chi: Array
    tilde: Array

    def momentum(self) -> Array:
        return outer(self.chi, self.tilde)


class QuarkTrees:
    """The trees of one corner, for any order of its gluons; photons in all orders. `helicity` fixes that of a corner of one leg."""

    def __init__(self, gauge: Gauge, corner: Set, before: Line, after: Line, helicity: int | None = None):
        self.gauge, self.corner, self.helicity = gauge, corner, helicity
        self.start = (-turned(before.tilde), before.chi)
        self.end = (turned(after.chi), -after.tilde)
        self.momentum = before.momentum()
        self._states: dict[tuple[int, Order, Set], Array] = {}
        self._propagators: dict[Set, tuple[Array, Array]] = {}

    def tree(self, order: Order) -> tuple[Array, Array]:
        """T of both chiralities."""
        left, right = (self._absorbed(chirality, order, photons(self.corner)) for chirality in CHIRALITIES)
        return self._closed(0, left), self._closed(1, right)

    def _closed(self, chirality: int, state: Array) -> Array:
        end = self.end[chirality]
        return end[0] * state[0] + end[1] * state[1]

    def _vertex(self, chirality: int, block: Order) -> Array:
        string = block[::-1]  # who is absorbed first stands last in the colour string
        current = self.gauge.bar(string) if chirality else self.gauge.current(string)
        return current if self.helicity is None else fixed(current, block[0], self.helicity)

    def _absorbed(self, chirality: int, order: Order, found: Set) -> Array:
        """Σ J ψ' over what was absorbed last."""
        total: Array | None = None
        for cut in range(len(order)):
            term = apply(self._vertex(chirality, order[cut:]), self._state(chirality, order[:cut], found))
            total = term if total is None else total + term
        for photon in found:
            others = tuple(leg for leg in found if leg != photon)
            term = apply(self._vertex(chirality, (photon,)), self._state(chirality, order, others))
            total = term if total is None else total + term
        assert total is not None
        return total

    def _state(self, chirality: int, order: Order, found: Set) -> Array:
        if not order and not found:
            return self.start[chirality]
        key = (chirality, order, found)
        if key not in self._states:
            momenta = self._propagator(union(order, found))
            self._states[key] = apply(momenta[chirality], self._absorbed(chirality, order, found))
        return self._states[key]

    def _propagator(self, absorbed: Set) -> tuple[Array, Array]:
        """−P̄/P² and −P/P²"""
        if absorbed not in self._propagators:
            momentum = self.gauge.legs.momentum(absorbed)
            squared = dot2(self.momentum, momentum) + self.gauge.legs.square(absorbed)
            inside = (self.momentum + momentum) / -squared
            self._propagators[absorbed] = bar(inside), inside
        return self._propagators[absorbed]
