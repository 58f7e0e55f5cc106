"""Stories of inference: methods, references, contours that are too small, and an angle that knows nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.families.inference.recipe import SHIPPED, InferenceRecipe
from workbench.stories.story import Panel, Story, at, listed, ratio
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray

ONE = {"uncertainty": "none"}
"""One network: stories of methods ask for no error bars."""


def methods(full: bool) -> Story:
    base = InferenceRecipe(events=200_000, steps=3_000 if full else 2_000, batch_size=1_024, **ONE)
    recipes = {
        "histogram": base.replace(method="histogram_2d"),
        "CARL": base.replace(method="carl", head="free"),
        "SALLY": base.replace(method="sally"),
        "ROLR": base.replace(method="rolr", head="free"),
        "ALICES": base.replace(method="alices", head="free"),
        "ALICE, quadratic": base,
    }

    def rows(scan: xarray.Dataset) -> list[Row]:
        error = {name: at(scan, "mse_trimmed", estimator=name) for name in recipes}
        order = ["histogram", "CARL", "ROLR", "ALICES", "ALICE, quadratic"]
        steps = [Row(f"trimmed MSE: {worse} over {better}", ratio(error[worse], error[better]), 1.5) for worse, better in pairwise(order)]
        areas = [
            Row(
                f"ALICE, quadratic: area {level} %, over the exact one",
                ratio(at(scan, f"area_{name}", estimator="ALICE, quadratic"), at(scan, f"area_{name}_true", estimator="ALICE, quadratic")),
                0.97,
                1.03,
            )
            for level, name in (("68", "68"), ("95", "95"), ("99.7", "997"))
        ]
        return [
            *claim("Each step pays: more than a histogram, more than labels, and the form of |M|².", *steps),
            *claim("The contours of the best one are the exact ones within 3 %.", *areas),
            *(Row(f"{name}: trimmed MSE of log r", value) for name, value in error.items()),
            *(Row(f"{name}: MSE of log r", at(scan, "mse", estimator=name)) for name in recipes),
            *(Row(f"{name}: area of 95 %", at(scan, "area_95", estimator=name)) for name in recipes),
        ]

    return Story(
        "likelihood_ratios", "Six ways to a likelihood ratio", "log r̂(x|θ) → log r(x|θ)",
        "The same 200,000 events: the more of the simulator a method uses, the nearer it comes; 95 % contours beside the exact one.",
        "Contours of f_W and f_WW at 68, 95 and 99.7 % for 36 events: learned ratios are better than histograms (arXiv:1805.00020 has "
        "trimmed errors 0.0108 for a histogram, 0.0026 CARL, 0.0015 ROLR, 0.0002 CASCAL on another process).",
        (Panel("contours"), Panel("log_ratios")), **listed("estimator", recipes), rows=rows, seconds=240,
    )  # fmt: skip


def reference(full: bool) -> Story:
    base = InferenceRecipe(events=SHIPPED, head="free", steps=1_500, batch_size=1_024, **ONE)
    recipes = {
        "ROLR, mixture": base.replace(method="rolr"),
        "ROLR, Standard Model": base.replace(method="rolr", reference="sm"),
        "ALICE, mixture": base.replace(method="alice"),
        "ALICE, Standard Model": base.replace(method="alice", reference="sm"),
    }

    def rows(scan: xarray.Dataset) -> list[Row]:
        error = {name: at(scan, "mse_trimmed", estimator=name) for name in recipes}
        return [
            *claim(
                "Squared errors of r want a reference that contains all hypotheses.",
                Row("ROLR: trimmed MSE, Standard Model over mixture", ratio(error["ROLR, Standard Model"], error["ROLR, mixture"]), 1.5),
            ),
            Row("ALICE: trimmed MSE, Standard Model over mixture", ratio(error["ALICE, Standard Model"], error["ALICE, mixture"])),
            *(Row(f"{name}: MSE of log r", at(scan, "mse", estimator=name)) for name in recipes),
            *(Row(f"{name}: area of 95 %, over the exact one", _of_exact(scan, name)) for name in recipes),
        ]

    return Story(
        "reference_hypothesis", "Relative to what?", "r(x|θ) = p(x|θ)/p(x|reference)",
        "Relative to the mixture r stays below 6; relative to the Standard Model it reaches 10⁵, and single events rule the loss.",
        "The reference is one fixed hypothesis there (no numbers are given).",
        (Panel("contours"), Panel("log_ratios")), **listed("estimator", recipes), rows=rows, seconds=60,
    )  # fmt: skip


def _of_exact(scan: xarray.Dataset, name: str) -> float:
    return ratio(at(scan, "area_95", estimator=name), at(scan, "area_95_true", estimator=name))


def smaller(full: bool) -> Story:
    base = InferenceRecipe(events=5_000, steps=1_000, **ONE)
    recipes = {"CARL": base.replace(method="carl", head="free"), "ALICE, quadratic": base, "histogram": base.replace(method="histogram_2d")}

    def rows(scan: xarray.Dataset) -> list[Row]:
        of_exact = {name: _of_exact(scan, name) for name in recipes}
        error = {name: at(scan, "mse_trimmed", estimator=name) for name in recipes}
        return [
            *claim(
                "With 5,000 events CARL promises more than there is to know, and is the worst of all.",
                Row("CARL: area of 95 %, over the exact one", of_exact["CARL"], high=0.9),
                Row("trimmed MSE: CARL over histogram", ratio(error["CARL"], error["histogram"]), 1.5),
            ),
            *claim(
                "Joint ratios make few events enough.",
                Row("ALICE, quadratic: area of 95 %, over the exact one", of_exact["ALICE, quadratic"], 0.9, 1.1),
                Row("trimmed MSE: CARL over ALICE", ratio(error["CARL"], error["ALICE, quadratic"]), 10.0),
            ),
            Row("histogram: area of 95 %, over the exact one", of_exact["histogram"]),
        ]

    return Story(
        "smaller_contour", "A smaller contour is not a better one", "an estimate that is wrong can be wrong on either side",
        "One contour lies inside of the exact one, where nothing can be: only its error, the truth or a calibration tells.",
        "Contours are compared by their size there (no errors of the estimates are given).",
        (Panel("contours"), Panel("ratio_calibration")), **listed("estimator", recipes), rows=rows, seconds=30,
    )  # fmt: skip


def angle(full: bool) -> Story:
    base = InferenceRecipe(events=SHIPPED, method="histogram_1d", **ONE)
    recipes = {"forward − backward": base.replace(observable="dphi"), "in order of p_T": base.replace(observable="dphi_by_pt")}

    def measured(found: xarray.Dataset) -> Mapping[str, float]:
        names = [str(name) for name in found["statistic"].values]
        odd = found["information"].values[:, 2] / found["information"].values[-1, 2]
        return {f"odd_{name}": float(odd[names.index(name)]) for name in ("dphi", "dphi_by_pt", "pt1_dphi")}

    def rows(scan: xarray.Dataset) -> list[Row]:
        place = {"angle": "forward − backward"}
        return [
            *claim(
                "Δφ of jets in order of p_T knows nothing of CP: the two orders are equally likely, and the sign is lost.",
                Row("share of the information in f_T: Δφ in order of p_T", at(scan, "odd_dphi_by_pt", **place), -0.01, 0.03, ".3f"),
                Row("share of the information in f_T: Δφ forward − backward", at(scan, "odd_dphi", **place), 0.2, form=".3f"),
            ),
            Row("share of the information in f_T: p_T × Δφ", at(scan, "odd_pt1_dphi", **place), form=".3f"),
        ]

    return Story(
        "which_angle", "An angle that knows nothing of CP", "Δφ = φ(forward) − φ(backward)",
        "The same two jets, the same angle: ordered by p_T it is symmetric for any f_T, ordered by η it is the observable of CP violation.",
        "sign[(k₁−k₂)·(q₁−q₂)] ε(k₁,k₂,q₁,q₂) → sin Δφ (arXiv:2109.10414).",
        (Panel("information"), Panel("dphi_at_theta")), **listed("angle", recipes), rows=rows, seconds=10, measured=measured,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "likelihood_ratios": methods,
    "reference_hypothesis": reference,
    "smaller_contour": smaller,
    "which_angle": angle,
}
