"""Full disks, damaged files, readers at the wrong moment: what is shown is right, and what is wrong is named (R6, R8, R9)."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import steps_of, until
from recorder import SmallDisk
from toy import ToyJob, toy

from workbench.runs import checkpoint, disk, files, history, netcdf
from workbench.runs.files import Damaged, Lock, RunError, is_held
from workbench.runs.launcher import Forker, launch, resume
from workbench.runs.run import Run
from workbench.runs.store import RunStore, open_run
from workbench.runs.worker import run_job


@pytest.fixture
def in_a_thread() -> Iterator:
    threads = []

    def begin(run: Run) -> threading.Thread:
        threads.append(threading.Thread(target=run_job, args=(run.path, ToyJob)))
        threads[-1].start()
        return threads[-1]

    yield begin
    for thread in threads:
        thread.join(30)


@pytest.fixture
def small_disk(store: RunStore, quick: None, monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    found = SmallDisk(store.root)
    store.create(toy(steps=600))
    monkeypatch.setattr(files, "os", found)
    monkeypatch.setattr(disk, "RETRY_SECONDS", 0.1)
    return found


def test_r6_a_full_disk_pauses_the_run_which_goes_on_when_there_is_space(store: RunStore, small_disk: SmallDisk, in_a_thread):
    run = store.runs()[0]
    thread = in_a_thread(run)
    until(lambda: run.status.step >= 50)
    small_disk.fill()
    until(lambda: run.status.state == "paused")
    message = run.status.message
    assert f"The disk of {run.path} is full" in message and "bytes are free" in message and "goes on by itself" in message
    acknowledged, snapshots = steps_of(run), history.snapshot_steps(run.path)
    assert run.problems() == [] and list(run.path.rglob("*.tmp")) == []
    time.sleep(0.5)
    assert len(steps_of(run)) - len(acknowledged) < 20
    small_disk.room = float("inf")
    thread.join(60)
    assert run.status.state == "finished" and run.status.message == "" and run.problems() == []
    assert steps_of(run) == list(range(10, 601, 10)) and set(snapshots) <= set(run.snapshots["step"].values)


def test_a_run_on_a_full_disk_can_be_stopped_and_later_resumed(store: RunStore, small_disk: SmallDisk, in_a_thread, monkeypatch):
    run = store.runs()[0]
    thread = in_a_thread(run)
    until(run.checkpoints)
    small_disk.fill()
    until(lambda: run.status.state == "paused")
    before = steps_of(run)
    monkeypatch.setattr(Run, "read_control", lambda self: {"command": "stop", "serial": 99, "steps": 0, "asked": 0, "options": {}})
    thread.join(30)
    assert not thread.is_alive() and run.status.state in ("stopped", "died") and steps_of(run)[: len(before)] == before
    monkeypatch.undo()
    assert run_job(run.path, ToyJob) == 0 and steps_of(run) == list(range(10, 601, 10))


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 8 MB: the slower the machine, the more snapshots a run has."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_training_whose_folder_was_deleted_ends(store: RunStore, quick: None, in_a_thread, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(disk, "GONE_SECONDS", 1.0)
    run = store.create(toy(steps=1_000_000))
    thread = in_a_thread(run)
    until(lambda: run.status.step >= 50)
    away = run.path.with_name("elsewhere")
    run.path.rename(away)
    time.sleep(0.5)
    away.rename(run.path)  # a drive that came back in time
    step = steps_of(run)[-1]
    until(lambda: run.status.step > step + 50)
    assert thread.is_alive() and run.problems() == []
    run.path.rename(away)  # in one go: what is written meanwhile would be in the way
    shutil.rmtree(away)
    thread.join(20)
    assert not thread.is_alive() and not run.path.exists()


def test_r6_a_really_full_file_system(small_file_system: Path, forker: Forker):
    """R6: a full tmpfs: the message names path and bytes free, all acknowledged is readable, the run goes on; 0 crashes."""
    store = RunStore(small_file_system)
    run = launch(toy(steps=2_000), runs=store, forker=forker)
    until(lambda: run.status.step >= 50)
    ballast = small_file_system / "ballast"
    with pytest.raises(OSError), ballast.open("wb") as file:
        while True:
            file.write(b"x" * 4096)
    until(lambda: run.status.state == "paused")
    assert "is full" in run.status.message and run.alive() and run.problems() == []
    before = steps_of(run)
    ballast.unlink()
    assert run.wait(300).status.state == "finished" and steps_of(run) == list(range(10, 2_001, 10))
    assert steps_of(run)[: len(before)] == before and run.problems() == [] and run.status.attempt == 1
    xr.open_datatree(run.path)


def test_nothing_begins_on_a_full_file_system(small_file_system: Path, forker: Forker):
    with pytest.raises(OSError), (small_file_system / "ballast").open("wb") as file:
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(OSError, match="No space left"):
        launch(toy(), runs=small_file_system, forker=forker)
    assert [name for name in os.listdir(small_file_system) if not name.startswith((".queue", "ballast"))] == []


class Truth:
    """A run's content before it is damaged."""

    def __init__(self, run: Run):
        self.reports = {report["step"]: report for report in run.read_reports().reports}
        self.snapshots = run.snapshots
        self.tensors = {step: read_checkpoint(run, step) for step in run.checkpoints()}
        self.prediction = run.prediction("test") if run.status.state == "finished" else None
        self.recipe = run.recipe.to_dict()
        self.state = run.status.state

    def check(self, run: Run) -> None:
        """What can be read is right."""
        assert run.status.state in (self.state, "died", "finished")
        assert all(self.reports[report["step"]] == report for report in run.read_reports().reports)
        snapshots = run.snapshots
        for step in snapshots["step"].values:
            xr.testing.assert_identical(snapshots.sel(step=step), self.snapshots.sel(step=step))
        latest = run.latest_snapshot()
        assert latest is None or (latest["mean"] == self.snapshots["mean"].sel(step=int(latest["step"]))).all()
        for read, expected in ((lambda: run.prediction("test"), self.prediction), (lambda: run.recipe.to_dict(), self.recipe)):
            try:
                found = read()
            except RunError as problem:
                assert run.id in str(problem)
            else:
                assert found.identical(expected) if isinstance(found, xr.Dataset) else found == expected

    def check_checkpoint(self, run: Run) -> None:
        found = checkpoint.newest(run)
        if found:
            expected = self.tensors[found[0]]
            assert {name: tensor.numpy().tobytes() for name, tensor in found[1].items()} == expected


