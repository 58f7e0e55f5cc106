"""S1: whatever stands in a recipe, a link, a control file or a message of a browser is read, or refused in a sentence that names it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe, SweepRecipe
from workbench.families.generators.page import Generators
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.runs.files import seal
from workbench.runs.store import RunStore
from workbench.runs.worker import Worker, _job
from workbench.studios.pages.address import read
from workbench.studios.pages.hearing import HEARD
from workbench.studios.server.house import Guest, House
from workbench.training.recipe import Recipe, RecipeError

KINDS = [AmplitudeRecipe, GeneratorRecipe, SweepRecipe]
SLOWEST = 0.1  # seconds for one input
strange = st.sampled_from(["1e999", "nan", "-1", "0x1", "²", "\0", "'"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | strange,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EXAMPLES = int(os.environ.get("WORKBENCH_FUZZ", "100"))  # per test
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


class quickly:
    def __enter__(self):
        gc.disable()  # what the tests before have left behind is not this one's time
        self.begin = time.process_time()

    def __exit__(self, *_):
        spent = time.process_time() - self.begin
        gc.enable()
        assert spent < SLOWEST


@pytest.mark.parametrize("kind", KINDS)
@fuzzed
@given(data=st.data())
def test_an_option_is_taken_or_refused_by_name(kind, data):
    name = data.draw(st.sampled_from(list(kind.options())))
    value = data.draw(anything)
    try:
        with quickly():
            kind.from_dict({"recipe": kind.kind, name: value})
    except RecipeError as problem:
        assert (name in str(problem) or name == "axes") and "\n" not in str(problem) and len(str(problem)) < 1_000


@fuzzed
@given(st.dictionaries(st.sampled_from(["recipe", "noise", "axes", "hidden", "steps"]) | st.text(max_size=10), anything, max_size=5))
def test_any_recipe_file_is_read_or_refused(values):
    for text in (json.dumps(values), json.dumps(values)[:-1], json.dumps([values])):
        try:
            with quickly():
                Recipe.from_json(text)
        except RecipeError as problem:
            assert str(problem)


@fuzzed
@given(st.text(max_size=200))
@example("[" * 60_000)
@example('{"noise": ' + "9" * 5_000 + "}")
@example('{"noise": 1e999}')
@example('{"noise": 0, "noise": 1}')
@example('{"hidden": "' + "1," * 30_000 + '"}')
def test_any_text_as_a_recipe_is_refused_in_a_sentence(text):
    with quickly(), pytest.raises(RecipeError):
        Recipe.from_json(text)
        raise RecipeError("it may even be one")


@pytest.mark.parametrize("kind", [AmplitudeRecipe, GeneratorRecipe])
@fuzzed
@given(data=st.data())
def test_a_problem_in_a_link_is_named_and_the_rest_is_kept(kind, data):
    names = st.sampled_from(["run", "compare", "preset", "tab", "story", "step", "follow", "lead", *kind.options()]) | st.text(max_size=12)
    values = st.lists(st.text(max_size=30) | st.binary(max_size=30), min_size=1, max_size=2)
    arguments = data.draw(st.dictionaries(names, values, max_size=4))
    with quickly():
        address = read(arguments, kind, tabs=["training"], choosers={"observable": ["pt"], "subset": ["4"]}, stories=["noise"])
    assert all(problem.startswith("In the link: ") for problem in address.problems)
    kind(**address.options)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """One for all examples: each new one would wait, lest the one before is just beginning."""
    run, lock = RunStore(tmp_path_factory.mktemp("runs")).create_owned(AmplitudeRecipe(), "")
    yield Worker(run, _job, lock, None, None)
    lock.release()


@fuzzed
@given(values=anything | st.fixed_dictionaries({}, optional={key: anything for key in ("command", "serial", "steps", "asked")}))
@example(values={"command": "step", "serial": 1, "asked": "7"})
@example(values={"command": ["stop"], "serial": {}, "asked": None})
def test_a_worker_obeys_or_ignores_any_control_file(worker, values):
    content = seal(values) if isinstance(values, dict) else json.dumps(values).encode()
    (worker.run.path / "control.json").write_bytes(content)
    control = worker.run.read_control()
    assert control["command"] in ("run", "pause", "step", "stop")
    assert all(type(control[key]) is int and control[key] >= 0 for key in ("serial", "steps", "asked"))
    worker.serial, worker.stopping, worker.paused, worker.allowance, worker.asked = -1, False, False, 0, 0  # as if it had just begun
    try:
        worker._listen()
    except BaseException as problem:
        assert type(problem).__name__ == "Stopped" and control["command"] == "stop"


@pytest.mark.parametrize("studio", [Amplitudes, Generators])
@fuzzed
@given(data=st.data())
def test_whatever_a_browser_says_is_heard_or_ignored(tmp_path_factory, studio, data):
    if studio not in PAGES:
        PAGES[studio] = studio(runs=tmp_path_factory.mktemp("runs"), guest=Guest(House(gallery=True), "a" * 32, False))
        PAGES[studio].refresh(everything=True)
    page = PAGES[studio]
    keys = st.sampled_from([*HEARD, "on", "value", "projector"]) | st.text(max_size=6)
    values = anything | st.sampled_from(["train", "stop", "space", "left", "r", "p", "runs", "stories", "newest", "play", "training"])
    page.form._handle_msg(data.draw(st.dictionaries(keys, values, max_size=4)))
    assert json.loads(page.frame.state)["tab"] in [tab.name for tab in page.tabs]
    assert all(isinstance(notice, str) and len(notice) < 2_000 for notice in page.notices)
    assert not page.library.own.runs()


PAGES: dict = {}


@pytest.mark.slow
def test_the_same_holds_for_ten_thousand():
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=os.environ | {"WORKBENCH_FUZZ": "1100"}, capture_output=True, text=True, timeout=1_800)
    assert done.returncode == 0, done.stdout[-3_000:]
