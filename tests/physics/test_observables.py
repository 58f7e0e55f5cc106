"""Bins suit the events: the usual ones stay for what they were made for, others follow the data."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.catalogue import make_dataset
from workbench.physics.datasets.known import TOYS
from workbench.physics.observables import FEW, INSIDE, joined, laid, observables, outside, quantiles


def rng():
    return np.random.default_rng(4)


def own(name):
    """Points as people bring them."""
    r = rng()
    match name:
        case "GeV":
            return np.column_stack([91.2 + 1.25 * np.tan(r.uniform(-1.4, 1.4, 4_000)), 20 + r.exponential(40, 4_000)])
        case "normal":
            return r.normal(size=(4_000, 2))
        case "tiny":
            return 1e-30 * r.random((4_000, 2))
        case "clusters":
            return r.choice([-5.0, 5.0], (4_000, 1)) + 0.2 * r.normal(size=(4_000, 2))
        case "outlier":
            return np.concatenate([r.normal(size=(4_000, 2)), [[1e30, -1e6]]])
        case "far":
            return 1e9 + r.uniform(-1, 1, (4_000, 2))
    return r.standard_cauchy((4_000, 2))


@pytest.mark.parametrize("points", ["GeV", "normal", "tiny", "clusters", "outlier", "far", "cauchy"])
@pytest.mark.parametrize("toy", ["wedge", "ring"])
def test_own_points_lie_inside_of_their_bins_and_in_many_of_them(points, toy):
    for observable in observables(toy).values():
        fitted = observable.fitted(own(points))
        count = np.histogram(fitted.values(own(points)), fitted.bins)[0]
        assert sum(outside(fitted.values(own(points)), fitted.bins)) < 1 - INSIDE
        assert 20 <= len(fitted.bins) - 1 <= 60 and (np.diff(fitted.bins) > 0).all() and (count > 0).sum() >= 5


@pytest.mark.parametrize("energy", [3_000.0, 13_000.0])
def test_bins_follow_the_energy(energy, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    momenta = make_dataset("gg_yyg", 2_000, sqrt_s=energy).momenta.values
    for name, observable in observables("gg_yyg").items():
        fitted = observable.fitted(momenta)
        assert sum(outside(fitted.values(momenta), fitted.bins)) < 1 - INSIDE, name
        assert (fitted.bins[0] >= 0) or not observable.unit


@pytest.mark.parametrize("name", [*TOYS, "z_jets", "tt_partons"])
def test_shipped_events_keep_the_usual_bins(name):
    dataset = make_dataset(name, 4_000)
    points = dataset["points" if name in TOYS else "momenta"].values
    for observable in observables(name).values():
        np.testing.assert_array_equal(observable.fitted(points).bins, observable.bins, err_msg=observable.name)


def test_default_collisions_keep_the_usual_bins(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    for momenta in (make_dataset("gg_yyg", 2_000).momenta.values, make_dataset("gg_yygg").momenta.values):
        for observable in observables("gg_yyg" if momenta.shape[1] == 5 else "gg_yygg").values():
            np.testing.assert_array_equal(observable.fitted(momenta).bins, observable.bins, err_msg=observable.name)


def test_a_number_of_jets_keeps_its_three_bins_and_nothing_has_the_usual_ones():
    one = observables("z_jets")["jets"]
    np.testing.assert_array_equal(one.fitted(make_dataset("z_jets", jets=1).momenta.values[:300]).bins, one.bins)
    x = observables("wedge")["x"]
    np.testing.assert_array_equal(x.fitted(np.full((5, 2), np.nan)).bins, x.bins)


def test_edges_are_round_numbers_and_equal_values_have_some():
    edges = laid(rng().normal(size=1_000), None, 50)
    assert all(float(f"{edge:.6g}") == edge for edge in edges)
    for value in (0.0, 7.0, -1e-30, 1e9):
        edges = laid(np.full(10, value), None, 50)
        assert edges[0] <= value <= edges[-1] and (np.diff(edges) > 0).all()


def test_weighted_quantiles_are_those_of_repeated_values():
    values, count = rng().normal(size=400), rng().integers(1, 6, 400)
    levels = [0.02, 0.5, 0.9]
    np.testing.assert_allclose(quantiles(values, levels, count.astype(float)), np.quantile(np.repeat(values, count), levels), atol=0.05)
    np.testing.assert_array_equal(quantiles(values, levels, np.full(400, 3.0)), np.quantile(values, levels))
    assert outside(np.array([0.0, 1.0, 2.0, np.nan]), np.array([0.5, 1.5]), np.array([1.0, 2.0, 5.0, 9.0])) == (1 / 8, 5 / 8)


def test_joined_bins_hold_some_events_and_leave_gaps_and_peaks_alone():
    count = np.array([0, 0, 3, 12, 30, 900, 400, 25, 19, 0, 4, 0, 2, 0, 0])
    starts = joined(count)
    sums = np.add.reduceat(count, starts)
    assert sums.sum() == count.sum() and starts[0] == 0
    np.testing.assert_array_equal(starts, [0, 1, 2, 5, 6, 7, 8, 13, 14])
    assert all(size == 0 or size >= FEW for size in sums)
    np.testing.assert_array_equal(joined(np.zeros(4)), range(4))
    assert len(joined(np.full(50, 2))) >= 8
    np.testing.assert_array_equal(joined(np.array([1000, 1, 1])), [0])
