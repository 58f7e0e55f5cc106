"""What a generator is judged by: histograms of its events beside the truth, its log loss beside the exact entropy, its band beside a fit's.

ratio = ⟨h⟩ / h_truth    deviation = |ratio − 1|    band = σ / ⟨h⟩,  ⟨h⟩ and σ over the draws of a Bayesian network

The band is the spread of the learned density between networks that fit the same limited training data; a feature that the flow cannot
express is missing from all of them, and from the band.

A score is taken over bins that hold at least 95 % of the truth. A window on a peak or a hole leaves out more on purpose, and so do usual
bins at a nuisance that makes events harder: then all that lies outside of them is one more bin, so that no event goes unjudged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from workbench.physics.collisions import JET_CUTS
from workbench.physics.datasets.known import FAMILIES, KNOWN, TOYS
from workbench.physics.observables import INSIDE, joined, observables
from workbench.physics.toys import Fit
from workbench.results.prediction import recipe_of, widths_from

NUISANCE_STOPS = (0.0, 5.0, 10.0, 20.0, 30.0)
"""Values of the theory nuisance a of which predictions keep histograms."""
FILLED = 0.01
"""Share of the truth that a bin must hold to be judged."""
ALONE = 0.95
"""Share of the truth from which on one bin holds so much that the histogram says nothing."""
DISTANCE = "jets12_distance"
EDGE = 0.05
"""Part of the range of a ramp at each end where a smooth flow smears the hard edge: no fit looks there."""


def observables_of(dataset: xr.Dataset) -> list[str]:
    """The observables of which there are histograms, in their order."""
    return [str(name).removeprefix("edges_") for name in dataset.variables if str(name).startswith("edges_")]


def histogram(dataset: xr.Dataset, name: str, *, join: bool = False, scored: bool = False) -> xr.Dataset:
    """Bins of one observable: edges low and high, density of the truth with its statistical error, mean and sigma over the draws,
    ratio, deviation, and share, the fraction of the truth in the bin. NaN where there is no truth to divide by. `join` puts bins with few
    events of the truth together, for figures; `scored` gives those over which a score is taken, which hold enough of the truth.

    *Raises*: KeyError where there is no such observable.
    """
    draws = dataset[f"density_{name}"].transpose("draw", ...).values.astype(float)
    truth, error = dataset[f"truth_{name}"].values, dataset[f"error_{name}"].values
    return _bins(dataset, name, truth, error, draws, join=join, scored=scored)


def central(dataset: xr.Dataset, name: str, kind: str, *, join: bool = False, scored: bool = False) -> xr.Dataset | None:
    """The same of events drawn from the mean weights, "central", or of these times w_D, "reweighted"; sigma is their statistical error.

    None where no discriminator has judged them.
    """
    if f"{kind}_{name}" not in dataset.variables:
        return None
    truth, error = dataset[f"truth_{name}"].values, dataset[f"error_{name}"].values
    drawn = dataset[f"{kind}_{name}"].values.astype(float)[None]
    return _bins(dataset, name, truth, error, drawn, dataset[f"{kind}_error_{name}"].values, join=join, scored=scored)


def at_nuisance(dataset: xr.Dataset, name: str, a: float, *, join: bool = False, scored: bool = False) -> xr.Dataset | None:
    """The same at the value of the theory nuisance that is nearest to a, which stands in the attributes; None where the flow knows none."""
    if f"nuisance_density_{name}" not in dataset.variables:
        return None
    values = dataset["nuisance"].values.astype(float)
    here = dataset.isel(nuisance=int(np.abs(values - a).argmin()))
    draws = here[f"nuisance_density_{name}"].transpose("draw", ...).values.astype(float)
    truth, error = here[f"nuisance_truth_{name}"].values, here[f"nuisance_error_{name}"].values
    if f"nuisance_outside_{name}" in dataset.variables:
        below, above = (float(share) for share in here[f"nuisance_outside_{name}"].values)
    else:  # of older files, where nothing says which side
        there = sum(outside(dataset, name)) + _held(dataset, name, dataset[f"truth_{name}"].values)
        below, above = 0.0, max(0.0, 1.0 - _held(dataset, name, truth)) if there > 0.999 else 0.0
    found = _bins(dataset, name, truth, error, draws, beyond=(below, above), join=join, scored=scored)
    return found.assign_attrs(a=float(values[np.abs(values - a).argmin()]))


def network_of(dataset: xr.Dataset) -> str:
    """What generated the events, in a word: DiscFlow, GAN, or INN."""
    if "alpha" not in dataset.variables:
        return "INN"
    return "GAN" if recipe_of(dataset).get("coupling") == "gan" else "DiscFlow"


def _bins(
    dataset: xr.Dataset,
    name: str,
    truth: np.ndarray,
    error: np.ndarray,
    draws: np.ndarray,
    own: np.ndarray | None = None,
    *,
    beyond: tuple[float, float] | None = None,
    join: bool,
    scored: bool,
) -> xr.Dataset:
    """Arguments: `draws` (draw, bin); sigma is their spread, or the `own` error of a single one; `beyond`: shares of the truth outside."""
    edges = dataset[f"edges_{name}"].values.astype(float)
    truth, error, beyond = truth.astype(float), error.astype(float), beyond or outside(dataset, name)
    sigma = draws.std(axis=0) if own is None else own.astype(float)
    if join:
        with np.errstate(all="ignore"):
            starts = joined(np.where(truth > 0, (truth / error) ** 2, 0.0))
        width = np.diff(edges)
        edges = np.append(edges[starts], edges[-1])
        truth, draws = (np.add.reduceat(values * width, starts, axis=-1) / np.diff(edges) for values in (truth, draws))
        error, sigma = (np.sqrt(np.add.reduceat((values * width) ** 2, starts)) / np.diff(edges) for values in (error, sigma))
        sigma = draws.std(axis=0) if own is None else sigma
    low, high, width = edges[:-1], edges[1:], np.diff(edges)
    if scored and sum(beyond) > 1 - INSIDE:  # the rest as a bin of width 1, without ends
        error, sigma = (_with_error_of_rest(values, each, width) for values, each in ((truth, error), (draws.mean(axis=0), sigma)))
        truth, draws = (np.append(values, _rest(values, width), axis=-1) for values in (truth, draws))
        sigma = draws.std(axis=0) if own is None else sigma
        low, high, width = np.append(low, np.nan), np.append(high, np.nan), np.append(width, 1.0)
    mean = draws.mean(axis=0)
    with np.errstate(all="ignore"):
        ratio = np.where(truth > 0, mean / truth, np.nan)
    columns = {
        "low": low, "high": high, "truth": truth, "error": error, "mean": mean, "sigma": sigma, "ratio": ratio,
        "deviation": np.abs(ratio - 1), "share": truth * width,
    }  # fmt: skip
    about = dict(dataset[f"edges_{name}"].attrs) | dict(zip(("below", "above"), beyond, strict=True))
    found = xr.Dataset({key: ("bin", values) for key, values in columns.items()}, attrs=about | {"draws": len(draws)})
    return found.isel(bin=(found["share"].values > FILLED) & np.isfinite(found["deviation"].values)) if scored else found


def _rest(density: np.ndarray, width: np.ndarray) -> np.ndarray:
    """What of densities (…, bin) relative to all events is in no bin, (…, 1)."""
    return np.maximum(1.0 - (density * width).sum(axis=-1, keepdims=True), 0.0)


def _with_error_of_rest(density: np.ndarray, error: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The statistical errors of bins, and of what is in none: that of as many events in bins."""
    inside = max(float((density * width).sum()), 1e-300)
    return np.append(error, np.sqrt(((error * width) ** 2).sum() * _rest(density, width) / inside))


