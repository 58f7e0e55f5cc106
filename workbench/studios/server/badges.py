"""Tokens, the badges that browsers get for them, and how long whoever gives wrong ones waits."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import os
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from workbench.runs import files

MAY_FAIL = 3  # wrong tokens before the first wait
LONGEST_WAIT = 30.0  # seconds
FORGOTTEN = 600.0  # seconds after the last wrong token
SOURCES = 4_096  # addresses that are remembered
HOPELESS = 16  # characters of a token that nobody finds by guessing, as `new_token` makes them
LOOKS = 200  # guesses from one source that are compared at once …
LOOKS_OF_ALL = 2_000  # … and from all sources together
REFILL = 3.0  # seconds until one more is
SECRET = 32  # bytes
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another


def new_token() -> str:
    """Sixteen letters and digits that can be read aloud: 79 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


class Patience:
    """How long a source of wrong tokens waits before its next one is looked at: not at all, then 0.5 s, 1 s, 2 s, … at most 30 s.

    Others may share the source, so a right token from there is let in meanwhile, as long as not too many wrong ones were compared: then a
    short token could be found among them, and only what cannot be guessed is compared (`HOPELESS`).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self._wrong: OrderedDict[str, tuple[int, float, float]] = OrderedDict()  # how many, the last one, the next one
        self._compared: OrderedDict[str, float] = OrderedDict()  # by source: when all of its guesses are forgotten

    def left(self, source: str) -> float:
        """Seconds until a token from there is looked at."""
        _, last, after = self._wrong.get(source, (0, 0.0, 0.0))
        now = self.clock()
        return max(0.0, after - now) if now - last < FORGOTTEN else 0.0

    def compares(self, source: str) -> bool:
        """Whether one more token from there may be compared."""
        limits = ((source, LOOKS), ("", LOOKS_OF_ALL))
        return all(self._compared.get(each, 0.0) - self.clock() <= (most - 1) * REFILL for each, most in limits)

    def wrong(self, source: str) -> None:
        count, last, _ = self._wrong.pop(source, (0, 0.0, 0.0))
        now = self.clock()
        count = count + 1 if now - last < FORGOTTEN else 1
        wait = 0.0 if count < MAY_FAIL else min(LONGEST_WAIT, 0.5 * 2.0 ** min(count - MAY_FAIL, 10))
        self._wrong[source] = (count, now, now + wait)
        if self.compares(source):
            for each in (source, ""):
                self._compared[each] = max(self._compared.pop(each, 0.0), now) + REFILL
        for known in (self._wrong, self._compared):
            if len(known) > SOURCES:
                known.popitem(last=False)


def source_of(address: str) -> str:
    """An internet address as one source; those of version 6 by their network, which one computer has all of."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


class Badges:
    """Signed cookies: who a browser is, for good, and what it may, as long as the tokens stay the same."""

    def __init__(self, secret: bytes, tokens: dict[str, str]):
        self.secret, self.tokens = secret, tokens

    def issue(self, name: str, role: str) -> str:
        """A badge of a browser; with role '' it only tells browsers apart."""
        return ".".join([name, role, self._sign("name", name), self._sign("role", name, role, self.tokens.get(role, ""))])

    def read(self, badge: str) -> tuple[str, str]:
        """(name, role); '' for what is not signed by us, or with another token."""
        parts = re.fullmatch(r"([0-9a-f]{32})\.([a-z]{0,20})\.([0-9a-f]{64})\.([0-9a-f]{64})", badge)
        if not parts or parts[2] not in {"", *self.tokens}:
            return "", ""
        name, role, named, allowed = parts.groups()
        if not hmac.compare_digest(named, self._sign("name", name)):
            return "", ""
        known = role in self.tokens and hmac.compare_digest(allowed, self._sign("role", name, role, self.tokens[role]))
        return name, role if known else ""

    def _sign(self, *words: str) -> str:
        return hmac.new(self.secret, "\0".join(words).encode(), hashlib.sha256).hexdigest()


def kept_secret(folder: Path) -> bytes:
    """What badges are signed with: made once and kept, so that a browser stays who it is when the server starts again."""
    with contextlib.suppress(OSError, ValueError):
        kept = bytes.fromhex(files.read(folder / "secret").decode())
        if len(kept) == SECRET:
            return kept
    secret = os.urandom(SECRET)
    with contextlib.suppress(OSError):  # then for this start only
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(folder / "secret", secret.hex().encode())
    return secret
