"""Products: what a run yields. Its snapshots and predictions name theirs in the attribute `product` when they are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.results import generated, prediction, scan
from workbench.results.pulls import pulls, width_and_mean

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


MOST_KEPT = 100_000  # draws times events of a training that ships with a story


def _amplitude_sentence(found: xr.Dataset) -> str:
    middle, pull = float(scan.numbers(found)["delta_median"]), width_and_mean(pulls(found))
    accuracy = f"median |Δ| {100 * middle:.3g} %" if math.isfinite(middle) else "no median |Δ|, as no prediction is finite"
    width = (
        f"systematic pull {pull.mean:+.2f} ± {pull.width:.2f}" if pull.count else "no systematic pull, as no σ_syst is positive and finite"
    )
    return f"{accuracy}, {width} on {found.sizes['event']:,} test events"


def _amplitude_points(test: xr.Dataset, train: xr.Dataset | None) -> list[Point]:
    numbers = scan.numbers(test)
    return [({}, numbers if train is None else _beside(numbers.merge(scan.per_event(test)), scan.numbers(train)))]


def _amplitude_part(found: xr.Dataset, observables: Sequence[str], maps: bool, draws: bool) -> xr.Dataset:
    """1,000 events, or fewer with their draws."""
    events = min(1_000, MOST_KEPT // found.sizes["draw"]) if draws else 1_000
    part = (found if draws else prediction.summary(found)).isel(event=slice(events))
    named = [name for name in ("momenta", "particle", "component") if name in part.variables]
    return part.drop_vars(named).astype(np.float32).assign_attrs(found.attrs)


def _scan_sentence(found: xr.Dataset) -> str:
    """The range of the median |Δ| over the points."""
    middle = found["delta_median"].values
    known = middle[np.isfinite(middle)]
    ends = f"{100 * known.min():.3g} % to {100 * known.max():.3g} %" if known.size else "not finite anywhere"
    return f"median |Δ| {ends} at {middle.size:,} points"


def _beside(test: xr.Dataset, train: xr.Dataset) -> xr.Dataset:
    """Numbers of test events, with those of training events under names of their own."""
    return test.assign({f"{name}_train": train[name] for name in scan.ATTRIBUTES})


def _generator_sentence(found: xr.Dataset) -> str:
    """The log loss, and how far the histograms are from the truth."""
    quality = generated.quality(found)
    loss = f"log loss {quality.log_loss_in_words}"
    exact = f" (exact entropy {quality.entropy:.3f})" if math.isfinite(quality.entropy) else ""
    band = f", band {100 * quality.band:.2g} %" if math.isfinite(quality.band) else ""
    if quality.reason:
        return f"{loss}{exact}, no |ratio − 1|: {quality.reason}"
    deviation = f"|ratio − 1| {100 * quality.deviation:.2g} % where the truth is known to {100 * quality.statistics:.2g} %"
    return f"{loss}{exact}, {deviation}, largest {100 * quality.largest:.2g} % ({quality.where}){band}"


TOLD = {"delta_median": "median |Δ|", "sigma_syst_median": "σ_syst/A", "sigma_stat_median": "σ_stat/A", "pull_width": "pull width"}
AMPLITUDE = Product(
    "amplitude",
    "a single training",
    "This figure shows a single training; this run is a sweep: its figures are in the tab Sweep.",
    _amplitude_sentence,
    _amplitude_points,
    {name: scan.attributes(name) for name in scan.ATTRIBUTES},
    prediction.summary,
    _amplitude_part,
    told=TOLD,
)
SCAN = Product(
    "scan",
    "a sweep",
    "This figure shows a sweep, and this run is a single training. Press Train to begin the sweep that is in the form.",
    _scan_sentence,
    lambda test, train: scan.points_of(test if train is None else _beside(test, train)),
    AMPLITUDE.known,
    told=TOLD,
)
GENERATOR = Product(
    "generator",
    "a generator",
    "This figure shows a generator.",
    _generator_sentence,
    lambda test, _: [({}, generated.numbers(test))],
    {name: generated.attributes(name) for name in generated.NUMBERS},
    part=lambda found, observables, maps, _: generated.drawn_part(found, observables, maps=maps),
    awaited="First histograms in a moment …",
    scan="generator scan",
    told={"log_loss": "log loss", "deviation": "|ratio − 1|", "largest": "largest", "band": "band"},
)
