"""The stories of the two amplitude talks (arXiv:2412.12069 and arXiv:2206.14831).

Sizes are those of two cores and some minutes; `full` takes 700,000 training points and wider networks. Thresholds are those of the
talks where they give numbers, else our own, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.figures.drawing import number
from workbench.results.plateau import noise_law
from workbench.runs.sweep import parts
from workbench.stories.story import Check, Panel, Row, Story, Verdict, at, listed, ratio, swept, verdict, within
from workbench.training.recipe import AmplitudeRecipe

if TYPE_CHECKING:
    import xarray

NOISES = [0.0, 3e-4, 1e-3, 1e-2, 5e-2, 1e-1]
WAYS = ["deterministic", "bnn_last_layer", "repulsive_ensemble"]
"""The talk's Bayesian network has widths in its last layer only."""
WORDS = AmplitudeRecipe.options()["uncertainty"].words
LONG = 40_000
"""Steps with 700,000 points: a minute of a GPU."""
UNCERTAINTY_TALK = "arXiv:2412.12069, Nikhef seminar 2024"
BOOSTING_TALK = "arXiv:2206.14831"


def small(full: bool, **changes: Any) -> AmplitudeRecipe:
    """The recipe most stories start from: a small network that trains in seconds, or what a GPU can do in minutes."""
    sizes: dict[str, Any] = {"events": 9_000, "test_events": 5_000, "hidden": [64, 64, 64], "steps": 6_000}
    if full:
        sizes = {"events": 700_000, "test_events": 100_000, "hidden": [128] * 5, "steps": LONG, "batch_size": 1_024}
    common = {"inputs": "invariants", "noise": 0.0, "calibrate": False, "prior_width": 0.3, "warm_start": 0.2}
    return AmplitudeRecipe(**{**sizes, **common, **changes})


# 2412.12069: the learned error bars


def plateau(full: bool) -> Story:
    recipe = small(full)

    def judge(scan: xarray.Dataset) -> Verdict:
        law = noise_law(scan)
        checks: list[Check] = []
        for way in WAYS:
            one = law.sel(uncertainty=way)
            p, name = float(one["plateau"]), WORDS[way]
            checks.append(
                (Row(f"{name}: plateau σ_syst/A without noise", f"{p:.2g}", "the better the network, the lower"), np.isfinite(p) or None)
            )
            checks.append(within(f"{name}: slope above the plateau", float(one["slope_above"]), 0.95, 1.05))
            checks.append(within(f"{name}: slope below", float(one["slope_below"]), -0.05, 0.05))
            checks.append(within(f"{name}: σ_syst/A at f = 0.1", at(scan, "sigma_syst_median", uncertainty=way, noise=0.1), 0.097, 0.103))
            if way != "deterministic":
                checks.append(within(f"{name}: σ_stat/A, largest over smallest below the plateau", float(one["stat_growth"]), 1.0, 1.5))
        known = [(row, holds) for row, holds in checks if row.ours != "–" or "slope" not in row.what]
        return verdict(
            "σ_syst follows √(f² + p²) from the plateau to the diagonal; σ_stat is flat below the plateau, and grows where noise rules.",
            "",
            *known,
        )

    return Story(
        "plateau", "Noise, learned: the σ_syst plateau", "σ_syst/A = √(f² + p²)",
        "Above the plateau σ_syst is the noise that was put in; below, it stops at what the network cannot express. σ_stat is flat there.",
        f"σ_syst/A = f_smear on the diagonal, a flat plateau below, σ_stat/A independent of the noise ({UNCERTAINTY_TALK}).",
        (Panel("plateau"),), **swept(recipe, uncertainty=WAYS, noise=NOISES), judge=judge, seconds=110,
    )  # fmt: skip


def enough(full: bool, **changes: Any) -> AmplitudeRecipe:
    """So many data that no network learns their noise by heart, as it does with 9,000."""
    return small(full, **({} if full else {"events": 45_000}), **changes)


def _calibrated(full: bool) -> dict[str, Any]:
    recipe = small(full, warm_start=0.1, **({} if full else {"events": 20_000, "steps": 8_000}))
    return swept(recipe, uncertainty=WAYS, noise=[0.0, 0.03, 0.1])


