"""Every notebook runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

CELL = 180  # seconds that a cell may take on two idle cores
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def patience(busy):
    """Seconds for a cell on a machine that was so many times slower than idle when its notebook began, or has so much to do now."""
    return CELL * max(busy, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.fixture(scope="module")
def running(request, tmp_path_factory, slowdown):
    """The notebooks that are asked for, each with a home of its own. Two run at a time: much of a lecture is waiting."""

    def run(path, home):
        busy = slowdown()
        client = NotebookClient(
            nbformat.read(path, as_version=4),
            timeout_func=lambda cell: patience(busy),
            startup_timeout=int(patience(busy)),
            kernel_name="python3",
            resources={"metadata": {"path": home}},
        )
        return client.execute(env=os.environ | {"WORKBENCH_HOME": home})

    asked = [item.callspec.params["path"] for item in request.session.items if item.name.startswith("test_notebook_runs")]
    # made before the threads begin: two that ask for the first folder at once get two roots, and a ValueError
    homes = {path: str(tmp_path_factory.mktemp(path.stem)) for path in asked}
    with ThreadPoolExecutor(2) as pool:
        yield {path: pool.submit(run, path, home) for path, home in homes.items()}
        pool.shutdown(cancel_futures=True)


def test_a_cell_has_more_time_on_a_busy_machine(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert patience(1.0) == CELL and patience(3.0) == 3 * CELL
    monkeypatch.setattr(os, "getloadavg", lambda: (8.0 * os.cpu_count(), 0.0, 0.0))
    assert patience(3.0) == 8 * CELL


@pytest.mark.notebook
@pytest.mark.timeout(0)  # its cells have their own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_shows_its_figures_when_it_is_exported(path, running):
    notebook = running[path].result()
    outputs = [output["data"] for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    figures = [data for data in outputs if "application/vnd.plotly.v1+json" in data]
    alive = [data for data in outputs if re.match("<(live|studio) ", data.get("text/plain", ""))]
    stills = [
        re.findall('<img [^>]*base64,([^"]*)', data["text/html"]) for data in outputs if "workbench-still" in data.get("text/html", "")
    ]
    assert figures or alive
    assert all(data.get("image/svg+xml", "").startswith("<svg") for data in figures)
    assert len(stills) == len(alive) and all(stills)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count('data-mime-type="image/svg+xml"') == len(figures) and all(image in page for images in stills for image in images)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path):
    cells = json.loads(path.read_text())["cells"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells if cell["cell_type"] == "code")
