"""The methods of MadMiner, each as a preset, with what there is to see."""

from __future__ import annotations

from typing import Any

from workbench.families.inference.recipe import InferenceRecipe
from workbench.training.presets import Preset


def preset(title: str, see: str, **changes: Any) -> Preset:
    return Preset(title, see, changes, recipe_type=InferenceRecipe)


PRESETS = {
    "alice": preset(
        "ALICE, positive quadratic head",
        "The default: r̂ is quadratic in θ and positive, as |M|² is. The contours grow onto the exact ones within seconds.",
    ),
    "histogram": preset(
        "Histogram p_T × Δφ",
        "What experiments did before: two observables in 160 bins. Its contours are wider than the exact ones, because it sees less.",
        method="histogram_2d",
    ),
    "carl": preset(
        "CARL: labels only",
        "A classifier between θ and the mixture, parametrised in θ. Labels say little: 20,000 events are not enough for it.",
        method="carl",
        head="free",
    ),
    "rolr": preset(
        "ROLR: joint ratios", "Squared errors of r and 1/r: the rare, large ones say what is learned.", method="rolr", head="free"
    ),
    "alices": preset(
        "ALICES, free network",
        "The cross-entropy with exact labels and the joint score, without being told that r is quadratic in θ.",
        method="alices",
        head="free",
    ),
    "sally": preset(
        "SALLY: the optimal observable",
        "The score at the Standard Model, then a histogram of it: right nearby, but at f ≈ 10 the squares count as much.",
        method="sally",
    ),
    "bayes": preset(
        "Error bars by a last Bayesian layer",
        "The last layer of the default has Gaussian weights; draws of it move the contour as a whole.",
        uncertainty="bnn_last_layer",
        draws=8,
    ),
    "reference": preset(
        "Standard Model as reference",
        "The same as ROLR, but relative to the Standard Model: r then reaches 10⁵, and few events rule the loss.",
        method="rolr",
        head="free",
        reference="sm",
    ),
}
