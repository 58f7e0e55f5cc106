"""What the parts of "symmetry and a better optimiser" are worth, beside the default as it was, in one run.

    python tests/benchmarks/accuracy.py [--events 9000] [--noise 0] [--seeds 0 1 2] [--only NAME …]

Training of gg → γγg at 1 TeV, flat test events that are the same for all, one thread, CPU time of the training with its validation. Of the
test: the median and the 68 % quantile of |Δ|, the same of the largest 1 % of the amplitudes, and the standard deviation of the pull
(⟨A⟩ − A)/σ_tot of both. The ratio is the first row's number over this one.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
import xarray as xr
from timing import record_option, recorded, where

from workbench.families.amplitudes.job import Job
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.results.prediction import largest, summary
from workbench.threads import one_thread

SOAP: dict[str, Any] = {"inputs": "ordered", "target": "soft", "optimiser": "soap", "steps": 6_000}
WIDTHS = {"opening": "fisher"}
CANDIDATES: dict[str, dict[str, Any]] = {
    "default: momenta": {},
    "invariants": {"inputs": "invariants"},
    "one network": {"inputs": "invariants", "uncertainty": "deterministic"},
    "… mean square": {"inputs": "invariants", "uncertainty": "deterministic", "loss": "mse"},
    "… ordered": {"inputs": "ordered", "uncertainty": "deterministic"},
    "… SOAP": {"inputs": "invariants", "optimiser": "soap", "steps": 6_000, "uncertainty": "deterministic"},
    "… both": {"inputs": "ordered", "optimiser": "soap", "steps": 6_000, "uncertainty": "deterministic"},
    "… without poles": {**SOAP, "uncertainty": "deterministic"},
    "last layer": {**SOAP, **WIDTHS, "uncertainty": "bnn_last_layer"},
    "… mixed sample": {**SOAP, **WIDTHS, "uncertainty": "bnn_last_layer", "sampling": "mixed"},
    "Bayesian": {**SOAP, **WIDTHS, "uncertainty": "bnn"},
}


def measured(recipe: AmplitudeRecipe) -> np.ndarray:
    """Median and 68 % of |Δ| of all and of the largest, in per cent, the two pulls, and seconds."""
    job = Job(recipe)
    start = time.process_time()
    for _ in job.train():
        pass
    seconds = time.process_time() - start
    with one_thread():
        prediction = job.prediction("test")
    whole, top = (of_events(part) for part in (prediction, largest(prediction, 0.01)))
    return np.array([*whole[:2], *top[:2], whole[2], top[2], seconds])


def of_events(prediction: xr.Dataset) -> tuple[float, float, float]:
    parts = summary(prediction)
    delta = 100 * np.abs(parts["delta"].values)
    pull = ((parts["mean"] - parts["amplitude_train"]) / parts["sigma_tot"]).values
    return float(np.median(delta)), float(np.quantile(delta, 0.68)), float(pull.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=9_000)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--steps", type=int, help="steps of all candidates instead of their own")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES), metavar="NAME")
    record_option(parser)
    chosen = parser.parse_args()
    common = {"events": chosen.events, "noise": chosen.noise, "test_events": 20_000, "device": "cpu"}
    torch.set_num_threads(1)
    with recorded(chosen.record):
        print(where(torch.device("cpu")))
        print(f"{chosen.events:,} events, noise {chosen.noise:g}, means of {len(chosen.seeds)} seeds, |Δ| in per cent\n")
        print(f"{'':18}  median    68 %  largest 1 %: median    68 %   pull   of them  seconds   ratios: median  largest")
        first = None
        for name in chosen.only:
            changes = CANDIDATES[name] | ({"steps": chosen.steps} if chosen.steps else {})
            rows = [measured(AmplitudeRecipe(**common, **changes, seed=seed)) for seed in chosen.seeds]
            mean = np.mean(rows, axis=0)
            first = mean if first is None else first
            numbers = "{:8.4f}{:8.4f}{:21.4f}{:8.4f}{:7.2f}{:10.2f}{:9.1f}".format(*mean)
            print(f"{name:18}{numbers}{first[0] / mean[0]:17.1f}{first[2] / mean[2]:9.1f}", flush=True)


if __name__ == "__main__":
    main()
