"""How far points lie from what a network was trained on: 1 among training events, more outside, 0 on one of them."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.data.scaling import Scaling
from workbench.families.amplitudes.region import MOST, PORTION, Region

INPUTS = ("momenta", "invariants", "momenta_invariants", "ordered", "four_vectors")


def region_and_fresh(inputs, beams="fixed"):
    events = wb.make_dataset("gg_yyg", 6_000, seed=3, beams=beams)
    momenta, amplitude = events["momenta"].values, events["amplitude"].values
    return Region(Scaling.fit(momenta[:3_000], amplitude[:3_000], inputs), momenta[:3_000]), momenta[3_000:], momenta[:3_000]


@pytest.mark.parametrize("beams", ["fixed", "pp"])
@pytest.mark.parametrize("inputs", INPUTS)
def test_fresh_events_lie_where_training_events_do_and_one_in_a_hundred_is_far(inputs, beams):
    region, fresh, trained = region_and_fresh(inputs, beams)
    found = region(fresh)
    assert found.dims == ("event",) and float(found.median()) == pytest.approx(1, abs=0.08)
    assert 0.002 < float((found > region.far).mean()) < 0.025
    assert float(region(trained[:MOST]).max()) < 0.02


@pytest.mark.parametrize("inputs", INPUTS)
def test_another_energy_of_the_beams_is_outside(inputs):
    region, fresh, _ = region_and_fresh(inputs)
    assert float(region(2 * fresh).min()) > max(4.0, 1.5 * region.far)
    assert float(region(3 * fresh).median()) > 1.3 * float(region(2 * fresh).median())


def test_events_outside_of_the_cuts_are_further_than_those_inside():
    region, fresh, _ = region_and_fresh("ordered")
    aside = fresh.copy()
    angle = 1e-4  # the first final particle nearly along the beam; its partners take the rest
    energy = aside[:, 2, 0]
    aside[:, 2, 1:] = energy[:, None] * np.array([np.sin(angle), 0.0, np.cos(angle)])
    assert float((region(aside) > region.far).mean()) > 0.9


def test_the_distance_is_that_of_the_formula_and_portions_change_nothing():
    region, fresh, trained = region_and_fresh("momenta")
    f = lambda momenta: region.scaling.features(momenta).astype(np.float64) / region.width.numpy()  # noqa: E731
    known = f(trained[:MOST])
    between = np.linalg.norm(known[:, None] - known, axis=-1)
    np.fill_diagonal(between, np.inf)
    expected = np.linalg.norm(f(fresh[: PORTION + 7])[:, None] - known, axis=-1).min(axis=1) / np.median(between.min(axis=1))
    np.testing.assert_allclose(region(fresh[: PORTION + 7]), expected, rtol=1e-3)
    np.testing.assert_allclose(region(fresh[:5]), expected[:5], rtol=1e-3)
