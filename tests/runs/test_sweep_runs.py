"""Sweeps through real processes: one call, several runs, reused and resumed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.__main__ import main
from workbench.families import parts
from workbench.results.scan import points_of
from workbench.runs.store import RunStore
from workbench.runs.sweep import begin, gathered, sweep

SMALL = {"events": 300, "test_events": 200, "steps": 40, "hidden": [8], "batch_size": 32, "draws": 4, "device": "cpu"}
NOISES = [0.0, 0.1]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    patch.delenv("WORKBENCH_RUNS", raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def results(home) -> xr.Dataset:
    return sweep(wb.AmplitudeRecipe(**SMALL), progress=False, noise=NOISES, hidden=[[8], [8, 8]], uncertainty=["deterministic", "bnn"])


def test_the_axes_come_back_as_dims(results):
    assert results["sigma_syst_median"].dims == ("noise", "hidden", "uncertainty")
    assert results["hidden"].values.tolist() == ["8", "8, 8"] and results["noise"].values.tolist() == NOISES
    assert results["mean"].dims == ("noise", "hidden", "uncertainty", "event") and results["amplitude_true"].dims == ("event",)
    assert np.isfinite(results["delta_median"]).all() and results.attrs["process"] == "gg_yyg"
    assert wb.pulls(results, "systematic").dims == ("noise", "hidden", "uncertainty", "event")
    assert (results["sigma_stat_median"].sel(uncertainty="deterministic") == 0).all()


def test_what_shapes_the_networks_makes_runs_and_the_rest_one_population(results):
    runs = RunStore().runs()
    assert len(runs) == 2 and {tuple(run.recipe.hidden) for run in runs} == {(8,), (8, 8)}
    assert all(run.recipe.axes == {"noise": NOISES, "uncertainty": ["deterministic", "bnn"]} for run in runs)


def test_a_second_call_trains_nothing_and_gives_the_same(results):
    again = sweep(wb.AmplitudeRecipe(**SMALL), progress=False, noise=NOISES, hidden=[[8], [8, 8]], uncertainty=["deterministic", "bnn"])
    xr.testing.assert_identical(again, results)
    assert len(RunStore().runs()) == 2


def test_a_sweep_run_opens_like_any_run(results):
    run = RunStore().runs()[0]
    tree = xr.open_datatree(run.path)
    assert tree["/prediction/test"]["delta_median"].dims == ("noise", "uncertainty")
    assert run.snapshots["delta_median"].dims == ("step", "noise", "uncertainty")
    assert set(run.reports.data_vars) >= {"loss", "likelihood", "kl", "seconds", "validation_delta"}
    assert len(points_of(run.prediction("train"))) == 4


def test_an_interrupted_run_is_resumed_by_the_next_call(home, tmp_path):
    recipe = wb.AmplitudeRecipe(**SMALL | {"steps": 200_000})
    ((_, part),) = parts(recipe, {"noise": NOISES})
    store = RunStore(tmp_path)
    run = begin(part, runs=store)
    while not run.status.step:
        assert run.status.live
    run.stop()
    stood = run.status.step
    again = begin(part, runs=store)
    assert again.id == run.id and len(store.runs()) == 1
    again.stop()
    assert again.status.step >= stood


def test_without_an_axis_that_is_shared_plain_runs_are_gathered(home, tmp_path):
    results = sweep(wb.AmplitudeRecipe(**SMALL), runs=tmp_path, progress=False, hidden=[[8], [12]])
    assert results["delta_median"].dims == ("hidden",) and results["mean"].dims == ("hidden", "event")
    assert {type(run.recipe).__name__ for run in RunStore(tmp_path).runs()} == {"AmplitudeRecipe"}


def test_points_with_other_test_events_keep_their_numbers_only(home, tmp_path):
    results = sweep(wb.AmplitudeRecipe(**SMALL), runs=tmp_path, progress=False, data_seed=[1, 2])
    assert "mean" not in results and np.isfinite(results["delta_median"]).all()


def test_a_run_that_fails_is_named(home, tmp_path):
    with pytest.raises(wb.RunError, match=r"failed at step.*learning rate"):
        sweep(
            wb.AmplitudeRecipe(**SMALL | {"optimiser": "sgd", "learning_rate": 1.0, "steps": 400, "uncertainty": "deterministic"}),
            runs=tmp_path, progress=False, noise=NOISES,
        )  # fmt: skip


def test_the_command_line_sweeps_and_prints_a_table(home, tmp_path, capsys):
    options = [f"--{name.replace('_', '-')}={value[0] if isinstance(value, list) else value}" for name, value in SMALL.items()]
    out = tmp_path / "scan.nc"
    assert main(["sweep", "--noise", "0,0.1", "--runs", str(tmp_path / "runs"), "--out", str(out), *options]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[0] == "noise" and len(table) == 3
    assert xr.open_dataset(out)["delta_median"].dims == ("noise",)
    assert main(["sweep", "--runs", str(tmp_path / "runs"), *options]) == 2
    assert "nothing to sweep" in capsys.readouterr().err
    assert main(["sweep", "--noise", "0,7"]) == 2 and "noise" in capsys.readouterr().err


def test_a_sweep_of_another_family_names_it_and_a_number_called_as_an_axis_stands_beside_it(home, tmp_path, capsys):
    options = ["--runs", str(tmp_path / "runs"), "--steps", "30", "--points", "50"]
    out = tmp_path / "scan.nc"
    assert main(["sweep", "learn", "--loss", "mse,mae", "--hidden", "8; 8,8", "--out", str(out), *options]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["hidden", "loss", "loss", "above", "exact", "rms"] and len(table) == 5
    found = xr.open_dataset(out)
    assert found["loss_number"].dims == ("hidden", "loss") and np.isfinite(found["loss_number"]).all()
    assert found["loss"].values.tolist() == ["mse", "mae"] and found["hidden"].values.tolist() == ["8", "8, 8"]
    assert len(RunStore(tmp_path / "runs").runs()) == 4
    assert main(["sweep", "learn", "--loss", "mse", *options]) == 2
    assert "for instance: workbench sweep learn --seed 1,2,3" in capsys.readouterr().err
    assert main(["sweep", "learn", "--los", "mse,mae"]) == 2 and "Did you mean 'loss'?" in capsys.readouterr().err


def test_a_run_that_has_not_finished_counts_with_its_newest_snapshot(home, tmp_path):
    recipe, axes = wb.AmplitudeRecipe(**SMALL), {"noise": NOISES, "hidden": [[8], [8, 8]]}
    results = sweep(recipe, runs=tmp_path, progress=False, **axes)
    assert np.isfinite(results["pull_beyond_train"]).all()
    begun = [(options, begin(part, runs=tmp_path)) for options, part in parts(recipe, axes)]
    unfinished = parts(recipe.replace(steps=100_000, seed=1), axes)[1]
    run = begin(unfinished[1], runs=tmp_path)
    while run.latest_snapshot() is None:
        assert run.status.live
    run.stop()
    mixed = gathered([begun[0], (unfinished[0], run)], axes, run.recipe)
    assert np.isfinite(mixed["delta_median"]).all() and mixed["mean"].dims == ("noise", "hidden", "event")
    assert np.isnan(mixed["mean"].isel(hidden=1)).all()
