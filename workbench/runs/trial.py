"""One small job that tells what works on a cluster and what does not, before anybody waits an hour for a training.

It goes the way of a training: the same engine, the same program, a folder beside the runs. On the node it writes down what it finds.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files
from .cluster import SCHEDULERS, Cluster
from .errand import answer, asked, errand_folder, send
from .files import Lock, NoLocks, RunError
from .folder import here

FAR = 5.0  # seconds by which the clock of a node may differ without a word


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing, in a sentence; `works` is False where trainings will not run."""

    about: str
    works: bool
    sentence: str


def try_out(cluster: Cluster, root: Path, *, patience: float = 600.0, say: Callable[[str], None] = lambda _: None) -> Iterator[Finding]:
    """Submit a small job, and tell what is found out, one after the other. `say` hears what is waited for.

    Raises: OSError when the folder cannot be written.
    """
    with errand_folder(root, {"scheduler": cluster.scheduler}) as folder, _held(folder) as locks:
        begun = time.monotonic()
        try:
            found = send(cluster, "trial", folder, patience=patience, say=say)
        except RunError as problem:
            yield Finding("Queue", False, str(problem))
            return
        yield Finding("Queue", True, f"job {found['job']} ended on {found['host']} after {time.monotonic() - begun:.0f} s.")
        yield from _told(found, cluster, locks)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """A lock that the node is to find held; whether there are locks here at all."""
    try:
        lock = Lock.acquire(folder / "LOCK")
    except NoLocks:
        yield False
        return
    with lock or contextlib.nullcontext():
        yield True


def _told(found: dict[str, Any], cluster: Cluster, locks: bool) -> Iterator[Finding]:
    host = found["host"]
    yield Finding("Shared folder", True, f"{host} and this computer read what the other one writes.")
    yield Finding("Python", True, f"{found['version']}, {found['python']}.")
    yield Finding("torch", not found["without torch"], found["without torch"] or f"{found['torch']} loads in {found['loading']:.1f} s.")
    gpus = ", ".join(found["gpus"])
    if cluster.gpus and not gpus:
        yield Finding("GPU", False, f"torch finds none on {host}, though a job asks for {cluster.gpus}.")
    else:
        yield Finding("GPU", True, f"{gpus}." if gpus else "none, and none is asked for.")
    if locks and found["locked"]:
        yield Finding("Locks", True, f"{host} sees what is locked here.")
    else:
        yield Finding("Locks", True, f"{host} does not see what is locked here; claims and heartbeats keep two trainers apart without.")
    apart = found["time"] - found["read"]
    far = "; no training depends on it" if abs(apart) > FAR else ""
    yield Finding("Clock", True, f"that of {host} is {abs(apart):.0f} s {'ahead' if apart > 0 else 'behind'}, or less{far}.")
    again = f"jobs that need more than {cluster.time} submit the next one themselves."
    missing = f"{host} cannot submit jobs ({found['without scheduler']}), so a training ends after {cluster.time} and has to be resumed."
    yield Finding("Time limit", True, missing if found["without scheduler"] else again)


def main() -> int:
    """`python -m workbench.runs.trial FOLDER`, on the node."""
    folder = Path(sys.argv[1])
    if not (folder / "asked.json").exists():
        print(f"{here()} does not see {folder}: the runs must lie where all nodes see them.", file=sys.stderr)
        return 1
    from .node import without_torch

    begun = time.monotonic()
    missing = without_torch()
    found: dict[str, Any] = {"host": here(), "python": sys.executable, "version": f"Python {platform.python_version()}"}
    found |= {"without torch": missing, "loading": time.monotonic() - begun, "torch": "", "gpus": []}
    if not missing:
        import torch

        found["torch"] = f"torch {torch.__version__}"
        found["gpus"] = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    try:
        found["locked"] = files.is_held(folder / "LOCK")
    except NoLocks:
        found["locked"] = False
    found |= {"without scheduler": _without_scheduler(folder), "time": time.time()}
    answer(folder, found)
    return 0


def _without_scheduler(folder: Path) -> str:
    """Why no job can be submitted from here; '' where one can."""
    _, program = SCHEDULERS[asked(folder)["scheduler"]]
    if not shutil.which(program):
        return f"{program} is not found"
    if program == "sbatch":
        try:
            subprocess.run(["squeue", "--me", "-h"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            return "squeue does not answer"
    return ""


if __name__ == "__main__":
    sys.exit(main())