def noise(full: bool) -> Story:
    def judge(scan: xarray.Dataset) -> Verdict:
        checks: list[Check] = []
        for way in WAYS:
            p, *learned = (at(scan, "sigma_syst_median", uncertainty=way, noise=f) for f in (0.0, 0.03, 0.1))
            for f, sigma in zip((0.03, 0.1), learned, strict=True):
                law = float(np.hypot(f, p))
                expected = f"√(f² + p²) = {law:.4f} within 3 %"
                checks.append(within(f"{WORDS[way]}: σ_syst/A at f = {f:g}", sigma, 0.97 * law, 1.03 * law, ".4f", expected=expected))
        return verdict("Nobody told the networks, and all three find the noise.", "The peak is not at the noise.", *checks)

    return Story(
        "noise", "The network is not told how noisy its data are", "L = (A − Ā)²/(2σ²) + log σ",
        "The peak of σ_syst/A sits at the dashed line of each noise, until the line passes below what the network can do.",
        f"A narrow peak at σ/A = f_smear that moves with it, and stops at σ_syst,0 without noise ({UNCERTAINTY_TALK}).",
        (Panel("noise_peaks", {"select": {"uncertainty": "bnn_last_layer"}}),), **_calibrated(full), judge=judge, seconds=90,
    )  # fmt: skip


def pulls(full: bool) -> Story:
    def judge(scan: xarray.Dataset) -> Verdict:
        checks: list[Check] = []
        for way in WAYS:
            name = WORDS[way]
            for f in (0.0, 0.1):
                checks.append(
                    within(f"{name}, f = {f:g}: mean of the pull", at(scan, "pull_mean", uncertainty=way, noise=f), -0.05, 0.05, "+.3f")
                )
            quiet, loud = (at(scan, "pull_width", uncertainty=way, noise=f) for f in (0.0, 0.1))
            low, high = (0.5, 0.95) if way == "repulsive_ensemble" else (0.9, 1.1)
            checks.append(within(f"{name}, f = 0: width of the pull", quiet, low, high))
            checks.append(
                within(f"{name}, f = 0.1: width of the pull", loud, *((0.95, 1.05) if way == "repulsive_ensemble" else (0.9, 1.1)))
            )
        return verdict(
            "Pulls are unit Gaussians; only the ensemble without noise is too cautious.", "The error bars are not all calibrated.", *checks
        )

    return Story(
        "pulls", "Are the error bars right? Systematic pulls", "t_syst = (⟨A⟩ − A_train)/σ_syst",
        "On N(0,1) the error bar is right. The ensemble without noise is narrower: its mean profits from averaging, its σ_syst does not.",
        f"All on N(0,1), only repulsive ensembles without noise are narrower ({UNCERTAINTY_TALK}).",
        (Panel("sweep_pulls", {"select": {"noise": [0.0, 0.1]}}),), **_calibrated(full), judge=judge, seconds=90,
    )  # fmt: skip


def _members(full: bool) -> int:
    return 32 if full else 16


def members(full: bool) -> Story:
    count = _members(full)
    recipe = enough(full, uncertainty="repulsive_ensemble", members=count)

    def judge(scan: xarray.Dataset) -> Verdict:
        quiet, loud = (at(scan, "pull_width", noise=f) for f in (0.0, 0.1))
        return verdict(
            "Without noise the pull of many members is too narrow; noise, which all members share, brings it back to one.",
            "The pull of the ensemble does not behave as expected.",
            within(f"width of {count} members at f = 0", quiet, 0.5, 0.95),
            within(f"width of {count} members at f = 0.1", loud, 0.95, 1.05),
        )  # fmt: skip

    return Story(
        "members", "Why an ensemble is too cautious", "width(n) = √(ρ + (1 − ρ)/n)",
        "With one member the width is one. More members average their own errors away, but not those they share: ρ.",
        f"The pull of repulsive ensembles without noise is narrow: the mean profits from averaging, σ_syst does not ({UNCERTAINTY_TALK}).",
        (Panel("members"),), {"noise": [0.0, 0.1]}, tuple(({"noise": f}, recipe.replace(noise=f)) for f in (0.0, 0.1)),
        judge=judge, seconds=60,
    )  # fmt: skip


