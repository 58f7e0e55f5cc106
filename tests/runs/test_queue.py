"""What waits is a name in a folder and no process; whoever starts it may be killed or stand still; one folder has one trainer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import toy as toys
from conftest import is_alive, steps_of, until
from toy import toy

from workbench.runs import files, forker, turns
from workbench.runs.files import Lock, RunError
from workbench.runs.launcher import Forker, launch, resume, stop_waiting
from workbench.runs.run import Run
from workbench.runs.store import RunStore


def trainer(store: RunStore, forker: Forker, seed: int = 0) -> Run:
    run = launch(toy(steps=10**6, seed=seed), runs=store, forker=forker)
    until(lambda: run.status.state == "running" and run.status.step > 0, 60)
    return run


def started_by(forker: Forker) -> list[psutil.Process]:
    """The forker and all its workers."""
    mother = psutil.Process(forker._process.pid)
    return [mother, *mother.children(recursive=True)]


@pytest.fixture
def own_forker() -> Iterator[Forker]:
    """One that a test may kill."""
    forker = Forker([sys.executable, toys.__file__])
    yield forker
    if forker._process and forker._process.poll() is None:
        os.kill(forker._process.pid, signal.SIGCONT)
        forker._process.kill()


def test_what_waits_has_no_process_and_its_place_is_right(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    slots(1)
    first = trainer(store, forker)
    before = {process.pid for process in started_by(forker)}
    runs = [launch(toy(steps=10**6, seed=seed), runs=store, forker=forker) for seed in range(1, 41)]
    time.sleep(1.0)
    assert {process.pid for process in started_by(forker)} == before
    assert [run.status.queue_position for run in runs] == list(range(1, 41)) and {run.status.state for run in runs} == {"queued"}
    assert all(run.alive() and not files.is_held(run.path / "LOCK") for run in runs)
    with pytest.raises(RunError, match="waits for its turn"):
        resume(runs[3], forker=forker)
    with pytest.raises(RunError, match="waits for its turn"):
        store.delete(runs[3].id)
    runs[0].stop()
    assert runs[1].status.queue_position == 1
    stop_waiting(store.root)
    assert {run.status.state for run in runs} == {"stopped"} and first.status.state == "running"
    assert not turns.tickets(store.root)
    store.delete(runs[3].id)
    assert resume(runs[5], forker=forker).status.queue_position == 1


def test_nobody_waits_for_one_other_person_who_has_all_slots(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    """There is one slot more then, for one run of somebody else; the next one waits as ever, and so do all that are one person's."""
    slots(2)

    def begin(person: str, seed: int) -> Run:
        return launch(toy(steps=10**6, seed=seed), runs=store, forker=forker, person=person)

    def trains(*runs: Run) -> bool:
        return {run.id for run in runs} == {run.id for run in store.runs() if run.status.state in ("preparing", "running")}

    greedy = [begin("greedy", seed) for seed in range(6)]
    until(lambda: trains(*greedy[:2]))
    ann = begin("ann", 10)
    until(lambda: trains(*greedy[:2], ann))
    ben, greedier = begin("ben", 11), begin("greedy", 12)
    time.sleep(1.0)
    assert trains(*greedy[:2], ann) and ben.status.queue_position == 2 and greedier.status.queue_position == 6
    greedy[0].stop()
    until(lambda: trains(*greedy[1:3], ann))
    ann.stop()
    until(lambda: trains(*greedy[1:3], ben))
    stop_waiting(store.root)


