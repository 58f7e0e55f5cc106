"""What is chosen on the page beside a recipe: a hypothesis, and how many events limits are expected from."""

from __future__ import annotations

import numpy as np

from workbench.families.inference.limit import EXPECTED
from workbench.families.inference.ratio import SHOWN

HYPOTHESES = {f"{f_w},{f_ww}": f"f_W = {f_w}, f_WW = {f_ww}".replace("-", "−") for f_w, f_ww in SHOWN.tolist()}
"""Hypotheses [TeV⁻²] by the names of links, with their words."""
LIMITS = {"": f"{EXPECTED} events, shape only"} | {
    f"{events}{kind}": f"{events:,} events, {words}"
    for events in (EXPECTED, 10, 100, 300, 1_000)
    for kind, words in (("", "shape only"), ("r", "shape and rate"))
    if (events, kind) != (EXPECTED, "")
}
"""Numbers of expected events, with the rate or without."""


def hypothesis_of(name: str) -> str:
    """A hypothesis in words: f_W = 10, f_WW = 0 TeV⁻²."""
    words = HYPOTHESES.get(name, next(iter(HYPOTHESES.values())))
    return words.replace("f_WW", "f<sub>WW</sub>").replace("f_W ", "f<sub>W</sub> ") + " TeV⁻²"


def place_of(theta: np.ndarray, name: str) -> int | None:
    """The row of a hypothesis among those that were looked at; None where it was not."""
    wanted = np.array([float(part) for part in (name or next(iter(HYPOTHESES))).split(",")])
    rows = np.flatnonzero((np.abs(theta - wanted) < 1e-6).all(axis=1))
    return int(rows[0]) if len(rows) else None


def limits_of(name: str) -> tuple[int, bool]:
    """Expected events, and whether their number counts."""
    return int(name.removesuffix("r") or EXPECTED), name.endswith("r")
