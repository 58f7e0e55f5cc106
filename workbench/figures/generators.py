"""Figures of generators: distributions of their events beside the truth, densities of toys, error bars beside those of a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    bound,
    curve,
    decades,
    events,
    figure,
    labelled,
    layout,
    number,
    step_band,
    steps,
    two_panels,
)
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme
from workbench.physics.toys import FAMILIES
from workbench.results.generated import FILLED, histogram, is_generated, line, observables_of, slope

RATIO_RANGES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
MOST_MAPS = 4
CLIPPED = 0.1
"""Share of the plane, where there are events, that has the last colour: hard edges, whose spread would outshine all others."""
DEEP = 100
"""From this ratio of the largest to the smallest bin on, spectra in GeV have a logarithmic axis."""


@figure
def generated(runs: Runs, theme: Theme, observable: str = "") -> dict[str, Any]:
    """Distribution of an observable (by default the first) for truth and flow, their ratio, and the deviation |ratio − 1| in per cent."""
    wanted, chosen = _with(runs, observable)
    several = len(runs) > 1
    upper, middle, lower = [], [], []
    truths: dict[str, xr.Dataset] = {}
    histograms = [(place, label, dataset, histogram(dataset, wanted)) for place, label, dataset in chosen]
    about = histograms[0][3].attrs
    log = _deep([h for *_, h in histograms])
    spans = decades([h[part].values for *_, h in histograms for part in ("truth", "mean")], most=5) if log else [0.0, 1.0]
    for _, _, dataset, h in histograms:
        kind = str(dataset.attrs.get("dataset", ""))
        if kind not in truths:
            truths[kind] = h
            name = labelled(kind.replace("_", " ") if truths.keys() > {kind} else "", "truth ± statistical error")
            truth, error = h["truth"].values, h["error"].values
            low, high, style = h["low"].values, h["high"].values, {"legendgroup": f"truth {kind}"}
            upper.append(steps(theme, name, low, high, truth, theme.ink, dash=EXPECTED if len(truths) > 1 else LEARNED, log=log, **style))
            hidden = {**style, "showlegend": False}
            upper.append(step_band(theme, name, low, high, truth - error, truth + error, theme.ink, floor=spans[0], log=log, **hidden))
            with np.errstate(all="ignore"):
                relative = np.where(truth > 0, error / truth, np.nan)
            middle.append(step_band(theme, name, low, high, 1 - relative, 1 + relative, theme.ink, yaxis="y2", **hidden))
            lower.append(steps(theme, "error of the truth", low, high, 100 * relative, theme.muted, dash=SPREAD, yaxis="y3", log=True))
    for place, label, _, h in histograms:
        colour, low, high = theme.colour(place), h["low"].values, h["high"].values
        mean, sigma, ratio = h["mean"].values, h["sigma"].values, h["ratio"].values
        spread = bool((sigma > 0).any())
        name = labelled(label if several else "", f"flow ± σ of {h.attrs['draws']} draws" if spread else "flow")
        hidden = {"legendgroup": label or "flow", "showlegend": False}
        upper.append(steps(theme, name, low, high, mean, colour, log=log, legendgroup=label or "flow"))
        middle.append(steps(theme, name, low, high, ratio, colour, yaxis="y2", **hidden))
        lower.append(steps(theme, name, low, high, 100 * h["deviation"].values, colour, yaxis="y3", log=True, **hidden))
        if spread:
            with np.errstate(all="ignore"):
                relative = np.where(h["truth"].values > 0, sigma / h["truth"].values, np.nan)
            upper.append(step_band(theme, name, low, high, mean - sigma, mean + sigma, colour, floor=spans[0], log=log, **hidden))
            middle.append(step_band(theme, name, low, high, ratio - relative, ratio + relative, colour, yaxis="y2", **hidden))
    ends = [min(float(h["low"].min()) for *_, h in histograms), max(float(h["high"].max()) for *_, h in histograms)]
    lower.append(curve(theme, "1 %", ends, [1, 1], theme.ink, dash=EXPECTED, width=0.75, yaxis="y3"))
    symbol, unit = str(about.get("symbol", wanted)), str(about.get("unit", ""))
    x = axis(theme, f"{symbol} [{unit}]" if unit else symbol, range=ends)
    title = f"density [1/{unit}]" if unit else "density"
    top = axis(theme, title, log=True, range=spans) if log else axis(theme, title, rangemode="tozero")
    half = bound(1.2 * max(map(_apart, (h for *_, h in histograms))), RATIO_RANGES)
    ratios = axis(theme, "ratio", range=[max(0.0, 1 - half), 1 + half], nticks=4)
    percent = axis(theme, "|ratio − 1| [%]", log=True, range=[0.05, 50], labels=3)
    return {"data": upper + middle + lower, "layout": _three_panels(theme, x, top, ratios, percent)}


def _apart(h: xr.Dataset) -> float:
    """How far ratio, band and error of the truth reach from 1 in the bins that hold enough of it."""
    filled = h["share"].values > FILLED
    if not filled.any():
        return 1.0
    truth = h["truth"].values[filled]
    reach = h["deviation"].values[filled] + np.maximum(h["sigma"].values, h["error"].values)[filled] / truth
    return float(np.nanquantile(reach, 0.95)) if np.isfinite(reach).any() else 1.0


def _deep(histograms: list[xr.Dataset]) -> bool:
    """Whether the spectrum falls over so many decades that only a logarithmic axis shows it."""
    if histograms[0].attrs.get("unit") != "GeV":
        return False
    filled = np.concatenate([h["truth"].values[h["truth"].values > 0] for h in histograms])
    return bool(filled.size and filled.max() > DEEP * filled.min())


def _three_panels(theme: Theme, x: dict[str, Any], upper: dict[str, Any], middle: dict[str, Any], lower: dict[str, Any]) -> dict[str, Any]:
    """Layout of a main panel above two lower ones with the same x axis."""
    domains = {"yaxis": [0.5, 1], "yaxis2": [0.25, 0.47], "yaxis3": [0, 0.22]}
    axes = {name: {**given, "domain": domains[name]} for name, given in zip(domains, (upper, middle, lower), strict=True)}
    ends = [end for domain in domains.values() for end in domain if 0 < end < 1]
    line = {"type": "line", "xref": "paper", "yref": "paper", "x0": 0, "x1": 1, "line": {"color": theme.ink, "width": 1}}
    return {**layout(theme, xaxis={**x, "anchor": "y3"}, **axes), "shapes": [{**line, "y0": end, "y1": end} for end in ends]}


@figure
def density_map(runs: Runs, theme: Theme, truth: bool = True) -> dict[str, Any]:
    """p(x, y) of a toy, averaged over the draws, as a map for each run; `truth` puts the true density beside it."""
    found = _maps(runs)
    panels = [(label or "learned p", dataset, dataset["map_mean"].values) for _, label, dataset in found[: MOST_MAPS - truth]]
    if truth:
        panels.append(("true p", found[0][2], found[0][2]["map_truth"].values))
    return _row(
        panels, theme, "p(x, y)", float(np.nanquantile(np.concatenate([d["map_truth"].values.ravel() for _, _, d in found]), 0.999))
    )


@figure
def uncertainty_map(runs: Runs, theme: Theme, relative: bool = False) -> dict[str, Any]:
    """σ(p) between the draws as a map for each run; `relative` divides it by p, where p is more than a hundredth of its largest value."""
    panels = []
    for _, label, dataset in _maps(runs):
        sigma, mean = dataset["map_sigma"].values.astype(float), dataset["map_mean"].values.astype(float)
        if not np.nanmax(sigma, initial=0) > 0:
            continue
        with np.errstate(all="ignore"):
            shown = np.where(mean > 0.01 * np.nanmax(mean), 100 * sigma / mean, np.nan) if relative else sigma
        panels.append((label or ("relative spread" if relative else "spread of p"), dataset, shown))
    if not panels:
        raise Empty("There is no spread: one network has none, and a Bayesian one gets it when its weights get widths.")
    where = [dataset["map_truth"].values > 0.05 * dataset["map_truth"].values.max() for _, dataset, _ in panels]
    values = np.concatenate([z[here & np.isfinite(z)] for here, (*_, z) in zip(where, panels, strict=True)])
    return _row(panels, theme, "σ/p [%]" if relative else "σ(x, y)", float(np.quantile(values, 1 - CLIPPED)) if values.size else 1.0)


def _row(panels: list[tuple[str, xr.Dataset, np.ndarray]], theme: Theme, title: str, highest: float) -> dict[str, Any]:
    """Maps side by side on one colour scale that ends at `highest`."""
    panels, data, axes, notes = panels[:MOST_MAPS], [], {}, []
    width = 1 / len(panels)
    above = {"showarrow": False, "xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "xanchor": "center"}
    for place, (name, dataset, z) in enumerate(panels):
        tag = "" if place == 0 else str(place + 1)
        ends = [place * width + (0.02 if place else 0), (place + 1) * width - (0.02 if place + 1 < len(panels) else 0)]
        x, y = dataset["map_x"].values.astype(float), dataset["map_y"].values.astype(float)
        data.append(
            {
                "type": "heatmap", "name": name, "x": x, "y": y, "z": np.asarray(z, dtype=float), "coloraxis": "coloraxis",
                "xaxis": f"x{tag}", "yaxis": f"y{tag}",
                "hovertemplate": f"x = %{{x:.3g}}, y = %{{y:.3g}}: %{{z:.3g}}<extra>{name}</extra>",
            }
        )  # fmt: skip
        frame = {"showgrid": False, "nticks": 5}
        axes[f"xaxis{tag}"] = axis(theme, "x", domain=ends, anchor=f"y{tag}", range=[x[0], x[-1]], **frame)
        matched = {"matches": "y", "showticklabels": False} if place else {}
        axes[f"yaxis{tag}"] = axis(theme, "" if place else "y", anchor=f"x{tag}", range=[y[0], y[-1]], **frame, **matched)
        notes.append({"text": name, "x": sum(ends) / 2, **above})
    bar = {"title": {"text": title, "side": "right"}, "outlinewidth": 0, "thickness": theme.font_size, "exponentformat": "power"}
    colours = {"colorscale": "Viridis", "cmin": 0, "cmax": highest if highest > 0 else 1.0, "colorbar": bar}
    drawn = layout(theme, **axes) | {"coloraxis": colours, "annotations": notes, "showlegend": False}
    return {"data": data, "layout": drawn | {"margin": {"l": 10, "r": 12, "t": 12 + 2 * theme.font_size, "b": 10}}}


@figure
def uncertainty_line(runs: Runs, theme: Theme) -> dict[str, Any]:
    """σ of a toy's density against x, or r of the ring, with the best fit-like and counting curves and their χ²; below σ/p."""
    several = len(runs) > 1
    upper, lower, highest, ends, reasons = [], [], 0.0, [], []
    kind, letter = "", "x"
    for place, (label, dataset) in enumerate(runs):
        if kind and dataset.attrs.get("dataset") != kind:
            continue  # another toy: its σ has another scale
        try:
            found = line(dataset)
        except ValueError as problem:
            reasons.append(str(problem))
            continue
        colour, inside = theme.colour(place), found.inside
        if not inside.any():
            continue
        kind, letter = str(dataset.attrs.get("dataset")), found.coordinate
        ends += [found.x[0], found.x[-1]]
        highest = max(highest, float(found.sigma[inside].max()))
        name = labelled(label if several else "", "spread of the networks")
        here = np.where(inside, found.sigma, np.nan)
        upper.append(curve(theme, name, found.x, here, colour))
        upper.append(curve(theme, name, found.x, found.sigma, theme.faint(colour, 0.45), width=0.75, showlegend=False))
        with np.errstate(all="ignore"):
            share = 100 * found.sigma / found.density
            lower.append(curve(theme, name, found.x, share, colour, yaxis="y2", log=True, showlegend=False))
        for family, dash, tint in ((found.best, EXPECTED, 1), ("counting", SPREAD, 2)):
            if family not in found.fits:
                continue
            words = "counting √p" if family == "counting" else f"fit, {FAMILIES[kind][family].name}"
            told = labelled(label if several else "", f"{words}, χ² {number(found.chi2[family])} for {inside.sum()} points")
            shade = colour if several else theme.colour(tint)
            x, fitted = found.x[inside], found.fits[family].curve
            upper.append(curve(theme, told, x, fitted, shade, dash=dash))
            with np.errstate(all="ignore"):
                share = 100 * fitted / found.density[inside]
            lower.append(curve(theme, told, x, share, shade, dash=dash, yaxis="y2", log=True, showlegend=False))
    if not upper:
        raise Empty(reasons[0] if reasons else "No density is finite yet.")
    x_axis = axis(theme, letter, range=[min(ends), max(ends)])
    above = axis(theme, f"σ of p({letter})", range=[0, 1.2 * highest])
    below = axis(theme, "σ/p [%]", log=True, range=decades([drawn["y"] for drawn in lower], most=4), labels=3)
    return {"data": upper + lower, "layout": two_panels(theme, x_axis, above, below, share=0.36)}


