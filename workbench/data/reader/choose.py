"""Where in a file the numbers are: among its named arrays, or the columns of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.reader.layout import QUANTITIES, WEIGHT, Layout, hint, legs, own_names, split_unit
from workbench.data.reader.request import Request

SAVE = "wb.save_events(path, momenta, amplitude) writes both into one file"


@dataclass
class Entry:
    """An array of a file: its name there, its shape, the unit that the file says, and how it is read, as 64-bit numbers."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]
    unit: str = ""

    @property
    def leaf(self) -> str:
        """The name without groups, in small letters."""
        return self.name.rpartition("/")[2].lower()

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def nameless(self) -> bool:
        """Whether numpy gave the name."""
        return self.leaf == "" or (self.leaf.startswith("arr_") and self.leaf[4:].isdigit())


@dataclass
class Numbers:
    """What was found: quantities by name, of all events in the file's order, and their units as the file says them."""

    values: dict[str, np.ndarray]
    units: dict[str, str]


def choose(entries: Sequence[Entry], request: Request, kind: str = "dataset") -> Numbers:
    """Momenta and amplitude, or points, and the weights, from arrays with these names, from columns, or from rows of the right length.

    Raises: FileProblem naming what there is and what is needed.
    """
    return _named(entries, request, kind) or _columns(entries, request) or _rows(entries, request) or _none(entries, request, kind)


