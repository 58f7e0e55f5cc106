"""Our likelihood ratios beside ALICES of MadMiner 0.9.6: time and error of log r, same events, as many steps, same network.

    python -m venv peer && peer/bin/pip install madminer==0.9.6 && python tests/benchmarks/inference.py --peer peer/bin/python

MadMiner's requirements do not fit ours, so it has an environment of its own and gets the events from a file; where there is none, ours run
alone. Both learn from the same simulated events (features of two smeared jets, joint ratios, joint scores) and are compared with the exact
log r(x|θ) of 3,000 others, as everywhere: ⟨(log r̂ − log r)²⟩ with exp(−θ²/2·5²). Peer: events of the mixture, and of a uniform θ by
acceptance from the same ones, joined and shuffled; its own defaults but for network, batch, steps and rates. CPU time of one thread, with
that of its loaders.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from timing import record_option, recorded, where

from workbench.families.inference import ratio
from workbench.families.inference.job import InferenceJob
from workbench.families.inference.objective import UNIT
from workbench.families.inference.ratio import EVEN
from workbench.families.inference.recipe import InferenceRecipe
from workbench.physics.wbf import BOX

HIDDEN, BATCH = [64, 64, 64], 512
PEER = """
import logging, resource, sys, time
import numpy as np, torch
torch.set_num_threads(1)
from madminer.ml import ParameterizedRatioEstimator
logging.disable(logging.INFO)
path, epochs, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = np.load(path)
uses = lambda: [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = lambda: sum(use.ru_utime + use.ru_stime for use in uses())
model = ParameterizedRatioEstimator(n_hidden=(64, 64, 64), activation="tanh")
start, began = cpu(), time.time()
arrays = {name: data[name] for name in ("x", "y", "theta", "r_xz", "t_xz")}
model.train(method="alices", **arrays, alpha=1.0, n_epochs=epochs, batch_size=batch,
    initial_lr=3e-3, final_lr=3e-5, n_workers=0, early_stopping=False)
spent, wall = cpu() - start, time.time() - began
found = model.evaluate_log_likelihood_ratio(x=data["test"], theta=data["grid"], test_all_combinations=True, evaluate_score=False)[0]
np.savez(path + ".out.npz", log_ratio=np.asarray(found), cpu=spent, wall=wall)
"""


def samples(job: InferenceJob, seed: int) -> dict[str, np.ndarray]:
    """What MadMiner wants: events with labels, y = 1 of the mixture and y = 0 of θ, joint ratio p(θ)/p(mixture) and joint score at θ."""
    rng, pool = np.random.default_rng(seed), job.pool
    features, components = job.inputs["train"].cpu().numpy(), pool.components[:, list(EVEN)]
    rows, places = [], []
    count = 0
    while count < len(pool):  # of each θ the events that it would have made, by acceptance
        theta = rng.uniform(-BOX, BOX, (len(pool), 2))
        weight = weights(job, components, theta)
        kept = np.flatnonzero(rng.random(len(pool)) < weight / 6.0)[: len(pool) - count]
        rows.append(kept)
        places.append(theta[kept])
        count += len(kept)
    numerator, theta = np.concatenate(rows), np.concatenate(places)
    denominator, others = np.arange(len(pool)), rng.uniform(-BOX, BOX, (len(pool), 2))
    event, theta = np.concatenate([numerator, denominator]), np.concatenate([theta, others])
    y = np.concatenate([np.zeros(len(numerator)), np.ones(len(denominator))])
    order = rng.permutation(len(y))
    event, theta, y = event[order], theta[order], y[order]
    return {
        "x": features[event].astype(float),
        "y": y[:, None],
        "theta": theta / UNIT,
        "r_xz": weights(job, components[event], theta)[:, None],
        "t_xz": scores(job, components[event], theta),
    }


def weights(job: InferenceJob, components: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """p(z|θ)/p(z|mixture), one θ for each event."""
    m, relative = ratio.even(theta), job.relative / np.array([1, UNIT, UNIT, UNIT**2, UNIT**2, UNIT**2])
    return (components * m).sum(1) / (m @ relative)


def scores(job: InferenceJob, components: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """∇ log p(z|θ) per unit of θ, by central differences: exact for what is quadratic but for rounding."""
    step, found = 1e-4, []
    for axis in np.eye(2):
        up, down = (np.log(weights(job, components, theta + sign * step * axis)) for sign in (1, -1))
        found.append((up - down) / (2 * step) * UNIT)
    return np.stack(found, axis=-1)


def report(name: str, log_ratio: np.ndarray, job: InferenceJob, cpu: float, wall: float) -> None:
    plane = ratio.grid()
    mse, trimmed = ratio.squared_error(log_ratio, job.truth(ratio.AXIS, len(job.test)), plane, job.test.weight)
    print(f"  {name:42s}{cpu:8.1f}{wall:8.1f}{1e3 * mse:11.2f}{1e3 * trimmed:11.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="python of an environment with madminer 0.9.6")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--seeds", type=int, default=1)
    record_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    common = {"events": options.events, "steps": options.steps, "batch_size": BATCH, "hidden": HIDDEN, "uncertainty": "none"}
    candidates = {
        "workbench, ALICES, free, tanh": {"method": "alices", "head": "free", "activation": "tanh"},
        "workbench, ALICE, quadratic (default)": {},
    }
    with recorded(options.record):
        print(where(torch.device("cpu")))
        print(f"{options.events:,} events, {options.steps:,} steps of {BATCH}, 3 × 64\n  {'':42s} CPU s  wall s  MSE × 10³  trimmed × 10³")
        for seed in range(options.seeds):
            for name, own in candidates.items():
                job = InferenceJob(InferenceRecipe(**common, **own, seed=seed))
                start, began = time.process_time(), time.time()
                for _ in job.train():
                    pass
                spent = time.process_time() - start, time.time() - began
                report(name, job.estimate(draws=1).log_ratio(ratio.grid())[0], job, *spent)
            if options.peer:
                peer(options.peer, job, options.steps, seed)
        if not options.peer:
            print("  madminer 0.9.6 was not run: no environment with it was named by --peer")


def peer(python: str, job: InferenceJob, steps: int, seed: int) -> None:
    data = samples(job, seed)
    epochs = max(1, round(steps / (0.75 * len(data["y"]) / BATCH)))  # a quarter only watches
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.npz"
        grid = np.concatenate([ratio.grid(), np.zeros((1, 2))]) / UNIT
        np.savez(path, test=job.inputs["test"].cpu().numpy().astype(float), grid=grid, **data)
        done = subprocess.run([python, "-c", PEER, str(path), str(epochs), str(BATCH)], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"The peer ended with code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
        out = np.load(f"{path}.out.npz")
    log_ratio = out["log_ratio"].reshape(len(grid), -1).T
    report(
        f"madminer 0.9.6, ALICES, tanh, {epochs} epochs", log_ratio[:, :-1] - log_ratio[:, -1:], job, float(out["cpu"]), float(out["wall"])
    )


if __name__ == "__main__":
    main()
