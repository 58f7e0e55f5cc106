"""How runs grow: a folder of 10,000 runs, of which 1,000 are jobs of a cluster that wait or train, seen by the list, the page and a launch.

Nothing is trained: folders are made from a run that ships, and `squeue` is a script that prints what Slurm would.

python tests/benchmarks/many.py [--runs 10000] [--jobs 1000]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from timing import processor, record_option, recorded

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import files, jobs
from workbench.runs.cluster import Cluster
from workbench.runs.store import EXAMPLES, RunStore

SQUEUE = """#!/bin/sh
case "$*" in
*PENDING*) awk 'BEGIN {{for (k = {half} + 1; k <= {all}; k++) print k "|main|"}}' ;;
*) awk 'BEGIN {{
    for (k = 1; k <= {all}; k++) print k (k > {half} ? "|PENDING||1:00:00|main|Priority" : "|RUNNING|n" k % 40 "|1:00:00|main|None")
}}' ;;
esac
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=10_000)
    arguments.add_argument("--jobs", type=int, default=1_000, help="how many of them belong to jobs; one half trains, the other waits")
    record_option(arguments)
    options = arguments.parse_args()
    with recorded(options.record), tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"WORKBENCH_HOME": folder, "PATH": f"{folder}:{os.environ['PATH']}"}
        (home / "squeue").write_text(SQUEUE.format(half=options.jobs // 2, all=options.jobs))
        (home / "squeue").chmod(0o755)
        print(f"{processor()}; {options.runs:,} runs, {options.jobs:,} of them jobs")
        make(home / "runs", options.runs, options.jobs)
        store, page = RunStore(home / "runs"), Amplitudes(runs=home / "runs")
        page.hear({"tab": "runs"})
        works: dict[str, Callable[[], object]] = {
            "what squeue says of all jobs": jobs.slurm._list,
            "names and dates of all runs": store.dated,
            "the page's list, a hundred of them": page.rows,
            "an idle page, each second": page.refresh,
            "is a recipe trained already?": lambda: store.find(AmplitudeRecipe(seed=12_345)),
        }
        for words, work in works.items():
            first, again = timed(work), min(timed(work) for _ in range(3))
            print(f"{words}: {1e3 * first:.0f} ms at first, then {1e3 * again:.0f} ms")
        command = [sys.executable, "-m", "workbench", "runs"]
        seconds = timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))
        print(f"`workbench runs`: {seconds:.1f} s")


def make(root: Path, runs: int, number: int) -> None:
    """Folders of runs that have finished, the newest of them with jobs."""
    pattern = next(path for path in sorted(EXAMPLES.iterdir()) if '"amplitude"' in (path / "recipe.json").read_text())
    status = files.unseal((pattern / "status.json").read_bytes(), "status.json")
    cluster = Cluster(name="main").to_dict()
    for k in range(runs):
        path = root / f"{k:012x}-1"
        path.mkdir(parents=True)
        for name in ("recipe.json", "reports.jsonl", "run.nc"):
            shutil.copy2(pattern / name, path / name) if name != "run.nc" else os.symlink(pattern / name, path / name)
        waits = k - (runs - number)
        if waits >= 0:
            files.replace(path / "job.json", files.seal({"job": str(waits + 1), "cluster": cluster}), sync=False)
        now = status if waits < 0 else {**status, "state": "running" if waits < number // 2 else "queued", "pid": None, "host": "n1"}
        files.replace(path / "status.json", files.seal(now), sync=False)
        os.utime(path / "recipe.json", ns=(k * 10**9, k * 10**9))


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
