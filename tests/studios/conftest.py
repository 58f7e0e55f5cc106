"""Two finished runs and a finished sweep, trained by the real job: small, but everything a page shows is in them."""

from __future__ import annotations

import pytest

from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

SMALL = AmplitudeRecipe(events=1_000, test_events=1_000, hidden=[16, 16], steps=200, draws=4)
AXES = {"noise": [0.0, 0.1], "uncertainty": ["deterministic", "bnn"]}


class Finished(RunStore):
    """Runs that tests share, also with a sweep if one of them has asked for it."""

    @property
    def singles(self):
        """The trainings that are no sweep, the newest first."""
        return [run for run in self.runs() if not run.recipe.axes]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A store with two finished runs that differ in their seed and title."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        store = Finished()
        for seed, title in ((0, ""), (1, "<b>second</b>")):
            run = store.create(SMALL.replace(seed=seed), title)
            assert run_job(run.path) == 0
            assert run.status.state == "finished", run.status
        yield store


@pytest.fixture(scope="session")
def swept(finished):
    """A finished sweep in the same store."""
    run = finished.create(SweepRecipe(**SMALL.to_dict(), axes=AXES), "a sweep")
    assert run_job(run.path) == 0
    yield run
