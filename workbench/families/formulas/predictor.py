"""What the best formula says of new points, from a checkpoint alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from workbench.data.files import load_table
from workbench.families.formulas.job import formula_of
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.formulas.spelling import as_latex, as_python
from workbench.families.formulas.targets import names_from
from workbench.families.formulas.tree import evaluate


def points(inputs: Any, recipe: FormulaRecipe, units: str) -> np.ndarray:
    """Points (event, variable) in the order of the variables, from an array, or from a table. Raises: ValueError in one sentence."""
    if isinstance(inputs, (str, os.PathLike)):
        columns = load_table(inputs)
        columns.pop(recipe.column, None)
        return np.column_stack(list(columns.values()))
    found = np.array(inputs, dtype=np.float64)
    if found.ndim != 2 or not len(found):
        raise ValueError(f"The input has the shape {np.shape(inputs)}; (event, variable) is needed.")
    if not np.isfinite(found).all():
        row, column = np.argwhere(~np.isfinite(found))[0]
        raise ValueError(f"The input has {found[row, column]:g} in row {row + 1:,}; a number is needed.")
    return found


def answers(
    recipe: FormulaRecipe, tensors: dict[str, Tensor], numbers: dict[str, Any], draws: int | None, factor: float
) -> Callable[[np.ndarray], xr.Dataset]:
    """The value of the best formula, with itself as Python and LaTeX in the attributes. Raises: ValueError where there is none."""
    tree, names = formula_of(numbers), names_from(numbers["names"])

    def oracle(x: np.ndarray) -> xr.Dataset:
        if x.shape[1] != len(names.text):
            raise ValueError(f"The input has {x.shape[1]} columns; {len(names.text)} are needed: {', '.join(names.text)}.")
        about = {"python": as_python(tree, names.python), "latex": as_latex(tree, names.latex), "variables": ", ".join(names.python)}
        return xr.Dataset({"value": ("event", evaluate(tree, x.T), {"long_name": f"{names.target} by the formula"})}, attrs=about)

    return oracle
