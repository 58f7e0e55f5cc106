"""A family as small as one can be, which the tests add to the others: a straight line through points."""

from workbench.families.lines.recipe import LineRecipe

from workbench.families.family import Family, Kind, Ref
from workbench.training.presets import Preset

HERE = "workbench.families.lines"
LINES = Family(
    name="lines",
    title="Lines",
    place="lines",
    learns="a line",
    help="fit a line and follow it",
    about="Fit a straight line to points.",
    kinds=(Kind(LineRecipe, Ref(f"{HERE}.job:LineJob"), Ref(f"{HERE}.product:LINE")),),
    presets={
        "steep": Preset("A steep line", "The slope comes to 2.", recipe_type=LineRecipe),
        "flat": Preset("A flat line", "The slope comes to 0.5.", {"slope": 0.5}, recipe_type=LineRecipe),
    },
    events=Ref(f"{HERE}.job:points"),
    page=Ref(f"{HERE}.page:Lines"),
    figures=Ref(f"{HERE}.figures:FIGURES"),
    stories=(Ref(f"{HERE}.stories:STORIES"),),
)
