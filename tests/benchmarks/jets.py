"""Top and QCD jets: made per CPU second, kept and read again, and what networks see of 20,000 of them.

python tests/benchmarks/jets.py [--jets 2000]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from timing import record_option, recorded

from workbench.families.taggers.features import aligned, image, particle_features
from workbench.families.taggers.jets import Jets
from workbench.families.taggers.make import COLLISIONS
from workbench.families.taggers.pile_up import overlaid
from workbench.families.taggers.sample import make_jets, shipped
from workbench.families.taggers.store import decode, encode


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--jets", type=int, default=2_000, help="of each label")
    record_option(arguments)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    with recorded(options.record):
        for name, kind in COLLISIONS.items():
            start = time.process_time()
            made = kind.make(0, 1, lambda jets: None)
            print(f"{name}: {len(made) / (time.process_time() - start):.0f} jets per CPU second, one process with its start")
        with tempfile.TemporaryDirectory() as home:
            os.environ["WORKBENCH_HOME"] = home
            start = time.perf_counter()
            found = make_jets(options.jets, seed=3, progress=lambda fraction, text: None)
            begun = time.perf_counter()
            make_jets(options.jets, seed=3)
            print(f"2 × {options.jets:,} jets: {begun - start:.1f} s on all cores, read again in {time.perf_counter() - begun:.2f} s")
        top, qcd = (np.abs(found.mass[found.label == label] - 172.5) for label in (1, 0))
        ranks = np.searchsorted(np.sort(qcd), top)
        print(f"|m − 172.5 GeV| alone: AUC {1 - ranks.mean() / len(qcd):.4f}, 1/ε_B(0.5) {1 / np.mean(qcd < np.median(top)):.1f}")
        jets = Jets.joined([shipped()] * 10)
        data = encode(jets)
        works: dict[str, Callable[[], object]] = {
            "padded, 40 constituents": lambda: jets.padded(40),
            "seven numbers": lambda: particle_features(jets, 40),
            "aligned angles": lambda: aligned(jets, 40),
            "images": lambda: image(jets, 40),
            "pile-up of 40 collisions": lambda: overlaid(jets, 40),
            f"reading {len(data) / 1e6:.1f} MB": lambda: decode(data),
        }
        for words, work in works.items():
            start = time.process_time()
            work()
            print(f"{len(jets):,} jets, {words}: {time.process_time() - start:.2f} s")


if __name__ == "__main__":
    main()
