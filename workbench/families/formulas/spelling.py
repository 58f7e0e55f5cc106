"""How a formula is written: as Python, as LaTeX, and as people read it in a figure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.families.formulas.tree import Tree

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a piece of text holds together."""
Piece = tuple[str, int]


@dataclass(frozen=True)
class Hand:
    """A way of writing: names of functions, the signs between, fractions, powers, and numbers."""

    number: Callable[[float], str]
    variable: Callable[[str], str]
    function: Callable[[str, str, bool], str]
    """Of a name, its argument, and whether this needs brackets."""
    times: str
    minus: str
    power: Callable[[str, int], str]
    fraction: Callable[[Piece, Piece], Piece]
    brackets: tuple[str, str] = ("(", ")")

    def write(self, tree: Tree, names: Sequence[str]) -> str:
        return self._piece(tree, names)[0]

    def _piece(self, tree: Tree, names: Sequence[str]) -> Piece:
        if isinstance(tree, float):
            return self.number(tree), ATOM if tree >= 0 else SUM
        if not isinstance(tree, tuple):
            return self.variable(names[tree]), ATOM
        name, *rest = tree
        if name in ("square", "cube"):
            return self.power(self._held(self._piece(rest[0], names), ATOM), 2 if name == "square" else 3), POWER
        if name == "mul":
            return self._product(tree, names)
        if name in ("add", "sub"):
            return self._sum(name, rest, names)
        pieces = [self._piece(part, names) for part in rest]
        if name == "div":
            return self.fraction(pieces[0], pieces[1])
        return self.function(name, pieces[0][0], pieces[0][1] < ATOM or isinstance(rest[0], tuple)), POWER

    def _product(self, tree: Tree, names: Sequence[str]) -> Piece:
        factors = _factors(tree)
        value = math.prod(part for part in factors if isinstance(part, float))
        others = []
        for part in factors:
            if _all_negative(part):  # (−a − b) → −(a + b)
                value, part = -value, ("add", _positive(part[1]), _positive(part[2]) if part[0] == "add" else part[2])
            if not isinstance(part, float):
                others.append(part)
        # single letters, then brackets, then functions: x₁ (x₂ + c) sin Δφ
        others.sort(key=lambda part: 0 if not isinstance(part, tuple) else 1 if part[0] in ("add", "sub", "square", "cube") else 2)
        texts = [self._held(self._piece(part, names), PRODUCT) for part in others]
        size = self.number(abs(value))
        if any(isinstance(part, float) for part in factors) and size != "1":
            texts.insert(0, size)
        text = self.times.join(texts)
        return (f"{self.minus}{text}", SUM) if value < 0 else (text, PRODUCT)

    def _sum(self, name: str, rest: Sequence[Tree], names: Sequence[str]) -> Piece:
        first, second = rest
        if name == "add" and (isinstance(first, float) or _negative(first)):  # x + c instead of c + x, b − a instead of −a + b
            if not _negative(second) or _negative(first):
                first, second = second, first
        left = self._piece(first, names)[0]
        minus = (name == "sub") != _negative(second)
        right = self._piece(_positive(second) if _negative(second) else second, names)
        return f"{left} {self.minus if minus else '+'} {self._held(right, PRODUCT if minus else SUM)}", SUM

    def _held(self, piece: Piece, least: int) -> str:
        return piece[0] if piece[1] >= least else f"{self.brackets[0]}{piece[0]}{self.brackets[1]}"


def _factors(tree: Tree) -> list[Tree]:
    return [part for each in tree[1:] for part in _factors(each)] if isinstance(tree, tuple) and tree[0] == "mul" else [tree]


def _negative(tree: Tree) -> bool:
    """Whether it begins with a minus."""
    if isinstance(tree, tuple) and tree[0] == "mul":
        return math.prod(part for part in _factors(tree) if isinstance(part, float)) < 0
    return isinstance(tree, float) and tree < 0


def _all_negative(tree: Tree) -> bool:
    """Whether it is a sum of two terms that both begin with a minus."""
    return isinstance(tree, tuple) and tree[0] in ("add", "sub") and _negative(tree[1]) and _negative(tree[2]) == (tree[0] == "add")


def _positive(tree: Tree) -> Tree:
    """Minus the same."""
    if isinstance(tree, float):
        return -tree
    for place in (1, 2):
        if _negative(tree[place]):
            return (*tree[:place], _positive(tree[place]), *tree[place + 1 :])
    return tree


def short(value: float) -> str:
    """Three digits, as people read them: 4.71, −0.11, 2.3·10⁻⁵."""
    text = f"{value:.3g}"
    if "e" in text:
        mantissa, _, power = text.partition("e")
        text = f"{mantissa}·10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return text.replace("-", "−")


FUNCTIONS = {"log": "ln"}
PYTHON = Hand(
    number=lambda value: repr(float(f"{value:.6g}")),
    variable=lambda name: name,
    function=lambda name, inside, _: f"np.{name}({inside})",
    times=" * ",
    minus="-",
    power=lambda inside, power: f"{inside}**{power}",
    fraction=lambda above, below: (
        f"{above[0] if above[1] >= PRODUCT else f'({above[0]})'} / {below[0] if below[1] > PRODUCT else f'({below[0]})'}",
        PRODUCT,
    ),
)
READ = Hand(
    number=short,
    variable=lambda name: name,
    function=lambda name, inside, held: f"{FUNCTIONS.get(name, name)}({inside})" if held else f"{FUNCTIONS.get(name, name)} {inside}",
    times=" ",
    minus="−",
    power=lambda inside, power: f"{inside}{'²' if power == 2 else '³'}",
    fraction=lambda above, below: (
        f"{above[0] if above[1] >= PRODUCT else f'({above[0]})'} / {below[0] if below[1] > PRODUCT else f'({below[0]})'}",
        PRODUCT,
    ),
)


def _latex_number(value: float) -> str:
    mantissa, _, power = f"{value:.3g}".partition("e")
    return f"{mantissa} \\cdot 10^{{{int(power)}}}" if power else mantissa


LATEX = Hand(
    number=_latex_number,
    variable=lambda name: name,
    function=lambda name, inside, held: (
        rf"\sqrt{{{inside}}}"
        if name == "sqrt"
        else rf"\{FUNCTIONS.get(name, name)}\left({inside}\right)"
        if held
        else rf"\{FUNCTIONS.get(name, name)} {inside}"
    ),
    times=r" \, ",
    minus="-",
    power=lambda inside, power: f"{inside}^{power}" if len(inside) == 1 else f"{{{inside}}}^{power}",
    fraction=lambda above, below: (rf"\frac{{{above[0]}}}{{{below[0]}}}", POWER),
    brackets=(r"\left(", r"\right)"),
)


def as_python(tree: Tree, names: Sequence[str]) -> str:
    """An expression of Python with numpy as np, six digits of every constant."""
    return PYTHON.write(tree, names)


def as_latex(tree: Tree, names: Sequence[str]) -> str:
    """The formula for a paper, three digits of every constant."""
    return LATEX.write(tree, names)


def as_text(tree: Tree, names: Sequence[str]) -> str:
    """The formula as it is read in a figure."""
    return READ.write(tree, names)


def identifier(name: str) -> str:
    """A name of a column as Python can say it: letters, digits and _."""
    made = re.sub(r"\W", "_", name)
    return made if made[:1].isalpha() or made[:1] == "_" else f"x_{made}"


def latex_name(name: str) -> str:
    """A name of a column in LaTeX."""
    return rf"\mathrm{{{re.sub(r'([_#$%&{}])', lambda found: chr(92) + found[1], name)}}}"
