"""The six legs of a chunk of points: spinors, momenta, invariants, polarisations and the currents of gluon trees.

All momenta are incoming: k_i = p_i for the gluons that collide, −p_i for what comes out. With an axis x across the beam

    λ_i = (√(E + x), (z + iy)/√(E + x)) ,  λ̃_i = λ_i* ,  k_i = ±λ_i λ̃_iᵀ ,  s_ij = ±|⟨ij⟩|²

Helicity 0 is +, 1 is −; leg 1 is always + (the other half of the helicities follows by complex conjugation). Sets of legs are tuples in
rising order; legs count from 0 here: gluons 0, 1, 4, 5 and photons 2, 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from workbench.physics.amplitudes.gg_yygg.vector import Array, dot2, outer, product

LEGS = tuple(range(6))
GLUONS, PHOTONS = (0, 1, 4, 5), (2, 3)
SIGNS = (1, 1, -1, -1, -1, -1)
Set = tuple[int, ...]


def union(*sets: Iterable[int]) -> Set:
    return tuple(sorted(leg for legs in sets for leg in legs))


def complement(legs: Iterable[int]) -> Set:
    return tuple(leg for leg in LEGS if leg not in set(legs))


def channel(legs: Set) -> Set:
    """A set of legs or its complement, whichever names the channel: the smaller one, of three legs the one with leg 0."""
    other = complement(legs)
    return min((len(legs), legs), (len(other), other))[1]


def shape(i: int, length: int) -> tuple[int, ...]:
    """The helicity axes, of which that of leg i has a length."""
    return tuple(length if leg == i else 1 for leg in LEGS)


def with_helicities(values: Array) -> Array:
    """(…, point) → (…, 1, 1, 1, 1, 1, 1, point)"""
    return values.reshape(*values.shape[:-1], *(1,) * len(LEGS), values.shape[-1])


def constant(values: Iterable[complex], like: Array) -> Array:
    """A spinor that is the same for all points."""
    return with_helicities(np.array(list(values), dtype=like.dtype)[:, None])


def fixed(values: Array, leg: int, helicity: int) -> Array:
    """The part with one helicity of a leg; its axis stays, with length one."""
    axis = values.ndim - len(LEGS) - 1 + leg
    return values[(slice(None),) * axis + (slice(helicity, helicity + 1),)]


def balanced(momenta: Array, real: type = np.float64) -> Array:
    """Momenta (event, 6, 4), massless and balanced to the precision of the type: p₃, p₄, p₅ and z of p₆ stay, the rest follows."""
    p: Array = momenta.astype(real)
    p[:, 5, 1:3] = p[:, 0, 1:3] + p[:, 1, 1:3] - p[:, 2:5, 1:3].sum(axis=1)
    p[:, 2:, 0] = np.sqrt((p[:, 2:, 1:] ** 2).sum(axis=-1))
    total = p[:, 2:].sum(axis=1)
    direction = p[:, 0, 1:] / np.sqrt((p[:, 0, 1:] ** 2).sum(axis=-1))[:, None]
    squared = total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=-1)
    p[:, 0, 0] = squared / (2 * (total[:, 0] - (total[:, 1:] * direction).sum(axis=-1)))
    p[:, 0, 1:] = p[:, 0, :1] * direction
    p[:, 1] = total - p[:, 0]
    return p


class Legs:
    """What all cuts of a chunk of points read."""

    def __init__(self, momenta: Array):
        """momenta: (event, 6, 4), massless and balanced."""
        self.real: type = momenta.dtype.type
        energy, px, py, pz = np.moveaxis(momenta, (0, 1, 2), (2, 1, 0))
        cosine = self.real(0.5403023058681398)  # of one radian, by which the axis x is turned: momenta typed by hand like the axes
        sine = np.sqrt(1 - cosine * cosine)
        x, y = cosine * px + sine * py, cosine * py - sine * px
        plus = np.where(x < 0, (y**2 + pz**2) / (energy - np.minimum(x, 0)), energy + x)
        root = np.sqrt(plus)
        spinors = np.stack([root + 0j, (pz + 1j * y) / root], axis=1)
        self.lam = [with_helicities(spinor) for spinor in spinors]
        self.tilde = [spinor.conj() for spinor in self.lam]
        self._momenta: dict[Set, Array] = {(i,): SIGNS[i] * outer(self.lam[i], self.tilde[i]) for i in LEGS}
        self._squares: dict[Set, Array] = {}

    @property
    def points(self) -> int:
        return self.lam[0].shape[-1]

    def momentum(self, legs: Set) -> Array:
        if legs not in self._momenta:
            if len(legs) > 3:
                self._momenta[legs] = -self.momentum(complement(legs))
            else:
                self._momenta[legs] = self.momentum(legs[:-1]) + self.momentum(legs[-1:])
        return self._momenta[legs]

    def square(self, legs: Set) -> Array:
        """The invariant of a set of legs, real."""
        legs = channel(legs)
        if legs not in self._squares:
            if len(legs) == 1:
                return np.zeros_like(self.lam[0].real[0])
            if len(legs) == 2:
                i, j = legs
                found = product(self.lam[i], self.lam[j])
                self._squares[legs] = SIGNS[i] * SIGNS[j] * (found.real**2 + found.imag**2)
            else:
                i, j, k = legs
                self._squares[legs] = self.square((i, j)) + self.square((i, k)) + self.square((j, k))
        return self._squares[legs]

    def log(self, legs: Set) -> Array:
        """ln(−s) = ln|s| − iπ θ(s)"""
        s = self.square(legs)
        pi = 4 * np.arctan(self.real(1))
        return np.log(np.abs(s)) - 1j * pi * (s > 0)

    @cached_property
    def gauge(self) -> Gauge:
        """The polarisations with the same reference spinors at all points; ε₋ = ε₊*."""
        x = constant((0.8, 0.5 + 0.3j), self.lam[0])
        return Gauge(self, x, x.conj())


class Gauge:
    """Polarisations with reference spinors x, y, and the currents of gluon trees made of them.

    ε₊ = √2 x λ̃ᵀ/⟨xλ⟩ ,  ε₋ = √2 λ yᵀ/[yλ̃] ; ε·ε* = −1. Along l = x yᵀ all ε·l = 0.
    """

    def __init__(self, legs: Legs, x: Array, y: Array):
        self.legs, self.x, self.y = legs, x, y
        self._currents: dict[Set, Array] = {}
        self._bars: dict[Set, Array] = {}

    def current(self, string: Set) -> Array:
        """J of gluons in this order of colour, or the polarisations of a single leg."""
        if string not in self._currents:
            self._currents[string] = self._polarisations(string[0]) if len(string) == 1 else self._joined(string)
        return self._currents[string]

    def bar(self, string: Set) -> Array:
        if string not in self._bars:
            j = self.current(string)
            self._bars[string] = np.stack([np.stack([j[1, 1], -j[0, 1]]), np.stack([-j[1, 0], j[0, 0]])])
        return self._bars[string]

    def _polarisations(self, i: int) -> Array:
        lam, tilde, root = self.legs.lam[i], self.legs.tilde[i], np.sqrt(self.legs.real(2))
        plus = outer(self.x, tilde) * (root / product(self.x, lam))
        if i == 0:
            return plus
        minus = outer(lam, self.y) * (root / product(self.y, tilde))
        return np.concatenate(np.broadcast_arrays(plus, minus), axis=2 + i)

    def _joined(self, string: Set) -> Array:
        """P²J = −Σ [2(J_L·p_R)J_R − 2(J_R·p_L)J_L − (J_L·J_R)(p_R − p_L)] − Σ [(J_L·J_M)J_R − 2(J_L·J_R)J_M + (J_M·J_R)J_L]"""
        if string[0] > string[-1]:
            backwards = self.current(string[::-1])
            return backwards if len(string) % 2 else -backwards
        total: Array | float = 0.0
        for cut in range(1, len(string)):
            left, right = string[:cut], string[cut:]
            a, b, p, q = self.current(left), self.current(right), self.momentum(left), self.momentum(right)
            total = total + (dot2(a, q) * b - dot2(b, p) * a - dot2(a, b) / 2 * (q - p))
            for second in range(cut + 1, len(string)):
                middle, end = self.current(string[cut:second]), self.current(string[second:])
                total = total + (dot2(a, middle) / 2 * end - dot2(a, end) * middle + dot2(middle, end) / 2 * a)
        return -total / self.legs.square(union(string))

    def momentum(self, string: Set) -> Array:
        return self.legs.momentum(union(string))
