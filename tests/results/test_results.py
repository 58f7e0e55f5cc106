"""Laws of predictions, pulls, calibration and histograms."""

import numpy as np
import pytest
import xarray as xr

from workbench.results.bands import distribution, histogram, ratio_profile
from workbench.results.calibration import temperature
from workbench.results.prediction import largest, relative_sigma, summary
from workbench.results.pulls import pulls, scaled_width, width_and_mean


def make_prediction(events=4_000, draws=16, *, syst=0.03, stat=0.01, bias=0.0, seed=3, momenta=False):
    """A prediction that is calibrated exactly: A_train = ⟨A⟩ + σ_syst N(0,1) and Ā(θ) = A + σ_stat (bias + N(0,1))."""
    rng = np.random.default_rng(seed)
    truth = 10 ** rng.uniform(-9, -4, events)
    mean = truth * (1 + stat * (bias + rng.normal(size=(draws, events))))
    sigma = np.broadcast_to(syst * truth, mean.shape)
    data = {
        "mean": (("draw", "event"), mean, {"units": "GeV^-2"}),
        "sigma_syst": (("draw", "event"), sigma),
        "amplitude_true": ("event", truth),
        "amplitude_train": ("event", mean.mean(0) + syst * truth * rng.normal(size=events)),
        "temperature": ((), 2.0),
    }
    if momenta:
        data["momenta"] = (("event", "particle", "component"), rng.normal(size=(events, 5, 4)))
    return xr.Dataset(data)


class Coordinate:
    """The last component of the last particle."""

    name, symbol, unit, bins = "pz", "p_z", "GeV", np.linspace(-2, 2, 9)

    @staticmethod
    def values(momenta):
        return momenta[:, 4, 3]


def test_total_variance_is_the_sum_of_systematic_and_statistical():
    s = summary(make_prediction())
    np.testing.assert_allclose(s.sigma_tot**2, s.sigma_syst**2 + s.sigma_stat**2, rtol=1e-12)
    parts = relative_sigma(s)
    np.testing.assert_allclose(parts.tot**2, parts.syst**2 + parts.stat**2, rtol=1e-12)


def test_summary_averages_sigma_in_quadrature_and_divides_by_the_number_of_draws():
    prediction = xr.Dataset(
        {
            "mean": (("draw", "event"), [[1.0, 8.0, 4.0], [3.0, 2.0, 4.0]]),
            "sigma_syst": (("draw", "event"), [[1.0, 2.0, 5.0], [7.0, 2.0, 5.0]]),
            "amplitude_true": ("event", [4.0, 5.0, 2.0]),
            "amplitude_train": ("event", [4.0, 5.0, 2.0]),
        }
    )
    s = summary(prediction)
    np.testing.assert_allclose(s["mean"], [2, 5, 4])
    np.testing.assert_allclose(s.sigma_syst, [5, 2, 5])
    np.testing.assert_allclose(s.sigma_stat, [1, 3, 0])
    np.testing.assert_allclose(s.delta, [-0.5, 0, 1])
    assert s["mean"].attrs["units"] == "GeV^-2"


def test_summary_of_a_summary_is_itself():
    s = summary(make_prediction(events=10))
    assert summary(s) is s
    xr.testing.assert_allclose(summary(s.drop_vars(["sigma_tot", "delta"])), s)


def test_systematic_pull_of_a_calibrated_prediction_is_standard_normal():
    m = width_and_mean(pulls(make_prediction(events=20_000)))
    assert abs(m.mean) < 3 * m.mean_error
    assert abs(m.width - 1) < 3 * m.width_error
    assert m.width_error == pytest.approx(1 / np.sqrt(2 * 20_000), rel=0.05)


def test_pull_without_calibration_takes_the_temperature_out():
    prediction = make_prediction(events=50)
    np.testing.assert_allclose(pulls(prediction, calibrated=False), 2 * pulls(prediction))


@pytest.mark.parametrize("bias", [0.0, 1.5])
def test_statistical_pull_widens_with_the_bias(bias):
    """Width² about zero is 1 + b²/σ²; here the bias has a random sign per event, so it widens the pull instead of shifting it."""
    prediction = make_prediction(events=8_000, draws=64)
    sign = np.random.default_rng(5).choice([-1.0, 1.0], prediction.sizes["event"])
    prediction["mean"] = prediction["mean"] + bias * 0.01 * sign * prediction["amplitude_true"]
    m = width_and_mean(pulls(prediction, "statistical"))
    assert m.width == pytest.approx(np.sqrt(1 + bias**2), rel=0.03)
    assert abs(m.mean) < 4 * m.mean_error


