"""Bodies, messages and connections: bounded for everybody, ended where nothing is said, and no answer ends the server."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_door import CLASS, Browser
from test_gate import SILENT, served
from test_served import Server
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from workbench.studios.server.lobby import EACH

classroom = served(*SILENT, "--origin", "https://hub.example.org")


def test_a_body_is_bounded_wherever_it_is_sent(classroom):
    port, _ = classroom
    student = Browser.inside(port, CLASS)
    for path in ("/alive", "/", "/generators", "/code.svg", "/follow", "/figure.nc"):
        badge = "; ".join(f"{name}={value}" for name, value in student.cookies.items())
        request = f"POST {path} HTTP/1.1\r\nHost: {student.host}\r\nContent-Length: 95000000\r\nCookie: {badge}"
        with socket.create_connection(("127.0.0.1", port)) as stream:
            stream.settimeout(20)
            stream.sendall(request.encode() + b"\r\n\r\n" + b"x" * 1_000)
            assert stream.recv(100).split()[1] in (b"413", b"400"), path


def test_silent_connections_end_and_one_with_a_badge_may_rest(tmp_path):
    server = Server(tmp_path, *SILENT, first="from workbench.studios.server import lobby; lobby.SILENCE = 1.0\n")
    try:
        student = Browser.inside(server.port, CLASS)
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        kept.request("GET", "/alive", headers={"Cookie": "; ".join(f"{name}={value}" for name, value in student.cookies.items())})
        assert kept.getresponse().read() == b"alive"
        half = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf"
        for said in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n", half):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as silent:
                silent.sendall(said)
                while silent.recv(100_000):
                    pass  # ended by the server, or this waits until its timeout
        time.sleep(1.5)
        kept.request("GET", "/alive", headers={"Cookie": "; ".join(f"{name}={value}" for name, value in student.cookies.items())})
        assert kept.getresponse().read() == b"alive"
    finally:
        server.process.terminate()
        server.process.wait(10)
    assert "Traceback" not in server.said


def test_one_browser_holds_a_bounded_number_of_connections(classroom):
    port, _ = classroom
    student, held = Browser.inside(port, CLASS), []
    badge = {"Cookie": "; ".join(f"{name}={value}" for name, value in student.cookies.items())}
    for _ in range(EACH + 20):
        held.append(http.client.HTTPConnection("127.0.0.1", port, timeout=30))
        held[-1].request("GET", "/alive", headers=badge)
        assert held[-1].getresponse().read() == b"alive"
    ended = 0
    for each in held:
        each.sock.settimeout(0.05)
        try:
            ended += each.sock.recv(1) == b""
        except TimeoutError:
            pass
        each.close()
    assert 20 <= ended <= 22


def test_an_answer_that_wants_to_end_the_server_does_not(tmp_path):
    leave = "import sys\nfrom workbench.studios.server import server\nserver.Alive.get = lambda self: sys.exit(2)\n"
    server = Server(tmp_path, *SILENT, first=leave)
    try:
        student = Browser.inside(server.port, CLASS)
        with pytest.raises((http.client.HTTPException, OSError)):
            student.ask("/alive", timeout=3)
        assert student.ask("/amplitudes").status == 200 and server.process.poll() is None
        assert "wanted to end the server" in server.said
    finally:
        server.process.terminate()
        server.process.wait(10)


def test_a_message_with_all_its_buffers_is_bounded(tmp_path):
    """A page may send 4 MB in one message; where a header promises a thousand buffers the server ends the line and keeps nothing."""
    server = Server(tmp_path, *SILENT)
    student = Browser.inside(server.port, CLASS)
    page = student.page()
    headers = {"Origin": f"http://{student.host}", "Cookie": "; ".join(f"{name}={value}" for name, value in student.cookies.items())}

    def peak() -> float:
        """The most memory that the server has had [MB]."""
        return int(re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())[1]) / 1e3

    async def send(line) -> None:
        for part in ({"msgid": "1", "msgtype": "PATCH-DOC", "num_buffers": 1_000}, {}, {"events": []}):
            await line.write_message(json.dumps(part))
        for number in range(100):
            await line.write_message(json.dumps({"id": str(number)}))
            await line.write_message(b"x" * 1_000_000, binary=True)

    async def fill() -> int | None:
        """Whatever the server has been sent by then, with what it ended the line."""
        line = await websocket_connect(HTTPRequest(f"ws://{student.host}/amplitudes/ws", headers=headers), subprotocols=["bokeh", page])
        assert "ACK" in await line.read_message()
        sending = asyncio.create_task(send(line))
        while await line.read_message() is not None:
            pass
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return line.close_code

    try:
        before = peak()
        assert asyncio.run(asyncio.wait_for(fill(), 120)) == 1009
        assert student.ask("/amplitudes").status == 200 and peak() < before + 30
    finally:
        server.process.terminate()
        server.process.wait(10)


def test_a_thousand_silent_connections_leave_the_page_to_others(tmp_path):
    """With 1,024 handles, as many are opened from this address; they are ended, oldest first, and the log stays short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2_048:
        pytest.skip(f"{hard} open files are too few for the connections of this test")
    command = f"ulimit -n 1024; exec {sys.executable} -m workbench --no-browser --port $PORT {' '.join(SILENT)}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log.txt"
    with log.open("w") as said:
        process = subprocess.Popen(
            ["sh", "-c", command], env=os.environ | {"WORKBENCH_HOME": str(tmp_path), "PORT": str(port)}, stdout=said, stderr=said
        )
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else 4_096, hard))
        end = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        student = Browser.inside(port, CLASS)
        for _ in range(1_024):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=20))
        assert student.ask("/amplitudes").status == 200
        assert Browser(port).ask(f"/?token={CLASS}").status == 303
        assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < 400
        assert log.read_text().count("\n") < 20
    finally:
        for each in held:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        process.terminate()
        process.wait(10)


def test_a_server_without_handles_says_so_once_and_comes_back(tmp_path):
    """Whoever has a badge may hold connections too; when there is no handle left at all, nothing is repeated in the log."""
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.netutil import bind_sockets
    from tornado.web import Application

    from workbench.studios.server import lobby

    class Spent:
        """A listening socket that finds no handle, twice."""

        def __init__(self, real):
            self.real, self.refused = real, 2

        def accept(self):
            if self.refused:
                self.refused -= 1
                raise OSError(24, "Too many open files")
            return self.real.accept()

        def fileno(self):
            return self.real.fileno()

    said = []

    async def scene():
        server = HTTPServer(Application())
        listening = bind_sockets(0, "127.0.0.1")
        server.add_sockets(listening)
        server._sockets = {handle: Spent(each) for handle, each in server._sockets.items()}
        hall = lobby.Lobby(server)
        hall._complain = said.append
        hall.take_over(IOLoop.current().asyncio_loop)
        port = listening[0].getsockname()[1]
        from tornado.httpclient import AsyncHTTPClient

        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/", raise_error=False)
        assert answer.code == 404

    IOLoop(make_current=False).run_sync(scene)
    assert len(said) == 2
