"""Only what is ours is served: thousands of addresses and of messages that no page sends, as stranger, student and lecturer."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from test_door import CLASS, LECTURER, Browser
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

# A server that writes down which modules are loaded when it is sent a signal.
SERVE = """
import pathlib, signal, sys
place = pathlib.Path(sys.argv.pop(1))
def write(*_):
    place.with_suffix(".part").write_text(chr(10).join(sorted(sys.modules)))
    place.with_suffix(".part").replace(place)
signal.signal(signal.SIGUSR1, write)
from workbench.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


class Server:
    def __init__(self, home, *options, first=""):
        self.home, self.log = home, home / "log.txt"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-c", first + SERVE, str(home / "modules"), "--no-browser", "--port", str(self.port), *options]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, env=os.environ | {"WORKBENCH_HOME": str(home)}, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def modules(self) -> set[str]:
        place = self.home / "modules"
        place.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 30
        while not place.exists():
            assert self.process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        return set(place.read_text().split("\n"))

    @property
    def said(self) -> str:
        return self.log.read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    options = ("--token", CLASS, "--lecturer-token", LECTURER, "--gallery", "--pages", "100")
    server = Server(tmp_path_factory.mktemp("home"), *options)
    yield server
    server.process.terminate()
    server.process.wait(10)


@pytest.fixture(scope="module")
def people(server):
    """Who asks; what is imported when it is first needed has been asked for."""
    people = {"stranger": Browser(server.port)}
    people |= {name: Browser.inside(server.port, token) for name, token in (("student", CLASS), ("lecturer", LECTURER))}
    for path in ("/", "/generators", "/generators/", "/alive", "/follow", "/follow/x", "/code.svg?link=x", "/nowhere"):
        people["lecturer"].ask(path)
    for path in ("/new-events/x.h5", "/take-home/x.html"):
        people["lecturer"].ask(path)
    people["lecturer"].ask("/figure.nc", "POST", b"no figure")
    people["lecturer"].ask("/upload?name=x.h5&kind=ring", "POST", b"no file", Content_Type="application/octet-stream")
    return people


ROUTES = [
    "", "favicon.ico", "ws", "metadata", "autoload.js", "static/js/bokeh.min.js", "static/extensions/panel/panel.min.js", "generators/ws",
    "static/extensions/", "static/extensions/other/x", "generators/metadata", "generators/autoload.js", "generators/static/js/bokeh.js",
    "plotlyjs/plotly.min.js", "new-events/abc-1.h5", "take-home/abc.html", "upload", "code.svg?link=x",
    "figure.nc", "alive", "follow/x", "components/", "login",
    "logout", "liveness", "admin", "session_info", "rest/x", "_stcore/health", "index", "static/", "generators", "..",
    "components/_resources",
]  # fmt: skip
MODULES = [
    "venv.__main__", "antigravity", "this", "torch", "idlelib.idle", "turtledemo.__main__", "lib2to3.__main__", "__main__", "os", "site",
    "workbench.runs.worker", "workbench.runs.forker", "workbench.studios.notebook.beside", "panel.command", "pip.__main__", "test.support",
    "pdb",
]  # fmt: skip
RESOURCES = ["__css__", "__javascript__", "_css", "_js", "_stylesheets", "_resources", "modifiers", "_bundle_path", "base_css", "_esm"]
ODD = [
    "..", "%2e%2e", "%2E%2E%2f", "%252e%252e", "%00", "%ff", "%0d%0a", ";", "\\", "%5c", "//", "/", "./", "~", "@", ":",
    "https:evil.example",
    "%F0%9F%92%A5", "x" * 300, "*", "[", "{}", "$", "|", "%", "%zz", "_next", "a b".replace(" ", "+"),
]  # fmt: skip


