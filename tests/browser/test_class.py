"""A class in real browsers: the door, following a lecture, and S3: text that would be script, in every place that a user can fill."""

from __future__ import annotations

import io
import re
from urllib.parse import quote

import numpy as np
import pytest

from workbench.studios.server.door import own_address

CLASS, LECTURER = "class-token-1", "lecturer-token-1"
CANARY = "<img src=x onerror=window.XSS=1>"
MADE = """
import shutil, sys
from workbench.runs import netcdf
from workbench.runs.files import read, replace, seal, unseal
from workbench.runs.store import RunStore
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
canary = sys.argv[1]
for kind, values in ((AmplitudeRecipe, {"events": 2_000}), (GeneratorRecipe, {"dataset": "z_jets"})):
    run = RunStore().create(kind(**values, file=f"/nowhere/{canary}.h5"), title=canary)
    status = unseal(read(run.path / "status.json"), "status")
    told = {"state": "failed", "message": canary, "device": canary, "host": canary, "started": canary, "updated": canary, "steps": 10}
    replace(run.path / "status.json", seal(status | told))
    record = unseal(read(run.path / "recipe.json"), "recipe")
    versions = {canary: canary, **dict.fromkeys(record["versions"], canary)}
    replace(run.path / "recipe.json", seal(record | {"created": canary, "versions": versions}))
    losses = {"loss": 1.0, "likelihood": 1.0, "kl": 0.1, canary: 1.0}
    lines = [{"step": step, "steps": 10, "seconds": 0.1 * step, "losses": losses, "validation": losses} for step in (1, 2, 3)]
    replace(run.path / "reports.jsonl", b"".join(map(seal, lines)))
    print(run.id)
for letter, needed in (("a", {"recipe", "process", "dataset", "axes", "product"}), ("b", {"recipe"})):
    copy = RunStore().root / f"{12 * letter}-1"
    shutil.copytree(RunStore().root / sys.argv[2], copy)
    groups = netcdf.decode(read(copy / "run.nc"), "run.nc")
    for dataset in groups.values():
        dataset.attrs |= {name: canary for name in dataset.attrs if name not in needed} | {canary: canary}
        for variable in dataset.variables.values():
            variable.attrs |= dict.fromkeys(("long_name", "units", "description"), canary)
    replace(copy / "run.nc", netcdf.encode(groups))
    print(copy.name)
"""
FOUND = """() => {
  const roots = (root) => [root, ...[...root.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? roots(e.shadowRoot) : []))]
  const all = roots(document.body)
  const images = all.flatMap((root) => [...root.querySelectorAll("img[src='x']")].map((e) => e.outerHTML))
  return {fired: window.XSS ?? null, images, text: all.flatMap((root) => [...root.children].map((e) => e.innerText)).join()}
}"""


@pytest.fixture(scope="module")
def classroom(class_server):
    server = class_server("--token", CLASS, "--lecturer-token", LECTURER)
    server.finished = server.train("first", CANARY)
    server.made = server.python(MADE, CANARY, server.finished[0]).split()
    server.start()
    yield server
    server.process.terminate()
    server.process.wait(10)
    assert not re.search(r'File ".*/workbench/', server.said), server.said


