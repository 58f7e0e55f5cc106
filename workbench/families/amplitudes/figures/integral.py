"""The figure of the total cross section with the error bars that it may have."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.figures.drawing import Empty, Runs, axis, bound, curve, events, figure, labelled, layout, percent, with_numbers
from workbench.figures.theme import EXPECTED, Theme
from workbench.results.integral import PARTS
from workbench.results.integral import integral as integrated

HALF_RANGES = [digit * 10.0**power for power in range(-6, 3) for digit in (1, 1.5, 2, 3, 5, 7)]
"""Half the width of the axis [%]."""
WORDS = {
    "sigma_stat": "σ<sub>stat</sub>,<br>draw by draw",
    "sigma_stat_naive": "σ<sub>stat</sub>, points<br>independent",
    "sigma_syst_independent": "σ<sub>syst</sub>, points<br>independent",
    "sigma_syst_together": "σ<sub>syst</sub>, points<br>together",
}


@figure
def integral(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The sum of ⟨A⟩ over the test events against that of A, in per cent, with each of its error bars and, as dots, the single draws."""
    data, widest = [], 0.0
    places = np.arange(len(PARTS), dtype=float)[::-1]
    for index, (label, dataset) in enumerate(runs):
        try:
            found = integrated(dataset)
        except ValueError as reason:
            raise Empty(str(reason)) from reason
        colour, y = theme.colour(index), places + 0.18 * ((len(runs) - 1) / 2 - index)
        centre, error = 100 * (float(found["value"]) - 1), np.array([100 * float(found[part]) for part in PARTS])
        draws = 100 * (found["draws"].values - 1)
        numbers = f"{centre:+.3g} % ± {percent(float(found['sigma_stat']))} ± {percent(float(found['sigma_syst_independent']))}"
        name = with_numbers(label or events(found.attrs["points"], "test event"), numbers.replace("-", "−"))
        bars = {"type": "data", "array": error, "thickness": theme.line_width, "width": 5 * theme.line_width, "color": colour}
        marker = {"color": colour, "size": 4 * theme.line_width}
        shown = {"type": "scatter", "mode": "markers"}
        data.append({**shown, "name": name, "x": np.full(len(y), centre), "y": y, "error_x": bars, "marker": marker})
        if len(draws) > 1:
            dots = {"color": theme.faint(colour, 0.5), "size": 2 * theme.line_width}
            single: dict[str, Any] = {"x": draws, "y": np.full(len(draws), y[0] - 0.25), "marker": dots, "showlegend": len(runs) == 1}
            data.append({**shown, "name": labelled(label, f"{len(draws)} draws"), **single})
        widest = max(widest, float(np.max(np.abs(centre) + error)), float(np.max(np.abs(draws))))
    data.append(curve(theme, "exact, same events", [0, 0], [-0.5, len(PARTS) - 0.5], theme.ink, dash=EXPECTED))
    half = bound(1.1 * widest, HALF_RANGES)
    x_axis = axis(theme, "(σ − σ<sub>exact</sub>) / σ<sub>exact</sub> [%]", range=[-half, half])
    ticks = {"tickmode": "array", "tickvals": places.tolist(), "ticktext": [WORDS[part] for part in PARTS]}
    y_axis = axis(theme, "", range=[-0.5, len(PARTS) - 0.5], **ticks)
    return {"data": data, "layout": layout(theme, xaxis=x_axis, yaxis=y_axis)}
