"""Files that a browser sends: streamed to the disk under a limit, read by a process of its own, kept under a name made from their content.

Nothing of a file is looked at here, and what a person called it is never a path.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import shutil
from typing import Any, BinaryIO

from tornado.web import RequestHandler, stream_request_body

from workbench.data.files import UPLOADED, FileProblem, count_events
from workbench.home import uploads_folder
from workbench.runs.files import disk_sentence
from workbench.studios.door import GUEST
from workbench.studios.house import HOME, Guest, House

MOST_BYTES = 200_000_000
MOST_KEPT = 4_000_000_000
"""Bytes of all files together."""


class Refused(Exception):
    """Why a file is not taken: a status of HTTP, and a sentence."""


@stream_request_body
class Upload(RequestHandler):
    """`POST upload?name=mine.h5&kind=gg_yyg&units=auto` with the bytes of a file: answers what the recipe's `file` is to be, its events
    and what is to be said of it, or why it is not taken."""

    def initialize(self, house: House) -> None:
        self.guest = Guest.read(house, self.request.headers.get(GUEST, ""))
        self.file: BinaryIO | None = None
        self.size, self.digest = 0, hashlib.sha256()

    def prepare(self) -> None:
        try:
            self._check()
            folder = uploads_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_room(sum(entry.stat().st_size for entry in os.scandir(folder)), shutil.disk_usage(folder).free)
            self.path = folder / f".part-{secrets.token_hex(8)}"
            self.file = open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600), "wb")
        except Refused as problem:
            self._say(*problem.args)
        except OSError as problem:
            self._say(507, disk_sentence(problem, uploads_folder()))

    def _check(self) -> None:
        """Raises: Refused."""
        length = self.request.headers.get("Content-Length", "")
        if self.request.method != "POST":
            raise Refused(405, "Files are sent here by POST.")
        if self.request.headers.get("Content-Type") != "application/octet-stream":  # which no form of another site can send
            raise Refused(415, "Files are sent by the page's own button only.")
        if self.guest.no_training:
            raise Refused(403, self.guest.no_training)
        if not length.isdecimal():
            raise Refused(411, "The length of the file is needed beforehand.")
        if int(length) > MOST_BYTES:
            raise Refused(413, f"The file has {int(length):,} bytes; at most {MOST_BYTES:,} can be sent.")
        self.length = int(length)
        self.request.connection.set_max_body_size(MOST_BYTES)  # type: ignore[union-attr]

    def _check_room(self, kept: int, free: int) -> None:
        """Raises: Refused."""
        if kept + self.length > MOST_KEPT or free < 2 * self.length:
            raise Refused(507, f"There is no room for {self.length:,} more bytes among the files kept in {uploads_folder().name}.")

    def data_received(self, chunk: bytes) -> None:
        if self.file is None:
            return
        try:
            self.file.write(chunk)
        except OSError as problem:
            self._forget()
            self._say(507, disk_sentence(problem, uploads_folder()))
            return
        self.digest.update(chunk)
        self.size += len(chunk)

    async def post(self) -> None:
        if self.file is None:
            return
        self.file.close()
        name, kind = self.get_query_argument("name", "file")[-200:], self.get_query_argument("kind", "")
        units = self.get_query_argument("units", "auto")
        try:
            found = await asyncio.get_running_loop().run_in_executor(None, count_events, self.path, kind, name, units)
        except FileProblem as problem:
            self._forget()
            return self._say(422, str(problem))
        kept = f"uploads/{self.digest.hexdigest()[:16]}-{plain(name)}"
        assert UPLOADED.fullmatch(kept)
        os.replace(self.path, uploads_folder() / kept.partition("/")[2])
        self.file = None
        self.finish({"file": kept, "events": found.events, "notes": found.notes})

    def _say(self, status: int, sentence: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(sentence)

    def _forget(self) -> None:
        """Leave nothing of a file that was not taken."""
        if self.file is not None:
            self.file.close()
            with contextlib.suppress(OSError):
                self.path.unlink()
            self.file = None

    def on_connection_close(self) -> None:
        self._forget()

    def on_finish(self) -> None:
        self._forget()


def plain(name: str) -> str:
    """A name of a few harmless letters that ends like the original."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower())[-40:].strip("-.") or "file"


def routes(house: House = HOME) -> list[tuple[Any, ...]]:
    return [(r"/upload", Upload, {"house": house})]
