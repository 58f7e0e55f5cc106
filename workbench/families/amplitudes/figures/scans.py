"""Figures of a sweep: how the error bars depend on noise, network, training size or any other option.

They draw *scans* (see `workbench.results.plateau`): one number per point, also while the sweep still runs. Options they share:
select, the values of some axes ({"uncertainty": "bnn", "noise": [0, 0.01]}); average, "median" or "mean" over the test events; published,
numbers of others by name, drawn in ink and called "talk": a value is a line, a pair (x, y) a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.amplitudes.figures.uncertainty import SIGMA_TOPS, pull_figure
from workbench.figures.axes import Ladder, Published, point_name
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    band,
    bound,
    curve,
    decades,
    figure,
    key,
    labelled,
    layout,
    number,
    steps,
    with_numbers,
)
from workbench.figures.theme import EXPECTED, LEARNED, PUBLISHED, SPREAD, TOTAL, VALIDATED, Theme
from workbench.results.bands import histogram
from workbench.results.plateau import axes, chosen, event_points, noise_law, over_seeds, points
from workbench.results.prediction import median, relative_sigma
from workbench.results.product import product_of
from workbench.results.pulls import pulls

Select = Mapping[str, Any] | None

STYLES = {  # variable of a scan, line style, name
    "syst": ("sigma_syst", LEARNED, "σ<sub>syst</sub>/A"),
    "stat": ("sigma_stat", SPREAD, "σ<sub>stat</sub>/A"),
    "tot": ("sigma_tot", TOTAL, "σ<sub>tot</sub>/A"),
    "delta": ("delta", VALIDATED, "median |Δ|"),
    "largest": ("delta_largest", EXPECTED, "|Δ| of the largest 1 % (68 % quantile)"),
}
DELTAS = {"delta": "delta_median", "largest": "delta_largest"}
POINTS = {LEARNED: "circle", TOTAL: "triangle-up", SPREAD: "circle-open", VALIDATED: "diamond", EXPECTED: "square"}
"""Shapes of points that no line joins, by the line style that their meaning has elsewhere."""
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
PEAK_EDGES = np.linspace(-6, 0, 181)  # log10 of σ_syst/A
MOST_PULLS = 8
NOTHING = "No point of this scan has a finite error bar yet."


@figure
def plateau(
    runs: Runs, theme: Theme, average: str = "median", stat: bool = True, select: Select = None, published: Published = None
) -> dict[str, Any]:
    """σ_syst/A and σ_stat/A against the noise, with the diagonal σ = f and √(f² + p²) of each plateau p.

    Noise 0 stands at the left edge, a decade below the smallest noise. stat=False leaves σ_stat out. Of several seeds the median is drawn,
    with a band from the smallest to the largest.
    """
    scans = [(label, _scan(dataset, select, average)) for label, dataset in runs]
    if any("noise" not in axes(dataset) for _, dataset in scans):
        raise Empty("A plateau needs a sweep over the noise: train one with several values of noise, 0 among them.")
    ladder = Ladder.of("noise", [dataset["noise"].values for _, dataset in scans], published, log=True)
    left, right = ladder.ends
    each = list(_each(scans, "noise"))
    data, drawn_stat = [], False
    for index, (label, values, part, *ends) in enumerate(each):
        law, name = noise_law(part, average), labelled(label, point_name(values))
        p = float(law["plateau"])
        x, colour, shown = ladder.of_scan(part), theme.colour(index), _shown(theme, index)
        plain = name or "σ<sub>syst</sub>/A"
        text = with_numbers(plain, f"plateau p = {number(p)}") if np.isfinite(p) else plain
        syst = _line(theme, text, x, part[f"sigma_syst_{average}"], colour, ladder, legendgroup=text, **shown)
        if not np.isfinite(syst["y"]).any():
            continue
        if np.isfinite(p):
            f = np.geomspace(left, right, 121)
            law_name = f"{plain}: √(f² + p²), p = {number(p)}"
            data.append(curve(theme, law_name, f, np.hypot(f, p), theme.faint(colour, 0.7), width=0.75, legendgroup=text, showlegend=False))
        data += [*_seeds(theme, syst, x, ends, f"sigma_syst_{average}"), syst]
        spread = _line(theme, f"{name}: σ_stat/A", x, part[f"sigma_stat_{average}"], colour, ladder, SPREAD, legendgroup=text, **shown)
        if stat and np.isfinite(spread["y"]).any():
            data += [*_seeds(theme, spread, x, ends, f"sigma_stat_{average}"), spread | {"showlegend": False}]
            drawn_stat = True
    if not data:
        raise Empty(NOTHING)
    heights = decades([*(trace["y"] for trace in data if trace["mode"] != "lines"), list(_heights(published).values())])
    diagonal = [max(min(ladder.positive, default=right) / 2, left), right]
    data.append(curve(theme, "σ = f", diagonal, diagonal, theme.ink, dash=EXPECTED))
    keys = [key(theme, "σ<sub>syst</sub>/A")] if len(each) > 1 else []
    keys += [key(theme, "σ<sub>stat</sub>/A", dash=SPREAD)] if drawn_stat else []
    keys.append(key(theme, "law √(f² + p²)", width=0.75))
    x_axis = ladder.axis(theme)
    y_axis = axis(theme, f"{average} σ/A", log=True, range=heights)
    return {
        "data": data + keys + _published(theme, published, ladder),
        "layout": layout(theme, xaxis=x_axis, yaxis=y_axis),
    }


@figure
def scan(
    runs: Runs,
    theme: Theme,
    x: str = "",
    which: str | Sequence[str] = ("syst", "stat", "delta"),
    average: str = "median",
    select: Select = None,
    published: Published = None,
) -> dict[str, Any]:
    """Error bars and accuracy against one option of the recipe, one colour for each point of the others.

    *Arguments*: x, the option, by default the one with the most values; which, of syst, stat, tot, delta, largest. Of several seeds the
    median is drawn, with a band from the smallest to the largest.
    """
    quantities = [which] if isinstance(which, str) else list(which)
    if unknown := [name for name in quantities if name not in STYLES]:
        raise ValueError(f"which = {unknown[0]!r} cannot be drawn: some of {', '.join(STYLES)} are needed.")
    scans = [(label, _scan(dataset, select, average)) for label, dataset in runs]
    x = x or _longest(scans)
    if missing := [dataset for _, dataset in scans if x not in axes(dataset)]:
        raise Empty(f"This sweep does not vary {x or 'any option'}; its axes are: {', '.join(axes(missing[0])) or 'none'}.")
    ladder = Ladder.of(x, [dataset[x].values for _, dataset in scans], published)
    each = list(_each(scans, x))
    data: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    styles: dict[str, str] = {}
    for index, (label, values, part, *ends) in enumerate(each):
        name, shown = labelled(label, point_name(values)), _shown(theme, index)
        before = len(data)
        for place, quantity in enumerate(quantities):
            variable, dash, words = _quantity(quantity, average)
            if variable not in part:
                continue
            alone = len(each) == 1
            line = _line(
                theme,
                labelled(name, words),
                ladder.of_scan(part),
                part[variable],
                theme.colour(place if alone else index),
                ladder,
                dash,
                **(_shown(theme, place) if alone else shown | {"legendgroup": name, "showlegend": False}),
            )
            if np.isfinite(line["y"]).any():
                data += [*_seeds(theme, line, ladder.of_scan(part), ends, variable, apart=ladder.kind == "names"), line]
                styles |= {} if alone else {words: dash}
        if len(data) > before and len(each) > 1:  # the legend names each colour and each style once
            mode = "markers" if ladder.kind == "names" else "lines+markers"
            names.append(key(theme, name, colour=theme.colour(index), legendgroup=name, mode=mode, **shown))
    if not data:
        raise Empty(NOTHING)
    known = [_quantity(quantity, average) for quantity in quantities]
    keys = [key(theme, words, dash=dash) for _, dash, words in known if words in styles]
    if ladder.kind == "names":
        point = _shown(theme, 0)["marker"] | {"color": theme.ink}
        keys = [_apart({**one, "marker": point}, one["line"]["dash"]) for one in keys]
    keys = names + keys
    heights = decades([*(trace["y"] for trace in data), list(_heights(published).values())])
    title = " and ".join(["σ/A"] * any(q not in DELTAS for q in quantities) + ["|Δ|"] * any(q in DELTAS for q in quantities))
    y_axis = axis(theme, f"{average} {title}", log=True, range=heights)
    return {
        "data": data + keys + _published(theme, published, ladder),
        "layout": layout(theme, xaxis=ladder.axis(theme), yaxis=y_axis),
    }


@figure
def noise_peaks(runs: Runs, theme: Theme, select: Select = None) -> dict[str, Any]:
    """Distribution of σ_syst/A for each noise level of a finished sweep, with the noise as dashed lines.

    Of the other axes the first value is shown unless `select` names one.
    """
    data: list[dict[str, Any]] = []
    levels: list[tuple[float, str]] = []
    tops, reach = [], []
    for label, dataset in runs:
        part = _scan(dataset, select)
        if "noise" not in axes(part):
            raise Empty("Peaks of the noise need a sweep over the noise.")
        part = part.isel({name: 0 for name in axes(part) if name != "noise"}).sortby("noise")
        fixed = point_name({name: part[name].item() for name in axes(_scan(dataset, select)) if name != "noise"})
        for values, point in _event_points(part):
            ratio = relative_sigma(point)["syst"]
            ratio = ratio.isel(event=np.isfinite(ratio.values) & (ratio.values > 0))
            if not ratio.size:
                continue
            f, h = float(values["noise"]), histogram(np.log10(ratio), PEAK_EDGES)
            colour = theme.colour(len(levels)) if f > 0 else theme.muted
            levels += [(f, colour)] if f > 0 else []
            text = with_numbers(labelled(label, labelled(fixed, f"f = {number(f, 6)}")), f"median {number(median(ratio))}")
            data.append(steps(theme, text, 10.0 ** PEAK_EDGES[:-1], 10.0 ** PEAK_EDGES[1:], h["density"].values, colour))
            tops.append(float(h["density"].max()))
            reach.append(np.quantile(ratio.values, [0.01, 0.99]))
    if not data:
        raise Empty(NOTHING)
    top = bound(1.1 * max(tops), (*SIGMA_TOPS, 30, 50))
    data += [curve(theme, f"noise f = {number(f, 6)}", [f, f], [0, top], c, dash=EXPECTED, showlegend=False) for f, c in levels]
    x_axis = axis(theme, "learned relative error bar σ<sub>syst</sub>/A", log=True, range=decades(reach))
    y_axis = axis(theme, "density per decade", range=[0, top])
    keys = [key(theme, "noise f", dash=EXPECTED)] if levels else []
    return {"data": data + keys, "layout": layout(theme, xaxis=x_axis, yaxis=y_axis)}


@figure
def sweep_pulls(runs: Runs, theme: Theme, select: Select = None) -> dict[str, Any]:
    """t_syst for the points of a finished sweep with N(0,1); of more than eight points the ends of the longest axes are shown."""
    most, rows = max(1, MOST_PULLS // len(runs)), []
    for label, dataset in runs:
        part = _thinned(_scan(dataset, select), most)
        for values, point in _event_points(part):
            t = pulls(point, "systematic")
            # of all test events; a kept story has some of them only
            t.attrs |= {name: float(part[f"pull_{name}"].sel(values)) for name in ("mean", "width") if f"pull_{name}" in part}
            rows.append((labelled(label, point_name(values)), t, ""))
    return pull_figure(rows, theme, "t<sub>syst</sub> = (⟨A⟩ − A<sub>train</sub>) / σ<sub>syst</sub>")


@figure
def uncertainty_table(
    runs: Runs,
    theme: Theme,
    which: Sequence[str] = ("syst", "stat"),
    average: str = "mean",
    select: Select = None,
    published: Published = None,
) -> dict[str, Any]:
    """σ_syst/A and σ_stat/A of each uncertainty for the smallest and the largest training set, as dots and as numbers.

    published: names are a row, a comma and a quantity, in words of the recipe: {"bnn, small, syst": 2.5e-4, "bnn, large, stat": ...};
    small and large are the ends of the axis `events`.
    """
    rows = [
        (labelled(label, row), theirs, part)
        for label, dataset in runs
        for row, theirs, part in _table_rows(_thinned(_ends(over_seeds(_scan(dataset, select, average))[0]), MOST_PULLS))
    ]
    lanes = [(index, quantity) for index in range(len(rows)) for quantity in which]
    ours, others = np.full(len(lanes), np.nan), np.full(len(lanes), np.nan)
    for lane, (index, quantity) in enumerate(lanes):
        _, theirs, part = rows[index]
        variable = _quantity(quantity, average)[0]
        ours[lane] = float(part[variable]) if variable in part else np.nan
        others[lane] = _heights(published).get(f"{theirs}, {quantity}", np.nan)
    if not (ours > 0).any():
        raise Empty(NOTHING)
    height = np.array([-(index * (len(which) + 0.6) + which.index(quantity)) for index, quantity in lanes])
    data: list[dict[str, Any]] = []
    for place, quantity in enumerate(which):
        here = np.array([q == quantity for _, q in lanes])
        data.append(_dots(theme, STYLES[quantity][2], ours[here], height[here], theme.colour(place), MARKERS[place]))
    if np.isfinite(others).any():
        data.append(_dots(theme, "talk, arXiv:2412.12069", others, height, theme.ink, "line-ns-open", width=theme.line_width))
    share = 0.51 if np.isfinite(others).any() else 0.78
    columns = [(share + 0.03, "ours", ours)] + ([(0.79, "talk", others)] if np.isfinite(others).any() else [])
    notes = []
    for left, title, values in columns:
        notes.append(_note(left, height[0] + 0.95, f"<b>{title}</b>", theme.ink))
        notes += [_note(left, y, number(v) if v > 0 else "–", theme.ink) for y, v in zip(height, values, strict=True)]
    x_axis = axis(theme, f"{average} σ/A over the test events", log=True, range=decades([ours, others]), labels=4, domain=[0, share])
    x_axis |= {"mirror": True}
    y_axis = axis(theme, "", range=[height[-1] - 0.7, height[0] + 1.5], tickmode="array", ticks="", mirror=True, showgrid=False)
    middle = [height[[index == row for index, _ in lanes]].mean() for row in range(len(rows))]
    y_axis |= {"tickvals": [float(m) for m in middle], "ticktext": [name.replace(", N", "<br>N") for name, _, _ in rows]}
    return {"data": data, "layout": {**layout(theme, xaxis=x_axis, yaxis=y_axis), "annotations": notes}}


def _scan(dataset: xr.Dataset, select: Select, average: str = "median") -> xr.Dataset:
    if average not in ("median", "mean"):
        raise ValueError(f"average = {average!r} is not known: 'median' or 'mean' is needed.")
    if product_of(dataset) != "scan":
        raise Empty("This figure draws a sweep over options; a single run has one point only.")
    if dataset.sizes.get("step") == 0 or not all(dataset.sizes[name] for name in axes(dataset)):
        raise Empty(NOTHING)
    return chosen(dataset, dict(select or {}))


def _quantity(name: str, average: str) -> tuple[str, str, str]:
    """Variable of a scan, line style and name of a quantity."""
    variable, dash, words = STYLES[name]
    return DELTAS.get(name, f"{variable}_{average}"), dash, words


def _each(scans: Runs, x: str) -> Iterable[tuple[str, dict[str, Any], xr.Dataset, xr.Dataset, xr.Dataset]]:
    """All curves: label of the run, the values that do not change along it, and the scan along x, with its ends over the seeds."""
    for label, dataset in scans:
        numeric = np.asarray(dataset[x].values).dtype.kind in "iuf"
        three = [points(part, without=x) for part in over_seeds(dataset.sortby(x) if numeric else dataset, keep=x)]
        for (values, middle), (_, low), (_, high) in zip(*three, strict=True):
            yield label, values, middle, low, high


def _seeds(
    theme: Theme, line: dict[str, Any], x: np.ndarray, ends: Sequence[xr.Dataset], variable: str, *, apart: bool = False
) -> list[dict[str, Any]]:
    """The band between the smallest and the largest of several seeds, behind their median; none for a single seed. apart: as bars."""
    low, high = (part[variable].values.astype(float) for part in ends)
    if not (high > low).any():
        return []
    options = {"legendgroup": line.get("legendgroup"), "showlegend": False}
    name, colour = f"{line['name']}, from the lowest to the highest seed", line["line"]["color"]
    if apart:
        gaps = np.full(len(x), np.nan)
        return [curve(theme, name, np.column_stack([x, x, x]).ravel(), np.column_stack([low, high, gaps]).ravel(), colour, **options)]
    return [band(theme, name, x, low, high, colour, **options)]


def _event_points(dataset: xr.Dataset) -> list[tuple[dict[str, Any], xr.Dataset]]:
    try:
        return list(event_points(dataset))
    except ValueError as reason:
        raise Empty(str(reason)) from reason


def _longest(scans: Runs) -> str:
    sizes = {name: dataset.sizes[name] for _, dataset in scans for name in axes(dataset)}
    return max(sizes, key=lambda name: sizes[name], default="")


def _ends(dataset: xr.Dataset) -> xr.Dataset:
    """The smallest and the largest training set only."""
    if "events" not in axes(dataset):
        return dataset
    return dataset.sortby("events").isel(events=sorted({0, dataset.sizes["events"] - 1}))


def _thinned(dataset: xr.Dataset, most: int) -> xr.Dataset:
    """At most so many points: values between the ends of the longest axis go first."""
    while (total := int(np.prod([dataset.sizes[name] for name in axes(dataset)]))) > most:
        longest = max(axes(dataset), key=lambda name: dataset.sizes[name])
        size = dataset.sizes[longest]
        kept = min(max(most * size // total, 2 if size > 2 else 1), size - 1)
        dataset = dataset.isel({longest: np.unique(np.linspace(0, size - 1, kept).round().astype(int))})
    return dataset


def _table_rows(dataset: xr.Dataset) -> Iterable[tuple[str, str, xr.Dataset]]:
    """Name of each row, its name among the published numbers, and its point; the training size changes fastest."""
    sizes = ("small", "large") if "events" in axes(dataset) else ("",)
    for values, part in points(dataset, without="events"):
        for index, size in enumerate(sizes[: part.sizes.get("events", 1)]):
            point = part.isel(events=index) if size else part
            events = {"events": float(point["events"])} if size else {}
            yield point_name(values | events), ", ".join([*map(str, values.values()), *([size] if size else [])]), point


def _line(
    theme: Theme, name: str, x: np.ndarray, y: xr.DataArray, colour: str, ladder: Ladder, dash: str = LEARNED, **options: Any
) -> dict[str, Any]:
    """Points joined by lines, with a gap between 0 and the logarithmic part of the axis."""
    height = y.values.astype(float)
    height = np.where(np.isfinite(height) & np.isfinite(x) & (height > 0), height, np.nan)
    if ladder.has_zero and len(x) > 1 and x[0] == ladder.places[0.0]:
        x, height = np.insert(x, 1, np.nan), np.insert(height, 1, np.nan)
    line = curve(theme, name, x, height, colour, dash=dash, mode="lines+markers", **options)
    return line if ladder.kind != "names" else _apart(line, dash)


def _apart(line: dict[str, Any], dash: str) -> dict[str, Any]:
    """Points that no line joins, as there is nothing between names: what a line style would say, their shape says."""
    return {**line, "mode": "markers", "marker": {**line.get("marker", {}), "symbol": POINTS.get(dash, "circle")}}


def _shown(theme: Theme, index: int) -> dict[str, Any]:
    """The marker of the curve with this number: another one when the colours have all been used."""
    return {"marker": {"color": theme.colour(index), "size": 3.2 * theme.line_width, "symbol": MARKERS[index // len(theme.colours) % 6]}}


def _dots(theme: Theme, name: str, x: np.ndarray, y: np.ndarray, colour: str, symbol: str, width: float = 0) -> dict[str, Any]:
    marker = {"color": colour, "size": 5 * theme.line_width, "symbol": symbol, "line": {"width": width, "color": colour}}
    return {"type": "scatter", "mode": "markers", "name": name, "x": np.where(x > 0, x, np.nan), "y": y.astype(float), "marker": marker}


def _note(x: float, y: float, text: str, colour: str) -> dict[str, Any]:
    place = {"xref": "paper", "x": x, "xanchor": "left", "yref": "y", "y": float(y), "yanchor": "middle"}
    return {**place, "text": text, "showarrow": False, "font": {"color": colour}}


def _heights(published: Published) -> dict[str, float]:
    return {name: float(value[1] if isinstance(value, (tuple, list)) else value) for name, value in (published or {}).items()}


def _published(theme: Theme, published: Published, ladder: Ladder) -> list[dict[str, Any]]:
    """Numbers of others in ink: a line for a value, a point for a pair (x, y)."""
    traces = []
    for name, value in (published or {}).items():
        text = f"talk: {name}"
        if isinstance(value, (tuple, list)):
            trace = _dots(theme, text, np.array([ladder.place(value[0])]), np.array([float(value[1])]), theme.ink, "star")
            trace |= {"mode": "markers+text", "text": [text], "textposition": "top center"}
        else:
            trace = curve(theme, text, ladder.ends, [float(value)] * 2, theme.ink, dash=PUBLISHED, width=0.75)
            trace |= {"mode": "lines+text", "text": [text, ""], "textposition": "top right"}
        traces.append(trace | {"showlegend": False, "textfont": {"color": theme.ink}})
    return traces
