"""A real server in a process of its own, a real Chromium, and what a page must never do: complain, or ask somebody else."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

# The pages, with two more stories than they come with: their trainings are sweeps that take seconds; one has numbers that ship.
SERVE = """
import sys
from workbench.stories import Panel, Row, STORIES, Story
from workbench.families.amplitudes.stories import boosting
from workbench.stories.story import swept
from workbench.families.amplitudes.recipe import AmplitudeRecipe

class Shipped(Story):
    @property
    def kept(self):
        return self.scan([]).fillna(0.03).assign_attrs(trained=self.trained, made="2026-01-02T03:04:05+00:00", device="cpu")

def tiny(full, story=Story, name="tiny", seed=0):
    def rows(scan):
        medians = scan["delta_median"].values
        return [Row("largest median |Δ|", medians.max(), high=10.0), Row("smallest", medians.min()), Row("more", medians.max(), high=1e-9)]
    recipe = AmplitudeRecipe(events=2_000, test_events=2_000, hidden=[64, 64], steps=4_000, inputs="invariants", noise=0.0, seed=seed)
    title, formula = "Tiny: the σ_syst of a test", "σ_syst/A = √(f² + p²)"
    return story(name, title, formula, "It grows.", "Nothing was said of this.", (Panel("plateau"),),
        **swept(recipe, noise=[0.0, 0.01, 0.1], hidden=[[64], [64, 64]], uncertainty=["deterministic", "bnn"]), rows=rows, seconds=10)

boosting.STORIES["shipped"] = STORIES["shipped"] = lambda full: tiny(full, Shipped, "shipped", 1)
boosting.STORIES["tiny"] = STORIES["tiny"] = tiny
from workbench.studios import serve
serve(int(sys.argv[1]), show=False)
"""
KEY = "a-key-for-the-tests"
# Every drawing of a figure: when, which figure, how many points, and the first word of the sentence above it ("Training", "Paused").
WATCH = """
window.drawn = []
const deep = (root, selector) => root.querySelector(selector)
  ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && deep(e.shadowRoot, selector)).find(Boolean)
document.addEventListener("workbench:drawn", (event) => {
  const path = event.composedPath()
  const points = (path[0].data ?? []).reduce((sum, curve) => sum + (curve.x?.length ?? 0), 0)
  const of = deep(document, ".sentence")?.textContent.split(/[ :]/)[0]
  drawn.push({at: performance.now(), figure: path.map((e) => e.dataset?.figure).find(Boolean), points, of})
})
"""


class Server:
    """A page server in a process of its own, with a home folder of its own."""

    watch = WATCH

    def __init__(self, home: Path, *options: str):
        self.home, self.options = home, options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.environment = os.environ | {"WORKBENCH_HOME": str(home), "WORKBENCH_LECTURER_TOKEN": KEY}
        self.environment.pop("WORKBENCH_RUNS", None)

    def start(self) -> float:
        """Start, wait until it listens, and say how long that took [s]."""
        begin = time.monotonic()
        self.log = (self.home / "server.log").open("a")
        command = [sys.executable, "-c", SERVE, str(self.port)]
        if self.options:
            command = [sys.executable, "-m", "workbench", "--no-browser", "--port", str(self.port), *self.options]
        self.process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        while time.monotonic() < begin + 60:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return time.monotonic() - begin
            assert self.process.poll() is None, self.said
            time.sleep(0.05)
        raise TimeoutError(f"The server did not listen within a minute. It said: {self.said}")

    def settle(self) -> None:
        """Wait until the processes that the server started in the background (torch, first events) have done their work."""
        children, before = psutil.Process(self.process.pid).children, -1.0
        for _ in range(60):
            now = sum(sum(child.cpu_times()[:2]) for child in children(recursive=True))
            if now == before > 1:
                return
            before = now
            time.sleep(0.7)

    @property
    def said(self) -> str:
        return (self.home / "server.log").read_text()

    def let_in(self, context) -> None:
        """Give a context of a browser the badge for which the link is exchanged."""
        assert context.request.get(f"{self.url}?token={KEY}", max_redirects=0).status == 303

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def train(self, *titles: str) -> list[str]:
        """The ids of finished runs with these titles."""
        recipes = [[title, SMALL | {"seed": seed}] for seed, title in enumerate(titles)]
        return self.python(TRAIN, json.dumps(recipes)).split()

    def python(self, code: str, *arguments: str) -> str:
        """What a Python process with the same home prints."""
        done = subprocess.run([sys.executable, "-c", code, *arguments], env=self.environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


TRAIN = """
import json, sys
from workbench.runs.launcher import launch
from workbench.families.amplitudes.recipe import AmplitudeRecipe
for title, options in json.loads(sys.argv[1]):
    run = launch(AmplitudeRecipe(**options), title=title).wait(100)
    assert run.status.state == "finished", run.status
    print(run.id)
"""
SMALL = {"events": 2_000, "test_events": 2_000, "hidden": [32, 32], "steps": 300}


@pytest.fixture(scope="session")
def class_server(tmp_path_factory):
    """class_server(*options) is a server of its own, not yet started, with options of the command line."""
    return lambda *options: Server(tmp_path_factory.mktemp("class"), *options)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A warm server with two finished runs; `server.finished` are their ids."""
    server = Server(tmp_path_factory.mktemp("home"))
    server.finished = server.train("first", "second")
    server.start()
    server.settle()
    yield server
    server.python("from workbench.runs.store import RunStore; [run.stop() for run in RunStore().runs() if run.alive()]")
    server.process.terminate()
    server.process.wait(10)
    assert not re.search(r'File ".*/workbench/', server.said), server.said  # no traceback through our own code


@pytest.fixture
def visit(chromium, server):
    """visit(query) opens a page; at the end of the test it must not have complained, and not have asked another machine."""
    contexts, foreign, complaints = [], [], []
    ours = re.compile(rf"(http|ws)://127\.0\.0\.1:{server.port}/|blob:|data:")

    def visit(query="", *, width=1600, height=1000, wait=True, cookies=(), context=None):
        if context is None:
            context = chromium.new_context(viewport={"width": width, "height": height})
            server.let_in(context)
            context.add_cookies([{"name": name, "value": value, "url": server.url} for name, value in cookies])
            contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: None if ours.match(request.url) else foreign.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.add_init_script(WATCH)
        page.goto(server.url + ("amplitudes" * (query[:1] in "?") + query), wait_until="commit")
        if wait:
            page.wait_for_selector(".studio", timeout=30_000)
        return page

    visit.complaints = complaints
    yield visit
    for context in contexts:
        context.close()
    assert foreign == [], "a page asked another machine"
    assert complaints == [], "a page complained on its console"