def _held(dataset: xr.Dataset, name: str, truth: np.ndarray) -> float:
    """Which share of all events the bins of an observable hold."""
    return float((truth * np.diff(dataset[f"edges_{name}"].values.astype(float))).sum())


def outside(dataset: xr.Dataset, name: str) -> tuple[float, float]:
    """Which share of the truth lies below and above the bins; of older files, where nothing says which side, above."""
    about = dataset[f"edges_{name}"].attrs
    if "below" in about:
        return float(about["below"]), float(about["above"])
    if dataset.attrs.get("dataset") not in TOYS:
        return 0.0, 0.0  # shipped samples, and histograms over events some of which have no such jet
    return 0.0, max(0.0, 1.0 - _held(dataset, name, dataset[f"truth_{name}"].values))


def unjudged(dataset: xr.Dataset, name: str) -> str:
    """Why the histogram of an observable gives no score, in some words; '' where it gives one."""
    about = str(dataset.attrs.get("dataset"))
    known = observables(about) if about in KNOWN else {}
    least = known[name].least_inside if name in known else INSIDE
    if (lost := sum(outside(dataset, name))) > 1 - least:
        return f"{100 * lost:.2g} % of the events lie outside of its bins"
    share = dataset[f"truth_{name}"].values.astype(float) * np.diff(dataset[f"edges_{name}"].values.astype(float))
    if share.sum() > 0 and share.max(initial=0.0) >= ALONE * share.sum():
        return f"one bin holds {100 * share.max() / share.sum():.3g} % of the events"
    if not (share > FILLED).any():
        return f"no bin holds {100 * FILLED:g} % of the events"
    if not np.isfinite(dataset[f"density_{name}"].values).any():
        return "no generated event is finite"
    return ""