def depth(full: bool) -> Story:
    """Networks so narrow, and trained for so long on so many data, that what they can express limits them; Bayesian in the last layer, as
    on the talk's slide. Means of four seeds, because one training scatters by 10 %."""
    sizes = {"steps": LONG} if full else {"events": 90_000, "steps": 20_000}
    rates = {"learning_rate": 0.01, "schedule": "one_cycle"}
    recipe = small(full, uncertainty="bnn_last_layer", inputs="momenta", **sizes, **rates)
    depths = [[32] * layers for layers in range(1, 7)]

    def judge(scan: xarray.Dataset) -> Verdict:
        quiet = scan.sel(noise=0.0).mean("seed", skipna=False)
        height = {layers: at(quiet, "sigma_syst_median", hidden=", ".join(["32"] * layers)) for layers in range(1, 7)}
        return verdict(
            "One or two layers have a limit of their own above the noise; from three layers on the network sees it.",
            "Depth does not act as expected.",
            within("plateau of one layer over that of three", height[1] / height[3], 2.0, np.inf),
            within("plateau of two layers over that of three", height[2] / height[3], 2.0, np.inf),
            within("plateau of six layers over that of three", height[6] / height[3], 0.0, 2.0),
        )

    return Story(
        "depth", "How deep is deep enough?", "σ_syst,0 from expressivity",
        "One or two layers have a plateau above noise of 1 %, three layers one below it. In such narrow networks more layers still help.",
        f"At least three layers are needed to see small noise; six are too large ({UNCERTAINTY_TALK}). Factor 2 is our threshold.",
        (Panel("scan", {"x": "hidden", "which": ["syst", "stat"]}),),
        **swept(recipe, hidden=depths, noise=[0.0, 1e-2], seed=[0, 1, 2, 3]), judge=judge, seconds=250,
    )  # fmt: skip


def prior(full: bool) -> Story:
    recipe = small(full, uncertainty="bnn", steps=LONG if full else 4_000)
    widths = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]

    def judge(scan: xarray.Dataset) -> Verdict:
        three = scan["sigma_syst_median"].sel(hidden="64, 64, 64")
        flat = three.sel(prior_width=[w for w in widths if 0.3 <= w <= 30.0]).values
        return verdict(
            "Over two decades of the prior width nothing happens: the data decide.", "The prior matters more than expected.",
            within("three layers: largest over smallest σ_syst/A for σ_p = 0.3 … 30", float(flat.max() / flat.min()), 1.0, 1.2),
        )  # fmt: skip

    return Story(
        "prior", "Does the prior matter?", "p(θ) = N(0, σ_p²)",
        "A prior that is too narrow pulls the weights to zero and everything gets worse; from some width on, nothing changes.",
        f"Flat over a wide range; deeper networks need a wider prior before it begins ({UNCERTAINTY_TALK}). 20 % is our threshold.",
        (Panel("scan", {"x": "prior_width"}),),
        **swept(recipe, hidden=[[64], [64] * 3, [64] * 6], prior_width=widths), judge=judge, seconds=150,
    )  # fmt: skip


WIDE = {"first_width": 2.0, "prior_width": 1.0}
"""Members that begin rougher, and that the prior leaves alone, end farther apart, so that their spread knows more of the bias that they
share. Smaller factors are too narrow for t_stat, larger ones cost accuracy."""


def _tenth(full: bool) -> int:
    """What stands for the talk's 10 % of the data, where the largest size stands for its 70 %."""
    return 70_000 if full else 3_000


def _sizes(full: bool) -> dict[str, Any]:
    sizes = [7_000, 70_000, 700_000] if full else [1_000, 3_000, 9_000, 27_000]
    networks = [
        small(full, uncertainty="bnn", prior_width=1.0, **({} if full else {"steps": 12_000})),
        small(full, uncertainty="repulsive_ensemble", members=_members(full), **WIDE),
    ]
    axes = {"events": sizes, "uncertainty": [network.uncertainty for network in networks]}
    runs = tuple(
        ({"events": events, "uncertainty": network.uncertainty}, network.replace(events=events)) for events in sizes for network in networks
    )
    return {"axes": axes, "runs": runs}


