"""Figures of the search for a formula: hall of fame, the formulas themselves, the population, the rule of annealing, constants, limits."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
import xarray as xr

from workbench.families.formulas.product import FORMULA, best
from workbench.families.formulas.talk import SAID
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    curve,
    dots,
    figure,
    labelled,
    layout,
    note,
    number,
    with_error,
    with_numbers,
)
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.theme import EXPECTED, SPREAD, Theme
from workbench.results.prediction import recipe_of

LINES = 11
"""Formulas that are written below each other."""
WIDEST = 36
"""Letters in a line of a formula."""
STOPS = [digit * 10.0**power for power in range(-12, 3) for digit in (1, 2, 5)]


def front_of(found: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Complexities of the hall of fame, and MSE over the variance. Raises: Empty where it has none yet."""
    share = (found["mse"] / found["variance"]).values.astype(float)
    there = np.isfinite(share)
    if not there.any():
        raise Empty("The first formulas appear after one generation.")
    return found["complexity"].values[there].astype(float), np.maximum(share[there], 1e-12)


def share_axis(theme: Theme, values: np.ndarray) -> dict[str, Any]:
    """An axis for MSE over variance, up to a little above one."""
    low = max((stop for stop in STOPS if stop < 0.9 * values.min()), default=1e-12)
    return axis(theme, "MSE / variance", log=True, range=[low, 2.0])


@figure
def hall_of_fame(runs: Runs, theme: Theme) -> dict[str, Any]:
    """MSE against complexity of the best formulas, as stairs, with the population behind, and the chosen one marked."""
    data, low, wide = [], 1.0, 5.0
    several = len(runs) > 1
    for place, (label, found) in enumerate(runs):
        size, share = front_of(found)
        colour = theme.colour(place)
        wide = max(wide, float(found["complexity"].max()))
        if not several:
            data.append(dots(theme, "population", found["member_nodes"], found["member_mse"], theme.faint(theme.muted, 0.5), log=True))
        ends = np.append(size[1:], wide)
        x = np.column_stack([size, ends]).ravel()
        name = with_numbers(labelled(label, "hall of fame"), f"{len(size)} formulas")
        data.append(curve(theme, name, x, np.repeat(share, 2), colour, legendgroup=name))
        words = [str(text) for text in found["formula"].values[np.isfinite(found["mse"].values)]]
        points = dots(theme, name, size, share, colour, legendgroup=name, showlegend=False)
        data.append({**points, "text": words, "hovertemplate": "%{text}<br>%{x} nodes, %{y:.4g}<extra></extra>"})
        chosen = best(found)
        marked = float(found["mse"][chosen] / found["variance"])
        star = with_numbers(labelled(label, "best formula"), f"{int(found['complexity'][chosen])} nodes, {number(marked, 3)}")
        data.append(
            dots(theme, star, [found["complexity"][chosen]], [max(marked, 1e-12)], colour if several else theme.colour(1), symbol="star")
        )
        data[-1]["marker"] = {**data[-1]["marker"], "size": 6 * theme.line_width}
        low = min(low, float(share.min()))
    x_axis = axis(theme, "complexity: nodes", range=[0, wide + 0.5])
    return {"data": data, "layout": layout(theme, xaxis=x_axis, yaxis=share_axis(theme, np.array([low])))}


