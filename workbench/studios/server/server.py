"""The page server: one process, one thread, no torch, this computer only unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import re
import secrets
import signal
import socket
import threading
import urllib.request
import warnings
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.util.token import generate_secret_key
from bokeh.util.warnings import BokehUserWarning
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import OutputTransform, RequestHandler
from tornado.websocket import WebSocketClosedError

from workbench.families import FAMILIES, FORMER
from workbench.home import home, runs_folder
from workbench.runs import launcher
from workbench.studios.live.plot_view import routes
from workbench.studios.server import downloads, errands, memory, points, sharing, uploads
from workbench.studios.server.badges import kept_secret, new_token
from workbench.studios.server.door import ADDRESS, GUEST, Door, Note
from workbench.studios.server.gate import Gate
from workbench.studios.server.house import HOME, Guest, House
from workbench.studios.server.lecture import HALL
from workbench.studios.server.lobby import Lobby
from workbench.studios.server.pulse import PULSE
from workbench.studios.server.served import OwnTracebacks

log = logging.getLogger("workbench.pages")


class Alive(RequestHandler):
    """Answers while the server lives; a page that lost its connection asks here before it loads again."""

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.finish("alive")


class Follow(Note):
    """Leads the audience to what the lecturer shows, or lets it wait for that."""

    def initialize(self) -> None:  # type: ignore[override]
        pass

    def prepare(self) -> None:
        pass

    def get(self, name: str | None = None) -> None:
        lecture = HALL.find(name or "")
        if lecture is None:
            words = "This lecture is over." if name else "No lecture is on. This page opens it as soon as it begins."
            return self.tell(200, words, again=0 if name else 5)
        self.set_header("Cache-Control", "no-store")
        self.set_status(303)
        up = "../" if name or self.request.path.endswith("/") else "./"
        self.set_header("Location", f"{up}{lecture.scene.place[2:] if lecture.scene else ''}?follow={lecture.id}")
        self.finish()


# Scripts: our files, the modules Panel makes of them as blobs, inline ones with the page's own number. Nothing from elsewhere, and no text
# becomes a script: of BokehJS only CustomJS and its kin, of plotly.js only WebGL need that, and no page of ours has them.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
# Seconds between two pings, each answered before the next, or the page is lost: its network may be gone without a word. Bokeh's own pings
# expect no answer, and where they meet a connection that is being closed its session is forgotten without being told.
LOST = 30
NONCE = re.compile(rb'nonce="([\w-]+)"')


class SafeHeaders(OutputTransform):
    """On every answer: what may run there, not in foreign frames, no guessing of types, no referrer for others, no version of the server.

    And a new badge, where the gate gave one.
    """

    def __init__(self, request: HTTPServerRequest):
        self.request = request

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        nonce = NONCE.search(chunk) if headers.get("Content-Type", "").startswith("text/html") else None
        headers["Content-Security-Policy"] = POLICY.format(nonce=nonce[1].decode() if nonce else "none")
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "SAMEORIGIN"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers.pop("Server", None)
        if badge := getattr(self.request, "badge", ""):
            headers.add("Set-Cookie", badge)
        return status_code, headers, chunk


def serve(
    port: int = 5006,
    host: str = "127.0.0.1",
    show: bool = True,
    runs: str | os.PathLike[str] | None = None,
    *,
    door: Door | None = None,
    house: House = HOME,
) -> None:
    """Serve the pages until interrupted.

    *Arguments*: port, 0 for any free one; show, open a browser; runs, the folder with the run folders; door, who may come in, for a class,
    instead of host and port; house, what students may do.
    *Raises*: OSError in one sentence when the port is taken, the address is not this computer's, or nobody is asked for a token there.
    """
    server = build(port, host, runs, door=door, house=house)
    gate: Gate = server.gate
    print(_welcome(gate.door), flush=True)
    if show:
        server.io_loop.add_callback(webbrowser.open, _here(gate.door) + _query(gate.ticket()))
    server.io_loop.add_callback(lambda: threading.Thread(target=_warm_up, args=(gate,), daemon=True).start())
    launcher.warm()
    launcher.keep(Path(runs) if runs is not None else runs_folder())
    gc.freeze()  # whenever a page leaves, Bokeh looks through all that lives: for a tenth of a second, in which the other pages stand still
    server.start()
    if heard := threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, partial(_interrupt, server.io_loop))  # Panel's own waits for all pages asked for
    with contextlib.suppress(KeyboardInterrupt):
        run(server)
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever presses it twice does not want to wait for the readers of runs
    gc.freeze()  # and all else need not be sorted before it goes: half a second


def _interrupt(loop: Any, *_: object) -> None:
    """Leave whatever is being done; if that was an answer, whose exceptions Tornado logs and goes on, the loop ends all the same."""
    logging.getLogger("tornado.application").addFilter(lambda record: not (record.exc_info and record.exc_info[0] is KeyboardInterrupt))
    loop.asyncio_loop.call_soon_threadsafe(loop.stop)
    raise KeyboardInterrupt


def run(server: Any) -> None:
    """Answer until the server is stopped or interrupted; nothing that an answer does ends it."""
    _be_quiet()
    server.io_loop.asyncio_loop.set_exception_handler(_complain)
    while True:
        try:
            return server.io_loop.start()
        except SystemExit as problem:  # that of a library, since nothing of ours ends the server like this
            log.error("Something that was asked for wanted to end the server (SystemExit: %s); it goes on.", problem)


def build(port: int, host: str, runs: str | os.PathLike[str] | None, *, door: Door | None = None, house: House = HOME) -> Any:
    """The server, listening but not yet running; its `gate` knows who may come in. Raises: OSError."""
    door = door or Door(host, port)
    door = door if door.lecturer else replace(door, lecturer=os.environ.get("WORKBENCH_LECTURER_TOKEN") or new_token())
    if refusal := door.problem():
        raise OSError(refusal)
    folder = Path(runs) if runs is not None else runs_folder()
    memory.keep_one_heap()
    pn.config.browser_info = pn.config.notifications = False  # models that no page of ours uses
    logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)  # it warns of the origins that our gate checks
    try:
        door = replace(door, port=door.port or _free_port(door.host))
        house = replace(house, address=door.address, token=door.token) if door.token else house
        server = pn.serve(
            {f"/{family.place}": _page(family.page.load(), folder, house) for family in FAMILIES},
            port=door.port,
            address=door.host,
            prefix=door.prefix,
            show=False,
            start=False,
            verbose=False,
            location=False,
            websocket_origin=["*"],  # see Gate
            extra_patterns=[
                *routes(),
                *downloads.routes(folder),
                *uploads.routes(house),
                *points.routes(folder, house),
                *sharing.routes(),
                (r"/alive", Alive),
                (r"/follow(?:/([a-z0-9]{1,40}))?/?", Follow),
            ],
            unused_session_lifetime_milliseconds=60_000,
            check_unused_sessions_milliseconds=2_000,
            session_token_expiration=3600,
            websocket_max_message_size=2_000_000,
            keep_alive_milliseconds=0,  # see LOST
            sign_sessions=True,
            secret_key=generate_secret_key(),
            include_headers=["Host", GUEST, ADDRESS],
            include_cookies=["workbench_theme", "workbench_projector"],
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise OSError(
                errno.EADDRINUSE, f"Port {door.port} is in use, perhaps by another workbench; choose another one with --port."
            ) from problem
        if problem.errno in (errno.EADDRNOTAVAIL, None) or isinstance(problem, socket.gaierror):
            raise OSError(f"{door.host[:60]} is not an address of this computer; --host 0.0.0.0 takes all that it has.") from problem
        raise
    server._tornado.settings.update(websocket_ping_interval=LOST, websocket_ping_timeout=LOST)
    server._tornado.add_transform(SafeHeaders)
    PULSE.home = server.io_loop.asyncio_loop
    lobby = Lobby(server._http)
    lobby.take_over(server.io_loop.asyncio_loop)
    bodies = {"/upload": (uploads.MOST_BYTES, 3_600.0), "/predict": (uploads.MOST_BYTES, 3_600.0), "/figure.nc": (sharing.LARGEST, 60.0)}
    server.gate = Gate(server._tornado, door, house, kept_secret(home()), lobby, bodies)
    return server


def _here(door: Door) -> str:
    """Where this computer itself finds the pages."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(door.host, door.host)  # noqa: S104
    return f"http://{host}:{door.port}{door.prefix}/"


