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
from collections.abc import Iterator, Sequence
from pathlib import Path

from workbench.data.own_file import check_content
from workbench.training.recipe import Recipe, RecipeError

from . import files, jobs, turns
from .cluster import Cluster, cancel, cluster_again, cluster_of, submit, submit_all, withdraw
from .files import Lock, NoLocks, RunError
from .folder import LIVE, birth, here
from .run import Run
from .store import RunStore
from .turns import Ticket, alone

ROOT = Path(__file__).parents[2]
# Only a process with one thread may be forked; pyarrow, which pandas imports where it is installed, would start one for its memory.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1") | {
    "JE_ARROW_MALLOC_CONF": "background_thread:false"
}
# Import this very workbench, after the standard library, and never a file of the same name in the user's folder (-P).
FIND = "import sys; sys.path.insert(next((i for i, p in enumerate(sys.path) if p.endswith('-packages')), len(sys.path)), sys.argv.pop(1)); "
STARTING = "Starting a process"
NEVER_BEGUN = "It was stopped while it waited for its turn."
TRIES = 3  # processes that may be killed while one run is to be started
KEEP_EVERY = 2.0  # seconds between two looks whether somebody starts what waits
AROUND = ("WORKBENCH_", "CUDA_VISIBLE", "PYTHONPATH")
NOT_AROUND = ("WORKBENCH_TOKEN", "WORKBENCH_LECTURER_TOKEN", "WORKBENCH_SLOTS", "WORKBENCH_RUNS", turns.KIND)
"""Of the environment, what a training may depend on, and what it does not."""
JOB_HEARS, JOB_ENDS = 5.0, 45.0  # seconds that a job may need to hear of something through a shared folder, and to end when cancelled
LAST_BREATH = 10.0  # seconds that a killed process may need on a machine with much else to do before it is gone


class Forker:
    """The process of `workbench.runs.forker`: started when first needed, replaced when it has died, gone with this one."""

    def __init__(self, command: list[str] | None = None):
        self._command = command or [sys.executable, "-P", "-c", FIND + "from workbench.runs.forker import main; main()", str(ROOT)]
        self._connection: socket.socket | None = None
        self._process: subprocess.Popen | None = None
        self._forget()
        os.register_at_fork(after_in_child=self._forget) if hasattr(os, "register_at_fork") else None

    def _forget(self) -> None:
        """In a fork of this process, its socket is not ours to keep open."""
        if self._connection:
            self._connection.close()
        self._connection = None
        self._kind = ""
        self._mutex = threading.Lock()

    @property
    def kind(self) -> str:
        """What tells processes that start runs in the same way: same programs, same surroundings."""
        if self._connection is None or not self._kind:
            around = {name: value for name, value in os.environ.items() if name.startswith(AROUND) and name not in NOT_AROUND}
            self._kind = turns.mark(json.dumps([self._command, sys.prefix, sorted(around.items())]))
        return self._kind

    def warm(self) -> None:
        """Have torch loaded by the time it is needed; returns at once."""
        if os.name == "posix":
            threading.Thread(target=self._begin, name="warm", daemon=True).start()

    def start(self, run: Run, ticket: Ticket | None) -> None:
        """Have a run started when its turn comes, or at once without a ticket; returns at once."""
        if os.name == "posix":
            request = {"root": str(ticket.root)} if ticket else {"folder": str(run.path)}
            if ticket is None or self._connection or not files.is_held(turns.leader(ticket.root, ticket.kind)):
                threading.Thread(target=self._hand_over, args=(request, run), name=f"start {run.id}").start()
        else:
            command = [sys.executable, "-P", "-c", FIND + "from workbench.runs.worker import main; main()", str(ROOT), str(run.path)]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def attend(self, root: Path) -> None:
        """Have started what waits in a runs folder; returns at once."""
        if os.name == "posix":
            threading.Thread(target=self._hand_over, args=({"root": str(root)}, None), name="attend", daemon=True).start()

    def _begin(self) -> None:
        with self._mutex, contextlib.suppress(OSError):
            self._connected()

    def _hand_over(self, request: dict[str, str], run: Run | None) -> None:
        problem = ""
        try:
            with self._mutex:
                tries = TRIES
                while tries:
                    connection, process = self._connected(), self._process
                    answer = b""
                    with contextlib.suppress(OSError):
                        connection.sendall(json.dumps(request).encode() + b"\n")
                        while not select.select([connection], [], [], 0.3)[0]:
                            if not threading.main_thread().is_alive():
                                return  # this program ends; the request waits in the socket until torch is loaded
                        answer = connection.recv(4_096)
                    if not answer or not json.loads(answer)["again"]:
                        connection.close()
                        self._connection = None
                    if answer:
                        self._connected()  # the next one, where a process serves only once
                        return
                    tries -= 1
                    problem = _how_it_ended(process)
        except OSError as met:  # no right to start programs, no more processes or files allowed, a full disk
            self._connection, problem = None, f"{met.strerror or met}."
        if run is not None:
            _give_up(run, f"The training process could not be started: {problem}")

    def _connected(self) -> socket.socket:
        if self._connection and self._process and self._process.poll() is not None:
            self._connection.close()  # it was killed since it was last needed
            self._connection = None
        if self._connection is None:
            kind = self.kind
            ours, theirs = socket.socketpair()
            with theirs:
                environment = os.environ | ONE_THREAD
                try:
                    self._process = subprocess.Popen(
                        [*self._command, str(theirs.fileno())],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        env=environment | {turns.KIND: kind},
                        pass_fds=[theirs.fileno()],
                        start_new_session=True,
                    )
                except OSError:
                    ours.close()
                    raise
            self._connection = ours
        return self._connection


