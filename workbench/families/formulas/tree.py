"""Formulas as trees: a float is a constant, an int the number of a variable, and a tuple an operator with what it acts on.

("mul", -4.7, ("mul", 0, ("sin", 3)))          # −4.7 x₀ sin x₃, of six nodes
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Tree = Any
"""float | int | tuple[str, Tree] | tuple[str, Tree, Tree]"""
UNARY: dict[str, Callable[[Any], Any]] = {
    "sin": np.sin, "cos": np.cos, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh,
    "square": np.square, "cube": lambda a: a * a * a,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
SLOPES: dict[str, Callable[[Any, Any], Any]] = {
    "sin": lambda a, f: np.cos(a), "cos": lambda a, f: -np.sin(a), "exp": lambda a, f: f, "log": lambda a, f: 1 / a,
    "sqrt": lambda a, f: 0.5 / f, "tanh": lambda a, f: 1 - f * f, "square": lambda a, f: 2 * a, "cube": lambda a, f: 3 * a * a,
}  # fmt: skip
"""Derivatives of the functions of one argument a, with their value f at hand."""
ODD = ("sin", "tanh", "cube")
"""Functions with f(−a) = −f(a)."""
OPERATORS = {
    "products": ("add", "sub", "mul", "square", "cube", "sin"),
    "division": ("add", "sub", "mul", "div", "square", "cube", "sin"),
    "functions": ("add", "sub", "mul", "div", "square", "cube", "sin", "cos", "exp", "log", "sqrt", "tanh"),
}


def nodes(tree: Tree) -> int:
    """The complexity of a formula: operators, variables and constants all count one."""
    return 1 + sum(map(nodes, tree[1:])) if isinstance(tree, tuple) else 1


def constants(tree: Tree) -> list[float]:
    """The constants, from left to right."""
    if isinstance(tree, tuple):
        return [value for part in tree[1:] for value in constants(part)]
    return [tree] if isinstance(tree, float) else []


def with_constants(tree: Tree, values: Sequence[float]) -> Tree:
    """The same formula with other constants."""
    left = iter(values)

    def filled(part: Tree) -> Tree:
        if isinstance(part, tuple):
            return (part[0], *map(filled, part[1:]))
        return float(next(left)) if isinstance(part, float) else part

    return filled(tree)


def places(tree: Tree, at: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The ways from the root to every node."""
    yield at
    if isinstance(tree, tuple):
        for number, part in enumerate(tree[1:], 1):
            yield from places(part, (*at, number))


def part_at(tree: Tree, place: tuple[int, ...]) -> Tree:
    for number in place:
        tree = tree[number]
    return tree


def replaced(tree: Tree, place: tuple[int, ...], new: Tree) -> Tree:
    """The formula with another part at one place."""
    if not place:
        return new
    number = place[0]
    return (*tree[:number], replaced(tree[number], place[1:], new), *tree[number + 1 :])


# Simplifying


def simplified(tree: Tree) -> Tree:
    """An equal formula of as many nodes or fewer: constants are joined, and what commutes stands in one order."""
    return _simplified(tree)[0]


def snapped(tree: Tree, within: float = 0.06) -> Tree:
    """The same with factors near ±1 left out."""
    if not isinstance(tree, tuple):
        return tree
    parts = [snapped(part, within) for part in tree[1:]]
    if tree[0] == "mul" and isinstance(parts[0], float) and abs(abs(parts[0]) - 1) < within:
        return parts[1] if parts[0] > 0 else ("mul", -1.0, parts[1])
    return (tree[0], *parts)


def key(tree: Tree) -> str:
    """What a formula is apart from its constants."""
    if isinstance(tree, tuple):
        return f"{tree[0]}({','.join(map(key, tree[1:]))})"
    return "c" if isinstance(tree, float) else f"x{tree}"


def _simplified(tree: Tree) -> tuple[Tree, str]:
    if not isinstance(tree, tuple):
        return tree, key(tree)
    parts = [_simplified(part) for part in tree[1:]]
    made = _joined(tree[0], [part for part, _ in parts], [name for _, name in parts])
    return made, key(made)


