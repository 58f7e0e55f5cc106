"""Own files in a real browser: sent in every format, refused by their own names, trained as they are when Train is pressed; and one's own
run stays on the screen."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_amplitudes import address, run_of, sentence, until
from test_basics_page import curves

import workbench as wb
from workbench.data.files import columns
from workbench.physics.phase_space import flat_events

TINY = "events=200&test_events=100&hidden=16&steps=30&inputs=invariants"


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return flat_events(800, rng)[:400], np.exp(rng.normal(-18, 1, 400))


@pytest.fixture
def send():
    def send(page, path):
        with page.expect_file_chooser() as chooser:
            page.click("text=Choose a file …")
        chooser.value.set_files(path)
        until(lambda: page.is_enabled("text=Choose a file …"), 40, f"{path.name} is read")

    return send


def test_a_file_of_every_format_is_sent_by_the_button(visit, send, tmp_path):
    momenta, amplitude = made(1)
    names = [f"mine.{end}" for end in ("h5", "hdf5", "csv", "csv.gz", "npy", "npz", "parquet")]
    for name in names:
        wb.save_events(tmp_path / name, momenta, amplitude)
    table = np.column_stack([momenta.reshape(400, 20), amplitude])
    np.savetxt(tmp_path / "commented.txt", table[:, ::-1], header=" ".join(columns("gg_yyg")[::-1]))
    page = visit(f"?{TINY}")
    for name in [*names, "commented.txt"]:
        send(page, tmp_path / name)
        until(lambda name=name: page.input_value("#option-file").endswith(f"-{name}"), 40, name)
        assert page.input_value("#option-file").startswith("uploads/")
    until(lambda: page.locator(".notice").count() == 1, 40, "what is to be said of the last one")
    assert "commented.txt has the names of its columns in a comment, and was read by them." in page.inner_text(".notice span")


def test_what_is_not_read_is_refused_by_its_own_name(visit, send, tmp_path):
    momenta, amplitude = made(1)
    contents = {
        "events.hepmc": (b"HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\n", "is a HepMC file"),
        "events.json": (json.dumps({"momenta": []}).encode(), "is a JSON file (its first line is"),
        "utf16.csv": (("1,2,3\n" * 300).encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    }
    for name, (content, _) in contents.items():
        (tmp_path / name).write_bytes(content)
    np.savez(tmp_path / "other.npz", PS=momenta, NJ=amplitude)
    page = visit(f"?{TINY}")
    said = {name: told for name, (_, told) in contents.items()} | {"other.npz": "has no array 'momenta'; it has PS (400, 5, 4), NJ (400,)"}
    for count, (name, told) in enumerate(said.items(), start=1):
        send(page, tmp_path / name)
        until(lambda count=count: page.locator(".notice").count() == count, 40, name)
        shown = page.locator(".notice span").last.inner_text()
        assert shown.startswith(f"{name} {told}") and page.input_value("#option-file") == "", shown
    visit.complaints.clear()  # the browser itself reports the answers 422


def test_a_file_that_was_rewritten_is_trained_anew_and_a_copy_is_the_same_recipe(visit, server, tmp_path):
    path, copy, runs = tmp_path / "events.h5", tmp_path / "copy.h5", []
    wb.save_events(path, *made(1))
    page = visit(f"?{TINY}")
    page.fill("#option-file", f' "{path}" ')
    page.press("#option-file", "Enter")
    until(lambda: page.input_value("#option-file") == str(path), 10, "the path")
    page.click("[data-action=train]")
    until(lambda: "run=" in address(page) and sentence(page).startswith("Finished: 30 steps"), 60, "a training")
    runs.append(run_of(page, server))
    wb.save_events(path, *made(2))
    page.click("[data-action=train]")
    until(lambda: run_of(page, server).id != runs[0].id and sentence(page).startswith("Finished: 30 steps"), 60, "the other content")
    runs.append(run_of(page, server))
    copy.write_bytes(path.read_bytes())
    first, second = (float(np.median(run.prediction("test")["amplitude_true"])) for run in runs)
    assert first != second and runs[0].recipe.file == runs[1].recipe.file == str(path)
    other = visit(f"?{TINY}")
    other.fill("#option-file", str(copy))
    other.press("#option-file", "Enter")
    other.click("[data-action=train]")
    until(lambda: "run=" in address(other) and run_of(other, server).id == runs[1].id, 60, "the same recipe under another name")


def test_ones_own_run_that_was_stopped_stays_on_the_screen(visit, server):
    page = visit()
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    assert page.inner_text(".numbers .chip") == "example"
    page.click("[data-action=train]")
    until(lambda: sentence(page).startswith("Training"), 30, "training")
    page.click("[data-action=stop]")
    until(lambda: page.inner_text(".numbers .chip") == "stopped", 30, "stopped")
    own = run_of(page, server)
    for typed, marked in (("0.05", True), ("0.01", False)):
        page.fill("#option-noise", typed)
        page.press("#option-noise", "Enter")
        page.wait_for_selector("[data-other]" if marked else ".studio:not([data-other])")
        assert run_of(page, server).id == own.id and page.inner_text(".numbers .chip") == "stopped"
    assert page.inner_text(".ribbon").strip() == ""


def test_pasted_columns_are_learned_on_basics_and_their_link_is_the_same_recipe(visit):
    rows = np.linspace(0, 6, 200)
    columns = "\n".join(f"{x:.3f}\t{np.sin(x):.4f}" for x in rows)
    page = visit("basics?toy=own_curve&steps=400")
    page.click("text=Paste columns")
    page.fill("[aria-label='Columns of numbers']", "1 2 3 4\n" * 30)
    page.click("text=Use these columns")
    page.locator(".notice", has_text="pasted.csv has 4 columns; 2 (x, y) or 3 (x, y, sigma) are needed.").wait_for(timeout=40_000)
    assert page.input_value("#option-file") == ""
    page.fill("[aria-label='Columns of numbers']", columns)
    page.click("text=Use these columns")
    until(lambda: page.input_value("#option-file").startswith("uploads/"), 40, "the columns are kept")
    visit.complaints.clear()  # the browser itself reports the answer 422
    page.click("[data-action=train]")
    until(lambda: sentence(page).startswith("Finished"), 60, "the end")
    until(lambda: [curve["name"] for curve in curves(page, "learned")] == ["training points", "network"], 20, "the curve without a truth")
    again = visit("basics" + address(page).partition("/basics")[2])
    assert again.input_value("#option-file") == page.input_value("#option-file")
    assert "own curve" in again.inner_text(".numbers tbody th")
