"""Learned densities of toys and of own points: maps with their errors, and what the errors do along a line and from run to run."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from workbench.families.generators.generated import (
    line,
    no_spread,
    outside,
    slope,
)
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    curve,
    decades,
    dots,
    events,
    figure,
    key,
    labelled,
    layout,
    note,
    number,
    outside_words,
    two_panels,
    with_numbers,
)
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme
from workbench.physics.datasets.known import FAMILIES, TOYS
from workbench.results.prediction import recipe_of

MOST_MAPS = 4
MOST_DOTS = 800
CLIPPED = 0.1
"""Share of the plane, where there are events, that has the last colour: hard edges, whose spread would outshine all others."""
UNSEEN = 1e-3
"""The part of a colour scale that is as white as the paper."""
VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")


@figure
def density_map(runs: Runs, theme: Theme, truth: bool = True) -> dict[str, Any]:
    """p(x, y) in the plane, averaged over the draws, as a map for each run; `truth` puts the true density beside it.

    Own points have no formula: a map of counted events stands for it.
    """
    found = _maps(runs)
    panels = [(label or "learned p", dataset, dataset["map_mean"].values) for _, label, dataset in found[: MOST_MAPS - truth]]
    first = found[0][2]
    if truth and "map_truth" in first.variables:
        panels.append(("true p", first, first["map_truth"].values))
    elif truth and "map_counted" in first.variables:
        counted = first[["map_counted"]].rename(count_x="map_x", count_y="map_y")
        number = events(int(counted["map_counted"].attrs.get("events", 0)), "event")
        panels.append((f"true p unknown: {number} counted", counted, counted["map_counted"].values))
    high = float(np.nanquantile(np.concatenate([_density_of(dataset).ravel() for *_, dataset in found]), 0.999))
    drawn = row_of_maps(panels, theme, "p(x, y)", high)
    drawn["layout"]["annotations"] += note(theme, _outside_map(first))
    return drawn


@figure
def cloud(runs: Runs, theme: Theme) -> dict[str, Any]:
    """p(x, y) as learned and as it is, and new events as points, in the same plane and scale; of the first run that has them."""
    place, _, dataset = _maps(runs)[0]
    panels = [("learned p", dataset, dataset["map_mean"].values)]
    if "map_truth" in dataset.variables:
        panels.append(("true p", dataset, dataset["map_truth"].values))
    high = float(np.nanquantile(_density_of(dataset), 0.999))
    kept = [dataset[name].values for name in ("cloud", "samples") if name in dataset.variables]
    if not kept or kept[0].shape[-1] != 2:  # older snapshots kept no events
        return row_of_maps(panels, theme, "p(x, y)", high)
    drawn = row_of_maps([*panels, ("new events", dataset, np.full_like(dataset["map_mean"].values, np.nan))], theme, "p(x, y)", high)
    empty = drawn["data"].pop()  # it has made a frame like the others
    x, y = kept[0][:MOST_DOTS].T
    points = dots(theme, "new events", x, y, theme.colour(place), xaxis=empty["xaxis"], yaxis=empty["yaxis"], opacity=0.6)
    small = points["marker"] | {"size": 1.4 * theme.line_width}
    return {**drawn, "data": [*drawn["data"], {**points, "marker": small, "hoverinfo": "skip"}]}


def _density_of(dataset: xr.Dataset) -> np.ndarray:
    """The true density on the grid of a map where it is known, otherwise the learned one."""
    return dataset["map_truth" if "map_truth" in dataset.variables else "map_mean"].values.astype(float)


def _outside_map(dataset: xr.Dataset) -> list[str]:
    """What share of own points lies outside of their map."""
    if "map_truth" in dataset.variables:
        return []
    lost = {name: sum(outside(dataset, name)) for name in ("x", "y") if f"edges_{name}" in dataset.variables}
    return [f"{number(100 * share)} % outside in {name}" for name, share in lost.items() if outside_words(0.0, share)]


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
        raise Empty(no_spread(runs[0][1]))
    where = [_density_of(dataset) > 0.05 * np.nanmax(_density_of(dataset)) for _, dataset, _ in panels]
    values = np.concatenate([z[here & np.isfinite(z)] for here, (*_, z) in zip(where, panels, strict=True)])
    return row_of_maps(panels, theme, "σ/p [%]" if relative else "σ(x, y)", float(np.quantile(values, 1 - CLIPPED)) if values.size else 1.0)


def row_of_maps(
    panels: list[tuple[str, xr.Dataset, np.ndarray]],
    theme: Theme,
    title: str,
    highest: float,
    names: tuple[str, ...] = ("map_x", "map_y", "x", "y"),
) -> dict[str, Any]:
    """Maps side by side on one colour scale that ends at `highest`; `names` of the coordinates, and what stands at the axes.

    Where both coordinates mean the same, as those of a toy do, they have one scale.
    """
    true_scale = names[0] != "map_x" or panels[0][1].attrs.get("dataset") in TOYS
    panels, data, axes, notes = panels[:MOST_MAPS], [], {}, []
    width = 1 / len(panels)
    above = {"showarrow": False, "x": 0.5, "xanchor": "center", "y": 1, "yanchor": "bottom"}
    for place, (name, dataset, z) in enumerate(panels):
        tag = "" if place == 0 else str(place + 1)
        ends = [place * width + (0.02 if place else 0), (place + 1) * width - (0.02 if place + 1 < len(panels) else 0)]
        x, y = (dataset[name].values.astype(float) for name in names[:2])
        data.append(
            {
                "type": "heatmap", "name": name, "x": x, "y": y, "z": np.asarray(z, dtype=float), "coloraxis": "coloraxis",
                "xaxis": f"x{tag}", "yaxis": f"y{tag}",
                "hovertemplate": f"{names[2]} = %{{x:.3g}}, {names[3]} = %{{y:.3g}}: %{{z:.3g}}<extra>{name}</extra>",
            }
        )  # fmt: skip
        frame = {"showgrid": False, "nticks": 5} | ({"constrain": "domain"} if true_scale else {})
        axes[f"xaxis{tag}"] = axis(
            theme,
            names[2],
            domain=ends,
            anchor=f"y{tag}",
            range=[x[0], x[-1]],
            **frame,
            **({"scaleanchor": f"y{tag}"} if true_scale else {}),
        )
        matched = {"matches": "y", "showticklabels": False} if place else {}
        axes[f"yaxis{tag}"] = axis(theme, "" if place else names[3], anchor=f"x{tag}", range=[y[0], y[-1]], **frame, **matched)
        notes.append({"text": name, "xref": f"x{tag} domain", "yref": f"y{tag} domain", **above})
    below = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "thickness": 0.7 * theme.font_size, "nticks": 5}
    bar = {"title": {"text": title, "side": "bottom"}, "outlinewidth": 0, "exponentformat": "power", **below}
    scale = [[0, theme.paper], [UNSEEN, theme.paper], [UNSEEN, VIRIDIS[0]], *([k / 8, VIRIDIS[k]] for k in range(1, 9))]
    colours = {"colorscale": scale, "cmin": 0, "cmax": highest if highest > 0 else 1.0, "colorbar": bar}
    drawn = layout(theme, **axes) | {"coloraxis": colours, "annotations": notes, "showlegend": False}
    return {"data": data, "layout": drawn | {"margin": {"l": 10, "r": 12, "t": 12 + 2 * theme.font_size, "b": 7 * theme.font_size}}}


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
        nearness = ((found.best, "of a fit"), ("counting", "of √p"))
        chi2 = ", ".join(f"{number(found.chi2[family])} {words}" for family, words in nearness if family in found.fits)
        name = with_numbers(label, f"χ² {chi2}") if several else "spread of the networks"
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
            told = with_numbers(words, f"χ² {number(found.chi2[family])} for {inside.sum()} points")
            shade = colour if several else theme.colour(tint)
            x, fitted = found.x[inside], found.fits[family].curve
            upper.append(curve(theme, told, x, fitted, shade, dash=dash, showlegend=not several))
            with np.errstate(all="ignore"):
                share = 100 * fitted / found.density[inside]
            lower.append(curve(theme, told, x, share, shade, dash=dash, yaxis="y2", log=True, showlegend=False))
    if not upper:
        raise Empty(reasons[0] if reasons else "No density is finite yet.")
    if several:
        upper += [key(theme, words, dash=dash) for words, dash in (("spread", LEARNED), ("best fit", EXPECTED), ("counting √p", SPREAD))]
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
            told = f"{text} ∝ N<sup>{power:z.2f}</sup>".replace("-", "−") if np.isfinite(power) else text
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
    """The runs with maps of the same toy, or file, as the first of them: maps of others have other axes and colours."""

    def about(dataset: xr.Dataset) -> tuple[Any, Any]:
        return dataset.attrs.get("dataset"), recipe_of(dataset).get("file", "")

    found = [(place, label, dataset) for place, (label, dataset) in enumerate(runs) if "map_mean" in dataset.variables]
    found = [one for one in found if about(one[2]) == about(found[0][2])]
    if not found:
        if any(dataset.attrs.get("dataset") in TOYS for _, dataset in runs):
            raise Empty("This run was trained on own points before these had a map; train its recipe once more.")
        raise Empty("Only densities in the plane have a map; collisions have too many dimensions.")
    if not any(np.isfinite(dataset["map_mean"].values).any() for *_, dataset in found):
        raise Empty("No density is finite yet.")
    return found
