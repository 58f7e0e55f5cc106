"""Figures of the first lesson: what was learned beside the exact answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from workbench.families.basics.product import BASICS_PRODUCT
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    band,
    curve,
    dots,
    figure,
    key,
    labelled,
    layout,
    number,
    steps,
    two_panels,
    with_numbers,
)
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme
from workbench.figures.training import loss_curves, step_axis, with_marks
from workbench.physics.basics import PLANES, Plane
from workbench.results.prediction import recipe_of

FEW = 100
"""Points of a curve that are few enough to be drawn one by one."""
TILES, GAP = 8, 0.15
"""Thumbnails in a row, and the gap between them."""


def is_curve(dataset: xr.Dataset) -> bool:
    """Whether a snapshot or prediction is one of a curve."""
    return "probability" not in dataset.variables


def _of_a_kind(runs: Runs) -> tuple[bool, list[tuple[int, str, xr.Dataset]]]:
    """The runs that can be drawn beside the first one, with their places: curves, or classes of the same toy."""
    first = runs[0][1]
    toy = recipe_of(first).get("toy")
    alike = [(place, label, one) for place, (label, one) in enumerate(runs) if recipe_of(one).get("toy") == toy]
    return is_curve(first), alike


@figure
def learned(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The curve through its points with error bars, and how far it is from the best answer; or the map of p(signal) with both borders."""
    curves, alike = _of_a_kind(runs)
    return _curves(alike, theme) if curves else _map(alike, theme)


def _curves(runs: list[tuple[int, str, xr.Dataset]], theme: Theme) -> dict[str, Any]:
    first, several = runs[0][2], len(runs) > 1
    x, known = first["x"].values.astype(float), "truth" in first.variables
    upper, lower = [_points(theme, first)], []
    for place, label, one in runs:
        colour, mean = theme.colour(place), one["mean"].values.astype(float)
        name = labelled(label if several else "", "network")
        hidden = {"legendgroup": name, "showlegend": False}
        for sigma, words in (("sigma_syst", "± σ<sub>syst</sub>, learned"), ("sigma_stat", "± σ<sub>stat</sub>, spread")):
            if sigma in one.variables:
                width = one[sigma].values.astype(float)
                shade = theme.colour(place + (sigma == "sigma_syst"))
                said = {"name": labelled(label if several else "", words)}
                upper.append(band(theme, said["name"], x, mean - width, mean + width, shade, legendgroup=said["name"]))
        upper.append(curve(theme, name, x, mean, colour, legendgroup=name))
        if known:
            lower.append(curve(theme, name, x, mean - one["answer"].values, colour, yaxis="y2", **hidden))
    across = axis(theme, "x", range=[float(x[0]), float(x[-1])])
    if not known:  # own points, whose exact answer nobody knows
        low, high = float(first["point_y"].min()), float(first["point_y"].max())
        edge = 0.08 * (high - low)
        return {"data": upper, "layout": layout(theme, xaxis=across, yaxis=axis(theme, "y", range=[low - edge, high + edge]))}
    answer, noise = (first[name].values.astype(float) for name in ("answer", "noise"))
    lower.insert(0, band(theme, "± σ of the noise", x, -noise, noise, theme.muted, yaxis="y2", showlegend=False))
    upper.append(curve(theme, "truth f(x)", x, first["truth"].values, theme.ink, dash=EXPECTED))
    if np.abs(answer - first["truth"].values).max() > 1e-3:
        upper.append(curve(theme, "what the loss asks for", x, answer, theme.ink, dash=SPREAD))
    lower.append(curve(theme, "0", [0, 1], [0, 0], theme.ink, dash=EXPECTED, yaxis="y2", showlegend=False))
    heights = np.concatenate([first["truth"].values, answer])
    reach = 3 * float(noise.max())
    y = axis(theme, "y", range=[float(heights.min()) - reach, float(max(heights.max() + reach, 1.0))])
    half = float(max(0.15, 2.5 * noise.max()))
    below = axis(theme, "f − best", range=[-half, half], nticks=3)
    look = two_panels(theme, across, y, below, share=0.24)
    return {"data": upper + lower, "layout": look}


