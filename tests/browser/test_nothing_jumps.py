"""Nothing on a page moves while a training runs: no figure, number or button by a pixel, from the click to the end."""

from __future__ import annotations

import pytest
from test_amplitudes import sentence, until

pytestmark = pytest.mark.browser

# Long enough for numbers to gain and lose digits, short enough for a test.
PAGES = {
    "basics": "basics?seed={seed}&steps=1500",
    "amplitudes": "amplitudes?seed={seed}&events=1000&test_events=1000&hidden=16&steps=300&inputs=invariants",
    "generators": "generators?seed={seed}&events=1000&test_events=500&blocks=2&hidden=8&steps=120",
    "inference": "inference?seed={seed}&steps=150",
    "formulas": "formulas?seed={seed}&events=4000&steps=25",
}
# What the browser itself counts as a shift, and boxes beside: every 50 ms, how far each has moved since the click.
WATCH = """() => {
  const roots = (root) => [root, ...[...root.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? roots(e.shadowRoot) : []))]
  const parts = ".card, .card h2, .card .look, .card .plot, .tabs, .transport, .buttons, .action, .where, .time, .numbers, .ribbon, aside"
  const first = new Map()
  window.moved = {}
  window.looks = 0
  const look = () => {
    looks++
    for (const root of roots(document)) for (const e of root.querySelectorAll(parts)) {
      if (!e.checkVisibility() || e.closest("[hidden]")) continue
      const {x, y, width, height} = e.getBoundingClientRect(), now = [x + scrollX, y + scrollY, width, height]
      const before = first.get(e)
      if (!before) { first.set(e, now); continue }
      const far = Math.max(...now.map((value, i) => Math.abs(value - before[i])))
      const name = `${e.closest(".card")?.dataset.figure ?? ""} ${e.tagName}.${e.className}`.trim()
      if (far >= 1) moved[name] = [Math.max(far, moved[name]?.[0] ?? 0), before.map(Math.round).join(), now.map(Math.round).join()]
    }
  }
  look()
  window.watching = setInterval(look, 50)
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) for (const {previousRect: a, currentRect: b} of entry.sources) {
      const far = Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y))
      const where = `shift at ${Math.round(entry.startTime)} ms from ${Math.round(a.x)}, ${Math.round(a.y)}`
      if (a.width && b.width && far >= 1) moved[where] = [far]
    }
  }).observe({type: "layout-shift"})
}"""


def jumps(visit, place, width, height, seed):
    page = visit(PAGES[place].format(seed=seed), width=width, height=height)
    page.wait_for_function("new Set(drawn.map((d) => d.figure)).size > 1")
    page.wait_for_timeout(1_500)  # the figures of the example are drawn
    page.evaluate(WATCH)
    page.click("[data-action=train]")
    until(lambda: sentence(page).startswith("Finished"), 240, "the end")
    page.wait_for_timeout(1_000)
    assert page.evaluate("looks") > 10
    return page.evaluate("moved")


@pytest.mark.parametrize("place", [pytest.param(place, marks=() if place == "amplitudes" else pytest.mark.slow) for place in PAGES])
def test_nothing_moves_while_a_training_runs(visit, place):
    assert jumps(visit, place, 1024, 768, 31) == {}


@pytest.mark.slow
@pytest.mark.parametrize("place", PAGES)
@pytest.mark.parametrize(("width", "height"), [(1600, 1000), (390, 844)])
def test_nor_on_wide_screens_and_phones(visit, place, width, height):
    assert jumps(visit, place, width, height, 32) == {}