def _query(token: str) -> str:
    return f"?token={token}" if token else ""


def _welcome(door: Door) -> str:
    if not door.token:
        return f"workbench is at {_here(door)}{_query(door.lecturer)}  (Ctrl+C ends the pages; runs go on)"
    lines = [("for you, the lecturer:", _here(door), door.lecturer), ("for the class:", door.address, door.token)]
    links = "\n".join(f"  {words:<24}{address}{_query(token)}" for words, address, token in lines)
    return f"workbench is open for a class of {door.pages} pages\n{links}\n(Ctrl+C ends the pages; runs go on)"


def _be_quiet() -> None:
    """Keep what is no news out of the terminal: pages that go away while they are written to, figures that join a page later."""
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
    for name in ("bokeh.server.views.ws", "bokeh.server.protocol_handler"):
        logging.getLogger(name).addFilter(OwnTracebacks())
    warnings.filterwarnings("ignore", message="reference already known", category=BokehUserWarning)


def _complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), (WebSocketClosedError, StreamClosedError)):
        loop.default_exception_handler(context)


def _free_port(host: str) -> int:
    """A port that nobody uses now; the gate must know it before the server listens."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def _page(studio: Callable[..., Any], folder: Path, house: House) -> Callable[[], Any]:
    def page() -> Any:
        name, address = (str(pn.state.headers.get(header, "")) for header in (GUEST, ADDRESS))
        try:
            return studio(runs=folder, guest=Guest.read(house, name, address)).page()
        except Exception:  # Panel would show its text as HTML, whoever wrote it
            log.exception("A page could not be made")
            return pn.pane.Str("This page could not be made. The terminal where workbench runs says why.")

    return page


def _warm_up(gate: Gate) -> None:
    """Ask for every page before anyone else does, so that its imports and caches are paid for; then have the first events made."""
    gate.first = secrets.token_hex(16)
    badge = gate.badges.issue(gate.first, "lecturer")
    for family in FAMILIES:
        request = urllib.request.Request(_here(gate.door) + family.place, headers={"Cookie": f"{gate.door.cookie}={badge}"})  # noqa: S310
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            answer.read()  # a crowd at the door may end this connection too; then whoever comes first waits a second longer
    errands.prepare_events(next(iter(FORMER.presets.values())).recipe)
