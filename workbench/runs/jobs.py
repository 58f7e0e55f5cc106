"""What a scheduler says of the jobs of runs: it is asked by one thread, every few seconds, for all jobs at once, and nobody waits for it.

`job.json` in a run folder says on which cluster and as which job the run was submitted; everything else about the run stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files

EVERY = 4.0  # seconds between two questions to the scheduler
PATIENCE = 10.0  # seconds after which it counts as not answering
FIRST = 3.0  # seconds that a program's very first look may wait for an answer
WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "CONFIGURING", "RESV_DEL_HOLD")
ENDED = ("CANCELLED", "COMPLETED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "REVOKED")
OWN = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID")


@dataclass(frozen=True)
class Job:
    """A run's job: `id` as its scheduler calls it, `cluster` as `Cluster.to_dict` wrote it."""

    id: str
    cluster: dict[str, Any]

    @property
    def place(self) -> str:
        """Where it was submitted, in a word."""
        return str(self.cluster.get("name") or self.scheduler)

    @property
    def scheduler(self) -> str:
        return str(self.cluster.get("scheduler", "slurm"))

    @property
    def mine(self) -> bool:
        """Whether this process belongs to the job."""
        own, array, task = (os.environ.get(name, "") for name in OWN)
        return self.id in (own, f"{array}_{task}") and bool(self.id)

    @property
    def seen(self) -> Seen:
        """What its scheduler says of it."""
        return slurm.seen(self.id) if self.scheduler == "slurm" else UNKNOWN


@dataclass(frozen=True)
class Seen:
    """How a job stands: `state` as Slurm calls it, "GONE" when it has left the queue, "" while nobody knows; `left` in seconds; `ahead`,
    how many jobs come before it in its partition."""

    state: str = ""
    reason: str = ""
    node: str = ""
    left: float | None = None
    ahead: int | None = None

    @property
    def waits(self) -> bool:
        return self.state in WAITING

    @property
    def ended(self) -> bool:
        return self.state in ENDED or self.state == "GONE"

    @property
    def why(self) -> str:
        """Why it waits, in words."""
        before = f", {self.ahead} ahead" if self.ahead else ", next in its partition" if self.ahead == 0 else ""
        return (self.reason if self.reason not in ("", "None") else "it has just been submitted") + before


UNKNOWN, GONE = Seen(), Seen("GONE")


def job_of(folder: Path) -> Job | None:
    """The job of a run; None for one that was never submitted to a cluster."""
    try:
        values = files.unseal(files.read(folder / "job.json"), f"{folder.name}/job.json")
        return Job(str(values["job"]), dict(values["cluster"]))
    except (OSError, files.Damaged, KeyError, TypeError, ValueError):
        return None


def standing(folder: Path, status: dict[str, Any], job: Job, seen: Seen, *, waits: bool, alive: bool) -> dict[str, Any]:
    """What the status of a run says together with what is seen of its job, with whether it waits for the job or has an owner that lives."""
    values = {**status, "place": job.place, "job": job.id, "left": seen.left}
    values["node"] = seen.node or (str(values.get("host", "")) if alive else "")
    if values["state"] in ("finished", "failed", "died"):
        return values
    if waits and seen.waits:
        before = str(values.get("message", "")).partition("Submitted to")[0] if values["state"] == "queued" else ""
        return {**values, "state": "queued", "message": f"{before}Queued on {job.place}, job {job.id}: {seen.why}"}
    if waits and seen.state:
        return {**values, "message": f"Job {job.id} begins on {seen.node or job.place}"}
    if alive or values["state"] == "stopped":
        return values
    begun = bool(values.get("pid"))
    where = f"on {values.get('host')}" if begun else f"on {job.place}"
    if seen.state == "CANCELLED" and not begun:
        return {**values, "state": "stopped", "message": f"Job {job.id} was cancelled from outside before it began."}
    how = {
        "CANCELLED": f"Job {job.id} was cancelled from outside",
        "TIMEOUT": f"The time of job {job.id} was over before all was saved",
        "NODE_FAIL": f"The node of job {job.id} failed",
        "OUT_OF_MEMORY": f"Job {job.id} needed more memory than it had asked for",
        "RUNNING": f"The training {where} gives no sign of life, though job {job.id} still counts as running",
    }
    if not begun and seen.state not in how:
        last = last_words(folder, job) or f"it may be that the node does not see {folder}"
        return {**values, "state": "failed", "message": f"Job {job.id} ended before the training began: {last.rstrip('.')}."}
    message = how.get(seen.state, f"The training process {where} ended without a word (job {job.id}: {seen.state or 'not known'})")
    return {**values, "state": "died", "message": f"{message}; it can be resumed from its last checkpoint."}