def addresses(seed: int, number: int) -> list[str]:
    """Addresses made of every route of Panel, Bokeh and ours, foreign modules, ways out, encodings, cases and slashes."""
    chance = random.Random(seed)

    def one() -> str:
        parts = [chance.choice(ROUTES)]
        if chance.random() < 0.4:
            name = chance.choice([*MODULES, chance.choice(sorted(sys.stdlib_module_names))])
            parts = ["components", name, chance.choice(["a", "main", "Component", "__spec__"]), chance.choice(RESOURCES), "b.css"]
        for _ in range(chance.choice((0, 0, 1, 2))):
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(ODD))
        path = "/" + chance.choice(("/", "/", "/", "//", "%2f")).join(parts) + chance.choice(("", "", "", "/", "?", "?token=x", "?x=%ff"))
        change = chance.random()
        if change < 0.1:
            path = "".join(chance.choice((letter.upper(), letter.lower())) for letter in path)
        elif change < 0.2:
            path = "".join(f"%{ord(letter):02x}" if letter.isalpha() and chance.random() < 0.3 else letter for letter in path)
        elif change < 0.25:
            path = quote(path)
        return path

    return [one() for _ in range(number)]


MANY = [pytest.param(1, 150, id="150"), pytest.param(2, 2_000, marks=pytest.mark.slow, id="2000")]


@pytest.mark.parametrize(("seed", "number"), MANY)
def test_no_address_imports_a_module_or_ends_in_a_traceback(server, people, seed, number):
    before, told = server.modules(), len(server.said)
    for path in addresses(seed, number):
        for who, browser in people.items():
            answer = browser.ask(path)
            assert answer.status < 500 or (answer.status == 503 and "page" in answer.text), (who, path, answer.status)
            assert answer.status == 403 or answer.status == 404 or who != "stranger" or "token" in path or "%" in path, (
                path,
                answer.status,
            )
    assert server.modules() == before
    assert "Traceback" not in server.said[told:], server.said[told:]
    assert people["student"].ask("/alive").text == "alive" and server.process.poll() is None


@pytest.mark.parametrize("name", MODULES)
def test_no_component_of_anybody_is_served(server, people, name):
    before = server.modules()
    for who, browser in people.items():
        for route in (f"/components/{name}/a/_css/b", f"/generators/components/{name}/a/_css/b"):
            assert browser.ask(route).status == (403 if who == "stranger" else 404)
    assert server.modules() == before


REFUSED = {
    "GET /code.svg?link=%ff%fe": (400, "This address holds bytes that are no text; UTF-8 is needed. Copy the whole link anew."),
    "GET /take-home/maps.html?shipped=%ff": (400, "holds bytes that are no text"),
    "POST /upload?name=%ff&kind=ring": (400, "holds bytes that are no text"),
    "GET /alive?x=%80": (400, "holds bytes that are no text"),
    "GET /amplitudes?tab=%ff": (200, ""),
    "GET /amplitudes?theme=%ff": (200, ""),  # which Panel reads
    "GET /amplitudes?%ff=1": (200, ""),
    "GET /amplitudes?bokeh-session-id=%ff": (200, ""),
    "GET /amplitudes?bokeh-session-id=x": (200, ""),
    "GET /amplitudes?bokeh-token=%ff": (200, ""),
    "GET /amplitudes?bokeh-token=x": (200, ""),
    "GET /amplitudes?bokeh-token=x&bokeh-session-id=x": (200, ""),
    "GET /static/js/nothing.js": (404, "There is no such file here."),
    "GET /static/extensions/panel/nothing.js": (404, "There is no such file here."),
    "GET /figure.nc": (405, "in another way: pages and files by GET, what is sent by POST."),
    "POST /code.svg": (405, "in another way"),
    "POST /amplitudes": (405, "in another way"),
    "POST /static/js/bokeh.min.js": (405, "in another way"),
    "POST /alive": (405, "in another way"),
}


@pytest.mark.parametrize("asked", REFUSED)
def test_whatever_is_refused_by_whoever_has_a_sentence_and_no_traceback(server, people, asked):
    (method, path), (status, sentence), told = asked.split(), REFUSED[asked], len(server.said)
    for browser in (Browser.inside(server.port, CLASS), people["lecturer"]):
        answer = browser.ask(path, method, b"x" if method == "POST" else None, Bokeh_Session_Id="x")
        assert answer.status == status and sentence in answer.text, (answer.status, answer.text[-300:])
        assert f"{status}: " not in answer.text and "Traceback" not in server.said[told:], server.said[told:]


