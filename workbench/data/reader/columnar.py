"""Parquet files and ROOT trees, through pyarrow and uproot: columns of numbers, or of lists with as many numbers in every event."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.choose import Entry, Numbers, choose
from workbench.data.reader.layout import QUANTITIES, WEIGHT, has_common_unit
from workbench.data.reader.limits import MOST_BYTES, MOST_EVENTS, UNPACKED
from workbench.data.reader.request import Request

INSTALL = "pip install 'workbench[files]'"


def require(request: Request, what: str, *packages: str) -> None:
    """Raises: FileProblem saying what to install."""
    if missing := [package for package in packages if find_spec(package) is None]:
        request.refuse(f"is {what}, which is read with {' and '.join(missing)}, not installed here: {INSTALL}")


@contextlib.contextmanager
def told(request: Request) -> Iterator[None]:
    """A library's problems with a file as a sentence: these libraries raise whatever they meet."""
    try:
        yield
    except (FileProblem, MemoryError):
        raise
    except Exception as problem:
        text = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise FileProblem(f"{request.name} is damaged: {text[:200].rstrip('.')}.") from problem


def read_parquet(request: Request) -> Numbers:
    """Raises: FileProblem."""
    require(request, "a Parquet file", "pyarrow", "awkward")
    with told(request):
        import awkward
        import pyarrow
        from pyarrow import parquet

        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        with parquet.ParquetFile(request.path) as file:
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            check_size(file.metadata.num_rows, sum(group.total_byte_size for group in groups), request)

            def column(name: str) -> Any:
                found = file.read([name], use_threads=False)
                if pyarrow.types.is_decimal(types[name]):
                    found = found.set_column(0, name, found[name].cast(pyarrow.float64()))
                return awkward.from_arrow(found, highlevel=True)[name]

            schema = file.schema_arrow
            types = {field.name: field.type for field in schema if _numeric(field.type) or WEIGHT.fullmatch(field.name)}
            lists = {name for name, kind in types.items() if pyarrow.types.is_nested(kind)}
            common = _unit(schema.metadata)
            units = {field.name: _unit(field.metadata) or common * has_common_unit(field.name) for field in schema}
            return choose(_entries(types, lists, column, file.metadata.num_rows, units, request), request, kind="column")


def _unit(said: dict[bytes, bytes] | None) -> str:
    """The unit in what a Parquet file says of a column, or of all."""
    texts = {name.decode("utf-8", "replace").lower(): text.decode("utf-8", "replace") for name, text in (said or {}).items()}
    return (texts.get("units") or texts.get("unit") or "").strip()[:80]


def _numeric(kind: Any) -> bool:
    """Whether a column holds numbers, or lists of them."""
    from pyarrow import types

    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind = kind.value_type
    return types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind)


def read_root(request: Request) -> Numbers:
    """Raises: FileProblem."""
    require(request, "a ROOT file", "uproot", "awkward")
    with told(request):
        import uproot

        with uproot.open({str(request.path): None}, handler=uproot.source.file.MemmapSource) as file:
            kinds = file.classnames(recursive=True)
            trees = [name for name, kind in kinds.items() if kind in ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")]
            if not trees:
                request.refuse(f"is a ROOT file without a tree; it has {', '.join(kinds)[:100] or 'nothing'}")
            latest = {name.partition(";")[0]: name for name in reversed(trees)}  # the first is the newest of its cycles
            several = len(latest) > 1
            entries = [entry for name, full in latest.items() for entry in _tree(file[full], name if several else "", request)]
            return choose(entries, request, kind="branch")


def _tree(tree: Any, folder: str, request: Request) -> list[Entry]:
    """The branches of a tree that hold numbers."""
    check_size(tree.num_entries, getattr(tree, "uncompressed_bytes", 0), request)
    names = [name for name in tree.keys() if "/" not in name][:2_000]
    kinds = {name: str(tree[name].typename) for name in names}
    simple = ("double", "float", "int", "long", "short", "char", "real", "uint")
    numeric = [name for name, kind in kinds.items() if any(word in kind.lower() for word in simple) or WEIGHT.fullmatch(name)]
    lists = {name for name in numeric if any(mark in kinds[name] for mark in "[<")}
    entries = _entries(numeric, lists, lambda name: tree[name].array(), tree.num_entries, {}, request)
    return [Entry(f"{folder}/{entry.name}" if folder else entry.name, entry.shape, entry.read) for entry in entries]


def check_size(events: int, declared: int, request: Request) -> None:
    if events > MOST_EVENTS or declared > MOST_BYTES:
        request.refuse(f"has {events:,} events; at most {MOST_EVENTS:,} are read")
    if declared > UNPACKED * request.path.stat().st_size + 2**20:
        request.refuse(f"is refused: it declares {declared:,} bytes but holds {request.path.stat().st_size:,}")


def _entries(
    names: Sequence[str] | dict, lists: set[str], column: Callable[[str], Any], events: int, units: dict[str, str], request: Request
) -> list[Entry]:
    """The columns as arrays to choose from; of lists the shape is known when they have been read."""
    import awkward

    def numbers(name: str) -> np.ndarray:
        try:
            found = awkward.to_numpy(column(name), allow_missing=True)
        except ValueError as problem:
            raise FileProblem(
                f"{request.name} has lists of different lengths in {name!r}; as many numbers in every event are needed."
            ) from problem
        if found.dtype.kind not in "fiub":
            request.refuse(f"has {name!r} of the type {str(found.dtype)[:40]}; numbers are needed")
        return np.ma.filled(found.astype(np.float64), np.nan)

    found = []
    for name in names:
        if name in lists and _wanted(name, request):
            values = numbers(name)
            found.append(Entry(name, values.shape, partial(np.asarray, values), units.get(name, "")))
        elif name not in lists:
            found.append(Entry(name, (events,), partial(numbers, name), units.get(name, "")))
    return found


def _wanted(name: str, request: Request) -> bool:
    """Whether lists may be what is wanted: the names that arrays have, so that others are not read for nothing."""
    leaf = name.rpartition("/")[2].lower()
    return bool(WEIGHT.fullmatch(leaf)) or any(leaf in QUANTITIES[quantity] | {request.kind} for quantity in request.largest.shapes)
