"""A surrogate that is taken away says what it said at home: as a module of torch, and from files that know nothing of this package."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.__main__ import main
from workbench.data.scaling import Scaling, raw_features, soft_factor
from workbench.families.amplitudes.recipe import SweepRecipe
from workbench.families.amplitudes.surrogate import Surrogate
from workbench.nets.population import PopulationMLP
from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job

TINY = {"events": 300, "test_events": 120, "hidden": [16, 16], "steps": 60, "draws": 6}
NETWORKS = {
    "bnn": {},
    "last layer": {"uncertainty": "bnn_last_layer", "inputs": "invariants", "noise": 0.1},
    "ensemble": {"uncertainty": "repulsive_ensemble", "members": 3, "activation": "gelu"},
    "ordered": {"uncertainty": "deterministic", "inputs": "ordered", "target": "soft"},
    "squared error": {"uncertainty": "deterministic", "loss": "mse", "activation": "relu"},
    "deep sets": {"architecture": "deepsets", "calibrate": False},
    "with invariants": {"architecture": "deepsets_invariants", "uncertainty": "deterministic"},
    "kan": {"architecture": "kan"},
    "group kan": {"architecture": "group_kan", "inputs": "ordered"},
    "one more jet": {"process": "gg_yygg", "inputs": "ordered", "target": "soft", "activation": "tanh"},
}
LGATR = {
    "lgatr slim": {"architecture": "lgatr_slim", "hidden": [16], "steps": 4, "draws": 2},
    "lgatr full": {"architecture": "lgatr_full", "hidden": [16], "steps": 4, "draws": 2},
}
AWAY = """
import json, sys
from pathlib import Path
import numpy as np
answers = {}
for path in [path for path in Path().iterdir() if path.suffix in (".onnx", ".pt2")]:
    momenta = np.load(f"{path.stem}.npy")
    if path.suffix == ".onnx":
        import onnxruntime
        session = onnxruntime.InferenceSession(path)
        names = [output.name for output in session.get_outputs()]
        for events in (1, len(momenta)):
            found = session.run(None, {"momenta": momenta[:events]})
        about = session.get_modelmeta().custom_metadata_map
    else:
        import torch
        about = {"units.txt": "", "particles.txt": "", "recipe.txt": ""}
        program = torch.export.load(path, extra_files=about).module()
        names = ["mean", "sigma_syst", "sigma_stat"]
        for events in (1, len(momenta)):
            found = [column.numpy() for column in program(torch.tensor(momenta[:events]))]
        about = {key.removesuffix(".txt"): text for key, text in about.items()}
    assert {column.dtype for column in found} == {np.dtype("float64")}
    answers[path.stem] = dict(zip(names, (column.tolist() for column in found))), about
assert "workbench" not in sys.modules
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("export") / "runs")

    def run(**options):
        recipe = wb.AmplitudeRecipe(**{**TINY, **options})
        found = store.find(recipe)
        if found is None:
            found = store.create(recipe)
            assert run_job(found.path) == 0
        return found

    return run


def agree(found, known):
    """⟨A⟩ and σ_syst to 1e-5; σ_stat, a difference of amplitudes, to 1e-5 of the amplitude."""
    np.testing.assert_allclose(found["mean"], known["mean"], rtol=1e-5)
    np.testing.assert_allclose(found["sigma_syst"], known["sigma_syst"], rtol=1e-5)
    assert np.all(np.abs(np.asarray(found["sigma_stat"]) - known["sigma_stat"].values) <= 1e-5 * known["mean"].values)


@pytest.mark.parametrize("name", [*NETWORKS, *LGATR])
def test_the_module_says_what_predict_says(trained, name):
    run = trained(**(NETWORKS | LGATR)[name])
    momenta = run.prediction("test")["momenta"].values
    module = run.module()
    assert type(module).__mro__[1] is torch.nn.Module
    found = module(torch.tensor(momenta))
    assert all(column.dtype == torch.float64 for column in found)
    agree(dict(zip(("mean", "sigma_syst", "sigma_stat"), (column.numpy() for column in found), strict=True)), run.predict(momenta))


def test_the_draws_of_a_module_are_fixed_and_as_many_as_asked_for(trained):
    run = trained()
    momenta = run.prediction("test")["momenta"].values
    few = run.module(draws=3)
    assert len(few.rows) == 3 and len(run.module().rows) == 6
    first, again = few(torch.tensor(momenta)), run.module(draws=3)(torch.tensor(momenta))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    agree({"mean": first[0], "sigma_syst": first[1], "sigma_stat": first[2]}, run.predict(momenta, draws=3))
    with pytest.raises(ValueError, match="draws = 0 is not possible"):
        run.module(draws=0)


@pytest.mark.parametrize("process", ["gg_yyg", "gg_yygg"])
@pytest.mark.parametrize("inputs", ["momenta", "four_vectors", "invariants", "momenta_invariants", "ordered"])
def test_features_in_torch_are_those_of_the_training(process, inputs):
    momenta = wb.make_dataset(process, events=200, cache=False)["momenta"].values
    scaling = Scaling(inputs, np.zeros(1), np.ones(1), 0.0, 1.0, process, "soft")
    found = Surrogate(scaling, PopulationMLP(1, [2], 2), torch.zeros(1, 1))
    known = raw_features(momenta, inputs, process)
    np.testing.assert_allclose(found.raw_features(torch.tensor(momenta)), known, rtol=1e-9, atol=1e-9 * np.abs(known).max())
    np.testing.assert_allclose(found._soft_factor(torch.tensor(momenta)), soft_factor(momenta, process), rtol=1e-9)


