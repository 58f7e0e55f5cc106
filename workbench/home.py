"""Where the workbench keeps its things on this computer."""

from __future__ import annotations

import os
from pathlib import Path


class NoHome(RuntimeError):
    """The user has no home folder; the message is one sentence that says what to do."""


def home() -> Path:
    """The folder of all data and runs: $WORKBENCH_HOME, or .workbench in the user's home. Raises: NoHome."""
    try:
        return Path(os.environ.get("WORKBENCH_HOME") or Path.home() / ".workbench")
    except RuntimeError as problem:
        raise NoHome("There is no home folder; set WORKBENCH_HOME to a folder of your own.") from problem


def data_folder() -> Path:
    """The cache of generated events."""
    return home() / "data"


def uploads_folder() -> Path:
    """Files that were sent from a browser, checked."""
    return home() / "uploads"


def runs_folder() -> Path:
    """The folder that holds one folder per run: $WORKBENCH_RUNS, or `runs` in the home folder."""
    return Path(os.environ.get("WORKBENCH_RUNS") or home() / "runs")
