"""The recipe under edit, and what the form knows of it."""

from __future__ import annotations

import json

import param
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.families import FAMILIES, PRESETS, family_of, parts, presets
from workbench.families.amplitudes.page import describe
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.basics import BasicsRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.studios.pages.draft import Draft, apart, as_text, form, in_menu, stops
from workbench.training.recipe import KINDS

OPTIONS = AmplitudeRecipe.options()


@pytest.fixture
def draft():
    return Draft(AmplitudeRecipe)


def test_a_wrong_value_stays_as_typed_while_the_recipe_keeps_the_last_usable_one(draft):
    draft.set("noise", "0.05")
    draft.set("noise", "lots")
    assert draft.view()["texts"]["noise"] == "lots"
    assert "between 0 and 0.1" in draft.view()["wrong"]["noise"]
    assert draft.recipe.noise == 0.05 and not draft.ready
    draft.set("noise", "0.02")
    assert draft.ready and draft.recipe.noise == 0.02


def test_changes_are_told_against_the_preset_and_undone_one_by_one(draft):
    draft.choose("noise")
    assert draft.recipe.noise == 0.1 and draft.changes == {}
    draft.set("steps", "500")
    draft.set("hidden", "64 64")
    assert set(draft.changes) == {"steps", "hidden"}
    draft.undo("steps")
    assert draft.changes == {"hidden": ([128, 128, 128], [64, 64])}
    assert draft.view()["changes"] == [{"name": "hidden", "label": "Hidden layers", "old": "128, 128, 128", "new": "64, 64"}]


def test_a_run_is_told_against_the_preset_that_it_resembles_most(draft):
    draft.adopt(draft.presets["repulsive"].recipe.replace(seed=3))
    assert draft.preset == "repulsive" and set(draft.changes) == {"seed"}
    draft = Draft(GeneratorRecipe)
    draft.adopt(GeneratorRecipe(dataset="z_jets"))  # like the default, but for its data
    assert draft.presets[draft.preset].recipe.dataset == "z_jets" and draft.recipe.dataset == "z_jets"


@given(st.sampled_from(sorted(OPTIONS)), st.text(max_size=60) | st.integers() | st.floats() | st.booleans() | st.none())
def test_whatever_is_typed_the_recipe_stays_usable_and_the_view_is_json(name, typed):
    draft = Draft(AmplitudeRecipe)
    draft.set(name, typed)
    assert AmplitudeRecipe.from_json(draft.recipe.to_json()).hash == draft.recipe.hash
    assert json.loads(json.dumps(draft.view()))["texts"][name] is not None
    assert draft.ready == (name not in draft.wrong)


def test_unknown_options_are_not_taken(draft):
    draft.set("nose", "1")
    draft.set("file_digest", "1")
    assert draft.ready and draft.changes == {} and not draft.recipe.file_digest


def test_every_declared_option_has_one_place_in_the_form():
    for kind in (KINDS[name] for name in PRESETS):
        places = [field["name"] for group in form(kind)["groups"] for field in group["fields"] + group["more"]]
        assert sorted(places) == sorted(kind.options())


@pytest.mark.parametrize("name", [name for name in OPTIONS if stops(OPTIONS[name])])
def test_a_slider_rises_within_the_bounds_and_stops_at_the_default(name):
    option, values = OPTIONS[name], stops(OPTIONS[name])
    assert values == sorted(set(values)) and option.default in values and len(values) <= 40
    for value in values:
        assert AmplitudeRecipe.check(name, as_text(value)) == value
        assert isinstance(value, int) or not isinstance(option, param.Integer)


def test_options_without_effect_are_hidden():
    assert {"members", "repulsion", "boost_rounds"} <= set(Draft(AmplitudeRecipe).hidden)
    ensemble = AmplitudeRecipe(uncertainty="repulsive_ensemble", boost_pull=1.0)
    assert ensemble.matters("members") and ensemble.matters("boost_pull_cut")
    assert not ensemble.matters("draws") and not ensemble.matters("boost_fraction")
    assert not AmplitudeRecipe(file="mine.h5").matters("sqrt_s") and AmplitudeRecipe(file="mine.h5").matters("process")


def test_presets_are_usable_and_differ_and_the_first_is_the_default():
    for kind, named in PRESETS.items():
        assert len({preset.recipe.hash for preset in named.values()}) == len(named)
        assert next(iter(presets(KINDS[kind]).values())).changes == {}
        assert all(preset.title and preset.see.endswith((".", "?")) for preset in named.values())


