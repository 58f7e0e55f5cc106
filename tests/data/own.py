"""What the tests of the user's own files have in common."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.events import Events
from workbench.data.files import FileProblem, columns, load_file, load_sample
from workbench.data.reader.read import read
from workbench.data.samples import SAMPLES


def same(first: Events, second: Events, rtol: float = 0) -> bool:
    return np.allclose(first.momenta, second.momenta, rtol=rtol, atol=0) and np.allclose(
        first.amplitude, second.amplitude, rtol=rtol, atol=0
    )


def problem(path, kind: str = "gg_yyg", units: str = "auto") -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(FileProblem) as found:
        (load_sample if kind in SAMPLES else load_file)(path, kind, units)
    assert "\n" not in str(found.value) and len(str(found.value)) < 500
    return str(found.value)


def at(table, row, column, value):
    changed = table.copy()
    changed[row - 1, column] = value
    return changed


def moved(table, **shifts):
    changed = table.copy()
    for name, value in shifts.items():
        changed[4, columns("gg_yyg").index(name)] += value
    return changed


def broken_line(path, row: int, change) -> None:
    lines = path.read_text().splitlines()
    lines[row] = change(lines[row])
    path.write_text("\n".join(lines))


def of_file(path, kind: str = "gg_yyg", units: str = "auto", notes: list[str] | None = None) -> dict[str, np.ndarray]:
    """What a file holds, read in this process; `notes` gets what is said of it."""
    found = read(path, kind, path.name, units)
    if notes is not None:
        notes += found.notes
    return found.values


def refused(path, kind: str = "gg_yyg", units: str = "auto") -> str:
    """The sentence with which a file is refused, read in this process."""
    with pytest.raises(FileProblem) as found:
        read(path, kind, path.name, units)
    assert "\n" not in str(found.value) and len(str(found.value)) < 500
    return str(found.value)
