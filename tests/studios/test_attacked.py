"""What held under attack by hand, played again on a real server: runs of others, floods, frames, figures, halves of requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from test_all_at_once import Page
from test_bounds import peak
from test_door import CLASS, LECTURER, Browser
from test_served import Server, speak
from tornado.websocket import WebSocketClosedError

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import pack
from workbench.runs.store import RunStore
from workbench.studios.server.house import Guest, House

SILENT = ("--token", CLASS, "--lecturer-token", LECTURER)
RECIPE = AmplitudeRecipe(events=1_000, test_events=1_000, hidden=[16], steps=1_000_000, draws=4)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("home"), *SILENT, "--pages", "100")
    yield server
    server.process.terminate()
    server.process.wait(10)
    assert "Traceback" not in server.said, server.said


def badge(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def name_of(browser: Browser) -> str:
    return next(iter(browser.cookies.values())).split(".")[0]


# Runs of another student


class Stranger(Page):
    """A student's page that also says of itself whatever it likes."""

    def __init__(self, server: Server, browser: Browser, says: dict[str, str]):
        super().__init__(server, CLASS, "203.0.113.9")
        self.browser, self.says = browser, says

    def fetch(self, path: str) -> str:
        answer = self.browser.ask(f"/{path}", X_Forwarded_For=self.address, **self.says)
        assert answer.status == 200, answer.text
        self.cookies = self.browser.cookies
        return answer.text

    async def told(self) -> str:
        """All that the server has said by the time that it has heard everything."""
        said = []
        for _ in range(20):  # what takes a while is done on other threads, and said when it is done
            await self.send("SERVER-INFO-REQ")
            while (found := await self.message())[0]["msgtype"] != "SERVER-INFO-REPLY":
                said.append(json.dumps(found[:2]))
            await asyncio.sleep(0.05)
        return "".join(said)


def messages(run: str):
    """What a page can say of the run that it shows, or of one by its id; each as (part, message)."""
    for action in ("pause", "stop", "step", "continue", "resume", "change"):
        yield "Bar", {"action": action}
    for key in ("space", "right", "r"):
        yield "Frame", {"key": key}
    yield "Frame", {"waiting": "stop"}
    for name in (run, f"../runs/{run}", f"/{run}", [run], {"id": run}, run.upper(), f"{run}\0"):
        for part in ("RunTable", "Frame"):
            yield part, {"delete": name}
    for name in (f"../{run}", [run], "../../etc/passwd", f"{run}/../{run}"):
        yield "RunTable", {"open": name}
        yield "RunTable", {"compare": name, "on": True}
    yield "Frame", {"lead": True}
    yield "Frame", {"tell": "stop"}


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_run_of_another_student_stays_as_it_is_whatever_is_said_over_a_websocket(server, state):
    """Also by somebody whose browser claims in a header to be the other one, or the lecturer."""
    store = RunStore(server.home / "runs")
    ann, ben = Browser.inside(server.port, CLASS), Browser.inside(server.port, CLASS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(server.home))
        run = Guest(House(), name_of(ann), False).launch(RECIPE.replace(seed=len(state)), store)
        end = time.monotonic() + 90
        while not run.status.step:
            assert run.status.live and time.monotonic() < end, run.status
            time.sleep(0.05)
    if state == "stopped":
        run.stop()
    before, files = run.status, {path.name: path.read_bytes() for path in (run.path / "control.json", run.path / "recipe.json")}

    async def scene(says: dict[str, str]) -> str:
        page = Stranger(server, ben, says)
        await page.open(f"?run={run.id}")
        for part, message in messages(run.id):
            await page.press(part, **message)
        said = await page.told()
        page.socket.close()
        return said

    claims = ({}, {"X_Workbench_Guest": f"{name_of(ann)} student"}, {"X_Workbench_Guest": f"{name_of(ben)} lecturer"})
    try:
        for says in claims:
            assert "started by somebody else" in asyncio.run(scene(says))
        after = run.status
        assert (after.state, after.pid, after.attempt) == (before.state, before.pid, before.attempt)
        assert after.step >= before.step and (state != "running" or run.alive())
        assert files == {name: (run.path / name).read_bytes() for name in files}
        assert Guest(House(), name_of(ann), False).no_change(run) == "", "and it is still hers"
    finally:
        for each in store.runs():  # also what he trains himself when the key for it is pressed
            each.stop()


# Floods and halves


