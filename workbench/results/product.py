"""Products: what a run yields. Its snapshots and predictions name theirs in the attribute `product` when they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

Point = tuple[dict[str, Any], xr.Dataset]
"""The options in which a point of a sweep differs from the others, and the numbers it comes to."""
FIRST_POINTS = "First points in a moment …"


@dataclass(frozen=True)
class Product:
    """What is done with the snapshots and predictions of one kind of run.

    `title` says of a run what it is; `meant` what a figure of this product says to a run that yields another one, `awaited` what it says
    before the first snapshot. `summary` is what figures draw of a snapshot or a prediction, `part` what is kept of a prediction for a
    story whose figures show some observables, maps, or single draws. `points` are the points of a sweep that a prediction is, with their
    numbers, given the prediction on training events where there is one; every point has the numbers `known`, with their attributes, of
    which a table of points shows those of `headline` under their words. `sentence` is the quality of a finished run in one line.
    """

    name: str
    title: str
    meant: str
    sentence: Callable[[xr.Dataset], str]
    points: Callable[[xr.Dataset, xr.Dataset | None], list[Point]]
    known: Mapping[str, Mapping[str, str]]
    summary: Callable[[xr.Dataset], xr.Dataset] = lambda dataset: dataset
    part: Callable[[xr.Dataset, Sequence[str], bool, bool], xr.Dataset] = lambda dataset, observables, maps, draws: dataset
    awaited: str = FIRST_POINTS
    scan: str = "scan"
    """The name of what several such runs come to together, as a scan over their options."""
    told: Mapping[str, str] | None = None

    @property
    def headline(self) -> Mapping[str, str]:
        """The numbers that a table of points shows, with their words: those `told`, else all."""
        return self.told or {name: about["long_name"] for name, about in self.known.items()}

    def named(self, dataset: xr.Dataset) -> xr.Dataset:
        """The same, with the name of what it is."""
        return dataset.assign_attrs(product=self.name)


def product_of(dataset: xr.Dataset) -> str:
    """The name of the product that a Dataset is; of one that was written before products had names, what its variables say."""
    if "product" in dataset.attrs:
        return str(dataset.attrs["product"])
    former = {"sigma_syst_median": "scan", "log_loss": "generator", "mean": "amplitude"}
    return next((product for name, product in former.items() if name in dataset.variables), "")
