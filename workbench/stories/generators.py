"""The stories of the two generator talks (arXiv:2104.04543 and arXiv:2110.13632).

Sizes are those of two cores and some minutes; `full` takes more events, steps and wider networks. Thresholds are ours where the talks give
no numbers, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.results.generated import slope
from workbench.stories.story import Check, Panel, Row, Story, Verdict, at, listed, swept, verdict, within
from workbench.training.presets import PRESETS
from workbench.training.recipe import GeneratorRecipe

if TYPE_CHECKING:
    import xarray

BAYESIAN_TALK = "arXiv:2104.04543"
PRECISION_TALK = "arXiv:2110.13632"
STIFF: dict[str, Any] = PRESETS[GeneratorRecipe.kind]["fit"].changes
STIFFER: dict[str, Any] = {"spline": "rational_quadratic", "bins": 2, "blocks": 2, "hidden": [16], "edges": "known", "warm_start": 0.2}
"""Two pieces in each of two blocks: what a kicker ramp needs, and hardly more."""
SIZES = [10_000, 30_000, 100_000, 300_000]


def toy(name: str, full: bool, **changes: Any) -> GeneratorRecipe:
    """A flow on a toy that trains in half a minute; its spread is looked at in 128 draws."""
    sizes = {"events": 300_000, "steps": 20_000} if full else {}
    return GeneratorRecipe(**{"dataset": name, "draws": 128, **sizes, **changes})


def excess(scan: xarray.Dataset, **place: Any) -> float:
    """Log loss above the exact entropy, in nats."""
    return at(scan, "log_loss", **place) - at(scan, "entropy", **place)


def entropy(scan: xarray.Dataset, **place: Any) -> Check:
    """How far above the exact entropy the log loss ends."""
    words = ", ".join(str(value) for value in place.values())
    return within(f"{words}: −⟨ln p⟩ − entropy", excess(scan, **place), -0.02, 0.02, ".3f")


# 2104.04543: toys in the plane


def maps(full: bool) -> Story:
    recipes = {"wedge ramp": toy("wedge", full)}

    def judge(scan: xarray.Dataset) -> Verdict:
        place = {"toy": "wedge ramp"}
        deviation = within("mean |p_x/2x − 1| per bin", at(scan, "deviation_x", **place), 0.0, 0.05, ".3f")
        return verdict("The density is learned, edge by edge.", "The density is not learned.", entropy(scan, **place), deviation)

    return Story(
        "maps", "A density and its error, in the plane", "p(x) = ⟨p(x|θ)⟩, σ(x) = std p(x|θ)",
        "p = 2x rises along x and is flat along y; so is its error. Where the density has an edge, the flow bends, and networks differ.",
        f"Density and uncertainty maps of the toys; the uncertainty has a structure of its own ({BAYESIAN_TALK}). Thresholds are ours.",
        (Panel("density_map"), Panel("uncertainty_map")), **listed("toy", recipes), judge=judge, seconds=35,
    )  # fmt: skip


def edges(full: bool) -> Story:
    base = toy("wedge", full)
    recipes = {
        "edges learned": base,
        "edges learned, affine": base.replace(**STIFF | {"edges": "learned", "mixing": "rotation", "blocks": 12}),
    }
    recipes["edges known"] = base.replace(**STIFF)

    def judge(scan: xarray.Dataset) -> Verdict:
        loss = {name: excess(scan, flow=name) for name in recipes}
        checks = [entropy(scan, flow=name) for name in ("edges learned", "edges known")]
        smeared, known = loss["edges learned, affine"], loss["edges known"]
        return verdict(
            "A smooth flow smears what a hard edge cuts, and pays for it; with the edges known nothing is left to smear.",
            "The edges do not cost what they should.",
            *checks,
            within("edges learned, affine: −⟨ln p⟩ − entropy", smeared, 0.0, 0.1, ".3f"),
            within("affine: learned over known edges, in this", smeared / known if known > 0 else np.nan, 1.5, np.inf, ".2g"),
        )

    return Story(
        "edges", "A band around a hard edge", "h ± σ(h), ratio = ⟨h⟩/h_truth",
        "Inside, the truth lies in the band. At x = 0 and 1 it does not: no network of the family has an edge, and so no spread.",
        f"Truth inside the band, smearing at the edges x = 0 and 1 ({BAYESIAN_TALK}). Thresholds are ours.",
        (Panel("generated", {"observable": "x"}),), **listed("flow", recipes), judge=judge, seconds=110,
    )  # fmt: skip


def fit(full: bool) -> Story:
    recipes = {"affine couplings": toy("wedge", full, **STIFF), "splines": toy("wedge", full)}

    def judge(scan: xarray.Dataset) -> Verdict:
        stiff = {"flow": "affine couplings"}
        chi2 = {name: ratio_of(scan, "chi2_counting", "chi2_fit", flow=name) for name in recipes}
        return verdict(
            "The stiff flow errs like a fit: σ dips in the bulk and rises to the end. Splines come nearer to counting.",
            "The stiff flow does not err like a fit.",
            entropy(scan, **stiff),
            within("affine couplings: x of the dip", at(scan, "bulk_dip", **stiff), 0.35, 0.70),
            within("… depth, σ on both sides over σ there", at(scan, "depth", **stiff), 1.05, np.inf),
            within("… σ(0.95) over σ there", at(scan, "rise", **stiff), 2.0, np.inf),
            within("… χ² of √p over χ² of the best fit", chi2["affine couplings"], 1.0, np.inf),
            (
                Row("splines: χ² of √p over χ² of the best fit", f"{chi2['splines']:.2g}", ""),
                True if np.isfinite(chi2["splines"]) else None,
            ),
        )

    return Story(
        "fit", "A network that errs like a fit", "Δp² = Σ (Δθ ∂p/∂θ)² or Δp ∝ √p",
        "Of counted events √p would only rise. That of a fitted curve dips where its parameters do not matter, in the bulk; "
        "the relative one explodes at x → 0.",
        f"The uncertainty is that of a low-dimensional fit, not of binned statistics ({BAYESIAN_TALK}): affine couplings, as there. "
        "Splines, which came later, are more like counting.",
        (Panel("uncertainty_line", {"select": {"flow": "affine couplings"}}), Panel("uncertainty_line", {"select": {"flow": "splines"}})),
        **listed("flow", recipes), judge=judge, seconds=60,
    )  # fmt: skip


def ratio_of(scan: xarray.Dataset, above: str, below: str, **place: Any) -> float:
    """Of two numbers of a point; NaN where they are not known."""
    top, bottom = at(scan, above, **place), at(scan, below, **place)
    return top / bottom if bottom > 0 else np.nan


def dip(full: bool) -> Story:
    recipes = {"wedge ramp": toy("wedge", full, **STIFFER), "kicker ramp": toy("kicker", full, **STIFFER)}

    def judge(scan: xarray.Dataset) -> Verdict:
        x = {name: at(scan, "bulk_dip", toy=name) for name in recipes}
        return verdict(
            "The dip is there, and moves to larger x from the wedge to the kicker.", "The dip does not move as that of a fit.",
            entropy(scan, toy="wedge ramp"), entropy(scan, toy="kicker ramp"),
            within("wedge: x of the dip", x["wedge ramp"], 0.35, 0.70),
            within("kicker: x of the dip", x["kicker ramp"], 0.55, 0.80),
            within("kicker over wedge", x["kicker ramp"] / x["wedge ramp"], 1.0 + 1e-9, np.inf, expected="> 1"),
            *(within(f"{name}: depth", at(scan, "depth", toy=name), 1.02, np.inf) for name in recipes),
            *(within(f"{name}: σ(0.95) over σ there", at(scan, "rise", toy=name), 2.0, np.inf) for name in recipes),
            within("kicker: χ² of √p over the fit's", ratio_of(scan, "chi2_counting", "chi2_fit", toy="kicker ramp"), 1.0, np.inf),
            (Row("wedge: the same", f"{ratio_of(scan, 'chi2_counting', 'chi2_fit', toy='wedge ramp'):.2g}", "see the story fit"), True),
        )  # fmt: skip

    return Story(
        "dip", "Where a fit is sure: wedge and kicker", "p = 2x, p = 3x²",
        "A steeper ramp is fixed at larger x. Where p itself vanishes its error does, too; the dip is the place between two rises.",
        f"A dip in the bulk, at larger x for the kicker ({BAYESIAN_TALK}); where exactly depends on the fitted curve. Ranges are ours.",
        (Panel("uncertainty_line", {"select": {"toy": "wedge ramp"}}), Panel("uncertainty_line", {"select": {"toy": "kicker ramp"}})),
        **listed("toy", recipes), judge=judge, seconds=60,
    )  # fmt: skip


def ring(full: bool) -> Story:
    recipes = {"splines": toy("ring", full, **PRESETS[GeneratorRecipe.kind]["ring"].changes)}

    def judge(scan: xarray.Dataset) -> Verdict:
        place = {"flow": "splines"}
        return verdict(
            "The ring is learned; its error is largest on the flanks.", "The ring is not learned as it should be.",
            entropy(scan, **place),
            within("mean |ratio − 1| of r", at(scan, "deviation_r", **place), 0.0, 0.05, ".3f"),
            (Row("χ² of √p over χ² of the fit", f"{ratio_of(scan, 'chi2_counting', 'chi2_fit', **place):.2g}", "> 1 like a fit"), True),
        )  # fmt: skip

    return Story(
        "ring", "A ring, and its radius", "Δp²/p² = ((r − μ)/w²)² Δμ² + ((r − μ)²/w³ − 1/w)² Δw²",
        "An error of the radius vanishes at r = μ, one of the width at μ ± w: shoulders on the flanks are a shift, a peak in the middle a "
        "width.",
        f"The half ring is the toy with a hole and two ends ({BAYESIAN_TALK}). Thresholds are ours.",
        (Panel("uncertainty_line"), Panel("generated", {"observable": "r"}), Panel("uncertainty_map")),
        **listed("flow", recipes), judge=judge, seconds=60,
    )  # fmt: skip


def statistics(full: bool) -> Story:
    recipe = toy("wedge", full, **STIFF, draws=64, test_events=10_000, width_pace=5.0)
    setup = swept(recipe.replace(events=SIZES[0]), events=SIZES)

    def judge(scan: xarray.Dataset) -> Verdict:
        spread = scan["spread"].sel(events=SIZES).values
        power = slope(np.array(SIZES, dtype=float), spread) if np.isfinite(spread).all() else np.nan
        return verdict(
            "The band shrinks as 1/√N.", "The band does not shrink as 1/√N.",
            within("d log σ/d log N", power, -0.65, -0.35, ".2f", expected="−0.65 to −0.35"),
            *(within(f"{size:,} events: −⟨ln p⟩ − entropy", excess(scan, events=size), -0.02, 0.02, ".3f")
              for size in SIZES),
        )  # fmt: skip

    return Story(
        "statistics", "The band and the training size", "σ(p) ∝ 1/√N",
        "Thirty times the events, five times less spread. Drag the slider of one training: first the density comes, then its error.",
        f"Uncertainties decrease about as 1/√N; the network learns the mean first ({BAYESIAN_TALK}).",
        (Panel("band_size"), Panel("uncertainty_line")), **setup, judge=judge, seconds=80,
    )  # fmt: skip


# 2110.13632: precision events


def collisions(full: bool, **changes: Any) -> GeneratorRecipe:
    """A flow on Z + jets: the shipped events, or 300,000 that are made first."""
    sizes: dict[str, Any] = {"events": 10_000, "test_events": 4_000, "blocks": 8, "hidden": [64, 64], "steps": 4_000}
    if full:
        sizes = {"events": 300_000, "test_events": 100_000, "blocks": 16, "hidden": [256, 256, 256], "bins": 30, "steps": 100_000}
    common = {"dataset": "z_jets", "mixing": "rotation", "learning_rate": 1e-3 if full else 2e-3, "warm_start": 0.4}
    return GeneratorRecipe(**{**common, **sizes, **changes})


def two_jets(full: bool, **changes: Any) -> GeneratorRecipe:
    """Z + 2 jets, one network: more events than ship, made first, as 1.4 % of them are just outside of the hole; more steps overfit."""
    sizes = {} if full else {"events": 20_000, "test_events": 20_000, "steps": 400}
    return collisions(full, jets=2, bayesian=False, **{**sizes, **changes})


def judged(full: bool) -> dict[str, GeneratorRecipe]:
    """An INN and a DiscFlow, each with a fresh discriminator at the end."""
    inn = collisions(full, bayesian=False, discriminator_steps=20_000 if full else 1_500)
    return {"INN": inn, "DiscFlow": inn.replace(discflow_alpha=0.5)}


def spectra(full: bool) -> Story:
    recipes = {"Bayesian INN": collisions(full, coordinates="boson")}
    shown = {"jet1_pt": "p_T,j1", "dimuon_pt": "p_T,μμ", "muon1_pt": "p_T,μ⁻", "jet1_eta": "η_j1"}

    def judge(scan: xarray.Dataset) -> Verdict:
        place = {"flow": "Bayesian INN"}
        statistics = at(scan, "statistics", **place)  # with few events the truth itself is not known better
        limit, words = (0.02, "≤ 0.02") if full else (1.25 * statistics, f"≤ 1.25 × {statistics:.2g}, the truth's statistical error")
        checks = [
            within(f"mean |ratio − 1| of {symbol}", at(scan, f"deviation_{name}", **place), 0.0, limit, expected=words)
            for name, symbol in shown.items()
        ]
        return verdict("The spectra agree with truth, to what the test events can tell.", "They do not agree.", *checks)

    return Story(
        "spectra", "Spectra of muons and jets", "ratio = ⟨h⟩/h_truth",
        "The bulk to per cent, the tail as its few events allow, and the edge at 20 GeV, which a logarithm of p_T − 20 GeV keeps sharp.",
        f"Per-cent precision in the bulk, tails limited by statistics ({PRECISION_TALK}); with few events the bound is ours.",
        tuple(Panel("generated", {"observable": name}) for name in shown), **listed("flow", recipes), judge=judge, seconds=150,
    )  # fmt: skip


def bands(full: bool) -> Story:
    base = collisions(full, coordinates="boson", width_pace=5.0)
    sizes = [30_000, 300_000] if full else [1_000, 10_000]
    setup = swept(base, events=sizes)

    def judge(scan: xarray.Dataset) -> Verdict:
        few, many = (at(scan, "band_jet1_pt", events=size) for size in sizes)
        return verdict(
            "With fewer events the band is wider.", "The band does not follow the training statistics.",
            within("band of p_T,j1: few over many events", few / many if many > 0 else np.nan, 1.2, np.inf, ".2f", expected="≥ 1.2"),
        )  # fmt: skip

    return Story(
        "bands", "Error bands of precision events", "σ(h)/⟨h⟩ ∝ 1/√N per bin",
        "The band opens in the tail, where training events are few, as the statistics of the truth do, and with ten times less of them.",
        f"The Bayesian network follows the training statistics into the tail ({PRECISION_TALK}). The threshold is ours.",
        (Panel("generated", {"observable": "jet1_pt"}), Panel("generated", {"observable": "dimuon_pt"})), **setup, judge=judge, seconds=250,
    )  # fmt: skip


def mass_peak(full: bool) -> Story:
    recipes = judged(full)

    def judge(scan: xarray.Dataset) -> Verdict:
        plain, weighted = (at(scan, f"{kind}_dimuon_mass", network="INN") for kind in ("central", "reweighted"))
        steered, both = (at(scan, f"{kind}_dimuon_mass", network="DiscFlow") for kind in ("central", "reweighted"))
        best = np.nanmin([weighted, steered, both]) if np.isfinite([weighted, steered, both]).any() else np.nan
        told = {"INN": plain, "INN × w_D": weighted, "DiscFlow": steered, "DiscFlow × w_D": both}
        rows: list[Check] = [
            (Row(f"{name}: largest |ratio − 1| of M_μμ", f"{value:.2g}", ""), True if np.isfinite(value) else None)
            for name, value in told.items()
        ]
        return verdict(
            "The narrow peak is what the flow smears, and what the discriminator sees and repairs.",
            "The discriminator does not repair the peak.",
            *rows, within("INN over the best of the others", plain / best if best > 0 else np.nan, 2.0, np.inf, ".2f"),
        )  # fmt: skip

    return Story(
        "mass_peak", "A peak that hides in correlations", "M_μμ² = 2 p_T,1 p_T,2 (cosh Δη − cos Δφ)",
        "No feature is the mass: the flow makes the peak too wide. The discriminator is given it, and w_D brings it back; "
        "DiscFlow takes a part of w_D along while it learns.",
        f"The plain INN smears the peak, DiscFlow and w_D improve it ({PRECISION_TALK}; sizes are not given). A factor of two is ours.",
        (Panel("ways", {"observable": "dimuon_mass"}), Panel("ways", {"observable": "dimuon_peak"})),
        **listed("network", recipes), judge=judge, seconds=400,
    )  # fmt: skip


def discriminator(full: bool) -> Story:
    recipes = judged(full)

    def judge(scan: xarray.Dataset) -> Verdict:
        spread = {name: at(scan, "log_weight_spread", network=name) for name in recipes}
        return verdict(
            "A fresh discriminator finds less to say about DiscFlow.", "A fresh discriminator finds no less to say about DiscFlow.",
            within("INN: AUC", at(scan, "auc", network="INN"), 0.45, 1.0, ".3f", expected="0.5: nothing to tell apart"),
            within("DiscFlow: AUC", at(scan, "auc", network="DiscFlow"), 0.45, 1.0, ".3f", expected="lower"),
            within("σ(ln w_D): INN over DiscFlow", spread["INN"] / spread["DiscFlow"], 1.0, np.inf, ".2f"),
        )  # fmt: skip

    return Story(
        "discriminator", "Where the weights point", "w_D = D/(1 − D) → 1",
        "A narrow peak at 1 says that nothing is wrong; the mean per bin says where something is: at the mass peak.",
        f"Weights close to 1, and the way to find what is wrong ({PRECISION_TALK}); no numbers are given.",
        (Panel("weights"), Panel("weight_points", {"observable": "dimuon_mass"}), Panel("ways", {"observable": "jet1_pt"})),
        **listed("network", recipes), judge=judge, seconds=400,
    )  # fmt: skip


def magic(full: bool) -> Story:
    plain = two_jets(full)
    closed = "coordinates of the Z"
    recipes = {"plain": plain, "magic": plain.replace(magic=True), closed: plain.replace(coordinates="boson")}

    def judge(scan: xarray.Dataset) -> Verdict:
        leak = {name: at(scan, "below_cut", flow=name) for name in recipes}
        wanted = leak["plain"] / 5
        words = f"≤ {100 * wanted:.2f} %, a fifth of it" if np.isfinite(wanted) else "≤ a fifth of it"
        return verdict(
            "Hidden from the flow, the hole is respected.", "The hole is not respected as it should be.",
            within("plain: share below ΔR = 0.4 before the cut", leak["plain"], 0.0, 1.0, ".2%", expected="–"),
            *(within(f"{name}: share below it", leak[name], 0.0, wanted, ".2%", expected=words) for name in ("magic", closed)),
            beside(scan, "plain", "plain: events at ΔR = 0.40–0.53, over the truth", np.inf),
            *(beside(scan, name, f"{name}: events there", 0.1) for name in ("magic", closed)),
        )  # fmt: skip

    return Story(
        "magic", "The hole between two jets", "w = Π f(ΔR_ij), f = (ΔR − 0.2)/1.3 between 0.2 and 1.5",
        "Two jets are never closer than 0.4. A flow cannot cut a hole and leaks. Down-weighted there, less leaks, but 1/w multiplies what "
        "is smeared to the edge. Coordinates in which the hole is a point leave nothing to smear.",
        f"A hard edge at 0.4, leaking without and repaired with the magic transformation ({PRECISION_TALK}). A factor of five and 10 % at "
        "the edge are ours.",
        (Panel("generated", {"observable": "jets12_distance"}), Panel("hole")), **listed("flow", recipes), judge=judge, seconds=240,
    )  # fmt: skip


def beside(scan: xarray.Dataset, flow: str, what: str, most: float) -> Check:
    """The ratio to the truth just outside of the hole, with its statistical error."""
    words = f"{1 - most:g} to {1 + most:g}" if np.isfinite(most) else "–"
    row, holds = within(what, at(scan, "edge_ratio", flow=flow), 1 - most, 1 + most, ".2f", expected=words)
    return (row if holds is None else replace(row, ours=f"{row.ours} ± {at(scan, 'edge_error', flow=flow):.2f}")), holds


def theory(full: bool) -> Story:
    recipes = {"conditional": collisions(full, nuisance=True, coordinates="boson")}

    def judge(scan: xarray.Dataset) -> Verdict:
        return verdict(
            "One network knows the distribution at every a.", "The conditional network does not follow the truth.",
            *(within(f"a = {a}: bins of p_T,j1 within 2σ", at(scan, f"nuisance_{a}_jet1_pt", flow="conditional"), 0.8, 1.0, ".2f")
              for a in (0, 30)),
        )  # fmt: skip

    return Story(
        "theory", "A theory uncertainty as a condition", "w = 1 + a ((p_T,j1 − 15 GeV)/100 GeV)², a = 0 … 30",
        "The range over a opens with p_T, and the band of the network at each a with it: there is more to learn.",
        f"The band opens with p_T, and is larger than without the condition ({PRECISION_TALK}; no numbers given). Thresholds are ours.",
        (Panel("theory_band", {"observable": "jet1_pt"}), Panel("nuisance", {"observable": "jet1_pt", "a": 30.0})),
        **listed("flow", recipes), judge=judge, seconds=250,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "maps": maps,
    "edges": edges,
    "fit": fit,
    "dip": dip,
    "ring": ring,
    "statistics": statistics,
    "spectra": spectra,
    "bands": bands,
    "mass_peak": mass_peak,
    "discriminator": discriminator,
    "magic": magic,
    "theory": theory,
}
"""All stories by name, in the order of a lecture."""