def test_another_site_leads_to_pages_only(server, people):
    """A link in a chat opens a page; nothing else is asked for from elsewhere, not even by window.open."""
    refused = ("/components/antigravity/a/_css/b", "/alive", "/new-events/x.h5", "/take-home/ring.html")
    for path, status in (("/follow", 200), *((path, 403) for path in refused)):
        assert people["student"].ask(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == status
    assert people["student"].ask("/", "POST", b"x", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 403


def test_a_story_is_taken_home_by_whoever_is_inside(server, people):
    """It is a file, not a page of ours; what is no story is a sentence that says nothing of the computer."""
    for name in ("student", "lecturer"):
        answer = people[name].ask("/take-home/plateau.html?shipped=1", timeout=120)
        assert answer.status == 200 and "workbench story plateau" in answer.text and 4_000_000 < len(answer.text.encode()) < 6_000_000
        assert answer.headers["Content-Disposition"] == 'attachment; filename="plateau.html"'
    assert people["stranger"].ask("/take-home/plateau.html").status == 403
    for name, sentence in (("platau", "Did you mean 'plateau'?"), ("fit", "")):
        answer = people["student"].ask(f"/take-home/{name}.html", timeout=120)
        assert sentence in answer.text and str(server.home) not in answer.text and answer.status == (404 if sentence else 200)


ANSWERED = (b"", b"400", b"403", b"404", b"405", b"414", b"431")
NONE_OF_OURS = {
    "two lengths": "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nContent-Length: 44\r\n\r\nabcdGET /alive HTTP/1.1\r\n\r\n",
    "length and chunks": "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /alive",
    "a negative length": "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n",
    "a length that is no number": "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1e9\r\n\r\n",
    "a new line in a header": "GET / HTTP/1.1\r\nHost: {host}\r\nX-A: b\n c\rd\r\n\r\n",
    "a new line in the address": "GET /?x=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    "TRACE": "TRACE / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "the form of a proxy": "GET http://evil.example/alive HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    "a long header": "GET / HTTP/1.1\r\nHost: {host}\r\nX-A: " + "x" * 70_000 + "\r\n\r\n",
}


@pytest.mark.parametrize("kind", NONE_OF_OURS)
def test_a_request_that_no_browser_sends_is_refused_or_harmless(server, people, kind):
    """It gets one answer at most, which echoes nothing and gives away no page; the server goes on without a traceback."""
    told = len(server.said)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as stream:
        stream.sendall(NONE_OF_OURS[kind].format(host=f"127.0.0.1:{server.port}").encode())
        stream.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: stream.recv(65_536), b""))
    assert answer.count(b"HTTP/1.1 ") <= 1 and [*answer.split(), b"", b""][1] in ANSWERED, answer[:300]
    assert b"a=b" not in answer.split(b"\r\n\r\n")[0] and b"alive" not in answer and b"data-root-id" not in answer
    assert "Traceback" not in server.said[told:] and people["student"].ask("/alive").text == "alive"


# What a websocket may say


def strange(chance: random.Random, deep: int = 3):
    """Any value that JSON can say."""
    kinds = [None, True, -1, 10**12, 1.5, "", "x" * chance.choice((1, 5_000)), "p1001", "\u2028", float("nan")]
    if deep and chance.random() < 0.4:
        values = [strange(chance, deep - 1) for _ in range(chance.randrange(4))]
        return values if chance.random() < 0.5 else {chance.choice(["id", "type", "entries", "data", "kind", "name"]): v for v in values}
    return chance.choice(kinds)


