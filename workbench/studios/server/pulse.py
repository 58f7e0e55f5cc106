"""When pages look: at once when a run that they show has moved, else now and then; and what they then say, in one message.

One task on the server's loop serves all pages. The reader of a run wakes it through `HUB`; a page whose last message has not left yet is
passed over, so a slow connection delays nobody else, and what it missed is never sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
from typing import TYPE_CHECKING, Any

from bokeh.document.events import DocumentPatchedEvent
from panel.io.state import set_curdoc
from tornado.iostream import IOStream, StreamClosedError

from workbench.studios.live.hub import HUB
from workbench.studios.server import memory

if TYPE_CHECKING:
    from workbench.studios.pages.view import Studio

SHORTEST = 0.1  # seconds from a look of a page to the next, on average over two: reports come first, their snapshot a moment later
PER_PAGE = 0.004  # seconds by which this grows with each page that is watched, so that a class stays within the processor's means
AT_ONCE = 0.02  # seconds between two looks in any case

log = logging.getLogger(__name__)


class Look:
    """A page with its document, and when it looks next."""

    def __init__(self, page: Studio, document: Any):
        self.page, self.document = page, document
        self.last = self.due = time.monotonic()
        self.before = 0.0  # the look before the last one
        self.busy = self.ready = False
        document.on_event("document_ready", self._arrived)

    def _arrived(self, _: Any) -> None:
        """The browser has the whole document; what changed since it was made comes with the next look."""
        self.ready, self.due = True, 0.0
        for connection in self.session._subscribed_connections:
            cork(connection._socket.ws_connection.stream)  # on any thread: Bokeh 3.10 hands over events on others than the server's

    @property
    def session(self) -> Any:
        context = self.document.session_context
        return context.session if context is not None else None

    @property
    def gone(self) -> bool:
        """Whether the page was closed, reloaded or lost: nothing but its session, once that is made, keeps the context of its document."""
        context = self.document.session_context
        return context is None or context.destroyed

    @property
    def watched(self) -> bool:
        """Whether a browser shows the page."""
        session = self.session
        return self.ready and session is not None and not session.destroyed and session.connection_count > 0

    async def take(self) -> None:
        """One look under the document's lock; all that it changes leaves in one message."""
        now = time.monotonic()
        self.busy, self.before, self.last, self.due = True, self.last, now, now + self.page.pace
        try:
            await self.session.with_document_locked(self._look)
        except Exception:  # the bottom of a task: this page stays as it was
            log.exception("Looking for a page")
        finally:
            self.busy = False
            self.due = min(self.due, now + self.page.pace)

    async def _look(self) -> None:
        callbacks, session = self.document.callbacks, self.session
        with set_curdoc(self.document):
            self.document.hold("collect")
            try:
                self.page.tick()
            finally:
                held, callbacks._held_events = callbacks._held_events, []
                self.document.unhold()
        patches = [event for event in held if isinstance(event, DocumentPatchedEvent)]
        for event in held:
            if not isinstance(event, DocumentPatchedEvent):
                callbacks.trigger_on_change(event)
        if patches:
            for connection in list(session._subscribed_connections):
                await connection._socket.send_message(connection.protocol.create("PATCH-DOC", patches))


def loop_of(stream: Any) -> asyncio.AbstractEventLoop:
    """The loop on which a connection is written to."""
    return stream.io_loop.asyncio_loop  # type: ignore[no-any-return]


def cork(stream: IOStream) -> None:
    """Let what is written to a connection in one go, the fragments of Bokeh's messages, leave in one piece.

    While the other end does not take it, writing waits as before.
    """
    write, loop = stream.write, loop_of(stream)
    parts: list[bytes] = []
    written: asyncio.Future[None] = loop.create_future()
    written.set_result(None)

    def flush() -> asyncio.Future[None]:
        data = b"".join(parts)
        parts.clear()
        with contextlib.suppress(StreamClosedError):
            return write(data)
        return written

    def corked(data: bytes | memoryview) -> asyncio.Future[None]:
        stream._check_closed()
        parts.append(bytes(data))
        if stream.writing():
            return flush()
        if len(parts) == 1:
            loop.call_soon(flush)
        return written

    stream.write = corked  # type: ignore[method-assign]


class Pulse:
    """All pages of one server. Belongs to the loop on which the first page is opened."""

    def __init__(self) -> None:
        self.looks: dict[Studio, Look] = {}
        self.home: asyncio.AbstractEventLoop | None = None
        """The loop of the server."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._crowd, self._calm = 0, True  # pages in the last round, and whether memory was given back since any came or left
        self._changed = 0.0
        HUB.listeners.append(self._heard)

    def join(self, page: Studio, document: Any) -> Look:
        self.looks[page] = look = Look(page, document)
        try:
            self._begin(asyncio.get_running_loop())
        except RuntimeError:  # Bokeh 3.10 makes documents on other threads
            if self.home is not None:
                self.home.call_soon_threadsafe(self._begin, self.home)
        return look

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            self._loop, self._wake = loop, asyncio.Event()
            self._start(self._beat())

    @property
    def shortest(self) -> float:
        """Seconds between two looks of a page, with as many pages as are watched now."""
        return max(SHORTEST, PER_PAGE * sum(look.watched for look in self.looks.values()))

    def stir(self, *pages: Studio) -> None:
        """These pages have something new to show: they look as soon as they may. On any thread."""
        shortest = self.shortest
        for page in pages:
            if look := self.looks.get(page):
                look.due = min(look.due, max(look.before + 2 * shortest, look.last + AT_ONCE))
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def _heard(self, key: Any) -> None:
        """A run has moved; called by its reader's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._moved, key)

    def _moved(self, key: Any) -> None:
        self.stir(*[page for page in self.looks if page.watches(key)])

    async def _beat(self) -> None:
        while True:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._round())

    def _round(self) -> float:
        """Let every page look whose time has come, and forget those that are gone; seconds until the next one is due."""
        now = time.monotonic()
        for page, look in list(self.looks.items()):
            if look.gone:
                self.looks.pop(page).page.leave()
            elif look.due <= now and not look.busy and look.watched:
                self._start(self._take(look))
        self._settle(now)
        soonest = min((look.due for look in self.looks.values() if not look.busy and look.watched), default=now + 1.0)
        return max(0.005, min(1.0, soonest - time.monotonic()))

    def _settle(self, now: float) -> None:
        """A second after pages came or left, give back what that has left free."""
        if len(self.looks) != self._crowd:
            self._crowd, self._changed, self._calm = len(self.looks), now, False
        elif not self._calm and now > self._changed + 1.0:
            self._calm = True
            memory.give_back()

    async def _take(self, look: Look) -> None:
        await look.take()
        self._wake.set()

    def _start(self, work: Any) -> None:
        # in a context of its own: that of whoever asks holds the document of a page, which would stay as long as the task
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


PULSE = Pulse()
