"""The exact amplitude gg → γγgg: points per second of one core, their accuracy, and the time of a data set.

python tests/benchmarks/two_jets.py [--points 1024] [--rounds 3] [--reference FOLDER] [--events N [--sampling unweighted] [--beams pp]]

`--reference` names a folder with ggyygg.npz and ggyygg_long_double.npy. CPU time and wall time are both told, with the load of the machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import record_option, recorded

from workbench.data.catalogue import make_dataset
from workbench.physics.amplitudes import gg_yygg
from workbench.physics.amplitudes.gg_yygg import evaluation
from workbench.physics.amplitudes.gg_yygg.amplitude import amplitudes
from workbench.physics.two_jets import flat_events

QUANTILES = (0.5, 0.9, 0.99, 0.995, 1.0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--points", type=int, default=1_024)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--reference", type=Path)
    arguments.add_argument("--events", type=int, default=0)
    arguments.add_argument("--sampling", default="flat")
    arguments.add_argument("--beams", default="fixed")
    record_option(arguments)
    options = arguments.parse_args()
    with recorded(options.record):
        speed(options.points, options.rounds)
        if options.reference:
            accuracy(options.reference)
        if options.events:
            dataset(options.events, options.sampling, options.beams)


def load() -> str:
    return f"load {os.getloadavg()[0]:.0f}" if hasattr(os, "getloadavg") else "load unknown"


def speed(points: int, rounds: int) -> None:
    """One thread; the first call of a process also builds the tables of cuts, so it is left out."""
    momenta = flat_events(2 * points + 200, np.random.default_rng(1))[:points]
    gg_yygg.squared_amplitude(momenta[:16])
    for name, evaluate in (("64 bits", amplitudes), ("with the bad points again", gg_yygg.squared_amplitude)):
        for _ in range(rounds):
            cpu, wall = time.process_time(), time.perf_counter()
            evaluate(momenta)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            rates = f"{len(momenta) / cpu:.0f} per CPU second, {len(momenta) / wall:.0f} per second"
            print(f"{len(momenta):,} points, {name}: {rates} ({load()})")
    error = amplitudes(momenta).error
    print("estimated error in 64 bits above", *(f"{least:g}: {(error > least).mean():.2%}" for least in (1e-8, 1e-7, 1e-6, 1e-5)))


def accuracy(folder: Path) -> None:
    precise = np.load(folder / "ggyygg_long_double.npy")
    with np.load(folder / "ggyygg.npz") as file:
        momenta, other = file["p"], file["M2"]
    plain, found = amplitudes(momenta), gg_yygg.squared_amplitude_with_error(momenta)
    print(f"{len(momenta)} reference points, of which {(plain.error > evaluation.RESCUED).sum()} are computed again; quantiles {QUANTILES}")
    for name, value, known in (
        ("64 bits from longer numbers", plain.squared, precise),
        ("with the bad points again", found.squared_amplitude, precise),
        ("the same from MadLoop and COLLIER", found.squared_amplitude, other),
    ):
        print(f"{name}:", *(f"{quantile:.1e}" for quantile in np.quantile(np.abs(value / known - 1), QUANTILES)))


def dataset(events: int, sampling: str, beams: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["WORKBENCH_HOME"] = home
        said: list[str] = []

        def hear(fraction: float, text: str) -> None:
            if " take about " in text:
                said.append(text)

        start = time.perf_counter()
        made = make_dataset("gg_yygg", events=events, sampling=sampling, beams=beams, progress=hear)
        seconds = time.perf_counter() - start
    chunks = f"{made.attrs['tried']:,} points computed, {made.attrs['dropped']} left out, excess {made.attrs['excess']:.1e}"
    print(f"{events:,} {sampling} events, {beams} beams: {seconds:.0f} s ({load()}); said before: {'; '.join(said)}; {chunks}")


if __name__ == "__main__":
    main()
