"""Weights of Z + jets: the numbers of the lecture, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.physics.collisions import shipped
from workbench.physics.kinematics import delta_r, pt
from workbench.physics.weights import leading_jet_pt, magic, magic_weight, theory_weight


def test_magic_is_zero_below_one_above_and_linear_between():
    np.testing.assert_array_equal(magic(np.array([0.0, 0.2, 0.85, 1.5, 7.0])), [0, 0, (0.85 - 0.2) / 1.3, 1, 1])
    assert magic(0.4) == (0.4 - 0.2) / (1.5 - 0.2) == pytest.approx(0.154, abs=5e-4)
    assert 1 / magic(0.4) == pytest.approx(6.5) and 1 / magic(0.4) ** 3 == pytest.approx(275, abs=0.5)


def test_theory_weight_at_the_points_of_the_lecture():
    np.testing.assert_allclose(theory_weight(np.array([65.0, 115.0, 150.0]), 30.0), [8.5, 31.0, 55.675], rtol=1e-15)
    np.testing.assert_array_equal(theory_weight(np.array([20.0, 15.0]), 0.0), [1, 1])
    np.testing.assert_allclose(theory_weight(np.array([115.0, 115.0]), np.array([1.0, 2.0])), [2, 3])


def test_every_pair_of_jets_counts_once():
    momenta = shipped("z_jets").momenta[:2_000]
    jets = (~np.isnan(momenta[:, 2:, 0])).sum(axis=1)
    weight = magic_weight(momenta)
    assert (weight[jets == 1] == 1).all() and ((weight > 0) & (weight <= 1)).all()
    two = momenta[jets == 2]
    np.testing.assert_array_equal(weight[jets == 2], magic(delta_r(two[:, 2], two[:, 3])))
    three = momenta[jets == 3]
    pairs = [magic(delta_r(three[:, i], three[:, j])) for i, j in ((2, 3), (2, 4), (3, 4))]
    np.testing.assert_allclose(weight[jets == 3], np.prod(pairs, axis=0))
    assert (weight[jets == 3] < 1).any()


def test_the_hardest_jet_is_the_first():
    momenta = shipped("z_jets").momenta[:500]
    np.testing.assert_array_equal(leading_jet_pt(momenta), np.nanmax(pt(momenta[:, 2:]), axis=1))
