"""One verb for every network: what it says of new points is what it said of its own test events, from its weights alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.__main__ import main
from workbench.families.amplitudes.recipe import SweepRecipe
from workbench.families.generators.job import GeneratorJob
from workbench.runs.files import RunError
from workbench.runs.prediction import written
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

AMPLITUDE = {"events": 300, "test_events": 120, "hidden": [16, 16], "steps": 60, "draws": 6}
FLOW = {"events": 400, "test_events": 200, "blocks": 2, "hidden": [8], "steps": 40, "draws": 5}


def trained(tmp_path, recipe):
    run = RunStore(tmp_path / "runs").create(recipe)
    assert run_job(run.path) == 0
    return run


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"uncertainty": "bnn_last_layer", "inputs": "invariants", "noise": 0.1},
        {"uncertainty": "repulsive_ensemble", "members": 3},
        {"uncertainty": "deterministic", "architecture": "deepsets_invariants", "calibrate": False},
    ],
    ids=["bnn", "last layer", "ensemble", "deep sets"],
)
def test_a_network_says_of_its_test_events_what_its_prediction_says(tmp_path, options):
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE, **options))
    known = wb.summary(run.prediction("test"))
    found = run.predict(known["momenta"].values)
    for name in ("mean", "sigma_syst", "sigma_stat", "sigma_tot"):
        np.testing.assert_allclose(found[name], known[name], rtol=1e-6, atol=1e-12 * float(known["mean"].max()))
        assert found[name].attrs["units"] == "GeV^-2" and found[name].dims == ("event",)
    assert found.attrs["run"] == run.id
    few = run.predict(known["momenta"].values[:7], draws=3)
    assert few.sizes["event"] == 7 and np.isfinite(few["sigma_tot"]).all()


def test_portions_change_nothing_and_say_how_far_they_are(tmp_path, monkeypatch):
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE))
    momenta = run.prediction("test")["momenta"].values
    whole, said = run.predict(momenta), []
    monkeypatch.setattr("workbench.runs.prediction.PORTION", 50)
    xr.testing.assert_allclose(run.predict(momenta, progress=lambda fraction, text: said.append((fraction, text))), whole, rtol=1e-6)
    assert [round(fraction, 3) for fraction, _ in said] == [0.417, 0.833, 1.0] and said[0][1] == "predicted 50 of 120 points"


def test_a_run_that_was_stopped_predicts_from_its_last_checkpoint_and_one_from_before_scalings_were_kept_too(tmp_path):
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE))
    momenta = run.prediction("test")["momenta"].values
    found = run.predict(momenta)
    for path in run.path.glob("checkpoint-*.json"):
        from workbench.runs.files import seal, unseal

        record = unseal(path.read_bytes(), path.name)
        del record["state"]["scalings"]
        path.write_bytes(seal(record))
    (run.path / "run.nc").unlink()
    former = run.predict(momenta)  # without the final prediction T is that of the newest snapshot
    np.testing.assert_allclose(former["mean"], found["mean"], rtol=1e-6)
    np.testing.assert_allclose(former["distance"], found["distance"], rtol=1e-4, atol=1e-4)  # from the events of the recipe


def test_where_the_training_events_are_gone_a_run_that_was_stopped_still_predicts_without_a_distance(tmp_path):
    path = tmp_path / "mine.h5"
    momenta = wb.make_dataset("gg_yyg", 600)["momenta"].values
    wb.save_events(path, momenta, np.exp(np.random.default_rng(1).normal(-18, 1, 600)))
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE, file=str(path)))
    assert "distance" in run.predict(momenta)
    (run.path / "run.nc").unlink()
    path.unlink()
    found = run.predict(momenta)
    assert "distance" not in found and np.isfinite(found["mean"]).all()


@pytest.mark.parametrize("options", [{}, {"bayesian": False}, {"dataset": "z_jets", "jets": 1}, {"dataset": "z_jets"}])
def test_a_generator_gives_ln_p_of_its_test_events(tmp_path, options):
    recipe = wb.GeneratorRecipe(**FLOW, **options)
    run, job = trained(tmp_path, recipe), GeneratorJob(recipe)
    points = job.events["test"].points
    found = run.predict(points)
    loss = float(run.prediction("test")["log_loss"])
    assert -float(found["log_density"].mean()) == pytest.approx(loss, rel=1e-6)
    assert (found["log_density_error"].max() > 0) == recipe.bayesian


@pytest.mark.parametrize("ending", [".csv", ".npy", ".h5", ".npz"])
def test_files_with_amplitudes_or_without_are_read(tmp_path, ending):
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE))
    known = run.prediction("test")
    momenta, amplitude = known["momenta"].values, known["amplitude_true"].values
    expected = run.predict(momenta)["mean"]
    for labelled in (False, True):
        if ending == ".csv" and labelled:
            wb.save_events(tmp_path / "points.csv", momenta, amplitude)
        elif ending == ".npy":
            np.save(tmp_path / "points.npy", np.column_stack([momenta.reshape(120, 20), amplitude])[:, : 21 if labelled else 20])
        else:
            wb.save_events(tmp_path / f"points{ending}", momenta, amplitude if labelled else None)
        np.testing.assert_allclose(run.predict(tmp_path / f"points{ending}")["mean"], expected, rtol=1e-6)


def test_points_that_cannot_be_looked_at_are_refused_in_one_sentence(tmp_path):
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE))
    momenta = run.prediction("test")["momenta"].values
    swapped = momenta[:, [2, 1, 0, 3, 4]]
    for points, sentence in (
        (momenta[:, :4], r"has the shape \(120, 4, 4\); \(event, 5, 4\) is needed for gg_yyg"),
        (swapped, "not along the beam"),
        (momenta / 1000, "are the momenta in TeV"),
        (np.where(np.arange(5)[:, None] == 3, np.nan, momenta), "has E4 = nan in row 1; a number is needed"),
        (momenta[:0], "has no events"),
    ):
        with pytest.raises(ValueError, match=sentence):
            run.predict(points)
    with pytest.raises(ValueError, match="draws = 0 is not possible"):
        run.predict(momenta, draws=0)
    sweep = RunStore(tmp_path / "runs").create(SweepRecipe(**AMPLITUDE, axes={"noise": [0.0, 0.1]}))
    with pytest.raises(RunError, match="is a sweep"):
        sweep.predict(momenta)
    with pytest.raises(RunError, match="has no weights to predict with"):
        RunStore(tmp_path / "runs").create(wb.AmplitudeRecipe()).predict(momenta)


def test_the_command_line_writes_csv_and_netcdf(tmp_path, capsys):
    run = trained(tmp_path, wb.AmplitudeRecipe(**AMPLITUDE))
    momenta = run.prediction("test")["momenta"].values
    np.save(tmp_path / "points.npy", momenta.reshape(120, 20))
    asked = ["predict", run.id, "--file", str(tmp_path / "points.npy"), "--runs", str(tmp_path / "runs")]
    assert main([*asked, "--output", str(tmp_path / "out.csv")]) == 0
    said = capsys.readouterr().out
    assert "120 points\n" in said and re.search(r"^\d of 120 points lies? further than [\d.]+ from what was trained on", said, re.M)
    table = np.genfromtxt(tmp_path / "out.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["mean_GeV2"], run.predict(momenta)["mean"], rtol=1e-12)
    assert np.median(table["distance_1"]) == pytest.approx(1, abs=0.2)
    np.save(tmp_path / "points.npy", 2 * momenta.reshape(120, 20))
    assert main([*asked, "--output", str(tmp_path / "out.csv")]) == 0 and "\n120 of 120 points lie further" in capsys.readouterr().out
    assert main([*asked, "--output", str(tmp_path / "out.nc"), "--draws", "3"]) == 0
    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as written:
        assert written.sizes["event"] == 120 and written["sigma_stat"].attrs["units"] == "GeV^-2"
    assert main([*asked, "--output", "out.txt"]) == 2 and "an end in .csv or .nc is needed" in capsys.readouterr().err


def test_what_has_several_numbers_or_no_unit_is_written_too(monkeypatch):
    share = np.arange(10.0).reshape(5, 2) / 7
    found = xr.Dataset({"probability": (("event", "class"), share), "mean": ("event", np.arange(5.0), {"units": "GeV"})})
    monkeypatch.setattr("workbench.runs.prediction.PORTION", 2)
    names, *rows = written(found, ".csv").decode().splitlines()
    assert names == "probability 0,probability 1,mean [GeV]"
    np.testing.assert_array_equal([[float(x) for x in row.split(",")] for row in rows], np.column_stack([share, np.arange(5.0)]))
