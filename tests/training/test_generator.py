from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.families import presets
from workbench.families.generators.flows import sampler_of
from workbench.families.generators.generated import numbers
from workbench.families.generators.job import GeneratorJob
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.generators.stories.toys import STIFF, STIFFER
from workbench.physics.datasets.known import TOYS
from workbench.physics.observables import observables
from workbench.training.recipe import Recipe, RecipeError

SMALL = {
    "events": 2_000, "test_events": 1_000, "steps": 40, "blocks": 2, "hidden": [8], "bins": 4, "batch_size": 128, "draws": 4,
    "device": "cpu",
}  # fmt: skip
KINDS = [{}, {"bayesian": False}, {"spline": "cubic", "dataset": "ring", "mixing": "rotation"}, {"spline": "affine", "edges": "known"}]
COLLISIONS = [{"dataset": "z_jets", "jets": 2}, {"dataset": "z_jets", "jets": 2, "coordinates": "boson"}, {"dataset": "tt_partons"}]


def finished(**changes):
    job = GeneratorJob(GeneratorRecipe(**{**SMALL, **changes}))
    return job, list(job.train())


def named(changes):
    return "-".join(map(str, changes.values())) or "default"


@pytest.mark.parametrize("changes", KINDS + COLLISIONS, ids=named)
def test_every_flow_learns_and_is_looked_at(changes):
    job, reports = finished(**changes, steps=120)
    losses = [report.validation["log_loss"] for report in reports if report.validation]
    assert losses[-1] < losses[0]
    snapshot, prediction = job.snapshot(), job.prediction("test")
    for name, observable in observables(job.recipe.dataset, jets=job.recipe.jets).items():
        width = np.diff(prediction[f"edges_{name}"].values)
        assert float((prediction[f"truth_{name}"].values * width).sum()) <= 1.0 + 1e-9
        assert prediction[f"density_{name}"].dims == ("draw", f"bin_{name}") and snapshot[f"density_{name}"].sizes["draw"] <= 6
        assert len(observable.bins) == prediction.sizes[f"edge_{name}"]
    assert prediction.sizes["sample"] == 1_000 and np.isfinite(prediction["samples"]).all()
    assert Recipe.from_json(prediction.attrs["recipe"]).to_dict() == job.recipe.to_dict()
    assert ("map_mean" in prediction) == ("cloud" in snapshot) == (job.recipe.dataset in TOYS)
    if "cloud" in snapshot:  # the points move as the network does, and for no other reason
        np.testing.assert_array_equal(snapshot["cloud"], job.snapshot()["cloud"])


STEERED = [
    {
        "dataset": "z_jets", "jets": 0, "magic": True, "nuisance": True, "discflow_alpha": 0.5, "discflow_start": 0.3, "warm_start": 0.4,
        "coordinates": "boson", "width_pace": 3.0,
    },
    {"bayesian": False, "discflow_alpha": 0.5, "discflow_start": 0.0, "coupling": "gan"},
]  # fmt: skip


@pytest.mark.parametrize("changes", [*KINDS, *STEERED, *({**kind, "optimiser": "soap"} for kind in (KINDS[0], *STEERED))], ids=named)
@pytest.mark.parametrize("stop", [7, 33])
def test_a_resumed_flow_is_bitwise_the_uninterrupted_one(changes, stop):
    recipe = GeneratorRecipe(**{**SMALL, **changes})
    whole = GeneratorJob(recipe)
    rest = list(whole.train())
    broken = GeneratorJob(recipe)
    for report in broken.train():
        if report.step >= stop:
            break
    again = GeneratorJob(recipe)
    again.resume(*broken.checkpoint())
    assert [(r.step, r.losses, r.validation) for r in again.train()] == [(r.step, r.losses, r.validation) for r in rest if r.step > stop]
    for name, tensor in whole.checkpoint()[0].items():
        torch.testing.assert_close(again.checkpoint()[0][name], tensor, rtol=0, atol=0, msg=name)


def test_looking_does_not_change_the_training():
    plain, watched = finished()[0], GeneratorJob(GeneratorRecipe(**SMALL))
    for _ in watched.train():
        watched.snapshot()
    for name, tensor in plain.checkpoint()[0].items():
        torch.testing.assert_close(watched.checkpoint()[0][name], tensor, rtol=0, atol=0)


