"""Stories of taggers: one observable, the landscape, the arc, what error bars know and what they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.families.taggers.measures import arc_ratio, paired
from workbench.families.taggers.presets import MANY
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.stories.story import Panel, Story, at, listed, ratio, swept
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray

LECTURE = "No numbers are given."
SAMPLE: dict[str, Any] = MANY | {"steps": 1_250}
"""20,000 jets, each seen eight times."""


def one_observable(full: bool) -> Story:
    base = TaggerRecipe(uncertainty="none", **SAMPLE)
    recipes = {"jet mass": base.replace(architecture="mass"), "deep sets": base}

    def rows(scan: xarray.Dataset) -> list[Row]:
        network, mass = (at(scan, "rejection_50", seen=name) for name in ("deep sets", "jet mass"))
        return [
            Row("|m − 172.5 GeV|: 1/ε_B(0.5)", at(scan, "rejection_50_mass", seen="deep sets")),
            Row("|m − 172.5 GeV|: AUC", at(scan, "auc_mass", seen="deep sets"), form=".4f"),
            *claim(
                "Constituents know more than the mass of the jet.",
                Row("1/ε_B(0.5): deep sets over mass network", ratio(network, mass), 1.0),
                Row(
                    "AUC: deep sets − mass network", at(scan, "auc", seen="deep sets") - at(scan, "auc", seen="jet mass"), 0.01, form=".4f"
                ),
            ),
        ]

    return Story(
        "one_observable", "One observable, well chosen", "|m − 172.5 GeV|",
        "The jet mass alone, as a cut and as a network, beside a network that sees all constituents.",
        "The tagger has to beat the mass (Heidelberg lecture, first part). " + LECTURE,
        (Panel("tagger_roc"), Panel("scores")), **listed("seen", recipes), rows=rows, seconds=15,
    )  # fmt: skip


def landscape(full: bool) -> Story:
    base = TaggerRecipe(uncertainty="none", **SAMPLE if full else MANY | {"jets": 5_000, "steps": 400})
    recipes = {
        "mass": base.replace(architecture="mass"),
        "PFN": base.replace(architecture="deep_sets"),
        "LoLa": base.replace(architecture="lola", learning_rate=1e-3),
        "PFN + jet, aligned": base,
        "CNN": base.replace(architecture="image", steps=600 if full else 200, learning_rate=4e-3),
    }
    if full:
        recipes |= {
            "ParticleNet": base.replace(architecture="particlenet", constituents=30, steps=600, learning_rate=4e-3),
            "LorentzNet": base.replace(architecture="lorentznet", constituents=24, steps=600),
            "ParT": base.replace(architecture="part", constituents=30, steps=1_800),
            "L-GATr-slim": base.replace(architecture="lgatr", constituents=30, steps=1_800, learning_rate=4e-3),
        }
    better = tuple(name for name in ("PFN + jet, aligned", "CNN", "ParticleNet", "LorentzNet") if name in recipes)

    def measured(found: xarray.Dataset) -> Mapping[str, Any]:
        return {"logit": (("jet",), found["mu_logit"].values[:10_000]), "top": (("jet",), found["label"].values[:10_000])}

    def rows(scan: xarray.Dataset) -> list[Row]:
        order: list[Row] = []
        mean: list[Row] = []
        if "logit" in scan and np.isfinite(scan["logit"].values).all():
            top = scan["top"].values[0].astype(bool)
            logits = {name: scan["logit"].sel(tagger=name).values for name in recipes}
            for name in better:
                value, error = paired(logits[name], logits["PFN"], top)
                order.append(Row(f"AUC: {name} − PFN, in paired σ", value / error, 3.0))
            seeing = [name for name in recipes if name != "mass"]
            several = np.mean([logits[name] for name in seeing], axis=0)
            best = max(seeing, key=lambda name: at(scan, "auc", tagger=name))
            value, error = paired(several, logits[best], top)
            mean = claim(
                "The mean logit of all taggers is better than the best of them: they see different things.",
                Row(f"AUC: mean logit − {best}, in paired σ", value / error, 3.0),
            )
        return [
            *claim("Built-in physics pays where jets are few: more than three paired σ above the PFN.", *(order or _unknown(better))),
            *claim(
                "Every network beats the mass.",
                *(Row(f"{name}: AUC − that of |m − 172.5 GeV|", at(scan, "auc", tagger=name) - at(scan, "auc_mass", tagger=name), 0.0,
                      form=".4f") for name in recipes if name != "mass"),
            ),
            *mean,
            *(Row(f"{name}: 1/ε_B(0.5)", at(scan, "rejection_50", tagger=name)) for name in recipes),
            *(Row(f"{name}: 1/ε_B(0.3)", at(scan, "rejection_30", tagger=name)) for name in recipes),
        ]  # fmt: skip

    return Story(
        "tagger_landscape", "The landscape with few jets", "images · sets · graphs · attention · Lorentz vectors",
        "The published order needs 1.2 million jets and days of a GPU; with 5,000 and seconds it is another one, and neighbours "
        "cannot be told apart. In full: 20,000 jets, and graphs, attention and Lorentz vectors too.",
        "R₃₀ of 1/ε_B(0.3): LoLa 722, PFN 888, ParticleNet 1615, ParT 1602, LorentzNet 2195, L-GATr 2240 (arXiv:1902.09914 and later).",
        (Panel("landscape_of_taggers"), Panel("tagger_roc")), **listed("tagger", recipes), rows=rows,
        seconds=720 if full else 60, measured=measured,
    )  # fmt: skip


def _unknown(names: tuple[str, ...]) -> list[Row]:
    return [Row(f"AUC: {name} − PFN, in paired σ", float("nan"), 3.0) for name in names]


def the_arc(full: bool) -> Story:
    base = TaggerRecipe(uncertainty="bnn_last_layer")
    recipes = {"last layer": base, "bootstrap": base.replace(uncertainty="bootstrap")}

    def measured(found: xarray.Dataset) -> Mapping[str, float]:
        mu, sigma, sigma_z = (found[name].values.astype(float) for name in ("mu", "sigma", "sigma_logit_each"))
        return dict(zip(("arc_ratio", "arc_correlation"), arc_ratio(mu, sigma, sigma_z), strict=True))

    def rows(scan: xarray.Dataset) -> list[Row]:
        return [
            *claim(
                "All jets lie on the arc that a sigmoid leaves no choice but to make.",
                Row("last layer: σ over μ(1 − μ)σ_z", at(scan, "arc_ratio", networks="last layer"), 0.9, 1.1),
                Row("last layer: correlation of both", at(scan, "arc_correlation", networks="last layer"), 0.9),
            ),
            Row("bootstrap: σ over μ(1 − μ)σ_z", at(scan, "arc_ratio", networks="bootstrap")),
            Row("bootstrap: correlation of both", at(scan, "arc_correlation", networks="bootstrap")),
        ]

    return Story(
        "tagger_arc", "The arc", "σ ≈ μ (1 − μ) σ_z",
        "Each jet has a μ and a σ; the shape is that of the sigmoid, and only its height says something about the network.",
        "μ and σ of each jet lie on an arc, whose width falls as the training sample grows (arXiv:1904.10004).",
        (Panel("arc"), Panel("tagger_roc")), **listed("networks", recipes), rows=rows, seconds=40, measured=measured,
    )  # fmt: skip


def sigma_size(full: bool) -> Story:
    sizes = [400, 1_600, 6_400, 20_000]
    base = TaggerRecipe(uncertainty="bnn_last_layer", steps=1_000, test_jets=10_000)

    def rows(scan: xarray.Dataset) -> list[Row]:
        sigma = [at(scan, "sigma_undecided", jets=size) for size in sizes]
        known = np.isfinite(sigma).all() and min(sigma) > 0
        slope = float(np.polyfit(np.log(sizes), np.log(sigma), 1)[0]) if known else float("nan")
        return [
            *(Row(f"{size:,} jets: σ of undecided jets", value) for size, value in zip(sizes, sigma, strict=True)),
            *claim("σ is the error of a finite sample: it falls as the jets grow.", Row("power of N", slope, -0.51, -0.31)),
            *(Row(f"{size:,} jets: AUC", at(scan, "auc", jets=size), form=".4f") for size in sizes),
        ]

    return Story(
        "sigma_and_size", "Error bars and the training sample", "σ ∝ N^(−0.41)",
        "The same network with more and more jets: the AUC saturates, the error bar goes on falling.",
        "The width of the arc shrinks with the training sample (arXiv:1904.10004).",
        (Panel("against_jets"), Panel("arc")), **swept(base, jets=sizes), rows=rows, seconds=30,
    )  # fmt: skip


def calibration(full: bool) -> Story:
    base = TaggerRecipe(jets=1_600, test_jets=10_000, uncertainty="bootstrap", steps=400)
    recipes = {"one network": base.replace(uncertainty="none"), "bootstrap": base}

    def rows(scan: xarray.Dataset) -> list[Row]:
        ece = {name: at(scan, "ece", networks=name) for name in recipes}
        floor = at(scan, "ece_floor", networks="bootstrap")
        return [
            Row("a perfect classifier on as many jets: ECE", floor),
            *(Row(f"{name}: ECE", value) for name, value in ece.items()),
            *claim(
                "An ensemble is calibrated as far as the test jets can tell.",
                Row("bootstrap: ECE over the floor", ratio(ece["bootstrap"], floor), high=2.5),
            ),
        ]

    return Story(
        "tagger_calibration", "Is 0.7 really 70 %?", "ECE = Σ_b n_b/N |share − ⟨p⟩|",
        "The points follow the diagonal within their errors; the ECE of a perfect classifier is not zero.",
        "Bayesian taggers are better calibrated than single networks (arXiv:1904.10004).",
        (Panel("reliability"), Panel("scores")), **listed("networks", recipes), rows=rows, seconds=30,
    )  # fmt: skip


def energy_scale(full: bool) -> Story:
    base = TaggerRecipe(uncertainty="bnn_last_layer", **SAMPLE)
    recipes = {"as simulated": base, "energies smeared by 10 %": base.replace(smearing=0.1)}

    def measured(found: xarray.Dataset) -> Mapping[str, float]:
        names = [str(name) for name in found["shift"].values]
        nominal, low = names.index("0"), names.index("-10")
        values = {name: found[f"shift_{name}"].values.astype(float) for name in ("ece", "auc", "top", "sigma_logit")}
        return {
            "ece_nominal": values["ece"][nominal],
            "ece_low": values["ece"][low],
            "auc_lost": values["auc"][nominal] - values["auc"][low],
            "top_moved": values["top"][low] - values["top"][nominal],
            "sigma_grown": values["sigma_logit"][low] / values["sigma_logit"][nominal],
        }

    def rows(scan: xarray.Dataset) -> list[Row]:
        plain = {
            name: at(scan, name, trained="as simulated") for name in ("ece_nominal", "ece_low", "auc_lost", "top_moved", "sigma_grown")
        }
        smeared = at(scan, "ece_low", trained="energies smeared by 10 %")
        return [
            *claim(
                "A wrong energy scale breaks the calibration, hardly the order, and σ does not notice.",
                Row("all momenta −10 %: ⟨μ⟩ of tops moves by", plain["top_moved"], high=-0.02, form=".3f"),
                Row("all momenta −10 %: AUC lost", plain["auc_lost"], high=0.02, form=".4f"),
                Row("all momenta −10 %: σ_z over that as simulated", plain["sigma_grown"], 0.7, 1.3),
            ),
            Row("as simulated: ECE", plain["ece_nominal"]),
            Row("all momenta −10 %: ECE", plain["ece_low"]),
            *claim(
                "Who trains with smeared energies is hurt less.",
                Row("all momenta −10 %: ECE, smeared over as simulated", ratio(smeared, plain["ece_low"]), high=1.0, strict=True),
            ),
        ]

    return Story(
        "energy_scale", "A wrong energy scale", "p_i → 0.9 p_i",
        "The same jets with all momenta 10 % lower: μ moves, σ stays. σ is the error of a finite training sample.",
        "Shifted jets move in the (μ, σ) plane; training with the shift is the way out (arXiv:1904.10004).",
        (Panel("shifted_jets", {"shift": "-10"}), Panel("shift_numbers")), **listed("trained", recipes), rows=rows, seconds=25,
        measured=measured,
    )  # fmt: skip


def constituents(full: bool) -> Story:
    numbers = [5, 10, 20, 40, 80]
    base = TaggerRecipe(uncertainty="none", **SAMPLE)

    def rows(scan: xarray.Dataset) -> list[Row]:
        found = [at(scan, "auc", constituents=number) for number in numbers]
        return [
            *(Row(f"{number} constituents: AUC", value, form=".4f") for number, value in zip(numbers, found, strict=True)),
            *claim(
                "The hardest five are not enough, and beyond forty little is left to learn.",
                Row("AUC: 40 − 5 constituents", found[3] - found[0], 0.003, form=".4f"),
                Row("AUC: 80 − 40 constituents", found[4] - found[3], -0.01, 0.005, form=".4f"),
            ),
        ]

    return Story(
        "how_many_constituents", "How many constituents?", "K hardest of some 45",
        "Twenty hold 90 % of the transverse momentum, forty 98 %: the rest is soft.",
        "200 constituents are kept in the public set, 30 to 128 are used. " + LECTURE,
        (Panel("tagger_roc"), Panel("scores")), **swept(base, constituents=numbers), rows=rows, seconds=40,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {
    "one_observable": one_observable,
    "tagger_landscape": landscape,
    "tagger_arc": the_arc,
    "sigma_and_size": sigma_size,
    "tagger_calibration": calibration,
    "energy_scale": energy_scale,
    "how_many_constituents": constituents,
}
