"""The page "Amplitudes": a network learns the one-loop gg → γγg amplitude, with error bars, live."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import cast

import numpy as np

from workbench.families.amplitudes import AMPLITUDES
from workbench.families.amplitudes.product import AMPLITUDE, SCAN
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.physics.observables import observables
from workbench.results.prediction import largest, median, relative_sigma
from workbench.results.pulls import pulls, width_and_mean
from workbench.studios.live.hub import Picture
from workbench.studios.pages.chooser import Chooser
from workbench.studios.pages.draft import as_words
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio
from workbench.training.recipe import Recipe

LEARNED = (
    "A network predicts the scattering amplitude A of gluon collisions with photons, and how far off it is. Is its error bar honest? "
    "Look at the pull: it should lie on the dashed curve."
)


UNSURE = "σ_syst says how noisy the data are, σ_stat how few of them were seen. Do the intervals hold what they promise?"
NEAR = "How far is the prediction from the truth, for typical events and for the few with the largest amplitudes?"


OBSERVABLE = Chooser(
    "observable",
    "Observable",
    # entries of a menu are plain text: the symbols' <sub> is dropped
    {o.name: f"{o.description}  {re.sub('<[^>]*>', '', o.symbol)}" for o in observables("gg_yyg").values()},
    lambda name: {"observable": name},
)
SUBSET = Chooser(
    "subset",
    "Draws M whose mean is taken",
    {"": "M = 1, N/8, N/2"} | {str(2**k): f"M = {2**k}" for k in range(10)},
    lambda draws: {"draws": int(draws)},
)


class Amplitudes(Studio):
    family = AMPLITUDES
    tour = (
        (".action.train", "Press Train, or the space bar. A network begins to learn from simulated events, and all figures follow it."),
        (
            "[data-figure=systematic_pull]",
            "Watch the pull, the error over its error bar. On the dashed curve the error bar is right; wider means too sure of itself.",
        ),
        ("[data-option=noise]", "Raise the noise, for instance to 0.1, and train again: the data now scatter by 10 %."),
        (
            "[data-tab=uncertainties]",
            "Open Uncertainties: σ_syst has followed the noise, although nobody told the network how large it is.",
        ),
    )
    choosers = (OBSERVABLE, SUBSET)
    tabs = (
        Tab("training", "Training", LEARNED),
        Tab(
            "uncertainties",
            "Uncertainties",
            UNSURE,
        ),
        Tab(
            "accuracy",
            "Accuracy",
            NEAR,
        ),
        Tab("kinematics", "Kinematics", "Sums of predicted amplitudes as distributions: does the band hold the truth?"),
        Tab("sweep", "Sweep", "One option takes several values. Does the error bar follow the noise, and where does it stop?"),
        Tab("stories", "Stories"),
        Tab("runs", "Runs"),
    )
    cards = (
        Card("losses", "training"),
        Card("delta", "training"),
        Card("systematic_pull", "training"),
        Card("sigmas", "uncertainties"),
        Card("coverage", "uncertainties"),
        Card("statistical_pull", "uncertainties"),
        Card("scaled_pull", "uncertainties", choose=("subset",)),
        Card("prediction_truth", "accuracy"),
        Card("delta_largest", "accuracy"),
        Card("accuracy", "accuracy"),
        Card("kinematics", "kinematics", choose=("observable",)),
        Card("plateau", "sweep"),
        Card("scan", "sweep"),
        Card("sweep_pulls", "sweep"),
        Card("noise_peaks", "sweep"),
    )
    columns = (
        ("median |Δ| to truth", "Median of |⟨A⟩ − A|/A over the test events, A without noise"),
        ("largest 1 %", "Median |Δ| of the events with the largest 1 % of the amplitudes"),
        ("pull mean", "Mean of t_syst = (⟨A⟩ − A_train)/σ_syst, should be 0"),
        ("pull width", "Standard deviation of t_syst, should be 1"),
        ("σ_syst/A", "Median learned relative width"),
        ("σ_stat/A", "Median relative spread of the mean between draws"),
    )

    def describe(self, recipe: Recipe) -> str:
        return describe(cast(AmplitudeRecipe, recipe))

    def absent(self) -> set[str]:
        recipes = [*(run.recipe for run in self.shown), *(recipe for _, recipe in self.draft.trainings)]
        axes = [recipe.axes for recipe in recipes if recipe.axes]
        if not axes:
            return {card.name for card in self.cards if card.tab == "sweep"}
        return {"scan"} if all("noise" in one for one in axes) else {"plateau", "noise_peaks"}

    def numbers(self, picture: Picture) -> list[str]:
        if (scan := picture.of(SCAN.name)) is not None:
            return [
                span(scan["delta_median"].values, percent),
                "–",
                *(span(scan[f"pull_{name}"].values, lambda value: f"{value:z.2f}".replace("-", "−")) for name in ("mean", "width")),
                *(span(scan[f"sigma_{part}_median"].values, percent) for part in ("syst", "stat")),
            ]
        if (events := picture.of(AMPLITUDE.name)) is None:
            return ["–"] * len(self.columns)
        delta, top = abs(events["delta"]), abs(largest(events, 0.01)["delta"])
        pull = width_and_mean(pulls(events, "systematic"))
        relative = relative_sigma(events)
        sigma = {part: median(relative[part]) for part in ("syst", "stat")}
        return [
            percent(median(delta)),
            percent(median(top)),
            with_error(pull.mean, pull.mean_error),
            with_error(pull.width, pull.width_error),
            percent(sigma["syst"]),
            percent(sigma["stat"]) if sigma["stat"] > 0 else no_spread(picture),
        ]


def no_spread(picture: Picture) -> str:
    """What stands for σ_stat where all draws are the same: until when, if weights get widths later."""
    step = 0 if picture.reports is None else int(picture.reports.attrs.get("widths_from", 0))
    return f"— after step {step:,}" if picture.moment[1] < step else "none"


def with_error(value: float, error: float) -> str:
    """A number of pulls with its statistical error: '−0.01 ± 0.02'."""
    return f"{value:z.2f} ± {error:.2f}".replace("-", "−") if np.isfinite(value) and np.isfinite(error) else "–"


def span(values: np.ndarray, words: Callable[[float], str]) -> str:
    """The smallest and the largest of some numbers: '0.1 % … 12 %'."""
    known = values[np.isfinite(values)]
    ends = dict.fromkeys(words(float(value)) for value in (known.min(), known.max())) if known.size else ["–"]
    return " … ".join(ends)


def percent(share: float) -> str:
    """A share with two significant digits: '1.3 %', '0.021 %'."""
    return f"{100 * float(f'{share:.2g}'):.4g} %" if np.isfinite(share) else "–"


def describe(recipe: AmplitudeRecipe) -> str:
    """A recipe in one short line, for lists and legends: what kind of network, and what is unusual about it."""
    axes = recipe.axes
    if axes:
        names = " × ".join(name.replace("_", " ") for name in axes)
        words, recipe = ["sweep", names, f"{math.prod(map(len, axes.values()))} points"], cast(AmplitudeRecipe, recipe.base)
        words += [] if "uncertainty" in axes else [as_words(recipe.uncertainty)]
    else:
        words = [as_words(recipe.uncertainty)]
    if recipe.uncertainty == "repulsive_ensemble" and "uncertainty" not in axes:
        words.append(f"{recipe.members} members")
    widths = recipe.hidden
    shape = f"{len(widths)}×{widths[0]}" if len(set(widths)) == 1 else "-".join(map(str, widths))
    words += [
        f"{as_words(recipe.architecture)} {shape}",
        *([recipe.inputs] if recipe.matters("inputs") else []),
        *([] if "noise" in axes else [f"noise {recipe.noise:g}"]),
        f"{recipe.events:,} events",
    ]
    if recipe.boost_sigma and "boost_sigma" not in axes:
        words.append(f"boost σ {recipe.boost_sigma:g}")
    if recipe.boost_pull and "boost_pull" not in axes:
        words.append(f"boost pull {recipe.boost_pull:g}")
    return " · ".join(words)
