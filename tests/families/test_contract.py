"""What every family keeps: its first preset, made small, trains; and everything of it that the house looks for is there."""

from __future__ import annotations

import shlex
import threading
import time

import numpy as np
import pytest
import xarray as xr

from workbench.__main__ import main
from workbench.families import FAMILIES, family_of, kind_of, parts, product_named, with_values
from workbench.figures import FIGURES, THEMES
from workbench.results.product import product_of
from workbench.runs.store import RunStore
from workbench.runs.sweep import sweep
from workbench.runs.worker import run_job
from workbench.stories import STORIES, stories_of
from workbench.studios.server.gate import PAGES, SOCKETS

SMALL = {
    "events": 300,
    "test_events": 200,
    "hidden": [8],
    "blocks": 2,
    "bins": 4,
    "batch_size": 64,
    "steps": 40,
    "draws": 3,
    "device": "cpu",
}

pytestmark = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def small_recipe(family, **changes):
    recipe = next(iter(family.presets.values())).recipe
    return recipe.replace(**{name: value for name, value in {**SMALL, **changes}.items() if name in recipe.options()})


def job_of(family, **changes):
    small = small_recipe(family, **changes)
    return kind_of(small).job.load()(small)


def losses(reports):
    return [value for report in reports for value in report.losses.values()]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


def test_a_small_training_learns(family, home):
    """What is said of the data, without the price of the error bars."""
    found = [report.losses.get("likelihood", report.losses["loss"]) for report in job_of(family, steps=400, events=1_000).train()]
    assert np.isfinite(found).all() and np.mean(found[-5:]) < np.mean(found[:5]) - 0.05


def test_a_training_stops_when_it_is_asked_to_and_can_go_on(family, home, tmp_path):
    run = RunStore(tmp_path / "runs").create(small_recipe(family, steps=1_000_000))
    thread = threading.Thread(target=run_job, args=(run.path,))
    thread.start()
    end = time.monotonic() + 60
    while (run.status.step == 0 or run.latest_snapshot() is None) and time.monotonic() < end:
        time.sleep(0.02)
    run.control("stop")
    thread.join(60)
    status = run.status
    assert status.state == "stopped" and 0 < status.step < 1_000_000 and status.resumable
    assert product_of(run.latest_snapshot()) == kind_of(run.recipe).product.load().name


def test_memory_that_is_not_there_is_refused_beforehand_with_what_would_fit(family, home, monkeypatch):
    monkeypatch.setattr("workbench.training.job.free_memory", lambda device: 1_000_000)
    with pytest.raises(ValueError, match=r"^This needs about .* to train and .* to predict, but 1 MB are free; .* would fit\.$"):
        job_of(family)


def test_the_same_seed_gives_the_same_curve_and_a_resumed_training_goes_on_bitwise(family, home):
    one, other = job_of(family), job_of(family)
    begun = one.train()
    first = next(begun)
    saved = one.checkpoint()
    rest = list(begun)
    assert losses([first, *rest]) == losses(other.train())
    resumed = job_of(family)
    resumed.resume(*saved)
    assert losses(resumed.train()) == losses(rest)
    xr.testing.assert_equal(resumed.prediction("test"), one.prediction("test"))


def test_snapshot_and_prediction_name_their_product_which_its_figures_draw_in_all_themes(family, home):
    job = job_of(family)
    list(job.train())
    product = kind_of(job.recipe).product.load()
    snapshot, prediction = job.snapshot(), job.prediction("test")
    assert snapshot.attrs["product"] == prediction.attrs["product"] == product.name == product_of(prediction)
    assert product_named(product.name) is product and product.sentence(prediction)
    drawn = [entry for entry in family.figures.load().values() if entry.takes == product.name]
    assert drawn
    for entry in drawn:
        for theme in THEMES:
            assert entry.as_dict(prediction if entry.finished else product.summary(snapshot), theme)["layout"]
    ((options, numbers),) = product.points(prediction, job.prediction("train"))
    assert options == {} and set(product.known) <= set(numbers.data_vars)
    assert np.isfinite([float(numbers[name]) for name in list(product.known)[:1]]).all()


def test_page_command_preset_story_and_door_exist(family):
    page = family.page.load()
    assert page.family is family and all(card.name in FIGURES for card in page.cards)
    assert {name for card in page.cards for name in card.choose} <= {chooser.name for chooser in page.choosers}
    assert f"/{family.place}" in PAGES and f"/{family.place}/ws".replace("//", "/") in SOCKETS
    assert family.command and family.presets and all(family_of(preset.recipe) is family for preset in family.presets.values())
    assert page.stories == stories_of(family) and page.stories and set(page.stories) <= set(STORIES)
    assert callable(family.events.load()) and all(kind.job.load() and kind.product.load() for kind in family.kinds)


def test_a_sweep_is_trained_from_python_and_told_by_the_command_line(family, home, tmp_path, capsys):
    recipe = small_recipe(family)
    product = kind_of(recipe).product.load()
    store = RunStore(tmp_path / "runs")
    found = sweep(recipe, runs=store, progress=False, seed=[1, 2], steps=[30, 60])
    first = next(iter(product.known))
    assert found.attrs["product"] == product.scan and found[first].dims == ("seed", "steps") and np.isfinite(found[first]).all()
    trainings = parts(recipe, {"seed": [1, 2], "steps": [30, 60]})
    assert len(store.runs()) == len(trainings) and all(store.find(part) for _, part in trainings)
    typed = with_values(with_values(recipe, "seed", [1, 2]), "steps", [30, 60]).as_command()
    assert main([*shlex.split(typed)[1:], "--runs", str(store.root)]) == 0  # which trains nothing anew
    table = capsys.readouterr().out.splitlines()
    assert {*table[0].split()[:2]} == {"seed", "steps"} and len(table) == 5 and len(store.runs()) == len(trainings)
