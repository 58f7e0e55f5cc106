"""Words for whoever is here for the first time: a sentence above the figures, a tour that can be left, and a glossary."""

from __future__ import annotations

import re

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.generators.page import Generators
from workbench.figures import FIGURES
from workbench.studios.browser.assets import source

DUMMIES = {"x", "d", "a", "b", "h", "n", "n_j", "δ", "μ", "r", "w", "D", "η", "φ", "ρ", "R", "ln"}
"""Letters that mean something within one formula only, or everywhere in physics."""


def explained():
    return set(re.findall(r'^  \["([^"]+)", "', source("newcomer.js").partition("const SYMBOLS")[2], re.M))


@pytest.mark.parametrize("studio", [Amplitudes, Generators])
def test_every_symbol_of_a_formula_is_explained_and_every_tab_says_what_to_look_for(studio):
    known = {symbol.removesuffix("(θ)").strip("⟨⟩") for symbol in explained()}
    formulas = " ".join(card.formula or FIGURES[card.name].formula for card in studio.cards)
    used = re.findall(r"(?<!\w)(?:Δ?[A-Za-zα-ωΑ-ΩĀ]\u0302?)(?:_[A-Za-z]+)?(?!\w)", formulas)
    assert {symbol for symbol in used if symbol.removeprefix("Δ") not in DUMMIES and symbol not in known} == set()
    assert all(tab.lead for tab in studio.tabs if tab.name not in ("stories", "runs"))


@pytest.mark.browser
@pytest.mark.parametrize("place", ["", "generators"])
def test_the_tour_points_at_four_things_and_can_be_left(visit, place):
    page = visit(place)
    assert "A network" in page.locator(".lead").first.inner_text()
    page.click("text=Tour in four steps")
    seen = []
    for k in range(4):
        assert f"Step {k + 1} of 4" in page.locator(".tour").inner_text()
        seen.append(page.locator(".tour p").inner_text())
        assert page.locator(".pointed").count() == 1
        page.click(".tour .action")
    assert len(set(seen)) == 4 and not page.is_visible(".tour") and not page.locator(".pointed").count()
    page.click("text=Tour in four steps")
    page.keyboard.press("Escape")
    assert not page.is_visible(".tour")


@pytest.mark.browser
def test_a_formula_opens_what_its_symbols_mean(visit):
    page = visit()
    page.click("[data-figure=systematic_pull] .formula")
    assert page.is_visible(".glossary") and "pull: error divided by error bar" in page.locator(".glossary").inner_text()
    page.click(".glossary > button")
    assert not page.is_visible(".glossary")