@figure
def formulas(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The hall of fame written out, the best formula large above it."""
    label, found = runs[0]
    size, share = front_of(found)
    chosen = best(found)
    texts = [str(text) for text in found["formula"].values[np.isfinite(found["mse"].values)]]
    large = "<br>".join(textwrap.wrap(f"{found.attrs['described']} = {found['formula'].values[chosen]}", 34))
    notes = [_words(large, 0.0, 1.0, round(1.25 * theme.font_size), theme.colour(1))]
    first = 0.99 - 0.13 * (1 + large.count("<br>"))
    shown = list(range(len(texts)))
    if len(shown) > LINES:  # the simplest, the best, and those around it
        here = int(np.flatnonzero(size == found["complexity"].values[chosen])[0])
        shown = sorted({*shown[:4], *shown[max(0, here - 3) : here + 3], *shown[-2:]})[:LINES]
    step = first / (len(shown) + 0.7)
    rows = [("nodes", "MSE/σ²", "formula", theme.muted)]
    for at in shown:
        colour = theme.colour(1) if size[at] == found["complexity"].values[chosen] else theme.ink
        rows.append((f"{size[at]:.0f}", number(float(share[at]), 3), textwrap.shorten(texts[at], WIDEST, placeholder=" …"), colour))
    for line, (*cells, colour) in enumerate(rows):
        for cell, x in zip(cells, (0.0, 0.12, 0.27), strict=True):
            notes.append(_words(cell, x, first - step * line, round(0.88 * theme.font_size), colour))
    hidden = {"visible": False, "fixedrange": True, "range": [0, 1], "title": {"text": ""}}
    data = [
        {
            **curve(theme, labelled(label, "hall of fame"), size, share, theme.paper),
            "visible": True,
            "opacity": 0,
            "hoverinfo": "skip",
            "showlegend": False,
        }
    ]
    data[0] |= {"xaxis": "x", "yaxis": "y"}
    return {"data": data, "layout": {**layout(theme, xaxis=hidden, yaxis=hidden), "annotations": notes, "showlegend": False}}


def _words(text: str, x: float, y: float, size: int, colour: str) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top", "align": "left", "showarrow": False}
    return {**place, "x": x, "y": y, "text": text, "font": {"size": size, "color": colour}}


@figure
def annealing(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The last trials: how much worse the new formula was, and whether it was taken, over the probability of the rule."""
    _, found = runs[0]
    change, taken = found["change"].values.astype(float), found["taken"].values.astype(float)
    known = np.isfinite(change)
    recipe = recipe_of(found)
    if not known.any():
        raise Empty("This engine has no annealing: it takes what no other formula beats in both MSE and length.")
    alpha, temperature = float(recipe["alpha"]), float(found["temperature"])
    shown = np.clip(change, -0.5, 1.0)
    data = []
    grid = np.linspace(-0.5, 1.0, 301)
    chance = np.where(grid <= 0, 1.0, np.exp(-np.maximum(grid, 0) / max(alpha * temperature, 1e-9)))
    data.append(curve(theme, with_numbers("p = exp(−Δ/(α T s))", f"T = {temperature:.2f}"), grid, chance, theme.ink, dash=EXPECTED))
    at = np.random.default_rng(0).uniform(-0.05, 0.05, len(change))
    for kept, name, height, colour, symbol in ((1, "taken", 1.0, theme.colour(2), "circle"), (0, "refused", 0.0, theme.colour(1), "x")):
        here = known & (taken == kept)
        name = with_numbers(name, f"{int(here.sum())} of {int(known.sum())}")
        data.append({**dots(theme, name, shown[here], height + at[here], colour, symbol=symbol), "hoverinfo": "skip"})
    look = layout(
        theme,
        xaxis=axis(theme, "Δ/s = (s<sub>new</sub> − s)/s", range=[-0.52, 1.02]),
        yaxis=axis(theme, "probability", range=[-0.12, 1.12]),
    )
    away = int((change[known] > 1).sum())
    look["annotations"] = note(theme, [f"{away} much worse, at the right edge" if away else ""])
    return {"data": data, "layout": look}


@figure
def formula_search(runs: Runs, theme: Theme) -> dict[str, Any]:
    """MSE of the best and of the most precise formula against the generation."""
    data, low, end = [], 1.0, 1.0
    several = len(runs) > 1
    for place, (label, reports) in enumerate(runs):
        if reports.sizes.get("step", 0) == 0:
            continue
        step = reports["step"].values.astype(float)
        colour, other = (theme.colour(place), theme.colour(place)) if several else (theme.colour(1), theme.colour(0))
        now, least = (reports[name].values.astype(float) for name in ("loss", "smallest"))
        data.append(curve(theme, with_numbers(labelled(label, "best formula"), f"{number(now[-1], 3)} now"), step, now, colour, log=True))
        data.append(curve(theme, labelled(label, "most precise one"), step, least, other, dash=SPREAD, width=0.8, log=True))
        low, end = min(low, float(least.min())), max(end, float(recipe_of(reports).get("steps", 1)), float(step[-1]))
    if not data:
        raise Empty("The first numbers appear after one generation.")
    y = share_axis(theme, np.array([max(low, 1e-12)]))
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, "generation", range=[0, end], tickformat=",d"), yaxis=y)}


@figure
def formula_constants(runs: Runs, theme: Theme) -> dict[str, Any]:
    """b/a and c of the four-parameter formula beside those of the talk, with the error of the fit and the one of the bootstrap."""
    known = [(label, found) for label, found in runs if "talk_value" in found.variables]
    if not known:
        raise Empty("The four-parameter formula is fitted at the end of a search for the score at f_T = 0.")
    data, several = [], len(known) > 1
    places = {"b/a": 0, "c": 1, "d": 2}
    for place, (label, found) in enumerate(known):
        colour = theme.colour(place)
        for kind, name, width in (("talk_bootstrap", "bootstrap", 1.0), ("talk_naive", "error of the fit", 3.0)):
            values = {letter: ratio(found, letter, kind) for letter in places}
            y = [places[letter] + 0.12 * (place - (len(known) - 1) / 2) for letter in places]
            bars = {
                "type": "data",
                "array": [error for _, error in values.values()],
                "thickness": width * theme.line_width,
                "width": 0 if width > 1 else 6,
                "color": colour,
            }
            points = dots(theme, labelled(label if several else "", name), [value for value, _ in values.values()], y, colour)
            data.append({**points, "error_x": bars, "showlegend": kind == "talk_bootstrap" or not several})
    levels = dict.fromkeys(recipe_of(found)["level"] for _, found in known)
    for shape, level in zip(("diamond-open", "square-open"), levels, strict=False):
        said = SAID[level]
        x = [said["b"][0] / said["a"][0], said["c"][0], said["d"][0]]
        marks = dots(theme, f"the talk, {level}", x, [0.3, 1.3, 2.3], theme.ink, symbol=shape)
        marks["marker"] = {**marks["marker"], "size": 4 * theme.line_width}
        data.append(marks)
    y_axis = axis(theme, "", range=[-0.5, 2.7], tickmode="array", tickvals=list(places.values()), ticktext=list(places))
    look = layout(theme, xaxis=axis(theme, "value"), yaxis=y_axis)
    first = known[0][1]
    named = dict(zip(first["letter"].values.astype(str), range(4), strict=True))
    said_here = [
        f"{letter} = {with_error(float(first['talk_value'][named[letter]]), float(first['talk_bootstrap'][named[letter]]))}"
        for letter in "abcd"
    ]
    look["annotations"] = note(theme, ["t = −x₁ (x₂ + c)(a − b Δη) sin(Δφ + d)", ", ".join(said_here)])
    return {"data": data, "layout": look}


