"""A table: columns of numbers under names, of any meaning. For whoever looks for a formula."""

from __future__ import annotations

import numpy as np

from workbench.data.reader.choose import Entry
from workbench.data.reader.hdf5 import with_datasets
from workbench.data.reader.layout import WEIGHT, refuse_weights
from workbench.data.reader.limits import MOST_EVENTS
from workbench.data.reader.numpy_file import with_arrays
from workbench.data.reader.recognise import recognise
from workbench.data.reader.request import Request
from workbench.data.reader.text import DELIMITERS, Form, form_of, row_names, rows_of

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
    if kind == "text":
        columns = _text(request)
    elif kind in ("npz", "hdf5"):
        columns = (with_arrays if kind == "npz" else with_datasets)(request, lambda entries: _arrays(entries, request))
    else:
        request.refuse(
            f"is a file of the kind {kind}; CSV with names in the first line, .npz or HDF5 with one array per column is read as a table"
        )
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
    by_place = set(names) != set(columns)
    if by_place and not next(iter(columns)).startswith("column "):
        request.note(f"has the columns {', '.join(columns)[:80]}, which were read as {', '.join(names)}")
    found = dict(zip(names, columns.values(), strict=True)) if by_place else {name: columns[name] for name in names}
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
    form = form_of(request, _hidden_names)
    if form.cells is None and request.kind not in OWN:
        request.refuse(f"begins with the numbers {form.first[:40]!r}; a first line with the names of the columns is needed")
    names = form.cells or [f"column {place + 1}" for place in range(form.columns)]
    shift = row_names(form, request)
    places = [place for place, name in enumerate(names) if name or place or shift]  # the numbers of rows, as pandas writes them
    names = [names[place] for place in places]
    if len(set(names)) < len(names) or not all(names):
        request.refuse("has columns of the same name, or without one; every column needs a name of its own")
    rows = rows_of(form, [place + shift for place in places], names, request)
    return {name: rows[:, place].copy() for place, name in enumerate(names)}


def _hidden_names(form: Form, request: Request) -> list[str] | None:
    """The names of the columns in the last comment that has as many words, none of them a number, as there are columns, or None."""
    for line in reversed(form.comments):
        for way in (form, *map(Form, DELIMITERS)):
            cells = way.split(line)
            if len(cells) == form.columns and all(cells) and not any(map(form.numeric, cells)):
                return cells
    return None


def _arrays(entries: list[Entry], request: Request) -> dict[str, np.ndarray]:
    """The arrays with one number per row by their names; what else is there is said."""
    found = [entry for entry in entries if len(entry.shape) == 1 or entry.shape[1:] == (1,)]
    folders = {entry.folder for entry in found}
    common = folders.pop() if len(folders) == 1 else ""
    found = [entry for entry in found if entry.folder == common]
    if others := [f"{entry.name} {entry.shape}" for entry in entries if entry not in found]:
        request.note(f"has {', '.join(others[:4])}{', …' * (len(others) > 4)}, which are no columns beside the others and are left out")
    return {entry.name.rpartition("/")[2]: entry.read().reshape(-1) for entry in found}
