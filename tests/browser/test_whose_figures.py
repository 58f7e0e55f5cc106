"""Preset, text and picture agree in a real browser; figures of another recipe say whose they are, and nothing moves when they do."""

from __future__ import annotations

import time

import pytest
from test_amplitudes import report, until

from workbench.families import FAMILIES, PRESETS

TITLE = ".numbers tbody th b"
RIBBON = ".ribbon"
LOOKS = {"light": {}, "dark": {"workbench_theme": "dark"}}
PLACES = {family.recipe.kind: family.place for family in FAMILIES}

PLACED = """
const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
all(document).filter((e) => e.matches(".tabs, .card") && e.offsetParent)
  .map((e) => e.getBoundingClientRect()).map((r) => [r.x, r.y, r.width, r.height])
"""


def told(page) -> str:
    return page.inner_text(RIBBON).strip()


def places(page) -> list[list[float]]:
    """Where the tabs and the cards are."""
    return page.evaluate(PLACED)


def choose(page, kind: str, name: str) -> float:
    """Choose a preset and wait for its finished run; how long that took [s]."""
    title = PRESETS[kind][name].title.replace("_", "")  # σ_syst has an index on the page
    page.evaluate("drawn.length = 0")
    begin = time.monotonic()
    page.select_option("#preset", name)
    until(lambda: page.inner_text(TITLE) == title, 60, name)
    page.wait_for_function("drawn.some((d) => d.points > 10)", timeout=60_000)
    return time.monotonic() - begin


OF_THAT_RECIPE = ("example", "finished")
"""The run that ships, or one of the same recipe that another test has trained on the same server."""


@pytest.mark.parametrize("kind", PLACES)
def test_choosing_any_preset_shows_its_own_finished_run_and_an_edit_says_that_it_is_another_recipe_s(visit, kind):
    page = visit(PLACES[kind])
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    for name, preset in reversed(PRESETS[kind].items()):
        choose(page, kind, name)
        assert page.inner_text(".numbers .chip") in OF_THAT_RECIPE and told(page) == ""
        assert page.text_content(".see").replace(" ", "")[:20] == preset.see.replace(" ", "").replace("_", "")[:20]
        shown = next(option for option in ("#option-steps", "#option-events") if page.is_visible(option))
        page.fill(shown, "7777")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-other]")
        assert told(page).startswith("These figures belong to") and page.inner_text(".numbers .chip") in OF_THAT_RECIPE
        page.click("[aria-label^='Undo']")
        page.wait_for_selector(".studio:not([data-other])")
        assert told(page) == ""


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=() if kind == "amplitude" else pytest.mark.slow) for kind in PLACES])
def test_a_preset_s_finished_run_is_shown_within_a_second(visit, slowdown, kind):
    page = visit(PLACES[kind])
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    before, names = slowdown(), [*reversed(PRESETS[kind])]
    took = [choose(page, kind, name) for name in names]
    factor = max(before, slowdown())
    print(f"presets shown after {report([(seconds, factor) for seconds in took])} s")
    assert max(took) < 1.0 * factor, dict(zip(names, took, strict=True))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1920, 1080)])
def test_an_edit_marks_the_figures_and_undoing_it_removes_the_mark_without_moving_anything(visit, look, width, height, tmp_path):
    page = visit(width=width, height=height, cookies=LOOKS[look].items())
    if width < 1100 and page.is_hidden("aside"):
        page.click("#recipe")
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    title, before = page.inner_text(TITLE), places(page)
    assert before and told(page) == ""
    page.fill("#option-noise", "0.05")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-other]")
    assert told(page).startswith(f"These figures belong to {title}. Press Train to learn it with Noise")
    assert page.get_attribute(RIBBON, "role") == "status"
    assert places(page) == before
    page.screenshot(path=tmp_path / f"belongs-{look}-{width}.png")
    page.click("[aria-label^='Undo Noise']")
    page.wait_for_selector(".studio:not([data-other])")
    assert told(page) == "" and places(page) == before and page.inner_text(TITLE) == title


def test_a_training_begun_beside_the_figures_takes_the_mark_away(visit, server):
    page = visit("?events=2000&test_events=2000&hidden=32,32&steps=300&seed=41")
    page.wait_for_selector("[data-other]")
    assert "Press Train to learn" in told(page)
    page.click("[data-action=train]")
    page.wait_for_selector(".studio:not([data-other])", timeout=60_000)
    assert told(page) == ""
    until(lambda: page.inner_text(".numbers .chip") == "finished", 60, "training")
    page.fill("#option-seed", "42")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-other]")
    assert told(page).endswith(" here).")  # it has just been seen how long that takes
