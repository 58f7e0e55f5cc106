"""What every family keeps: its first preset, made small, trains; and everything of it that the house looks for is there."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from workbench.families import FAMILIES, family_of, kind_of, product_named
from workbench.figures import FIGURES, THEMES
from workbench.results.product import product_of
from workbench.stories import STORIES, stories_of
from workbench.studios.gate import PAGES, SOCKETS

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


def job_of(family):
    recipe = next(iter(family.presets.values())).recipe
    small = recipe.replace(**{name: value for name, value in SMALL.items() if name in recipe.options()})
    return kind_of(small).job.load()(small)


def losses(reports):
    return [value for report in reports for value in report.losses.values()]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))


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
    assert f"/{family.place}" in PAGES and f"/{family.place}/ws".replace("//", "/") in SOCKETS
    assert family.command and family.presets and all(family_of(preset.recipe) is family for preset in family.presets.values())
    assert page.stories == stories_of(family) and page.stories and set(page.stories) <= set(STORIES)
    assert callable(family.events.load()) and all(kind.job.load() and kind.product.load() for kind in family.kinds)
