"""gg → γγg at one loop through five massless quarks: the squared amplitude |M|² in closed form.

    |M|² = (4πα)² (4πα_s)³ / (16π²)² · N/(N²−1) · (Σ_q Q_q²)² · Σ_h |A(h)|²        A(h) = Σ_σ a(σ)

Two photons are two gluons whose colour matrix is the unit matrix, so A(h) sums the quark-loop five-gluon primitives a(σ) over the
twelve orderings σ in which the gluons 1, 2, 5 keep their cyclic order. Poles, scale and everything proportional to a common constant
times the tree amplitude cancel in that sum. Averaged over spins and colours of the two incoming gluons, summed over the final ones,
with 1/2 for the identical photons; the top quark is omitted; α = 1/137, α_s = 0.118; units GeV⁻².

Source: Bern, Dixon, Kosower, hep-ph/9302280: A^{[1/2]} of five gluons, times 16π²(−i), without pole, scale and constants.

Flipping all helicities swaps ⟨ij⟩ and [ij], which for real momenta are complex conjugates up to signs common to all terms, and leaves the
logarithms. So with coefficients C and loop functions F, a(h) = Σ C F and |a(−h)| = |Σ C F*|: every loop function carries a leading axis
(F, F*), and each coefficient is computed once.

Arrays are (term, event): events last, so that picking spinor products of many orderings copies whole rows.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from itertools import combinations

import torch
from jaxtyping import Complex128, Float, Float64
from torch import Tensor

from workbench.threads import one_thread

ALPHA = 1 / 137
ALPHA_S = 0.118
COLOURS = 3
CHARGES_SQUARED = 11 / 9  # Σ Q² of u, d, s, c, b
PREFACTOR = (
    (4 * math.pi * ALPHA) ** 2 * (4 * math.pi * ALPHA_S) ** 3 / (16 * math.pi**2) ** 2 * COLOURS / (COLOURS**2 - 1) * CHARGES_SQUARED**2
)
ORDERINGS = tuple(
    tuple(int(leg) - 1 for leg in word) for word in "12345 12354 12435 12453 12534 12543 13245 13254 13425 14235 14253 14325".split()
)
HELICITIES = tuple(format(number, "05b").replace("0", "m").replace("1", "p") for number in range(32))
PAIRS = tuple(combinations(range(5), 2))
PAIR = {pair: number for number, pair in enumerate(PAIRS)} | {pair[::-1]: number for number, pair in enumerate(PAIRS)}
DISJOINT = tuple((a, b) for a in range(10) for b in range(10) if not set(PAIRS[a]) & set(PAIRS[b]))
BOX_LEGS = tuple((i, j, k) for j in range(5) for i, k in PAIRS if j not in (i, k))


def _box(i: int, j: int, k: int) -> tuple[int, int, int, int]:
    """Ls₁ with middle leg j: rows of (s_ij, s_m) and (s_jk, s_m) among the disjoint pairs, of s_ik and s_m among the pairs."""
    mass = PAIR[tuple({0, 1, 2, 3, 4} - {i, j, k})]  # type: ignore[index]
    return DISJOINT.index((PAIR[i, j], mass)), DISJOINT.index((PAIR[j, k], mass)), PAIR[i, k], mass


BOXES = tuple(_box(*legs) for legs in BOX_LEGS)
CHUNK = {"cpu": 256, "cuda": 16_384}
"""Events at once: on a CPU, the intermediate arrays of 256 stay in its cache."""


def squared_amplitude(momenta: Float[Tensor, "*batch 5 4"]) -> Float64[Tensor, "*batch"]:
    """|M|² in GeV⁻² of momenta (*batch, 5, 4) in GeV: incoming gluons 1, 2 (positive energies), photons 3, 4, gluon 5.

    The momenta must be massless and balanced, in any frame; 64-bit arithmetic whatever the input, on the device of the input.
    """
    return squared_helicity_amplitudes(momenta).sum(dim=-1)


def squared_helicity_amplitudes(momenta: Float[Tensor, "*batch 5 4"]) -> Float64[Tensor, "*batch 32"]:
    """The 32 terms of |M|², (*batch, 32), in the order of HELICITIES: helicities of legs 1..5, all counted as outgoing."""
    events = momenta.to(torch.float64).reshape(-1, 5, 4)
    size = CHUNK.get(events.device.type, CHUNK["cpu"])
    with one_thread():
        terms = [_squares(*spinor_products(chunk)) for chunk in events.split(size)]
    result = torch.cat(terms) if terms else events.new_zeros(0, 32)
    return result.reshape(*momenta.shape[:-2], 32) * PREFACTOR


def spinor_products(momenta: Float64[Tensor, "event 5 4"]) -> tuple[Complex128[Tensor, "5 5 event"], Complex128[Tensor, "5 5 event"]]:
    """⟨ij⟩ and [ij] of momenta (event, 5, 4), as (5, 5, event); ⟨ij⟩[ji] = s_ij with all legs outgoing.

    λ = (√p₊, (z − iy)/√p₊) with p₊ = E + x. The axis called x is turned about the beam by one radian: a momentum along −x has no λ,
    and momenta typed by hand like to point there. p₊ = (y² + z²)/(E − x) where E + x would cancel.
    """
    energy, px, py, pz = momenta.permute(2, 1, 0)
    x = math.cos(1.0) * px + math.sin(1.0) * py
    y = math.cos(1.0) * py - math.sin(1.0) * px
    plus = torch.where(x < 0, (y.square() + pz.square()) / (energy - x), energy + x)
    root = plus.sqrt()
    incoming = torch.tensor([1j, 1j, 1, 1, 1], dtype=torch.complex128, device=momenta.device)[:, None]
    first, second = incoming * root, torch.complex(pz / root, -y / root)
    conjugate = incoming * second.conj()
    second = incoming * second
    angle = first[:, None] * second[None, :] - second[:, None] * first[None, :]
    square = conjugate[:, None] * first[None, :] - first[:, None] * conjugate[None, :]
    return angle, square


def _squares(angle: Tensor, square: Tensor) -> Tensor:
    """Σ over orderings, squared: (event, 32)."""
    table = Table(angle, square)
    plus = all_plus(Legs(table, "all plus")).sum(dim=0, keepdim=True)
    minus = one_minus(Legs(table, "one minus")).unflatten(0, (5, 12)).sum(dim=1)
    two = adjacent_minus(Legs(table, "adjacent")) + separated_minus(Legs(table, "separated"))
    two = two.unflatten(1, (10, 6)).sum(dim=2)
    columns = torch.cat([plus, plus, minus, minus, two[0], two[1]])
    return (columns.real.square() + columns.imag.square()).T[:, _columns(angle.device)]


@lru_cache
def _tensor(rows: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """Columns of a table of row numbers."""
    return torch.tensor(rows, device=device).T


@lru_cache
def _columns(device: torch.device) -> Tensor:
    """Where each of HELICITIES stands among the computed sums and their parity images."""
    minus_legs: list[tuple[int, ...]] = [(), *((leg,) for leg in range(5)), *PAIRS]
    words = ["".join("m" if leg in legs else "p" for leg in range(5)) for legs in minus_legs]
    flipped = [word.translate(str.maketrans("pm", "mp")) for word in words]
    computed = words[:1] + flipped[:1] + words[1:6] + flipped[1:6] + words[6:] + flipped[6:]
    return torch.tensor([computed.index(word) for word in HELICITIES], device=device)


@lru_cache
def legs_of(pattern: str) -> tuple[tuple[int, ...], ...]:
    """The orderings of a helicity pattern, each rotated so that it starts as the formula does: legs at its positions 1..5.

    Grouped by the helicity configuration: 12 orderings per negative leg, 6 + 6 per pair of negative legs.
    """
    rotations = [[order[start:] + order[:start] for start in range(5)] for order in ORDERINGS]
    if pattern == "all plus":
        return ORDERINGS
    if pattern == "one minus":
        return tuple(turned for leg in range(5) for turns in rotations for turned in turns if turned[0] == leg)
    second = {"adjacent": 1, "separated": 2}[pattern]
    return tuple(turned for pair in PAIRS for turns in rotations for turned in turns if {turned[0], turned[second]} == set(pair))


class Table:
    """Spinor products and loop functions of a chunk of events, each computed once: rows × events.

    L₀, L₁, L₂ need the 30 ordered pairs (s_a, s_b) without common leg; the box function the 30 choices of a middle leg and two outer ones.
    """

    def __init__(self, angle: Tensor, square: Tensor):
        device = angle.device
        i, j = _tensor(PAIRS, device)
        s = (angle[i, j] * square[j, i]).real
        log = torch.complex(s.abs().log(), -math.pi * (s > 0).to(s.dtype))
        above, below = _tensor(DISJOINT, device)
        l0, l1, l2, dilogarithm, difference = _functions(s, log, above, below)
        am, bm, c, m = _tensor(BOXES, device)
        ratio = s[c] / s[m]
        box = ((dilogarithm[am] + dilogarithm[bm] + difference[am] * difference[bm] - math.pi**2 / 6) / ratio + l0[am] + l0[bm]) / ratio
        functions = {"log": log, "L0": l0, "L1": l1, "L2": l2, "Ls1": box, "2Ls1+L1+L1": 2 * box + l1[am] + l1[bm]}
        self.rows = {
            "angle": angle.flatten(0, 1),
            "square": square.flatten(0, 1),
            "1/angle": (1 / angle).flatten(0, 1),
            "1/square": (1 / square).flatten(0, 1),
            "s": s.to(angle.dtype),
            "1/s": (1 / s).to(angle.dtype),
            **{name: torch.stack([values, values.conj()]) for name, values in functions.items()},
        }


def _functions(s: Tensor, log: Tensor, above: Tensor, below: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """L₀, L₁, L₂, Li₂(1 − r) and ln r for r = s_a/s_b; near r = 1 by their series in 1 − r."""
    ratio = s[above] / s[below]
    logarithm = log[above] - log[below]
    d = (s[below] - s[above]) / s[below]
    near = d.abs() < 0.1
    safe = torch.where(near, 1.0, d)
    l0 = logarithm / safe
    l1 = (l0 + 1) / safe
    l2 = (logarithm - (ratio - 1 / ratio) / 2) / safe**3
    small = torch.where(near, d, 0.0)
    l0 = torch.where(near, _series(small, [-1 / (n + 1) for n in range(16)]), l0)
    l1 = torch.where(near, _series(small, [-1 / (n + 2) for n in range(16)]), l1)
    l2 = torch.where(near, _series(small, [1 / 2 - 1 / (n + 3) for n in range(16)]), l2)
    beyond = ratio < 0
    li2 = dilogarithm(torch.where(beyond, ratio, d))
    continued = math.pi**2 / 6 - li2 - logarithm * torch.where(beyond, d, 1.0).log()
    return l0, l1, l2, torch.where(beyond, continued, li2), logarithm


def _series(x: Tensor, coefficients: list[float]) -> Tensor:
    """Σ_n c_n xⁿ by Horner's rule."""
    result = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = torch.addcmul(torch.full_like(x, coefficient), result, x)
    return result