def _points(theme: Theme, one: xr.Dataset) -> dict[str, Any]:
    """The training points of a curve: faint where they are many, plain where a curve that runs through each of them should be seen."""
    few = one.sizes["point"] < FEW
    points = dots(theme, "training points", one["point_x"], one["point_y"], theme.ink if few else theme.faint(theme.muted, 0.6))
    return {**points, "hoverinfo": "skip", "marker": {**points["marker"], "size": theme.line_width + (5 if few else 3)}}


def _map(runs: list[tuple[int, str, xr.Dataset]], theme: Theme) -> dict[str, Any]:
    """p(signal) of the first run; its border, those of the others, and the exact one."""
    first, several = runs[0][2], len(runs) > 1
    x, y = first["grid_x"].values.astype(float), first["grid_y"].values.astype(float)
    toy = recipe_of(first)["toy"]
    titles = PLANES[toy].axes if toy in PLANES else ("x₁", "x₂")
    signal, background = theme.colour(1), theme.colour(0)
    low, high = (theme.faint(colour, 0.75) for colour in (background, signal))
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap", "name": "p(signal)", "x": x, "y": y, "z": first["probability"].values.astype(float), "zsmooth": "best",
            "coloraxis": "coloraxis", "hovertemplate": f"{titles[0]} = %{{x:.2f}}, {titles[1]} = %{{y:.2f}}: p = %{{z:.2f}}<extra></extra>",
        }
    ]  # fmt: skip
    levels = ((0.5, LEARNED), (0.1, EXPECTED), (0.9, EXPECTED)) if "probability_exact" in first.variables else ()
    data += [
        _border(x, y, first["probability_exact"].values.astype(float), level, theme.ink, dash, theme.line_width) for level, dash in levels
    ]
    for place, label, one in runs:
        line = theme.colour(place + 2)
        name = labelled(label if several else "", "network ½")
        data.append(_border(x, y, one["probability"].values.astype(float), 0.5, line, LEARNED, 1.4 * theme.line_width))
        data.append(key(theme, name, colour=line))
    for kind, (name, colour, symbol) in enumerate(
        (("signal", signal, "circle"), ("background", background, "x"), ("third class", theme.muted, "square"))
    ):
        chosen = first["point_class"].values == kind
        if chosen.any():
            points = dots(theme, name, first["point_x"].values[chosen], first["point_y"].values[chosen], colour, symbol=symbol)
            data.append(
                {
                    **points,
                    "hoverinfo": "skip",
                    "marker": {**points["marker"], "size": theme.line_width + 2.5, "line": {"width": 0.5, "color": theme.paper}},
                }
            )
    data += [key(theme, "exact ½ (0.1, 0.9)", colour=theme.ink)] if levels else []
    below = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "thickness": 0.7 * theme.font_size}
    bar = {"outlinewidth": 0, "tickvals": [0, 0.5, 1], "ticktext": ["0", "p(signal) = ½", "1"], **below}
    scale = [[0, low], [0.5, theme.faint(theme.grid, 0.6)], [1, high]]
    frame: dict[str, Any] = {"showgrid": False, "nticks": 5}
    equal: dict[str, Any] = {}
    if toy in PLANES and titles == Plane.axes:  # both coordinates mean the same
        frame["constrain"], equal["scaleanchor"] = "domain", "y"
    across = axis(theme, titles[0], range=[x[0], x[-1]], **frame, **equal)
    look = layout(theme, xaxis=across, yaxis=axis(theme, titles[1], range=[y[0], y[-1]], **frame))
    look["margin"] = {**look["margin"], "b": 5 * theme.font_size}
    return {"data": data, "layout": look | {"coloraxis": {"colorscale": scale, "cmin": 0, "cmax": 1, "colorbar": bar}}}


