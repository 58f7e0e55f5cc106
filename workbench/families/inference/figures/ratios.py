"""What an estimator says beside the exact likelihood ratio, what it was shown, and what observables know."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.inference.choice import hypothesis_of, place_of
from workbench.families.inference.product import INFERENCE_PRODUCT
from workbench.families.inference.recipe import HISTOGRAMS
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    curve,
    decades,
    dots,
    figure,
    labelled,
    layout,
    number,
    two_panels,
    with_numbers,
)
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme
from workbench.figures.training import NO_REPORTS, loss_curves, step_axis, with_marks
from workbench.results.prediction import recipe_of

STATISTIC = {
    "dphi_by_pt": "Δφ, by p<sub>T</sub>",
    "deta": "|Δη|",
    "dphi": "Δφ, by direction",
    "pt2": "p<sub>T</sub> of jet 2",
    "pt1": "p<sub>T</sub> of jet 1",
    "pt1_dphi": "p<sub>T</sub> × Δφ",
    "all": "all: the exact score",
}
MOST = 600
"""Events that a scatter shows."""


def _theta(one: xr.Dataset, hypothesis: str) -> int:
    """The place of a hypothesis among those that a Dataset has. Raises: Empty."""
    place = place_of(one["theta"].values, hypothesis)
    if place is None:
        raise Empty(f"{hypothesis_of(hypothesis)} is looked at when the training has finished.")
    return place


@figure
def label_loss(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The loss of training events and of those that only watch, against the step."""
    data = loss_curves(runs, theme, "events that only watch")
    known = np.concatenate([one["y"][np.isfinite(one["y"])] for one in data])
    low, high = np.quantile(known, [0.002, 0.998]) if known.size else (0.0, 1.0)
    margin = 0.1 * (high - low) or 0.1
    y = axis(theme, "loss per event", range=[float(low - margin), float(high + margin)])
    return with_marks({"data": data, "layout": layout(theme, xaxis=step_axis(runs, theme, _last(runs)), yaxis=y)}, runs, theme)


@figure
def ratio_error(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The mean squared error of log r against the exact one, of 400 events and 49 hypotheses, while it is learned; dotted, trimmed."""
    data = []
    for place, (label, reports) in enumerate(runs):
        if "validation_mse" not in reports.variables:
            continue
        step, colour = reports["step"].values.astype(float), theme.colour(place)
        for name, words, dash in (("mse", "all events", LEARNED), ("mse_trimmed", "without 5 % at each end", SPREAD)):
            values = reports[f"validation_{name}"].values.astype(float)
            here = np.isfinite(values)
            now = f"now {number(values[here][-1])}" if here.any() else ""
            data.append(curve(theme, with_numbers(labelled(label, words), now), step[here], values[here], colour, dash=dash, log=True))
    if not data:
        raise Empty(NO_REPORTS)
    y = axis(theme, "⟨(log r̂ − log r)²⟩", log=True, range=decades([one["y"] for one in data]))
    return with_marks({"data": data, "layout": layout(theme, xaxis=step_axis(runs, theme, _last(runs)), yaxis=y)}, runs, theme)


def _last(runs: Runs) -> float:
    asked = [int(recipe_of(reports).get("steps", 0)) for _, reports in runs if recipe_of(reports).get("method") not in HISTOGRAMS]
    done = [float(reports["step"].values[-1]) for _, reports in runs if reports.sizes.get("step", 0)]
    return float(max([1.0, *asked, *done]))


@figure
def log_ratios(runs: Runs, theme: Theme, *, hypothesis: str = "") -> dict[str, Any]:
    """Estimated against exact log r, event by event, with σ_stat."""
    data, ends = [], []
    for place, (label, one) in enumerate(runs):
        at = _theta(one, hypothesis)
        true, ours, sigma = (one[name].values[at][:MOST].astype(float) for name in ("log_ratio_true", "log_ratio", "log_ratio_sigma"))
        words = with_numbers(labelled(label, hypothesis_of(hypothesis)), f"MSE here {number(float(((ours - true) ** 2).mean()))}")
        marks = dots(theme, words, true, ours, theme.colour(place))
        marks["marker"] = {**marks["marker"], "size": 1.6 * theme.line_width, "opacity": 0.6}
        if (sigma > 0).any() and len(runs) == 1:
            marks["error_y"] = {"type": "data", "array": sigma, "width": 0, "thickness": 1, "color": theme.faint(theme.colour(place), 0.4)}
        data.append(marks)
        ends += [*np.quantile(true, [0.002, 0.998])]
    low, high = min(ends) - 0.2, max(ends) + 0.2
    data.append(curve(theme, "exact", [low, high], [low, high], theme.ink, dash=EXPECTED))
    x = axis(theme, "exact log r(x|θ)", range=[low, high])
    return {"data": data, "layout": layout(theme, xaxis=x, yaxis=axis(theme, "estimated log r̂(x|θ)", range=[low, high]))}


@figure
def information(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Fisher information of one event in f_W, f_WW and the CP-odd f_T by what is looked at, as a share of all; and of the learned score."""
    first = runs[0][1]
    values = first["information"].values.astype(float)
    share = values / np.maximum(values[-1:], 1e-30)
    names = [str(name) for name in first["statistic"].values]
    at, data = np.arange(len(names), dtype=float), []
    for column, (coupling, symbol) in enumerate(
        (("f<sub>W</sub>", "circle"), ("f<sub>WW</sub>", "diamond"), ("f<sub>T</sub>, CP odd", "square"))
    ):
        data.append(_large(dots(theme, coupling, share[:, column], at, theme.colour(column), symbol=symbol), theme))
    for place, (label, one) in enumerate(runs):
        learned = np.diag(one["fisher"].values.astype(float)) / np.maximum(values[-1, :2], 1e-30)
        for column, symbol in enumerate(("circle-open", "diamond-open")):
            drawn = dots(
                theme, labelled(label, "⟨t̂²⟩ learned"), [learned[column]], [len(names) + place], theme.colour(column), symbol=symbol
            )
            data.append({**_large(drawn, theme), "showlegend": column == 0})
    rows = [*(STATISTIC.get(name, name) for name in names), *(labelled(label, "learned t̂") for label, _ in runs)]
    y = axis(theme, "", range=[-0.5, len(rows) - 0.5], tickmode="array", tickvals=list(range(len(rows))), ticktext=rows)
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, "share of the information", range=[-0.04, 1.2]), yaxis=y)}


