"""How to learn to tell top jets from QCD jets, with error bars: jets, what is seen of them, network, uncertainty."""

from __future__ import annotations

from typing import Any

from workbench.training.option import Choice, FilePath, Integer, Number
from workbench.training.recipe.base import TrainingRecipe, declared

DATA, NETWORK, UNCERTAINTY, OPTIMISER = "Data", "Network", "Uncertainty", "Training"
SHIPPED = 2_000
"""Jets that come with the package to learn from, half top and half QCD; more are made."""
TESTED = 800
"""Of the 1,000 others that come with it, those that are tested on."""


def bayesian(recipe: Any) -> bool:
    return recipe.uncertainty.startswith("bnn")


def ensemble(recipe: Any) -> bool:
    return recipe.uncertainty in ("bootstrap", "ensemble")


def sees_constituents(recipe: Any) -> bool:
    return recipe.architecture != "mass"


@declared
class TaggerRecipe(TrainingRecipe):
    """How to tell the jets of top quarks from those of quarks and gluons, with error bars on the probability of every jet."""

    kind = "tagger"
    command = "tag"

    jets = Integer(
        SHIPPED,
        bounds=(100, 2_000_000),
        softbounds=(400, 100_000),
        label="Training jets",
        symbol="N",
        group=DATA,
        scale="decades",
        smallest=100,
        doc="Jets N to learn from, half top and half QCD. 2,000 come with the program; more are made once, with Pythia and FastJet, about "
        "150 a second on one core.",
    )
    file = FilePath(
        "",
        label="Own file",
        group=DATA,
        later=True,
        doc="Path of your own jets: HDF5 of the public landscape set (E_0, PX_0, … as pandas writes it), ROOT of JetClass, or what "
        "`save_jets` wrote. Empty: shipped jets, or made ones.",
    )
    level = Choice(
        {"detector": "detector", "particles": "particles"},
        label="What is seen",
        group=DATA,
        matters=lambda recipe: not recipe.file,
        doc="detector: tracks, photons and neutral hadrons of a simple detector. particles: all visible particles; such jets are made "
        "with Pythia and FastJet first.",
    )
    test_jets = Integer(
        TESTED,
        bounds=(100, 200_000),
        softbounds=(500, 20_000),
        label="Test jets",
        group=DATA,
        rare=True,
        scale="decades",
        smallest=100,
        doc="Jets that nobody learns from, on which all numbers are measured: 10,000 know 1/ε_B at ε_S = 0.5 to some 12 %. A quarter as "
        "many, but 2,000 at most, watch the training.",
    )
    constituents = Integer(
        40,
        bounds=(4, 128),
        softbounds=(5, 100),
        label="Constituents",
        symbol="K",
        group=DATA,
        scale="octaves",
        smallest=5,
        matters=sees_constituents,
        doc="The K hardest constituents of each jet are seen. 20 hold 90 % of the transverse momentum, 40 hold 98 %.",
    )
    smearing = Number(
        0.0,
        bounds=(0.0, 0.3),
        label="Energy smearing",
        group=DATA,
        rare=True,
        doc="Width of a factor 1 + s ε, ε from N(0, 1), on all momenta of each training jet: the energy scale is not known better, and the "
        "network learns not to trust it.",
    )
    architecture = Choice(
        {
            "deep_sets_jet": "deep sets + jet, aligned",
            "deep_sets": "deep sets (PFN)",
            "image": "image CNN",
            "lola": "LoLa",
            "particlenet": "ParticleNet",
            "part": "ParT",
            "lorentznet": "LorentzNet",
            "lgatr": "L-GATr",
            "mass": "jet mass alone",
        },
        label="Architecture",
        group=NETWORK,
        doc="deep sets: F(Σ Φ(xᵢ)); + jet: F also sees the mass, p_T and number of constituents, Φ also angles after rotation. image CNN: "
        "24 × 24 pixels. LoLa: combinations of 4-vectors. ParticleNet: nearest neighbours. ParT: attention. LorentzNet, L-GATr: Lorentz "
        "vectors. jet mass alone: p(top | m), the baseline.",
    )
    uncertainty = Choice(
        {
            "bnn_last_layer": "BNN (last layer)",
            "bootstrap": "ensemble, bootstrap",
            "ensemble": "ensemble",
            "bnn": "BNN",
            "none": "none",
        },
        label="Error bars",
        group=UNCERTAINTY,
        doc="Last layer, BNN: Gaussian weights, L = −⟨log p⟩ + w KL[q, p]/N. bootstrap: networks that each learn from N jets drawn with "
        "repetition, the nearest to networks on other jets. ensemble: all learn from the same jets.",
    )
    members = Integer(
        8,
        bounds=(2, 64),
        softbounds=(2, 16),
        label="Members",
        group=UNCERTAINTY,
        matters=ensemble,
        doc="Number of networks of an ensemble.",
    )
    kl_weight = Number(
        1.0,
        bounds=(0.0, 10.0),
        softbounds=(0.01, 1.0),
        label="KL weight w",
        symbol="w",
        group=UNCERTAINTY,
        scale="decades",
        smallest=0.01,
        matters=bayesian,
        doc="w in −⟨log p⟩ + w KL/N. A label says less than a bit, so with w = 1 and all layers Bayesian 10,000 weights cost more than "
        "20,000 jets can pay: half the rejection. 0.1 costs little.",
    )
    prior_width = Number(1.0, matters=bayesian)
    draws = Integer(32, softbounds=(4, 64), matters=bayesian)
    steps = Integer(600, softbounds=(100, 20_000), doc="Number of optimiser steps; N/B of them see each jet once.")
    batch_size = Integer(128, smallest=64, doc="Jets per step B.")
    learning_rate = Number(2e-3, bounds=(1e-7, 1.0))
    schedule = Choice({"one_cycle": "one cycle", "cosine": "cosine", "constant": "constant"})
    optimiser = Choice({"adam": "Adam", "sgd": "SGD"})
    warm_start = Number(matters=bayesian)
    device = Choice(
        {"cpu": "CPU", "cuda": "GPU", "auto": "auto"}, doc="The small networks are fastest on a CPU. auto: a GPU when there is one."
    )

    @property
    def reported(self) -> dict[str, Any]:
        return {"recipe": self.to_json()}

    @property
    def subject(self) -> str:
        return "jets"