# B_2k / (2k+1)!, k = 1..10
_NUMBERS = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330]
_BERNOULLI = [number / math.factorial(2 * k + 1) for k, number in enumerate(_NUMBERS, start=1)]


def dilogarithm(x: Float64[Tensor, "*batch"]) -> Float64[Tensor, "*batch"]:
    """Li₂(x) for real x < 1: mapped to [−1, 1/2], then Σ B_n uⁿ⁺¹/(n+1)! in u = −ln(1 − x)."""
    high, low = x > 0.5, x < -1
    log = (-x).log1p()
    log_high, log_low = x.clamp(min=0.5).log(), (-x.clamp(max=-1)).log()
    u = torch.where(high, -log_high, torch.where(low, log - log_low, -log))
    square = u.square()
    value = u - square / 4 + u * square * _series(square, _BERNOULLI)
    upper = math.pi**2 / 6 - log_high * log - value
    lower = value - math.pi**2 / 6 + log * (log / 2 - log_low)
    return torch.where(high, upper, torch.where(low, lower, value))


class Legs:
    """What a formula written for legs 1..5 reads: ⟨ij⟩, [ij], s_ij, loop functions, for all orderings of its helicity pattern at once."""

    def __init__(self, table: Table, pattern: str):
        self.rows, self.pattern = table.rows, pattern

    def a(self, i: int, j: int) -> Tensor:
        """⟨ij⟩"""
        return self._pick("angle", i, j)

    def b(self, i: int, j: int) -> Tensor:
        """[ij]"""
        return self._pick("square", i, j)

    def over_a(self, i: int, j: int) -> Tensor:
        """1/⟨ij⟩"""
        return self._pick("1/angle", i, j)

    def over_b(self, i: int, j: int) -> Tensor:
        """1/[ij]"""
        return self._pick("1/square", i, j)

    def s(self, i: int, j: int) -> Tensor:
        return self._pick("s", i, j)

    def over_s(self, i: int, j: int) -> Tensor:
        """1/s_ij"""
        return self._pick("1/s", i, j)

    def log(self, i: int, j: int) -> Tensor:
        """ln(−s_ij) = ln|s_ij| − iπ θ(s_ij), and its conjugate"""
        return self._pick("log", i, j)

    def over_parke_taylor(self) -> Tensor:
        """1/(⟨12⟩⟨23⟩⟨34⟩⟨45⟩⟨51⟩)"""
        return self.over_a(1, 2) * self.over_a(2, 3) * self.over_a(3, 4) * self.over_a(4, 5) * self.over_a(5, 1)

    def of(self, function: str, *legs: int) -> Tensor:
        """L0, L1, L2 of s_ij and s_kl (legs i, j, k, l), or a box function with outer and middle legs (i, j, k)."""
        return self._pick(function, *legs)

    def _pick(self, name: str, *legs: int) -> Tensor:
        rows = self.rows[name]
        return rows.index_select(-2, _index(name, self.pattern, legs, rows.device))


