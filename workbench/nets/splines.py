"""Monotonic splines: one-dimensional maps with exact inverse and derivative   (cubic arXiv:1906.02145, rational-quadratic arXiv:1906.04032)

The interval [−B, B] is cut into K bins of learned widths w and heights h. In the bin of x, with ξ = (x − x₀)/w, mean slope s = h/w and
slopes a, b at its ends in units of s,

    y = y₀ + h g(ξ; a, b) ,    dy/dx = s g'(ξ; a, b)

    cubic                 g = ξ²(3 − 2ξ) + a ξ(1−ξ)² − b ξ²(1−ξ)
    rational-quadratic    g = (ξ² + a q)/(1 + (a + b − 2) q) ,    q = ξ(1−ξ)

Outside, y = x: whatever the parameters, outliers stay where they are. Parameters that are all zero are the identity.

Parameters come as planes `(plane, *element)`: logarithms of the widths, of the heights, then what the slopes need. Bins are found by
comparing, and everything that needs logarithms or roots happens in the chosen bin only. With ȳ = ∂L/∂y and l̄ = ∂L/∂log(dy/dx), written
out in `backward`:

    ∂L/∂ξ = h g' ȳ + (log g')' l̄ ,    ∂L/∂a = h ∂g/∂a ȳ + ∂log g'/∂a l̄ ,    ∂L/∂h = g ȳ + l̄/h ,    ∂L/∂w = −(l̄ + ξ ∂L/∂ξ)/w
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

LEAST_BIN = 1e-3
"""Smallest width and height of a bin, relative to the whole interval."""
LEAST_SLOPE = 1e-3
"""Smallest slope that is a parameter of its own, in the unit of its upper limit (cubic) or of 1 (rational-quadratic)."""
POLISH = 4
"""Halley steps of the cubic inverse in single precision, each tripling the digits of a first guess that is never far away."""


class Bins(NamedTuple):
    """All bins of all elements, as fractions of the interval; the leading axis tells widths from heights."""

    shares: Float[Tensor, "2 bin *element"]
    """Softmax of the parameters."""
    sizes: Float[Tensor, "2 bin *element"]
    corners: Float[Tensor, "2 bin *element"]
    """Where the bins begin."""


@dataclass(frozen=True)
class Piece:
    """The bin that an element falls into."""

    index: Int[Tensor, "*element"]
    neighbours: Int[Tensor, " 3 *element"]
    """Numbers of the bin before, the bin after and the bin itself; at the ends the bin stands in for the one that is missing."""
    at_end: Bool[Tensor, " 2 *element"]
    """Is there no bin before; is there none after."""
    sizes: Float[Tensor, "2 3 *element"]
    corner: Float[Tensor, " 2 *element"]

    @property
    def width(self) -> Float[Tensor, "*element"]:
        return self.sizes[0, 2]

    @property
    def height(self) -> Float[Tensor, "*element"]:
        return self.sizes[1, 2]


@dataclass(frozen=True)
class Tape:
    """What the backward pass needs of the forward pass."""

    bins: Bins
    piece: Piece
    xi: Tensor
    ends: Tensor
    """a and b, along the leading axis."""
    value: Tensor
    steepness: Tensor
    """g'."""
    slope: Tensor
    """dy/dx inside."""
    inside: Tensor
    """Is |x| ≤ bound."""
    slopes: Any
    """What the slopes of the ends were made of."""


