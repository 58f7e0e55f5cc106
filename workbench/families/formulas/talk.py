"""The four-parameter formula of the talk, t = −x₁ (x₂ + c)(a − b Δη) sin(Δφ + d), and the constants that stand on its slide.

Their overall factor depends on the normalisation of the operator, which is not on the slides: ratios can be compared.

*Source*: Butter, Plehn, Soybelman, Brehmer, arXiv:2109.10414, as quoted in a talk.
"""

from __future__ import annotations

import numpy as np

from workbench.families.formulas.tree import Tree, constants, with_constants

FORMULA: Tree = ("mul", ("mul", 0, ("add", 1, 0.2)), ("mul", ("sub", ("mul", 0.4, 2), 4.0), ("sin", ("add", 3, 0.01))))
"""x₁ (x₂ + c)(b Δη − a) sin(Δφ + d); its constants are c, b, a, d in this order."""
LETTERS = ("c", "b", "a", "d")
SAID = {
    "parton": {"a": (1.086, 0.011), "b": (0.10241, 0.00019), "c": (0.24165, 0.00008), "d": (0.00662, 0.00032)},
    "detector": {"a": (0.926, 0.002), "b": (0.08387, 0.00035), "c": (0.3542, 0.0020), "d": (0.00911, 0.00067)},
}
"""Values and errors on the slide."""


def with_talks(level: str) -> Tree:
    """The formula with the constants of the slide."""
    return with_constants(FORMULA, [SAID[level][letter][0] for letter in LETTERS])


def signed(tree: Tree) -> Tree:
    """The same function with a > 0 and d between −π/2 and π/2."""
    c, b, a, d = constants(tree)
    turns = round(d / np.pi)
    d -= turns * np.pi
    if turns % 2:
        a, b = -a, -b
    return with_constants(FORMULA, [c, b, a, d])
