"""Importing costs nothing: torch is loaded where something trains, panel where pages are served, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "panel", "bokeh", "plotly", "xarray", "h5py", "numpy", "pandas")


def imported(statement: str) -> tuple[set[str], float]:
    """Which heavy packages a fresh process has loaded after a statement, and its CPU time in seconds without that of Python itself."""
    program = f"""
import sys, time
start = time.process_time()
{statement}
import json
print(json.dumps([[name for name in {HEAVY!r} if name in sys.modules], time.process_time() - start]))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    names, seconds = json.loads(answer)
    return set(names), seconds


@pytest.mark.parametrize(
    "statement",
    [
        "import workbench; dir(workbench)",
        "import workbench.runs.store, workbench.runs.launcher, workbench.runs.worker, workbench.__main__",
        "import workbench as wb; wb.AmplitudeRecipe(); wb.RunStore; wb.open_run; wb.launch; wb.RecipeError; wb.RunError",
    ],
)
def test_importing_the_package_loads_nothing_heavy_and_takes_no_time(statement: str):
    names, seconds = imported(statement)
    assert names == set() and seconds < 0.5


def test_reading_a_run_needs_neither_torch_nor_panel():
    names, _ = imported(
        "import workbench as wb, xarray, workbench.runs.backend, workbench.runs.netcdf; wb.pulls; wb.summary; wb.make_dataset"
    )
    assert not names & {"torch", "panel", "bokeh"}


def test_drawing_a_run_does_not_load_torch():
    names, _ = imported("import workbench.figures, workbench.results.prediction, workbench.results.pulls")
    assert not names & {"torch", "panel"}


def test_public_names_are_those_that_are_promised():
    import workbench as wb

    assert {"squared_amplitude", "make_dataset", "train", "launch", "open_run", "pulls", "summary", "studio"} <= set(dir(wb))
    assert wb.__version__ and all(getattr(wb, name) for name in wb.__all__ if name != "studio")
    with pytest.raises(AttributeError, match="has no attribute 'launc'"):
        _ = wb.launc


FIGURE_FILES = sorted(
    path
    for path in (ROOT / "workbench" / "families").rglob("*.py")
    if "figures" in (path.stem, path.parent.name) and path.stem != "__init__"
)


@pytest.mark.parametrize("path", FIGURE_FILES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_figures_of_a_family_can_be_imported_before_all_others(path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    imported(f"import {module}; from workbench.figures import FIGURES; assert len(FIGURES) > 30")
