"""Who may come in: one gate in front of every route of the server, pages, websockets, files and scripts alike.

A token is exchanged once for a badge, a signed cookie, and leaves the address. On one's own computer the link that is opened holds a token
made at the start, so that other accounts of the computer stay outside; the server then answers under this computer's own names only. A
class has a token, and its lecturer another one. A websocket opens only for a page of ours, and only for the browser that fetched it.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

from tornado.httputil import HTTPServerRequest
from tornado.netutil import is_valid_ip
from tornado.web import Application, RequestHandler, stream_request_body

from workbench.families import FAMILIES, FORMER
from workbench.studios.server.badges import HOPELESS, Badges, Patience, new_token, same, source_of
from workbench.studios.server.door import ADDRESS, GUEST, Door, Note, Nowhere
from workbench.studios.server.house import Guest, House
from workbench.studios.server.lobby import Lobby
from workbench.studios.server.served import ARRIVED, LONGEST_QUERY, choose_no_session, is_text, keep_ours, page_of, plain_path

KEPT = 30 * 86_400  # seconds that a badge is kept by a browser
LARGEST_FORM = 1_000  # bytes
ROLES = ("lecturer", "student")
PAGES = tuple(f"/{family.place}" for family in FAMILIES)
SOCKETS = tuple(f"{page}/ws" for page in PAGES)
ENTRANCE = re.compile(rf"/({'|'.join(family.place for family in FAMILIES)}|follow(/[a-z0-9]{{1,40}})?)?/?")
"""Where a link may lead from elsewhere, with or without a token."""
EACH = 6  # pages of one browser
KEPT_FREE = 4  # one place more for so many is for addresses that show fewer pages than these
FETCHING = 10_000  # milliseconds within which a page that was fetched opens its websocket
MOST_SHOWN = 3  # websockets of one page: it may come back before the one that was lost is known to be
TICKET = 120.0  # seconds


class Gate:
    """Stands in front of all routes of a Tornado application.

    *Arguments*: bodies, how many bytes may be sent to an address, and within how many seconds.
    """

    def __init__(
        self, application: Application, door: Door, house: House, secret: bytes, lobby: Lobby, bodies: Mapping[str, tuple[int, float]]
    ):
        self.application, self.door, self.house, self.lobby, self.bodies = application, door, house, lobby, bodies
        self.badges = Badges(secret, door.seals)
        self.patience, self.browsers = Patience(), Patience()  # with addresses, which several may share, and with single browsers
        self.tickets: dict[str, float] = {}
        self.first = ""  # the name of who asks for the pages before anyone else, which takes no place
        self.serves = keep_ours(application)
        self.inner, application.find_handler = application.find_handler, self.find_handler  # type: ignore[method-assign]

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> Any:
        self._read_headers(request)
        path, websocket = plain_path(request, self.door.prefix), request.headers.get("Upgrade", "").lower() == "websocket"
        if not path:
            return self._say(request, 404, "There is no such address.")
        if refusal := self._foreign(request, path, websocket):
            return self._say(request, 403, refusal)
        if request.method not in ("GET", "HEAD", "POST"):
            return self._say(request, 405, "This is asked for by GET or POST.")
        name, role = self.badges.read(request.cookies[self.door.cookie].value) if self.door.cookie in request.cookies else ("", "")
        if not websocket and ENTRANCE.fullmatch(path) and "token" in request.query_arguments:
            return self._let(request, Exchange, gate=self, name=name, role=role)
        if not role:
            if request.method == "POST" and ENTRANCE.fullmatch(path):
                return self._let(request, Exchange, gate=self, name=name, role=role)
            return self._say(request, 403, self._closed, form=bool(ENTRANCE.fullmatch(path)))
        guest = Guest(self.house, name, role == "lecturer")
        self.lobby.know(request, "" if guest.lecturer else name)
        if path.endswith("/") and path[:-1] in PAGES:
            return self._let(request, Elsewhere, place=f"..{path[:-1]}")
        if path != "/" and (not self.serves(path) or websocket is not (path in SOCKETS)):
            return self._let(request, Nowhere, prefix=self.door.prefix)
        if not is_text(request) and path not in ("/", *PAGES):  # pages say themselves what of a link they cannot use
            return self._say(request, 400, "This address holds bytes that are no text; UTF-8 is needed. Copy the whole link anew.")
        if refused := self._no_room(request, path, guest):
            return self._say(request, *refused)
        if path == "/":  # links from before the pages had names lead to that of their family
            up = "." if request.path.endswith("/") else f"./{self.door.prefix.rsplit('/', 1)[-1]}"
            return self._let(request, Elsewhere, place=f"{up}/{FORMER.place}" if request.query else f"{up}{PAGES[0]}")
        choose_no_session(request)
        request.headers[GUEST], request.headers[ADDRESS] = str(guest), source_of(request.remote_ip or "")
        request.path = self.door.prefix + path
        return self.inner(request)

    def _read_headers(self, request: HTTPServerRequest) -> None:
        """What a proxy on this computer says of whom it asks for; nobody else is believed."""
        headers, last = request.headers, lambda name: request.headers.get(name, "").rpartition(",")[2].strip()
        if self.door.local and self.door.origins:
            if is_valid_ip(last("X-Forwarded-For")):
                request.remote_ip = last("X-Forwarded-For")
            if last("X-Forwarded-Proto") in ("http", "https"):
                request.protocol = last("X-Forwarded-Proto")
        for name in (GUEST, ADDRESS, "X-Real-Ip", "X-Scheme"):
            headers.pop(name, None)

    @property
    def _closed(self) -> str:
        if self.door.token:
            return "This class has a token. Type it, or open the link that holds it."
        return "These pages are for whoever started them. Open the link that is shown in the terminal, or type its token."

    def _foreign(self, request: HTTPServerRequest, path: str, websocket: bool) -> str:
        """Why a request cannot come from a person or a page of ours."""
        headers = request.headers
        if not self.door.token and request.host.lower() not in self.door.hosts:
            return "Pages are served to this computer only, as 127.0.0.1 or localhost."
        if websocket and not self.door.own(headers.get("Origin", ""), request.host):
            return "A websocket opens for pages of this server only."
        if headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            follows = headers.get("Sec-Fetch-Mode") == "navigate" and request.method == "GET" and ENTRANCE.fullmatch(path)
            return "" if follows else "This is for pages of this server only."
        return ""

    def _no_room(self, request: HTTPServerRequest, path: str, guest: Guest) -> tuple[Any, ...]:
        """The status and sentence with which something is refused that is too much, or too many."""
        most, seconds = self.bodies.get(path, (LARGEST_FORM, 0.0))
        length = request.headers.get("Content-Length", "0")
        if len(length) > 12 or (length.isdecimal() and int(length) > most):
            return 413, f"At most {most:,} bytes can be sent here."
        request.connection.set_max_body_size(most)  # type: ignore[union-attr]
        if seconds:
            request.connection.set_body_timeout(seconds)  # type: ignore[union-attr]
        if path in SOCKETS:
            return self._no_socket(request, path, guest)
        if path not in PAGES or request.method != "GET":
            return ()
        if len(request.query) > LONGEST_QUERY:
            return 414, f"This link has {len(request.query):,} characters; at most {LONGEST_QUERY:,} are read."
        return () if guest.lecturer else self._full(request, guest, self.sessions(fetching=True))

    def _no_socket(self, request: HTTPServerRequest, path: str, guest: Guest) -> tuple[Any, ...]:
        name, headers = page_of(request, self.application.secret_key)  # type: ignore[attr-defined]
        if headers.get(GUEST) != str(guest):
            return 403, "This page was opened by another browser, or too long ago."
        sessions = self.application._applications[path.removesuffix("/ws")].sessions  # type: ignore[attr-defined]
        shown = sum(session.connection_count for session in sessions if session.id == name)
        if shown >= MOST_SHOWN:
            return 403, "This page is shown already."
        return () if guest.lecturer or shown else self._full(request, guest, self.sessions())

    def _full(self, request: HTTPServerRequest, guest: Guest, sessions: list[Any]) -> tuple[Any, ...]:
        """Browsers without cookies are as many as they like, and one address can fill all places, but not those kept for others."""
        if sum(_guest_of(session) == str(guest) for session in sessions) >= EACH:
            return 503, f"This browser shows {EACH} pages of the class already. This one comes as soon as one of them is closed.", 5
        source, kept = source_of(request.remote_ip or ""), self.door.pages // KEPT_FREE
        few = sum(_asked_with(session, ADDRESS) == source for session in sessions) < kept
        if len(sessions) >= self.door.pages + (kept if few else 0):
            return 503, f"The class is full: {self.door.pages} pages are open. This page comes in as soon as one of them is closed.", 10
        return ()

    def sessions(self, *, fetching: bool = False) -> list[Any]:
        """Pages that a browser shows; with `fetching` also those that one is just getting."""
        contexts = self.application._applications.values()  # type: ignore[attr-defined]
        return [
            session
            for context in contexts
            for session in context.sessions
            if not session.destroyed
            and not (self.first and self.first in _guest_of(session))
            and (
                session.connection_count or (fetching and session not in ARRIVED and session.milliseconds_since_last_unsubscribe < FETCHING)
            )
        ]

    def open_pages(self) -> int:
        """Pages that a browser shows, or is just fetching."""
        return len(self.sessions(fetching=True))

    def give(self, request: HTTPServerRequest, name: str, role: str) -> None:
        """Send a badge along with the answer."""
        secure = "; Secure" if request.protocol == "https" else ""
        path = self.door.prefix or "/"
        badge = f"{self.door.cookie}={self.badges.issue(name, role)}; Path={path}; Max-Age={KEPT}; HttpOnly; SameSite=Lax{secure}"
        request.badge = badge  # type: ignore[attr-defined]

    def ticket(self) -> str:
        """A token of the lecturer that holds once: what starts a browser can be read by other accounts of this computer."""
        ticket = new_token()
        self.tickets[ticket] = time.monotonic() + TICKET
        return ticket

    def role_of(self, token: str) -> str:
        """What a token lets somebody be; '' for a wrong one."""
        if self.tickets.pop(token, 0.0) > time.monotonic():
            return "lecturer"
        fitting = [role for role in ROLES if role in self.door.tokens and same(token, self.door.tokens[role])]
        return fitting[0] if fitting else ""

    def _let(self, request: HTTPServerRequest, handler: type[RequestHandler], **options: Any) -> Any:
        request.connection.set_max_body_size(LARGEST_FORM)  # type: ignore[union-attr]
        return self.application.get_handler_delegate(request, handler, options)

    def _say(self, request: HTTPServerRequest, status: int, sentence: str, again: int = 0, **options: Any) -> Any:
        return self._let(request, Note, status=status, sentence=sentence, again=again, **options)


def _guest_of(session: Any) -> str:
    return _asked_with(session, GUEST)


def _asked_with(session: Any, header: str) -> str:
    context = session.document.session_context
    return str(context.request.headers.get(header, "")) if context and context.request else ""


class Elsewhere(Note):
    """Leads to the same page under its proper address."""

    def initialize(self, place: str) -> None:  # type: ignore[override]
        self.place = place

    def prepare(self) -> None:
        self.go(self.place, self.request.query)


@stream_request_body
class Exchange(Note):
    """A token for a badge: from the address, which is then asked for without it, or from the form."""

    def initialize(self, gate: Gate, name: str, role: str) -> None:  # type: ignore[override]
        self.gate, self.name, self.role, self.body = gate, name, role, b""

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk[: LARGEST_FORM - len(self.body)]

    def prepare(self) -> None:
        if self.request.method == "GET":
            self.look(self.request.query_arguments["token"][-1].decode("utf-8", "replace"))
        elif self.request.method != "POST":
            self.tell(405, "A token is given by GET or POST.")

    def post(self, *_: str) -> None:
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.gate.door.own(origin, self.request.host):
            return self.tell(403, "A token is given on a page of this server only.")
        self.look(parse_qs(self.body.decode("utf-8", "replace")).get("token", [""])[-1].strip())

    def look(self, token: str) -> None:
        """Whoever has a badge goes on, whatever the token; it may only raise what the badge is for."""
        gate, source = self.gate, source_of(self.request.remote_ip or "")
        waits = gate.browsers.left(self.name) if self.name else 0.0
        given = gate.role_of(token) if len(token) >= HOPELESS or (not waits and gate.patience.compares(source)) else ""
        if given:
            gate.give(self.request, self.name or secrets.token_hex(16), "lecturer" if self.role == "lecturer" else given)
        else:
            if not waits:
                self.name = self.name or secrets.token_hex(16)
                gate.patience.wrong(source)
                gate.browsers.wrong(self.name)
            if not self.role:
                return self._refuse(max(gate.browsers.left(self.name), gate.patience.left(source)))
        rest = [(key, value) for key, values in self.request.query_arguments.items() if key != "token" for value in values]
        self.go("./" + self.request.path.rsplit("/", 1)[-1], urlencode(rest))

    def _refuse(self, wait: float) -> None:
        self.gate.give(self.request, self.name, "")
        if wait:
            words = f"There were several wrong tokens from here. The next one is looked at in {max(1.0, wait):.0f} seconds."
            return self.tell(429, words, form=True)
        earlier = "an earlier class" if self.gate.door.token else "an earlier start; the terminal shows the link that holds now"
        self.tell(403, f"Wrong token. It may be from {earlier}.", form=True)
