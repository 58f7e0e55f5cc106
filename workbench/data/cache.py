"""Datasets kept on disk: whole or absent, made once however many ask, checked when read.

libhdf5 never writes to the disk path: a file is built in memory and followed by its checksum, which HDF5 readers do not see.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray

try:
    import fcntl
except ImportError:  # a system without flock: two processes may then make the same events twice, which harms nothing
    fcntl = None  # type: ignore[assignment]

TRAILER = b"\nworkbench-crc32:"


def write(path: Path, dataset: xarray.Dataset) -> None:
    """Keep a dataset as HDF5 (netCDF4); a reader sees the old file or the new one, never a part.

    Raises: OSError naming the path and the free bytes; nothing is left behind.
    """
    keep(path, encode(dataset))


def keep(path: Path, data: bytes) -> None:
    """Keep bytes that `sealed` has followed by their checksum. Raises: as `write`."""
    require_space(path, len(data))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise disk_problem(path, problem) from problem


def read(path: Path) -> xarray.Dataset | None:
    """The dataset of a file, or None when there is no such file or it is damaged."""
    import xarray

    if (data := kept(path)) is None:
        return None
    with xarray.open_dataset(io.BytesIO(data), engine="h5netcdf") as dataset:
        return dataset.load()


def kept(path: Path) -> memoryview | None:
    """The bytes of a file without their checksum, or None when there is no such file or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    end = len(data) - len(TRAILER) - 8
    if end < 0 or data[end:-8] != TRAILER or data[-8:] != b"%08x" % zlib.crc32(memoryview(data)[:end]):
        return None
    return memoryview(data)[:end]


def encode(dataset: xarray.Dataset) -> bytes:
    """netCDF4 bytes of a dataset, followed by their checksum."""
    import h5netcdf
    import h5py

    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = dict(dataset.sizes)
        file.attrs.update(dataset.attrs)
        for name, variable in dataset.variables.items():
            text = variable.dtype.kind in "UO"
            made = file.create_variable(name, variable.dims, h5py.string_dtype() if text else variable.dtype)
            made[...] = variable.values.astype(object) if text else variable.values
            made.attrs.update(variable.attrs)
    return sealed(buffer.getvalue())


def sealed(data: bytes) -> bytes:
    """Bytes followed by their checksum."""
    return data + TRAILER + b"%08x" % zlib.crc32(data)


def require_space(path: Path, size: int) -> None:
    """Raises: OSError when the folder of `path` cannot be made, or its disk has fewer than `size` free bytes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
    except OSError as problem:
        raise disk_problem(path, problem) from problem
    if free < size:
        raise disk_problem(path, OSError(errno.ENOSPC, f"{size:,} bytes are needed"))


def disk_problem(path: Path, problem: OSError) -> OSError:
    """A problem with the disk as a sentence for the user."""
    try:
        free = f"{shutil.disk_usage(path.parent).free:,} bytes are free there"
    except OSError:
        free = "its folder cannot be reached"
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    with contextlib.suppress(OSError, AttributeError):
        if problem.errno == errno.ENOSPC and (found := os.statvfs(path.parent)).f_files and not found.f_favail:
            free = f"it holds as many files as it can (no inode is free), though {free}"
    what = f"the disk is full; {free}" if full else f"{problem.strerror or problem}; {free}"
    return OSError(
        problem.errno, f"The events cannot be kept in {path}: {what}. Set WORKBENCH_HOME to a folder with more space, or use cache=False."
    )


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock that belongs to `path`, calling `waiting` while another holds it; it falls open however its owner ends."""
    if fcntl is None:
        yield
        return
    require_space(path, 0)
    try:
        file = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise disk_problem(path, problem) from problem
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(0.05)
            except OSError:
                break  # a network disk without locks
        for torn in path.parent.glob(f".{path.name}.*.tmp"):  # of owners that were killed while writing
            torn.unlink(missing_ok=True)
        yield
    finally:
        os.close(file)


def size_of(events: int, particles: int) -> int:
    """Bytes that events need on disk, about."""
    return events * (4 * particles + 1) * np.dtype(np.float64).itemsize + 65_536
