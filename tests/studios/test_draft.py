"""The recipe under edit, and what the form knows of it."""

from __future__ import annotations

import json

import param
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.families import PRESETS, presets
from workbench.studios.amplitudes import describe
from workbench.studios.draft import Draft, as_text, form, stops
from workbench.training.recipe import KINDS, AmplitudeRecipe, GeneratorRecipe

OPTIONS = AmplitudeRecipe.options()


@pytest.fixture
def draft():
    return Draft(AmplitudeRecipe)


def test_a_wrong_value_stays_as_typed_while_the_recipe_keeps_the_last_usable_one(draft):
    draft.set("noise", "0.05")
    draft.set("noise", "lots")
    assert draft.view()["texts"]["noise"] == "lots"
    assert "0.0 to 0.1" in draft.view()["wrong"]["noise"]
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


def test_options_that_shipped_events_do_not_have_are_hidden_unless_they_must_be_corrected():
    shipped = AmplitudeRecipe(process="gg_yygg")
    assert AmplitudeRecipe().matters("beams") and not shipped.matters("beams") and not shipped.matters("sampling")
    assert shipped.replace(beams="pp").matters("beams") and shipped.replace(sampling="unweighted").matters("sampling")
    assert shipped.matters("data_seed") and shipped.matters("sqrt_s")


def test_presets_are_usable_and_differ_and_the_first_is_the_default():
    for kind, named in PRESETS.items():
        assert len({preset.recipe.hash for preset in named.values()}) == len(named)
        assert next(iter(presets(KINDS[kind]).values())).changes == {}
        assert all(preset.title and preset.see.endswith((".", "?")) for preset in named.values())


def test_a_recipe_is_described_in_one_short_line():
    assert describe(AmplitudeRecipe()) == "BNN · MLP 3×128 · momenta · noise 0.01 · 9,000 events"
