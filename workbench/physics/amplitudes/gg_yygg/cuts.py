"""Which cuts there are, and to which colour class each order of the gluons belongs.

A cut is a tuple of corners around the loop, each a set of legs, kept in one of its two orientations. Concatenating the orders in which the
corners absorb their gluons gives an order around the loop; two orders that are reflections of each other are of one class:
0: 1256, 1: 1265, 2: 1526 in the usual numbers of the legs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from itertools import permutations
from itertools import product as choices
from typing import TypeVar

from workbench.physics.amplitudes.gg_yygg.legs import GLUONS, LEGS, Set

Corners = tuple[Set, ...]
Order = tuple[int, ...]
T = TypeVar("T")

CLASSES = ((0, 1, 4, 5), (0, 1, 5, 4), (0, 4, 1, 5))


def colour_class(order: Order) -> int:
    start = order.index(0)
    turned = order[start:] + order[:start]
    reflected = (0, *turned[:0:-1])
    return next(number for number, one in enumerate(CLASSES) if one in (turned, reflected))


def gluons(corner: Set) -> Order:
    return tuple(leg for leg in corner if leg in GLUONS)


def photons(corner: Set) -> Order:
    return tuple(leg for leg in corner if leg not in GLUONS)


@cache
def orders(corners: Corners, classes: int = 3) -> tuple[tuple[int, tuple[Order, ...]], ...]:
    """The orders of absorption in each corner, with the class they belong to; of the first so many classes."""
    found = [(colour_class(sum(chosen, ())), chosen) for chosen in choices(*(tuple(permutations(gluons(c))) for c in corners))]
    return tuple((number, chosen) for number, chosen in found if number < classes)


@cache
def partitions(sizes: tuple[int, ...]) -> tuple[Corners, ...]:
    """The six legs in sets of these sizes, each set of sets once."""

    def split(left: Set, sizes: tuple[int, ...]) -> list[Corners]:
        if not left:
            return [()]
        found = []
        for size in sorted(set(sizes)):
            rest = list(sizes)
            rest.remove(size)
            for corner in choices(*[(False, True)] * (len(left) - 1)):
                first = (left[0], *(leg for leg, chosen in zip(left[1:], corner, strict=True) if chosen))
                if len(first) == size:
                    remaining = tuple(leg for leg in left if leg not in first)
                    found += [(first, *others) for others in split(remaining, tuple(rest))]
        return found

    return tuple(split(LEGS, sizes))


@cache
def boxes() -> tuple[Corners, ...]:
    """60 with one massive corner, 45 with two opposite ones, 90 with two adjacent ones; the first corner is a single leg."""
    found = []
    for corners in (*partitions((1, 1, 1, 3)), *partitions((1, 1, 2, 2))):
        first, a, b, c = sorted(corners, key=len)
        found += [(first, a, b, c), (first, b, a, c), (first, a, c, b)]
    return tuple(found)


@cache
def triangles(*sizes: int) -> tuple[Corners, ...]:
    """Those with corners of these sizes, the smallest corners first."""
    return tuple(tuple(sorted(corners, key=len)) for corners in partitions(tuple(sorted(sizes))))


def class_sums(
    corners: Corners, trees: Callable[[int, Order], T], multiply: Callable[[T, T], T], add: Callable[[T, T], T], classes: int
) -> dict[int, T]:
    """Σ over the orders of each class of Π over the corners of their trees."""
    free = [number for number, corner in enumerate(corners) if len(gluons(corner)) > 1]
    sums: dict[int, T] = {}
    for number, chosen in orders(corners, classes):
        if free:
            one = reduce(multiply, [trees(place, chosen[place]) for place in free])
            sums[number] = add(sums[number], one) if number in sums else one
        else:
            return {number: reduce(multiply, [trees(place, order) for place, order in enumerate(chosen)])}
    rest = [trees(place, gluons(corner)) for place, corner in enumerate(corners) if place not in free]
    if not rest:
        return sums
    common = reduce(multiply, rest)
    return {number: multiply(common, one) for number, one in sums.items()}
