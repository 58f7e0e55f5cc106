"""Computers where something is missing: a home that cannot be written, no home at all, no shared memory, full temporary folders (R16)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from workbench.runs.store import RunStore

TINY = ["--events", "300", "--test-events", "200", "--hidden", "8", "--draws", "4", "--steps", "20"]
FILL = "dd if=/dev/zero of={0}/ballast bs=4096 2>/dev/null || true"
KEY = "a-key-for-the-tests"
STRANGER = 12_345  # a user whom no list of users knows, as in many containers

GIVEN = {"PYTHONDONTWRITEBYTECODE": "1", "WORKBENCH_LECTURER_TOKEN": KEY}


class World:
    """Commands run where `setup` was done before, in file systems that nobody else sees, as `user`."""

    def __init__(self, setup: list[str], user: int = 0, **environment: str | None):
        self.setup, self.user = setup, user
        self.environment = {k: v for k, v in (os.environ | GIVEN | environment).items() if v is not None}

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        become = f"exec setpriv --reuid={self.user} --regid={self.user} --clear-groups --" if self.user else "exec"
        script = "; ".join(["set -e", *self.setup, f'{become} "$@"'])
        command = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            "sh",
            sys.executable,
            "-m",
            "workbench",
            *arguments,
        ]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True, cwd="/")

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, what was said and what was complained."""
        process = self.begin(*arguments)
        try:
            said, complained = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, said, complained

    def serve(self) -> tuple[int, str, str]:
        """The same of the page server: 0 where it gave us a page, and ended at Ctrl+C."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = self.begin("--no-browser", "--port", str(port))
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        page, end = "", time.monotonic() + 60
        while process.poll() is None and not page and time.monotonic() < end:
            try:
                page = browser.open(f"http://127.0.0.1:{port}/?token={KEY}", timeout=30).read().decode()
            except OSError:
                time.sleep(0.1)
        if process.poll() is None:
            time.sleep(1.0)
            process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=60)
        return (0 if "data-root-id" in page else process.returncode), said, complained


@pytest.fixture(scope="module", autouse=True)
def may_mount():
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True).returncode
    ):
        pytest.skip("file systems of one's own can only be mounted by root")


@pytest.fixture
def folder(tmp_path_factory) -> Path:
    """A folder that a stranger may enter and write."""
    path = tmp_path_factory.mktemp("place")
    for each in (path, *path.parents[:3]):
        each.chmod(each.stat().st_mode | 0o011)
    path.chmod(0o777)
    return path


def fine(answer: tuple[int, str, str]) -> None:
    assert answer[0] == 0 and "Traceback" not in answer[2], answer


def refused(answer: tuple[int, str, str], words: str) -> None:
    code, _, complained = answer
    assert code == 2 and "Traceback" not in complained and complained.count("\n") == 1, answer
    assert complained.startswith("workbench: ") and re.search(words, complained), answer


def test_r16_a_home_that_cannot_be_written(folder):
    """R16: read-only home: lists and pages come, whatever must write says in one sentence where it cannot."""
    world = World([f"mount -t tmpfs -o ro tmpfs {folder}"], HOME=str(folder), WORKBENCH_HOME=None)
    fine(world.run("runs"))
    fine(world.run("data"))
    fine(world.serve())
    refused(world.run("train", *TINY), f"{folder}.*Read-only file system")
    refused(world.run("data", "make", "--events", "300"), f"{folder}.*Read-only file system")


@pytest.mark.slow
def test_r16_a_lab_in_a_home_that_cannot_be_written(folder):
    refused(
        World([f"mount -t tmpfs -o ro tmpfs {folder}"], HOME=str(folder), WORKBENCH_HOME=None).run("lab", f"{folder}/lab", "--no-browser"),
        "Read-only",
    )


def test_r16_no_home_and_a_user_whom_nobody_knows(folder):
    """R16: HOME missing: one sentence that says what to set; with that set, everything works."""
    nowhere = World([], STRANGER, HOME=None, WORKBENCH_HOME=None)
    if nowhere.run("--version")[0]:
        pytest.skip("this Python lies where only its owner may look")
    refused(nowhere.run("runs"), "set WORKBENCH_HOME")
    refused(nowhere.serve(), "set WORKBENCH_HOME")
    refused(nowhere.run("data"), "WORKBENCH_HOME")
    refused(nowhere.run("train", *TINY), "set WORKBENCH_HOME")
    start = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    if subprocess.run(
        ["setpriv", f"--reuid={STRANGER}", "--clear-groups", "--", sys.executable, "-c", start], capture_output=True
    ).returncode:
        pytest.skip("this Python lies where only its owner may start it")
    somewhere = World([], STRANGER, HOME=None, WORKBENCH_HOME=str(folder / "home"))
    fine(somewhere.run("train", *TINY))
    fine(somewhere.serve())
    assert [run.status.state for run in RunStore(folder / "home" / "runs").runs()] == ["finished"]


def test_r16_no_shared_memory_and_full_temporary_folders(folder):
    """R16: no /dev/shm, full temporary folder: everything works."""
    home, full = folder / "home", folder / "full"
    full.mkdir()
    setup = ["mount -t tmpfs -o ro,mode=000 tmpfs /dev/shm"]
    for place in (full, "/var/tmp"):
        setup += [f"mount -t tmpfs -o size=4k tmpfs {place}", FILL.format(place)]
    world = World(setup, TMPDIR=str(full), HOME=str(home), WORKBENCH_HOME=str(home))
    fine(world.run("train", *TINY))
    fine(world.serve())
    assert [run.status.state for run in RunStore(home / "runs").runs()] == ["finished"]


def test_r16_a_full_home(folder):
    """R16: a home without a free byte: pages come, and a training says which disk is full."""
    setup = [f"mount -t tmpfs -o size=64k tmpfs {folder}", FILL.format(folder)]
    world = World(setup, HOME=str(folder), WORKBENCH_HOME=None)
    fine(world.serve())
    fine(world.run("runs"))
    refused(world.run("train", *TINY), f"{folder}.*([Ff]ull|No space left)")
    refused(world.run("data", "make", "--events", "300"), f"{folder}.*([Ff]ull|No space left)")
