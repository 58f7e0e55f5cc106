"""What the README claims for GPUs, in one run of less than ten minutes on one of them.

    python tests/benchmarks/gpu.py [--device cuda] [--scale 1] [--minutes 10] [--only NAME …] [--out gpu.jsonl]

Every part prints its numbers when it has them, and appends them to a file of one JSON object a line, so that a run that is cut short has
told what it found. A part begins only while there is time, and is named where there is none. `--scale 0.01` takes a hundredth of the events
and steps, for a processor: it shows that the parts work, and its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import clock, record_option, recorded, where

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.amplitudes.stories.talks import NOISES, small
from workbench.families.amplitudes.sweep import SweepJob
from workbench.families.generators.job import GeneratorJob
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.physics.amplitudes import squared_amplitude
from workbench.physics.phase_space import flat_events
from workbench.results.scan import numbers
from workbench.stories import story

Found = dict[str, float]


def ms_per_step(job: Any) -> float:
    """Milliseconds of a step in the second half of a training, when all is recorded."""
    reports = list(job.train())
    half, last = reports[len(reports) // 2 - 1], reports[-1]
    return 1e3 * (last.seconds - half.seconds) / max(1, last.step - half.step)


def scaled(recipe: Any, scale: float, **changes: Any) -> Any:
    """A recipe with so much of its events and steps."""
    sizes = {"events": max(500, round(scale * recipe.events)), "test_events": max(200, round(scale * recipe.test_events))}
    return recipe.replace(**{**sizes, "steps": max(40, round(scale * recipe.steps)), **changes})


def steps(scale: float, device: str) -> Found:
    """One training step of each network, 9,000 events, batch 512; of the full L-GATr batch 256."""
    base = scaled(AmplitudeRecipe(events=9_000, steps=2_000, batch_size=512, uncertainty="bnn"), scale, device=device)
    networks = {"mlp": base, "deep sets": base.replace(architecture="deepsets_invariants")}
    networks["full L-GATr"] = scaled(
        base, min(1.0, 20 * scale), architecture="lgatr_full", batch_size=256, steps=max(4, round(200 * scale))
    )
    if device == "cpu":
        networks["full L-GATr"] = networks["full L-GATr"].replace(hidden=[8], batch_size=16)
    return {f"{name} [ms]": ms_per_step(Job(recipe)) for name, recipe in networks.items()}


def sweep(scale: float, device: str) -> Found:
    """The 18 points of the plateau story as one population, over one after another; more than 10 is the goal."""
    ((_, whole),) = story("plateau").runs
    recipe = scaled(whole, scale, steps=max(40, round(1_000 * scale)), device=device)
    together = ms_per_step(SweepJob(recipe))
    alone = sum(ms_per_step(Job(point)) for point in recipe.recipes)
    return {"together [ms]": together, "one after another [ms]": alone, "ratio": alone / together}


def amplitudes(scale: float, device: str) -> Found:
    """Ten million amplitudes of gg → γγg."""
    some, place = torch.tensor(flat_events(60_000, np.random.default_rng(1))).to(device), torch.device(device)
    wanted, done = max(len(some), round(1e7 * scale)), 0
    squared_amplitude("gg_yyg", some[:1_000])
    start = clock(place)
    while done < wanted:
        assert bool(torch.isfinite(squared_amplitude("gg_yyg", some)).all())
        done += len(some)
    seconds = clock(place) - start
    return {"amplitudes": done, "seconds": seconds, "per second": done / seconds}


def plateau(scale: float, device: str) -> Found:
    """σ_syst/A of one network on 700,000 points, for the noises of the talk."""
    found = {}
    for noise in NOISES:
        job = Job(scaled(small(True, uncertainty="deterministic", noise=noise), scale, device=device))
        list(job.train())
        found[f"f = {noise:g}"] = float(numbers(job.prediction("test"))["sigma_syst_median"])
    return found


def table(scale: float, device: str) -> Found:
    """⟨σ/A⟩ of Deep Sets with invariants on unweighted points, of both kinds, for 100,000 and 700,000."""
    found = {}
    for events in (100_000, 700_000):
        for way in ("bnn", "repulsive_ensemble"):
            sizes = {"architecture": "deepsets_invariants", "sampling": "unweighted", "hidden": [128] * 3, "members": 8, "steps": 10_000}
            job = Job(scaled(small(True, uncertainty=way, **sizes), scale, events=max(500, round(events * scale)), device=device))
            list(job.train())
            looked = numbers(job.prediction("test"))
            found |= {f"{way}, {events:,}, {part}": float(looked[f"sigma_{part}_mean"]) for part in ("syst", "stat")}
    return found


def flows(scale: float, device: str) -> Found:
    """A Bayesian flow on 200,000 events: a step, and −⟨ln p⟩."""
    job = GeneratorJob(scaled(GeneratorRecipe(dataset="wedge", events=200_000, steps=10_000), scale, device=device))
    step = ms_per_step(job)
    return {"step [ms]": step, "log loss": float(job.prediction("test")["log_loss"])}


PARTS: dict[str, tuple[Callable[[float, str], Found], float]] = {
    "steps": (steps, 40),
    "sweep": (sweep, 40),
    "amplitudes": (amplitudes, 20),
    "flows": (flows, 60),
    "plateau": (plateau, 150),
    "table": (table, 200),
}
"""What is measured, and how many seconds of a GPU it is expected to take: the most certain first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("gpu.jsonl"))
    record_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.monotonic()
    with recorded(options.record):
        print(where(torch.device(options.device)), f" scale {options.scale:g}")
        for name in options.only:
            part, expected = PARTS[name]
            spent = time.monotonic() - begun
            if spent + options.scale * expected > 60 * options.minutes:
                print(f"{name}: left out, {spent:.0f} s of {60 * options.minutes:.0f} s are spent", flush=True)
                continue
            found = part(options.scale, options.device)
            seconds = time.monotonic() - begun - spent
            with options.out.open("a") as file:
                file.write(json.dumps({"part": name, "device": options.device, "scale": options.scale, "seconds": seconds, **found}) + "\n")
            print(f"{name} ({seconds:.1f} s): " + ", ".join(f"{what} {value:.4g}" for what, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
