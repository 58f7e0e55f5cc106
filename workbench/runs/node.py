"""What a job does on the node: the ordinary worker, and what a scheduler wants besides, a new job where the time was too short."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from . import cluster, files, jobs
from .files import Lock, RunError
from .folder import here
from .run import Run

OURS = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_", "PMI_")  # variables that tell of this job; the next one has its own
PATIENCE = 60.0  # seconds in which the job before this one may still be leaving the folder


def main() -> int:
    """`python -m workbench.runs.node FOLDER`, or @FILE, in which each job of an array finds its own folder in the line of its number."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    folder = sys.argv[1]
    if folder.startswith("@"):
        folder = Path(folder[1:]).read_text().splitlines()[int(os.environ["SLURM_ARRAY_TASK_ID"])]
    run = Run(Path(folder).absolute())
    if not (run.path / "recipe.json").exists():
        print(f"{here()} does not see the run folder {run.path}: it must lie where all nodes see it.", file=sys.stderr)
        return 1
    try:
        lock = _owned(run, told)
    except RunError as problem:
        print(problem, file=sys.stderr)
        return 3
    if lock is None:
        return 0
    with lock:
        job = jobs.job_of(run.path)
        if job is None or not job.mine:
            print(f"Run {run.id} belongs to another job, or to none; this one ends.", file=sys.stderr)
            return 3
        if missing := without_torch():
            _say(run, "failed", missing)
            return 1
        from .worker import into_log, run_job

        os.umask(0o077)
        into_log(run.path)
        if told:
            _say(run, *after_signal(run))
            return 0
        return run_job(run.path, lock=lock, terminated=after_signal)


def _owned(run: Run, told: list[int]) -> Lock | None:
    """The run's LOCK; None where it is to stop, or has finished."""
    end = time.monotonic() + PATIENCE
    while not told:
        if run.read_control()["command"] == "stop" or run.read_status()["state"] == "finished":
            return None
        try:
            return run.acquire()
        except RunError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
    return None


def without_torch() -> str:
    """What is missing on this node, in a sentence; '' where all is there."""
    try:
        import torch  # noqa: F401
    except ImportError as problem:
        return (
            f"On {here()} {sys.executable} cannot train ({problem}): install workbench for it, or say in clusters.toml which python to "
            "take and which lines of setup it needs."
        )
    return ""


def after_signal(run: Run) -> tuple[str, str]:
    """How a run ends that a signal has stopped, and in which words: at the end of the job's time it goes on in another one; what else there
    was the scheduler knows."""
    job, command, status = jobs.job_of(run.path), run.read_control()["command"], run.read_status()
    if command == "stop" or job is None:
        return "stopped", ""
    done = f"at step {status.get('step', 0):,} of {status.get('steps', 0):,}"
    seen = jobs.slurm.now(job.id)
    if seen.state != "RUNNING" and (seen.left is None or seen.left > 1.0):
        return "stopped", f"Job {job.id} was cancelled or taken back from outside {done}."
    limit = f"Stopped by the time limit {done}."
    if command != "run":
        return "stopped", f"{limit} It was paused."
    for name in [name for name in os.environ if name.startswith(OURS) and name != "SLURM_CONF"]:
        os.environ.pop(name)
    try:
        return "queued", f"{limit} {cluster.submit(run, cluster.Cluster.from_dict(job.cluster))}"
    except (RunError, OSError) as problem:
        return "stopped", f"{limit} It could not be submitted again: {files.in_words(problem)}"


def _say(run: Run, state: str, message: str) -> None:
    changes: dict[str, Any] = {"state": state, "message": message, "pid": None, "progress": None}
    with contextlib.suppress(OSError):
        files.replace(run.path / "status.json", files.seal({**run.read_status(), **changes}))


if __name__ == "__main__":
    sys.exit(main())
