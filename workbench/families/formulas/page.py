"""The page "Formulas": back from networks and events to what can be written on a blackboard."""

from __future__ import annotations

import math
from typing import cast

from workbench.families.formulas import FORMULAS
from workbench.families.formulas.product import FORMULA, best, numbers
from workbench.families.formulas.recipe import FormulaRecipe, of_network, of_score, of_table
from workbench.figures.drawing import number
from workbench.studios.live.hub import Picture
from workbench.studios.pages.session import Tab
from workbench.studios.pages.view import Card, Studio
from workbench.training.recipe import Recipe, wording

SEARCHED = (
    "Formulas are changed at random, and the better ones stay. What is neglected in the events: fusion of Z and photons, b quarks, the "
    "decay of the Higgs, next-to-leading order."
)
WORTH = "What the constants are known to, and what limits on f_T each formula would give from 36 events, by their shape alone."


class Formulas(Studio):
    family = FORMULAS
    tour = (
        (".action.train", "Press Train, or the space bar. Formulas are changed at random, and better ones stay."),
        (
            "[data-figure=hall_of_fame]",
            "Watch the stairs: each is the best formula of its length. After the last long stair little is to be had.",
        ),
        ("[data-option=parsimony]", "Make long formulas dearer or cheaper and search again."),
        ("[data-tab=worth]", "Open What it is worth: the limits that the formula sets, beside the best possible ones."),
    )
    tabs = (
        Tab("training", "Search", SEARCHED),
        Tab("worth", "What it is worth", WORTH),
        Tab("stories", "Stories"),
        Tab("runs", "Runs"),
    )
    cards = (
        Card("hall_of_fame", "training"),
        Card("formulas", "training"),
        Card("annealing", "training"),
        Card("formula_search", "training"),
        Card("formula_limits", "worth"),
        Card("formula_constants", "worth"),
    )
    columns = (
        ("MSE / variance", "Mean squared error of the best formula over the variance of what it describes"),
        ("nodes", "Complexity of the best formula: variables, constants and operators"),
        ("information", "Share of the information on f_T that the best formula keeps of all that partons know"),
        ("formula", "The best formula"),
        ("Python", "The best formula as an expression of Python, with numpy as np"),
        ("LaTeX", "The best formula in LaTeX"),
    )

    def describe(self, recipe: Recipe) -> str:
        return describe(cast(FormulaRecipe, recipe))

    def numbers(self, picture: Picture) -> list[str]:
        if (found := picture.of(FORMULA.name)) is None:
            return ["–"] * len(self.columns)
        known, place = numbers(found), best(found)
        share = known["information"]
        return [
            number(known["mse"], 3),
            f"{known['nodes']:.0f}",
            f"{100 * share:.0f} %" if math.isfinite(share) else "–",
            *(str(found[name].values[place]) for name in ("formula", "python", "latex")),
        ]


def describe(recipe: FormulaRecipe) -> str:
    """A recipe in one short line: what is described, by which search."""
    words = []
    if of_score(recipe):
        words += [f"score, {wording(recipe.level)}"] + ([f"f_T = {recipe.f_t:g} TeV⁻²"] if recipe.f_t else [])
    if of_table(recipe):
        words += [f"{recipe.column or 'last column'} of {recipe.file.rpartition('/')[2] or 'a table'}"]
    if of_network(recipe):
        words += [f"network {recipe.network}"]
    return " · ".join([*words, recipe.engine, wording(recipe.operators), f"{recipe.steps:,} generations"])
