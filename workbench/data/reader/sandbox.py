"""The process of its own in which a file is read, and how it is asked.

A file may come from anywhere, so the process has limits on memory, time and files and does not see this one's environment: a file that
breaks the HDF5 library breaks only that. What comes back are plain arrays, or their number, and sentences.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.limits import MEMORY, MOST_MEMORY, PER_BYTE, seconds, size_of

KEPT = (
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "HDF5_USE_FILE_LOCKING",
)  # fmt: skip
"""What of the environment it sees: no token, no home."""
REFUSED = 3


@dataclass(frozen=True)
class Answer:
    """What a file holds: its kind, how many events, their arrays by name unless only the number was asked for, and notes for the user."""

    kind: str
    events: int
    values: dict[str, np.ndarray]
    notes: list[str]


def ask(path: Path, kind: str, name: str, units: str = "auto", wanted: str = "arrays") -> Answer:
    """Have a file read as events of a kind by a process of its own; `name` is how the user calls it.

    Arguments: `wanted`: "arrays"; "check": the same without them; "look": a check of a file that
    was just sent, which leaves unlikely units to be said later.
    Raises: FileProblem.
    """
    paths = [Path(__file__).parents[3], *map(Path, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))]
    environment = {key: os.environ[key] for key in KEPT if key in os.environ} | {
        "PYTHONPATH": os.pathsep.join(str(path.absolute()) for path in paths),
        "HDF5_PLUGIN_PRELOAD": "::",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "workbench.data.reader", str(path), kind, name, units, wanted]
    patience = 3 * seconds(path)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=path.anchor, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise FileProblem(f"{name} could not be read in {patience} seconds.") from problem
    if done.returncode == REFUSED:
        raise FileProblem(json.loads(done.stderr.decode().splitlines()[-1]))
    if done.returncode:
        raise FileProblem(f"{name} is damaged: its reader stopped with code {done.returncode}.")
    return _heard(done.stdout)


def _heard(data: bytes) -> Answer:
    """A line of JSON, and after it the arrays that it names."""
    line, _, rest = data.partition(b"\n")
    told, stream = json.loads(line), io.BytesIO(rest)
    values = {name: np.load(stream, allow_pickle=False) for name in told["arrays"]}
    return Answer(told["kind"], told["events"], values, told["notes"])


def main(path: str, kind: str, name: str, units: str = "auto", wanted: str = "arrays") -> int:
    """Read a file in this process: what it holds to standard output, or a sentence to standard error."""
    try:
        limit(Path(path))
        from workbench.data.reader.read import read

        found = read(Path(path), kind, name, units, just_sent=wanted == "look")
    except FileProblem as problem:
        sentence = re.sub(r"\s+", " ", str(problem))
    except MemoryError:
        sentence = f"{name} needs more memory than a file of its size may."
    except OSError as problem:
        sentence = f"{name} cannot be read: {problem.strerror or problem}."
    else:
        arrays = found.values if wanted == "arrays" else {}
        events = len(next(iter(found.values.values())))
        pipe: Any = SimpleNamespace(write=sys.stdout.buffer.write)  # a pipe has no position, which numpy asks files for
        told = {"kind": found.kind, "events": events, "notes": found.notes, "arrays": list(arrays)}
        pipe.write(json.dumps(told).encode() + b"\n")
        for array in arrays.values():
            np.save(pipe, array, allow_pickle=False)
        sys.stdout.flush()
        return 0
    print(json.dumps(sentence), file=sys.stderr)
    return REFUSED


def limit(path: Path) -> None:
    """Bound what this process may use for a file, where the system can: memory, time, a few open files, and nothing written."""
    try:
        import resource
    except ImportError:
        return
    memory = min(MEMORY + PER_BYTE * size_of(path), MOST_MEMORY)
    limits = {"AS": memory, "CPU": seconds(path), "CORE": 0, "FSIZE": 0, "NOFILE": 64}
    for kind, value in ((getattr(resource, f"RLIMIT_{name}"), value) for name, value in limits.items()):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
