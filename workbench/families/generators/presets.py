"""Recipes of generators with a story."""

from __future__ import annotations

from workbench.families.generators.recipe import GeneratorRecipe
from workbench.training.presets import Preset

Z_JETS = {
    "dataset": "z_jets",
    "events": 10_000,
    "test_events": 4_000,
    "blocks": 8,
    "hidden": [64, 64],
    "mixing": "rotation",
    "steps": 4_000,
    "learning_rate": 2e-3,
}

PRESETS: dict[str, Preset] = {
    "wedge": Preset(
        "Wedge ramp",
        "A Bayesian flow learns p = 2x on the unit square. Its loss must come down to the exact entropy, −0.193. "
        "Its splines bend everywhere on their own, so its error band follows the counts, √p.",
        recipe_type=GeneratorRecipe,
    ),
    "kicker": Preset(
        "Kicker ramp",
        "p = 3x², steeper than the wedge. The exact entropy is −0.432.",
        {"dataset": "kicker"},
        recipe_type=GeneratorRecipe,
    ),
    "fit": Preset(
        "Learned like a fit",
        "The wedge ramp again, by affine couplings and with known edges: few things can move, and each moves everything. σ(x) dips in "
        "the bulk and rises to both sides, as that of a fitted curve. Compare with the first preset, whose splines count events.",
        {"spline": "affine", "edges": "known", "hidden": [16, 16], "warm_start": 0.2},
        recipe_type=GeneratorRecipe,
    ),
    "ring": Preset(
        "Gaussian ring",
        "Half a ring of radius 4 and width 1: a hole and two ends, which a smooth flow can only bend around.",
        {"dataset": "ring", "mixing": "rotation", "steps": 5_000},
        recipe_type=GeneratorRecipe,
    ),
    "z-jets": Preset(
        "Z + one jet",
        "Nine coordinates of two muons and a jet. Distributions are learned to per cent in the bulk; look at M_μμ, a narrow peak that "
        "hides in correlations.",
        Z_JETS,
        recipe_type=GeneratorRecipe,
    ),
    "z-boson": Preset(
        "Z + one jet, seen from the Z",
        "The same events in the coordinates of the Z: its mass, p_T and decay angles, and the jet beside it. What was hidden in "
        "correlations is a feature now, and M_μμ and p_T,μμ are learned as well as anything. Compare with the preset before.",
        {**Z_JETS, "coordinates": "boson"},
        recipe_type=GeneratorRecipe,
    ),
    "top-pairs": Preset(
        "Top pairs",
        "Seventeen coordinates of six partons: are the masses of the top quarks and W bosons, which no feature shows, learned?",
        {
            "dataset": "tt_partons",
            "events": 4_000,
            "test_events": 1_500,
            "blocks": 8,
            "hidden": [64, 64],
            "mixing": "rotation",
            "steps": 3_000,
            "learning_rate": 2e-3,
        },
        recipe_type=GeneratorRecipe,
    ),
}
