"""What a file may hold, and how its arrays and columns may be called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.data.events import COMPONENTS, HIT_OR_MISS

if TYPE_CHECKING:
    from workbench.data.reader.request import Request

QUANTITIES = {
    "momenta": {"momenta", "momentum", "p4", "four_momenta"},
    "amplitude": {"amplitude", "amplitudes", "label", "labels", "target", "targets", "me2", "matrix_element"},
    "points": {"points"},
}
"""Names of arrays, in small letters."""
WEIGHT = re.compile(r"w|(event|evt|mc|gen)_?w|w_?(nominal|nom|event|evt|mc|gen)|.*(wgt|weight).*", re.IGNORECASE)
"""Names of weights: w, w_nominal, weight, event_weight, genWeight, weight_mc, xwgtup."""
UNIT = re.compile(r"\s*[\[({]\s*([^\[\](){}]*?)\s*[\])}]\s*$|(?:/|_|\s)\s*([kmgtp]?ev)$", re.IGNORECASE)
"""The unit behind the name of a column: "E1 [GeV]", "E1 (GeV)", "E1/GeV", "E1_GeV"."""
PATTERNS = (
    re.compile(r"(?P<component>e|energy|px|py|pz)[_ .]?(?P<leg>\d+)"),
    re.compile(r"(?:p|particle|leg|part)?[_ .]?(?P<leg>\d+)[_ .]?(?P<component>e|energy|px|py|pz)"),
    re.compile(r"(?P<component>e|energy|px|py|pz)[_ .](?:p|particle|leg|part)[_ .]?(?P<leg>\d+)"),
)


def has_common_unit(leaf: str) -> bool:
    """Whether an array or column has the unit that is said of all: not the amplitudes, which have powers of it, nor the weights."""
    return leaf.lower() not in QUANTITIES["amplitude"] and not WEIGHT.fullmatch(leaf)


def refuse_weights(names: Iterable[str], of: str, request: Request) -> None:
    """Refuse a file with weights of what counts alike. Raises: FileProblem."""
    if name := next(filter(WEIGHT.fullmatch, names), ""):
        request.refuse(f"has weights, {name!r}, which are not used, as all {of} count alike; leave them out, after {HIT_OR_MISS}")


@dataclass(frozen=True)
class Layout:
    """What a file may hold: arrays with the shapes of one event, or the same numbers as columns."""

    shapes: dict[str, tuple[int, ...]]
    columns: list[str]
    names: tuple[str, ...] = ()
    """Of the particles."""

    @property
    def particles(self) -> int:
        return self.shapes["momenta"][0] if "momenta" in self.shapes else 0


def momenta_layout(names: Sequence[str], *more: str) -> Layout:
    """Momenta of so many particles, and one number per event for each of `more`."""
    columns = [f"{component}{leg}" for leg in range(1, len(names) + 1) for component in COMPONENTS]
    return Layout({"momenta": (len(names), 4)} | dict.fromkeys(more, ()), [*columns, *more], tuple(names))


def points_layout() -> Layout:
    return Layout({"points": (2,)}, ["x", "y"])


def split_unit(cell: str) -> tuple[str, str]:
    """The name of a column without its unit, and the unit or nothing."""
    found = UNIT.search(cell)
    if not found or found.start() == 0:
        return cell.strip(), ""
    return cell[: found.start()].strip(), (found.group(1) or found.group(2) or "").strip()


def own_names(cells: Sequence[str], layout: Layout) -> list[str]:
    """The columns by our names where they have one: "E1" for e1, E_1, p1_E, 1_E and y1_E of the particle y1; others in small letters.

    Names that count particles from 0 are counted from 1.
    """
    lower = [split_unit(cell)[0].lower() for cell in cells]
    ours = {column.lower(): column for column in layout.columns}
    parts = [_parts(name, layout.names) for name in lower]
    numbers = {part[1] for part in parts if part}
    first = 0 if 0 in numbers and layout.particles not in numbers else 1
    found = [
        f"{part[0]}{part[1] + 1 - first}" if part and layout.particles else ours.get(name, name)
        for name, part in zip(lower, parts, strict=True)
    ]
    if "amplitude" in ours and "amplitude" not in found:  # where there is one, a column called label is something else
        found = ["amplitude" if name in QUANTITIES["amplitude"] else name for name in found]
    return found


def _parts(name: str, particles: Sequence[str]) -> tuple[str, int] | None:
    """Component and number of a name like p1_e or y1_px."""
    for pattern in PATTERNS:
        if found := pattern.fullmatch(name):
            component = found["component"]
            return "E" if component.startswith("e") else component, int(found["leg"])
    for leg, particle in enumerate(particles, start=1):
        if found := re.fullmatch(rf"{re.escape(particle.lower())}[_ .](e|energy|px|py|pz)", name):
            return "E" if found[1].startswith("e") else found[1], leg
    return None


def legs(names: Sequence[str]) -> int:
    """The largest number of a particle in names of columns."""
    return max((int(name.lstrip("Epxyz")) for name in names if re.fullmatch(r"(E|px|py|pz)[1-9]", name)), default=0)


def hint(name: str, present: Sequence[str]) -> str:
    """The name that may have been meant, in words."""
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in present], n=1, cutoff=0.6)
    original = next((other for other in present if near and other.lower() == near[0]), None)
    return f" (rename {original!r}?)" if original else ""
