"""How to learn a likelihood ratio from simulated Higgs events, with error bars, for limits on two Wilson coefficients."""

from __future__ import annotations

from typing import Any

from workbench.training.option import Choice, Integer, Number, Widths
from workbench.training.recipe.base import TrainingRecipe, declared

DATA, METHOD, NETWORK, OPTIMISER = "Data", "Estimator", "Network", "Training"
SHIPPED = 20_000
"""Events that come with the package; more are made."""
RATIOS = ("carl", "rolr", "alice", "cascal", "rascal", "alices")
"""Estimators that learn log r(x|θ) for all θ at once."""
WITH_SCORE = ("cascal", "rascal", "alices")
SCORES = ("sally", "sallino")
HISTOGRAMS = ("histogram_1d", "histogram_2d", "afc")
"""Densities of observables; no network learns."""


def ratio(recipe: Any) -> bool:
    """A network learns log r itself."""
    return recipe.method in RATIOS


def network(recipe: Any) -> bool:
    """There is a network at all."""
    return recipe.method not in HISTOGRAMS


def entropy(recipe: Any) -> bool:
    """What is minimised is −⟨log p⟩ of a label, so that weights may have a posterior."""
    return recipe.method in ("carl", "alice")


@declared
class InferenceRecipe(TrainingRecipe):
    """How to learn the likelihood ratio of WBF Higgs events in f_W and f_WW, whose exact value is known, and the limits that follow."""

    kind = "inference"
    command = "infer"

    level = Choice(
        {"detector": "detector", "jets": "jets", "parton": "partons"},
        label="What is seen",
        group=DATA,
        doc="detector: smeared, energy by 10 %, η and φ by 0.1; the truth is the matrix element method. jets: as produced, the truth an "
        "integral over the Higgs. partons: all momenta, so r(x|θ) = r(x,z|θ).",
    )
    resolution = Choice(
        {"normal": "Gaussian", "tails": "with tails"},
        label="Resolution",
        group=DATA,
        rare=True,
        later=True,
        matters=lambda recipe: recipe.level == "detector",
        doc="Gaussian: energies of jets by 10 %. With tails: by σ_E = 0.5 √(E GeV), and on the side of lost energy beyond 1.5 σ_E a power "
        "law 2.5 (Crystal Ball). η and φ by 0.1 in both.",
    )
    events = Integer(
        SHIPPED,
        bounds=(100, 2_000_000),
        softbounds=(1_000, 500_000),
        label="Events",
        symbol="N",
        group=DATA,
        scale="decades",
        smallest=1_000,
        doc="Simulated events N of the mixture of 5 × 5 hypotheses with |f_W|, |f_WW| ≤ 22 TeV⁻², each with its joint ratio r(x,z|θ) and "
        "score t(x,z|θ). 20,000 come with the program, more are made once (27,000 in a second on a fast core).",
    )
    method = Choice(
        {
            "alice": "ALICE",
            "alices": "ALICES",
            "carl": "CARL",
            "cascal": "CASCAL",
            "rolr": "ROLR",
            "rascal": "RASCAL",
            "sally": "SALLY",
            "sallino": "SALLINO",
            "histogram_2d": "histogram p_T × Δφ",
            "histogram_1d": "histogram of one observable",
            "afc": "kernel densities p_T × Δφ (AFC)",
        },
        label="Method",
        group=METHOD,
        doc="carl: cross-entropy of labels, log(1 + r̂) or log(1 + 1/r̂). alice: the same with the labels' exact mean s = 1/(1 + r). rolr: "
        "(r − r̂)² and (1/r − 1/r̂)². cascal, rascal, alices: these with α |∇ log r̂ − t|². sally: |t̂ − t|² at the SM, then a histogram of t̂; "
        "sallino: of t̂·θ. afc: events of the simulator that look alike, counted by a Gaussian kernel in ln p_T and Δφ.",
    )
    kernel = Number(
        1.0,
        bounds=(0.4, 10.0),
        softbounds=(0.4, 4.0),
        label="Kernel width",
        group=METHOD,
        later=True,
        matters=lambda recipe: recipe.method == "afc",
        doc="Of Gaussian kernels, in units of 0.15 in ln p_T and 0.25 in Δφ.",
    )
    observable = Choice(
        {"dphi": "Δφ", "pt1": "p_T of the harder jet", "pt2": "p_T of the softer jet", "deta": "|Δη|", "dphi_by_pt": "Δφ in order of p_T"},
        label="Observable",
        group=METHOD,
        matters=lambda recipe: recipe.method == "histogram_1d",
        doc="What is histogrammed: p_T of a jet in GeV, |Δη|, or Δφ of the forward from the backward jet, or the harder from the softer.",
    )
    head = Choice(
        {"quadratic": "quadratic, positive", "free": "free"},
        label="Head",
        group=METHOD,
        matters=ratio,
        doc="quadratic: r̂ = |Lᵀ(x)(1, θ)|² σ_ref/σ(θ) with a triangular 3 × 3 matrix L(x): quadratic in θ, as |M|² is, and positive. free: "
        "log r̂(x, θ), a network of x and θ.",
    )
    alpha = Number(
        1.0,
        bounds=(0.0, 1e3),
        softbounds=(0.0, 10.0),
        label="Score term α",
        symbol="α",
        group=METHOD,
        scale="decades",
        smallest=0.01,
        matters=lambda recipe: recipe.method in WITH_SCORE,
        doc="α of α |∇_θ log r̂ − t(x,z|θ)|², θ in units of 10 TeV⁻².",
    )
    reference = Choice(
        {"mixture": "mixture", "sm": "Standard Model"},
        label="Reference",
        group=METHOD,
        matters=ratio,
        doc="Denominator of r = p(x|θ)/p(x|reference). The mixture of all hypotheses keeps r below 6; relative to the SM it reaches 10⁵.",
    )
    hidden = Widths(
        (64, 64, 64),
        layers=(1, 6),
        units=(1, 512),
        label="Hidden layers",
        group=NETWORK,
        matters=network,
        doc="Widths of the hidden layers.",
    )
    activation = Choice(
        {"silu": "SiLU", "gelu": "GELU", "tanh": "tanh", "relu": "ReLU"},
        label="Activation",
        group=NETWORK,
        rare=True,
        matters=network,
        doc="φ of every hidden neuron.",
    )
    uncertainty = Choice(
        {
            "bootstrap": "ensemble, bootstrap",
            "ensemble": "ensemble",
            "bnn_last_layer": "BNN (last layer)",
            "bnn": "BNN",
            "none": "none",
        },
        label="Error bars",
        group="Uncertainty",
        doc="bootstrap: networks with other first weights, each on events drawn with repetition. ensemble: the same events. Last layer, "
        "BNN: Gaussian weights, L = −⟨log p⟩ + KL[q, p]/N, for CARL and ALICE only. A draw or member moves all events together.",
    )
    members = Integer(
        4,
        bounds=(2, 64),
        softbounds=(2, 16),
        label="Members",
        group="Uncertainty",
        matters=lambda recipe: recipe.uncertainty in ("ensemble", "bootstrap"),
        doc="Number of networks of an ensemble.",
    )
    prior_width = Number(1.0, matters=lambda recipe: recipe.uncertainty.startswith("bnn"))
    draws = Integer(16, softbounds=(4, 64), matters=lambda recipe: recipe.uncertainty.startswith("bnn"))
    steps = Integer(1_500, softbounds=(100, 20_000), matters=network, doc="Number of optimiser steps.")
    batch_size = Integer(512, smallest=64, matters=network, doc="Events per step B.")
    learning_rate = Number(3e-3, bounds=(1e-7, 1.0), matters=network)
    schedule = Choice({"cosine": "cosine", "one_cycle": "one cycle", "constant": "constant"}, matters=network)
    optimiser = Choice({"adam": "Adam", "sgd": "SGD"}, matters=network)
    warm_start = Number(matters=lambda recipe: recipe.uncertainty.startswith("bnn"))
    device = Choice(
        {"cpu": "CPU", "cuda": "GPU", "auto": "auto"}, doc="So small a network is fastest on a CPU. auto: a GPU when there is one."
    )

    @property
    def reported(self) -> dict[str, Any]:
        return {"recipe": self.to_json()}

    @property
    def subject(self) -> str:
        return "wbf_h"
