"""The pieces that figures are made of: curves, steps, bands, axes, and the layout they share.

Figures are built as plain dicts, which a page packs and sends as they are; the public functions wrap them in plotly's Figure.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.theme import LEARNED, LIGHT, Theme, theme_of

ON_A_PHONE = 44  # letters in a line of a legend
MOST_POINTS = 600  # per curve on the screen
RAISED_BY = 1.25  # by which plotly.js enlarges powers of ten at an axis
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Runs = list[tuple[str, xr.Dataset]]
Datasets = xr.Dataset | Sequence[tuple[str, xr.Dataset]]


class Empty(ValueError):
    """There is nothing to draw; the message says why, and stands in the figure."""


def figure(build: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Turns build(runs, theme, **options) -> dict into a public function of Datasets that returns a plotly Figure.

    The function takes one Dataset or several (label, Dataset) pairs, and the name of a theme. `.as_dict` returns the plain dict with
    data, layout and config, without plotly's validation.
    """

    @functools.wraps(build)
    def as_dict(datasets: Datasets, theme: str | Theme = LIGHT, **options: Any) -> dict[str, Any]:
        look = theme_of(theme)
        runs: Runs = [("", datasets)] if isinstance(datasets, xr.Dataset) else [(str(label), dataset) for label, dataset in datasets]
        try:
            if not runs:
                raise Empty("No run is chosen.")
            with np.errstate(all="ignore"):  # values that are not finite are left out of every figure
                drawn = build(runs, look, **options)
        except Empty as reason:
            drawn = sentence(str(reason), look)
        drawn["layout"]["uirevision"] = build.__name__
        drawn["config"] = config(build.__name__)
        return drawn

    @functools.wraps(build)
    def public(datasets: Datasets, theme: str | Theme = LIGHT, **options: Any) -> Any:
        from workbench.figures import FIGURES, Entry
        from workbench.figures.shown import Drawn

        drawn = as_dict(datasets, theme, **options)
        # two panels need more than what the cell of a notebook gives by itself
        look = {**drawn["layout"], "height": FIGURES.get(build.__name__, Entry).height}
        return Drawn({"data": in_full(drawn["data"]), "layout": look}, name=build.__name__)

    public.as_dict = as_dict  # type: ignore[attr-defined]
    return public


def config(filename: str) -> dict[str, Any]:
    """What plotly.js is told about its buttons: no logo, no upload to a cloud, SVG as the image format."""
    image = {"format": "svg", "filename": filename, "scale": 1}
    return {"displaylogo": False, "showSendToCloud": False, "plotlyServerURL": "", "toImageButtonOptions": image}


def signed(drawn: dict[str, Any], filename: str, about: str) -> dict[str, Any]:
    """A figure with the name of the files that are made of it, and with words about it, which stand in them."""
    image = {**drawn.get("config", {}).get("toImageButtonOptions", {}), "filename": filename[:160]}
    config = {**drawn.get("config", {}), "toImageButtonOptions": image}
    return {**drawn, "config": config, "layout": {**drawn["layout"], "meta": {"about": about}}}


def sentence(text: str, theme: Theme) -> dict[str, Any]:
    """An empty figure that says why it is empty."""
    note = {
        "text": "<br>".join(textwrap.wrap(text, 60)),
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "font": {"color": theme.muted},
    }
    hidden = {"visible": False, "fixedrange": True}
    return {"data": [], "layout": {**layout(theme), "xaxis": hidden, "yaxis": hidden, "annotations": [note]}}


def layout(theme: Theme, **axes: dict[str, Any]) -> dict[str, Any]:
    """Fonts, colours, margins and legend; axes as keywords xaxis, yaxis, yaxis2."""
    return {
        "font": {"family": theme.family, "size": theme.font_size, "color": theme.ink},
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": theme.paper,
        "colorway": list(theme.colours),
        "margin": {"l": 10, "r": 12, "t": 12, "b": 10},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
            "maxheight": 0.8,
            "tracegroupgap": 2,
            "bgcolor": theme.faint(theme.paper, 0),
        },
        "hovermode": "closest",
        "hoverlabel": {"font": {"size": theme.font_size}},
        "modebar": {"orientation": "v", "bgcolor": theme.faint(theme.paper, 0.7), "color": theme.muted, "activecolor": theme.ink},
        "showlegend": True,
        **axes,
    }