def _border(x: np.ndarray, y: np.ndarray, z: np.ndarray, level: float, colour: str, dash: str, width: float) -> dict[str, Any]:
    """The line where a map has one value."""
    return {
        "type": "contour", "name": f"p = {level:g}", "x": x, "y": y, "z": z, "showscale": False, "showlegend": False, "hoverinfo": "skip",
        "contours": {"start": level, "end": level, "size": 1, "coloring": "none"}, "autocontour": False,
        "line": {"color": colour, "dash": dash, "width": width, "smoothing": 1},
    }  # fmt: skip


@figure
def learning(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The loss of training points and of unseen ones against the step, with that of the exact answer, which no network goes below."""
    data = loss_curves(runs, theme, "unseen points")
    steps = step_axis(runs, theme)
    floors = []
    for _, reports in runs:
        if "validation_floor" in reports.variables:
            known = reports["validation_floor"].values.astype(float)
            floors += [float(known[np.isfinite(known)][-1])] if np.isfinite(known).any() else []
    for floor in dict.fromkeys(round(value, 6) for value in floors):
        data.append(curve(theme, with_numbers("exact answer", number(floor, 3)), steps["range"], [floor] * 2, theme.ink, dash=EXPECTED))
    values = [one["y"] for one in data]
    all_positive = all((one[np.isfinite(one)] > 0).all() for one in values)
    y = axis(theme, "loss", log=True, range=_around(values)) if all_positive else axis(theme, "loss")
    return with_marks({"data": data, "layout": layout(theme, xaxis=steps, yaxis=y)}, runs, theme)


def _around(values: list[np.ndarray]) -> list[float]:
    """An axis for positive losses, from one of 1, 1.5, 2, 3, 5, 7, 10, … to another, so that it seldom moves; four decades at most."""
    known = np.concatenate([one[np.isfinite(one)] for one in values])
    stops = np.array([digit * 10.0**power for power in range(-12, 13) for digit in (1, 1.5, 2, 3, 5, 7)])
    high = stops[np.searchsorted(stops, known.max())]
    low = max(stops[np.searchsorted(stops, known.min() * (1 - 1e-9)) - 1], 1e-4 * high)
    return [float(low), float(max(high, 3 * low))]


@figure
def beside_exact(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Background against signal efficiency with the smallest one that is possible; or the scatter of unseen points about the curve."""
    curves, alike = _of_a_kind(runs)
    return _residuals(alike, theme) if curves else _efficiencies(alike, theme)


def _residuals(runs: list[tuple[int, str, xr.Dataset]], theme: Theme) -> dict[str, Any]:
    data = []
    for place, label, one in runs:
        middle, density = one["residual"].values.astype(float), one["residual_density"].values.astype(float)
        half = (middle[1] - middle[0]) / 2
        name = with_numbers(labelled(label, "unseen points"), f"width {float(one['residual_width']):.2f}")
        data.append(steps(theme, name, middle - half, middle + half, density, theme.colour(place)))
    x = np.linspace(-4, 4, 161)
    data.append(curve(theme, "N(0, 1)", x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), theme.ink, dash=EXPECTED))
    look = layout(theme, xaxis=axis(theme, "(y − f)/σ", range=[-4, 4]), yaxis=axis(theme, "density", rangemode="tozero"))
    return {"data": data, "layout": look}


