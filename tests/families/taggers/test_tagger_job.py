"""A tagger from recipe to answer: what it learns from, what it says, what is asked of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.families.taggers import features
from workbench.families.taggers.choice import ANGLE_UNIT, PT_UNIT, SHIFTS
from workbench.families.taggers.job import TaggerJob, judged
from workbench.families.taggers.learning import EACH, seen, tagger_of
from workbench.families.taggers.measures import Roc, area
from workbench.families.taggers.predictor import answers, points
from workbench.families.taggers.presets import PRESETS
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.families.taggers.sample import TEST_SEED, make_jets
from workbench.families.taggers.splits import jets_for, shifted, smeared
from workbench.families.taggers.store import save_jets
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

SMALL = {"uncertainty": "none", "jets": 300, "test_jets": 200, "steps": 20, "batch_size": 64, "constituents": 12, "draws": 4, "members": 3}
ARCHITECTURES = list(TaggerRecipe.options()["architecture"].objects)


def small(**changes):
    if changes.get("architecture") == "lgatr":
        pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")
    return TaggerRecipe(**{**SMALL, **changes})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def test_the_recipe_is_public():
    assert wb.TaggerRecipe is TaggerRecipe and TaggerRecipe().as_command() == "workbench tag"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_learns_from_the_shipped_jets(architecture):
    job = TaggerJob(small(architecture=architecture, jets=600, steps=30, test_jets=100, constituents=16, learning_rate=4e-3))
    found = [report.losses["loss"] for report in job.train()]
    assert np.mean(found[-3:]) < 0.5 < found[0] and area(logits_of(job), job.jets["test"].label) > 0.85


def logits_of(job):
    return job.network.ask(job.rows(1), job.inputs["test"])[0].numpy()


@pytest.mark.parametrize("architecture", ["deep_sets_jet", "particlenet"])
def test_a_resumed_tagger_goes_on_bitwise_also_where_layers_normalise(architecture):
    recipe = small(architecture=architecture)
    job = TaggerJob(recipe)
    reports = job.train()
    next(reports)
    saved = job.checkpoint()
    job.snapshot()
    rest, resumed = list(reports), TaggerJob(recipe)
    resumed.resume(*saved)
    assert [one.losses for one in resumed.train()] == [one.losses for one in rest]
    np.testing.assert_array_equal(logits_of(resumed), logits_of(job))


@pytest.mark.parametrize("uncertainty", ["bnn_last_layer", "bnn", "bootstrap", "ensemble"])
def test_error_bars_are_there_for_all_jets_and_shifts(uncertainty):
    job = TaggerJob(small(uncertainty=uncertainty, steps=60, warm_start=0.5))
    list(job.train())
    found = job.prediction()
    assert (found["sigma"] > 0).mean() > 0.99 and found.attrs["networks"] == (
        3 if "b" != uncertainty[0] or uncertainty == "bootstrap" else 4
    )
    assert found["shift_sigma"].shape == (len(SHIFTS), 200) and np.isfinite(found["shift_mu"]).all()
    np.testing.assert_allclose(found["shift_mu"][0], found["mu"], atol=1e-6)
    if uncertainty.startswith("bnn"):
        assert TaggerJob(small(uncertainty=uncertainty)).method.points == 1


def test_members_of_a_bootstrap_learn_from_other_jets_and_those_of_an_ensemble_from_the_same():
    bootstrap, plain = (TaggerJob(small(uncertainty=kind)).batch.weight for kind in ("bootstrap", "ensemble"))
    assert bootstrap.shape == (3, 300) and plain.shape == (300,) and (plain == 1).all()
    assert torch.equal(bootstrap.sum(1), torch.full((3,), 300.0)) and not torch.equal(bootstrap[0], bootstrap[1])


def test_the_weight_of_the_divergence_divides_the_jets():
    full, tenth = (TaggerJob(small(uncertainty="bnn", kl_weight=weight, warm_start=0.0)) for weight in (1.0, 0.1))
    assert float(full.method.penalty()) == pytest.approx(10 * float(tenth.method.penalty()), rel=1e-5)


def test_nobody_learns_from_jets_that_are_tested_on():
    jets = jets_for(small())
    others = make_jets(125, seed=TEST_SEED)
    np.testing.assert_array_equal(jets["test"].momentum, others.momentum[:200])
    np.testing.assert_array_equal(jets["validation"].momentum, others.momentum[200:250])
    assert not {tuple(row) for row in jets["train"].momentum.tolist()} & {tuple(row) for row in others.momentum.tolist()}
    assert {split: round(float(one.label.mean()), 3) for split, one in jets.items()} == dict.fromkeys(jets, 0.5)


def test_fewer_constituents_are_the_hardest_ones_and_scaling_knows_the_mask():
    jets = make_jets(30)
    many, few = (features.particle_features(jets, number) for number in (40, 10))
    torch.testing.assert_close(many[:, :10], few)
    pt, _ = jets.padded(40)
    assert (np.diff(pt[..., 0], axis=1) <= 0).all()
    there = EACH["there"](jets, 40)
    assert not many[~there].any() and many[there].abs().sum(1).min() > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_seen_has_a_place_in_each_row(architecture):
    recipe = small(architecture=architecture)
    network, jets = tagger_of(recipe), make_jets(20)
    found = seen(network, jets, 12, torch.device("cpu"))
    parts = network.blocks.split(found)
    assert found.shape == (40, sum(network.blocks.sizes)) and torch.isfinite(found).all()
    for name, part in zip(network.sees, parts, strict=True):
        assert torch.equal(part.float(), EACH[name](jets, 12).float())


def test_smeared_energies_leave_angles_alone_and_shifts_move_jets_and_constituents_together():
    jets = make_jets(50)
    other = smeared(jets, 0.1, seed=3)
    factor = other.pt_jet / jets.pt_jet
    assert factor.std() == pytest.approx(0.1, rel=0.25) and np.array_equal(other.delta_eta, jets.packed().delta_eta)
    np.testing.assert_allclose(other.padded(5)[0][:, 0, 0], factor * jets.padded(5)[0][:, 0, 0], rtol=1e-5)
    low = shifted(jets, "-10")
    np.testing.assert_allclose(low.mass, 0.9 * jets.mass, rtol=1e-5)
    assert shifted(jets, "v60").count.mean() > jets.count.mean() + 5 and np.array_equal(shifted(jets, "0").pt, jets.packed().pt)


def test_constituents_are_kept_well_enough_to_be_drawn():
    job = TaggerJob(small())
    found, (angles, there) = job.prediction(), job.jets["test"].padded(40)
    np.testing.assert_allclose(found["constituent_pt"] * PT_UNIT, angles[..., 0], atol=PT_UNIT)
    np.testing.assert_allclose(found["constituent_eta"] * ANGLE_UNIT, angles[..., 1], atol=ANGLE_UNIT)
    assert (found["constituent_pt"].values[there] > 0).all()


def test_numbers_are_those_of_the_measures_and_bands_are_spreads_of_logarithms():
    rng = np.random.default_rng(1)
    label = np.arange(2_000) % 2
    logits = 2 * label - 1 + rng.standard_normal(2_000) + 0.2 * rng.standard_normal((6, 1)) * rng.standard_normal(2_000)
    found = judged(logits, label, -np.abs(rng.standard_normal(2_000)))
    p = 1 / (1 + np.exp(-logits))
    assert found["auc"][1] == Roc.of(p.mean(0), label).area
    half = [Roc.of(one, label).at(0.5) for one in p]
    assert found["background_sigma_log"][1][50] == pytest.approx(np.log(half).std())


def test_a_checkpoint_answers_for_new_jets_as_the_run_did():
    recipe = small(uncertainty="bnn_last_layer", steps=60)
    job = TaggerJob(recipe)
    list(job.train())
    found, (tensors, numbers) = job.prediction(), job.checkpoint()
    oracle = answers(recipe, tensors, numbers, None, 1.0)
    again = oracle(points(job.jets["test"], recipe, "auto"))
    np.testing.assert_allclose(again["mu"], found["mu"], atol=1e-6)
    jets = job.jets["test"][:5]
    pt, there = jets.padded(12)
    angles = pt + np.where(there[..., None], np.stack([np.zeros(5), jets.momentum[:, 1], jets.momentum[:, 2]], -1)[:, None], 0)
    assert oracle(points(angles, recipe, "auto")).sizes["event"] == 5
    for wrong, words in (
        (np.ones((2, 3)), r"\(jet, constituent, 3\)"),
        (np.zeros((2, 3, 3)), "no constituent"),
        (-np.ones((1, 1, 3)), "negative"),
    ):
        with pytest.raises(ValueError, match=words):
            points(wrong, recipe, "auto")


def test_a_run_answers_for_a_file_of_jets_and_learns_from_one(tmp_path):
    jets = make_jets(200)
    file = save_jets(tmp_path / "own.h5", jets)
    recipe = small(file=str(file), jets=250, test_jets=100).fixed()
    parts = jets_for(recipe)
    assert {split: len(part) for split, part in parts.items()} == {"train": 250, "validation": 25, "test": 100}
    found = [np.sort(part.momentum[:, 0]) for part in parts.values()]
    assert len(np.unique(np.concatenate(found))) == 375
    run = RunStore(tmp_path / "runs").create(recipe)
    run_job(run.path)
    assert run.status.state == "finished", run.status.message
    answered = run.predict(file)
    assert answered.sizes["event"] == 400 and answered.attrs["events"] == 400 and ((answered["mu"] > 0.5) == jets.label).mean() > 0.7


def test_the_first_preset_is_the_recipe_that_one_begins_with():
    assert next(iter(PRESETS.values())).recipe.to_dict() == TaggerRecipe().to_dict()
    assert {preset.recipe.architecture for preset in PRESETS.values()} >= {"mass", "image", "particlenet", "part", "lorentznet", "lgatr"}
