"""A stand-in for `os` inside `workbench.runs.files`: remembers every change of the disk, or lets it become full."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

Change = tuple[Any, ...]


class Recorder:
    """Everything of `os`, writing down in order what is written, cut, renamed, removed and synchronised below a folder."""

    def __init__(self, root: Path):
        self.root, self.changes, self._paths = root, [], {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        file = os.open(path, flags, mode)
        self._paths[file] = self._name(path)
        if flags & os.O_TRUNC or (flags & os.O_CREAT and not os.fstat(file).st_size):
            self.changes.append(("truncate", self._name(path), 0))
        return file

    def write(self, file: int, data: bytes) -> int:
        written = os.write(file, data)
        self.changes.append(("write", self._paths[file], bytes(data[:written])))
        return written

    def ftruncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)
        self.changes.append(("truncate", self._paths[file], size))

    def fsync(self, file: int) -> None:
        os.fsync(file)
        self.changes.append(("fsync", self._paths[file]))

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)
        self.changes.append(("rename", self._name(source), self._name(target)))

    def unlink(self, path: Path) -> None:
        os.unlink(path)
        self.changes.append(("unlink", self._name(path)))

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self.root)


class Files:
    """What a disk holds after some of the recorded changes: names and bytes, put into a real folder on demand."""

    def __init__(self, folder: Path):
        self.folder = folder

    def apply(self, change: Change) -> None:
        kind, name, *rest = change
        path = self.folder / name
        if kind == "write":
            with path.open("ab") as file:
                file.write(rest[0])
        elif kind == "truncate":
            path.touch()
            os.truncate(path, rest[0])
        elif kind == "rename":
            os.replace(path, self.folder / rest[0])
        elif kind == "unlink":
            path.unlink()


class SmallDisk:
    """Everything of `os`, on a disk that can become full: short writes first, then ENOSPC, as with a real one."""

    def __init__(self, root: Path):
        self.root, self.room = root, float("inf")

    def fill(self) -> None:
        """From the next write on, there is room for what is there and nothing more."""
        self.room = -1

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, file: int, data: bytes) -> int:
        used = sum(path.stat().st_size for path in self.root.rglob("*") if path.exists())
        self.room = used if self.room < 0 else self.room
        free = int(min(self.room - used, len(data)))
        if free <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, data[:free])
