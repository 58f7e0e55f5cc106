"""A class on one server: many pages follow one run while trainings take the processor.

    python tests/benchmarks/classroom.py [--sessions 40] [--seconds 20] [--rate 1] [--trainings 2] [--screen]

Sessions are raw websocket clients that do what BokehJS does: fetch the page, shake hands, pull the document, say that it is ready, take
patches, acknowledge figures. The run is written by the real worker around a paced job, which notes when it hands over each report; latency
is from there to the packed figure in a client, with --screen to the figure drawn in a real Chromium. It prints

- openings: from asking for a page to its whole document, all sessions within two seconds;
- updates: latency, how many arrived, the server's memory per session and its share of a core.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from timing import record_option, recorded
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures.frame import checksum, unpack
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.training.report import Report

FOLLOWED = AmplitudeRecipe(steps=1_000_000, seed=77)
STEP = 10  # of the followed run, per update
LONG = AmplitudeRecipe(steps=500_000, hidden=[64, 64])
KEY = "a-key-for-the-classroom"


# The run that is followed


class Paced:
    """A job that has something new to say `rate` times a second, and notes when."""

    device = "cpu, paced"
    steps = FOLLOWED.steps

    def __init__(self, template: Path, rate: float, notes: Path):
        self.step, self.rate, self.notes = 0, rate, notes
        self.template = Run(template).snapshots.isel(step=-1)

    def train(self) -> Iterator[Report]:
        begin = time.time()
        with self.notes.open("a") as notes:
            for number in itertools.count(1):
                time.sleep(max(0.0, begin + number / self.rate - time.time()))
                self.step = number * STEP
                notes.write(f"{self.step} {time.time()}\n")
                notes.flush()
                yield Report(self.step, self.steps, number / self.rate, {"loss": 1 / number, "likelihood": 1 / number, "kl": 0.1})

    def snapshot(self) -> Any:
        return self.template.assign_coords(step=self.step).assign(mean=self.template["mean"] * (1 + 1e-3 * np.sin(self.step)))

    def checkpoint(self) -> Any:
        return {}, {"step": self.step}

    def prediction(self, split: str) -> Any:
        raise NotImplementedError("a paced job never ends by itself")


def produce(folder: Path, template: Path, rate: float, notes: Path) -> None:
    """Be the worker of the followed run, until stopped."""
    from workbench.runs import worker

    worker.SNAPSHOT_SECONDS, worker.SNAPSHOTS_PER_RUNTIME = 0.0, 10**9  # every report has its snapshot
    worker.run_job(folder, lambda recipe, progress: Paced(template, rate, notes))


# A session


@dataclass
class Client:
    """One browser page, as far as the server can tell."""

    url: str
    opened: float = 0.0
    seen: dict[int, float] = field(default_factory=dict)  # step -> when its figure arrived
    received: int = 0
    lost: bool = False
    cookies: dict[str, str] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)  # of the models with frames, their views
    parts: dict[str, str] = field(default_factory=dict)  # the models of the parts of the page, by the names of their classes

    def fetch(self, path: str) -> str:
        if not self.cookies:
            self.enter()
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=60) as answer:
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = cookie.split(";")[0].partition("=")
                self.cookies[name] = value
            return answer.read().decode()

    def enter(self) -> None:
        """Exchange the token of the link for a badge."""
        connection = http.client.HTTPConnection(self.url.split("/")[2])
        connection.request("GET", f"/?token={KEY}")
        name, _, value = (connection.getresponse().headers["Set-Cookie"] or "").split(";")[0].partition("=")
        self.cookies[name] = value

    async def open(self, path: str) -> None:
        """From nothing to a whole document."""
        begin = time.monotonic()
        path = f"amplitudes{path}" if path[:1] in "?" else path
        page = await asyncio.get_running_loop().run_in_executor(None, self.fetch, path)
        token = re.search(r'"token":"([^"]+)"', page)
        assert token, page[:500]
        place = path.split("?")[0]
        address = f"{self.url.replace('http', 'ws')}{place}/ws"
        headers = {"Origin": self.url.rstrip("/"), "Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        self.socket: WebSocketClientConnection = await websocket_connect(
            HTTPRequest(address, headers=headers), subprotocols=["bokeh", token[1]], max_message_size=2**26
        )
        assert (await self.message())[0]["msgtype"] == "ACK"
        await self.send("PULL-DOC-REQ")
        header, content, buffers = await self.message()
        assert header["msgtype"] == "PULL-DOC-REPLY", header
        await self.event("document_ready", {"type": "map"})
        self.opened = time.monotonic() - begin
        self.parts = dict(parts(content))
        for view, data in figures(content):
            self.views[data["id"]] = view
            await self.draw(data["id"], buffers[data["attributes"]["wire"]["data"]["id"]])

    async def press(self, part: str, **said: Any) -> None:
        """Do what a part of the page does when something is pressed there."""
        data = {"type": "map", "entries": [[name, value] for name, value in said.items()]}
        await self.event("data_event", {"type": "map", "entries": [["model", {"id": self.parts[part]}], ["data", data]]})

    async def follow(self) -> None:
        """Take patches and acknowledge figures, as plot_view.js does, until the connection ends."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                header, content, buffers = await self.message()
                for event in content.get("events", []) if header["msgtype"] == "PATCH-DOC" else []:
                    if event.get("attr") == "wire":
                        await self.draw(event["model"]["id"], buffers[event["new"]["data"]["id"]])

    async def draw(self, data: str, frame: bytes) -> None:
        now, figure = time.time(), unpack(frame)
        said = {"type": "map", "entries": [["drawn", checksum(frame)]]}
        await self.event("data_event", {"type": "map", "entries": [["model", {"id": self.views[data]}], ["data", said]]})
        if str(figure["layout"].get("xaxis", {}).get("title", "")).find("step") >= 0:
            steps = [float(np.max(curve["x"])) for curve in figure["data"] if len(curve.get("x", ()))]
            self.seen.setdefault(int(max(steps, default=0)), now)

    async def message(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, bytes]]:
        header = json.loads(await self.fragment())
        await self.fragment()
        content, buffers = json.loads(await self.fragment()), {}
        for _ in range(header.get("num_buffers", 0)):
            name = json.loads(await self.fragment())["id"]
            buffers[name] = await self.fragment()
        return header, content, buffers

    async def fragment(self) -> Any:
        fragment = await self.socket.read_message()
        if fragment is None:
            self.lost = True
            raise ConnectionResetError
        self.received += len(fragment)
        return fragment

    async def send(self, kind: str, content: Any = None) -> None:
        for part in ({"msgid": os.urandom(8).hex(), "msgtype": kind}, {}, content or {}):
            await self.socket.write_message(json.dumps(part))

    async def event(self, name: str, values: Any) -> None:
        message = {"type": "event", "name": name, "values": values}
        await self.send("PATCH-DOC", {"events": [{"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": message}]})