def last_words(folder: Path, job: Job) -> str:
    """The last line that a job has said before there was a training that could say it better."""
    for path in (folder / "job.txt", folder.parent / ".queue" / "jobs" / job.scheduler / f"{job.id}.out"):
        with contextlib.suppress(OSError):
            said = [line.strip() for line in path.read_text("utf-8", "replace")[-4_000:].splitlines() if line.strip()]
            said = [line for line in said if not line.startswith(("srun: ", "_PSI_J"))] or said
            if said and said[-1] != "_PSI_J_LAUNCHER_DONE":
                return said[-1][:300]
    return ""


class Slurm:
    """What `squeue` said last. Nobody waits for it, but for a program's first look."""

    def __init__(self) -> None:
        self._jobs: dict[str, Seen] = {}
        self._asked, self._answered = 0.0, 0.0  # when the last listing was begun that is known, and the last one at all
        self._sought: dict[str, float] = {}
        self._forgotten: dict[str, float] = {}
        self._gone: set[str] = set()
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()

    def seen(self, job: str) -> Seen:
        if job in self._gone:
            return GONE
        first = not self._answered
        since = self._sought.setdefault(job, time.monotonic())
        thread = self._listing(at_once=job not in self._jobs and self._asked < since)
        if first and thread:
            thread.join(FIRST)
        if job in self._jobs:
            return self._jobs[job]
        if self._asked >= since:
            self._gone.add(job)
            return GONE
        return UNKNOWN

    def now(self, job: str) -> Seen:
        """The same, but asked anew."""
        self._list()
        return self.seen(job)

    def forget(self, job: str) -> None:
        """What was said of a job holds no more: it is being cancelled."""
        self._forgotten[job] = self._sought[job] = time.monotonic()
        self._jobs.pop(job, None)

    def _listing(self, *, at_once: bool) -> threading.Thread | None:
        """The thread that asks, where it is time to."""
        with self._mutex:
            if self._thread and self._thread.is_alive():
                return self._thread
            if time.monotonic() < self._answered + (0.2 if at_once else EVERY):
                return None
            self._thread = threading.Thread(target=self._list, name="squeue", daemon=True)
            self._thread.start()
            return self._thread

    def _list(self) -> None:
        begun = time.monotonic()
        try:
            rows = _asked("squeue", "--me", "-h", "-r", "-t", "all", "-o", "%i|%T|%N|%L|%P|%r")
            waiting = [row for row in rows if row[1] == "PENDING"]
            places = _places({row[4] for row in waiting})
        except (OSError, subprocess.SubprocessError):
            return
        finally:
            self._answered = time.monotonic()
        news = [row for row in rows if self._forgotten.get(row[0], begun) <= begun]  # what was asked before that is no news of it
        self._jobs = {row[0]: Seen(row[1], row[5].strip("()"), row[2], seconds(row[3]), places.get(row[0])) for row in news}
        self._asked = begun


slurm = Slurm()


def _places(partitions: set[str]) -> dict[str, int]:
    """How many jobs of all people are before each one that waits in some partitions, where Slurm shows them."""
    found: dict[str, int] = {}
    if partitions:
        counts: dict[str, int] = {}
        for job, partition, *_ in _asked("squeue", "-h", "-r", "-t", "PENDING", "-S", "-p,i", "-p", ",".join(partitions), "-o", "%i|%P|"):
            found[job] = counts.get(partition, 0)
            counts[partition] = found[job] + 1
    return found


def _asked(*command: str) -> list[list[str]]:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [row for line in done.stdout.splitlines() if len(row := line.split("|", 5)) > 2]


def seconds(text: str) -> float | None:
    """Slurm's times: '1-02:03:04', '02:03:04', '03:04'; None for words such as UNLIMITED."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)
    if not found:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return 86_400.0 * days + 3_600 * hours + 60 * minutes + rest
