"""The page "Inference" as a lecturer finds it: contours that grow onto the exact ones, hypotheses and expected events as choosers."""

from __future__ import annotations

import re

import pytest
from test_accessible import SIZES
from test_amplitudes import address
from test_basics_page import curves, finish, number

FIRST = ("contours", "log_ratios", "label_loss", "ratio_error")


def shown(page, *names):
    for name in names:
        page.wait_for_function("(name) => drawn.some((d) => d.figure === name && d.points > 10)", arg=name, timeout=60_000)


@pytest.mark.parametrize("size", ["hall", "old", "phone"])
def test_an_inference_is_live_and_ends_beside_the_exact_contour(visit, size):
    width, height = SIZES[size]
    page = visit(f"inference?seed={len(size)}&steps=400&hidden=32,32", width=width, height=height)
    assert address(page).partition("?")[0].endswith("/inference") and page.inner_text("header a[aria-current]") == "Inference"
    page.evaluate("drawn.length = 0")
    page.click("[data-action=train]")
    page.wait_for_function("drawn.some((d) => d.figure === 'contours' && d.points > 100 && d.of === 'Training')", timeout=60_000)
    finish(page)
    ours, exact = (number(page, name).split(" / ") for name in ("areas 68 / 95 / 99.7 %", "exact areas"))
    assert len(ours) == len(exact) == 3 and abs(int(ours[1]) / int(exact[1]) - 1) < 0.3
    assert re.search(r"\d", number(page, "MSE of log r"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_tab_draws_its_figures_and_says_what_is_neglected(visit):
    page = visit("inference")
    shown(page, *FIRST)
    page.get_by_text("matrix element method").first.wait_for()
    for tab, names in (
        ("limits", ("profiles", "ratio_calibration")),
        ("inside", ("information", "score_dphi", "score_pt", "joint_scatter")),
        ("hypothesis", ("pt_at_theta", "dphi_at_theta", "log_ratio_at_theta")),
    ):
        page.click(f"#tab-{tab}")
        shown(page, *names)
        if tab == "limits":
            page.get_by_text("Neglected: fusion of Z and photons").first.wait_for()


def test_another_hypothesis_and_more_events_are_drawn_at_once_and_stand_in_the_address(visit):
    page = visit("inference?tab=hypothesis")
    shown(page, "pt_at_theta")
    page.evaluate("drawn.length = 0")
    page.get_by_role("region", name="Δφ at θ").get_by_label("Hypothesis θ").select_option("-8,8")
    page.wait_for_function("drawn.some((d) => d.figure === 'dphi_at_theta')", timeout=10_000)
    assert any("−8" in curve["name"] for curve in curves(page, "dphi_at_theta"))
    page.wait_for_function("() => decodeURIComponent(location.search).includes('hypothesis=-8,8')")
    page.click("#tab-training")
    shown(page, "contours")
    page.evaluate("drawn.length = 0")
    page.get_by_role("region", name="Contours").get_by_label("Expected events").select_option("100r")
    page.wait_for_function("drawn.some((d) => d.figure === 'contours')", timeout=10_000)
    page.wait_for_function("() => location.search.includes('limits=100r')")
