"""Stories of precision events (arXiv:2110.13632).

Sizes are those of two cores and some minutes; `full` takes more events, steps and wider networks. Limits are ours where the talk gives
no numbers, and said to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.families.generators.generated import FILLED, at_nuisance, histogram, slope
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.stories.toys import ROOT_N, toy
from workbench.stories.story import Panel, Story, at, listed, ratio, swept
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray

PRECISION_TALK = "arXiv:2110.13632"


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

    def rows(scan: xarray.Dataset) -> list[Row]:
        place = {"flow": "Bayesian INN"}
        statistics = at(scan, "statistics", **place)  # with few events the truth itself is not known better
        limit = 0.02 if full else 1.25 * statistics
        deviations = [
            Row(f"mean |ratio − 1| of {symbol}", at(scan, f"deviation_{name}", **place), high=limit) for name, symbol in shown.items()
        ]
        return [
            *claim("The spectra agree with truth, to what the test events can tell.", *deviations),
            Row("mean statistical error of the truth", statistics),
        ]

    return Story(
        "spectra", "Spectra of muons and jets", "ratio = ⟨h⟩/h_truth",
        "The bulk to per cent, the tail as its few events allow, and the edge at 20 GeV, which a logarithm of p_T − 20 GeV keeps sharp.",
        f"Per-cent precision in the bulk, tails limited by statistics ({PRECISION_TALK}); with as few events as here we require 1.25 times "
        "the statistical error of the truth.",
        tuple(Panel("generated", {"observable": name}) for name in shown), **listed("flow", recipes), rows=rows, seconds=150,
    )  # fmt: skip


def bands(full: bool) -> Story:
    base = collisions(full, coordinates="boson", width_pace=5.0)
    sizes = [30_000, 300_000] if full else [1_000, 10_000]
    setup = swept(base, events=sizes)

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        """The power of the share of events in a bin with which its relative band changes, over the bins with a thousandth of them."""
        h = histogram(prediction, "jet1_pt")
        filled = h["share"].values > 1e-3
        with np.errstate(all="ignore"):
            band = np.where(filled, h["sigma"].values / h["mean"].values, np.nan)
        return {"band_power": slope(h["share"].values, band)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        few, many = (at(scan, "band_jet1_pt", events=size) for size in sizes)
        power = slope(np.array(sizes, dtype=float), np.array([few, many]))
        bins = [Row(f"{n:,} events: d log σ/d log N over the bins", at(scan, "band_power", events=n), *ROOT_N, ".2f") for n in sizes]
        return [
            *claim("With fewer events the band is wider.", Row("band of p_T,j1: few over many events", ratio(few, many), 1.2, form=".2f")),
            *claim("It shrinks as 1/√N of all training events.", Row("d log σ/d log N of the whole band", power, *ROOT_N, ".2f")),
            *claim("Towards the tail it opens as 1/√N of each bin.", *bins),
        ]

    return Story(
        "bands", "Error bands of precision events", "σ(h)/⟨h⟩ ∝ 1/√N per bin",
        "The band opens in the tail, where training events are few, and wider still with ten times fewer events. A network shares what it "
        "knows between bins, so its band may open less than each bin's statistics.",
        f"The Bayesian network follows the training statistics into the tail ({PRECISION_TALK}; it gives no numbers: we require a factor "
        "of 1.2, and powers of −0.5 ± 0.15).",
        (Panel("generated", {"observable": "jet1_pt"}), Panel("generated", {"observable": "dimuon_pt"})), **setup, rows=rows, seconds=250,
        measured=measured,
    )  # fmt: skip


def mass_peak(full: bool) -> Story:
    recipes = judged(full)

    def rows(scan: xarray.Dataset) -> list[Row]:
        off = {
            name + times: at(scan, f"{kind}_dimuon_mass", network=name)
            for name in recipes
            for times, kind in (("", "central"), (" × w_D", "reweighted"))
        }
        says = {
            "INN × w_D": "The discriminator sees what the flow smears, and its weights repair the peak.",
            "DiscFlow": "DiscFlow alone repairs it, without weights.",
            "DiscFlow × w_D": "DiscFlow with weights repairs it.",
        }
        better = [row for name, words in says.items() for row in claim(words, Row(f"INN over {name}", ratio(off["INN"], off[name]), 2.0))]
        return [*(Row(f"{name}: largest |ratio − 1| of M_μμ", value) for name, value in off.items()), *better]

    return Story(
        "mass_peak", "A peak that hides in correlations", "M_μμ² = 2 p_T,1 p_T,2 (cosh Δη − cos Δφ)",
        "The mass is not an input of the flow, so the peak comes out too wide. The discriminator sees the mass, and w_D brings the peak "
        "back; DiscFlow takes a part of w_D along while it learns.",
        f"The plain INN smears the peak, DiscFlow and w_D improve it ({PRECISION_TALK}; it gives no sizes: we require a factor of two).",
        (Panel("ways", {"observable": "dimuon_mass"}), Panel("ways", {"observable": "dimuon_peak"})),
        **listed("network", recipes), rows=rows, seconds=400,
    )  # fmt: skip


def discriminator(full: bool) -> Story:
    recipes = judged(full)

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        """The mean weight that is farthest from 1 in the bins of M_μμ, over that in those of p_T,j1."""
        farthest = []
        for name in ("dimuon_mass", "jet1_pt"):
            filled = histogram(prediction, name)["share"].values > FILLED
            farthest.append(float(np.nanmax(abs(prediction[f"weight_mean_{name}"].values[filled] - 1), initial=0.0)))
        return {"points_at_mass": ratio(*farthest)}

    def rows(scan: xarray.Dataset) -> list[Row]:
        spread, auc = ({name: at(scan, number, network=name) for name in recipes} for number in ("log_weight_spread", "auc"))
        return [
            *(Row(f"{name}: AUC", value, form=".3f") for name, value in auc.items()),
            *claim(
                "A fresh discriminator finds less to say about DiscFlow.",
                Row("AUC − 1/2: INN over DiscFlow", ratio(auc["INN"] - 0.5, auc["DiscFlow"] - 0.5), 1.0, form=".2f"),
                Row("σ(ln w_D): INN over DiscFlow", ratio(spread["INN"], spread["DiscFlow"]), 1.0, form=".2f"),
            ),
            *claim("The weights point at the mass peak.", *(
                Row(f"{name}: |⟨w_D⟩ − 1| of M_μμ over that of p_T,j1", at(scan, "points_at_mass", network=name), 1.0) for name in recipes
            )),
        ]  # fmt: skip

    return Story(
        "discriminator", "Where the weights point", "w_D = D/(1 − D) → 1",
        "A narrow peak at 1 says that nothing is wrong; the mean per bin says where something is: at the mass peak.",
        f"Weights close to 1, and the way to find what is wrong ({PRECISION_TALK}); no numbers are given.",
        (Panel("weights"), Panel("weight_points", {"observable": "dimuon_mass"}), Panel("ways", {"observable": "jet1_pt"})),
        **listed("network", recipes), rows=rows, seconds=400, measured=measured,
    )  # fmt: skip


def resonances(full: bool) -> Story:
    # with few events a flow of 17 features learns them by heart, and they are made in seconds: many, small batches, coarse splines
    inn = GeneratorRecipe(
        dataset="tt_partons", events=300_000 if full else 60_000, test_events=100_000 if full else 20_000, bayesian=False,
        blocks=16 if full else 8, hidden=[256, 256, 256] if full else [64, 64], mixing="rotation", bins=10 if full else 6,
        batch_size=1_024 if full else 512, steps=100_000 if full else 3_000, learning_rate=1e-3 if full else 2e-3,
        discriminator_steps=20_000 if full else 4_000,
    )  # fmt: skip
    recipes = {"INN": inn, "DiscFlow": inn.replace(discflow_alpha=0.5)}
    peaks = {"top_mass": "m_t", "w_plus_mass": "m_W"}

    def rows(scan: xarray.Dataset) -> list[Row]:
        def off(network: str, kind: str, mass: str) -> float:
            return at(scan, f"{kind}_{mass}", network=network)

        found = [
            Row(f"{network}{times}: largest |ratio − 1| of {symbol}", off(network, kind, mass))
            for network in recipes
            for times, kind in (("", "central"), (" × w_D", "reweighted"))
            for mass, symbol in peaks.items()
        ]
        says = {
            ("INN", "reweighted", "INN × w_D"): "The weights w_D repair the peaks.",
            ("DiscFlow", "central", "DiscFlow"): "DiscFlow repairs them without weights.",
        }
        found += claim(
            "The flow smears peaks that no feature shows, and a discriminator sees it.",
            *(Row(f"{network}: AUC", at(scan, "auc", network=network), 0.6, form=".3f") for network in recipes),
        )
        for (network, kind, name), words in says.items():
            better = (Row(f"INN over {name}, {s}", ratio(off("INN", "central", m), off(network, kind, m)), 2.0) for m, s in peaks.items())
            found += claim(words, *better)
        return found

    return Story(
        "resonances", "Four resonances in six partons", "m_t² = (p_b + p_q + p_q′)²",
        "Two top quarks and two W bosons are narrow in masses that no feature shows. So few drawn events hit all four peaks that weights "
        "have little to enlarge: w_D brings back a part of them. The rest takes a larger network and more steps.",
        f"The plain INN smears the peaks, w_D and DiscFlow improve them ({PRECISION_TALK}; it gives no sizes: we require a factor of two).",
        (Panel("ways", {"observable": "top_mass"}), Panel("ways", {"observable": "w_plus_mass"})),
        **listed("network", recipes), rows=rows, seconds=180,
    )  # fmt: skip


def settling(full: bool) -> Story:
    base = toy(
        "wedge", full, bayesian=False, events=10_000, test_events=10_000, steps=9_000 if full else 900, blocks=3, bins=8, hidden=[32],
        batch_size=512, learning_rate=2e-3, schedule="constant", discriminator_hidden=[32, 32], discflow_start=0.2, discflow_ramp=0.1,
    )  # fmt: skip
    disc, gan = "DiscFlow, α = 0.5", "like a GAN, α = 50"
    networks = {disc: base.replace(discflow_alpha=0.5), gan: base.replace(discflow_alpha=50.0, coupling="gan")}
    seeds = [0, 1, 2]
    runs = tuple(({"network": name, "seed": seed}, recipe.replace(seed=seed)) for name, recipe in networks.items() for seed in seeds)

    def rows(scan: xarray.Dataset) -> list[Row]:
        entropy = at(scan, "entropy", network=disc, seed=0)
        ends = {name: [at(scan, "log_loss", network=name, seed=seed) - entropy for seed in seeds] for name in networks}
        mean, spread = ({name: float(f(values)) for name, values in ends.items()} for f in (np.mean, np.std))
        return [
            *claim(
                "Weighted likelihood settles near the exact entropy, from every start.",
                Row("DiscFlow: −⟨ln p⟩ − entropy, mean of three", mean[disc], -0.02, 0.05, ".3f"),
            ),
            *claim(
                "Coupled as in a GAN the same networks end somewhere else each time, and worse.",
                Row("scatter of three: GAN over DiscFlow", ratio(spread[gan], spread[disc]), 2.0),
                Row("−⟨ln p⟩ − entropy: GAN over DiscFlow", ratio(mean[gan], mean[disc]), 2.0),
            ),
        ]

    return Story(
        "settling", "A coupling that does not settle", "−⟨ln p⟩ − α⟨ln D⟩, or −⟨wᵅ ln p⟩",
        "Two networks that learn against each other look for an equilibrium and run around it. DiscFlow takes the discriminator as a "
        "weight: there is nothing to find but the truth.",
        f"GAN-like training was unstable, DiscFlow is not ({PRECISION_TALK}; it gives no numbers: we require factors of two).",
        tuple(Panel("generated", {"observable": "x", "select": {"network": name}}) for name in networks),
        axes={"network": list(networks), "seed": seeds}, runs=runs, rows=rows, seconds=60,
    )  # fmt: skip


def magic(full: bool) -> Story:
    plain = two_jets(full)
    closed = "coordinates of the Z"
    recipes = {"plain": plain, "magic": plain.replace(magic=True), closed: plain.replace(coordinates="boson")}

    def rows(scan: xarray.Dataset) -> list[Row]:
        leak = {name: at(scan, "below_cut", flow=name) for name in recipes}
        found = [Row("plain: share below ΔR = 0.4 before the cut", leak["plain"], form=".2%"), beside(scan, "plain", np.inf)]
        for name, words in (("magic", "With magic weights"), (closed, "In the coordinates of the Z")):
            below = Row(f"{name}: share below it", leak[name], high=leak["plain"] / 5, form=".2%")
            found += claim(f"{words} the flow leaks five times less.", below)
            found += claim(f"{words} the edge is right.", beside(scan, name, 0.1))
        return found

    return Story(
        "magic", "The hole between two jets", "w = Π f(ΔR_ij), f = (ΔR − 0.2)/1.3 between 0.2 and 1.5",
        "Two jets are never closer than 0.4. A flow cannot cut a hole and leaks. Down-weighted there, less leaks, but 1/w multiplies what "
        "is smeared to the edge. Coordinates in which the hole is a point leave nothing to smear.",
        f"A hard edge at 0.4, leaking without and repaired with the magic transformation ({PRECISION_TALK}; it gives no numbers: we "
        "require a factor of five, and 10 % at the edge).",
        (Panel("generated", {"observable": "jets12_distance"}), Panel("hole")), **listed("flow", recipes), rows=rows, seconds=240,
    )  # fmt: skip


def beside(scan: xarray.Dataset, flow: str, most: float) -> Row:
    """The ratio to the truth just outside of the hole, with its statistical error."""
    what = f"{flow}: events at ΔR = 0.40–0.53, over the truth"
    return Row(what, at(scan, "edge_ratio", flow=flow), 1 - most, 1 + most, ".2f", at(scan, "edge_error", flow=flow))


def theory(full: bool) -> Story:
    recipes = {"conditional": collisions(full, nuisance=True, coordinates="boson")}

    def measured(prediction: xarray.Dataset) -> dict[str, float]:
        """How the range over a, and the band at its ends, open from p_T,j1 = 30–50 to 80–120 GeV."""
        found = [at_nuisance(prediction, "jet1_pt", a) for a in (0.0, 30.0)]
        ends = [h for h in found if h is not None]
        if len(ends) < len(found):
            return {}
        low, high = (((ends[0]["low"] >= a) & (ends[0]["high"] <= b)).values for a, b in ((30, 50), (80, 120)))
        moved = abs(ends[1]["mean"] / ends[0]["mean"] - 1).values
        opened = {"range_opens": ratio(float(np.nanmean(moved[high])), float(np.nanmean(moved[low])))}
        for a, h in zip((0, 30), ends, strict=True):
            band = (h["sigma"] / h["mean"]).values
            opened[f"band_opens_{a}"] = ratio(float(np.nanmean(band[high])), float(np.nanmean(band[low])))
        return opened

    def rows(scan: xarray.Dataset) -> list[Row]:
        place = {"flow": "conditional"}
        known = [Row(f"a = {a}: bins of p_T,j1 within 2σ", at(scan, f"nuisance_{a}_jet1_pt", **place), 0.8, 1.0, ".2f") for a in (0, 30)]
        band = [Row(f"a = {a}: band at 100 over 40 GeV", at(scan, f"band_opens_{a}", **place), 1.0) for a in (0, 30)]
        return [
            *claim("One network knows the distribution at a = 0 and at a = 30.", *known),
            *claim("The range over a opens with p_T.", Row("range over a at 100 over 40 GeV", at(scan, "range_opens", **place), 1.0)),
            *claim("So does the band of the network at each a.", *band),
        ]

    return Story(
        "theory", "A theory uncertainty as a condition", "w = 1 + a ((p_T,j1 − 15 GeV)/100 GeV)², a = 0 … 30",
        "The range over a opens with p_T, and the band of the network at each a with it: there is more to learn.",
        f"The band opens with p_T, and is larger than without the condition ({PRECISION_TALK}; it gives no numbers: we require 80 % of the "
        "bins within 2σ). A network without the condition is not trained here, so the last is not tested.",
        (Panel("theory_band", {"observable": "jet1_pt"}), Panel("nuisance", {"observable": "jet1_pt", "a": 30.0})),
        **listed("flow", recipes), rows=rows, seconds=250, measured=measured,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "spectra": spectra,
    "bands": bands,
    "mass_peak": mass_peak,
    "discriminator": discriminator,
    "resonances": resonances,
    "settling": settling,
    "magic": magic,
    "theory": theory,
}