def messages(seed: int, number: int, ids: list[str]):
    """Fragments of messages: what Bokeh understands with strange values, halves of messages, and rubbish."""
    chance = random.Random(seed)
    kinds = ["ModelChanged", "MessageSent", "RootAdded", "RootRemoved", "TitleChanged", "ColumnDataChanged", "ColumnsStreamed", "Nothing"]
    names = ["button_click", "data_event", "document_ready", "dom_event", "slide", "nothing", "clear_input"]

    def event():
        model = {"id": chance.choice([*ids, "p0"])}
        kind = chance.choice(kinds[:2] if chance.random() < 0.7 else kinds)
        if kind == "MessageSent":
            values = {"type": "map", "entries": [["model", model], ["data", strange(chance)]]}
            said = {"type": "event", "name": chance.choice(names), "values": chance.choice((values, strange(chance)))}
            return {"kind": kind, "msg_type": "bokeh_event", "msg_data": chance.choice((said, said, strange(chance)))}
        names_ = ["value", "data", "wire", "frame", "children", "esm", "recipe", "tags", "id", "__class__", "js_event_callbacks"]
        return {"kind": kind, "model": model, "attr": chance.choice(names_), "new": strange(chance), "title": "x", "hint": None}

    for _ in range(number):
        kind = chance.choice(["PATCH-DOC"] * 6 + ["PUSH-DOC", "PULL-DOC-REQ", "SERVER-INFO-REQ", "ACK", "OK", "ERROR", "NOTHING", 7, []])
        header = {"msgid": "1", "msgtype": kind} | ({"num_buffers": strange(chance)} if chance.random() < 0.1 else {})
        content = {"events": [event() for _ in range(chance.randrange(1, 3))]} if kind == "PATCH-DOC" else strange(chance)
        parts = [json.dumps(header), "{}", json.dumps(content)]
        change = chance.random()
        if change < 0.05:
            parts = [chance.choice(("[" * 90_000, "{", "\0", "NaN", "", b"\0" * 50, b"", '{"a":' * 50_000)) for _ in range(3)]
        elif change < 0.1:
            parts[chance.randrange(3)] = chance.choice((b"bytes", "no json", "[]", "7", "null", json.dumps(strange(chance))))
        yield parts


async def speak(browser: Browser, fragments) -> int:
    """Send messages as the page of a browser would, coming back wherever the server ends the connection; how often it did."""
    end = time.monotonic() + 60
    while (answer := await asyncio.to_thread(browser.ask, "/amplitudes")).status == 503 and time.monotonic() < end:
        await asyncio.sleep(1)  # its earlier pages end first
    page = re.search(r'"token":"([^"]+)"', answer.text)[1]
    headers = {"Origin": f"http://{browser.host}", "Cookie": "; ".join(f"{n}={v}" for n, v in browser.cookies.items())}
    address, line, ends = f"ws://{browser.host}/amplitudes/ws", None, 0

    async def opened():
        line = await websocket_connect(HTTPRequest(address, headers=headers), subprotocols=["bokeh", page], max_message_size=2**26)
        assert "ACK" in await line.read_message()
        for _ in range(2):
            await line.read_message()
        return line

    async def answered(line) -> bool:
        """Whether the server still listens after all that was said."""
        for part in (json.dumps({"msgid": "last", "msgtype": "SERVER-INFO-REQ"}), "{}", "{}"):
            await line.write_message(part)
        while (said := await asyncio.wait_for(line.read_message(), 30)) is not None:
            if isinstance(said, str) and '"reqid":"last"' in said.replace(" ", ""):
                await line.read_message(), await line.read_message()
                return True
        return False

    for parts in fragments:
        line = line or await opened()
        try:
            for part in parts:
                await line.write_message(part, binary=isinstance(part, bytes))
            alive = await answered(line)
        except Exception:  # closed meanwhile
            alive = False
        if not alive:
            line.close()
            line, ends = None, ends + 1
    return ends


@pytest.mark.parametrize(("seed", "number"), MANY)
def test_no_message_ends_the_server_or_a_traceback(server, people, seed, number):
    before, told = server.modules(), len(server.said)
    ids = re.findall(r'"id":"(p\d+)"', people["student"].ask("/amplitudes").text) or [f"p{number}" for number in range(1_000, 1_200)]
    ends = asyncio.run(speak(people["student"], messages(seed, number, ids)))
    print(f"{ends} of {number} messages ended their connection")
    assert server.modules() == before
    assert "Traceback" not in server.said[told:], server.said[told:][:5_000]
    assert people["lecturer"].ask("/alive").text == "alive" and server.process.poll() is None
