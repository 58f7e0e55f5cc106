"""The page "Inference": likelihood ratios that are learned, beside the exact ones, and the limits that follow."""

from __future__ import annotations

import math
from typing import cast

from workbench.families.inference import INFERENCE
from workbench.families.inference.choice import COUPLINGS, EXPECTED_EVENTS, EXPERIMENT, HYPOTHESES, RATES
from workbench.families.inference.limit import EXPECTED
from workbench.families.inference.product import INFERENCE_PRODUCT, NAMES, numbers
from workbench.families.inference.recipe import InferenceRecipe, network
from workbench.figures.drawing import number
from workbench.studios.live.hub import Picture
from workbench.studios.pages.chooser import Chooser
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio
from workbench.training.recipe import Recipe, wording

FIRST = (
    "pp → Hjj by W W fusion with f_W and f_WW. Dashed: the exact ratio, by the matrix element method; a learned transfer function would "
    "replace nothing of it but the smearing of jets."
)
NEGLECTED = (
    "Neglected: fusion of Z and photons with its interference, VH, b quarks, Higgs decay, shifts of inputs, unitarity at large f, "
    "higher orders, backgrounds."
)


HYPOTHESIS = Chooser("hypothesis", "Hypothesis θ", HYPOTHESES, lambda name: {"hypothesis": name})
EVENTS = Chooser("expected", "Expected events n", EXPECTED_EVENTS, lambda name: {"expected": name}, usual=str(EXPECTED), slides=True)
RATE = Chooser("rate", "Shape or rate", RATES, lambda name: {"rate": name})
ONE = Chooser("experiment", "Experiment", EXPERIMENT, lambda name: {"experiment": name})
F_W = Chooser("f_w", "f_W", COUPLINGS, lambda name: {"f_w": name}, usual="10", slides=True)
F_WW = Chooser("f_ww", "f_WW", COUPLINGS, lambda name: {"f_ww": name}, usual="0", slides=True)
LIMIT = ("rate", "experiment", "expected")
THETA = ("f_w", "f_ww")


class Inference(Studio):
    family = INFERENCE
    tour = (
        (
            ".action.train",
            "Press Train, or the space bar. A network learns how much likelier new physics makes each event.",
        ),
        ("[data-figure=contours]", "Watch the coloured contours move onto the black ones: those are exact, and nobody can do better."),
        ("[data-option=method]", "Choose another way to learn the ratio and train again: some need far fewer events."),
        ("[data-tab=inside]", "Open Ratio and score: which observable knows how much, and what single events say."),
    )
    choosers = (HYPOTHESIS, EVENTS, RATE, ONE, F_W, F_WW)
    tabs = (
        Tab("training", "Training", FIRST),
        Tab("limits", "Limits", NEGLECTED),
        Tab("inside", "Ratio and score", "Why it works: what networks are shown, what they learn, and who knows how much."),
        Tab("hypothesis", "At a hypothesis", "Drag θ: all distributions follow at once, as one sample serves all hypotheses."),
        Tab("stories", "Stories"),
        Tab("runs", "Runs"),
    )
    cards = (
        Card("contours", "training", choose=LIMIT),
        Card("log_ratios", "training", choose=("hypothesis",)),
        Card("label_loss", "training"),
        Card("ratio_error", "training"),
        Card("profiles", "limits", choose=LIMIT),
        Card("thresholds", "limits", choose=("expected",)),
        Card("ratio_calibration", "limits", choose=("hypothesis",)),
        Card("information", "inside"),
        Card("score_dphi", "inside"),
        Card("score_pt", "inside"),
        Card("joint_scatter", "inside", choose=("hypothesis",)),
        Card("theta_plane", "hypothesis", choose=THETA, follows=("expected", "rate")),
        Card("pt_at_theta", "hypothesis", follows=THETA),
        Card("dphi_at_theta", "hypothesis", follows=THETA),
        Card("log_ratio_at_theta", "hypothesis", follows=THETA),
    )
    columns = (
        ("MSE of log r", "Mean squared error of log r̂ to the exact log r, over events and θ with exp(−θ²/2·5²)"),
        ("trimmed", "The same without 5 % of the errors at each end"),
        ("areas 68 / 95 / 99.7 %", "Of the contours of 36 events, shape only, in TeV⁻⁴"),
        ("exact areas", "Of the exact contours"),
        ("pull", "Rms of (log r̂ − log r)/σ_stat without the largest tenth; one, if error bars are right"),
    )

    def describe(self, recipe: Recipe) -> str:
        return describe(cast(InferenceRecipe, recipe))

    def numbers(self, picture: Picture) -> list[str]:
        if (found := picture.of(INFERENCE_PRODUCT.name)) is None:
            return ["–"] * len(self.columns)
        known = numbers(found)
        return [
            number(known["mse"]),
            number(known["mse_trimmed"]),
            " / ".join(f"{known[f'area_{name}']:.0f}" for name in NAMES),
            " / ".join(f"{known[f'area_{name}_true']:.0f}" for name in NAMES),
            f"{known['pull_width']:.2f}" if math.isfinite(known["pull_width"]) else "–",
        ]


def describe(recipe: InferenceRecipe) -> str:
    """A recipe in one short line: which method, on what, with which error bars."""
    words = [wording(recipe.method)]
    words += [wording(recipe.observable)] if recipe.matters("observable") else []
    words += [recipe.head] if recipe.matters("head") else []
    words += ["reference SM"] if recipe.matters("reference") and recipe.reference == "sm" else []
    words += [f"{recipe.events:,} events", wording(recipe.level)]
    if network(recipe):
        widths = recipe.hidden
        words.append(f"{len(widths)}×{widths[0]}" if len(set(widths)) == 1 else "-".join(map(str, widths)))
    words += [wording(recipe.uncertainty)] if recipe.uncertainty != "none" else []
    return " · ".join(words)
