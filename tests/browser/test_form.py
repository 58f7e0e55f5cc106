"""The form in a browser: a sweep typed with commas trains and fills its tab; what is wrong is said where it is typed; space trains."""

from __future__ import annotations

import pytest

FAST = "events=2000&test_events=2000&hidden=32,32&steps=1500&uncertainty=deterministic"


def sentence(page):
    return page.inner_text(".bar .sentence")


def fill(page, option, text):
    page.fill(f"#option-{option}", text)
    page.press(f"#option-{option}", "Enter")


def test_a_sweep_typed_with_commas_trains_and_fills_its_tab(visit, server):
    page = visit(f"?{FAST}&seed=41", width=1024, height=768)
    page.click("#recipe")
    fill(page, "noise", "0, 0.01, 10 %")
    note = page.locator("#option-noise-note")
    note.get_by_text("3 values → sweep of 3").wait_for()
    assert page.input_value("#option-noise") == "0, 0.01, 0.1"
    assert "noise=0,0.01,0.1" in page.url and page.is_visible("#tab-sweep")
    assert "wb.sweep(" in page.locator(".code pre").first.text_content()
    page.click("[data-action=train]")
    page.wait_for_function("() => location.search.includes('run=')", timeout=30_000)
    page.locator("#panel-sweep:visible").wait_for()
    page.locator(".chip", has_text="finished").first.wait_for(timeout=90_000)
    page.locator('#panel-sweep [data-figure="plateau"] .points path').first.wait_for(timeout=30_000)
    assert page.input_value("#option-noise") == "0, 0.01, 0.1"
    again = visit("?" + page.url.partition("?")[2])
    again.locator("#panel-sweep:visible").wait_for()
    assert again.input_value("#option-noise") == "0, 0.01, 0.1"


@pytest.mark.parametrize(
    ("option", "typed", "kept"),
    [
        ("events", "9,001", "9001"),
        ("events", "12k", "12000"),
        ("steps", "1.5M", "1500000"),
        ("noise", "5 %", "0.05"),
        ("noise", "10⁻³", "0.001"),
        ("hidden", "64x3", "64, 64, 64"),
        ("hidden", "2×64", "64, 64"),
        ("hidden", "64 32", "64, 32"),
    ],
)
def test_numbers_are_typed_as_people_write_them(visit, option, typed, kept):
    page = visit()
    fill(page, option, typed)
    page.wait_for_function(f"() => location.search.includes('{option}=')")
    assert page.input_value(f"#option-{option}") == kept


def test_what_is_wrong_is_said_in_the_form_and_in_the_bar(visit, tmp_path):
    page = visit()
    fill(page, "file", str(tmp_path / "none.csv"))
    page.locator("#option-file-error", has_text="none.csv does not exist.").wait_for()
    assert "none.csv does not exist." in sentence(page)
    fill(page, "file", "")
    page.wait_for_function("() => !location.search.includes('file=')")
    fill(page, "noise", "0,01")
    page.locator("#option-noise-error", has_text="so type 0.01 for one number").wait_for()
    assert sentence(page).startswith("Noise must be a number between 0 and 0.1")


def test_space_trains_right_after_a_preset_was_chosen(visit):
    page = visit(f"?{FAST}&seed=43")
    page.select_option("#preset", "noise")
    page.wait_for_function("() => location.search.includes('preset=noise')")
    page.focus("#preset")
    fill(page, "steps", "20000")
    page.wait_for_function("() => location.search.includes('steps=20000')")
    page.focus("#preset")
    page.keyboard.press("Space")
    page.locator("[data-action=stop]:enabled").wait_for(timeout=30_000)
    page.locator("[data-action=stop]").click()
    page.locator("[data-action=resume]").wait_for(timeout=30_000)


def test_space_belongs_to_the_page_after_a_click_and_to_the_control_after_tab(visit):
    page = visit()
    fill(page, "steps", "20000")  # no example is of this recipe
    page.wait_for_function("() => location.search.includes('steps=20000')")
    page.click("label:has(> input[name=option-uncertainty][value=deterministic])")
    page.wait_for_function("() => location.search.includes('uncertainty=deterministic')")
    page.keyboard.press("Space")  # on the radio that was clicked
    page.locator("[data-action=stop]:enabled").wait_for(timeout=30_000)
    page.locator("[data-action=stop]").click()
    page.locator("[data-action=resume]").wait_for(timeout=30_000)
    page.click("#option-noise")
    page.keyboard.press("Space")  # a blank in a text
    assert " " in page.input_value("#option-noise")
    page.keyboard.press("Tab")
    page.focus("[data-option=noise] .info")
    said = sentence(page)
    page.keyboard.press("Space")  # on a button that was reached by keyboard
    page.wait_for_timeout(500)
    assert sentence(page) == said and said.startswith("Stopped")


def test_where_the_next_run_trains_is_asked_only_where_a_cluster_is_described(visit, server):
    assert not visit().is_visible("#where")
    described = server.home / "clusters.toml"
    described.write_text('[institute]\npartition = "no such partition"\n')
    try:
        page = visit(f"?{FAST}&seed=47")
        page.wait_for_selector("#where")
        assert page.locator("#where option").all_inner_texts() == ["This computer", "institute"] and page.input_value("#where") == ""
        page.select_option("#where", "institute")
        page.click("[data-action=train]")
        page.wait_for_selector(".notice")
        assert "Slurm" in page.inner_text(".notice") or "PSI/J" in page.inner_text(".notice")
        assert page.input_value("#where") == "institute"
    finally:
        described.unlink()
