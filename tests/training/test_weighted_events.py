"""Trainings on events with weights learn the weighted density, and show weighted numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.data.catalogue import Splits, make_dataset
from workbench.data.events import Events
from workbench.data.samples import Sample
from workbench.families.amplitudes.job import Training
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators import job as generator
from workbench.families.generators.job import GeneratorJob
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.sampling import Shares, excess
from workbench.physics.collisions import shipped

SMALL = {"steps": 30, "hidden": [8], "batch_size": 128, "draws": 4, "device": "cpu"}


@pytest.fixture
def trained_on(monkeypatch):
    """A job on a sample of one's own."""

    def made(sample, **options):
        monkeypatch.setattr(generator, "sample_for", lambda recipe, progress: Splits(sample, len(sample) // 4, len(sample) // 10))
        job = GeneratorJob(GeneratorRecipe(**{**SMALL, "events": 1_000, "blocks": 2, "bins": 4, **options}))
        for _ in job.train():
            pass
        return job

    return made


def test_uniform_points_with_the_weight_2x_are_the_ramp(trained_on):
    points = np.random.default_rng(1).random((12_000, 2))
    job = trained_on(Sample(points, "wedge", 5 * points[:, 0]), bayesian=False, edges="known", steps=400, blocks=4, bins=8, hidden=[16])
    new, prediction = job.new_events(5_000), job.prediction("test")
    assert new[:, 0].mean() == pytest.approx(2 / 3, abs=0.02) and new[:, 1].mean() == pytest.approx(0.5, abs=0.02)
    middle = (prediction["edges_x"].values[1:] + prediction["edges_x"].values[:-1]) / 2
    width = np.diff(prediction["edges_x"].values)
    assert (prediction["truth_x"].values * width * middle).sum() == pytest.approx(2 / 3, abs=0.015)
    assert float(prediction["log_loss"]) == pytest.approx(0.5 - np.log(2), abs=0.03)


def test_errors_of_the_truth_are_those_of_weighted_events(trained_on):
    points = np.random.default_rng(1).random((2_000, 2))
    weight = np.where(points[:, 1] > 0.5, 3.0, 1.0)
    job = trained_on(Sample(points, "wedge", weight))
    prediction, test = job.prediction("test"), job.events["test"]
    edges = prediction["edges_x"].values
    for place in range(10, 40, 7):
        inside = (test.points[:, 0] >= edges[place]) & (test.points[:, 0] < edges[place + 1])
        expected = np.sqrt((test.weight[inside] ** 2).sum()) / test.weight.sum() / (edges[place + 1] - edges[place])
        assert float(prediction["error_x"][place]) == pytest.approx(expected)


def test_numbers_of_jets_are_shared_out_by_weight():
    momenta = shipped("z_jets").momenta[:3_000]
    plain = Sample(momenta, "z_jets")
    weighted = Sample(momenta, "z_jets", 1.0 + 4.0 * (plain.jets == 2))
    ours, e = Shares.of(weighted), excess(momenta)
    assert ours.jets[1] == pytest.approx(weighted.weight[plain.jets == 2].sum() / weighted.weight.sum())
    assert ours.mean_excess == pytest.approx(np.average(e, weights=weighted.weight))


def test_a_chain_and_its_discriminator_take_weights(trained_on):
    momenta = shipped("z_jets").momenta[:2_000]
    sample = Sample(momenta, "z_jets", np.random.default_rng(3).uniform(0.5, 2, 2_000))
    job = trained_on(sample, dataset="z_jets", jets=0, discriminator_steps=10, nuisance=True)
    prediction = job.prediction("test")
    assert np.isfinite(prediction["truth_jet1_pt"]).all() and np.isfinite(float(prediction["auc"]))


@pytest.fixture(scope="module")
def events():
    return Events.from_dataset(make_dataset("gg_yyg", 400))


def training(events, weight, **options):
    recipe = AmplitudeRecipe(**{**SMALL, "events": 200, "test_events": 100, "noise": 0.05, **options})
    whole = Splits(Events(events.momenta, events.amplitude, weight=weight), 100, 100)
    return Training([recipe], {"test": whole.test, "validation": whole.validation, "train": whole.train}, torch.device("cpu"))


def test_amplitudes_take_weights_of_mean_one_and_boosting_multiplies_them(events):
    weight = np.random.default_rng(2).uniform(1, 9, 400)
    own = training(events, weight, boost_sigma=2.0, boost_rounds=1, steps=20)
    start = own.batches["train"].weight[0].double().numpy().copy()
    np.testing.assert_allclose(start, weight[200:] / weight[200:].mean(), rtol=1e-6)
    for _ in own.train():
        pass
    raised = own.batches["train"].weight[0].double().numpy() / start
    assert 1.0 <= raised.min() + 1e-6 and raised.max() == pytest.approx(3.0, rel=1e-5)
    prediction = next(own.calibrated("test", slice(None), 4))
    np.testing.assert_allclose(prediction.coords["weight"], weight[:100] / weight[:100].mean())
    assert "weight" not in next(training(events, None).calibrated("test", slice(None), 4)).coords


def test_equal_weights_are_no_weights(events):
    plain, equal = training(events, None), training(events, np.full(400, 7.0))
    assert [report.losses for report in plain.train()] == [report.losses for report in equal.train()]
