"""|M|² of any number of events: in chunks, with an error estimate, and the few bad ones again with longer numbers.

Two corners of phase space are bad, and neither is singular: two-mass triangles with nearly equal masses, and boxes whose Gram determinant
is small. There the parts of the amplitude are large and cancel. Of flat events within the cuts one or two in a hundred are computed again
in 80 bits; where numpy has no such type (its `longdouble` on some processors is `double`) they keep what 64 bits give, and the error says
so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.physics.amplitudes.gg_yygg.amplitude import amplitudes

CHUNK = 1_024
"""Events at once: half a second of a call does not depend on their number."""
RESCUED = 1e-8
"""Events with a larger error are computed again."""
LONG = bool(np.finfo(np.longdouble).eps < 1e-18)


class Evaluated(NamedTuple):
    """|M|² in GeV⁻⁴ and its estimated relative error."""

    squared_amplitude: np.ndarray
    error: np.ndarray


def squared_amplitude(momenta: np.ndarray) -> np.ndarray:
    """|M|² in GeV⁻⁴ of momenta (*batch, 6, 4) in GeV: incoming gluons 1, 2 (positive energies), photons 3, 4, gluons 5, 6.

    The momenta must be massless and balanced, in any frame.
    """
    return squared_amplitude_with_error(momenta).squared_amplitude


def squared_amplitude_with_error(momenta: np.ndarray) -> Evaluated:
    """The same with the estimated relative error of each event: larger than the true one in nine of ten events, seldom 3 times too
    small."""
    values = np.asarray(momenta, dtype=np.float64)
    events = values.reshape(-1, 6, 4)
    squared, error = _evaluated(events, np.float64)
    bad = np.flatnonzero(error > RESCUED)
    if LONG and len(bad):
        squared[bad], error[bad] = _evaluated(events[bad], np.longdouble)
    batch = values.shape[:-2]
    return Evaluated(squared.reshape(batch), error.reshape(batch))


def _evaluated(events: np.ndarray, real: type) -> Evaluated:
    squared, error = np.empty(len(events)), np.empty(len(events))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # unphysical momenta give nan, as everywhere
        for start in range(0, len(events), CHUNK):
            chunk = slice(start, start + CHUNK)
            found = amplitudes(events[chunk], real)
            squared[chunk], error[chunk] = found.squared, found.error
    return Evaluated(squared, error)
