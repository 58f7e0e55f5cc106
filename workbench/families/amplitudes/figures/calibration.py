"""Figures that test the error bars: coverage, the factor T, averaging over members."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.families.amplitudes.figures.uncertainty import pull_figure
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    band,
    bound,
    curve,
    events,
    figure,
    labelled,
    layout,
    number,
    two_panels,
    with_error,
    with_numbers,
)
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme
from workbench.results.calibration import descent
from workbench.results.coverage import coverage as covered_by
from workbench.results.members import expected_width, pull_widths
from workbench.results.pulls import pulls

ONE_SIGMA = 0.6827
DIFFERENCES = (2, 5, 10, 20, 40, 60, 100)  # %
WIDTHS = (1.25, 1.5, 2, 3, 5, 10, 20, 50)


@figure
def coverage(runs: Runs, theme: Theme, sigma: str = "") -> dict[str, Any]:
    """Fraction of the test events inside of the error bar against its nominal coverage, and the difference of both.

    sigma: "tot" or "syst"; by default both for one run and σ_tot for several.
    """
    parts = [sigma] if sigma else ["tot", "syst"] if len(runs) == 1 else ["tot"]
    rows = [(label, dataset, part) for label, dataset in runs for part in parts]
    upper, lower, widest = [], [], 0.0
    for index, (label, dataset, part) in enumerate(rows):
        c, at = covered_by(dataset, part), covered_by(dataset, part, [ONE_SIGMA])
        if not int(c["events"]):
            continue
        x, y, error = (100 * c[name].values for name in ("nominal", "covered", "error"))
        colour = theme.colour(index)
        measured = with_error(100 * float(at["covered"][0]), 100 * float(at["error"][0]))
        name = with_numbers(labelled(label, f"σ<sub>{part}</sub>"), f"68.3 % → {measured} %")
        dash = SPREAD if part == "syst" and not sigma else LEARNED
        shown = {"legendgroup": name}
        upper.append(curve(theme, name, x, y, colour, dash=dash, **shown))
        lower.append(band(theme, f"{name} ± statistical", x, y - x - error, y - x + error, colour, yaxis="y2", showlegend=False, **shown))
        lower.append(curve(theme, f"{name}, difference", x, y - x, colour, dash=dash, yaxis="y2", showlegend=False, **shown))
        widest = max(widest, float(np.max(np.abs(y - x) + error)))
    if not upper:
        raise Empty("No test event has a finite error bar yet.")
    upper.append(curve(theme, "calibrated", [0, 100], [0, 100], theme.ink, dash=EXPECTED))
    lower.append(curve(theme, "calibrated", [0, 100], [0, 0], theme.ink, dash=EXPECTED, yaxis="y2", showlegend=False))
    half = bound(widest, DIFFERENCES)
    above = axis(theme, "inside ± zσ [%]", range=[0, 100], dtick=20)
    below = axis(theme, "excess [%]", range=[-half, half])
    x_axis = axis(theme, "nominal coverage of N(⟨A⟩, σ) [%]", range=[0, 100], dtick=20)
    return {"data": upper + lower, "layout": two_panels(theme, x_axis, above, below)}


@figure
def calibration(runs: Runs, theme: Theme, start: float = 1.0) -> dict[str, Any]:
    """The systematic pull before and after T, and below the path of T by gradient descent on L_T with its closed form.

    T is fitted on the events shown; start: the T that the descent begins with.
    """
    rows, paths = [], []
    for index, (label, dataset) in enumerate(runs):
        before = pulls(dataset, "systematic", calibrated=False)
        if not np.isfinite(before.values).any():
            continue
        path, colour = descent(dataset, start, calibrated=False), theme.colour(2 * index + 1 if len(runs) == 1 else index)
        best = float(path["closed_form"])
        after = (before / best).assign_attrs(before.attrs)
        rows += [(labelled(label, "σ<sub>syst</sub>"), before, "")] if len(runs) == 1 else []
        rows.append((labelled(label, f"T σ<sub>syst</sub>, T = {best:.3f}"), after, ""))
        steps, t = path["step"].values, path["temperature"].values
        shown = {"xaxis": "x2", "yaxis": "y2"}
        paths.append(curve(theme, labelled(label, "descent on L<sub>T</sub>"), steps, t, colour, showlegend=len(runs) == 1, **shown))
        closed = labelled(label, "closed form √⟨t²⟩")
        paths.append(curve(theme, closed, steps[[0, -1]], [best] * 2, colour, dash=EXPECTED, showlegend=len(runs) == 1, **shown))
    if not rows:
        raise Empty("No pull is finite yet.")
    drawn = pull_figure(rows, theme, "t<sub>syst</sub> = (⟨A⟩ − A<sub>train</sub>) / σ")
    values = np.concatenate([trace["y"] for trace in paths])
    log = values.max() > 20 * values.min()
    ends = [values.min() / 1.2, values.max() * 1.2] if log else [0.0, 1.15 * float(values.max())]
    x2 = axis(theme, "step of the descent", range=[0, float(max(trace["x"][-1] for trace in paths)) / (1 if log else 4)], anchor="y2")
    y2 = axis(theme, "T", log=log, range=ends, domain=[0, 0.3], anchor="x2")
    look = drawn["layout"]
    look["yaxis"] |= {"domain": [0.5, 1]}
    look["xaxis"] |= {"anchor": "y"}
    return {"data": drawn["data"] + paths, "layout": look | {"xaxis2": x2, "yaxis2": y2}}


@figure
def members(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Width of t_syst for ⟨A⟩ of n members, with √(ρ + (1 − ρ)/n) from the measured correlation ρ of their residuals."""
    data, highest, most = [], 1.0, 2
    for index, (label, dataset) in enumerate(runs):
        try:
            w = pull_widths(dataset)
        except ValueError as reason:
            raise Empty(str(reason)) from reason
        n, width, error, colour = w["members"].values.astype(float), w["width"].values, w["error"].values, theme.colour(index)
        if not np.isfinite(width).any():
            continue
        name = with_numbers(label or events(int(n[-1]), "member"), f"width {width[0]:.2f} → {width[-1]:.2f}")
        data.append(band(theme, "± statistical error", n, width - error, width + error, colour, showlegend=len(runs) == 1))
        marker = {"color": colour, "size": 4 * theme.line_width}
        data.append({"type": "scatter", "mode": "markers", "name": name, "x": n, "y": width, "marker": marker})
        rho, fine = float(w["correlation"]), np.geomspace(1, n[-1], 61)
        expected = labelled(label, f"√(ρ + (1 − ρ)/n), ρ = {number(rho)}")
        data.append(curve(theme, expected, fine, expected_width(fine, rho, float(w["expected"][0])), colour, dash=EXPECTED))
        highest, most = max(highest, float(np.nanmax(width + error))), max(most, int(n[-1]))
    if not data:
        raise Empty("No pull is finite yet.")
    data.append(curve(theme, "N(0,1)", [1, most], [1, 1], theme.ink, dash=EXPECTED, width=0.75))
    ticks = [2**k for k in range(int(np.log2(most)) + 1)]
    x_axis = axis(theme, "members n in ⟨A⟩", log=True, range=[0.9, most * 1.1])
    x_axis |= {"tickmode": "array", "tickvals": ticks, "ticktext": [str(tick) for tick in ticks], "tickfont": {}, "minor": {"ticks": ""}}
    y_axis = axis(theme, "width of t<sub>syst</sub>", range=[0, bound(1.05 * highest, WIDTHS)])
    return {"data": data, "layout": layout(theme, xaxis=x_axis, yaxis=y_axis)}
