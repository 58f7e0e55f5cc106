"""A real JupyterHub with two users: each finds the pages in the launcher of JupyterLab, with the own runs, and never those of the other.

Where the tests run as root, and there is a Python that others may run, each user is a user of the computer too, by a number of the own.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import xarray as xr

from workbench.runs.store import RunStore

PASSWORD = "open sesame"
USERS = {"alice": 61_001, "bob": 61_002}  # numbers that no account has
CONFIGURATION = """
import os
from jupyterhub.spawner import SimpleLocalProcessSpawner

class OwnSpawner(SimpleLocalProcessSpawner):
    def make_preexec_fn(self, name):
        home, number = self.home_dir, {users!r}[name]
        def begin():
            if number:
                os.setgroups([])
                os.setgid(number)
                os.setuid(number)
            os.chdir(home)
        return begin

c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = OwnSpawner
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/{{username}}"
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.pid_file = {folder!r} + "/proxy.pid"
c.JupyterHub.db_url = "sqlite:///" + {folder!r} + "/hub.sqlite"
c.JupyterHub.cookie_secret_file = {folder!r} + "/secret"
c.JupyterHub.cleanup_servers = True
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.Spawner.environment = {{"OMP_NUM_THREADS": "1"}}
"""


class Hub:
    """A hub in a folder of its own, which is also where its users have their homes.

    *Arguments*: python, that of the users; apart, whether each is a user of the computer too.
    """

    def __init__(self, folder: Path, python: Path, apart: bool):
        self.folder, self.python, self.apart = folder, python, apart
        for user, number in USERS.items():
            (folder / user).mkdir(mode=0o755)
            if apart:
                os.chown(folder / user, number, number)
        with contextlib.ExitStack() as probes:
            sockets = [probes.enter_context(socket.socket()) for _ in range(3)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            ports = [each.getsockname()[1] for each in sockets]
        self.url = f"http://127.0.0.1:{ports[0]}"
        words = {"password": PASSWORD, "folder": str(folder), "ports": ports, "python": str(python)}
        words["users"] = USERS if apart else dict.fromkeys(USERS, 0)
        (folder / "config.py").touch(mode=0o600)
        (folder / "config.py").write_text(CONFIGURATION.format(**words))
        environment = os.environ | {"CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16), "NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}
        for name in ("WORKBENCH_HOME", "WORKBENCH_RUNS"):
            environment.pop(name, None)
        self.log = (folder / "hub.log").open("w")
        command = [sys.executable, "-m", "jupyterhub", "-f", str(folder / "config.py")]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=self.log, stderr=self.log)

    @property
    def said(self) -> str:
        return (self.folder / "hub.log").read_text()

    def wait(self) -> None:
        end = time.monotonic() + 180
        while "JupyterHub is now running" not in self.said:
            assert self.process.poll() is None and time.monotonic() < end, self.said[-3_000:]
            time.sleep(0.2)

    def pages_of(self, user: str) -> psutil.Process:
        """The process that serves the pages of a user."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # those that have just gone
                if {f"/user/{user}/workbench", "--no-browser"} <= {*process.cmdline()}:
                    return process
        raise AssertionError(self.said[-3_000:])

    def end(self) -> None:
        """The hub, its proxy, the servers of its users and what they have started."""
        ours = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        homes = str(self.folder)
        for process in psutil.process_iter(["environ"]):
            if homes in (process.info["environ"] or {}).get("HOME", ""):
                ours.append(process)
        for process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(ours, 10)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)
        self.log.close()


def run_as(user: str, *command: object) -> subprocess.CompletedProcess[str]:
    """What a user of the computer gets who runs a command, whatever the hub says."""
    own = {"user": USERS[user], "group": USERS[user], "extra_groups": []}
    return subprocess.run([*map(str, command)], cwd="/", capture_output=True, text=True, timeout=60, **own)


