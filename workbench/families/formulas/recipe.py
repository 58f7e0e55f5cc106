"""How to search for a formula: what it is to describe, what it may be made of, and how it is sought."""

from __future__ import annotations

from typing import Any

from workbench.training.option import Choice, FilePath, Flag, Integer, Number, Text
from workbench.training.recipe.base import Recipe, declared

TARGET, SEARCH, TIME = "Target", "Search", "Time"


def of_score(recipe: Any) -> bool:
    """The score of Higgs events is to be described."""
    return recipe.target == "score"


def of_table(recipe: Any) -> bool:
    return recipe.target == "table"


def of_network(recipe: Any) -> bool:
    return recipe.target == "network"


def own_engine(recipe: Any) -> bool:
    return recipe.engine == "annealing"


@declared
class FormulaRecipe(Recipe):
    """How to find a formula for an optimal observable, for a column of a table, or for what a network has learned."""

    kind = "formula"
    command = "formula"

    target = Choice(
        {"score": "score of Higgs + 2 jets", "table": "column of an own table", "network": "trained network"},
        label="What is described",
        group=TARGET,
        doc="score: t = ∂ ln p(z|f_T)/∂f_T of pp → H + two jets by W fusion, in units 1/m_H², as a function of x₁ ≥ x₂ = p_T/m_H, Δη and "
        "Δφ of the two jets. table: a column of your own file as a function of the others. network: what the network of another run says.",
    )
    level = Choice(
        {"parton": "partons", "detector": "detector"},
        label="Level",
        group=TARGET,
        matters=of_score,
        doc="What the formula sees: the two quarks, or jets whose energy, η and φ are smeared by 0.1. The target is the same.",
    )
    f_t = Number(
        0.0,
        bounds=(-200.0, 200.0),
        softbounds=(-60.0, 60.0),
        label="Hypothesis f_T",
        symbol="f_T",
        unit="TeV⁻²",
        group=TARGET,
        matters=of_score,
        doc="Where the score is taken and the events are made: t = (a + 2bθ)/(p₀ + aθ + bθ²) at θ = f_T. 0: the Standard Model, t = a/p₀. "
        "The constant σ′/σ is left out.",
    )
    events = Integer(
        60_000,
        bounds=(200, 1_000_000),
        softbounds=(10_000, 200_000),
        label="Events",
        symbol="N",
        group=TARGET,
        scale="decades",
        smallest=1_000,
        matters=lambda recipe: not of_table(recipe),
        doc="Number of events N on which formulas are judged in the end and their constants are fitted.",
    )
    data_seed = Integer(
        1,
        bounds=(0, 2**31 - 1),
        label="Data seed",
        group=TARGET,
        rare=True,
        scale="none",
        matters=lambda recipe: not of_table(recipe),
        doc="Seed of the events: another one, new events.",
    )
    file = FilePath(
        "",
        label="Own table",
        group=TARGET,
        matters=of_table,
        doc="Path of your own table: CSV with names in its first line, .npz or HDF5 with one array per column; at most 12 columns.",
    )
    column = Text(
        "", label="Column", group=TARGET, matters=of_table, doc="The column that is described by the others; empty: the last one."
    )
    network = Text(
        "",
        label="Run of the network",
        group=TARGET,
        matters=of_network,
        doc="The id of a finished run of Basics or Amplitudes, as in the list of runs. A curve is described as y(x), classes as "
        "ln p_S/(1 − p_S), an amplitude as its logarithm.",
    )
    engine = Choice(
        {"annealing": "annealing", "pyoperon": "pyoperon"},
        label="Engine",
        group=SEARCH,
        doc="annealing: our own, by the rule p = exp(−Δ/(α T s_old)). pyoperon: genetic programming with two aims, MSE and length; needs "
        "the package pyoperon.",
    )
    operators = Choice(
        {"products": "+ − × x² x³ sin", "division": "the same and ÷", "functions": "all functions"},
        label="Operators",
        group=SEARCH,
        doc="What formulas are made of. products: +, −, ×, x², x³, sin. division: ÷ too, the list of the talk. functions: also cos, exp, "
        "ln, √, tanh.",
    )
    most_nodes = Integer(
        24,
        bounds=(3, 60),
        softbounds=(5, 40),
        label="Largest complexity",
        group=SEARCH,
        doc="Most nodes of a formula; variables, constants and operators count one each.",
    )
    parsimony = Number(
        0.005,
        bounds=(0.0, 0.1),
        label="Parsimony",
        group=SEARCH,
        scale="decades",
        smallest=1e-4,
        doc="Price of a node in the score s = MSE/variance + parsimony · nodes.",
    )
    points = Integer(
        5_000,
        bounds=(50, 100_000),
        softbounds=(500, 20_000),
        label="Search points",
        group=SEARCH,
        scale="decades",
        smallest=500,
        doc="Number of events on which the search looks; all of them count in the end.",
    )
    largest_x = Number(
        2.0,
        bounds=(0.5, 100.0),
        softbounds=(1.0, 10.0),
        label="Search below x₁",
        group=SEARCH,
        rare=True,
        matters=of_score,
        doc="The search looks at events with p_T < this · m_H of the harder jet only: the tail of the score is so heavy that a few events "
        "would decide.",
    )
    alpha = Number(
        0.1,
        bounds=(1e-3, 10.0),
        label="Annealing α",
        symbol="α",
        group=SEARCH,
        rare=True,
        scale="decades",
        smallest=1e-3,
        matters=own_engine,
        doc="A worse formula is taken with p = exp(−(s_new − s_old)/(α T s_old)).",
    )
    cycle = Integer(
        40,
        bounds=(2, 10_000),
        softbounds=(10, 200),
        label="Cooling",
        group=SEARCH,
        rare=True,
        matters=own_engine,
        doc="Generations in which the temperature T falls from 1 to 0; then it begins anew, and one island from nothing.",
    )
    islands = Integer(
        4, bounds=(1, 50), softbounds=(1, 12), label="Islands", group=SEARCH, rare=True, matters=own_engine,
        doc="Number of populations that search on their own, and meet in the hall of fame.",
    )  # fmt: skip
    population = Integer(
        30, bounds=(5, 2_000), softbounds=(10, 500), label="Population", group=SEARCH, rare=True,
        doc="Formulas on each island; of pyoperon ten times as many in one.",
    )  # fmt: skip
    steps = Integer(
        120,
        bounds=(1, 10_000_000),
        softbounds=(20, 1_000),
        label="Generations",
        group=TIME,
        scale="decades",
        smallest=10,
        doc="Generations of the search: each is as many trials as there are formulas.",
    )
    seconds = Number(
        0.0,
        bounds=(0.0, 86_400.0),
        softbounds=(0.0, 120.0),
        label="Time limit",
        unit="s",
        group=TIME,
        doc="The search ends after so many seconds, if its generations have not ended before; 0: no limit. Only without one the same seed "
        "ends with the same formulas on every computer.",
    )
    seed = Integer(
        0,
        bounds=(0, 2**31 - 1),
        label="Seed",
        group=TIME,
        scale="none",
        shared=True,
        doc="Seed of the search: same recipe and seed, same formulas.",
    )
    samples = Integer(
        30,
        bounds=(2, 1_000),
        softbounds=(10, 200),
        label="Bootstrap samples",
        group=TIME,
        rare=True,
        doc="How often constants are fitted to events drawn again, for their errors.",
    )
    beside = Flag(
        True,
        label="Limits",
        group=TIME,
        rare=True,
        matters=lambda recipe: of_score(recipe) and recipe.f_t == 0,
        doc="In the end expected limits on f_T are compared: from too simple formulas, from the found one, and from a network.",
    )
    file_digest = Text("", doc="SHA-256 of the content of the own table, from when a run was started.")

    @property
    def reported(self) -> dict[str, Any]:
        return {"recipe": self.to_json()}

    @property
    def subject(self) -> str:
        """The kind of files that its own one is."""
        return "table"
