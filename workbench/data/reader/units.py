"""Units of energy: what a file says of its own, and the factors that bring momenta to GeV and amplitudes to powers of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from workbench.data.reader.choose import Numbers
    from workbench.data.reader.request import Request

ENERGIES = {"eV": 1e-9, "keV": 1e-6, "MeV": 1e-3, "GeV": 1.0, "TeV": 1e3, "PeV": 1e6}
"""In GeV."""
PLAIN = {"", "1", "none", "dimensionless", "unitless", "a.u.", "arbitrary"}
"""What is written where there is no unit."""
WRITTEN = re.compile(r"(1\s*/\s*)?([kmgtp]?ev)(?:\s*/\s*c(?:\^|\*\*)?2?)?\s*(?:\^|\*\*)?\s*\(?\s*([+-]?\d+)?\s*\)?", re.IGNORECASE)


def energy_of(text: str) -> tuple[str, int] | None:
    """The unit of energy and its power: "MeV" and 1 of "MeV/c", "GeV" and −2 of "GeV^-2", "1/GeV^2" or "GeV**(-2)"; None for others."""
    found = WRITTEN.fullmatch(text.strip().replace("−", "-"))
    if not found:
        return None
    inverse, unit, power = found.groups()
    return next(name for name in ENERGIES if name.lower() == unit.lower()), int(power or 1) * (-1 if inverse else 1)


def factor(unit: str, power: int = 1) -> float:
    """What a number in `unit` to the `power` is multiplied with for one in GeV."""
    return ENERGIES[unit] ** power


def in_gev(numbers: Numbers, request: Request) -> dict[str, np.ndarray]:
    """The quantities with momenta in GeV and amplitudes in the power of GeV that their process has.

    An amplitude without a unit of its own has that of the momenta. Raises: FileProblem for units that are none of energy.
    """
    values = dict(numbers.values)
    if "momenta" not in values:
        return values
    said, power = _said(numbers, "momenta", request) or ("", 1)
    if power != 1:
        request.refuse(f"has momenta in {numbers.units['momenta']}; GeV, or another unit of energy, is needed")
    if request.units != "auto" and said and said != request.units:
        request.note(f"says that its momenta are in {said}, but was read in {request.units}, as asked")
    unit = request.units if request.units != "auto" else said or "GeV"
    request.unit_is_said = bool(said) or request.units != "auto"
    if unit != "GeV":
        values["momenta"] = values["momenta"] * factor(unit)
    amplitude_unit, power = _of_amplitude(numbers, unit, request) if "amplitude" in values else ("GeV", 0)
    if amplitude_unit != "GeV":
        values["amplitude"] = values["amplitude"] * factor(amplitude_unit, power)
    asked = "as it says" if request.units == "auto" else "as asked"
    parts = [f"momenta in {unit}"] * (unit != "GeV") + [f"amplitudes in {amplitude_unit}^{power}"] * (amplitude_unit != "GeV")
    if parts:
        request.note(f"has {' and '.join(parts)}, {asked}, and was brought to GeV")
    return values


def _of_amplitude(numbers: Numbers, unit: str, request: Request) -> tuple[str, int]:
    """The unit of energy of the amplitudes, and its power 8 − 2n."""
    needed = 8 - 2 * request.largest.particles
    own, power = _said(numbers, "amplitude", request) or (unit, needed)
    if power != needed:
        request.refuse(f"has amplitudes in {numbers.units['amplitude']}; |M|² of {request.kind} has the unit GeV^{needed}")
    if request.units != "auto" and own != request.units:
        request.note(f"says that its amplitudes are in {own}^{needed}, but was read in {request.units}^{needed}, as asked")
    return (own if request.units == "auto" else unit), needed


def _said(numbers: Numbers, name: str, request: Request) -> tuple[str, int] | None:
    """The unit that the file says of a quantity, with its power. Raises: FileProblem when it is none of energy."""
    text = numbers.units.get(name, "")
    if text.strip().lower() in PLAIN:
        return None
    found = energy_of(text)
    if found is None and request.units != "auto":
        request.note(f"says {text[:40]!r} for the unit of its {name}, but was read in {request.units}, as asked")
        return None
    if found is None:
        request.refuse(f"says {text[:40]!r} for the unit of its {name}; {', '.join(ENERGIES)}, or powers of them, are understood")
    return found
