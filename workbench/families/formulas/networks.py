"""What the network of another run has learned, as points to describe by a formula."""

from __future__ import annotations

import itertools

import numpy as np

from workbench.families.formulas.targets import Names
from workbench.runs.files import RunError
from workbench.runs.run import Run
from workbench.runs.store import EXAMPLES, RunStore

LARGEST_LOGIT = 8.0
"""Beyond which a network's ln p/(1 − p) says nothing."""
MOST = 20_000
"""Points at which a network is asked."""


def learned_by(id: str, events: int, seed: int) -> tuple[Names, np.ndarray, np.ndarray]:
    """Names, points (event, variable) and what the network says there. Raises: ValueError in one sentence."""
    if not id:
        raise ValueError("No network is chosen; give the id of a finished run of Basics or Amplitudes, as in the list of runs.")
    run = _opened(id)
    count, rng = min(events, MOST), np.random.default_rng([seed, 5])
    kind = run.recipe.kind
    try:
        if kind == "basics":
            return _of_basics(run, count, rng)
        if kind == "amplitude":
            return _of_amplitudes(run, count)
    except RunError as problem:
        raise ValueError(str(problem)) from problem
    raise ValueError(f"Run {id} is of the kind {kind!r}; one of Basics or Amplitudes is needed.")


def _opened(id: str) -> Run:
    for store in (RunStore(), RunStore(EXAMPLES)):
        try:
            return store.open(id)
        except RunError as problem:
            reason = problem
    raise ValueError(f"There is no run {id[:60]!r}; give the id of a finished run, as in the list of runs.") from reason


def _of_basics(run: Run, count: int, rng: np.random.Generator) -> tuple[Names, np.ndarray, np.ndarray]:
    from workbench.families.basics.points import curve, plane_of

    recipe = run.recipe
    if curve(recipe):
        names, x = Names(("x",), ("x",), ("x",), "y"), np.sort(rng.random(count))[:, None]
        if run.checkpoints():
            return names, x, run.predict(x)["mean"].values.astype(float)
        kept = run.prediction("test")  # of a run that came with the package, without its weights
        return names, kept["x"].values.astype(float)[:, None], kept["mean"].values.astype(float)
    (low_x, high_x), (low_y, high_y) = plane_of(recipe).window  # type: ignore[arg-type]
    points = np.column_stack([rng.uniform(low_x, high_x, count), rng.uniform(low_y, high_y, count)])
    p = run.predict(points)["probability"].values[:, :2].astype(float)
    ratio = np.clip(np.log(np.maximum(p[:, 0], 1e-30) / np.maximum(p[:, 1], 1e-30)), -LARGEST_LOGIT, LARGEST_LOGIT)
    return Names(("x", "y"), ("x", "y"), ("x", "y"), "ln p_S/p_B"), points, ratio


def _of_amplitudes(run: Run, count: int) -> tuple[Names, np.ndarray, np.ndarray]:
    from workbench.data.catalogue import events_for

    momenta = events_for(run.recipe).test.momenta[:count]  # type: ignore[arg-type]
    said = run.predict(momenta)["mean"].values
    amplitude = said.mean(axis=0) if said.ndim == 2 else said
    signs = np.array([1.0, 1.0] + [-1.0] * (momenta.shape[1] - 2))
    metric = np.array([1.0, -1.0, -1.0, -1.0])
    p = momenta * signs[:, None]
    pairs = list(itertools.combinations(range(momenta.shape[1]), 2))
    products = np.stack([2 * (p[:, a] * p[:, b] * metric).sum(-1) for a, b in pairs], axis=-1)
    s = products[:, :1]
    kept = np.log(np.maximum(np.abs(products[:, 1:] / s), 1e-12))
    names = [f"l{a + 1}{b + 1}" for a, b in pairs[1:]]
    latex = tuple(rf"\ln|s_{{{name[1:]}}}/s|" for name in names)
    return Names(tuple(f"ln|s{name[1:]}/s|" for name in names), tuple(names), latex, "ln A"), kept, np.log(np.maximum(amplitude, 1e-300))
