"""Preset, text and picture agree in a real browser; figures of another recipe say whose they are, and nothing moves when they do."""

from __future__ import annotations

import time

import pytest
from test_amplitudes import report, until

from workbench.families import PRESETS

TITLE = ".numbers tbody th b"
RIBBON = ".ribbon"
LOOKS = {"light": {}, "dark": {"workbench_theme": "dark"}}
PLACES = {"amplitude": "", "generator": "generators"}

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


@pytest.mark.parametrize("kind", PLACES)
def test_choosing_any_preset_shows_its_own_finished_run_within_a_second(visit, slowdown, kind):
    page = visit(PLACES[kind])
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    measured, factor = [], slowdown()
    for name, preset in reversed(PRESETS[kind].items()):
        title = preset.title.replace("_", "")  # σ_syst has an index on the page
        page.evaluate("drawn.length = 0")
        begin = time.monotonic()
        page.select_option("#preset", name)
        until(lambda title=title: page.inner_text(TITLE) == title, 20, name)
        page.wait_for_function("drawn.some((d) => d.points > 10)")
        measured.append((time.monotonic() - begin, factor))
        assert page.inner_text(".numbers .chip") == "example" and told(page) == ""
        assert page.text_content(".see").replace(" ", "")[:20] == preset.see.replace(" ", "")[:20]
    print(f"presets shown after {report(measured)} s")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1920, 1080)])
def test_an_edit_marks_the_figures_and_undoing_it_removes_the_mark_without_moving_anything(visit, look, width, height, tmp_path):
    page = visit(width=width, height=height, cookies=LOOKS[look].items())
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
