"""Stories, sweeps and the slider over time, as a lecturer uses them; with a story of two small sweeps that the test server knows."""

from __future__ import annotations

import pytest
from test_amplitudes import address, until

from workbench.families.amplitudes.recipe import SweepRecipe
from workbench.runs.store import RunStore

SWEEP = """
import json, sys
from workbench.runs.launcher import launch
from workbench.families.amplitudes.recipe import SweepRecipe
options = {"events": 2_000, "test_events": 2_000, "hidden": [64, 64], "steps": 40_000, "inputs": "invariants"}
print(launch(SweepRecipe(**options, axes=json.loads(sys.argv[1]))).id)
"""

# window.all(root, selector): what matches, also within shadow roots.
ALL = """window.all = (root, selector) => [...root.querySelectorAll(selector),
  ...[...root.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? all(e.shadowRoot, selector) : []))]"""


def points(page, figure=None):
    """How often a figure was drawn, and with how many points the last time."""
    of = "" if figure is None else f".filter((d) => d.figure === {figure!r})"
    return page.evaluate(f"[drawn{of}.length, drawn{of}.at(-1)?.points ?? 0]")


def test_a_story_is_trained_from_its_slide_and_grows(visit, server):
    page = visit("?tab=stories&story=tiny")
    assert page.inner_text(".slide h2") == "Tiny: the σsyst of a test"
    until(lambda: "Not trained yet: 2 trainings" in page.inner_text(".stands"), 10, "the slide")
    assert page.is_hidden("aside") and page.is_hidden(".transport")
    page.evaluate("drawn.length = 0")
    page.click("[data-tell=train]")
    until(lambda: points(page)[1] > 0, 30, "the first points")
    until(lambda: page.inner_text(".stands").startswith("Training: step") and "left" in page.inner_text(".stands"), 30, "the time left")
    assert "not known yet" in page.inner_text(".ours h3") and page.is_visible("[data-tell=stop]")
    before = points(page)[0]
    until(lambda: points(page)[0] > before + 3, 30, "growth")
    until(lambda: page.inner_text(".stands").startswith("Trained in"), 120, "the end")
    until(lambda: "agrees in part (1 of 2)" in page.inner_text(".ours h3"), 10, "the verdict")
    assert page.locator(".ours tbody .mark").all_inner_texts() == ["✓", "–", "✗"] and page.is_hidden("[data-tell=train]")
    assert page.locator(".sources li").count() == 2
    page.reload()
    page.wait_for_selector(".slide")
    until(lambda: points(page)[1] > 10 and "Trained in" in page.inner_text(".stands"), 20, "the same again")
    page.click(".sources button >> nth=0")
    until(lambda: "run=" in address(page) and "tab=" not in address(page), 5, "the sweep behind it")
    assert page.inner_text("[role=tab][aria-selected=true]") == "Sweep"  # where a sweep begins
    page.wait_for_function(
        "['plateau', 'sweep_pulls', 'noise_peaks'].every((name) => drawn.some((d) => d.figure === name && d.points > 10))"
    )


# Every 100 ms: how many figures the slide shows, how many curves the emptiest of them has, and what stands below.
SAMPLE = """() => {
  window.sampled = []
  setInterval(() => {
    const figures = all(document, ".js-plotly-plot").filter((e) => e.checkVisibility())
    const curves = figures.map((e) => e.querySelectorAll(".scatterlayer .trace").length)
    sampled.push([figures.length, Math.min(...curves, 99), all(document, ".stands")[0].textContent])
  }, 100)
}"""


def test_at_no_moment_is_a_slide_blank_while_its_story_trains_nor_is_a_follower_s_phone(visit, server):
    page = visit("?tab=stories&story=shipped")
    page.click("text=Follow me")
    phone = visit("follow", width=390, height=844)
    for one in (page, phone):
        until(lambda one=one: "Shipped result of" in one.inner_text(".stands") and points(one)[1] > 0, 20, "the slide")
        one.evaluate(f"{ALL}; ({SAMPLE})()")
    page.click("[data-tell=train]")
    until(lambda: page.inner_text(".stands").startswith("Trained in"), 120, "the end")
    until(lambda: "here, now" in page.inner_text(".ours thead"), 10, "both columns")
    sampled = page.evaluate("sampled")
    said = {words.split(" ")[0] for _, _, words in sampled}
    assert len(sampled) > 10 and all(figures == 1 and curves > 0 for figures, curves, _ in sampled), sampled
    assert {"Training:", "Trained"} <= said and "Looking" not in said
    until(lambda: phone.inner_text(".stands").startswith("Trained in"), 10, "the end on the phone")
    followed = phone.evaluate("sampled")
    assert len(followed) > 10 and all(figures == 1 and curves > 0 for figures, curves, _ in followed), followed
    assert "Training:" in {words.split(" ")[0] for _, _, words in followed}
    page.click("text=Back to the shipped numbers")
    until(lambda: "Shipped result of" in page.inner_text(".stands") and "ours" in page.inner_text(".ours thead"), 10, "the way back")
    assert all(figures == 1 and curves > 0 for figures, curves, _ in page.evaluate("sampled"))
    page.click("text=To what is trained here")
    until(lambda: page.inner_text(".stands").startswith("Trained in"), 10, "and forth")
    page.click("text=Follow me")