def _large(trace: dict[str, Any], theme: Theme) -> dict[str, Any]:
    return {**trace, "marker": {**trace["marker"], "size": 4.5 * theme.line_width}}


def _score(name: str, edges: np.ndarray, title: str, runs: Runs, theme: Theme) -> dict[str, Any]:
    """Mean scores in bins of an observable, exact and learned: f_W above, f_WW below."""
    data: list[dict[str, Any]] = []
    middle = (edges[1:] + edges[:-1]) / 2
    for place, (label, one) in enumerate(runs):
        x = one[name].values.astype(float)
        inside = [(x >= low) & (x < high) for low, high in pairwise(edges)]
        for row, panel in enumerate(("y", "y2")):
            shown = panel == "y"
            exact, learned = (one[kind].values[row].astype(float) for kind in ("score_true", "score"))
            means = [[values[here].mean() if here.sum() > 2 else np.nan for here in inside] for values in (exact, learned)]
            if place == 0:
                data.append(curve(theme, "exact", middle, means[0], theme.ink, dash=EXPECTED, yaxis=panel, showlegend=shown))
            words = labelled(label, "learned")
            data.append(curve(theme, words, middle, means[1], theme.colour(place), yaxis=panel, showlegend=shown, mode="lines+markers"))
    upper, lower = axis(theme, "⟨t<sub>W</sub>⟩ [TeV²]"), axis(theme, "⟨t<sub>WW</sub>⟩ [TeV²]")
    return {"data": data, "layout": two_panels(theme, axis(theme, title, range=[edges[0], edges[-1]]), upper, lower, share=0.42)}


