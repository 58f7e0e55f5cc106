"""Known answers for coverage, calibration by descent, members and scans over noise."""

from statistics import NormalDist

import numpy as np
import pytest
import xarray as xr

from workbench.results.calibration import descent, temperature
from workbench.results.coverage import NOMINAL, coverage
from workbench.results.members import expected_width, pull_widths
from workbench.results.plateau import axes, chosen, event_points, noise_law, points
from workbench.results.prediction import summary
from workbench.results.pulls import pulls

NOISE = np.array([0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1])


def make_ensemble(members=32, events=20_000, *, correlation=0.5, syst=0.03, seed=3):
    """Residuals of unit width in units of σ_syst, of which each pair of members shares the correlation."""
    rng = np.random.default_rng(seed)
    truth = 10 ** rng.uniform(-9, -4, events)
    common, own = rng.normal(size=events), rng.normal(size=(members, events))
    residual = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return xr.Dataset(
        {
            "mean": (("draw", "event"), truth * (1 + syst * residual)),
            "sigma_syst": (("draw", "event"), np.broadcast_to(syst * truth, residual.shape)),
            "amplitude_true": ("event", truth),
            "amplitude_train": ("event", truth),
            "temperature": ((), 2.0),
        }
    )


def make_single(width=1.0, events=40_000, seed=1):
    """A summary whose systematic pull is Gaussian with this width."""
    return summary(make_ensemble(1, events, correlation=1.0, seed=seed).assign(temperature=1.0)).pipe(
        lambda s: s.assign(sigma_syst=s.sigma_syst / width, sigma_tot=s.sigma_tot / width)
    )


def make_scan(noise=NOISE, plateaus=(2e-3, 3e-5), stat=(5e-4, 1e-5)):
    """σ_syst = √(f² + p²) exactly, σ_stat growing by √(1 + (f/10p)²)."""
    p, s, f = (xr.DataArray(np.asarray(v, dtype=float), dims=d) for v, d in ((plateaus, "network"), (stat, "network"), (noise, "noise")))
    return xr.Dataset(
        {
            f"sigma_{part}_{average}": value
            for average in ("median", "mean")
            for part, value in (("syst", np.sqrt(f**2 + p**2)), ("stat", s * np.sqrt(1 + (f / (10 * p)) ** 2)))
        },
        coords={"noise": noise, "network": ["mlp", "deepsets"][: len(plateaus)]},
    )


@pytest.mark.parametrize("sigma", ["tot", "syst"])
def test_exact_gaussians_are_covered_as_often_as_they_should(sigma):
    c = coverage(make_single(), sigma)
    np.testing.assert_array_equal(c.nominal, NOMINAL)
    distance = (c.covered - c.nominal) / c.error
    assert float(np.abs(distance).max()) < 3.5
    assert int(c.events) == 40_000
    np.testing.assert_allclose(c.error, np.sqrt(NOMINAL * (1 - NOMINAL) / 40_000), rtol=0.05)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_coverage_of_a_wrong_width_is_that_of_the_scaled_gaussian(width):
    c = coverage(make_single(width), "syst")
    normal = NormalDist()
    expected = [2 * normal.cdf(normal.inv_cdf((1 + level) / 2) / width) - 1 for level in NOMINAL]
    np.testing.assert_allclose(c.covered, expected, atol=0.012)


def test_coverage_of_sigma_tot_contains_the_spread_of_the_mean():
    prediction = make_ensemble(8, 500)
    s = summary(prediction)
    within = np.abs(s.amplitude_train - s["mean"]) < NormalDist().inv_cdf(0.84) * s.sigma_tot
    assert float(coverage(prediction, "tot", [0.68]).covered[0]) == pytest.approx(float(within.mean()))
    assert np.all(coverage(prediction, "tot").covered >= coverage(prediction, "syst").covered)


def test_coverage_of_nothing_is_nan_and_of_nonsense_refused():
    nothing = make_single(events=20).isel(event=slice(0))
    assert np.isnan(coverage(nothing).covered).all()
    assert int(coverage(nothing).events) == 0
    with pytest.raises(ValueError, match="sigma = 'stat'"):
        coverage(nothing, "stat")
    with pytest.raises(ValueError, match="between 0 and 1"):
        coverage(nothing, nominal=[0.5, 1.0])


