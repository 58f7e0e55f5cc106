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
from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

LEAST_BIN = 1e-3
"""Smallest width and height of a bin, relative to the whole interval."""
LEAST_SLOPE = 1e-3
"""Smallest slope that is a parameter of its own, in the unit of its upper limit (cubic) or of 1 (rational-quadratic)."""
STEEPEST = 2.0
"""Bound of the log-slope of an affine map: without it a block can run away in a few steps."""
POLISH = 4
"""Halley steps of the cubic inverse in single precision, each tripling the digits of a first guess that is never far away."""


class Bins(NamedTuple):
    """All bins of all elements, in units of the interval, which reaches from −1/2 to 1/2; the leading axis tells widths from heights."""

    shares: Float[Tensor, "2 bin *element"]
    """Softmax of the parameters."""
    sizes: Float[Tensor, "2 bin *element"]
    corners: Float[Tensor, "2 bin *element"]
    """Where the bins begin."""


class Piece(NamedTuple):
    """The bin that an element falls into."""

    number: Int[Tensor, "*element"]
    near: Int[Tensor, " near *element"]
    """Numbers of the bins that the slopes depend on, the bin itself last; at the ends it stands in for the neighbour that is missing."""
    sizes: Float[Tensor, "2 near *element"]
    width: Float[Tensor, "*element"]
    height: Float[Tensor, "*element"]
    corner: Float[Tensor, " 2 *element"]


class Shape(NamedTuple):
    """g and g' at ξ, with the combinations that their derivatives need, too."""

    xi: Tensor
    ends: Tensor
    """a and b, along the leading axis."""
    pair: Tensor
    """1 − ξ and −ξ, along the leading axis."""
    product: Tensor
    """q = ξ(1 − ξ)."""
    squares: Tensor
    """(1 − ξ)² and ξ²."""
    value: Tensor
    """g."""
    slope: Tensor
    """g'."""
    rest: tuple[Tensor, ...]


@dataclass(frozen=True)
class Tape:
    """What the backward pass needs of the forward pass."""

    bins: Bins
    piece: Piece
    shape: Shape
    slope: Tensor
    """dy/dx inside."""
    inside: Tensor
    """Is |x| ≤ bound."""
    slopes: tuple[Tensor, ...]
    """What the slopes of the ends were made of."""


class AffineTape(NamedTuple):
    x: Tensor
    slope: Tensor
    turn: Tensor
    """tanh(a/2)."""


class Constants(NamedTuple):
    """Small tensors that every call needs."""

    below: Tensor
    """Ones below the diagonal: the matrix that adds up the bins before each one."""
    least: Tensor
    start: Tensor
    unit: Tensor
    """1 and 0."""


@cache
def constants(bins: int, dtype: torch.dtype, device: torch.device) -> Constants:
    with torch.inference_mode(False):
        options: dict[str, Any] = {"dtype": dtype, "device": device}
        return Constants(
            torch.ones(bins, bins, **options).tril(-1).expand(2, -1, -1),
            torch.tensor(LEAST_BIN, **options),
            torch.full((1, 1, 1), -0.5, **options),
            torch.tensor([1.0, 0.0], **options),
        )


@cache
def offsets(numbers: tuple[int, ...], axes: int, device: torch.device) -> Int[Tensor, " number *one"]:
    """Integers along a new leading axis."""
    with torch.inference_mode(False):
        return torch.tensor(numbers, device=device).view(-1, *[1] * axes)


