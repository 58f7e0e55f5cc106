"""What the page server has done by other processes, because it needs torch, reads files from anywhere, or keeps pages waiting."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from workbench.studios.live.hub import ending
from workbench.studios.pages.slide import told
from workbench.training.recipe import Recipe

LONGEST = 120  # seconds for the check of a file, or until a story is written
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
PREDICT = """
import json
import sys
import warnings
from pathlib import Path
from workbench.data.files import FileNote
from workbench.runs.files import RunError, replace
from workbench.runs.prediction import outside, written
from workbench.runs.run import Run
run, file, name, units, target = sys.argv[1:]
def say(**words):
    print(json.dumps(words), flush=True)
try:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileNote)
        found = Run(Path(run)).predict(file, units=units, progress=lambda fraction, text: say(fraction=fraction, text=text))
    replace(Path(target), written(found, Path(target).suffix))
    points = found.sizes["event"]
    notes = [str(warning.message).replace(file, name) for warning in caught if issubclass(warning.category, FileNote)]
    say(says=" ".join(filter(None, [f"{points:,} point{'s' * (points != 1)} of {name} predicted.", outside(found), *notes])))
except (ValueError, OSError, RunError) as problem:
    say(problem=str(problem).replace(file, name))
    sys.exit(2)
"""
STORY = """
import sys
from workbench.stories import story
from workbench.stories.take_home import take_home
name, folder = sys.argv[1:]
try:
    told = story(name)
    sys.stdout.buffer.write(take_home(told, told.found(folder) if folder else ()).encode())
except (ValueError, OSError) as problem:
    sys.stdout.buffer.write(str(problem).encode())
    sys.exit(2)
"""


log = logging.getLogger(__name__)


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


async def take_home(name: str, runs: Path, *, shipped: bool) -> bytes:
    """The file of a story, made at low priority. Raises: ValueError in one sentence."""
    told(name)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", STORY, name, "" if shipped else str(runs), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=_environment(), start_new_session=True, preexec_fn=_politely if hasattr(os, "nice") else None,
    )  # fmt: skip
    try:
        content, complained = await asyncio.wait_for(child.communicate(), LONGEST)
    except TimeoutError as problem:
        child.kill()
        raise ValueError(f"The story {name!r} could not be written within {LONGEST} seconds.") from problem
    if child.returncode == 2:
        raise ValueError(content.decode().strip())
    if child.returncode:
        log.error("Writing the story %s: %s", name, complained.decode(errors="replace"))
        raise ValueError(f"The story {name!r} could not be written; the log says why.")
    return content


async def predicting(run: Path, file: Path, name: str, units: str, target: Path) -> asyncio.subprocess.Process:
    """A process that has the network of a run look at the points of a file, which its sender calls `name`, and writes what it says.

    It tells line by line, in JSON, `fraction` and `text` of its progress and at last what it `says`, or the `problem`.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", PREDICT, str(run), str(file), name, units, str(target), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(), start_new_session=True,
        preexec_fn=_politely if hasattr(os, "nice") else None,
    )  # fmt: skip


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
