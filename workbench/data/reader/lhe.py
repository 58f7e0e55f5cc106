"""Les Houches events, through pylhe: muons and partons in the order of a dataset, and their weights. There are no amplitudes in them."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any, NoReturn

import numpy as np

from workbench.data.reader.choose import Numbers
from workbench.data.reader.columnar import require, told
from workbench.data.reader.limits import MOST_EVENTS
from workbench.data.reader.request import Request
from workbench.data.reader.text import Unpacked
from workbench.physics.datasets.known import KNOWN

NAMES = {
    1: "d",
    2: "u",
    3: "s",
    4: "c",
    5: "b",
    6: "t",
    11: "e-",
    12: "νe",
    13: "mu-",
    14: "νμ",
    15: "tau-",
    16: "ντ",
    21: "g",
    22: "γ",
    23: "Z",
    24: "W+",
    25: "H",
}
ANTI = {11: "e+", 13: "mu+", 15: "tau+", 24: "W-"}
NEEDED = {name: dataset.files for name, dataset in KNOWN.items() if dataset.files}


def read_lhe(request: Request) -> Numbers:
    """Raises: FileProblem when the particles of an event do not fit, naming them."""
    if request.kind not in NEEDED:
        what = "amplitudes" if "momenta" in request.largest.shapes else "points in the plane"
        request.refuse(
            f"is an LHE file, which holds momenta but no {what}; it can be read as {' or '.join(NEEDED)} for generators, where its "
            "particles fit"
        )
    require(request, "an LHE file", "pylhe")
    import pylhe

    pick = NEEDED[request.kind].pick
    rows: list[list[Any]] = []
    weights: list[float] = []
    with told(request), open(request.path, "rb") as plain, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # pylhe warns where a file is cut, and gives the events before
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        stream: Any = Unpacked(request) if packed else plain
        for number, event in enumerate(pylhe.LHEFile.frombuffer(stream, with_attributes=False).events, start=1):
            chosen = pick(event.particles)
            if chosen is None:
                _refuse(event.particles, number, request)
            rows.append(chosen)
            weights.append(event.eventinfo.weight)
            if number > MOST_EVENTS:
                request.refuse(f"has more than {MOST_EVENTS:,} events; at most so many are read")
    if not rows:
        request.refuse("has no events")
    most = max(map(len, rows))
    momenta = np.full((len(rows), most, 4), np.nan)
    for row, particles in zip(momenta, rows, strict=True):
        row[: len(particles)] = [(particle.e, particle.px, particle.py, particle.pz) for particle in particles]
    return Numbers({"momenta": momenta, "weight": np.array(weights, dtype=np.float64)}, {})


def _refuse(particles: list[Any], number: int, request: Request) -> NoReturn:
    found = Counter(_name(particle) for particle in particles if particle.status == 1)
    there = " ".join(name if count == 1 else f"{count}×{name}" for name, count in found.items())
    request.refuse(
        f"is an LHE file with the final particles {there[:80] or 'none'} in event {number:,}; "
        f"{request.kind} needs {NEEDED[request.kind].needed}"
    )


def _name(particle: Any) -> str:
    number = int(particle.id)
    name = NAMES.get(abs(number), str(abs(number)))
    return name if number > 0 else ANTI.get(-number, f"anti-{name}")
