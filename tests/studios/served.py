"""A page server in a process of its own, whose sessions end as soon as a test wants, and which tells what lives in it; and its visitors."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import classroom
from classroom import Client

from workbench.runs.run import Run
from workbench.runs.store import EXAMPLES, RunStore

SERVE = """
import collections, gc, json, secrets, sys, threading, psutil
from bokeh.document import Document
from bokeh.server.session import ServerSession
from workbench.studios.server import pulse, server
from workbench.studios.server.door import Door
from workbench.studios.pages.parts import Part
from workbench.studios.live.plot_view import PlotView
from workbench.studios.pages.session import Session

built = server.build(0, "127.0.0.1", None, door=Door("127.0.0.1", 0, token="class-token-1", lecturer="lecturer-token-1"))
built._tornado._unused_session_lifetime_milliseconds = 1_000 * float(sys.argv[1])
built._tornado.settings.update(websocket_ping_interval=float(sys.argv[2]), websocket_ping_timeout=float(sys.argv[2]))
gate = built.gate

def memory():
    for _ in range(3):
        gc.collect()
    return psutil.Process().memory_info().rss / 1e6

def census():
    told = {"memory": memory()}
    kinds = {"pages": Session, "parts": Part, "figures": PlotView, "looks": pulse.Look, "sessions": ServerSession, "documents": Document}
    alive = gc.get_objects()
    told |= {name: sum(isinstance(one, kind) for one in alive) for name, kind in kinds.items()}
    return told | {"listed": len(pulse.PULSE.looks), "shortest": pulse.PULSE.shortest}

def listen():
    for line in sys.stdin:
        asked = {"census": census, "memory": memory}[line.strip()]
        built.io_loop.add_callback(lambda asked=asked: print(json.dumps(asked()), flush=True))
    built.io_loop.add_callback(built.io_loop.stop)

threading.Thread(target=listen, daemon=True).start()
built.start()
server._be_quiet()
badges = [gate.badges.issue(secrets.token_hex(16), "lecturer") for _ in range(100)]
print(json.dumps({"port": gate.door.port, "cookie": gate.door.cookie, "badges": badges}), flush=True)
built.io_loop.start()
"""


class Served:
    """*Arguments*: home, an empty folder; life, seconds that a session lives without a browser; lost, seconds between two pings."""

    def __init__(self, home: Path, life: float = 1.0, lost: float = 30.0):
        self.home, self.count = home, 0
        self.environment = os.environ | {"WORKBENCH_HOME": str(home)}
        self.environment.pop("WORKBENCH_RUNS", None)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(life), str(lost)], env=self.environment, stdin=pipe, stdout=pipe, text=True
        )
        told = self._answer()
        self.url, self.cookie, self.badges = f"http://127.0.0.1:{told['port']}/", told["cookie"], told["badges"]

    def _answer(self, question: str = "") -> Any:
        if question:
            self.process.stdin.write(f"{question}\n")
            self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def census(self) -> dict[str, float]:
        """What is alive: how many of each kind, how often pages look [s], memory [MB]. Not while a run is read: a tuple that a thread
        just makes can then not be completed."""
        return self._answer("census")

    def memory(self) -> float:
        """Of the server's process, in MB."""
        return self._answer("memory")

    def visitor(self) -> Client:
        """A browser that has come in, each time another one."""
        client, self.count = Client(self.url), self.count + 1
        client.cookies[self.cookie] = self.badges[self.count % len(self.badges)]
        return client

    def lecture(self, client: Client, seconds: float = 20) -> str:
        """The lecture to which the audience is led, as soon as one is on."""
        cookies, end = "; ".join(f"{name}={value}" for name, value in client.cookies.items()), time.monotonic() + seconds
        while time.monotonic() < end:
            connection = http.client.HTTPConnection(self.url.split("/")[2])
            connection.request("GET", "/follow", headers={"Cookie": cookies})
            place = connection.getresponse().headers["Location"] or ""
            connection.close()
            if "follow=" in place:
                return place.split("follow=")[1]
            time.sleep(0.1)
        raise TimeoutError("No lecture is on.")

    async def come_and_go(self, times: int) -> None:
        """Pages that are closed again, one after the other: after a look, at once, reloaded, or fetched without ever being opened."""
        for number in range(times):
            client, path = self.visitor(), ("amplitudes", "amplitudes?tab=accuracy", "generators", "basics?tab=runs")[number % 4]
            if number % 5 == 4:
                await asyncio.get_running_loop().run_in_executor(None, client.fetch, path)
                continue
            await client.open(path)
            if number % 5 == 3:
                await asyncio.sleep(0.1)
            client.socket.close()

    @contextlib.contextmanager
    def training(self, rate: float):
        """A run that the real worker writes, with something new to say `rate` times a second."""
        run, notes = RunStore(self.home / "runs").create(classroom.FOLLOWED), self.home / "notes"
        template = next(path for path in sorted(EXAMPLES.iterdir()) if (path / "recipe.json").exists() and like(Run(path), run))
        words = [classroom.__file__, "--produce", str(run.path), str(template), str(rate), str(notes)]
        process = subprocess.Popen([sys.executable, *words], env=self.environment, stdout=subprocess.DEVNULL)
        try:
            while not notes.exists():
                assert process.poll() is None
                time.sleep(0.1)
            yield run
        finally:
            process.kill()
            process.wait()

    async def watch(self, pages: int, path: str, seconds: float) -> list[int]:
        """How many updates each of so many open pages gets."""
        clients = [self.visitor() for _ in range(pages)]
        for client in clients:
            await client.open(path)
        following = [asyncio.create_task(client.follow()) for client in clients]
        await asyncio.sleep(1.0)
        before = [len(client.seen) for client in clients]
        await asyncio.sleep(seconds)
        for task, client in zip(following, clients, strict=True):
            task.cancel()
            client.socket.close()
        return [len(client.seen) - count for client, count in zip(clients, before, strict=True)]

    def left(self, seconds: float = 30) -> dict[str, float]:
        """The census once all sessions have ended, and the server has noticed."""
        end = time.monotonic() + seconds
        while ((told := self.census())["sessions"] or told["listed"]) and time.monotonic() < end:
            time.sleep(0.5)
        time.sleep(2.5)  # a second later it gives their memory back
        return self.census()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def like(one: Run, other: Run) -> bool:
    """Whether two runs learn the same kind of thing."""
    return type(one.recipe) is type(other.recipe)
