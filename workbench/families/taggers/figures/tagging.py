"""Figures of Taggers: how well jets are told apart, how sure networks are, and whether they are right to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from workbench.families.taggers.choice import SHIFTS
from workbench.families.taggers.measures import Roc, arc_ratio
from workbench.families.taggers.product import TAGGER_PRODUCT
from workbench.families.taggers.published import ELSEWHERE, OURS, PUBLISHED
from workbench.figures.drawing import (
    Empty,
    Runs,
    axis,
    band,
    curve,
    dots,
    figure,
    key,
    labelled,
    layout,
    number,
    steps,
    two_panels,
    with_error,
    with_numbers,
)
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.theme import EXPECTED, LEARNED, SPREAD, VALIDATED, Theme
from workbench.figures.training import loss_curves, step_axis, with_marks
from workbench.results.prediction import recipe_of
from workbench.training.recipe import wording

MOST, MOVED = 1_000, 150
"""Jets that a scatter shows, and of each kind those whose way is shown."""
KINDS = ("QCD", "top")
MU, SIGMA = "μ = ⟨p(top)⟩", "σ"


def _column(one: xr.Dataset, name: str) -> np.ndarray:
    return one[name].values.astype(float)


NO_ERROR_BARS = "One network has no error bars: choose a Bayesian last layer or an ensemble under Error bars."


@figure
def tagger_learning(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The cross-entropy of jets that are learned from and of those that watch, against the step; below KL/N, where weights have widths."""
    upper, lower = loss_curves(runs, theme, "unseen jets"), []
    for place, (label, reports) in enumerate(runs):
        if reports.sizes.get("step", 0) and np.nanmax(kl := _column(reports, "kl"), initial=0) > 0:
            colour = theme.colour(place if len(runs) > 1 else 2)
            lower.append(curve(theme, labelled(label, "w KL/N"), _column(reports, "step"), kl, colour, dash=LEARNED, yaxis="y2", log=True))
    known = np.concatenate([one["y"][np.isfinite(one["y"])] for one in upper])
    low, high = np.quantile(known, [0.002, 0.99]) if known.size else (0.1, 0.7)
    x, y = step_axis(runs, theme), axis(theme, "cross-entropy [nat]", range=[max(0.0, float(low) - 0.05), float(high) + 0.05])
    if not lower:
        return with_marks({"data": upper, "layout": layout(theme, xaxis=x, yaxis=y)}, runs, theme)
    values = np.concatenate([one["y"][np.isfinite(one["y"])] for one in lower])
    below = axis(theme, "KL/N [nat]", log=True, range=[max(values.min() / 2, values.max() / 1e4), 2 * values.max()], labels=2)
    return with_marks({"data": upper + lower, "layout": two_panels(theme, x, y, below)}, runs, theme)


@figure
def tagger_quality(runs: Runs, theme: Theme) -> dict[str, Any]:
    """AUC and 1/ε_B(0.5) of jets that watch, while the network learns."""
    upper, lower = [], []
    for place, (label, reports) in enumerate(runs):
        if "validation_auc" not in reports.variables:
            continue
        step, colour = _column(reports, "step"), theme.colour(place)
        auc = _column(reports, "validation_auc")
        here = np.isfinite(auc)
        now = f"AUC {auc[here][-1]:.4f} now" if here.any() else ""
        name = with_numbers(labelled(label, "unseen jets"), now)
        upper.append(curve(theme, name, step[here], auc[here], colour, dash=VALIDATED, legendgroup=name))
        if "validation_rejection" in reports.variables:
            kept = _column(reports, "validation_rejection")
            here = np.isfinite(kept)
            lower.append(
                curve(theme, name, step[here], kept[here], colour, dash=VALIDATED, yaxis="y2", log=True, legendgroup=name, showlegend=False)
            )
    if not upper:
        raise Empty("The first validation comes after some steps.")
    least = min(float(one["y"].min(initial=0.9)) for one in upper)
    top = axis(theme, "AUC", range=[max(0.4, min(least, 0.9) - 0.01), 1.0])
    values = np.concatenate([one["y"][np.isfinite(one["y"])] for one in lower]) if lower else np.array([])
    ends = [2.0, float(max(100.0, 2 * values.max(initial=1.0)))]
    below = axis(theme, "1/ε<sub>B</sub>(0.5)", log=True, range=ends, labels=3)
    return with_marks({"data": upper + lower, "layout": two_panels(theme, step_axis(runs, theme), top, below, share=0.4)}, runs, theme)


