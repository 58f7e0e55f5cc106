"""Back to the formula: symbolic regression of optimal observables, of tables, and of what networks have learned."""

from __future__ import annotations

from workbench.families.family import Family, Kind, Ref
from workbench.families.formulas.presets import PRESETS
from workbench.families.formulas.recipe import FormulaRecipe

HERE = "workbench.families.formulas"
FORMULAS = Family(
    name="formulas",
    title="Formulas",
    place="formulas",
    learns="a formula",
    help="find a formula for an optimal observable or a column of a table",
    about="Search for a formula that describes the score of Higgs events, a column of your own table, or what a network has learned, and "
    "follow it here; Ctrl+C stops it so that it can be resumed. An equal recipe is searched only once.",
    kinds=(
        Kind(
            FormulaRecipe,
            Ref(f"{HERE}.job:FormulaJob"),
            Ref(f"{HERE}.product:FORMULA"),
            Ref(f"{HERE}.predictor:answers"),
            points=Ref(f"{HERE}.predictor:points"),
        ),
    ),
    presets=PRESETS,
    events=Ref(f"{HERE}.targets:target_for"),
    first=("hall_of_fame", "formulas", "formula_limits"),
    page=Ref(f"{HERE}.page:Formulas"),
    figures=Ref(f"{HERE}.figures:FIGURES"),
    stories=(Ref(f"{HERE}.stories:STORIES"),),
)
