"""Who may come in: one gate in front of every route of the server, pages, websockets, files and scripts alike.

Without a token the server answers this computer only, under its own names. With one, the token is exchanged once for a badge, a signed
cookie, and leaves the address. Whoever gives wrong tokens waits, longer each time. A websocket opens only for a page of ours, and only for
the browser that fetched it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import Morsel
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from jinja2 import Environment
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler, stream_request_body

from workbench.runs import files
from workbench.studios.house import Guest, House

SHORTEST = 8  # characters of a token
MAY_FAIL = 3  # wrong tokens before the first wait
LONGEST_WAIT = 30.0  # seconds
FORGOTTEN = 600.0  # seconds after the last wrong token
SOURCES = 4_096  # addresses that are remembered
KEPT = 30 * 86_400  # seconds that a badge is kept by a browser
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another
GUEST, ADDRESS = "X-Workbench-Guest", "X-Workbench-Address"
"""The header in which the gate tells a page who asks; what a client sends under this name is dropped."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PAGE = Path(__file__).with_name("page")
ROLES = ("lecturer", "student")
LOOKS = (("theme", "dark"), ("projector", "1"))  # cookies of the pages


def new_token() -> str:
    """Sixteen letters and digits that can be read aloud: 79 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def own_address() -> str:
    """This computer's address in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address reserved for documentation
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


class Patience:
    """How long a source of wrong tokens waits before its next one is looked at: not at all, then 0.5 s, 1 s, 2 s, … at most 30 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self._wrong: OrderedDict[str, tuple[int, float, float]] = OrderedDict()  # how many, the last one, the next one

    def left(self, source: str) -> float:
        """Seconds until a token from there is looked at."""
        _, last, after = self._wrong.get(source, (0, 0.0, 0.0))
        now = self.clock()
        return max(0.0, after - now) if now - last < FORGOTTEN else 0.0

    def wrong(self, source: str) -> None:
        count, last, _ = self._wrong.pop(source, (0, 0.0, 0.0))
        now = self.clock()
        count = count + 1 if now - last < FORGOTTEN else 1
        wait = 0.0 if count < MAY_FAIL else min(LONGEST_WAIT, 0.5 * 2.0 ** min(count - MAY_FAIL, 10))
        self._wrong[source] = (count, now, now + wait)
        if len(self._wrong) > SOURCES:
            self._wrong.popitem(last=False)


def source_of(address: str) -> str:
    """An internet address as one source; those of version 6 by their network, which one computer has all of."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


class Badges:
    """Signed cookies: who a browser is, for good, and what it may, as long as the tokens stay the same."""

    def __init__(self, secret: bytes, tokens: dict[str, str]):
        self.secret, self.tokens = secret, tokens

    def issue(self, name: str, role: str) -> str:
        return ".".join([name, role, self._sign("name", name), self._sign("role", name, role, self.tokens[role])])

    def read(self, badge: str) -> tuple[str, str]:
        """(name, role); '' for what is not signed by us, or with another token."""
        parts = badge.split(".")
        if len(parts) != 4 or not re.fullmatch(r"[0-9a-f]{32}", parts[0]) or parts[1] not in self.tokens:
            return "", ""
        name, role, named, allowed = parts
        if not hmac.compare_digest(named, self._sign("name", name)):
            return "", ""
        return name, role if hmac.compare_digest(allowed, self._sign("role", name, role, self.tokens[role])) else ""

    def _sign(self, *words: str) -> str:
        return hmac.new(self.secret, "\0".join(words).encode(), hashlib.sha256).hexdigest()


def kept_secret(folder: Path) -> bytes:
    """What badges are signed with: made once and kept, so that a browser stays who it is when the server starts again."""
    try:
        return bytes.fromhex(files.read(folder / "secret").decode())
    except (OSError, ValueError):
        secret = os.urandom(32)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.replace(folder / "secret", secret.hex().encode())
        except OSError:
            pass  # then for this start only
        return secret