def training_size(full: bool) -> Story:
    setup = _sizes(full)
    largest = max(setup["axes"]["events"])
    tenth = _tenth(full)

    def judge(scan: xarray.Dataset) -> Verdict:
        checks = []
        for way in ("bnn", "repulsive_ensemble"):
            for part, low, high in (("syst", 2.0, 6.0), ("stat", 3.0, 6.0)):
                few, many = (at(scan, f"sigma_{part}_mean", uncertainty=way, events=size) for size in (tenth, largest))
                talk = {
                    ("bnn", "syst"): 2.9,
                    ("bnn", "stat"): 4.2,
                    ("repulsive_ensemble", "syst"): 5.7,
                    ("repulsive_ensemble", "stat"): 4.6,
                }
                expected = f"{low:g} to {high:g}; talk: {talk[way, part]:g} from 100,000 to 700,000"
                checks.append(
                    within(f"{WORDS[way]}: σ_{part}({tenth:,})/σ_{part}({largest:,})", few / many, low, high, ".2g", expected=expected)
                )
        for size in setup["axes"]["events"]:
            width = at(scan, "statistical_width", uncertainty="repulsive_ensemble", events=size)
            checks.append(within(f"ensemble: width of t_stat at {size:,} points", width, 0.8, 1.3, ".2f"))
        return verdict(
            "Both error bars shrink with the data, and the spread of the ensemble stays right.",
            "The ensemble learns few data by heart, so its error bars do not shrink as in the talk.",
            *checks,
        )

    return Story(
        "training_size", "More data, smaller error bars", "σ_tot² = σ_syst² + σ_stat²",
        "σ_stat must vanish with infinitely many data. Here σ_syst falls too, as a network without noise is limited by its training. "
        "Members begin rough, so that their spread knows more of their bias; with 1,000 points that fails: t_stat is wider than 1.3.",
        f"Both fall with data and σ_syst stays above σ_stat: ratios of 10 % to 70 % of the data 2.9 and 4.2 (BNN), 5.7 and 4.6 (ensemble), "
        f"for Deep Sets with invariants ({UNCERTAINTY_TALK}).",
        (Panel("scan", {"x": "events", "average": "mean", "which": ["syst", "stat"]}),), **setup, judge=judge, seconds=150,
    )  # fmt: skip


TABLE = {
    "bnn, small, syst": 2.5e-4, "bnn, small, stat": 1.5e-4, "bnn, large, syst": 8.7e-5, "bnn, large, stat": 3.6e-5,
    "repulsive_ensemble, small, syst": 2.9e-4, "repulsive_ensemble, small, stat": 2.2e-4,
    "repulsive_ensemble, large, syst": 5.1e-5, "repulsive_ensemble, large, stat": 4.8e-5,
}  # fmt: skip
"""Mean σ/A of Deep Sets with invariants on 100,000 and 700,000 points, from the talk's table."""


def table(full: bool) -> Story:
    same = training_size(full)
    few, many = _tenth(full), max(same.axes["events"])
    runs = tuple((options, recipe) for options, recipe in same.runs if options["events"] in (few, many))

    def judge(scan: xarray.Dataset) -> Verdict:
        checks: list[Check] = []
        for way in ("bnn", "repulsive_ensemble"):
            for size, word in ((few, "small"), (many, "large")):
                syst, stat = (at(scan, f"sigma_{part}_mean", uncertainty=way, events=size) for part in ("syst", "stat"))
                talk = " and ".join(number(TABLE[f"{way}, {word}, {part}"]) for part in ("syst", "stat"))
                checks.append(
                    (
                        Row(f"{WORDS[way]}, {size:,} points: ⟨σ_syst/A⟩, ⟨σ_stat/A⟩", f"{number(syst)}, {number(stat)}", f"talk: {talk}"),
                        bool(np.isfinite(syst)) or None,
                    )
                )
            low, high = (at(scan, "statistical_width", uncertainty=way, events=size) for size in (few, many))
            checks.append(within(f"{WORDS[way]}, {few:,} points: width of t_stat", low, 0.8, 1.3, ".2f"))
            range_of_many = (1.3, np.inf) if way == "bnn" else (0.8, 1.3)
            checks.append(within(f"{WORDS[way]}, {many:,} points: width of t_stat", high, *range_of_many, ".2f"))
        return verdict(
            "With more data the Bayesian network becomes over-confident; the ensemble does not.",
            "The spread of the networks is not as right as in the talk.",
            *checks,
        )

    return Story(
        "table", "The talk's table of uncertainties", "⟨σ_syst/A⟩, ⟨σ_stat/A⟩",
        "Bayesian network or ensemble, few or many data: both kinds of error bars, ours and the talk's. The spread of the Bayesian network "
        "shrinks faster than its error.",
        f"Deep Sets with invariants on 100,000 and 700,000 points ({UNCERTAINTY_TALK}); ours is a small MLP on few points.",
        (Panel("uncertainty_table", {"published": TABLE}),), {**same.axes, "events": [few, many]}, runs, judge, same.seconds,
    )  # fmt: skip