@dataclass(frozen=True)
class Quality:
    """What one generator comes to. Deviations are over the bins of all observables that hold more than `FILLED` of the truth.

    Observables whose bins do not show the events are left out; `reason` says of the first of them why, where no other is left.
    `without` is the share of events whose density is 0.
    `statistics` is the mean relative statistical error of the truth in these bins: a perfect generator deviates by 0.8 of it and of its
    own error together. `entropy` is NaN where it is not known, `band` where there is one network only.
    """

    log_loss: float
    entropy: float
    deviation: float
    statistics: float
    largest: float
    where: str
    band: float
    reason: str = ""
    without: float = 0.0

    @property
    def log_loss_in_words(self) -> str:
        """The log loss in nats, or why it is no number."""
        if self.without > 0:
            return f"infinite, as {100 * self.without:.2g} % of the test events have p = 0"
        return f"{self.log_loss:.3f}" if np.isfinite(self.log_loss) else "not known, as no density is finite"


def quality(dataset: xr.Dataset, names: Sequence[str] | None = None) -> Quality:
    """The numbers of a snapshot or a prediction of a generator; NaN where nothing can be said. `names`: of these observables only."""
    deviations, errors, bands, places = [], [], [], []
    reasons = {name: unjudged(dataset, name) for name in (observables_of(dataset) if names is None else names)}
    for name in (name for name, reason in reasons.items() if not reason):
        h = histogram(dataset, name, scored=True)
        deviations.append(h["deviation"].values)
        errors.append(h["error"].values / h["truth"].values)
        with np.errstate(all="ignore"):
            bands.append(h["sigma"].values / h["mean"].values)
        places += [name] * h.sizes["bin"]
    deviation = np.concatenate(deviations or [np.array([])])
    band = np.concatenate(bands or [np.array([])])
    worst = int(deviation.argmax()) if deviation.size else -1
    return Quality(
        log_loss=float(dataset["log_loss"]),
        without=float(dataset["without_density"]) if "without_density" in dataset.variables else 0.0,
        entropy=float(dataset["entropy"]) if "entropy" in dataset.variables else np.nan,
        deviation=_mean(deviation),
        statistics=_mean(np.concatenate(errors or [np.array([])])),
        largest=float(deviation[worst]) if deviation.size else np.nan,
        where=places[worst] if deviation.size else "",
        band=_mean(band[np.isfinite(band)]) if band.any() else np.nan,
        reason="" if deviation.size else next((f"of {name} {reason}" for name, reason in reasons.items()), "there is no histogram"),
    )


@dataclass(frozen=True)
class Line:
    """σ of a toy's density along x, or r of the ring: of the networks, and as the fits of a few parameters have it.

    `fits` and their `chi2` by the names of `physics.datasets.known.FAMILIES`; `inside` are the points that the fits look at.
    """

    coordinate: str
    x: np.ndarray
    truth: np.ndarray
    density: np.ndarray
    sigma: np.ndarray
    inside: np.ndarray
    fits: dict[str, Fit]
    chi2: dict[str, float]

    @property
    def best(self) -> str:
        """The family of fits with the smallest χ²; '' where there are too few points for any."""
        fits = [name for name in self.chi2 if name != "counting"]
        return min(fits, key=self.chi2.__getitem__, default="")

    @property
    def dip(self) -> float:
        """Where σ is smallest; NaN where nothing is known."""
        return float(self.x[self.inside][self.sigma[self.inside].argmin()]) if self.inside.any() else np.nan

    @property
    def bulk_dip(self) -> tuple[float, float]:
        """The deepest place from which σ rises to both sides, and how deep it is: the lower of the largest σ on its two sides over its own.

        Counted events have none, as √p only rises: then the depth is 1.
        """
        x, sigma = self.x[self.inside], self.sigma[self.inside]
        if not len(x):
            return np.nan, np.nan
        left, right = np.maximum.accumulate(sigma), np.maximum.accumulate(sigma[::-1])[::-1]
        depth = np.minimum(left, right) / sigma
        return float(x[depth.argmax()]), float(depth.max())


