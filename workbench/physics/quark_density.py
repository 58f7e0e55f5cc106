"""The quark densities of the proton, x q(x) at Q = 91.188 GeV, from a table shipped with the package.

The table comes from NNPDF2.3 LO, as that of the gluon does; `python -m workbench.physics.quark_density` writes it anew (needs the extra
`pythia`).

Source: Ball et al., arXiv:1207.1303; Pythia 8.3, arXiv:2203.11601.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from workbench.physics.gluon_density import SCALE

TABLE = Path(__file__).with_name("quark_density.csv")
QUARKS = {"u": 2, "d": 1, "s": 3, "c": 4, "ubar": -2, "dbar": -1, "sbar": -3, "cbar": -4}
"""Columns of the table, by their particle numbers."""


@cache
def table() -> tuple[np.ndarray, np.ndarray]:
    """x (point) and x q(x) (quark, point) as shipped."""
    x, *densities = np.loadtxt(TABLE, delimiter=",", comments="#", unpack=True)
    return x, np.array(densities)


def quark_densities(x: np.ndarray, *sums: tuple[str, ...]) -> list[np.ndarray]:
    """Σ x q(x) at Q = 91.188 GeV of each tuple of quarks: linear in ln x between the points of the table, for x from 10⁻⁶ to 1.

    Raises: ValueError outside the table.
    """
    x = np.asarray(x, dtype=np.float64)
    points, densities = table()
    if x.size and not (x.min() >= points[0] and x.max() <= 1.0):
        raise ValueError(f"The quark densities are tabulated for x from {points[0]:g} to 1, not for {x.min():g} to {x.max():g}.")
    log_x, grid, names = np.log(x), np.log(points), list(QUARKS)
    return [np.interp(log_x, grid, densities[[names.index(quark) for quark in quarks]].sum(axis=0)) for quarks in sums]


def write_table(path: Path = TABLE) -> None:
    """Make the table with Pythia 8."""
    from importlib.metadata import version

    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for setting in ("Print:quiet = on", "PDF:pSet = 13", "SoftQCD:nonDiffractive = on"):
        pythia.readString(setting)
    pythia.init()
    proton = pythia.getPDFPtr(2212)
    x = np.concatenate([np.geomspace(1e-6, 0.1, 251)[:-1], np.linspace(0.1, 1.0, 181)])
    densities = [[max(proton.xf(number, float(value), SCALE**2), 0.0) if value < 1 else 0.0 for value in x] for number in QUARKS.values()]
    header = (
        f"x, then x q(x) of the proton at Q = {SCALE} GeV for q = {', '.join(QUARKS)}\n"
        f"NNPDF2.3 LO QCD+QED, alpha_s(M_Z) = 0.130 (arXiv:1207.1303), as built into Pythia {version('pythia8mc')} with PDF:pSet = 13\n"
        "made by: python -m workbench.physics.quark_density"
    )
    np.savetxt(path, np.column_stack([x, *densities]), fmt="%.6g", delimiter=",", header=header)


if __name__ == "__main__":
    write_table()
