"""The Lorentz-equivariant transformer as a recipe: which variant trains where, and that the full one trains with every uncertainty.

Its symmetries and gradients are tested with those of the other networks.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.families.amplitudes.job import Job, network
from workbench.families.amplitudes.recipe import AmplitudeRecipe

pytest.importorskip("lgatr", reason="the optional package lgatr is not installed")

SMALL = {"events": 100, "test_events": 100, "hidden": [16], "batch_size": 16, "steps": 30, "draws": 2, "members": 2, "device": "cpu"}


@pytest.mark.parametrize(
    ("name", "device", "variant"),
    [
        ("lgatr", "cpu", "SlimLGATr"),
        ("lgatr", "cuda", "FullLGATr"),
        ("lgatr_slim", "cuda", "SlimLGATr"),
        ("lgatr_full", "cpu", "FullLGATr"),
    ],
)
def test_the_device_chooses_the_variant_unless_the_recipe_does(name, device, variant):
    chosen = network(AmplitudeRecipe(architecture=name, hidden=[32, 64]), 20, torch.device(device))
    assert type(chosen).__name__ == variant and chosen.parameters == chosen.initial(1, torch.Generator()).shape[1]
    assert ", 2 × (8 " in str(chosen) and f"{chosen.parameters:,} weights" in str(chosen)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("bnn_last_layer", "deterministic")]


@pytest.mark.parametrize("uncertainty", ["bnn", "repulsive_ensemble", *SLOW])
def test_the_full_network_learns_with_every_uncertainty_and_resumes_bitwise(uncertainty):
    recipe = AmplitudeRecipe(architecture="lgatr_full", uncertainty=uncertainty, repulsion=5.0, **SMALL)
    whole, broken, again = (Job(recipe) for _ in range(3))
    for job in (whole, broken, again):
        job.training.block = 5  # validation takes longer than these steps
    reports = list(whole.train())
    loss = [report.losses["likelihood"] for report in reports]
    assert np.mean(loss[3:]) < loss[0]
    for report in broken.train():
        if report.step >= 20:  # after the warm start
            break
    again.resume(*broken.checkpoint())
    assert [(r.step, r.losses) for r in again.train()] == [(r.step, r.losses) for r in reports if r.step > 20]
    for name, tensor in whole.checkpoint()[0].items():
        torch.testing.assert_close(again.checkpoint()[0][name], tensor, rtol=0, atol=0, msg=name)
    prediction = whole.prediction("test")
    assert prediction.attrs["network"].startswith("L-GATr, 1 × (2 multivector and 4 scalar channels), ")
    assert np.isfinite(prediction["mean"]).all() and (prediction["sigma_syst"] > 0).all()
    assert prediction.sizes["draw"] == (1 if uncertainty == "deterministic" else 2)
