"""A training whose numbers cease to be numbers: stopped at once, said, drawn all the same, resumed from when it was sound (R14)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
import safetensors.numpy
import torch

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import unpack
from workbench.runs import worker
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job
from workbench.studios.pages.address import Address
from workbench.training.report import Report

AT = 100


class Poisoned(Job):
    """A training with an accident: its weights become NaN in step AT, just before that step is reported and saved."""

    def train(self) -> Iterator[Report]:
        for report in super().train():
            if report.step == AT:
                for weights in self.training.method.parameters.values():
                    weights.fill_(torch.nan)
            yield report


@pytest.mark.parametrize(
    "uncertainty", ["bnn", *(pytest.param(way, marks=pytest.mark.slow) for way in ("deterministic", "repulsive_ensemble"))]
)
def test_r14_a_loss_that_is_no_number_ends_the_run_and_what_was_learned_stays(
    store: RunStore, quick: None, tmp_path_factory, monkeypatch: pytest.MonkeyPatch, uncertainty: str
):
    """R14: NaN at step 100: flagged <= 1 snapshot later, the last good checkpoint kept, all figures still draw; then it resumes."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)  # so that the broken weights are saved, too
    recipe = AmplitudeRecipe(events=1_000, test_events=1_000, hidden=[16, 16], steps=200, members=4, draws=4, uncertainty=uncertainty)
    run = store.create(recipe)
    assert run_job(run.path, Poisoned) == 1
    assert run.status.state == "failed" and run.status.resumable and run.problems() == []
    assert f"The loss is no longer a number between steps {AT} and {AT + 1}; a smaller learning rate" in run.status.message
    steps = run.reports["step"].values
    assert steps[-1] == AT and np.isfinite(run.reports["loss"].values).all()
    assert (run.snapshots["step"] >= AT).sum() <= 1 and np.isfinite(run.snapshots["mean"].sel(step=slice(None, AT - 1))).all()
    kept = run.checkpoints()
    assert kept and kept[0] < AT
    weights = safetensors.numpy.load_file(run.path / f"checkpoint-{kept[0]}.safetensors")
    assert all(np.isfinite(array).all() for array in weights.values())

    page = Amplitudes(runs=store.root)
    page.restore(Address(run=run.id))
    for tab in ("training", "uncertainties", "accuracy", "kinematics"):
        page.hear({"tab": tab})
    told = json.loads(page.bar.state)
    assert told["sentence"].startswith("Failed at step 100 of 200: The loss is no longer a number")
    assert [button["enabled"] for button in told["buttons"] if button["name"] == "resume"] == [True]
    drawn = {name: unpack(plot.frame) for name, plot in page.plots.items()}
    assert len(drawn["losses"]["data"][0]["x"]) > 50
    assert not [name for name, figure in drawn.items() if "could not be drawn" in json.dumps(figure["layout"], default=str)]

    assert run_job(run.path, Job) == 0 and run.status.state == "finished" and run.status.attempt == 2
    whole = store.create(recipe)
    assert run_job(whole.path, Job) == 0
    np.testing.assert_array_equal(run.reports["loss"], whole.reports["loss"])
