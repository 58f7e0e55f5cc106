"""Pile-up over jets: as much as further collisions leave in a jet, more for larger numbers, and the jets themselves stay."""

from __future__ import annotations

import numpy as np
import pytest
from test_jets import same

from workbench.families.taggers.jets import Jets, cylinder
from workbench.families.taggers.pile_up import EVENTS, MOST_VERTICES, _poisson, minimum_bias, overlaid
from workbench.families.taggers.sample import make_jets, shipped

AREA = np.pi * 0.8**2


def test_the_pool_is_what_collisions_leave_in_the_detector():
    pool = minimum_bias()
    assert pool.event.max() == EVENTS - 1 and (np.abs(pool.eta) < 3.2).all() and pool.pt.min() > 0.05
    assert pool.pt.sum() / (EVENTS * 12 * np.pi) == pytest.approx(0.87, abs=0.1)  # GeV per unit of η and φ


def test_numbers_of_collisions_are_of_a_poisson_distribution_and_grow_with_the_mean():
    uniform = np.random.default_rng(2).random(100_000)
    before = np.zeros(len(uniform))
    for mean in (0.5, 20.0, 60.0, 100.0):
        found = _poisson(mean, uniform)
        assert found.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 1e5)) and found.var() == pytest.approx(mean, rel=0.03)
        assert (found >= before).all()
        before = found


@pytest.mark.parametrize("vertices", [5, 40])
def test_as_much_is_added_as_collisions_leave_in_a_jet(vertices):
    jets, pool = shipped()[:600], minimum_bias()
    found = overlaid(jets, vertices)
    added = found.pt_jet.astype(np.float64) - jets.pt_jet
    density = pool.pt[np.abs(pool.eta) < 2.8].sum() / (EVENTS * 5.6 * 2 * np.pi)
    assert added.mean() == pytest.approx(vertices * density * AREA, rel=0.12)  # nearly parallel to the jet
    assert (np.diff(found.padded(128)[0][..., 0], axis=1) <= 0).all() and found.count.max() <= 128


def test_a_jet_with_pile_up_is_the_sum_of_all_its_constituents():
    jets = shipped()[:200]
    found = overlaid(jets, 3)
    few = found.count < 128
    whole = cylinder(*np.moveaxis(found.momenta(128).astype(np.float64).sum(axis=1), -1, 0))
    np.testing.assert_allclose(whole[few, 0], found.pt_jet[few], rtol=2e-3)
    np.testing.assert_allclose(whole[few, 3], found.mass[few], rtol=1e-2)


def test_more_collisions_add_to_what_fewer_have_and_others_do_not_matter():
    jets = make_jets(150)
    few, many = overlaid(jets, 2), overlaid(jets, 6)
    for jet in range(40):
        assert np.isin(few[jet : jet + 1].packed().pt, many[jet : jet + 1].packed().pt).all() or many.count[jet] == 128
    assert same(overlaid(jets[:100], 6), many[:100])
    assert not same(overlaid(jets, 6, seed=2), many) and same(make_jets(150, pile_up=6), many)


def test_no_pile_up_changes_nothing_but_the_last_digit():
    jets = shipped()[:300]
    found = overlaid(jets, 0)
    np.testing.assert_array_equal(found.count, jets.count)
    np.testing.assert_allclose(found.padded(128)[0], jets.padded(128)[0], atol=1e-5)
    np.testing.assert_allclose(found.momentum, jets.momentum, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(found.label, jets.label)


def test_jets_without_constituents_and_impossible_numbers():
    empty = Jets.of([1, 0], [0, 2], [300.0, 200.0], [0.1, 0.2], [3.1, -3.1])
    assert np.isfinite(overlaid(empty, 30).momentum).all()
    for vertices in (-1, MOST_VERTICES + 1, float("nan")):
        with pytest.raises(ValueError, match="collisions over each jet are not possible"):
            overlaid(empty, vertices)
