"""Inference: optimal observables, likelihood ratios and limits from simulated Higgs events, beside the exact likelihood."""

from __future__ import annotations

from workbench.families.family import Family, Kind, Ref
from workbench.families.inference.presets import PRESETS
from workbench.families.inference.recipe import InferenceRecipe

HERE = "workbench.families.inference"
INFERENCE = Family(
    name="inference",
    title="Inference",
    place="inference",
    learns="a likelihood ratio",
    help="learn a likelihood ratio of Higgs events, with limits",
    about="Train an estimator of the likelihood ratio of WBF Higgs events in two Wilson coefficients, whose exact value is known, and "
    "follow it here; Ctrl+C stops it so that it can be resumed. An equal recipe is trained only once.",
    kinds=(
        Kind(
            InferenceRecipe,
            Ref(f"{HERE}.job:InferenceJob"),
            Ref(f"{HERE}.product:INFERENCE_PRODUCT"),
            Ref(f"{HERE}.predictor:answers"),
            points=Ref(f"{HERE}.predictor:points"),
        ),
    ),
    presets=PRESETS,
    events=Ref(f"{HERE}.sample:pool_for"),
    first=("contours", "log_ratios", "label_loss"),
    page=Ref(f"{HERE}.page:Inference"),
    figures=Ref(f"{HERE}.figures:FIGURES"),
    stories=(Ref(f"{HERE}.stories:STORIES"),),
)
