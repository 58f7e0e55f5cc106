"""Presets: recipes with a story, the first thing a lecturer reaches for.

A preset is a title, one sentence that says what to look at, and the few options that differ from the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workbench.training.recipe import AmplitudeRecipe, GeneratorRecipe, Recipe


@dataclass(frozen=True)
class Preset:
    """A named recipe: `changes` are the options that differ from the defaults, `see` says what to look at."""

    title: str
    see: str
    changes: dict[str, Any] = field(default_factory=dict)
    recipe_type: type[Recipe] = AmplitudeRecipe

    @cached_property
    def recipe(self) -> Recipe:
        return self.recipe_type(**self.changes)


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

AMPLITUDES: dict[str, Preset] = {
    "first-bnn": Preset(
        "First Bayesian network",
        "A network with Gaussian weights learns the loop amplitude from 9,000 events with 1 % noise. "
        "The losses fall, Δ becomes narrow, and the pull settles on the unit Gaussian.",
    ),
    "noise": Preset(
        "10 % noise, learned as σ_syst",
        "The training amplitudes are smeared by 10 %. The network is not told: the histogram of σ_syst/A must peak at 0.1, "
        "while σ_stat/A stays far below.",
        {"noise": 0.1, "inputs": "invariants"},
    ),
    "repulsive": Preset(
        "Repulsive ensemble",
        "Eight networks are pushed apart where the data allow it. Their spread is σ_stat; without noise and without calibration the "
        "systematic pull is narrower than one, because the mean of the members is better than each of them.",
        {"uncertainty": "repulsive_ensemble", "noise": 0.0, "inputs": "invariants", "calibrate": False, "steps": 6_000},
    ),
    "invariants": Preset(
        "Invariants instead of momenta",
        "The same network sees the logarithms of the ten invariants instead of twenty momentum components. "
        "Δ becomes about four times narrower: symmetry is worth more than depth.",
        {"inputs": "invariants", "noise": 0.0},
    ),
    "boost": Preset(
        "Boost the largest amplitudes",
        "From a fifth of the training on, the events with the largest uncertainty count more. "
        "Compare Δ of the largest 1 % with the preset before: it narrows while the bulk stays.",
        {"inputs": "invariants", "noise": 0.0, "boost_sigma": 6.0},
    ),
    "sharp": Preset(
        "Symmetry and a better optimiser",
        "Identical particles are put in order, so that the network is exactly symmetric; it learns A without its poles, by SOAP instead of "
        "Adam, and three of ten events lie where A is large. In as many seconds as the first preset Δ becomes fifty times narrower, and "
        "the pull of the largest 1 % is near one.",
        {
            "inputs": "ordered",
            "target": "soft",
            "optimiser": "soap",
            "sampling": "mixed",
            "uncertainty": "bnn_last_layer",
            "opening": "fisher",
            "noise": 0.0,
            "steps": 6_000,
        },
    ),
    "deterministic": Preset(
        "One network, no weight uncertainty",
        "A single network learns A and σ_syst. Its pull can be perfect, but it cannot say how far off another training would end: "
        "σ_stat is missing.",
        {"uncertainty": "deterministic"},
    ),
}
"""The first one is the default recipe."""

GENERATORS: dict[str, Preset] = {
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
        GeneratorRecipe,
    ),
    "fit": Preset(
        "Learned like a fit",
        "The wedge ramp again, by affine couplings and with known edges: few things can move, and each moves everything. σ(x) dips in "
        "the bulk and rises to both sides, as that of a fitted curve. Compare with the first preset, whose splines count events.",
        {"spline": "affine", "edges": "known", "hidden": [16, 16], "warm_start": 0.2},
        GeneratorRecipe,
    ),
    "ring": Preset(
        "Gaussian ring",
        "Half a ring of radius 4 and width 1: a hole and two ends, which a smooth flow can only bend around.",
        {"dataset": "ring", "mixing": "rotation", "steps": 5_000},
        GeneratorRecipe,
    ),
    "z-jets": Preset(
        "Z + one jet",
        "Nine coordinates of two muons and a jet. Distributions are learned to per cent in the bulk; look at M_μμ, a narrow peak that "
        "hides in correlations.",
        Z_JETS,
        GeneratorRecipe,
    ),
    "z-boson": Preset(
        "Z + one jet, seen from the Z",
        "The same events in the coordinates of the Z: its mass, p_T and decay angles, and the jet beside it. What was hidden in "
        "correlations is a feature now, and M_μμ and p_T,μμ are learned as well as anything. Compare with the preset before.",
        {**Z_JETS, "coordinates": "boson"},
        GeneratorRecipe,
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
        GeneratorRecipe,
    ),
}