class Spline(ABC):
    """Elementwise monotonic maps of [−bound, bound] onto itself, and nothing outside.

    Arguments: `bins` K, at least 2; `bound` B.
    """

    planes: int
    """Parameters of an element."""
    near: tuple[int, ...]
    """The bins that the slopes of a bin depend on, relative to it; itself last."""

    def __init__(self, bins: int = 8, bound: float = 4.0):
        if not 2 <= bins <= 0.5 / LEAST_BIN:
            raise ValueError(f"bins = {bins}, but a spline needs 2 to {0.5 / LEAST_BIN:.0f} of them.")
        self.bins, self.bound, self.scale = bins, bound, 2.0 * bound

    def forward(
        self, x: Float[Tensor, "*element"], planes: Float[Tensor, " plane *element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, "*element"], Tape]:
        """y, log dy/dx, and the tape for `backward`."""
        bins = self._cut(planes)
        clipped = x.clamp(-self.bound, self.bound)
        place = clipped / self.scale
        piece = self._choose(bins, place, 0)
        xi = ((place - piece.corner[0]) / piece.width).clamp(0.0, 1.0)
        ends, slopes = self._ends(piece, planes[2 * self.bins :])
        shape = self._shape(xi, ends)
        slope = piece.height / piece.width * shape.slope
        inside = clipped == x
        y = torch.addcmul(piece.corner[1], piece.height, shape.value) * self.scale
        return torch.where(inside, y, x), torch.where(inside, slope, 1.0).log(), Tape(bins, piece, shape, slope, inside, slopes)

    def backward(
        self, tape: Tape, dy: Float[Tensor, "*element"], dlog: Float[Tensor, "*element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, " plane *element"]]:
        """∂L/∂x and ∂L/∂planes from ∂L/∂y and ∂L/∂log(dy/dx)."""
        piece, shape = tape.piece, tape.shape
        dlog, moved = dlog * tape.inside, (dy * tape.inside).mul_(self.scale)
        push = moved * piece.height
        by_ends, bend, log_by_ends = self._derivatives(shape)
        from_log = bend.mul_(dlog)
        dxi = torch.addcmul(from_log, push, shape.slope)
        dsizes, dslopes = self._ends_backward(tape, by_ends.mul_(push).addcmul_(dlog, log_by_ends))
        dsizes[1, -1].addcmul_(moved, shape.value).addcdiv_(dlog, piece.height)
        dcorner = dxi.div_(piece.width).neg_()
        dsizes[0, -1].addcmul_(dcorner, shape.xi).addcdiv_(dlog, piece.width, value=-1.0)
        gradient = self._cut_backward(tape.bins, piece, dsizes, torch.stack([dcorner, moved]))
        dx = torch.where(tape.inside, torch.addcmul(from_log.div_(piece.width).div_(self.scale), dy, tape.slope), dy)
        return dx, torch.cat([gradient.flatten(0, 1), dslopes])

    def inverse(self, y: Float[Tensor, "*element"], planes: Float[Tensor, " plane *element"]) -> Float[Tensor, "*element"]:
        """The x with forward(x) = y."""
        bins = self._cut(planes)
        clipped = y.clamp(-self.bound, self.bound)
        place = clipped / self.scale
        piece = self._choose(bins, place, 1)
        ends, _ = self._ends(piece, planes[2 * self.bins :])
        xi = self._solve(((place - piece.corner[1]) / piece.height).clamp(0.0, 1.0), ends)
        return torch.where(clipped == y, torch.addcmul(piece.corner[0], piece.width, xi) * self.scale, y)

    def _constants(self, like: Tensor) -> Constants:
        return constants(self.bins, like.dtype, like.device)

    def _cut(self, planes: Float[Tensor, " plane *element"]) -> Bins:
        """Widths and heights of all bins, no smaller than `LEAST_BIN` and with sum 1, and where they begin."""
        small = self._constants(planes)
        shares = torch.softmax(planes[: 2 * self.bins].unflatten(0, (2, self.bins)), 1)
        sizes = torch.add(small.least, shares, alpha=1.0 - self.bins * LEAST_BIN)
        return Bins(shares, sizes, torch.baddbmm(small.start, small.below, sizes.flatten(2)).view_as(sizes))

    def _cut_backward(
        self,
        bins: Bins,
        piece: Piece,
        dsizes: Float[Tensor, "2 near *element"],
        dcorner: Float[Tensor, " 2 *element"],
    ) -> Float[Tensor, "2 bin *element"]:
        """∂L/∂logarithms of the widths and heights: the bins before the chosen one move its corner."""
        index, near = (each.expand(2, *each.shape) for each in (piece.near[-1:], piece.near))
        corners = torch.zeros_like(bins.sizes).scatter_(1, index, dcorner.unsqueeze(1))
        gradient = torch.bmm(self._constants(corners).below.mT, corners.flatten(2)).view_as(corners)
        gradient.scatter_add_(1, near, dsizes).mul_(1.0 - self.bins * LEAST_BIN)
        return torch._softmax_backward_data(gradient, bins.shares, 1, gradient.dtype)

    def _choose(self, bins: Bins, place: Float[Tensor, "*element"], axis: int) -> Piece:
        """The bin of a place along x (`axis` 0) or along y (1)."""
        index = (bins.corners[axis, 1:] <= place).sum(0)
        near = (index + offsets(self.near, index.ndim, index.device)).clamp_(0, self.bins - 1)
        sizes = bins.sizes.gather(1, near.expand(2, *near.shape))
        corner = bins.corners.gather(1, index.expand(2, 1, *index.shape)).squeeze(1)
        return Piece(index, near, sizes, sizes[0, -1], sizes[1, -1], corner)

    @abstractmethod
    def _ends(self, piece: Piece, planes: Float[Tensor, " plane *element"]) -> tuple[Float[Tensor, " 2 *element"], tuple[Tensor, ...]]:
        """a and b, and what `_ends_backward` needs."""

    @abstractmethod
    def _ends_backward(
        self, tape: Tape, dends: Float[Tensor, " 2 *element"]
    ) -> tuple[Float[Tensor, "2 near *element"], Float[Tensor, " plane *element"]]:
        """∂L/∂sizes of the near bins, and ∂L/∂planes of the slopes."""

    @abstractmethod
    def _shape(self, xi: Float[Tensor, "*element"], ends: Float[Tensor, " 2 *element"]) -> Shape:
        """g and g'."""

    @abstractmethod
    def _derivatives(self, shape: Shape) -> tuple[Float[Tensor, " 2 *element"], Float[Tensor, "*element"], Float[Tensor, " 2 *element"]]:
        """∂g/∂(a, b), ∂log g'/∂ξ and ∂log g'/∂(a, b)."""

    @abstractmethod
    def _solve(self, value: Float[Tensor, "*element"], ends: Float[Tensor, " 2 *element"]) -> Float[Tensor, "*element"]:
        """The ξ with g(ξ) = value."""

    def _pair(self, xi: Float[Tensor, "*element"]) -> Float[Tensor, " 2 *element"]:
        return self._constants(xi).unit.view(2, *[1] * xi.ndim) - xi


class CubicSpline(Spline):
    """Piecewise cubic; the two slopes at the ends of the interval are parameters, those inside follow Steffen's rule,

        d_k = min(2 s₋, 2 s₊, (s₋ w₊ + s₊ w₋)/(w₋ + w₊)) ,

    which keeps every piece monotonic. At the ends 0 < d < 3s.
    """

    near = (-1, 1, 0)

    def __init__(self, bins: int = 8, bound: float = 4.0):
        super().__init__(bins, bound)
        self.planes = 2 * bins + 2
        third = (1.0 / 3.0 - LEAST_SLOPE) / (1.0 - LEAST_SLOPE)
        self.level = math.log(third / (1.0 - third))
        """Where the parameter 0 is the slope s."""
        self.free = 3.0 - 3.0 * LEAST_SLOPE

    def _ends(self, piece: Piece, planes: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        other_width, other_height = piece.sizes[:, :2]
        ratio = other_height * piece.width / (other_width * piece.height)
        total = other_width + piece.width
        mean, limit = torch.addcmul(other_width, ratio, piece.width) / total, 2.0 * ratio.clamp_max(1.0)
        at_end = piece.near[:2] == piece.number
        steep = torch.sigmoid(planes + self.level)
        edge = steep * self.free + 3.0 * LEAST_SLOPE
        return torch.where(at_end, edge, torch.minimum(mean, limit)), (ratio, total, mean < limit, at_end, steep)

    def _ends_backward(self, tape: Tape, dends: Tensor) -> tuple[Tensor, Tensor]:
        piece, (ratio, total, averaged, at_end, steep) = tape.piece, tape.slopes
        other_width, other_height = piece.sizes[:, :2]
        inner = dends.masked_fill(at_end, 0.0)
        dplanes = torch.ops.aten.sigmoid_backward(dends.sub_(inner), steep).mul_(self.free)
        at_mean = inner * averaged
        at_limit = inner.sub_(at_mean).mul_(ratio < 1.0)
        at_mean.div_(total)
        dratio = at_limit.mul_(2.0).addcmul_(at_mean, piece.width).mul_(ratio)
        at_mean.mul_(ratio - 1.0).div_(total)
        dsizes = torch.empty_like(piece.sizes)
        torch.addcdiv(at_mean * -piece.width, dratio, other_width, value=-1.0, out=dsizes[0, :2])
        torch.div(dratio, other_height, out=dsizes[1, :2])
        torch.sum(at_mean.mul_(other_width).addcdiv_(dratio, piece.width), 0, out=dsizes[0, 2])
        torch.div(dratio.sum(0).neg_(), piece.height, out=dsizes[1, 2])
        return dsizes, dplanes

    def _shape(self, xi: Tensor, ends: Tensor) -> Shape:
        """g = ξ² + q(2ξ + i) ,   g' = a(1−ξ)² + bξ² + 2qk ,   i = a(1−ξ) − bξ ,   k = 3 − a − b"""
        (a, b), pair = ends, self._pair(xi)
        product, squares = pair[0] * xi, pair * pair
        lean, free = torch.addcmul(a * pair[0], b, pair[1]), 3.0 - (a + b)
        value = torch.addcmul(squares[1], product, torch.add(lean, xi, alpha=2.0))
        slope = torch.addcmul(torch.addcmul(a * squares[0], b, squares[1]), product, free, value=2.0)
        return Shape(xi, ends, pair, product, squares, value, slope, (lean, free))

    def _derivatives(self, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
        lean, free = shape.rest
        log_by_ends = torch.add(shape.squares, shape.product, alpha=-2.0).div_(shape.slope)
        bend = (shape.pair[0] + shape.pair[1]).mul_(free).sub_(lean).div_(shape.slope).mul_(2.0)
        return shape.pair * shape.product, bend, log_by_ends

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

    near = (0,)

    def __init__(self, bins: int = 8, bound: float = 4.0):
        super().__init__(bins, bound)
        self.planes = 3 * bins - 1
        self.level = math.log(math.expm1(1.0 - LEAST_SLOPE))
        """Where the parameter 0 is the slope 1."""

    def _ends(self, piece: Piece, planes: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        wanted = piece.number + offsets((-1, 0), piece.number.ndim, piece.number.device)
        knots = wanted.clamp(0, self.bins - 2)
        chosen, at_end, inverse = planes.gather(0, knots) + self.level, wanted != knots, piece.width / piece.height
        slope = (torch.nn.functional.softplus(chosen) + LEAST_SLOPE).masked_fill(at_end, 1.0)
        return slope * inverse, (knots, chosen, at_end, inverse)

    def _ends_backward(self, tape: Tape, dends: Tensor) -> tuple[Tensor, Tensor]:
        piece, (knots, chosen, at_end, inverse) = tape.piece, tape.slopes
        dinverse = (dends * tape.shape.ends).sum(0)
        dslope = dends.mul_(inverse).masked_fill_(at_end, 0.0).mul_(torch.sigmoid(chosen))
        dplanes = dends.new_zeros(self.bins - 1, *dends.shape[1:]).scatter_add_(0, knots, dslope)
        dsizes = torch.empty_like(piece.sizes)
        torch.div(dinverse, piece.width, out=dsizes[0, 0])
        torch.div(dinverse.neg_(), piece.height, out=dsizes[1, 0])
        return dsizes, dplanes

    def _shape(self, xi: Tensor, ends: Tensor) -> Shape:
        """g = (ξ² + aq)/m ,   g' = n/m² ,   m = 1 + (a + b − 2)q ,   n = a(1−ξ)² + bξ² + 2q"""
        (a, b), pair = ends, self._pair(xi)
        product, squares = pair[0] * xi, pair * pair
        excess = a + b - 2.0
        below = excess * product + 1.0
        above = torch.addcmul(torch.add(a * squares[0], product, alpha=2.0), b, squares[1])
        value = torch.addcmul(squares[1], a, product) / below
        return Shape(xi, ends, pair, product, squares, value, above / (below * below), (excess, below, above))

    def _derivatives(self, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
        (a, b), (excess, below, above) = shape.ends, shape.rest
        share = shape.product / below
        by_ends = (self._constants(share).unit.view(2, *[1] * share.ndim) - shape.value).mul_(share)
        log_by_ends = (shape.squares / above).sub_(share, alpha=2.0)
        turn = shape.pair[0] + shape.pair[1]
        lean = torch.addcmul(a * shape.pair[0], b, shape.pair[1])
        bend = (turn - lean).div_(above).sub_(turn.mul_(excess).div_(below)).mul_(2.0)
        return by_ends, bend, log_by_ends

    def _solve(self, value: Tensor, ends: Tensor) -> Tensor:
        """The quadratic formula, and one step of Newton's method for the last digits."""
        xi = rational_root(value, ends)
        reached = self._shape(xi, ends)
        return (xi - (reached.value - value) / reached.slope).clamp_(0.0, 1.0)


def rational_root(value: Float[Tensor, "*element"], ends: Float[Tensor, " 2 *element"]) -> Float[Tensor, "*element"]:
    """The ξ in [0, 1] with (ξ² + a q)/(1 + (a + b − 2) q) = value: of (1 − β)ξ² + βξ = value, in the form that loses no digits."""
    a, b = ends
    beta = a - value * (a + b - 2.0)
    root = (beta.square() + 4.0 * value * (1.0 - beta)).clamp_min(0.0).sqrt()
    return torch.where(beta > 0.0, 2.0 * value / (beta + root), (root - beta) / (2.0 * (1.0 - beta))).clamp(0.0, 1.0)


class Affine:
    """y = eˢ x + t with s = 2 tanh(a/2): stiff, because its two parameters move everything at once; no bins, no bound (arXiv:1605.08803).

    Arguments: as those of a spline, of no meaning here.
    """

    planes = 2

    def __init__(self, bins: int = 0, bound: float = math.inf):
        self.bins, self.bound = 0, math.inf

    def forward(
        self, x: Float[Tensor, "*element"], planes: Float[Tensor, " plane *element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, "*element"], AffineTape]:
        """y, log dy/dx, and the tape for `backward`."""
        turn = torch.tanh(planes[0] / STEEPEST)
        log = STEEPEST * turn
        slope = log.exp()
        return torch.addcmul(planes[1], x, slope), log, AffineTape(x, slope, turn)

    def backward(
        self, tape: AffineTape, dy: Float[Tensor, "*element"], dlog: Float[Tensor, "*element"]
    ) -> tuple[Float[Tensor, "*element"], Float[Tensor, " plane *element"]]:
        """∂L/∂x and ∂L/∂planes from ∂L/∂y and ∂L/∂log(dy/dx)."""
        dx = dy * tape.slope
        return dx, torch.stack([torch.addcmul(dlog, dx, tape.x).mul_(1.0 - tape.turn.square()), dy])

    def inverse(self, y: Float[Tensor, "*element"], planes: Float[Tensor, " plane *element"]) -> Float[Tensor, "*element"]:
        """The x with forward(x) = y."""
        return (y - planes[1]) * (-STEEPEST * torch.tanh(planes[0] / STEEPEST)).exp()


Curve = Spline | Affine

SPLINES: dict[str, type[Spline]] = {"cubic": CubicSpline, "rational_quadratic": RationalQuadraticSpline}
CURVES: dict[str, type[Spline] | type[Affine]] = {**SPLINES, "affine": Affine}
"""What a coupling block may do to the components that it moves, by the names of recipes."""