def axis(theme: Theme, title: str, **options: Any) -> dict[str, Any]:
    """An axis with title, frame and ticks on the inside. log=True for a logarithmic one, whose `range` is given in values and which has at
    most `labels` labels: of decades, or of 2 and 5 too where there are less than two decades."""
    if options.pop("log", False):
        low, high = options["range"]
        ticks = ticks_of_log(theme, low, high, options.pop("labels", 6))
        options = {"type": "log", **ticks, **options, "range": list(np.log10([low, high]))}
    return {
        "title": {"text": title, "standoff": 8},
        "automargin": True,
        "showline": True,
        "mirror": "ticks",
        "ticks": "inside",
        "linecolor": theme.ink,
        "tickcolor": theme.ink,
        "gridcolor": theme.grid,
        "zeroline": False,
        "exponentformat": "power",
        **options,
    }


def ticks_of_log(theme: Theme, low: float, high: float, most: int = 6) -> dict[str, Any]:
    """Labels and ticks of a logarithmic axis between two values, with at most so many labels."""
    ends = np.log10([low, high])
    marks = round_values(low, high, most) if ends[1] - ends[0] < 2 else []
    if not marks:
        font = {"size": theme.font_size / RAISED_BY}
        decades = max(int(np.ceil((ends[1] - ends[0]) / most)), 1)
        return {"dtick": decades, "tickfont": font, "minor": {"ticks": "inside", "tickcolor": theme.ink}}
    # between labels that are not a power of ten apart plotly.js draws thousands of ticks, unless it is told where
    powers = range(int(np.floor(ends[0])), int(np.ceil(ends[1])))
    between = {"tickmode": "array", "tickvals": [k * 10.0**power for power in powers for k in range(1, 10)]}
    ticks = {"tickmode": "array", "tickvals": marks, "ticktext": [number(mark) for mark in marks]}
    return ticks | {"minor": {"ticks": "inside", "tickcolor": theme.ink, **between}}


def round_values(low: float, high: float, most: int) -> list[float]:
    """Round values of a logarithmic axis of less than two decades: 1, 2 and 5 times a power of ten, or 1 and 3 where that is too many."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in ((1, 2, 5), (1, 3)):
        values = [digit * 10.0**power for power in powers for digit in digits]
        inside = [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if 1 < len(inside) <= most:
            return inside
    return []


def two_panels(theme: Theme, x: dict[str, Any], upper: dict[str, Any], lower: dict[str, Any], *, share: float = 0.32) -> dict[str, Any]:
    """Layout of a main panel above a lower one with the same x axis; the lower panel takes this share of the height."""
    edge = share + 0.08
    line = {
        "type": "line",
        "xref": "paper",
        "yref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": edge,
        "y1": edge,
        "line": {"color": theme.ink, "width": 1},
    }
    panels = {"xaxis": {**x, "anchor": "y2"}, "yaxis": {**upper, "domain": [edge, 1]}, "yaxis2": {**lower, "domain": [0, share]}}
    return {**layout(theme, **panels), "shapes": [line]}


def curve(theme: Theme, name: str, x: Any, y: Any, colour: str, **options: Any) -> dict[str, Any]:
    """A line. Options: dash, width (in units of the theme's), log=True (non-positive values are left out), yaxis, legendgroup, ..."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if options.pop("log", False):
        y = np.where(y > 0, y, np.nan)
    x, y = thinned(x, y)
    line = {"color": colour, "width": theme.line_width * options.pop("width", 1.0), "dash": options.pop("dash", LEARNED), "simplify": False}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, **options}


