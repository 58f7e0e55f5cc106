"""HDF5: datasets of plain numbers inside the file itself, in groups or not.

No links, no data in other files, no filters but the common compressions, no size that is only declared. The file is opened without locks,
since it is only read; a file that another program holds open for writing may be half written, so it is refused by that name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.choose import Entry, Numbers, choose
from workbench.data.reader.layout import WEIGHT, has_common_unit
from workbench.data.reader.limits import EXPANSION, MOST_BYTES, MOST_EVENTS
from workbench.data.reader.request import Request

if TYPE_CHECKING:
    import h5py

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32_000: "lzf"}
MOST_OBJECTS, DEEPEST = 1_000, 5
"""How many datasets and groups are looked at, and how many groups inside each other."""
LONGEST = 1_024
"""Bytes of an attribute that is looked at."""
OPEN = "is open for writing in another program; close it there"


def read_hdf5(request: Request) -> Numbers:
    """Raises: FileProblem."""
    return with_datasets(request, lambda entries: choose(entries, request))


def with_datasets(request: Request, found: Callable[[list[Entry]], Any]) -> Any:
    """What `found` makes of the datasets in a file while it is open. Raises: FileProblem."""
    import h5py

    if held(request):
        request.refuse(OPEN)
    try:
        with h5py.File(request.path, "r", locking=False) as file:
            looked = _Looked(request)
            entries = [entry for dataset in looked.datasets(file) for entry in _entries(dataset, request)]
            looked.refuse_links(entries)
            return found(entries)
    except FileProblem:
        raise
    except BlockingIOError as problem:
        raise FileProblem(f"{request.name} {OPEN}.") from problem
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as problem:
        text = str(problem)
        if getattr(problem, "errno", None) == errno.EAGAIN or "already open for write" in text:
            raise FileProblem(f"{request.name} {OPEN}.") from problem
        raise FileProblem(f"{request.name} is damaged: {text[:200]}.") from problem


def held(request: Request) -> bool:
    """Whether another program has locked the file for writing, as HDF5 does; not where the user has switched HDF5's locks off, and not of
    a file that was just sent, which is locked by whoever keeps it."""
    if request.just_sent or os.environ.get("HDF5_USE_FILE_LOCKING", "").upper() in ("FALSE", "0"):
        return False
    try:
        import fcntl
    except ImportError:
        return False
    with open(request.path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a disk without locks
            return False
    return False


class _Looked:
    """A walk through the groups of a file, every object once, along hard links only."""

    def __init__(self, request: Request):
        self.request = request
        self.seen: set[Any] = set()
        self.links: list[str] = []
        self.groups: list[str] = []

    def datasets(self, group: h5py.Group, path: str = "", depth: int = 0) -> Iterator[tuple[str, h5py.Dataset]]:
        import h5py

        self.seen.add(h5py.h5o.get_info(group.id).addr)
        for name in islice(iter(group), MOST_OBJECTS):  # names that are no text come as bytes
            full = f"{path}{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                self.links.append(full)
                continue
            found = group[name]
            if isinstance(found, h5py.Dataset):
                yield full, found
                continue
            self.groups.append(full)
            new = isinstance(found, h5py.Group) and h5py.h5o.get_info(found.id).addr not in self.seen
            if new and depth < DEEPEST and len(self.seen) < MOST_OBJECTS:
                yield from self.datasets(found, f"{full}/", depth + 1)

    def refuse_links(self, entries: list[Entry]) -> None:
        """Refuse a file whose momenta, amplitude or points are a link, or a group that holds none."""
        for name in self.request.largest.shapes if self.request.layouts else ():
            if any(entry.leaf == name for entry in entries):
                continue
            if link := next((link for link in self.links if link.rpartition("/")[2].lower() == name), ""):
                self.request.refuse(f"is refused: {link!r} is a link to elsewhere; the data must be in the file itself")
            if group := next((group for group in self.groups if group.lower() == name), ""):
                self.request.refuse(f"has {group!r} as a group; a dataset is needed")


def _entries(named: tuple[str, h5py.Dataset], request: Request) -> Iterator[Entry]:
    """A dataset, or the fields of one with records, as arrays to choose from."""
    name, dataset = named
    fields = dataset.dtype.names
    if dataset.shape is None or bytes(dataset.attrs.get("NAME", b"")).startswith(b"This is a netCDF dimension but not"):
        return
    for field in fields or (None,):
        kind = dataset.dtype[field] if field else dataset.dtype
        if field and kind.base.kind not in "fiub" and not WEIGHT.fullmatch(field):
            continue

        def read(field: str | None = field) -> np.ndarray:
            _require_plain(dataset, name, dataset.dtype[field].base if field else dataset.dtype, request)
            return numbers_of(dataset, name, field, request)

        yield Entry(f"{name}/{field}" if field else name, dataset.shape + kind.shape, read, unit_of(dataset))


def _require_plain(dataset: h5py.Dataset, name: str, kind: np.dtype, request: Request) -> None:
    """Refuse what is not simply numbers inside the file."""
    require_inside(dataset, name, request)
    if kind.kind not in "fiub":
        request.refuse(f"has {name!r} of the type {str(kind)[:40]}; numbers are needed")


def require_inside(
    dataset: h5py.Dataset, name: str, request: Request, *, also: Iterable[int] = (), rows: int = MOST_EVENTS, size: int = MOST_BYTES
) -> None:
    """Refuse what is not inside the file, of a size that is really there.

    Arguments: `also`: further filters that may pack it; `rows`, `size`: how many rows and bytes it may have.
    """
    made = dataset.id.get_create_plist()
    if dataset.is_virtual or made.get_external_count():
        request.refuse(f"is refused: the data of {name!r} are in another file; they must be in the file itself")
    filters = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
    if unknown := [code for code in filters if code not in {*FILTERS, *also}]:
        request.refuse(f"is refused: {name!r} is stored with filter {unknown[0]}; use none or {', '.join(FILTERS.values())}")
    declared, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    chunk = int(np.prod(dataset.chunks, dtype=float)) * dataset.dtype.itemsize if dataset.chunks else 0
    there = request.path.stat().st_size
    if dataset.shape[0] > rows or declared > size or chunk > MOST_BYTES:
        request.refuse(f"declares {dataset.shape[0]:,} events in {name!r}; at most {rows:,} are read")
    if len(set(filters)) < len(filters) or max(declared, chunk) > EXPANSION * stored + 2**20 or stored > there:
        request.refuse(f"is refused: {name!r} declares {declared:,} bytes but holds {min(stored, there):,}")


def numbers_of(dataset: h5py.Dataset, name: str, field: str | None, request: Request) -> np.ndarray:
    """The numbers, unpacked as netCDF's conventions say: scale_factor × packed + add_offset, not a number where _FillValue stands."""
    packed = dataset[()][field].astype(np.float64) if field else dataset.astype(np.float64)[()]
    for missing in ("_fillvalue", "missing_value"):
        if (value := _number(dataset, missing, request)) is not None:
            packed = np.where(packed == value, np.nan, packed)
    scale, offset = _number(dataset, "scale_factor", request), _number(dataset, "add_offset", request)
    if scale is None and offset is None:
        return packed
    request.note(f"has {name!r} packed, and was unpacked by its scale_factor {scale or 1:g} and add_offset {offset or 0:g}")
    return packed * (1.0 if scale is None else scale) + (offset or 0.0)


