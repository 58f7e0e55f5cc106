"""An event of weight n counts as n events in every number and histogram of amplitudes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from workbench.figures import FIGURES, csv_of
from workbench.results.bands import distribution, histogram, ratio_profile
from workbench.results.calibration import descent, temperature
from workbench.results.coverage import coverage
from workbench.results.members import pull_widths
from workbench.results.plateau import event_points
from workbench.results.prediction import median, summary, weights
from workbench.results.pulls import pulls, width_and_mean
from workbench.results.scan import ATTRIBUTES, numbers, per_event, points_of, scan

EVENTS = 400
COUNT = np.random.default_rng(9).integers(1, 5, EVENTS)


class Coordinate:
    name, symbol, unit, bins = "x", "x", "GeV", np.linspace(-3, 3, 7)

    @staticmethod
    def values(momenta):
        return momenta[:, 0, 0]


def prediction():
    r = np.random.default_rng(3)
    truth = r.lognormal(0, 2, EVENTS)
    return xr.Dataset(
        {
            "mean": (("draw", "event"), truth * (1 + 0.05 * r.normal(size=(8, EVENTS)))),
            "sigma_syst": (("draw", "event"), 0.04 * truth * (1 + r.random((8, EVENTS)))),
            "amplitude_true": ("event", truth),
            "amplitude_train": ("event", truth * (1 + 0.06 * r.normal(size=EVENTS))),
            "momenta": (("event", "particle", "component"), r.normal(size=(EVENTS, 1, 4))),
            "temperature": ((), 1.3),
        }
    )


@pytest.fixture
def weighted():
    return prediction().assign_coords(weight=("event", COUNT / COUNT.mean()))


@pytest.fixture
def repeated():
    return prediction().isel(event=np.repeat(np.arange(EVENTS), COUNT))


def test_numbers_are_those_of_repeated_events(weighted, repeated):
    ours, theirs = numbers(weighted), numbers(repeated)
    for name in ATTRIBUTES:
        tolerance = 0.15 if name == "delta_largest" else 0.02 if "mean" not in name and "width" not in name else 1e-6
        assert float(ours[name]) == pytest.approx(float(theirs[name]), rel=tolerance, abs=1e-3), name
    assert float(numbers(prediction())["pull_width"]) != pytest.approx(float(theirs["pull_width"]), rel=1e-6)


def test_moments_temperature_and_coverage_are_those_of_repeated_events(weighted, repeated):
    for kind in ("systematic", "statistical"):
        ours, theirs = (width_and_mean(pulls(one, kind)) for one in (weighted, repeated))
        assert (ours.mean, ours.width) == pytest.approx((theirs.mean, theirs.width))
        assert ours.mean_error > theirs.mean_error  # repeating events does not make more of them
    assert temperature(weighted) == pytest.approx(temperature(repeated))
    np.testing.assert_allclose(descent(weighted, steps=4).loss, descent(repeated, steps=4).loss)
    np.testing.assert_allclose(coverage(weighted).covered, coverage(repeated).covered)
    np.testing.assert_allclose(pull_widths(weighted).width, pull_widths(repeated).width)
    assert float(coverage(weighted).error[10]) > float(coverage(repeated).error[10])


def test_histograms_have_the_errors_of_weighted_events(weighted, repeated):
    values, edges = summary(weighted)["delta"], np.linspace(-0.05, 0.05, 6)
    ours, theirs = histogram(values, edges), histogram(summary(repeated)["delta"], edges)
    np.testing.assert_allclose(ours.density, theirs.density)
    assert (float(ours.below), float(ours.above)) == pytest.approx((float(theirs.below), float(theirs.above)))
    inside = (values.values >= edges[2]) & (values.values < edges[3])
    expected = np.sqrt((COUNT[inside] ** 2).sum()) / COUNT.sum() / (edges[3] - edges[2])
    assert float(ours.error[2]) == pytest.approx(expected)
    both = histogram(pulls(weighted, "statistical"), edges)
    np.testing.assert_allclose(both.density, histogram(pulls(repeated, "statistical"), edges).density)


def test_distributions_and_profiles_count_weights(weighted, repeated):
    ours, theirs = distribution(weighted, Coordinate), distribution(repeated, Coordinate)
    np.testing.assert_allclose(ours.truth, theirs.truth)
    np.testing.assert_allclose(ours.ratio, theirs.ratio)
    assert (float(ours.below), float(ours.above)) == pytest.approx((float(theirs.below), float(theirs.above)))
    edges = np.geomspace(1e-3, 1e3, 3)
    np.testing.assert_allclose(ratio_profile(weighted, edges)["median"], ratio_profile(repeated, edges)["median"], rtol=0.01)


def test_weights_stay_beside_their_events_through_a_scan(weighted):
    whole = scan({"noise": [0.0, 0.1]}, [({"noise": f}, numbers(weighted).merge(per_event(weighted))) for f in (0.0, 0.1)])
    for _, point in [*points_of(whole), *event_points(whole)]:
        np.testing.assert_allclose(weights(point), COUNT / COUNT.mean())
    assert (weights(prediction()) == 1).all()
    assert median(xr.DataArray([1.0, 2.0, 3.0, np.nan], {"weight": ("event", [1.0, 1.0, 8.0, 9.0])}, dims="event")) > 2.5


@pytest.mark.parametrize("name", [name for name, entry in FIGURES.items() if entry.takes == "amplitude" and name != "kinematics"])
def test_figures_take_weights(name, weighted):
    ours, theirs = (csv_of(FIGURES[name].as_dict(one)) for one in (weighted, prediction()))
    assert ours.count("\n") > 5 and ours != theirs and "nan" not in ours
