"""Events that cannot be what they should be are named with row and column, and what to do."""

from __future__ import annotations

import numpy as np
import pytest
from own import at, moved, problem


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: at(t, 17, 20, np.nan), "mine.csv has amplitude = nan in row 17; amplitudes must be positive"),
        (lambda t: at(t, 17, 20, np.inf), "has amplitude = inf in row 17"),
        (lambda t: at(t, 17, 20, 0), "has amplitude = 0 in row 17"),
        (lambda t: at(at(t, 17, 20, -1e-9), 18, 20, -2), "has amplitude = -1e-09 in row 17; amplitudes must be positive"),
        (lambda t: at(at(t, 17, 20, -1e-9), 18, 20, -2), "since their logarithm is learned (2 of 300 rows are so)"),
        (lambda t: at(t, 3, 13, np.nan), "has px4 = nan in row 3; a number is needed"),
        (lambda t: at(t, 300, 0, -np.inf), "has E1 = -inf in row 300"),
        (lambda t: at(t, 5, 0, -t[4, 0]), "in row 5; all energies are positive, those of incoming particles too"),
        (lambda t: moved(t, E3=50), "has particle 3 (y1) with E ="),
        (lambda t: moved(t, px1=30, E1=1), "has the incoming particle 1 (g1) not along the beam, the z axis, in row 5"),
        (lambda t: moved(t, pz1=5, E1=5), "does not conserve momentum in row 5: E of incoming and outgoing particles differ by 5 GeV"),
        (lambda t: t[:, [1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 17, 18, 19, 16, 20]], "has E1 = 0 in row 1"),
        (lambda t: np.column_stack([t[:, :20] * 1e3, t[:, 20]]), "has collisions of √ŝ = 1e+06 GeV; are the momenta in MeV?"),
        (lambda t: np.column_stack([t[:, :20] / 1e4, t[:, 20]]), "has collisions of √ŝ = 0.1 GeV; are the momenta in TeV?"),
        (lambda t: t[:1], "has 1 event; at least 210 are needed"),
        (lambda t: t[:100], "has 100 events; at least 210 are needed"),
        (lambda t: t[:0], "has no events"),
    ],
)  # fmt: skip
def test_r13_numbers_that_cannot_be_right_are_named_with_row_and_column(change, sentence, table, write):
    assert sentence in problem(write(change(table)))
