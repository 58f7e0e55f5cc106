"""What the README prints runs as it is printed, here with small settings."""

from __future__ import annotations

import functools
import importlib
import os
import re
import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench.__main__ import main
from workbench.families.amplitudes.stories import error_bars

README = Path(__file__).parents[1] / "README.md"
SMALL = {"events": 300, "test_events": 200, "hidden": [8], "steps": 20, "draws": 4}


def blocks(language: str) -> list[str]:
    every = re.findall(r"^```(\w*)\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return [text for told, text in every if told == language]


def test_the_python_of_the_readme_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    monkeypatch.setattr(wb, "AmplitudeRecipe", functools.partial(wb.AmplitudeRecipe, **SMALL), raising=False)
    monkeypatch.setattr(wb, "GeneratorRecipe", functools.partial(wb.GeneratorRecipe, **SMALL, blocks=2), raising=False)
    monkeypatch.setattr(error_bars, "small", lambda full, **changes: wb.AmplitudeRecipe(**changes, inputs="invariants", calibrate=False))
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, names)
    prediction, flow = names["prediction"], names["flow"]
    printed = re.search(r'run\.prediction\("test"\)  # xarray: (.*)', README.read_text())[1]
    assert {"amplitude_true", "mean", "sigma_syst", "momenta"} <= set(re.findall(r"\w+", printed)) & set(prediction.variables)
    assert prediction["mean"].dims == ("draw", "event") and names["scan"]["sigma_syst_median"].dims == ("noise", "uncertainty")
    assert flow.wait(120).status.state == "finished"


def test_the_readme_is_short_and_what_it_points_to_is_there():
    text = README.read_text()
    assert len(text.splitlines()) <= 150 and len(text.split()) <= 1_200
    pointed = [README.parent / target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    named = [README.parent / "workbench" / name for name in re.findall(r"`(\w+/(?:[\w/]+\.py)?)`", text) if name != "notebooks/"]
    assert len(pointed) > 3 and len(named) > 8
    assert not [str(path) for path in pointed + named if not path.exists()]


def test_the_readme_prints_commands_that_exist(capsys: pytest.CaptureFixture):
    lines = [line.split("#")[0] for block in blocks("") for line in block.splitlines()]
    commands = {line.split()[1] for line in lines if line.startswith("workbench ") and not line.split()[1].startswith("-")}
    with pytest.raises(SystemExit):
        main(["--help"])
    told = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE))
    assert {"train", "sweep", "story", "lab"} <= commands <= told


def test_what_a_benchmark_prints_is_recorded_with_machine_and_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(README.parent / "tests" / "benchmarks"))
    monkeypatch.setattr(sys, "argv", ["/somewhere/amplitude.py", "--points", "10", "--record"])
    timing = importlib.import_module("timing")
    for wanted in (False, True):
        with timing.recorded(wanted, tmp_path / "tables.md"):
            print("43 points per second", wanted)
    kept = (tmp_path / "tables.md").read_text()
    assert "`amplitude.py --points 10`, 20" in kept and f"{os.cpu_count()} cores" in kept
    assert "43 points per second True" in kept and "False" not in kept
