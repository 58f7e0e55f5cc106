"""The first lesson: a curve through points, classes in the plane, and the exact answer behind every network."""

from __future__ import annotations

from workbench.families.basics.presets import PRESETS
from workbench.families.basics.recipe import BasicsRecipe
from workbench.families.family import Family, Kind, Ref

HERE = "workbench.families.basics"
BASICS = Family(
    name="basics",
    title="Basics",
    place="basics",
    learns="a curve or classes",
    help="train a first network on a toy with a known answer",
    about="Train a small network on a curve or on two classes of points, whose exact answer is known, and follow it here; Ctrl+C stops it "
    "so that it can be resumed. An equal recipe is trained only once.",
    kinds=(
        Kind(
            BasicsRecipe,
            Ref(f"{HERE}.job:BasicsJob"),
            Ref(f"{HERE}.product:BASICS_PRODUCT"),
            Ref(f"{HERE}.predictor:answers"),
            points=Ref(f"{HERE}.predictor:points"),
        ),
    ),
    presets=PRESETS,
    events=Ref(f"{HERE}.points:points_for"),
    first=("learned", "learning", "beside_exact"),
    page=Ref(f"{HERE}.page:Basics"),
    figures=Ref(f"{HERE}.figures:FIGURES"),
    stories=(Ref(f"{HERE}.stories:STORIES"),),
)
