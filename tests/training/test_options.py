"""An option that has no effect changes nothing: not a step, not a prediction, not the name of the run; every other one changes the name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.families import PRESETS
from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.basics.recipe import BasicsRecipe
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.generators.job import GeneratorJob
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.physics.datasets import DATASETS
from workbench.physics.datasets.known import TOYS
from workbench.runs.store import EXAMPLES, RunStore
from workbench.stories import STORIES, story
from workbench.training.option import Choice, Flag, Integer, Widths
from workbench.training.recipe import KINDS, Recipe, RecipeError, wording

OURS = {"events": 300, "test_events": 100, "hidden": [8], "steps": 6, "draws": 3, "device": "cpu"}
RECIPES: dict[str, Recipe] = {
    "bnn": AmplitudeRecipe(**OURS),
    "one network": AmplitudeRecipe(**OURS, uncertainty="deterministic"),
    "ensemble": AmplitudeRecipe(**OURS, uncertainty="repulsive_ensemble", members=3, architecture="group_kan"),
    "boosted": AmplitudeRecipe(**OURS, boost_sigma=3.0),
    "boosted by pull": AmplitudeRecipe(**OURS, uncertainty="deterministic", boost_pull=3.0),
    "transformer": AmplitudeRecipe(**OURS, architecture="lgatr"),
    "deep sets": AmplitudeRecipe(**OURS, architecture="deepsets"),
    "shipped": AmplitudeRecipe(**OURS, process="gg_yygg"),
    "wedge": GeneratorRecipe(**OURS, blocks=2),
    "plain ring": GeneratorRecipe(**OURS, blocks=2, dataset="ring", bayesian=False),
    "affine kicker": GeneratorRecipe(**OURS, blocks=2, dataset="kicker", spline="affine"),
    "joint": GeneratorRecipe(**OURS, blocks=2, discflow_alpha=0.5, coupling="gan"),
    "judged": GeneratorRecipe(**OURS, blocks=2, dataset="tt_partons", discriminator_steps=3),
    "jets": GeneratorRecipe(**OURS, blocks=2, dataset="z_jets", bayesian=False),
}
REFUSED = ("magic", "nuisance")
"""Options that a training of other events than Z + jets would refuse, if runs kept them."""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


def other(recipe: Recipe, name: str) -> Any:
    """Another value of an option than that of a recipe."""
    option, value = recipe.options()[name], getattr(recipe, name)
    if isinstance(option, Choice):
        return next(word for word in option.objects if word != value)
    if isinstance(option, Flag):
        return not value
    if isinstance(option, Widths):
        return [4, 4]
    if name == "file":
        return "elsewhere.h5"
    low, high = option.softbounds or option.limits
    found = high if value != high else low
    return int(found) if isinstance(option, Integer) else found


@pytest.mark.parametrize("name", RECIPES)
def test_options_without_effect_change_nothing(name: str):
    recipe = RECIPES[name]
    idle = {option: other(recipe, option) for option in recipe.options() if not recipe.matters(option)}
    # what shipped events do not have comes into sight, to be corrected
    idle = {option: value for option, value in idle.items() if not recipe.replace(**{option: value}).matters(option)}
    changed = recipe.replace(**idle)
    assert idle and changed.hash == recipe.hash and changed.effective.to_dict() == recipe.effective.to_dict()
    assert changed.former_hash != recipe.former_hash
    kept = changed.replace(**{option: False for option in REFUSED if option in idle})
    outcomes = []
    for asked in (recipe, kept):
        job = (Job if isinstance(asked, AmplitudeRecipe) else GeneratorJob)(asked)
        reports = [(report.losses, report.validation) for report in job.train()]
        outcomes.append((reports, job.prediction("test")))
    (reports, prediction), (same_reports, same_prediction) = outcomes
    assert repr(reports) == repr(same_reports) and set(prediction.variables) == set(same_prediction.variables)
    for variable in prediction.variables:
        np.testing.assert_array_equal(prediction[variable].values, same_prediction[variable].values, err_msg=str(variable))


@pytest.mark.parametrize("name", RECIPES)
def test_options_with_an_effect_change_the_name_of_the_run(name: str):
    recipe = RECIPES[name]
    same = [
        option
        for option in recipe.options()
        if recipe.matters(option) and recipe.replace(**{option: other(recipe, option)}).hash == recipe.hash
    ]
    assert same == []


def test_the_options_that_a_plain_flow_and_a_wedge_have():
    wedge, plain = GeneratorRecipe(), GeneratorRecipe(bayesian=False)
    idle = {
        "coordinates",
        "magic",
        "nuisance",
        "jets",
        "coupling",
        "discflow_start",
        "discflow_ramp",
        "discflow_clip",
        "discriminator_hidden",
    }
    assert not any(wedge.matters(option) for option in idle)
    assert plain.matters("prior_width") and not plain.matters("width_pace") and not plain.matters("draws")
    few = {**OURS, "blocks": 2, "bayesian": False}
    narrow, wide = (GeneratorJob(GeneratorRecipe(**few, prior_width=width)) for width in (1e-3, 1e3))
    for job in (narrow, wide):
        list(job.train())
    assert not np.array_equal(narrow.method.central(), wide.method.central())


def test_a_sweep_has_the_options_of_its_points():
    sweep = SweepRecipe(axes={"uncertainty": ["deterministic", "repulsive_ensemble"], "boost_pull": [0.0, 1.0]})
    assert sweep.matters("members") and sweep.matters("boost_pull_cut") and not sweep.matters("draws")
    assert sweep.hash == sweep.replace(draws=5).hash != sweep.replace(members=5).hash


def test_a_run_keeps_no_option_without_effect(tmp_path: Path):
    store = RunStore(tmp_path)
    run = store.create(GeneratorRecipe(magic=True, coordinates="boson", jets=2))
    assert run.recipe.to_dict() == GeneratorRecipe().to_dict() and store.alike(GeneratorRecipe(nuisance=True))[0].id == run.id


def test_what_ships_keeps_its_names():
    for run in RunStore(EXAMPLES).runs():
        assert run.id == f"{run.recipe.hash}-1" and run.recipe.hash == run.recipe.former_hash
    for named in PRESETS.values():
        assert all(preset.recipe.hash == preset.recipe.former_hash for preset in named.values())
    assert all(story(name).kept is not None for name in STORIES)


def test_every_option_is_declared_whole():
    for kind in KINDS.values():
        for name, option in kind.options().items():
            assert option.label and option.doc.endswith(".") and option.group, name
            assert option.scale in ("linear", "decades", "octaves", "none") and (option.scale in ("linear", "none") or option.smallest > 0)
            assert set(option.words) <= set(getattr(option, "objects", ())), name


def test_a_thing_has_one_name():
    words = [
        (value, option.wording(value))
        for kind in KINDS.values()
        for option in kind.options().values()
        for value in getattr(option, "objects", ())
    ]
    assert all(wording(value) == word for value, word in words)
    assert wording("bnn") == "BNN" and wording("deepsets_invariants") == "Deep Sets + invariants"


def test_points_in_the_plane_have_no_unit_that_could_tell_recipes_apart(tmp_path):
    assert {name for name, row in DATASETS.items() if not row.energies} == set(TOYS)
    path = str(tmp_path / "p.h5")
    assert GeneratorRecipe(file=path, units="MeV").hash == GeneratorRecipe(file=path).hash
    assert GeneratorRecipe(file=path, dataset="z_jets", units="MeV").hash != GeneratorRecipe(file=path, dataset="z_jets").hash


@pytest.mark.parametrize(
    ("recipe", "choose"),
    [
        (FormulaRecipe(file="mine.csv"), "target = score; choose target = table, or leave the file out"),
        (BasicsRecipe(file="mine.csv"), "toy = bump; choose toy = own_curve or own_classes, or leave the file out"),
    ],
)
def test_a_file_that_would_not_be_read_is_refused(recipe, choose, tmp_path, monkeypatch):
    """Else something else would be trained than what was asked for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("x,y\n" + "\n".join(f"{k},{k * k}" for k in range(50)))
    for begin in (lambda: wb.launch(recipe, runs=tmp_path / "runs"), lambda: next(iter(wb.train(recipe)))):
        with pytest.raises(RecipeError, match=r"mine\.csv is not read with") as problem:
            begin()
        assert choose in str(problem.value)
    assert not list((tmp_path / "runs").glob("*-1"))
