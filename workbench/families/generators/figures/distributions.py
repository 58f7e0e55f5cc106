"""Figures of generators: distributions of their events beside the truth, densities of toys, error bars beside those of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.generators.figures.densities import MOST_MAPS, row_of_maps
from workbench.families.generators.generated import (
    FILLED,
    at_nuisance,
    central,
    histogram,
    network_of,
    observables_of,
)
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    bound,
    curve,
    decades,
    dots,
    events,
    figure,
    labelled,
    layout,
    note,
    outside_words,
    step_band,
    steps,
    two_panels,
)
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, TOTAL, VALIDATED, Theme

RATIO_RANGES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
JET_RADIUS = 0.4
"""ΔR of two jets below which they would be one."""
DEEP = 100
"""From this ratio of the largest to the smallest bin on, spectra in GeV have a logarithmic axis."""


@dataclass(frozen=True)
class Shown:
    """A histogram of `results.generated` as it stands in the three panels: its name, its colour and style, and of which truth it is."""

    name: str
    colour: str
    h: xr.Dataset
    truth: str = ""
    truth_name: str = "truth ± statistical error"
    dash: str = LEARNED


@figure
def generated(runs: Runs, theme: Theme, observable: str = "") -> dict[str, Any]:
    """Distribution of an observable (by default the first) for truth and flow, their ratio, and the deviation |ratio − 1| in per cent."""
    wanted, chosen = _with(runs, observable)
    several = len(runs) > 1
    kinds = list(dict.fromkeys(str(dataset.attrs.get("dataset", "")) for *_, dataset in chosen))
    shown = []
    for place, label, dataset in chosen:
        h, kind = histogram(dataset, wanted, join=True), str(dataset.attrs.get("dataset", ""))
        words = f"flow ± σ of {h.attrs['draws']} draws" if (h["sigma"].values > 0).any() else "flow"
        truth = labelled(kind.replace("_", " ") if kind != kinds[0] else "", "truth ± statistical error")
        shown.append(Shown(labelled(label if several else "", words), theme.colour(place), h, kind, truth))
    return _compared(shown, theme, wanted)


def _compared(shown: list[Shown], theme: Theme, observable: str) -> dict[str, Any]:
    """Densities, ratios to the truth and deviations, below each other."""
    upper, middle, lower = [], [], []
    truths: list[str] = []
    histograms = [one.h for one in shown]
    about = histograms[0].attrs
    log = _deep(histograms)
    spans = decades([h[part].values for h in histograms for part in ("truth", "mean")], most=5) if log else [0.0, 1.0]
    for one in shown:
        if one.truth in truths:
            continue
        truths.append(one.truth)
        truth, error = one.h["truth"].values, one.h["error"].values
        low, high, style = one.h["low"].values, one.h["high"].values, {"legendgroup": f"truth {one.truth}"}
        dash = EXPECTED if len(truths) > 1 else LEARNED
        upper.append(steps(theme, one.truth_name, low, high, truth, theme.ink, dash=dash, log=log, **style))
        hidden = {**style, "showlegend": False}
        upper.append(
            step_band(theme, one.truth_name, low, high, truth - error, truth + error, theme.ink, floor=spans[0], log=log, **hidden)
        )
        with np.errstate(all="ignore"):
            relative = np.where(truth > 0, error / truth, np.nan)
        middle.append(step_band(theme, one.truth_name, low, high, 1 - relative, 1 + relative, theme.ink, yaxis="y2", **hidden))
        lower.append(steps(theme, "error of the truth", low, high, 100 * relative, theme.muted, dash=SPREAD, yaxis="y3", log=True))
    for one in shown:
        name, colour, low, high = one.name, one.colour, one.h["low"].values, one.h["high"].values
        mean, sigma, ratio = one.h["mean"].values, one.h["sigma"].values, one.h["ratio"].values
        hidden = {"legendgroup": name, "showlegend": False, "dash": one.dash}
        upper.append(steps(theme, name, low, high, mean, colour, log=log, legendgroup=name, dash=one.dash))
        middle.append(steps(theme, name, low, high, ratio, colour, yaxis="y2", **hidden))
        points = {"legendgroup": name, "showlegend": False, "symbol": "circle" if one.dash == LEARNED else "circle-open"}
        lower.append(dots(theme, name, (low + high) / 2, 100 * one.h["deviation"].values, colour, yaxis="y3", log=True, **points))
        if (sigma > 0).any():
            with np.errstate(all="ignore"):
                relative = np.where(one.h["truth"].values > 0, sigma / one.h["truth"].values, np.nan)
            faint = {"legendgroup": name, "showlegend": False}
            upper.append(step_band(theme, name, low, high, mean - sigma, mean + sigma, colour, floor=spans[0], log=log, **faint))
            middle.append(step_band(theme, name, low, high, ratio - relative, ratio + relative, colour, yaxis="y2", **faint))
    ends = [min(float(h["low"].min()) for h in histograms), max(float(h["high"].max()) for h in histograms)]
    lower.append(curve(theme, "1 %", ends, [1, 1], theme.ink, dash=EXPECTED, width=0.75, yaxis="y3"))
    unit = str(about.get("unit", ""))
    top = axis(theme, _density(unit), log=True, range=spans) if log else axis(theme, _density(unit), rangemode="tozero")
    half = bound(1.2 * max(map(_apart, histograms)), RATIO_RANGES)
    ratios = axis(theme, "ratio", range=[max(0.0, 1 - half), 1 + half], nticks=4)
    percent = axis(theme, "|ratio − 1| [%]", log=True, range=[0.05, 50], labels=3)
    look = _three_panels(theme, _x_axis(theme, about, observable, ends), top, ratios, percent)
    lost = {one.truth: outside_words(*(float(one.h.attrs.get(side, 0)) for side in ("below", "above"))) for one in reversed(shown)}
    lines = [labelled(truth.replace("_", " ") if len(lost) > 1 else "", words) for truth, words in lost.items() if words]
    return {"data": upper + middle + lower, "layout": look | {"annotations": note(theme, lines)}}


def _density(unit: str) -> str:
    return f"density [1/{unit}]" if unit else "density"


def _x_axis(theme: Theme, about: Mapping[str, Any], observable: str, ends: list[float]) -> dict[str, Any]:
    symbol, unit = str(about.get("symbol", observable)), str(about.get("unit", ""))
    return axis(theme, f"{symbol} [{unit}]" if unit else symbol, range=ends)


@figure
def ways(runs: Runs, theme: Theme, observable: str = "") -> dict[str, Any]:
    """An observable of events drawn from the mean weights, as they are and times w_D: INN, INN × w_D, DiscFlow, DiscFlow × w_D."""
    shown = []
    wanted, chosen = _with(runs, observable)
    several = len(runs) > 1
    for place, label, dataset in chosen:
        for kind, dash in (("central", LEARNED), ("reweighted", VALIDATED)):
            h = central(dataset, wanted, kind, join=True)
            if h is None:
                continue
            name = _networked(label, dataset, several, "{} × w<sub>D</sub>" if kind == "reweighted" else "{}")
            shown.append(Shown(name, theme.colour(2 * place + (kind == "reweighted")), h, str(dataset.attrs.get("dataset", "")), dash=dash))
    if not shown:
        raise Empty("No discriminator has judged these events: train with some discriminator steps, and wait for the end of the training.")
    return _compared(shown, theme, wanted)


def _networked(label: str, dataset: xr.Dataset, several: bool, words: str) -> str:
    """Words about the network of a run, behind the run's label where there are several and it says more than the network's name."""
    network = network_of(dataset)
    return labelled(label if several and label != network else "", words.format(network))


@figure
def weights(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Distribution of w_D over true and generated events: above from 0 to 3, below over four decades."""
    data: list[dict[str, Any]] = []
    several, high, beyond = len(runs) > 1, [0.0], []
    lows: list[np.ndarray] = []
    for place, (label, dataset) in enumerate(runs):
        if "weight_truth" not in dataset.variables:
            continue
        told = f", AUC {float(dataset['auc']):.3f}" if "auc" in dataset.variables else ""
        for who, dash in (("generated", LEARNED), ("truth", EXPECTED)):
            name = labelled(label if several else "", f"{who}{told if who == 'generated' else ''}")
            edges, values = dataset["weight_edges"].values.astype(float), dataset[f"weight_{who}"].values.astype(float)
            data.append(steps(theme, name, edges[:-1], edges[1:], values, theme.colour(place), dash=dash, legendgroup=name))
            high.append(float(np.nanmax(values, initial=0.0)))
            words = outside_words(0.0, 1.0 - float((values * np.diff(edges)).sum()))
            beyond.append(labelled(label if several else "", f"{who}: {words}") if words else "")
            edges, values = 10 ** dataset["log_weight_edges"].values.astype(float), dataset[f"log_weight_{who}"].values.astype(float)
            below = {"xaxis": "x2", "yaxis": "y2", "log": True, "showlegend": False, "legendgroup": name}
            data.append(steps(theme, name, edges[:-1], edges[1:], values, theme.colour(place), dash=dash, **below))
            lows.append(values)
    if not data:
        raise Empty("No discriminator has judged these events: train with some discriminator steps, or with DiscFlow.")
    small = {"color": theme.muted, "width": theme.line_width / 2, "dash": "dot"}
    shapes = [
        {"type": "line", "xref": x, "x0": 1, "x1": 1, "yref": f"{y} domain", "y0": 0, "y1": 1, "line": small}
        for x, y in (("x", "y"), ("x2", "y2"))
    ]
    axes = {
        "xaxis": axis(theme, "w<sub>D</sub> = D/(1 − D)", range=[0, 3], anchor="y"),
        "yaxis": axis(theme, "density", range=[0, 1.1 * max(high) or 1.0], domain=[0.58, 1]),
        "xaxis2": axis(theme, "w<sub>D</sub>", log=True, range=[0.01, 100], anchor="y2"),
        "yaxis2": axis(theme, "per decade", log=True, range=decades(lows, most=5), domain=[0, 0.38], anchor="x2", labels=3),
    }
    return {"data": data, "layout": layout(theme, **axes) | {"shapes": shapes, "annotations": note(theme, beyond)}}


