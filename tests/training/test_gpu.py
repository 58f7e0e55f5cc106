"""What a GPU does is what the processor does, and a recorded step is the step that was recorded."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import torch

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.amplitudes.sweep import SweepJob
from workbench.families.generators.job import GeneratorJob
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.training import loop
from workbench.training.loop import Steps

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

AMPLITUDE = {
    "events": 600, "test_events": 400, "steps": 60, "hidden": [24, 16], "batch_size": 64, "noise": 0.05, "draws": 6, "members": 3,
}  # fmt: skip
FLOW = {"events": 2_000, "test_events": 500, "steps": 60, "blocks": 4, "hidden": [24, 24], "batch_size": 128}
JETS = {**FLOW, "dataset": "z_jets"}

AMPLITUDES = [{"uncertainty": kind} for kind in ("deterministic", "bnn", "bnn_last_layer", "repulsive_ensemble")]
AMPLITUDES += [{"architecture": kind} for kind in ("deepsets", "deepsets_invariants", "kan", "group_kan", "lgatr_slim", "lgatr")]
AMPLITUDES += [{"uncertainty": kind, "optimiser": "soap"} for kind in ("deterministic", "bnn")]
AMPLITUDES += [{"optimiser": "sgd"}, {"architecture": "lgatr", "uncertainty": "repulsive_ensemble"}, {"boost_sigma": 3.0}]
FLOWS = [
    {"dataset": "wedge", "spline": spline, "bayesian": bayesian}
    for spline, bayesian in (("cubic", True), ("cubic", False), ("rational_quadratic", True), ("affine", True))
]
STEERED = [{}, {"jets": 2, "magic": True}, {"jets": 1, "discflow_alpha": 0.5}, {"nuisance": True}]
"""What is not recorded: chains and batches that are changed before each step."""


def job_of(changes, device="cuda"):
    if changes in FLOWS + STEERED:
        return GeneratorJob(GeneratorRecipe(**{**(JETS if changes in STEERED else FLOW), **changes, "device": device}))
    if "lgatr" in changes.get("architecture", ""):
        pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")
    return Job(AmplitudeRecipe(**{**AMPLITUDE, **changes, "device": device}))


def named(changes):
    return "-".join(map(str, changes.values())) or "chain"


def parts_of(job):
    return (job.training.state, job.training.batches["train"]) if isinstance(job, Job) else (job.state, job.batches["train"])


def stepped(job, steps):
    """The losses of so many steps, and whether the last was recorded."""
    one = Steps(*parts_of(job))
    losses = torch.stack([one.next() for _ in range(steps)]).cpu()
    return losses, one.recording is not None


@pytest.mark.parametrize("changes", AMPLITUDES + FLOWS, ids=named)
def test_recorded_steps_are_the_steps_one_by_one(changes, monkeypatch):
    recorded = job_of(changes)
    losses, was = stepped(recorded, 60)
    monkeypatch.setattr(loop, "UNRECORDED", 1_000)
    single = job_of(changes)
    expected, was_not = stepped(single, 60)
    assert was and not was_not
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-5)
    for name, tensor in single.checkpoint()[0].items():
        torch.testing.assert_close(recorded.checkpoint()[0][name], tensor, rtol=1e-3, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("changes", AMPLITUDES + FLOWS + STEERED, ids=named)
def test_a_gpu_learns_what_a_processor_learns(changes):
    if changes.get("architecture") == "lgatr":
        changes = {**changes, "architecture": "lgatr_full"}
    there, here = (stepped(job_of(changes, device), 20)[0] for device in ("cuda", "cpu"))
    assert torch.isfinite(there).all()
    torch.testing.assert_close(there[0], here[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(there, here, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("changes", [*AMPLITUDES[:4], *FLOWS[:1], *STEERED[:1]], ids=named)
def test_a_training_that_stops_goes_on_as_if_it_had_not(changes):
    whole, broken, again = (job_of(changes) for _ in range(3))
    reports = list(whole.train())
    for report in broken.train():
        if report.step >= 40:
            break
    again.resume(*broken.checkpoint())
    later = list(again.train())
    assert [report.step for report in later] == [report.step for report in reports if report.step > broken.step]
    for name, tensor in whole.checkpoint()[0].items():
        torch.testing.assert_close(again.checkpoint()[0][name], tensor, rtol=1e-3, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


def test_points_of_a_sweep_learn_side_by_side_what_they_learn_alone():
    options = {**AMPLITUDE, "device": "cuda", "steps": 100}
    axes = {"uncertainty": ["deterministic", "bnn", "repulsive_ensemble"], "noise": [0.0, 0.1]}
    sweep = SweepJob(SweepRecipe(**options, axes=axes))
    assert len(sweep.streams) == sweep.threads == 3
    reports = list(sweep.train())
    assert reports[-1].step == 100
    found = sweep.prediction("test")
    for uncertainty in axes["uncertainty"]:
        for noise in axes["noise"]:
            alone = Job(AmplitudeRecipe(**{**options, "uncertainty": uncertainty, "noise": noise}))
            list(alone.train())
            own = alone.prediction("test")["mean"].mean("draw").values
            np.testing.assert_allclose(found["mean"].sel(uncertainty=uncertainty, noise=noise).values, own, rtol=0.03)


@pytest.mark.parametrize("changes", [{"uncertainty": "bnn"}, {"architecture": "lgatr"}], ids=named)
def test_a_run_on_a_gpu_survives_that_its_worker_is_killed(changes, tmp_path):
    import workbench as wb

    job_of(changes)
    recipe = AmplitudeRecipe(**{**AMPLITUDE, **changes, "device": "cuda", "steps": 3_000})
    run = wb.launch(recipe, runs=tmp_path)
    for _ in range(600):
        if run.status.step > 1_000:
            break
        time.sleep(0.1)
    os.kill(run.status.pid, signal.SIGKILL)
    for _ in range(300):
        if not run.status.live:
            break
        time.sleep(0.1)
    run.resume()
    run.wait()
    assert run.status.state == "finished" and run.status.attempt == 2
    assert run.prediction("test").attrs["device"].startswith("cuda (")
