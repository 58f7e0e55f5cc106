"""The datasets whose density can be learned: one row here, and one file beside it with everything else that is known of it.

Rows are what recipes and the help need, without numpy; `known.KNOWN` has the whole datasets.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A dataset as people choose it: its name, which is that of its file, in a word or two, and in a sentence of the help.

    `jets` is the largest number of jets of its events, 0 where there are none. On the unit square (`square`) the edges may be known.
    """

    name: str
    words: str
    about: str
    jets: int = 0
    square: bool = False
    energies: bool = True
    """Whether its events are momenta, which have a unit; else points in the plane."""


ROWS = (
    Row("wedge", "wedge ramp", "p = 2x on the unit square", square=True, energies=False),
    Row("kicker", "kicker ramp", "p = 3x²", square=True, energies=False),
    Row("ring", "Gaussian ring", "half a Gaussian ring", energies=False),
    Row("z_jets", "Z + jets", "pp → Z(μμ) + jets at 13 TeV", jets=3),
    Row("tt_partons", "top pairs", "pp → tt̄ → six partons"),
)
DATASETS = {row.name: row for row in ROWS}


def has_jets(name: str) -> bool:
    """Whether events of a dataset have jets, each event its own number."""
    return name in DATASETS and DATASETS[name].jets > 0
