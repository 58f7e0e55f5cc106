"""What a run folder holds when nothing goes wrong, and who may touch it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from toy import ToyJob, toy

from workbench.runs.files import RunError
from workbench.runs.store import RunStore, open_run
from workbench.runs.worker import run_job

NAMES = [
    "..", "../runs", "../../etc", "/etc", "a/b", "./a", "", ".", "runs-secret/..", "A", "CON ", "-rf\n", "a" * 41, "a\0b", "~", "~root",
    "%2e%2e", "..\\..", "<img src=x onerror=alert(1)>", "ünïcode", None, 7, "a.nc",
]  # fmt: skip


def test_a_finished_run_gives_back_everything_it_was_given_and_learned(store: RunStore, quick: None):
    run = store.create(toy(steps=300, seed=5), title="Tür & <b>Tor</b>")
    assert run_job(run.path, ToyJob) == 0
    run = open_run(run.path)
    assert (run.status.state, run.status.step, run.status.attempt, run.status.device) == ("finished", 300, 1, "cpu")
    assert run.recipe.to_dict() == toy(steps=300, seed=5).to_dict() and run.title == "Tür & <b>Tor</b>"
    assert list(run.reports["step"].values) == list(range(10, 301, 10))
    assert np.isfinite(run.reports["loss"]).all() and np.isnan(run.reports["validation_delta"][0])
    assert run.reports["seconds"].attrs["units"] == "s" and (np.diff(run.reports["seconds"]) > 0).all()
    assert run.snapshots["step"][0] == 10 and run.snapshots["step"][-1] == 300 and run.snapshots["mean"].dims == ("step", "event")
    assert run.snapshots["amplitude_true"].dims == ("event",)
    assert run.prediction("test")["mean"].dims == ("draw", "event") and run.prediction("train").attrs["process"] == "toy"
    np.testing.assert_array_equal(run.latest_snapshot()["mean"], run.prediction("test")["mean"][0])
    assert run.problems() == [] and not list((run.path / "snapshots").iterdir())


def test_xarray_opens_the_folder_and_the_file_in_it_alike(store: RunStore, quick: None):
    run = store.create(toy(steps=200))
    run_job(run.path, ToyJob)
    folder, file = xr.open_datatree(run.path), xr.open_datatree(run.path / "run.nc", engine="h5netcdf").load()
    for group in ("reports", "snapshots", "prediction/test", "prediction/train"):
        assert folder[group].to_dataset().load().identical(file[group].to_dataset().load())
    assert xr.open_dataset(str(run.path)).sizes["step"] == 20
    assert xr.open_dataset(run.path, group="snapshots", drop_variables="mean")["sigma_syst"].attrs["units"] == "GeV^-2"
    with pytest.raises(OSError, match="has no group '/weights'"):
        xr.open_dataset(run.path, group="weights")


def test_only_its_owner_can_read_a_run(store: RunStore, quick: None):
    run = store.create(toy(steps=50))
    run_job(run.path, ToyJob)
    for path in [store.root, run.path, *run.path.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_runs_folder(store: RunStore, name: str):
    outside = RunStore(store.root.parent / "runs-secret").create(toy())
    store.create(toy())
    for action in (store.open, store.delete):
        with pytest.raises(RunError, match="There is no run"):
            action(name)
    assert outside.path.exists()


def test_a_run_that_is_linked_is_one_of_the_folder_and_deleting_it_removes_the_link(store: RunStore, tmp_path: Path):
    inside, elsewhere = store.create(toy()), RunStore(tmp_path / "elsewhere").create(toy(steps=3))
    (store.root / "abc-1").symlink_to(elsewhere.path)
    (store.root / "gone-1").symlink_to(tmp_path / "nowhere")
    assert {run.id for run in store.runs()} == {inside.id, "abc-1"}
    assert store.open("abc-1").recipe.steps == 3
    for name in ("gone-1", inside.path.name + "/../abc-1"):
        with pytest.raises(RunError, match="There is no run"):
            store.open(name)
    store.delete("abc-1")
    assert [run.id for run in store.runs()] == [inside.id] and (elsewhere.path / "recipe.json").exists()


def test_a_link_inside_a_run_is_not_followed(store: RunStore):
    inside, other = store.create(toy()), store.create(toy())
    (inside.path / "recipe.json").unlink()
    (inside.path / "recipe.json").symlink_to(other.path / "recipe.json")
    with pytest.raises(RunError):
        _ = inside.recipe


def test_runs_are_listed_newest_first_and_ids_count_up(store: RunStore):
    runs = [store.create(toy()) for _ in range(3)]
    for age, run in enumerate(reversed(runs)):
        os.utime(run.path / "recipe.json", (1e9 - age, 1e9 - age))
    assert [run.id for run in store.runs()] == [run.id for run in reversed(runs)]
    assert [run.id.rpartition("-")[2] for run in runs] == ["1", "2", "3"] and runs[0].id.startswith(toy().hash)
    store.delete(runs[0].id)
    assert len(store.runs()) == 2 and not [name for name in os.listdir(store.root) if name.startswith(".trash")]


def test_a_folder_that_is_no_run_is_refused_in_one_sentence(store: RunStore, tmp_path: Path):
    for path in (tmp_path, tmp_path / "nowhere", store.root / "abc-1"):
        with pytest.raises(RunError, match="is not a run folder"):
            open_run(path)
    run = store.create(toy())
    text = (run.path / "recipe.json").read_text()
    (run.path / "recipe.json").write_text(text.replace('"schema": 1', '"schema": 2').split(',\n "crc"')[0] + "}")
    with pytest.raises(RunError, match="written by a newer version"):
        open_run(run.path)


def test_what_is_not_there_yet_is_said_so(store: RunStore):
    run = store.create(toy())
    assert run.reports.sizes["step"] == run.snapshots.sizes["step"] == 0 and run.latest_snapshot() is None
    with pytest.raises(RunError, match="has no prediction for 'test': it is stopped at step 0 of 1,000"):
        run.prediction("test")
    with pytest.raises(RunError, match="there is nobody to pause"):
        run.pause()


def test_new_reports_come_once_and_going_back_is_noticed(store: RunStore, quick: None):
    run = store.create(toy(steps=100))
    assert run.read_reports() == ([], (0, 0), False)
    run_job(run.path, ToyJob)
    first = run.read_reports(None)
    assert len(first.reports) == 10 and not first.restarted and run.read_reports(first.cursor) == ([], first.cursor, False)
    with (run.path / "reports.jsonl").open("ab") as file:
        file.write(b'{"step": 110, "seco')
    assert run.read_reports(first.cursor).reports == [] and len(run.reports["step"]) == 10
    os.replace(run.path / "reports.jsonl", run.path / "old")
    (run.path / "reports.jsonl").write_bytes((run.path / "old").read_bytes())
    again = run.read_reports(first.cursor)
    assert again.restarted and again.reports == first.reports


def test_time_left_is_the_median_pace_times_the_steps_that_remain(store: RunStore):
    from workbench.runs import history

    reports = [{"step": 10 * i, "seconds": 0.1 * i + (5.0 if i > 7 else 0.0)} for i in range(1, 15)]
    assert history.eta(reports, 240) == pytest.approx(1.0)
    assert history.eta(reports[:1], 240) is None and history.eta([], 240) is None and history.eta(reports, 10) == 0


def test_example_runs_can_be_opened_where_nothing_can_be_written(store: RunStore, quick: None):
    run = store.create(toy(steps=50))
    run_job(run.path, ToyJob)
    (run.path / "LOCK").unlink()
    before = sorted(os.listdir(run.path))
    assert open_run(run.path).status.state == "finished" and run.snapshots.sizes["step"] and not run.alive()
    assert sorted(os.listdir(run.path)) == before
