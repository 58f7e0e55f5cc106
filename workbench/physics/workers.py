"""Chunks of events made in parallel by processes of our own: the same events for the same numbers, however many work at them.

A worker is `python -m MODULE work …`: it reads the numbers of chunks from standard input, one a line, and says how far it is and what it
has made on standard output (`serve`). It ends with its owner, since nothing more comes from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np


class Stopped(RuntimeError):
    """A process that made events ended before it had them; the message is one sentence."""


class Made(NamedTuple):
    """The numbers of one chunk, and what is to be said about it."""

    values: np.ndarray
    notes: dict[str, Any]


Message = tuple[int, "int | Made | BaseException"]


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def produce(
    module: str,
    words: Iterable[str],
    numbers: Iterable[int],
    done: Callable[[int], None] = lambda events: None,
    *,
    processes: int | None = None,
    using: str = "",
) -> dict[int, Made]:
    """Chunks by their numbers, made in parallel by `python -m module work …words`.

    Arguments:
        done: called in this thread with the number of events there are, twice a second or more; what it raises stops the work.
        processes: how many work; None: one per core.
        using: how the worker makes them, for the sentence that it stopped.

    Raises: Stopped when a process fails.
    """
    wanted: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (todo := list(numbers)):
        wanted.put(number)
    made: dict[int, Made] = {}
    partial: dict[int, int] = {}
    command = [sys.executable, "-P", "-m", module, "work", *words]
    with _workers(command, using, wanted, min(processes or cores(), len(todo))) as messages:
        while len(made) < len(todo):
            try:
                number, what = messages.get(timeout=0.5)
            except queue.Empty:
                done(sum(partial.values()))
                continue
            if isinstance(what, BaseException):
                raise what
            if isinstance(what, Made):
                made[number] = what
                what = len(what.values)
            partial[number] = what
            done(sum(partial.values()))
    return made


@contextlib.contextmanager
def _workers(command: list[str], using: str, wanted: queue.SimpleQueue[int], count: int) -> Iterator[queue.SimpleQueue[Message]]:
    """Processes, each with a thread that listens to it; when the caller stops, however, they are killed."""
    package = Path(__file__).parents[2]
    search = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": search, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            log = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment)
            listener = threading.Thread(target=_listen, args=(process, log, using, wanted, messages), daemon=True)
            listener.start()
            stack.callback(_end, process, listener)
        yield messages


def _end(process: subprocess.Popen[bytes], listener: threading.Thread) -> None:
    process.kill()
    process.wait()
    listener.join()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not yet sent to a killed process
            if stream:
                stream.close()


def _listen(
    process: subprocess.Popen[bytes], log: IO[bytes], using: str, wanted: queue.SimpleQueue[int], messages: queue.SimpleQueue[Message]
) -> None:
    """Give a process the next chunk until there is none, and pass on what it says."""
    assert process.stdin and process.stdout
    number = -1
    try:
        while True:
            number = wanted.get_nowait()
            process.stdin.write(f"{number}\n".encode())
            process.stdin.flush()
            word: dict[str, Any] = {}
            while "shape" not in word:
                word = json.loads(process.stdout.readline())
                messages.put((number, word["events"]))
            kind = np.dtype(word["type"])
            data = process.stdout.read(kind.itemsize * int(np.prod(word["shape"])))
            messages.put((number, Made(np.frombuffer(data, dtype=kind).reshape(word["shape"]), word["notes"])))
    except queue.Empty:
        pass
    except (OSError, ValueError):  # it has ended: nothing, or half a line, comes from it
        log.seek(0)
        last = log.read().decode(errors="replace").strip().splitlines()[-1:] or [f"code {process.wait()}"]
        messages.put((number, Stopped(f"A process that made events{using} stopped: {last[0][:300]}.")))


def serve(make: Callable[[int, Callable[[int], None]], Made]) -> None:
    """Be a worker: make the chunks whose numbers come from standard input; `make` may say meanwhile how many events there are."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print there would be taken for an answer

    def say(**word: Any) -> None:
        output.write(json.dumps(word).encode() + b"\n")
        output.flush()

    for line in sys.stdin:
        values, notes = make(int(line), lambda events: say(events=events))
        data = values.astype(values.dtype.newbyteorder("<"))
        say(events=len(data), shape=data.shape, type=data.dtype.str, notes=notes)
        output.write(data.tobytes())
        output.flush()