def read_checkpoint(run: Run, step: int) -> dict[str, bytes]:
    import safetensors.numpy

    return {name: array.tobytes() for name, array in safetensors.numpy.load_file(run.path / f"checkpoint-{step}.safetensors").items()}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """One flipped bit, a lost end, a block of zeros, or nothing at all."""
    place, kind = chance.randrange(len(data)), chance.randrange(8)
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + bytes(min(512, len(data) - place)) + data[place + 512 :]
    if kind == 2:
        return b""
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def damage_many(run: Run, number: int, chance: random.Random) -> int:
    """Damage one file after the other; how often `problems` named the file."""
    truth = Truth(run)
    known = [path for path in run.path.rglob("*") if path.is_file() and path.name not in ("LOCK", "log.txt", "control.json")]
    victims = [path for path in known if path.stat().st_size]  # a claim is only a name
    named = 0
    for victim in itertools.islice(itertools.cycle(victims), number):
        whole = victim.read_bytes()
        victim.write_bytes(damaged(whole, chance))
        fresh = open_run(run.path)
        truth.check(fresh)
        named += any(victim.name in problem for problem in fresh.problems())
        if victim.name.startswith("checkpoint"):
            kept = {path: path.read_bytes() for path in run.path.glob("checkpoint-*")}
            truth.check_checkpoint(fresh)
            for path, data in kept.items():
                path.write_bytes(data)
        victim.write_bytes(whole)
    return named


