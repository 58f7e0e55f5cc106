"""Controls have names and are reached by the tab key, texts have contrast (WCAG AA), and every tab of both pages has its picture taken,
as have the dialogs, the door of a class and what its audience sees. In no picture is a text cut or a legend in the way of its curves.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from workbench.families import FAMILIES, FORMER
from workbench.stories import stories_of

STORIES = {"" if family is FORMER else family.place: tuple(stories_of(family)) for family in FAMILIES}
SIZES = {"hall": (1920, 1080), "old": (1024, 768), "phone": (390, 844)}
LOOKS = {"light": {}, "dark": {"workbench_theme": "dark"}, "projector": {"workbench_theme": "light", "workbench_projector": "1"}}
SEEN = [(look, size) for look in LOOKS for size in SIZES if (look, size) != ("projector", "phone")]  # a phone offers no projector
PAGES = {
    "": ("training", "uncertainties", "accuracy", "kinematics", "stories", "runs"),
    "basics": ("training", "inside", "stories", "runs"),
    "basics?preset=densities": ("training", "inside"),
    "formulas": ("training", "worth", "stories", "runs"),
    "generators": ("training", "distributions", "density", "stories", "runs"),
    "?run={compared}": ("training", "uncertainties", "accuracy", "runs"),
    "?run={sweep}": ("sweep",),
    "generators?run={judged}": ("distributions", "discriminator", "theory"),
}
DIALOGS = {"share": "#sharing", "help": "#keys", "export": ".exporting"}
MADE = """
from workbench.runs.launcher import launch
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.families.amplitudes.recipe import SweepRecipe
amplitudes = {"events": 2_000, "test_events": 2_000, "hidden": [32, 32], "steps": 200, "inputs": "invariants"}
jets = {"dataset": "z_jets", "jets": 0, "events": 1_500, "test_events": 600, "blocks": 2, "hidden": [8], "bins": 4, "draws": 2, "steps": 24}
axes = {"noise": [0.0, 0.01, 0.1], "uncertainty": ["deterministic", "bnn"]}
runs = [
    launch(SweepRecipe(**amplitudes, axes=axes)),
    launch(GeneratorRecipe(**jets, nuisance=True, discriminator_steps=30, discriminator_hidden=[8])),
]
for run in runs:
    assert run.wait(100).status.state == "finished", run.status
    print(run.id)