def figures(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of a document: the id of each view, and the model of its packed frame."""
    if isinstance(value, dict) and "wire" in ((value.get("attributes", {}).get("data") or {}).get("attributes") or {}):
        yield value["id"], value["attributes"]["data"]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from figures(item)


def parts(value: Any) -> Iterator[tuple[str, str]]:
    """The parts of a document: the name of each one's class, and its id."""
    if isinstance(value, dict) and "class_name" in (value.get("attributes") or {}):
        yield value["attributes"]["class_name"], value["id"]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(item)


# The classroom


class Classroom:
    """A server, a run that is followed, trainings beside it; all in a home folder of their own that goes at the end."""

    def __init__(self, *, rate: float = 1.0, trainings: int = 2, options: tuple[str, ...] = ()):
        self.home = Path(tempfile.mkdtemp(prefix="workbench-class-"))
        self.environment = os.environ | {
            "WORKBENCH_HOME": str(self.home),
            "WORKBENCH_LECTURER_TOKEN": KEY,
            "OMP_NUM_THREADS": "1",
            "WORKBENCH_SLOTS": str(max(2, trainings)),
        }
        self.environment.pop("WORKBENCH_RUNS", None)
        self.store, self.rate, self.notes = RunStore(self.home / "runs"), rate, self.home / "notes"
        self.processes: list[subprocess.Popen[Any]] = []
        self.trained: list[str] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        try:
            self.server = self.start([sys.executable, "-m", "workbench", "--no-browser", "--port", str(self.port), *options])
            self.wait_for_server()
            for seed in range(trainings):
                self.run_command("train", "--background", "--steps", str(LONG.steps), "--hidden", "64,64", "--seed", str(seed))
            self.trained = [run.id for run in self.store.runs()]
            while any(self.store.open(name).status.state != "running" for name in self.trained):
                time.sleep(0.2)
            template = self.run_command("train", "--foreground", "--steps", "300", "--seed", "5").splitlines()[0]
            self.run = self.store.create(FOLLOWED)
            arguments = [str(self.run.path), template, str(rate), str(self.notes)]
            self.start([sys.executable, __file__, "--produce", *arguments])
            while not self.notes.exists():
                time.sleep(0.1)
        except BaseException:
            self.close()
            raise

    def start(self, command: list[str]) -> subprocess.Popen[Any]:
        with (self.home / "log.txt").open("a") as log:
            self.processes.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))
        return self.processes[-1]

    def run_command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "workbench", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_for_server(self) -> None:
        for _ in range(1_200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self.server.poll() is None, (self.home / "log.txt").read_text()
            time.sleep(0.05)
        raise TimeoutError("The server does not listen.")

    @property
    def memory(self) -> float:
        """Of the server's process, in MB."""
        return psutil.Process(self.server.pid).memory_info().rss / 1e6

    @property
    def processor(self) -> float:
        """CPU seconds of the server's process so far."""
        return sum(psutil.Process(self.server.pid).cpu_times()[:2])

    def said(self) -> dict[int, float]:
        """When the worker handed over each step."""
        lines = [line.split() for line in self.notes.read_text().splitlines()]
        return {int(line[0]): float(line[1]) for line in lines if len(line) == 2}

    def close(self) -> None:
        for name in self.trained:
            with contextlib.suppress(Exception):
                self.store.open(name).stop()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Classroom:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Measured:
    """Times in seconds, memory in MB."""

    sessions: int
    openings: np.ndarray
    latencies: np.ndarray
    missed: int
    updates: int
    lost: int
    memory: float
    core: float
    received: float

    def __str__(self) -> str:
        def words(times: np.ndarray) -> str:
            p50, p95 = np.percentile(times, [50, 95])
            return f"p50 {1e3 * p50:.0f}, p95 {1e3 * p95:.0f}, max {1e3 * times.max():.0f} ms"

        return (
            f"{self.sessions} sessions\n  openings   {words(self.openings)}\n  updates    {words(self.latencies)}; "
            f"{self.missed} of {self.updates} not seen, {self.lost} sessions lost\n  "
            f"server     {self.memory:.2f} MB per session, {100 * self.core:.0f} % of a core, "
            f"{self.received:.1f} kB per session and second"
        )


async def attend(room: Classroom, sessions: int, seconds: float, path: str = "", within: float = 2.0) -> Measured:
    """Let so many clients come within some seconds, follow the run, and leave.

    An update counts as missed when a client never got it and it was older than a second at the end.
    """
    warm = [Client(room.url) for _ in range(3)]
    for client in warm:
        await client.open(path)
    listening = [asyncio.create_task(client.follow()) for client in warm]
    await asyncio.sleep(2.0)
    before = room.memory
    clients = [Client(room.url) for _ in range(sessions)]

    async def come(number: int, client: Client) -> None:
        await asyncio.sleep(number * within / sessions)
        await client.open(path)
        listening.append(asyncio.create_task(client.follow()))

    await asyncio.gather(*(come(number, client) for number, client in enumerate(clients)))
    await asyncio.sleep(3.0)
    begin, cpu, wall, bytes_ = time.time(), room.processor, time.monotonic(), sum(client.received for client in clients)
    await asyncio.sleep(seconds)
    end, wall = time.time() - 1.0, time.monotonic() - wall
    core, bytes_ = (room.processor - cpu) / wall, sum(client.received for client in clients) - bytes_
    said = {step: at for step, at in room.said().items() if begin <= at <= end}
    latencies = [client.seen[step] - at for client in clients for step, at in said.items() if step in client.seen]
    memory = (room.memory - before) / sessions
    lost = sum(client.lost for client in clients)
    for task in listening:
        task.cancel()
    for client in [*warm, *clients]:
        client.socket.close()
    return Measured(
        sessions, np.array([client.opened for client in clients]), np.array(latencies), len(said) * sessions - len(latencies),
        len(said) * sessions, lost, memory, core, bytes_ / 1e3 / sessions / wall,
    )  # fmt: skip


WATCH = """
window.drawn = []
document.addEventListener("workbench:drawn", (event) => {
  const path = event.composedPath()
  if (path.find((e) => e.dataset?.figure)?.dataset.figure === "losses")
    drawn.push([Math.max(...path[0].data.map((curve) => Math.max(0, ...curve.x))), performance.timeOrigin + performance.now()])
})
"""


def screen(room: Classroom, seconds: float, path: str = "") -> np.ndarray:
    """Seconds from the worker's report to the figure drawn in a real Chromium, for every update."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.add_init_script(WATCH)
        page.context.request.get(f"{room.url}?token={KEY}", max_redirects=0)
        page.goto(room.url + path)
        while not page.evaluate("drawn.length > 3"):  # Playwright's own waiting is forbidden by the page's policy
            page.wait_for_timeout(100)
        page.wait_for_timeout(2_000)
        page.evaluate("drawn.length = 0")
        begin = time.time()
        page.wait_for_timeout(1_000 * seconds)
        drawn = {int(step): at / 1e3 for step, at in reversed(page.evaluate("drawn"))}
        browser.close()
    said = [(step, at) for step, at in room.said().items() if begin <= at <= begin + seconds - 1]
    print(f"{sum(step in drawn for step, _ in said)} of {len(said)} updates were drawn")
    return np.array([drawn[step] - at for step, at in said if step in drawn])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sessions", type=int, default=40)
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--rate", type=float, default=1.0, help="updates a second")
    arguments.add_argument("--trainings", type=int, default=2)
    arguments.add_argument("--screen", action="store_true", help="one page in a real Chromium instead")
    arguments.add_argument("--produce", nargs=4, help=argparse.SUPPRESS)
    record_option(arguments)
    options = arguments.parse_args()
    if options.produce:
        folder, template, rate, notes = options.produce
        return produce(Path(folder), Path(template), float(rate), Path(notes))
    with recorded(options.record), Classroom(rate=options.rate, trainings=options.trainings) as room:
        path = f"?run={room.run.id}"
        if options.screen:
            latencies = screen(room, options.seconds, path)
            p50, p95 = 1e3 * np.percentile(latencies, [50, 95])
            print(f"worker to screen: p50 {p50:.0f}, p95 {p95:.0f}, max {1e3 * latencies.max():.0f} ms ({len(latencies)} updates)")
        else:
            print(asyncio.run(attend(room, options.sessions, options.seconds, path)))


if __name__ == "__main__":
    main()
