"""The numbers that ship with the stories: of these very trainings, dated, and enough to draw the slide."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from workbench.families import generators, kind_of
from workbench.figures import FIGURES
from workbench.stories import STORIES, stories_of, story
from workbench.stories.story import KEPT as FOLDER

GENERATORS = stories_of(generators.GENERATORS)
KEPT = [name for name in STORIES if name not in GENERATORS or (FOLDER / f"{name}.nc").exists()]


@pytest.mark.parametrize("name", KEPT)
def test_what_ships_is_of_these_trainings_and_says_when_and_where_it_was_made(name):
    told = story(name)
    kept = told.kept
    assert kept is not None, f"{name} has changed since its numbers were kept; train it anew and keep them."
    made = datetime.datetime.fromisoformat(kept.attrs["made"])
    assert made.year >= 2026 and kept.attrs["device"] and len(kept.attrs["runs"].split()) == len(told.runs)
    number = next(iter(kind_of(told.runs[0][1]).product.load().known))  # the first one is that which every training has
    assert np.isfinite(kept[number]).all()
    verdict = told.judge(kept)
    assert verdict.holds is not None and verdict.rows


DRAWN = ("coverage", "calibration", "members", "scaled")  # amplitudes whose figures need the events of their trainings
SHIPPED = [name for name in KEPT if name in DRAWN or all(FIGURES[p.figure].takes in ("scan", "generator") for p in story(name).panels)]


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_enough_for_the_figure(name):
    told = story(name)
    for panel in told.panels:
        data = told.figure(panel, []).data
        assert len(data) > 1 or (data[0].type == "heatmap" and len(data[0].y) == len(data[0].z))


def test_another_size_has_nothing_kept():
    assert story("plateau", full=True).kept is None