def _attribute(of: h5py.Dataset | h5py.Group, name: str) -> list[Any]:
    """The different values of an attribute by its name in any case, or nothing: its size is looked at before it is read."""
    import h5py

    found = next((found for found in islice(of.attrs, MOST_OBJECTS) if found.lower() == name), None)
    if found is None:
        return []
    space = of.attrs.get_id(found)
    if int(np.prod(space.shape or (1,), dtype=float)) * space.dtype.itemsize > LONGEST or isinstance(
        space.get_type(), h5py.h5t.TypeReferenceID
    ):
        return ["something long"]
    return list(dict.fromkeys(np.asarray(of.attrs[found]).reshape(-1).tolist()))


def unit_of(dataset: h5py.Dataset) -> str:
    """The unit of a dataset: its own, or, of momenta, that of the nearest group, or of the whole file."""
    of = dataset
    while True:
        for name in ("units", "unit"):
            texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in _attribute(of, name)]
            if said := ", ".join(text.strip("\0 ") for text in texts):
                return said[:80]
        if of.name == "/" or not has_common_unit(dataset.name.rpartition("/")[2]):
            return ""
        of = of.parent


def _number(dataset: h5py.Dataset, name: str, request: Request) -> float | None:
    values = _attribute(dataset, name)
    if not values:
        return None
    if len(values) > 1:
        request.refuse(f"has the attribute {name} of {dataset.name!r} with several values; unpack the numbers first")
    if not isinstance(values[0], (int, float)):
        request.refuse(f"has the attribute {name} of {dataset.name!r} that is no number")
    return float(values[0])
