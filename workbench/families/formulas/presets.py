"""Searches to begin with, in the order of the talk."""

from __future__ import annotations

from typing import Any

from workbench.families.basics.recipe import BasicsRecipe
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.training.presets import Preset

AWAY = {"f_t": 30.0}


def search(title: str, see: str, **changes: Any) -> Preset:
    return Preset(title, see, changes, recipe_type=FormulaRecipe)


PRESETS = {
    "formula": search(
        "An optimal observable",
        "Within seconds x₁x₂ sin Δφ comes out of 5,000 events, then the factor in Δη: close to the talk's −x₁(x₂ + c)(a − bΔη) sin Δφ. "
        "Step through the hall of fame and stop where a node buys nothing more.",
    ),
    "formula-detector": search(
        "With a detector",
        "The same from smeared jets: the formula stays, its constants move. c grows by half, as on the slide.",
        level="detector",
    ),
    "formula-away": search(
        "Away from the Standard Model",
        "At f_T = 30 TeV⁻² the score is (a + 2bθ)/(p₀ + aθ + bθ²): with a division formulas get much better than without.",
        **AWAY,
        operators="division",
    ),
    "formula-cold": search(
        "Without annealing",
        "α is so small that only better formulas are taken, from one island without a new beginning. Compare with the first search.",
        alpha=0.001,
        islands=1,
        population=120,
        cycle=10_000,
    ),
    "formula-genetic": search(
        "Genetic programming",
        "The package pyoperon looks for the same formula with two aims at once, MSE and length. Its weights at every variable cost nodes.",
        engine="pyoperon",
    ),
    "formula-network": search(
        "What did the network learn?",
        "The curve of the first network of Basics as a formula: a falling function and a bump. Give the id of your own run instead.",
        target="network",
        network=f"{BasicsRecipe().hash}-1",
        operators="functions",
        steps=200,
    ),
}
