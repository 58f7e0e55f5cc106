from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.data.own_file import located
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.training.recipe import Recipe, RecipeError


def test_every_option_has_a_label_a_sentence_and_a_group():
    grouped = [name for names in AmplitudeRecipe.groups.values() for name in names]
    assert sorted(grouped) == sorted(AmplitudeRecipe.options())
    assert all(option.label and option.doc and option.doc.endswith(".") for option in AmplitudeRecipe.options().values())


def test_json_brings_the_recipe_back():
    recipe = AmplitudeRecipe(noise=0.02, hidden=[64, 32], uncertainty="repulsive_ensemble", file="my events.h5")
    assert AmplitudeRecipe.from_json(recipe.to_json()).to_dict() == recipe.to_dict()
    assert Recipe.from_json(recipe.to_json()).hash == recipe.hash


def test_the_hash_names_the_training_not_the_way_it_was_written():
    assert AmplitudeRecipe(noise="0.02", hidden="64, 32").hash == AmplitudeRecipe(noise=0.02, hidden=(64, 32)).hash
    assert AmplitudeRecipe(noise=0.02).hash != AmplitudeRecipe(noise=0.03).hash


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("noise", 3, ["noise = 3", "between 0 and 0.1"]),
        ("noise", "a lot", ["noise = 'a lot'", "a number"]),
        ("noise", float("nan"), ["nan"]),
        ("steps", 0, ["steps = 0", "between 1 and 10,000,000"]),
        ("steps", 2.5, ["whole number"]),
        ("steps", True, ["whole number"]),
        ("steps", "9" * 5000, ["whole number"]),
        ("hidden", "64, x", ["1 to 8 whole numbers between 2 and 1,024"]),
        ("hidden", [], ["1 to 8"]),
        ("uncertainty", "bn", ["one of bnn, bnn_last_layer"]),
        ("calibrate", "perhaps", ["true or false"]),
        ("file", "a\nb", ["text"]),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(option, value, words):
    with pytest.raises(RecipeError) as problem:
        AmplitudeRecipe(**{option: value})
    assert all(word in str(problem.value) for word in words) and option in str(problem.value)


def test_an_unknown_option_gets_the_nearest_name():
    with pytest.raises(RecipeError, match="Did you mean 'prior_width'"):
        AmplitudeRecipe(priorwidth=1.0)


@pytest.mark.parametrize(
    "text", ['{"noise": 0.01, "noise": 0.02}', '{"noise": NaN}', "[1]", "{", '"' + "x" * 70_000 + '"', '{"recipe": "evil"}', "[" * 30_000]
)
def test_a_bad_file_is_one_sentence(text):
    with pytest.raises(RecipeError):
        AmplitudeRecipe.from_json(text)


SLOW_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW_MACHINE
@given(
    st.dictionaries(
        st.sampled_from([*AmplitudeRecipe.options(), "nonsense"]),
        st.text() | st.floats() | st.integers() | st.none() | st.booleans() | st.lists(st.integers()),
    )
)
def test_any_input_is_a_recipe_or_a_sentence(values):
    try:
        recipe = AmplitudeRecipe(**values)
    except RecipeError as problem:
        assert str(problem)
    else:
        assert AmplitudeRecipe.from_json(recipe.to_json()).hash == recipe.hash


@SLOW_MACHINE
@given(
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)
    ).map(json.dumps)
)
def test_any_text_is_a_recipe_or_a_sentence(text):
    try:
        AmplitudeRecipe.from_json(text)
    except RecipeError as problem:
        assert str(problem)


def test_copy_as_python_and_command_make_the_same_recipe():
    import shlex

    recipe = AmplitudeRecipe(noise=0.02, hidden=[64, 32], file="it's here.csv", calibrate=False)
    assert eval(recipe.as_python().replace("wb.", "")).hash == recipe.hash
    words = shlex.split(recipe.as_command())[2:]
    values = {words[i].removeprefix("--").replace("-", "_"): words[i + 1] for i in range(0, len(words), 2)}
    assert AmplitudeRecipe(**values).hash == recipe.hash


def test_an_option_that_came_later_leaves_the_runs_from_before_their_names():
    before = {name: value for name, value in AmplitudeRecipe().to_dict().items() if name != "first_width"}
    assert AmplitudeRecipe.from_dict(before).hash == AmplitudeRecipe().hash == "1f2cd8a5e79a"
    ensemble = AmplitudeRecipe(uncertainty="repulsive_ensemble")
    assert ensemble.replace(first_width=2.0).hash != ensemble.hash


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (Path("/data/mine.h5"), "/data/mine.h5"),
        ("  /data/mine.h5 ", "/data/mine.h5"),
        ("'/data/my events.h5'", "/data/my events.h5"),
        (' "/data/mine.h5"', "/data/mine.h5"),
        ("file:///data/my%20events.h5", "/data/my events.h5"),
        ("file://localhost/data/mine.h5", "/data/mine.h5"),
        ("$HOME/mine.h5", "~/mine.h5"),
        ("${HOME}/mine.h5", "~/mine.h5"),
        ("~/mine.h5", "~/mine.h5"),
        ("it's here.csv", "it's here.csv"),
        ("$HOMELY/mine.h5", "$HOMELY/mine.h5"),
        (" ", ""),
        ("'/data/mine.h5'\n", "/data/mine.h5"),
        (b"/data/mine.h5", "/data/mine.h5"),
        ('"' * 1_500 + "/data/mine.h5" + '"' * 1_500, "/data/mine.h5"),
    ],
)
def test_a_path_is_understood_as_it_is_pasted(typed, meant):
    assert AmplitudeRecipe(file=typed).file == GeneratorRecipe(file=typed).file == meant
    assert located("~/mine.h5") == Path.home() / "mine.h5" and located("mine.h5") == Path.cwd() / "mine.h5"


def test_values_of_numpy_are_those_of_python():
    np = pytest.importorskip("numpy")
    recipe = AmplitudeRecipe(
        calibrate=np.False_, noise=np.float32(0.05), steps=np.int64(7), hidden=np.array([16, 8]), events=np.array(200), boost_rounds=2.0
    )
    assert recipe.calibrate is False and recipe.steps == 7 and recipe.hidden == [16, 8] and recipe.events == 200
    assert AmplitudeRecipe.from_json(recipe.to_json()).hash == recipe.hash
    with pytest.raises(RecipeError):
        AmplitudeRecipe(steps=np.True_)
