"""Figures of how near the prediction comes to the truth."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    bound,
    curve,
    events,
    figure,
    labelled,
    layout,
    note,
    outside_words,
    percent,
    step_band,
    steps,
    two_panels,
    with_numbers,
)
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, VALIDATED, Theme
from workbench.physics.observables import joined, observables
from workbench.results.bands import distribution, histogram, ratio_profile
from workbench.results.prediction import largest, median, summary, weights

HALF_RANGES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
DELTA_DECADES = np.linspace(-5, 1, 37)  # log10 of |Δ|
NO_PREDICTION = "No event has a finite prediction yet."
RATIO_RANGES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@figure
def delta(runs: Runs, theme: Theme, half_range: float | None = None) -> dict[str, Any]:
    """Distribution of Δ = (⟨A⟩ − A)/A with the median |Δ|. half_range: half the width of the axis as a fraction, by default a round one."""
    rows = [(label, summary(dataset)["delta"]) for label, dataset in runs]
    finite = [values.isel(event=np.isfinite(values.values)) for _, values in rows]
    if not any(values.size for values in finite):
        raise Empty(NO_PREDICTION)
    half = half_range or bound(4 * max(median(abs(values)) for values in finite if values.size), HALF_RANGES)
    edges, data = np.linspace(-half, half, 61), []
    low, high = 100 * edges[:-1], 100 * edges[1:]
    for number, ((label, values), good) in enumerate(zip(rows, finite, strict=True)):
        if not good.size:
            continue
        h = histogram(values, edges)
        outside = float(h["below"] + h["above"])
        numbers = f"median |Δ| to truth {percent(median(abs(good)))}" + (f", outside {percent(outside)}" if outside else "")
        density, error, colour = h["density"].values / 100, h["error"].values / 100, theme.colour(number)
        name = with_numbers(label or events(good.size, "test event"), numbers)
        data.append(steps(theme, name, low, high, density, colour))
        if len(rows) == 1:
            data.append(step_band(theme, "± statistical error", low, high, density - error, density + error, colour))
    top = max(float(np.max(drawn["y"])) for drawn in data)
    scale = 10.0 ** np.floor(np.log10(top)) if top > 0 else 1.0
    top = scale * bound(1.05 * top / scale, (1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10, 12.5))
    y = axis(theme, "normalised density [1/%]", range=[0, top])
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, "Δ = (⟨A⟩ − A) / A [%]", range=[-100 * half, 100 * half]), yaxis=y)}


@figure
def delta_largest(runs: Runs, theme: Theme) -> dict[str, Any]:
    """|Δ| of all events, of the largest 1 % and of the largest 0.1 % of the amplitudes, on a logarithmic axis, with median and bias."""
    data, highest = [], 0.0
    lost: dict[str, str] = {}
    for number, (label, dataset) in enumerate(runs):
        s = summary(dataset)
        s = s.isel(event=np.isfinite(s["delta"].values))
        for place, (fraction, dash) in enumerate(((1.0, LEARNED), (0.01, VALIDATED), (0.001, SPREAD)) if s.sizes["event"] else ()):
            values = largest(s, fraction)["delta"]
            h = histogram(np.log10(np.maximum(abs(values), 1e-12)), DELTA_DECADES)
            lost |= {label: outside_words(float(h["below"]), float(h["above"]))} if fraction == 1 else {}
            part = f"all {len(values):,}" if fraction == 1 else f"largest {100 * fraction:g} % ({len(values):,})"
            middle, bias = percent(median(abs(values))), percent(median(values))
            words = labelled(label, part.split(" (")[0] if label else part)
            name = with_numbers(words, f"median |Δ| to truth {middle}, bias {bias}")
            x = 100 * 10.0**DELTA_DECADES
            colour = theme.colour(number if len(runs) > 1 else place)
            data.append(steps(theme, name, x[:-1], x[1:], h["density"].values, colour, dash=dash))
            highest = max(highest, float(h["density"].max()))
    if not data:
        raise Empty(NO_PREDICTION)
    x_axis = axis(theme, "|Δ| = |⟨A⟩ − A| / A [%]", log=True, range=[1e-3, 1e3])
    y_axis = axis(theme, "density per decade", range=[0, bound(1.05 * highest, (1.2, 1.6, 2, 2.5, 3, 4, 6))])
    look = layout(theme, xaxis=x_axis, yaxis=y_axis)
    return {"data": data, "layout": look | {"annotations": note(theme, [labelled(label, words) for label, words in lost.items() if words])}}


@figure
def prediction_truth(runs: Runs, theme: Theme) -> dict[str, Any]:
    """⟨A⟩ against A, with the ratio and the bands that hold 68 % and 95 % of the events."""
    summaries = [(label, summary(dataset)) for label, dataset in runs]
    truths = np.concatenate([s["amplitude_true"].values for _, s in summaries])
    truths = truths[np.isfinite(truths) & (truths > 0)]
    if not truths.size:
        raise Empty("No event has a finite amplitude yet.")
    ends = 10.0 ** np.floor(np.log10(truths.min())), 10.0 ** np.ceil(np.log10(truths.max()) + 1e-9)
    edges = np.geomspace(*ends, 1 + int(min(4 * np.log10(ends[1] / ends[0]), 40)))
    data: list[dict[str, Any]] = [curve(theme, "⟨A⟩ = A", ends, ends, theme.ink, dash=EXPECTED)]
    below, widest = [], 0.0
    for number, (label, s) in enumerate(summaries):
        colour = theme.colour(number)
        chosen = s.isel(event=_spaced(s["amplitude_true"].values))
        marker = {"color": theme.faint(colour, 0.6), "size": theme.line_width * 2}
        points = {
            "type": "scatter",
            "mode": "markers",
            "name": labelled(label, f"test events ({chosen.sizes['event']} of {s.sizes['event']:,})"),
        }
        data.append({**points, "x": chosen["amplitude_true"].values, "y": _positive(chosen["mean"].values), "marker": marker})
        profile = ratio_profile(s, edges)
        low, high = edges[:-1], edges[1:]
        shown = {"yaxis": "y2", "legendgroup": label or None, "showlegend": len(runs) == 1}
        for level, opacity in (("95", 0.18), ("68", 0.35)):
            bottom, top = profile[f"low{level}"].values, profile[f"high{level}"].values
            below.append(
                step_band(theme, labelled(label, f"{level} % of events"), low, high, bottom, top, colour, opacity=opacity, **shown)
            )
        below.append(steps(theme, labelled(label, "median ratio"), low, high, profile["median"].values, colour, **shown))
        spread = np.maximum(profile["high95"].values - 1, 1 - profile["low95"].values)[profile["count"].values >= 20]
        widest = max(widest, float(spread.max(initial=0)))
    half = bound(widest, RATIO_RANGES)
    units = " or ".join(map(_typeset, _units(runs)))
    upper = axis(theme, f"⟨A⟩ [{units}]", log=True, range=ends, labels=4)
    lower = axis(theme, "⟨A⟩ / A", range=[1 - half, 1 + half])
    drawn = two_panels(theme, axis(theme, f"A [{units}]", log=True, range=ends), upper, lower, share=0.36)
    return {"data": data + below, "layout": drawn}


@figure
def kinematics(runs: Runs, theme: Theme, observable: Any = "diphoton_mass") -> dict[str, Any]:
    """Distribution of an observable weighted by the amplitude, truth and prediction, with their ratio and bands of σ_syst and σ_stat.

    Truth and prediction are summed over the same events, so the error of the finite sample cancels in the ratio.

    observable: the name of one of `workbench.physics.observables.observables(process)`, in bins that suit the events, those with few of
    them put together; or an observable in its own bins.
    """
    named = _observable(observable, runs) if isinstance(observable, str) else None
    observable = named or observable
    units = _units(runs)
    if len(units) > 1:
        raise Empty(
            f"These runs have amplitudes in {' and '.join(map(_typeset, units))}; choose runs of one process to compare their sums."
        )
    data, below, tops, widest = [], [], [], 0.0
    expected: list[dict[str, Any]] = []
    ends: list[float] = []
    lost: dict[str, str] = {}
    for number, (label, dataset) in enumerate(runs):
        if not dataset.sizes.get("event"):
            continue
        try:
            d = distribution(dataset, observable if named is None else _fitted(named, dataset))
        except ValueError as reason:
            raise Empty(str(reason)) from reason
        if not float(d["truth"].sum()) > 0:
            continue
        low, high, colour = d["low"].values, d["high"].values, theme.colour(number)
        ends += [float(low[0]), float(high[-1])]
        lost[label] = outside_words(float(d["below"]), float(d["above"]))
        truth, predicted = d["truth"].values, d["predicted"].values
        tops.append(truth[truth > 0])
        floor = truth[truth > 0].min() / 10
        if not expected:
            error = d["sample_error"].values
            expected.append(steps(theme, "truth", low, high, truth, theme.ink, dash=EXPECTED, log=True))
            data.append(step_band(theme, "± finite sample", low, high, truth - error, truth + error, theme.muted, log=True, floor=floor))
            expected.append(curve(theme, "truth", [low[0], high[-1]], [1, 1], theme.ink, dash=EXPECTED, yaxis="y2", showlegend=False))
        several = len(runs) > 1
        shown = {"legendgroup": label or None, "showlegend": not several}
        data.append(
            steps(
                theme,
                f"{label}, ± σ<sub>syst</sub>, σ<sub>stat</sub>" if several else "⟨A⟩",
                low,
                high,
                predicted,
                colour,
                log=True,
                legendgroup=label or None,
            )
        )
        ratio = d["ratio"].values
        filled = np.isfinite(ratio) & (d["count"].values > 5)
        for part, shade in (("syst", colour), ("stat", colour if several else theme.colour(number + 1))):
            band = d[f"ratio_{part}"].values
            if np.nanmax(band, initial=0) > 0:
                name = labelled(label, f"± σ<sub>{part}</sub>")
                below.append(step_band(theme, name, low, high, ratio - band, ratio + band, shade, yaxis="y2", opacity=0.35, **shown))
            widest = max(widest, float(np.nanquantile((np.abs(ratio - 1) + band)[filled], 0.9)) if filled.any() else 0.0)
        below.append(
            steps(theme, labelled(label, "⟨A⟩ / A"), low, high, ratio, colour, yaxis="y2", legendgroup=label or None, showlegend=False)
        )
    if not tops:
        raise Empty("No event lies in the bins of this observable.")
    positive = np.concatenate(tops)
    half = bound(1.1 * widest, RATIO_RANGES)
    unit = observable.unit
    tall = [10.0 ** np.floor(np.log10(positive.min())), 10.0 ** np.ceil(np.log10(positive.max()) + 0.05)]
    upper = axis(theme, f"Σ A [{_per(units[0], unit)}]", log=True, range=tall, labels=4)
    lower = axis(theme, "⟨A⟩ / A", range=[1 - half, 1 + half])
    x = axis(theme, f"{observable.symbol} [{unit}]" if unit else observable.symbol, range=[min(ends), max(ends)])
    said = [labelled(label if len(set(lost.values())) > 1 else "", words) for label, words in lost.items() if words]
    look = two_panels(theme, x, upper, lower, share=0.36)
    return {"data": data + below + expected, "layout": look | {"annotations": note(theme, said)}}


def _fitted(observable: Any, dataset: xr.Dataset) -> Any:
    """An observable in bins that suit the events of a prediction, those with few of them put together."""
    if "momenta" not in dataset.variables:
        return observable
    momenta = dataset["momenta"].transpose("event", "particle", "component").values
    fitted = observable.fitted(momenta, weights(dataset))
    starts = joined(np.histogram(fitted.values(momenta), fitted.bins)[0])
    return dataclasses.replace(fitted, bins=np.append(fitted.bins[starts], fitted.bins[-1]))


def _observable(name: str, runs: Runs) -> Any:
    known = observables(str(runs[0][1].attrs.get("process", "gg_yyg")))
    if name not in known:
        raise Empty(f"There is no observable {name!r}; the observables are: {', '.join(known)}.")
    return known[name]


def _units(runs: Runs) -> list[str]:
    """The units of the runs' amplitudes, each once."""
    return list(dict.fromkeys(str(dataset["mean"].attrs.get("units", "GeV^-2")) for _, dataset in runs))


