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


def lhe(events, weights=None) -> str:
    """Events of particles (PDG number, status, mother, momentum)."""
    lines = ['<LesHouchesEvents version="3.0">', "<init>", "2212 2212 6.5e3 6.5e3 0 0 0 0 3 1", "1.0 0.1 1.0 1", "</init>"]
    for number, particles in enumerate(events):
        lines += ["<event>", f" {len(particles)} 1 {1.0 if weights is None else weights[number]:.17g} 91.0 0.0078 0.118"]
        for kind, status, mother, (energy, x, y, z) in particles:
            lines.append(f" {kind} {status} {mother} {mother} 0 0 {x:.17g} {y:.17g} {z:.17g} {energy:.17g} 0. 0. 9.")
        lines.append("</event>")
    return "\n".join([*lines, "</LesHouchesEvents>", ""])


def top_pair(p: np.ndarray) -> list:
    """A decay chain with its last particles in an order that is not ours."""
    beam, none = (1.0, 0.0, 0.0, 1.0), np.zeros(4)
    return [
        (21, -1, 0, beam), (21, -1, 0, beam), (6, 2, 1, none), (-6, 2, 1, none), (24, 2, 3, none), (-24, 2, 4, none),
        (-5, 1, 4, p[3]), (-1, 1, 5, p[2]), (2, 1, 5, p[1]), (5, 1, 3, p[0]), (3, 1, 6, p[4]), (-4, 1, 6, p[5]),
    ]  # fmt: skip


def muon_pair(p: np.ndarray) -> list:
    """A Z with jets, the softest first."""
    jets = [(21, 1, 1, jet) for jet in p[2:] if np.isfinite(jet).all()]
    return [(1, -1, 0, np.ones(4)), *reversed(jets), (-13, 1, 1, p[1]), (13, 1, 1, p[0])]
