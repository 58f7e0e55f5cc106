"""What is chosen on the page beside a recipe: hypotheses, and of how many events limits are made."""

from __future__ import annotations

import numpy as np

from workbench.families.inference.everywhere import PLACES
from workbench.families.inference.experiment import EVENTS, EXPERIMENTS
from workbench.families.inference.ratio import SHOWN

HYPOTHESES = {f"{f_w},{f_ww}": f"f_W = {f_w}, f_WW = {f_ww}".replace("-", "−") for f_w, f_ww in SHOWN.tolist()}
"""Hypotheses [TeV⁻²] at which single events are shown, by the names of links, with their words."""
COUPLINGS = {str(value): f"{value} TeV⁻²".replace("-", "−") for value in PLACES.tolist()}
"""Values of f_W, or of f_WW, at which distributions are known."""
EXPECTED_EVENTS = {str(events): f"{events:,} events" for events in EVENTS}
"""Numbers of expected events."""
RATES = {"": "shape only", "rate": "shape and rate"}
EXPERIMENT = {"": "expected (Asimov)"} | {str(number): f"experiment {number}" for number in range(1, EXPERIMENTS + 1)}


def hypothesis_of(name: str) -> str:
    """A hypothesis in words: f_W = 10, f_WW = 0 TeV⁻²."""
    words = HYPOTHESES.get(name, next(iter(HYPOTHESES.values())))
    return words.replace("f_WW", "f<sub>WW</sub>").replace("f_W ", "f<sub>W</sub> ") + " TeV⁻²"


def place_of(theta: np.ndarray, name: str) -> int | None:
    """The row of a hypothesis among those that were looked at; None where it was not."""
    wanted = np.array([float(part) for part in (name or next(iter(HYPOTHESES))).split(",")])
    rows = np.flatnonzero((np.abs(theta - wanted) < 1e-6).all(axis=1))
    return int(rows[0]) if len(rows) else None