def ratio(found: xr.Dataset, letter: str, kind: str) -> tuple[float, float]:
    """b/a, c or d of the four-parameter formula, with its error; that of the ratio from both, as if they were independent."""
    place = {name: at for at, name in enumerate(found["letter"].values.astype(str))}
    value, error = found["talk_value"].values.astype(float), found[kind].values.astype(float)
    if letter != "b/a":
        return float(value[place[letter]]), float(error[place[letter]])
    a, b = place["a"], place["b"]
    made = value[b] / value[a]
    return float(made), float(abs(made) * math.hypot(error[a] / value[a], error[b] / value[b]))


@figure
def formula_limits(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Expected intervals on f_T of 36 events, from the worst statistic to the best, with the share of information that each keeps."""
    _, found = runs[0]
    if "information" not in found.variables:
        raise Empty("Limits are worked out at the end of a search for the score at f_T = 0.")
    names = [str(name) for name in found["statistic"].values][::-1]
    inner, outer, share = (found[name].values[::-1].astype(float) for name in ("inner", "outer", "information"))
    edge = 60.0
    rows = np.arange(len(names))
    data: list[dict[str, Any]] = []
    for values, words, width, colour in ((outer, "95 %", 4.0, theme.colour(0)), (inner, "68 %", 8.0, theme.colour(1))):
        reach = np.where(np.isfinite(values), values, edge)
        ends = np.column_stack([-reach, reach, np.full(len(rows), np.nan)]).ravel()
        data.append(curve(theme, words, ends, np.repeat(rows, 3), theme.faint(colour, 0.75), width=width))
    labels = [f"{name}<br>{100 * part:.0f} %" for name, part in zip(names, share, strict=True)]
    y_axis = axis(theme, "", range=[-0.6, len(names) - 0.4], tickmode="array", tickvals=rows, ticktext=labels, showgrid=False)
    look = layout(theme, xaxis=axis(theme, "f<sub>T</sub> from 36 events [TeV⁻²]", range=[-45, 45]), yaxis=y_axis)
    return {"data": data, "layout": look}


FIGURES = {
    "hall_of_fame": Entry(
        "Hall of fame",
        hall_of_fame,
        FORMULA.name,
        "Each stair is a formula that no simpler one matches. Long stairs mean that nothing more is to be had for a few nodes: the formula "
        "before is the one to take.",
        "MSE = ⟨(t − f)²⟩",
        400,
    ),
    "formulas": Entry(
        "Formulas",
        formulas,
        FORMULA.name,
        "The best formula so far, by MSE/variance + parsimony · nodes, and the others of the hall of fame.",
        "s = MSE/σ² + parsimony · nodes",
        430,
    ),
    "annealing": Entry(
        "Taken and refused",
        annealing,
        FORMULA.name,
        "Better formulas are always taken, worse ones by chance while the temperature is high. When T falls to zero only better ones are.",
        "p = exp(−(s_new − s_old)/(α T s_old))",
        340,
    ),
    "formula_search": Entry(
        "Search",
        formula_search,
        REPORTS,
        "The MSE falls in jumps, one with every new idea. The best formula is not the most precise one: nodes have a price.",
        "MSE/σ² per generation",
        340,
    ),
    "formula_constants": Entry(
        "Constants beside the talk",
        formula_constants,
        FORMULA.name,
        "Thick: the error of the fit, as if all residuals had one width. Thin: from events drawn again. The tails of the score make the "
        "true error many times larger.",
        "t = −x₁ (x₂ + c)(a − b Δη) sin(Δφ + d)",
        380,
        finished=True,
    ),
    "formula_limits": Entry(
        "Expected limits",
        formula_limits,
        FORMULA.name,
        "From above: formulas that are too simple, the right one, the network, all that partons know. A wrong formula is not biased, it "
        "is only worth less. Percent: the share of the information.",
        "q(f_T) = −2 · 36 ⟨ln p(f|f_T)/p(f|0)⟩",
        430,
        finished=True,
    ),
}
