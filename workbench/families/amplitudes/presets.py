"""Recipes of amplitudes with a story."""

from __future__ import annotations

from typing import Any

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.training.presets import Preset


def _preset(title: str, see: str, changes: dict[str, Any] | None = None) -> Preset:
    return Preset(title, see, changes or {}, recipe_type=AmplitudeRecipe)


PRESETS: dict[str, Preset] = {
    "first-bnn": _preset(
        "First Bayesian network",
        "A network with Gaussian weights learns the loop amplitude from 9,000 events with 1 % noise. "
        "The losses fall, Δ becomes narrow, and the pull settles on the unit Gaussian.",
    ),
    "noise": _preset(
        "10 % noise, learned as σ_syst",
        "The training amplitudes are smeared by 10 %. The network is not told: the histogram of σ_syst/A must peak at 0.1, "
        "while σ_stat/A stays far below.",
        {"noise": 0.1, "inputs": "invariants"},
    ),
    "repulsive": _preset(
        "Repulsive ensemble",
        "Eight networks are pushed apart where the data allow it. Their spread is σ_stat; without noise and without calibration the "
        "systematic pull is narrower than one, because the mean of the members is better than each of them.",
        {"uncertainty": "repulsive_ensemble", "noise": 0.0, "inputs": "invariants", "calibrate": False, "steps": 6_000},
    ),
    "invariants": _preset(
        "Invariants instead of momenta",
        "The same network sees the logarithms of the ten invariants instead of twenty momentum components. "
        "Δ becomes about four times narrower: symmetry is worth more than depth.",
        {"inputs": "invariants", "noise": 0.0},
    ),
    "boost": _preset(
        "Boost the largest amplitudes",
        "From a fifth of the training on, the events with the largest uncertainty count more. "
        "Compare Δ of the largest 1 % with the preset before: it narrows while the bulk stays.",
        {"inputs": "invariants", "noise": 0.0, "boost_sigma": 6.0},
    ),
    "sharp": _preset(
        "Symmetry and a better optimiser",
        "Identical particles are put in order, so that the network is exactly symmetric; it learns A without its poles, by SOAP instead of "
        "Adam, and three of ten events lie where A is large. In as many seconds as the first preset would take without noise, Δ becomes "
        "some sixty times narrower, and the pull of the largest 1 % is near one.",
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
    "deterministic": _preset(
        "One network, no weight uncertainty",
        "A single network learns A and σ_syst. Its pull can be perfect, but it cannot say how far off another training would end: "
        "σ_stat is missing.",
        {"uncertainty": "deterministic"},
    ),
}
"""The first one is the default recipe."""
