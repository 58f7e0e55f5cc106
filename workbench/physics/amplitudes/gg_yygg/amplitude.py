"""|M|² of gg → γγgg from its cuts, with an estimate of the numerical error.

    A_c = Σ_boxes d F₄ + Σ_three-mass c₀ F₃ + Σ_S b_S (−ln(−s_S)) + R ,  b₃₄ = −Σ of the other b_S
    |M|² = (4πα)² (4πα_s)⁴ / (16π²)² (Σ_q Q_q²)² · 1/256 · 1/2 · 1/2 · Σ_h Σ_cc' C_cc' A_c A_c'*

C = 23/3 on the diagonal and −4/3 off it. The helicities with leg 1 flipped have the same coefficients up to phases and complex conjugated
loop functions: A' beside A.

The b_S from their own formulas add up to zero, as there is no ultraviolet pole; what is left of that, and rounding in large boxes that
cancel three-mass triangles, tell the error:

    error = ‖Σ_S b_S‖/‖A‖ + ε √(Σ_boxes ‖d F₄‖² + Σ_three-mass ‖c₀ F₃‖²)/‖A‖ ,  ε = 10⁻¹⁴ in 64 bits
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.physics.amplitudes.gg_yygg import boxes, cuts, rational, three_mass, triangles
from workbench.physics.amplitudes.gg_yygg.boxes import Fixed
from workbench.physics.amplitudes.gg_yygg.bubbles import CHANNELS, Bubbles
from workbench.physics.amplitudes.gg_yygg.legs import Legs, Set, balanced
from workbench.physics.amplitudes.gg_yygg.loop_functions import LoopFunctions
from workbench.physics.amplitudes.gg_yygg.vector import Array

ALPHA, ALPHA_S = 1 / 137, 0.118
CHARGES_SQUARED = 11 / 9  # Σ Q² of u, d, s, c, b
PREFACTOR = (4 * math.pi * ALPHA) ** 2 * (4 * math.pi * ALPHA_S) ** 4 / (16 * math.pi**2) ** 2 * CHARGES_SQUARED**2 / (256 * 2 * 2)
HELICITIES = (1, 2, 2, 2, 2, 2)
LOST: Set = (2, 3)
"""The channel whose coefficient is taken from the others."""
ROUNDING = 1e-14
"""ε in 64 bits."""


def place(total: Array, helicities: Fixed, value: Array) -> None:
    """Add a value to the helicities it is for; axes (…, helicity × 6, point)."""
    chosen = tuple(slice(helicities[i], helicities[i] + 1) if i in helicities else slice(None) for i in range(6))
    total[(..., *chosen, slice(None))] += value


def norm(amplitudes: Array) -> Array:
    """√Σ|·|² over the classes and helicities, by point."""
    return np.sqrt((amplitudes.real**2 + amplitudes.imag**2).sum(axis=tuple(range(amplitudes.ndim - 1))))


def with_last_class(amplitudes: Array) -> Array:
    """All three classes from two, whose sum with the third vanishes: axes (class, …)."""
    return np.concatenate([amplitudes, -(amplitudes[:1] + amplitudes[1:])])


@dataclass(frozen=True)
class Amplitudes:
    """A and A' with axes (class, helicity × 6, point), Σ b_S likewise, and the size of the boxes and three-mass triangles by point."""

    amplitudes: Array
    conjugated: Array
    bubbles: Array
    size: Array

    @property
    def squared(self) -> Array:
        """|M|² in GeV⁻⁴ by point."""
        both = np.stack([self.amplitudes, self.conjugated])  # axes (2, class, …)
        return PREFACTOR * (9 * norm(both) ** 2 - norm(both.sum(axis=1)) ** 2 * 4 / 3)

    @property
    def error(self) -> Array:
        """The relative error of |M|², estimated, by point."""
        rounding = ROUNDING * np.finfo(self.size.dtype).eps / np.finfo(np.float64).eps
        return (norm(self.bubbles) + rounding * self.size) / norm(self.amplitudes)


