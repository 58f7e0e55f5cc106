"""Formulas as trees: simplified they stay equal, derivatives are those of differences, and what is written means the same."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from workbench.families.formulas.annealing import as_tree, nested
from workbench.families.formulas.fit import Data, bootstrapped, fitted, naive_errors
from workbench.families.formulas.spelling import as_latex, as_python, as_text, identifier
from workbench.families.formulas.talk import FORMULA, LETTERS, SAID, signed, with_talks
from workbench.families.formulas.tree import (
    OPERATORS,
    UNARY,
    constants,
    evaluate,
    key,
    nodes,
    part_at,
    places,
    replaced,
    simplified,
    slopes,
    snapped,
    with_constants,
)

NAMES = ("a", "b", "c")


def grown(rng, depth, names=OPERATORS["functions"]):
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([0, 1, 2, rng.uniform(0.3, 2.0), -rng.uniform(0.3, 2.0)])
    name = rng.choice(names)
    return (name, *(grown(rng, depth - 1, names) for _ in range(1 if name in UNARY else 2)))


@pytest.fixture(scope="module")
def trees():
    rng = random.Random(3)
    return [grown(rng, 4) for _ in range(400)]


@pytest.fixture(scope="module")
def columns():
    return np.random.default_rng(1).uniform(0.2, 1.5, (3, 40))


def same(one, other):
    """Equal where both have a value of a usual size."""
    there = np.isfinite(one) & np.isfinite(other) & (np.abs(one) < 1e6)
    np.testing.assert_allclose(one[there], other[there], rtol=1e-6, atol=1e-6)
    return there.sum()


def test_a_simplified_formula_is_equal_has_no_more_nodes_and_stays_as_it_is(trees, columns):
    compared = 0
    for tree in trees:
        short = simplified(tree)
        compared += same(evaluate(short, columns), evaluate(tree, columns))
        assert nodes(short) <= nodes(tree) + 2  # sin(−c a) becomes −sin(c a)
    assert compared > 5_000


@pytest.mark.parametrize(
    ("long", "short"),
    [
        (("add", 1.0, 2.0), 3.0),
        (("mul", 2.0, ("mul", 3.0, 0)), ("mul", 6.0, 0)),
        (("sub", 0, 0), 0.0),
        (("div", 1, 1), 1.0),
        (("mul", 0, 0), ("square", 0)),
        (("add", 1, 0), ("add", 0, 1)),
        (("mul", 1, ("mul", 2.0, 0)), ("mul", 2.0, ("mul", 0, 1))),
        (("sub", 0, 1.5), ("add", -1.5, 0)),
        (("sin", ("mul", -1.0, 0)), ("mul", -1.0, ("sin", 0))),
    ],
)
def test_what_can_be_said_in_fewer_nodes_is(long, short):
    assert simplified(long) == short


def test_nodes_constants_places_and_keys():
    tree = ("mul", -4.5, ("mul", 0, ("sin", 2)))
    assert nodes(tree) == 6 and constants(tree) == [-4.5] and key(tree) == "mul(c,mul(x0,sin(x2)))"
    assert len(list(places(tree))) == 6 and part_at(tree, (2, 2)) == ("sin", 2)
    assert replaced(tree, (2, 2, 1), 1) == ("mul", -4.5, ("mul", 0, ("sin", 1)))
    assert with_constants(tree, [2.0]) == ("mul", 2.0, ("mul", 0, ("sin", 2)))
    assert nested(("sin", ("add", 0, ("sin", 1)))) and not nested(("add", ("sin", 0), ("sin", 1)))
    assert snapped(("sin", ("mul", 1.02, 0))) == ("sin", 0)


def test_a_tree_survives_json(trees):
    assert all(as_tree(json.loads(json.dumps(tree))) == tree for tree in trees)


def test_derivatives_by_the_constants_are_those_of_differences(trees, columns):
    compared = 0
    for tree in trees:
        values = constants(tree)
        found = slopes(tree, columns)
        for number, value in enumerate(values):
            step = 1e-6 * max(1.0, abs(value))
            up, down = (
                evaluate(with_constants(tree, [*values[:number], value + sign * step, *values[number + 1 :]]), columns) for sign in (1, -1)
            )
            difference = (up - down) / (2 * step)
            there = np.isfinite(difference) & np.isfinite(found[number]) & (np.abs(up) < 1e2) & (np.abs(difference) < 1e3)
            np.testing.assert_allclose(found[number][there], difference[there], rtol=1e-3, atol=1e-4)
            compared += there.sum()
    assert compared > 2_000


def test_python_text_means_the_formula(trees, columns):
    compared = 0
    for tree in trees:
        with np.errstate(all="ignore"):
            said = eval(as_python(tree, NAMES), {"np": np}, dict(zip(NAMES, columns, strict=True)))
        there = np.isfinite(said) & (np.abs(evaluate(tree, columns)) < 1e2)
        np.testing.assert_allclose(
            (said + 0 * columns[0])[there * np.ones(40, bool)], evaluate(tree, columns)[there * np.ones(40, bool)], rtol=1e-2, atol=1e-3
        )
        compared += np.sum(there)
    assert compared > 3_000


def test_a_formula_as_it_is_read_and_in_latex():
    tree = ("mul", -4.714, ("mul", 0, ("mul", ("add", 0.15, 1), ("sin", 2))))
    assert as_text(tree, ("x₁", "x₂", "Δφ")) == "−4.71 x₁ (x₂ + 0.15) sin Δφ"
    assert as_latex(tree, ("x_1", "x_2", r"\phi")) == r"-4.71 \, x_1 \, \left(x_2 + 0.15\right) \, \sin \phi"
    assert as_text(("div", ("add", 0, 1), ("square", 2)), NAMES) == "(a + b) / c²"
    assert as_latex(("div", 0, ("sqrt", 2)), NAMES) == r"\frac{a}{\sqrt{c}}"
    assert as_text(("sub", 0, ("mul", -2e-7, 1)), NAMES) == "a + 2·10⁻⁷ b"
    assert identifier("p_T [GeV]").isidentifier() and identifier("2x").isidentifier()


def test_the_constants_of_the_talk_come_back_from_a_score_without_tails():
    rng = np.random.default_rng(4)
    x = np.column_stack(
        [rng.uniform(0.3, 2, 20_000), rng.uniform(0.2, 1, 20_000), rng.uniform(1, 8, 20_000), rng.uniform(-np.pi, np.pi, 20_000)]
    )
    noisy = evaluate(with_talks("parton"), x.T) + 0.3 * rng.standard_normal(len(x))
    data = Data.of(x, noisy)
    tree, mse = fitted(FORMULA, data)
    tree = signed(tree)
    errors = naive_errors(tree, data, mse)
    assert mse == pytest.approx(0.09, rel=0.03)
    pulls = [(value - SAID["parton"][letter][0]) / error for letter, value, error in zip(LETTERS, constants(tree), errors, strict=True)]
    assert np.abs(pulls).max() < 3.5
    drawn = bootstrapped(tree, data, rng, samples=40)
    np.testing.assert_allclose(drawn.std(axis=0, ddof=1), errors, rtol=0.5)


def test_weights_count_events_as_often():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(50, 1)), rng.normal(size=50)
    weight = rng.integers(1, 4, 50)
    often = np.repeat(np.arange(50), weight)
    tree = ("add", 0.1, ("mul", 0.1, 0))
    one, other = fitted(tree, Data.of(x, y, weight.astype(float))), fitted(tree, Data.of(x[often], y[often]))
    np.testing.assert_allclose(constants(one[0]), constants(other[0]), rtol=1e-6)
    assert one[1] == pytest.approx(other[1])