@figure
def scores(runs: Runs, theme: Theme) -> dict[str, Any]:
    """How p is distributed for QCD jets and for top jets."""
    data, several = [], len(runs) > 1
    for place, (label, one) in enumerate(runs):
        counts = _column(one, "histogram")
        edges = np.linspace(0, 1, counts.shape[1] + 1)
        for kind, name in enumerate(KINDS):
            density = counts[kind] / max(1.0, counts[kind].sum()) * counts.shape[1]
            colour, dash = (theme.colour(place), SPREAD if kind == 0 else LEARNED) if several else (theme.colour(kind), LEARNED)
            data.append(steps(theme, labelled(label, f"{name} jets"), edges[:-1], edges[1:], density, colour, dash=dash, log=True))
    y = axis(theme, "jets, normalised", log=True, range=[3e-3, 50.0])
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, MU, range=[0, 1]), yaxis=y)}


@figure
def tagger_roc(runs: Runs, theme: Theme) -> dict[str, Any]:
    """1/ε_B against ε_S with the spread over networks and the error of a finite test set, the jet mass alone, and published points.

    Of several taggers also that of their mean logit.
    """
    data = []
    for place, (label, one) in enumerate(runs):
        signal, left, colour = _column(one, "signal"), _column(one, "background"), theme.colour(place)
        others = max(1.0, float((one["label"].values == 0).sum()) * float(one.attrs.get("tested", one.sizes["event"])) / one.sizes["event"])
        good = (left > 0.5 / others) & (signal > 0)
        signal, left = signal[good], left[good]
        spread = _column(one, "background_sigma_log")[good]
        area = f"AUC {with_error(float(one['auc']), float(one['auc_error']))}"
        at_half = f"1/ε<sub>B</sub>(0.5) = {with_error(float(one['rejection_50']), float(one['rejection_50_error']))}"
        name = with_numbers(labelled(label, "network" if not spread.any() else "networks, ROC of μ"), area, at_half)
        if len(runs) == 1:
            binomial = 1 / np.sqrt(np.maximum(left * others, 1.0))
            data.append(
                band(theme, f"± {others:,.0f} background jets", signal, np.exp(-binomial) / left, np.exp(binomial) / left, theme.muted)
            )
        if spread.any():
            said = labelled(label, "± σ of the networks")
            data.append(band(theme, said, signal, np.exp(-spread) / left, np.exp(spread) / left, colour, showlegend=len(runs) == 1))
        data.append(curve(theme, name, signal, 1 / left, colour, log=True))
    data += [curve(theme, words, signal, 1 / left, theme.ink, log=True) for words, signal, left in _together(runs)]
    first = runs[0][1]
    signal, left = _column(first, "signal")[1:], np.maximum(_column(first, "background_mass")[1:], 1e-6)
    baseline = with_numbers("jet mass alone", f"AUC {float(first['auc_mass']):.3f}")
    data.append(curve(theme, baseline, signal, 1 / left, theme.ink, dash=EXPECTED, log=True))
    data.append(curve(theme, "a coin", [0.05, 1], [20, 1], theme.muted, dash=SPREAD, width=0.75, log=True))
    crosses = [(name, place, value) for name, (_, half, third) in PUBLISHED.items() for place, value in ((0.5, half), (0.3, third))]
    known = [(name, place, value) for name, place, value in crosses if np.isfinite(value)]
    marks = dots(theme, ELSEWHERE, [one[1] for one in known], [one[2] for one in known], theme.muted, symbol="x", log=True)
    data.append({**marks, "text": [one[0] for one in known], "hovertemplate": "%{text}: %{y}<extra></extra>"})
    x, y = axis(theme, "top jets kept ε<sub>S</sub>", range=[0, 1]), axis(theme, "QCD rejection 1/ε<sub>B</sub>", log=True, range=[1, 1e4])
    return {"data": data, "layout": layout(theme, xaxis=x, yaxis=y)}


