"""Stories of arXiv:2412.12069: what the learned error bars say of noise, of the networks, and of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.families.amplitudes.stories.talks import NOISES, UNCERTAINTY_TALK, WAYS, WIDE, WORDS, enough, members_of, small
from workbench.results.calibration import descent
from workbench.results.coverage import coverage as covered_by
from workbench.results.members import pull_widths
from workbench.results.plateau import noise_law
from workbench.results.pulls import scaled_widths
from workbench.stories.story import Panel, Story, at, listed, ratio, swept
from workbench.stories.verdict import Row, claim, near

if TYPE_CHECKING:
    import xarray


def _calibrated(full: bool) -> dict[str, Any]:
    recipe = small(full, warm_start=0.1, **({} if full else {"events": 20_000, "steps": 8_000}))
    return swept(recipe, uncertainty=WAYS, noise=[0.0, 0.03, 0.1])


def noise(full: bool) -> Story:
    def rows(scan: xarray.Dataset) -> list[Row]:
        found = []
        for way in WAYS:
            p, *learned = (at(scan, "sigma_syst_median", uncertainty=way, noise=f) for f in (0.0, 0.03, 0.1))
            found.append(Row(f"{WORDS[way]}: σ_syst/A without noise, p", p))
            for f, sigma in zip((0.03, 0.1), learned, strict=True):
                law = float(np.hypot(f, p))
                row = Row(f"{WORDS[way]}: σ_syst/A at f = {f:g}", sigma, 0.97 * law, 1.03 * law, ".4f")
                found += claim("Nobody told the networks, and all three find the noise.", row)
        return found

    return Story(
        "noise", "The network is not told how noisy its data are", "L = (A − Ā)²/(2σ²) + log σ",
        "The peak of σ_syst/A sits at the dashed line of each noise, until the line passes below what the network can do. Expected is "
        "√(f² + p²) within 3 %.",
        f"A narrow peak at σ/A = f_smear that moves with it, and stops at σ_syst,0 without noise ({UNCERTAINTY_TALK}).",
        (Panel("noise_peaks", {"select": {"uncertainty": "bnn_last_layer"}}),), **_calibrated(full), rows=rows, seconds=90,
    )  # fmt: skip


def plateau(full: bool) -> Story:
    recipe = small(full)

    def rows(scan: xarray.Dataset) -> list[Row]:
        law, found = noise_law(scan), []
        for way in WAYS:
            one, name = law.sel(uncertainty=way), WORDS[way]
            loud = at(scan, "sigma_syst_median", uncertainty=way, noise=0.1)
            above, below = (float(one[f"slope_{side}"]) for side in ("above", "below"))
            found.append(Row(f"{name}: plateau σ_syst/A without noise", float(one["plateau"])))
            # no slope where the scan has less than two points on that side
            found += claim(
                "Above its plateau σ_syst/A is the noise that was put in.",
                *([Row(f"{name}: slope above the plateau", above, 0.95, 1.05)] if np.isfinite(above) else []),
                Row(f"{name}: σ_syst/A at f = 0.1", loud, 0.097, 0.103),
            )
            if np.isfinite(below):
                found += claim("Below the plateau σ_syst/A does not see the noise.", Row(f"{name}: slope below", below, -0.05, 0.05, ".2f"))
            if way != "deterministic":
                quiet, noisy = (at(scan, "sigma_stat_median", uncertainty=way, noise=f) for f in (0.0, 0.1))
                growth = Row(f"{name}: σ_stat/A, largest over smallest below the plateau", float(one["stat_growth"]), 1.0, 1.5)
                found += claim("Below the plateau σ_stat/A is flat.", growth)
                everywhere = Row(f"{name}: σ_stat/A at f = 0.1 over f = 0", ratio(noisy, quiet), 1 / 1.5, 1.5)
                found += claim("σ_stat/A stays the same however much noise there is.", everywhere)
        return found

    return Story(
        "plateau", "Noise, learned: the σ_syst plateau", "σ_syst/A = √(f² + p²)",
        "Above the plateau σ_syst is the noise that was put in; below, it stops at what the network cannot express. Where noise rules, "
        "σ_stat grows: the same number of noisy points says less.",
        f"σ_syst/A = f_smear on the diagonal, a flat plateau below, σ_stat/A independent of the noise ({UNCERTAINTY_TALK}).",
        (Panel("plateau"),), **swept(recipe, uncertainty=WAYS, noise=NOISES), rows=rows, seconds=110,
    )  # fmt: skip


def pulls(full: bool) -> Story:
    def rows(scan: xarray.Dataset) -> list[Row]:
        found = []
        for way in WAYS:
            name, ensemble = WORDS[way], way == "repulsive_ensemble"
            mean, width = (
                {f: at(scan, f"pull_{part}", uncertainty=way, noise=f) for f in (0.0, 0.1)} for part in ("mean", "width")
            )  # fmt: skip
            middle = [Row(f"{name}, f = {f:g}: mean of the pull", mean[f], -0.05, 0.05, "+.3f") for f in (0.0, 0.1)]
            quiet, loud = ((0.5, 0.95), (0.95, 1.05)) if ensemble else ((0.9, 1.1), (0.9, 1.1))
            quiet_row = Row(f"{name}, f = 0: width of the pull", width[0.0], *quiet)
            loud_row = Row(f"{name}, f = 0.1: width of the pull", width[0.1], *loud)
            found += claim("Pulls have mean 0.", *middle)
            if ensemble:
                found += claim("Without noise the ensemble is too cautious.", quiet_row)
                found += claim("With noise the error bar of the ensemble is right.", loud_row)
            else:
                found += claim("The deterministic network and the BNN have pulls of width 1.", quiet_row, loud_row)
        return found

    return Story(
        "pulls", "Are the error bars right? Systematic pulls", "t_syst = (⟨A⟩ − A_train)/σ_syst",
        "On N(0,1) the error bar is right. The ensemble without noise is narrower: its mean profits from averaging, its σ_syst does not.",
        f"All on N(0,1), only repulsive ensembles without noise are narrower ({UNCERTAINTY_TALK}).",
        (Panel("sweep_pulls", {"select": {"noise": [0.0, 0.1]}}),), **_calibrated(full), rows=rows, seconds=90,
    )  # fmt: skip


def coverage(full: bool) -> Story:
    recipes = {WORDS[way]: enough(full, uncertainty=way, noise=0.03) for way in WAYS}
    levels = {"68": 0.6827, "95": 0.9545}

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        c = covered_by(prediction, "tot", list(levels.values()))
        named = {f"covered_{level}": float(c["covered"][k]) for k, level in enumerate(levels)}
        return named | {f"covered_{level}_error": float(c["error"][k]) for k, level in enumerate(levels)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        found = []
        for name in recipes:
            for level, nominal in levels.items():
                held, error = (at(scan, f"covered_{level}{end}", network=name) for end in ("", "_error"))
                row = near(f"{name}: {100 * nominal:.1f} % intervals hold", held, error, nominal, ".1%")
                found += claim(f"{level} % intervals hold {level} %.", row)
            found += claim("Pulls have width 1.", Row(f"{name}: width of t_syst", at(scan, "pull_width", network=name), 0.9, 1.1))
        return found

    return Story(
        "coverage", "Do 68 % intervals hold 68 %?", "P(|A − ⟨A⟩| < k σ_tot)",
        "On the diagonal error bars hold what they promise; above it they are too cautious, below too bold. Expected are 68.3 and 95.5 % "
        "within two statistical errors of the test events.",
        "A calibration curve is the integral of the pull: the same test, read from 5 to 99 % (after the toys of arXiv:2412.12069).",
        (Panel("coverage"),), **listed("network", recipes), rows=rows, seconds=40, measured=measured,
    )  # fmt: skip


def members(full: bool) -> Story:
    count = members_of(full)
    recipe = enough(full, uncertainty="repulsive_ensemble", members=count)

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        w = pull_widths(prediction)
        return {"single_width": float(w["width"][0]), "law": float(abs(w["width"] / w["expected"] - 1).max())}

    def rows(scan: xarray.Dataset) -> list[Row]:
        quiet, loud = (at(scan, "pull_width", noise=f) for f in (0.0, 0.1))
        single = [Row(f"width of one member at f = {f:g}", at(scan, "single_width", noise=f), 0.9, 1.1) for f in (0.0, 0.1)]
        law = [Row(f"farthest from √(ρ + (1 − ρ)/n) at f = {f:g}", at(scan, "law", noise=f), high=0.05, form=".1%") for f in (0.0, 0.1)]
        return [
            *claim("The error bar of one member is right.", *single),
            *claim("Without noise the pull of many members is too narrow.", Row(f"width of {count} members at f = 0", quiet, 0.5, 0.95)),
            *claim("Noise, which all members share, keeps the pull at one.", Row(f"width of {count} members at f = 0.1", loud, 0.95, 1.05)),
            *claim("The width falls as √(ρ + (1 − ρ)/n).", *law),
        ]

    return Story(
        "members", "Why an ensemble is too cautious", "width(n) = √(ρ + (1 − ρ)/n)",
        "With one member the width is one. More members average their own errors away, but not those they share: ρ.",
        f"The pull of repulsive ensembles without noise is narrow: the mean profits from averaging, σ_syst does not ({UNCERTAINTY_TALK}).",
        (Panel("members"),), {"noise": [0.0, 0.1]}, tuple(({"noise": f}, recipe.replace(noise=f)) for f in (0.0, 0.1)),
        rows=rows, seconds=60, measured=measured,
    )  # fmt: skip


def calibration(full: bool) -> Story:
    recipes = {WORDS[way]: enough(full, uncertainty=way) for way in WAYS[:2]}
    recipes["ensemble"] = enough(full, uncertainty="repulsive_ensemble", members=members_of(full))

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        path = descent(prediction)
        return {"descended": float(path["temperature"][-1] / path["closed_form"])}

    def rows(scan: xarray.Dataset) -> list[Row]:
        factor = {name: at(scan, "pull_width", network=name) for name in recipes}
        ends = [Row(f"{name}: T by descent over √⟨t²⟩", at(scan, "descended", network=name), 0.99, 1.01, ".3f") for name in recipes]
        single = [Row(f"{name} without noise: T", factor[name], 0.8, 1.25) for name in list(recipes)[:2]]
        return [
            *claim("T < 1 repairs the ensemble.", Row("ensemble without noise: T", factor["ensemble"], 0.4, 0.95)),
            *claim("The deterministic network and the BNN need little of it.", *single),
            *claim("Gradient descent on T finds what the formula says.", *ends),
        ]

    return Story(
        "calibration", "One factor T for all error bars", "L_T = ⟨(A − ⟨A⟩)²/(2σ²T²) + log σT⟩, T² = ⟨(A − ⟨A⟩)²/σ²⟩",
        "Gradient descent on T lands where the closed form says. The width of the pull becomes one; its shape stays.",
        f"Introduced for the repulsive ensemble, whose σ_syst is too large without noise ({UNCERTAINTY_TALK}; it gives no numbers: we "
        "require 0.4 to 0.95 there, 0.8 to 1.25 elsewhere).",
        (Panel("calibration"),), **listed("network", recipes), rows=rows, seconds=60, measured=measured,
    )  # fmt: skip


MEANS = (8, 32, 128, 256, 512)
"""Draws M of which means are compared with the mean of all 512."""


def scaled(full: bool) -> Story:
    ensemble = {"hidden": [64, 64, 64], "steps": 30_000} if full else {"hidden": [24, 24, 24], "steps": 3_000, "batch_size": 128}
    recipes = {
        "BNN, 512 draws": small(full, uncertainty="bnn", draws=512, test_events=2_000),
        "ensemble, 512 members": small(
            full, uncertainty="repulsive_ensemble", members=512, test_events=2_000, learning_rate=0.01, **WIDE, **ensemble
        ),
    }

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        s = scaled_widths(prediction)
        named = {f"mean_{part}_{m}": float(s[part].sel(means=m)) for m in MEANS for part in ("width", "error", "expected")}
        return named | {"within_one": float(s["within_one"])}

    def rows(scan: xarray.Dataset) -> list[Row]:
        found = []
        for name in recipes:
            one = Row(f"{name}: share within σ_stat at M = 1", at(scan, "within_one", network=name), 0.633, 0.733, ".1%")
            found += claim("Single draws are distributed like N(0,1).", one)
            for m in MEANS:
                width, error, law = (at(scan, f"mean_{part}_{m}", network=name) for part in ("width", "error", "expected"))
                most = max(0.03 * max(law, 1 - law), 2 * error)
                row = Row(f"{name}: width of t̂ at M = {m}", width, max(law - most, 0.0), law + most, ".2f", error)
                found += claim("Means of M draws scatter as σ_stat/√M, less what they share with the mean of all.", row)
            spread = Row(f"{name}: width of t_stat", at(scan, "statistical_width", network=name), 0.8, 1.3)
            found += claim("The draws scatter around the truth.", spread)
        return found

    return Story(
        "scaled", "512 draws: is the posterior Gaussian?", "t̂_M = (⟨A⟩_M − ⟨A⟩) √M/σ_stat, width √(1 − M/N)",
        "At small M the curve must be N(0,1); with M near N it collapses, as the mean of all contains the mean of the subset. Expected is "
        "√(1 − M/N) within 3 % or two errors.",
        f"N(0,1) for small M, and a spike at zero when M approaches 512 ({UNCERTAINTY_TALK}; for the shape we require 63.3 to 73.3 % "
        "within one σ_stat).",
        (Panel("scaled_pull", {"draws": 1}), Panel("scaled_pull", {"draws": 256}), Panel("statistical_pull")),
        **listed("network", recipes), rows=rows, seconds=250, measured=measured,
    )  # fmt: skip


def repulsion(full: bool) -> Story:
    strengths = [0.0, 10.0, 30.0, 100.0]
    recipe = small(full, uncertainty="repulsive_ensemble", noise=0.1, **({} if full else {"events": 3_000, "steps": 2_000}))

    def rows(scan: xarray.Dataset) -> list[Row]:
        stat, delta = (scan[name].sel(repulsion=strengths).values for name in ("sigma_stat_median", "delta_median"))
        return [
            *claim(
                "The stronger the repulsion, the wider the ensemble.",
                Row("σ_stat/A at β = 100 over β = 0", ratio(stat[-1], stat[0]), 1.1),
                Row("largest fall of σ_stat/A from one β to the next", float((stat[:-1] / stat[1:]).max()), high=1.05),
            ),
            *claim("The mean stays as accurate.", Row("median |Δ| at β = 100 over β = 0", ratio(delta[-1], delta[0]), high=1.1)),
        ]

    return Story(
        "repulsion", "Pushing networks apart", "(β/N) Σ_j k(A_i, Ā_j)/Σ_j k(Ā_i, Ā_j)",
        "β = 0 are independent trainings. Repulsion opens σ_stat, where the data allow it; at β of some hundreds it wins over them.",
        f"A kernel in the space of functions keeps the members from finding the same answer ({UNCERTAINTY_TALK}; it gives no numbers: we "
        "require 10 % more spread, and at most 10 % less accuracy).",
        (Panel("scan", {"x": "repulsion", "which": ["stat", "syst", "delta"]}),),
        **swept(recipe, repulsion=strengths), rows=rows, seconds=60,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "noise": noise,
    "plateau": plateau,
    "pulls": pulls,
    "coverage": coverage,
    "members": members,
    "calibration": calibration,
    "scaled": scaled,
    "repulsion": repulsion,
}
