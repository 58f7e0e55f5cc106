"""Wall clocks jump and machines sleep: a run is not called dead for that, and time left is never negative (R15)."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from conftest import is_alive, steps_of, until
from toy import ToyJob, toy

from workbench.runs import disk, worker
from workbench.runs import store as stores
from workbench.runs.files import RunError
from workbench.runs.launcher import Forker, launch, resume
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job


@pytest.mark.parametrize("hours", [1, -1])
def test_r15_a_clock_that_jumps_an_hour_changes_nothing(store: RunStore, quick: None, monkeypatch: pytest.MonkeyPatch, hours: int):
    """R15: the wall clock jumps by ±1 h in mid-run: no run declared dead, no negative time left, order by step."""
    jump = [0.0]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump[0])
    for module in (stores, disk, worker):
        monkeypatch.setattr(module, "now", lambda: (datetime.now(UTC) + timedelta(seconds=jump[0])).isoformat(timespec="seconds"))
    run = store.create(toy(steps=600))
    thread = threading.Thread(target=run_job, args=(run.path, ToyJob))
    thread.start()
    until(lambda: run.status.step >= 100)
    before = run.status
    jump[0] = 3_600.0 * hours
    seen = []
    while thread.is_alive():
        seen.append(run.status)
        time.sleep(0.02)
    thread.join()
    said = [datetime.fromisoformat(status.updated) for status in (before, run.status)]
    assert abs((said[1] - said[0]).total_seconds()) > 3_000, "the clock did jump"
    assert {status.state for status in seen} <= {"running", "finishing", "finished"} and len(seen) > 10
    assert all(status.eta >= 0 for status in seen if status.eta is not None)
    assert all(earlier.seconds <= later.seconds + 1e-3 for earlier, later in pairwise(seen))
    assert run.status.state == "finished" and steps_of(run) == list(range(10, 601, 10))
    assert (np.diff(run.snapshots["step"]) > 0).all() and run.status.seconds < 60


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_r15_a_machine_that_sleeps_kills_no_run(store: RunStore, forker: Forker, seconds: int):
    """R15: all of a run stands still for 4 s, more than three heartbeats (slow: 30 s): not declared dead, and it goes on."""
    run = launch(toy(steps=10**6), runs=store, forker=forker)
    until(lambda: run.status.eta is not None, 60)
    pid, before = run.status.pid, steps_of(run)
    os.killpg(pid, signal.SIGSTOP)
    try:
        end, states, left = time.monotonic() + seconds, set(), []
        while time.monotonic() < end:
            states.add(run.status.state)
            left.append(run.status.eta)
            time.sleep(0.1)
    finally:
        os.killpg(pid, signal.SIGCONT)
    assert states == {"running"} and min(left) >= 0
    until(lambda: len(steps_of(run)) > len(before) + 20, 60)
    assert steps_of(run) == list(range(10, 10 * len(steps_of(run)) + 1, 10)) and run.status.attempt == 1 and run.status.pid == pid


def test_a_run_that_stands_still_is_nobody_else_s_and_can_be_ended(store: RunStore, forker: Forker):
    run = launch(toy(steps=10**6), runs=store, forker=forker)
    until(lambda: run.status.step > 0, 60)
    pid = run.status.pid
    os.killpg(pid, signal.SIGSTOP)
    try:
        with pytest.raises(RunError, match=rf"is running, in process {pid} on"):
            resume(run, forker=forker)
        assert run.stop().status.state == "stopped" and not is_alive(pid) and not run.alive()
    finally:
        if is_alive(pid):
            os.killpg(pid, signal.SIGCONT)
    step = steps_of(run)[-1]
    resume(run, forker=forker)
    until(lambda: run.status.step > step, 60)
    assert run.status.attempt == 2 and run.problems() == []
