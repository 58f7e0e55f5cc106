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
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from tornado.web import RequestHandler, stream_request_body

from workbench.data.files import UPLOADED, FileProblem, count_events
from workbench.home import uploads_folder
from workbench.runs import files
from workbench.runs.files import disk_sentence
from workbench.studios.server.door import GUEST
from workbench.studios.server.house import HOME, Guest, House

MOST_BYTES = 200_000_000
MOST_KEPT = 4_000_000_000
"""Bytes of all files together; those of students fill half of it at most."""
MOST_EACH = 400_000_000
"""Bytes that a student may send while the server lives."""
MOST_AT_ONCE = 12
"""Files that are being sent or read at the same time."""
PATIENCE = 15.0  # seconds between two looks at a transfer; one of which fewer than `LEAST` bytes came meanwhile is ended
LEAST = 10_000
REMAINS = ".part-"
OLD = 3_600.0  # seconds after which a remainder is nobody's where files cannot be locked
READERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="read uploads")


class Refused(Exception):
    """Why a file is not taken: a status of HTTP, and a sentence."""


class Room:
    """What is being sent just now, and what each student has sent since the server began."""

    def __init__(self) -> None:
        self.sending: set[Upload] = set()
        self.sent: Counter[str] = Counter()

    def check(self, guest: Guest, length: int, kept: int, free: int) -> None:
        """Whether one more file may come, with what is kept on the disk and free there [bytes]; what others promised is as good as there.

        Raises: Refused.
        """
        promised = sum(other.length - other.size for other in self.sending)
        most = MOST_KEPT if guest.lecturer else MOST_KEPT // 2
        if not guest.lecturer and any(other.guest.name == guest.name for other in self.sending):
            raise Refused(429, "Another file of yours is being sent or read; send this one afterwards.")
        if not guest.lecturer and self.sent[guest.name] + length > MOST_EACH:
            raise Refused(507, f"You have sent {self.sent[guest.name]:,} bytes; with this file they would be more than {MOST_EACH:,}.")
        if len(self.sending) >= MOST_AT_ONCE:
            raise Refused(503, f"{MOST_AT_ONCE} files are being sent just now; send this one in a minute.")
        if kept + promised + length > most or free < promised + 2 * length:
            raise Refused(507, f"There is no room for {length:,} more bytes among the files kept in {uploads_folder().name}.")


ROOM = Room()


@stream_request_body
class Upload(RequestHandler):
    """`POST upload?name=mine.h5&kind=gg_yyg&units=auto` with the bytes of a file: answers what the recipe's `file` is to be, its events
    and what is to be said of it, or why it is not taken."""

    def initialize(self, house: House, room: Room = ROOM) -> None:
        self.guest, self.room = Guest.read(house, self.request.headers.get(GUEST, "")), room
        self.file: BinaryIO | None = None
        self.length = self.size = self.seen = 0
        self.digest = hashlib.sha256()

    def prepare(self) -> None:
        try:
            self._check()
            folder = uploads_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            clear(folder)
            self.room.check(self.guest, self.length, size_of(folder), shutil.disk_usage(folder).free)
            self.path = folder / f"{REMAINS}{secrets.token_hex(8)}"
            self.file = open(taken(self.path), "wb")
        except Refused as problem:
            self._say(*problem.args)
        except OSError as problem:
            self._say(507, disk_sentence(problem, uploads_folder()))
        else:
            self.room.sending.add(self)
            self._watch_on()

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

    def _watch_on(self) -> None:
        self.watch = asyncio.get_running_loop().call_later(PATIENCE, self._watch)

    def _watch(self) -> None:
        """End a transfer that has fallen silent, or nearly so."""
        if self.size == self.length:
            return
        if self.size < self.seen + LEAST:
            return self._say(408, f"Nothing has come for a while, so the transfer was ended after {self.size:,} of {self.length:,} bytes.")
        self.seen = self.size
        self._watch_on()

    def data_received(self, chunk: bytes) -> None:
        if self.file is None:
            return
        try:
            self.file.write(chunk)
        except OSError as problem:
            return self._say(507, disk_sentence(problem, uploads_folder()))
        self.digest.update(chunk)
        self.size += len(chunk)

    async def post(self) -> None:
        if self.file is None:
            return
        name, kind = self.get_query_argument("name", "file")[-200:], self.get_query_argument("kind", "")
        units = self.get_query_argument("units", "auto")
        kept = f"uploads/{self.digest.hexdigest()[:16]}-{plain(name)}"
        assert UPLOADED.fullmatch(kept)
        try:
            self.file.flush()
            found = await asyncio.get_running_loop().run_in_executor(READERS, count_events, self.path, kind, name, units)
            self.file.close()
            target = uploads_folder() / kept.partition("/")[2]
            if not self.guest.lecturer and not target.exists():
                self.room.sent[self.guest.name] += self.size
            os.replace(self.path, target)
        except FileProblem as problem:
            return self._say(422, str(problem))
        except OSError as problem:
            return self._say(507, disk_sentence(problem, uploads_folder()))
        self._forget()
        self.finish({"file": kept, "events": found.events, "notes": found.notes})

    def _say(self, status: int, sentence: str) -> None:
        """Why the file is not taken."""
        self._forget()
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(sentence)

    def _forget(self) -> None:
        """Leave nothing of a transfer, whether its file was taken or not."""
        if self.file is not None:
            self.watch.cancel()
            with contextlib.suppress(OSError):  # what is still to be written may not fit
                self.file.close()
            with contextlib.suppress(OSError):
                self.path.unlink()
            self.file = None
        self.room.sending.discard(self)

    def on_connection_close(self) -> None:
        self._forget()

    def on_finish(self) -> None:
        self._forget()


def plain(name: str) -> str:
    """A name of a few harmless letters that ends like the original."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower())[-40:].strip("-.") or "file"


def taken(path: Path) -> int:
    """A new file that nobody else will take for a remainder, since it is locked until it is closed."""
    try:
        lock = files.Lock.acquire(path)
    except files.NoLocks:
        return os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), files.PRIVATE)
    assert lock and lock.file is not None, "nobody else knows the name"
    return lock.file


def clear(folder: Path) -> None:
    """Remove what is left of transfers whose server was killed."""
    for path in folder.glob(f"{REMAINS}*"):
        with contextlib.suppress(OSError):
            try:
                alive = files.is_held(path)
            except files.NoLocks:
                alive = time.time() - path.stat().st_mtime < OLD
            if not alive:
                path.unlink()


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):  # another server's transfer has just ended
            total += entry.stat(follow_symlinks=False).st_size
    return total


def routes(house: House = HOME) -> list[tuple[Any, ...]]:
    clear(uploads_folder())
    return [(r"/upload", Upload, {"house": house})]
