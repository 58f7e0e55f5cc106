"""Limits: contours in the plane of both couplings, one coupling at a time, and whether thresholds hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.inference import limit
from workbench.families.inference.everywhere import PLACES, nearest
from workbench.families.inference.experiment import STRIDE
from workbench.families.inference.product import INFERENCE_PRODUCT
from workbench.figures.drawing import Empty, Runs, axis, band, curve, dots, figure, labelled, layout, number, two_panels, with_numbers
from workbench.figures.entry import Entry
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme

F_W, F_WW = "f<sub>W</sub>/Λ² [TeV⁻²]", "f<sub>WW</sub>/Λ² [TeV⁻²]"


@dataclass(frozen=True)
class Seen:
    """q(θ) on a grid (f_WW, f_W): learned, its spread among networks, those of its profiles, and exact; and of how many events."""

    grid: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    profiles: dict[str, np.ndarray]
    exact: np.ndarray
    events: int


def _seen(one: xr.Dataset, expected: str, rate: str, experiment: str) -> Seen:
    """What so many events lead one to expect, or what one experiment says. Raises: Empty."""
    events, counted = int(expected or limit.EXPECTED), bool(rate)
    grid, sigma = one["f_W"].values.astype(float), one["sigma_ratio"].values.astype(float)
    if experiment:
        if "experiment_log_ratio" not in one.variables:
            raise Empty("Single experiments are drawn when the training has finished.")
        place = {"experiment": int(experiment) - 1, "expected": nearest(one["expected"].values, events)}
        seen, sigma = int(one["experiment_events"].isel(place)), sigma[::STRIDE, ::STRIDE]
        ours, true, spread = (
            one[f"experiment_{name}"].isel(place).values.astype(float) for name in ("log_ratio", "log_ratio_true", "q_sigma")
        )
        mean, exact = (limit.q_of(values / seen, sigma, events, rate=counted, seen=seen) for values in (ours, true))
        along = {"f_W": spread[mean.argmin(0), np.arange(len(mean))], "f_WW": spread[np.arange(len(mean)), mean.argmin(1)]}
        return Seen(grid[::STRIDE], mean, spread, along, exact, seen)
    ours, true = one["mean_log_ratio"].values.astype(float), one["mean_log_ratio_true"].values.astype(float)
    each, mean, exact = (limit.q_of(values, sigma, events, rate=counted) for values in (ours, ours.mean(0), true))
    return Seen(grid, mean, each.std(0), {name: limit.profile(each, name).std(0) for name in ("f_W", "f_WW")}, exact, events)


def _contours(runs: Runs, theme: Theme, expected: str, rate: str, experiment: str) -> list[dict[str, Any]]:
    several, data, first = len(runs) > 1, [], runs[0][1]
    for place, (label, one) in enumerate(runs):
        seen, colour = _seen(one, expected, rate, experiment), theme.colour(place)
        middle, spread = limit.lowest(seen.grid, seen.mean), seen.spread
        said = with_numbers(labelled(label, "learned"), f"MSE of log r {number(float(one['mse']))}")
        for level, threshold in zip(limit.LEVELS, limit.TWO, strict=True):
            if several and level != 0.95:
                continue
            name = said if level == 0.95 else f"{100 * level:g} %"
            if spread.max() > 0:
                outer, inner = (limit.contour(seen.grid, seen.mean + sign * spread, threshold, middle) for sign in (-1, 1))
                ring = [np.concatenate([a, b[::-1]]) for a, b in zip(outer, inner, strict=True)]
                data.append(_ring(theme, f"{labelled(label, '±σ')}<sub>stat</sub>", ring, colour, shown=level == 0.95))
            line = curve(theme, name, *limit.contour(seen.grid, seen.mean, threshold, middle), colour, dash=LEARNED)
            data.append({**line, "showlegend": level == 0.95})
        data.append({**dots(theme, labelled(label, "best"), [middle[0]], [middle[1]], colour, symbol="cross"), "showlegend": False})
    seen = _seen(first, expected, rate, experiment)
    for level, threshold in zip(limit.LEVELS, limit.TWO, strict=True):
        if not (several and level != 0.95):
            around = limit.contour(seen.grid, seen.exact, threshold, limit.lowest(seen.grid, seen.exact))
            line = curve(theme, "exact", *around, theme.ink, dash=EXPECTED)
            data.append({**line, "showlegend": level == 0.95})
    return data


def _plane(runs: Runs, theme: Theme, data: list[dict[str, Any]], **scales: Any) -> dict[str, Any]:
    grid = runs[0][1]["f_W"].values.astype(float)
    ends = [float(grid[0]), float(grid[-1])]
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, F_W, range=ends), yaxis=axis(theme, F_WW, range=ends, **scales))}


def _ring(theme: Theme, name: str, ring: list[np.ndarray], colour: str, *, shown: bool) -> dict[str, Any]:
    drawn = band(theme, name, [], [], [], colour)
    return {**drawn, "x": ring[0], "y": ring[1], "showlegend": shown}


@figure
def contours(runs: Runs, theme: Theme, *, expected: str = "", rate: str = "", experiment: str = "") -> dict[str, Any]:
    """68, 95 and 99.7 % contours of n expected events, or of one experiment, with the band of σ_stat, beside the exact ones and the Fisher
    ellipse; of several runs the 95 % contours."""
    data, first = _contours(runs, theme, expected, rate, experiment), runs[0][1]
    if "fisher_true" in first.variables and not rate and not experiment:
        around = limit.ellipse(first["fisher_true"].values.astype(float), limit.TWO[1], int(expected or limit.EXPECTED))
        data.append(curve(theme, "Fisher ellipse, 95 %", *around, theme.muted, dash=SPREAD))
    return _plane(runs, theme, data, scaleanchor="x", constrain="domain")


@figure
def theta_plane(runs: Runs, theme: Theme, *, f_w: str = "10", f_ww: str = "0", expected: str = "", rate: str = "") -> dict[str, Any]:
    """The plane of both couplings with a point that can be dragged, and the 95 % contours."""
    data: list[dict[str, Any]] = []
    for place, (label, one) in enumerate(runs):
        seen = _seen(one, expected, rate, "")
        for name, q, colour, dash in (("exact", seen.exact, theme.ink, EXPECTED), ("learned", seen.mean, theme.colour(place), LEARNED)):
            if name == "learned" or place == 0:
                around = limit.contour(seen.grid, q, limit.TWO[1], limit.lowest(seen.grid, q))
                words = "exact, 95 %" if name == "exact" else labelled(label, f"learned, {seen.events} events")
                data.append(curve(theme, words, *around, colour, dash=dash))
    point = dots(theme, "θ, to be dragged", [float(f_w)], [float(f_ww)], theme.colour(1), symbol="circle")
    point["marker"] |= {"size": 8 * theme.line_width, "line": {"color": theme.paper, "width": theme.line_width}}
    point["meta"] = {"drags": ["f_w", "f_ww"], "places": PLACES.tolist()}
    drawn = _plane(runs, theme, [*data, point])  # without equal scales it fills its card, beside sliders
    return drawn | {"layout": drawn["layout"] | {"dragmode": False}}


@figure
def profiles(runs: Runs, theme: Theme, *, expected: str = "", rate: str = "", experiment: str = "") -> dict[str, Any]:
    """q of each coupling with the other at its best: f_W above, f_WW below, with the thresholds of one parameter."""
    data: list[dict[str, Any]] = []
    for place, (label, one) in enumerate(runs):
        seen = _seen(one, expected, rate, experiment)
        for coupling, panel in (("f_W", "y"), ("f_WW", "y2")):
            ours, spread = limit.profile(seen.mean, coupling), seen.profiles[coupling]
            low, high = limit.interval(seen.grid, ours, limit.ONE[1])
            said = with_numbers(labelled(label, coupling.replace("_", "")), f"95 %: {_end(low)} to {_end(high)} TeV⁻²")
            if spread.max() > 0:
                data.append(band(theme, "± σ", seen.grid, ours - spread, ours + spread, theme.colour(place), yaxis=panel, showlegend=False))
            data.append(curve(theme, said, seen.grid, ours, theme.colour(place), yaxis=panel))
            if place == 0:
                exact = limit.profile(seen.exact, coupling)
                data.append(curve(theme, "exact", seen.grid, exact, theme.ink, dash=EXPECTED, yaxis=panel, showlegend=panel == "y"))
    grid = runs[0][1]["f_W"].values.astype(float)
    ends = [float(grid[0]), float(grid[-1])]
    for level in limit.ONE[:2]:
        for panel in ("y", "y2"):
            data.append(curve(theme, "68, 95 %", ends, [level] * 2, theme.muted, dash=SPREAD, yaxis=panel, showlegend=False))
    upper, lower = axis(theme, "q(f<sub>W</sub>)", range=[0, 12]), axis(theme, "q(f<sub>WW</sub>)", range=[0, 12])
    return {"data": data, "layout": two_panels(theme, axis(theme, "f/Λ² [TeV⁻²]", range=ends), upper, lower, share=0.44)}


def _end(value: float) -> str:
    return number(value, 3) if np.isfinite(value) else "beyond"


@figure
def thresholds(runs: Runs, theme: Theme, *, expected: str = "") -> dict[str, Any]:
    """How often q(0) of toy experiments lies above a value, beside χ² of two parameters: whether 68, 95 and 99.7 % are what they say."""
    data: list[dict[str, Any]] = []
    for place, (label, one) in enumerate(runs):
        if "toy_q" not in one.variables:
            raise Empty("Toy experiments are drawn when the training has finished.")
        row = nearest(np.log(one["toy_events"].values.astype(float)), np.log(float(expected or limit.EXPECTED)))
        events = int(one["toy_events"][row])
        kinds = [("toy_q", labelled(label, "learned"), theme.colour(place), LEARNED)]
        kinds += [("toy_q_true", "exact", theme.ink, EXPECTED)] if place == 0 else []
        for name, words, colour, dash in kinds:
            q = one[name].values[row].astype(float)
            above = [100 * float((q > threshold).mean()) for threshold in limit.TWO]
            said = with_numbers(f"{words}, {events} events", " / ".join(f"{share:.1f}" for share in above) + " % above")
            data.append(curve(theme, said, q, 1 - (np.arange(len(q)) + 0.5) / len(q), colour, dash=dash, log=True))
    x = np.linspace(0, 16, 81)
    data.append(curve(theme, with_numbers("χ² of two parameters", "32 / 5 / 0.3 % above"), x, np.exp(-x / 2), theme.muted, dash=SPREAD))
    for threshold in limit.TWO:
        data.append(curve(theme, "68, 95, 99.7 %", [threshold] * 2, [5e-4, 1], theme.muted, dash=SPREAD, width=0.75, showlegend=False))
    y = axis(theme, "share of experiments above", log=True, range=[5e-4, 1.2])
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, "q(0) of one experiment", range=[0, 16]), yaxis=y)}


LIMITS = {
    "contours": Entry(
        "Contours", contours, INFERENCE_PRODUCT.name,
        "Learned contours grow onto the dashed, exact ones. A smaller contour is not a better one: look at the MSE beside it. The Fisher "
        "ellipse, from the score alone, is too small: at f ≈ 10 the squares are as large as the interference. All lines end "
        "where the simulated hypotheses do, at ±22.",
        "q(θ) = −2n [⟨log r(x|θ)⟩ − max_θ ⟨log r(x|θ)⟩] < 2.28, 5.99, 11.62", 560,
    ),
    "profiles": Entry(
        "One coupling", profiles, INFERENCE_PRODUCT.name, "Where the curve lies below 0.99 or 3.84: the 68 or 95 % interval.",
        "q(f) = min over the other", 480,
    ),
    "thresholds": Entry(
        "Are the thresholds right?", thresholds, INFERENCE_PRODUCT.name,
        "How often q(0) of 1,000 experiments of 10, 36 or 100 events lies above a value: off the dotted line 95 % are not 95 %.",
        "P(q(0) > c) = exp(−c/2) for large n", 420,
    ),
    "theta_plane": Entry(
        "Drag θ", theta_plane, INFERENCE_PRODUCT.name, "Drag the point over the plane: all distributions follow at once.",
        "p(x|θ) = r(x|θ) p(x|0)", 560,
    ),
}  # fmt: skip
