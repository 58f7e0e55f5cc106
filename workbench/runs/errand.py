"""Small things that a job does for somebody who waits: it is asked in a file of a folder beside the runs, and answers in another one.

workbench/runs/trial.py     what works on a cluster, and what does not
workbench/runs/making.py    events, which are then in the data folder
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import files, jobs
from .cluster import Cluster, cancel, start
from .files import RunError


@contextlib.contextmanager
def errand_folder(root: Path, asked: dict[str, Any]) -> Iterator[Path]:
    """A folder that asks for something, until the answer has been read. Raises: OSError."""
    folder = root / f".errand-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        files.replace(folder / "asked.json", files.seal(asked))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def asked(folder: Path) -> dict[str, Any]:
    """What a job is to do."""
    return files.unseal(files.read(folder / "asked.json"), "asked.json")


def answer(folder: Path, found: dict[str, Any]) -> None:
    files.replace(folder / "found.json", files.seal(found))


def send(cluster: Cluster, module: str, folder: Path, *, patience: float | None = None, say: Callable[[str], None]) -> dict[str, Any]:
    """What a job has found that runs a module of ours, as soon as it has; `say` hears what is waited for. Ctrl+C cancels the job.

    Raises: RunError when it is not taken, ends without an answer, or has none after `patience` seconds.
    """
    job = start(cluster, folder.parent, module, folder)
    end = None if patience is None else time.monotonic() + patience
    said = ""
    try:
        while True:
            with contextlib.suppress(FileNotFoundError):
                found = files.unseal(files.read(folder / "found.json"), "found.json")
                return {**found, "job": job.id, "read": time.time()}
            seen = job.seen
            if seen.ended:
                time.sleep(1.0)  # what it wrote last may still be on its way
                if (folder / "found.json").exists():
                    continue
                last = jobs.last_words(folder, job) or f"it may be that the node does not see {folder.parent}"
                raise RunError(f"Job {job.id} ended without an answer ({seen.state}): {last.rstrip('.')}.")
            if end is not None and time.monotonic() > end:
                stands = seen.why if seen.waits else seen.state or "nobody answers"
                raise RunError(f"Job {job.id} has come to nothing in time ({stands}); it was cancelled.")
            now = f"Job {job.id} waits: {seen.why}" if seen.waits else f"Job {job.id} runs on {seen.node}" if seen.node else ""
            if now and now != said:
                say(now)
                said = now
            time.sleep(0.2)
    except BaseException:
        with contextlib.suppress(RunError):
            cancel(job)
        raise
