"""Squared amplitudes, learned with error bars."""

from __future__ import annotations

from workbench.families.amplitudes.presets import PRESETS
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.family import Family, Kind, Ref

AMPLITUDES = Family(
    name="amplitudes",
    title="Amplitudes",
    place="amplitudes",
    learns="an amplitude",
    help="train a recipe of an amplitude and follow it",
    about="Train a network in a process of its own and follow it here; Ctrl+C stops it so that it can be resumed. "
    "An equal recipe is trained only once.",
    kinds=(
        Kind(
            AmplitudeRecipe,
            Ref("workbench.families.amplitudes.job:Job"),
            Ref("workbench.families.amplitudes.product:AMPLITUDE"),
            predictor=Ref("workbench.families.amplitudes.predictor:amplitude"),
            surrogate=Ref("workbench.families.amplitudes.predictor:surrogate"),
            integrator=Ref("workbench.families.amplitudes.cross_section:cross_section"),
            region=Ref("workbench.families.amplitudes.region:region"),
        ),
        Kind(SweepRecipe, Ref("workbench.families.amplitudes.sweep:SweepJob"), Ref("workbench.families.amplitudes.product:SCAN")),
    ),
    presets=PRESETS,
    events=Ref("workbench.data.catalogue:events_for"),
    first=("losses", "delta", "systematic_pull"),
    page=Ref("workbench.families.amplitudes.page:Amplitudes"),
    figures=Ref("workbench.families.amplitudes.figures:FIGURES"),
    stories=tuple(Ref(f"workbench.families.amplitudes.stories.{name}:STORIES") for name in ("error_bars", "sizes", "networks", "boosting")),
    together=SweepRecipe,
)