def steps(theme: Theme, name: str, low: Any, high: Any, y: Any, colour: str, **options: Any) -> dict[str, Any]:
    """A histogram as a line of steps."""
    return curve(theme, name, np.column_stack([low, high]).ravel(), np.repeat(np.asarray(y, dtype=float), 2), colour, **options)


def step_band(theme: Theme, name: str, low: Any, high: Any, bottom: Any, top: Any, colour: str, **options: Any) -> dict[str, Any]:
    """A translucent band of steps between bottom and top; log=True cuts it at `floor` from below. Bins without a value have no band."""
    low, high, bottom, top = (np.asarray(a, dtype=float) for a in (low, high, bottom, top))
    floor, log, opacity = options.pop("floor", 0.0), options.pop("log", False), options.pop("opacity", None)
    good = np.isfinite(bottom) & np.isfinite(top) & ((top > floor) if log else True)
    bottom = np.maximum(bottom, floor) if log else bottom
    x, y = [], []
    for group in _neighbours(good):
        edges = np.column_stack([low[group], high[group]]).ravel()
        x += [*edges, *edges[::-1], edges[0], np.nan]
        y += [*np.repeat(top[group], 2), *np.repeat(bottom[group], 2)[::-1], top[group][0], np.nan]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": np.array(x[:-1]),
        "y": np.array(y[:-1]),
        "fill": "toself",
        "fillcolor": theme.faint(colour, opacity),
        "line": {"color": colour, "width": 0, "simplify": False},
        "hoverinfo": "skip",
        **options,
    }


def band(theme: Theme, name: str, x: Any, bottom: Any, top: Any, colour: str, **options: Any) -> dict[str, Any]:
    """A translucent band between two curves; points without a value are left out."""
    x, bottom, top = (np.asarray(a, dtype=float) for a in (x, bottom, top))
    good = np.isfinite(x) & np.isfinite(bottom) & np.isfinite(top)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": np.concatenate([x[good], x[good][::-1]]),
        "y": np.concatenate([top[good], bottom[good][::-1]]),
        "fill": "toself",
        "fillcolor": theme.faint(colour),
        "line": {"color": colour, "width": 0, "simplify": False},
        "hoverinfo": "skip",
        **options,
    }


def dots(theme: Theme, name: str, x: Any, y: Any, colour: str, **options: Any) -> dict[str, Any]:
    """Points that no line joins; only positive ones on a logarithmic axis (log=True)."""
    y = np.asarray(y, dtype=float)
    y = np.where(y > 0, y, np.nan) if options.pop("log", False) else y
    marker = {"color": colour, "size": 2.5 * theme.line_width, "symbol": options.pop("symbol", "circle")}
    return {"type": "scatter", "mode": "markers", "name": name, "x": np.asarray(x, dtype=float), "y": y, "marker": marker, **options}


