"""Events on disk, and files of one's own."""

from __future__ import annotations

import argparse
import contextlib
import sys
import warnings
from collections.abc import Iterator

from workbench.commands.usage import Usage, chosen
from workbench.families.amplitudes.recipe import AmplitudeRecipe

MADE_EVENTS = 90_000
DATA_OPTIONS = ("process", "events", "data_seed", "beams", "sampling", "sqrt_s")


def data_command(options: argparse.Namespace) -> int:
    from workbench.data import catalogue

    if options.action == "remove" and not options.name:
        raise Usage('`workbench data remove` needs a name, or "all"; `workbench data` lists them.')
    try:
        if options.action == "make":
            values = {name: AmplitudeRecipe.check(name, value) for name, value in chosen(options, DATA_OPTIONS).items()}
            seed = {"seed": values.pop("data_seed")} if "data_seed" in values else {}
            if len(options.name) > 1 or (options.name and "process" in values):
                raise Usage("`workbench data make` makes one dataset at a time.")
            named = {"process": options.name[0]} if options.name else {}
            what = {"events": MADE_EVENTS, **values, **seed, **named}
            from workbench.runs.making import make_dataset

            dataset = make_dataset(**what, on=options.on, say=lambda text: print(text, file=sys.stderr))
            print(f"{dataset.sizes['event']:,} events are ready.")
        elif options.action == "convert":
            convert(options.name, AmplitudeRecipe.check("units", options.units or "auto"))
        elif options.action == "remove":
            freed = sum(catalogue.remove_cached(name) for name in options.name)
            print(f"Removed, {freed / 1e6:,.1f} MB freed.")
        else:
            for cached in catalogue.list_cached():
                events = f"{cached.events:,} events" if cached.events is not None else "damaged"
                print(f"{cached.name:50} {events:>20} {cached.size / 1e6:10,.1f} MB")
    except ValueError as problem:
        raise Usage(str(problem)) from problem
    return 0


def convert(names: list[str], units: str) -> None:
    """Read a file of one's own and write it in the format that the other name's end says. Raises: Usage, ValueError, OSError."""
    from workbench.data.files import load_any
    from workbench.data.saving import save

    if len(names) != 2:
        raise Usage("`workbench data convert` needs a file to read and one to write: workbench data convert IN OUT")
    with noted():
        events = load_any(names[0], units)
    print(f"{save(names[1], events)}: {len(events):,} events")


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """What is to be said of files that are read meanwhile, to standard error."""
    from workbench.data.files import FileNote

    def say(message: Warning | str, category: type[Warning], *_: object) -> None:
        print(f"workbench: {message}" if issubclass(category, FileNote) else message, file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", FileNote)
        warnings.showwarning = say  # type: ignore[assignment]
        yield
