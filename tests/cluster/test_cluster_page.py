"""What the page says of runs on a cluster, and who may send them there."""

from __future__ import annotations

import json
import os
import time

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import jobs, turns
from workbench.runs.cluster import Cluster
from workbench.runs.files import RunError
from workbench.runs.folder import Status
from workbench.runs.launcher import launch_all
from workbench.runs.store import RunStore
from workbench.stories import STORIES, story
from workbench.studios.pages import sentences
from workbench.studios.server.house import Guest, House

ANN = "a" * 32


def quick(**changes) -> AmplitudeRecipe:
    return AmplitudeRecipe(**{"hidden": [8], "steps": 200, "events": 500, "uncertainty": "deterministic", **changes})


def state(part) -> dict:
    return json.loads(part.state)


def until(page, condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, (page.notices, state(page.bar))
        time.sleep(0.2)
        page.refresh(everything=True)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    described = '[two]\ntime = "0:30:00"\n\n[closed]\npartition = "empty"\n\n[nowhere]\npartition = "nowhere"\n'
    (tmp_path / "clusters.toml").write_text(described)
    return tmp_path


@pytest.fixture
def page(home):
    page = Amplitudes(runs=home / "runs")
    page.soon = lambda work: work()
    for name, value in quick().to_dict(only_changes=True).items():
        page.hear({"option": name, "value": str(value).strip("[]").lower()})
    page.refresh(everything=True)
    yield page
    for run in RunStore(home / "runs").runs():
        if run.status.live:
            run.stop()


def test_the_lecturer_chooses_where_and_students_do_not(home):
    page = Amplitudes(runs=home / "runs")
    page.refresh(everything=True)
    assert state(page.form)["places"] == ["two", "closed", "nowhere"]
    student = Guest(House(), ANN, False)
    page = Amplitudes(runs=home / "runs", guest=student)
    page.refresh(everything=True)
    assert state(page.form)["places"] == []
    page.hear({"where": "two"})
    assert page.where == ""
    store = RunStore(home / "runs")
    for forbidden in (
        lambda: student.launch(quick(), store, on="two"),
        lambda: student.launch_all([({}, quick())], store, on="two"),
        lambda: student.begin_story(story(next(iter(STORIES))), store, on="two"),
    ):
        with pytest.raises(RunError, match="Only the lecturer trains on a cluster"):
            forbidden()
    assert store.runs() == [] and turns.tickets(store.root) == []


def test_without_a_cluster_nothing_is_asked(home):
    (home / "clusters.toml").unlink()
    page = Amplitudes(runs=home / "runs")
    page.refresh(everything=True)
    assert state(page.form)["places"] == [] and state(page.form)["where"] == ""


def test_the_page_says_why_a_job_waits_and_stop_cancels_it(slurm, page):
    page.hear({"where": "closed"})
    page.hear({"action": "train"})
    until(page, lambda: "PartitionDown" in state(page.bar)["sentence"])
    job = page.shown[0].status.job
    assert state(page.bar)["sentence"] == f"Queued on closed, job {job}: PartitionDown, next in its partition."
    page.hear({"tab": "runs"})
    row = state(page.table)["rows"][0]
    assert row["state"] == "queued" and row["where"] == f"Queued on closed, job {job}: PartitionDown, next in its partition"
    page.hear({"action": "stop"})
    until(page, lambda: state(page.bar)["sentence"].startswith("Stopped at step 0"))
    assert slurm.say("squeue", "-h", "-j", job, "-t", "PENDING") == ""


def test_what_a_scheduler_refuses_stands_on_the_page(slurm, page):
    page.hear({"where": "nowhere"})
    page.hear({"action": "train"})
    until(page, lambda: page.notices)
    assert page.notices == ["Slurm does not take the job for partition nowhere: invalid partition specified: nowhere."]
    assert page.library.own.runs() == []


def test_where_a_job_stands_is_a_sentence():
    status = Status("running", step=10, steps=20, eta=30.0, place="slurm", job="12", node="n1", left=2_100.0)
    assert sentences.where(status) == "Training on n1 (slurm, job 12, 35 min of its time left): step 10 of 20, about 30 s left."
    died = Status("died", step=10, steps=20, job="12", message="The node of job 12 failed; it can be resumed from its last checkpoint.")
    assert sentences.where(died) == "The node of job 12 failed; it can be resumed from its last checkpoint (step 10 of 20)."
    stopped = Status("stopped", step=10, steps=20, job="12", message="Job 12 was cancelled or taken back from outside at step 10 of 20.")
    assert sentences.where(stopped).endswith("from outside at step 10 of 20. Resume goes on from there.")


@pytest.fixture
def two_hundred(slurm, home):
    """Jobs that wait, as an array of a partition that is down."""
    store = RunStore(home / "runs")
    yield launch_all([quick(seed=seed) for seed in range(1, 201)], runs=store, on=Cluster(partition="empty", name="closed"))
    slurm.say("scancel", "--me")


def test_two_hundred_that_wait_know_their_place(two_hundred):
    ids = [jobs.job_of(run.path).id for run in two_hundred]
    seen = [jobs.slurm.now(name) for name in ids]
    assert all(one.waits and one.reason == "PartitionDown" for one in seen) and [one.ahead for one in seen] == [*range(200)]
    assert "PartitionDown, 7 ahead" in two_hundred[7].status.message


@pytest.mark.timing
def test_two_hundred_that_wait_make_no_list_slow(two_hundred, home, slowdown):
    page = Amplitudes(runs=home / "runs")
    page.hear({"tab": "runs"})
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        page.rows()
        times.append(time.perf_counter() - begun)
    assert page.total >= 200 and min(times) < 0.5 * slowdown(), times
    before, begun = os.times(), time.monotonic()
    while time.monotonic() < begun + 10:
        page.refresh()
        time.sleep(1.0)
    spent = sum(os.times()[:4]) - sum(before[:4])  # with what squeue takes
    assert spent / 10 < 0.05 * slowdown(), spent
