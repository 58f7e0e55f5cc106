"""The search finds what was planted, and the formula of the talk; it stops, goes on bit for bit, and its hall of fame is a staircase."""

from __future__ import annotations

import itertools
import json

import h5py
import numpy as np
import pytest

import workbench as wb
from workbench.data.files import FileNote
from workbench.families import kind_of
from workbench.families.formulas.annealing import Annealing, Settings
from workbench.families.formulas.fit import Data
from workbench.families.formulas.job import FormulaJob
from workbench.families.formulas.limits import limit
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.formulas.score_network import learned_score
from workbench.families.formulas.targets import TEV, target_for
from workbench.families.formulas.tree import key, nodes

LEADING = {"mul(c,mul(mul(x0,x1),sin(x3)))", "mul(c,mul(mul(sin(x3),x0),x1))", "mul(c,mul(mul(sin(x3),x1),x0))"}
"""c x₁x₂ sin Δφ, in the orders in which it may stand."""
LEAST, MOST = 5, 40
"""Generations that are a few seconds of one core."""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def score(home):
    return target_for(FormulaRecipe(events=40_000))


def found_by(engine, generations):
    """The formulas that stand in the hall of fame at any time of a search."""
    keys = set()
    for _ in range(generations):
        engine.step()
        keys |= {member.key for member in engine.front()}
    return keys


def factor_of_distance(engine):
    """Whether a formula with x₁, x₂, Δη and sin Δφ leaves a quarter less than the leading one."""
    best = [member for member in engine.front() if all(name in member.key for name in ("x0", "x1", "x2", "sin(x3"))]
    leading = [member for member in engine.front() if member.key in LEADING]
    return bool(best) and min(member.mse for member in best) < 0.8 * max(member.mse for member in leading or engine.front()[:1])


def search_points(score, points=5_000):
    return Data.of(score.x[score.sought][:points], score.y[score.sought][:points], score.weight[score.sought][:points])


@pytest.mark.parametrize("seed", range(5))
def test_annealing_finds_the_leading_formula_and_the_factor_in_delta_eta(score, seed):
    engine = Annealing(search_points(score), Settings(), seed)
    keys = found_by(engine, MOST)
    assert keys & LEADING and factor_of_distance(engine)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_pyoperon_finds_them_too(score, seed):
    pytest.importorskip("pyoperon", reason="the extra `formula` is not installed")
    from workbench.families.formulas.genetic import Genetic

    engine = Genetic(search_points(score), FormulaRecipe(engine="pyoperon", seed=seed))
    keys = found_by(engine, 50)
    assert keys & LEADING and factor_of_distance(engine)


ENGINES = ("annealing", "pyoperon")


def job_of(engine, **changes):
    if engine == "pyoperon":
        pytest.importorskip("pyoperon", reason="the extra `formula` is not installed")
    small = {"events": 600, "points": 300, "steps": 8, "population": 8, "samples": 3, "engine": engine, **changes}
    return FormulaJob(FormulaRecipe(**small))


@pytest.mark.parametrize("engine", ENGINES)
def test_same_seed_same_formulas_another_seed_others_and_a_search_goes_on_bitwise(engine):
    one, other, third = job_of(engine), job_of(engine), job_of(engine, seed=1)
    reports = list(one.train())
    assert [report.losses for report in other.train()] == [report.losses for report in reports]
    assert [report.losses for report in third.train()] != [report.losses for report in reports]
    begun, resumed = job_of(engine), job_of(engine)
    steps = begun.train()
    for _ in range(3):
        next(steps)
    tensors, state = begun.checkpoint()
    resumed.resume(tensors, json.loads(json.dumps(state)))
    assert [report.losses for report in resumed.train()] == [report.losses for report in reports[3:]]
    assert json.dumps(resumed.engine.state()) == json.dumps(one.engine.state())


@pytest.mark.parametrize("engine", ENGINES)
def test_the_hall_of_fame_is_a_staircase_at_every_moment(engine):
    job = job_of(engine)
    for report in job.train():
        front = job.engine.front()
        assert all(a.nodes < b.nodes and a.mse > b.mse for a, b in itertools.pairwise(front))
        assert all(member.nodes == nodes(member.tree) and member.key == key(member.tree) for member in front)
        assert report.losses["smallest"] <= report.losses["loss"] + 1e-12
    found = job.prediction("test")
    mse = found["mse"].values[np.isfinite(found["mse"].values)]
    assert len(mse) > 2 and (np.diff(mse) < 0).all() and found["complexity"].size == job.recipe.most_nodes


def test_worse_formulas_are_taken_as_often_as_the_rule_says():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2, (200, 2))
    engine = Annealing(Data.of(x, x[:, 0] * np.sin(x[:, 1]) + 0.1 * rng.standard_normal(200)), Settings(alpha=0.5, islands=6, cycle=30), 3)
    expected = happened = variance = 0.0
    refused_when_cold = True
    for _ in range(60):
        engine.step()
        for trial in engine.trials:
            chance = 1.0 if trial.change <= 0 else float(np.exp(-trial.change / max(0.5 * trial.temperature, 1e-12)))
            expected, happened, variance = expected + chance, happened + trial.taken, variance + chance * (1 - chance)
            if trial.temperature == 0 and trial.change > 0:
                refused_when_cold &= not trial.taken
    assert variance > 25 and abs(happened - expected) < 4 * variance**0.5 and refused_when_cold


def test_the_search_ends_at_its_time_limit():
    job = job_of("annealing", steps=1_000_000, seconds=0.3)
    reports = list(job.train())
    assert 0 < reports[-1].step < 1_000_000 and reports[-1].seconds >= 0.3


def test_a_missing_engine_is_a_sentence_that_says_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyoperon", None)
    with pytest.raises(
        ValueError, match=r"pyoperon is not installed; `pip install 'workbench\[formula\]'` adds it, or choose the engine annealing"
    ):
        FormulaJob(FormulaRecipe(events=600, engine="pyoperon"))


@pytest.mark.parametrize("ending", ["csv", "npz", "h5"])
def test_a_formula_planted_in_a_table_of_four_columns_is_found_and_predicts(tmp_path, ending):
    rng = np.random.default_rng(5)
    a, b, c = rng.uniform(0.5, 2.0, (3, 400))
    columns = {"a": a, "b": b, "c": c, "y": 2.5 * a * np.sin(b) + 0.7 * c}
    path = tmp_path / f"table.{ending}"
    if ending == "csv":
        rows = np.column_stack(list(columns.values()))
        path.write_text("\n".join([",".join(columns), *(",".join(f"{value:.17g}" for value in row) for row in rows)]))
    elif ending == "npz":
        np.savez(path, **columns)
    else:
        import h5py

        with h5py.File(path, "w", track_order=True) as file:
            for name, column in columns.items():
                file[name] = column
    run = wb.launch(FormulaRecipe(target="table", file=str(path), column="y", steps=40, samples=5), runs=tmp_path / "runs")
    status = run.wait().status
    assert status.state == "finished", status.message
    x = rng.uniform(0.5, 2.0, (50, 3))
    said = run.predict(x)
    np.testing.assert_allclose(said["value"], 2.5 * x[:, 0] * np.sin(x[:, 1]) + 0.7 * x[:, 2], rtol=1e-6)
    python = eval(said.attrs["python"], {"np": np}, dict(zip(said.attrs["variables"].split(", "), x.T, strict=True)))
    np.testing.assert_allclose(python, said["value"], rtol=1e-4)
    assert "sin" in said.attrs["latex"] and run.prediction("test").attrs["described"] == "y"
    np.testing.assert_allclose(np.sort(run.prediction("test")["value"]), [0.7, 2.5], rtol=1e-6)
    with pytest.raises(ValueError, match="2 columns; 3 are needed: a, b, c"):
        run.predict(x[:, :2])


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("1,2\n3,4\n", "", "a first line with the names"),
        ("a,b\n" + "1,2\n" * 30, "y", "has no column 'y'; it has a, b"),
        ("a,b\n" + "1,x\n" * 30, "", "has 'x' in row 1, column b; a number is needed"),
        ("a,b\n" + "1,2\n" * 5, "", "has 5 rows; 20 to"),
        ("a,b\n" + "1,2\n" * 30, "", "has the same b in every row"),
        ("a,b\n" + "1,2\n" * 30 + "1\n", "", "has 1 column in row 31; 2 are needed"),
        ("a,b\n" + "1,nan\n" * 30, "", "has b = nan in row 1; a number is needed"),
        (",".join(f"x{k}" for k in range(13)) + "\n", "", "has 13 columns; at most 12 are read"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(tmp_path, text, column, words):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=words) as problem:
        target_for(FormulaRecipe(target="table", file=str(path), column=column))
    assert "\n" not in str(problem.value) and str(problem.value).endswith(".")


def test_a_weight_in_a_table_is_told_to_be_a_variable(tmp_path):
    """Of a table any column may be meant; that rows do not count by it is said."""
    np.savetxt(tmp_path / "a.csv", np.random.default_rng(1).random((30, 3)), delimiter=",", header="x,weight,y", comments="")
    with pytest.warns(FileNote, match="a.csv has a column weight, which is a variable like the others: all rows count alike"):
        assert target_for(FormulaRecipe(target="table", file=str(tmp_path / "a.csv"))).names.text == ("x", "weight")


def test_what_a_network_has_learned_becomes_a_formula(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    network = wb.launch(wb.BasicsRecipe(steps=400)).wait()
    target = target_for(FormulaRecipe(target="network", network=network.id, events=500))
    np.testing.assert_allclose(target.y, network.predict(target.x)["mean"])
    plane = wb.launch(wb.BasicsRecipe(toy="xor", points=400, steps=100)).wait()
    told = target_for(FormulaRecipe(target="network", network=plane.id, events=300))
    assert told.x.shape == (300, 2) and np.abs(told.y).max() <= 8
    with pytest.raises(ValueError, match="There is no run 'none'; give the id of a finished run"):
        target_for(FormulaRecipe(target="network", network="none"))
    with pytest.raises(ValueError, match="No network is chosen"):
        target_for(FormulaRecipe(target="network"))


def test_the_score_is_odd_in_the_angle_and_its_components_are_those_of_the_events(score):
    assert score.x.shape == (40_000, 4) and (score.x[:, 0] >= score.x[:, 1]).all()
    mean, error = np.average(score.y, weights=score.weight), score.y.std() / 200
    assert abs(mean) < 5 * error
    away = target_for(FormulaRecipe(events=2_000, f_t=30.0))
    a, b = away.components.T
    theta = 30.0 * TEV
    step = 1e-4
    log = [np.log(1 + a * t + b * t**2) for t in (theta + step, theta - step)]
    np.testing.assert_allclose(away.y, (log[0] - log[1]) / (2 * step), rtol=1e-4, atol=1e-6)


def test_information_and_limits_have_the_order_and_the_shares_of_an_independent_calculation():
    target = target_for(FormulaRecipe(events=60_000, level="detector"))
    x, components, weight = target.x, target.components, target.weight
    leading = x[:, 0] * x[:, 1] * np.sin(x[:, 3])
    right = x[:, 0] * (x[:, 1] + 0.224) * (4.02 - 0.432 * x[:, 2]) * np.sin(x[:, 3])
    network = learned_score(x, components[:, 0], weight, seed=0)
    found = [limit(each, components, weight, unit=TEV, events=36) for each in (x[:, 0] * x[:, 1], np.sin(x[:, 3]), leading, right, network)]
    np.testing.assert_allclose([each.information for each in found], [0.0, 0.339, 0.659, 0.698, 0.712], atol=0.05)
    outer = [each.outer for each in found]
    assert outer[0] > 1.2 * outer[1] > 1.2 * outer[2] and outer[2] > outer[3] > 0.97 * outer[4]
    assert all(each.inner < each.outer for each in found)
    wrong = limit(np.sin(np.abs(x[:, 3])), components, weight, unit=TEV, events=36)
    assert wrong.information < 0.01  # |Δφ| knows nothing of CP


def test_bootstrap_errors_of_the_four_constants_are_many_times_the_naive_ones():
    job = FormulaJob(FormulaRecipe(events=60_000, steps=5, beside=False, samples=20))
    list(job.train())
    found = job.prediction("test")
    assert (found["talk_bootstrap"] / found["talk_naive"]).sel(letter=["a", "b", "c"]).min() > 4
    d = found.sel(letter="d")
    assert abs(float(d["talk_value"])) < 3 * float(d["talk_bootstrap"])
    slope = float(found["talk_value"].sel(letter="b") / found["talk_value"].sel(letter="a"))
    assert slope == pytest.approx(0.103, rel=0.12)


def test_the_page_and_the_command_know_a_search():
    from workbench.families.formulas.page import Formulas, describe

    recipe = FormulaRecipe(level="detector", engine="pyoperon", f_t=30.0)
    assert describe(recipe) == "score, detector · f_T = 30 TeV⁻² · pyoperon · + − × x² x³ sin · 120 generations"
    assert recipe.as_command().startswith("workbench formula --level detector")
    assert kind_of(recipe).product.load().name == "formula" and len(Formulas.columns) == 6


def test_a_table_in_hdf5_must_be_inside_its_file_and_as_large_as_it_says(tmp_path):
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        for name in "xy":
            file.create_dataset(name, data=np.zeros(4_000_000), compression="gzip", compression_opts=9, chunks=(400_000,))
    with pytest.raises(ValueError, match=r"bomb\.h5 is refused: 'x' declares 32,000,000 bytes but holds"):
        target_for(FormulaRecipe(target="table", file=str(path)))