def test_a_story_is_stopped_from_its_slide(visit, server):
    page = visit("?tab=stories&story=repulsion")
    until(lambda: "Shipped result of" in page.inner_text(".stands"), 10, "the slide")
    page.click("[data-tell=train]")
    until(lambda: "Training: step" in page.inner_text(".stands"), 60, "training")
    page.click("[data-tell=stop]")
    until(lambda: page.inner_text(".stands").startswith("Not complete"), 15, "the end")
    assert page.inner_text("[data-tell=train]").startswith("Resume")
    assert not any(run.alive() for run in RunStore(server.home / "runs").runs())


def test_keys_go_through_the_stories_and_the_chooser_is_off_the_projector(visit):
    page = visit("?tab=stories", width=1920, height=1080)
    assert page.locator(".chooser ol button").count() > 10
    title = page.inner_text(".slide h2")
    page.keyboard.press("ArrowRight")
    until(lambda: page.inner_text(".slide h2") != title, 3, "the next story")
    assert "story=plateau" in address(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    until(lambda: "story=tiny" in address(page), 3, "the last story")
    page.keyboard.press("f")
    until(lambda: page.is_hidden(".chooser"), 3, "projector")
    page.keyboard.press("PageDown")
    until(lambda: page.inner_text(".slide h2") == title, 3, "the first story")
    assert page.is_visible(".slide .look")


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1024, 768), (390, 844)])
def test_no_slide_sticks_out_of_the_page(visit, width, height):
    page = visit("?tab=stories", width=width, height=height)
    for _ in range(4):
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("ArrowRight")
    box = page.locator(".slide .figures").bounding_box()
    assert box["width"] > 0.45 * min(width, 1300) and box["height"] > 300


def test_a_sweep_that_trains_grows_in_its_own_tab(visit, server):
    run = RunStore(server.home / "runs").open(server.python(SWEEP, '{"noise": [0.0, 0.01, 0.1], "uncertainty": ["deterministic", "bnn"]}'))
    assert isinstance(run.recipe, SweepRecipe)
    try:
        page = visit(f"?run={run.id}&tab=sweep")
        page.wait_for_function("drawn.some((d) => d.figure === 'plateau' && d.points > 10)", timeout=40_000)
        before = points(page, "plateau")[0]
        until(lambda: points(page, "plateau")[0] > before + 3, 60, "growth")
        assert "sweep · noise × uncertainty · 6 points" in page.inner_text(".numbers")
        for tab in ("training", "uncertainties", "accuracy", "kinematics", "runs"):
            page.click(f"#tab-{tab}")
            page.wait_for_timeout(300)
        page.click("#tab-sweep")
        until(lambda: page.locator(".time input").count() and page.get_attribute(".time input", "max") > "2", 10, "snapshots")
        page.locator(".time input").fill("1")
        until(lambda: "step=" in address(page), 3, "an older step")
        assert "live" not in page.inner_text(".time .step")
        page.click(".time .newest")
        until(lambda: page.inner_text(".time .step").endswith("live"), 3, "the newest")
    finally:
        run.stop()


def test_the_slider_replays_a_finished_run(visit, server):
    page = visit()
    until(lambda: page.locator(".time").is_visible(), 10, "the slider")
    last = page.inner_text(".numbers td")
    page.evaluate("drawn.length = 0")
    page.locator(".time input").fill("0")
    until(lambda: page.inner_text(".numbers td") != last, 3, "older numbers")
    link = address(page)
    again = visit("?" + link.split("?")[1])
    until(
        lambda: again.locator(".time .step").is_visible() and again.inner_text(".time .step") == page.inner_text(".time .step"),
        10,
        "the same step",
    )
    page.evaluate("drawn.length = 0")
    page.keyboard.press("p")
    seconds = until(lambda: page.inner_text(".time .step").endswith("end"), 40, "the end of the replay")
    updates = points(page, "delta")[0]
    print(f"replayed in {seconds:.1f} s with {updates} drawings")
    assert seconds > 5 and updates > 10
    assert page.inner_text(".numbers td") == last


def test_only_the_differences_of_compared_runs(visit, server):
    first, second = server.finished
    page = visit(f"?run={first}&compare={second}&tab=runs")
    until(lambda: page.locator(".apart tbody tr").count() == 1, 5, "one difference")
    assert page.inner_text(".apart tbody tr").split() == ["Seed", "0", "1"]
    page.wait_for_selector(".runs tr[data-run]")
    runs = page.locator(".runs tr[data-run]").evaluate_all("rows => rows.map((row) => row.dataset.run)")
    other = next(run for run in runs if run not in server.finished)
    page.check(f".runs [data-run='{other}'] input")
    until(lambda: page.locator(".apart tbody tr").count() > 1, 5, "more differences")
