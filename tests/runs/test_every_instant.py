"""Every instant of a run's life is a readable folder: after each write, in the middle of each write, after a power cut (R2, R7)."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from recorder import Change, Files, Recorder
from toy import ToyJob, toy

from workbench.runs import checkpoint, files, history
from workbench.runs.run import Run
from workbench.runs.store import RunStore, open_run
from workbench.runs.worker import run_job

STEPS = 120


@pytest.fixture
def life(store: RunStore, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[Change], Run]:
    """A folder as it was before a run, all changes in the order they were made, and the run at its end."""
    run = store.create(toy(steps=STEPS))
    before = shutil.copytree(run.path, tmp_path / "before" / run.id)
    recorder = Recorder(run.path)
    monkeypatch.setattr(files, "os", recorder)
    assert run_job(run.path, ToyJob) == 0
    monkeypatch.undo()
    return before, recorder.changes, run


def acknowledged(changes: list[Change]) -> list[int]:
    """Steps of snapshots whose renaming is over."""
    return [int(Path(change[2]).stem) for change in changes if change[0] == "rename" and change[2].startswith("snapshots/")]


def committed(changes: list[Change]) -> list[int]:
    names = [change[2] for change in changes if change[0] == "rename"]
    return [int(name.split("-")[1][:-5]) for name in names if name.startswith("checkpoint-") and name.endswith(".json")]


def reported(changes: list[Change]) -> int:
    return sum(change[2].count(b"\n") for change in changes if change[0] == "write" and change[1] == "reports.jsonl")


def look(folder: Path, changes: list[Change], whole: Run) -> None:
    """All that was acknowledged is there, with the right values, and nothing is called damaged."""
    run = open_run(folder)
    assert run.problems() == []
    assert run.status.state in ("stopped", "died", "finished")
    assert run.reports["step"].size == reported(changes)
    np.testing.assert_array_equal(run.reports["loss"], whole.reports["loss"][: reported(changes)])
    snapshots = run.snapshots
    assert list(snapshots["step"].values) == acknowledged(changes)
    if acknowledged(changes):
        np.testing.assert_array_equal(snapshots["mean"], whole.snapshots["mean"].sel(step=snapshots["step"]))
    if committed(changes):
        assert run.checkpoints()[0] == committed(changes)[-1] and checkpoint.newest(run)[0] == committed(changes)[-1]
    if run.status.state == "finished":
        assert run.prediction("test").identical(whole.prediction("test"))


def halves(change: Change) -> list[Change]:
    """A write in two parts, so that the folder is looked at in its middle."""
    if change[0] == "write" and len(change[2]) > 1:
        middle = len(change[2]) // 2
        return [(*change[:2], change[2][:middle]), (*change[:2], change[2][middle:])]
    return [change]


def test_r1_r2_a_kill_after_or_within_any_write_leaves_a_readable_run(life: tuple[Path, list[Change], Run]):
    folder, recorded, whole = life
    disk, done = Files(folder), []
    parts = [part for change in recorded for part in halves(change) if change[0] != "fsync"]
    assert len(acknowledged(recorded)) >= 5 and len(committed(recorded)) >= 2 and len(parts) > 100
    for number, part in enumerate(parts):
        disk.apply(part)
        done.append(part)
        look(folder, done, whole)
        if number % 20 == 0:
            xr.open_datatree(folder)


def after_power_cut(changes: list[Change], chance: random.Random) -> list[Change]:
    """What a disk may hold when the power fails: contents that were not synchronised are partly lost, the last renames too.

    Names change in order (a journalling file system), so what is lost of them is an end; a later fsync made them durable.
    """
    synced: dict[str, int] = {change[1]: index for index, change in enumerate(changes) if change[0] == "fsync"}
    names_safe = max(synced.values(), default=0)
    cut = chance.randint(names_safe, len(changes))
    kept = []
    for index, change in enumerate(changes):
        if change[0] == "write" and index > synced.get(change[1], -1) and chance.random() < 0.5:
            change = (*change[:2], bytes(len(change[2])) if chance.random() < 0.5 else change[2][: chance.randint(0, len(change[2]))])
        if change[0] in ("write", "truncate") or index < cut:
            kept.append(change)
    return kept


def test_r7_after_a_power_cut_the_run_opens_and_loses_only_what_was_not_synchronised(life: tuple[Path, list[Change], Run], tmp_path: Path):
    before, changes, whole = life
    chance = random.Random(4)
    for number in range(30):
        end = chance.randint(10, len(changes))
        last_sync = max((index for index, change in enumerate(changes[:end]) if change[0] == "fsync"), default=0)
        folder = shutil.copytree(before, tmp_path / f"cut{number}" / before.name)
        disk = Files(folder)
        for change in after_power_cut(changes[:end], chance):
            disk.apply(change)
        run = open_run(folder)
        assert run.status.state in ("stopped", "died", "finished")
        xr.open_datatree(folder)
        assert set(acknowledged(changes[:last_sync])) <= set(run.snapshots["step"].values)
        for step in run.snapshots["step"].values:
            np.testing.assert_array_equal(run.snapshots["mean"].sel(step=step), whole.snapshots["mean"].sel(step=step))
        good = {report["step"]: report for report in whole.read_reports().reports}
        assert all(good[report["step"]] == report for report in run.read_reports().reports)
        if committed(changes[:last_sync]):
            assert checkpoint.newest(run)[0] >= committed(changes[:last_sync])[-1]
        if number % 6 == 0:
            assert run_job(folder, ToyJob) == 0
            assert history.read_reports(folder / "reports.jsonl").reports[-1]["step"] == STEPS
        shutil.rmtree(folder)
