"""The page "Taggers": live numbers beside the jet mass, an arc whose jets can be clicked, shifts that move the same jets."""

from __future__ import annotations

import re

import pytest
from test_accessible import SIZES
from test_amplitudes import address
from test_basics_page import curves, finish, number

FIRST = ("tagger_quality", "scores", "tagger_learning")


def shown(page, *names):
    for name in names:
        page.wait_for_function("(name) => drawn.some((d) => d.figure === name && d.points > 10)", arg=name, timeout=60_000)


@pytest.mark.parametrize("size", ["old", "phone"])
def test_a_tagger_is_live_and_ends_above_the_jet_mass(visit, size):
    width, height = SIZES[size]
    page = visit(f"taggers?seed={len(size)}&steps=200", width=width, height=height)
    assert address(page).partition("?")[0].endswith("/taggers") and page.inner_text("header a[aria-current]") == "Taggers"
    page.evaluate("drawn.length = 0")
    page.click("[data-action=train]")
    page.wait_for_function("drawn.some((d) => d.figure === 'scores' && d.points > 50 && d.of === 'Training')", timeout=60_000)
    finish(page)
    assert float(number(page, "AUC").split(" ")[0]) > 0.96 and re.search(r"\d", number(page, "mass alone"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_click_on_the_arc_shows_that_jet_and_shifts_move_all_of_them(visit):
    page = visit("taggers?steps=100&uncertainty=bnn_last_layer&draws=8")
    page.evaluate("drawn.length = 0")
    page.click("[data-action=train]")
    finish(page)
    page.click("#tab-roc")
    shown(page, "tagger_roc")
    page.click("#tab-calibration")
    shown(page, "reliability")
    page.click("#tab-jets")
    shown(page, "average_images")
    page.click("#tab-uncertainty")
    shown(page, "arc", "one_jet")
    assert page.get_by_role("region", name="One jet").get_by_role("slider", name="Jet").input_value() == "0"
    page.evaluate("drawn.length = 0")
    jet = page.evaluate(
        """() => {
          const inside = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? inside(e.shadowRoot) : [])])
          const plot = inside(document).find((e) => e.calcdata && e.data.some(({meta}) => meta?.chooses))
          const data = plot.data.find(({meta}) => meta?.chooses === "jet"), customdata = data.customdata[5]
          plot.emit("plotly_click", {points: [{data, customdata}]})
          return customdata
        }"""
    )
    page.wait_for_function("drawn.some((d) => d.figure === 'one_jet')", timeout=10_000)
    page.wait_for_function("(jet) => location.search.includes('jet=' + jet)", arg=jet)
    assert any(f"jet {jet}" in curve["name"] for curve in curves(page, "arc"))
    page.click("#tab-shift")
    shown(page, "shifted_jets", "shift_numbers")
    page.evaluate("drawn.length = 0")
    page.get_by_role("region", name="The same jets, seen wrongly").get_by_label("Shift").select_option("v20")
    page.wait_for_function("drawn.some((d) => d.figure === 'shifted_jets')", timeout=10_000)
    page.wait_for_function("() => location.search.includes('shift=v20')")
