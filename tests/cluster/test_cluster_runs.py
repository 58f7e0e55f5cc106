"""The ordinary training of an ordinary folder, as a job of a real Slurm."""

from __future__ import annotations

import time

import pytest

from workbench.runs.cluster import Cluster
from workbench.runs.files import RunError
from workbench.runs.launcher import launch
from workbench.runs.store import RunStore
from workbench.training.recipe import AmplitudeRecipe, RecipeError


def quick(**changes):
    return AmplitudeRecipe(**{"hidden": [8], "steps": 200, "events": 500, "uncertainty": "deterministic", **changes})


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def test_a_training_on_a_node_is_bitwise_that_of_this_computer(slurm, store, tmp_path):
    there = launch(quick(), runs=store, on=Cluster(name="two nodes")).wait(180)
    assert there.status.state == "finished", (there.status, (there.path / "job.txt").read_text())
    assert there.read_status()["host"] in ("n1", "n2")
    here = launch(quick(), runs=tmp_path / "here").wait(180)
    assert here.prediction("test").equals(there.prediction("test").assign_attrs(here.prediction("test").attrs))
    assert (here.reports["loss"] == there.reports["loss"]).all()
