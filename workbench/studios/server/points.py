"""Points that a browser sends to a trained network: under the limits of `uploads`, answered by a process of its own, given back as a file.

The server reads nothing of them and knows no torch; what was sent is removed when the answer is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler, stream_request_body

from workbench.families import FAMILIES
from workbench.runs.files import RunError, disk_sentence
from workbench.studios.pages.library import Library
from workbench.studios.server import errands
from workbench.studios.server.door import GUEST
from workbench.studios.server.house import HOME, Guest, House
from workbench.studios.server.sharing import refuse
from workbench.studios.server.uploads import ROOM, Refused, Room, Upload, plain

ENDS = {"csv": "text/csv; charset=utf-8", "nc": "application/x-netcdf"}
MOST_KEPT = 24
"""Answers that can be fetched: the newest of each browser, and of all together."""
AT_ONCE = 2
"""Networks that are asked at the same time; the others wait."""
CHUNK = 1_000_000  # bytes


@dataclass
class Answers:
    """Files that were made, by who may fetch them; they go with the server."""

    folder: tempfile.TemporaryDirectory[str] = field(default_factory=lambda: tempfile.TemporaryDirectory(prefix="workbench-points-"))
    found: dict[str, Path] = field(default_factory=dict)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def keep(self, guest: Guest, path: Path) -> None:
        self.forget(guest.name)
        self.found[guest.name] = path
        for name in list(self.found)[:-MOST_KEPT]:
            self.forget(name)

    def forget(self, name: str) -> None:
        if old := self.found.pop(name, None):
            shutil.rmtree(old.parent, ignore_errors=True)


@stream_request_body
class Predict(Upload):
    """`POST predict?run=ID&name=mine.h5&units=auto&end=csv` with the bytes of a file: lines of JSON that tell the progress, and at
    last where the answer is and what is to be said of it, or why there is none."""

    def initialize(self, house: House, runs: Path, answers: Answers, room: Room = ROOM) -> None:  # type: ignore[override]
        super().initialize(house, room)
        self.runs, self.answers = runs, answers
        self.child: asyncio.subprocess.Process | None = None

    def _check(self) -> None:
        super()._check()
        if self.get_query_argument("end", "csv") not in ENDS:
            raise Refused(400, f"An answer is written as one of: {', '.join(ENDS)}.")
        try:
            asked = tuple(kind.recipe for family in FAMILIES for kind in family.kinds if kind.region)
            self.asked = Library(self.runs, asked).find(self.get_query_argument("run", ""))
        except (OSError, RunError) as problem:
            raise Refused(404, self.guest.told(str(problem))) from problem

    async def post(self) -> None:
        if self.file is None:
            return
        folder = Path(tempfile.mkdtemp(dir=self.answers.folder.name))
        try:
            with self._moved() as sent:
                self.set_header("Content-Type", "application/x-ndjson; charset=utf-8")
                self.set_header("Cache-Control", "no-store")
                async with self.answers.turns:
                    said = await self._asked(sent, folder / f"{self.asked.id}-predicted.{self.get_query_argument('end', 'csv')}")
        except OSError as problem:
            said = {"problem": self.guest.told(disk_sentence(problem, folder))}
        except StreamClosedError:  # it was cancelled
            said = {}
        finally:
            self._stop()
            if self.child is not None:
                await self.child.wait()
            self._forget()
        if "says" in said:
            target = next(folder.iterdir())
            self.answers.keep(self.guest, target)
            said["file"] = f"predicted/{target.name}"
        else:
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(StreamClosedError):
            await self.finish(json.dumps(said) + "\n")

    @contextlib.contextmanager
    def _moved(self) -> Iterator[Path]:
        """What was sent, under a name that ends as its sender's; it is counted as everything that a student sends."""
        assert self.file
        self.file.flush()
        inside = Path(tempfile.mkdtemp(dir=self.answers.folder.name))
        try:
            sent = inside / plain(self._name)
            shutil.move(self.path, sent)
            if not self.guest.lecturer:
                self.room.sent[self.guest.name] += self.size
            yield sent
        finally:
            shutil.rmtree(inside, ignore_errors=True)

    @property
    def _name(self) -> str:
        return self.get_query_argument("name", "file")[-200:]

    async def _asked(self, sent: Path, target: Path) -> dict[str, Any]:
        """What the process says at last; its progress is passed on."""
        if self.file is None:  # cancelled while it waited
            return {}
        units = self.get_query_argument("units", "auto")
        self.child = await errands.predicting(self.asked.path, sent, self._name, units, target)
        assert self.child.stdout
        said: dict[str, Any] = {}
        async for line in self.child.stdout:
            said = json.loads(line)
            if "fraction" in said:
                self.write(line)
                await self.flush()
        await self.child.wait()
        if "problem" in said:
            said["problem"] = self.guest.told(said["problem"])
        elif "says" not in said:
            return {"problem": f"{self._name} was not answered: the process ended with code {self.child.returncode}."}
        return said

    def _stop(self) -> None:
        """End the process and the reader that it started."""
        if self.child is not None and self.child.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, signal.SIGKILL)

    def on_connection_close(self) -> None:
        self._stop()
        super().on_connection_close()


class Predicted(RequestHandler):
    """The newest answer to this browser."""

    def initialize(self, answers: Answers) -> None:
        self.answers = answers

    async def get(self, name: str) -> None:
        guest = Guest.read(HOME, self.request.headers.get(GUEST, ""))
        path = self.answers.found.get(guest.name)
        if path is None or path.name != name:
            return refuse(self, 404, ValueError(f"There is no {name} for this browser any more; send the points again."))
        self.set_header("Content-Type", ENDS[path.suffix[1:]])
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        with open(path, "rb") as file, contextlib.suppress(StreamClosedError):
            while chunk := file.read(CHUNK):
                self.write(chunk)
                await self.flush()


def routes(runs: Path, house: House = HOME) -> list[tuple[Any, ...]]:
    answers = Answers()
    return [
        (r"/predict", Predict, {"house": house, "runs": runs, "answers": answers}),
        (r"/predicted/([a-z0-9-]{1,60}\.(?:csv|nc))", Predicted, {"answers": answers}),
    ]
