"""The page server: one process, one thread, no torch, this computer only unless told otherwise."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
import threading
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.util.token import generate_secret_key
from bokeh.util.warnings import BokehUserWarning
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.web import OutputTransform, RequestHandler
from tornado.websocket import WebSocketClosedError

from workbench.home import runs_folder
from workbench.runs import launcher
from workbench.studios import downloads, errands
from workbench.studios.amplitudes import Amplitudes
from workbench.studios.generators import Generators
from workbench.studios.plot_view import routes
from workbench.training.presets import presets

LOOPBACK = ("127.0.0.1", "localhost")


class Alive(RequestHandler):
    """Answers while the server lives; a page that lost its connection asks here before it loads again."""

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.finish("alive")


# Scripts: our files, the modules Panel makes of them, inline ones with the page's own number; BokehJS needs eval. Nothing from elsewhere.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' blob: 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
NONCE = re.compile(rb'nonce="([\w-]+)"')


class SafeHeaders(OutputTransform):
    """On every answer: what may run there, not in foreign frames, no guessing of types, no referrer, no version of the server."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        nonce = NONCE.search(chunk) if headers.get("Content-Type", "").startswith("text/html") else None
        headers["Content-Security-Policy"] = POLICY.format(nonce=nonce[1].decode() if nonce else "none")
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "SAMEORIGIN"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers.pop("Server", None)
        return status_code, headers, chunk


def serve(port: int = 5006, host: str = "127.0.0.1", show: bool = True, runs: str | os.PathLike[str] | None = None) -> None:
    """Serve the pages until interrupted.

    *Arguments*: port, 0 for any free one; show, open a browser; runs, the folder with the run folders.
    *Raises*: OSError when the port is taken or the address is not one of this computer's loopback names, in one sentence.
    """
    server = build(port, host, runs)
    print(f"workbench is at http://{host}:{server.port}  (Ctrl+C ends the pages; runs go on)", flush=True)
    if show:
        server.io_loop.add_callback(server.show, "/")
    server.io_loop.add_callback(lambda: threading.Thread(target=_warm_up, args=(f"http://{host}:{server.port}/",), daemon=True).start())
    launcher.warm()
    server.start()
    _be_quiet()
    server.io_loop.asyncio_loop.set_exception_handler(_complain)
    try:
        server.io_loop.start()
    except KeyboardInterrupt:
        pass


def build(port: int, host: str, runs: str | os.PathLike[str] | None) -> Any:
    """The server, listening but not yet running. Raises: OSError."""
    if host not in LOOPBACK:
        raise OSError(
            f"The address {host} is not this computer's own: pages are served on 127.0.0.1 only, because they can start programs here."
        )
    port = port or _free_port(host)
    folder = Path(runs) if runs is not None else runs_folder()
    pn.config.browser_info = pn.config.notifications = False  # models that no page of ours uses
    try:
        server = pn.serve(
            {"/": _page(Amplitudes, folder), "/generators": _page(Generators, folder)},
            port=port,
            address=host,
            show=False,
            start=False,
            verbose=False,
            location=False,
            websocket_origin=[f"{name}:{port}" for name in LOOPBACK],
            extra_patterns=[*routes(), *downloads.routes(folder), (r"/alive", Alive)],
            unused_session_lifetime_milliseconds=60_000,
            check_unused_sessions_milliseconds=10_000,
            session_token_expiration=3600,
            websocket_max_message_size=2_000_000,
            keep_alive_milliseconds=10_000,
            sign_sessions=True,
            secret_key=generate_secret_key(),
            include_headers=["Host"],
            include_cookies=["workbench_theme", "workbench_projector"],
        )
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise OSError(
                errno.EADDRINUSE, f"Port {port} is in use, perhaps by another workbench; choose another one with --port."
            ) from problem
        raise
    server._tornado.add_transform(SafeHeaders)
    return server


def _be_quiet() -> None:
    """Keep what is no news out of the terminal: pages that go away while they are written to, figures that join a page later."""
    logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="reference already known", category=BokehUserWarning)


def _complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), (WebSocketClosedError, StreamClosedError)):
        loop.default_exception_handler(context)


def _free_port(host: str) -> int:
    """A port that nobody uses now; the allowed origins must name it before the server listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def _page(studio: Callable[..., Any], folder: Path) -> Callable[[], Any]:
    def page() -> Any:
        return studio(runs=folder).page()

    return page


def _warm_up(url: str) -> None:
    """Ask for the first page before anyone else does, so that its imports and caches are paid for; then have its events made."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        answer.read()
    errands.prepare_events(next(iter(presets(Amplitudes.recipe_type).values())).recipe)
