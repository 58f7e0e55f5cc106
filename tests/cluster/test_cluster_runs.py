"""The ordinary training of an ordinary folder, as a job of a real Slurm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import jobs
from workbench.runs.cluster import Cluster
from workbench.runs.files import RunError
from workbench.runs.launcher import launch
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.training.recipe import RecipeError

TWO = Cluster(name="two nodes")
LONG = 1_000_000  # steps that no test waits for


def quick(**changes) -> AmplitudeRecipe:
    return AmplitudeRecipe(**{"hidden": [8], "steps": 200, "events": 500, "uncertainty": "deterministic", **changes})


def until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def training(store: RunStore, on: Cluster = TWO, **changes) -> Run:
    """A run that trains on a node, and goes on to."""
    run = launch(quick(steps=LONG, **changes), runs=store, on=on)
    until(lambda: run.status.state == "running" and run.status.step > 500)
    return run


def weights(run: Run) -> dict[str, bytes]:
    import safetensors.numpy

    path = run.path / f"checkpoint-{run.checkpoints()[0]}.safetensors"
    return {name: array.tobytes() for name, array in safetensors.numpy.load_file(path).items()}


def losses(run: Run) -> list[tuple[int, dict]]:
    return [(report["step"], report["losses"]) for report in run.read_reports().reports]


@pytest.fixture
def store(slurm, tmp_path):
    yield (store := RunStore(tmp_path / "runs"))
    for run in store.runs():
        if run.status.live:
            run.stop()


def test_what_waits_says_why_and_stop_cancels_its_job(slurm, store):
    run = launch(quick(), runs=store, on=Cluster(name="mine", partition="empty"))
    until(lambda: "PartitionDown" in run.status.message)
    status = run.status
    assert (
        status.state == "queued"
        and status.job
        and status.message == f"Queued on mine, job {status.job}: PartitionDown, next in its partition"
    )
    assert run.alive() and not run.status.resumable
    with pytest.raises(RunError, match="waits for its turn"):
        store.delete(run.id)
    run.stop()
    assert run.status.state == "stopped" and run.status.resumable
    assert slurm.say("squeue", "-h", "-j", status.job, "-t", "PENDING,RUNNING") == ""


def test_pause_step_stop_and_resume_reach_a_node(store):
    run = training(store)
    status = run.status
    assert status.node in ("n1", "n2") and status.place == "two nodes" and 0 < status.left <= 3_600
    run.pause()
    until(lambda: run.status.state == "paused")
    step = run.status.step
    run.step(2)
    until(lambda: run.status.step > step and run.status.state == "paused")
    run.resume()
    until(lambda: run.status.state == "running", 10)
    run.stop()
    assert run.status.state == "stopped" and run.status.resumable
    first = run.status.step
    run.resume()
    until(lambda: run.status.state == "running" and run.status.step > first)
    assert run.status.attempt == 2 and jobs.job_of(run.path).id != status.job


def test_scancel_is_said_as_that_loses_nothing_and_resumes(slurm, store):
    run = training(store)
    before = run.status
    slurm.say("scancel", before.job)
    until(lambda: run.status.state == "stopped")
    status = run.status
    assert f"Job {before.job} was cancelled" in status.message and status.step >= before.step and status.resumable
    assert run.checkpoints()[0] == status.step, "all that was learned is saved"
    run.resume()
    until(lambda: run.status.state == "running" and run.status.step > status.step)


def test_scancel_of_what_waits_is_said_as_that(slurm, store):
    run = launch(quick(), runs=store, on=Cluster(partition="empty"))
    slurm.say("scancel", run.status.job)
    until(lambda: run.status.state == "stopped")
    assert "was cancelled from outside before it began" in run.status.message and run.status.resumable


def test_requeue_goes_on_by_itself(slurm, store):
    run = training(store)
    job = run.status.job
    slurm.say("scontrol", "requeue", job)
    until(lambda: run.status.state == "queued")
    assert job in run.status.message
    step = run.status.step
    slurm.say("scontrol", "update", f"job={job}", "StartTime=now")
    until(lambda: run.status.state == "running" and run.status.step > step, 180)
    assert run.status.attempt == 2 and run.status.job == job


def test_kill_of_the_worker_is_noticed_and_resumes(store):
    run = training(store)
    before = run.read_status()
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: run.status.state == "died")
    status = run.status
    assert f"on {before['host']}" in status.message and status.step >= before["step"] and status.resumable
    run.resume()
    until(lambda: run.status.state == "running" and run.status.attempt == 2)


@pytest.mark.slow
def test_a_node_that_dies_is_noticed_within_a_minute_and_the_run_goes_on_elsewhere(slurm, store):
    run = training(store)
    until(run.checkpoints)
    before = run.status
    slurm.kill_node(before.node)
    try:
        until(lambda: run.status.state in ("died", "queued"), 60)
        if run.status.state == "died":
            run.resume()
        until(lambda: run.status.state == "running" and run.status.attempt == 2, 120)
        assert run.status.node != before.node and run.checkpoints()[0] > 0
    finally:
        slurm.start_node(before.node)
        slurm.until(lambda: slurm.say("sinfo", "-h", "-n", before.node, "-p", "main", "-o", "%T").split() in (["idle"], ["mixed"]), 60)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_time_limit_ends_no_training(store, tmp_path):
    """Jobs of a minute, at the end of which the run goes on in another one: bitwise the training that nothing interrupted."""
    recipe = quick(steps=150_000)
    run = launch(recipe, runs=store, on=Cluster(name="short", time="0:01:00"))
    said = set()
    end = time.monotonic() + 900
    while (status := run.status).live:
        said.add(status.message.split(" at step")[0])
        assert time.monotonic() < end, status
        time.sleep(0.1)
    assert run.status.state == "finished" and run.status.attempt >= 3 and "Stopped by the time limit" in said
    here = launch(recipe, runs=tmp_path / "here").wait(800)
    assert weights(here) == weights(run) and losses(here) == losses(run)


# What cannot be


def test_a_wrong_partition_is_one_sentence_and_leaves_no_run(store):
    with pytest.raises(RunError, match=r"^Slurm does not take the job for partition nowhere: invalid partition specified: nowhere\.$"):
        launch(quick(), runs=store, on=Cluster(partition="nowhere"))
    assert store.runs() == []


def test_without_slurm_it_is_one_sentence(store, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(RunError, match="There is no Slurm here: sbatch is not found"):
        launch(quick(), runs=store, on=Cluster())
    assert store.runs() == []


def test_a_recipe_for_a_gpu_needs_a_cluster_with_one(store):
    with pytest.raises(RecipeError, match=r"device = 'cuda'.*gpus = 1"):
        launch(quick(device="cuda"), runs=store, on=Cluster())
    with pytest.raises(RunError, match="Slurm does not take the job with 1 GPU for its default partition: Invalid generic resource"):
        launch(quick(device="cuda"), runs=store, on=Cluster(gpus=1))
    assert store.runs() == []


def test_a_node_without_torch_says_so_and_resumes_when_the_cluster_is_described_anew(store, tmp_path, monkeypatch):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    described = tmp_path / "clusters.toml"
    described.write_text(f'[mine]\nsetup = ["export PYTHONPATH={tmp_path / "without"}"]\n')
    run = launch(quick(), runs=store, on="mine")
    until(lambda: not run.status.live)
    assert run.status.state == "failed" and "cannot train (No module named 'torch')" in run.status.message
    until(lambda: not run.alive())
    described.write_text("[mine]\n")  # as the sentence says
    run.resume()
    assert run.wait(120).status.state == "finished", run.status


def test_a_python_that_is_not_there_and_a_setup_that_fails_are_said(store):
    for wrong, word in {Cluster(python="/nowhere/python"): "/nowhere/python", Cluster(setup=("module load nothing",)): "module"}.items():
        run = launch(quick(), runs=store, on=wrong, reuse=False)
        until(lambda run=run: not run.status.live)
        assert run.status.state == "failed" and word in run.status.message, run.status.message


def test_a_folder_that_nodes_do_not_see_is_said(slurm, tmp_path):
    """A node on which something else lies where the runs are."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    sees = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", hidden], capture_output=True)
    if sees.returncode:
        pytest.skip("This machine lets nobody hide a folder from a process.")
    slurm.kill_node("n2")
    slurm._begin("unshare", "-m", "sh", "-c", f"mount -t tmpfs none {hidden} && slurmd -N n2")
    try:
        slurm.until(lambda: slurm.say("sinfo", "-h", "-n", "n2", "-p", "main", "-o", "%T").split() == ["idle"], 60)
        slurm.say("scontrol", "update", "node=n1", "state=drain", "reason=test")
        run = launch(quick(), runs=hidden, on=TWO)
        until(lambda: not run.status.live)
        assert run.status.state == "failed" and f"the node does not see {run.path}" in run.status.message, run.status.message
    finally:
        slurm.say("scontrol", "update", "node=n1", "state=resume")
        slurm.kill_node("n2")
        slurm.start_node("n2")
        slurm.until(lambda: slurm.say("sinfo", "-h", "-N", "-p", "main", "-o", "%T").split() == ["idle", "idle"], 60)