@pytest.fixture(params=["finished", "killed"])
def run_to_damage(store: RunStore, quick: None, request: pytest.FixtureRequest) -> Run:
    run = store.create(toy(steps=100))
    run_job(run.path, ToyJob)
    if request.param == "killed":
        snapshots = run.snapshots
        for step in snapshots["step"].values:
            one = snapshots.sel(step=step)
            files.replace(run.path / "snapshots" / f"{step}.nc", netcdf.encode({"/": one}))
        (run.path / "run.nc").unlink()
        files.replace(run.path / "status.json", files.seal({**run.read_status(), "state": "running"}))
        assert run.status.state == "died"
    return run


def test_r8_damage_is_noticed_named_and_never_shown(run_to_damage: Run):
    """R8: 80 bit flips and lost ends: 0 uncaught, 0 wrong values shown, the damaged file named, the rest readable."""
    assert damage_many(run_to_damage, 80, random.Random(5)) > 30


@pytest.mark.slow
def test_r8_a_thousand_damages_are_noticed(run_to_damage: Run):
    """R8: the same for 1,000 of a finished and 1,000 of a killed run."""
    damage_many(run_to_damage, 1_000, random.Random(6))


def test_a_damaged_checkpoint_gives_way_to_the_one_before(store: RunStore, quick: None):
    run = store.create(toy(steps=300))
    run_job(run.path, ToyJob)
    newest, older = run.checkpoints()
    data = bytearray((run.path / f"checkpoint-{newest}.safetensors").read_bytes())
    data[-1] ^= 1
    (run.path / f"checkpoint-{newest}.safetensors").write_bytes(data)
    weights = read_checkpoint(run, older)
    step, tensors, _ = checkpoint.newest(run)
    assert {name: tensor.numpy().tobytes() for name, tensor in tensors.items()} == weights
    assert step == older and run.checkpoints() == [older]
    assert run_job(run.path, ToyJob) == 0 and steps_of(run) == list(range(10, 301, 10)) and run.status.attempt == 2


def test_r9_readers_and_writer_never_disturb_each_other(store: RunStore, forker: Forker):
    """R9: a page, a notebook and xr.open_datatree read in loops while the run trains: 0 reader errors, 0 writer errors."""
    run = launch(toy(steps=4_000), runs=store, forker=forker)
    until(lambda: run.latest_snapshot() is not None)
    problems: list[BaseException] = []
    looks = [0, 0, 0]

    def page() -> None:
        cursor, step, seen = None, -1, 0
        while run.status.live:
            new = run.read_reports(cursor)
            assert not new.restarted and new.cursor >= (cursor or (0, 0))
            cursor, seen = new.cursor, seen + len(new.reports)
            if (snapshot := run.latest_snapshot(after_step=step)) is not None:
                step = int(snapshot["step"])
            looks[0] += 1
            time.sleep(0.02)
        assert seen + len(run.read_reports(cursor).reports) == 400

    def notebook() -> None:
        while run.status.live:
            assert run.snapshots.sizes["step"] >= 1 and run.problems() == []
            looks[1] += 1

    def tree() -> None:
        while run.status.live:
            assert xr.open_datatree(run.path)["reports"].sizes["step"] > 0
            looks[2] += 1

    def guarded(read) -> None:
        try:
            read()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(read,)) for read in (page, notebook, tree)]
    for thread in threads:
        thread.start()
    run.wait(400)
    for thread in threads:
        thread.join()
    assert problems == [] and min(looks) > 2
    assert run.status.state == "finished" and run.status.attempt == 1 and steps_of(run) == list(range(10, 4_001, 10))


def test_sealed_json_comes_back_and_what_was_changed_is_refused():
    values = {"a": [1, 2.5, None], "ü": "ß\n", "nested": {"b": True}, "nan": float("nan")}
    for indent in (None, 1):
        data = files.seal(values, indent=indent)
        assert files.unseal(data, "x") == {**values, "nan": None}
        with pytest.raises(Damaged, match="x is damaged"):
            files.unseal(data.replace(b"2.5", b"2.6"), "x")
    assert files.unseal(b'{"by": "hand"}', "x") == {"by": "hand"}
    for bad in (b"", b"[]", b"{", b"\xff{}", b"[" * 100_000):
        with pytest.raises(Damaged):
            files.unseal(bad, "x")


