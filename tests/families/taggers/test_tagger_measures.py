"""Numbers of taggers against answers that are known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
import xarray as xr

from workbench.families.taggers.job import judged
from workbench.families.taggers.measures import Reliability, Roc, arc_ratio, area, cross_entropy, paired
from workbench.figures import FIGURES
from workbench.nets.bayesian import kl


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.mark.parametrize(("distance", "answer"), [(0.5, 0.63816), (1.5, 0.85558), (3.0, 0.98305)])
def test_the_area_of_two_gaussians_is_known(rng, distance, answer):
    top = np.arange(400_000) % 2
    assert 0.5 * (1 + math.erf(distance / 2)) == pytest.approx(answer, abs=1e-5)
    roc = Roc.of(rng.standard_normal(len(top)) + distance * top, top)
    assert roc.area == pytest.approx(answer, abs=4 * roc.area_error) and roc.area_error < 1e-3


def test_the_area_is_the_share_of_pairs_in_the_right_order_where_equal_ones_count_half(rng):
    score, top = rng.integers(0, 7, 60).astype(float), rng.integers(0, 2, 60)
    tops, others = score[top == 1], score[top == 0]
    pairs = (tops[:, None] > others) + 0.5 * (tops[:, None] == others)
    assert area(score, top) == pytest.approx(pairs.mean(), abs=1e-12)


def test_equal_scores_know_nothing_whatever_the_order_of_the_file():
    top = np.repeat([1, 0], 50)
    assert area(np.ones(100), top) == area(np.ones(100), top[::-1]) == 0.5
    assert math.isnan(area(np.ones(3), np.ones(3)))


def test_the_error_of_an_area_is_its_spread_over_test_sets(rng):
    areas = [Roc.of(rng.standard_normal(400) + 1.5 * (np.arange(400) % 2), np.arange(400) % 2) for _ in range(300)]
    assert np.std([one.area for one in areas]) == pytest.approx(areas[0].area_error, rel=0.2)


def test_the_rejection_counts_jets_that_pass_and_has_their_binomial_error():
    """100 tops and 100 others; half of the tops are above the four best others."""
    top = np.repeat([1, 0], 100)
    score = np.concatenate([np.repeat([9.0, 1.0], 50), np.repeat([10.0, 5.0, 0.0], [4, 6, 90])])
    value, error = Roc.of(score, top).rejection(0.5)
    assert value == pytest.approx(25.0) and error == pytest.approx(25 * math.sqrt(0.96 / 4))
    assert all(map(math.isnan, Roc.of(np.repeat([1.0, 0.0], 100), top).rejection(0.5)))


def test_errors_of_differences_on_the_same_jets_are_smaller_than_those_of_each(rng):
    top = np.arange(4_000) % 2
    one = rng.standard_normal(4_000) + 2 * top
    other = one + 0.3 * rng.standard_normal(4_000)
    value, error = paired(one, other, top)
    assert value == pytest.approx(area(one, top) - area(other, top)) and error < 0.5 * Roc.of(one, top).area_error
    assert paired(one, one, top) == (0.0, 0.0)


@pytest.mark.parametrize(("jets", "about"), [(1_000, 0.030), (8_000, 0.0106)])
def test_a_perfect_classifier_has_a_calibration_error_that_is_known_beforehand(rng, jets, about):
    found, floors = [], []
    for _ in range(60):
        p = 1 / (1 + np.exp(-4 * rng.standard_normal(jets)))
        reliability = Reliability.of(p, rng.random(jets) < p)
        found.append(reliability.expected_error)
        floors.append(reliability.floor)
    assert np.mean(found) == pytest.approx(np.mean(floors), rel=0.05)
    assert np.mean(floors) == pytest.approx(about, rel=0.25)


def test_certainty_belongs_to_the_last_bin_and_errors_are_counted_in_shares_of_tops():
    reliability = Reliability.of(np.array([1.0, 1.0, 0.0, 0.02]), np.array([1, 0, 0, 0]), bins=10)
    assert reliability.count.tolist() == [2, *[0] * 8, 2] and reliability.share[-1] == 0.5 and np.isnan(reliability.mean[4])
    assert reliability.expected_error == pytest.approx((2 * 0.5 + 0.02) / 4)


@pytest.mark.parametrize(("sigma_z", "answer"), [(0.1, 0.998), (0.3, 0.979), (0.6, 0.925), (1.0, 0.833), (2.0, 0.628)])
def test_gaussian_logits_lie_so_far_below_the_arc(rng, sigma_z, answer):
    z = sigma_z * rng.standard_normal((400_000, 1)).repeat(3, 1) + np.array([-1e-9, 0, 1e-9])
    p = 1 / (1 + np.exp(-z))
    ratio, _ = arc_ratio(p.mean(0), p.std(0), z.std(0))
    assert ratio == pytest.approx(answer, abs=0.003)


def test_the_mean_probability_of_a_gaussian_logit_is_that_of_a_smaller_logit(rng):
    for sigma_z in (0.3, 1.0):
        for middle in (-1.0, 0.5, 2.0):
            p = 1 / (1 + np.exp(-(middle + sigma_z * rng.standard_normal(400_000))))
            assert p.mean() == pytest.approx(1 / (1 + math.exp(-middle / math.sqrt(1 + math.pi * sigma_z**2 / 8))), abs=0.003)


def test_the_divergence_of_two_gaussians_is_known():
    one = torch.ones(1)
    assert float(kl(torch.zeros(1), one, 1.0)) == 0.0
    assert float(kl(one, one, 2.0)) == pytest.approx(math.log(2) + 2 / 8 - 0.5, abs=1e-6)


def test_the_cross_entropy_of_a_coin_is_that_of_a_bit():
    assert cross_entropy(np.full(4, 0.5), np.array([1, 0, 1, 1])) == pytest.approx(math.log(2))


def test_taggers_that_are_compared_are_combined_and_independent_ones_gain_what_they_must(rng):
    """Each logit is d·top + N(0, 1): their mean tells the kinds apart like a distance of √2 d. Of other jets nothing is combined."""
    top = np.arange(20_000) % 2
    mass = rng.normal(100, 10, len(top))

    def tagger(logits, label):
        columns = judged(logits[None], label, mass) | {"label": ("event", label), "mass": ("event", mass)}
        return xr.Dataset(columns, attrs={"tested": len(label)})

    one, other = (tagger(1.5 * top + rng.standard_normal(len(top)), top) for _ in range(2))
    draw = FIGURES["tagger_roc"].function
    name = next(line.name for line in draw([("a", one), ("b", other)]).data if (line.name or "").startswith("mean logit of 2"))
    answer = 0.5 * (1 + math.erf(1.5 / math.sqrt(2)))
    assert float(re.search(r"AUC (0\.\d+)", name)[1]) == pytest.approx(answer, abs=0.005)
    foreign = tagger(1.5 * top + rng.standard_normal(len(top)), 1 - top)
    for runs in ([("a", one)], [("a", one), ("b", foreign)]):
        assert not any("mean logit" in (line.name or "") for line in draw(runs).data)
