"""Distributions at a hypothesis that is dragged over the plane: p_T, Δφ and log r, learned with bands beside simulated or exact ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from workbench.families.inference.everywhere import error_of, nearest, share_of
from workbench.families.inference.product import INFERENCE_PRODUCT
from workbench.figures.drawing import Empty, Runs, axis, figure, labelled, layout, step_band, steps
from workbench.figures.entry import Entry
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, Theme

AT = {"pt1": ("p<sub>T</sub> of the harder jet [GeV]", [20.0, 400.0]), "dphi": ("Δφ, forward − backward jet", [-np.pi, np.pi])}


def _place(one: xr.Dataset, f_w: str, f_ww: str) -> tuple[dict[str, int], str]:
    """Where the known hypothesis that is nearest to θ stands, and that in words. Raises: Empty."""
    if "to_f_W" not in one.variables:
        raise Empty("This run was trained before hypotheses could be dragged; train it again.")
    place = {f"to_{name}": nearest(one[f"to_{name}"].values, float(text or 0)) for name, text in (("f_W", f_w), ("f_WW", f_ww))}
    values = [int(one[name][row]) for name, row in place.items()]
    words = "f<sub>W</sub> = {}, f<sub>WW</sub> = {} TeV⁻²".format(*values)
    return place, words.replace("-", "−")


def _at(name: str, runs: Runs, theme: Theme, f_w: str, f_ww: str) -> dict[str, Any]:
    """A distribution at a hypothesis: simulated, of the Standard Model, and of its events with the learned ratio."""
    data: list[dict[str, Any]] = []
    for place, (label, one) in enumerate(runs):
        at, words = _place(one, f_w, f_ww)
        edges = one[f"{name}_edges"].values.astype(float)
        low, high, width = edges[:-1], edges[1:], np.diff(edges)
        if place == 0:
            simulated = share_of(one[f"at_{name}_simulated"].isel(at).values) / width
            data.append(steps(theme, "SM", low, high, one[f"at_{name}_sm"].values / width, theme.muted, dash=SPREAD))
            data.append(steps(theme, f"simulated, {words}", low, high, simulated, theme.ink, dash=EXPECTED))
        mean, spread = share_of(one[f"at_{name}"].isel(at).values) / width, error_of(one[f"at_{name}_sigma"].isel(at).values) / width
        if spread.max() > 0:
            data.append(step_band(theme, "± σ<sub>stat</sub>", low, high, mean - spread, mean + spread, theme.colour(place)))
        data.append(steps(theme, labelled(label, "SM events × r̂"), low, high, mean, theme.colour(place)))
    title, ends = AT[name]
    y = axis(theme, f"density{' [1/GeV]' if name == 'pt1' else ''}", rangemode="tozero")
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, title, range=ends), yaxis=y)}


@figure
def pt_at_theta(runs: Runs, theme: Theme, *, f_w: str = "10", f_ww: str = "0") -> dict[str, Any]:
    """p_T of the harder jet at a hypothesis."""
    return _at("pt1", runs, theme, f_w, f_ww)


@figure
def dphi_at_theta(runs: Runs, theme: Theme, *, f_w: str = "10", f_ww: str = "0") -> dict[str, Any]:
    """Δφ of the jets at a hypothesis."""
    return _at("dphi", runs, theme, f_w, f_ww)


@figure
def log_ratio_at_theta(runs: Runs, theme: Theme, *, f_w: str = "10", f_ww: str = "0") -> dict[str, Any]:
    """How log r̂ is distributed under the Standard Model and under a hypothesis: how well the two are told apart."""
    data: list[dict[str, Any]] = []
    for place, (label, one) in enumerate(runs):
        at, words = _place(one, f_w, f_ww)
        low, high = one["at_log_ratio_ends"].isel(at).values.astype(float)
        middle, half = (low + high) / 2, max((high - low) / 2, 1e-6)
        edges = np.linspace(middle - half, middle + half, one.sizes["ratio_bin"] + 1)
        width = edges[1] - edges[0]
        learned, spread = share_of(one["at_log_ratio"].isel(at).values) / width, error_of(one["at_log_ratio_sigma"].isel(at).values) / width
        exact = share_of(one["at_log_ratio_true"].isel(at).values) / width
        left, right = edges[:-1], edges[1:]
        for row, (of, said, thick) in enumerate((("SM", "SM", 0.75), ("θ", f"θ: {words}", 1.0))):
            colour = theme.colour(2 * place + row)
            if place == 0:
                data.append(steps(theme, f"exact, {of}", left, right, exact[row], theme.ink, dash=EXPECTED, width=thick))
            if spread[row].max() > 0:
                around = learned[row] - spread[row], learned[row] + spread[row]
                data.append(step_band(theme, "± σ<sub>stat</sub>", left, right, *around, colour, showlegend=False))
            name = labelled(label, f"learned, {said}")
            data.append(steps(theme, name, left, right, learned[row], colour, dash=LEARNED, width=thick))
    x = axis(theme, "log r(x|θ)")
    return {"data": data, "layout": layout(theme, xaxis=x, yaxis=axis(theme, "density", rangemode="tozero"))}


HYPOTHESIS = {
    "pt_at_theta": Entry(
        "p_T at θ", pt_at_theta, INFERENCE_PRODUCT.name, "Events of the Standard Model, counted r̂ times, look as simulated at θ. Far "
        "away they lack hard jets: there are none to be counted.",
        "p(x|θ) = r(x|θ) p(x|0)", 380,
    ),
    "dphi_at_theta": Entry(
        "Δφ at θ", dphi_at_theta, INFERENCE_PRODUCT.name, "The same of the angle between the jets.", "p(x|θ) = r(x|θ) p(x|0)", 380,
    ),
    "log_ratio_at_theta": Entry(
        "log r at θ", log_ratio_at_theta, INFERENCE_PRODUCT.name, "The further the two are apart, the fewer events are needed.",
        "log r(x|θ) under θ and under 0", 380,
    ),
}  # fmt: skip