_forker = Forker()


def warm() -> None:
    """Prepare for the first launch: loads torch in a process apart, in the background."""
    _forker.warm()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl+C waits until what is done here is done, so that no run begins that nobody knows of."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: asked.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked.is_set():
        signal.raise_signal(signal.SIGINT)


def attend(root: Path) -> None:
    """Have the runs started that wait in a runs folder, if whoever was to start them was killed."""
    with contextlib.suppress(OSError):
        if turns.neglected(root):
            _forker.attend(root)


def keep(root: Path) -> None:
    """Look after the runs that wait in a folder, until this program ends."""

    def look() -> None:
        before = False
        while True:
            with contextlib.suppress(OSError):
                now = turns.neglected(root)
                if now and before:  # not those whose process is just being started
                    attend(root)
                before = now
            time.sleep(KEEP_EVERY)

    threading.Thread(target=look, name="keep the queue", daemon=True).start()


def launch(
    recipe: Recipe,
    *,
    runs: RunStore | Path | str | None = None,
    title: str = "",
    reuse: bool = True,
    person: str = "",
    checked: bool = False,
    forker: Forker | None = None,
    on: Cluster | str | None = None,
) -> Run:
    """Train a recipe in a process of its own, which outlives this one, on this computer or as a job `on` a cluster.

    Arguments: runs: the runs folder, by default `workbench.home.runs_folder()`. reuse: an equal recipe that has finished or is being
    trained is not trained again; its run is returned. person: whose it is, among whom the turns go round. checked: its own file
    has been read already. on: a Cluster, or the name of one in `clusters.toml`.
    Its own file is what it is now, by path and content: other content is another recipe, and equal content under another name is not.
    Raises: OSError when the folder cannot be written; RecipeError when the recipe's own file cannot be read, or has too few events;
    RunError when the cluster does not take it.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"A recipe is needed, such as AmplitudeRecipe(), not {type(recipe).__name__}.")
    store, recipe = runs if isinstance(runs, RunStore) else RunStore(runs), recipe.fixed()
    cluster = cluster_of(on) if on else None
    if not checked:
        recipe.check_file_is_read()
    if not checked and not (reuse and store.find(recipe)):
        check_file(recipe)
    with _alone(store.root):
        if reuse and (found := store.find(recipe)):
            return found
        if cluster:
            cluster.check(recipe)
        run, lock = store.create_owned(recipe, title)
        try:
            _start(run, lock, forker, person, cluster)
        except RunError:  # no scheduler, or it does not take the job
            store.delete(run.id)
            raise
    return run


def launch_all(
    recipes: Sequence[Recipe], *, runs: RunStore, titles: Sequence[str] = (), reuse: bool = True, on: Cluster | str
) -> list[Run]:
    """Train several recipes as jobs on a cluster, together as one array of jobs where there are such; equal ones that have finished or
    live are taken as they are, unless without `reuse`. Raises: as `launch`; then none of them was begun."""
    cluster, found, fresh = cluster_of(on), [], []
    recipes = [recipe.fixed() for recipe in recipes]
    with contextlib.ExitStack() as owned, _alone(runs.root):
        for recipe, title in zip(recipes, titles or [""] * len(recipes), strict=True):
            run = runs.find(recipe) if reuse else None
            if run is None:
                cluster.check(recipe)
                run, lock = runs.create_owned(recipe, title)
                owned.enter_context(lock)
                fresh.append(run)
            found.append(run)
        try:
            for run, said in zip(fresh, submit_all(fresh, cluster), strict=True):
                run.write_control("run", fresh=True)
                _say(run, "queued", said)
        except RunError:
            owned.close()
            for run in fresh:
                runs.delete(run.id)
            raise
    return found


def check_file(recipe: Recipe) -> None:
    """Read a recipe's own file as its training will, before a run is made of it. Raises: RecipeError in one sentence. Warns: FileNote."""
    if getattr(recipe, "file", ""):
        from workbench.data.catalogue import check_own_file
        from workbench.families import family_of

        of_events = hasattr(recipe, "process") or hasattr(recipe, "dataset")
        try:
            (check_own_file if of_events else family_of(recipe).events.load())(recipe)
        except ValueError as problem:
            raise RecipeError(str(problem)) from problem


