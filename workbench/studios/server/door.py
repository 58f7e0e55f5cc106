"""Behind which door pages are served: where, with which tokens, under which names; and the notes of one sentence that hang there."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import Morsel
from pathlib import Path
from typing import Any

from jinja2 import Environment
from tornado.web import RequestHandler, stream_request_body

from workbench.families import FAMILIES
from workbench.studios.server.badges import Badges, Patience, kept_secret, new_token, same, source_of

__all__ = ["GUEST", "Badges", "Door", "Note", "Patience", "kept_secret", "new_token", "source_of"]

SHORTEST = 8  # characters of a token
GUEST, ADDRESS = "X-Workbench-Guest", "X-Workbench-Address"
"""The header in which the gate tells a page who asks; what a client sends under this name is dropped."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
OWN = "the computer's own"
"""Instead of a token, what badges of one's own computer are signed with: they hold when the server starts again."""
PAGE = Path(__file__).parents[1] / "browser"
REFUSED = {
    400: "This cannot be read. Load the page anew, or copy the whole link.",
    403: "This is not for this browser. Load the page anew.",
    404: "There is no such file here.",
    405: "This is asked for in another way: pages and files by GET, what is sent by POST.",
}
"""What is said where a library refuses something, by the status."""
LOOKS = (("theme", "dark"), ("projector", "1"))  # cookies of the pages


def own_address() -> str:
    """This computer's address in its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address reserved for documentation
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


@dataclass(frozen=True)
class Door:
    """*Arguments*: token, of the class, '' where there is none; lecturer, of whoever leads it or works here. host, port and prefix, where
    the server listens; origins, under which a proxy offers it; pages, how many may be open."""

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
        """The token of each role."""
        return {"lecturer": self.lecturer} | ({"student": self.token} if self.token else {})

    @property
    def seals(self) -> dict[str, str]:
        """What the badges of each role hold for."""
        return self.tokens if self.token else {"lecturer": OWN}

    @property
    def cookie(self) -> str:
        return f"workbench_badge_{self.port}"

    @property
    def hosts(self) -> set[str]:
        """The names under which the server is asked for, where it knows them all."""
        return {f"{name}:{self.port}" for name in LOOPBACK} | {origin.partition("://")[2].lower() for origin in self.origins}

    def own(self, origin: str, host: str) -> bool:
        """Whether a page of that origin was served by us, seen from the name `host` under which the websocket is asked for."""
        if origin.lower() in {each.lower() for each in self.origins}:
            return True
        scheme, _, name = origin.partition("://")
        return scheme in ("http", "https") and name.lower() == host.lower()

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
        if self.token and same(self.token, self.lecturer):
            return "--token and --lecturer-token are the same; they must differ, or every student is a lecturer."
        for origin in self.origins:
            if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[\w.-]+)(:\d+)?", origin, re.ASCII):
                return f"--origin {origin[:60]!r} is not possible: it looks like https://hub.example.org, without a path."
        if not re.fullmatch(r"(/(?!\.)[\w.~@%-]+)*", self.prefix, re.ASCII):
            return f"--prefix {self.prefix[:60]!r} is not possible: it looks like /user/name/workbench."
        if not self.token and (self.origins or not self.local):
            to = self.host if not self.local else self.origins[0]
            return f"Pages are offered at {to[:60]} only with --token TOKEN (or --token auto): whoever opens them can start programs here."
        return ""


class Spoken(RequestHandler):
    """Answers in a sentence, also where Tornado or a library of ours refuses something."""

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

    def write_error(self, status_code: int, **_: Any) -> None:
        self.tell(status_code, REFUSED.get(status_code, "This could not be answered. The terminal where workbench runs says why."))


@stream_request_body
class Note(Spoken):
    """A page with one sentence; what is sent to it is not even read."""

    def initialize(self, status: int, sentence: str, form: bool = False, again: int = 0, links: tuple[tuple[str, str], ...] = ()) -> None:
        self.told: dict[str, Any] = {"sentence": sentence, "form": form, "again": again, "links": links}
        self.status = status

    def data_received(self, chunk: bytes) -> None:
        pass

    def prepare(self) -> None:
        self.tell(self.status, **self.told)

    def go(self, place: str, query: str) -> None:
        """Lead to another address of ours, relative, because a proxy may have cut off a path of which the server does not know."""
        self.set_header("Cache-Control", "no-store")
        self.set_status(303)
        self.set_header("Location", place + ("?" + query if query else ""))
        self.finish()


class Nowhere(Note):
    """Where there is nothing: the way back, relative, because a proxy may have cut off a path of which the server does not know."""

    def initialize(self, prefix: str) -> None:  # type: ignore[override]
        up = "../" * (self.request.path.removeprefix(prefix).count("/") - 1) or "./"
        super().initialize(404, "There is no such page.", links=tuple((up + family.place, f"To the {family.name}") for family in FAMILIES))


def _page(sentence: str, cookies: Mapping[str, Morsel[str]], **options: Any) -> str:
    """A sentence in the theme of the browser's other pages."""
    page, style = ((PAGE / name).read_text(encoding="utf-8") for name in ("note.html", "theme.css"))
    dark, projector = (f"workbench_{name}" in cookies and cookies[f"workbench_{name}"].value == value for name, value in LOOKS)
    options |= {"theme": "dark" if dark else "light", "projector": projector}
    return Environment(autoescape=True).from_string(page).render(sentence=sentence, style=style, **options)
