"""What the stories of the two amplitude talks (arXiv:2412.12069 and arXiv:2206.14831) share.

Sizes are those of two cores and some minutes; `full` takes 700,000 training points and wider networks. Limits are those of the talks
where they give numbers, else our own, and said to be so.
"""

from __future__ import annotations

from typing import Any

from workbench.families.amplitudes.recipe import AmplitudeRecipe

NOISES = [0.0, 3e-4, 1e-3, 1e-2, 5e-2, 1e-1]
WAYS = ["deterministic", "bnn_last_layer", "repulsive_ensemble"]
"""The talk's Bayesian network has widths in its last layer only."""
WORDS = AmplitudeRecipe.options()["uncertainty"].words
LONG = 40_000
"""Steps with 700,000 points: a minute of a GPU."""
UNCERTAINTY_TALK = "arXiv:2412.12069, Nikhef seminar 2024"
BOOSTING_TALK = "arXiv:2206.14831"
WIDE = {"first_width": 2.0, "prior_width": 1.0}
"""Members that begin rougher, and that the prior leaves alone, end farther apart, so that their spread knows more of the bias that they
share. Smaller factors are too narrow for t_stat, larger ones cost accuracy."""


def small(full: bool, **changes: Any) -> AmplitudeRecipe:
    """The recipe most stories start from: a small network that trains in seconds, or what a GPU can do in minutes."""
    sizes: dict[str, Any] = {"events": 9_000, "test_events": 5_000, "hidden": [64, 64, 64], "steps": 6_000}
    if full:
        sizes = {"events": 700_000, "test_events": 100_000, "hidden": [128] * 5, "steps": LONG, "batch_size": 1_024}
    common = {"inputs": "invariants", "noise": 0.0, "calibrate": False, "prior_width": 0.3, "warm_start": 0.2}
    return AmplitudeRecipe(**{**sizes, **common, **changes})


def enough(full: bool, **changes: Any) -> AmplitudeRecipe:
    """So many data that no network learns their noise by heart, as it does with 9,000."""
    return small(full, **({} if full else {"events": 45_000}), **changes)


def members_of(full: bool) -> int:
    """Members of an ensemble."""
    return 32 if full else 16
