"""A process that has torch loaded and forks one worker per request: a launch takes a tenth of a second instead of several seconds.

It listens on a socket inherited from the process that started it, and on nothing else. A request is a line of JSON with the run's
folder; the run's LOCK and its place in the queue travel along as open files, so that the run is owned at every instant. It ends
with the one who started it; the workers live on in sessions of their own. It never touches CUDA, which does not survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from .files import Lock
from .turns import Ticket
from .worker import JobFactory, become_worker, run_job

CAN_FORK = sys.platform == "linux"
"""Elsewhere system libraries that torch loads may not be forked: there this process becomes the worker itself, once."""


def preload() -> None:
    """What every worker imports, once for all. Building an Adam optimiser imports torch._dynamo, the slowest of all."""
    import safetensors.torch
    import torch
    import torch._dynamo
    import torch.optim

    import workbench.training.job

    from . import netcdf

    _ = safetensors.torch, torch.optim, workbench.training.job, netcdf
    import h5py
    import xarray

    _ = h5py, xarray
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def serve(connection: socket.socket, job_factory: JobFactory | None = None, *, fork: bool = CAN_FORK) -> None:
    """Answer requests until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries dead workers
    while True:
        message, handles, _, _ = socket.recv_fds(connection, 65_536, 2)
        if not message:
            return
        request = json.loads(message)
        child = os.fork() if fork else 0
        if child == 0:
            with contextlib.suppress(OSError):  # who asked may have ended meanwhile
                connection.sendall(json.dumps({"pid": os.getpid(), "again": fork}).encode())
            connection.close()
            os._exit(_train(request, handles, job_factory))
        for handle in handles:
            os.close(handle)


def _train(request: dict[str, Any], handles: list[int], job_factory: JobFactory | None) -> int:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    folder = Path(request["folder"])
    try:
        become_worker(folder)
        ticket = Ticket(Path(request["ticket"]), Lock(handles[1]), int(request["slots"])) if len(handles) > 1 else None
        return run_job(folder, job_factory, lock=Lock(handles[0] if handles else None), ticket=ticket)
    except BaseException:
        traceback.print_exc()
        return 1


def main(job_factory: JobFactory | None = None) -> None:
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    preload()
    serve(socket.socket(fileno=int(sys.argv[-1])), job_factory, fork=CAN_FORK and "--become" not in sys.argv)


if __name__ == "__main__":
    main()