def test_all_events_covered_still_have_an_error():
    c = coverage(make_single(1e-6, events=100))
    assert np.all(c.covered == 1)
    assert np.all(c.error > 0)


@pytest.mark.parametrize("start", [1e-3, 0.3, 1.0, 7.0, 1e3])
@pytest.mark.parametrize("width", [0.4, 3.0])
def test_descent_lands_on_the_closed_form(start, width):
    s = make_single(width, events=2_000)
    path = descent(s, start)
    assert float(path.closed_form) == temperature(s)
    assert float(path.temperature[0]) == pytest.approx(start)
    assert float(path.temperature[-1]) == pytest.approx(temperature(s), rel=0.01)
    assert np.all(np.diff(path.loss) <= 1e-12)


def test_loss_of_the_descent_is_the_likelihood_of_the_scaled_error_bar():
    s = make_single(1.7, events=500)
    path = descent(s, 0.8, steps=3)
    for t, loss in zip(path.temperature.values, path.loss.values, strict=True):
        sigma = t * s.sigma_syst
        expected = ((s.amplitude_train - s["mean"]) ** 2 / (2 * sigma**2) + np.log(sigma)).mean()
        assert float(loss) == pytest.approx(float(expected), rel=1e-12)


def test_closed_form_is_the_minimum_of_the_loss():
    s = make_single(1.7, events=500)
    best = temperature(s)
    at = [float(descent(s, best * factor, steps=0).loss[0]) for factor in (0.99, 1, 1.01)]
    assert at[1] < min(at[0], at[2])


def test_uncalibrated_temperature_contains_the_factor_of_the_run():
    prediction = make_ensemble(4, 300)
    assert temperature(prediction, calibrated=False) == pytest.approx(2 * temperature(prediction))
    assert float(descent(prediction, calibrated=False).temperature[-1]) == pytest.approx(2 * temperature(prediction), rel=0.01)
    with pytest.raises(ValueError, match="start = 0"):
        descent(prediction, 0)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
def test_pull_narrows_with_the_members_as_their_correlation_says(correlation):
    widths = pull_widths(make_ensemble(correlation=correlation))
    np.testing.assert_array_equal(widths.members, [1, 2, 4, 8, 16, 32])
    np.testing.assert_array_equal(widths.subsets, [32, 16, 8, 4, 2, 1])
    assert float(widths.correlation) == pytest.approx(correlation, abs=0.02)
    np.testing.assert_allclose(widths.width, expected_width(widths.members.values, correlation), rtol=0.03)
    np.testing.assert_allclose(widths.width, widths.expected, rtol=0.02)


def test_the_values_of_the_facts():
    assert expected_width(np.array(1e9), 0.5) == pytest.approx(0.71, abs=0.005)
    assert expected_width(np.array(1e9), 0.95) == pytest.approx(0.975, abs=0.001)
    assert expected_width(np.array(1), 0.3) == 1


def test_all_members_have_the_systematic_pull_of_the_ensemble_and_subsets_may_leave_some_out():
    prediction = make_ensemble(6, 200)
    widths = pull_widths(prediction)
    np.testing.assert_array_equal(widths.members, [1, 2, 4, 6])
    np.testing.assert_array_equal(widths.subsets, [6, 3, 1, 1])
    assert float(widths.width[-1]) == pytest.approx(float(pulls(prediction).std()))
    first = prediction.isel(draw=slice(4))
    assert float(widths.width[2]) == pytest.approx(float(pulls(first).std()))


def test_sigma_of_a_subset_is_averaged_in_quadrature():
    prediction = make_ensemble(2, 400)
    prediction["sigma_syst"] = prediction["sigma_syst"] * xr.DataArray([1.0, 7.0], dims="draw")
    alone = make_ensemble(2, 400)
    assert float(pull_widths(prediction).width[-1]) == pytest.approx(float(pull_widths(alone).width[-1]) / 5)


