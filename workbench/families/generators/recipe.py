"""How to learn the density of events with a normalizing flow."""

from __future__ import annotations

from typing import Any

from workbench.data.own_file import UNITS
from workbench.physics.datasets import DATASETS, ROWS, has_jets
from workbench.training.option import Choice, FilePath, Flag, Integer, Number, Widths
from workbench.training.recipe.base import RATE, UNITS_DOC, TrainingRecipe, declared


def of_jets(recipe: Any) -> bool:
    return has_jets(recipe.dataset)


def is_bayesian(recipe: Any) -> bool:
    return recipe.bayesian


def joint(recipe: Any) -> bool:
    """A discriminator learns along."""
    return recipe.discflow_alpha > 0


@declared
class GeneratorRecipe(TrainingRecipe):
    """How to learn the density of events with a normalizing flow, with error bars, and to draw new events from it."""

    kind = "generator"
    command = "generate"

    dataset = Choice(
        {row.name: row.words for row in ROWS},
        label="Dataset",
        group="Data",
        doc=" ".join(f"{row.name}: {row.about}." for row in ROWS),
    )
    jets = Integer(
        1,
        bounds=(0, 3),
        label="Jets",
        group="Data",
        matters=of_jets,
        doc="Number of jets of Z + jets, p_T > 20 GeV, anti-k_T with R = 0.4. 0: events with 1, 2 and 3 jets as they come, learned by a "
        "chain of flows: the first makes the muons and one jet, given the number of jets, each other adds a jet, given what is there.",
    )
    events = Integer(
        50_000,
        bounds=(100, 10_000_000),
        softbounds=(1_000, 300_000),
        label="Training events",
        symbol="N",
        group="Data",
        scale="decades",
        smallest=1_000,
        doc="Number of training events N.",
    )
    file = FilePath(
        "",
        label="Own file",
        group="Data",
        doc="Path of your own file of such events, or of points in the plane: HDF5, CSV, .npy, .npz, LHE, Parquet or ROOT; empty: made or "
        "shipped events.",
    )
    units = Choice(
        [*UNITS],
        label="Units of the file",
        group="Data",
        later=True,
        matters=lambda recipe: bool(recipe.file) and DATASETS[recipe.dataset].energies,
        doc=UNITS_DOC,
    )
    test_events = Integer(
        50_000,
        bounds=(100, 1_000_000),
        softbounds=(1_000, 100_000),
        label="Test events",
        group="Data",
        rare=True,
        scale="decades",
        smallest=1_000,
        doc="Events that the network never sees, and as many that it draws: histograms compare the two.",
    )
    data_seed = Integer(
        1,
        bounds=(0, 2**31 - 1),
        label="Data seed",
        group="Data",
        rare=True,
        scale="none",
        doc="Seed of the events, or of the order of your own.",
    )
    blocks = Integer(
        6,
        bounds=(2, 40),
        softbounds=(2, 24),
        label="Blocks",
        group="Network",
        doc="Coupling blocks; each moves half of the components, given the others.",
    )
    hidden = Widths(
        (32, 32), layers=(1, 6), units=(2, 1024), label="Hidden layers", group="Network", doc="Widths of the perceptron of each block."
    )
    mixing = Choice(
        ["permutation", "rotation"],
        label="Mixing",
        group="Network",
        doc="Between blocks: a fixed permutation of the components, which keeps edges sharp, or a fixed random rotation.",
    )
    spline = Choice(
        {"rational_quadratic": "rational-quadratic", "cubic": "cubic", "affine": "affine"},
        label="Spline",
        group="Network",
        rare=True,
        doc="The monotonic curve of each component: rational-quadratic or cubic pieces, or affine, eˢ x + t: few parameters, as in a fit.",
    )
    bins = Integer(
        10,
        bounds=(2, 64),
        softbounds=(4, 32),
        label="Bins",
        group="Network",
        rare=True,
        matters=lambda recipe: recipe.spline != "affine",
        doc="Pieces of each spline, inside of ±4 widths.",
    )
    edges = Choice(
        ["learned", "known"],
        label="Edges",
        group="Network",
        rare=True,
        later=True,
        matters=lambda recipe: DATASETS[recipe.dataset].square,
        doc="Of a ramp on the unit square. learned: from x and y as they are, which a smooth flow smears at the edges. "
        "known: from Φ⁻¹(x) and Φ⁻¹(y), which have none.",
    )
    coordinates = Choice(
        ["particles", "boson"],
        label="Coordinates",
        group="Network",
        rare=True,
        later=True,
        matters=of_jets,
        doc="Of Z + jets. particles: p_T, η, Δφ and m of each, in whose correlations the Z peak and the holes between jets hide. boson: "
        "mass, p_T, rapidity and decay angles of the Z, the jets beside it and each other, without the hole around the first.",
    )
    magic = Flag(
        False,
        label="Magic transformation",
        group="Weights",
        later=True,
        matters=of_jets,
        doc="Of Z + jets: train with the weight Π f(ΔR) over pairs of jets, f from 0 at ΔR = 0.2 to 1 at 1.5, so that the learned density "
        "fades out towards the hole; generated events get the inverse weight, and those with ΔR < 0.4 are dropped.",
    )
    nuisance = Flag(
        False,
        label="Theory nuisance a",
        group="Weights",
        later=True,
        matters=of_jets,
        doc="Of Z + jets: every training event gets an a from 0 to 30 and the weight 1 + a ((p_T,j1 − 15 GeV)/100 GeV)², normalised for "
        "each a; a is a condition, so that the trained network draws events for any a.",
    )
    bayesian = Flag(
        True, label="Bayesian", group="Uncertainty", doc="Gaussian weights q(θ): L = −⟨log p(x|θ)⟩ + KL[q, p]/N; else one network."
    )
    width_pace = Number(
        1.0,
        bounds=(0.1, 100.0),
        softbounds=(1.0, 10.0),
        label="Width pace",
        group="Uncertainty",
        rare=True,
        later=True,
        matters=is_bayesian,
        doc="How many times faster than their means the widths of the weights learn. Many events need more of it, or more steps: until the "
        "widths are found the band is too narrow. Above √(N/B) it may become unstable.",
    )
    draws = Integer(32, softbounds=(8, 64), matters=is_bayesian, doc="Number M of weight draws in the final bands.")
    discriminator_steps = Integer(
        0,
        bounds=(0, 1_000_000),
        softbounds=(0, 5_000),
        label="Discriminator steps",
        group="Discriminator",
        later=True,
        doc="Steps of a fresh discriminator that judges the finished generator: its w_D = D/(1 − D) reweights the events, its area under "
        "the curve says how well the two can be told apart. 0: none.",
    )
    discriminator_hidden = Widths(
        (64, 64, 64),
        layers=(1, 6),
        units=(2, 1024),
        label="Discriminator layers",
        group="Discriminator",
        later=True,
        matters=lambda recipe: joint(recipe) or recipe.discriminator_steps > 0,
        doc="Widths of the hidden layers of discriminators.",
    )
    discflow_alpha = Number(
        0.0,
        bounds=(0.0, 100.0),
        softbounds=(0.0, 1.0),
        label="DiscFlow α",
        group="Discriminator",
        later=True,
        doc="Strength of the joint training: training events get the weight w_D^α of a discriminator that learns along. Below 1 it "
        "converges; 0: no discriminator.",
    )
    coupling = Choice(
        ["discflow", "gan"],
        label="Coupling",
        group="Discriminator",
        later=True,
        matters=joint,
        doc="What a joint discriminator does. discflow: weights w_D^α on training events. gan: the flow also maximises α⟨log D⟩ of its own "
        "events, which may never settle.",
    )
    discflow_start = Number(
        0.4,
        bounds=(0.0, 1.0),
        label="DiscFlow start",
        group="Discriminator",
        later=True,
        matters=joint,
        doc="Fraction of the steps after which the joint discriminator begins to learn.",
    )
    discflow_ramp = Number(
        0.2,
        bounds=(0.0, 1.0),
        label="DiscFlow ramp",
        group="Discriminator",
        later=True,
        matters=joint,
        doc="Fraction of the steps in which α then rises from 0 to its value.",
    )
    discflow_clip = Number(
        5.0,
        bounds=(1.0, 1e6),
        softbounds=(1.0, 100.0),
        label="DiscFlow clip",
        group="Discriminator",
        later=True,
        matters=lambda recipe: joint(recipe) and recipe.coupling == "discflow",
        doc="Largest weight w_D^α of an event, and smallest 1/w_D^α.",
    )
    steps = Integer(3_000, softbounds=(500, 50_000), doc="Number of optimiser steps.")
    batch_size = Integer(1_024, softbounds=(64, 8_192), doc="Events per step B.")
    learning_rate = Number(5e-3, doc=RATE)
    warm_start = Number(matters=is_bayesian)

    @property
    def subject(self) -> str:
        return self.dataset

    @property
    def reported(self) -> dict[str, Any]:
        return {"dataset": self.dataset}

    @property
    def has_jets(self) -> bool:
        return has_jets(self.dataset)

    @property
    def most_jets(self) -> int:
        """The largest number of jets that events have."""
        return self.jets or 3