@pytest.mark.slow
def test_two_hundred_that_wait_cost_little_more_than_one(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    """What waits takes less than a twentieth of a core and no memory."""
    slots(1)
    first = trainer(store, forker)
    others = [process for process in started_by(forker) if process.pid != first.status.pid]

    def memory() -> float:
        return sum(process.memory_full_info().pss for process in others) / 1e6

    def share(seconds: float = 8.0) -> float:
        begin = sum(sum(process.cpu_times()[:2]) for process in others)
        time.sleep(seconds)
        return (sum(sum(process.cpu_times()[:2]) for process in others) - begin) / seconds

    before = memory()
    runs = [launch(toy(steps=10, seed=seed), runs=store, forker=forker) for seed in range(1, 201)]
    assert share() < 0.05 and memory() - before < 20
    assert [run.status.queue_position for run in runs] == list(range(1, 201))
    stop_waiting(store.root)


def test_a_queue_goes_on_without_whoever_asked_and_whoever_started(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    """The program that launched is killed, and the process that starts runs: what waits still waits, and the next one who looks goes on."""
    script = f"""
        import os, sys, time
        sys.path.insert(0, {str(Path(toys.__file__).parent)!r})
        from toy import toy
        from workbench.runs.launcher import Forker, launch
        os.environ["WORKBENCH_SLOTS"] = "1"
        forker = Forker([sys.executable, {toys.__file__!r}])
        recipes = [toy(steps=steps, seed=seed) for seed, steps in enumerate((10**6, 200, 200, 10**6))]
        runs = [launch(recipe, runs={str(store.root)!r}, forker=forker) for recipe in recipes]
        while not runs[0].status.step:
            time.sleep(0.01)
        print(forker._process.pid, *[run.id for run in runs], flush=True)
        time.sleep(100)
    """
    program = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    pid, *names = program.stdout.readline().split()
    runs = [store.open(name) for name in names]
    program.kill()
    program.wait()
    time.sleep(0.5)
    assert is_alive(int(pid)), "it stays as long as something waits"
    runs[0].stop()
    assert runs[1].wait(60).status.state == "finished" and runs[1].status.attempt == 1
    assert runs[2].wait(60).status.state == "finished"
    until(lambda: runs[3].status.state == "running")
    until(lambda: not is_alive(int(pid)))
    slots(1)
    runs[3].stop()
    resume(runs[3], forker=forker)
    until(lambda: runs[3].status.state == "running", 60)


def test_when_the_starter_is_killed_a_run_that_ends_has_the_next_one_started(
    store: RunStore, own_forker: Forker, slots: Callable[[int], None]
):
    slots(1)
    first = trainer(store, own_forker)
    second, third = (launch(toy(steps=100, seed=seed), runs=store, forker=own_forker) for seed in (1, 2))
    own_forker._process.kill()
    own_forker._process.wait()
    time.sleep(0.2)
    assert [run.status.state for run in (first, second, third)] == ["running", "queued", "queued"]
    assert second.alive() and second.status.queue_position == 1
    first.stop()
    assert [run.wait(60).status.state for run in (second, third)] == ["finished"] * 2
    assert [run.status.attempt for run in (second, third)] == [1, 1]


def test_a_starter_that_was_killed_uses_up_no_try(store: RunStore, own_forker: Forker):
    assert trainer(store, own_forker).stop().status.state == "stopped"
    for seed in range(1, 3):
        own_forker._process.kill()
        assert trainer(store, own_forker, seed).stop().status.attempt == 1


def test_a_starter_that_is_always_killed_is_a_failed_run_and_its_sentence_says_so(store: RunStore):
    forker = Forker([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    run = launch(toy(), runs=store, forker=forker)
    assert run.wait(30).status.state == "failed" and "was killed (signal 9)" in run.status.message
    assert not turns.tickets(store.root) and run.status.resumable


# A forker that is killed at a moment of a start, as often as is asked for; it writes down each time.
KILLED = """
import os, sys
sys.path.insert(0, {here!r})
import toy
from workbench.runs import forker, worker

def at(moment):
    deaths = os.open({deaths!r}, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if moment == {moment!r} and os.fstat(deaths).st_size < {times}:
        os.write(deaths, b"x")
        os.kill(os.getpid(), 9)
    os.close(deaths)

asked, begun, fork = forker._asked, forker._begun, os.fork

def hear(*arguments):
    at("it is asked")
    found = asked(*arguments)
    if found:
        at("it has answered")
    return found

def begin(*arguments):
    at("a turn has come")
    trains = begun(*arguments)
    at("it has forked") if not trains else None
    return trains

def load():
    at("it loads")
    __import__("torch._dynamo"), __import__("h5py"), __import__("safetensors.torch")

def main():
    at("it begins")
    worker.CHECKPOINT_SECONDS, forker.preload, forker._asked, forker._begun = 0.1, load, hear, begin
    forker.main(toy.ToyJob)

main()
"""


TWICE, ONCE = ("it begins", "it loads", "it is asked", "it has answered"), ("it is asked", "a turn has come", "it has forked")
DEATHS = [pytest.param(moment, 2, marks=pytest.mark.slow if moment == "it loads" else ()) for moment in TWICE] + [
    (moment, 1) for moment in ONCE
]


@pytest.mark.parametrize(("moment", "times"), DEATHS)
def test_a_starter_that_is_killed_at_any_moment_of_a_start_loses_no_run_and_starts_none_twice(
    store: RunStore, tmp_path: Path, moment: str, times: int
):
    """Whoever looks after the queue, as every server does, finds what waits; also when the one that replaces it is killed as well."""
    deaths = tmp_path / "deaths"
    script = KILLED.format(here=str(Path(toys.__file__).parent), deaths=str(deaths), moment=moment, times=times)
    forker = Forker([sys.executable, "-c", script])
    run = launch(toy(steps=100), runs=store, forker=forker)

    def ended() -> bool:
        if turns.neglected(store.root) and forker._mutex.acquire(blocking=False):  # and nobody just hands it over
            forker._mutex.release()
            forker._hand_over({"root": str(store.root)}, None)
        return not run.status.live

    until(ended, 90)
    assert len(deaths.read_bytes()) == times
    assert (run.status.state, run.status.attempt) == ("finished", 1), run.status
    assert steps_of(run) == list(range(10, 101, 10)) and run.problems() == [] and not turns.tickets(store.root)
    if forker._connection:
        forker._connection.close()


def test_a_starter_that_stands_still_is_replaced(store: RunStore, own_forker: Forker, forker: Forker, slots: Callable[[int], None]):
    slots(1)
    first = trainer(store, own_forker)
    second, third = (launch(toy(steps=100, seed=seed), runs=store, forker=own_forker) for seed in (1, 2))
    own_forker._process.send_signal(signal.SIGSTOP)
    assert forker.kind == own_forker.kind
    forker.attend(store.root)
    first.stop()
    assert second.wait(60).status.state == "finished"
    own_forker._process.send_signal(signal.SIGCONT)
    assert third.wait(60).status.state == "finished"
    assert second.status.attempt == third.status.attempt == 1 and steps_of(third) == list(range(10, 101, 10))


def test_a_frozen_run_at_the_head_of_the_queue_is_passed(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    """A run that was paused waits with a process; frozen, it holds up nobody, and it goes on when it can."""
    slots(1)
    paused = trainer(store, forker)
    paused.pause()
    until(lambda: paused.status.state == "paused")
    first = trainer(store, forker, 1)
    paused.resume()
    until(lambda: paused.status.state == "queued" and paused.status.queue_position == 1)
    last = launch(toy(steps=10**6, seed=2), runs=store, forker=forker)
    os.kill(paused.status.pid or paused.read_status()["pid"], signal.SIGSTOP)
    try:
        first.stop()
        until(lambda: last.status.state == "running", 30)
        assert paused.status.state == "queued"
    finally:
        os.kill(paused.read_status()["pid"], signal.SIGCONT)
    last.stop()
    until(lambda: paused.status.state == "running")


def test_a_run_that_was_killed_while_it_waited_to_go_on_is_dead(store: RunStore, forker: Forker, slots: Callable[[int], None]):
    slots(1)
    paused = trainer(store, forker)
    paused.pause()
    until(lambda: paused.status.state == "paused")
    other = trainer(store, forker, 1)
    paused.resume()
    until(lambda: paused.status.state == "queued")
    os.killpg(paused.read_status()["pid"], signal.SIGKILL)
    until(lambda: paused.status.state == "died")
    last = launch(toy(steps=10**6, seed=2), runs=store, forker=forker)
    other.stop()
    until(lambda: last.status.state == "running")
    assert paused.status.state == "died" and paused.status.attempt == 1


# One folder, one trainer


def test_a_lock_that_is_deleted_is_taken_again_and_nobody_else_gets_in(store: RunStore, forker: Forker):
    run = trainer(store, forker)
    pid = run.status.pid
    for _ in range(3):
        (run.path / "LOCK").unlink()
        for _ in range(5):
            assert run.status.state == "running" and run.alive()
            with pytest.raises(RunError, match=rf"is running, in process {pid} on"):
                resume(run, forker=forker)
        until(lambda: (run.path / "LOCK").exists() and files.is_held(run.path / "LOCK"))
    assert run.status.attempt == 1 and run.status.pid == pid
    os.killpg(pid, signal.SIGKILL)
    until(lambda: run.status.state == "died")


def test_a_lock_that_was_replaced_by_a_copy_is_taken_again(store: RunStore, forker: Forker):
    """As a program does that synchronises folders."""
    run = trainer(store, forker)
    shutil.copy(run.path / "LOCK", run.path / ".copy")
    os.replace(run.path / ".copy", run.path / "LOCK")
    with pytest.raises(RunError, match="is running"):
        resume(run, forker=forker)
    until(lambda: files.is_held(run.path / "LOCK"))
    assert run.status.state == "running"


def test_who_finds_another_owner_in_the_folder_ends_and_writes_nothing(store: RunStore, forker: Forker):
    run = trainer(store, forker)
    pid = run.status.pid
    (run.path / "LOCK").unlink()
    with Lock.acquire(run.path / "LOCK"):
        until(lambda: not is_alive(pid), 30)
        states = {name: (run.path / name).read_bytes() for name in ("status.json", "reports.jsonl")}
        time.sleep(0.5)
        assert states == {name: (run.path / name).read_bytes() for name in states}
    assert "Another process trains in this folder" in (run.path / "log.txt").read_text()
    assert run.status.state == "died"
    step = steps_of(run)[-1]
    resume(run, forker=forker)
    until(lambda: run.status.step > step and run.status.state == "running")


def test_a_copy_of_a_folder_is_nobodys(store: RunStore, forker: Forker):
    run = trainer(store, forker)
    shutil.copytree(run.path, store.root / "aaaaaaaaaaaa-1")
    assert store.open("aaaaaaaaaaaa-1").status.state == "died" and run.status.state == "running"


def test_on_another_computer_the_heart_tells_whether_a_folder_without_lock_is_somebodys(store: RunStore, monkeypatch: pytest.MonkeyPatch):
    run = store.create(toy())
    (run.path / "LOCK").unlink()
    values = {**run.read_status(), "state": "running", "pid": 1, "host": "elsewhere", "lock": [1, 1]}
    files.replace(run.path / "status.json", files.seal({**values, "beat": 0}))
    assert run.status.state == "running"
    for beat in range(1, 4):
        time.sleep(0.2)
        files.replace(run.path / "status.json", files.seal({**values, "beat": beat}))
        assert run.alive()
    assert until(lambda: run.status.state == "died") > 1.0
    run.acquire().release()


def test_two_requests_of_a_program_that_ended_at_once_are_both_heard():
    """Its threads do not wait for answers then, so the second request comes right behind the first, and nobody reads what is said."""
    ours, theirs = socket.socketpair()
    for folder in ("one", "two"):
        ours.sendall(json.dumps({"folder": folder}).encode() + b"\n")
    ours.close()
    with theirs:
        assert [forker._asked(theirs, True) for _ in range(3)] == [{"folder": "one"}, {"folder": "two"}, {}]
