"""Curves with error bars: the noise is found where there are data, and networks differ where there are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.figures import fitted_curve
from workbench.physics.toys import Wave
from workbench.training.loop import Steps

WAVE = Wave(k=8.0, noise=0.2, gap=0.3)
GRID = np.linspace(-1.0, 1.0, 201)
DATA, GAP = np.abs(GRID) > 0.35, np.abs(GRID) < 0.2
QUICK = {"hidden": [32, 32], "steps": 1_200, "batch_size": 128}


@pytest.fixture(scope="module")
def points():
    return WAVE.sample(500, np.random.default_rng(3))


@pytest.fixture(scope="module")
def ensemble(points):
    return wb.fit_curve(*points, uncertainty="repulsive_ensemble", members=5, **QUICK).predict(GRID)


def test_one_network_finds_curve_and_noise_in_the_unit_of_y(points):
    x, y = points
    curve = wb.fit_curve(x, 100.0 * y, uncertainty="deterministic", **QUICK).predict(GRID)
    assert np.median(curve["sigma_syst"].values[DATA]) / 100.0 == pytest.approx(0.2, rel=0.15)
    assert np.median(np.abs(curve["mean"].values / 100.0 - WAVE.mean(GRID))[DATA]) < 0.06
    assert (curve["sigma_stat"] == 0).all()


def test_members_differ_in_the_gap(ensemble):
    stat = ensemble["sigma_stat"].values
    assert stat[GAP].mean() > 4 * stat[DATA].mean() > 0
    np.testing.assert_allclose(ensemble["sigma_tot"] ** 2, ensemble["sigma_syst"] ** 2 + ensemble["sigma_stat"] ** 2)
    np.testing.assert_allclose(ensemble["draws"].std("draw"), ensemble["sigma_stat"])


def test_the_same_seed_gives_the_same_curve(points):
    short = {**QUICK, "steps": 50}
    one, same, other = (wb.fit_curve(*points, uncertainty="bnn", seed=seed, **short).predict(GRID) for seed in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_a_fit_takes_one_thread_whatever_torch_would_take(points, monkeypatch):
    """Two notebooks that fit at the same time, with as many threads each as there are cores, would wait for each other for minutes."""
    taken, next_step = set(), Steps.next
    monkeypatch.setattr(Steps, "next", lambda steps: (taken.add(torch.get_num_threads()), next_step(steps))[1])
    torch.set_num_threads(2)
    try:
        wb.fit_curve(*points, steps=5).predict(np.linspace(-1, 1, 5))
        assert (taken, torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(1)


def test_what_cannot_be_fitted_is_said_in_a_sentence(points):
    x, y = points
    with pytest.raises(wb.RecipeError, match="noise says something about events"):
        wb.fit_curve(x, y, noise=0.1)
    with pytest.raises(wb.RecipeError, match="needs particles"):
        wb.fit_curve(x, y, architecture="deepsets")
    with pytest.raises(wb.RecipeError, match="Did you mean 'hidden'"):
        wb.fit_curve(x, y, hiden=[3])
    with pytest.raises(ValueError, match="as many x as y"):
        wb.fit_curve(x, y[1:])
    with pytest.raises(ValueError, match="row of finite numbers"):
        wb.fit_curve(x, np.where(y > 0, y, np.nan))


@pytest.mark.parametrize("draws", [False, True])
def test_the_figure_has_a_panel_for_each_fit_with_its_points(ensemble, draws):
    drawn = fitted_curve.as_dict([("one", ensemble), ("two", ensemble)], "dark", truth=WAVE.mean, draws=draws)
    assert [note["text"] for note in drawn["layout"]["annotations"]] == ["one", "two"]
    assert {trace["yaxis"] for trace in drawn["data"]} == {"y", "y2"}
    markers = [trace for trace in drawn["data"] if trace["mode"] == "markers"]
    np.testing.assert_array_equal(markers[1]["x"], ensemble["data_x"])
    assert len([trace for trace in drawn["data"] if trace["name"] == "single networks"]) == (10 if draws else 0)
    assert fitted_curve(ensemble).layout.yaxis.title.text == "y"
