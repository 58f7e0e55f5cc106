"""The page "Formulas" as a stranger finds it: a finished search, a live one with one click, the formula to copy, and what it is worth."""

from __future__ import annotations

import re

import pytest
from test_accessible import SIZES
from test_amplitudes import sentence, until
from test_basics_page import finish, number

WORDS = """
(name) => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
  return all(document).filter((e) => e.dataset?.figure === name).flatMap(all)
    .filter((e) => e.matches?.("text")).map((e) => e.textContent).join(" ")
}
"""


@pytest.mark.parametrize("size", ["hall", "old", "phone"])
def test_a_stranger_sees_formulas_and_what_they_are_worth(visit, size):
    width, height = SIZES[size]
    page = visit("formulas", width=width, height=height)
    page.wait_for_function("['hall_of_fame', 'formulas'].every((name) => drawn.some((d) => d.figure === name && d.points > 5))")
    assert "sin Δφ" in page.evaluate(WORDS, "formulas")
    assert "sin Δφ" in number(page, "formula") and "np.sin(" in number(page, "Python") and r"\\sin" in repr(number(page, "LaTeX"))
    page.click("#tab-worth")
    page.wait_for_function("['formula_limits', 'formula_constants'].every((name) => drawn.some((d) => d.figure === name && d.points > 2))")
    assert "network" in page.evaluate(WORDS, "formula_limits")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_one_click_searches_live_and_ends_with_a_formula(visit):
    page = visit("formulas?seed=11&steps=40&events=20k")
    page.evaluate("drawn.length = 0")
    page.click("[data-action=train]")
    page.wait_for_function("drawn.some((d) => d.figure === 'hall_of_fame' && d.points > 5 && d.of === 'Training')", timeout=90_000)
    page.wait_for_function("drawn.some((d) => d.figure === 'annealing' && d.points > 20)")
    finish(page)
    until(lambda: re.search(r"sin", number(page, "formula")), 20, "the formula of the end")
    assert number(page, "information").endswith("%")


def test_a_search_is_stopped_and_a_missing_table_is_said(visit):
    page = visit("formulas?seed=12&steps=100000&events=20k")
    page.wait_for_function("drawn.some((d) => d.points > 5)")
    page.keyboard.press("Space")
    until(lambda: sentence(page).startswith("Training"), 60, "the search")
    page.click("[data-action=stop]")
    page.locator("[data-action=resume]").wait_for(timeout=30_000)
    page.click("label:has(> input[name=option-target][value=table])")
    page.locator("#option-file").wait_for()
    page.fill("#option-file", "/nowhere/table.csv")
    page.press("#option-file", "Enter")
    page.locator("#option-file-error, [data-option=file]", has_text="does not exist").first.wait_for()