def note(theme: Theme, lines: Sequence[str]) -> list[dict[str, Any]]:
    """Small text in the upper right corner of a figure; nothing without words."""
    place = {"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "top", "align": "right", "showarrow": False}
    font = {"color": theme.muted, "size": round(0.85 * theme.font_size)}
    words = "<br>".join(dict.fromkeys(filter(None, lines)))
    return [{**place, "text": words, "font": font, "bgcolor": theme.faint(theme.paper, 0.7)}] if words else []


def outside_words(below: float, above: float) -> str:
    """Which share lies outside of an axis: '2.1 % outside, to the right'; nothing below 0.05 %."""
    sides = {"left": below, "right": above}
    said = {side: f"{number(100 * share)} %" for side, share in sides.items() if share >= 5e-4}
    if len(said) == 2:
        return f"outside: {said['left']} to the left, {said['right']} to the right"
    return next((f"{share} outside, to the {side}" for side, share in said.items()), "")


def key(theme: Theme, name: str, **options: Any) -> dict[str, Any]:
    """An entry of the legend that says what a line style means; it draws nothing and holds no data."""
    colour = options.pop("colour", theme.ink)
    return {**curve(theme, name, [np.nan], [np.nan], colour, **options), "meta": "key", "hoverinfo": "skip"}


def _neighbours(good: np.ndarray) -> list[np.ndarray]:
    """Index arrays of the runs of neighbouring True entries."""
    index = np.flatnonzero(good)
    return np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if index.size else []


def thinned(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` points of a curve: the smallest and the largest of each stretch, so that spikes stay."""
    if len(x) <= most:
        return x, y
    length = -(-len(x) // (most // 2))
    padded = np.pad(y, (0, -len(y) % length), constant_values=np.nan).reshape(-1, length)
    first = np.arange(len(padded)) * length
    lowest = first + np.where(np.isfinite(padded), padded, np.inf).argmin(axis=1)
    highest = first + np.where(np.isfinite(padded), padded, -np.inf).argmax(axis=1)
    kept = np.unique([lowest, highest])
    return x[kept], y[kept]


def labelled(label: str, text: str) -> str:
    """A name in the legend: the run's label first where there are several."""
    return f"{label}: {text}" if label else text


def with_numbers(name: str, *numbers: str) -> str:
    """The name of a curve with its numbers below: a page says them in a line under the figure, where the legend takes no room for them."""
    return "<br>".join([name, ", ".join(filter(None, numbers))])


def in_full(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Curves whose legend says their numbers too, in the same line where they are few."""
    return [{**trace, "name": _in_one_line(trace["name"])} if "<br>" in trace.get("name", "") else trace for trace in data]


def _in_one_line(name: str) -> str:
    joined = name.replace("<br>", ": ", 1)
    return joined if len(re.sub(r"<[^>]*>", "", joined)) < ON_A_PHONE and "<br>" not in joined else name


def events(number: int, noun: str) -> str:
    """A number of things in words: 10,000 test events."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def bound(value: float, choices: Sequence[float]) -> float:
    """The smallest choice that is not below the value, so that axes keep still while values change; the last one for NaN."""
    return next((choice for choice in choices if value <= choice), choices[-1])


def number(value: float, digits: int = 2) -> str:
    """A number as it is read aloud: 0.035, 9,000, 3·10⁻⁵."""
    if not np.isfinite(value):
        return "–"
    rounded = float(f"{value:.{digits - 1}e}")
    if rounded == 0 or 1e-2 <= abs(rounded) < 1:
        text = f"{rounded:g}"
    elif 1 <= abs(rounded) < 1e7:
        text = f"{rounded:,.10g}"
    else:
        factor, power = f"{rounded:e}".split("e")
        text = f"{float(factor):g}·10{str(int(power)).translate(RAISED)}".removeprefix("1·")
    return text.replace("-", "−")


def decades(values: Sequence[Any], most: float = 7) -> list[float]:
    """An axis for all positive values, from a 1 or 3 to a 1 or 3 so that it seldom moves; at most so many decades below the largest."""
    positive = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values] or [np.array([])])
    positive = positive[np.isfinite(positive) & (positive > 0)]
    if not positive.size:
        return [0.1, 1.0]
    high = np.ceil(2 * np.log10(positive.max()) + 0.1) / 2
    low = max(np.floor(2 * np.log10(positive.min()) - 0.1) / 2, high - most)
    return [10.0**low, 10.0 ** max(high, low + 1)]


def percent(value: float) -> str:
    """A fraction in percent with two or three digits: 0.0123 -> 1.23 %."""
    return f"{100 * value:.3g} %".replace("-", "−") if np.isfinite(value) else "–"


def with_error(value: float, error: float) -> str:
    """A value with its error, to the error's first digit, or first two if that is a 1: −0.013 ± 0.007."""
    if not (np.isfinite(value) and np.isfinite(error)):
        return "–"
    digits = -int(np.floor(np.log10(error / 2))) if error > 0 else 3
    digits = min(max(digits, 0), 4)
    return f"{value:z.{digits}f} ± {error:.{digits}f}".replace("-", "−")
