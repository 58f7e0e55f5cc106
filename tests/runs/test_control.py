"""Pause, step, stop, queue: what a run is asked to do, it does, and says so (R10, R11, R14)."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import toy as toys
import xarray as xr
from conftest import is_alive, steps_of, until
from toy import ToyJob, toy

from workbench.runs import checkpoint
from workbench.runs.files import RunError
from workbench.runs.launcher import Forker, launch, resume, stop
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job


def started(store: RunStore, forker: Forker, **changes) -> Run:
    run = launch(toy(**{"steps": 10**6, **changes}), runs=store, forker=forker)
    until(lambda: run.status.state == "running" and run.status.step > 0)
    return run


def cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_launch_to_first_report_takes_a_moment(store: RunStore, forker: Forker, slowdown):
    started(store, forker, seed=1)
    begin = time.monotonic()
    run = launch(toy(steps=10**6, seed=2), runs=store, forker=forker)
    assert run.status.state in ("queued", "preparing", "running") and run.alive()
    until(lambda: run.read_reports().reports)
    seconds = time.monotonic() - begin
    assert seconds < 1.5 * slowdown(), f"{seconds:.1f} s"


def test_pause_idles_the_process_and_step_does_exactly_that_many_blocks(store: RunStore, forker: Forker):
    run = started(store, forker)
    run.pause()
    until(lambda: run.status.state == "paused")
    paused = steps_of(run)
    assert run.latest_snapshot()["step"] == paused[-1] == run.checkpoints()[0] and run.status.eta is None
    used = cpu_seconds(run.status.pid)
    time.sleep(1.0)
    assert steps_of(run) == paused and cpu_seconds(run.status.pid) - used < 0.2
    run.step(3)
    run.step(2)  # two quick clicks are five blocks
    until(lambda: len(steps_of(run)) == len(paused) + 5)
    until(lambda: run.status.state == "paused" and run.checkpoints()[0] == steps_of(run)[-1])
    time.sleep(0.2)
    assert len(steps_of(run)) == len(paused) + 5 and run.latest_snapshot()["step"] == steps_of(run)[-1]
    run.resume()
    until(lambda: run.status.state == "running" and run.status.step > paused[-1] + 100)
    assert run.status.eta > 0 and run.status.attempt == 1


def test_going_on_in_the_middle_of_blocks_that_were_asked_for_is_said(store: RunStore, forker: Forker):
    run = started(store, forker)
    for _ in range(5):
        run.pause()
        until(lambda: run.status.state == "paused")
        before = len(steps_of(run))
        run.step(10**6)  # more than will be trained
        until(lambda before=before: len(steps_of(run)) > before)
        assert run.status.state == "paused"
        run.resume()
        until(lambda: run.status.state == "running")


def test_r11_stop_saves_everything_and_can_be_resumed(store: RunStore, forker: Forker, slowdown):
    run = started(store, forker)
    begin = time.monotonic()
    run.stop()
    seconds = time.monotonic() - begin
    assert not run.alive() and seconds < 2.5 * slowdown(), f"{seconds:.1f} s"
    step = steps_of(run)[-1]
    assert run.status.state == "stopped" and run.checkpoints()[0] == step == run.latest_snapshot()["step"]
    tree = xr.open_datatree(run.path / "run.nc", engine="h5netcdf")
    assert tree["reports"]["step"][-1] == step and tree["snapshots"]["step"][-1] == step
    run = resume(run, forker=forker)
    until(lambda: run.status.state == "running" and run.status.step > step)
    assert run.status.attempt == 2 and not (run.path / "run.nc").exists()


def group_of(pid: int) -> list[int]:
    """All processes of a group that still do something."""
    return [other.pid for other in psutil.process_iter() if _group(other) == pid and other.status() != psutil.STATUS_ZOMBIE]


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return -1


@pytest.mark.parametrize(("seed", "state"), [(toys.LOADS, "preparing"), (toys.SEALS, "finishing")])
def test_r11_stop_ends_what_loads_data_or_seals(store: RunStore, forker: Forker, slowdown, seed: int, state: str):
    """R11: stopped while another process makes the data, or in the last prediction: the group gone < 2.5 s, "stopped", run.nc valid."""
    run = launch(toy(steps=200, seed=seed), runs=store, forker=forker)
    until(lambda: run.status.state == state)
    pid = run.status.pid
    until(lambda: len(group_of(pid)) == (2 if seed == toys.LOADS else 1))
    time.sleep(0.3)
    begin = time.monotonic()
    run.stop()
    seconds = time.monotonic() - begin
    assert group_of(pid) == [] and seconds < 2.5 * slowdown(), f"{seconds:.1f} s"
    assert run.status.state == "stopped" and run.problems() == []
    if seed == toys.SEALS:
        tree = xr.open_datatree(run.path / "run.nc", engine="h5netcdf")
        assert tree["reports"]["step"][-1] == tree["snapshots"]["step"][-1] == run.checkpoints()[0] == 200


def test_r11_stop_ends_even_what_never_comes_back_from_c(store: RunStore, forker: Forker, slowdown):
    """R11: stopped in a C function of a minute: the group gone < 2.5 s, "stopped", run.nc valid."""
    run = started(store, forker, seed=toys.FREEZES)
    seen = [-1]
    until(lambda: seen[-1] == run.status.step or seen.append(run.status.step) or time.sleep(1.5), 60)  # it writes no more: it is in C
    pid, begin = run.status.pid, time.monotonic()
    run.stop()
    seconds = time.monotonic() - begin
    assert not is_alive(pid) and seconds < 2.5 * slowdown(), f"{seconds:.1f} s"
    assert run.status.state == "stopped" and "by force" in run.status.message and run.status.resumable
    assert xr.open_datatree(run.path / "run.nc", engine="h5netcdf")["reports"]["step"][-1] == steps_of(run)[-1] and run.problems() == []


def test_sigterm_stops_in_good_order(store: RunStore, forker: Forker):
    run = started(store, forker)
    os.kill(run.status.pid, 15)
    until(lambda: run.status.state == "stopped")
    assert run.checkpoints()[0] == steps_of(run)[-1]


def test_no_foreign_process_is_ever_killed(store: RunStore, forker: Forker):
    """A status with the number of another process, as after a crash and a reused number, kills nobody."""
    from workbench.runs import files
    from workbench.runs.disk import identity

    run = store.create(toy())
    with run.acquire():  # this test process owns the run, and does not listen
        values = {**run.read_status(), "state": "running", **identity(), "born": 1}
        files.replace(run.path / "status.json", files.seal(values))
        with pytest.raises(RunError, match="cannot be reached from here"):
            stop(run, patience=0.1)


@pytest.mark.parametrize(
    ("seed", "sentence"),
    [
        (toys.DIVERGES, r"^The loss is no longer a number at step 100: try a smaller learning rate\.$"),
        (toys.TOO_LARGE, r"^The memory is not enough for batches of 64 events: try a batch size of 32"),
        (toys.WITHOUT_DATA, r"^The toy data are not there: put them back\.$"),
    ],
)
def test_a_failure_is_a_sentence_and_what_was_learned_stays(store: RunStore, quick: None, seed: int, sentence: str):
    run = store.create(toy(seed=seed, batch_size=64))
    assert run_job(run.path, ToyJob) == 1
    assert run.status.state == "failed"
    assert re.search(sentence, run.status.message), run.status.message
    if seed != toys.WITHOUT_DATA:
        assert steps_of(run)[-1] == 90 and checkpoint.newest(run)[0] <= 90 and np.isfinite(run.snapshots["mean"]).all()
        assert xr.open_datatree(run.path / "run.nc", engine="h5netcdf")["snapshots"].sizes["step"] == run.snapshots.sizes["step"]


def test_an_error_of_ours_is_a_sentence_and_a_traceback_in_the_log(store: RunStore, quick: None):
    class Broken(ToyJob):
        def misbehave(self) -> None:
            raise KeyError("our mistake")

    run = store.create(toy())
    assert run_job(run.path, Broken) == 1
    assert "error of ours, KeyError" in run.status.message and "Traceback" in (run.path / "log.txt").read_text()


def test_runs_wait_for_their_turn_in_the_order_of_asking(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    slots(1)
    runs = [launch(toy(steps=10**6, seed=seed), runs=store, forker=forker) for seed in (1, 2, 3, 4)]
    until(lambda: [run.status.queue_position for run in runs] == [None, 1, 2, 3])
    until(lambda: runs[0].status.state not in ("queued", "preparing"))
    assert [run.status.state for run in runs] == ["running", "queued", "queued", "queued"]
    runs[2].stop()  # a waiting run can be stopped
    assert runs[2].status.state == "stopped" and runs[2].status.step == 0
    until(lambda: runs[3].status.queue_position == 2)
    runs[0].pause()  # a paused run gives its place to others
    until(lambda: runs[1].status.state == "running")
    assert runs[0].status.state == "paused" and runs[3].status.state == "queued"
    runs[0].resume()  # and asks for one at the end of the queue
    until(lambda: runs[0].status.state == "queued" and runs[0].status.queue_position == 2)
    runs[1].stop()
    until(lambda: runs[3].status.state == "running")
    runs[3].stop()
    until(lambda: runs[0].status.state == "running")


def test_r12_a_failed_run_gives_its_slot_back(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    """R12: out of memory: only that run fails, and the next begins in its slot."""
    slots(1)
    first, second = (launch(toy(steps=10**6, seed=seed), runs=store, forker=forker) for seed in (toys.TOO_LARGE, 1))
    until(lambda: first.status.state == "failed")
    assert until(lambda: second.status.state == "running") < 2.0 and "memory is not enough" in first.status.message


def test_a_run_that_dies_gives_its_slot_back(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    slots(1)
    first, second = (launch(toy(steps=10**6, seed=seed), runs=store, forker=forker) for seed in (1, 2))
    until(lambda: first.status.state == "running" and second.status.state == "queued")
    os.killpg(first.status.pid, 9)
    assert until(lambda: second.status.state == "running") < 2.0


def test_equal_recipes_share_one_run(store: RunStore, forker: Forker):
    """Forty students press Train on the same preset."""
    found: list[Run] = []
    threads = [threading.Thread(target=lambda: found.append(launch(toy(steps=2_000), runs=store, forker=forker))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40 and len({run.id for run in found}) == len(store.runs()) == 1
    assert found[0].wait(60).status.state == "finished" and found[0].status.attempt == 1
    assert launch(toy(steps=2_000), runs=store, forker=forker).id == found[0].id
    assert launch(toy(steps=2_000), runs=store, forker=forker, reuse=False).id == found[0].id.replace("-1", "-2")


def test_equal_recipes_share_one_run_among_programs_too(store: RunStore):
    """Servers, notebooks and shells press Train at the same moment."""
    script = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(toys.__file__).parent)!r})
        from toy import toy
        from workbench.runs.launcher import Forker, launch
        print("ready", flush=True)
        sys.stdin.readline()
        for seed in range(5):
            print(launch(toy(steps=200, seed=seed), runs={str(store.root)!r}, forker=Forker([sys.executable, {toys.__file__!r}])).id)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    programs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for program in programs:
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        program.stdin.write("go\n")
        program.stdin.flush()
    told = {program.communicate(timeout=120)[0] for program in programs}
    assert len(told) == 1 and set(told.pop().split()) == {run.id for run in store.runs()} and len(store.runs()) == 5
    for run in store.runs():
        assert run.wait(120).status.state == "finished" and run.status.attempt == 1


def test_who_has_no_handles_declares_nothing_dead(store: RunStore, forker: Forker):
    run = started(store, forker)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, limits[1]))
    try:
        for look in (lambda: run.status, run.alive, lambda: Run(run.path).status, lambda: resume(run, forker=forker)):
            with pytest.raises((OSError, RunError)):
                look()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert run.status.state == "running" and run.status.attempt == 1


def test_r10_of_two_who_resume_one_wins_and_the_other_learns_who(store: RunStore, forker: Forker):
    """R10: of five who resume one wins by LOCK, the others say who owns it; it cannot be deleted meanwhile."""
    run = started(store, forker)
    run.stop()
    answers: list[object] = []

    def press() -> None:
        try:
            answers.append(resume(Run(run.path), forker=forker))
        except RunError as problem:
            answers.append(str(problem))

    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if isinstance(answer, str)]
    told = re.compile(rf"in process \d+ on|{run.id} waits for its turn; stop it first|is just being changed by somebody else")
    assert len(refused) == 4 and all(told.search(answer) for answer in refused), refused
    until(lambda: run.status.state == "running")
    assert run.status.attempt == 2
    with pytest.raises(RunError, match=rf"is running, in process {run.status.pid} on"):
        store.delete(run.id)


def test_probing_readers_never_keep_an_owner_out(store: RunStore):
    run = store.create(toy())
    over = threading.Event()

    def probe() -> None:
        while not over.is_set():
            run.alive()

    threads = [threading.Thread(target=probe) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            run.acquire().release()
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_worker_process_is_one_of_its_own(store: RunStore, forker: Forker):
    run = started(store, forker)
    pid = run.status.pid
    assert os.getsid(pid) == os.getpgid(pid) == pid != os.getsid(0) and os.getpriority(os.PRIO_PROCESS, pid) >= 5
    threads = len(os.listdir(f"/proc/{pid}/task"))
    assert threads == 2, "one that trains, one that writes"
    parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    assert len(os.listdir(f"/proc/{parent}/task")) == 1, "only a process with one thread may be forked"
    connections = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # a file that has just been written
            connections.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    assert not [name for name in connections if name.startswith("socket:")]


def test_where_processes_cannot_be_forked_each_serves_once(store: RunStore):
    forker = Forker([sys.executable, toys.__file__, "--become"])
    runs = [launch(toy(steps=200, seed=seed), runs=store, forker=forker) for seed in (1, 2)]
    assert [run.wait(60).status.state for run in runs] == ["finished", "finished"]
    assert runs[0].status.pid != runs[1].status.pid


def test_a_forker_that_cannot_start_is_a_failed_run(store: RunStore):
    run = launch(toy(), runs=store, forker=Forker([sys.executable, "-c", "raise SystemExit(3)"]))
    assert run.wait(20).status.state == "failed" and "could not be started" in run.status.message


def test_a_program_that_may_not_be_started_is_a_failed_run(store: RunStore, tmp_path: Path):
    run = launch(toy(), runs=store, forker=Forker([str(tmp_path / "nowhere")]))
    assert run.wait(20).status.state == "failed" and "could not be started: No such file or directory." in run.status.message
    assert not run.alive()


def test_without_locks_the_heartbeat_tells_who_lives(store: RunStore, quick: None, monkeypatch: pytest.MonkeyPatch):
    """A file system, or a system, that has no flock."""
    from workbench.runs import disk, files, folder

    monkeypatch.setattr(files, "fcntl", None)
    for module in (folder, disk):
        monkeypatch.setattr(module, "HEARTBEAT", 0.2)
    run = store.create(toy(steps=10**6))
    thread = threading.Thread(target=run_job, args=(run.path, ToyJob))
    thread.start()
    until(lambda: run.status.step > 0)
    time.sleep(1.0)
    assert run.status.state == "running" and run.alive()
    with pytest.raises(RunError, match="is running, in process"):
        resume(run)
    run.control("stop")
    thread.join()
    assert run.status.state == "stopped" and not run.alive()
    values = {**run.read_status(), "state": "running"}
    files.replace(run.path / "status.json", files.seal(values))  # as after a kill
    assert until(lambda: run.status.state == "died") < 3 * 0.2 + 0.3
    assert run_job(run.path, lambda recipe, progress: ToyJob(recipe.replace(steps=run.status.step + 20))) == 0
    assert run.status.state == "finished"