@cache
def _index(name: str, pattern: str, legs: tuple[int, ...], device: torch.device) -> Tensor:
    """The row of a table for each ordering of a pattern."""
    picked = [tuple(order[leg - 1] for leg in legs) for order in legs_of(pattern)]
    if name in ("angle", "square", "1/angle", "1/square"):
        rows = [5 * i + j for i, j in picked]
    elif name in ("s", "1/s", "log"):
        rows = [PAIR[pair] for pair in picked]  # type: ignore[index]
    elif len(legs) == 4:
        rows = [DISJOINT.index((PAIR[i, j], PAIR[k, m])) for i, j, k, m in picked]
    else:
        rows = [BOX_LEGS.index((min(i, k), j, max(i, k))) for i, j, k in picked]
    return torch.tensor(rows, device=device)


def all_plus(legs: Legs) -> Tensor:
    """a(+++++) = −{ s₁₂s₂₃ + s₂₃s₃₄ + s₃₄s₄₅ + s₄₅s₅₁ + s₅₁s₁₂ + [12]⟨23⟩[34]⟨41⟩ − ⟨12⟩[23]⟨34⟩[41] } / (6 ⟨12⟩⟨23⟩⟨34⟩⟨45⟩⟨51⟩)"""
    a, b, s = legs.a, legs.b, legs.s
    invariants = s(1, 2) * s(2, 3) + s(2, 3) * s(3, 4) + s(3, 4) * s(4, 5) + s(4, 5) * s(5, 1) + s(5, 1) * s(1, 2)
    odd = b(1, 2) * a(2, 3) * b(3, 4) * a(4, 1) - a(1, 2) * b(2, 3) * a(3, 4) * b(4, 1)
    return -(invariants + odd) * legs.over_parke_taylor() / 6