def scaled(full: bool) -> Story:
    ensemble = {"hidden": [64, 64, 64], "steps": 30_000} if full else {"hidden": [24, 24, 24], "steps": 3_000, "batch_size": 128}
    recipes = {
        "BNN, 512 draws": small(full, uncertainty="bnn", draws=512, test_events=2_000),
        "ensemble, 512 members": small(
            full, uncertainty="repulsive_ensemble", members=512, test_events=2_000, learning_rate=0.01, **WIDE, **ensemble
        ),
    }

    def judge(scan: xarray.Dataset) -> Verdict:
        checks = [within(f"{name}: width of t_stat", at(scan, "statistical_width", network=name), 0.8, 1.3) for name in recipes]
        return verdict(
            "Means of M draws scatter as σ_stat/√M, and the draws scatter around the truth.",
            "Means of M draws scatter as σ_stat/√M, but the draws share a bias that σ_stat does not know.",
            *checks,
        )

    return Story(
        "scaled", "512 draws: is the posterior Gaussian?", "t̂_M = (⟨A⟩_M − ⟨A⟩) √M/σ_stat, width √(1 − M/N)",
        "At small M the curve must be N(0,1); with M near N it collapses, as the mean of all contains the mean of the subset.",
        f"N(0,1) for small M, and a spike at zero when M approaches 512 ({UNCERTAINTY_TALK}).",
        (Panel("scaled_pull"), Panel("statistical_pull")), **listed("network", recipes), judge=judge, seconds=250,
    )  # fmt: skip


def calibration(full: bool) -> Story:
    recipes = {WORDS[way]: enough(full, uncertainty=way) for way in WAYS[:2]}
    recipes["ensemble"] = enough(full, uncertainty="repulsive_ensemble", members=_members(full))

    def judge(scan: xarray.Dataset) -> Verdict:
        width = {name: at(scan, "pull_width", network=name) for name in recipes}
        return verdict(
            "T < 1 repairs the ensemble; the others need less of it.",
            "The factors T are not as expected.",
            within("ensemble without noise: T", width["ensemble"], 0.4, 0.95),
            *(within(f"{name} without noise: T", width[name], 0.8, 1.25) for name in list(recipes)[:2]),
        )

    return Story(
        "calibration", "One factor T for all error bars", "L_T = ⟨(A − ⟨A⟩)²/(2σ²T²) + log σT⟩, T² = ⟨(A − ⟨A⟩)²/σ²⟩",
        "Gradient descent on T lands where the closed form says. The width of the pull becomes one; its shape stays.",
        f"Introduced for the repulsive ensemble, whose σ_syst is too large without noise ({UNCERTAINTY_TALK}). Ranges are ours.",
        (Panel("calibration"),), **listed("network", recipes), judge=judge, seconds=60,
    )  # fmt: skip


def repulsion(full: bool) -> Story:
    strengths = [0.0, 10.0, 30.0, 100.0]
    recipe = small(full, uncertainty="repulsive_ensemble", noise=0.1, **({} if full else {"events": 3_000, "steps": 2_000}))

    def judge(scan: xarray.Dataset) -> Verdict:
        stat, delta = (scan[name].sel(repulsion=strengths).values for name in ("sigma_stat_median", "delta_median"))
        return verdict(
            "The stronger the repulsion, the wider the ensemble.", "The spread does not grow with β.",
            within("σ_stat/A at β = 100 over β = 0", float(stat[-1] / stat[0]), 1.1, np.inf),
            within("largest fall of σ_stat/A from one β to the next", float((stat[:-1] / stat[1:]).max()), 0.0, 1.05),
            within("median |Δ| at β = 100 over β = 0", float(delta[-1] / delta[0]), 0.0, 1.1),
        )  # fmt: skip

    return Story(
        "repulsion", "Pushing networks apart", "(β/N) Σ_j k(A_i, Ā_j)/Σ_j k(Ā_i, Ā_j)",
        "β = 0 are independent trainings. Repulsion opens σ_stat, where the data allow it; at β of some hundreds it wins over them.",
        f"A kernel in the space of functions keeps the members from finding the same answer ({UNCERTAINTY_TALK}). Thresholds are ours.",
        (Panel("scan", {"x": "repulsion", "which": ["stat", "syst", "delta"]}),),
        **swept(recipe, repulsion=strengths), judge=judge, seconds=60,
    )  # fmt: skip