def _efficiencies(runs: list[tuple[int, str, xr.Dataset]], theme: Theme) -> dict[str, Any]:
    """Of several classes, those of signal and background."""
    upper, lower, first = [], [], runs[0][2]
    signal, known = first["signal"].values.astype(float), "background_best" in first.variables
    for place, label, one in runs:
        left, colour = one["background"].values.astype(float), theme.colour(place)
        area = f"AUC {float(one['auc']):.4f} ± {float(one['auc_error']):.4f}"
        if known:
            best = one["background_exact"].values.astype(float)
            area += f", exact {float(one['auc_exact']):.4f} on the same points"
            share = np.where(best > 0, left / np.where(best > 0, best, 1), np.nan)
            lower.append(curve(theme, labelled(label, "network"), signal, share, colour, yaxis="y2", showlegend=False))
        name = with_numbers(labelled(label, "network"), area)
        upper.append(curve(theme, name, signal, left, colour, log=True, legendgroup=name))
        if "background_sigma" in one.variables:
            width = one["background_sigma"].values.astype(float)
            upper.append(
                band(theme, name, signal, np.maximum(left - width, 1e-5), left + width, colour, legendgroup=name, showlegend=False)
            )
    upper.append(curve(theme, "a coin", signal, signal, theme.muted, dash=SPREAD, width=0.75, log=True))
    across = axis(theme, "signal kept ε<sub>S</sub>", range=[0, 1])
    if not known:
        return {
            "data": upper,
            "layout": layout(theme, xaxis=across, yaxis=axis(theme, "background ε<sub>B</sub>", log=True, range=[1e-3, 1.0])),
        }
    upper.append(curve(theme, "the best possible", signal, first["background_best"].values, theme.ink, dash=EXPECTED, log=True))
    lower.append(curve(theme, "1", [0, 1], [1, 1], theme.ink, dash=EXPECTED, yaxis="y2", showlegend=False))
    y = axis(theme, "background ε<sub>B</sub>", log=True, range=[1e-3, 1.0])
    below = axis(theme, "ratio", range=[0.75, 1.75], nticks=3)
    return {
        "data": upper + lower,
        "layout": two_panels(theme, across, y, below, share=0.24),
    }


