"""Starting and ending the processes that train. What happens in between is in the run folder, and only there."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from workbench.data.own_file import check_content
from workbench.training.recipe import Recipe

from . import files
from .disk import birth
from .files import Lock, NoLocks, RunError
from .store import LIVE, Run, RunStore
from .turns import Ticket, alone

ROOT = Path(__file__).parents[2]
# Import this very workbench, after the standard library, and never a file of the same name in the user's folder (-P).
FIND = "import sys; sys.path.insert(next((i for i, p in enumerate(sys.path) if p.endswith('-packages')), len(sys.path)), sys.argv.pop(1)); "
STARTING = "Starting a process"
LAST_BREATH = 10.0  # seconds that a killed process may need on a machine with much else to do before it is gone


class Forker:
    """The process of `workbench.runs.forker`: started when first needed, replaced when it has died, gone with this one."""

    def __init__(self, command: list[str] | None = None):
        self._command = command or [sys.executable, "-P", "-c", FIND + "from workbench.runs.forker import main; main()", str(ROOT)]
        self._connection: socket.socket | None = None
        self._forget()
        os.register_at_fork(after_in_child=self._forget) if hasattr(os, "register_at_fork") else None

    def _forget(self) -> None:
        """In a fork of this process, its socket is not ours to keep open."""
        if self._connection:
            self._connection.close()
        self._connection = None
        self._mutex = threading.Lock()

    def warm(self) -> None:
        """Have torch loaded by the time it is needed; returns at once."""
        if hasattr(socket, "send_fds"):
            threading.Thread(target=self._begin, name="warm", daemon=True).start()

    def start(self, run: Run, lock: Lock, ticket: Ticket | None) -> None:
        """Hand a run over to a process of its own; returns at once. LOCK and ticket go with it."""
        if hasattr(socket, "send_fds"):
            threading.Thread(target=self._hand_over, args=(run, lock, ticket), name=f"start {run.id}").start()
        else:
            if ticket:
                ticket.give_back()
            lock.release()
            command = [sys.executable, "-P", "-c", FIND + "from workbench.runs.worker import main; main()", str(ROOT), str(run.path)]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def _begin(self) -> None:
        with self._mutex:
            self._connected()

    def _hand_over(self, run: Run, lock: Lock, ticket: Ticket | None) -> None:
        request = {"folder": str(run.path)} | ({"ticket": str(ticket.path), "slots": ticket.slots} if ticket else {})
        handles = [held.file for held in (lock, ticket.lock if ticket else None) if held and held.file is not None]
        try:
            with self._mutex:
                for _ in range(2):  # one that has died in the meantime is replaced once
                    connection = self._connected()
                    answer = b""
                    with contextlib.suppress(OSError):
                        socket.send_fds(connection, [json.dumps(request).encode()], handles)
                        while not select.select([connection], [], [], 0.3)[0]:
                            if not threading.main_thread().is_alive():
                                return  # this program ends; the request and its open files wait in the socket until torch is loaded
                        answer = connection.recv(4_096)
                    if not answer or not json.loads(answer)["again"]:
                        connection.close()
                        self._connection = None
                    if answer:
                        self._connected()  # the next one, where a process serves only once
                        return
            _say(run, "failed", "The training process could not be started; the terminal where workbench runs says why.")
        except OSError as problem:  # no right to start programs, no more processes or files allowed, a full disk
            self._connection = None
            with contextlib.suppress(OSError):
                _say(run, "failed", f"The training process could not be started: {problem.strerror or problem}.")
        finally:
            for held in (lock, ticket.lock if ticket else None):
                if held:
                    held.release()

    def _connected(self) -> socket.socket:
        if self._connection is None:
            self._connection, theirs = socket.socketpair()
            with theirs:
                environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
                subprocess.Popen(
                    [*self._command, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        return self._connection


_forker = Forker()


def warm() -> None:
    """Prepare for the first launch: loads torch in a process apart, in the background."""
    _forker.warm()


def launch(
    recipe: Recipe, *, runs: RunStore | Path | str | None = None, title: str = "", reuse: bool = True, forker: Forker | None = None
) -> Run:
    """Train a recipe in a process of its own, which outlives this one.

    Arguments: runs: the runs folder, by default `workbench.home.runs_folder()`. reuse: an equal recipe that has finished or is being
    trained is not trained again; its run is returned.
    Its own file is what it is now, by path and content: other content is another recipe, and equal content under another name is not.
    Raises: OSError when the folder cannot be written; RecipeError when the recipe's own file cannot be read.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"A recipe is needed, such as AmplitudeRecipe(), not {type(recipe).__name__}.")
    store, recipe = runs if isinstance(runs, RunStore) else RunStore(runs), recipe.fixed()
    with _alone(store.root):
        if reuse and (found := store.find(recipe)):
            return found
        run, lock = store.create_owned(recipe, title)
        _start(run, lock, forker)
    return run