def coverage(full: bool) -> Story:
    recipes = {WORDS[way]: enough(full, uncertainty=way, noise=0.03) for way in WAYS}

    def judge(scan: xarray.Dataset) -> Verdict:
        checks = [within(f"{name}: width of t_syst", at(scan, "pull_width", network=name), 0.9, 1.1) for name in recipes]
        return verdict("Intervals hold what they promise.", "Not all intervals hold what they promise.", *checks)

    return Story(
        "coverage", "Do 68 % intervals hold 68 %?", "P(|A − ⟨A⟩| < k σ_tot)",
        "On the diagonal error bars hold what they promise; above it they are too cautious, below too bold.",
        "A calibration curve is the integral of the pull: the same test, read from 5 to 99 % (after the toys of arXiv:2412.12069).",
        (Panel("coverage"),), **listed("network", recipes), judge=judge, seconds=40,
    )  # fmt: skip


def activations(full: bool) -> Story:
    base = small(full, uncertainty="deterministic", inputs="momenta", steps=LONG if full else 8_000, hidden=[128] * 3)
    recipes = {name: base.replace(activation=name.lower()) for name in ("ReLU", "tanh", "GELU", "SiLU")}
    recipes |= {"GroupKAN": base.replace(architecture="group_kan"), "KAN": base.replace(architecture="kan")}

    def judge(scan: xarray.Dataset) -> Verdict:
        delta = {name: at(scan, "delta_median", network=name) for name in recipes}
        smooth = ("GELU", "SiLU", "GroupKAN")
        better = [within(f"median |Δ|: ReLU over {name}", delta["ReLU"] / delta[name], 1.0, np.inf, ".2f") for name in smooth]
        known = bool(np.isfinite(list(delta.values())).all()) or None
        all_of_them = Row("median |Δ|", ", ".join(f"{name} {100 * value:.2g} %" for name, value in delta.items()), "")
        return verdict(
            "Smooth activations learn the amplitude better than ReLU.",
            "The activations do not order as expected.",
            *better,
            (all_of_them, known),
        )

    return Story(
        "activations", "Fixed or learned activations: MLP, GroupKAN, KAN", "h = φ(W x + b), or Σ_i φ_ji(x_i)",
        "A smooth target wants a smooth activation. Learned ones come close to the best fixed one, at a price in time.",
        "GELU and GroupKAN are better than ReLU (arXiv:2412.12069; numbers are not given).",
        (Panel("scan", {"x": "network", "which": ["syst", "delta"]}),), **listed("network", recipes), judge=judge, seconds=180,
    )  # fmt: skip


def architectures(full: bool) -> Story:
    base = small(
        full,
        uncertainty="deterministic",
        inputs="momenta",
        hidden=[128] * 3,
        events=700_000 if full else 90_000,
        steps=LONG if full else 12_000,
    )
    names = {"MLP": "mlp", "Deep Sets": "deepsets", "Deep Sets + invariants": "deepsets_invariants"}
    recipes = {name: base.replace(architecture=kind) for name, kind in names.items()}
    if full:
        recipes["L-GATr"] = base.replace(architecture="lgatr")

    def judge(scan: xarray.Dataset) -> Verdict:
        height = [at(scan, "sigma_syst_median", network=name) for name in names]
        rows = [
            (Row(f"{name}: plateau σ_syst/A", number(h, 3), ""), bool(np.isfinite(h)) or None)
            for name, h in zip(names, height, strict=True)
        ]
        return verdict(
            "The more symmetry a network knows, the lower its plateau: MLP > Deep Sets > Deep Sets with invariants.",
            "The plateaus do not order as in the talk.", *rows,
            within("MLP over Deep Sets", height[0] / height[1], 1.0, np.inf, ".2f"),
            within("Deep Sets over Deep Sets with invariants", height[1] / height[2], 1.0, np.inf, ".2f"),
        )  # fmt: skip

    return Story(
        "architectures", "Symmetry lowers the plateau", "σ_syst,0: MLP > DS > DSI",
        "The same data, the same steps: what a network need not learn, it need not get wrong.",
        f"The better the network, the lower the plateau; advanced networks reach the 10⁻⁵ level with 700,000 points ({UNCERTAINTY_TALK}).",
        (Panel("scan", {"x": "network", "which": ["syst", "delta"]}),), **listed("network", recipes), judge=judge, seconds=400,
    )  # fmt: skip


