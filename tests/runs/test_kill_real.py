"""kill -9 of a real training while it loads, makes its events, trains and finishes: in the end it is bit for bit the uninterrupted one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from conftest import steps_of, until

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs.launcher import Forker, launch, resume
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

RECIPE = AmplitudeRecipe(events=6_000, test_events=2_000, hidden=[16, 16], steps=400, draws=60, device="cpu")
PHASES = {
    "it begins": lambda run: run.status.state == "preparing",
    "it makes events": lambda run: run.status.state == "preparing" and run.status.progress is not None,
    "it reports": lambda run: run.status.step > 0,
    "it has saved": lambda run: bool(run.checkpoints()),
    "it finishes": lambda run: run.status.state == "finishing",
}


def final(run: Run) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(run.path / f"checkpoint-{RECIPE.steps}.safetensors")


def test_a_real_training_that_is_killed_in_every_phase_is_bitwise_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "whole"))  # each with a home of its own, in which its events are made
    whole = RunStore(tmp_path / "whole" / "runs").create(RECIPE)
    assert run_job(whole.path) == 0
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "killed"))
    forker, hit = Forker(), []
    run = launch(RECIPE, runs=tmp_path / "killed" / "runs", forker=forker)
    for phase, reached in PHASES.items():
        end = time.monotonic() + 200
        while not reached(run) and run.status.live:
            assert time.monotonic() < end, (phase, run.status)
            time.sleep(0.002)
        if run.status.live and (pid := run.read_status()["pid"]):
            hit.append(phase)
            os.killpg(pid, signal.SIGKILL)
            until(lambda: not run.alive())
        if run.status.state == "finished":
            break
        assert run.problems() == [] and steps_of(run) == sorted(set(steps_of(run))), phase
        resume(run, forker=forker)
    killed = run.wait(300)
    assert len(hit) >= 3, f"some phases may pass by unseen, but not all: {hit}"
    assert whole.status.state == killed.status.state == "finished", killed.status
    assert killed.status.attempt > 1 and steps_of(killed) == steps_of(whole)
    np.testing.assert_array_equal(killed.reports["loss"], whole.reports["loss"])
    ours, theirs = final(killed), final(whole)
    assert ours.keys() == theirs.keys() and all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)
    for split in ("test", "train"):
        assert killed.prediction(split)["mean"].values.tobytes() == whole.prediction(split)["mean"].values.tobytes()
