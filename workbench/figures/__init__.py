"""Figures: pure functions from what a run folder holds to plotly figures.

figure = figures.systematic_pull(run.prediction("test"))                       # one run
figure = figures.systematic_pull([("a", first), ("b", second)], "projector")   # several, one colour each
frame = pack(figures.systematic_pull.as_dict(snapshot, "dark"))                # for a page: plain dict, packed once for everybody
"""

from __future__ import annotations

import difflib
import functools
from typing import TYPE_CHECKING, Any

from workbench.families import FAMILIES
from workbench.figures.curve import fitted_curve
from workbench.figures.data import csv_of, data_of
from workbench.figures.entry import REPORTS, Entry
from workbench.figures.frame import pack, unpack
from workbench.figures.theme import THEMES, Theme

__all__ = ["ALIASES", "FIGURES", "REPORTS", "THEMES", "Entry", "Theme", "csv_of", "data_of", "fitted_curve", "named", "pack", "unpack"]

if TYPE_CHECKING:
    FIGURES: dict[str, Entry]
    """The figures of all families."""

ALIASES = {
    "loss": "losses",
    "pull": "systematic_pull",
    "pulls": "systematic_pull",
    "t_syst": "systematic_pull",
    "t_stat": "statistical_pull",
    "sigma": "sigmas",
    "sigma_syst": "sigmas",
    "sigma_stat": "sigmas",
    "uncertainty": "sigmas",
    "uncertainties": "sigmas",
    "error_bars": "sigmas",
    "relative_error": "delta",
    "truth": "prediction_truth",
    "observables": "kinematics",
    "distribution": "generated",
    "distributions": "generated",
    "histogram": "generated",
    "histograms": "generated",
    "density": "density_map",
    "events": "cloud",
}
"""Other words for figures."""


@functools.cache
def _figures() -> dict[str, Entry]:
    return {name: entry for family in FAMILIES for name, entry in family.figures.load().items()}


def __getattr__(name: str) -> Any:
    """FIGURES when it is asked for: the figures of families are made of what lies here, so they come after it."""
    if name == "FIGURES":
        return _figures()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def named(name: str) -> str:
    """The name in FIGURES of the figure that is meant. Raises: ValueError with the nearest name there is."""
    plain = str(name).strip().lower().replace(" ", "_").replace("-", "_")
    found = ALIASES.get(plain, plain)
    if found not in _figures():
        near = difflib.get_close_matches(plain, [*_figures(), *ALIASES], n=1, cutoff=0.5)
        hint = f" Did you mean {ALIASES.get(near[0], near[0])!r}?" if near else ""
        raise ValueError(f"There is no figure {str(name)[:60]!r}.{hint} The figures are: {', '.join(_figures())}.")
    return found