@dataclass(frozen=True)
class Door:
    """*Arguments*: token, of the class, lecturer, of whoever leads it; without both, whoever comes is a lecturer. host, port and prefix,
    where the server listens; origins, under which a proxy offers it; pages, how many may be open."""

    host: str = "127.0.0.1"
    port: int = 5006
    prefix: str = ""
    token: str = ""
    lecturer: str = ""
    origins: tuple[str, ...] = ()
    pages: int = 60

    @property
    def local(self) -> bool:
        return f"[{self.host}]" in LOOPBACK or self.host in LOOPBACK

    @property
    def tokens(self) -> dict[str, str]:
        """The token of each role; without any, '' for lecturers only."""
        return {"lecturer": self.lecturer, "student": self.token} if self.token else {"lecturer": ""}

    @property
    def cookie(self) -> str:
        return f"workbench_badge_{self.port}"

    @property
    def hosts(self) -> set[str]:
        """The names under which the server is asked for, where it knows them all."""
        return {f"{name}:{self.port}" for name in LOOPBACK} | {urlsplit(origin).netloc.lower() for origin in self.origins}

    def own(self, origin: str, host: str) -> bool:
        """Whether a page of that origin was served by us, seen from the name `host` under which the websocket is asked for."""
        if origin.lower() in {each.lower() for each in self.origins}:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and origin == f"{parts.scheme}://{parts.netloc}" and parts.netloc.lower() == host.lower()

    @property
    def address(self) -> str:
        """Where pages are found, from this computer's network."""
        if self.origins:
            return f"{self.origins[0]}{self.prefix}/"
        host = own_address() if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{self.prefix}/"

    def problem(self) -> str:
        """Why nothing can be served like this, in one sentence; '' where it can."""
        for kind, token in (("--token", self.token), ("--lecturer-token", self.lecturer)):
            if token and (len(token) < SHORTEST or not re.fullmatch(r"[\w.~-]+", token, re.ASCII)):
                return f"{kind} needs at least {SHORTEST} letters, digits, or any of - _ . ~, or is the word auto."
        if self.token and hmac.compare_digest(self.token, self.lecturer):
            return "--token and --lecturer-token are the same; they must differ, or every student is a lecturer."
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
                return f"--origin {origin[:60]!r} is not possible: it looks like https://hub.example.org, without a path."
        if not re.fullmatch(r"(/(?!\.)[\w.~@%-]+)*", self.prefix, re.ASCII):
            return f"--prefix {self.prefix[:60]!r} is not possible: it looks like /user/name/workbench."
        if not self.token and (self.origins or not self.local):
            to = self.host if not self.local else self.origins[0]
            return f"Pages are offered at {to[:60]} only with --token TOKEN (or --token auto): whoever opens them can start programs here."
        return ""


class Gate:
    """Stands in front of all routes of a Tornado application."""

    def __init__(self, application: Application, door: Door, house: House, secret: bytes):
        self.application, self.door, self.house = application, door, house
        self.badges, self.patience = Badges(secret, door.tokens), Patience()
        self.pages = {door.prefix + path for path in ("/", "/generators")}
        application.settings.update(default_handler_class=Nowhere, default_handler_args={"prefix": door.prefix})
        self.inner, application.find_handler = application.find_handler, self.find_handler  # type: ignore[method-assign]

    def find_handler(self, request: HTTPServerRequest, **_: Any) -> Any:
        for header in (GUEST, ADDRESS):
            request.headers.pop(header, None)
        path = request.path if request.path != self.door.prefix else request.path + "/"
        if {"..", "."} & {*re.split(r"[/\\]", unquote(path))} or "\0" in unquote(path):
            return self._say(request, 404, "There is no such address.")
        if refusal := self._foreign(request, path):
            return self._say(request, 403, refusal)
        name, role = self.badges.read(request.cookies[self.door.cookie].value) if self.door.cookie in request.cookies else ("", "")
        websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        if "token" in request.arguments and not websocket and self.door.token:
            return self._exchange(request, name)
        if not role and self.door.token:
            if request.method == "POST" and path in self.pages:
                return self._exchange(request, name)
            return self._say(request, 403, "This class has a token. Type it, or open the link that holds it.", form=path in self.pages)
        if not role:  # nobody is asked for a token here; a badge tells browsers apart
            name, role = name or secrets.token_hex(16), "lecturer"
            self.give(request, name, role)
        guest = Guest(self.house, name, role == "lecturer")
        if websocket and not self._fetched_by(request, guest):
            return self._say(request, 403, "This page was opened by another browser.")
        if path in self.pages and request.method == "GET" and not guest.lecturer and self.open_pages() >= self.door.pages:
            words = f"The class is full: {self.door.pages} pages are open. This page comes in as soon as one of them is closed."
            return self._say(request, 503, words, again=10)
        request.headers[GUEST], request.headers[ADDRESS] = str(guest), source_of(request.remote_ip or "")
        return self.inner(request)

    def give(self, request: HTTPServerRequest, name: str, role: str) -> None:
        """Send a badge along with the answer."""
        secure = "; Secure" if request.protocol == "https" else ""
        path = self.door.prefix or "/"
        badge = f"{self.door.cookie}={self.badges.issue(name, role)}; Path={path}; Max-Age={KEPT}; HttpOnly; SameSite=Lax{secure}"
        request.badge = badge  # type: ignore[attr-defined]

    def open_pages(self) -> int:
        """Pages that a browser shows, or is just fetching."""
        contexts = self.application._applications.values()  # type: ignore[attr-defined]
        return sum(not session.expiration_requested for context in contexts for session in context.sessions)

    def _foreign(self, request: HTTPServerRequest, path: str) -> str:
        """Why a request cannot come from a person or a page of ours."""
        headers = request.headers
        if not self.door.token and request.host.lower() not in self.door.hosts:
            return "Pages are served to this computer only, as 127.0.0.1 or localhost."
        if headers.get("Upgrade", "").lower() == "websocket" and not self.door.own(headers.get("Origin", ""), request.host):
            return "A websocket opens for pages of this server only."
        if headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and headers.get("Sec-Fetch-Mode") != "navigate":
            return "This is for pages of this server only."
        if path.endswith(("/autoload.js", "/metadata")):
            return "Pages of this server are not embedded elsewhere."
        return ""

    def _fetched_by(self, request: HTTPServerRequest, guest: Guest) -> bool:
        """Whether the page whose websocket this is was fetched by the same browser. Who signed that, Bokeh checks."""
        from bokeh.util.token import get_token_payload

        words = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        try:
            return get_token_payload(words[-1].strip())["headers"].get(GUEST) == str(guest)  # type: ignore[arg-type, typeddict-item]
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            return False

    def _exchange(self, request: HTTPServerRequest, name: str) -> Any:
        return self.application.get_handler_delegate(request, Exchange, {"gate": self, "name": name})

    def _say(self, request: HTTPServerRequest, status: int, sentence: str, **options: Any) -> Any:
        return self.application.get_handler_delegate(request, Note, {"status": status, "sentence": sentence, **options})