def transformer(full: bool) -> Story:
    """The same 1,000 events, batches and number of steps for both, each at the learning rate that suits it better. So few events are in
    part learned by heart, so that σ_syst is calibrated. The more data, the more steps L-GATr needs to follow Deep Sets."""
    shorter = {} if full else {"events": 1_000, "steps": 6_000, "batch_size": 64}
    base = small(full, uncertainty="deterministic", inputs="momenta", calibrate=True, **shorter)
    slow = {"learning_rate": 1e-3, "schedule": "one_cycle"} | ({} if full else {"hidden": [128, 128]})
    recipes = {
        "Deep Sets + invariants": base.replace(architecture="deepsets_invariants"),
        "L-GATr": base.replace(architecture="lgatr", **slow),
    }

    def judge(scan: xarray.Dataset) -> Verdict:
        sets, transformer = (at(scan, "sigma_syst_median", network=name) for name in recipes)
        rows = [
            (Row(f"{name}: plateau σ_syst/A", number(height), ""), bool(np.isfinite(height)) or None)
            for name, height in zip(recipes, (sets, transformer), strict=True)
        ]
        return verdict(
            "A transformer that is told nothing but the metric comes within a factor of 2 of Deep Sets that are told the invariants.",
            "In so few steps the transformer does not find what Deep Sets are told.",
            *rows,
            within("L-GATr over Deep Sets with invariants", transformer / sets, 0.5, 2.0, ".2g"),
        )

    return Story(
        "transformer", "Invariants, given or found: Deep Sets and L-GATr", "A(Λp) = A(p)",
        "Both are Lorentz-invariant. One reads log(pᵢ·pⱼ); the other has to build it from products of vectors, and takes its time: "
        "here are 1,000 points, with 9,000 it falls behind in as many steps. L-GATr needs the package lgatr.",
        f"Both reach the 10⁻⁵ level with 700,000 points ({UNCERTAINTY_TALK}; no numbers for each). A factor of 2 is our threshold.",
        (Panel("scan", {"x": "network", "which": ["syst", "delta"]}),), **listed("network", recipes), judge=judge, seconds=150,
    )  # fmt: skip


# 2206.14831: boosting


def boosting(full: bool) -> Story:
    """δ = 6 for few events and 3 for many; three seeds each, because one training scatters by 10 %."""
    base = AmplitudeRecipe(noise=0.0, inputs="invariants", test_events=50_000, steps=LONG if full else 12_000)
    deltas = {9_000: 6.0, 90_000: 3.0}
    ways = ["none", "by σ"]
    axes: dict[str, list[Any]] = {"events": list(deltas), "boosting": ways, "seed": [0, 1, 2]}
    runs = tuple(
        ({"events": events, "boosting": way}, recipe)
        for events, delta in deltas.items()
        for way, strength in zip(ways, (0.0, delta), strict=True)
        for _, recipe in parts(base.replace(events=events, boost_sigma=strength), {"seed": axes["seed"]})
    )

    def judge(scan: xarray.Dataset) -> Verdict:
        checks = []
        for events in deltas:
            tail, bulk = (scan[name].sel(events=events).mean("seed", skipna=False) for name in ("delta_largest", "delta_median"))
            gain, price = (
                float(tail.sel(boosting="none") / tail.sel(boosting="by σ")),
                float(bulk.sel(boosting="by σ") / bulk.sel(boosting="none")),
            )
            checks.append(within(f"{events:,} points: |Δ| of the largest 1 %, before over after", gain, 1.5, np.inf, ".2f"))
            checks.append(within(f"{events:,} points: bulk, after over before", price, 0.0, 1.1, ".2f"))
        return verdict(
            "Boosting where σ is large narrows the largest amplitudes and leaves the bulk.", "Boosting does not do all it should.", *checks
        )

    return Story(
        "boosting", "Process boosting: the largest amplitudes", "Σ_j n_j {|A_j − Ā|²/(2σ_j²) + log σ_j}",
        "Large amplitudes are few, and matter most. The network's own σ says which to repeat; no truth is needed.",
        f"Stable from 90,000 down to 9,000 points ({BOOSTING_TALK}; numbers are not given). Thresholds are ours.",
        (Panel("scan", {"x": "boosting", "which": ["largest", "delta"]}),), axes=axes, runs=runs, judge=judge, seconds=240,
    )  # fmt: skip