def test_others_are_answered_while_one_page_floods_the_server_with_messages(server):
    """Twenty answers to somebody else come before the server has heard all of a thousand messages of one page, or has given it up: a page
    that says so much that no sign of life gets through counts as lost."""
    order = []

    async def flood() -> None:
        page = Page(server, CLASS, "203.0.113.9")
        await page.open("amplitudes")
        with contextlib.suppress(ConnectionResetError, WebSocketClosedError):
            for number in range(1_000):
                await page.press("Frame", tab=("training", "accuracy", "runs")[number % 3])
                if number == 100:
                    begun.set()
            await page.send("SERVER-INFO-REQ")
            while (await page.message())[0]["msgtype"] != "SERVER-INFO-REPLY":
                pass
        order.append("flood")
        page.socket.close()

    def ask() -> None:
        other = Browser.inside(server.port, CLASS)
        for _ in range(20):
            assert other.ask("/alive", timeout=120).text == "alive"
        order.append("other")

    async def scene() -> None:
        flooding = asyncio.create_task(flood())
        await begun.wait()
        await asyncio.to_thread(ask)
        await flooding

    begun = asyncio.Event()
    asyncio.run(asyncio.wait_for(scene(), 300))
    assert order == ["other", "flood"]


HALVES = [
    b"GET / HT", b"GET /alive HTTP/1.1\r\nHost: x\r\nX-A: ", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf",
    b"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b"\x16\x03\x01\x02",
]  # fmt: skip


def test_five_hundred_halves_of_requests_leave_the_pages_to_others(server):
    """Those of one source that are too many are ended, and whoever asks meanwhile is answered."""
    student = Browser.inside(server.port, CLASS)
    with contextlib.ExitStack() as held:
        for number in range(500):
            half = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            with contextlib.suppress(OSError):
                half.sendall(HALVES[number % len(HALVES)])
        for path in ("/alive", "/amplitudes", "/generators"):
            assert student.ask(path, timeout=60).status == 200
        assert Browser(server.port).ask(f"/?token={CLASS}", timeout=60).status == 303
        assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < 300


# Frames


