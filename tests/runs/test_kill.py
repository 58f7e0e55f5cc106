"""kill -9 at any time: nothing acknowledged is lost, the death is seen, and going on continues bit by bit (R1, R3, R4, R5)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import toy as toys
import xarray as xr
from conftest import is_alive, steps_of, until
from toy import ToyJob, toy

from workbench.runs import history
from workbench.runs.launcher import Forker, launch, resume
from workbench.runs.run import Run
from workbench.runs.store import RunStore, open_run
from workbench.runs.worker import run_job


def kill(run: Run) -> None:
    pid = run.read_status()["pid"]
    assert os.getpgid(pid) == pid
    os.killpg(pid, signal.SIGKILL)


def kill_many(store: RunStore, forker: Forker, number: int, together: int, chance: random.Random) -> list[float]:
    """Kill runs at random times and look at what is left; how long it took to see that they died."""
    seen_after = []
    for first in range(0, number, together):
        runs = [launch(toy(steps=10**6, seed=1_000 + i), runs=store, forker=forker) for i in range(first, first + together)]
        for run in runs:
            until(lambda run=run: run.latest_snapshot() is not None)
        for run in runs:
            time.sleep(chance.uniform(0.0, 0.6 / together))
            acknowledged = {step: history.snapshot(run.path, step) for step in history.snapshot_steps(run.path)}
            reported = steps_of(run)
            kill(run)
            seen_after.append(until(lambda run=run: run.status.state == "died"))
            look_at_the_dead(open_run(run.path), acknowledged, reported)
    return seen_after


def look_at_the_dead(run: Run, acknowledged: dict[int, xr.Dataset], reported: list[int]) -> None:
    assert run.status.step >= reported[-1] and run.status.resumable and "can be resumed" in run.status.message
    assert run.problems() == [] and steps_of(run)[: len(reported)] == reported
    tree = xr.open_datatree(run.path)
    assert tree["reports"].sizes["step"] >= len(reported) and xr.open_dataset(run.path).sizes["step"] >= len(reported)
    for step, snapshot in acknowledged.items():
        np.testing.assert_array_equal(tree["snapshots"]["mean"].sel(step=step), snapshot["mean"])


def test_r1_killed_runs_are_readable_and_lose_nothing(store: RunStore, forker: Forker):
    """R1: 30 kills at random times: 0 unreadable, 0 acknowledged snapshots lost, the death seen < 2 s. Mid-seal kills: R2."""
    seen_after = kill_many(store, forker, 30, 6, random.Random(1))
    assert max(seen_after) < 2.0


@pytest.mark.slow
def test_r1_a_hundred_killed_runs_are_readable_and_lose_nothing(store: RunStore, forker: Forker):
    """R1: the same for 102 kills."""
    kill_many(store, forker, 102, 6, random.Random(2))


def final_weights(run: Run) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(run.path / f"checkpoint-{run.recipe.steps}.safetensors")


def killed_until_it_ends(store: RunStore, forker: Forker, steps: int, kills: int) -> Run:
    run = launch(toy(steps=steps, seed=3), runs=store, forker=forker)
    chance = random.Random(3)
    for attempt in range(1, kills + 1):
        until(lambda attempt=attempt: run.status.attempt == attempt and run.status.state == "running")
        begin = run.status.step
        until(lambda begin=begin: run.status.step > begin or not run.status.live)
        time.sleep(chance.uniform(0.1, 0.3))
        if not run.status.live:
            break
        kill(run)
        until(lambda: not run.alive())
        resume(run, forker=forker)
    return run.wait(600)


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_r4_killed_and_resumed_is_bitwise_the_uninterrupted_run(store: RunStore, forker: Forker, kills: int):
    """R4: killed and resumed up to 4 (slow: 20) times, the final weights are bitwise equal; 0 duplicate or missing steps."""
    steps = 1_500 if kills < 10 else 6_000
    whole = RunStore(store.root / "whole").create(toy(steps=steps, seed=3))
    run_job(whole.path, ToyJob)
    run = killed_until_it_ends(store, forker, steps, kills)
    assert run.status.state == "finished" and run.status.attempt >= min(kills, 10)
    assert steps_of(run) == steps_of(whole) == list(range(10, steps + 1, 10))
    np.testing.assert_array_equal(run.reports["loss"], whole.reports["loss"])
    ours, theirs = final_weights(run), final_weights(whole)
    assert ours.keys() == theirs.keys() and all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)
    common = np.intersect1d(run.snapshots["step"], whole.snapshots["step"])
    np.testing.assert_array_equal(run.snapshots["mean"].sel(step=common), whole.snapshots["mean"].sel(step=common))
    assert (np.diff(run.snapshots["step"]) > 0).all() and (np.diff(run.reports["seconds"]) > 0).all()


def test_r5_nothing_is_started_again_unasked(store: RunStore, forker: Forker):
    """R5: after a kill exactly 1 start is recorded; resumed by hand, it is attempt 2."""
    run = launch(toy(steps=10**6), runs=store, forker=forker)
    until(lambda: run.status.step > 0)
    kill(run)
    until(lambda: run.status.state == "died")
    time.sleep(0.5)
    assert run.status.state == "died" and run.status.attempt == 1
    resume(run, forker=forker)
    assert until(lambda: run.status.state == "running") < 2.0 and run.status.attempt == 2
    run.stop()


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGINT, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGTERM, signal.SIGHUP))]
)
def test_runs_outlive_the_program_that_started_them(store: RunStore, number: int):
    """A script without a __main__ guard starts two runs and is ended; they go on, in order, and end by themselves."""
    script = f"""
        import sys, time, os
        sys.path.insert(0, {str(Path(toys.__file__).parent)!r})
        from toy import toy
        from workbench.runs.launcher import Forker, launch
        forker = Forker([sys.executable, {toys.__file__!r}])
        runs = [launch(toy(steps=1_500, seed=seed), runs={str(store.root)!r}, forker=forker) for seed in (1, 2)]
        while not all(run.status.step for run in runs):
            time.sleep(0.01)
        print(os.getpid(), flush=True)
        time.sleep(60)
    """
    program = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    pid = int(program.stdout.readline())
    program.send_signal(number)
    program.stdout.close()
    program.wait(30)
    runs = store.runs()
    before = [run.status.step for run in runs]
    assert not is_alive(pid) and all(run.status.live for run in runs)
    for run in runs:
        run.wait(300)
    assert [run.status.state for run in runs] == ["finished"] * 2 and all(step < 1_500 for step in before)
    assert all(steps_of(run) == list(range(10, 1_501, 10)) for run in runs)
