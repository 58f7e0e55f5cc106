"""How to learn a squared amplitude with error bars."""

from __future__ import annotations

from typing import Any

from workbench.data.own_file import UNITS
from workbench.training.option import Axes, Choice, FilePath, Flag, Integer, Number, Widths
from workbench.training.recipe.base import UNITS_DOC, TrainingRecipe, declared
from workbench.training.recipe.sweep import Sweep

READS_INPUTS = ("mlp", "kan", "group_kan")
"""Architectures that leave `inputs` open; Deep Sets and L-GATr have their own."""


def is_bayesian(recipe: Any) -> bool:
    return recipe.uncertainty.startswith("bnn")


def squares(recipe: Any) -> bool:
    """Nothing but squared differences is minimised: no likelihood, and so no prior beside it."""
    return recipe.uncertainty == "deterministic" and recipe.loss == "mse"


def ensemble(recipe: Any) -> bool:
    return recipe.uncertainty == "repulsive_ensemble"


@declared
class AmplitudeRecipe(TrainingRecipe):
    """How to learn a squared amplitude with error bars: data, network, uncertainty, boosting, training."""

    kind = "amplitude"

    process = Choice(
        {"gg_yyg": "gg → γγg", "gg_yygg": "gg → γγgg"},
        label="Process",
        group="Data",
        doc="The scattering process whose squared amplitude A = |M|² is learned. gg_yyg: gg → γγg at one loop, as many events as wanted. "
        "gg_yygg: one more jet, some hundred flat events a second, unweighted or mixed take hours; up to 600 flat ones come at once.",
    )
    noise = Number(
        0.01,
        bounds=(0.0, 0.1),
        label="Noise f_smear",
        symbol="f",
        group="Data",
        scale="decades",
        smallest=1e-4,
        shared=True,
        doc="Relative width of the noise on the training amplitudes: A_train = A (1 + f ε), ε ~ N(0,1). Above 0.1 log A would be skewed.",
    )
    events = Integer(
        9_000,
        bounds=(100, 1_000_000),
        softbounds=(1_000, 100_000),
        label="Training events",
        symbol="N",
        group="Data",
        scale="decades",
        smallest=1_000,
        doc="Number of training events N.",
    )
    sampling = Choice(
        ["flat", "unweighted", "mixed"],
        label="Sampling",
        group="Data",
        matters=lambda recipe: not recipe.file,
        doc="flat: uniform in phase space. unweighted: density ∝ A, by hit-or-miss, so that large amplitudes are frequent. "
        "mixed: three of ten training events unweighted, the others flat, as those of the test: best for the largest amplitudes.",
    )
    file = FilePath(
        "",
        label="Own file",
        group="Data",
        doc="Path of your own file with momenta and amplitudes: HDF5, CSV, .npy, .npz, Parquet or ROOT; empty: exact amplitudes of the "
        "process.",
    )
    units = Choice(
        [*UNITS],
        label="Units of the file",
        group="Data",
        later=True,
        matters=lambda recipe: bool(recipe.file),
        doc=UNITS_DOC,
    )
    symmetric = Flag(
        False,
        label="File is symmetric",
        group="Data",
        rare=True,
        later=True,
        matters=lambda recipe: bool(recipe.file) and recipe.inputs == "ordered" and recipe.matters("inputs"),
        doc="You know that the amplitudes of your own file stay as they are when identical particles of the process change places, and "
        "under reflection: ordered inputs need that.",
    )
    beams = Choice(
        {"fixed": "fixed √s", "pp": "pp"},
        label="Beams",
        group="Data",
        rare=True,
        matters=lambda recipe: not recipe.file,
        doc="fixed: partonic collisions at √ŝ = √s. pp: protons at √s, gluons weighted with their densities x·g(x).",
    )
    sqrt_s = Number(
        1000.0,
        bounds=(200.0, 14_000.0),
        label="√s",
        unit="GeV",
        group="Data",
        rare=True,
        scale="decades",
        smallest=200,
        matters=lambda recipe: not recipe.file,
        doc="Collision energy √s of the two beams, in GeV.",
    )
    test_events = Integer(
        10_000,
        bounds=(100, 200_000),
        softbounds=(1_000, 20_000),
        label="Test events",
        group="Data",
        rare=True,
        scale="decades",
        smallest=1_000,
        doc="Number of events kept for the final figures; the network never sees them.",
    )
    data_seed = Integer(
        1,
        bounds=(0, 2**31 - 1),
        label="Data seed",
        group="Data",
        rare=True,
        scale="none",
        doc="Seed of the events and of the noise put on them.",
    )
    inputs = Choice(
        {"momenta": "momenta", "invariants": "invariants", "ordered": "ordered invariants"},
        label="Inputs",
        group="Network",
        matters=lambda recipe: recipe.architecture in READS_INPUTS,
        doc="momenta: all (E, px, py, pz). invariants: log(pᵢ·pⱼ) of all pairs and one parity-odd ε of four momenta. "
        "ordered: ln sᵢⱼ after identical particles were put in order, without ε, so that the network is exactly symmetric. "
        "Chosen for mlp, kan and group_kan; Deep Sets and L-GATr always read momenta, deepsets_invariants both.",
    )
    target = Choice(
        {"amplitude": "ln A", "soft": "ln (A s₁ⱼ s₂ⱼ)"},
        label="Target",
        group="Network",
        rare=True,
        later=True,
        doc="What is learned. amplitude: ln A. soft: ln (A Π s₁ⱼ s₂ⱼ), with the squared masses of incoming and radiated gluons j: "
        "the network need not learn the poles. The factor is known and taken off again.",
    )
    architecture = Choice(
        {
            "mlp": "MLP",
            "deepsets": "Deep Sets",
            "deepsets_invariants": "Deep Sets + invariants",
            "lgatr": "L-GATr",
            "kan": "KAN",
            "group_kan": "GroupKAN",
            "lgatr_slim": "L-GATr, slim",
            "lgatr_full": "L-GATr, full",
        },
        label="Architecture",
        group="Network",
        doc="mlp: fully connected layers. deepsets: an embedding per type of particle, summed over identical ones, from momenta; "
        "deepsets_invariants: with all invariants added. lgatr: Lorentz-equivariant transformer, far slower: "
        "its slim variant (vectors) on a processor, the full one (multivectors) on a GPU; lgatr_slim and lgatr_full: that one anywhere. "
        "kan: a learned function on every edge. group_kan: an mlp with learned activations.",
    )
    hidden = Widths(
        (128, 128, 128),
        layers=(1, 8),
        units=(2, 1024),
        label="Hidden layers",
        group="Network",
        doc="Widths of the hidden layers, for instance 128, 128, 128. Deep Sets: of the head, embeddings are half as wide; "
        "kan: a third is used, so that the weights remain as many; lgatr: one block per layer, w/8 vector or multivector "
        "and w/4 scalar channels.",
    )
    activation = Choice(
        {"silu": "SiLU", "gelu": "GELU", "tanh": "tanh", "relu": "ReLU"},
        label="Activation",
        group="Network",
        rare=True,
        matters=lambda recipe: not recipe.architecture.startswith("lgatr"),
        doc="Non-linearity between the layers: SiLU x/(1+e⁻ˣ), GELU x Φ(x), tanh, ReLU max(0, x).",
    )
    uncertainty = Choice(
        {"bnn": "BNN", "bnn_last_layer": "BNN (last layer)", "repulsive_ensemble": "ensemble", "deterministic": "deterministic"},
        label="Uncertainty",
        group="Uncertainty",
        shared=True,
        doc="bnn: Gaussian weights q(θ), all layers or the last. repulsive_ensemble: members pushed apart. deterministic: σ_syst only.",
    )
    members = Integer(
        8,
        bounds=(2, 512),
        softbounds=(2, 32),
        label="Members",
        symbol="n",
        group="Uncertainty",
        scale="octaves",
        smallest=2,
        matters=ensemble,
        doc="Number n of networks in the repulsive ensemble.",
    )
    repulsion = Number(
        1.0,
        bounds=(0.0, 1e4),
        softbounds=(0.0, 10.0),
        label="Repulsion β",
        symbol="β",
        group="Uncertainty",
        scale="decades",
        smallest=0.1,
        shared=True,
        matters=ensemble,
        doc="Strength of the repulsion (β/N) Σⱼ k(Aᵢ, Aⱼ) between ensemble members; 0: independent networks.",
    )
    first_width = Number(
        1.0,
        bounds=(0.1, 10.0),
        softbounds=(0.5, 4.0),
        label="First width",
        group="Uncertainty",
        rare=True,
        later=True,
        matters=lambda recipe: ensemble(recipe) and recipe.architecture == "mlp",
        doc="Factor on the fresh weights of the first layer of ensemble members (mlp only): members that begin rougher end farther apart "
        "where there are no data.",
    )
    loss = Choice(
        {"likelihood": "likelihood", "mse": "squared error"},
        label="Loss",
        group="Uncertainty",
        rare=True,
        later=True,
        matters=lambda recipe: recipe.uncertainty == "deterministic",
        doc="likelihood: the network learns σ_syst with A. mse: ⟨(ln A − ln Ā)²⟩, without error bars: a control.",
    )
    calibrate = Flag(
        True,
        label="Calibrate σ_syst",
        group="Uncertainty",
        rare=True,
        doc="Multiply σ_syst by T = √⟨(A − ⟨A⟩)²/σ_syst²⟩ measured on validation events.",
    )
    opening = Choice(
        {"alike": "all alike", "fisher": "Fisher"},
        label="Opening width",
        group="Uncertainty",
        rare=True,
        later=True,
        matters=is_bayesian,
        doc="Width of the weights when they open after the warm start. alike: 0.003. fisher: 1/√(N F + 1/σ_p²) with the Fisher "
        "information F of an event, at most 0.003: narrower where the data know a weight well.",
    )
    boost_sigma = Number(
        0.0,
        bounds=(0.0, 100.0),
        softbounds=(0.0, 10.0),
        label="Boost by σ",
        group="Boosting",
        shared=True,
        doc="Process boosting: every round adds this × min(1, √(σ_tot,j/σ_cut)) to the weight n_j of a training event.",
    )
    boost_pull = Number(
        0.0,
        bounds=(0.0, 100.0),
        softbounds=(0.0, 10.0),
        label="Boost by pull",
        symbol="δ",
        group="Boosting",
        shared=True,
        doc="Loss boosting: every round adds this to the weight n_j of training events with |t_syst| above the cut.",
    )
    boost_rounds = Integer(
        4,
        bounds=(1, 50),
        softbounds=(1, 10),
        label="Boosting rounds",
        group="Boosting",
        rare=True,
        matters=lambda recipe: recipe.boost_pull > 0 or recipe.boost_sigma > 0,
        doc="Number of times the boosted events are chosen anew, from a fifth of the training on.",
    )
    boost_pull_cut = Number(
        2.0,
        bounds=(0.1, 10.0),
        label="Pull cut",
        group="Boosting",
        rare=True,
        matters=lambda recipe: recipe.boost_pull > 0,
        doc="Events with |t_syst| above this are boosted by pull.",
    )
    boost_fraction = Number(
        0.02,
        bounds=(1e-4, 0.5),
        label="Boosted fraction",
        group="Boosting",
        rare=True,
        scale="decades",
        smallest=1e-3,
        matters=lambda recipe: recipe.boost_sigma > 0,
        doc="Fraction of training events with σ_tot above σ_cut, boosted in full by σ.",
    )
    prior_width = Number(matters=lambda recipe: not squares(recipe))
    draws = Integer(matters=is_bayesian)
    warm_start = Number(matters=is_bayesian)

    @property
    def subject(self) -> str:
        return self.process

    @property
    def reported(self) -> dict[str, Any]:
        return {"noise": self.noise}


SHARED = tuple(name for name, option in AmplitudeRecipe.options().items() if option.shared)
"""Options in which the points of one training may differ; the others shape the networks or the steps."""


@declared
class SweepRecipe(Sweep, AmplitudeRecipe):
    """Many recipes of amplitudes trained together: those that differ only by the options of `axes`, all their combinations.

    All points see the same events in the same order with the same ε, so that they differ by what is swept and by nothing else; with the
    axis `seed` they differ by their first weights.
    """

    kind = "sweep"
    single, together = AmplitudeRecipe, SHARED

    axes = Axes({"noise": [0.0, 0.01, 0.1]})
