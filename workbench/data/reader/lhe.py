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
PARTONS = {*range(1, 6), 21}
NEEDED = {
    "z_jets": "mu-, mu+ and one, two or three jets",
    "tt_partons": "t and t̄ that decay to b and two quarks each",
}


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

    pick = _z_jets if request.kind == "z_jets" else _tt_partons
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
        f"is an LHE file with the final particles {there[:80] or 'none'} in event {number:,}; {request.kind} needs {NEEDED[request.kind]}"
    )


def _name(particle: Any) -> str:
    number = int(particle.id)
    name = NAMES.get(abs(number), str(abs(number)))
    return name if number > 0 else ANTI.get(-number, f"anti-{name}")


def _z_jets(particles: list[Any]) -> list[Any] | None:
    """μ⁻, μ⁺ and the partons by p_T."""
    final = [particle for particle in particles if particle.status == 1]
    muons = [particle for kind in (13, -13) for particle in final if particle.id == kind]
    jets = [particle for particle in final if abs(particle.id) in PARTONS]
    if [particle.id for particle in muons] != [13, -13] or len(final) != 2 + len(jets) or not 1 <= len(jets) <= 3:
        return None
    return muons + sorted(jets, key=lambda jet: -np.hypot(jet.px, jet.py))


def _tt_partons(particles: list[Any]) -> list[Any] | None:
    """b, quark and antiquark of t, then b̄, quark and antiquark of t̄."""
    final = [particle for particle in particles if particle.status == 1]
    found = []
    for sign in (1, -1):
        mine = [particle for particle in final if _top(particle, particles) == 6 * sign]
        bottom = [quark for quark in mine if quark.id == 5 * sign and particles[int(quark.mother1) - 1].id == 6 * sign]
        others = [quark for quark in mine if quark not in bottom[:1] and abs(quark.id) in range(1, 6)]
        if len(mine) != 3 or not bottom or len(others) != 2:
            return None
        found += [bottom[0], *sorted(others, key=lambda quark: -quark.id)]
    return found if len(final) == 6 else None


def _top(particle: Any, particles: list[Any]) -> int:
    """6 or −6 for what comes from a top quark or antiquark, else 0."""
    for _ in range(10):
        mother = int(particle.mother1)
        if not 1 <= mother <= len(particles):
            return 0
        particle = particles[mother - 1]
        if abs(particle.id) == 6:
            return int(particle.id)
    return 0