@figure
def weight_points(runs: Runs, theme: Theme, observable: str = "") -> dict[str, Any]:
    """Where w_D points: its mean over the generated events of each bin of an observable."""
    wanted, chosen = _with(runs, observable)
    several, data, reach = len(runs) > 1, [], [0.02]
    for place, label, dataset in chosen:
        if f"weight_mean_{wanted}" not in dataset.variables:
            continue
        edges, mean = dataset[f"edges_{wanted}"].values.astype(float), dataset[f"weight_mean_{wanted}"].values.astype(float)
        name = _networked(label, dataset, several, "⟨w<sub>D</sub>⟩, {}")
        data.append(steps(theme, name, edges[:-1], edges[1:], mean, theme.colour(place)))
        filled = histogram(dataset, wanted)["share"].values > FILLED / 10
        reach.append(float(np.nanmax(np.abs(mean[filled] - 1), initial=0.0)))
    if not data:
        raise Empty("No discriminator has judged these events: train with some discriminator steps, and wait for the end of the training.")
    about = chosen[0][2][f"edges_{wanted}"].attrs
    ends = [float(chosen[0][2][f"edges_{wanted}"].values[end]) for end in (0, -1)]
    half = bound(1.1 * max(reach), RATIO_RANGES)
    data.append(curve(theme, "1: right as they are", ends, [1, 1], theme.ink, dash=EXPECTED, width=0.75))
    y = axis(theme, "⟨w<sub>D</sub>⟩ per bin", range=[max(0.0, 1 - half), 1 + half])
    return {"data": data, "layout": layout(theme, xaxis=_x_axis(theme, about, wanted, ends), yaxis=y)}


