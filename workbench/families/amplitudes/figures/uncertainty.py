"""Figures of the error bars: pulls and relative widths."""

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
    with_error,
    with_numbers,
)
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme
from workbench.results.bands import histogram
from workbench.results.prediction import median, recipe_of, relative_sigma
from workbench.results.pulls import pulls, width_and_mean

PULL_EDGES = np.linspace(-5, 5, 61)
SIGMA_EDGES = np.linspace(-5, 0, 101)  # log10 of σ/A
FEW = 3  # pulls in a figure, up to which there is room for errors and bands
PULL_TOPS = (0.55, 0.8, 1.2, 2, 4, 8, 16, 40)
SIGMA_TOPS = (2, 4, 6, 9, 13, 20)


@figure
def systematic_pull(runs: Runs, theme: Theme) -> dict[str, Any]:
    """t_syst of the test events with N(0,1), mean, width, and the factor T that was put on σ_syst."""
    rows = []
    for label, dataset in runs:
        factor = float(dataset["temperature"]) if "temperature" in dataset.variables else 1.0
        rows.append((label, pulls(dataset, "systematic"), "" if factor == 1 else f"T = {factor:.3g}"))
    return pull_figure(rows, theme, "t<sub>syst</sub> = (⟨A⟩ − A<sub>train</sub>) / σ<sub>syst</sub>")


@figure
def statistical_pull(runs: Runs, theme: Theme) -> dict[str, Any]:
    """t_stat of all events and draws with N(0,1)."""
    rows = [(label, _spread_pull(dataset, "statistical"), "") for label, dataset in runs]
    return pull_figure(rows, theme, "t<sub>stat</sub> = (Ā(θ) − A<sub>true</sub>) / σ<sub>stat</sub>")


@figure
def scaled_pull(runs: Runs, theme: Theme, draws: int | None = None) -> dict[str, Any]:
    """t̂_M for several M of one run, or for one M (a quarter of the draws) of several runs."""
    rows = []
    for label, dataset in runs:
        count = dataset.sizes.get("draw", 0)
        quarter = max(1, min(dataset.sizes.get("draw", 1) for _, dataset in runs) // 4)
        chosen = (
            [min(draws, max(count, 1))] if draws else [quarter] if len(runs) > 1 else sorted({1, max(1, count // 8), max(1, count // 2)})
        )
        for size in chosen:
            t = _spread_pull(dataset, "scaled", draws=size)
            text = f"M = {size} of {count}"
            rows.append((labelled(label, text), t, f" (expected {t.attrs['expected_width']:.2f})"))
    return pull_figure(rows, theme, "t̂<sub>M</sub> = (⟨A⟩<sub>M</sub> − ⟨A⟩) √M / σ<sub>stat</sub>")


@figure
def sigmas(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Distribution of σ_syst/A and σ_stat/A, with the noise that was put on the amplitudes."""
    several, data, highest = len(runs) > 1, [], 0.0
    reach: list[Any] = []
    noises: set[float] = set()
    for place, (label, dataset) in enumerate(runs):
        relative = relative_sigma(dataset)
        for part, dash, name in (("syst", LEARNED, "σ<sub>syst</sub>/A"), ("stat", SPREAD, "σ<sub>stat</sub>/A")):
            values = relative[part].isel(event=relative[part].values > 0)
            values = values.isel(event=np.isfinite(values.values))
            if not values.size:
                continue
            h = histogram(np.log10(values), SIGMA_EDGES)
            colour = theme.colour(place if several else 0 if part == "syst" else 1)
            text = with_numbers(labelled(label, name), f"median {median(values):.2g}", _outside(h))
            data += _histogram(theme, text, h, colour, dash, x=10.0**SIGMA_EDGES, band=False)
            highest = max(highest, float(h["density"].max()))
            reach.append(np.quantile(values, [0.005, 0.995]))
        noise = recipe_of(dataset).get("noise", 0.0)
        if noise and noise > 0:
            noises.add(float(noise))
    if not data:
        raise Empty("No event has a positive error bar yet.")
    top = bound(1.1 * highest, SIGMA_TOPS)
    for noise in sorted(noises):
        data.append(curve(theme, f"noise f = {noise:.3g}", [noise, noise], [0, top], theme.ink, dash=EXPECTED))
    low, high = decades([*reach, list(noises)])
    high = min(high, 1.0)
    x = axis(theme, "relative error bar σ/A", log=True, range=[max(min(low, high / 100), 1e-5), high])  # two decades at least
    return {"data": data, "layout": layout(theme, xaxis=x, yaxis=axis(theme, "density per decade", range=[0, top]))}


def _spread_pull(dataset: xr.Dataset, kind: str, **options: Any) -> xr.DataArray:
    """A pull that needs single draws; where there are none the reason becomes the figure."""
    try:
        return pulls(dataset, kind, **options)
    except ValueError as reason:
        raise Empty(str(reason)) from reason


def pull_figure(rows: list[tuple[str, xr.DataArray, str]], theme: Theme, title: str) -> dict[str, Any]:
    data, highest = [], 0.4
    for place, (label, t, remark) in enumerate(rows):
        m = width_and_mean(t)
        if not m.count:
            continue
        h = histogram(t, PULL_EDGES)
        numbers = f"mean {with_error(m.mean, m.mean_error)}, width {with_error(m.width, m.width_error)}"
        if t.attrs["kind"] == "scaled":  # its mean vanishes, and its width varies with the draws, not with the events
            numbers, remark = f"width {m.width:.2f}{remark}", ""
        if len(rows) > FEW:
            mean, width = t.attrs.get("mean", m.mean), t.attrs.get("width", m.width)
            name = with_numbers(label, f"mean {mean:z.2f}, width {width:.2f}".replace("-", "−"))
        else:
            name = with_numbers(label or events(m.events, "test event"), numbers, remark, _outside(h))
        line, area = _histogram(theme, name, h, theme.colour(place), LEARNED, x=PULL_EDGES, band=len(rows) == 1)
        data += [line, area] if len(rows) <= FEW else [line]
        highest = max(highest, float(h["density"].max()))
    if not data:
        raise Empty("No pull is finite yet.")
    x = np.linspace(-5, 5, 201)
    data.append(curve(theme, "N(0,1)", x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), theme.ink, dash=EXPECTED))
    y = axis(theme, "normalised density", range=[0, bound(1.08 * highest, PULL_TOPS)])
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, title, range=[-5, 5]), yaxis=y)}


def _histogram(theme: Theme, name: str, h: xr.Dataset, colour: str, dash: str, *, x: np.ndarray, band: bool) -> list[dict[str, Any]]:
    density, error, group = h["density"].values, h["error"].values, name
    low, high = x[:-1], x[1:]
    area = step_band(
        theme,
        "± statistical error",
        low,
        high,
        np.maximum(density - error, 0),
        density + error,
        colour,
        legendgroup=group if not band else group + " band",
        showlegend=band,
    )
    return [steps(theme, name, low, high, density, colour, dash=dash, legendgroup=group), area]


def _outside(h: xr.Dataset) -> str:
    """What lies outside of the axis, in words; nothing where all is inside."""
    parts = [f"{number(100 * float(h[side]))} % {word}" for side, word in (("below", "left"), ("above", "right")) if float(h[side]) > 0]
    return f"outside: {', '.join(parts)}" if parts else ""
