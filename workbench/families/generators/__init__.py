"""Densities of events, learned by normalizing flows, and new events drawn from them."""

from __future__ import annotations

from workbench.families.family import Family, Kind, Ref
from workbench.families.generators.presets import PRESETS
from workbench.families.generators.recipe import GeneratorRecipe

GENERATORS = Family(
    name="generators",
    title="Generators",
    place="generators",
    learns="the density of events",
    help="train a generator of events and follow it",
    about="Train a normalizing flow on the density of events and follow it here; Ctrl+C stops it so that it can be resumed. "
    "Histograms, densities and new events stand in the run's prediction. An equal recipe is trained only once.",
    kinds=(
        Kind(
            GeneratorRecipe,
            Ref("workbench.families.generators.job:GeneratorJob"),
            Ref("workbench.families.generators.product:GENERATOR"),
            predictor=Ref("workbench.families.generators.predictor:density"),
            sampler=Ref("workbench.families.generators.flows:sampler_of"),
        ),
    ),
    presets=PRESETS,
    events=Ref("workbench.data.catalogue:sample_for"),
    first=("cloud", "losses"),
    page=Ref("workbench.families.generators.page:Generators"),
    figures=Ref("workbench.families.generators.figures:FIGURES"),
    stories=tuple(Ref(f"workbench.families.generators.stories.{name}:STORIES") for name in ("toys", "events")),
)
