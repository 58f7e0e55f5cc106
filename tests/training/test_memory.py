from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.memory import needed
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.nets.population import PopulationMLP
from workbench.training.memory import Needed, check, free_memory, in_words

MEASURE = """
import sys, threading, time
import torch; torch.set_num_threads(1)
from workbench.families import kind_of
from workbench.training.recipe import Recipe
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
peak = [0]
def watch():
    while True:
        peak[0] = max(peak[0], resident()); time.sleep(0.002)
recipe = Recipe.from_json(sys.stdin.read())
plain = {"uncertainty": "deterministic"} if hasattr(recipe, "uncertainty") else {"bayesian": False}
Job = kind_of(recipe).job.load()
list(Job(recipe.replace(**plain, hidden=[4], steps=1)).train())
before = resident()
threading.Thread(target=watch, daemon=True).start()
job = Job(recipe)
list(job.train())
job.prediction("test")
print(peak[0] - before, job.memory.most)
"""


@pytest.mark.parametrize(
    "changes",
    [
        {"uncertainty": "bnn", "draws": 512, "hidden": [64, 64], "test_events": 5_000},
        pytest.param(
            {"uncertainty": "repulsive_ensemble", "members": 256, "hidden": [32, 32], "test_events": 1_000}, marks=pytest.mark.slow
        ),
        {"uncertainty": "deterministic", "batch_size": 16_384, "events": 20_000, "hidden": [64, 64]},
    ],
)
def test_the_estimate_is_what_a_process_takes(changes, tmp_path):
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("the resident memory is read from /proc")
    assert_estimated(AmplitudeRecipe(**{"events": 1_000, "steps": 4, "warm_start": 0.0, "device": "cpu", **changes}), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"draws": 256, "test_events": 5_000},
        pytest.param({"dataset": "z_jets", "draws": 64, "test_events": 4_000}, marks=pytest.mark.slow),
        {"batch_size": 16_384, "events": 20_000, "hidden": [128, 128], "test_events": 500, "draws": 2},
    ],
)
def test_the_estimate_of_a_flow_is_what_a_process_takes(changes, tmp_path):
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("the resident memory is read from /proc")
    assert_estimated(GeneratorRecipe(**{"events": 1_000, "steps": 2, "warm_start": 0.0, "device": "cpu", **changes}), tmp_path)


def assert_estimated(recipe, tmp_path):
    environment = os.environ | {"WORKBENCH_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", MEASURE], input=recipe.to_json(), capture_output=True, text=True, env=environment, check=True
    )
    took, estimated = map(int, told.stdout.split())
    assert estimated / 3 < took < 2 * estimated, f"took {in_words(took)}, estimated {in_words(estimated)}"


def test_what_does_not_fit_is_refused_with_what_would():
    recipe = AmplitudeRecipe(draws=512, test_events=200_000)
    need = needed([recipe], PopulationMLP(20, recipe.hidden, 2), 20)
    check(need, 2 * need.most, recipe)
    with pytest.raises(ValueError, match=r"but 2 GB are free; (\d+) draws or .* test events would fit") as problem:
        check(need, 2_000_000_000, recipe)
    fewer = recipe.replace(draws=int(str(problem.value).split("free; ")[1].split()[0]))
    check(needed([fewer], PopulationMLP(20, recipe.hidden, 2), 20), 2_000_000_000, fewer)


def test_a_training_that_cannot_fit_is_refused_before_it_takes_anything(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    huge = AmplitudeRecipe(
        uncertainty="repulsive_ensemble", members=512, hidden=[1024] * 8, batch_size=65_536, events=500, test_events=100, device="cpu"
    )
    with pytest.raises(ValueError, match=r"members or a batch size of .* would fit"):
        Job(huge)


def test_the_free_memory_is_known_here():
    assert 10**8 < free_memory(torch.device("cpu")) < 1 << 62
    assert str(Needed(10**6, 3 * 10**9) + Needed(10**6, 0)) == "about 2 MB of memory to train and 3 GB to predict"
