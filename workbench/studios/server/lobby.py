"""Connections: those of strangers end when they are silent, nobody holds too many, and a server without handles waits for some."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream

from workbench.studios.server.badges import source_of

SILENCE = 15.0  # seconds for a stranger's whole request, and until its next one
LARGEST_BODY = 4_000_000  # bytes of a request; the gate allows most less, and uploads more
REST = 120.0  # seconds that a connection with a badge may be idle
STRANGERS = 128  # connections of one source that have shown no badge
EACH = 64  # connections of one browser
HANDLES = 8_192  # open files that the server asks for
AGAIN = 1.0  # seconds until connections are accepted again after there was no handle for one
BACKLOG = 128  # connections accepted in one go
SPENT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = logging.getLogger("workbench.pages")


class Lobby:
    """All connections of a server, by who holds them: a source of strangers, or a browser. Who holds too many loses the oldest."""

    def __init__(self, server: HTTPServer):
        self.server = server
        self.held: dict[IOStream, str] = {}
        self.patient, hasty = copy.copy(server.conn_params), server.conn_params
        hasty.header_timeout = hasty.body_timeout = SILENCE
        self.patient.header_timeout = self.patient.body_timeout = REST
        hasty.max_body_size = self.patient.max_body_size = LARGEST_BODY
        self.serve, server.handle_stream = server.handle_stream, self.arrive  # type: ignore[method-assign]
        self.strangers = max(16, min(STRANGERS, want_handles() // 8))
        self.said = -60.0

    def arrive(self, stream: IOStream, address: Any) -> Any:
        self._hold(stream, source_of(str(address[0])), self.strangers)
        return self.serve(stream, address)

    def know(self, request: HTTPServerRequest, name: str) -> None:
        """A connection has shown a badge; with name '' nobody counts how many there are."""
        connection: Any = request.server_connection
        connection.params = self.patient
        request.connection._body_timeout = REST  # type: ignore[union-attr]
        self.held.pop(connection.stream, None)
        if name:
            self._hold(connection.stream, name, EACH)

    def _hold(self, stream: IOStream, holder: str, most: int) -> None:
        for each in [each for each in self.held if each.closed()]:
            del self.held[each]
        self.held[stream] = holder
        theirs = [each for each, whose in self.held.items() if whose == holder]
        for each in theirs[:-most]:
            each.close()

    # When there are no handles

    def take_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept connections in Tornado's place, whose way ends in a traceback for each that finds no handle."""
        for handle, listening in self.server._sockets.items():
            self.server._handlers[handle]()
            self.server._handlers[handle] = self._listen(loop, listening)

    def _listen(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> Callable[[], None]:
        def begin() -> None:
            if listening.fileno() >= 0:
                loop.add_reader(listening, accept)

        def accept() -> None:
            for _ in range(BACKLOG):
                try:
                    connection, address = listening.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    return
                except OSError as problem:
                    if problem.errno not in SPENT:
                        raise
                    loop.remove_reader(listening)
                    loop.call_later(AGAIN, begin)
                    return self._complain(problem)
                self.server._handle_connection(connection, address)

        def end() -> None:
            if not loop.is_closed():
                loop.remove_reader(listening)

        begin()
        return end

    def _complain(self, problem: OSError) -> None:
        if time.monotonic() > self.said + 60:
            self.said = time.monotonic()
            log.error("No connection can be accepted now (%s); this is tried again every second.", problem.strerror)


def want_handles() -> int:
    """Ask for as many open files as the server may have, and say how many that are."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = HANDLES if hard == resource.RLIM_INFINITY else min(HANDLES, hard)
        if soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return max(soft, most)
    return 1_024
