"""Stories of toys in the plane (arXiv:2104.04543).

Sizes are those of two cores and some minutes; `full` takes more events, steps and wider networks. Limits are ours where the talk gives
no numbers, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.families.generators.generated import histogram, slope
from workbench.families.generators.presets import PRESETS
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.stories.story import Panel, Story, at, listed, ratio, ratio_of, swept
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray

BAYESIAN_TALK = "arXiv:2104.04543"
STIFF: dict[str, Any] = PRESETS["fit"].changes
STIFFER: dict[str, Any] = {"spline": "rational_quadratic", "bins": 2, "blocks": 2, "hidden": [16], "edges": "known", "warm_start": 0.2}
"""Two pieces in each of two blocks: what a kicker ramp needs, and hardly more."""
SIZES = [10_000, 30_000, 100_000, 300_000]
ROOT_N = (-0.65, -0.35)
"""The power of N in 1/√N, within a factor of 1.4 over a decade."""


def toy(name: str, full: bool, **changes: Any) -> GeneratorRecipe:
    """A flow on a toy that trains in half a minute; its spread is looked at in 128 draws."""
    sizes = {"events": 300_000, "steps": 20_000} if full else {}
    return GeneratorRecipe(**{"dataset": name, "draws": 128, **sizes, **changes})


def excess(scan: xarray.Dataset, **place: Any) -> float:
    """Log loss above the exact entropy, in nats."""
    return at(scan, "log_loss", **place) - at(scan, "entropy", **place)


def learned(scan: xarray.Dataset, **place: Any) -> Row:
    """How far above the exact entropy the log loss ends."""
    words = ", ".join(f"{value:,} events" if isinstance(value, int) else str(value) for value in place.values())
    return Row(f"{words}: −⟨ln p⟩ − entropy", excess(scan, **place), -0.02, 0.02, ".3f")


def share_inside(prediction: xarray.Dataset, name: str) -> float:
    """Share of the filled bins that lie inside of the unit interval in which the truth is within 2σ of band and statistical error."""
    h = histogram(prediction, name)
    bins = (h["low"].values >= 0) & (h["high"].values <= 1) & (h["truth"].values > 0)
    apart = abs(h["mean"].values - h["truth"].values)[bins] / np.hypot(h["sigma"].values, h["error"].values)[bins]
    return float(np.mean(apart < 2)) if bins.any() else np.nan


def maps(full: bool) -> Story:
    recipes = {"wedge ramp": toy("wedge", full)}

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        """σ averaged over the inner two thirds of one axis, along the other."""
        x, y = (prediction[f"map_{axis}"].values for axis in "xy")
        sigma = prediction["map_sigma"].transpose("map_y", "map_x").values.astype(float)
        inner = (abs(y - 0.5) < 1 / 3)[:, None] & (abs(x - 0.5) < 1 / 3)[None, :]
        sigma = sigma[np.ix_(inner.any(axis=1), inner.any(axis=0))]
        along_x, along_y = sigma.mean(axis=0), sigma.mean(axis=1)
        return {
            "sigma_rise": float(along_x[-3:].mean() / along_x[:3].mean()),
            "sigma_change_x": float(along_x.std() / along_x.mean()),
            "sigma_change_y": float(along_y.std() / along_y.mean()),
        }

    def rows(scan: xarray.Dataset) -> list[Row]:
        place = {"toy": "wedge ramp"}
        flat = ratio_of(scan, "sigma_change_y", "sigma_change_x", **place)
        return [
            *claim(
                "The density is learned.",
                learned(scan, **place),
                Row("mean |p_x/2x − 1| per bin", at(scan, "deviation_x", **place), high=0.05, form=".3f"),
            ),
            *claim("Its error rises along x.", Row("σ at x = 5/6 over σ at x = 1/6", at(scan, "sigma_rise", **place), 1.5)),
            *claim("It changes less along y than along x.", Row("relative change of σ: along y over along x", flat, high=1.0)),
        ]

    return Story(
        "maps", "A density and its error, in the plane", "p(x) = ⟨p(x|θ)⟩, σ(x) = std p(x|θ)",
        "p = 2x rises along x and is flat along y, and so does its error. Where the density has an edge, the flow bends, and "
        "networks differ.",
        f"Density and uncertainty maps of the toys; the uncertainty has a structure of its own ({BAYESIAN_TALK}; it gives no numbers: we "
        "require 0.02 nat, 5 % per bin, and a σ that rises by half).",
        (Panel("density_map"), Panel("uncertainty_map")), **listed("toy", recipes), rows=rows, seconds=35, measured=measured,
    )  # fmt: skip


def edges(full: bool) -> Story:
    base = toy("wedge", full)
    recipes = {
        "edges learned": base,
        "edges learned, affine": base.replace(**STIFF | {"edges": "learned", "mixing": "rotation", "blocks": 12}),
    }
    recipes["edges known"] = base.replace(**STIFF)

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        return {"inside": share_inside(prediction, "x")}

    def rows(scan: xarray.Dataset) -> list[Row]:
        smeared, known = (excess(scan, flow=name) for name in ("edges learned, affine", "edges known"))
        band = [Row(f"{name}: bins within 2σ of the truth", at(scan, "inside", flow=name), 0.8, 1.0, ".0%") for name in recipes]
        return [
            *claim("Splines learn the edges, and where they are known nothing is left to smear.", *(
                learned(scan, flow=name) for name in ("edges learned", "edges known")
            )),
            *claim(
                "A smooth flow smears what a hard edge cuts, and pays for it.",
                Row("edges learned, affine: −⟨ln p⟩ − entropy", smeared, 0.0, 0.1, ".3f"),
                Row("affine: learned over known edges, in this", ratio(smeared, known), 1.5),
            ),
            *claim("From 0 to 1 the truth lies in the band.", *band),
        ]  # fmt: skip

    return Story(
        "edges", "A band around a hard edge", "h ± σ(h), ratio = ⟨h⟩/h_truth",
        "Inside, the truth lies in the band. Beyond x = 0 and 1 it does not: no network of the family has an edge, and so no spread.",
        f"Truth inside the band, smearing at the edges x = 0 and 1 ({BAYESIAN_TALK}; it gives no numbers: we require 80 % of the bins "
        "within 2σ, and that smearing costs half as much again).",
        (Panel("generated", {"observable": "x"}),), **listed("flow", recipes), rows=rows, seconds=110, measured=measured,
    )  # fmt: skip


def fit(full: bool) -> Story:
    recipes = {"affine couplings": toy("wedge", full, **STIFF), "splines": toy("wedge", full)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        stiff = {"flow": "affine couplings"}
        chi2 = {name: ratio_of(scan, "chi2_counting", "chi2_fit", flow=name) for name in recipes}
        return [
            *claim("The density is learned.", learned(scan, **stiff)),
            *claim(
                "The stiff flow errs like a fit: σ dips in the bulk and rises to the end.",
                Row("affine couplings: x of the dip", at(scan, "bulk_dip", **stiff), 0.35, 0.70),
                Row("… depth, σ on both sides over σ there", at(scan, "depth", **stiff), 1.05),
                Row("… σ(0.95) over σ there", at(scan, "rise", **stiff), 2.0),
                Row("… χ² of √p over χ² of the best fit", chi2["affine couplings"], 1.0),
            ),
            *claim("Splines come nearer to counting.", Row("splines: χ² of √p over χ² of the best fit", chi2["splines"], high=1.0)),
        ]

    return Story(
        "fit", "A network that errs like a fit", "Δp² = Σ (Δθ ∂p/∂θ)² or Δp ∝ √p",
        "For counted events the error would grow as √p. That of a fitted curve dips where its parameters do not matter, in the bulk; "
        "the relative one explodes at x → 0.",
        f"The uncertainty is that of a low-dimensional fit, not of binned statistics ({BAYESIAN_TALK}): affine couplings, as there. "
        "Splines, which came later, are more like counting.",
        (Panel("uncertainty_line", {"select": {"flow": "affine couplings"}}), Panel("uncertainty_line", {"select": {"flow": "splines"}})),
        **listed("flow", recipes), rows=rows, seconds=60,
    )  # fmt: skip


def dip(full: bool) -> Story:
    recipes = {"wedge ramp": toy("wedge", full, **STIFFER), "kicker ramp": toy("kicker", full, **STIFFER)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        x = {name: at(scan, "bulk_dip", toy=name) for name in recipes}
        chi2 = {name: ratio_of(scan, "chi2_counting", "chi2_fit", toy=name) for name in recipes}
        return [
            *claim("Both densities are learned.", *(learned(scan, toy=name) for name in recipes)),
            *claim(
                "There is a dip in the bulk, from which σ rises to the end.",
                Row("wedge: x of the dip", x["wedge ramp"], 0.35, 0.70),
                Row("kicker: x of the dip", x["kicker ramp"], 0.55, 0.80),
                *(Row(f"{name}: depth", at(scan, "depth", toy=name), 1.02) for name in recipes),
                *(Row(f"{name}: σ(0.95) over σ there", at(scan, "rise", toy=name), 2.0) for name in recipes),
            ),
            *claim(
                "It moves to larger x from the wedge to the kicker.",
                Row("x of the dip: kicker over wedge", ratio(x["kicker ramp"], x["wedge ramp"]), 1.0, strict=True),
            ),
            *claim("σ is more like that of a fit than like √p.", *(
                Row(f"{name}: χ² of √p over the fit's", value, 1.0) for name, value in chi2.items()
            )),
        ]  # fmt: skip

    return Story(
        "dip", "Where a fit is sure: wedge and kicker", "p = 2x, p = 3x²",
        "A steeper ramp is best constrained at larger x. Where p itself vanishes its error does, too; the dip is the place between two "
        "rises.",
        f"A dip in the bulk, at larger x for the kicker ({BAYESIAN_TALK}); where exactly depends on the fitted curve (the ranges are those "
        "of fits of one and two parameters).",
        (Panel("uncertainty_line", {"select": {"toy": "wedge ramp"}}), Panel("uncertainty_line", {"select": {"toy": "kicker ramp"}})),
        **listed("toy", recipes), rows=rows, seconds=60,
    )  # fmt: skip


def ring(full: bool) -> Story:
    recipes = {"splines": toy("ring", full, **PRESETS["ring"].changes)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        place = {"flow": "splines"}
        chi2 = ratio_of(scan, "chi2_counting", "chi2_fit", **place)
        return [
            *claim(
                "The ring is learned.",
                learned(scan, **place),
                Row("mean |ratio − 1| of r", at(scan, "deviation_r", **place), high=0.05, form=".3f"),
            ),
            *claim("Its error is more like that of a fit of radius and width than like √p.", Row("χ² of √p over χ² of the fit", chi2, 1.0)),
        ]

    return Story(
        "ring", "A ring, and its radius", "Δp²/p² = ((r − μ)/w²)² Δμ² + ((r − μ)²/w³ − 1/w)² Δw²",
        "An error of the radius vanishes at r = μ, one of the width at μ ± w: shoulders on the flanks are a shift, a peak in the middle a "
        "width.",
        f"The half ring is the toy with a hole and two ends ({BAYESIAN_TALK}; it gives no numbers: we require 0.02 nat and 5 % per bin).",
        (Panel("uncertainty_line"), Panel("generated", {"observable": "r"}), Panel("uncertainty_map")),
        **listed("flow", recipes), rows=rows, seconds=60,
    )  # fmt: skip


def statistics(full: bool) -> Story:
    recipe = toy("wedge", full, **STIFF, draws=64, test_events=10_000, width_pace=5.0)
    setup = swept(recipe.replace(events=SIZES[0]), events=SIZES)

    def rows(scan: xarray.Dataset) -> list[Row]:
        spread = scan["spread"].sel(events=SIZES).values
        power = slope(np.array(SIZES, dtype=float), spread) if np.isfinite(spread).all() else np.nan
        return [
            *claim("The band shrinks as 1/√N.", Row("d log σ/d log N", power, *ROOT_N, ".2f")),
            *claim("The density is learned at all sizes.", *(learned(scan, events=size) for size in SIZES)),
        ]

    return Story(
        "statistics", "The band and the training size", "σ(p) ∝ 1/√N",
        "Thirty times the events, five times less spread. Drag the slider of one training: first the density comes, then its error.",
        f"Uncertainties decrease about as 1/√N; the network learns the mean first ({BAYESIAN_TALK}).",
        (Panel("band_size"), Panel("uncertainty_line")), **setup, rows=rows, seconds=80,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "maps": maps,
    "edges": edges,
    "fit": fit,
    "dip": dip,
    "ring": ring,
    "statistics": statistics,
}
