"""When pages look, and how what they say leaves: also if Bokeh hands over events on other threads than the server's, as 3.10 does."""

from __future__ import annotations

import asyncio
import socket
import threading
import weakref

import pytest
from tornado.iostream import IOStream

from workbench.studios.pulse import PER_PAGE, SHORTEST, Look, Pulse, cork


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


class Context:
    """What Bokeh knows of a session: `session` is None while the document is made; all of it goes when the session has ended."""

    session, destroyed = None, False


class Document:
    def __init__(self, context):
        self.context = context

    @property
    def session_context(self):
        return self.context and self.context()

    def on_event(self, *_):
        pass


def test_a_page_is_gone_when_its_session_has_ended_and_not_while_it_is_made():
    context = Context()
    look = Look(None, Document(weakref.ref(context)))
    assert not look.gone and not look.watched
    context.session, context.destroyed = object(), True
    assert look.gone
    del context
    assert look.gone and not look.watched


def test_how_often_a_page_looks_depends_on_what_is_watched_only():
    class Seen:
        busy, gone, due = False, False, float("inf")

        def __init__(self, watched):
            self.watched = watched

    pulse = Pulse()
    pulse.looks = {number: Seen(watched=number < 40) for number in range(1_000)}
    assert pulse.shortest == pytest.approx(40 * PER_PAGE)
    for look in pulse.looks.values():
        look.gone = True
    pulse._round()
    assert not pulse.looks and pulse.shortest == SHORTEST
