"""What a training of amplitudes yields, and a sweep of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from workbench.results import prediction, scan
from workbench.results.product import Point, Product
from workbench.results.pulls import pulls, width_and_mean

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
