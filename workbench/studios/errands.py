"""What the page server has done by other processes, because it needs torch, or reads files from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from workbench.studios.live import ending
from workbench.training.recipe import Recipe

LONGEST = 120  # seconds for the check of a file
EVENTS = """
import sys
import warnings
from workbench.data.files import FileNote
from workbench.families import family_of
from workbench.training.recipe import Recipe
try:
    recipe = Recipe.from_json(sys.stdin.read())
    read = family_of(recipe).events.load()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileNote)
        read(recipe, progress=lambda fraction, text: None)
    for warning in caught:
        if issubclass(warning.category, FileNote):
            print(warning.message)
except (ValueError, OSError) as problem:
    print(problem)
    sys.exit(2)
"""


def check_events(recipe: Recipe) -> list[str]:
    """Read the events of a recipe as its training will, and forget them: for files of the user's own, before a run starts.

    Returns: what the user should know of the file, one sentence each.

    Raises: ValueError with the reader's sentence.
    """
    pipe = subprocess.PIPE
    command = [sys.executable, "-P", "-c", EVENTS]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", env=_environment()) as child:
        try:
            said, complained = _answer(child, recipe.to_json())
        except BaseException:
            child.kill()
            raise
    if child.returncode == 2:
        raise ValueError(said.strip() or "The events cannot be read.")
    if child.returncode:
        raise ValueError(f"The reader of the events stopped with code {child.returncode}: {complained.strip().splitlines()[-1:]}")
    return said.splitlines()


def _answer(child: subprocess.Popen[str], question: str) -> tuple[str, str]:
    """What a child says to standard output and error. Raises: ValueError when it takes too long, or the program ends meanwhile."""
    end, said = time.monotonic() + LONGEST, question or None
    while True:
        try:
            return child.communicate(said, timeout=0.3)
        except subprocess.TimeoutExpired as problem:
            said = None  # it is on its way
            if time.monotonic() > end or ending():
                raise ValueError(f"The events could not be read within {LONGEST} seconds.") from problem


def prepare_events(recipe: Recipe) -> None:
    """Have the events of a recipe made, at low priority, so that its training begins at once. Returns immediately."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", EVENTS], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        encoding="utf-8", env=_environment(), start_new_session=True, preexec_fn=_politely if hasattr(os, "nice") else None,
    )  # fmt: skip
    assert child.stdin
    with child.stdin:
        child.stdin.write(recipe.to_json())


def _politely() -> None:
    os.nice(15)


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