def python_for_others(folder: Path) -> Path | None:
    """A Python in a folder that all users of this computer may run, with all that this one has; None where there is none."""
    if os.geteuid():
        return None
    for base in (sys._base_executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([base, "-m", "venv", "--clear", "--without-pip", folder], check=True, capture_output=True, timeout=60)
            site = folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
            (site / "all.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
            for name in ("etc", "share"):  # where Jupyter looks for what is installed
                (folder / name).symlink_to(Path(sys.prefix) / name)
            needed = "import workbench, torch, jupyterlab, jupyterhub.singleuser, jupyter_server_proxy"
            if run_as("alice", folder / "bin" / "python", "-c", needed).returncode == 0:
                return folder / "bin" / "python"
    return None


@pytest.fixture(scope="module")
def hub():
    if not shutil.which("configurable-http-proxy"):
        reason = "The Debian package node-configurable-http-proxy is not here, so no JupyterHub is tested."
        pytest.skip(reason)
    pytest.importorskip("jupyterhub")
    folder = Path(tempfile.mkdtemp(prefix="hub-"))
    folder.chmod(0o711)  # users go through it to their homes; pytest's own folders are closed to them
    try:
        python = python_for_others(folder / "python")
        hub = Hub(folder, python or Path(sys.executable), apart=python is not None)
        try:
            hub.wait()
            yield hub
        finally:
            hub.end()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def enter(hub, chromium):
    """enter(user) logs in, goes to the launcher, and opens what is found there: the page, in a context of its own."""
    contexts = []

    def enter(user: str):
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
        contexts.append(context)
        lab = context.new_page()
        lab.goto(f"{hub.url}/hub/login", timeout=60_000)
        lab.fill("#username_input", user)
        lab.fill("#password_input", PASSWORD)
        lab.click("#login_submit")
        lab.wait_for_url(re.compile(f"/user/{user}/lab"), timeout=300_000)
        card = lab.locator(".jp-LauncherCard[title*=Workbench]")
        card.wait_for(timeout=180_000)
        assert card.locator("img").count() == 1 and "Workbench" in card.inner_text()
        with context.expect_page() as new:
            card.click()
        page = new.value
        page.get_by_role("button", name="Train", exact=True).wait_for(timeout=180_000)
        return page

    yield enter
    for context in contexts:
        context.close()


@pytest.mark.timeout(900)
def test_users_of_a_hub_find_the_pages_in_the_launcher_and_each_the_own_runs(hub, enter, tmp_path):
    alice, bob = enter("alice"), enter("bob")
    for page, user in ((alice, "alice"), (bob, "bob")):
        assert page.url.startswith(f"{hub.url}/user/{user}/workbench/basics") and "token" not in page.url
    alice.get_by_role("button", name="Train", exact=True).click()  # over the websocket, through two proxies
    stores = {user: RunStore(hub.folder / user / ".workbench" / "runs") for user in ("alice", "bob")}
    end = time.monotonic() + 180
    while not any(run.status.state == "finished" for run in stores["alice"].runs()):
        assert time.monotonic() < end, stores
        time.sleep(0.5)
    assert len(stores["alice"].runs()) == 1 and not stores["bob"].runs()
    alice.locator("[data-figure] .export").first.click()
    with alice.expect_download(timeout=60_000) as download:
        alice.click("[data-way=nc]")  # the figure's numbers go to the server and come back as a file
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with xr.open_dataset(path) as data:
        assert data.sizes

    answer = bob.request.get(f"{hub.url}/user/alice/workbench/basics")
    assert answer.status == 403 or "/workbench/" not in answer.url.partition("?")[0], answer.url
    port = next(connection.laddr.port for connection in hub.pages_of("alice").net_connections() if connection.status == "LISTEN")
    answer = bob.request.get(f"http://127.0.0.1:{port}/user/alice/workbench/basics")  # past the hub, as everybody on this computer can
    assert answer.status == 403 and "token" in answer.text() and "Preset" not in answer.text()
    if hub.apart:
        (run,) = stores["alice"].runs()
        assert run.path.stat().st_uid == USERS["alice"] and {*hub.pages_of("alice").uids()} == {USERS["alice"]}
        assert run_as("alice", "cat", run.path / "recipe.json").stdout
        for what in (["cat", run.path / "recipe.json"], ["ls", run.path], ["ls", run.path.parent]):
            assert "Permission denied" in run_as("bob", *what).stderr, what
        assert {*hub.pages_of("bob").uids()} == {USERS["bob"]}