def test_a_checkpoint_of_another_flow_is_refused():
    with pytest.raises(ValueError, match="does not belong to this recipe"):
        GeneratorJob(GeneratorRecipe(**{**SMALL, "blocks": 3})).resume(*finished()[0].checkpoint())


def test_weights_of_another_map_around_the_first_jet_are_refused():
    recipe = GeneratorRecipe(**{**SMALL, **COLLISIONS[1], "steps": 1})
    tensors, numbers = GeneratorJob(recipe).checkpoint()
    sampler_of(recipe, tensors, numbers)
    older = {**numbers, "sampler": {key: value for key, value in numbers["sampler"].items() if key != "map"}}
    for use in (GeneratorJob(recipe).resume, lambda *saved: sampler_of(recipe, *saved)):
        with pytest.raises(ValueError, match="placed jets around the first in another way"):
            use(tensors, older)


@pytest.mark.parametrize("name", ["wedge", "ring"])
def test_densities_are_those_of_physical_units_and_integrate_to_one(name):
    job, _ = finished(dataset=name, steps=150, blocks=4)
    rows = job.method.central()[0]
    low, high = np.array([-9.0, -4.0]), np.array([9.0, 10.0])
    if name == "wedge":
        low, high = np.array([-0.7, -0.7]), np.array([1.7, 1.7])
    x, y = (np.linspace(low[k], high[k], 400) for k in range(2))
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    p = job.density(rows, plane).reshape(400, 400)
    assert np.trapezoid(np.trapezoid(p, x, axis=1), y) == pytest.approx(1.0, abs=0.02)
    found = job.prediction("test")
    line = np.trapezoid(found["line_density"].mean("draw"), found["line"])
    assert 0.8 < float(line) <= 1.02
    drawn = job.sample(rows, 4_000)[0]
    assert np.histogram2d(*drawn.T, bins=3, range=list(zip(low, high, strict=True)))[0].sum() > 3_900


def test_the_loss_in_physical_units_is_that_of_the_density():
    job, _ = finished(steps=100)
    points = job.events["validation"].points[:200]
    p = job.density(job.method.central()[0], points)[0]
    jacobian = job.features.log_jacobian(points)
    batch = job.batches["validation"][:200]
    log = job.method.objective.log_density(job.method.central()[0], batch.features, batch.condition)[0].double().numpy()
    np.testing.assert_allclose(np.log(p), log + jacobian, rtol=1e-5, atol=1e-5)
    assert job._log_loss("validation", job.method.central()[0], 200) == pytest.approx(-np.log(p).mean(), rel=1e-4)


def test_presets_fit_what_ships_and_bad_values_get_a_sentence():
    for preset in presets(GeneratorRecipe).values():
        assert GeneratorRecipe.from_json(preset.recipe.to_json()).to_dict() == preset.recipe.to_dict()
    with pytest.raises(RecipeError, match="one of wedge, kicker, ring"):
        GeneratorRecipe(dataset="wegde")


@pytest.mark.parametrize(("name", "low", "high"), [("wedge", 0.35, 0.70), ("kicker", 0.55, 0.80)])
@pytest.mark.slow
def test_a_stiff_flow_errs_like_a_fit_and_not_like_counting(name, low, high):
    changes = STIFF if name == "wedge" else STIFFER
    job = GeneratorJob(GeneratorRecipe(**changes, dataset=name, draws=128, device="cpu"))
    reports = list(job.train())
    found = numbers(job.prediction("test"))
    print(name, {key: round(float(value), 3) for key, value in found.items()}, f"{reports[-1].seconds:.1f} s")
    assert float(found["log_loss"]) == pytest.approx(TOYS[name].entropy, abs=0.02)
    assert low <= float(found["bulk_dip"]) <= high and float(found["depth"]) > 1.02 and float(found["rise"]) > 2
    assert float(found["chi2_fit"]) < float(found["chi2_counting"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "entropy"), [("wedge", -0.1931), ("kicker", -0.4319)])
def test_the_default_flow_reaches_the_exact_entropy(name, entropy):
    job = GeneratorJob(GeneratorRecipe(dataset=name, device="cpu"))
    reports = list(job.train())
    loss = float(job.prediction("test")["log_loss"])
    print(name, loss, f"{reports[-1].seconds:.1f} s")
    assert TOYS[name].entropy == pytest.approx(entropy, abs=1e-4)
    assert entropy - 0.01 < loss < entropy + 0.02
