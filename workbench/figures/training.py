"""Figures of a running training, from its reports."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing import Empty, Runs, axis, bound, curve, figure, labelled, layout, number, two_panels, with_numbers
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, VALIDATED, Theme
from workbench.physics.datasets.known import TOYS
from workbench.results.prediction import recipe_of

MEDIAN_NOISE = 0.6745  # of |ε| for ε from N(0,1)
NO_REPORTS = "The first losses appear after a few steps."


@figure
def losses(runs: Runs, theme: Theme) -> dict[str, Any]:
    """−log likelihood of training and validation events above, KL per event below."""
    several = len(runs) > 1
    upper, lower = [], []
    for place, (label, reports) in enumerate(runs):
        step = _steps(reports)
        colours = [theme.colour(place)] * 3 if several else [theme.colour(k) for k in range(3)]
        likelihood = _values(reports, "likelihood", fallback="loss")
        upper.append(curve(theme, labelled(label, "training"), step, likelihood, colours[0], dash=LEARNED, width=0.8))
        validated = _values(reports, "validation_likelihood")
        here = np.isfinite(validated)
        if here.any():
            upper.append(curve(theme, labelled(label, "validation"), step[here], validated[here], colours[1], dash=VALIDATED))
        kl = _values(reports, "kl")
        if np.nanmax(kl, initial=0) > 0:
            lower.append(curve(theme, labelled(label, "KL / N"), step, kl, colours[2], dash=SPREAD, log=True, yaxis="y2"))
    if not any(np.isfinite(drawn["y"]).any() for drawn in upper):
        raise Empty("All losses so far are not finite.")
    x = step_axis(runs, theme)
    generators = any("validation_log_loss" in reports.variables for _, reports in runs)
    y = axis(theme, "−⟨log p⟩" if generators else "−⟨log p(A)⟩", range=_loss_range([drawn["y"] for drawn in upper]))
    if not lower:
        return with_marks({"data": upper, "layout": layout(theme, xaxis=x, yaxis=y)}, runs, theme)
    below = axis(theme, "KL / N", log=True, range=_decades([drawn["y"] for drawn in lower]), labels=2)
    return with_marks({"data": upper + lower, "layout": two_panels(theme, x, y, below)}, runs, theme)


@figure
def accuracy(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Median |Δ| of the validation events against the step: to the amplitudes they have, which carry the noise of the training events.

    |fε| has the median 0.67 f, and no network that does not know ε comes nearer: a dashed line.
    """
    data, noises = [], set()
    for place, (label, reports) in enumerate(runs):
        noises.add(float(reports.attrs.get("noise", 0.0)))
        step, delta = _steps(reports), _values(reports, "validation_delta")
        here = np.isfinite(delta) & (delta > 0)
        if here.any():
            name = labelled(label, f"validation, now {100 * delta[here][-1]:.2g} %")
            data.append(curve(theme, name, step[here], 100 * delta[here], theme.colour(place), dash=VALIDATED, mode="lines+markers"))
    if not data:
        raise Empty("The first validation comes after some steps.")
    steps = step_axis(runs, theme)
    for noise in sorted(noises - {0.0}):
        floor = 100 * MEDIAN_NOISE * noise
        data.append(curve(theme, f"0.67 f = {floor:.2g} %", steps["range"], [floor] * 2, theme.ink, dash=EXPECTED))
    to = "noisy amplitudes" if max(noises) > 0 else "validation amplitudes"
    y = axis(theme, f"median |Δ| to {to} [%]", log=True, range=_decades([drawn["y"] for drawn in data]))
    drawn = {"data": data, "layout": layout(theme, xaxis=steps, yaxis=y)}
    return with_marks(drawn, runs, theme)


@figure
def log_loss(runs: Runs, theme: Theme) -> dict[str, Any]:
    """−⟨ln p⟩ of validation events in physical units against the step, with the exact entropy of toys, which no flow can go below."""
    data, exact = [], {}
    for place, (label, reports) in enumerate(runs):
        step, loss = _steps(reports), _values(reports, "validation_log_loss")
        here = np.isfinite(loss)
        if not here.any():
            continue
        now = f"validation, now {loss[here][-1]:.3f}".replace("-", "−")
        data.append(curve(theme, labelled(label, now), step[here], loss[here], theme.colour(place), dash=VALIDATED, mode="lines+markers"))
        dataset = reports.attrs.get("dataset", recipe_of(reports).get("dataset", ""))
        if dataset in TOYS:
            exact[dataset] = TOYS[dataset].entropy
    if not data:
        raise Empty("The first validation of a generator comes after some steps.")
    steps = step_axis(runs, theme)
    for dataset, entropy in exact.items():
        name = f"exact entropy {entropy:.3f}".replace("-", "−")
        data.append(
            curve(theme, labelled(dataset if len(exact) > 1 else "", name), steps["range"], [entropy] * 2, theme.ink, dash=EXPECTED)
        )
    low, high = _loss_range([drawn["y"] for drawn in data], least=0.05)
    y = axis(theme, "−⟨ln p⟩ [nat]", range=[low, high])
    drawn = {"data": data, "layout": layout(theme, xaxis=steps, yaxis=y)}
    return with_marks(drawn, runs, theme)


