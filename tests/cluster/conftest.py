"""A real Slurm of two nodes on this machine, in a folder of its own: started for the tests that take `slurm`, ended by its pid files."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "srun", "scontrol", "sinfo")
DAEMONS = ("slurmd-n1", "slurmd-n2", "slurmctld", "munge")
EVERYWHERE = f"{os.environ['PATH']}:/usr/sbin:/sbin"

CONFIGURATION = """
ClusterName=local
SlurmctldHost={host}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort={ports[0]}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
SlurmdTimeout=20
KillWait=20
MinJobAge=300
NodeName=n1 NodeHostname={host} Port={ports[1]} CPUs=2 State=UNKNOWN
NodeName=n2 NodeHostname={host} Port={ports[2]} CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=empty Nodes=ALL MaxTime=INFINITE State=DOWN
"""
"""`empty` takes jobs and starts none, so that what waits there goes on waiting."""


class Slurm:
    """Two nodes, n1 and n2, with two cores each; both see this file system."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self) -> None:
        for name in ("state", "spool-n1", "spool-n2"):
            (self.folder / name).mkdir()
        names = {"host": socket.gethostname().split(".")[0], "user": getpass.getuser(), "folder": self.folder, "ports": free_ports(3)}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**names))
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        files = [f"--{name}-file={self.folder}/munge.{name}" for name in ("pid", "log", "seed")]
        self._begin("munged", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket", *files)
        self._begin("slurmctld")
        self.start_node("n1")
        self.start_node("n2")
        self.until(lambda: self.say("sinfo", "-h", "-N", "-p", "main", "-o", "%T").split() == ["idle", "idle"], 60.0)

    def start_node(self, name: str) -> None:
        self._begin("slurmd", "-N", name)

    def kill_node(self, name: str) -> None:
        """A node dies: its slurmd, and all that it has started, with no word to anybody."""
        pid = int((self.folder / f"slurmd-{name}.pid").read_text())
        gone = {pid, *(process for process in processes_of(self.folder / f"spool-{name}", name))}
        for process in gone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        (self.folder / f"slurmd-{name}.pid").unlink(missing_ok=True)

    def say(self, *command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": EVERYWHERE}, timeout=60).stdout

    def until(self, condition, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"Slurm did not get so far: {self.say('sinfo')} {self.say('squeue')}"
            time.sleep(0.2)

    def end(self) -> None:
        self.say("scancel", "--me")
        with contextlib.suppress(AssertionError):
            self.until(lambda: not self.say("squeue", "-h"), 10.0)
        for name in DAEMONS:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
                os.kill(int((self.folder / f"{name}.pid").read_text()), signal.SIGTERM)
        end = time.monotonic() + 10.0
        while any((self.folder / f"{name}.pid").exists() for name in DAEMONS) and time.monotonic() < end:
            time.sleep(0.1)

    def _begin(self, program: str, *options: str) -> None:
        done = subprocess.run([program, *options], capture_output=True, text=True, env={**os.environ, "PATH": EVERYWHERE}, timeout=60)
        assert done.returncode == 0, f"{program} did not start: {done.stderr}"


def processes_of(spool: Path, node: str) -> list[int]:
    """All processes that Slurm has started on a node, told by their environment or their command."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdecimal() and int(folder.name) != os.getpid():
                around = (folder / "environ").read_bytes().split(b"\0")
                started = f"SLURMD_NODENAME={node}".encode() in around and f"SLURM_CONF={spool.parent}/slurm.conf".encode() in around
                holds = (folder / "comm").read_text().strip() == "slurmstepd" and any(
                    os.readlink(file).startswith(str(spool.parent / f"slurmd-{node}.log")) for file in (folder / "fd").iterdir()
                )
                if started or holds:
                    found.append(int(folder.name))
    return found


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    missing = [name for name in NEEDED if not shutil.which(name, path=EVERYWHERE)]
    if missing:
        pytest.skip(f"{', '.join(missing)} of slurm-wlm and munge are not here: no Slurm to test.")
    pytest.importorskip("psij", reason="psij-python of the extra cluster is not installed, so nothing can be submitted.")
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(cluster.folder / "slurm.conf"))
        try:
            try:
                cluster.start()
            except (AssertionError, subprocess.TimeoutExpired) as problem:
                pytest.skip(f"This computer cannot run a Slurm of two nodes: {problem}")
            yield cluster
        finally:
            cluster.end()