@pytest.mark.parametrize("draws", [1, 8, 32, 128, 256])
def test_scaled_pull_narrows_when_the_mean_contains_the_subset(draws):
    prediction = make_prediction(events=2_000, draws=512)
    t = pulls(prediction, "scaled", draws=draws)
    assert t.sizes == {"subset": 512 // draws, "event": 2_000}
    width = width_and_mean(t).width
    assert width == pytest.approx(np.sqrt(1 - draws / 512), rel=0.03)
    assert width == pytest.approx(scaled_width(draws, 512), rel=0.03)


def test_scaled_pull_of_all_draws_is_zero():
    np.testing.assert_allclose(pulls(make_prediction(events=10, draws=4), "scaled", draws=4), 0, atol=1e-9)


def test_single_draws_have_a_scaled_pull_of_width_exactly_one():
    prediction = make_prediction(events=30, draws=5)
    assert width_and_mean(pulls(prediction, "scaled", draws=1)).width == pytest.approx(scaled_width(1, 5))


@pytest.mark.parametrize(
    ("prediction", "options", "words"),
    [
        (make_prediction(10), {"kind": "stat"}, "kind = 'stat'"),
        (summary(make_prediction(10)), {"kind": "statistical"}, "is a summary"),
        (make_prediction(10, draws=1), {"kind": "scaled"}, "one draw"),
        (make_prediction(10, stat=0.0), {"kind": "statistical"}, "σ_stat is zero"),
        (make_prediction(10, draws=4), {"kind": "scaled", "draws": 5}, "from 1 to 4"),
    ],
)
def test_impossible_pulls_are_refused_in_a_sentence(prediction, options, words):
    with pytest.raises(ValueError, match=words):
        pulls(prediction, **options)


def test_error_of_the_width_covers_for_a_distribution_with_tails():
    """Student's t with six degrees of freedom has kurtosis 6: the Gaussian formula σ/√2n would be too small by √(5/2)."""
    rng = np.random.default_rng(1)
    moments = [width_and_mean(rng.standard_t(6, size=4_000)) for _ in range(200)]
    spread = np.std([m.width for m in moments])
    assert np.mean([m.width_error for m in moments]) == pytest.approx(spread, rel=0.3)
    assert spread > 1.2 * np.sqrt(1.5) / np.sqrt(2 * 4_000)


def test_draws_of_one_event_do_not_shrink_the_error():
    once = np.random.default_rng(2).normal(size=500)
    copies = xr.DataArray(np.tile(once, (20, 1)), dims=("draw", "event"))
    assert width_and_mean(copies).width_error == pytest.approx(width_and_mean(once).width_error)
    edges = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(histogram(copies, edges).error, histogram(once, edges).error)


def test_moments_of_nothing_are_nan():
    m = width_and_mean(np.array([np.nan, np.inf]))
    assert m.count == 0
    assert np.isnan(m.width)


def test_temperature_makes_the_second_moment_one():
    prediction = make_prediction()
    prediction["sigma_syst"] = prediction["sigma_syst"] / 4
    t = temperature(prediction)
    assert t == pytest.approx(4, rel=0.05)
    prediction["sigma_syst"] = prediction["sigma_syst"] * t
    assert np.mean(pulls(prediction).values ** 2) == pytest.approx(1, rel=1e-12)


def test_histogram_integrates_to_one_less_what_lies_outside():
    values = np.random.default_rng(4).normal(size=1_000)
    values[:3] = np.nan
    edges = np.linspace(-1, 2, 13)
    h = histogram(values, edges)
    assert float((h.density * (h.high - h.low)).sum() + h.below + h.above) == pytest.approx(1)
    assert int(h.total) == 997
    assert int(h.invalid) == 3
    assert float(h.below) == np.sum(values < -1) / 997


def test_histogram_errors_are_those_of_counting():
    h = histogram([0.5, 0.5, 0.5, 0.5, 1.5], [0, 1, 2])
    np.testing.assert_allclose(h["count"], [4, 1])
    np.testing.assert_allclose(h.error / h.density, [1 / 2, 1])


def test_last_edge_belongs_to_the_last_bin():
    assert histogram([0.0, 1.0, 2.0], [0, 1, 2])["count"].values.tolist() == [1, 2]


def test_histogram_of_nothing_is_empty():
    h = histogram(np.array([]), [0, 1, 2])
    assert h.density.values.tolist() == [0, 0]


def test_largest_keeps_the_largest_amplitudes_and_at_least_one():
    prediction = make_prediction(events=200)
    top = largest(prediction, 0.01)
    assert set(top.amplitude_true.values) == set(np.sort(prediction.amplitude_true.values)[-2:])
    assert largest(prediction, 1e-6).sizes["event"] == 1
    with pytest.raises(ValueError, match="fraction"):
        largest(prediction, 0)


def test_distribution_adds_amplitudes_and_errors_as_their_correlations_ask():
    prediction = make_prediction(events=300, draws=6, momenta=True)
    with_draws, without = distribution(prediction, Coordinate), distribution(summary(prediction), Coordinate)
    width = 0.5 * 300
    value = prediction.momenta.values[:, 4, 3]
    inside = (value >= -2) & (value <= 2)
    assert float(with_draws.truth.sum()) * width == pytest.approx(prediction.amplitude_true.values[inside].sum())
    assert int(with_draws.outside) == 300 - inside.sum()
    first = (value >= -2) & (value < -1.5)
    syst = np.sqrt((summary(prediction).sigma_syst.values[first] ** 2).sum())
    assert float(with_draws.sigma_syst[0]) * width == pytest.approx(syst)
    stat = np.std(prediction["mean"].values[:, first].sum(axis=1))
    assert float(with_draws.sigma_stat[0]) * width == pytest.approx(stat)
    assert np.all(without.sigma_stat >= with_draws.sigma_stat * (1 - 1e-12))
    np.testing.assert_allclose(with_draws.ratio, with_draws.predicted / with_draws.truth)


def test_unweighted_events_count_once():
    prediction = make_prediction(events=300, momenta=True)
    prediction.attrs["recipe"] = '{"sampling": "unweighted"}'
    d = distribution(prediction, Coordinate)
    np.testing.assert_allclose(d.truth * 0.5 * 300, d["count"])


def test_distribution_without_momenta_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="carries no momenta"):
        distribution(make_prediction(events=5), Coordinate)


def test_ratio_profile_of_a_known_gaussian():
    prediction = make_prediction(events=40_000, draws=1, stat=0.02)
    profile = ratio_profile(prediction, np.geomspace(1e-9, 1e-4, 4))
    np.testing.assert_allclose(profile["median"], 1, atol=2e-3)
    np.testing.assert_allclose((profile.high68 - profile.low68) / 2, 0.02, rtol=0.05)
    np.testing.assert_allclose((profile.high95 - profile.low95) / 4, 0.02, rtol=0.05)
    assert int(profile["count"].sum()) == 40_000