def amplitudes(momenta: Array, real: type = np.float64) -> Amplitudes:
    """All amplitudes of momenta (event, 6, 4), computed in a real type and its complex one."""
    legs = Legs(balanced(momenta, real))
    found, conjugated, size = _four_dimensional(legs)
    below, below_conjugated, bubbles = _from_scalar(legs)
    return Amplitudes(found + with_last_class(below), conjugated + with_last_class(below_conjugated), with_last_class(bubbles), size)


def _zeros(legs: Legs, *axes: int) -> Array:
    return np.zeros((*axes, *HELICITIES, legs.points), dtype=legs.lam[0].dtype)


def _four_dimensional(legs: Legs) -> tuple[Array, Array, Array]:
    """Boxes and three-mass triangles: their sums for A and for A', and their size."""
    functions, total, conjugated = LoopFunctions(legs), _zeros(legs, 3), _zeros(legs, 3)
    size: Array = np.zeros(legs.points, dtype=legs.real)

    def add(helicities: Fixed, coefficients: dict[int, Array], function: Array) -> None:
        for number, coefficient in coefficients.items():
            term = coefficient * function
            place(total[number], helicities, term)
            place(conjugated[number], helicities, coefficient * function.conj())
            size[...] += (term.real**2 + term.imag**2).sum(axis=tuple(range(6)))

    for corners in cuts.boxes():
        for helicities, coefficients in boxes.coefficient(legs, corners):
            add(helicities, coefficients, functions.box(corners))
    for corners in cuts.triangles(2, 2, 2):
        add({}, three_mass.coefficient(legs, corners), functions.three_mass(corners))
    return total, conjugated, np.sqrt(size)


def _from_scalar(legs: Legs) -> tuple[Array, Array, Array]:
    """Bubbles and R of two classes: their sums for A and for A', and Σ b_S."""
    logarithms = {one: legs.log(LOST) - legs.log(one) for one in CHANNELS}
    weights = {one: np.stack([log, log.conj(), np.ones_like(log)]) for one, log in logarithms.items()}
    (total, conjugated, bubbles), rest = weighted_bubbles(legs, Bubbles.of(legs), weights)
    return total + rest, conjugated + rest, bubbles


def weighted_bubbles(legs: Legs, bubbles: Bubbles, weights: dict[Set, Array]) -> tuple[Array, Array]:
    """Σ_S w_S b_S for several sets of weights (weight, 1 × 6, point), with axes (weight, class, …), and R: the same triangles make both."""
    total, rest = _zeros(legs, len(weights[LOST]), triangles.CLASSES), _zeros(legs, triangles.CLASSES)
    for corners in triangles.all_triangles():
        shares: dict[int, tuple[Array, Array]] = {}
        for part in triangles.parts(legs, corners):
            if part.number not in shares:
                shares[part.number] = _shares(bubbles, corners, part, weights)
            for of, coefficients in zip(shares[part.number], (part.s2, part.s1), strict=True):
                for number, coefficient in coefficients.items():
                    place(total[:, number], part.helicities, of * coefficient)
            for number, c2 in part.c2.items():
                place(rest[number], part.helicities, c2)
    for one in CHANNELS:
        for number, direct in bubbles.direct(one).items():
            place(total[:, number], {}, weights[one] * direct)
    for corners in rational.all_boxes():
        for number, d4 in rational.coefficient(legs, corners).items():
            place(rest[number], {}, d4 / -3)
    return total, rest


def _shares(bubbles: Bubbles, corners: cuts.Corners, part: triangles.Part, weights: dict[Set, Array]) -> tuple[Array, Array]:
    """With which weights s₂ and s₁ of a branch of a triangle enter."""
    of_s2, of_s1 = np.zeros_like(weights[LOST]), np.zeros_like(weights[LOST])
    for one, linear, squared in bubbles.shares(corners, part.branch):
        of_s2 -= 2 * linear * weights[one]
        of_s1 += 2 * squared * weights[one]
    return of_s2, of_s1