@figure
def band_size(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Mean σ(p) of toys against the number of training events, with the power of N that fits best and the law 1/√N through its middle."""
    data, lines = [], 0
    for label, dataset in runs:
        if "spread" not in dataset.variables or "events" not in dataset.dims:
            raise Empty("This figure needs trainings with several numbers of events.")
        for name, part in _along(dataset, "events"):
            n, spread = part["events"].values.astype(float), part["spread"].values.astype(float)
            if not np.isfinite(spread).any():
                continue
            colour, text = theme.colour(lines), labelled(label, name or "mean σ(p)")
            power = slope(n, spread)
            told = f"{text} ∝ N<sup>{power:.2f}</sup>".replace("-", "−") if np.isfinite(power) else text
            data.append(curve(theme, told, n, spread, colour, mode="lines+markers", log=True))
            good = np.isfinite(spread) & (spread > 0)
            law = np.exp(np.log(spread[good]).mean()) * np.sqrt(np.exp(np.log(n[good]).mean()) / n)
            data.append(curve(theme, "∝ 1/√N", n, law, theme.ink, dash=EXPECTED, log=True, showlegend=lines == 0))
            lines += 1
    if not data:
        raise Empty("No band is known yet.")
    x = axis(theme, "training events N", log=True, range=decades([drawn["x"] for drawn in data]))
    y = axis(theme, "mean σ(p)", log=True, range=decades([drawn["y"] for drawn in data]))
    return {"data": data, "layout": layout(theme, xaxis=x, yaxis=y)}


def _along(scan: xr.Dataset, axis: str) -> list[tuple[str, xr.Dataset]]:
    """A scan along one axis, for each point of the others, which gives its name."""
    others = [str(name) for name in scan["spread"].dims if name != axis]
    found = []
    for place in np.ndindex(*(scan.sizes[name] for name in others)):
        part = scan.isel(dict(zip(others, place, strict=True)))
        found.append((", ".join(str(part[name].item()) for name in others), part.sortby(axis)))
    return found


def _maps(runs: Runs) -> list[tuple[int, str, xr.Dataset]]:
    """The runs with maps of the same toy as the first of them: maps of others have other axes and colours."""
    found = [(place, label, dataset) for place, (label, dataset) in enumerate(runs) if "map_mean" in dataset.variables]
    found = [one for one in found if one[2].attrs.get("dataset") == found[0][2].attrs.get("dataset")]
    if not found:
        raise Empty("Only toys in the plane have a map of their density; collisions have too many dimensions.")
    if not any(np.isfinite(dataset["map_mean"].values).any() for *_, dataset in found):
        raise Empty("No density is finite yet.")
    return found


def _with(runs: Runs, observable: str) -> tuple[str, list[tuple[int, str, xr.Dataset]]]:
    """The observable, by default the first, and the runs that have histograms of it, with their places."""
    good = [(place, label, dataset) for place, (label, dataset) in enumerate(runs) if is_generated(dataset)]
    if not good:
        raise Empty("There are no histograms yet.")
    wanted = observable or observables_of(good[0][2])[0]
    found = [(place, label, dataset) for place, label, dataset in good if wanted in observables_of(dataset)]
    if not found:
        names = ", ".join(dict.fromkeys(name for *_, dataset in good for name in observables_of(dataset)))
        raise Empty(f"{events(len(good), 'run')} shown: no histogram of {wanted}; there are {names}.")
    if not any(np.isfinite(dataset[f"density_{wanted}"].values).any() and dataset.sizes["draw"] for *_, dataset in found):
        raise Empty("No generated event is finite yet.")
    return wanted, found
