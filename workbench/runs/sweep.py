"""Sweeps over any options of any family: points that train together are one run, other axes make several, queued and reused like all.

results = wb.sweep(wb.AmplitudeRecipe(hidden=(64, 64, 64)), noise=[0, 1e-3, 1e-2, 1e-1], uncertainty=["bnn", "deterministic"])
results["sigma_syst_median"]        # dims noise, uncertainty
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.families import Part, kind_of, parts
from workbench.training.recipe import Recipe, checked_axes

from . import launcher
from .cluster import Cluster
from .files import RunError
from .run import Run
from .store import RunStore

if TYPE_CHECKING:
    import xarray


def begin(recipe: Recipe, *, runs: RunStore | Path | str | None = None, title: str = "", on: Cluster | str | None = None) -> Run:
    """The run of a recipe: a finished or living one as it is, an interrupted one resumed, else a new one, on a cluster if one is named."""
    store, recipe = runs if isinstance(runs, RunStore) else RunStore(runs), recipe.fixed()
    if store.find(recipe) is None:
        for run in store.alike(recipe):
            with contextlib.suppress(RunError):
                if run.status.resumable:
                    return launcher.resume(run, on=on)
    return launcher.launch(recipe, runs=store, title=title, on=on)


def _interrupted(store: RunStore, recipe: Recipe) -> bool:
    """Whether a recipe has a run that can be resumed, and none that has finished or lives."""
    return store.find(recipe) is None and any(run.status.resumable for run in store.alike(recipe))


def submitted(trainings: Sequence[tuple[str, Recipe]], *, runs: RunStore, on: Cluster | str | None) -> list[Run]:
    """Of trainings, each with a title, all that are new, as one array of jobs on a cluster; what was interrupted is resumed by `begin`."""
    fresh = [(title, recipe) for title, recipe in trainings if not _interrupted(runs, recipe)] if on else []
    return launcher.launch_all([recipe for _, recipe in fresh], runs=runs, titles=[title for title, _ in fresh], on=on) if on else []


def begin_all(
    wanted: Iterable[Part],
    start: Callable[[dict[str, Any], Recipe], Run],
    *,
    together: Callable[[], list[Run]] = list,
    wait: bool = False,
    progress: bool = True,
) -> list[tuple[dict[str, Any], Run]]:
    """Begin several trainings, and with `wait` follow them to their ends, with a bar. Ctrl+C stops those that were begun, at any instant.

    Arguments: together, begins some at once, which `start` then finds.
    Raises: RunError when one of them does not finish.
    """
    submitted: list[Run] = []
    begun: list[tuple[dict[str, Any], Run]] = []
    try:
        with launcher.undisturbed():
            submitted += together()
        for options, recipe in wanted:
            with launcher.undisturbed():
                begun.append((options, start(options, recipe)))
        if wait:
            _follow([run for _, run in begun], progress=progress)
    except KeyboardInterrupt:
        raise _stopped([*submitted, *(run for _, run in begun)]) from None
    return begun


def _stopped(runs: list[Run]) -> KeyboardInterrupt:
    """Stop runs, those first that wait, lest they begin; the interrupt that says so."""
    with launcher.undisturbed():
        live = [run for run in {run.id: run for run in reversed(runs)}.values() if run.alive()]
        for run in live:
            with contextlib.suppress(RunError):
                run.stop()
    if not live:
        return KeyboardInterrupt("Interrupted.")
    what = f"run {live[0].id} was" if len(live) == 1 else f"{len(live)} runs were"
    return KeyboardInterrupt(f"Interrupted; {what} stopped, and the same again resumes.")


def gathered(runs: Sequence[tuple[Mapping[str, Any], Run]], axes: Mapping[str, Sequence[Any]], recipe: Recipe) -> xarray.Dataset:
    """What the runs of a sweep have come to, as one scan over all `axes`; of a run that has not finished its newest snapshot counts.

    `recipe` is that of one of them.
    """
    from workbench.results.scan import scan

    product = kind_of(recipe).product.load()
    points = [({**options, **own}, dataset) for options, run in runs for own, dataset in _points(run)]
    truths = [dataset["amplitude_true"].values for _, dataset in points if "amplitude_true" in dataset.variables]
    if any(len(truth) != len(truths[0]) or (truth != truths[0]).any() for truth in truths):
        points = [(options, dataset.drop_dims("event", errors="ignore")) for options, dataset in points]  # not the same events
    return scan(axes, points, product.known, product.scan)


def outcome(run: Run) -> xarray.Dataset | None:
    """What a run has come to: its prediction, until then its newest snapshot; None while there is none."""
    try:
        return run.prediction("test")
    except RunError:
        return run.latest_snapshot()


def _points(run: Run) -> list[tuple[dict[str, Any], xarray.Dataset]]:
    """The points that a run has, each with the options in which it differs within the run."""
    product = kind_of(run.recipe).product.load()
    try:
        return product.points(run.prediction("test"), run.prediction("train"))
    except RunError:
        snapshot = run.latest_snapshot()
        return [] if snapshot is None else product.points(snapshot, None)


def sweep(
    recipe: Recipe,
    *,
    runs: RunStore | Path | str | None = None,
    title: str = "",
    progress: bool = True,
    on: Cluster | str | None = None,
    **axes: Any,
) -> xarray.Dataset:
    """Train a recipe for all combinations of some options, and return what came out with these options as dims.

    Axes that the recipe's family shares (of amplitudes noise, prior_width, uncertainty, seed, …) train together as one population; others
    (hidden, events, architecture, …) become several runs, of which finished ones are taken as they are and interrupted ones resumed. Runs
    go on in processes of their own, or as jobs `on` a cluster; Ctrl+C stops them so that the same call resumes them.

    *Returns*: scalars per point, those that its family's product knows. Of amplitudes they are named in `results.scan.ATTRIBUTES`, stand
    there for training events too with `_train`, and beside them mean, sigma_syst, sigma_stat [GeV⁻²] per event where all points have the
    same test events.
    *Raises*: RecipeError for an impossible option, or a file that cannot be used; RunError when a run does not finish.
    """
    checked, recipe = checked_axes(axes, type(recipe)), recipe.fixed()
    store, wanted = runs if isinstance(runs, RunStore) else RunStore(runs), parts(recipe, axes)
    for _, part in wanted:  # all of them, before the first begins
        part.check_file_is_read()
        if store.find(part) is None:
            launcher.check_file(part)

    def submit() -> list[Run]:
        return submitted([(title, part) for _, part in wanted], runs=store, on=on)

    def start(_: Mapping[str, Any], part: Recipe) -> Run:
        return begin(part, runs=store, title=title, on=on)

    begun = begin_all(wanted, start, together=submit, wait=True, progress=progress)
    return gathered(begun, checked, recipe).assign_attrs(
        recipe=recipe.to_json(), axes=", ".join(checked), process=getattr(recipe, "process", ""), runs=" ".join(run.id for _, run in begun)
    )


def _follow(runs: list[Run], *, progress: bool) -> None:
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
    for run in runs:
        if (status := run.status).state != "finished":
            where = f"at step {status.step:,} of {status.steps:,}. {status.message}".rstrip()
            raise RunError(f"Run {run.id} {status.state} {where}")
