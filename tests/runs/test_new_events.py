"""New events from a run folder: the weights alone are enough, the file is read back, what is not possible gets a sentence."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from workbench.__main__ import main
from workbench.data.files import load_sample
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

SMALL = {
    "events": 1_000, "test_events": 400, "steps": 16, "blocks": 2, "hidden": [8], "bins": 4, "batch_size": 128, "draws": 4,
    "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    recipe = GeneratorRecipe(dataset="z_jets", jets=0, magic=True, discflow_alpha=0.3, discflow_start=0.2, nuisance=True, **SMALL)
    made = RunStore(tmp_path_factory.mktemp("runs")).create(recipe)
    assert run_job(made.path) == 0
    patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    yield made
    patch.undo()


def test_a_finished_run_draws_events_that_the_workbench_reads(run, tmp_path):
    heard = []
    path = run.sample(1_500, tmp_path / "new.h5", lambda fraction, text: heard.append((fraction, text)), nuisance=20.0, seed=3)
    sample = load_sample(str(path), "z_jets")
    assert len(sample) == 1_500 and set(np.unique(sample.jets)) <= {1, 2, 3}
    assert heard[-1][0] == 1.0 and "of 1,500 events" in heard[-1][1]
    with h5py.File(path) as file:
        assert GeneratorRecipe.from_json(file.attrs["recipe"]).to_dict() == run.recipe.to_dict() and file.attrs["nuisance"] == 20.0
    again = load_sample(str(run.sample(1_500, tmp_path / "again.h5", nuisance=20.0, seed=3)), "z_jets")
    other = load_sample(str(run.sample(1_500, tmp_path / "other.h5", nuisance=20.0, seed=4)), "z_jets")
    np.testing.assert_array_equal(again.points, sample.points)
    assert not np.array_equal(other.points, sample.points, equal_nan=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.h5", "new.h5", "other.h5"]


def test_what_is_not_possible_gets_a_sentence_and_leaves_no_file(run, tmp_path):
    file = tmp_path / "no.h5"
    for number in (0, 10_000_001, 2.5):
        with pytest.raises(ValueError, match="a whole number from 1 to 10,000,000 is needed"):
            run.sample(number, file)
    with pytest.raises(ValueError, match="a number from 0 to 30 is needed"):
        run.sample(10, file, nuisance=31.0)
    store = RunStore(tmp_path / "runs")
    with pytest.raises(RunError, match="learns an amplitude"):
        store.create(AmplitudeRecipe()).sample(10, file)
    with pytest.raises(RunError, match="has no weights to draw from; train its recipe anew: workbench generate"):
        store.create(GeneratorRecipe()).sample(10, file)
    assert not file.exists()


def test_the_command_line_draws_events(run, tmp_path, capsys):
    file = tmp_path / "some.h5"
    assert main(["sample", str(run.path), "--events", "1_200", "--output", str(file), "--seed", "2"]) == 0
    assert capsys.readouterr().out.strip() == str(file) and len(load_sample(str(file), "z_jets")) == 1_200
    assert main(["sample", str(run.path), "--events", "many"]) == 2
    assert "--events 'many' is not a number." in capsys.readouterr().err
