"""wb.controls: widgets and recipe are always the same, whoever changed what."""

from __future__ import annotations

import pytest
import traitlets

import workbench as wb
from workbench.families import presets
from workbench.training.recipe import RecipeError

KINDS = [wb.AmplitudeRecipe, wb.GeneratorRecipe]
OTHER = {"noise": "0.05", "hidden": "16, 16", "steps": "300", "seed": "7", "prior_width": "0.5", "events": "2000"}


def shown(controls):
    """What the widgets say, read back as a recipe of the same kind."""
    kind = type(controls.recipe)
    return kind(**{name: controls[name].value for name in kind.options()})


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_a_widget_for_every_option_and_it_shows_the_recipe(kind):
    recipe = kind(steps=321, seed=5)
    controls = wb.controls(recipe)
    assert shown(controls).to_dict() == recipe.to_dict()
    for name, option in kind.options().items():
        label = controls[name].description.replace("<sub>", "_").replace("</sub>", "")  # σ with a small p below it
        assert label == option.titled and "_" not in controls[name].description and option.doc in controls[name].tooltip


@pytest.mark.parametrize("kind", KINDS)
def test_a_widget_changes_the_recipe_itself(kind):
    recipe = kind()
    controls = wb.controls(recipe)
    for name, text in OTHER.items():
        if name in kind.options():
            controls[name].value = text
    assert controls.recipe is recipe
    assert recipe.to_dict() == kind(**{name: text for name, text in OTHER.items() if name in kind.options()}).to_dict()


def test_menus_and_switches_change_the_recipe():
    recipe = wb.AmplitudeRecipe()
    controls = wb.controls(recipe)
    controls["uncertainty"].value = "repulsive_ensemble"
    controls["calibrate"].value = False
    assert (recipe.uncertainty, recipe.calibrate) == ("repulsive_ensemble", False)


def test_a_change_of_the_recipe_changes_the_widgets():
    recipe = wb.AmplitudeRecipe()
    controls = wb.controls(recipe)
    recipe.noise = 0.03
    recipe.param.update(uncertainty="deterministic", hidden=[32, 32])
    assert shown(controls).to_dict() == recipe.to_dict()


def test_another_recipe_takes_the_place_of_the_first():
    first, second = wb.AmplitudeRecipe(), wb.AmplitudeRecipe(noise=0.07, architecture="kan")
    controls = wb.controls(first)
    controls.recipe = second
    assert shown(controls).to_dict() == second.to_dict()
    controls["seed"].value = "3"
    assert (first.seed, second.seed) == (0, 3)
    first.noise = 0.0
    assert controls["noise"].value == "0.07"


@pytest.mark.parametrize("typed", ["2", "-1", "much", "", "nan", "1e999"])
def test_what_cannot_be_used_stays_with_its_sentence_and_the_recipe_with_its_last_value(typed):
    recipe = wb.AmplitudeRecipe(noise=0.02)
    controls = wb.controls(recipe)
    controls["noise"].value = typed
    assert recipe.noise == 0.02 and controls["noise"].value == typed
    assert "a number between 0 and 0.1" in controls.problems["noise"]
    controls["noise"].value = "0.04"
    assert recipe.noise == 0.04 and controls.problems == {}


def test_the_slider_and_the_text_beside_it_say_the_same():
    controls = wb.controls(wb.AmplitudeRecipe())
    field = controls._fields["noise"]
    field.slider.value = 0.05
    assert controls["noise"].value == "0.05" and controls.recipe.noise == 0.05
    controls["noise"].value = "0.1"
    assert field.slider.value == 0.1


def test_a_preset_changes_all_widgets():
    recipe = wb.AmplitudeRecipe(seed=9)
    controls = wb.controls(recipe)
    for name, preset in reversed(presets(wb.AmplitudeRecipe).items()):  # the first is the one it starts from
        controls._preset.value = name
        assert recipe.to_dict() == preset.recipe.to_dict() == shown(controls).to_dict()


def test_options_without_effect_are_hidden():
    controls = wb.controls(wb.AmplitudeRecipe())
    members = controls._fields["members"].box.layout
    assert members.display == "none"
    controls["uncertainty"].value = "repulsive_ensemble"
    assert members.display is None


def test_groups_are_those_of_the_page():
    boxes = wb.controls(wb.AmplitudeRecipe()).children[2].children
    assert [box.children[0].value for box in boxes] == [f"<b>{title}</b>" for title in wb.AmplitudeRecipe.groups]


def test_an_edit_is_heard_once():
    heard = []
    controls = wb.controls(wb.AmplitudeRecipe())
    controls.observe(lambda change: heard.append(change["new"].noise), "recipe", type="edit")
    controls["noise"].value = "0.05"
    assert heard == [0.05]


def test_what_is_no_recipe_of_a_single_training_is_refused():
    with pytest.raises(ValueError, match="not int"):
        wb.controls(3)
    with pytest.raises(ValueError, match="SweepRecipe"):
        wb.controls(wb.SweepRecipe())
    with pytest.raises(traitlets.TraitError, match="AmplitudeRecipe, not GeneratorRecipe"):
        wb.controls(wb.AmplitudeRecipe()).recipe = wb.GeneratorRecipe()
    with pytest.raises(RecipeError, match="Did you mean 'noise'"):
        wb.controls(wb.AmplitudeRecipe())["nois"]


def test_what_the_preset_promises_comes_with_what_is_no_longer_as_in_the_preset():
    controls = wb.controls(presets(wb.AmplitudeRecipe)["noise"].recipe.replace())
    assert "Changed" not in controls._see.value
    controls["uncertainty"].value = "deterministic"
    controls["steps"].value = "300"
    assert controls._see.value.endswith("Changed here: Uncertainty, Steps.")


def test_train_trains_what_the_widgets_show_and_shows_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    controls = wb.controls(wb.AmplitudeRecipe(events=300, test_events=100, hidden=[8], steps=20, uncertainty="deterministic"))
    controls["noise"].value = "much"
    assert controls._train.disabled and controls._said.value == "Noise must be a number between 0 and 0.1."
    controls["noise"].value = "2 %"
    assert not controls._train.disabled and controls._said.value == ""
    controls._train.click()
    run = controls.run
    try:
        assert run.recipe.noise == 0.02 and run.id in controls._said.value and len(controls._live.children) == 1
        controls["noise"].value = "0.03"
        assert run.recipe.noise == 0.02
        assert run.wait(100).status.state == "finished"
    finally:
        controls._live.children[0].close()
        if run.alive():
            run.stop()


def test_what_cannot_be_trained_is_said_beside_the_button(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    controls = wb.controls(wb.AmplitudeRecipe(file=str(tmp_path / "none.csv")))
    controls._train.click()
    assert controls.run is None and "none.csv does not exist" in controls._said.value


def test_widgets_hold_one_recipe_and_no_sweep():
    controls = wb.controls(wb.AmplitudeRecipe())
    controls["noise"].value = "0, 0.01"
    assert controls.problems["noise"] == "Noise takes one value here; wb.sweep(recipe, noise=[…]) trains one recipe for each of several."
    assert type(controls.recipe) is wb.AmplitudeRecipe and controls.recipe.noise == 0.01