def _typeset(units: str) -> str:
    """GeV^-2 as GeV⁻²."""
    return re.sub(r"\^(-?\d+)", lambda power: f"<sup>{power[1].replace('-', '−')}</sup>", units)


def _per(units: str, unit: str) -> str:
    """The unit of Σ A per unit of the observable: GeV⁻³ for amplitudes in GeV⁻² and an observable in GeV."""
    if unit == "GeV" and (power := re.fullmatch(r"GeV\^(-?\d+)", units)):
        return _typeset(f"GeV^{int(power[1]) - 1}")
    return f"{_typeset(units)}/{unit}" if unit else _typeset(units)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)


def _spaced(amplitudes: np.ndarray, most: int = 600) -> np.ndarray:
    """At most `most` events: half of them evenly in rank, half evenly in log A, so that the rare large amplitudes are seen."""
    if len(amplitudes) <= most:
        return np.arange(len(amplitudes))
    order = np.argsort(amplitudes)
    even = order[np.linspace(0, len(order) - 1, most // 2).astype(int)]
    ladder = np.geomspace(max(amplitudes[order[0]], 1e-300), amplitudes[order[-1]], most // 2)
    return np.unique([*even, *order[np.clip(np.searchsorted(amplitudes[order], ladder), 0, len(order) - 1)]])