@figure
def neurons(runs: Runs, theme: Theme) -> dict[str, Any]:
    """What each neuron of the first hidden layer makes of the inputs: curves, or thumbnails of the plane."""
    _, one = runs[0]
    values = one["activation"].values.astype(float)
    if is_curve(one):
        low, high = float(one["x"][0]), float(one["x"][-1])
        x = np.linspace(low, high, values.shape[1])
        data = [curve(theme, f"neuron {n + 1}", x, y, theme.colour(n), width=0.75, showlegend=False) for n, y in enumerate(values)]
        return {
            "data": data,
            "layout": layout(theme, xaxis=axis(theme, "x", range=[low, high]), yaxis=axis(theme, "φ(ω x + β)")) | {"showlegend": False},
        }
    count, height, width = values.shape
    across = min(TILES, count)
    down = -(-count // across)
    pad = max(1, round(GAP * width))
    canvas = np.full((down * (height + pad), across * (width + pad)), np.nan)
    spread = np.abs(values).reshape(count, -1).max(1)
    for n, tile in enumerate(values):
        row, column = divmod(n, across)
        top = (down - 1 - row) * (height + pad)
        canvas[top : top + height, column * (width + pad) : column * (width + pad) + width] = tile / (spread[n] or 1.0)
    data = [
        {
            "type": "heatmap",
            "name": "neurons",
            "z": canvas,
            "x": np.arange(canvas.shape[1]),
            "y": np.arange(canvas.shape[0]),
            "coloraxis": "coloraxis",
            "hoverinfo": "skip",
        }
    ]
    hidden = {"visible": False, "fixedrange": True}
    scale = [[0, theme.colour(0)], [0.5, theme.grid], [1, theme.colour(1)]]
    bar = {"title": {"text": "φ / largest", "side": "right"}, "outlinewidth": 0, "thickness": 0.7 * theme.font_size, "tickvals": [-1, 0, 1]}
    look = layout(theme, xaxis=hidden, yaxis=hidden) | {
        "coloraxis": {"colorscale": scale, "cmin": -1, "cmax": 1, "colorbar": bar},
        "showlegend": False,
    }
    return {"data": data, "layout": look}


@figure
def landscape(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The training loss in the plane in which the optimiser's path moves most, with the path; of two runs side by side, each its own."""
    there = [(label, one) for label, one in runs if "landscape" in one.variables][:2]
    if not there:
        raise Empty("The landscape is drawn at the end of a training, of networks of at most 20,000 weights whose path fills a plane.")
    losses = [one["landscape"].values.astype(float) for _, one in there]
    positive = all(z[np.isfinite(z)].min() > 0 for z in losses)
    title = "log₁₀ loss" if positive else "loss"
    data, axes, notes = [], {}, []
    for place, ((label, one), z) in enumerate(zip(there, losses, strict=True)):
        end = "2" * place
        on = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
        shown = np.log10(z) if positive else z
        x, y, path_x, path_y = (one[name].values.astype(float) for name in ("landscape_x", "landscape_y", "path_x", "path_y"))
        ends = [
            dots(theme, "start", path_x[:1], path_y[:1], theme.colour(1), symbol="diamond", **on),
            dots(theme, "end", path_x[-1:], path_y[-1:], theme.colour(2), symbol="star", **on),
        ]
        for marked in ends:
            marked["marker"] = {**marked["marker"], "size": 5 * theme.line_width}
        mine = [
            {"type": "heatmap", "name": "loss", "x": x, "y": y, "z": shown, "coloraxis": "coloraxis", "zsmooth": "best",
             "hovertemplate": f"{title} = %{{z:.3g}}<extra></extra>", **on},
            {"type": "contour", "name": "levels", "x": x, "y": y, "z": shown, "showscale": False, "showlegend": False, "hoverinfo": "skip",
             "ncontours": 14, "contours": {"coloring": "none"}, "line": {"color": theme.faint(theme.ink, 0.35), "width": 1}, **on},
            curve(theme, "path of the optimiser", path_x, path_y, theme.ink, mode="lines+markers", marker={"size": 1.6 * theme.line_width},
                  **on),
            *ends,
        ]  # fmt: skip
        data += [trace | {"showlegend": False} for trace in mine] if place else mine
        domain = [0.0, 1.0] if len(there) == 1 else [[0.0, 0.46], [0.54, 1.0]][place]
        axes[f"xaxis{end}"] = axis(theme, "along the path", range=[x[0], x[-1]], domain=domain, anchor=f"y{end}")
        axes[f"yaxis{end}"] = axis(theme, "" if place else "across it", range=[y[0], y[-1]], anchor=f"x{end}")
        if len(there) > 1:
            notes.append(
                {
                    "text": label, "showarrow": False, "xref": f"x{end} domain", "yref": f"y{end} domain", "x": 0.5, "y": 1.02,
                    "xanchor": "center", "yanchor": "bottom", "font": {"size": theme.font_size},
                }
            )  # fmt: skip
    bar = {"title": {"text": title, "side": "right"}, "outlinewidth": 0, "thickness": 0.7 * theme.font_size}
    look = layout(theme, **axes) | ({"annotations": notes} if notes else {})
    return {"data": data, "layout": look | {"coloraxis": {"colorscale": "Viridis", "reversescale": True, "colorbar": bar}}}


FIGURES = {
    "learned": Entry(
        "What was learned",
        learned,
        BASICS_PRODUCT.name,
        "The network's answer should lie on the exact one: the dashed curve, or the black border. Where there are few points it does not.",
        "y = f_ω(x), or p_ω(x) = p_S/(p_S + p_B)",
        460,
    ),
    "learning": Entry(
        "Learning",
        learning,
        REPORTS,
        "Both losses fall to the dashed one of the exact answer. When that of unseen points rises again, the network learns by heart.",
        "L = Σ L(f_ω(xᵢ), yᵢ)",
    ),
    "beside_exact": Entry(
        "Beside the exact answer",
        beside_exact,
        BASICS_PRODUCT.name,
        "No cut keeps less background than the one on p_S/p_B; and the scatter about the right curve is that of the noise.",
        "ε_B(ε_S), or (y − f)/σ from N(0, 1)",
        420,
    ),
    "neurons": Entry(
        "Hidden neurons",
        neurons,
        BASICS_PRODUCT.name,
        "Each neuron of the first layer is a bend along one direction; the next layer adds them up.",
        "h = φ(Σ ω x + β)",
        380,
    ),
    "landscape": Entry(
        "Loss landscape",
        landscape,
        BASICS_PRODUCT.name,
        "The optimiser goes downhill, in steps against the gradient of a batch; this plane is the one in which its path moves most.",
        "ω → ω − η ∂L/∂ω",
        420,
        finished=True,
    ),
}
