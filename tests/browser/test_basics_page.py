"""The page "Basics" as a stranger finds it: it opens first, is live with one click, and each control of it is a slide of the lecture."""

from __future__ import annotations

import re
import time

import pytest
from test_accessible import SIZES
from test_amplitudes import address, sentence, until

FINISHED = 120
"""Seconds for a training of a few thousand steps."""
# The curves of a figure as plotly has them: name, kind, colour of the line, and the mean of y where it has one.
CURVES = r"""
(name) => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  const plot = all(document).filter((e) => e.dataset?.figure === name).flatMap(all).find((e) => e.matches(".js-plotly-plot"))
  return (plot?.data ?? []).map(({name, type, line, x, y}) =>
    ({name, type, colour: line?.color, points: x?.length ?? 0, mean: y?.length ? [...y].reduce((a, b) => a + b, 0) / y.length : 0}))
}
"""

NOTES = CURVES[: CURVES.rindex("  return")] + "  return (plot?.layout.annotations ?? []).map(({text}) => text)\n}"


def curves(page, figure):
    return page.evaluate(CURVES, figure)


def mean(page, name):
    """The mean height of a curve in "What was learned"."""
    return next((curve["mean"] for curve in curves(page, "learned") if curve["name"] == name), float("nan"))


def number(page, name):
    """What stands below, or beside, a name in the line of numbers."""
    cell = page.locator(".numbers tbody td", has_text=name).first.text_content()
    return cell.replace(name, "", 1).strip()


def finish(page):
    page.locator(".numbers .chip", has_text="finished").first.wait_for(timeout=1_000 * FINISHED)


@pytest.mark.parametrize(("size", "asked"), [("hall", "./"), ("old", "basics?seed=11"), ("phone", "basics?seed=12")])
def test_a_stranger_is_live_with_one_click_and_reads_how_far_from_the_exact_answer_it_ended(visit, size, asked):
    width, height = SIZES[size]
    page = visit(asked, width=width, height=height)
    assert address(page).partition("?")[0].endswith("/basics") and page.inner_text("header a[aria-current]") == "Basics"
    page.wait_for_function("drawn.some((d) => d.figure === 'learned' && d.points > 100)")
    page.evaluate("drawn.length = 0")
    page.click("[data-action=train]")
    page.wait_for_function("drawn.some((d) => d.figure === 'learned' && d.points > 100 && d.of === 'Training')", timeout=60_000)
    finish(page)
    assert re.search(r"\d", number(page, "excess")) and number(page, "loss") != number(page, "exact answer")
    until(lambda: abs(mean(page, "network") - mean(page, "truth f(x)")) < 0.02, 20, "the curve of the end")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.timing
def test_a_stranger_is_live_within_ten_seconds_of_the_servers_answer(chromium, class_server, slowdown):
    """With a server that has just begun, a browser that knows nothing of it, and one click."""
    server, factor = class_server(), slowdown()
    server.start()
    begin = time.monotonic()
    try:
        context = chromium.new_context(viewport={"width": 1600, "height": 1000})
        server.let_in(context)
        page = context.new_page()
        page.add_init_script(server.watch)
        page.goto(server.url, wait_until="commit")
        page.wait_for_function("drawn.some((d) => d.figure === 'learned' && d.points > 100)")
        seen = time.monotonic() - begin
        page.click("[data-action=train]")
        page.wait_for_function("drawn.some((d) => d.figure === 'learned' && d.of === 'Training')", timeout=120_000)
        live = time.monotonic() - begin
        context.close()
    finally:
        server.process.terminate()
        server.process.wait(10)
    factor = max(factor, slowdown())
    print(f"first figure after {seen:.1f} s, live after {live:.1f} s, on a machine that is {factor:.1f} times slower than idle")
    assert live < 10 * factor