@figure
def nuisance(runs: Runs, theme: Theme, observable: str = "", a: float = 30.0) -> dict[str, Any]:
    """An observable at one value of the theory nuisance a, of truth with the weight w(a) and of the flow on the condition a."""
    wanted, chosen = _with(runs, observable)
    several, shown = len(runs) > 1, []
    for place, label, dataset in chosen:
        h = at_nuisance(dataset, wanted, a, join=True)
        if h is not None:
            value = f"a = {h.attrs['a']:g}"
            words = f"flow on {value} ± σ" if (h["sigma"].values > 0).any() else f"flow on {value}"
            truth = f"truth × w({value})"
            shown.append(Shown(labelled(label if several else "", words), theme.colour(place), h, truth, truth))
    if not shown:
        raise Empty("This flow knows no theory nuisance: train with nuisance on, and wait for the end of the training.")
    return _compared(shown, theme, wanted)


@figure
def theory_band(runs: Runs, theme: Theme, observable: str = "") -> dict[str, Any]:
    """What a theory nuisance does to an observable: above the ratio to a = 0 for each a, of flow and truth; below the relative bands."""
    wanted, chosen = _with(runs, observable)
    chosen = [one for one in chosen if f"nuisance_density_{wanted}" in one[2].variables]
    if not chosen:
        raise Empty("This flow knows no theory nuisance: train with nuisance on, and wait for the end of the training.")
    _, _, dataset = chosen[0]
    upper, lower = [], []
    edges, values = dataset[f"edges_{wanted}"].values.astype(float), dataset["nuisance"].values.astype(float)
    low, high = edges[:-1], edges[1:]
    each = {a: h for a in values if (h := at_nuisance(dataset, wanted, a)) is not None}
    base = each[values[0]]
    filled = base["share"].values > FILLED / 10
    tops = [1.0]
    for place, (a, h) in enumerate(each.items()):
        colour, name = theme.colour(place), f"a = {a:g}"
        with np.errstate(all="ignore"):
            ratio, band, truth = (
                h["mean"].values / base["mean"].values,
                h["sigma"].values / base["mean"].values,
                h["truth"].values / base["truth"].values,
            )
            width = 100 * h["sigma"].values / h["mean"].values
        ratio, band, truth, width = (np.where(filled, one, np.nan) for one in (ratio, band, truth, width))
        upper.append(steps(theme, name, low, high, ratio, colour, legendgroup=name))
        upper.append(step_band(theme, name, low, high, ratio - band, ratio + band, colour, legendgroup=name, showlegend=False))
        upper.append(
            steps(theme, f"{name}, truth", low, high, truth, colour, dash=EXPECTED, width=0.75, legendgroup=name, showlegend=False)
        )
        lower.append(steps(theme, name, low, high, width, colour, yaxis="y2", log=True, legendgroup=name, showlegend=False))
        tops.append(float(np.nanmax(ratio, initial=1.0)))
    means = np.stack([np.where(filled, h["mean"].values, np.nan) for h in each.values()])
    with np.errstate(all="ignore"):
        envelope = 100 * (means.max(0) - means.min(0)) / (means.max(0) + means.min(0))
    lower.append(steps(theme, "theory: half the range over a", low, high, envelope, theme.ink, dash=TOTAL, yaxis="y2", log=True))
    about = dataset[f"edges_{wanted}"].attrs
    x = _x_axis(theme, about, wanted, [float(edges[0]), float(edges[-1])])
    above = axis(theme, "ratio to a = 0", log=max(tops) > 10, range=[0.1, 2 * max(tops)] if max(tops) > 10 else [0, 1.1 * max(tops)])
    below = axis(theme, "σ/h [%]", log=True, range=decades([drawn["y"] for drawn in lower], most=4), labels=3)
    return {"data": upper + lower, "layout": two_panels(theme, x, above, below, share=0.36)}


