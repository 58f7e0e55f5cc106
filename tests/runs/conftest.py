"""Runs of toys: a store in a folder of its own, and one warm process for all tests that launch."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import toy

from workbench.runs import worker
from workbench.runs.launcher import Forker
from workbench.runs.run import Run
from workbench.runs.store import RunStore

torch.set_num_threads(1)  # as a worker does: for networks this small, two threads are many times slower


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture(scope="session")
def forker() -> Forker:
    return Forker([sys.executable, str(Path(toy.__file__))])


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda number: monkeypatch.setenv("WORKBENCH_SLOTS", str(number))


@pytest.fixture(autouse=True)
def many_slots(slots: Callable[[int], None]) -> None:
    slots(16)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker in this process that saves as often as it can, so that a short run has many snapshots and checkpoints."""
    for name, value in {"SNAPSHOT_SECONDS": 0.0, "SNAPSHOTS_PER_RUNTIME": 1e9, "SNAPSHOT_SHARE": 1e9, "CHECKPOINT_SECONDS": 0.05}.items():
        monkeypatch.setattr(worker, name, value)
    monkeypatch.setenv("TOY_SECONDS", "0.005")


@pytest.fixture(autouse=True)
def nothing_left(store: RunStore) -> Iterator[None]:
    """No run of a test outlives it."""
    yield
    for run in store.runs():
        if run.alive() and run.read_status().get("pid") != os.getpid():
            run.stop()


def until(condition: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait for something; how long it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - start


def steps_of(run: Run) -> list[int]:
    return [report["step"] for report in run.read_reports().reports]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z" if Path("/proc").exists() else True
    except OSError:  # it has just gone
        return False
