"""Sweeps over any options: points of equal shape are one run, other axes make several, queued and reused like all runs.

results = wb.sweep(wb.AmplitudeRecipe(hidden=(64, 64, 64)), noise=[0, 1e-3, 1e-2, 1e-1], uncertainty=["bnn", "deterministic"])
results["sigma_syst_median"]        # dims noise, uncertainty
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.training.recipe import SHARED, AmplitudeRecipe, Recipe, SweepRecipe, checked_axes

from . import launcher
from .files import RunError
from .store import Run, RunStore

if TYPE_CHECKING:
    import xarray

Part = tuple[dict[str, Any], Recipe]
"""The options in which a run of a sweep differs from the other runs, and its recipe."""


def parts(recipe: AmplitudeRecipe, axes: Mapping[str, Any]) -> list[Part]:
    """The runs of a sweep: one for every combination of the axes that change shapes. Raises: RecipeError."""
    checked = checked_axes(dict(axes))
    inner = {name: values for name, values in checked.items() if name in SHARED}
    outer = {name: values for name, values in checked.items() if name not in SHARED}
    found: list[Part] = []
    for values in itertools.product(*outer.values()):
        options = dict(zip(outer, values, strict=True))
        base = recipe.replace(**options)
        found.append((options, SweepRecipe(**base.to_dict(), axes=inner) if inner else base))
    return found


def begin(recipe: Recipe, *, runs: RunStore | Path | str | None = None, title: str = "") -> Run:
    """The run of a recipe: a finished or living one as it is, an interrupted one resumed, else a new one."""
    store = runs if isinstance(runs, RunStore) else RunStore(runs)
    if store.find(recipe) is None:
        for run in store.alike(recipe):
            with contextlib.suppress(RunError):
                if run.status.resumable:
                    return launcher.resume(run)
    return launcher.launch(recipe, runs=store, title=title)


def gathered(runs: Sequence[tuple[Mapping[str, Any], Run]], axes: Mapping[str, Sequence[Any]]) -> xarray.Dataset:
    """What the runs of a sweep have come to, as one scan over all `axes`; runs that have not finished are NaN."""
    from workbench.results.scan import numbers, per_event, points_of, scan

    points: list[tuple[dict[str, Any], xarray.Dataset]] = []
    for options, run in runs:
        with contextlib.suppress(RunError):
            prediction = run.prediction("test")
            inner = (
                points_of(prediction) if isinstance(run.recipe, SweepRecipe) else [({}, numbers(prediction).merge(per_event(prediction)))]
            )
            points += [({**options, **own}, dataset) for own, dataset in inner]
    truths = [dataset["amplitude_true"].values for _, dataset in points]
    if any(len(truth) != len(truths[0]) or (truth != truths[0]).any() for truth in truths):
        points = [(options, dataset.drop_dims("event")) for options, dataset in points]  # not the same events
    return scan(axes, points)


def sweep(
    recipe: AmplitudeRecipe, *, runs: RunStore | Path | str | None = None, title: str = "", progress: bool = True, **axes: Any
) -> xarray.Dataset:
    """Train a recipe for all combinations of some options, and return what came out with these options as dims.

    Axes of `training.recipe.SHARED` (noise, prior_width, uncertainty, seed, …) train together as one population; others (hidden, events,
    architecture, …) become several runs, of which finished ones are taken as they are and interrupted ones resumed. Runs go on in
    processes of their own; Ctrl+C stops them so that the same call resumes them.

    *Returns*: scalars per point named in `results.scan.ATTRIBUTES`, and mean, sigma_syst, sigma_stat [GeV⁻²] per event where all points
    have the same test events.
    *Raises*: RecipeError for an impossible option; RunError when a run does not finish.
    """
    checked = checked_axes(axes)
    begun = [(options, begin(part, runs=runs, title=title)) for options, part in parts(recipe, axes)]
    try:
        _follow([run for _, run in begun], progress)
    except KeyboardInterrupt:
        for _, run in begun:
            with contextlib.suppress(RunError):
                run.stop()
        raise
    for _, run in begun:
        if (status := run.status).state != "finished":
            where = f"at step {status.step:,} of {status.steps:,}. {status.message}".rstrip()
            raise RunError(f"Run {run.id} of the sweep {status.state} {where}")
    return gathered(begun, checked).assign_attrs(
        recipe=recipe.to_json(), axes=", ".join(checked), process=recipe.process, runs=" ".join(run.id for _, run in begun)
    )


def _follow(runs: list[Run], progress: bool) -> None:
    from tqdm.auto import tqdm

    steps = sum(run.status.steps for run in runs)
    with tqdm(total=steps, unit="step", disable=None if progress else True, leave=False, delay=1.0) as bar:
        live = runs
        while live:
            stands = {run: run.status for run in runs}
            live = [run for run in runs if stands[run].live]
            bar.n = sum(status.steps if status.state == "finished" else status.step for status in stands.values())
            bar.set_description_str(f"{len(runs) - len(live)} of {len(runs)} runs have ended")
            time.sleep(0.1 if live else 0.0)
