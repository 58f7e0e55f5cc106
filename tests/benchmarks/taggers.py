"""What a step of each tagger costs, and eight members of the default at once beside one after another.

    python tests/benchmarks/taggers.py [--rounds 5]

Step: cross-entropy and its slope on 128 of the shipped jets, and Adam; what 1,000 test jets cost a network that has learned. One thread,
process CPU time, candidates taking turns.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from timing import interleaved, record_option, recorded, where

from workbench.families.taggers.job import TaggerJob
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.training.loop import Steps

ARCHITECTURES = {
    "mass": 40, "deep_sets": 40, "deep_sets_jet": 40, "lola": 40, "image": 40, "particlenet": 30, "part": 30, "lorentznet": 24, "lgatr": 30,
}  # fmt: skip
"""With the constituents that their presets see."""
MEMBERS, ASKED = 8, 1_000


def job_of(**options: object) -> TaggerJob:
    """A training of shipped jets that does not end."""
    return TaggerJob(TaggerRecipe(**{"uncertainty": "none", "steps": 10_000_000, "schedule": "constant", **options}))


def stepping(job: TaggerJob) -> Callable[[], object]:
    """One step of a training."""
    steps = Steps(job.state, job.batch)
    return steps.next


def asking(job: TaggerJob) -> Callable[[], object]:
    """What a network says of jets."""
    row, jets = job.method.central().flatten(0, 1)[:1], job.inputs["train"][:ASKED]

    def ask() -> object:
        job.network.settled_for = None  # as after a step
        return job.network.ask(row, jets)

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    record_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cpu")
    with recorded(options.record):
        print(where(device))
        jobs = {name: job_of(architecture=name, constituents=seen) for name, seen in ARCHITECTURES.items()}
        steps = interleaved({name: stepping(job) for name, job in jobs.items()}, device, rounds=options.rounds, repeats=3, warm_up=2)
        asked = interleaved({name: asking(job) for name, job in jobs.items()}, device, rounds=options.rounds, repeats=1, warm_up=1)
        print(f"{'architecture':16} {'weights':>8} {'ms per step':>12} {f'ms per {ASKED:,} jets':>18}")
        for name, job in jobs.items():
            one, all_of = (1e3 * statistics.median(times[name]) for times in (steps, asked))
            print(f"{name:16} {job.network.parameters:8,} {one:12.1f} {all_of:18.1f}")
        together = job_of(uncertainty="ensemble", members=MEMBERS)
        alone = [job_of(seed=seed) for seed in range(MEMBERS)]
        singles = [stepping(job) for job in alone]
        pair = {"at once": stepping(together), "one after another": lambda: [step() for step in singles]}
        times = interleaved(pair, device, rounds=options.rounds, repeats=3, warm_up=2)
        once, apart = (1e3 * statistics.median(times[name]) for name in pair)
        print(f"{MEMBERS} members of the default: {once:.1f} ms a step at once, {apart:.1f} one after another, {apart / once:.2f}×")


if __name__ == "__main__":
    main()
