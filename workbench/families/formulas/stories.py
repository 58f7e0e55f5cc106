"""Stories of the second half of the talk: the formula of an optimal observable, its constants, and what they are good for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.families.formulas.figures import ratio
from workbench.families.formulas.presets import AWAY
from workbench.families.formulas.product import numbers
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.formulas.talk import SAID
from workbench.stories.story import Panel, Story, at, listed
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray

LEVELS = ("parton", "detector")
MEASURED = (*"abcd", *(f"error_{letter}" for letter in "abcd"), "slope", "slope_error", "wider", "best_share", "talk_share", "has_eta")
"""What the first story measures of each search."""
SHARES = {"very wrong: x₁x₂": 0.0, "wrong: sin Δφ": 0.339, "x₁x₂ sin Δφ": 0.659, "four parameters": 0.698, "network": 0.712}
"""Of the information, from smeared jets, as an independent calculation has them."""
SHORT = {"very wrong: x₁x₂": "worst", "wrong: sin Δφ": "wrong", "x₁x₂ sin Δφ": "leading", "four parameters": "right", "network": "network"}


def levels() -> dict[str, FormulaRecipe]:
    return {level: FormulaRecipe(level=level) for level in LEVELS}


def four_parameters(full: bool) -> Story:
    recipes = levels()

    def measured(found: xarray.Dataset) -> dict[str, float]:
        place = {name: number for number, name in enumerate(found["letter"].values.astype(str))}
        values, errors = found["talk_value"].values.astype(float), found["talk_bootstrap"].values.astype(float)
        known = {f"{letter}": float(values[place[letter]]) for letter in "abcd"}
        known |= {f"error_{letter}": float(errors[place[letter]]) for letter in "abcd"}
        naive = found["talk_naive"].values.astype(float)
        variables = " ".join(str(text) for text in found["formula"].values)
        return known | {
            "slope": ratio(found, "b/a", "talk_bootstrap")[0],
            "slope_error": ratio(found, "b/a", "talk_bootstrap")[1],
            "wider": float((errors[[place[letter] for letter in "abc"]] / naive[[place[letter] for letter in "abc"]]).min()),
            "best_share": numbers(found)["mse"],
            "talk_share": float(found["talk_mse"] / found["variance"]),
            "has_eta": float("Δη" in variables),
        }

    def rows(scan: xarray.Dataset) -> list[Row]:
        value = {(name, level): at(scan, str(name), level=level) for name in MEASURED for level in LEVELS}
        told = []
        for letter, said in (("a", 0.853), ("b", 0.819), ("c", 1.466)):
            parton, detector = (value[letter, level] for level in LEVELS)
            made = detector / parton
            error = abs(made) * math.hypot(*(value[f"error_{letter}", level] / value[letter, level] for level in LEVELS))
            wide = max(0.1 * said, 2 * error)
            told.append(Row(f"{letter}, detector over partons", made, said - wide, said + wide, error=error))
        found = [
            Row(f"{level}: Δη in the hall of fame", value["has_eta", level], 1.0) for level in LEVELS
        ]  # fmt: skip
        return [
            *claim("The search finds the factor in Δη.", *found),
            *claim("A detector moves the constants as on the slide.", *told),
            *claim(
                "b/a is that of the slide.",
                *(
                    Row(
                        f"{level}: b/a",
                        value["slope", level],
                        (s := SAID[level]["b"][0] / SAID[level]["a"][0]) - max(0.1 * s, 2 * e),
                        s + max(0.1 * s, 2 * e),
                        error=e,
                    )
                    for level in LEVELS
                    for e in (value["slope_error", level],)
                ),
            ),
            *claim(
                "d is zero, as CP symmetry asks for.",
                *(
                    Row(f"{level}: |d| over its bootstrap error", abs(value["d", level] / value["error_d", level]), high=3.0)
                    for level in LEVELS
                ),
            ),
            *claim(
                "The errors of the fit are many times too small.",
                *(Row(f"{level}: smallest bootstrap over naive error of a, b, c", value["wider", level], 5.0) for level in LEVELS),
            ),
            *(
                Row(f"{level}: variance left by the best formula", value["best_share", level], high=value["talk_share", level] * 1.1)
                for level in LEVELS
            ),
        ]

    return Story(
        "four_parameters", "Four constants, and how well they are known", "t = −x₁ (x₂ + c)(a − b Δη) sin(Δφ + d)",
        "The formula stays when jets are smeared, and its constants move. Only the thin error bars can be trusted.",
        "a = 1.086(11), b = 0.10241(19), c = 0.24165(8), d = 0.00662(32) for partons; a = 0.926(2), b = 0.08387(35), c = 0.3542(20), "
        "d = 0.00911(67) with a detector. The overall factor is a matter of normalisation.",
        (Panel("formula_constants"), Panel("hall_of_fame")), **listed("level", recipes), rows=rows, seconds=60, measured=measured,
    )  # fmt: skip


def away_from_sm(full: bool) -> Story:
    base = FormulaRecipe(**AWAY)
    recipes = {"without ÷": base, "with ÷": base.replace(operators="division")}

    def rows(scan: xarray.Dataset) -> list[Row]:
        without, with_it = (at(scan, "mse", operators=name) for name in recipes)
        return [
            Row("without ÷: variance left", without),
            *claim(
                "Away from the Standard Model a division pays, as (a + 2bθ)/(p₀ + aθ + bθ²) has one.",
                Row("with ÷ over without: variance left", with_it / without, high=0.95),
            ),
            *claim("Half of the variance and more is described.", Row("with ÷: variance left", with_it, high=0.5)),
        ]

    return Story(
        "away_from_sm", "Away from the Standard Model", "t = (a + 2bθ)/(p₀ + aθ + bθ²)",
        "At f_T = 30 TeV⁻² the same number of nodes describes more with a division among them.",
        "MSE from 0.124 for a x₁x₂ to 0.039 for a quotient with seven constants, in another normalisation.",
        (Panel("hall_of_fame"), Panel("formulas", {"select": {"operators": "with ÷"}})),
        **listed("operators", recipes), rows=rows, seconds=60,
    )  # fmt: skip


def formula_limits(full: bool) -> Story:
    recipes = levels()

    def measured(found: xarray.Dataset) -> dict[str, float]:
        known: dict[str, float] = {}
        for name, short in SHORT.items():
            chosen = found.sel(statistic=name)
            outer = float(chosen["outer"])
            known |= {f"share_{short}": float(chosen["information"]), f"outer_{short}": outer if math.isfinite(outer) else 60.0}
        return known

    def rows(scan: xarray.Dataset) -> list[Row]:
        share = {(short, level): at(scan, f"share_{short}", level=level) for short in SHORT.values() for level in LEVELS}
        outer = {(short, level): at(scan, f"outer_{short}", level=level) for short in SHORT.values() for level in LEVELS}
        order = ("right", "wrong", "worst")
        return [
            *claim(
                "The wrong formula costs limits, the very wrong one more.",
                *(
                    Row(f"{level}: 95 % limit, {worse} over {better}", outer[worse, level] / outer[better, level], 1.1)
                    for level in LEVELS
                    for better, worse in itertools.pairwise(order)
                ),
            ),
            *claim(
                "Four constants are as good as a network.",
                *(
                    Row(f"{level}: information, right over network", share["right", level] / share["network", level], 0.93, 1.03)
                    for level in LEVELS
                ),
            ),
            *claim(
                "The shares of the information are those of an independent calculation.",
                *(
                    Row(f"detector: {name}", share[SHORT[name], "detector"], said - 0.05, said + 0.05, ".3f")
                    for name, said in SHARES.items()
                ),
            ),
        ]

    return Story(
        "formula_limits", "What a formula is worth", "q(f_T) = −2 · 36 ⟨ln p(f|f_T)/p(f|0)⟩",
        "Limits on f_T grow better from the very wrong formula to the right one, which is nearly as good as the network.",
        "Expected limits from a very wrong, a wrong and the right formula, and from the network: the order is the message (no numbers).",
        tuple(Panel(name, {"select": {"level": "detector"}}) for name in ("formula_limits", "formulas")),
        **listed("level", recipes), rows=rows, seconds=60, measured=measured,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "four_parameters": four_parameters,
    "away_from_sm": away_from_sm,
    "formula_limits": formula_limits,
}