"""

# Everything that can be pressed or typed into, with its accessible name; every text whose contrast with what is behind it is too low; and
# symbols like σ_syst that are not typeset.
# Names follow accname 1.2 as far as our pages need it: aria-labelledby, aria-label, <label>, content, title. Contrast as in WCAG 2.1.
LOOK = r"""
() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  const seen = (e) => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length
  const root = (e) => e.getRootNode()
  const name = (e) => {
    const by = (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => root(e).getElementById(id)?.textContent ?? "").join(" ")
    const label = e.labels?.length ? [...e.labels].map((l) => l.textContent).join(" ") : ""
    const text = e.matches("input, select, textarea") ? "" : e.textContent
    return [by, e.getAttribute("aria-label"), label, text, e.title].map((t) => (t ?? "").trim()).find(Boolean) ?? ""
  }
  const pressed = "button, a[href], input, select, textarea, summary, [tabindex], [role=tab], progress, dialog[open]"
  const controls = all(document).filter((e) => e.matches(pressed) && !e.closest(".js-plotly-plot") && seen(e))
  const nameless = controls.filter((e) => !name(e)).map((e) => e.outerHTML.slice(0, 120))

  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
  const pen = canvas.getContext("2d", {willReadFrequently: true})
  const colour = (text) => {
    pen.clearRect(0, 0, 1, 1)
    pen.fillStyle = text
    pen.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = ([r, g, b, a], below) => [r, g, b].map((v, k) => v * a + below[k] * (1 - a))
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  const light = (rgb) => rgb.reduce((sum, v, k) => sum + linear(v / 255) * [0.2126, 0.7152, 0.0722][k], 0)
  const parent = (e) => e.assignedSlot ?? e.parentElement ?? root(e).host
  const behind = (e) => {
    const layers = []
    for (; e; e = parent(e)) { const c = colour(getComputedStyle(e).backgroundColor); if (c[3]) layers.push(c); if (c[3] === 1) break }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255])
  }
  const faint = [], raw = []
  for (const e of all(document)) {
    if (e.closest(".js-plotly-plot, :disabled, option, script, style, noscript") || !seen(e)) continue
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(" ").trim()
    if (!text) continue
    if (/(?<!\p{L})(?!z_)Δ?\p{L}\p{M}?_\p{L}/u.test(text) && !e.closest("code, pre")) raw.push(`not typeset: ${text.slice(0, 60)}`)
    const style = getComputedStyle(e), size = parseFloat(style.fontSize)
    let opacity = 1
    for (let up = e; up; up = parent(up)) opacity *= Number(getComputedStyle(up).opacity)
    const ground = behind(e), [r, g, b, a] = colour(style.color)
    const [high, low] = [light(over([r, g, b, a * opacity], ground)), light(ground)].sort((x, y) => y - x)
    const ratio = (high + 0.05) / (low + 0.05)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${text.slice(0, 40)}`)
  }
  return {controls: controls.length, nameless, faint: [...new Set([...faint, ...raw])]}
}
"""

# Texts of figures that stick out of them, legends that scroll or lie on the curves, and texts of the page that its boxes cut.
CUT = r"""
() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  const seen = (e) => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length
  const cut = []
  for (const figure of all(document).filter((e) => e.matches(".js-plotly-plot") && seen(e))) {
    const box = figure.getBoundingClientRect(), name = (figure.layout?.meta?.about ?? "a figure").split(";")[0]
    for (const text of figure.querySelectorAll("text")) {
      const {left, right, top, bottom, width} = text.getBoundingClientRect()
      const out = Math.max(box.left - left, right - box.right, box.top - top, bottom - box.bottom)
      if (width && out > 1.5) cut.push(`${name}: "${text.textContent}" sticks out by ${out.toFixed(0)} px`)
    }
    const scrolled = [...figure.querySelectorAll(".legend .scrollbar")].some((bar) => bar.getBoundingClientRect().height)
    if (scrolled) cut.push(`${name}: its legend scrolls`)
    const legend = figure.querySelector(".legend .bg")?.getBoundingClientRect()
    const curves = [...figure.querySelectorAll(".nsewdrag")].map((e) => e.getBoundingClientRect())
    const covered = legend && curves.some(({top, bottom}) => legend.bottom > top + 4 && legend.top < bottom)
    if (covered) cut.push(`${name}: its legend lies on the curves`)
    const {tickmode, ticktext = []} = figure._fullLayout?.xaxis ?? {}, names = ticktext.map((text) => text.replace(/<[^>]*>/g, ""))
    const stands = (e) => e.checkVisibility({opacityProperty: true}) && e.getBoundingClientRect().width
    const written = [...figure.querySelectorAll(".xtick text")].filter(stands)
    if (tickmode === "array" && names.some((text) => /\p{L}/u.test(text)) && written.length < names.length)
      cut.push(`${name}: ${written.length} of ${names.length} names stand at its axis`)
    for (const {height} of curves) if (height < 40) cut.push(`${name}: ${height.toFixed(0)} px are left for the curves`)
  }
  for (const e of all(document)) {
    const {overflowX, textOverflow} = getComputedStyle(e)
    const meant = textOverflow === "ellipsis" || e.matches("html") || e.closest("input, select, .tabs, .spoken, .js-plotly-plot")
    const hidden = overflowX !== "visible" && !meant && seen(e) && e.clientWidth > 1 ? e.scrollWidth - e.clientWidth : 0
    if (hidden > 1) cut.push(`${e.tagName}.${e.className} hides ${hidden} px`)
  }
  return cut
}
"""

FONTS = """
() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  return all(document).filter((e) => e.matches(".xtick text, .legendtext")).map((e) => parseFloat(getComputedStyle(e).fontSize))
}
"""


# The story whose name is given has been looked up; and if whole, its figures are its own, or sentences.
TOLD = """
([story, whole]) => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  const seen = (choice) => all(document).filter((e) => e.matches(choice) && e.checkVisibility() && e.offsetWidth)
  const [slide] = seen(".slide"), title = slide?.querySelector("h2").dataset.text, drawn = seen(".js-plotly-plot")
  const told = ({data, layout}) => (data.length ? layout.meta?.about.includes(title) : !layout.annotations?.[0].text.startsWith("Looking"))
  if (slide?.dataset.story !== story || slide.querySelector(".stands").textContent.startsWith("Looking")) return false
  return !whole || (drawn.length === seen(".figures .plot").length && drawn.every(told))
}
"""
DRAWN = """
() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  const slots = all(document).filter((e) => e.matches(".plot") && e.checkVisibility() && e.offsetWidth)
  return slots.every((slot) => all(slot).some((e) => e.matches(".js-plotly-plot .main-svg")))
}
"""


@pytest.fixture(scope="session")
def made(server):
    """Runs for the tabs that the examples do not fill."""
    sweep, judged = server.python(MADE).split()
    return {"sweep": sweep, "judged": judged, "compared": f"{server.finished[0]}&compare={server.finished[1]}"}


def open_tab(visit, page_name, tab, size="hall", look="light", context=None):
    width, height = SIZES[size]
    page = visit(
        f"{page_name}{'&' if '?' in page_name else '?'}tab={tab}",
        width=width,
        height=height,
        cookies=LOOKS[look].items(),
        context=context,
    )
    if tab != "runs":
        page.wait_for_function("drawn.some((d) => d.points > 10)", timeout=20_000)
    return page


def opened(page, dialog):
    """A dialog of the page, open."""
    if dialog == "export":
        page.locator("#tab-training").evaluate("tab => tab.click()")
        page.locator("[data-figure]:visible .js-plotly-plot").first.wait_for()
        page.keyboard.press("e")
    else:
        page.locator(f"#{dialog}").evaluate("button => button.click()")
    found = page.locator(DIALOGS[dialog])
    found.wait_for()
    return found


# Every figure comes into sight, and rests at the size that it has.
SETTLED = """
async () => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  const fits = (plot) => plot._fullLayout?.height === plot.offsetHeight && plot._fullLayout.width === plot.offsetWidth
  for (const slot of all(document).filter((e) => e.matches(".plot") && e.offsetWidth && e.checkVisibility())) {
    slot.scrollIntoView({block: "center"})
    for (let calm = 0, tries = 0; calm < 4 && tries < 100 && slot.isConnected && slot.offsetWidth; tries++) {
      const plot = all(slot).find((e) => e.matches(".js-plotly-plot"))
      calm = plot && fits(plot) ? calm + 1 : 0
      await new Promise((go) => setTimeout(go, 100))
    }
  }
  scrollTo(0, 0)
}
"""


def keep(page, name, size, look, *, whole=False):
    """A picture of what is seen, if WORKBENCH_SCREENSHOTS names a folder for it."""
    if folder := os.environ.get("WORKBENCH_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder, f"{name}-{size}-{look}.png"), full_page=whole)


def picture(page, name, size, look, *, whole=True):
    """Whatever is wrong with a page, of which a picture is kept."""
    keep(page, name, size, look, whole=whole)
    wrong = page.evaluate(CUT)
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > SIZES[size][0]:
        wrong.append(f"the page is {wide} px wide")
    smallest = {"projector": 24 if size == "hall" else 18}.get(look, 11)
    wrong += [f"letters of {font} px" for font in page.evaluate(FONTS) if font < smallest][:1]
    return [f"{name}: {what}" for what in wrong]


def test_every_control_is_reached_by_the_tab_key_and_the_focus_is_seen(visit):
    page = visit("?tab=accuracy")
    page.wait_for_function("drawn.length >= 2")
    where = """() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement
        const s = getComputedStyle(e), next = e.nextElementSibling && getComputedStyle(e.nextElementSibling)
        const name = e.id || e.dataset.action || e.dataset.tab || e.className || e.tagName
        return [name, s.outlineStyle !== "none" || next?.outlineStyle === "solid"] }"""
    reached, unseen = set(), []
    for _ in range(90):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(where)
        reached.add(name)
        if not seen and name != "BODY":
            unseen.append(name)
    assert {"share", "theme", "preset", "option-noise", "train", "tab-accuracy"} <= reached, reached
    assert not unseen


@pytest.mark.parametrize("look", ["light", "dark"])
def test_controls_have_names_and_texts_have_contrast(visit, made, look):
    problems = {}
    for page_name, tabs in PAGES.items():
        page = open_tab(visit, page_name.format(**made), tabs[0], look=look)
        for tab in tabs:
            page.click(f"#tab-{tab}")
            page.wait_for_timeout(500)
            found = page.evaluate(LOOK)
            assert found["controls"] > 10
            problems[page_name, tab] = found["nameless"] + found["faint"]
        for dialog in DIALOGS if "?" not in page_name else ():
            opened(page, dialog)
            found = page.evaluate(LOOK)
            problems[page_name, dialog] = found["nameless"] + found["faint"]
            page.keyboard.press("Escape")
    assert not any(problems.values()), {where: what for where, what in problems.items() if what}


@pytest.mark.slow
@pytest.mark.parametrize(("look", "size"), SEEN)
def test_nothing_is_cut_in_the_pictures_of_all_tabs_and_dialogs(visit, made, look, size):
    wrong = []
    for page_name, tabs in PAGES.items():
        page = open_tab(visit, page_name.format(**made), tabs[0], size, look)
        name = re.sub(r"\W+", "-", page_name.replace("run=", "")).strip("-") or "amplitudes"
        for tab in tabs:
            page.locator(f"#tab-{tab}").evaluate("tab => tab.click()")
            page.wait_for_timeout(500)
            page.evaluate(SETTLED)
            page.wait_for_function(DRAWN, timeout=20_000)
            wrong += picture(page, f"{name}-{tab}", size, look)
        for dialog in DIALOGS if not page_name else ():
            box = opened(page, dialog).bounding_box()
            page.wait_for_timeout(300)
            wrong += picture(page, dialog, size, look, whole=False)
            if box["x"] < 0 or box["y"] < 0 or box["x"] + box["width"] > SIZES[size][0] or box["y"] + box["height"] > SIZES[size][1]:
                wrong.append(f"{dialog} sticks out: {box}")
            page.keyboard.press("Escape")
        page.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("look", "size"), SEEN)
def test_nothing_is_cut_in_the_picture_of_any_story(visit, look, size):
    wrong = []
    for page_name, stories in STORIES.items():
        page = open_tab(visit, page_name, "stories", size, look)
        for story in stories:
            page.wait_for_function(TOLD, arg=[story, False], timeout=30_000)
            page.evaluate(SETTLED)
            page.wait_for_function(TOLD, arg=[story, True], timeout=30_000)
            wrong += picture(page, f"story-{story}", size, look)
            page.keyboard.press("ArrowRight")
        page.close()
    assert not wrong, "\n".join(wrong)


CLASS, LECTURER = "class-token-1", "lecturer-token-1"


@pytest.fixture
def classroom(class_server):
    """A class of four pages that may look and not train."""
    server = class_server("--token", CLASS, "--lecturer-token", LECTURER, "--gallery", "--pages", "4")
    server.start()
    yield server
    server.process.terminate()
    server.process.wait(10)
    assert not re.search(r'File ".*/workbench/', server.said), server.said


@pytest.mark.slow
@pytest.mark.parametrize(("look", "size"), SEEN)
def test_nothing_is_cut_in_the_pictures_of_the_door_of_a_class_and_of_its_audience(chromium, classroom, look, size):
    wrong, contexts = [], []

    def look_at(page, name):
        found = page.evaluate(LOOK)
        wrong.extend([*picture(page, name, size, look), *found["nameless"], *found["faint"]])

    def come():
        context = chromium.new_context(viewport=dict(zip(("width", "height"), SIZES[size], strict=True)))
        context.add_cookies([{"name": name, "value": value, "url": classroom.url} for name, value in LOOKS[look].items()])
        contexts.append(context)
        return context.new_page()

    def drawn(page):
        page.locator(".js-plotly-plot .nsewdrag").first.wait_for(timeout=30_000)
        page.evaluate(SETTLED)
        return page

    student, teacher = come(), come()
    student.goto(classroom.url)
    look_at(student, "door")
    student.fill("input", "not-the-token")
    student.click("button")
    look_at(student, "door-wrong")
    student.fill("input", CLASS)
    student.click("button")
    look_at(drawn(student), "gallery")
    student.goto(f"{classroom.url}no/such/page")
    look_at(student, "nowhere")
    assert student.locator("a").first.evaluate("a => a.href") == classroom.url
    student.goto(f"{classroom.url}follow")
    look_at(student, "audience-waits")
    teacher.goto(f"{classroom.url}?token={LECTURER}")
    drawn(teacher).locator("text=Follow me").evaluate("button => button.click()")
    student.locator(".lectern[data-role=follows]").wait_for(timeout=30_000)
    look_at(drawn(student), "audience")
    look_at(teacher, "lecturer")
    for _ in range(4):  # as many as a class of four holds, or fewer: pages that were left a moment ago count too
        late = come()
        late.goto(f"{classroom.url}?token={CLASS}")
        if late.locator("p[role=status]", has_text="The class is full").count():
            break
        drawn(late)
    assert "The class is full" in late.inner_text("main")
    look_at(late, "full")
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)
