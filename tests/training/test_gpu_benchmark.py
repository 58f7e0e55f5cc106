"""The benchmark of GPUs works, at a hundredth of its size on a processor, and tells what it has found as it goes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
PARTS = ["steps", "sweep", "amplitudes", "flows", "plateau", "table"]


def run(tmp_path: Path, *options: str) -> str:
    command = [sys.executable, str(BENCHMARK), "--device", "cpu", "--scale", "0.01", "--out", "found.jsonl", *options]
    environment = os.environ | {"WORKBENCH_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_part_is_measured_at_a_hundredth_of_its_size_and_written_when_it_is_there(tmp_path):
    said = run(tmp_path)
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [each["part"] for each in found] == PARTS
    for each in found:
        values = [value for name, value in each.items() if name not in ("part", "device")]
        assert len(values) > 3 and all(math.isfinite(value) for value in values) and f"\n{each['part']} (" in said
    by_part = {each["part"]: each for each in found}
    assert by_part["amplitudes"]["amplitudes"] >= 1e5 and by_part["sweep"]["ratio"] > 0
    assert abs(by_part["plateau"]["f = 0.1"] / 0.1 - 1) < 0.9


def test_without_time_a_part_is_named_and_left_out(tmp_path):
    assert "sweep: left out" in run(tmp_path, "--minutes", "0.0001", "--only", "sweep")
    assert not (tmp_path / "found.jsonl").exists()
