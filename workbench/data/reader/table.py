"""A table: columns of numbers under names, of any meaning. For whoever looks for a formula."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.hdf5 import OPEN, held, require_inside
from workbench.data.reader.layout import WEIGHT, refuse_weights
from workbench.data.reader.limits import MOST_EVENTS, most_unpacked
from workbench.data.reader.recognise import recognise
from workbench.data.reader.request import Request
from workbench.data.reader.text import DELIMITERS, MISSING, opened

TABLE = "table"
"""The kind of such a file."""
OWN = {"curve": (("x", "y"), ("x", "y", "sigma")), "classes": (("x1", "x2", "class"),)}
"""Tables of known columns, with names in the first line or in this order without: points of a curve, with σ of y or not, and classes of
points in the plane, which are numbered 0, 1, …"""
MOST_COLUMNS = 12
LEAST_ROWS, LEAST_OF_A_CLASS = 20, 5


def read_table(request: Request) -> dict[str, np.ndarray]:
    """The columns of a CSV, .npz or HDF5 file by their names, in their order. Raises: FileProblem."""
    kind = recognise(request)
    readers = {"text": _text, "npz": _npz, "hdf5": _hdf5}
    if kind not in readers:
        request.refuse(f"is {kind}; CSV with names in the first line, .npz or HDF5 with one array per column is read as a table")
    columns = readers[kind](request)
    if len(columns) < 2:
        request.refuse(f"has {len(columns)} columns of numbers; one to describe and at least one to describe it by are needed")
    if len(columns) > MOST_COLUMNS:
        request.refuse(f"has {len(columns)} columns; at most {MOST_COLUMNS} are read, so leave some out")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        request.refuse(f"has columns of different lengths: {', '.join(f'{name} {length:,}' for name, length in lengths.items())[:200]}")
    rows = next(iter(lengths.values()))
    if not LEAST_ROWS <= rows <= MOST_EVENTS:
        request.refuse(f"has {rows:,} rows; {LEAST_ROWS} to {MOST_EVENTS:,} are needed")
    for name, column in columns.items():
        if (wrong := ~np.isfinite(column)).any():
            request.refuse(f"has {name} = {column[wrong][0]:g} in row {int(wrong.argmax()) + 1:,}; a number is needed")
    if request.kind in OWN:
        return _own(columns, request)
    for name in filter(WEIGHT.fullmatch, columns):
        request.note(f"has a column {name}, which is a variable like the others: all rows count alike")
    return columns


def _own(columns: dict[str, np.ndarray], request: Request) -> dict[str, np.ndarray]:
    """The columns in their order, if they can be points of a curve or classes of points. Raises: FileProblem."""
    refuse_weights(columns, "points", request)
    columns = {name.lower() if name.lower() in OWN[request.kind][-1] else name: column for name, column in columns.items()}
    names = next((names for names in OWN[request.kind] if len(names) == len(columns)), None)
    if names is None:
        needed = " or ".join(f"{len(names)} ({', '.join(names)})" for names in OWN[request.kind])
        request.refuse(f"has {len(columns)} columns; {needed} are needed")
    known, odd = ([name for name in columns if (name in names) == wanted] for wanted in (True, False))
    if known and odd:
        request.refuse(f"has the column {odd[0][:40]!r} beside {', '.join(known)}; {', '.join(names)} are needed")
    found = dict(zip(names, columns.values(), strict=True)) if set(names) != set(columns) else {name: columns[name] for name in names}
    for name in ("x", "y", "x1", "x2"):
        if name in found and not np.ptp(found[name]) > 0:
            request.refuse(f"has the same {name} in all rows; there is nothing to learn")
    if "sigma" in found and (wrong := found["sigma"] <= 0).any():
        request.refuse(f"has sigma = {found['sigma'][wrong][0]:g} in row {int(wrong.argmax()) + 1:,}; the width of y must be positive")
    if "class" in found:
        label = found["class"]
        if (wrong := ~np.isin(label, (0, 1, 2))).any():
            request.refuse(
                f"has class = {label[wrong][0]:g} in row {int(wrong.argmax()) + 1:,}; 0 for signal, 1 for background, 2 for a third"
            )
        if few := [k for k in range(max(2, int(label.max()) + 1)) if (label == k).sum() < LEAST_OF_A_CLASS]:
            request.refuse(f"has fewer than {LEAST_OF_A_CLASS} points of class {few[0]}; there is nothing to tell apart")
    return found


def _text(request: Request) -> dict[str, np.ndarray]:
    with opened(request) as text:
        lines = [line for line in text.read().splitlines() if line.strip()]
    if not lines:
        request.refuse("has no rows")
    first = lines[0].lstrip("#% ")
    delimiter = next((each for each in DELIMITERS if each is None or each in first), None)
    names = _cells(first, delimiter)
    if request.kind in OWN and all(map(_is_number, names)):
        names, lines = [f"column {place + 1}" for place in range(len(names))], ["", *lines]
    elif all(map(_is_number, names)):
        request.refuse(f"begins with the numbers {first[:40]!r}; a first line with the names of the columns is needed")
    if len(set(names)) < len(names) or not all(names):
        request.refuse("has columns of the same name, or without one; every column needs a name of its own")
    rows = np.empty((len(lines) - 1, len(names)))
    for number, line in enumerate(lines[1:]):
        cells = _cells(line, delimiter)
        if len(cells) != len(names):
            request.refuse(f"has {len(cells)} cells in row {number + 1:,}, not {len(names)} as its first line")
        for place, cell in enumerate(cells):
            try:
                rows[number, place] = np.nan if cell.lower() in MISSING else float(cell)
            except ValueError:
                request.refuse(f"has {names[place]} = {cell[:30]!r} in row {number + 1:,}; a number is needed")
    return {name: rows[:, place].copy() for place, name in enumerate(names)}


def _cells(line: str, delimiter: str | None) -> list[str]:
    return [cell.strip().strip("\"'").strip() for cell in line.split(delimiter)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _npz(request: Request) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(request.path) as archive:
            if sum(member.file_size for member in archive.infolist()) > most_unpacked(request.path):
                request.refuse("is too large when it is unpacked")
            found = {name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)), allow_pickle=False) for name in archive.namelist()}
    except FileProblem:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as problem:
        request.refuse(f"is damaged: {str(problem)[:100]}")
    return {name: array.astype(float) for name, array in found.items() if array.ndim == 1 and array.dtype.kind in "fiub"}


def _hdf5(request: Request) -> dict[str, np.ndarray]:
    import h5py

    columns = {}
    if held(request):
        request.refuse(OPEN)
    try:
        with h5py.File(request.path, "r", locking=False) as file:
            for name in file:
                if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                    continue
                item = file[name]
                if isinstance(item, h5py.Dataset) and item.ndim == 1 and item.dtype.kind in "fiub" and item.size <= MOST_EVENTS:
                    require_inside(item, name, request)
                    if not bytes(item.attrs.get("NAME", b"")).startswith(b"This is a netCDF dimension but not"):
                        columns[name] = item[()].astype(float)
    except FileProblem:
        raise
    except (OSError, RuntimeError, TypeError, ValueError) as problem:
        request.refuse(f"is damaged: {str(problem)[:100]}")
    return columns