@figure
def hole(runs: Runs, theme: Theme, jets: str = "12") -> dict[str, Any]:
    """Density in the plane of Δη and Δφ of two jets, of truth and of flows, with the circle ΔR = 0.4 inside of which no event may be."""
    panels: list[tuple[str, xr.Dataset, np.ndarray]] = []
    for label, dataset in runs:
        if f"plane_drawn_{jets}" in dataset.variables:
            if not panels:
                panels.append(("truth", dataset, dataset[f"plane_truth_{jets}"].values))
            panels.append((label or "flow", dataset, dataset[f"plane_drawn_{jets}"].values))
    if not panels:
        raise Empty("The hole is between two jets: it is drawn at the end of a training of Z + 2 or 3 jets.")
    axes = ("plane_eta", "plane_phi", "Δη", "Δφ")
    high = float(np.quantile(panels[0][2], 0.98))
    drawn = row_of_maps(panels, theme, "density", high, axes)
    ring = np.linspace(0, 2 * np.pi, 61)
    for place in range(len(panels[:MOST_MAPS])):
        tag = "" if place == 0 else str(place + 1)
        circle = curve(theme, "ΔR = 0.4", JET_RADIUS * np.cos(ring), JET_RADIUS * np.sin(ring), theme.colour(4), showlegend=False)
        drawn["data"].append(circle | {"xaxis": f"x{tag}", "yaxis": f"y{tag}"})
    return drawn


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
    domains = {"yaxis": [0.51, 1], "yaxis2": [0.26, 0.46], "yaxis3": [0, 0.21]}
    axes = {name: {**given, "domain": domains[name]} for name, given in zip(domains, (upper, middle, lower), strict=True)}
    ends = [end for domain in domains.values() for end in domain if 0 < end < 1]
    line = {"type": "line", "xref": "paper", "yref": "paper", "x0": 0, "x1": 1, "line": {"color": theme.ink, "width": 1}}
    return {**layout(theme, xaxis={**x, "anchor": "y3"}, **axes), "shapes": [{**line, "y0": end, "y1": end} for end in ends]}


def _with(runs: Runs, observable: str) -> tuple[str, list[tuple[int, str, xr.Dataset]]]:
    """The observable, by default the first, and the runs that have histograms of it, with their places."""
    good = [(place, label, dataset) for place, (label, dataset) in enumerate(runs) if observables_of(dataset)]
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