class Spline(ABC):
    """Elementwise monotonic maps of [−bound, bound] onto itself, and nothing outside.

    Arguments: `bins` K, at least 2; `bound` B.
    """

    planes: int
    """Parameters of an element."""

    def __init__(self, bins: int = 8, bound: float = 4.0):
        if not 2 <= bins <= 0.5 / LEAST_BIN:
            raise ValueError(f"bins = {bins}, but a spline needs 2 to {0.5 / LEAST_BIN:.0f} of them.")
        self.bins, self.bound = bins, bound

    def forward(
        self, x: Float[Tensor, "*element"], planes: Float[Tensor, " plane *element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, "*element"], Tape]:
        """y, log dy/dx, and the tape for `backward`."""
        bins = self._cut(planes)
        clipped, place = self._place(x)
        piece = self._choose(bins, place, 0)
        xi = ((place - piece.corner[0]) / piece.width).clamp(0.0, 1.0)
        ends, slopes = self._ends(piece, planes[2 * self.bins :])
        value, steepness = self._shape(xi, ends)
        slope = piece.height / piece.width * steepness
        inside = clipped == x
        y = torch.addcmul(piece.corner[1], piece.height, value).sub(0.5).mul(2.0 * self.bound)
        tape = Tape(bins, piece, xi, ends, value, steepness, slope, inside, slopes)
        return torch.where(inside, y, x), torch.where(inside, slope, slope.new_ones(())).log(), tape

    def backward(
        self, tape: Tape, dy: Float[Tensor, "*element"], dlog: Float[Tensor, "*element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, " plane *element"]]:
        """∂L/∂x and ∂L/∂planes from ∂L/∂y and ∂L/∂log(dy/dx)."""
        piece, scale = tape.piece, 2.0 * self.bound
        dlog, moved = dlog * tape.inside, (dy * tape.inside).mul_(scale)
        push = moved * piece.height
        by_ends, bend, log_by_ends = self._derivatives(tape)
        from_log = dlog * bend
        dxi = torch.addcmul(from_log, push, tape.steepness)
        dends = torch.addcmul(push * by_ends, dlog, log_by_ends)
        dsizes, dslopes = self._ends_backward(tape, dends)
        dsizes[1, 2].addcmul_(moved, tape.value).add_(dlog / piece.height)
        inverse = piece.width.reciprocal()
        dcorner = dxi.neg_().mul_(inverse)
        dsizes[0, 2].addcmul_(dcorner, tape.xi).addcmul_(dlog, inverse, value=-1.0)
        gradient = self._cut_backward(tape.bins, piece, dsizes, torch.stack([dcorner, moved]))
        dx = torch.where(tape.inside, torch.addcmul(from_log.mul_(inverse).mul_(1.0 / scale), dy, tape.slope), dy)
        return dx, torch.cat([gradient.flatten(0, 1), dslopes])

    def inverse(self, y: Float[Tensor, "*element"], planes: Float[Tensor, " plane *element"]) -> Float[Tensor, "*element"]:
        """The x with forward(x) = y."""
        bins = self._cut(planes)
        clipped, place = self._place(y)
        piece = self._choose(bins, place, 1)
        ends, _ = self._ends(piece, planes[2 * self.bins :])
        xi = self._solve(((place - piece.corner[1]) / piece.height).clamp(0.0, 1.0), ends)
        x = torch.addcmul(piece.corner[0], piece.width, xi).sub(0.5).mul(2.0 * self.bound)
        return torch.where(clipped == y, x, y)

    def _place(self, x: Float[Tensor, "*element"]) -> tuple[Float[Tensor, "*element"], Float[Tensor, "*element"]]:
        """x clipped to ±bound, and that as a fraction of the interval."""
        clipped = x.clamp(-self.bound, self.bound)
        return clipped, torch.add(x.new_tensor(0.5), clipped, alpha=0.5 / self.bound)

    def _cut(self, planes: Float[Tensor, " plane *element"]) -> Bins:
        """Widths and heights of all bins, no smaller than `LEAST_BIN` and with sum 1, and where they begin."""
        shares = torch.softmax(planes[: 2 * self.bins].unflatten(0, (2, self.bins)), 1)
        sizes = torch.add(shares.new_tensor(LEAST_BIN), shares, alpha=1.0 - self.bins * LEAST_BIN)
        return Bins(shares, sizes, torch.matmul(self._below(sizes), sizes.flatten(2)).view_as(sizes))

    def _cut_backward(
        self,
        bins: Bins,
        piece: Piece,
        dsizes: Float[Tensor, "2 3 *element"],
        dcorner: Float[Tensor, " 2 *element"],
    ) -> Float[Tensor, "2 bin *element"]:
        """∂L/∂logarithms of the widths and heights: the bins before the chosen one move its corner."""
        index = piece.index.expand(2, 1, *piece.index.shape)
        corners = torch.zeros_like(bins.sizes).scatter_(1, index, dcorner.unsqueeze(1))
        gradient = torch.matmul(self._below(corners).mT, corners.flatten(2)).view_as(corners)
        gradient.scatter_add_(1, piece.neighbours.expand(2, *piece.neighbours.shape), dsizes)
        return torch._softmax_backward_data(gradient.mul_(1.0 - self.bins * LEAST_BIN), bins.shares, 1, gradient.dtype)

    def _below(self, like: Tensor) -> Float[Tensor, "bin bin"]:
        """Ones below the diagonal: the matrix that adds up the bins before each one."""
        return torch.ones(self.bins, self.bins, dtype=like.dtype, device=like.device).tril_(-1)

    def _choose(self, bins: Bins, place: Float[Tensor, "*element"], axis: int) -> Piece:
        """The bin of a place along x (`axis` 0) or along y (1)."""
        last = self.bins - 1
        index = (bins.corners[axis, 1:] <= place).sum(0)
        neighbours = torch.stack([(index - 1).clamp_(min=0), (index + 1).clamp_(max=last), index])
        sizes = bins.sizes.gather(1, neighbours.expand(2, *neighbours.shape))
        corner = bins.corners.gather(1, index.expand(2, 1, *index.shape)).squeeze(1)
        return Piece(index, neighbours, torch.stack([index == 0, index == last]), sizes, corner)

    @abstractmethod
    def _ends(self, piece: Piece, planes: Float[Tensor, " plane *element"]) -> tuple[Float[Tensor, " 2 *element"], Any]:
        """a and b, and what `_ends_backward` needs."""

    @abstractmethod
    def _ends_backward(
        self, tape: Tape, dends: Float[Tensor, " 2 *element"]
    ) -> tuple[Float[Tensor, "2 3 *element"], Float[Tensor, " plane *element"]]:
        """∂L/∂sizes of the chosen bin and its neighbours, and ∂L/∂planes of the slopes."""

    @abstractmethod
    def _shape(
        self, xi: Float[Tensor, "*element"], ends: Float[Tensor, " 2 *element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, "*element"]]:
        """g and g'."""

    @abstractmethod
    def _derivatives(self, tape: Tape) -> tuple[Float[Tensor, " 2 *element"], Float[Tensor, "*element"], Float[Tensor, " 2 *element"]]:
        """∂g/∂(a, b), ∂log g'/∂ξ and ∂log g'/∂(a, b)."""

    @abstractmethod
    def _solve(self, value: Float[Tensor, "*element"], ends: Float[Tensor, " 2 *element"]) -> Float[Tensor, "*element"]:
        """The ξ with g(ξ) = value."""


class CubicSpline(Spline):
    """Piecewise cubic; the two slopes at the ends of the interval are parameters, those inside follow Steffen's rule,

        d_k = min(2 s₋, 2 s₊, (s₋ w₊ + s₊ w₋)/(w₋ + w₊)) ,

    which keeps every piece monotonic. At the ends 0 < d < 3s.
    """

    def __init__(self, bins: int = 8, bound: float = 4.0):
        super().__init__(bins, bound)
        self.planes = 2 * bins + 2
        third = (1.0 / 3.0 - LEAST_SLOPE) / (1.0 - LEAST_SLOPE)
        self.level = math.log(third / (1.0 - third))
        """Where the parameter 0 is the slope s."""

    def _ends(self, piece: Piece, planes: Tensor) -> tuple[Tensor, Any]:
        own, other = piece.sizes[:, 2:], piece.sizes[:, :2]
        ratio = other[1] * own[0] / (other[0] * own[1])
        total = other[0] + own[0]
        mean = torch.addcmul(other[0], ratio, own[0]) / total
        steep, limit = torch.sigmoid(planes + self.level), torch.clamp_max(2.0 * ratio, 2.0)
        edge = torch.add(planes.new_tensor(3.0 * LEAST_SLOPE), steep, alpha=3.0 - 3.0 * LEAST_SLOPE)
        return torch.where(piece.at_end, edge, torch.minimum(mean, limit)), (ratio, total, mean, limit, steep)

    def _ends_backward(self, tape: Tape, dends: Tensor) -> tuple[Tensor, Tensor]:
        piece = tape.piece
        ratio, total, mean, limit, steep = tape.slopes
        own, other = piece.sizes[:, 2:], piece.sizes[:, :2]
        dplanes = (dends * piece.at_end).mul_(steep).mul_(1.0 - steep).mul_(3.0 - 3.0 * LEAST_SLOPE)
        averaged = mean < limit
        at_mean = dends * (averaged & ~piece.at_end) / total
        at_limit = dends * (~averaged & ~piece.at_end & (ratio < 1.0))
        dratio = torch.addcmul(at_limit, at_mean, own[0], value=0.5).mul_(ratio).mul_(2.0)
        at_mean.mul_(ratio - 1.0).div_(total)
        dsizes = torch.empty_like(piece.sizes)
        quotient = dratio / piece.sizes[:, :2]
        torch.addcmul(quotient[0].neg(), at_mean, own[0], value=-1.0, out=dsizes[0, :2])
        dsizes[1, :2] = quotient[1]
        sides = dratio.sum(0)
        torch.sum(torch.addcmul(dratio / own[0], at_mean, other[0]), 0, out=dsizes[0, 2])
        torch.div(sides.neg_(), piece.height, out=dsizes[1, 2])
        return dsizes, dplanes

    def _shape(self, xi: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ends
        rest = 1.0 - xi
        product = xi * rest
        square = xi * xi
        value = torch.addcmul(square * (3.0 - 2.0 * xi), product, a * rest - b * xi)
        slope = (6.0 * product).addcmul(a * rest, 1.0 - 3.0 * xi).addcmul(b * xi, 3.0 * xi - 2.0)
        return value, slope

    def _derivatives(self, tape: Tape) -> tuple[Tensor, Tensor, Tensor]:
        xi, (a, b) = tape.xi, tape.ends
        rest = 1.0 - xi
        product = xi * rest
        by_ends = torch.stack([product * rest, -product * xi])
        log_by_ends = torch.stack([rest * (1.0 - 3.0 * xi), xi * (3.0 * xi - 2.0)]).div_(tape.steepness)
        bend = 6.0 - 12.0 * xi + a * (6.0 * xi - 4.0) + b * (6.0 * xi - 2.0)
        return by_ends, bend / tape.steepness, log_by_ends

    def _solve(self, value: Tensor, ends: Tensor) -> Tensor:
        """Halley's method from the root of the rational-quadratic function with the same ends; it needs no cube root.

        ξ ← ξ − r/max(1 − r g''/2g', 1/2) ,    r = (g − value)/g' ,    g = (c₃ξ + c₂)ξ² + aξ
        """
        a, b = ends
        third, second = a + b - 2.0, 3.0 - 2.0 * a - b
        xi = rational_root(value, ends)
        for _ in range(POLISH if value.dtype == torch.float32 else POLISH + 1):
            half_bend = torch.addcmul(second, third, xi, value=3.0)
            slope = torch.addcmul(a, xi, half_bend + second).clamp_min_(1e-6)
            step = torch.addcmul(a, torch.addcmul(second, third, xi), xi).mul_(xi).sub_(value).div_(slope)
            xi = xi.sub(step.div_(half_bend.mul_(step).div_(slope).neg_().add_(1.0).clamp_min_(0.5))).clamp_(0.0, 1.0)
        return xi


class RationalQuadraticSpline(Spline):
    """Piecewise rational-quadratic; the K − 1 slopes inside are parameters, those at the ends of the interval are 1."""

    def __init__(self, bins: int = 8, bound: float = 4.0):
        super().__init__(bins, bound)
        self.planes = 3 * bins - 1
        self.level = math.log(math.expm1(1.0 - LEAST_SLOPE))
        """Where the parameter 0 is the slope 1."""

    def _ends(self, piece: Piece, planes: Tensor) -> tuple[Tensor, Any]:
        knots = torch.stack([piece.neighbours[0], piece.index]).clamp_(max=self.bins - 2)
        chosen = planes.gather(0, knots).add(self.level)
        slope = torch.where(piece.at_end, chosen.new_ones(()), torch.nn.functional.softplus(chosen) + LEAST_SLOPE)
        inverse = piece.width / piece.height
        return slope * inverse, (knots, chosen, inverse)

    def _ends_backward(self, tape: Tape, dends: Tensor) -> tuple[Tensor, Tensor]:
        piece, (knots, chosen, inverse) = tape.piece, tape.slopes
        dslope = (dends * ~piece.at_end).mul_(inverse).mul_(torch.sigmoid(chosen))
        dplanes = dends.new_zeros(self.bins - 1, *dends.shape[1:]).scatter_add_(0, knots, dslope)
        dinverse = (dends * tape.ends).sum(0)
        dsizes = torch.zeros_like(piece.sizes)
        torch.div(dinverse, piece.width, out=dsizes[0, 2])
        torch.div(dinverse.neg_(), piece.height, out=dsizes[1, 2])
        return dsizes, dplanes

    def _shape(self, xi: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        a, b = ends
        rest = 1.0 - xi
        product, square = xi * rest, xi * xi
        below = torch.addcmul(xi.new_ones(()), a + b - 2.0, product)
        above = (2.0 * product).addcmul(b, square).addcmul(a, rest * rest)
        return torch.addcmul(square, a, product) / below, above / (below * below)

    def _derivatives(self, tape: Tape) -> tuple[Tensor, Tensor, Tensor]:
        xi, (a, b) = tape.xi, tape.ends
        rest = 1.0 - xi
        product, excess = xi * rest, a + b - 2.0
        below = torch.addcmul(xi.new_ones(()), excess, product)
        above = tape.steepness * below * below
        by_ends = torch.stack([1.0 - tape.value, -tape.value]).mul_(product / below)
        log_by_ends = torch.stack([rest * rest, xi * xi]).div_(above).sub_(2.0 * product / below)
        turn = 1.0 - 2.0 * xi
        bend = (turn + b * xi - a * rest) / above - excess * turn / below
        return by_ends, 2.0 * bend, log_by_ends

    def _solve(self, value: Tensor, ends: Tensor) -> Tensor:
        """The quadratic formula, and one step of Newton's method for the last digits."""
        xi = rational_root(value, ends)
        reached, slope = self._shape(xi, ends)
        return (xi - (reached - value) / slope).clamp(0.0, 1.0)


def rational_root(value: Float[Tensor, "*element"], ends: Float[Tensor, " 2 *element"]) -> Float[Tensor, "*element"]:
    """The ξ in [0, 1] with (ξ² + a q)/(1 + (a + b − 2) q) = value: of (1 − β)ξ² + βξ = value, in the form that loses no digits."""
    a, b = ends
    beta = a - value * (a + b - 2.0)
    root = (beta.square() + 4.0 * value * (1.0 - beta)).clamp_min(0.0).sqrt()
    return torch.where(beta > 0.0, 2.0 * value / (beta + root), (root - beta) / (2.0 * (1.0 - beta))).clamp(0.0, 1.0)


SPLINES: dict[str, type[Spline]] = {"cubic": CubicSpline, "rational_quadratic": RationalQuadraticSpline}
