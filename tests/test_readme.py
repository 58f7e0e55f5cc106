"""What the README prints runs as it is printed, here with small settings."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

import workbench as wb
from workbench.stories import amplitudes

README = Path(__file__).parents[1] / "README.md"
SMALL = {"events": 300, "test_events": 200, "hidden": [8], "steps": 20, "draws": 4}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def test_the_python_of_the_readme_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    monkeypatch.setattr(wb, "AmplitudeRecipe", functools.partial(wb.AmplitudeRecipe, **SMALL), raising=False)
    monkeypatch.setattr(wb, "GeneratorRecipe", functools.partial(wb.GeneratorRecipe, **SMALL, blocks=2), raising=False)
    monkeypatch.setattr(amplitudes, "small", lambda full, **changes: wb.AmplitudeRecipe(**changes, inputs="invariants", calibrate=False))
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, names)
    prediction, flow = names["prediction"], names["flow"]
    printed = re.search(r'run\.prediction\("test"\)  # xarray: (.*)', README.read_text())[1]
    assert {"amplitude_true", "mean", "sigma_syst", "momenta"} <= set(re.findall(r"\w+", printed)) & set(prediction.variables)
    assert prediction["mean"].dims == ("draw", "event") and names["scan"]["sigma_syst_median"].dims == ("noise", "uncertainty")
    assert flow.wait(120).status.state == "finished"
