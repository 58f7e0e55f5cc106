"""What ships with the package, as grey ghosts behind what is trained here and now."""

from __future__ import annotations

from typing import Any

from workbench.figures.drawing import key, ticks_of_log
from workbench.figures.theme import Theme

FAINT = 0.45
"""Opacity of a shipped map, until the first one of one's own covers it."""

TICKS = ("tickmode", "tickvals", "ticktext", "tickfont", "dtick", "minor")


def over(shipped: dict[str, Any], own: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """One's own figure over the shipped one, on axes that hold both; before anything of one's own is there, the shipped one alone."""
    begun = bool(own["data"])
    grey = [ghost(trace, theme) for trace in shipped["data"] if trace.get("meta") != "key" and not (begun and "z" in trace)]
    if not begun:
        layout = {name: value for name, value in shipped["layout"].items() if name != "annotations"}
        return {**own, "data": [*grey, named(theme)], "layout": {**layout, "uirevision": own["layout"].get("uirevision")}}
    both = [*grey, *own["data"], *([named(theme)] if grey else [])]
    return {**own, "data": both, "layout": shared(own["layout"], shipped["layout"], theme)}


def named(theme: Theme) -> dict[str, Any]:
    """The entry of the legend for all that is grey."""
    return key(theme, "shipped", colour=theme.muted)


def ghost(trace: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """A trace in grey, of which the legend says nothing."""
    quiet = {**trace, "name": f"shipped: {trace.get('name', '')}", "showlegend": False, "legendgroup": "shipped", "hoverinfo": "skip"}
    if "z" in trace:
        return {**quiet, "opacity": FAINT, "showscale": False}
    grey = theme.faint(theme.muted, 0.6)
    for part in ("line", "marker", "error_x", "error_y"):
        if part in trace:
            quiet[part] = {**trace[part], "color": grey}
    return quiet | ({"fillcolor": theme.faint(theme.muted, 0.15)} if "fillcolor" in trace else {})


def shared(own: dict[str, Any], shipped: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """One's own layout, with ranges that hold the shipped curves too, and labels all along them."""
    axes = {}
    for name, axis in own.items():
        other = shipped.get(name)
        if name[1:5] == "axis" and other and "range" in axis and "range" in other and axis.get("type") == other.get("type"):
            (low, high), (lowest, highest) = axis["range"], other["range"]
            wider = axis if high - low >= highest - lowest else other  # its ticks go farther
            ends, ticks = [min(low, lowest), max(high, highest)], {tick: wider[tick] for tick in TICKS if tick in wider}
            if axis.get("type") == "log" and ends != wider["range"] and "0" not in ticks.get("ticktext", ()):
                ticks = ticks_of_log(theme, 10 ** ends[0], 10 ** ends[1])
            axes[name] = {**{part: value for part, value in axis.items() if part not in TICKS}, **ticks, "range": ends}
    return {**own, **axes}