def resume(run: Run, *, person: str = "", forker: Forker | None = None, on: Cluster | str | None = None) -> Run:
    """Train a stopped, failed or died run on from its last checkpoint, in a new process, or as a new job where it was one.

    Arguments: on: a Cluster, the name of one, or "here" for this computer; by default where it was, as `clusters.toml` describes it now.
    Raises: RunError when it has finished, belongs to somebody, or its own file is not what it was.
    """
    job = jobs.job_of(run.path)
    cluster = None if on == "here" else cluster_of(on) if on else cluster_again(job) if job else None
    lock = run.acquire()
    if run.read_status()["state"] == "finished":
        lock.release()
        raise RunError(f"Run {run.id} has finished; there is nothing to resume.")
    try:
        check_content(run.recipe)
    except ValueError as problem:
        lock.release()
        raise RunError(f"Run {run.id} cannot go on: {problem}") from problem
    _start(run, lock, forker, person, cluster)
    return run


def stop(run: Run, *, patience: float = 1.2) -> Run:
    """End a run's process: by asking, after `patience` seconds by SIGTERM, soon after by SIGKILL; 2.5 s at most. A job is cancelled.

    Raises: RunError when it lives on another computer and does not listen.
    """
    if not _withdraw(run, "stopped", NEVER_BEGUN) and run.alive():
        with contextlib.suppress(OSError):  # on a full disk the signals must do
            run.write_control("stop")
        job = jobs.job_of(run.path)
        gone = signalled = has_gone(run, max(patience, JOB_HEARS) if job else patience)
        for number, seconds in ((signal.SIGTERM, 0.6), (getattr(signal, "SIGKILL", signal.SIGTERM), 0.5)):
            signalled = gone or _signal(run, number)
            gone = signalled and has_gone(run, seconds)
        if not gone and job:
            cancel(job)
            gone = has_gone(run, JOB_ENDS)
        if gone or has_gone(run, LAST_BREATH if signalled else 0.0):  # it may also have ended just before it was to be signalled
            _tidy(run)
        elif run.read_status().get("pid"):
            raise RunError(
                f"Run {run.id} was asked to stop, but its process on {run.read_status().get('host')} cannot be reached from here."
            )
    return run


