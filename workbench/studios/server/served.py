"""Which addresses there are, and what a page may say: nothing else that Panel and Bokeh mount or understand gets as far as their code."""

from __future__ import annotations

import calendar
import logging
import re
import time
import traceback
import weakref
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from bokeh.server.views.multi_root_static_handler import MultiRootStaticHandler
from bokeh.server.views.static_handler import StaticHandler
from bokeh.util.token import check_token_signature, get_session_id, get_token_payload
from panel.io.server import DocHandler, WSHandler
from tornado.httputil import HTTPServerRequest
from tornado.routing import Rule
from tornado.web import Application

from workbench.studios.server.door import Spoken

LONGEST_TOKEN = 4_096  # characters of the token of a page
LONGEST_QUERY = 2_000  # characters of a link, which its token contains
LARGEST_MESSAGE = 4_000_000  # bytes, with all its buffers
SAID = {"PULL-DOC-REQ", "PATCH-DOC", "SERVER-INFO-REQ"}
"""Messages that a page sends."""
CHANGES = {"ModelChanged", "MessageSent"}
"""What a page may do to its document: change what is there, not add to it."""
LIBRARIES = re.compile(r"/static/(js|extensions/panel)/[\w@^.~/-]+\.(js|css|woff2?|ttf|svg|png)")
"""Files of BokehJS and Panel, which everybody may read."""


def plain_path(request: HTTPServerRequest, prefix: str) -> str:
    """The path below the prefix as it is meant, decoded once; '' where no address of ours looks like that."""
    path = unquote(request.path, errors="replace")
    if path == prefix:
        return "/"
    if not path.startswith(f"{prefix}/") or not path.isprintable() or re.search(r"[%\\;\ufffd]|//|/\.\.?(/|$)", path):
        return ""
    return path.removeprefix(prefix)


def is_text(request: HTTPServerRequest) -> bool:
    """Whether what stands behind the "?" of an address is text; afterwards it is, with a sign where it was not, for who reads it."""
    fine = True
    for values in [*request.arguments.values(), *request.query_arguments.values()]:
        for place, value in enumerate(values):
            text = value.decode("utf-8", "replace")
            values[place], fine = text.encode(), fine and "\ufffd" not in text
    return fine


def choose_no_session(request: HTTPServerRequest) -> None:
    """Bokeh lets a browser name the session that it gets, and unpacks what claims to be the token of one: no page of ours does that."""
    request.headers.pop("Bokeh-Session-Id", None)
    for arguments in (request.arguments, request.query_arguments):
        for name in [name for name in arguments if name.startswith("bokeh-")]:
            del arguments[name]


def keep_ours(application: Application) -> Callable[[str], bool]:
    """Take all routes away but those of pages, their websockets and libraries, and our own; says whether a path leads to one of them.

    What they refuse by themselves is told in a sentence.
    """
    kinds: dict[type, type] = {DocHandler: DocHandler, WSHandler: Socket, StaticHandler: StaticHandler}
    kinds[MultiRootStaticHandler] = MultiRootStaticHandler
    rules: list[Rule] = []
    for rule in application.wildcard_router.rules:
        if rule.target.__module__.startswith("workbench."):
            rules.append(rule)
        elif rule.target in kinds:
            rule.target = kinds[rule.target]
            rules.append(rule)
    application.wildcard_router.rules[:] = rules
    libraries = (StaticHandler, MultiRootStaticHandler)
    own = [rule.matcher.regex for rule in rules if rule.target not in libraries]  # type: ignore[attr-defined]
    for rule in rules:
        if not issubclass(rule.target, Spoken):
            rule.target = type(rule.target.__name__, (Spoken, rule.target), {})
    prefix = str(application.prefix)  # type: ignore[attr-defined]
    return lambda path: any(each.fullmatch(prefix + path) for each in own) or bool(LIBRARIES.fullmatch(path))


# The token that a page brings along in the handshake of its websocket


def page_of(request: HTTPServerRequest, key: bytes | None) -> tuple[str, dict[str, Any]]:
    """The session of the page whose websocket this is, and the headers with which the page was asked for; ('', {}) for none of ours.

    The signature is checked before anything is unpacked.
    """
    words = [word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if len(words) != 2 or words[0] != "bokeh" or not re.fullmatch(rf"[\w-]{{1,{LONGEST_TOKEN - 64}}}\.[\w-]{{43}}", words[1], re.ASCII):
        return "", {}
    try:
        if not check_token_signature(words[1], key, signed=True):
            return "", {}
        told = get_token_payload(words[1])
        if calendar.timegm(time.gmtime()) >= told["session_expiry"]:
            return "", {}
        return get_session_id(words[1]), dict(told["headers"])  # type: ignore[typeddict-item]
    except (ValueError, KeyError, TypeError, RecursionError, AssertionError):  # an unsigned one that looks like one
        return "", {}


# Websockets

ARRIVED: weakref.WeakSet[Any] = weakref.WeakSet()
"""Sessions that a browser has shown."""


class Socket(WSHandler):
    """The websocket of a page, which listens to what pages say, and to no more than they say."""

    held = 0  # bytes of the message that is being received

    @property
    def lost(self) -> bool:
        """Whether Bokeh has given the connection up, because it did not answer a ping."""
        return self.connection is not None and self.connection._session is None

    async def _async_open(self, token: str) -> None:
        await super()._async_open(token)
        if self.connection is not None and not self.lost:  # it may have left while it was opened
            ARRIVED.add(self.connection.session)

    async def on_message(self, fragment: str | bytes) -> None:
        if self.ws_connection is None or self.ws_connection.is_closing():
            return
        self.held += len(fragment)
        if self.lost or self.receiver is None or self.held > LARGEST_MESSAGE:
            return self.close(1009, "too much")
        await super().on_message(fragment)
        if self.receiver._current_consumer == self.receiver._HEADER:
            self.held = 0

    def on_close(self) -> None:
        if not self.lost:
            super().on_close()

    async def _receive(self, fragment: str | bytes) -> Any:
        assert self.receiver
        try:
            message = await self.receiver.consume(fragment)
            if message is None or _is_a_pages(message):
                return message
            self._protocol_error("pages do not say that")
        except Exception as problem:  # it came over the network: anything may be wrong with it
            self._protocol_error(f"{type(problem).__name__} in a message of {self.held:,} bytes")
        return None


def _is_a_pages(message: Any) -> bool:
    if message.msgtype != "PATCH-DOC":
        return message.msgtype in SAID
    events = message.content["events"]
    return isinstance(events, list) and all(isinstance(event, dict) and event.get("kind") in CHANGES for event in events)


class OwnTracebacks(logging.Filter):
    """Keep a traceback where it leads through our code; of what a browser made Bokeh stumble over, one line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            frames = traceback.walk_tb(record.exc_info[2])
            if not {str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame, _ in frames} & {"workbench"}:
                record.msg, record.args = "%s: %s", (type(record.exc_info[1]).__name__, str(record.exc_info[1])[:200])
                record.exc_info = None
        return True
