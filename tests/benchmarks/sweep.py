"""A sweep as one population beside the same points trained one after another, in one run.

    python tests/benchmarks/sweep.py [--steps 600] [--rounds 3] [--device cpu]

The plateau story: six noise levels × deterministic, Bayesian (last layer) and repulsive ensemble of 8, MLP 3×64, 9,000 points. Both ways
take turns; single trainings run on one thread each, as `wb.launch` runs them. Times are of training only, without data and prediction.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import time
from collections.abc import Callable

import torch
from timing import processor, record_option, recorded

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import SweepRecipe
from workbench.families.amplitudes.sweep import SweepJob
from workbench.stories import story


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the wall and of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=600)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--device", default="cpu")
    record_option(arguments)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    with recorded(options.record):
        compare(options)


def compare(options: argparse.Namespace) -> None:
    ((_, whole),) = story("plateau").runs
    recipe = whole.replace(steps=options.steps, device=options.device)
    assert isinstance(recipe, SweepRecipe)
    print(f"{datetime.date.today()}  torch {torch.__version__}  {processor()}  {options.device}")
    ratios = []
    for _ in range(options.rounds):
        together, alone = SweepJob(recipe), [Job(point) for point in recipe.points]
        one = timed(lambda job=together: list(job.train()))
        many = [timed(lambda job=job: list(job.train())) for job in alone]
        wall, cpu = (sum(each) for each in zip(*many, strict=True))
        ratios.append((wall / one[0], cpu / one[1]))
        print(f"{len(alone)} points, {options.steps} steps: together {one[0]:.1f} s on the wall, {one[1]:.1f} s of CPU; ", end="")
        print(f"one after another {wall:.1f} s, {cpu:.1f} s: {wall / one[0]:.2f}×, {cpu / one[1]:.2f}×")
    wall, cpu = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(f"median: {wall:.2f}× on the wall, {cpu:.2f}× of CPU")


if __name__ == "__main__":
    main()