@figure
def score_dphi(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The score against Δφ of the jets."""
    return _score("dphi", np.linspace(-np.pi, np.pi, 13), "Δφ, forward − backward jet", runs, theme)


@figure
def score_pt(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The score against p_T of the harder jet."""
    return _score("pt1", np.linspace(20, 400, 13), "p<sub>T</sub> of the harder jet [GeV]", runs, theme)


@figure
def joint_scatter(runs: Runs, theme: Theme, *, hypothesis: str = "") -> dict[str, Any]:
    """The joint log r(x,z|θ) that networks are shown, scattered around the exact log r(x|θ) that they learn: its mean is r."""
    _, one = runs[0]
    at = _theta(one, hypothesis)
    true, joint = (one[name].values[at].astype(float) for name in ("log_ratio_true", "log_ratio_joint"))
    marks = dots(theme, "events", true[:MOST], joint[:MOST], theme.colour(0))
    marks["marker"] = {**marks["marker"], "size": 1.6 * theme.line_width, "opacity": 0.5}
    edges = np.unique(np.quantile(true, np.linspace(0, 1, 13)))
    which = np.clip(np.searchsorted(edges, true, side="right") - 1, 0, len(edges) - 2)
    x = [true[which == k].mean() for k in range(len(edges) - 1) if (which == k).any()]
    mean = [np.log(np.exp(joint[which == k]).mean()) for k in range(len(edges) - 1) if (which == k).any()]
    low, high = (float(end) for end in np.quantile(true, [0.002, 0.998]))
    data = [
        marks,
        _large(dots(theme, "log of their mean", x, mean, theme.colour(1), symbol="diamond"), theme),
        curve(theme, "exact", [low, high], [low, high], theme.ink, dash=EXPECTED),
    ]
    across = axis(theme, "exact log r(x|θ)", range=[low - 0.2, high + 0.2])
    return {"data": data, "layout": layout(theme, xaxis=across, yaxis=axis(theme, "joint log r(x,z|θ)", range=[low - 0.7, high + 0.7]))}


@figure
def ratio_calibration(runs: Runs, theme: Theme, *, hypothesis: str = "") -> dict[str, Any]:
    """The ratio of counts under both hypotheses in bins of the estimated one; off the diagonal, the estimate can be replaced."""
    data, ends = [], []
    for place, (label, one) in enumerate(runs):
        at = _theta(one, hypothesis)
        ours, joint = (one[name].values[at].astype(float) for name in ("log_ratio", "log_ratio_joint"))
        edges = np.unique(np.quantile(ours, np.linspace(0, 1, 11)))
        which = np.clip(np.searchsorted(edges, ours, side="right") - 1, 0, len(edges) - 2)
        groups = [which == k for k in range(len(edges) - 1) if (which == k).sum() > 5]
        x = np.array([ours[group].mean() for group in groups])
        counts = [np.exp(joint[group]) for group in groups]
        y = np.array([np.log(each.mean()) for each in counts])
        error = np.array([each.std() / each.mean() / np.sqrt(len(each)) for each in counts])
        marks = _large(dots(theme, labelled(label, f"counts, {hypothesis_of(hypothesis)}"), x, y, theme.colour(place)), theme)
        marks["error_y"] = {"type": "data", "array": error, "color": theme.colour(place)}
        data.append(marks)
        ends += [*x, *y]
    known = [end for end in ends if np.isfinite(end)] or [0.0, 1.0]
    low, high = min(known) - 0.2, max(known) + 0.2
    data.append(curve(theme, "calibrated", [low, high], [low, high], theme.ink, dash=EXPECTED))
    across = axis(theme, "estimated log r̂(x|θ)", range=[low, high])
    return {"data": data, "layout": layout(theme, xaxis=across, yaxis=axis(theme, "log of n(θ)/n(SM) in the bin", range=[low, high]))}


RATIOS = {
    "label_loss": Entry(
        "Loss", label_loss, REPORTS, "Falls to the loss of the exact ratio; events that only watch tell when it is learned by heart.",
        "v log(1 + r̂) + w log(1 + 1/r̂)", 300,
    ),
    "log_ratios": Entry(
        "Estimated and true log r", log_ratios, INFERENCE_PRODUCT.name,
        "Each point is an event, its bar σ_stat. On the diagonal the estimate is exact; in the tail of hard events bars are too small.",
        "log r(x|θ) = log p(x|θ)/p(x|0)", 460,
    ),
    "ratio_error": Entry(
        "Error of log r", ratio_error, REPORTS, "The distance to the truth, live: the number that tells methods apart.",
        "⟨(log r̂ − log r)²⟩ with exp(−θ²/2·5²)", 300,
    ),
    "information": Entry(
        "Information", information, INFERENCE_PRODUCT.name,
        "What each observable knows of each coupling. Δφ in order of p_T knows nothing of the CP-odd f_T; forward minus backward does.",
        "I = Σ H₀ (H₁/H₀ − σ₁/σ₀)² → ⟨t²⟩", 420,
    ),
    "score_dphi": Entry(
        "Score and Δφ", score_dphi, INFERENCE_PRODUCT.name, "The optimal observable at the Standard Model knows the angle of the jets.",
        "t(x) = ∇_θ log p(x|θ) at θ = 0, with −∇σ/σ", 460,
    ),
    "score_pt": Entry(
        "Score and p_T", score_pt, INFERENCE_PRODUCT.name, "The harder the jets, the more an event says: the score grows with p_T.",
        "t(x) = ∇_θ log p(x|θ) at θ = 0, with −∇σ/σ", 460,
    ),
    "joint_scatter": Entry(
        "Joint ratio", joint_scatter, INFERENCE_PRODUCT.name,
        "Networks see the joint ratio, which knows what nobody measures. What minimises (r − r̂)² is its mean, the exact ratio.",
        "⟨r(x,z|θ)⟩ at x = r(x|θ)", 420,
    ),
    "ratio_calibration": Entry(
        "Calibration", ratio_calibration, INFERENCE_PRODUCT.name,
        "Events of both hypotheses counted in bins of the estimate: on the diagonal it may be trusted, elsewhere be replaced by it.",
        "log n(θ)/n(0) in bins of log r̂", 420,
    ),
}  # fmt: skip