def line(dataset: xr.Dataset) -> Line:
    """The uncertainty of a toy's density along its line, with the fits of `physics.toys`.

    *Raises*: ValueError in one sentence where there is no line, or no spread.
    """
    if "line_density" not in dataset.variables:
        if dataset.attrs.get("dataset") in TOYS:
            raise ValueError(
                "The density of own points has no formula, whose error a fit along a line would know; its maps show the spread."
            )
        raise ValueError("Only toys have a density that can be followed along a line; collisions have too many dimensions.")
    draws = dataset["line_density"].transpose("draw", "line").values.astype(float)
    x, truth = dataset["line"].values.astype(float), dataset["line_truth"].values.astype(float)
    sigma = draws.std(axis=0) if len(draws) else np.zeros(len(x))
    if not np.nanmax(sigma, initial=0) > 0:
        raise ValueError(no_spread(dataset))
    ramp = dataset["line"].attrs.get("coordinate", "x") == "x"
    margin = EDGE * (x[-1] - x[0]) if ramp else 0.0
    inside = (x >= x[0] + margin - 1e-9) & (x <= x[-1] - margin + 1e-9) & np.isfinite(sigma) & (sigma > 0)
    fits, chi2 = {}, {}
    if inside.sum() > 2:
        for name, family in FAMILIES[str(dataset.attrs["dataset"])].items():
            fits[name] = family.fit(x[inside], sigma[inside])
            chi2[name] = fits[name].chi2(len(draws))
    return Line("x" if ramp else "r", x, truth, draws.mean(axis=0), sigma, inside, fits, chi2)


def no_spread(dataset: xr.Dataset) -> str:
    """Why the draws of a generator do not differ (yet)."""
    recipe = recipe_of(dataset)
    if not recipe.get("bayesian", True):
        return "There is no spread: one network has none. A Bayesian flow has."
    at = f" at step {step:,}" if (step := widths_from(recipe)) else ""
    return f"No spread yet: weights get their widths{at} (end of the warm start)."


NUMBERS = {
    "log_loss": ("−⟨ln p⟩ per event, p averaged over the draws", "nat"),
    "entropy": ("exact entropy", "nat"),
    "deviation": ("mean |ratio − 1| over the bins that hold more than 1 % of the truth; all that is in none of them may be one", "1"),
    "statistics": ("mean relative statistical error of the truth in these bins", "1"),
    "largest": ("largest |ratio − 1| in these bins", "1"),
    "band": ("mean σ/⟨h⟩ of the draws in these bins", "1"),
    "below_cut": ("share of drawn events with ΔR_jj < 0.4 before the cut", "1"),
    "edge_ratio": ("events with 0.4 < ΔR_jj < 0.53 after the cut, over those of the truth", "1"),
    "edge_error": ("its statistical error", "1"),
    "auc": ("area under the curve of a fresh discriminator", "1"),
    "log_weight_spread": ("σ(ln w_D) of test events", "1"),
    "spread": ("mean σ(p) of a toy along its line", "1"),
    "dip": ("x, or r, of the smallest σ(p)", "1"),
    "bulk_dip": ("x, or r, from which σ(p) rises to both sides", "1"),
    "depth": ("the lower of the largest σ(p) on both sides of it, over its own", "1"),
    "rise": ("σ(p) near the upper end, over that of the dip", "1"),
    "chi2_fit": ("χ² of the best fit to σ(p)", "1"),
    "chi2_counting": ("χ² of √p to σ(p)", "1"),
}
"""What a generator comes to, as scalars of a scan. `deviation_NAME`, `largest_NAME` and `band_NAME` are those of one observable."""


