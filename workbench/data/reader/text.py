"""Text: a row of numbers per event, as CSV, as numpy, Fortran, R, pandas or a spreadsheet write it, behind gzip or not."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, NoReturn

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.choose import Numbers, from_rows, layout_of, positions, weight_column
from workbench.data.reader.layout import Layout, own_names, split_unit
from workbench.data.reader.limits import MOST_EVENTS, most_unpacked
from workbench.data.reader.request import Request

COMMENTS = ("#", "%", "//", "!")
DELIMITERS: tuple[str | None, ...] = (";", "\t", ",", "|", None)
"""Tried in this order; None: blanks."""
MISSING = {"", "na", "n/a", "null", "none", "-", "<na>"}
"""How programs write a number that is not there, beside nan."""
LONGEST = 1_000_000
"""Characters of a line."""
csv.field_size_limit(LONGEST)  # a cell of a line that is read is never too long to be one


@dataclass
class Form:
    """How the rows of a text are parted, and what stands above them."""

    delimiter: str | None = None
    quote: str | None = None
    cells: list[str] | None = None
    """Names of the columns, if there are some."""
    columns: int = 0
    """How many a row has."""
    skip: int = 0
    """Lines above the first row."""
    comments: list[str] = field(default_factory=list)
    first: str = ""
    """The first line that is no comment."""
    optional: bool = False
    """Whether numbers may be missing."""
    row_is_named: bool = False
    """Whether the first row begins with a text or with the number of a row."""
    commas: bool = False
    """Whether numbers with a decimal comma were met."""

    def split(self, line: str) -> list[str]:
        """The cells of a line, without quotes; a delimiter at the end of a line ends the last cell."""
        line = line.split("#")[0].strip(" \r\n" if self.delimiter == "\t" else None)
        if self.delimiter is None:
            cells = re.findall(r"\"[^\"]*\"|'[^']*'|\S+", line)
        elif '"' in line or "'" in line:
            quote = '"' if '"' in line else "'"
            cells = next(csv.reader([line], delimiter=self.delimiter, quotechar=quote, skipinitialspace=True), [])
        else:
            cells = line.split(self.delimiter)
        cells = [cell.strip().strip("\"'").strip() for cell in cells]
        while cells and not cells[-1] and len(cells) > 1:
            cells.pop()
        return cells

    def number(self, text: str) -> float:
        """A number as programs write it: 1e2, 1.0D+02, 1,5 where the comma parts no columns. Raises: ValueError."""
        text = text.strip().strip("\"'").strip()
        if self.optional and text.lower() in MISSING:
            return np.nan
        if "_" in text:
            raise ValueError(text)
        if self.delimiter != "," and text.count(",") == 1 and "." not in text:
            text, self.commas = text.replace(",", "."), True
        if re.fullmatch(r"[+-]?[\d.]+[dDqQ][+-]?\d+", text):
            text = re.sub("[dDqQ]", "e", text)
        return float(text)

    def numeric(self, cell: str) -> bool:
        """Whether a cell is written as a number."""
        try:
            self.number(cell)
        except ValueError:
            return False
        return bool(cell.strip())


def read_text(request: Request) -> Numbers:
    """Columns by their names, or, without names, by their places. Raises: FileProblem naming row and column."""
    form = form_of(request, _hidden_header, optional=len(request.layouts) > 1)
    weight = None
    if form.cells is None:
        layout = _layout_by_count(form, request)
        order = list(range(len(layout.columns)))
        units: list[str] = []
    else:
        layout = layout_of(form.cells, request)
        if not set(own_names(form.cells, layout)) & set(layout.columns):
            columns = f"the columns {layout.columns[0]}, …, {layout.columns[-1]} are needed"
            request.refuse(f"has no column {layout.columns[0]!r}; its first line is {form.first[:60]!r}, but {columns}")
        order = positions(form.cells, layout, request)
        units = [split_unit(form.cells[place])[1] for place in order]
        if (weight := weight_column(form.cells, request)) is not None:
            order.append(weight)
    shift = row_names(form, request)
    rows = rows_of(form, [place + shift for place in order], [*layout.columns, *(["weight"] if weight is not None else [])], request)
    return from_rows(rows, layout, request, units)


def _layout_by_count(form: Form, request: Request) -> Layout:
    """The layout with as many columns as the rows have."""
    layout = next((layout for layout in request.layouts if len(layout.columns) == form.columns), None)
    if layout is None:
        counts = " or ".join(str(len(layout.columns)) for layout in request.layouts)
        columns = request.largest.columns
        needed = f"{counts} are needed: {columns[0]}, …, {columns[-1]}{request.instead((form.columns - 1) // 4)}"
        request.refuse(f"has {form.columns} column{'s' * (form.columns > 1)} and no header; {needed}")
    return layout


def row_names(form: Form, request: Request) -> int:
    """1 when every row begins with a name or its number, for which the header has no column, as R writes it.

    Raises: FileProblem when a row has more numbers than the header names.
    """
    if form.cells is None or form.columns <= len(form.cells):
        return 0
    if form.columns > len(form.cells) + 1 or not form.row_is_named:
        request.refuse(f"has {form.columns} columns in row 1, but its header names {len(form.cells)}; every column needs a name")
    return 1


@contextlib.contextmanager
def opened(request: Request) -> Iterator[IO[str]]:
    """The text of a file, unpacked. Letters that are no UTF-8 can only stand in names and comments."""
    with open(request.path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    binary: IO[bytes] = Unpacked(request) if packed else open(request.path, "rb")  # type: ignore[assignment]
    with binary, io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace") as text:
        try:
            yield text
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise FileProblem(f"{request.name} is a damaged gzip file: {str(problem)[:100]}.") from problem


class Unpacked(gzip.GzipFile):
    """What is behind gzip, as long as it is not far more than its file holds."""

    def __init__(self, request: Request):
        super().__init__(request.path, "rb")
        self.request, self.left = request, most_unpacked(request.path)

    def read(self, size: int | None = -1) -> bytes:
        return self._counted(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._counted(super().read1(size))

    def _counted(self, found: bytes) -> bytes:
        self.left -= len(found)
        if self.left < 0:
            self.request.refuse("is refused: far more bytes come out of it than a table of numbers packs to")
        return found


def _lines(text: IO[str]) -> Iterator[str]:
    """The lines, none longer than a million characters."""
    return iter(lambda: text.readline(LONGEST), "")


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENTS)


def form_of(request: Request, hidden_header: Callable[[Form, Request], list[str] | None], optional: bool = False) -> Form:
    """How a text is written, from its first lines.

    Arguments: `hidden_header`: finds the names of the columns in the comments, if they are there; `optional`: whether numbers may be
    missing, as those of jets.
    """
    comments: list[str] = []
    lines: list[tuple[int, str]] = []
    given = ""
    with opened(request) as text:
        for number, line in enumerate(_lines(text)):
            if _is_comment(line):
                comments = [*comments[-49:], line.strip().lstrip("#%/! \t")] if not lines else comments
            elif not lines and (said := re.fullmatch(r'\s*"?sep=(.)"?\s*', line, re.IGNORECASE)):
                given = said[1]
            elif line.strip():
                lines.append((number, line))
                if len(lines) == 2:
                    break
    if not lines:
        request.refuse("has no events: it is empty")
    form = _best(lines[-1][1], [given] if given else DELIMITERS)
    form.first, form.comments, form.skip, form.optional = lines[0][1].strip(), comments, lines[0][0], optional
    cells = form.split(lines[0][1])
    numbers = sum(map(form.numeric, cells))
    begin = lines[-1][1].lstrip()
    form.row_is_named = begin[0] in "\"'" or not form.numeric(form.split(begin)[0]) or form.split(begin)[0] in ("0", "1")
    if numbers < len(cells) / 2 or (len(lines) == 2 and numbers < len(cells) < form.columns):
        form.cells, form.skip = _joined(form, lines[0][1]), lines[0][0] + 1
    else:
        form.columns = len(cells)
        form.cells = hidden_header(form, request)
    return form


def _best(line: str, delimiters: tuple[str | None, ...] | list[str]) -> Form:
    """The way of parting a row in which it has the most numbers."""
    forms = [Form(delimiter) for delimiter in delimiters]
    parted = [form.split(line) for form in forms]
    counts = [sum(map(form.numeric, cells)) for form, cells in zip(forms, parted, strict=True)]
    counts = [2 * count + (count == len(cells) > 0) for count, cells in zip(counts, parted, strict=True)]  # 1,5 2,3: two, not "5 2"
    if max(counts) == 0:  # only names: the delimiter that parts most of them
        counts = [len(form.split(line)) if form.delimiter else 1 for form in forms]
    best = forms[counts.index(max(counts))]
    best.columns = len(best.split(line))
    best.quote = next((mark for mark in "\"'" if mark in line), None)
    return best


def _joined(form: Form, line: str) -> list[str]:
    """The names of a header; a unit behind a blank belongs to its name."""
    if form.delimiter is None:
        line = re.sub(r"\s+(?=[\[({])", "", line)
    return form.split(line)


def _hidden_header(form: Form, request: Request) -> list[str] | None:
    """The names of the columns from the comments above the rows, as numpy.savetxt writes them, or None.

    The last comment line with the names of all our columns is the header. One with as many names as there are columns, some of them ours
    but in other places, is one too: it says that the places are not what they seem.
    """
    found = None
    for cells in (_joined(way, line) for line in reversed(form.comments) for way in (form, *map(Form, DELIMITERS))):
        if not 2 <= len(cells) <= form.columns:
            continue
        layout = request.layout_with(max((layout.particles for layout in request.layouts if len(layout.columns) <= len(cells)), default=0))
        names = own_names(cells, layout)
        ours = set(names) & set(layout.columns)
        moved = [name for place, name in enumerate(names) if name in ours and layout.columns.index(name) != place]
        if ours == set(layout.columns):
            found = cells
            break
        if found is None and len(cells) == form.columns and len(ours) > len(cells) / 3 and moved:
            found = cells
    if found:
        request.note("has the names of its columns in a comment, and was read by them")
    return found


def rows_of(form: Form, order: list[int], columns: list[str], request: Request) -> np.ndarray:
    """The numbers of the columns, a row per event. Raises: FileProblem naming the first row that is none."""
    possible = most_unpacked(request.path) if _packed(request) else request.path.stat().st_size
    most = min(MOST_EVENTS + 1, possible // (2 * len(order)) + 1)  # numpy reserves memory for as many: a number takes two bytes
    for convert in (None, form.number):  # the second time in Python, for what C does not know
        try:
            with opened(request) as text:
                lines = _whole_rows(form, text, request)
                found = np.loadtxt(
                    lines, ndmin=2, delimiter=form.delimiter, quotechar=form.quote, usecols=order, max_rows=most, converters=convert
                )
        except FileProblem:
            raise
        except ValueError:
            continue
        if len(found) > MOST_EVENTS:
            request.refuse(f"has more than {MOST_EVENTS:,} events; at most so many are read")
        if convert and form.commas:
            request.note("has numbers with a comma, which was read as the decimal comma")
        return found.reshape(len(found), len(order))
    _broken_row(form, order, columns, request)


def _whole_rows(form: Form, text: IO[str], request: Request) -> Iterator[str]:
    """The rows. Raises: FileProblem when one has more cells than the first and the header: nobody knows which of them is meant."""
    most, marks = max(form.columns, len(form.cells or ())), form.delimiter
    row = 0
    for line in islice(_lines(text), form.skip, None):
        if _is_comment(line):
            continue
        row += bool(line.strip())
        if (line.count(marks) if marks else len(line.split()) - 1) >= most and (cells := len(form.split(line))) > most:
            request.refuse(f"has {cells} columns in row {row:,}, but {most} {'in its header' if form.cells else 'in row 1'}")
        yield line


def _packed(request: Request) -> bool:
    with open(request.path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _broken_row(form: Form, order: list[int], columns: list[str], request: Request) -> NoReturn:
    """Name the first row that is not a row of numbers."""
    with opened(request) as text:
        rows = (line for line in islice(_lines(text), form.skip, None) if line.split("#")[0].strip() and not _is_comment(line))
        for row, line in enumerate(rows, start=1):
            cells = form.split(line)
            if len(cells) <= max(order):
                request.refuse(f"has {len(cells)} column{'s' * (len(cells) > 1)} in row {row:,}; {max(order) + 1} are needed")
            for name, place in zip(columns, order, strict=True):
                try:
                    form.number(cells[place])
                except ValueError:
                    column = name if name.startswith("column ") else f"column {name}"
                    request.refuse(f"has {cells[place][:40]!r} in row {row:,}, {column}; a number is needed")
    request.refuse("cannot be read as a table of numbers")
