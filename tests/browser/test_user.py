"""What somebody does who has never seen the pages: looks at every control, sends a file, copies the Python, types nonsense, uses keys."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_amplitudes import address, run_of, sentence, step, until

from workbench.data import files
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.physics.phase_space import flat_events

# Recipes in which every option of a page has its effect in one of them at least.
SHOWING = {
    "": (
        "uncertainty=repulsive_ensemble&boost_pull=1&boost_sigma=1",
        "uncertainty=bnn",
        "process=gg_yygg&beams=pp&sampling=unweighted",
        "file=mine.h5&inputs=ordered&symmetric=true",
        "uncertainty=deterministic",
    ),
    "generators": (
        "",
        "dataset=z_jets&jets=0&discflow_alpha=0.5&coupling=gan&discriminator_steps=10&nuisance=1&magic=1",
        "file=mine.h5&coupling=discflow&discflow_alpha=0.5&discriminator_steps=10",
    ),
}


@pytest.mark.parametrize("place", SHOWING)
def test_every_control_has_a_label_a_unit_where_it_has_one_and_a_tooltip_that_is_seen_whole(visit, place):
    seen, wrong = set(), []
    for recipe in SHOWING[place]:
        page = visit(f"{place}?{recipe}", width=1400, height=900)
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true })")
        for field in page.locator("[data-option]:visible").all():
            name = field.get_attribute("data-option")
            if name in seen:
                continue
            seen.add(name)
            field.locator(".info").scroll_into_view_if_needed()
            field.locator(".info").hover()
            tip, label = field.locator(".tip"), field.locator(".label").inner_text()
            box = tip.bounding_box()
            words = tip.inner_text()
            if not label or len(words) < 20 or not re.search(rf"^{name}", words, re.MULTILINE):
                wrong.append(f"{name}: {label!r} {words!r}")
            if "GeV" in words.partition(name)[0] and name == "sqrt_s" and "[GeV]" not in label:
                wrong.append(f"{name} has no unit")
            if box is None or box["y"] < 0 or box["y"] + box["height"] > 900 or box["x"] < 0:
                wrong.append(f"{name}: its tooltip is at {box}")
    kind = GeneratorRecipe if place else AmplitudeRecipe
    hidden = {"file", "units"} if place else set()  # those of a file of collisions
    assert seen | hidden >= set(kind.options()), set(kind.options()) - seen
    assert not wrong, "\n".join(wrong)


def test_a_file_is_sent_by_the_button_and_a_bad_one_is_refused_in_a_sentence(visit, server, tmp_path):
    rng = np.random.default_rng(4)
    values = np.column_stack([flat_events(600, rng)[:400].reshape(400, 20), np.exp(rng.normal(-18, 1, 400))])
    good, bad, names = tmp_path / "My events.csv", tmp_path / "bad.csv", ",".join(files.columns("gg_yyg"))
    np.savetxt(good, values, delimiter=",", fmt="%.17g", header=names, comments="")
    values[200, -1] = -1
    np.savetxt(bad, values, delimiter=",", fmt="%.17g", header=names, comments="")
    page = visit("?events=200&test_events=100&hidden=16&steps=30&inputs=invariants")

    def send(path):
        with page.expect_file_chooser() as chooser:
            page.click("text=Choose a file …")
        chooser.value.set_files(path)

    send(bad)
    until(lambda: page.locator(".notice").count() == 1, 40, "the sentence")
    said = page.inner_text(".notice span")
    assert "bad.csv" in said and "row 201" in said and page.input_value("#option-file") == "", said
    until(lambda: page.title() and visit.complaints, 20, "the browser's own report of the answer 422")
    assert all("422" in complaint for complaint in visit.complaints), visit.complaints
    visit.complaints.clear()
    send(good)
    until(lambda: page.input_value("#option-file").startswith("uploads/"), 40, "the file's name in the recipe")
    assert page.input_value("#option-file").endswith("my-events.csv") and page.is_enabled("text=Choose a file …")
    page.click("[data-action=train]")
    sent = page.input_value("#option-file")
    until(
        lambda: "run=" in address(page) and run_of(page, server).recipe.file == sent,
        60,
        "a run of one's own events, not one of as many steps that was shown before",
    )
    until(lambda: sentence(page).startswith("Finished: 30 steps"), 60, "a training on one's own events")


@pytest.mark.parametrize("place", ["", "generators"])
def test_the_copied_python_makes_the_recipe_of_the_run_that_is_shown(visit, server, place):
    page = visit(f"{place}?run={server.finished[1]}" if not place else place)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("summary:has-text('from Python')")
    page.click("text=Copy as Python")
    until(lambda: page.locator("text=Copied").count() == 1, 3, "copied")
    code = page.evaluate("navigator.clipboard.readText()")
    made = server.python("import sys, workbench as wb\nwb.launch = lambda recipe: None\nexec(sys.argv[1])\nprint(recipe.to_json())", code)
    if place:
        assert GeneratorRecipe.from_json(made).to_dict() == GeneratorRecipe().to_dict()
    else:
        assert AmplitudeRecipe.from_json(made).to_dict() == run_of(page, server).recipe.to_dict()


def test_a_run_is_trained_paused_stepped_and_left_by_keys_alone(visit, server):
    page = visit("?events=2000&test_events=2000&hidden=64,64&steps=40000&seed=311")
    page.keyboard.press(" ")
    until(lambda: sentence(page).startswith("Training: step") and step(page) > 0, 30, "training")
    run = run_of(page, server)
    try:
        page.keyboard.press(" ")
        until(lambda: sentence(page).startswith("Paused"), 10, "pause")
        before = step(page)
        page.keyboard.press("ArrowRight")
        until(lambda: step(page) > before and sentence(page).startswith("Paused"), 10, "one block of steps")
        page.keyboard.press("e")
        until(lambda: page.is_visible(".exporting"), 3, "export")
        page.keyboard.press("Escape")
        page.keyboard.press("r")
        until(lambda: run.id not in address(page), 5, "reset")
        assert page.input_value("#option-steps") != "40000"
    finally:
        run.stop()


@pytest.mark.parametrize("place", ["", "generators"])
def test_nonsense_in_an_address_is_one_sentence_each_and_the_page_is_whole(visit, place):
    page = visit(f"{place}?recipe=%E2%80%A6&run=nope&tab=x&step=-1&story=nothing&compare=,,&a=99&events=lots&hidden=%00")
    page.wait_for_function("drawn.some((d) => d.points > 10)", timeout=20_000)
    said = page.locator(".notice span").all_inner_texts()
    assert 4 <= len(said) <= 6 and all(text[-1] in ".?" and len(text) < 400 for text in said), said
    assert len(set(said)) == len(said) and not any("Traceback" in text or "Error" in text for text in said)
    assert page.is_enabled("[data-action=train]") and "tab=" not in address(page) and "step=" not in address(page)


@pytest.mark.parametrize("place", ["", "generators"])
@pytest.mark.parametrize("typed", ["", "lots", "-1e999", "1,,٣ 💥" + 400 * "9"])
def test_nonsense_in_every_field_is_answered_beside_it_and_nothing_else_is_lost(visit, place, typed):
    page = visit(f"{place}?uncertainty=repulsive_ensemble&boost_pull=1" if not place else "generators?dataset=z_jets&discflow_alpha=0.5")
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true })")
    found = page.locator("[data-option]:visible:has(input[type=text])").all()
    options = (GeneratorRecipe if place else AmplitudeRecipe).options()
    fields = {name: page.locator(f"[data-option={name}]") for name in [field.get_attribute("data-option") for field in found]}
    for name in sorted(fields, key="file".__eq__):  # a file of one's own hides how events are made, so it comes last
        if (field := fields[name]).is_visible():
            field.locator("input[type=text]").fill(typed)
            field.locator("input[type=text]").press("Enter")
    page.fill("#title", typed)
    page.press("#title", "Enter")
    page.wait_for_timeout(800)
    for name, field in fields.items():
        words, kept = field.locator(".wrong").text_content(), field.locator("input[type=text]").input_value()
        about = (options[name].called if name != "file" else typed[:100]) in words  # a sentence about a file begins with its name
        whole = typed if name == "file" else typed[:200]  # the name of a file that is not there is a text like any other
        assert not words or (words.endswith(".") and about and len(words) < 500 and kept == whole), (name, words, kept)
    if any(field.locator(".wrong").text_content() for field in fields.values()):
        assert page.is_disabled("[data-action=train]")
    page.keyboard.press("Escape")
    page.click("[data-action=reset]")
    until(lambda: not any(page.locator(".wrong").all_inner_texts()), 5, "reset takes all of it back")
    assert page.is_enabled("[data-action=train]") and page.locator(".notice").count() == 0
