"""Hypotheses that are dragged, single experiments and toys: what a prediction holds of them, against sums over its events."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workbench import figures
from workbench.families.inference import everywhere, experiment, limit, ratio
from workbench.families.inference.histogram import EDGES, bin_of
from workbench.families.inference.job import InferenceJob
from workbench.families.inference.recipe import InferenceRecipe
from workbench.families.inference.sample import observables


@pytest.fixture(scope="module")
def job():
    found = InferenceJob(InferenceRecipe(events=5_000, steps=300, hidden=[32, 32], members=3))
    list(found.train())
    return found


@pytest.fixture(scope="module")
def found(job):
    return job.prediction("test")


@pytest.mark.parametrize(("f_w", "f_ww"), [(-8, 4), (10, 0), (0, 0), (20, -20)])
def test_distributions_at_a_hypothesis_are_sums_over_events_of_the_standard_model(job, found, f_w, f_ww):
    theta = np.array([[float(f_w), float(f_ww)]])
    seen, weight = observables(job.test.jets("detector")), job.test.weight
    counted = weight * np.exp(job.estimate(draws=16).log_ratio(theta)[..., 0])
    here = {"to_f_W": list(found["to_f_W"]).index(f_w), "to_f_WW": list(found["to_f_WW"]).index(f_ww)}
    for name in ("pt1", "dphi"):
        bins, count = bin_of(seen[name], EDGES[name]), len(EDGES[name]) - 1
        each = np.array([np.bincount(bins, own / own.sum(), count) for own in counted])
        kept = everywhere.share_of(found[f"at_{name}"].isel(here).values), everywhere.error_of(found[f"at_{name}_sigma"].isel(here).values)
        np.testing.assert_allclose(kept[0], each.mean(0), atol=1e-5)
        np.testing.assert_allclose(kept[1], each.std(0), atol=2e-6)
        apart = np.abs(kept[0] - everywhere.share_of(found[f"at_{name}_simulated"].isel(here).values)).sum()
        assert apart < (0.15 if abs(f_w) < 15 else 0.3)  # far away, hard jets have few events of the Standard Model that stand for them
    ends = found["at_log_ratio_ends"].isel(here).values.astype(float)
    exact = job._exact(slice(None)).log_ratio(theta)[0, :, 0]
    inside = (exact > ends[0]) & (exact < ends[1])
    if f_w or f_ww:
        own = np.histogram(exact[inside], np.linspace(*ends, everywhere.BINS + 1), weights=weight[inside])[0] / weight.sum()
        kept = everywhere.share_of(found["at_log_ratio_true"].isel(here).values)
        np.testing.assert_allclose(kept[0, 1:-1], own[1:-1], atol=2e-3)
        assert np.sum(kept[1] * np.arange(20)) > np.sum(kept[0] * np.arange(20))  # events of θ have the larger ratio to it
        np.testing.assert_allclose(kept.sum(-1), 1, atol=1e-3)


def test_every_figure_at_a_hypothesis_says_which_one_it_draws_and_so_does_a_live_one(job, found):
    for dataset, words in ((found, "−8, f<sub>WW</sub> = 4"), (job.snapshot(), "−10, f<sub>WW</sub> = 0")):
        for name in ("pt_at_theta", "dphi_at_theta", "log_ratio_at_theta"):
            drawn = figures.FIGURES[name].as_dict(dataset, "light", f_w="-8", f_ww="4")
            assert any(f"f<sub>W</sub> = {words} TeV⁻²" in curve["name"] for curve in drawn["data"])
            assert any("σ" in curve["name"] and curve["fill"] == "toself" for curve in drawn["data"] if "fill" in curve)
    (point,) = (curve for curve in figures.FIGURES["theta_plane"].as_dict(found, f_w="-8", f_ww="4")["data"] if "meta" in curve)
    assert (point["x"], point["y"]) == (-8, 4) and point["meta"]["drags"] == ["f_w", "f_ww"]
    assert point["meta"]["places"] == [int(value) for value in found["to_f_W"]]


def test_the_number_of_events_rescales_what_to_expect(found):
    sigma, mean = found["sigma_ratio"].values, found["mean_log_ratio_true"].values
    for rate in (False, True):
        few, many = (limit.q_of(mean, sigma, events, rate=rate) for events in (36, 144))
        np.testing.assert_allclose(many, 4 * few, atol=1e-6)
    areas = [limit.area(*_drawn(found, "contours", "exact", expected=str(events))) for events in (36, 100, 300)]
    assert areas[0] > 1.8 * areas[1] > 1.8**2 * areas[2]


def _drawn(found, name, curve, **options):
    drawn = figures.FIGURES[name].as_dict(found, "light", **options)["data"]
    one = next(each for each in drawn if each["name"].startswith(curve) and each.get("showlegend", True))
    return one["x"], one["y"]


def test_single_experiments_scatter_around_what_is_expected_and_larger_ones_are_nearer(job, found):
    assert found["experiment_events"].shape == (experiment.EXPERIMENTS, len(experiment.EVENTS))
    assert (np.diff(found["experiment_events"].values, axis=1) > 0).all()
    expected = found["mean_log_ratio_true"].values[:: experiment.STRIDE, :: experiment.STRIDE]
    apart = []
    for place in (2, len(experiment.EVENTS) - 1):
        each = found["experiment_log_ratio_true"].values[:, place] / found["experiment_events"].values[:, place, None, None]
        apart.append(np.abs(each - expected).mean())
    assert apart[0] > 3 * apart[1]
    assert (found["experiment_q_sigma"].values.max(axis=(-2, -1)) > 0).all()
    several = [_drawn(found, "contours", "exact", experiment=str(number), rate="rate") for number in (1, 2, 3)]
    assert np.abs(several[0][0] - several[1][0]).max() > 0.5 and np.abs(several[1][0] - several[2][0]).max() > 0.5
    assert "experiment" in str(figures.FIGURES["profiles"].as_dict(job.snapshot(), experiment="1")["layout"]["annotations"])


def test_the_seen_number_counts_only_with_the_rate_and_as_poisson_says(found):
    sigma, none = found["sigma_ratio"].values, np.zeros_like(found["mean_log_ratio_true"].values)
    assert (limit.q_of(none, sigma, 36, seen=50) == 0).all()
    n = 36 * sigma
    likelihood = stats.poisson.logpmf(50, n)
    np.testing.assert_allclose(limit.q_of(none, sigma, 36, rate=True, seen=50), -2 * (likelihood - likelihood.max()), atol=1e-8)


@pytest.mark.parametrize("mean", [5, 36, 1_000])
def test_numbers_of_seen_events_are_poisson_numbers(mean):
    chances = (np.arange(2_000) + 0.5) / 2_000
    numbers = [experiment.poisson_at(chance, mean) for chance in chances]
    assert np.mean(numbers) == pytest.approx(mean, rel=0.01) and np.var(numbers) == pytest.approx(mean, rel=0.05)
    assert numbers[::100] == [max(1, int(number)) for number in stats.poisson.ppf(chances[::100], mean)]


def test_toys_have_the_thresholds_of_an_independent_calculation(found):
    """0.281, 0.039 and 0.0027 of 3,000 toys lay above those of χ²."""
    row = experiment.TOY_EVENTS.index(36)
    q = found["toy_q_true"].values[row]
    above = [(q > threshold).mean() for threshold in limit.TWO]
    for share, known in zip(above, (0.281, 0.039, 0.0027), strict=True):
        assert share == pytest.approx(known, abs=4 * np.sqrt(known * (1 - known) * (1 / 1_000 + 1 / 3_000)))
    assert (np.diff(q) >= 0).all() and q.min() >= 0


def test_toys_of_a_gaussian_follow_chi_squared_whatever_the_number_of_events():
    """log r(x|θ) = x·θ − θ²/2 of x ~ N(0, 1) in two dimensions: q(0) is exactly χ² of two parameters."""
    rng, axis = np.random.default_rng(3), np.linspace(-1.6, 1.6, 31)
    x, theta = rng.normal(size=(20_000, 2)), ratio.grid(axis)
    x = (x - x.mean(0)) / x.std(0)
    log_ratio = x @ theta.T - (theta**2).sum(1) / 2
    q = experiment.toys(log_ratio[None], log_ratio, np.ones(len(x)), len(axis))
    for row in (1, 2):  # with ten events the best θ lies beyond the grid too often
        assert stats.kstest(q["toy_q"][1][row], stats.chi2(2).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(q["toy_q"][1], q["toy_q_true"][1])


def test_the_top_of_a_parabola_is_found_between_points_of_the_grid():
    axis = np.arange(7.0)
    x, y = np.meshgrid(axis, axis)
    tops = np.array([[2.3, 3.4], [1.1, 5.4], [3.0, 3.0]])
    values = np.stack([5 - (x - a) ** 2 - 0.5 * (y - b) ** 2 for a, b in tops])
    np.testing.assert_allclose(experiment.highest(values), 5, atol=1e-12)