def _named(entries: Sequence[Entry], request: Request, kind: str) -> Numbers | None:
    """Arrays that are called momenta, amplitude or points."""
    first, *others = request.largest.shapes
    called = [entry for entry in entries if entry.leaf in QUANTITIES[first]]
    if not called and not (called := _nameless(entries, request) or _labelled(entries, request)):
        return None
    fitting = [entry for entry in called if _events_of(entry, request, first) is not None]
    if not fitting and (rows := _rows(entries, request)):
        return rows
    if not fitting:
        shapes = [f"(event, {', '.join(map(str, layout.shapes[first]))})" for layout in request.layouts]
        shape = called[0].shape
        other = request.instead(shape[1] if len(shape) == 3 else shape[1] // 4 if len(shape) == 2 else 0)
        request.refuse(f"has {called[0].name or 'numbers'} of the shape {shape}; {' or '.join(shapes)} is needed{other}")
    main = _only(fitting, first, request)
    values, units = {first: _shaped(main, request, first)}, {first: main.unit}
    for name in others:
        found = _beside(main, entries, request, QUANTITIES[name], name)
        if found is None:
            names = [entry.name for entry in entries]
            convert = f"; {SAVE}" if main.nameless or len(entries) == 1 else ""
            request.refuse(
                f"has no {kind} {name!r}{hint(name, names)}; it has {', '.join(filter(None, names[:10])) or first}{convert}"
                if kind
                else f"has {first} of {_particles(main)} particles but no {name}s{convert}"
            )
        values[name], units[name] = found.read().reshape(-1), found.unit
    return _with_weight(Numbers(values, units), _weights(entries, main.folder), len(values[first]), request)


def _nameless(entries: Sequence[Entry], request: Request) -> list[Entry]:
    """Momenta (event, particle, 4) without a name, or (event, 4n) with numbers beside them that may be their amplitudes."""
    if "momenta" not in request.largest.shapes:
        return []
    bare = [entry for entry in entries if entry.nameless and _events_of(entry, request, "momenta") is not None]
    return [entry for entry in bare if len(entry.shape) == 3 or len(request.largest.shapes) == 1 or len(entries) > 1]


def _labelled(entries: Sequence[Entry], request: Request) -> list[Entry]:
    """Momenta of another name that have amplitudes, by one of their names, beside them: aag (event, 4n) and labels (event)."""
    if not {"momenta", "amplitude"} <= set(request.largest.shapes):
        return []
    beside = {(entry.folder, entry.shape[:1]) for entry in entries if entry.leaf in QUANTITIES["amplitude"]}
    fitting = [
        entry for entry in entries if (entry.folder, entry.shape[:1]) in beside and _events_of(entry, request, "momenta") is not None
    ]
    return [entry for entry in fitting if entry.leaf == request.kind] or fitting


def _particles(entry: Entry) -> int:
    return entry.shape[1] if len(entry.shape) == 3 else entry.shape[1] // 4


def _events_of(entry: Entry, request: Request, quantity: str) -> int | None:
    """How many events an array has if it fits one of the layouts: (event, n, 4), or the same flat."""
    for layout in request.layouts:
        shape = layout.shapes[quantity]
        if entry.shape[1:] in (shape, (int(np.prod(shape)),)):
            return entry.shape[0]
    return None


def _shaped(entry: Entry, request: Request, quantity: str) -> np.ndarray:
    """The numbers of an array with the shape of a layout."""
    found = entry.read()
    shape = next(
        layout.shapes[quantity]
        for layout in request.layouts
        if entry.shape[1:] in (layout.shapes[quantity], (int(np.prod(layout.shapes[quantity])),))
    )
    return found.reshape(len(found), *shape)


def _only(fitting: Sequence[Entry], name: str, request: Request) -> Entry:
    """The one of several that is at the top of the file. Raises: FileProblem when none, or more, are."""
    top = [entry for entry in fitting if not entry.folder] if len(fitting) > 1 else list(fitting)
    if len(top) != 1:
        names = ", ".join(entry.name for entry in list(fitting)[:6])
        request.refuse(f"has several {name} that fit: {names}; save the one that is meant in a file of its own")
    return top[0]


def _beside(main: Entry, entries: Sequence[Entry], request: Request, names: set[str], quantity: str) -> Entry | None:
    """The array with one number per event that belongs to the momenta: in their group, or the only one."""
    shapes = (main.shape[:1], (main.shape[0], 1))
    called = [entry for entry in entries if entry.leaf in names]
    if main.nameless and not called:
        called = [entry for entry in entries if entry.nameless and entry.shape in shapes]
    exact = [entry for entry in called if entry.leaf == quantity] or called
    near = [entry for entry in exact if entry.folder == main.folder] or exact
    if not near:
        return None
    found = _only(near, quantity, request)
    if found.shape not in shapes:
        request.refuse(
            f"has {main.shape[0]:,} {main.leaf or 'momenta'} but {quantity}s of the shape {found.shape}; ({main.shape[0]},) is needed"
        )
    return found


def _weights(entries: Sequence[Entry], folder: str) -> list[Entry]:
    """The weights in the group of the events and at the top of the file, or else in groups that have no events of their own."""
    called = [entry for entry in entries if WEIGHT.fullmatch(entry.leaf)]
    events = {entry.folder for entry in entries if any(entry.leaf in names for names in QUANTITIES.values())}
    return [entry for entry in called if entry.folder in (folder, "")] or [entry for entry in called if entry.folder not in events]


def _with_weight(numbers: Numbers, weights: Sequence[Entry], events: int, request: Request) -> Numbers:
    """The same with the weights of the events, if the file has some."""
    if not weights:
        return numbers
    if len(weights) > 1:
        request.refuse(f"has several weights: {', '.join(entry.name for entry in weights[:6])}; leave the one that is meant")
    [weight] = weights
    if weight.shape not in ((events,), (events, 1)):
        request.refuse(f"has {events:,} events but {weight.name} of the shape {weight.shape}; ({events},) is needed")
    return Numbers(numbers.values | {"weight": weight.read().reshape(-1)}, numbers.units)


def _columns(entries: Sequence[Entry], request: Request) -> Numbers | None:
    """One array per column: E1, px1, …"""
    single = [entry for entry in entries if len(entry.shape) == 1]
    names = [split_unit(entry.leaf)[0] for entry in single]
    layout = layout_of(names, request)
    ours = own_names(names, layout)
    if not set(ours) & set(layout.columns):
        return None
    order = positions([entry.leaf for entry in single], layout, request)
    main = [single[place] for place in order]
    if len({entry.shape for entry in main}) > 1:
        request.refuse("has columns of different lengths")
    rows = np.column_stack([entry.read() for entry in main])
    units = [entry.unit or split_unit(entry.leaf)[1] for entry in main]
    return _with_weight(from_rows(rows, layout, request, units), _weights(entries, main[0].folder), len(rows), request)


def _rows(entries: Sequence[Entry], request: Request) -> Numbers | None:
    """One array with a row per event: its columns in order, the amplitude last; of several the one with the right number of columns."""
    tables = [entry for entry in entries if len(entry.shape) == 2 and entry.shape[1] > 1]
    for layout in reversed(request.layouts):
        if fitting := [entry for entry in tables if entry.shape[1] == len(layout.columns)]:
            named = [entry for entry in fitting if entry.leaf == request.kind]
            main = _only(named or fitting, "datasets of the right number of columns", request)
            numbers = from_rows(main.read(), layout, request, [main.unit] * layout.particles * 4)
            return _with_weight(numbers, _weights(entries, main.folder), main.shape[0], request)
    return None


def _none(entries: Sequence[Entry], request: Request, kind: str) -> Numbers:
    first = next(iter(request.largest.shapes))
    names = [entry.name for entry in entries]
    counts = " or ".join(str(len(layout.columns)) for layout in request.layouts)
    shapes = [f"{entry.name} {entry.shape}".strip() for entry in entries[:8]]
    found = ", ".join(shapes) + (", …" if len(entries) > 8 else "")
    convert = f"; {SAVE}" if "amplitude" in request.largest.shapes else ""
    for entry in entries:
        if len(entry.shape) == 2 and (other := request.instead((entry.shape[1] - 1) // 4)):
            request.refuse(f"has {found}; {counts} columns are needed{other}")
    if kind:
        needed = f"{' and '.join(request.largest.shapes)}, or {counts} columns,"
        request.refuse(f"has no {kind} {first!r}{hint(first, names)}; it has {found or 'none'}, but {needed} are needed{convert}")
    columns = f"{request.largest.columns[0]}, …, {request.largest.columns[-1]}"
    request.refuse(f"has numbers of the shape {found}; (event, {counts}) is needed: {columns}{convert}")


# columns


def layout_of(cells: Sequence[str], request: Request) -> Layout:
    """The layout with as many particles as names of columns tell, or the largest."""
    largest = request.largest
    count = legs(own_names(cells, largest))
    other = request.instead(count)
    if count > largest.particles > 0 or (other and count not in [layout.particles for layout in request.layouts]):
        request.refuse(f"has columns of {count} particles; {largest.particles} are needed{other}")
    return request.layout_with(count)


def positions(cells: Sequence[str], layout: Layout, request: Request) -> list[int]:
    """Where the columns are, by their names in any case."""
    names, columns = own_names(cells, layout), layout.columns
    spare = [cell for cell, name in zip(cells, names, strict=True) if name not in columns]
    for column in columns:
        if column not in names:
            request.refuse(f"has no column {column!r}{hint(column, spare)}; the columns {columns[0]}, …, {columns[-1]} are needed")
        if names.count(column) > 1:
            request.refuse(f"has the column {column!r} twice")
    return [names.index(column) for column in columns]


def weight_column(cells: Sequence[str], request: Request) -> int | None:
    """Where the column of the weights is, or None."""
    found = [place for place, cell in enumerate(cells) if WEIGHT.fullmatch(split_unit(cell)[0])]
    if len(found) > 1:
        request.refuse(f"has several weights: {', '.join(cells[place] for place in found[:6])}; leave the one that is meant")
    return found[0] if found else None


def from_rows(rows: np.ndarray, layout: Layout, request: Request, units: Sequence[str] = ()) -> Numbers:
    """The quantities of rows with the columns of a layout in order, and a column of weights behind them if there is one more."""
    sizes = [int(np.prod(shape)) for shape in layout.shapes.values()]
    ends = np.cumsum(sizes)
    parts = np.split(rows[:, : ends[-1]], ends[:-1], axis=1)
    values = {name: part.reshape(len(rows), *shape) for (name, shape), part in zip(layout.shapes.items(), parts, strict=True)}
    said: dict[str, str] = {}
    for name, end, size in zip(layout.shapes, ends, sizes, strict=True):
        different = sorted(set(units[end - size : end]))
        if len(different) > 1 and name != "points":
            request.refuse(f"has columns in different units: {', '.join(unit or 'none' for unit in different[:4])}; one is needed")
        said[name] = different[0] if different else ""
    if rows.shape[1] > ends[-1]:
        values["weight"] = rows[:, ends[-1]]
    return Numbers(values, said)
