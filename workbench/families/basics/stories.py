"""Stories of the first half of the lecture: what every learner meets, with numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.families.basics.presets import BY_HEART, DENSITIES, FEW
from workbench.families.basics.recipe import BasicsRecipe
from workbench.stories.story import Panel, Story, at, listed
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray


def overfitting(full: bool) -> Story:
    base = BasicsRecipe(**FEW)
    recipes = {
        "no cure": base,
        "dropout 0.3": base.replace(dropout=0.3),
        "L2 3·10⁻³": base.replace(l2=3e-3),
        "early stopping": base.replace(early_stopping=True),
        "40 × the data": base.replace(points=4_000),
    }

    def rows(scan: xarray.Dataset) -> list[Row]:
        excess = {name: at(scan, "excess", cure=name) for name in recipes}
        return [
            *claim("100 points are learned by heart.", Row("no cure: loss above the exact one [nat]", excess["no cure"], 0.5)),
            *claim(
                "Every cure helps, and more data most of all.",
                *(Row(f"{name}: loss above the exact one [nat]", excess[name], high=excess["no cure"] / 2) for name in list(recipes)[1:]),
                Row("40 × the data: the same", excess["40 × the data"], high=min(excess[name] for name in list(recipes)[1:4])),
            ),
        ]

    return Story(
        "overfitting", "Over-fitting, and what helps", "L → L + λ₁ Σ|ω| + λ₂ Σ ω²",
        "The loss of unseen points turns around while that of the training points goes on falling.",
        "Training, test and validation; L1, L2 and dropout as cures (no numbers are given).",
        (Panel("learning"), Panel("learned")), **listed("cure", recipes), rows=rows, seconds=15,
    )  # fmt: skip


def mean_or_median(full: bool) -> Story:
    base = BasicsRecipe(points=4_000, outliers=0.1)
    recipes = {"squared error": base, "absolute error": base.replace(loss="mae")}

    def measured(found: xarray.Dataset) -> dict[str, float]:
        return {"shift": float((found["mean"] - found["truth"]).mean())}

    def rows(scan: xarray.Dataset) -> list[Row]:
        return [
            *claim(
                "The squared error learns the mean, f + q/2.",
                Row("squared error: ⟨f_ω − f⟩", at(scan, "shift", minimised="squared error"), 0.04, 0.06),
            ),
            *claim(
                "The absolute error learns the median.",
                Row("absolute error: ⟨f_ω − f⟩", at(scan, "shift", minimised="absolute error"), 0.0, 0.015),
            ),
            *(Row(f"{name}: rms to what it asks for", at(scan, "rms", minimised=name), high=0.02) for name in recipes),
        ]

    return Story(
        "mean_or_median", "Mean or median?", "⟨(y − f)²⟩ → mean, ⟨|y − f|⟩ → median",
        "One point in ten lies ½ too high. One loss is drawn after them, the other is not.",
        "Fits: a Gaussian likelihood leads to χ², an unknown σ to the squared error, or the absolute one (no numbers are given).",
        (Panel("learned"), Panel("beside_exact")), **listed("minimised", recipes), rows=rows, seconds=10, measured=measured,
    )  # fmt: skip


def neyman_pearson(full: bool) -> Story:
    base = BasicsRecipe(toy="resonance", **DENSITIES)
    recipes = {"no bend": base.replace(activation="linear"), "3 neurons": base.replace(hidden=[3]), "2 × 32 neurons": base}

    def rows(scan: xarray.Dataset) -> list[Row]:
        missing = {name: at(scan, "auc_exact", network=name) - at(scan, "auc", network=name) for name in recipes}
        return [
            *claim(
                "A network with enough bends separates as well as the exact p_S/p_B.",
                Row("2 × 32: exact AUC − AUC", missing["2 × 32 neurons"], -0.003, 0.005, ".4f"),
            ),
            *claim("Without a bend it does not.", Row("no bend: exact AUC − AUC", missing["no bend"], 0.05, form=".4f")),
            Row("3 neurons: exact AUC − AUC", missing["3 neurons"], form=".4f"),
        ]

    return Story(
        "neyman_pearson", "Neyman and Pearson: the best cut there is", "p_ω → p_S/(p_S + p_B)",
        "The curve of the network ends on the dashed one, which no cut can beat.",
        "The likelihood ratio is the most powerful test (Neyman and Pearson 1933); a trained classifier approaches it.",
        (Panel("beside_exact"), Panel("learned")), **listed("network", recipes), rows=rows, seconds=10,
    )  # fmt: skip


def by_heart(full: bool) -> Story:
    base = BasicsRecipe(**BY_HEART)
    recipes = {"last step": base, "early stopping": base.replace(early_stopping=True)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        late, early = (at(scan, "loss", taken=name) for name in recipes)
        return [
            Row("loss of unseen points, last step", late),
            *claim(
                "Early stopping finds a better curve than the last step.",
                Row("early stopping over last step", early / late if late else float("nan"), high=0.7),
            ),
        ]

    return Story(
        "by_heart", "25 points learned by heart", "training σ²(1 − p/N), unseen σ²(1 + p/N)",
        "The curve runs through every point; stopped in time it does not.",
        "Over-fitting is seen in the difference of training and validation loss (no numbers are given).",
        (Panel("learned"), Panel("learning")), **listed("taken", recipes), rows=rows, seconds=10,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "overfitting": overfitting,
    "by_heart": by_heart,
    "mean_or_median": mean_or_median,
    "neyman_pearson": neyman_pearson,
}
