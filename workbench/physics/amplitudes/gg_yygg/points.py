"""The shipped points of gg → γγgg: 600 that MadLoop and COLLIER computed, flat in phase space within the cuts.

The file beside this one says in its attributes how they were made: 378 loop diagrams of a quark of charge 2/3, times (ΣQ²/(4/9))² = (11/4)²
for the five massless flavours u, d, s, c, b (no top); averaged over the incoming gluons (1/256), 1/2 each for the photons and the outgoing
gluons; α = 1/137, α_s = 0.118; GeV⁻⁴; accurate to 10⁻⁶, a few to 10⁻⁵. The cuts are those of gg → γγg, R > 0.4 for every pair: 494 points
at √s = 1 TeV, 106 with √s log-uniform from 0.3 to 3 TeV.

Sources: MadLoop in MadGraph5_aMC, arXiv:1405.0301; COLLIER, arXiv:1604.06792.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("gg_yygg.h5")
DIMENSION = -4
"""Of |M|², as a power of energy."""


@dataclass(frozen=True)
class Points:
    """Momenta (event, particle, 4) in GeV, |M|² (event) in GeV⁻⁴ and the energies √s (event) in GeV at which they were computed."""

    momenta: np.ndarray
    amplitude: np.ndarray
    sqrt_s: np.ndarray
    attributes: dict[str, str]

    def at(self, sqrt_s: float) -> Points:
        """The same points with the beams at another energy: A(λp) = λ⁻⁴ A(p); `sqrt_s` still tells where each was computed."""
        scale = sqrt_s / self.sqrt_s
        return Points(self.momenta * scale[:, None, None], self.amplitude * scale**DIMENSION, self.sqrt_s, self.attributes)


@cache
def shipped() -> Points:
    """The 600 points as they were computed."""
    import h5py

    with h5py.File(io.BytesIO(FILE.read_bytes())) as file:
        momenta, amplitude, sqrt_s = (file[name][()] for name in ("momenta", "amplitude", "sqrt_s"))
        attributes = {name: str(file.attrs[name]) for name in ("source", "normalisation", "cuts", "sampling", "accuracy", "references")}
    for array in (momenta, amplitude, sqrt_s):
        array.flags.writeable = False
    return Points(momenta, amplitude, sqrt_s, attributes)
