"""A story that was taken home opens from disk, on a phone and on a laptop: it asks nobody, complains of nothing, and goes through time."""

from __future__ import annotations

import pytest
from test_amplitudes import until

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.stories import Panel, Row, Story, story
from workbench.stories.story import listed
from workbench.stories.take_home import take_home

SMALL = AmplitudeRecipe(events=2_000, test_events=2_000, hidden=[32, 32], steps=600, inputs="invariants", uncertainty="bnn")
EVIL = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
# Of each figure: how many points its curves have, and the sum of those that are drawn as a histogram or a loss.
DRAWN = """[...document.querySelectorAll(".plot")].map((plot) => [
  (plot.data ?? []).reduce((sum, curve) => sum + (curve.x?.length ?? 0), 0),
  (plot.data ?? []).flatMap((curve) => [...(curve.y ?? [])]).filter((y) => Number.isFinite(y)).reduce((sum, y) => sum + Math.abs(y), 0)])"""


@pytest.fixture
def opened(chromium):
    """opened(path, width) is a page that shows a file from disk; it must ask for nothing else, and not complain."""
    contexts, asked, complaints = [], [], []

    def opened(path, width):
        contexts.append(chromium.new_context(viewport={"width": width, "height": 800}))
        page = contexts[-1].new_page()
        page.on("request", lambda request: None if request.url == path.as_uri() else asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-shown]", timeout=60_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert asked == [], "the file asked for something"
    assert complaints == [], "the file complained on the console"


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    def rows(scan):
        return [Row("median |Δ|", float(scan["delta_median"].min()), 0.0), Row(EVIL, 1.0, 2.0)]

    panels, recipes = (Panel("losses"), Panel("systematic_pull")), {"one": SMALL, EVIL: SMALL.replace(seed=1)}
    one = Story("tiny", EVIL, "σ_syst", "Look.", EVIL, panels, rows=rows, seconds=1, **listed("network", recipes))
    folder = tmp_path_factory.mktemp("home")
    one.train(folder / "runs", progress=False)
    path = folder / "tiny.html"
    path.write_text(take_home(one, one.found(folder / "runs")), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [390, 1024])
def test_a_story_from_disk_goes_through_time_and_asks_nobody(opened, taken, width):
    page = opened(taken, width)
    assert page.inner_text("h1") == EVIL and "agrees in part (1 of 2)" in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    end, last = page.evaluate(DRAWN), page.evaluate("+document.getElementById('moment').max")
    assert last >= 2 and page.inner_text("#when") == "the end" and all(points > 50 for points, _ in end)
    page.focus("#moment")
    for place in range(last - 1, -1, -1):
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector(f"body[data-shown='{place}']")
    assert page.inner_text("#when").endswith(" of 600")
    begin = page.evaluate(DRAWN)
    assert begin[0][0] < end[0][0] and begin[1][1] != end[1][1]
    page.click("#play")
    until(lambda: page.inner_text("#when") == "the end" and page.inner_text("#play") == "Play", 60, "the end of the replay")
    page.wait_for_selector(f"body[data-shown='{last}']")
    assert page.evaluate(DRAWN) == end
    page.set_viewport_size({"width": 700, "height": 800})
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 700, 10, "the new width")


@pytest.mark.parametrize("name", ["maps", "plateau"])
def test_what_ships_is_drawn_without_a_slider(opened, tmp_path, name):
    path = tmp_path / f"{name}.html"
    path.write_text(take_home(story(name)), encoding="utf-8")
    page = opened(path, 390)
    assert page.is_hidden("#time") and all(points > 0 for points, _ in page.evaluate(DRAWN))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_button_of_a_slide_gives_the_file(visit, opened, tmp_path):
    page = visit("?tab=stories&story=plateau")
    until(lambda: page.is_visible("text=Take home"), 20, "the button")
    with page.expect_download(timeout=60_000) as download:
        page.click("text=Take home")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "plateau.html" and path.stat().st_size < 6_000_000
    assert opened(path, 1024).inner_text("h1") == page.inner_text(".slide h2")
