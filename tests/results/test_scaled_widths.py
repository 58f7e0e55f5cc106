"""The law of the scaled pull over all M: independent draws follow it, draws that drift do not, and tails show at M = 1."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from workbench.results.pulls import scaled_width, scaled_widths

DRAWS, EVENTS = 256, 400


def prediction(deviations):
    mean = xr.DataArray(5.0 + 0.1 * deviations, dims=("draw", "event"))
    ones = xr.DataArray(np.ones(deviations.shape[1]), dims="event")
    return xr.Dataset({"mean": mean, "sigma_syst": 0.2 * xr.ones_like(mean), "amplitude_true": 5 * ones, "amplitude_train": 5 * ones})


def test_means_of_independent_gaussian_draws_scatter_as_sigma_over_root_m():
    s = scaled_widths(prediction(np.random.default_rng(1).normal(size=(DRAWS, EVENTS))))
    assert s["means"].values.tolist() == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    np.testing.assert_allclose(s["expected"], [scaled_width(m, DRAWS) for m in s["means"].values])
    assert float(s["width"][0]) == pytest.approx(1.0) and float(s["width"][-1]) < 1e-6
    assert (abs(s["width"] - s["expected"]) < 4 * s["error"] + 1e-6).all()
    assert float(s["within_one"]) == pytest.approx(0.683, abs=0.01) and float(s["within_two"]) == pytest.approx(0.954, abs=0.01)


def test_the_error_counts_events_that_move_together_once():
    """One number per draw for all events: E_eff = 1, and four subsets say little about the width."""
    rng = np.random.default_rng(2)
    together = scaled_widths(prediction(np.repeat(rng.normal(size=(DRAWS, 1)), EVENTS, axis=1))).sel(means=64)
    apart = scaled_widths(prediction(rng.normal(size=(DRAWS, EVENTS)))).sel(means=64)
    assert float(together["error"] / together["width"]) == pytest.approx(1 / np.sqrt(2 * 3), rel=0.05)
    assert float(apart["error"] / apart["width"]) < 0.05


def test_draws_that_drift_scatter_more():
    """A chain whose draws resemble their neighbours: means of M scatter more than σ_stat/√M."""
    steps = np.random.default_rng(3).normal(size=(DRAWS, EVENTS))
    chain = np.zeros_like(steps)
    for k in range(1, DRAWS):
        chain[k] = 0.9 * chain[k - 1] + steps[k]
    s = scaled_widths(prediction(chain)).sel(means=8)
    assert float(s["width"]) > float(s["expected"]) + 10 * float(s["error"])


def test_tails_show_in_single_draws():
    s = scaled_widths(prediction(np.random.default_rng(4).standard_t(2.1, size=(DRAWS, EVENTS))))
    assert float(s["within_one"]) > 0.75