def stop_waiting(root: Path) -> list[Run]:
    """Stop all runs of a folder that wait for their turn; those that train go on."""
    return [run for run in waiting(root) if _withdraw(run, "stopped", NEVER_BEGUN)]


def waiting(root: Path) -> list[Run]:
    """The runs of a folder that wait for their turn, the next one first: without those that go on after a pause."""
    return [Run(root / ticket.run) for ticket in turns.tickets(root) if ticket.kind != turns.WORKER]


def _alone(root: Path) -> contextlib.AbstractContextManager:
    try:
        return alone(root, "launch")
    except NoLocks:
        return contextlib.nullcontext()


def _start(run: Run, lock: Lock, forker: Forker | None, person: str, cluster: Cluster | None) -> None:
    forker = forker or _forker
    with lock:
        withdraw(run)
        run.write_control("run", fresh=True)
        if cluster:
            _say(run, "queued", submit(run, cluster))
            return
        files.remove(run.path / "job.json")
        _say(run, "queued", STARTING)
        ticket = Ticket.take(run.path.parent, run.id, forker.kind, person=turns.mark(person))
    forker.start(run, ticket)


def _withdraw(run: Run, state: str, message: str) -> bool:
    """Take a run that waits out of the queue; False for one that does not wait, or whose process has just begun."""
    if jobs.job_of(run.path):
        return run.waits() and _cancelled(run, state, message)
    ticket = turns.ticket_of(run.path.parent, run.id)
    if ticket is None or ticket.kind == turns.WORKER:
        return False
    lock = Lock.acquire(run.path / "LOCK", wait=0.1)
    if lock is None:
        return False
    with lock:
        if not ticket.path.exists():
            return False
        ticket.give_back()
        with contextlib.suppress(OSError):
            _say(run, state, message, sync=False)
    return True


def _cancelled(run: Run, state: str, message: str) -> bool:
    """Cancel the job of a run that has not begun; what begins nevertheless finds that it is to stop."""
    lock = Lock.acquire(run.path / "LOCK", wait=0.1)
    if lock is None:
        return False
    with lock:
        run.write_control("stop")
        withdraw(run)
        _say(run, state, message)
    return True


def _give_up(run: Run, message: str) -> None:
    """Write down that a run could not be started, unless somebody else starts it."""
    with contextlib.suppress(OSError):
        if turns.neglected(run.path.parent) and not _withdraw(run, "failed", message):
            return
        if not run.alive():
            _say(run, "failed", message)


def _how_it_ended(process: subprocess.Popen | None) -> str:
    try:
        code = process.wait(1.0) if process else 0
    except subprocess.TimeoutExpired:
        return "the process that was to do it does not answer; the terminal where workbench runs may say why."
    if code < 0:
        return f"the process that was to do it was killed (signal {-code}), {TRIES} times; resume it when there is more memory."
    return f"the process that was to do it ended with code {code}; the terminal where workbench runs says why."


def _say(run: Run, state: str, message: str, *, sync: bool = True) -> None:
    changes = {"state": state, "message": message, "pid": None, "progress": None}
    files.replace(run.path / "status.json", files.seal({**run.read_status(), **changes}), sync=sync)


def has_gone(run: Run, seconds: float) -> bool:
    """Whether its process has ended, within so many seconds."""
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
    if not isinstance(pid, int) or values.get("host") != here() or birth(pid) != values.get("born") or not run.alive():
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
