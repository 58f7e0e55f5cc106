"""Bodies, messages and connections: bounded for everybody, ended where nothing is said, and no answer ends the server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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


CHUNK = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"  # a million bytes, as a body of unknown length is sent


def poured(port: int, head: str, most: int = 95) -> bytes:
    """What the server answers to a request whose body, a million bytes at a time, never ends; b"" where it only hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        stream.sendall(head.encode() + b"\r\n\r\n")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(most):
                stream.sendall(CHUNK)
            return b"it took them all"
        with contextlib.suppress(ConnectionResetError):
            return stream.recv(100)
        return b""


def peak(server: Server) -> float:
    """The most memory that a server has had [MB]."""
    return int(re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())[1]) / 1e3


def test_a_body_of_unknown_length_is_bounded_wherever_it_is_sent_and_takes_no_memory(tmp_path):
    """In chunks nobody says beforehand how many there will be; eight students at once send 95 MB each to every address."""
    server = Server(tmp_path, *SILENT)
    try:
        students = [Browser.inside(server.port, CLASS) for _ in range(8)]
        for student in students:
            assert student.ask("/amplitudes").status == 200
        assert students[0].ask("/figure.nc", "POST", b"no figure").status == 400  # with all that is imported for it
        before = peak(server)
        for path in ("/alive", "/", "/generators", "/code.svg", "/follow", "/figure.nc", "/upload?name=x.h5&kind=ring", "/nowhere"):
            for badge in (True, False):
                heads = [
                    f"POST {path} HTTP/1.1\r\nHost: {each.host}\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked"
                    + ("\r\nCookie: " + "; ".join(f"{name}={value}" for name, value in each.cookies.items()) if badge else "")
                    for each in students
                ]
                with ThreadPoolExecutor(len(heads)) as pool:
                    for answer in pool.map(lambda head: poured(server.port, head), heads):
                        assert answer == b"" or b"300" < answer.split()[1] < b"500", (path, answer)
        assert students[0].ask("/alive").text == "alive" and peak(server) < before + 8 * 4 + 30
        assert not list(tmp_path.glob("**/.part-*"))
    finally:
        server.process.terminate()
        server.process.wait(10)
    assert "Traceback" not in server.said, server.said


def test_what_is_uploaded_is_bounded_by_what_was_promised(classroom):
    """The real server's own address for files: a length beforehand, at most 200 MB, and not a byte more than was said."""
    port, home = classroom
    student = Browser.inside(port, CLASS)
    badge = "; ".join(f"{name}={value}" for name, value in student.cookies.items())
    head = (
        f"POST /upload?name=x.csv&kind=ring HTTP/1.1\r\nHost: {student.host}\r\nCookie: {badge}\r\nContent-Type: application/octet-stream"
    )
    for said, sentence in (
        ("Content-Length: 300000000", b"At most 200,000,000 bytes can be sent here."),
        ("Content-Length: 99999999999999", b"At most 200,000,000 bytes can be sent here."),
        ("X-None: 0", b"The length of the file is needed beforehand."),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
            stream.sendall(f"{head}\r\n{said}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n".encode())
            assert sentence in b"".join(iter(lambda stream=stream: stream.recv(65_536), b"")), said
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:  # what follows is another request, and none of ours
        stream.sendall(f"{head}\r\nContent-Length: 8\r\n\r\n".encode() + b"x,y\n1,2\n" + b"3,4\n" * 1_000)
        stream.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: stream.recv(65_536), b""))
    assert answer.split()[1] == b"422" and answer.count(b"HTTP/1.1 200") == 0
    assert not list((home / "uploads").iterdir())


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
        before = peak(server)
        assert asyncio.run(asyncio.wait_for(fill(), 120)) == 1009
        assert student.ask("/amplitudes").status == 200 and peak(server) < before + 30
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


# A server that finds no handle from one signal on, until it gets another, and that says how often it found none.
SPENT = """
import os, resource, signal
from workbench.studios.server import lobby, server
told, lobby.AGAIN = lobby.Lobby._complain, 0.2
server._warm_up = lambda gate: None  # pages that are opened for the first time need handles

def complain(self, problem):
    print("no handle", flush=True)
    told(self, problem)

def spend(*_):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

def have(*_):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

lobby.Lobby._complain = complain
signal.signal(signal.SIGUSR2, spend), signal.signal(signal.SIGHUP, have)
"""


def test_a_server_without_handles_says_so_once_and_comes_back(tmp_path):
    """Whoever has a badge may hold connections too; when there is no handle left at all, nothing is repeated in the log."""
    server = Server(tmp_path, *SILENT, first=SPENT)
    try:
        student = Browser.inside(server.port, CLASS)
        assert student.ask("/amplitudes").status == 200
        server.process.send_signal(signal.SIGUSR2)
        with contextlib.ExitStack() as held:
            for _ in range(20):
                held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            end = time.monotonic() + 60
            while server.said.count("no handle") < 5:
                assert server.process.poll() is None and time.monotonic() < end, server.said
                time.sleep(0.05)
        server.process.send_signal(signal.SIGHUP)
        assert student.ask("/amplitudes", timeout=60).status == 200 and Browser(server.port).ask(f"/?token={CLASS}").status == 303
    finally:
        server.process.terminate()
        server.process.wait(10)
    assert server.said.count("No connection can be accepted now (Too many open files)") == 1 and "Traceback" not in server.said


def test_without_handles_nothing_is_accepted_until_the_rest_is_over():
    """Between two looks the server does other things: it is not told again and again that somebody waits."""
    from tornado.httpclient import AsyncHTTPClient
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.netutil import bind_sockets
    from tornado.web import Application

    from workbench.studios.server import lobby

    refused: list[float] = []

    class Spent:
        """A listening socket that finds no handle, three times."""

        def __init__(self, real):
            self.real = real

        def accept(self):
            if len(refused) < 3:
                refused.append(time.monotonic())
                raise OSError(24, "Too many open files")
            return self.real.accept()

        def fileno(self):
            return self.real.fileno()

    async def scene():
        server = HTTPServer(Application())
        listening = bind_sockets(0, "127.0.0.1")
        server.add_sockets(listening)
        server._sockets = {handle: Spent(each) for handle, each in server._sockets.items()}
        lobby.Lobby(server).take_over(IOLoop.current().asyncio_loop)
        port = listening[0].getsockname()[1]
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/", raise_error=False)
        assert answer.code == 404

    IOLoop(make_current=False).run_sync(scene)
    assert len(refused) == 3 and min(later - before for before, later in itertools.pairwise(refused)) > 0.9 * lobby.AGAIN
