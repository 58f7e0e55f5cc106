"""What a formula is to describe: the score of Higgs events, a column of an own table, or what a network has learned."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from workbench.data import cache
from workbench.data.files import load_table
from workbench.data.own_file import check_content
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.formulas.spelling import identifier, latex_name
from workbench.home import data_folder
from workbench.physics import wbf, wbf_truth
from workbench.physics.amplitudes.wbf_h import MASS_H, monomials

Progress = Callable[[float, str], None]
VERSION = 1
"""Of the events that are kept: raised when the same request gives other ones."""
SM, LINEAR, SQUARE = 0, 3, 7
"""Places of 1, f_T and f_T² among the ten components of an event."""
TEV = (MASS_H / 1_000) ** 2
"""m_H² in TeV²: scores and couplings here are in units 1/m_H²."""


@dataclass(frozen=True)
class Names:
    """Of the variables and the target: as people read them, as Python has them, in LaTeX."""

    text: tuple[str, ...]
    python: tuple[str, ...]
    latex: tuple[str, ...]
    target: str = "t"

    @classmethod
    def of(cls, columns: Sequence[str], target: str) -> Names:
        return cls(tuple(columns), tuple(map(identifier, columns)), tuple(map(latex_name, columns)), target)


JETS = Names(("x₁", "x₂", "Δη", "Δφ"), ("x1", "x2", "delta_eta", "delta_phi"), ("x_{1}", "x_{2}", r"\Delta\eta", r"\Delta\phi"))


@dataclass(frozen=True)
class Target:
    """Points x (event, variable) with what a formula should say of them, and which of them the search looks at.

    Of the score there are the components c_T/c_0 and c_TT/c_0 in units 1/m_H² and 1/m_H⁴, by which events count at any f_T.
    """

    names: Names
    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    sought: np.ndarray
    components: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    def __len__(self) -> int:
        return len(self.y)


def target_for(recipe: FormulaRecipe, progress: Progress | None = None) -> Target:
    """The points of a recipe. Raises: ValueError or OSError in one sentence."""
    tell = progress or (lambda fraction, text: None)
    return {"score": _score, "table": _table, "network": _network}[recipe.target](recipe, tell)


def inputs_of(jets: wbf_truth.Jets) -> np.ndarray:
    """x₁ ≥ x₂ = p_T/m_H, |Δη| and Δφ of the forward minus the backward jet, (event, 4)."""
    x = np.sort(jets.pt, axis=1)[:, ::-1] / MASS_H
    return np.column_stack([x, np.abs(jets.eta[:, 0] - jets.eta[:, 1]), jets.delta_phi])


def _score(recipe: FormulaRecipe, progress: Progress) -> Target:
    events = higgs_events(recipe.f_t, recipe.events, recipe.data_seed, progress)
    jets = wbf_truth.Jets(*(events[name].values for name in ("pt", "eta", "phi")))
    if recipe.level == "detector":
        jets = wbf_truth.Detector().measured(jets, np.random.default_rng([recipe.data_seed, 9]))
    x, components = inputs_of(jets), events["components"].values
    theta = recipe.f_t * TEV  # in units of 1/m_H²
    a, b = components.T
    y = (a + 2 * b * theta) / (1 + a * theta + b * theta**2)
    return Target(JETS, x, y, events["weight"].values, _first(x[:, 0] < recipe.largest_x, recipe.points), components)


def _first(chosen: np.ndarray, most: int) -> np.ndarray:
    return np.flatnonzero(chosen)[:most]


def higgs_events(f_t: float, events: int, seed: int, progress: Progress) -> xr.Dataset:
    """Unweighted events at f_T [TeV⁻²], kept on disk: jets, and c_T/c_0 and c_TT/c_0."""
    path = data_folder() / f"wbf-score-fT{f_t:.12g}-seed{seed}-v{VERSION}.h5"
    with cache.locked(path, lambda: progress(0.0, "Another run makes the same events")):
        found = cache.read(path)
        if found is None or found.sizes["event"] < events:
            progress(0.0, "Making events of a Higgs with two jets")
            found = _made(f_t, events, seed, progress)
            cache.write(path, found)
    return found.isel(event=slice(events))


def _made(f_t: float, events: int, seed: int, progress: Progress) -> xr.Dataset:
    generator = wbf.Generator(monomials(np.array([0.0, 0.0, f_t])), seed=seed, iterations=6, points=20_000)
    parts = [chunk[:3] for chunk in generator.enough(events, progress)]
    momenta, components, weight = (np.concatenate(arrays)[:events] for arrays in zip(*parts, strict=True))
    jets = wbf_truth.Jets.of(momenta)
    ratio = components[:, [LINEAR, SQUARE]] / components[:, [SM]] / [TEV, TEV**2]
    columns = {name: (("event", "jet"), getattr(jets, name)) for name in ("pt", "eta", "phi")}
    return xr.Dataset({**columns, "components": (("event", "power"), ratio), "weight": ("event", weight)})


def _table(recipe: FormulaRecipe, progress: Progress) -> Target:
    if not recipe.file:
        raise ValueError("No table is chosen; name a CSV, .npz or HDF5 file with one column per variable.")
    check_content(recipe)
    columns = load_table(recipe.file)
    name = recipe.column or list(columns)[-1]
    if name not in columns:
        raise ValueError(f"{recipe.file} has no column {name[:40]!r}; it has {', '.join(columns)}.")
    y = columns.pop(name)
    if not np.ptp(y) > 0:
        raise ValueError(f"{recipe.file} has the same {name} in every row; there is nothing to describe.")
    x = np.column_stack(list(columns.values()))
    return _plain(Names.of(list(columns), name), x, y, recipe)


def _plain(names: Names, x: np.ndarray, y: np.ndarray, recipe: FormulaRecipe) -> Target:
    """Points that count alike. The search looks at some drawn at random, since tables may be sorted."""
    order = np.random.default_rng([recipe.data_seed, 3]).permutation(len(y))
    return Target(names, x, y, np.ones(len(y)), np.sort(order[: recipe.points]))


def _network(recipe: FormulaRecipe, progress: Progress) -> Target:
    from workbench.families.formulas.networks import learned_by  # it opens runs, which know all families

    progress(0.0, "Asking the network")
    names, x, y = learned_by(recipe.network, recipe.events, recipe.data_seed)
    return _plain(names, x, y, recipe)


def as_json(names: Names) -> str:
    return json.dumps([names.text, names.python, names.latex, names.target], ensure_ascii=False)


def names_from(text: str) -> Names:
    said, python, latex, target = json.loads(text)
    return Names(tuple(said), tuple(python), tuple(latex), target)
