"""Taggers: top jets told from QCD jets, with error bars, by the families of networks of the landscape."""

from __future__ import annotations

from workbench.families.family import Family, Kind, Ref
from workbench.families.taggers.presets import PRESETS
from workbench.families.taggers.recipe import TaggerRecipe

HERE = "workbench.families.taggers"
TAGGERS = Family(
    name="taggers",
    title="Taggers",
    place="taggers",
    learns="a tagger",
    help="learn to tell top jets from QCD jets",
    about="Train a network that tells the jets of top quarks from those of quarks and gluons, with error bars, and follow it here; Ctrl+C "
    "stops it so that it can be resumed. An equal recipe is trained only once.",
    kinds=(
        Kind(
            TaggerRecipe,
            Ref(f"{HERE}.job:TaggerJob"),
            Ref(f"{HERE}.product:TAGGER_PRODUCT"),
            Ref(f"{HERE}.predictor:answers"),
            points=Ref(f"{HERE}.predictor:points"),
        ),
    ),
    presets=PRESETS,
    events=Ref(f"{HERE}.splits:jets_for"),
    first=("tagger_learning", "tagger_roc", "scores"),
    page=Ref(f"{HERE}.page:Taggers"),
    figures=Ref(f"{HERE}.figures:FIGURES"),
    stories=(Ref(f"{HERE}.stories:STORIES"),),
)
