from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.amplitudes.sweep import SweepJob, portions
from workbench.results.prediction import summary
from workbench.results.scan import ATTRIBUTES, numbers
from workbench.training.recipe import Recipe, RecipeError

SMALL = {"events": 600, "test_events": 400, "steps": 60, "hidden": [16, 16], "batch_size": 64, "draws": 6, "members": 3, "device": "cpu"}
AXES = {"uncertainty": ["deterministic", "bnn", "repulsive_ensemble"], "noise": [0.0, 0.1]}


def recipe_of(axes=AXES, **changes):
    return SweepRecipe(axes=axes, **{**SMALL, **changes})


def finished(**changes):
    job = SweepJob(recipe_of(**changes))
    return job, list(job.train())


def test_every_point_learns_what_it_learns_alone():
    """Same events, order, first weights and ε: a point of a sweep is the single training of its recipe, up to rounding."""
    job, _ = finished(boost_sigma=2.0)
    together = job.prediction("test")
    for options, recipe in zip(job.recipe.options_of_points, job.points, strict=True):
        alone = Job(recipe)
        list(alone.train())
        expected, point = summary(alone.prediction("test")), together.sel(options)
        for name in ("mean", "sigma_syst"):
            np.testing.assert_allclose(point[name], expected[name], rtol=2e-3, err_msg=f"{name} of {options}")
        np.testing.assert_allclose(point["amplitude_train"], expected["amplitude_train"], rtol=1e-6)
        scalars = numbers(alone.prediction("test"))
        assert float(point["delta_median"]) == pytest.approx(float(scalars["delta_median"]), rel=0.01)


