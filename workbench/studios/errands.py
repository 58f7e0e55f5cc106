"""What the page server has done by other processes, because it needs torch, or reads files from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys

from workbench.training.recipe import Recipe

LONGEST = 120  # seconds for the check of a file
EVENTS = """
import sys
from workbench.data.catalogue import events_for, sample_for
from workbench.training.recipe import GeneratorRecipe, Recipe
try:
    recipe = Recipe.from_json(sys.stdin.read())
    read = sample_for if isinstance(recipe, GeneratorRecipe) else events_for
    read(recipe, progress=lambda fraction, text: None)
except (ValueError, OSError) as problem:
    print(problem)
    sys.exit(2)
"""


def check_events(recipe: Recipe) -> None:
    """Read the events of a recipe as its training will, and forget them: for files of the user's own, before a run starts.

    Raises: ValueError with the reader's sentence.
    """
    command = [sys.executable, "-P", "-c", EVENTS]
    try:
        done = subprocess.run(command, input=recipe.to_json(), capture_output=True, text=True, timeout=LONGEST, env=_environment())
    except subprocess.TimeoutExpired as problem:
        raise ValueError(f"The events could not be read within {LONGEST} seconds.") from problem
    if done.returncode == 2:
        raise ValueError(done.stdout.strip() or "The events cannot be read.")
    if done.returncode:
        raise ValueError(f"The reader of the events stopped with code {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")


def prepare_events(recipe: Recipe) -> None:
    """Have the events of a recipe made, at low priority, so that its training begins at once. Returns immediately."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", EVENTS], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        env=_environment(), start_new_session=True, preexec_fn=_politely if hasattr(os, "nice") else None,
    )  # fmt: skip
    assert child.stdin
    with child.stdin:
        child.stdin.write(recipe.to_json())


def _politely() -> None:
    os.nice(15)


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