@pytest.fixture
def come(chromium, classroom):
    contexts, complaints = [], []

    def come(token, query="", **options):
        context = chromium.new_context(viewport={"width": 1400, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.goto(f"{classroom.url}{query}{'&' if '?' in query else '?'}token={token}", wait_until="commit")
        page.wait_for_selector(".studio", timeout=30_000)
        return page

    yield come
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_student_types_the_token_and_is_in(chromium, classroom):
    page = chromium.new_page()
    page.goto(classroom.url)
    assert "This class has a token" in page.inner_text("main")
    page.fill("input", "not the token")
    page.click("button")
    assert "Wrong token" in page.inner_text("main")
    page.fill("input", CLASS)
    page.click("button")
    page.wait_for_selector(".studio", timeout=30_000)
    assert "token" not in page.url and CLASS not in page.evaluate("document.cookie")
    page.close()


def test_the_short_address_on_the_board_asks_for_the_token(chromium, classroom, come):
    teacher = come(LECTURER)
    teacher.click("text=Follow me")
    teacher.wait_for_selector(".lectern[data-role=leads]")
    page = chromium.new_page()
    page.goto(f"{classroom.url}follow")
    page.fill("input", CLASS)
    page.click("button")
    page.wait_for_selector(".lectern[data-role=follows]", timeout=30_000)
    page.close()
    teacher.click("text=Follow me")  # ends it


def test_follow_me_shows_a_code_with_an_address_that_others_reach(chromium, class_server):
    zxing = pytest.importorskip("zxingcpp", reason="reads QR codes as a camera would")
    from PIL import Image

    server = class_server("--host", "0.0.0.0", "--token", CLASS, "--lecturer-token", LECTURER)
    server.start()
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    try:
        page = context.new_page()
        page.goto(f"{server.url}?token={LECTURER}")
        page.wait_for_selector(".studio", timeout=30_000)
        page.click("text=Follow me")
        page.wait_for_selector(".invitation:visible")
        page.wait_for_function("document.readyState === 'complete'")
        image = page.locator(".invitation img")
        image.evaluate("image => image.decode()")
        seen = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L"))
        link = zxing.read_barcodes(seen)[0].text
        assert link == page.get_attribute(".lectern a", "href") and link.endswith(f"/follow?token={CLASS}")
        if own_address() != "127.0.0.1":
            assert link.startswith(f"http://{own_address()}:{server.port}/") and page.locator(".invitation p").inner_text() == ""
        assert page.locator(".invitation b").inner_text() == link.partition("://")[2].partition("?")[0]
        other = chromium.new_page()
        other.goto(link)
        other.wait_for_selector(".lectern[data-role=follows]", timeout=30_000)
        other.close()
        page.click(".invitation button")
        assert not page.is_visible(".invitation")
    finally:
        context.close()
        server.process.terminate()
        server.process.wait(10)


def test_an_address_of_this_computer_only_is_said_to_be_one_and_has_no_code(come):
    page = come(LECTURER)
    page.click("text=Follow me")
    page.wait_for_selector(".invitation:visible")
    assert "on this computer only" in page.locator(".invitation p").inner_text() and not page.is_visible(".invitation img")
    page.click("text=Follow me")
    page.wait_for_selector(".invitation", state="hidden")


def test_the_audience_follows_reloads_and_hears_that_the_lecturer_has_left(come, classroom):
    teacher = come(LECTURER, f"?run={classroom.finished[0]}")
    teacher.click("text=Follow me")
    teacher.wait_for_selector(".lectern[data-role=leads]")
    link = teacher.get_attribute(".lectern a", "href")
    assert link == f"{classroom.url}follow?token={CLASS}"
    student = come(CLASS, "follow")
    banner = student.locator(".lectern[data-role=follows]")
    banner.wait_for()
    assert "You are following the lecture" in banner.inner_text()
    teacher.click("#tab-accuracy")
    student.wait_for_selector(".studio[data-tab=accuracy]", timeout=5_000)
    student.locator(".card[data-figure=accuracy] .js-plotly-plot").wait_for(timeout=10_000)
    assert student.locator("#tab-runs").is_disabled() and not student.locator("aside").is_visible()
    assert student.locator(".transport button.action").count() == 0
    student.keyboard.press("5")
    student.keyboard.press(" ")
    student.reload()
    student.wait_for_selector(".studio[data-tab=accuracy] .lectern[data-role=follows]", timeout=20_000)
    teacher.locator(".lectern", has_text="1 page follows").wait_for(timeout=10_000)  # the page before takes a moment to go
    teacher.click("nav >> text=Generators")
    student.wait_for_url("**/generators?follow=*", timeout=20_000)
    teacher.wait_for_selector(".lectern[data-role=leads]", timeout=20_000)
    teacher.close()
    student.wait_for_function("() => true")
    student.locator(".lectern", has_text="The lecturer has left").wait_for(timeout=15_000)


def walked(page, look):
    for theme in ("light", "dark"):
        if page.get_attribute("html", "data-theme") != theme:
            page.click("#theme")
        for tab in page.locator("[role=tab]:visible").all():
            tab.click()
            page.wait_for_timeout(250)
            look(page)


@pytest.mark.parametrize("place", ["", "generators"])
def test_text_that_would_be_script_stays_text_on_all_tabs_in_both_themes(come, classroom, place):
    """S3. The policy of the page would stop the script; that no such element exists shows that it is not needed."""
    seen = []

    def look(page):
        found = page.evaluate(FOUND)
        assert found["fired"] is None and found["images"] == []
        seen.append(found["text"])

    runs = [*classroom.finished[::-1], classroom.made[0], classroom.made[2]] if not place else [classroom.made[1]]
    canary = quote(CANARY)
    link = f"{place}?run={runs[0]}&compare={','.join(runs[1:])}&noise={canary}&file={canary}&{canary}={canary}&tab={canary}&follow={canary}"
    page = come(LECTURER, link)
    assert sum(CANARY in notice for notice in page.locator(".notice").all_inner_texts()) >= 3
    for field in page.locator("aside input[type=text]:visible").all():
        field.fill(CANARY)
        field.press("Tab")
    page.wait_for_timeout(500)
    walked(page, look)
    for run in [*(runs[1:] or runs), classroom.made[3]]:  # its error and its title
        page.goto(f"{classroom.url}{place}?run={run}")
        page.wait_for_selector(".studio", timeout=30_000)
        page.wait_for_timeout(500)
        look(page)
    assert any(CANARY in text for text in seen)
    assert page.evaluate(FOUND)["fired"] is None


def test_names_and_headers_of_files_that_are_sent_stay_text(come):
    """Whatever a file is called, and whatever stands in its first line, which the page quotes."""
    page = come(LECTURER, "amplitudes")
    for name, content in ((f"{CANARY}.csv", f"{CANARY},y\n1,2\n"), (f"a{CANARY}.json", f'{{"{CANARY}": 1}}')):
        with page.expect_file_chooser() as chooser:
            page.click("text=Choose a file …")
        chooser.value.set_files({"name": name, "mimeType": "text/csv", "buffer": content.encode()})
        page.wait_for_function(f"() => ({FOUND})().text.includes('<img src=x')", timeout=60_000)
        found = page.evaluate(FOUND)
        assert found["fired"] is None and found["images"] == []
        page.reload()
        page.wait_for_selector(".studio", timeout=30_000)


def test_a_note_of_the_door_is_text(chromium, classroom):
    page = chromium.new_page()
    for path in (f"?token={quote(CANARY)}", quote(CANARY), f"follow/{quote(CANARY)}"):
        page.goto(classroom.url + path)
        found = page.evaluate(FOUND)
        assert found["fired"] is None and found["images"] == []
    page.close()
