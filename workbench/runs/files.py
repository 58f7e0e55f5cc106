"""Files that are whole or absent, and locks that fall open when their owner dies: every write of a run folder goes through here."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # a system without flock: who owns a run is then told by its heartbeat
    fcntl = None  # type: ignore[assignment]

PRIVATE = 0o600
SEAL = re.compile(rb',\s*"crc": "([0-9a-f]{8})"\s*}\s*$')
TRAILER = b"\nworkbench-crc32:"


class RunError(RuntimeError):
    """Something that cannot be done with a run; the message is one sentence for the user."""


class Damaged(RunError):
    """A file whose checksum or form is wrong; the message names it."""


def replace(path: Path, data: bytes, *, sync: bool = True, writer: str = "") -> None:
    """Write `data` as `path` so that a reader meets the old bytes or the new ones, never a mixture.

    Arguments: sync: survive a power cut too, not only a kill. writer: a name that sets writers of the same path apart.
    Raises: OSError, after removing what was torn.
    """
    temporary = path.with_name(f".{path.name}{writer}.tmp")
    try:
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
            write_all(file, data)
            if sync:
                os.fsync(file)
        os.replace(temporary, path)
    except OSError as problem:
        remove(temporary)
        problem.filename = problem.filename or os.fspath(path)  # a full disk does not say whose it is
        raise


def remove(path: Path) -> None:
    """Remove a file; one that is not there, or cannot be removed, is left to itself."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut, where the file system can."""
    with contextlib.suppress(OSError), opened(path, os.O_RDONLY) as folder:
        os.fsync(folder)


def write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


@contextlib.contextmanager
def opened(path: Path, flags: int):
    """A file descriptor, private to this user, never followed through a symbolic link, closed at the end."""
    file = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), PRIVATE)
    try:
        yield file
    finally:
        os.close(file)


class Journal:
    """A file that only grows, by whole lines."""

    def __init__(self, path: Path):
        self.file = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), PRIVATE
        )
        self.size = os.fstat(self.file).st_size

    def append(self, line: bytes) -> None:
        """Raises: OSError, after cutting off what was torn."""
        try:
            write_all(self.file, line)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self.file, self.size)
            raise
        self.size += len(line)

    def sync(self) -> None:
        os.fsync(self.file)

    def close(self) -> None:
        os.close(self.file)


def seal(values: dict[str, Any], *, indent: int | None = None) -> bytes:
    """JSON that carries its own checksum as its last key, `crc`; numbers that JSON does not know become null."""
    try:
        text = json.dumps(values, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(values), indent=indent, ensure_ascii=False, allow_nan=False)
    body = text[:-1].rstrip().encode()
    before, after = (b"\n" + b" " * indent, b"\n}\n") if indent else (b" ", b"}\n")
    return body + (b"," if values else b"") + before + b'"crc": "%08x"' % zlib.crc32(body) + after


def unseal(data: bytes, name: str) -> dict[str, Any]:
    """The values of a sealed JSON object; one written by hand, without a checksum, is read too.

    Raises: Damaged naming the file.
    """
    found = SEAL.search(data)
    if found and zlib.crc32(data[: found.start()]) != int(found[1], 16):
        raise Damaged(f"{name} is damaged: its checksum does not fit.")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise Damaged(f"{name} is damaged: {problem}.") from problem
    if not isinstance(values, dict):
        raise Damaged(f"{name} is damaged: it is not a JSON object.")
    values.pop("crc", None)
    return values


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def with_trailer(data: bytes) -> bytes:
    """Bytes followed by their checksum. HDF5 ignores what follows its own end, so such a file opens everywhere."""
    return data + TRAILER + b"%08x" % zlib.crc32(data)


def without_trailer(data: bytes, name: str) -> bytes:
    """Raises: Damaged where the checksum is missing or does not fit."""
    end = len(data) - len(TRAILER) - 8
    if end < 0 or data[end:-8] != TRAILER:
        raise Damaged(f"{name} is damaged: its end is missing.")
    if data[-8:] != b"%08x" % zlib.crc32(memoryview(data)[:end]):
        raise Damaged(f"{name} is damaged: its checksum does not fit.")
    return data[:end]


def read(path: Path) -> bytes:
    """All bytes of a file, at most 4 GB, not through a symbolic link."""
    with opened(path, os.O_RDONLY) as file, os.fdopen(os.dup(file), "rb") as stream:
        if os.fstat(file).st_size > 2**32:
            raise Damaged(f"{path.name} has more than 4 GB.")
        return stream.read()


def disk_sentence(problem: OSError, folder: Path) -> str:
    """What is wrong with the disk: which path, and how many bytes are free, or that files may not become more."""
    try:
        free = f"{shutil.disk_usage(folder).free:,} bytes are free"
    except OSError:
        free = "it cannot be reached"
    if problem.errno == errno.ENOSPC and no_more_files(folder):
        return f"The disk of {folder} holds as many files as it can: no inode is free, though {free}; delete files there."
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    what = f"The disk of {folder} is full" if full else f"{folder} cannot be written ({os.strerror(problem.errno or 0)})"
    return f"{what}: {free}."


def no_more_files(folder: Path) -> bool:
    """Whether a file system has no room for another file's name, however many bytes are free."""
    with contextlib.suppress(OSError, AttributeError):
        found = os.statvfs(folder)
        return found.f_files > 0 and found.f_favail == 0
    return False


def in_words(problem: Exception) -> str:
    """What has happened, without the number of an error."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}." if problem.filename else problem.strerror
    return str(problem)


class NoLocks(OSError):
    """The file system, or the operating system, has no flock."""


class Lock:
    """An exclusive flock: held by one process, inherited by a fork, free the moment its last owner is gone.

    Without a file it is the mere claim of an owner where there is no flock.
    """

    def __init__(self, file: int | None):
        self.file = file

    @classmethod
    def acquire(cls, path: Path, *, wait: float = 0.5) -> Lock | None:
        """The lock, or None when another process keeps it for longer than `wait` seconds.

        Waiting a moment is needed even for a free lock: a reader's probe (`is_held`) keeps it for some microseconds.
        Raises: NoLocks.
        """
        end = time.monotonic() + wait
        while True:
            file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), PRIVATE)
            if _flock(file, shared=False) and still_named(file, path):
                return cls(file)
            os.close(file)
            if time.monotonic() >= end:
                return None
            time.sleep(0.002)

    @property
    def identity(self) -> list[int]:
        """What tells the locked file from another one that got its name later; empty where there is no flock."""
        return [] if self.file is None else identity(self.file)

    def release(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def identity(file: int | Path) -> list[int]:
    """What tells an empty file that is never written from copies and successors. Raises: OSError."""
    found = os.stat(file)
    return [found.st_ino, found.st_mtime_ns]


def is_held(path: Path) -> bool:
    """Whether some process holds the lock, seen from outside and without waiting.

    Raises: NoLocks.
    """
    try:
        with opened(path, os.O_RDONLY) as file:
            return not _flock(file, shared=True)
    except FileNotFoundError:
        return False


def _flock(file: int, *, shared: bool) -> bool:
    if fcntl is None:
        raise NoLocks(errno.ENOLCK, "This system has no flock")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        if problem.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
            raise NoLocks(problem.errno, problem.strerror) from problem
        raise
    return True


def still_named(file: int | None, path: Path) -> bool:
    """Whether the locked file is still the one of this name, and was not deleted in between."""
    if file is None:
        return False
    try:
        mine, named = os.fstat(file), os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino)
