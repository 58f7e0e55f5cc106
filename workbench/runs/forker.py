"""A process that has torch loaded and forks one worker per request: a launch takes a tenth of a second instead of several seconds.

It listens on a socket inherited from the process that started it, and on nothing else. A request names a runs folder; what waits there
stands in the folder itself (`turns`), so that another process like this one can go on when this one is killed. It ends with the one
who started it, once nothing waits; the workers live on in sessions of their own. It never touches CUDA, which does not survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from workbench.families import FAMILIES

from .files import Lock
from .turns import KIND, Dispatcher, Ticket, neglected
from .worker import JobFactory, become_worker, run_job

POLL, STAND_BY = 0.05, 0.5  # seconds between two looks at what waits: of who leads, and of who would when that one is killed
CAN_FORK = sys.platform == "linux"
"""Elsewhere system libraries that torch loads may not be forked: there this process becomes the worker itself, once."""


def preload() -> None:
    """What every worker imports, once for all. Building an Adam optimiser imports torch._dynamo, the slowest of all."""
    import safetensors.torch
    import torch
    import torch._dynamo
    import torch.optim

    from . import netcdf

    for family in FAMILIES:
        for kind in family.kinds:
            kind.job.load()
    _ = safetensors.torch, torch.optim, netcdf
    import h5py
    import xarray

    _ = h5py, xarray
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def serve(connection: socket.socket | None, root: str = "", job_factory: JobFactory | None = None, *, fork: bool = CAN_FORK) -> None:
    """Start what waits in the folders that are asked for, as long as the other end is open or something waits.

    A request is a line of JSON: `root`, a runs folder whose tickets count; or `folder`, a run that begins at once.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries dead workers
    kind = os.environ.get(KIND, "00000000")
    queues = {Path(root): Dispatcher(Path(root), kind)} if root else {}
    while connection or queues:
        request = {}
        if connection:
            leads = any(dispatcher.held for dispatcher in queues.values())
            if select.select([connection], [], [], (POLL if leads else STAND_BY) if queues else None)[0]:
                request = _asked(connection, fork)
                if not request:
                    connection.close()
                    connection = None
        else:
            time.sleep(POLL)
        if "root" in request:
            queues.setdefault(Path(request["root"]), Dispatcher(Path(request["root"]), kind))
        elif "folder" in request and _begun(connection, queues, None, fork):
            os._exit(_train(Path(request["folder"]), None, job_factory))
        for path, dispatcher in list(queues.items()):
            try:
                if not dispatcher.leads():
                    if not connection or not dispatcher.needed():
                        del queues[path]
                    continue
                while (begin := dispatcher.next()) is not None:
                    if _begun(connection, queues, begin, fork):
                        os._exit(_train(path / begin[0].run, begin, job_factory))
                    for held in begin[1:]:
                        held.release()
                if not dispatcher.needed():
                    dispatcher.step_down()
                    if not dispatcher.needed():  # else somebody has come who relies on us
                        del queues[path]
            except OSError:  # no more files or processes allowed for the moment
                traceback.print_exc()
                time.sleep(1.0)


def _asked(connection: socket.socket, fork: bool) -> dict[str, Any]:
    """The next request, a line; nothing when the other end is closed. Several may wait: who asked and then ended read no answer."""
    with contextlib.suppress(OSError):
        waiting = connection.recv(65_536, socket.MSG_PEEK)
        if message := connection.recv(waiting.find(b"\n") + 1 or len(waiting)):
            with contextlib.suppress(OSError):  # who asked may have ended meanwhile
                connection.sendall(json.dumps({"again": fork}).encode())
            return json.loads(message)
    return {}


Beginning = tuple[Ticket, Lock, Lock]
"""A ticket whose turn it is, the run's LOCK, and its slot."""


def _begun(connection: socket.socket | None, queues: dict[Path, Dispatcher], begin: Beginning | None, fork: bool) -> bool:
    """Whether this is the process that trains now: a fork, or where processes cannot be forked, this one itself."""
    if fork and os.fork():
        return False
    if connection:
        connection.close()
    for dispatcher in queues.values():
        dispatcher.forget() if fork else dispatcher.step_down()
    if begin and not fork:
        begin[0].give_back()
        if neglected(begin[0].root):
            succeed(begin[0].root)
    return True


def _train(folder: Path, begin: Beginning | None, job_factory: JobFactory | None) -> int:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ticket, lock, slot = begin or (None, Lock(None), None)
    try:
        become_worker(folder)
        if ticket:
            ticket.give_back()
        return run_job(folder, job_factory, lock=lock, ticket=ticket, slot=slot)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        if ticket:
            with contextlib.suppress(OSError):
                ticket.give_back()
                if neglected(ticket.root):
                    succeed(ticket.root)


def succeed(root: Path) -> None:
    """Start a process like this one, which starts what waits in a runs folder: nobody else does."""
    command = [sys.executable, *sys.orig_argv[1:-1], str(root)]
    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def main(job_factory: JobFactory | None = None) -> None:
    """The last argument is the number of a socket, or a runs folder in which something waits."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    preload()
    last, fork = sys.argv[-1], CAN_FORK and "--become" not in sys.argv
    if last.isdecimal():
        serve(socket.socket(fileno=int(last)), "", job_factory, fork=fork)
    else:
        serve(None, last, job_factory, fork=fork)


if __name__ == "__main__":
    main()
