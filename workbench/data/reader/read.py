"""One file from its bytes to checked events: recognised, read by its format, chosen, in GeV, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.choose import Numbers
from workbench.data.reader.columnar import read_parquet, read_root
from workbench.data.reader.hdf5 import read_hdf5
from workbench.data.reader.jets import JETS, SOME_JETS, read_jets
from workbench.data.reader.kinds import KINDS, kind_of
from workbench.data.reader.lhe import read_lhe
from workbench.data.reader.numpy_file import read_npy, read_npz
from workbench.data.reader.recognise import recognise
from workbench.data.reader.request import Request
from workbench.data.reader.table import TABLE, read_table
from workbench.data.reader.text import read_text
from workbench.data.reader.units import in_gev
from workbench.data.reader.wanted import points_of

FORMATS: dict[str, Callable[[Request], Numbers]] = {
    "hdf5": read_hdf5,
    "npy": read_npy,
    "npz": read_npz,
    "parquet": read_parquet,
    "root": read_root,
    "lhe": read_lhe,
    "text": read_text,
}
ANY = "any"
"""The kind of a file whose content says what it is."""


@dataclass(frozen=True)
class Found:
    """What a file holds: arrays by name (momenta and amplitude, or points, and weight), and what the user should know of it."""

    kind: str
    values: dict[str, np.ndarray]
    notes: list[str]


def read(path: Path, kind: str, name: str, units: str = "auto", just_sent: bool = False) -> Found:
    """The events of a file; `name` is how the user calls it. Raises: FileProblem."""
    if kind == ANY:
        return _read_any(path, name, units)
    if kind == TABLE:
        request = Request(path, kind, name, units, [])
        return Found(kind, read_table(request), request.notes)
    if kind in (JETS, SOME_JETS):
        request = Request(path, kind, name, units, [], just_sent=just_sent)
        return Found(kind, read_jets(request), request.notes)
    wanted = points_of(kind) if ":" in kind else kind_of(kind)
    request = Request(path, wanted.name, name, units, wanted.layouts(), wanted.instead, just_sent)
    numbers = FORMATS[recognise(request)](request)
    return Found(kind, wanted.checked(in_gev(numbers, request), request), request.notes)


def _read_any(path: Path, name: str, units: str) -> Found:
    """The events of a file as the first kind that it can be. Raises: FileProblem, of the kind whose arrays it has if one fits."""
    problems = []
    for kind in KINDS:
        wanted = kind_of(kind)
        request = Request(path, kind, name, units, wanted.layouts(), wanted.instead)
        try:
            numbers = FORMATS[recognise(request)](request)
        except FileProblem as problem:
            problems.append(problem)
            continue
        return Found(kind, wanted.checked(in_gev(numbers, request), request), request.notes)
    raise problems[0]
