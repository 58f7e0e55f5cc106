"""Controls have names and are reached by the tab key, texts have contrast (WCAG AA), and every tab of both pages has its picture taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SIZES = {"hall": (1920, 1080), "old": (1024, 768), "phone": (390, 844)}
LOOKS = {"light": {}, "dark": {"workbench_theme": "dark"}, "projector": {"workbench_theme": "light", "workbench_projector": "1"}}
PAGES = {
    "": ("training", "uncertainties", "accuracy", "kinematics", "stories", "runs"),
    "generators": ("training", "distributions", "density", "runs"),
}

# Everything that can be pressed or typed into, with its accessible name; and every text whose contrast with what is behind it is too low.
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
  const faint = []
  for (const e of all(document)) {
    if (e.closest(".js-plotly-plot, :disabled, option, script, style, noscript") || !seen(e)) continue
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join(" ").trim()
    if (!text) continue
    const style = getComputedStyle(e), size = parseFloat(style.fontSize)
    let opacity = 1
    for (let up = e; up; up = parent(up)) opacity *= Number(getComputedStyle(up).opacity)
    const ground = behind(e), [r, g, b, a] = colour(style.color)
    const [high, low] = [light(over([r, g, b, a * opacity], ground)), light(ground)].sort((x, y) => y - x)
    const ratio = (high + 0.05) / (low + 0.05)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${text.slice(0, 40)}`)
  }
  return {controls: controls.length, nameless, faint: [...new Set(faint)]}
}
"""

FONTS = """
() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  return all(document).filter((e) => e.matches(".xtick text, .legendtext")).map((e) => parseFloat(getComputedStyle(e).fontSize))
}
"""


def open_tab(visit, server, page_name, tab, size="hall", look="light", context=None):
    width, height = SIZES[size]
    page = visit(
        f"{page_name}?tab={tab}" if tab != "training" else page_name,
        width=width,
        height=height,
        cookies=LOOKS[look].items(),
        context=context,
    )
    if tab != "runs":
        page.wait_for_function("drawn.some((d) => d.points > 10)", timeout=20_000)
    return page


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
def test_controls_have_names_and_texts_have_contrast(visit, server, look):
    problems = {}
    for page_name, tabs in PAGES.items():
        page = open_tab(visit, server, page_name, "training", look=look)
        for tab in tabs:
            page.click(f"#tab-{tab}")
            page.wait_for_timeout(500)
            found = page.evaluate(LOOK)
            assert found["controls"] > 10
            problems[page_name, tab] = found["nameless"] + found["faint"]
        page.keyboard.press("?")
        found = page.evaluate(LOOK)
        problems[page_name, "help"] = found["nameless"] + found["faint"]
        page.keyboard.press("Escape")
    assert not any(problems.values()), {where: what for where, what in problems.items() if what}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("look", LOOKS)
def test_screenshots_of_every_tab(visit, server, tmp_path, look, size):
    """Kept in WORKBENCH_SCREENSHOTS, if that names a folder. Nothing may stick out, and no text in a figure may be small."""
    folder = Path(os.environ.get("WORKBENCH_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    width, smallest = SIZES[size][0], 18 if look == "projector" else 11
    for page_name, tabs in PAGES.items():
        page = open_tab(visit, server, page_name, "training", size, look)
        for tab in tabs:
            page.locator(f"#tab-{tab}").evaluate("tab => tab.click()")
            page.wait_for_timeout(1_500)
            page.screenshot(path=folder / f"{page_name or 'amplitudes'}-{tab}-{size}-{look}.png", full_page=size == "phone")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
            fonts = page.evaluate(FONTS)
            assert all(font >= smallest for font in fonts), (tab, min(fonts))
