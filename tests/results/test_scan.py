from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from workbench.results.prediction import summary
from workbench.results.product import product_of
from workbench.results.scan import ATTRIBUTES, numbers, per_event, points_of, scan


def prediction(noise=0.1, draws=8, events=20_000, shift=0.0, seed=1):
    """A prediction whose numbers are known: σ_syst/A = noise, draws off by 0.02 A, pulls N(0, 1)."""
    rng = np.random.default_rng(seed)
    truth = rng.lognormal(0.0, 2.0, events)
    off = rng.normal(size=(draws, events)) * 0.02
    off -= off.mean(0)
    return xr.Dataset(
        {
            "mean": (("draw", "event"), truth * (1.0 + shift + off)),
            "sigma_syst": (("draw", "event"), noise * truth * np.ones((draws, 1))),
            "amplitude_true": ("event", truth),
            "amplitude_train": ("event", truth * (1.0 + noise * rng.normal(size=events))),
            "temperature": ((), 1.2),
        }
    )


def test_numbers_of_a_prediction_with_known_answers():
    n = numbers(prediction(shift=0.01))
    assert set(n.data_vars) == set(ATTRIBUTES) and all(n[name].attrs["long_name"] for name in n)
    assert float(n["sigma_syst_median"]) == pytest.approx(0.1 / 1.01, rel=1e-6)
    assert float(n["sigma_stat_mean"]) == pytest.approx(0.02 * np.sqrt(2 / 8) * math.gamma(4.0) / math.gamma(3.5) / 1.01, rel=0.01)
    assert float(n["delta_median"]) == pytest.approx(0.01, rel=1e-6) and float(n["delta_width"]) == pytest.approx(0.01, rel=1e-6)
    assert float(n["pull_mean"]) == pytest.approx(0.1, abs=0.03) and float(n["pull_width"]) == pytest.approx(1.0, abs=0.03)
    assert float(n["pull_beyond"]) == pytest.approx(0.0455, abs=0.008)
    assert float(n["temperature"]) == 1.2
    s = summary(prediction(shift=0.01))
    assert float(n["sigma_tot_median"]) == pytest.approx(float((s["sigma_tot"] / s["mean"]).median()))


def test_the_largest_percent_is_its_own_number():
    one = prediction()
    top = one["amplitude_true"] > one["amplitude_true"].quantile(0.99)
    one["mean"] = one["mean"].where(~top, one["mean"] * 1.5)
    assert float(numbers(one)["delta_largest"]) > 0.45 and float(numbers(one)["delta_median"]) < 0.01


def test_a_single_draw_has_no_statistical_pull_and_a_lost_point_no_numbers():
    assert np.isnan(numbers(prediction(draws=1))["statistical_width"])
    lost = prediction()
    lost["mean"] = lost["mean"] * np.nan
    assert all(np.isnan(numbers(lost)[name]) for name in ATTRIBUTES if name != "temperature")


def test_a_scan_has_its_axes_as_dims_and_gives_its_points_back():
    axes = {"noise": [0.0, 0.1], "hidden": [[8], [8, 8]], "uncertainty": ["bnn"]}
    given = []
    for seed, (noise, hidden) in enumerate([(0.0, [8]), (0.0, [8, 8]), (0.1, [8])]):
        one = prediction(noise=noise + 0.01, events=50, seed=seed)
        given.append(({"noise": noise, "hidden": hidden, "uncertainty": "bnn"}, numbers(one).merge(per_event(one))))
    whole = scan(axes, given)
    assert product_of(whole) == "scan" and whole["mean"].dims == ("noise", "hidden", "uncertainty", "event")
    assert whole["hidden"].values.tolist() == ["8", "8, 8"] and whole["amplitude_true"].dims == ("event",)
    missing = whole.sel(noise=0.1, hidden="8, 8", uncertainty="bnn")
    assert np.isnan(missing["delta_median"]) and np.isnan(missing["mean"]).all()
    back = {(options["noise"], options["hidden"]): point for options, point in points_of(whole)}
    for options, point in given:
        again = back[options["noise"], ", ".join(map(str, options["hidden"]))]
        assert float(again["pull_width"]) == pytest.approx(float(point["pull_width"]))
        np.testing.assert_allclose(again["sigma_stat"], point["sigma_stat"], rtol=1e-6)


def test_a_scan_without_points_is_all_nan():
    empty = scan({"noise": [0.0, 0.1]}, [])
    assert product_of(empty) == "scan" and all(np.isnan(empty[name]).all() for name in ATTRIBUTES)