def test_points_are_boosted_each_in_its_own_way():
    job, _ = finished(axes={"uncertainty": ["bnn"], "boost_sigma": [0.0, 2.0, 4.0]}, boost_rounds=3)
    plain, some, more = job.trainings[0].batches["train"].weight
    assert plain.eq(1.0).all() and 5.0 < some.max() <= 1.0 + 3 * 2.0 and 9.0 < more.max() <= 1.0 + 3 * 4.0
    alone = Job(AmplitudeRecipe(**SMALL, boost_sigma=4.0, boost_rounds=3))
    list(alone.train())
    torch.testing.assert_close(more, alone.training.batches["train"].weight[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("optimiser", ["adam", "soap"])
@pytest.mark.parametrize("stop", [7, 43])
def test_a_resumed_sweep_is_bitwise_the_uninterrupted_one_also_with_other_threads(stop, optimiser):
    recipe = recipe_of(boost_sigma=2.0, optimiser=optimiser)
    whole = SweepJob(recipe)
    rest = list(whole.train())
    broken = SweepJob(recipe)
    for report in broken.train():
        if report.step >= stop:
            break
    tensors, saved = broken.checkpoint()
    again = SweepJob(recipe)
    again._deal([[k] for k in range(len(again.points))])
    again.resume(tensors, saved)
    assert [(r.step, r.losses) for r in again.train()] == [(r.step, r.losses) for r in rest if r.step > broken.step]
    for name, tensor in whole.checkpoint()[0].items():
        torch.testing.assert_close(again.checkpoint()[0][name], tensor, rtol=0, atol=0, msg=name)


def test_a_checkpoint_of_another_sweep_is_refused():
    tensors, saved = finished()[0].checkpoint()
    with pytest.raises(ValueError, match="do not belong to this recipe"):
        SweepJob(recipe_of({"noise": [0.0, 0.1]})).resume(tensors, saved)


def test_a_lost_point_leaves_the_others_alone():
    """A prior of width 10⁻¹⁵ under plain gradient descent explodes; its neighbours do not notice."""
    axes = {"uncertainty": ["deterministic"], "prior_width": [1e-3, 1.0]}
    job, reports = finished(axes=axes, optimiser="sgd", learning_rate=0.01, steps=200, events=100)
    scan = job.prediction("test")
    assert np.isnan(scan["delta_median"].sel(prior_width=1e-3)).all()
    assert np.isfinite(scan["delta_median"].sel(prior_width=1.0)).all()
    assert np.isfinite(reports[-1].losses["loss"])


def test_a_sweep_without_any_point_left_ends_in_a_sentence():
    with pytest.raises(FloatingPointError, match="learning rate"):
        finished(axes={"noise": [0.0, 0.1], "uncertainty": ["deterministic"]}, learning_rate=1.0, optimiser="sgd", steps=400)


def test_a_snapshot_has_the_numbers_of_all_points_and_a_prediction_their_events_too():
    job, reports = finished()
    snapshot, prediction = job.snapshot(), job.prediction("test")
    assert set(ATTRIBUTES) <= set(snapshot.data_vars) and "mean" not in snapshot and int(snapshot["step"]) == 60
    assert prediction["mean"].dims == ("uncertainty", "noise", "event") and prediction.sizes["event"] == 400
    assert Recipe.from_json(prediction.attrs["recipe"]).to_dict() == job.recipe.to_dict()
    assert reports[-1].step == 60 and {"likelihood", "delta"} <= set(reports[-1].validation)
    relative = prediction["sigma_syst"] / prediction["mean"]
    np.testing.assert_allclose(relative.median("event"), prediction["sigma_syst_median"], rtol=1e-5)


def test_seeds_are_different_networks():
    job, _ = finished(axes={"seed": [1, 2]})
    scan = job.prediction("test")
    assert not np.allclose(scan["mean"].sel(seed=1), scan["mean"].sel(seed=2), rtol=1e-3)


def test_points_are_dealt_out_by_kind_and_size():
    points = recipe_of({"uncertainty": ["bnn", "repulsive_ensemble"], "noise": [0.0, 0.01, 0.1]}, members=8).recipes
    dealt = portions(points, 12)
    assert sorted(k for portion in dealt for k in portion) == list(range(6))
    assert all(len({points[k].uncertainty for k in portion}) == 1 for portion in dealt)
    assert len(dealt) == 3 and len(portions(points, float("inf"))) == 2


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ("noise=0,0.01;noise=0.1", "twice"),
        ("nose=0,0.01", "Did you mean 'noise'"),
        ("noise=0,2", "between 0 and 0.1"),
        ("hidden=64", "cannot differ within one training"),
        ("", "are needed"),
        ({"noise": []}, "one or more different values"),
        ({"noise": [0.1, 0.1]}, "one or more different values"),
        ({"seed": list(range(600))}, "at most 512"),
    ],
)
def test_impossible_axes_get_one_sentence(axes, words):
    with pytest.raises(RecipeError, match=words) as problem:
        SweepRecipe(axes=axes)
    assert "\n" not in str(problem.value)


def test_axes_can_be_typed():
    typed = SweepRecipe(axes="noise=0, 1e-2; uncertainty=bnn,deterministic")
    assert typed.axes == {"noise": [0.0, 0.01], "uncertainty": ["bnn", "deterministic"]}
    assert Recipe.from_json(typed.to_json()).to_dict() == typed.to_dict()
    assert typed.hash == SweepRecipe(axes=typed.axes).hash and typed.base.to_dict() == AmplitudeRecipe(noise=0.0).to_dict()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_boosting_by_sigma_narrows_the_largest_amplitudes_and_leaves_the_bulk():
    """9,000 points without noise, 50,000 test events, five seeds: |Δ| of the largest 1 % shrinks by 1.5, the bulk loses ≤ 10 %."""
    axes = {"seed": [0, 1, 2, 3, 4], "boost_sigma": [0.0, 6.0]}
    job = SweepJob(SweepRecipe(axes=axes, noise=0.0, inputs="invariants", events=9_000, test_events=50_000, device="cpu"))
    list(job.train())
    scan = job.prediction("test").mean("seed")
    (tail, boosted_tail), (bulk, boosted_bulk) = scan["delta_largest"].values, scan["delta_median"].values
    print(f"largest 1 %: {tail:.4f} -> {boosted_tail:.4f}, all: {bulk:.4f} -> {boosted_bulk:.4f}")
    assert tail / boosted_tail >= 1.5
    assert boosted_bulk / bulk <= 1.1