def numbers(dataset: xr.Dataset) -> xr.Dataset:
    """What a snapshot or a prediction of a generator comes to, as scalars named in `NUMBERS`; NaN where nothing can be said."""
    found = quality(dataset)
    values = {name: float(getattr(found, name)) for name in ("log_loss", "entropy", "deviation", "statistics", "largest", "band")}
    values |= {name: float(dataset[name]) for name in ("below_cut", "auc", "log_weight_spread") if name in dataset.variables}
    values |= _beside_the_hole(dataset)
    for name in observables_of(dataset):
        fine = not unjudged(dataset, name)
        for kind in ("central", "reweighted"):
            if (h := central(dataset, name, kind, scored=True)) is not None:
                values[f"{kind}_{name}"] = float(h["deviation"].max()) if fine and h.sizes["bin"] else np.nan
        for a in (0.0, NUISANCE_STOPS[-1]):
            if (h := at_nuisance(dataset, name, a, scored=True)) is not None:
                values[f"nuisance_{a:g}_{name}"] = _compatible(h) if fine else np.nan
        one = quality(dataset, [name])
        values |= {f"{part}_{name}": float(getattr(one, part)) for part in ("deviation", "largest", "band")}
    try:
        along = line(dataset)
    except ValueError:
        along = None
    if along is not None and along.inside.any():
        sigma, (x, depth) = along.sigma[along.inside], along.bulk_dip
        values |= {"spread": _mean(sigma), "dip": along.dip, "bulk_dip": x, "depth": depth}
        values |= {"rise": float(sigma[-1] / np.interp(x, along.x, along.sigma))}
        if along.best:
            values |= {"chi2_fit": along.chi2[along.best], "chi2_counting": along.chi2["counting"]}
    return xr.Dataset({name: ((), values.get(name, np.nan), attributes(name)) for name in {**NUMBERS, **values}})


def _beside_the_hole(dataset: xr.Dataset) -> dict[str, float]:
    """The ratio in the first bin of ΔR₁₂ outside of the hole, and the statistical error of truth and one draw; {} without two jets."""
    if f"drawn_error_{DISTANCE}" not in dataset.variables:
        return {}
    edges = dataset[f"edges_{DISTANCE}"].values
    place = int(np.abs(edges - JET_CUTS.distance).argmin())
    if abs(edges[place] - JET_CUTS.distance) > 1e-6:  # bins of other events, none of which begins there
        return {}
    h = histogram(dataset, DISTANCE).isel(bin=place)
    drawn = float(dataset[f"drawn_error_{DISTANCE}"].transpose("draw", ...)[0, place])
    truth, error, ratio = (float(h[name]) for name in ("truth", "error", "ratio"))
    return {"edge_ratio": ratio, "edge_error": float(np.hypot(drawn, ratio * error) / truth)} if truth > 0 else {}


def _compatible(h: xr.Dataset) -> float:
    """Share of these bins in which the truth lies within 2 σ of band and statistical error together."""
    with np.errstate(all="ignore"):
        apart = np.abs(h["mean"].values - h["truth"].values) / np.hypot(h["sigma"].values, h["error"].values)
    return _mean((apart < 2).astype(float))


def attributes(name: str) -> dict[str, str]:
    """Name and unit of a number."""
    if name in NUMBERS:
        return dict(zip(("long_name", "units"), NUMBERS[name], strict=True))
    part, _, observable = name.partition("_")
    return {"long_name": f"{NUMBERS[part][0]}, of {observable}", "units": "1"} if part in NUMBERS else {"units": "1"}


def slope(n: np.ndarray, values: np.ndarray) -> float:
    """d log(values)/d log(n) by least squares; NaN with less than two points."""
    good = np.isfinite(values) & (values > 0)
    return float(np.polyfit(np.log(n[good]), np.log(values[good]), 1)[0]) if good.sum() > 1 else np.nan


def drawn_part(dataset: xr.Dataset, observables: Sequence[str], *, maps: bool) -> xr.Dataset:
    """What figures draw of a prediction: histograms of these observables ('' for the first), densities of toys, maps where wanted."""
    known = observables_of(dataset)
    wanted = {name or known[0] for name in observables}
    left = {f"{part}_{name}" for name in known if name not in wanted for part in ("edges", "truth", "error", "density")} | {"samples"}
    endings = tuple(f"_{name}" for name in known if name not in wanted)
    left |= {str(name) for name in dataset.variables if str(name).endswith(endings) and not str(name).startswith("map_")}
    left |= set() if maps else {str(name) for name in dataset.variables if str(name).startswith("map_")}
    small = dataset.drop_vars([name for name in left if name in dataset.variables])
    return small.map(lambda array: array.astype(np.float32) if array.ndim else array, keep_attrs=True)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan
