"""The finished runs that come with the package: one of every preset as it is today, small, whole, and able to fill every figure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

import workbench
from workbench.families import PRESETS
from workbench.figures import FIGURES
from workbench.runs import files, make_examples, netcdf
from workbench.runs.store import EXAMPLES, RunStore

ALL = {name: preset for of_kind in PRESETS.values() for name, preset in of_kind.items()}
AGAIN = "python -m workbench.runs.make_examples makes the examples anew."
SINCE = date(2026, 11, 30)
"""When what a run holds has changed last: older examples would not show it."""


@pytest.mark.parametrize("name", ALL)
def test_every_preset_has_one_finished_run_of_its_recipe_by_this_code(name: str):
    preset = ALL[name]
    found = RunStore(EXAMPLES).alike(preset.recipe)
    assert len(found) == 1, AGAIN
    (run,) = found
    assert run.id == f"{preset.recipe.hash}-1" and run.title == preset.title, AGAIN
    assert run.status.state == "finished" and run.status.step == run.status.steps and run.problems() == []
    assert run.status.device and run.read_status().get("host") is None
    assert run._record["versions"]["workbench"] == workbench.__version__, AGAIN
    assert datetime.fromisoformat(run.created).date() >= SINCE, AGAIN
    assert make_examples.size(run) <= 1_000_000
    for part, (some, whole) in run.kept.items():
        assert some < whole, part


def test_nothing_else_comes_with_the_package():
    assert {run.id for run in RunStore(EXAMPLES).runs()} == {f"{preset.recipe.hash}-1" for preset in ALL.values()}, AGAIN
    assert {path.name for folder in EXAMPLES.iterdir() for path in folder.iterdir()} == {
        "recipe.json", "status.json", "reports.jsonl", "run.nc",
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder for whole runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield tmp_path_factory.mktemp("whole")


SMALL = {"events": 3_000, "test_events": 2_500, "steps": 1_000, "hidden": [8], "draws": 20}


@pytest.mark.parametrize("name", ["first-bnn", "wedge"])
def test_what_is_kept_of_a_run_draws_its_figures_and_says_what_was_left_out(whole: Path, tmp_path: Path, name: str):
    preset = replace(ALL[name], changes={**ALL[name].changes, **SMALL})
    store = RunStore(tmp_path)
    (small,) = make_examples.make([preset], store, str(whole))
    (full,) = RunStore(whole).alike(preset.recipe)
    assert small.recipe.hash == preset.recipe.hash and small.title == preset.title and small.created == full.created
    assert small.kept["draws"] == (16, 20) and "pid" not in small.read_status()
    assert len(small.read_reports().reports) == small.kept.get("reports", (len(full.read_reports().reports),))[0]
    steps, before = small.snapshots["step"].values, full.snapshots["step"].values
    assert steps[0] == before[0] and steps[-1] == before[-1] == small.recipe.steps and len(steps) <= max(make_examples.SNAPSHOTS)
    assert small.problems() == [] and make_examples.size(small) <= make_examples.LARGEST
    assert netcdf.decode(files.read(small.path / "run.nc"), "run.nc", only="/")["/"].attrs["kept"] == json.dumps(small.kept)
    for figure in FIGURES:
        try:
            expected = full.figure(figure).data
        except (ValueError, KeyError):  # of another kind of run, or one that this recipe does not fill
            continue
        assert len(small.figure(figure).data) == len(expected), figure
    again = [run.id for run in make_examples.make([preset], store, str(whole))]
    assert again == [small.id] and len(RunStore(whole).alike(preset.recipe)) == 1


@pytest.mark.parametrize(("count", "most"), [(1, 5), (5, 5), (6, 5), (1_334, 200), (399, 200)])
def test_rows_are_spread_from_the_first_to_the_last(count: int, most: int):
    rows = make_examples.spread(range(count), most)
    assert rows[0] == 0 and rows[-1] == count - 1 and len(rows) == min(count, most) == len({*rows})


def test_runs_of_no_preset_are_removed(whole: Path, tmp_path: Path):
    preset = replace(ALL["first-bnn"], changes=SMALL)
    store = RunStore(tmp_path)
    (small,) = make_examples.make([preset], store, str(whole))
    make_examples.remove_others(store, [preset])
    assert [run.id for run in store.runs()] == [small.id]
    make_examples.remove_others(store, [ALL["first-bnn"]])
    assert store.runs() == []