def test_one_member_has_no_subsets():
    with pytest.raises(ValueError, match="several draws or members"):
        pull_widths(make_ensemble(1, 10))


def test_noise_law_of_an_exact_plateau():
    law = noise_law(make_scan())
    np.testing.assert_allclose(law.plateau, [2e-3, 3e-5])
    np.testing.assert_allclose(law.expected.transpose("noise", ...), make_scan().sigma_syst_median.transpose("noise", ...), rtol=1e-12)
    np.testing.assert_allclose(law.slope_above, 1, atol=0.05)
    assert float(law.slope_below.sel(network="mlp")) == pytest.approx(0, abs=0.05)
    assert np.isnan(law.slope_below.sel(network="deepsets"))  # no two noises below p/5
    assert law.stat_growth.sel(network="mlp") == pytest.approx(np.sqrt(1 + 0.05**2), rel=1e-6)


def test_power_laws_have_their_slopes():
    scan = make_scan(np.geomspace(1e-5, 0.1, 41), plateaus=[1e-3], stat=[1e-4])
    factor = xr.where(scan.noise > 5e-3, scan.noise**0.3, 1.0)
    law = noise_law(scan.assign(sigma_syst_median=xr.where(scan.noise > 2e-3, scan.noise, 1e-3) * factor))
    assert float(law.slope_above) == pytest.approx(1.3)
    assert float(law.slope_below) == pytest.approx(0, abs=1e-6)


def test_a_plateau_above_no_noise_is_freed_from_the_lowest_noise():
    np.testing.assert_allclose(noise_law(make_scan([1e-3, 1e-2])).plateau, [2e-3, 3e-5], rtol=1e-6)


def test_noise_in_any_order_gives_the_same_law():
    xr.testing.assert_allclose(noise_law(make_scan().isel(noise=[4, 0, 7, 2, 1, 3, 5, 6])), noise_law(make_scan()))


def test_a_scan_without_noise_or_with_nothing_in_it():
    with pytest.raises(ValueError, match="axes of this one are network"):
        noise_law(make_scan().isel(noise=0))
    assert np.isnan(noise_law(make_scan() * np.nan).plateau).all()
    one = noise_law(make_scan(NOISE[:1]))
    np.testing.assert_allclose(one.plateau, [2e-3, 3e-5])
    assert np.isnan(one.slope_above).all()


def test_deterministic_networks_have_no_growth_of_sigma_stat():
    assert np.isnan(noise_law(make_scan(stat=(0, 0))).stat_growth).all()


def test_parts_of_a_scan():
    scan = make_scan()
    assert set(axes(scan)) == {"noise", "network"}
    assert axes(chosen(scan, {"network": "mlp"})) == ["noise"]
    assert float(chosen(scan, {"noise": 0.011})["noise"]) == 0.01
    assert chosen(scan, {"noise": [0, 0.1]}).sizes["noise"] == 2
    steps = xr.concat([scan, 2 * scan], "step")
    xr.testing.assert_equal(chosen(steps)["sigma_syst_median"], (2 * scan)["sigma_syst_median"])
    assert [values["network"] for values, _ in points(scan, "noise")] == ["mlp", "deepsets"]
    assert len(list(points(scan))) == 16
    for select, words in (({"depth": 3}, "no axis 'depth'"), ({"network": "kan"}, "'mlp', 'deepsets'")):
        with pytest.raises(ValueError, match=words):
            chosen(scan, select)


def test_points_of_a_finished_scan_are_summaries():
    s = make_single(events=50)
    scan = (
        xr.concat([s.drop_vars("amplitude_true")] * 3, "noise").assign(amplitude_true=s.amplitude_true).assign_coords(noise=[0, 0.1, 0.2])
    )
    found = list(event_points(scan.drop_vars("temperature")))
    assert [values["noise"] for values, _ in found] == [0, 0.1, 0.2]
    np.testing.assert_allclose(pulls(found[1][1]), pulls(s))
    with pytest.raises(ValueError, match="still running"):
        list(event_points(make_scan()))
