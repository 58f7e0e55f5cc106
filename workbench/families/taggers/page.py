"""The page "Taggers": top jets told from QCD jets, with error bars, and whether these can be trusted."""

from __future__ import annotations

import math
from typing import cast

from workbench.families.taggers import TAGGERS
from workbench.families.taggers.choice import JETS, PLANES, SHIFTS
from workbench.families.taggers.product import TAGGER_PRODUCT, numbers
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.figures.drawing import with_error
from workbench.studios.live.hub import Picture
from workbench.studios.pages.chooser import Chooser
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio
from workbench.training.recipe import Recipe, wording

FIRST = "A top jet has three prongs and weighs 172.5 GeV, a QCD jet has one. The jet mass alone, dashed, is the baseline of every tagger."
NOT_BUILT = (
    "Published points: 1.2 million jets of another detector, so the order counts and not the numbers. Not built here: ABCNet, PELICAN, "
    "N-subjettiness, TopoDNN, P-CNN."
)
UNCERTAIN = "σ is the spread of the networks, the error of a finite training sample. There is no σ_syst: μ(1 − μ) is not an error of μ."
SHIFT = "Calibration breaks and the order hardly does; σ does not notice, because it knows nothing of a wrong simulation."

PLANE = Chooser("plane", "Plane", PLANES, lambda plane: {"plane": plane})
JET = Chooser("jet", "Jet", JETS, lambda jet: {"jet": jet}, slides=True)
SHIFTED = Chooser(
    "shift", "Shift", {name: words for name, words in SHIFTS.items() if name != "0"}, lambda shift: {"shift": shift}, usual="-10"
)


class Taggers(Studio):
    family = TAGGERS
    tour = (
        (".action.train", "Press Train, or the space bar. A network learns to tell jets of top quarks from others."),
        ("[data-figure=scores]", "Watch the two histograms part: what it is sure of moves to 0 and to 1."),
        ("[data-tab=uncertainty]", "Open Uncertainty: each jet has an error bar, and it can be looked at one by one."),
        ("[data-option=jets]", "Take fewer training jets and train again: the error bars grow, because they are those of a finite sample."),
    )
    choosers = (PLANE, JET, SHIFTED)
    tabs = (
        Tab("training", "Training", FIRST),
        Tab("roc", "ROC", NOT_BUILT),
        Tab("uncertainty", "Uncertainty", UNCERTAIN),
        Tab("calibration", "Calibration", "A probability is right if it comes true as often as it says."),
        Tab("jets", "Jets", "What there is to see, before any network."),
        Tab("shift", "Shift", SHIFT),
        Tab("stories", "Stories"),
        Tab("runs", "Runs"),
    )
    cards = (
        Card("tagger_quality", "training"),
        Card("scores", "training"),
        Card("tagger_learning", "training"),
        Card("tagger_roc", "roc"),
        Card("landscape_of_taggers", "roc"),
        Card("arc", "uncertainty", choose=("plane", "jet")),
        Card("one_jet", "uncertainty", choose=("jet",)),
        Card("against_jets", "uncertainty"),
        Card("reliability", "calibration"),
        Card("average_images", "jets"),
        Card("shifted_jets", "shift", choose=("shift",)),
        Card("shift_numbers", "shift"),
    )
    columns = (
        ("AUC", "Area under the ROC curve of the test jets, with the error of a finite sample"),
        ("1/ε_B(0.5)", "QCD rejection where half of the top jets are kept, with its binomial error"),
        ("1/ε_B(0.3)", "QCD rejection where 30 % of the top jets are kept"),
        ("mass alone", "1/ε_B(0.5) of a cut on |m − 172.5 GeV|, on the same jets"),
        ("ECE (floor)", "Expected calibration error, and that of a perfect classifier with so many jets"),
        ("σ, undecided", "Median σ of jets with 0.3 < μ < 0.7"),
    )

    def describe(self, recipe: Recipe) -> str:
        return describe(cast(TaggerRecipe, recipe))

    def numbers(self, picture: Picture) -> list[str]:
        if (found := picture.of(TAGGER_PRODUCT.name)) is None:
            return ["–"] * len(self.columns)
        known = numbers(found)
        sigma = known["sigma_undecided"]
        return [
            with_error(known["auc"], float(found["auc_error"])),
            with_error(known["rejection_50"], float(found["rejection_50_error"])),
            with_error(known["rejection_30"], float(found["rejection_30_error"])),
            with_error(known["rejection_50_mass"], float(found["rejection_50_mass_error"])),
            f"{known['ece']:.3f} ({known['ece_floor']:.3f})",
            f"{sigma:.3f}" if math.isfinite(sigma) and sigma > 0 else "–",
        ]


def describe(recipe: TaggerRecipe) -> str:
    """A recipe in one short line: which network, on how many jets, with which error bars."""
    words = [wording(recipe.architecture), f"{recipe.jets:,} jets"]
    words += [f"{recipe.constituents} constituents"] if recipe.matters("constituents") and recipe.constituents != 40 else []
    words += ["particles"] if recipe.level == "particles" else []
    words += [f"energies smeared by {100 * recipe.smearing:g} %"] if recipe.smearing else []
    words += [wording(recipe.uncertainty)] if recipe.uncertainty != "none" else []
    return " · ".join(words)
