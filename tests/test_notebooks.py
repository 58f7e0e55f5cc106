"""Every notebook runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    """The notebooks that are asked for, each with a home of its own. Two run at a time: much of a lecture is waiting."""

    def run(path):
        home = str(tmp_path_factory.mktemp(path.stem))
        client = NotebookClient(
            nbformat.read(path, as_version=4), timeout=180, kernel_name="python3", resources={"metadata": {"path": home}}
        )
        client.execute(env=os.environ | {"WORKBENCH_HOME": home})

    asked = [item.callspec.params["path"] for item in request.session.items if item.name.startswith("test_notebook_runs")]
    with ThreadPoolExecutor(2) as pool:
        yield {path: pool.submit(run, path) for path in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, running):
    running[path].result()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path):
    cells = json.loads(path.read_text())["cells"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells if cell["cell_type"] == "code")