def test_a_lock_has_one_owner_and_falls_open(tmp_path: Path):
    path = tmp_path / "LOCK"
    assert not is_held(path)
    with Lock.acquire(path) as lock:
        assert lock and is_held(path) and Lock.acquire(path, wait=0.0) is None
    assert not is_held(path)
    path.unlink()
    assert not is_held(path) and Lock.acquire(path, wait=0.0)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "status.json"
    files.replace(path, b"old")
    small = SmallDisk(tmp_path)
    small.room = 8
    monkeypatch.setattr(files, "os", small)
    with pytest.raises(OSError, match="No space left"):
        files.replace(path, b"new and longer")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["status.json"] and path.stat().st_mode & 0o777 == 0o600


def test_a_disk_without_inodes_is_not_called_full_of_bytes(tmp_path: Path, forker: Forker):
    folder = tmp_path / "few"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=300", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        run = launch(toy(steps=10**6), runs=folder, forker=forker)
        until(lambda: run.status.step >= 50, 90)
        with pytest.raises(OSError):
            for number in range(400):
                (folder / f"ballast-{number}").touch()
        until(lambda: run.status.state == "paused")
        message = run.status.message
        assert "as many files as it can: no inode is free, though " in message and "is full" not in message
        for path in folder.glob("ballast-*"):
            path.unlink()
        step = run.status.step
        until(lambda: run.status.state == "running" and run.status.step > step)
        run.stop()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_what_a_job_says_of_the_disk_has_no_number_of_an_error(store: RunStore):
    def full(recipe, progress):
        raise OSError(28, "The events cannot be kept in a.h5: the disk is full.")

    run = store.create(toy())
    assert run_job(run.path, full) == 1
    assert run.status.message == "The events cannot be kept in a.h5: the disk is full."


def test_reports_and_snapshots_that_are_taken_away_from_a_training_are_made_again(store: RunStore, forker: Forker):
    run = launch(toy(steps=10**6), runs=store, forker=forker)
    until(lambda: run.latest_snapshot() is not None and run.status.step > 100)
    (run.path / "reports.jsonl").unlink()
    until(lambda: "reports.jsonl was taken away" in run.status.message)
    assert steps_of(run)[0] == 10 and (np.diff(steps_of(run)) == 10).all()
    os.rename(run.path / "snapshots", run.path.parent / ".taken")  # at once: while it is emptied the training may write into it
    until(lambda: "snapshots was taken away" in run.status.message and run.latest_snapshot() is not None)
    assert run.status.state == "running"
    run.stop()
    assert (np.diff(steps_of(run)) == 10).all() and run.problems() == []


@pytest.mark.parametrize("name", ["status.json", "recipe.json", "control.json", "log.txt"])
def test_a_file_that_is_taken_away_from_a_training_costs_nothing(store: RunStore, forker: Forker, name: str):
    """It trains on, can still be told to pause, go on and end, and is in the end what it would have been."""
    run = launch(toy(steps=10**6), runs=store, forker=forker)
    until(lambda: run.latest_snapshot() is not None and run.status.step > 100)
    pid, before = run.status.pid, run.status.step
    for _ in range(3):
        (run.path / name).unlink(missing_ok=True)
        step = run.status.step
        until(lambda step=step: run.status.step > step + 50)
    until(lambda: (run.path / "recipe.json").exists() and (run.path / "status.json").exists())
    seen = store.open(run.id)  # as somebody sees it who has not looked before
    assert (seen.status.state, seen.status.pid, seen.status.attempt) == ("running", pid, 1) and seen.recipe.steps == 10**6
    seen.pause()
    until(lambda: seen.status.state == "paused")
    step = seen.status.step
    seen.resume()
    until(lambda: seen.status.step > step >= before)
    seen.stop()
    after = store.open(run.id)
    assert after.status.state == "stopped" and after.problems() == [] and after.id in {each.id for each in store.runs()}
    assert (np.diff(steps_of(after)) == 10).all() and steps_of(after)[0] == 10
    assert xr.open_datatree(after.path)["reports"].sizes["step"] == len(steps_of(after))
    resume(after, forker=forker)
    until(lambda: after.status.state == "running" and after.status.step > steps_of(after)[0])
    after.stop()
