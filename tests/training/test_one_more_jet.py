"""One more jet: every network trains on the shipped points and on a file of the user's own, and its figures can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.data import cache
from workbench.data.catalogue import make_dataset
from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import FIGURES
from workbench.physics.observables import observables
from workbench.results.prediction import summary

NETWORKS = [
    ({"architecture": "mlp", "inputs": "momenta"}, 24),
    ({"architecture": "mlp", "inputs": "invariants"}, 16),
    ({"architecture": "deepsets"}, 24),
    ({"architecture": "deepsets_invariants"}, 40),
    ({"architecture": "lgatr", "hidden": [16], "batch_size": 16}, 24),
    ({"architecture": "kan"}, 24),
    ({"architecture": "group_kan"}, 24),
]
"""Options, and how many features the network then sees."""


def recipe_of(**changes):
    small = {
        "events": 400,
        "test_events": 100,
        "steps": 150,
        "hidden": [32, 32],
        "batch_size": 64,
        "noise": 0.0,
        "draws": 4,
        "device": "cpu",
    }
    return AmplitudeRecipe(process="gg_yygg", **{**small, **changes})


@pytest.mark.parametrize(("changes", "features"), NETWORKS, ids=["-".join(map(str, changes.values())) for changes, _ in NETWORKS])
def test_every_network_learns_from_four_hundred_points(changes, features):
    if changes["architecture"] == "lgatr":
        pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")
    job = Job(recipe_of(**changes))
    assert job.training.batches["train"].features.shape == (400, features)
    reports = list(job.train())
    deltas = [report.validation["delta"] for report in reports if report.validation]
    assert deltas[-1] < 0.9 * deltas[0] and np.isfinite(job.prediction("test")["mean"]).all()


@pytest.mark.parametrize("architecture", ["deepsets", "deepsets_invariants"])
def test_sums_over_identical_particles_do_not_change_when_they_are_exchanged(architecture):
    job = Job(recipe_of(architecture=architecture, uncertainty="deterministic"))
    momenta = job.training.events["test"].momenta
    features = job.training.batches["test"].features
    for i, j in ((0, 1), (2, 3), (4, 5)):
        order = list(range(6))
        order[i], order[j] = j, i
        exchanged = torch.tensor(job.training.scalings[0].features(momenta[:, order]))
        exchanged[:, 24:] = features[:, 24:]  # the invariants do notice; the sums must not
        one = torch.Generator().manual_seed(0)
        rows = job.training.method.networks(1, one)
        torch.testing.assert_close(
            job.training.method.objective.predict(rows, exchanged),
            job.training.method.objective.predict(rows, features),
            rtol=1e-4,
            atol=1e-4,
        )


def test_invariants_tell_one_more_jet_better_than_momenta():
    """Four hundred points, a strong prior: the median |Δ| is about 0.6 from momenta and 0.14 from invariants."""
    median = {}
    for inputs in ("momenta", "invariants"):
        job = Job(recipe_of(inputs=inputs, uncertainty="deterministic", prior_width=0.3, hidden=[64, 64], steps=1_000))
        list(job.train())
        median[inputs] = float(np.abs(summary(job.prediction("test"))["delta"]).median())
    assert median["invariants"] < 0.25 and median["momenta"] > 2 * median["invariants"]


def test_a_file_of_the_users_own_with_six_particles_trains(tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(cache.encode(make_dataset("gg_yygg", events=300)))
    job = Job(recipe_of(file=str(path), events=150, test_events=100))
    list(job.train())
    assert job.prediction("test").sizes["particle"] == 6 and len(job.training.events["validation"]) == 50


def test_every_observable_of_a_prediction_is_drawn():
    job = Job(recipe_of(steps=20))
    list(job.train())
    prediction = job.prediction("test")
    for name in observables("gg_yygg"):
        drawn = FIGURES["kinematics"].as_dict(prediction, observable=name)
        assert len(drawn["data"]) > 3, name