def test_a_recipe_is_described_in_one_short_line():
    assert describe(AmplitudeRecipe()) == "BNN · MLP 3×128 · momenta · noise 0.01 · 9,000 events"


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("noise", "abc", "Noise must be a number between 0 and 0.1."),
        ("prior_width", "5k", "Prior width must be a number between 0.001 and 1,000."),
        ("events", "1", "Training events must be a whole number between 100 and 1,000,000."),
        ("hidden", "128, x", "Hidden layers must be 1 to 8 whole numbers between 2 and 1,024, such as 128, 64 or 3×128."),
        ("uncertainty", "x", "Uncertainty must be one of BNN, BNN (last layer), ensemble, deterministic."),
        ("noise", "0,01", "Noise must be a number between 0 and 0.1; a comma parts several values, so type 0.01 for one number."),
        ("warm_start", "0,5", "Warm start must be a number between 0 and 1; a comma parts several values, so type 0.5 for one number."),
        ("noise", "0, 0.5", "Noise must be a number between 0 and 0.1, and 0.5 is not."),
        ("noise", "0,", "Noise must be a number between 0 and 0.1, and nothing is not."),
        ("noise", "0.01, 1e-2", "Noise needs different values for a sweep."),
        ("seed", ",".join(map(str, range(600))), "600 points are too many for one sweep; at most 512 are possible."),
        (
            "events",
            "1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000",
            "9 values need 9 runs, and 8 fit into one figure; wb.sweep(recipe, events=[…]) in a notebook trains any number.",
        ),
    ],
)
def test_the_form_says_what_to_type_in_words_of_the_form(draft, option, text, sentence):
    draft.set(option, text)
    assert draft.view()["wrong"] == {option: sentence} and not draft.ready


def test_several_values_are_a_sweep_in_the_form(draft):
    draft.set("noise", "0, 1 %, 0.1")
    assert draft.recipe.hash == SweepRecipe(axes={"noise": [0.0, 0.01, 0.1]}).hash and draft.ready
    view = draft.view(time="about 45 s")
    assert view["notes"] == {"noise": "3 values → sweep of 3, about 45 s"} and view["texts"]["noise"] == "0, 0.01, 0.1"
    assert view["changes"] == [{"name": "noise", "label": "Noise f_smear", "old": "0.01", "new": "0, 0.01, 0.1"}]
    assert view["command"] == "workbench sweep --noise 0.0,0.01,0.1"
    assert view["python"].endswith("results = wb.sweep(wb.AmplitudeRecipe(), noise=[0.0, 0.01, 0.1])")
    draft.set("steps", "500")
    draft.set("seed", "1;2")
    assert draft.view()["notes"]["seed"] == "2 values → sweep of 6 (3 × 2)"
    draft.undo("noise")
    assert draft.axes == {"seed": [1, 2]} and draft.recipe.steps == 500
    draft.set("seed", "3")
    assert draft.axes == {} and draft.recipe.to_dict() == AmplitudeRecipe(steps=500, seed=3).to_dict()


def test_two_values_that_may_be_one_number_say_so(draft):
    draft.set("prior_width", "1,5")
    assert draft.view()["notes"]["prior_width"] == "2 values → sweep of 2. For the one number 1.5, type a point."
    draft.set("prior_width", "1, 5")
    assert draft.view()["notes"]["prior_width"] == "2 values → sweep of 2"


@pytest.mark.parametrize("recipe_type", [family.recipe for family in FAMILIES], ids=lambda kind: kind.kind)
def test_a_sweep_of_any_family_is_typed_and_trained_as_few_runs_as_can_be(recipe_type):
    draft = Draft(recipe_type, changes={"seed": "1, 2", "steps": "64; 128"})
    assert draft.ready and draft.axes == {"seed": [1, 2], "steps": [64, 128]}
    together = "seed" in family_of(recipe_type).shared
    assert len(draft.trainings) == (2 if together else 4)
    assert draft.view()["notes"]["seed"] == f"2 values → sweep of 4 (2 × 2) in {len(draft.trainings)} runs"
    assert all(type(recipe) in KINDS.values() and draft.is_like(recipe) for _, recipe in draft.trainings)
    assert not draft.is_like(draft.recipe.base.replace(seed=3))
    again = Draft(recipe_type, changes={name: as_text(value) for name, (_, value) in draft.changes.items()})
    assert again.axes == draft.axes
    draft.set("seed", "1")
    draft.set("steps", "64")
    assert draft.axes == {} and type(draft.recipe) is recipe_type


def test_widths_of_layers_are_swept_with_semicolons():
    draft = Draft(BasicsRecipe, changes={"hidden": "8; 16, 16"})
    assert draft.axes == {"hidden": [[8], [16, 16]]} and draft.view()["texts"]["hidden"] == "8; 16, 16"
    assert draft.view()["command"] == "workbench sweep learn --hidden '8;16,16'"
    assert draft.python.endswith("results = wb.sweep(wb.BasicsRecipe(), hidden=[[8], [16, 16]])")
    assert [apart(recipe, options) for options, recipe in draft.trainings] == ["Hidden layers 8", "Hidden layers 16, 16"]


def test_the_lines_of_a_sweep_train_the_sweep():
    draft = Draft(AmplitudeRecipe, changes={"noise": "0,0.1", "hidden": "2×16", "uncertainty": "deterministic,bnn"})
    said = draft.view()["python"].split("wb.sweep(")[1]
    recipe, axes = eval("(lambda recipe, **axes: (recipe, axes))(" + said.replace("wb.", ""))
    assert [part.hash for _, part in parts(recipe, axes)] == [draft.recipe.hash]


@pytest.mark.parametrize(
    ("title", "menu"),
    [
        ("10 % noise, learned as σ_syst", "10 % noise, learned as σ\u202fsyst"),
        ("σ_tot and p_T", "σₜₒₜ and p\u202fT"),
        ("z_jets", "z_jets"),
    ],
)
def test_symbols_in_menus_have_no_underscores(title, menu):
    assert in_menu(title) == menu
