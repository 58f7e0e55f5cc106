"""Two computers that share a folder and nothing else, neither locks nor a process table: one folder has one trainer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import files, folder
from workbench.runs.files import RunError
from workbench.runs.folder import claims
from workbench.runs.launcher import stop
from workbench.runs.run import Run
from workbench.runs.store import RunStore

TOYS = Path(__file__).parents[1] / "runs"
WORKER = f"""
import sys, time
sys.path.insert(0, {str(TOYS)!r})
from pathlib import Path
from workbench.runs import files, worker
files.fcntl = None                      # no lock reaches the other computer
worker.CHECKPOINT_SECONDS = 0.2
import toy
class Told(toy.ToyJob):                 # a trainer says when it trains: the tests look whether two do at once
    def train(self):
        with open(sys.argv[2], "a") as told:
            for report in super().train():
                told.write(f"{{time.monotonic()}} {{sys.argv[3]}}\\n")
                told.flush()
                yield report
sys.exit(worker.run_job(Path(sys.argv[1]), Told))
"""


def toy(**changes) -> AmplitudeRecipe:
    return AmplitudeRecipe(**{"hidden": [16, 16], "steps": 1_000, **changes})


def begin(run, told: Path, host: str, name: str) -> subprocess.Popen:
    around = {**os.environ, "SLURMD_NODENAME": host, "TOY_SECONDS": "0.05"}
    return subprocess.Popen([sys.executable, "-c", WORKER, str(run.path), str(told), name], env=around, stderr=subprocess.DEVNULL)


def trained(told: Path) -> list[tuple[float, str]]:
    lines = told.read_text().splitlines() if told.exists() else []
    return sorted((float(time), name) for time, name in (line.split() for line in lines))


def test_of_those_who_claim_at_once_one_wins(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    run = RunStore(tmp_path).create(toy())
    won, lost, gate = [], [], threading.Barrier(8)

    def claim(number: int) -> None:
        mine = Run(run.path)
        gate.wait()
        try:
            mine.acquire()
            won.append(mine.claim())
        except RunError:
            lost.append(number)
        else:
            for beat in range(200):
                status = {"state": "running", "pid": number, "host": f"node-{number}", "attempt": won[0], "beat": beat}
                files.replace(run.path / "status.json", files.seal(status))
                if len(won) + len(lost) == 8:
                    return
                time.sleep(0.1)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [1] and len(lost) == 7 and claims(run.path) == [1]


def test_what_nobody_owns_is_claimed_without_listening_for_a_heart(tmp_path, monkeypatch):
    """Stopped on one node and submitted again it begins on another one at once."""
    run = RunStore(tmp_path).create(toy())
    left = {**run.read_status(), "state": "queued", "pid": None, "host": "elsewhere", "attempt": 1}
    files.replace(run.path / "status.json", files.seal(left))

    def listened(*_: object, **__: object) -> bool:
        raise AssertionError("nobody is there to be heard")

    monkeypatch.setattr(run, "_beats", listened)
    assert run.claim() == 2 and claims(run.path) == [2]


def test_the_process_of_another_computer_is_not_sought_in_ones_own_table(tmp_path):
    """Its number is that of a process here: only its heart counts."""
    run = RunStore(tmp_path).create(toy())
    born = folder.birth(os.getpid())
    values = {**run.read_status(), "state": "running", "pid": os.getpid(), "born": born, "host": "elsewhere", "leader": True}
    files.replace(run.path / "status.json", files.seal({**values, "lock": files.identity(run.path / "LOCK")}))
    assert run.status.state == "running", "nobody can know at the first look"
    with pytest.raises(RunError, match="cannot be reached from here"):
        stop(run, patience=0.1)
    time.sleep(3.2)
    assert run.status.state == "died"
    run.acquire().release()


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(2_400)])])
def test_two_computers_that_race_for_a_folder_never_train_in_it_both(tmp_path, rounds):
    """Again and again whoever trains is killed at a random moment, and both computers want the folder at once."""
    run, chance = RunStore(tmp_path / "runs").create(toy(steps=100_000)), random.Random(rounds)
    told = tmp_path / "told"
    for round in range(rounds):
        racers = {host: begin(run, told, host, f"{host}-{round}") for host in ("one", "two")}
        try:
            end = time.monotonic() + 300
            while not (mine := {name for _, name in trained(told) if name.endswith(f"-{round}")}):
                assert time.monotonic() < end and any(racer.poll() is None for racer in racers.values()), "nobody trains"
                time.sleep(0.05)
            time.sleep(chance.uniform(0.2, 2.0))
            mine = {name for _, name in trained(told) if name.endswith(f"-{round}")}
            assert len(mine) == 1, mine
        finally:
            for racer in racers.values():
                racer.send_signal(signal.SIGKILL)
                racer.wait()
    assert len({name for _, name in trained(told)}) == rounds
    steps = [report["step"] for report in run.read_reports().reports]
    assert steps == list(range(10, steps[-1] + 1, 10)), "no step twice, and none is missing"


def test_who_was_away_and_comes_back_writes_nothing_more(tmp_path):
    """A computer that slept through its own succession: it ends, and the folder stays the other one's."""
    run, told = RunStore(tmp_path / "runs").create(toy(steps=100_000)), tmp_path / "told"
    first = begin(run, told, "one", "first")
    second = None
    try:
        while not run.checkpoints():
            time.sleep(0.05)
        first.send_signal(signal.SIGSTOP)
        second = begin(run, told, "two", "second")
        end = time.monotonic() + 300
        while not any(name == "second" for _, name in trained(told)):
            assert time.monotonic() < end and second.poll() is None
            time.sleep(0.05)
        first.send_signal(signal.SIGCONT)
        assert first.wait(30) == 3
        time.sleep(1.0)
        assert second.poll() is None and run.read_status()["host"] == "two" and run.read_status()["attempt"] == 2
        steps = [report["step"] for report in run.read_reports().reports]
        assert steps == sorted(set(steps))
    finally:
        for process in filter(None, (first, second)):
            process.kill()
            process.wait()
