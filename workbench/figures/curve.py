"""The figure of fitted curves: points, the curve with both error bars, and the truth where it is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.figures.drawing import Empty, Runs, axis, band, curve, figure, layout
from workbench.figures.theme import EXPECTED, Theme

MOST_DRAWS = 12
MOST_MARKERS = 1_000


@figure
def fitted_curve(runs: Runs, theme: Theme, truth: Callable[[np.ndarray], np.ndarray] | None = None, draws: bool = False) -> dict[str, Any]:
    """⟨y⟩ ± σ_stat and ± σ_tot of each fit in a panel of its own, with its points; `draws` shows some of the networks instead of σ_stat.

    Takes what `CurveFit.predict` returns; truth: ⟨y⟩ as a function of x.
    """
    if any("data_x" not in dataset.variables for _, dataset in runs):
        raise Empty("This figure draws fitted curves, which fit_curve(x, y).predict(x) returns.")
    data: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    y_ends = _ends(runs)
    for place, (label, dataset) in enumerate(runs):
        tag = "" if place == 0 else str(place + 1)
        on = {"xaxis": f"x{tag}", "yaxis": f"y{tag}", "showlegend": place == 0}
        dataset = dataset.sortby("x")
        x, mean, stat, total = (dataset[name].values.astype(float) for name in ("x", "mean", "sigma_stat", "sigma_tot"))
        every = -(-dataset.sizes["point"] // MOST_MARKERS)
        dots = {"color": theme.muted, "size": 1.2 * theme.line_width, "opacity": 0.6}
        points = {"x": dataset["data_x"].values[::every], "y": dataset["data_y"].values[::every]}
        data.append({"type": "scatter", "mode": "markers", "name": "data", **points, "marker": dots, **on})
        data.append(band(theme, "± σ<sub>tot</sub>", x, mean - total, mean + total, theme.colour(0), **on))
        if draws:
            for number, row in enumerate(dataset["draws"].values[:MOST_DRAWS]):
                shown = on | {"showlegend": on["showlegend"] and number == 0, "legendgroup": "draws"}
                data.append(curve(theme, "single networks", x, row, theme.faint(theme.colour(1), 0.7), width=0.4, **shown))
        elif (stat > 0).any():
            data.append(band(theme, "± σ<sub>stat</sub>", x, mean - stat, mean + stat, theme.colour(1), **on))
        data.append(curve(theme, "⟨y⟩", x, mean, theme.colour(0), **on))
        if truth is not None:
            data.append(curve(theme, "truth", x, truth(x), theme.ink, dash=EXPECTED, width=0.7, **on))
        width = 1 / len(runs)
        ends = [place * width + (0.015 if place else 0), (place + 1) * width - (0.015 if place + 1 < len(runs) else 0)]
        axes[f"xaxis{tag}"] = axis(theme, "x", range=[x[0], x[-1]], domain=ends, anchor=f"y{tag}", nticks=6)
        axes[f"yaxis{tag}"] = axis(theme, "" if place else "y", range=y_ends, anchor=f"x{tag}", showticklabels=not place)
        inside = {"showarrow": False, "xref": "paper", "yref": "paper", "x": ends[0] + 0.01, "xanchor": "left", "y": 0.99, "yanchor": "top"}
        notes.append({"text": label, "bgcolor": theme.faint(theme.paper, 0.7), **inside})
    return {"data": data, "layout": layout(theme, **axes) | {"annotations": notes if len(runs) > 1 else []}}


def _ends(runs: Runs) -> list[float]:
    """The range of all points, with half of it below and above."""
    y = np.concatenate([dataset["data_y"].values.astype(float) for _, dataset in runs])
    low, high = float(y.min()), float(y.max())
    return [low - 0.5 * (high - low), high + 0.5 * (high - low)]