def test_a_module_has_the_slope_of_its_amplitude(trained):
    """By automatic differentiation through order, scaling and network, against a difference; the network has 32 bits."""
    run = trained(**NETWORKS["ordered"])
    momenta = torch.tensor(run.prediction("test")["momenta"].values[:20])
    module = run.module()
    module.rows = module.rows.double()
    asked = momenta.clone().requires_grad_()
    slope = torch.autograd.grad(module(asked)[0].sum(), asked)[0]
    direction = torch.zeros_like(momenta)
    direction[:, 2, 1] = 1.0
    step = 1e-3
    difference = (module(momenta + step * direction)[0] - module(momenta - step * direction)[0]) / (2 * step)
    torch.testing.assert_close(slope[:, 2, 1], difference, rtol=1e-5, atol=1e-7 * float(slope.abs().max()))


@pytest.mark.parametrize("ending", [".onnx", ".pt2"])
@pytest.mark.parametrize(
    "networks",
    [
        {name: NETWORKS[name] for name in ("bnn", "deep sets", "one more jet")},
        pytest.param(NETWORKS, marks=pytest.mark.slow),
        pytest.param(LGATR, marks=pytest.mark.slow),
    ],
    ids=["three", "all but L-GATr", "L-GATr"],
)
def test_files_say_what_predict_says_where_this_package_is_not(trained, tmp_path, networks, ending):
    """One process reads the files of all networks."""
    runs = {name: trained(**options) for name, options in networks.items()}
    for name, run in runs.items():
        np.save(tmp_path / f"{name}.npy", run.prediction("test")["momenta"].values)
        path = run.export(tmp_path / f"{name}{ending}")
        assert str(wb.__file__).removesuffix("/__init__.py").encode() not in path.read_bytes()
    assert len([*tmp_path.iterdir()]) == 2 * len(runs)
    answer = subprocess.run([sys.executable, "-c", AWAY], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    answers = json.loads(answer.stdout.splitlines()[-1])
    for name, run in runs.items():
        found, about = answers[name]
        agree(found, run.predict(run.prediction("test")["momenta"].values))
        assert about["units"] == ("GeV^-4" if run.recipe.process == "gg_yygg" else "GeV^-2")
        assert about["particles"].startswith("g1, g2, y1, y2, g3")
        assert wb.AmplitudeRecipe.from_json(about["recipe"]).hash == run.recipe.hash


def test_what_cannot_be_taken_away_is_one_sentence(trained, tmp_path, monkeypatch):
    run, store = trained(), RunStore(tmp_path / "runs")
    with pytest.raises(ValueError, match=r"'surrogate.h5' says no format that is written: an end in .onnx or .pt2 is needed"):
        run.export(tmp_path / "surrogate.h5")
    with pytest.raises(RunError, match="is a sweep; train one of its points alone"):
        store.create(SweepRecipe(**TINY, axes={"noise": [0.0, 0.1]})).module()
    with pytest.raises(RunError, match="a module for other programs is made of an amplitude"):
        store.create(wb.GeneratorRecipe()).export(tmp_path / "surrogate.onnx")
    with pytest.raises(RunError, match="has no weights to predict with"):
        store.create(wb.AmplitudeRecipe()).module()
    monkeypatch.setattr("workbench.runs.export.MOST_BYTES", 100)
    with pytest.raises(RunError, match="ask for fewer draws"):
        run.export(tmp_path / "surrogate.onnx")
    assert not [*tmp_path.glob("*surrogate*")]


def test_without_the_extra_onnx_is_one_sentence_and_pt2_is_written(trained, tmp_path):
    """In a process of its own in which the package cannot be imported."""
    run = trained()
    program = "import sys; sys.modules['onnxscript'] = None; from workbench.__main__ import main; sys.exit(main(sys.argv[1:]))"
    asked = [sys.executable, "-c", program, "export", str(run.path)]
    refused = subprocess.run([*asked, "out.onnx"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2 and not [*tmp_path.iterdir()], refused.stderr
    assert "Writing .onnx needs the package onnxscript, which is not here: pip install 'workbench[export]'." in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    written = subprocess.run([*asked, "out.pt2", "--draws", "2"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert written.returncode == 0 and (tmp_path / "out.pt2").exists(), written.stderr


def test_the_command_writes_a_file_quietly_and_its_help_shows_c_plus_plus(trained, tmp_path, capfd):
    run = trained()
    out = tmp_path / "surrogate.onnx"
    assert main(["export", str(run.path), str(out), "--draws", "2"]) == 0
    said = capfd.readouterr()
    assert said.out.startswith(str(out)) and said.out.count("\n") == 1 and said.err == ""
    for words, sentence in ((["x.h5"], "an end in .onnx or .pt2 is needed"), ([str(out), "--draws", "many"], "is not a number")):
        assert main(["export", str(run.path), *words]) == 2 and sentence in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    told = capfd.readouterr().out
    assert "Ort::Session" in told and "workbench[export]" in told
