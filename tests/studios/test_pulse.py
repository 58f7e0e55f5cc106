"""When pages look, and how what they say leaves: also if Bokeh hands over events on other threads than the server's, as 3.10 does."""

from __future__ import annotations

import asyncio
import socket
import threading
import weakref

import pytest
from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.server.session import ServerSession
from tornado.iostream import IOStream

from workbench.studios.server.pulse import PER_PAGE, SHORTEST, Look, Pulse, cork


def test_a_connection_is_corked_from_any_thread_and_its_fragments_leave_together_in_order():
    async def send():
        here, there = socket.socketpair()
        stream = IOStream(here)
        packets = []
        write = stream.write
        stream.write = lambda data: (packets.append(bytes(data)), write(data))[1]
        other = threading.Thread(target=cork, args=(stream,))
        other.start()
        other.join()
        for part in (b"one ", b"two ", b"three"):
            stream.write(part)
        await asyncio.sleep(0.05)
        there.settimeout(5)
        received = there.recv(100)
        stream.close()
        there.close()
        return packets, received

    packets, received = asyncio.run(send())
    assert packets == [received] == [b"one two three"]


def test_a_page_that_is_stirred_from_another_thread_is_looked_at_at_once():
    class Page:
        pace, looked = 5.0, 0

    class Look:
        busy = gone = False
        watched, before, last, due = True, 0.0, 0.0, float("inf")

        def __init__(self, page, seen):
            self.page, self.seen = page, seen

        async def take(self):
            self.due = float("inf")
            self.seen.set()

    async def follow():
        pulse, page, seen = Pulse(), Page(), asyncio.Event()
        pulse._begin(asyncio.get_running_loop())
        pulse.looks[page] = Look(page, seen)
        begin = asyncio.get_running_loop().time()
        other = threading.Timer(0.2, pulse.stir, [page])  # when the pulse rests, for up to a second
        other.start()
        await asyncio.wait_for(seen.wait(), 5)
        other.join()
        return asyncio.get_running_loop().time() - begin

    assert asyncio.run(follow()) < 0.7


class Page:
    """A page that Bokeh has begun to make."""

    pace, left = 1.0, False

    def __init__(self, name):
        self.document = Document()
        self.context = BokehSessionContext(name, None, self.document)
        self.document._session_context = weakref.ref(self.context)
        self.look = Look(self, self.document)

    def begin(self, *, watched=False):
        """Have a session, which a browser watches or not."""
        session = ServerSession("session", self.document)
        self.context._set_session(session)
        self.look.ready = watched
        if watched:
            session.subscribe(object())
        return session

    def leave(self):
        self.left = True


def test_a_page_is_gone_when_its_session_has_ended_and_not_while_it_is_made():
    page = Page("one")
    assert not page.look.gone and not page.look.watched
    session = page.begin(watched=True)
    assert not page.look.gone and page.look.watched
    session.destroy()
    assert page.look.gone and not page.look.watched
    page.context = None
    assert page.look.gone and not page.look.watched


def test_how_often_a_page_looks_depends_on_what_is_watched_only():
    pulse = Pulse()
    pages = [Page(f"page {number}") for number in range(100)]
    for number, page in enumerate(pages):
        page.begin(watched=number < 40)
    pulse.looks = {page: page.look for page in pages}
    for page in pages:
        page.look.due = float("inf")
    pulse._round()
    assert len(pulse.looks) == 100 and pulse.shortest == pytest.approx(40 * PER_PAGE)
    for page in pages[:99]:
        page.context = None  # all that Bokeh leaves of a session
    pulse._round()
    assert list(pulse.looks) == pages[99:] and pulse.shortest == SHORTEST
    assert [page.left for page in pages] == [True] * 99 + [False]
