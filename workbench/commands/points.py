"""What is asked of a trained network: new events, and what it says of points."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workbench.commands.events import noted
from workbench.commands.runs import find_run
from workbench.commands.usage import Usage, store_of
from workbench.families.amplitudes.recipe import AmplitudeRecipe


def sample_command(options: argparse.Namespace) -> int:
    from tqdm.auto import tqdm

    numbers: dict[str, Any] = {}
    for name, kind in (("events", int), ("seed", int), ("nuisance", float)):
        try:
            numbers[name] = kind(getattr(options, name).replace("_", ""))
        except ValueError as problem:
            raise Usage(f"--{name} {getattr(options, name)[:40]!r} is not a number.") from problem
    if numbers["seed"] < 0:
        raise Usage(f"--seed {options.seed} is not possible: a whole number from 0 is needed.")
    run = find_run(store_of(options), options.id)
    with tqdm(total=numbers["events"], unit="event", unit_scale=True, disable=None, leave=False, dynamic_ncols=True) as bar:

        def progress(fraction: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(round(fraction * numbers["events"]) - bar.n)

        try:
            path = run.sample(file=options.output or f"{run.id}.h5", progress=progress, **numbers)
        except ValueError as problem:
            raise Usage(str(problem)) from problem
    print(path)
    return 0


def predict_command(options: argparse.Namespace) -> int:
    from tqdm.auto import tqdm

    from workbench.runs.files import replace
    from workbench.runs.prediction import outside, written

    run = find_run(store_of(options), options.id)
    target = Path(options.output or f"{run.id}-predicted.csv").absolute()
    if target.suffix not in (".csv", ".nc"):
        raise Usage(f"--output {target.name[:60]!r} says no format that is written: an end in .csv or .nc is needed.")
    draws = draws_of(options)
    with tqdm(
        total=1.0, disable=None, leave=False, delay=1.0, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} < {remaining}"
    ) as bar:

        def progress(fraction: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(fraction - bar.n)

        try:
            with noted():
                found = run.predict(options.file, draws, units=AmplitudeRecipe.check("units", options.units or "auto"), progress=progress)
        except ValueError as problem:
            raise Usage(str(problem)) from problem
    replace(target, written(found, target.suffix))
    print(f"{target}: {found.sizes['event']:,} points")
    if said := outside(found):
        print(said)
    return 0


def export_command(options: argparse.Namespace) -> int:
    try:
        path = find_run(store_of(options), options.id).export(options.file, draws_of(options))
    except ValueError as problem:
        raise Usage(str(problem)) from problem
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


def draws_of(options: argparse.Namespace) -> int | None:
    try:
        return None if options.draws is None else int(options.draws)
    except ValueError as problem:
        raise Usage(f"--draws {options.draws[:40]!r} is not a number.") from problem