def loss_curves(runs: Runs, theme: Theme, unseen: str) -> list[dict[str, Any]]:
    """The loss of what is learned from, and of what only watches with its last value, against the step. Raises: Empty."""
    data = []
    for place, (label, reports) in enumerate(runs):
        if reports.sizes.get("step", 0) == 0:
            continue
        step = _steps(reports)
        colours = [theme.colour(place)] * 2 if len(runs) > 1 else [theme.colour(1), theme.colour(0)]
        data.append(curve(theme, labelled(label, "training"), step, _values(reports, "likelihood"), colours[0], dash=SPREAD, width=0.8))
        if "validation_likelihood" in reports.variables:
            seen = _values(reports, "validation_likelihood")
            here = np.isfinite(seen)
            name = with_numbers(labelled(label, unseen), f"{number(seen[here][-1], 3)} now" if here.any() else "")
            data.append(curve(theme, name, step[here], seen[here], colours[1], dash=VALIDATED))
    if not data:
        raise Empty(NO_REPORTS)
    return data


def step_axis(runs: Runs, theme: Theme, last: float = 0.0) -> dict[str, Any]:
    """The axis of steps, to the planned end or to where it is given."""
    return axis(theme, "step", range=[0, last or _last_step(runs)], tickformat=",d")


def with_marks(drawn: dict[str, Any], runs: Runs, theme: Theme) -> dict[str, Any]:
    """The same with a thin line where a run's weights get widths, at the end of its warm start, or where an option was changed."""
    places: dict[float, tuple[str, str]] = {}
    for place, (_, reports) in enumerate(runs):
        marks = {float(step): words for step, words in json.loads(reports.attrs.get("changed", "{}")).items()}
        if widths := float(reports.attrs.get("widths_from", 0)):
            marks[widths] = "weights get widths"
        for step, words in marks.items():
            places.setdefault(step, (words, theme.colour(place) if len(runs) > 1 else theme.muted))
    if not places:
        return drawn
    middle, lines, notes = 0.5 * _last_step(runs), [], []
    told: set[str] = set()
    for step, (words, colour) in sorted(places.items()):
        at = {"xref": "x", "yref": "paper"}
        lines.append({"type": "line", **at, "x0": step, "x1": step, "y0": 0, "y1": 1, "line": {"color": colour, "width": 1, "dash": "dot"}})
        if words not in told:
            font = {"color": theme.muted, "size": 0.85 * theme.font_size}
            notes.append({"text": words, "showarrow": False, **at, "x": step, "xanchor": "left" if step < middle else "right",
                          "y": 1 - 0.08 * (len(told) % 6), "yanchor": "top", "font": font})  # fmt: skip
            told.add(words)
    look = drawn["layout"]
    return {**drawn, "layout": {**look, "shapes": [*look.get("shapes", []), *lines], "annotations": [*look.get("annotations", []), *notes]}}


def _steps(reports: xr.Dataset) -> np.ndarray:
    if reports.sizes.get("step", 0) == 0:
        raise Empty(NO_REPORTS)
    return reports["step"].values.astype(float)


def _values(reports: xr.Dataset, name: str, fallback: str = "") -> np.ndarray:
    for key in (name, fallback):
        if key in reports.variables:
            return reports[key].values.astype(float)
    return np.full(reports.sizes["step"], np.nan)


def _last_step(runs: Runs) -> float:
    """The end of the step axis: the planned end where the recipe is known."""
    planned = [recipe_of(reports).get("steps", 0) for _, reports in runs]
    return float(max([1, *planned, *(reports["step"].values.max() for _, reports in runs if reports.sizes.get("step", 0))]))


def _loss_range(values: list[np.ndarray], least: float = 0.5) -> list[float]:
    """From below the lowest loss to above all but the first tenth of the points, at least so much, in halves, so that it seldom moves."""
    lowest = min(np.nanmin(v) for v in values if np.isfinite(v).any())
    late = np.concatenate([v[len(v) // 10 :] for v in values])
    highest = max(np.nanmax(late), lowest + least) if np.isfinite(late).any() else lowest + 1
    span = bound(highest - lowest, [2 * least, 4 * least, 10 * least, 20 * least, 40 * least, 100 * least, 200 * least, 1e3, 1e4, 1e6, 1e9])
    unit = span / 4
    return [float(np.floor(lowest / unit) * unit - unit / 4), float(np.ceil(highest / unit) * unit + unit / 4)]


def _decades(values: list[np.ndarray]) -> list[float]:
    """The decades that hold all positive values."""
    positive = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in values])
    if not positive.size:
        return [0.1, 1.0]
    low, high = np.floor(np.log10(positive.min())), np.ceil(np.log10(positive.max()))
    return [10.0**low, 10.0 ** max(high, low + 1)]