@stream_request_body
class Note(RequestHandler):
    """A page with one sentence; what is sent to it is not even read."""

    def initialize(self, status: int, sentence: str, form: bool = False, again: int = 0, links: tuple[tuple[str, str], ...] = ()) -> None:
        self.told: dict[str, Any] = {"sentence": sentence, "form": form, "again": again, "links": links}
        self.status = status

    def data_received(self, chunk: bytes) -> None:
        pass

    def prepare(self) -> None:
        self.tell(self.status, **self.told)

    def tell(self, status: int, sentence: str, **options: Any) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        if options.get("again") or status == 429:
            self.set_header("Retry-After", str(options.get("again") or 1))
        if "text/html" in self.request.headers.get("Accept", "text/html"):
            self.finish(_page(sentence, self.request.cookies, **options))
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(sentence)


class Nowhere(Note):
    """Where there is nothing: the way back, relative, because a proxy may have cut off a path of which the server does not know."""

    def initialize(self, prefix: str) -> None:  # type: ignore[override]
        up = "../" * (self.request.path.removeprefix(prefix).count("/") - 1) or "./"
        super().initialize(404, "There is no such page.", links=((up, "To the amplitudes"), (f"{up}generators", "To the generators")))


@stream_request_body
class Exchange(Note):
    """A token for a badge: from the address, which is then asked for without it, or from the form."""

    def initialize(self, gate: Gate, name: str) -> None:  # type: ignore[override]
        self.gate, self.name, self.body = gate, name, b""

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk[: 1_000 - len(self.body)]

    def prepare(self) -> None:
        if self.request.method == "GET":
            self.look(self.request.arguments["token"][-1].decode("utf-8", "replace"))
        elif self.request.method != "POST":
            self.tell(405, "A token is given by GET or POST.")

    def post(self, *_: str) -> None:
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.gate.door.own(origin, self.request.host):
            return self.tell(403, "A token is given on a page of this server only.")
        self.look(parse_qs(self.body.decode("utf-8", "replace")).get("token", [""])[-1].strip())

    def look(self, token: str) -> None:
        gate, source = self.gate, source_of(self.request.remote_ip or "")
        if wait := gate.patience.left(source):
            words = f"There were several wrong tokens from here. The next one is looked at in {wait:.0f} seconds."
            return self.tell(429, words, form=True)
        fitting = [role for role in ROLES if hmac.compare_digest(token.encode(), gate.door.tokens[role].encode())]
        if not fitting:
            gate.patience.wrong(source)
            return self.tell(403, "This token is not right: it may belong to an earlier class.", form=True)
        gate.give(self.request, self.name or secrets.token_hex(16), fitting[0])
        rest = [(key, value) for key, values in self.request.query_arguments.items() if key != "token" for value in values]
        here = self.request.path.rsplit("/", 1)[-1] or "./"
        self.set_header("Cache-Control", "no-store")
        self.set_status(303)
        self.set_header("Location", here + ("?" + urlencode(rest) if rest else ""))
        self.finish()


def _page(sentence: str, cookies: Mapping[str, Morsel[str]], **options: Any) -> str:
    """A sentence in the theme of the browser's other pages."""
    page, style = ((PAGE / name).read_text(encoding="utf-8") for name in ("note.html", "theme.css"))
    dark, projector = (f"workbench_{name}" in cookies and cookies[f"workbench_{name}"].value == value for name, value in LOOKS)
    options |= {"theme": "dark" if dark else "light", "projector": projector}
    return Environment(autoescape=True).from_string(page).render(sentence=sentence, style=style, **options)