def _together(runs: Runs) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The tagger that is the mean logit of all, in words with its ε_S and ε_B; nothing where they did not see the same test jets."""
    first, known = runs[0][1], ("label", "mass", "mu_logit")
    if len(runs) == 1 or not all(name in one for _, one in runs for name in known):
        return []
    if not all(np.array_equal(one[name].values, first[name].values) for _, one in runs for name in known[:2]):
        return []
    mean = np.mean([_column(one, "mu_logit") for _, one in runs], axis=0)
    roc = Roc.of(mean, first["label"].values)
    signal = _column(first, "signal")
    left = roc.at(signal)
    good = (left > 0.5 / max(1, roc.others)) & (signal > 0)
    half = f"1/ε<sub>B</sub>(0.5) = {with_error(*roc.rejection(0.5))}"
    words = with_numbers(f"mean logit of {len(runs)}", f"AUC {with_error(roc.area, roc.area_error)}", half)
    return [(words, signal[good], left[good])]


def _sure(one: xr.Dataset) -> None:
    """Raises: Empty where there is a single network."""
    if not (_column(one, "sigma") > 0).any():
        raise Empty(NO_ERROR_BARS)


@figure
def arc(runs: Runs, theme: Theme, *, plane: str = "", jet: str = "") -> dict[str, Any]:
    """σ against μ of each jet, or both of the logit; the arc is what a typical σ_z makes of every μ. A click chooses a jet."""
    _, one = runs[0]
    _sure(one)
    data, logit = [], plane == "logit"
    several = len(runs) > 1
    for place, (label, found) in enumerate(runs):
        mu, sigma, sigma_z = _column(found, "mu"), _column(found, "sigma"), _column(found, "sigma_logit_each")
        x, y = (_column(found, "mu_logit"), sigma_z) if logit else (mu, sigma)
        kinds = found["label"].values
        for kind, name in enumerate(KINDS):
            chosen = np.flatnonzero(kinds[:MOST] == kind)[: MOST // 2]
            colour = theme.colour(place) if several else theme.colour(kind)
            marks = dots(theme, labelled(label, f"{name} jets"), x[chosen], y[chosen], colour, symbol="circle" if kind else "x")
            marks["marker"] = {**marks["marker"], "size": 1.8 * theme.line_width, "opacity": 0.6}
            picked = {"customdata": [str(k) for k in chosen], "meta": {"chooses": "jet"}} if place == 0 else {}
            data.append(marks | picked | {"hovertemplate": f"{'z' if logit else 'μ'} = %{{x:.3f}}, σ = %{{y:.3g}}<extra>{name}</extra>"})
        if not logit:
            grid, typical = np.linspace(0, 1, 101), float(np.median(sigma_z))
            ratio, together = arc_ratio(mu, sigma, sigma_z)
            words = with_numbers(labelled(label, "μ(1 − μ) σ<sub>z</sub>"), f"σ<sub>z</sub> = {typical:.2g}", f"σ over it {ratio:.2f}",
                                 f"correlation {together:.2f}")  # fmt: skip
            data.append(
                curve(theme, words, grid, grid * (1 - grid) * typical, theme.colour(place) if several else theme.ink, dash=EXPECTED)
            )
    x, y = (_column(one, "mu_logit"), _column(one, "sigma_logit_each")) if logit else (_column(one, "mu"), _column(one, "sigma"))
    if jet and int(jet) < len(x):
        mark = dots(theme, f"jet {jet}", [x[int(jet)]], [y[int(jet)]], theme.ink, symbol="circle-open")
        data.append(
            mark | {"marker": {**mark["marker"], "size": 7 * theme.line_width, "line": {"width": theme.line_width}}, "hoverinfo": "skip"}
        )
    high = float(np.quantile(y[:MOST], 0.995)) * 1.15
    across = axis(theme, "mean logit z", range=[float(x.min()) - 0.5, float(x.max()) + 0.5]) if logit else axis(theme, MU, range=[0, 1])
    return {"data": data, "layout": layout(theme, xaxis=across, yaxis=axis(theme, "σ<sub>z</sub>" if logit else SIGMA, range=[0, high]))}


@figure
def reliability(runs: Runs, theme: Theme) -> dict[str, Any]:
    """The share of tops among jets that are said to be tops with a probability; below how many jets. ECE with that of a perfect one."""
    upper, lower = [], []
    for place, (label, one) in enumerate(runs):
        colour = theme.colour(place)
        mean, share, error, count = (_column(one, f"bin_{name}") for name in ("mean", "share", "error", "count"))
        here = np.isfinite(mean)
        told = f"ECE {number(float(one['ece']))}", f"a perfect classifier has {number(float(one['ece_floor']))}"
        marks = dots(theme, with_numbers(labelled(label, "test jets"), *told), mean[here], share[here], colour)
        marks["error_y"] = {"type": "data", "array": error[here], "width": 0, "thickness": theme.line_width, "color": colour}
        upper.append(marks)
        edges = np.linspace(0, 1, len(count) + 1)
        lower.append(steps(theme, labelled(label, "jets"), edges[:-1], edges[1:], count, colour, yaxis="y2", log=True, showlegend=False))
    upper.append(curve(theme, "calibrated", [0, 1], [0, 1], theme.ink, dash=EXPECTED))
    most = max(float(one["y"][np.isfinite(one["y"])].max(initial=10.0)) for one in lower)
    below = axis(theme, "jets", log=True, range=[1.0, 3 * most], labels=2)
    x, y = axis(theme, MU, range=[0, 1]), axis(theme, "share of tops", range=[0, 1])
    return {"data": upper + lower, "layout": two_panels(theme, x, y, below, share=0.22)}


@figure
def against_jets(runs: Runs, theme: Theme) -> dict[str, Any]:
    """σ of undecided jets, and AUC, against the number of training jets of each run; networks that agree have no σ, and no panel of it."""
    sizes = [float(one.attrs.get("jets", 0)) for _, one in runs]
    ends = [min(sizes) / 2, 2 * max(sizes)]
    known = ((n, float(one["sigma_undecided"])) for n, (_, one) in zip(sizes, runs, strict=True))
    sigmas = sorted((n, sigma) for n, sigma in known if sigma > 0)
    axis_of_area = "y2" if sigmas else "y"
    upper, lower = [], []
    for place, (n, (label, one)) in enumerate(zip(sizes, runs, strict=True)):
        sigma, colour = float(one["sigma_undecided"]), theme.colour(place)
        told = [f"σ {sigma:.3f}"] * (sigma > 0) + [f"AUC {float(one['auc']):.4f}"]
        marks = dots(theme, labelled(label, ", ".join(told)), [n], [float(one["auc"])], colour, yaxis=axis_of_area)
        marks["error_y"] = {"type": "data", "array": [float(one["auc_error"])], "color": colour, "thickness": theme.line_width}
        lower.append(_large(marks, theme))
        if sigma > 0:
            upper.append(_large(dots(theme, marks["name"], [n], [sigma], colour, log=True), theme))
            lower[-1]["showlegend"] = False
    area = axis(theme, "AUC", range=[max(0.5, min(float(one["auc"]) for _, one in runs) - 0.02), 1.0])
    across = axis(theme, "training jets N", log=True, range=ends)
    if not sigmas:
        return {"data": lower, "layout": layout(theme, xaxis=across, yaxis=area)}
    (first, begin), x, values = sigmas[0], np.array(ends), [sigma for _, sigma in sigmas]
    upper.append(curve(theme, "∝ N<sup>−0.41</sup>", x, begin * (x / first) ** -0.41, theme.ink, dash=EXPECTED))
    top = axis(theme, "σ, 0.3 < μ < 0.7", log=True, range=[min(values) / 2, 2 * max(values)], labels=3)
    return {"data": upper + lower, "layout": two_panels(theme, across, top, area, share=0.4)}


def _large(marks: dict[str, Any], theme: Theme) -> dict[str, Any]:
    return {**marks, "marker": {**marks["marker"], "size": 4 * theme.line_width}}


@figure
def landscape_of_taggers(runs: Runs, theme: Theme) -> dict[str, Any]:
    """AUC and 1/ε_B(0.3) of each run with the errors of a finite test set; published numbers of larger networks as grey crosses."""
    names = [(label or wording(str(recipe_of(one).get("architecture", "run")))).removeprefix("tagger: ") for label, one in runs]
    places = np.arange(len(runs))
    data: list[dict[str, Any]] = []
    for shown, word, tag in (("auc", "AUC", ""), ("rejection_30", "1/ε<sub>B</sub>(0.3)", "2")):
        values, errors = ([float(one[f"{shown}{end}"]) for _, one in runs] for end in ("", "_error"))
        told = with_numbers(
            f"here, {word}", *(f"{name} {with_error(value, error)}" for name, value, error in zip(names, values, errors, strict=True))
        )
        where: dict[str, Any] = {"xaxis": f"x{tag}", "yaxis": f"y{tag}", "showlegend": not tag}
        marks = dots(theme, word if tag else told, values, places, theme.colour(0), **where)
        marks["error_x"] = {"type": "data", "array": errors, "color": theme.colour(0), "thickness": theme.line_width}
        data.append(marks)
        known = [
            PUBLISHED.get(OURS.get(recipe_of(one).get("architecture", ""), ""), (np.nan,) * 3)[0 if shown == "auc" else 2]
            for _, one in runs
        ]
        data.append(dots(theme, ELSEWHERE, known, places, theme.muted, symbol="x", **where))
    mass = float(runs[0][1]["auc_mass"])
    data.append(curve(theme, "jet mass alone", [mass] * 2, [-0.5, len(runs) - 0.5], theme.ink, dash=EXPECTED))
    least = min([mass, *(float(one["auc"]) for _, one in runs)])
    axes: dict[str, Any] = {
        "xaxis": axis(theme, "AUC", range=[least - 0.01, 1.0]),
        "xaxis2": axis(theme, "1/ε<sub>B</sub>(0.3)", log=True, range=[20, 5e3], labels=3, anchor="y2"),
    }
    for tag, domain in (("", [0.6, 1]), ("2", [0, 0.4])):  # names have the room of lines of text
        row = {"tickmode": "array", "tickvals": list(places), "ticktext": names, "domain": domain}
        axes[f"yaxis{tag}"] = axis(theme, "", range=[len(runs) - 0.5, -0.5], anchor=f"x{tag}", **row)
    return {"data": data, "layout": layout(theme, **axes)}


@figure
def shifted_jets(runs: Runs, theme: Theme, *, shift: str = "-10") -> dict[str, Any]:
    """μ and σ of the same jets, as they are and seen wrongly: what was measured moves, what the network says of its error hardly.

    Raises: Empty where there is a single network.
    """
    label, one = runs[0]
    names = [str(name) for name in one["shift"].values]
    place = names.index(shift) if shift in names else 0
    mu, sigma = (_column(one, f"shift_{name}") for name in ("mu", "sigma"))
    if not sigma.any():
        raise Empty(NO_ERROR_BARS)
    data = []
    kinds = one["label"].values[: mu.shape[1]]
    for kind, name in enumerate(KINDS):
        chosen = np.flatnonzero(kinds == kind)[:MOVED]
        x, y = (np.stack([values[0, chosen], values[place, chosen], np.full(len(chosen), np.nan)], 1).ravel() for values in (mu, sigma))
        data.append(
            curve(theme, labelled(label, f"{name}, the way"), x, y, theme.faint(theme.colour(kind), 0.35), width=0.75, showlegend=False)
        )
        data[-1] |= {"x": x, "y": y, "hoverinfo": "skip"}
        moved = float(one[f"shift_{('qcd', 'top')[kind]}"].values[place] - one[f"shift_{('qcd', 'top')[kind]}"].values[0])
        words = with_numbers(f"{name} jets, shifted", f"⟨μ⟩ {moved:+.3f}".replace("-", "−"))
        before = dots(
            theme, f"{name} jets, as they are", mu[0, chosen], sigma[0, chosen], theme.faint(theme.colour(kind), 0.6), symbol="circle-open"
        )
        after = dots(theme, words, mu[place, chosen], sigma[place, chosen], theme.colour(kind))
        data += [before, after]
    grow = float(one["shift_sigma_logit"].values[place] / max(float(one["shift_sigma_logit"].values[0]), 1e-12))
    told = [f"{SHIFTS.get(names[place], names[place])}: ECE {number(float(one['shift_ece'].values[place]))}, as they are "
            f"{number(float(one['shift_ece'].values[0]))}", f"AUC {float(one['shift_auc'].values[place]):.4f}, as they are "
            f"{float(one['shift_auc'].values[0]):.4f}"]  # fmt: skip
    told.append(f"median σ<sub>z</sub> × {grow:.2f}")
    data.append(key(theme, with_numbers("all of them", *told), colour=theme.ink))
    high = max(float(np.quantile(sigma[[0, place]], 0.995)) * 1.2, 1e-3)
    return {"data": data, "layout": layout(theme, xaxis=axis(theme, MU, range=[0, 1]), yaxis=axis(theme, SIGMA, range=[0, high]))}


@figure
def shift_numbers(runs: Runs, theme: Theme) -> dict[str, Any]:
    """ECE, and below the median σ_z relative to that of unshifted jets, against the energy scale."""
    upper, lower = [], []
    for place, (label, one) in enumerate(runs):
        names, colour = [str(name) for name in one["shift"].values], theme.colour(place)
        scales = sorted((float(name), row) for row, name in enumerate(names) if not name.startswith("v"))
        x, rows = [scale for scale, _ in scales], [row for _, row in scales]
        upper.append(curve(theme, labelled(label, "ECE"), x, _column(one, "shift_ece")[rows], colour, mode="lines+markers"))
        sigma = _column(one, "shift_sigma_logit")
        if sigma[0] > 0:
            lower.append(
                curve(theme, labelled(label, "σ"), x, sigma[rows] / sigma[0], colour, mode="lines+markers", yaxis="y2", showlegend=False)
            )
    lower.append(curve(theme, "1", [-10, 10], [1, 1], theme.ink, dash=EXPECTED, yaxis="y2", showlegend=False))
    most = max(float(np.nanmax(one["y"], initial=0.05)) for one in upper)
    across = axis(theme, "energy scale of the test jets [%]", range=[-11, 11])
    below = axis(theme, "σ<sub>z</sub>/as they are", range=[0.5, 1.5], nticks=3)
    return {"data": upper + lower, "layout": two_panels(theme, across, axis(theme, "ECE", range=[0, 1.15 * most]), below, share=0.34)}


TAGGING = {
    "tagger_learning": Entry(
        "Learning",
        tagger_learning,
        REPORTS,
        "When the loss of unseen jets rises while that of training jets falls, jets are learned by heart.",
        "L = −⟨y log p + (1−y) log(1−p)⟩ + w KL[q, p]/N",
    ),
    "tagger_quality": Entry(
        "AUC and rejection",
        tagger_quality,
        REPORTS,
        "Both of jets that only watch: the AUC saturates early, the rejection of the hard cases goes on growing.",
        "AUC = ∫ (1 − ε_B) dε_S",
    ),
    "scores": Entry(
        "What it says of QCD and top jets",
        scores,
        TAGGER_PRODUCT.name,
        "Two peaks at 0 and 1 that grow apart; what stays in between is what no cut tells apart.",
        "p = 1/(1 + e^(−z))",
    ),
    "tagger_roc": Entry(
        "ROC curve",
        tagger_roc,
        TAGGER_PRODUCT.name,
        "Higher is better. Grey: few background jets pass a hard cut. Crosses: published, with 60 times the jets and another detector. "
        "Runs that are compared are also combined: their mean logit.",
        "1/ε_B(ε_S)",
        440,
    ),
    "arc": Entry(
        "The arc of μ and σ",
        arc,
        TAGGER_PRODUCT.name,
        "A sigmoid has no other choice: σ = μ(1 − μ) σ_z. Click a jet and see its constituents.",
        "σ ≈ μ (1 − μ) σ_z",
        420,
    ),
    "reliability": Entry(
        "Reliability",
        reliability,
        TAGGER_PRODUCT.name,
        "Of jets with p = 0.7, are 70 % tops? Even a perfect classifier has an ECE of its finite test set, said beside ours.",
        "ECE = Σ_b n_b/N |share − ⟨p⟩|",
        420,
    ),
    "against_jets": Entry(
        "Against the number of jets",
        against_jets,
        TAGGER_PRODUCT.name,
        "Compare runs with other numbers of training jets: σ falls as they grow, because it is the error of a finite sample.",
        "σ ∝ N^(−0.41)",
        420,
    ),
    "landscape_of_taggers": Entry(
        "The landscape",
        landscape_of_taggers,
        TAGGER_PRODUCT.name,
        "Compare runs of other architectures. Bars are those of the test jets, the same for all, so differences are known better.",
        "AUC, 1/ε_B(0.3)",
        440,
    ),
    "shifted_jets": Entry(
        "The same jets, seen wrongly",
        shifted_jets,
        TAGGER_PRODUCT.name,
        "Calibration breaks and σ does not notice: it is the error of a finite training sample, not of a wrong simulation.",
        "p_i → (1 + s) p_i",
        420,
    ),
    "shift_numbers": Entry(
        "What the energy scale does",
        shift_numbers,
        TAGGER_PRODUCT.name,
        "ECE grows to both sides, σ stays within some ten per cent; train with smeared energies and compare.",
        "ECE(s), σ_z(s)/σ_z(0)",
    ),
}