def resume(run: Run, *, forker: Forker | None = None) -> Run:
    """Train a stopped, failed or died run on from its last checkpoint, in a new process.

    Raises: RunError when it has finished, belongs to somebody, or its own file is not what it was.
    """
    lock = run.acquire()
    if run.read_status()["state"] == "finished":
        lock.release()
        raise RunError(f"Run {run.id} has finished; there is nothing to resume.")
    try:
        check_content(run.recipe)
    except ValueError as problem:
        lock.release()
        raise RunError(f"Run {run.id} cannot go on: {problem}") from problem
    _start(run, lock, forker)
    return run


def stop(run: Run, *, patience: float = 1.2) -> Run:
    """End a run's process: by asking, after `patience` seconds by SIGTERM, soon after by SIGKILL; 2.5 s at most.

    Raises: RunError when it lives on another computer and does not listen.
    """
    if run.alive():
        with contextlib.suppress(OSError):  # on a full disk the signals must do
            run.write_control("stop")
        gone = signalled = _gone(run, patience)
        for number, seconds in ((signal.SIGTERM, 0.6), (getattr(signal, "SIGKILL", signal.SIGTERM), 0.5)):
            signalled = gone or _signal(run, number)
            gone = signalled and _gone(run, seconds)
        if gone or _gone(run, LAST_BREATH if signalled else 0.0):  # it may also have ended just before it was to be signalled
            _tidy(run)
        elif run.read_status().get("pid"):
            raise RunError(
                f"Run {run.id} was asked to stop, but its process on {run.read_status().get('host')} cannot be reached from here."
            )
    return run


def _alone(root: Path) -> contextlib.AbstractContextManager:
    try:
        return alone(root, "launch")
    except NoLocks:
        return contextlib.nullcontext()


def _start(run: Run, lock: Lock, forker: Forker | None) -> None:
    try:
        run.write_control("run", fresh=True)
        _say(run, "queued", STARTING)
        ticket = Ticket.take(run.path.parent)
    except BaseException:
        lock.release()
        raise
    (forker or _forker).start(run, lock, ticket)


def _say(run: Run, state: str, message: str) -> None:
    changes = {"state": state, "message": message, "pid": None, "progress": None, "queue_position": None}
    files.replace(run.path / "status.json", files.seal({**run.read_status(), **changes}))


def _gone(run: Run, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while run.alive():
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


def _signal(run: Run, number: int) -> bool:
    """Signal a run's process and all that it started, if it is certain that it is the one that wrote the status."""
    values = run.read_status()
    pid = values.get("pid")
    if not isinstance(pid, int) or values.get("host") != socket.gethostname() or birth(pid) != values.get("born") or not run.alive():
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number) if values.get("leader") and hasattr(os, "killpg") else os.kill(pid, number)
    return True


def _tidy(run: Run) -> None:
    """Write down that a run was stopped by force, and its run.nc."""
    with contextlib.suppress(RunError, OSError), run.acquire():
        status = run.read_status()
        if status["state"] in LIVE:
            _say(run, "stopped", "It did not answer and was stopped by force; it can be resumed from its last checkpoint.")
        if (run.path / "reports.jsonl").exists() and not (run.path / "run.nc").exists():
            files.replace(run.path / "run.nc", run.consolidated({}))