def loss_boosting(full: bool) -> Story:
    recipe = small(full, uncertainty="bnn_last_layer")

    def judge(scan: xarray.Dataset) -> Verdict:
        before, after = ({side: at(scan, f"pull_beyond{side}", boost_pull=b) for side in ("", "_train")} for b in (0.0, 5.0))
        gain = {side: ratio(before[side], after[side]) for side in before}
        return verdict(
            "Repeating what was missed takes the tails of the pull away, and costs some accuracy in the bulk.",
            "Loss boosting does not act as expected.",
            within("training events beyond 2σ: before over after", gain["_train"], 1.1, np.inf, ".2f"),
            within(
                "test events beyond 2σ: before over after", gain[""], 1.0, np.inf, ".2f", expected="≥ 1; the talk: less than for training"
            ),
        )

    return Story(
        "loss_boosting", "Loss boosting: repeat what was missed", "n_j → n_j + δ where |t_j| > 2",
        "Events beyond two standard deviations count more in the next round, so that fewer are left there.",
        f"Tails beyond the Gaussian before, closer to N(0,1) after, more so on training events ({BOOSTING_TALK}). Thresholds are ours.",
        (Panel("sweep_pulls"),), **swept(recipe, boost_pull=[0.0, 5.0]), judge=judge, seconds=30,
    )  # fmt: skip


def one_more_jet(full: bool) -> Story:
    base = AmplitudeRecipe(
        events=400, test_events=100, noise=0.0, uncertainty="bnn", prior_width=0.3, steps=3_000, hidden=[64, 64], batch_size=64
    )
    networks = {
        "MLP": base,
        "Deep Sets": base.replace(architecture="deepsets"),
        "MLP, invariants": base.replace(inputs="invariants"),
        "Deep Sets + invariants": base.replace(architecture="deepsets_invariants"),
    }
    processes = {"gg_yyg": "γγg", "gg_yygg": "γγgg"}
    axes = {"jets": list(processes.values()), "network": list(networks)}
    runs = tuple(
        ({"jets": jets, "network": name}, network.replace(process=process))
        for process, jets in processes.items()
        for name, network in networks.items()
    )

    def judge(scan: xarray.Dataset) -> Verdict:
        delta = {(jets, name): at(scan, "delta_median", jets=jets, network=name) for jets in processes.values() for name in networks}
        loss = [within(f"{name}: |Δ| of γγgg over γγg", delta["γγgg", name] / delta["γγg", name], 1.5, np.inf, ".2g") for name in networks]
        gain = [delta["γγgg", "MLP"] / delta["γγgg", name] for name in ("Deep Sets", "Deep Sets + invariants")]
        return verdict(
            "One more jet costs every network a factor; Deep Sets recover a little of it, invariants most.",
            "One more jet does not act as expected.",
            *loss,
            within("γγgg: MLP over Deep Sets", gain[0], 1.0, np.inf, ".2f"),
            within("γγgg: MLP over Deep Sets + invariants", gain[1], 2.0, np.inf, ".2f"),
        )

    return Story(
        "one_more_jet", "One more jet: gg → γγgg", "|M(gg → γγgg)|², 1.4 s for a point",
        "The 600 points that ship took minutes to compute each hundred: 400 train, 100 test. That is why surrogates are worth having, and "
        "why this one is poor.",
        f"“Depressing results” for γγgg with 600,000 weights on 90,000 points; Deep Sets proposed ({BOOSTING_TALK}). Thresholds are ours.",
        (Panel("scan", {"x": "network", "which": ["delta"]}),), axes=axes, runs=runs, judge=judge, seconds=50,
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
    "depth": depth,
    "prior": prior,
    "training_size": training_size,
    "table": table,
    "activations": activations,
    "architectures": architectures,
    "transformer": transformer,
    "boosting": boosting,
    "loss_boosting": loss_boosting,
    "one_more_jet": one_more_jet,
}
"""All stories by name, in the order of a lecture."""