def one_minus(legs: Legs) -> Tensor:
    """a(−++++) = { (s₂₃ + s₃₄ + s₄₅)[25]² − [24]⟨43⟩[35][25]
    − [12][15]/(⟨12⟩⟨15⟩) (⟨12⟩²⟨13⟩²[23]/⟨23⟩ + ⟨13⟩²⟨14⟩²[34]/⟨34⟩ + ⟨14⟩²⟨15⟩²[45]/⟨45⟩) } / (3 [12]⟨23⟩⟨34⟩⟨45⟩[51])"""
    a, b, s, over_a, over_b = legs.a, legs.b, legs.s, legs.over_a, legs.over_b
    a13, a14 = a(1, 3).square(), a(1, 4).square()
    bracket = (
        a(1, 2).square() * a13 * b(2, 3) * over_a(2, 3)
        + a13 * a14 * b(3, 4) * over_a(3, 4)
        + a14 * a(1, 5).square() * b(4, 5) * over_a(4, 5)
    )
    numerator = (
        (s(2, 3) + s(3, 4) + s(4, 5)) * b(2, 5).square()
        - b(2, 4) * a(4, 3) * b(3, 5) * b(2, 5)
        - b(1, 2) * b(1, 5) * over_a(1, 2) * over_a(1, 5) * bracket
    )
    return numerator * over_b(1, 2) * over_a(2, 3) * over_a(3, 4) * over_a(4, 5) * over_b(5, 1) / 3