def test_classes_in_the_plane_are_shown_with_both_borders(visit):
    page = visit("basics")
    page.select_option("#preset", "densities")
    page.locator("[data-figure=learned] .contourlayer path").first.wait_for(timeout=20_000)
    borders = [curve["colour"] for curve in curves(page, "learned") if curve["type"] == "contour" and curve["name"] == "p = 0.5"]
    assert len(set(borders)) == 2
    drawn = page.locator("[data-figure=learned] .contourlayer path.openline").evaluate_all("all => all.map((e) => e.style.stroke)")
    assert len(set(drawn)) == 2
    assert page.is_visible("#option-class_loss, [data-option=class_loss]") and page.is_hidden("[data-option=noise]")
    assert "±" in number(page, "AUC") and re.fullmatch(r"0\.8\d+", number(page, "exact AUC"))


def test_the_squared_error_is_drawn_after_the_outliers_and_the_absolute_one_is_not(visit):
    page = visit("basics?preset=outliers")
    page.wait_for_function("drawn.some((d) => d.figure === 'learned' && d.points > 100)")
    until(lambda: 0 < mean(page, "network") - mean(page, "truth f(x)") < 0.02, 10, "the median")
    page.click("label:has(> input[name=option-loss][value=mse])")
    page.wait_for_function("() => location.search.includes('loss=mse')")
    page.click("[data-action=train]")
    finish(page)
    until(lambda: 0.04 < mean(page, "network") - mean(page, "truth f(x)") < 0.06, 20, "the mean")


@pytest.mark.parametrize("preset", ["curve", "densities"])
def test_inside_are_neurons_and_the_landscape_with_the_path(visit, preset):
    page = visit(f"basics?preset={preset}")
    page.click("#tab-inside")
    page.wait_for_function("['neurons', 'landscape'].every((name) => drawn.some((d) => d.figure === name && d.points > 0))")
    neurons = curves(page, "neurons")
    assert len(neurons) == 32 if preset == "curve" else neurons[0]["type"] == "heatmap"
    path = next(curve for curve in curves(page, "landscape") if curve["name"] == "path of the optimiser")
    assert path["points"] > 20


def test_a_wrong_value_is_said_beside_its_field_and_trains_nothing(visit):
    page = visit("basics")
    page.fill("#option-points", "2")
    page.press("#option-points", "Enter")
    page.locator("#option-points-error", has_text="between 10 and 100,000").wait_for()
    assert "Points" in sentence(page) and page.is_disabled("[data-action=train]")
    page.fill("#option-points", "1k")
    page.press("#option-points", "Enter")
    page.locator("[data-action=train]:enabled").wait_for()
    assert page.input_value("#option-points") == "1000"


def test_space_trains(visit):
    page = visit("basics?seed=13&steps=20000")
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    page.keyboard.press("Space")
    until(lambda: sentence(page).startswith("Training"), 30, "training")
    page.click("[data-action=stop]")
    page.locator("[data-action=resume]").wait_for(timeout=30_000)


def test_an_old_link_opens_amplitudes(visit):
    page = visit("./?events=200&hidden=16")
    assert address(page).split("/")[-1].startswith("amplitudes?")
    assert page.input_value("#option-events") == "200" and page.input_value("#option-hidden") == "16"


def test_the_rate_is_changed_while_it_trains_and_the_figure_says_where(visit):
    page = visit("basics?toy=shift&points=200&hidden=16&steps=200000&schedule=constant")
    page.click("[data-action=train]")
    until(lambda: sentence(page).startswith("Training"), 30, "a training")
    assert page.locator("[data-action=change]").count() == 0
    box = page.locator("[data-option=learning_rate] input[type=text]")
    box.fill("0.0007")
    box.press("Enter")
    until(lambda: page.locator("[data-action=change]").count() == 1, 10, "the button")
    assert "Learning rate 0.0007" in page.get_attribute("[data-action=change]", "title")
    page.click("[data-action=change]")
    until(lambda: page.locator("[data-action=change]").count() == 0, 10, "the change")
    until(lambda: page.evaluate(NOTES, "learning") == ["Learning rate 0.0007"], 20, "the mark in the figure")
    assert sentence(page).startswith("Training"), "the same run trains on"
    page.click("[data-action=stop]")
    until(lambda: sentence(page).startswith("Stopped"), 20, "the end")