def patch(*events) -> list:
    return [json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"}), "{}", json.dumps({"events": list(events)})]


def changed(model: str, attribute: str, value) -> list:
    return patch({"kind": "ModelChanged", "model": {"id": model}, "attr": attribute, "new": value, "hint": None})


def array(shape) -> dict:
    data = {"type": "bytes", "data": "AAAA"}
    return {"type": "ndarray", "array": data, "shape": shape, "dtype": "float64", "order": "little"}


ROOT = {"kind": "RootAdded", "model": {"type": "object", "name": "Div", "id": "p9999", "attributes": {"text": "<script>1</script>"}}}
DEEP = '{"events": ' + "[" * 200_000 + "]" * 200_000 + "}"
FRAMES = {
    "a text of 3 MB": ["x" * 3_000_000, "{}", "{}"],
    "3 MB of bytes": [b"x" * 3_000_000, b"", b""],
    "a page of 3 MB": patch({"kind": "ModelChanged", "model": {"id": "p1001"}, "attr": "tags", "new": ["x" * 3_000_000]}),
    "deep JSON": [json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"}), "{}", DEEP],
    "no JSON": [json.dumps({"msgid": "1", "msgtype": "PATCH-DOC"}), "{}", "{"],
    "an unknown type": [json.dumps({"msgid": "1", "msgtype": "SHUTDOWN"}), "{}", "{}"],
    "an array of 10^12": changed("p1001", "tags", [array([10**12])]),
    "an array of 10^6 x 10^6": changed("p1001", "tags", [array([10**6, 10**6])]),
    "a negative array": changed("p1001", "tags", [array([-1])]),
    "10^9 buffers": [json.dumps({"msgid": "1", "msgtype": "PATCH-DOC", "num_buffers": 10**9}), "{}", "{}", '{"id": "a"}', b"x"],
    "a root of its own": patch(ROOT),
    "no root of ours": patch({"kind": "RootRemoved", "model": {"id": "p1001"}}),
    "a title": patch({"kind": "TitleChanged", "title": "<script>1</script>"}),
    "a document": [
        json.dumps({"msgid": "1", "msgtype": "PUSH-DOC"}),
        "{}",
        json.dumps({"doc": {"roots": [ROOT["model"]], "version": "3"}}),
    ],
    "a range too long": changed("p1001", "tags", [{"type": "range", "start": 0, "stop": 10**12}]),
    "a slice, a set, a map": changed(
        "p1001", "tags", [{"type": "slice"}, {"type": "set", "entries": [[]]}, {"type": "map", "entries": [[1]]}]
    ),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_a_crafted_message_takes_no_memory_and_leaves_no_traceback(server, kind):
    """A page of somebody else goes on, whatever one page says."""
    student = Browser.inside(server.port, CLASS)
    student.ask("/amplitudes")
    before, most = server.modules(), peak(server)
    asyncio.run(speak(student, [FRAMES[kind]]))
    assert server.modules() == before and peak(server) < most + 80
    assert Browser.inside(server.port, CLASS).ask("/amplitudes").status == 200 and server.process.poll() is None
    assert "Traceback" not in server.said


# Figures and links that are sent back


def frame(header: object, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<II", len(text), zlib.crc32(text + content)) + text + content


def curves(number: int, **more) -> bytes:
    return pack({"data": [{"x": [1.0], "y": [2.0], "type": "scatter"} | more for _ in range(number)], "layout": {}})


CRAFTED = {
    "nothing": b"",
    "a length beyond the end": struct.pack("<II", 2**32 - 1, 0) + b"{}",
    "deep JSON": frame(b"[" * 100_000),
    "an array of 10^12": frame({"data": [{"x": {"$": [0, 10**12, "f8", 0]}, "y": [1]}], "layout": {}}),
    "an array before the beginning": frame({"data": [{"x": {"$": [-8, 1, "f8", 0]}}], "layout": {}}, b"\0" * 64),
    "an array of objects": frame({"data": [{"x": {"$": [0, 1, "O", 0]}}], "layout": {}}, b"\0" * 64),
    "columns of nothing": frame({"data": [{"x": {"$": [0, 1, "f8", -7]}}], "layout": {}}, b"\0" * 64),
    "no layout": frame({"data": []}),
    "no list": frame({"data": 7, "layout": []}),
    "a name that is a path": curves(2, name="../../etc/passwd\0/x", legendgroup=["a"]),
}


@pytest.mark.parametrize("kind", CRAFTED)
def test_a_crafted_figure_is_a_sentence_or_a_file(server, kind):
    answer = Browser.inside(server.port, CLASS).ask("/figure.nc", "POST", CRAFTED[kind])
    assert (answer.status == 400 and re.fullmatch(r"These [\d,]+ bytes are not a figure of ours\.", answer.text)) or answer.status == 200
    assert "Traceback" not in server.said and server.process.poll() is None


def test_a_figure_of_sixty_thousand_curves_is_read_or_refused_and_others_are_answered(server):
    student, data = Browser.inside(server.port, CLASS), curves(60_000)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(student.ask, "/figure.nc", "POST", data, 120)
        assert Browser.inside(server.port, CLASS).ask("/alive", timeout=120).text == "alive"
        assert asked.result().status in (200, 400, 413), len(data)
    assert server.process.poll() is None and "Traceback" not in server.said


@pytest.mark.parametrize(
    "link", ["x" * 1_801, "", "%00", "%ff%fe", quote("\U0001f4a5" * 400), quote("<script>alert(1)</script>"), "a" * 1_800]
)
def test_a_crafted_link_is_a_code_or_a_sentence(server, link):
    answer = Browser.inside(server.port, CLASS).ask(f"/code.svg?link={link}")
    if answer.status == 200:
        assert answer.text.startswith("<svg") and "script" not in answer.text
    else:
        assert answer.status == 400 and ("has no code; at most 1,800" in answer.text or "holds bytes that are no text" in answer.text)


# However the server ends, trainings go on


def test_a_training_goes_on_however_the_server_ends_and_the_next_one_may_stop_it(tmp_path):
    """By four signals, and by the end of whoever read its output; one training outlives five servers."""
    store, runs = RunStore(tmp_path / "runs"), []

    def trains_on(steps: int = 50) -> None:
        before, end = runs[0].status.step, time.monotonic() + 60
        while runs[0].status.step <= before + steps:
            assert time.monotonic() < end and runs[0].status.state == "running", runs[0].status
            time.sleep(0.05)
        assert runs[0].status.attempt == 1

    with asyncio.Runner() as runner:

        def press(server: Server, query: str, action: str) -> None:
            page = Page(server, LECTURER, "203.0.113.1")
            runner.run(page.open(query))
            runner.run(page.press("Bar", action=action))
            end = time.monotonic() + 90
            while not (store.runs() if action == "train" else runs[0].status.state == "stopped"):
                assert time.monotonic() < end and server.process.poll() is None, server.said
                time.sleep(0.05)
            page.socket.close()

        server = Server(tmp_path, *SILENT, first=TALKS)
        try:
            press(server, "?steps=10000000&hidden=16&events=1000&test_events=1000", "train")
            runs = store.runs()
            end = time.monotonic() + 90
            while not (now := runs[0].status).step:
                assert time.monotonic() < end and (now.live or now.message == "Not started yet."), now
                time.sleep(0.05)
            server.process.send_signal(signal.SIGUSR2)  # it loses its output, and then has much to say
            for _ in range(3):
                assert Browser.inside(server.port, LECTURER).ask("/amplitudes").status == 200
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL):
                server.process.send_signal(number)
                server.process.wait(60)
                trains_on()
                server = Server(tmp_path, *SILENT)
            trains_on()
            press(server, f"?run={runs[0].id}", "stop")
        finally:
            server.process.terminate()
            server.process.wait(60)
            for run in store.runs():
                run.stop()
    assert len(store.runs()) == 1


# A server whose output nobody reads any more, from one signal on, and that then speaks.
TALKS = """
import os, signal

def close(*_):
    reading, writing = os.pipe()
    os.close(reading)
    os.dup2(writing, 1), os.dup2(writing, 2), os.close(writing)
    import logging, warnings
    for _ in range(100):
        logging.getLogger("workbench.pages").error("x" * 1_000)
        try:
            print("x" * 1_000, flush=True)
        except OSError:
            pass

signal.signal(signal.SIGUSR2, close)
"""
