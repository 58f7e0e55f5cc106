"""Words for whoever is here for the first time: a sentence above the figures, a tour that can be left, and a glossary."""

from __future__ import annotations

import re

import pytest

from workbench.families import FAMILIES
from workbench.figures import FIGURES
from workbench.studios.browser.assets import source

DUMMIES = {*"x d a b c e h i n v α δ r w D η φ ρ R β ln n_j n_b Σ_b p_i η_i φ_i s_new s_old p_B ε_B".split(), "r\u0302"}
"""Letters that mean something within one formula only, or everywhere in physics."""


def explained():
    return set(re.findall(r'^  \["([^"]+)", "', source("newcomer.js").partition("const SYMBOLS")[2], re.M))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_symbol_of_a_formula_is_explained_and_every_tab_says_what_to_look_for(family):
    studio = family.page.load()
    known = {symbol.removesuffix("(θ)").strip("⟨⟩") for symbol in explained()}
    formulas = " ".join(card.formula or FIGURES[card.name].formula for card in studio.cards)
    used = re.findall(r"(?<!\w)(?:Δ?[A-Za-zα-ωΑ-ΩĀ]\u0302?)(?:_[A-Za-z]+)?(?!\w)", formulas)
    assert {symbol for symbol in used if symbol.removeprefix("Δ") not in DUMMIES and symbol not in known} == set()
    assert all(tab.lead for tab in studio.tabs if tab.name not in ("stories", "runs"))


@pytest.mark.browser
@pytest.mark.parametrize("width", [1600, 1024])
@pytest.mark.parametrize("place", [family.place for family in FAMILIES])
def test_the_tour_points_at_four_things_and_can_be_left(visit, place, width):
    page = visit(place, width=width)
    assert len(page.locator(".lead").first.inner_text()) > 80
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
