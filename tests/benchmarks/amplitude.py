"""The exact amplitude gg → γγg: points per second on one thread, and 90,000 events made and read again.

python tests/benchmarks/amplitude.py [--points 20000]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from timing import record_option, recorded

from workbench.data.catalogue import make_dataset
from workbench.physics.amplitudes import squared_amplitude


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--points", type=int, default=20_000)
    record_option(arguments)
    options = arguments.parse_args()
    with recorded(options.record):
        measure(options.points)


def measure(points: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = str(Path(home))
        start = time.perf_counter()
        made = make_dataset()
        begun = time.perf_counter()
        again = make_dataset()
        done = time.perf_counter()
        assert np.array_equal(made.amplitude, again.amplitude)
        print(f"{made.sizes['event']:,} events: made in {begun - start:.1f} s, read again in {done - begun:.2f} s")
    torch.set_num_threads(1)
    momenta = torch.tensor(made.momenta.values[:points])
    squared_amplitude("gg_yyg", momenta[:500])
    start = time.process_time()
    squared_amplitude("gg_yyg", momenta)
    print(f"{len(momenta) / (time.process_time() - start):,.0f} points per CPU second")


if __name__ == "__main__":
    main()