def adjacent_minus(legs: Legs) -> Tensor:
    """a(−−+++), and its parity image up to a phase: (2, ordering, event).

    3a = ⟨12⟩²x/(⟨23⟩⟨34⟩⟨45⟩⟨51⟩s₅₁) L₀(s₂₃,s₅₁) + x y/(⟨34⟩⟨45⟩s₅₁³) L₂(s₂₃,s₅₁) − ⟨12⟩⁴/PT (ln(−s₂₃) + ln(−s₅₁)) − rational terms,
    x = ⟨23⟩[34]⟨41⟩ + ⟨24⟩[45]⟨51⟩ ,  y = [34]⟨41⟩⟨24⟩[45] ,  PT = ⟨12⟩⟨23⟩⟨34⟩⟨45⟩⟨51⟩
    """
    a, b, over_a, over_b, over_s, of = legs.a, legs.b, legs.over_a, legs.over_b, legs.over_s, legs.of
    a12, a24, a41, b34, b35, b45 = a(1, 2), a(2, 4), a(4, 1), b(3, 4), b(3, 5), b(4, 5)
    over_345, over_s51 = over_a(3, 4) * over_a(4, 5), over_s(5, 1)
    over_pt = over_a(2, 3) * over_345 * over_a(5, 1)  # ⟨12⟩/PT
    x = a(2, 3) * b34 * a41 + a24 * b45 * a(5, 1)
    y = b34 * a41 * a24 * b45
    odd = (a12 - a(3, 5) * b35 * over_b(1, 2)) * b35.square() * over_b(2, 3) * over_b(5, 1)
    even = a12 * y * over_s(2, 3) * over_s51 / 2
    squared = a12.square()
    l0 = (squared * x * over_pt * over_s51) * of("L0", 2, 3, 5, 1)
    l2 = (x * y * over_345 * over_s51.square() * over_s51) * of("L2", 2, 3, 5, 1)
    tree = (squared * a12 * over_pt) * (legs.log(2, 3) + legs.log(5, 1))
    return (l0 + l2 - tree - (odd + even) * over_345) / 3


