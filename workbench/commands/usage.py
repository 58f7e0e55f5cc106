"""What all commands share: sentences for mistakes, and options that grow from the recipe's declarations."""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any, NoReturn

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs.store import RunStore
from workbench.training.option import Choice, Number, Option
from workbench.training.recipe import Recipe

INTERRUPTED = 128 + signal.SIGINT
"""How a program ends that Ctrl+C has ended."""


class Usage(Exception):
    """What the user asked for in a way that cannot be understood, in one sentence."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of repeating the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` shows what is possible.")


class Help(argparse.HelpFormatter):
    """Room for the names of the options."""

    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=34, width=min(120, int(os.environ.get("COLUMNS", "110"))))


def add_runs(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--runs", metavar="FOLDER", dest="folder", default=None, help="folder of the runs [$WORKBENCH_RUNS, or .workbench/runs at home]"
    )


def add_on(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--on",
        metavar="CLUSTER",
        default=None,
        help="train as jobs of a cluster: its name in clusters.toml in the home folder [$WORKBENCH_HOME, or .workbench]; "
        "`workbench cluster --help` says how it is described",
    )


def add_options(
    group: argparse._ArgumentGroup, names: tuple[str, ...], *, several: bool = False, of: type[Recipe] = AmplitudeRecipe, **defaults: object
) -> None:
    """Command-line options for declared options. They stay text here: the recipe checks them, with better sentences than argparse."""
    action: Any = "append" if several else "store"
    for name in names:
        option = of.options()[name]
        default = defaults.get(name, option.default)
        text = f"{option.titled}. {option.doc} [{word(default)}{possible(option)}]"
        flag = f"--{name.replace('_', '-')}"
        group.add_argument(flag, dest=name, default=None, action=action, metavar=option.placeholder, help=text.replace("%", "%%"))


def possible(option: Option) -> str:
    if isinstance(option, Choice):
        return f"; one of {', '.join(option.objects)}" if len(option.objects) > 1 else ""
    if isinstance(option, Number):
        low, high = (f"{bound:,}" if isinstance(bound, int) else f"{bound:,g}" for bound in option.limits)
        return f"; from {low} to {high}"
    return ""


def word(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return " × ".join(f"{name}={','.join(map(word, values))}" for name, values in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value).lower() or "none"


def chosen(options: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def store_of(options: argparse.Namespace) -> RunStore:
    try:
        return RunStore(options.folder)
    except RuntimeError as problem:  # none of ours, or none of ~somebody
        raise Usage("There is no home folder for runs; set WORKBENCH_HOME, or give --runs FOLDER.") from problem


def whole(option: str, text: str, low: int, high: int) -> int:
    """The whole number that an option is given. Raises: Usage."""
    if not (text.isdecimal() and text.isascii() and low <= int(text[:20]) <= high):
        raise Usage(f"{option} {text[:20]!r} is not possible: a whole number from {low:,} to {high:,} is needed.")
    return int(text)
