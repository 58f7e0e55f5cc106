"""numpy's own files: an array (.npy), or several by name (.npz). Pickled ones are refused: they can run programs."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import partial
from typing import IO, Any

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.choose import Entry, Numbers, choose
from workbench.data.reader.limits import MOST_BYTES, MOST_EVENTS, most_unpacked
from workbench.data.reader.request import Request


def read_npy(request: Request) -> Numbers:
    """One array: rows of all columns, or momenta. Raises: FileProblem."""
    return choose(_entries("", lambda: open(request.path, "rb"), request), request, kind="")


def read_npz(request: Request) -> Numbers:
    """Arrays by name. Raises: FileProblem."""
    return with_arrays(request, lambda entries: choose(entries, request, kind="array"))


def with_arrays(request: Request, found: Callable[[list[Entry]], Any]) -> Any:
    """What `found` makes of the arrays in a .npz file while it is open. Raises: FileProblem."""
    try:
        with zipfile.ZipFile(request.path) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")][:100]
            if sum(member.file_size for member in members) > most_unpacked(request.path):
                request.refuse("is refused: it declares far more bytes than it holds")
            return found(
                [
                    entry
                    for member in members
                    for entry in _entries(member.filename.removesuffix(".npy"), partial(archive.open, member), request)
                ]
            )
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, KeyError) as problem:
        raise FileProblem(f"{request.name} is damaged: {str(problem)[:200]}.") from problem


def _entries(name: str, opened: Callable[[], IO[bytes]], request: Request) -> list[Entry]:
    """An array, or the fields of one with records, as arrays to choose from."""
    with opened() as file:
        shape, kind = _header(file, request)
    if kind.hasobject:
        request.refuse(
            f"holds Python objects{f' in {name!r}' * bool(name)}, which are never read since they can run programs; save plain numbers"
        )
    size = int(np.prod(shape, dtype=float)) * kind.itemsize
    if size > MOST_BYTES or (shape and shape[0] > MOST_EVENTS):
        request.refuse(f"declares {shape[0] if shape else 1:,} events{f' in {name!r}' * bool(name)}; at most {MOST_EVENTS:,} are read")
    if not name and size > request.path.stat().st_size:
        request.refuse(f"is damaged: it declares {size:,} bytes but holds {request.path.stat().st_size:,}")

    def read(field: str | None = None) -> np.ndarray:
        with opened() as file:
            try:
                found = np.load(file, allow_pickle=False)
            except (ValueError, EOFError, zipfile.BadZipFile) as problem:
                raise FileProblem(f"{request.name} is damaged: {str(problem)[:200]}.") from problem
        found = found[field] if field else found
        if found.dtype.kind not in "fiub":
            request.refuse(f"has {name or 'an array'} of the type {str(found.dtype)[:40]}; numbers are needed")
        return found.astype(np.float64)

    if not kind.names:
        return [Entry(name, shape, read)]
    return [Entry(f"{name}/{field}".lstrip("/"), shape + kind[field].shape, partial(read, field)) for field in kind.names]


def _header(file: IO[bytes], request: Request) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array before it is read."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
    except (ValueError, EOFError) as problem:
        raise FileProblem(f"{request.name} is damaged: {str(problem)[:200]}.") from problem
    return shape, kind
