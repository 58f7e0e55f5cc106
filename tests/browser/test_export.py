"""A notebook that was executed and exported shows its figures in a browser that has no network."""

from __future__ import annotations

import os

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

pytestmark = pytest.mark.browser

CELLS = (
    "import workbench as wb\nrun = wb.launch(wb.AmplitudeRecipe(events=2_000, test_events=2_000, hidden=[32, 32], steps=400))",
    "run.live('losses', 'pulls')",
    "run.wait()",
    "run.figure('delta')",
    "wb.studio('amplitudes')",
    "wb.studio('generators')",
)
"""Four of them show something: how many pictures."""
SHOWN = {1: 2, 3: 1, 4: 3, 5: 2}
DRAWN = "one => one.tagName === 'IMG' ? one.complete && one.naturalWidth > 0 : one.querySelectorAll('path').length > 0"


def test_an_exported_notebook_shows_every_figure_without_a_network_or_a_kernel(chromium, tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=os.environ | {"WORKBENCH_HOME": str(tmp_path)})
    page, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "notebook.html").write_text(page, encoding="utf-8")
    context = chromium.new_context(offline=True, viewport={"width": 1100, "height": 900})
    try:
        opened = context.new_page()
        opened.goto((tmp_path / "notebook.html").as_uri())
        cells = opened.locator(".jp-CodeCell")
        for cell in range(len(CELLS)):
            pictures = cells.nth(cell).locator(".jp-OutputArea svg[role=img], .jp-OutputArea img")
            assert pictures.count() == SHOWN.get(cell, 0), CELLS[cell]
            for k in range(pictures.count()):
                box = pictures.nth(k).bounding_box()
                assert box["width"] > 500 and box["height"] > 250
                assert pictures.nth(k).evaluate(DRAWN)
        about = cells.nth(1).locator("img").first.get_attribute("alt")
        assert "Finished: 400 steps" in about, "the picture is that of the end, not of the moment when the cell ran"
    finally:
        context.close()