def _joined(name: str, parts: list[Tree], names: list[str]) -> Tree:
    if all(isinstance(part, float) for part in parts):
        with np.errstate(all="ignore"):
            value = float((UNARY | BINARY)[name](*parts))  # type: ignore[operator]
        return value if math.isfinite(value) else (name, *parts)
    if len(parts) == 1:
        inside = parts[0]
        if name in ODD and isinstance(inside, tuple) and inside[0] == "mul" and isinstance(inside[1], float) and inside[1] < 0:
            turned = _joined("mul", [-inside[1], inside[2]], ["c", key(inside[2])])
            return _joined("mul", [-1.0, (name, turned)], ["c", f"{name}({key(turned)})"])
        return (name, inside)
    a, b = parts
    if name == "sub":
        if isinstance(b, float):
            return _joined("add", [a, -b], [names[0], "c"])
        if a == b:
            return 0.0
        if isinstance(b, tuple) and b[0] == "mul" and isinstance(b[1], float):  # a − c b → a + (−c) b
            return _joined("add", [a, ("mul", -b[1], b[2])], names)
    if name == "div":
        if isinstance(b, float) and b != 0:
            return _joined("mul", [1 / b, a], ["c", names[0]])
        if a == b:
            return 1.0
    if name in ("add", "mul"):
        (_, a), (_, b) = sorted(zip(names, parts, strict=True), key=lambda pair: pair[0])  # "c" comes first
        neutral = 0.0 if name == "add" else 1.0
        if isinstance(a, float):
            if a == neutral:
                return b
            if name == "mul" and a == 0:
                return 0.0
            if isinstance(b, tuple) and b[0] == name and isinstance(b[1], float):
                return _joined(name, [float(BINARY[name](a, b[1])), b[2]], ["c", key(b[2])])
        if isinstance(b, tuple) and b[0] == name and isinstance(b[1], float):  # a (c b) → c (a b)
            return _joined(name, [b[1], _joined(name, [a, b[2]], [key(a), key(b[2])])], ["c", "d"])
        if isinstance(a, tuple) and a[0] == name and isinstance(a[1], float):
            return _joined(name, [a[1], _joined(name, [a[2], b], [key(a[2]), key(b)])], ["c", "d"])
        if name == "mul" and a == b:
            return ("square", a)
    return (name, a, b)


# Computing


@dataclass(frozen=True)
class Program:
    """A formula as a list of steps on registers: first the constants, then what holds none, then what is computed of them.

    Parts without a constant are computed once for all formulas that share them.
    """

    constants: int
    fixed: tuple[np.ndarray, ...]
    steps: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, tree: Tree, columns: Sequence[np.ndarray], known: dict[Tree, np.ndarray]) -> Program:
        """The program of a formula on columns of points; `known` remembers parts without constants."""
        count, fixed, steps = len(constants(tree)), [], []
        used = iter(range(count))

        def has_constants(part: Tree) -> bool:
            return any(map(has_constants, part[1:])) if isinstance(part, tuple) else isinstance(part, float)

        def value(part: Tree) -> np.ndarray:
            if not isinstance(part, tuple):
                return columns[part]
            if part not in known:
                known[part] = (UNARY | BINARY)[part[0]](*map(value, part[1:]))  # type: ignore[operator]
            return known[part]

        def register(part: Tree) -> Any:
            if isinstance(part, float):
                return next(used)
            if not has_constants(part):
                fixed.append(value(part))
                return ("fixed", len(fixed) - 1)
            inputs = [register(each) for each in part[1:]]
            steps.append((part[0], inputs))
            return ("step", len(steps) - 1)

        register(tree)

        def number(at: Any) -> int:
            if isinstance(at, int):
                return at
            return count + at[1] if at[0] == "fixed" else count + len(fixed) + at[1]

        return cls(count, tuple(fixed), tuple((name, number(at[0]), number(at[-1])) for name, at in steps))

    def registers(self, values: Sequence[float]) -> list[Any]:
        """All registers for these constants; the last one is the formula's value."""
        found: list[Any] = [*map(np.float64, values), *self.fixed]  # which may divide by zero
        for name, a, b in self.steps:
            found.append(BINARY[name](found[a], found[b]) if name in BINARY else UNARY[name](found[a]))
        return found

    def slopes(self, registers: list[Any], rows: np.ndarray) -> np.ndarray:
        """∂f/∂c of every constant in `rows` (constant, event), backward through the steps. A register is used once."""
        if not self.steps:
            rows[:] = 1.0
            return rows
        first = self.constants + len(self.fixed)
        back: list[Any] = [None] * len(registers)
        back[-1] = np.float64(1.0)
        for place in range(len(self.steps) - 1, -1, -1):
            name, a, b = self.steps[place]
            over = back[first + place]
            if name == "mul":
                back[a], back[b] = over * registers[b], over * registers[a]
            elif name == "add":
                back[a] = back[b] = over
            elif name == "sub":
                back[a], back[b] = over, -over
            elif name == "div":
                back[a] = over / registers[b]
                back[b] = -back[a] * registers[first + place]
            else:
                back[a] = over * SLOPES[name](registers[a], registers[first + place])
        for number in range(self.constants):
            rows[number] = back[number]
        return rows


def evaluate(tree: Tree, columns: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """The formula at points, one array per variable."""

    def value(part: Tree) -> Any:
        if isinstance(part, tuple):
            return (UNARY | BINARY)[part[0]](*map(value, part[1:]))  # type: ignore[operator]
        return part if isinstance(part, float) else columns[part]

    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(value(tree), dtype=float), np.shape(columns[0])).copy()


def slopes(tree: Tree, columns: Sequence[np.ndarray]) -> np.ndarray:
    """∂f/∂c of every constant, (constant, event)."""
    with np.errstate(all="ignore"):
        program = Program.of(tree, columns, {})
        return program.slopes(program.registers(constants(tree)), np.empty((program.constants, len(columns[0]))))
