"""Watch networks learn LHC amplitudes with error bars.

    import workbench as wb
    recipe = wb.AmplitudeRecipe(uncertainty="bnn", noise=0.01)
    run = wb.launch(recipe)             # trains in the background; `workbench` on the command line shows it live
    run.wait().prediction("test")       # an xarray Dataset

Names are loaded on first use: importing the package costs nothing, and torch is loaded only where something trains.
"""

# ruff: noqa: F401  names for type checkers, which are loaded by __getattr__

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.data.saving import save_events
    from workbench.families import train
    from workbench.families.amplitudes.curve import fit_curve
    from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
    from workbench.families.generators.recipe import GeneratorRecipe
    from workbench.families.taggers.read import read_jets
    from workbench.families.taggers.recipe import TaggerRecipe
    from workbench.families.taggers.sample import make_jets
    from workbench.families.taggers.store import save_jets
    from workbench.physics.amplitudes import squared_amplitude
    from workbench.results.prediction import summary
    from workbench.results.pulls import pulls
    from workbench.runs.cluster import Cluster
    from workbench.runs.files import RunError
    from workbench.runs.launcher import launch
    from workbench.runs.making import make_dataset
    from workbench.runs.store import RunStore, open_run
    from workbench.runs.sweep import sweep
    from workbench.stories import story  # type: ignore[no-redef]  # of a package with a module of that name, in a circle of imports
    from workbench.studios import studio
    from workbench.studios.notebook.controls import controls
    from workbench.training.recipe import RecipeError

__version__ = "0.1.0"

_HOMES = {
    "squared_amplitude": "physics.amplitudes",
    "save_events": "data.saving",
    "make_dataset": "runs.making",
    "make_jets": "families.taggers.sample",
    "save_jets": "families.taggers.store",
    "read_jets": "families.taggers.read",
    "RecipeError": "training.recipe",
    "train": "families",
    "fit_curve": "families.amplitudes.curve",
    "launch": "runs.launcher",
    "Cluster": "runs.cluster",
    "open_run": "runs.store",
    "RunStore": "runs.store",
    "RunError": "runs.files",
    "sweep": "runs.sweep",
    "pulls": "results.pulls",
    "story": "stories",
    "summary": "results.prediction",
    "studio": "studios",
    "controls": "studios.notebook.controls",
}


def _public() -> dict[str, str]:
    """Where the public names are at home: those above, and the recipes of all families."""
    from workbench.families import FAMILIES

    recipes = [kind.recipe for family in FAMILIES for kind in family.kinds]
    return {recipe.__name__: recipe.__module__.removeprefix("workbench.") for recipe in recipes} | _HOMES


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_public())
    if name.startswith("__"):
        raise AttributeError(f"module 'workbench' has no attribute {name!r}.")
    homes = _HOMES if name in _HOMES else _public()
    if name not in homes:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}; it has {', '.join(sorted(homes))}.")
    module, _, other = homes[name].partition(":")
    value = getattr(import_module(f"workbench.{module}"), other or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*sorted(_public()), "__version__"]
