"""Points of one's own on the page: dropped or chosen, predicted by the run that is shown, and given back as a file."""

from __future__ import annotations

import base64
import io

import numpy as np
from test_amplitudes import until

from workbench.runs.store import RunStore


def points_of(server, name):
    run = RunStore(server.home / "runs").open(name)
    return run, run.prediction("test")["momenta"].values


def drop(page, name, content):
    """What a person does who lets a file go above the place."""
    code = """([name, content]) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name))
      return transfer
    }"""
    held = page.evaluate_handle(code, [name, base64.b64encode(content).decode()])
    page.locator(".own-points").dispatch_event("drop", {"dataTransfer": held})


def said(page):
    return page.inner_text(".own-points [role=status]")


def as_npy(momenta):
    file = io.BytesIO()
    np.save(file, momenta.reshape(len(momenta), 20))
    return file.getvalue()


def test_a_file_that_is_dropped_comes_back_with_what_the_network_says_of_it(visit, server, tmp_path):
    run, momenta = points_of(server, server.finished[0])
    page = visit(f"amplitudes?run={run.id}")
    page.locator(".own-points").wait_for(state="visible", timeout=30_000)
    drop(page, "mine.npy", as_npy(np.concatenate([momenta[:200], 2 * momenta[:50]])))
    until(lambda: "250 points of mine.npy predicted." in said(page), 60, "the answer")
    assert "of 250 points lie further than" in said(page)
    with page.expect_download() as download:
        page.click("text=Save the answer")
    assert download.value.suggested_filename == f"{run.id}-predicted.csv"
    download.value.save_as(tmp_path / "answer.csv")
    table = np.genfromtxt(tmp_path / "answer.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["mean_GeV2"][:200], run.predict(momenta[:200])["mean"], rtol=1e-5)
    assert (table["distance_1"][200:] > 3).all() and np.median(table["distance_1"][:200]) < 1.3


def test_a_file_is_chosen_and_refused_in_one_sentence_and_a_prediction_is_cancelled(visit, server, tmp_path):
    run, momenta = points_of(server, server.finished[0])
    page = visit(f"amplitudes?run={run.id}")
    (tmp_path / "wrong.csv").write_text("1,2,3\n" * 50)
    (tmp_path / "many.npy").write_bytes(as_npy(np.tile(momenta, (20, 1, 1))))
    for name, cancelled, sentence in (("wrong.csv", False, "wrong.csv has 3 columns"), ("many.npy", True, "Cancelled.")):
        with page.expect_file_chooser() as chooser:
            page.click("text=Choose points …")
        chooser.value.set_files(tmp_path / name)
        if cancelled:
            page.click(".own-points >> text=Cancel")
        until(lambda sentence=sentence: sentence in said(page), 60, sentence)
    until(lambda: page.is_enabled("text=Choose points …"), 10, "another file may be chosen")
    assert not page.is_visible("text=Save the answer") and not page.is_visible(".own-points >> text=Cancel")


def test_an_example_which_has_no_weights_has_no_place_for_points(visit):
    page = visit()
    page.wait_for_function("drawn.some((d) => d.points > 10)")
    assert page.inner_text(".numbers .chip") == "example" and not page.is_visible(".own-points")
