"""Figures of jets themselves: their average images, and the constituents of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.families.taggers.choice import ANGLE_UNIT, PT_UNIT, place_of
from workbench.families.taggers.product import TAGGER_PRODUCT
from workbench.figures.drawing import Empty, Runs, axis, curve, dots, figure, layout, note
from workbench.figures.entry import Entry
from workbench.figures.theme import EXPECTED, Theme
from workbench.results.prediction import recipe_of

AT_THE_END = "Jets are shown when the training has finished."
KINDS = ("QCD", "top")
REACH, RADIUS = 1.0, 0.8
LARGEST = 42.0
"""Pixels of the hardest constituent."""


@figure
def average_images(runs: Runs, theme: Theme) -> dict[str, Any]:
    """Shares of p_T of all QCD jets and of all top jets, centred, rotated and flipped."""
    _, one = runs[0]
    if "average_image" not in one.variables:
        raise Empty(AT_THE_END)
    images = np.log10(np.maximum(one["average_image"].values.astype(float), 1e-6))
    places = (np.arange(images.shape[1]) + 0.5) * 2 * REACH / images.shape[1] - REACH
    data, notes, axes = [], [], {}
    for kind, name in enumerate(KINDS):
        end = "" if kind == 0 else "2"
        data.append(
            {
                "type": "heatmap", "name": f"{name} jets", "x": places, "y": places, "z": images[kind], "coloraxis": "coloraxis",
                "xaxis": f"x{end}", "yaxis": f"y{end}", "hovertemplate": "%{x:.2f}, %{y:.2f}: 10<sup>%{z:.1f}</sup><extra></extra>",
            }
        )  # fmt: skip
        domain = [0.0, 0.485] if kind == 0 else [0.515, 1.0]
        frame: dict[str, Any] = {"showgrid": False, "range": [-REACH, REACH], "nticks": 5, "constrain": "domain"}
        axes[f"xaxis{end}"] = axis(theme, "u, across the main axis", domain=domain, anchor=f"y{end}", scaleanchor=f"y{end}", **frame)
        title = "v, along the main axis" if kind == 0 else ""
        axes[f"yaxis{end}"] = axis(theme, title, anchor=f"x{end}", showticklabels=kind == 0, **frame)
        notes.append(
            {
                "text": f"{name} jets", "showarrow": False, "xref": f"x{end} domain", "yref": f"y{end} domain", "x": 0.5, "y": 1.02,
                "xanchor": "center", "yanchor": "bottom", "font": {"size": theme.font_size},
            }
        )  # fmt: skip
    bar = {
        "title": {"text": "share of p<sub>T</sub>", "side": "bottom"}, "outlinewidth": 0, "thickness": 0.7 * theme.font_size,
        "tickvals": [-5, -4, -3, -2, -1], "ticktext": ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1"],
        "orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom",
    }  # fmt: skip
    look = layout(theme, **axes) | {"showlegend": False, "annotations": notes}
    look["margin"] = {"l": 4 * theme.font_size, "r": 12, "t": 2 * theme.font_size, "b": 7 * theme.font_size}
    colours = {"colorscale": "Viridis", "cmin": -5.0, "cmax": float(images.max()), "colorbar": bar}
    return {"data": data, "layout": look | {"coloraxis": colours}}


@figure
def one_jet(runs: Runs, theme: Theme, *, jet: str = "") -> dict[str, Any]:
    """The constituents of a jet in (Δη, Δφ), as large as their p_T, with what the network says of it."""
    _, one = runs[0]
    if "constituent_pt" not in one.variables:
        raise Empty(AT_THE_END)
    row = place_of(jet, one.sizes["shown"])
    units = {"pt": PT_UNIT, "eta": ANGLE_UNIT, "phi": ANGLE_UNIT}
    pt, eta, phi = (one[f"constituent_{name}"].values[row].astype(float) * unit for name, unit in units.items())
    seen = int(recipe_of(one).get("constituents", len(pt)))
    there = pt > 0
    order = np.arange(len(pt))
    data = []
    size = LARGEST * np.sqrt(pt / max(float(pt.max()), 1e-9))
    for name, chosen, colour in (
        (f"the {min(seen, int(there.sum()))} hardest: what is seen", there & (order < seen), theme.colour(int(one["label"].values[row]))),
        ("softer ones", there & (order >= seen), theme.muted),
    ):
        if chosen.any():
            marks = dots(theme, name, eta[chosen], phi[chosen], colour)
            marks["marker"] = {**marks["marker"], "size": np.maximum(size[chosen], 2.5).tolist(), "opacity": 0.6}
            text = [f"p<sub>T</sub> = {value:.1f} GeV" for value in pt[chosen]]
            data.append(marks | {"text": text, "hovertemplate": "%{text}<extra></extra>"})
    angle = np.linspace(0, 2 * np.pi, 121)
    data.append(curve(theme, "R = 0.8", RADIUS * np.cos(angle), RADIUS * np.sin(angle), theme.ink, dash=EXPECTED, width=0.75))
    mu, sigma, z, width = (float(one[name].values[row]) for name in ("mu", "sigma", "mu_logit", "sigma_logit_each"))
    told = [
        f"jet {row}: {KINDS[int(one['label'].values[row])]}, m = {float(one['mass'].values[row]):.0f} GeV, {int(there.sum())} shown",
        f"p(top) = {mu:.3f}"
        + (f" ± {sigma:.3f}" if sigma > 0 else "")
        + f", z = {z:.1f}".replace("-", "−")
        + (f" ± {width:.1f}" if width > 0 else ""),
        _why(mu, width, int(one["label"].values[row])),
    ]
    reach = {"range": [-0.9, 0.9], "nticks": 5, "constrain": "domain"}
    look = layout(theme, xaxis=axis(theme, "Δη", scaleanchor="y", **reach), yaxis=axis(theme, "Δφ", **reach))
    return {"data": data, "layout": look | {"annotations": note(theme, told)}}


def _why(mu: float, width: float, label: int) -> str:
    """What the numbers say together."""
    if 0.2 < mu < 0.8:
        return "undecided: jets of both kinds look like this" if width < 0.5 else "undecided, and another training would say something else"
    right = (mu > 0.5) == (label == 1)
    return "decided, and right" if right else "decided, and wrong: it looks like the other kind"


PICTURES = {
    "average_images": Entry(
        "Average images",
        average_images,
        TAGGER_PRODUCT.name,
        "Tops have three prongs, QCD jets one: after centring, rotation and flips it is seen with bare eyes.",
        "pixel = Σ p_T/p_T,jet",
        400,
        finished=True,
    ),
    "one_jet": Entry(
        "One jet",
        one_jet,
        TAGGER_PRODUCT.name,
        "What the network sees of a jet, and what it says. Click one on the arc, undecided ones first; or move the slider.",
        "p_T,i at (Δη_i, Δφ_i)",
        460,
        finished=True,
    ),
}