def separated_minus(legs: Legs) -> Tensor:
    """a(−+−++), and its parity image up to a phase: (2, ordering, event).

    Terms come in pairs, for leg 4 with u = ⟨41⟩[24] and mass s₅₁, and for leg 5 with v = ⟨53⟩[25] and mass s₃₄: reversing the order of the
    legs, which fixes leg 2 and changes the sign of a, exchanges them. In the first of them

    −a ∋ −⟨13⟩²u[24]/(⟨45⟩⟨51⟩s₅₁²) Ls₁ − ⟨12⟩⟨23⟩⟨34⟩u²/(⟨45⟩⟨51⟩⟨24⟩²s₅₁²) (2Ls₁ + L₁ + L₁) + (2/3)⟨23⟩²u³/(⟨45⟩⟨51⟩⟨24⟩s₅₁³) L₂
    """
    a, b, over_a, over_b, over_s, of = legs.a, legs.b, legs.over_a, legs.over_b, legs.over_s, legs.of
    a12, a13, a15, a23, a34, b24, b25 = a(1, 2), a(1, 3), a(1, 5), a(2, 3), a(3, 4), b(2, 4), b(2, 5)
    over_34, over_45, over_51, over_s34, over_s51 = over_a(3, 4), over_a(4, 5), over_a(5, 1), over_s(3, 4), over_s(5, 1)
    over_24, over_25, over_451, over_345 = over_a(2, 4), over_a(2, 5), over_45 * over_51, over_34 * over_45
    u, v = a(4, 1) * b24, a(5, 3) * b25
    z = a15 * b(5, 2) * a23 - a34 * b(4, 2) * a(2, 1)
    squared, p, q, u_over, v_over = a13.square(), over_451 * over_24, over_345 * over_25, u * over_s51, v * over_s34
    u2, v2, ub, vb = u_over.square(), v_over.square(), u * b24.square() * p, v * b25.square() * q
    over_pt = over_a(1, 2) * over_a(2, 3) * over_34 * over_451

    box4, sum4, cube4 = squared * u_over * b24 * over_451 * over_s51, a12 * a23 * a34 * u2 * p * over_24, a23.square() * u2 * u_over * p
    box5, sum5, cube5 = squared * v_over * b25 * over_345 * over_s34, a23 * a12 * a15 * v2 * q * over_25, a12.square() * v2 * v_over * q
    boxes = box5 * of("Ls1", 2, 1, 5) - box4 * of("Ls1", 2, 3, 4)
    sums = sum5 * of("2Ls1+L1+L1", 2, 1, 5) - sum4 * of("2Ls1+L1+L1", 2, 3, 4)
    cubes = cube4 * of("L2", 2, 3, 5, 1) - cube5 * of("L2", 1, 2, 3, 4)
    both = a13 * b24 * b25 * z * over_45 + 2 * ((a12 * a34).square() * ub - (a23 * a15).square() * vb)
    mixed = (both * over_s51.square() * over_s51) * of("L2", 3, 4, 5, 1) - (squared * a13 * z * over_pt * over_s51) * of("L0", 3, 4, 5, 1)
    rational = (
        (b24 * b25).square() * over_b(1, 2) * over_b(2, 3) * over_b(3, 4) * over_45 * over_b(5, 1)
        - a12 * a(4, 1) * ub * over_b(2, 3) * over_b(3, 4) * over_s51
        + a(3, 2) * a(5, 3) * vb * over_b(2, 1) * over_b(1, 5) * over_s34
        + squared * b24 * b25 * over_s34 * over_45 * over_s51 / 2
    )
    tree = (squared.square() * over_pt) * (legs.log(3, 4) + legs.log(5, 1))
    return -boxes - sums - (2 * cubes + mixed + rational + tree) / 3
