"""The page "Basics": the first half of a first lecture, every control one of its slides."""

from __future__ import annotations

import math
from typing import cast

from workbench.families.basics import BASICS
from workbench.families.basics.product import BASICS_PRODUCT, numbers
from workbench.families.basics.recipe import BasicsRecipe, curve
from workbench.figures.drawing import number
from workbench.studios.live.hub import Picture
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio
from workbench.training.recipe import Recipe, wording

FIRST = "The network sees nothing but the points. The exact answer, dashed or black, is known because we made them."


class Basics(Studio):
    family = BASICS
    tour = (
        (".action.train", "Press Train, or the space bar. A network learns from the points alone, in about a second."),
        ("[data-figure=learned]", "Watch the curve bend onto the dashed one, which is the exact answer and which the network never sees."),
        ("#preset", "Choose the next preset: each is one slide of a first lecture, with a sentence that says what to look for."),
        ("[data-tab=inside]", "Open Inside: what each neuron does, and the way of the optimiser through the landscape of the loss."),
    )
    tabs = (
        Tab("training", "Training", FIRST),
        Tab("inside", "Inside", "What the neurons of the first layer do, and the way that the optimiser took."),
        Tab("stories", "Stories"),
        Tab("runs", "Runs"),
    )
    cards = (
        Card("learned", "training"),
        Card("learning", "training"),
        Card("beside_exact", "training"),
        Card("neurons", "inside"),
        Card("landscape", "inside"),
    )
    columns = (
        ("loss", "Loss of points that the network has not learned from"),
        ("exact answer", "Loss of the exact answer on the same points: no network has a smaller one"),
        ("excess", "Loss above that of the exact answer; of the cross-entropy it is a KL divergence, in nats"),
        ("AUC", "Area above the curve of background against signal efficiency, and its statistical error"),
        ("exact AUC", "Area of the exact answer on the same points"),
        ("rms", "Root mean square distance of the curve to what minimises its loss"),
    )

    def describe(self, recipe: Recipe) -> str:
        return describe(cast(BasicsRecipe, recipe))

    def numbers(self, picture: Picture) -> list[str]:
        if (found := picture.of(BASICS_PRODUCT.name)) is None:
            return ["–"] * len(self.columns)
        known = numbers(found)
        area = f"{known['auc']:.4f} ± {float(found['auc_error']):.4f}" if math.isfinite(known["auc"]) else "–"
        return [
            number(known["loss"], 3),
            number(known["loss"] - known["excess"], 3),
            number(known["excess"], 2),
            area,
            f"{known['auc_exact']:.4f}" if math.isfinite(known["auc_exact"]) else "–",
            number(known["rms"], 2),
        ]


def describe(recipe: BasicsRecipe) -> str:
    """A recipe in one short line: what is learned, by which network, how."""
    widths = recipe.hidden
    shape = f"{len(widths)}×{widths[0]}" if len(set(widths)) == 1 else "-".join(map(str, widths))
    loss = recipe.loss if curve(recipe) else recipe.class_loss
    words = [
        {"bump": "curve", "own_curve": "own curve", "own_classes": "own classes"}.get(recipe.toy, recipe.toy),
        f"MLP {shape} {wording(recipe.activation)}",
        f"{recipe.points:,} points",
        wording(loss),
        wording(recipe.optimiser),
    ]
    words += [f"dropout {recipe.dropout:g}"] if recipe.dropout else []
    words += [f"L1 {recipe.l1:g}"] if recipe.l1 else []
    words += [f"L2 {recipe.l2:g}"] if recipe.l2 else []
    words += ["early stopping"] if recipe.early_stopping else []
    words += [wording(recipe.uncertainty)] if recipe.uncertainty != "none" else []
    return " · ".join(words)
