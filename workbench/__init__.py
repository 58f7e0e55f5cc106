"""Watch networks learn LHC amplitudes with error bars.

    import workbench as wb
    recipe = wb.AmplitudeRecipe(uncertainty="bnn", noise=0.01)
    run = wb.launch(recipe)             # trains in the background; `workbench` on the command line shows it live
    run.wait().prediction("test")       # an xarray Dataset

Names are loaded on first use: importing the package costs nothing, and torch is loaded only where something trains.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.data.catalogue import make_dataset
    from workbench.data.saving import save_events
    from workbench.physics.amplitudes import squared_amplitude
    from workbench.results.prediction import summary
    from workbench.results.pulls import pulls
    from workbench.runs.files import RunError
    from workbench.runs.launcher import launch
    from workbench.runs.store import RunStore, open_run
    from workbench.runs.sweep import sweep
    from workbench.stories import story  # type: ignore[no-redef]  # of a package with a module of that name, in a circle of imports
    from workbench.studios import studio
    from workbench.studios.controls import controls
    from workbench.training.curve import fit_curve
    from workbench.training.job import train_recipe as train
    from workbench.training.recipe import AmplitudeRecipe, GeneratorRecipe, RecipeError, SweepRecipe

__version__ = "0.1.0"

_HOMES = {
    "squared_amplitude": "physics.amplitudes",
    "save_events": "data.saving",
    "make_dataset": "data.catalogue",
    "AmplitudeRecipe": "training.recipe",
    "GeneratorRecipe": "training.recipe",
    "SweepRecipe": "training.recipe",
    "RecipeError": "training.recipe",
    "train": "training.job:train_recipe",
    "fit_curve": "training.curve",
    "launch": "runs.launcher",
    "open_run": "runs.store",
    "RunStore": "runs.store",
    "RunError": "runs.files",
    "sweep": "runs.sweep",
    "pulls": "results.pulls",
    "story": "stories",
    "summary": "results.prediction",
    "studio": "studios",
    "controls": "studios.controls",
}
__all__ = [
    "AmplitudeRecipe",
    "GeneratorRecipe",
    "RecipeError",
    "RunError",
    "RunStore",
    "SweepRecipe",
    "controls",
    "fit_curve",
    "launch",
    "make_dataset",
    "open_run",
    "pulls",
    "save_events",
    "squared_amplitude",
    "story",
    "studio",
    "summary",
    "sweep",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}; it has {', '.join(__all__)}.")
    module, _, other = _HOMES[name].partition(":")
    value = getattr(import_module(f"workbench.{module}"), other or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
