"""Trainings of one recipe, and of all combinations of some options."""

from __future__ import annotations

import argparse
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.commands.events import noted
from workbench.commands.progress import follow, interrupts, say_how_it_ended, show_progress
from workbench.commands.usage import Usage, chosen, store_of
from workbench.data.own_file import beside
from workbench.families import FAMILIES, FORMER, PRESETS, kind_of
from workbench.runs.files import Lock
from workbench.runs.run import Run
from workbench.runs.store import open_run
from workbench.training.recipe import Recipe, sweep_of

if TYPE_CHECKING:
    import xarray


TRAINED: dict[str, type[Recipe]] = {family.command: family.recipe for family in FAMILIES}
"""The recipes that commands train."""


def trained_by(options: argparse.Namespace) -> type[Recipe] | None:
    """The recipes that a command trains; None of one that trains nothing."""
    command = (options.trained or FORMER.command) if options.command == "sweep" else options.command
    return TRAINED.get(command)


def train_command(options: argparse.Namespace) -> int:
    from workbench.runs.launcher import check_file, launch

    recipe, store = recipe_of(options).fixed(), store_of(options)
    if options.on and options.foreground:
        raise Usage("--foreground trains in this process, and --on as a job of a cluster: one of them is needed.")
    if not options.again and (found := store.find(recipe)):
        print(
            f"This recipe {'has been trained' if found.status.state == 'finished' else 'is being trained'} already; --again trains it anew."
        )
        with interrupts() as asked:
            return follow(found, asked, mine=False)
    with noted():
        check_file(recipe)
    if options.foreground:
        return train_here(*store.create_owned(recipe, options.title))
    with interrupts() as asked:
        run = launch(recipe, runs=store, title=options.title, reuse=not options.again, on=options.on)
        if not options.background or asked.is_set():
            return follow(run, asked)
    print(run.path)
    return 0


def sweep_command(options: argparse.Namespace) -> int:
    from workbench.runs.sweep import sweep

    recipe_type = TRAINED[options.trained or FORMER.command]
    known = recipe_type.options()
    given = {name: [value for text in texts for value in known[name].listed(text)] for name, texts in chosen(options, tuple(known)).items()}
    axes = {name: values for name, values in given.items() if len(values) > 1}
    if not axes:
        example = sweep_of(recipe_type)(axes={"seed": [1, 2, 3]}).as_command()
        raise Usage(f"No option has several values, so there is nothing to sweep; for instance: {example}")
    recipe = recipe_type(**{name: values[0] for name, values in given.items()})
    swept: dict[str, Any] = dict(axes)
    with noted():
        results = sweep(recipe, runs=store_of(options), title=options.title, on=options.on, **swept)
    if options.out:
        from workbench.runs import files, netcdf

        files.replace(Path(options.out), netcdf.encode({"/": results}))
    print(table(results, axes, kind_of(recipe_type).product.load().headline))
    return 0


def table(results: xarray.Dataset, axes: dict[str, list[str]], shown: Mapping[str, str]) -> str:
    """The points of a sweep, a line each, with the numbers `shown` under their words."""
    from workbench.results.scan import beside_axes

    known = {beside_axes(name, axes): words for name, words in shown.items()}
    names = [name for name in known if results[name].notnull().any()]
    points = results[names].stack(point=list(axes))
    lines = [[*axes, *(known[name] for name in names)]]
    for k in range(points.sizes["point"]):
        point = points.isel(point=k)
        lines.append([str(value) for value in point["point"].item()] + [f"{float(point[name]):.4g}" for name in names])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def recipe_of(options: argparse.Namespace) -> Recipe:
    recipe_type = TRAINED[options.command]
    values: dict[str, object] = {}
    if options.preset:
        presets = PRESETS[recipe_type.kind]
        if options.preset not in presets:
            raise Usage(f"There is no preset {options.preset[:40]!r}: one of {', '.join(presets)} is needed.")
        values |= presets[options.preset].changes
    if options.recipe:
        read = read_recipe(Path(options.recipe), recipe_type)
        if not isinstance(read, recipe_type):
            raise Usage(f"{options.recipe} is a recipe of the kind {read.kind}, which `workbench {read.command}` trains.")
        values |= read.to_dict()
        values.pop("file_digest", None)
    given = chosen(options, tuple(recipe_type.options()))
    recipe = recipe_type(**{**values, **given})
    recipe.check_file_is_read()
    say_idle(recipe, given)
    return recipe


def say_idle(recipe: Recipe, given: Iterable[str]) -> None:
    """Say to standard error which of the options that were given have no effect beside the others."""
    if idle := [f"--{name.replace('_', '-')}" for name in given if not recipe.matters(name)]:
        print(f"workbench: {', '.join(idle)} {'have' if len(idle) > 1 else 'has'} no effect with these options.", file=sys.stderr)


def read_recipe(path: Path, recipe_type: type[Recipe]) -> Recipe:
    if path.is_dir():
        return open_run(path).recipe
    if path.name == "recipe.json" and path.parent.name and (path.parent / "status.json").exists():
        return open_run(path.parent).recipe
    with path.open(encoding="utf-8", errors="replace") as file:
        recipe = recipe_type.from_json(file.read(70_000))
    own = getattr(recipe, "file", "")
    return recipe.replace(file=beside(own, path.parent)) if own else recipe


def train_here(run: Run, lock: Lock) -> int:
    from workbench.data.files import FileNote
    from workbench.runs.worker import run_job

    run.write_control("run", fresh=True)
    watcher = threading.Thread(target=show_progress, args=(run, threading.Event()), daemon=True)
    watcher.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileNote)  # has been said
        run_job(run.path, lock=lock)
    watcher.join(2.0)
    return say_how_it_ended(run)
