"""The same from the command line, for sweeps and stories, and what `workbench cluster check` says before anybody waits."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

import workbench as wb
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import jobs, launcher
from workbench.runs.cluster import Cluster, cluster_of, clusters
from workbench.runs.files import RunError
from workbench.runs.store import RunStore

DESCRIBED = """
[two]
time = "0:30:00"
at_once = 2

[nowhere]
partition = "nowhere"

[closed]
partition = "empty"
"""
QUICK = ["--hidden", "8", "--steps", "200", "--events", "500", "--uncertainty", "deterministic"]


def quick(**changes) -> AmplitudeRecipe:
    return AmplitudeRecipe(**{"hidden": [8], "steps": 200, "events": 500, "uncertainty": "deterministic", **changes})


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    (tmp_path / "clusters.toml").write_text(
        '[two]\ntime = "0:30:00"\nat_once = 2\n\n[nowhere]\npartition = "nowhere"\n\n[closed]\npartition = "empty"\n'
    )
    return tmp_path


def said(*words: str, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "workbench", *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_cluster_is_described_once(home):
    assert [*clusters()] == ["two", "nowhere", "closed"] and clusters()["two"] == Cluster(time="0:30:00", at_once=2, name="two")
    assert Cluster.from_dict(clusters()["two"].to_dict()) == clusters()["two"]
    with pytest.raises(RunError, match=r"There is no cluster 'three' in .*clusters.toml: it describes two, nowhere, closed\."):
        cluster_of("three")
    for text, sentence in {
        "[a]\npartiton = 1": r"\[a\]: A cluster has no 'partiton'",
        "[a]\ngpus = -1": "gpus = -1 cannot be",
        '[a]\ntime = "soon"': "time = 'soon' cannot be: hours, minutes and seconds are needed",
        '[a]\nscheduler = "condor"': "There is no scheduler 'condor': one of slurm, pbs, lsf, flux is needed",
        "gpus = 1": r"outside of any cluster: begin with a line such as \[slurm\]",
        "[a": "clusters.toml cannot be read",
    }.items():
        (home / "clusters.toml").write_text(text)
        with pytest.raises(RunError, match=sentence):
            clusters()
    (home / "clusters.toml").unlink()
    with pytest.raises(RunError, match="No cluster is described in"):
        cluster_of("slurm")


def test_times_of_slurm_are_seconds():
    assert [jobs.seconds(text) for text in ("1-02:03:04", "02:03:04", "3:04", "UNLIMITED", "INVALID")] == [93_784, 7_384, 184, None, None]


def test_check_says_what_works(slurm, home):
    text = said("cluster", "check", "two")
    lines = dict(re.findall(r"^(\w[\w ]*?) +works: (.*)$", text, re.MULTILINE))
    assert [*lines] == ["Queue", "Shared folder", "Python", "torch", "GPU", "Locks", "Clock", "Time limit"]
    assert (
        "none is asked for" in lines["GPU"]
        and "sees what is locked here" in lines["Locks"]
        and "submit the next one" in lines["Time limit"]
    )
    assert "Trainings can run there.\n" in text and not [*home.glob("runs/.errand-*")]


def test_check_says_what_does_not_work(slurm, home):
    assert "partition nowhere: invalid partition specified" in said("cluster", "check", "nowhere", code=1)
    text = said("cluster", "check", "closed", "--wait", "8", code=1)
    assert "does not work: Job" in text and "PartitionDown" in text and "Trainings cannot run there yet." in text
    assert slurm.say("squeue", "-h", "-t", "PENDING") == ""
    assert "needs the name of a cluster: two, nowhere, closed" in said("cluster", "check", code=2)
    (home / "clusters.toml").unlink()
    assert "No cluster is described in" in (text := said("cluster", "check", code=2)) and "`workbench cluster --help`" in text


def test_train_and_runs_of_the_command_line(slurm, home):
    text = said("train", *QUICK, "--on", "two")
    run = wb.RunStore(home / "runs").runs()[0]
    assert str(run.path) in text and run.read_status()["host"] in ("n1", "n2")
    said("train", *QUICK, "--seed", "2", "--on", "closed", "--background")
    waiting = next(run for run in wb.RunStore(home / "runs").runs() if run.status.live)
    assert f"Queued on closed, job {waiting.status.job}: PartitionDown" in said("runs")
    assert f"Queued on closed, job {waiting.status.job}" in said("runs", "show", waiting.id)
    assert f"{waiting.id}: stopped" in said("runs", "stop", waiting.id)
    said("runs", "resume", waiting.id, "--on", "two")
    assert waiting.status.state == "finished" and jobs.job_of(waiting.path).place == "two"
    assert "one of them is needed" in said("train", *QUICK, "--on", "two", "--foreground", code=2)


def test_a_sweep_that_is_not_taken_leaves_no_run(slurm, home):
    with pytest.raises(RunError, match="partition nowhere"):
        wb.sweep(quick(), runs=home / "fresh", progress=False, on="nowhere", hidden=[[8], [6]])
    assert RunStore(home / "fresh").runs() == []


def test_ctrl_c_while_a_sweep_is_submitted_cancels_its_jobs(slurm, home, monkeypatch):
    """Ctrl+C comes when the array has just been taken, before anybody looks at its runs."""
    submit = launcher.launch_all

    def interrupted(*arguments, **options):
        found = submit(*arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(launcher, "launch_all", interrupted)
    with pytest.raises(KeyboardInterrupt, match="2 runs were stopped"):
        wb.sweep(quick(), runs=home / "runs", progress=False, on="closed", hidden=[[8], [6]])
    runs = RunStore(home / "runs").runs()
    assert [run.status.state for run in runs] == ["stopped"] * 2
    ids = {jobs.job_of(run.path).id for run in runs}
    assert len(ids) == 2 and not ids & {*slurm.say("squeue", "-h", "-r", "-o", "%i").split()}


@pytest.mark.slow
def test_no_more_jobs_of_a_sweep_run_at_once_than_was_said(slurm, home):
    from workbench.runs.jobs import job_of
    from workbench.runs.launcher import launch_all

    store = RunStore(home / "runs")
    runs = launch_all([quick(seed=seed) for seed in (1, 2, 3)], runs=store, on=Cluster(at_once=1))
    most = 0
    while any(run.status.live for run in runs):
        running = slurm.say("squeue", "-h", "-t", "RUNNING", "-o", "%i").split()
        own = {job.id.partition("_")[0] for run in runs if (job := job_of(run.path))}  # others may still be there of tests before
        most = max(most, len([job for job in running if job.partition("_")[0] in own]))
    assert most == 1 and {run.status.state for run in runs} == {"finished"}


def test_events_that_cannot_be_are_said_from_the_node(slurm, home):
    with pytest.raises(ValueError, match="There is no process 'nothing'"):
        wb.make_dataset("nothing", 10, on="two")
    with pytest.raises(ValueError, match="cache = False is not possible for events that a job makes"):
        wb.make_dataset(events=10, cache=False, on="two")
    assert not [*home.glob("runs/.errand-*")]
