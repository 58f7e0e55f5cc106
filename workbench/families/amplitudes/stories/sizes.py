"""Stories of arXiv:2412.12069: how the error bars depend on depth, prior and number of training points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.families.amplitudes.stories.talks import LONG, UNCERTAINTY_TALK, WIDE, WORDS, members_of, small
from workbench.figures.drawing import number
from workbench.stories.story import Panel, Story, at, over_seeds, quotient, ratio, swept
from workbench.stories.verdict import Row, claim

if TYPE_CHECKING:
    import xarray


def depth(full: bool) -> Story:
    """Networks so narrow, and trained for so long on so many data, that what they can express limits them; Bayesian in the last layer, as
    on the talk's slide. Means of four seeds, because one training scatters by 10 %."""
    sizes = {"steps": LONG} if full else {"events": 90_000, "steps": 20_000}
    rates = {"learning_rate": 0.01, "schedule": "one_cycle"}
    recipe = small(full, uncertainty="bnn_last_layer", inputs="momenta", **sizes, **rates)
    depths = [[32] * layers for layers in range(1, 7)]

    def rows(scan: xarray.Dataset) -> list[Row]:
        height = {n: over_seeds(scan, "sigma_syst_median", noise=0.0, hidden=", ".join(["32"] * n)) for n in range(1, 7)}
        one, two, six = (quotient(height[n], height[3]) for n in (1, 2, 6))
        plateaus = [
            Row(f"plateau σ_syst/A of {word}", height[n][0], low, high, ".4f", height[n][1])
            for n, word, low, high in ((1, "one layer", 0.01, np.inf), (2, "two layers", 0.01, np.inf), (3, "three layers", -np.inf, 0.01))
        ]
        return [
            *claim("One or two layers have a limit of their own above noise of 1 %, three layers one below it.", *plateaus),
            *claim(
                "One or two layers are not enough.",
                Row("plateau of one layer over that of three", one[0], 2.0, error=one[1]),
                Row("plateau of two layers over that of three", two[0], 2.0, error=two[1]),
            ),
            *claim("Six layers are too large.", Row("plateau of six layers over that of three", six[0], 1.0, error=six[1])),
        ]

    return Story(
        "depth", "How deep is deep enough?", "σ_syst,0 from expressivity",
        "One or two layers have a plateau above noise of 1 %, three layers one below it. In such narrow networks more layers still help.",
        f"At least three layers are needed to see small noise; six are too large ({UNCERTAINTY_TALK}; it gives no numbers: we require a "
        "factor of 2 for the first, and for the second that six layers are no better than three).",
        (Panel("scan", {"x": "hidden", "which": ["syst", "stat"]}),),
        **swept(recipe, hidden=depths, noise=[0.0, 1e-2], seed=[0, 1, 2, 3]), rows=rows, seconds=250,
    )  # fmt: skip


def prior(full: bool) -> Story:
    recipe = small(full, uncertainty="bnn", steps=LONG if full else 4_000)
    widths = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]

    def begins(scan: xarray.Dataset, hidden: str) -> float:
        """The smallest prior width from which on σ_syst/A stays within 20 % of its median; NaN where that is not known."""
        height = scan["sigma_syst_median"].sel(hidden=hidden, prior_width=widths).values
        if not np.isfinite(height).all():
            return np.nan
        far = np.flatnonzero(abs(height / np.median(height) - 1) > 0.2)
        return widths[min(far.max(initial=-1) + 1, len(widths) - 1)]

    def rows(scan: xarray.Dataset) -> list[Row]:
        three = scan["sigma_syst_median"].sel(hidden="64, 64, 64")
        flat = three.sel(prior_width=[w for w in widths if 0.3 <= w <= 30.0]).values
        narrow = ratio(float(three.sel(prior_width=0.03)), float(three.sel(prior_width=0.3)))
        shallow, deep = (begins(scan, hidden) for hidden in ("64", ", ".join(["64"] * 6)))
        return [
            *claim(
                "Over two decades of the prior width nothing happens: the data decide.",
                Row("three layers: largest over smallest σ_syst/A for σ_p = 0.3 … 30", float(flat.max() / flat.min()), high=1.2),
            ),
            *claim("A prior that is too narrow makes it worse.", Row("three layers: σ_syst/A at σ_p = 0.03 over 0.3", narrow, 1.2)),
            *claim(
                "Deeper networks need a wider prior.",
                Row("σ_p from which on it is flat: six layers over one", ratio(deep, shallow), 1.0, strict=True),
            ),
        ]

    return Story(
        "prior", "Does the prior matter?", "p(θ) = N(0, σ_p²)",
        "A prior that is too narrow pulls the weights to zero and everything gets worse; from some width on, nothing changes.",
        f"Flat over a wide range; deeper networks need a wider prior before it begins ({UNCERTAINTY_TALK}; it gives no numbers: we call "
        "20 % flat).",
        (Panel("scan", {"x": "prior_width"}),),
        **swept(recipe, hidden=[[64], [64] * 3, [64] * 6], prior_width=widths), rows=rows, seconds=150,
    )  # fmt: skip


def _tenth(full: bool) -> int:
    """What stands for the talk's 10 % of the data, where the largest size stands for its 70 %."""
    return 70_000 if full else 3_000


def _sizes(full: bool) -> dict[str, Any]:
    sizes = [7_000, 70_000, 700_000] if full else [1_000, 3_000, 9_000, 27_000]
    networks = [
        small(full, uncertainty="bnn", prior_width=1.0, **({} if full else {"steps": 12_000})),
        small(full, uncertainty="repulsive_ensemble", members=members_of(full), **WIDE),
    ]
    axes = {"events": sizes, "uncertainty": [network.uncertainty for network in networks]}
    runs = tuple(
        ({"events": events, "uncertainty": network.uncertainty}, network.replace(events=events)) for events in sizes for network in networks
    )
    return {"axes": axes, "runs": runs}


FALLS = {"syst": (2.0, 6.0), "stat": (3.0, 6.0)}
"""How much σ falls from 10 to 70 % of the data: the talk's 2.9 and 5.7 (σ_syst), 4.2 and 4.6 (σ_stat) lie within."""


def training_size(full: bool) -> Story:
    setup = _sizes(full)
    sizes = setup["axes"]["events"]
    tenth, largest = _tenth(full), max(sizes)

    def rows(scan: xarray.Dataset) -> list[Row]:
        found = []
        for way in ("bnn", "repulsive_ensemble"):
            name = WORDS[way]
            sigma = {
                part: {size: at(scan, f"sigma_{part}_mean", uncertainty=way, events=size) for size in sizes} for part in ("syst", "stat")
            }
            falls = [
                Row(f"{name}: σ_{part}({tenth:,})/σ_{part}({largest:,})", ratio(sigma[part][tenth], sigma[part][largest]), *FALLS[part])
                for part in FALLS
            ]
            lowest = float(np.min([ratio(sigma["syst"][size], sigma["stat"][size]) for size in sizes]))
            found += claim(f"Both error bars of the {name} shrink with the data.", *falls)
            found += claim(
                f"σ_syst of the {name} stays above its σ_stat.", Row(f"{name}: smallest σ_syst/σ_stat of all sizes", lowest, 1.0)
            )
        for size in sizes:
            width = at(scan, "statistical_width", uncertainty="repulsive_ensemble", events=size)
            row = Row(f"ensemble: width of t_stat at {size:,} points", width, 0.8, 1.3, ".2f")
            found += claim("The spread of the ensemble is right at all sizes.", row)
        return found

    return Story(
        "training_size", "More data, smaller error bars", "σ_tot² = σ_syst² + σ_stat²",
        "σ_stat must vanish with infinitely many data. Here σ_syst falls too, as a network without noise is limited by its training. "
        "With few data the ensemble memorises them: its σ_syst is then too small.",
        f"Both fall with data and σ_syst stays above σ_stat: ratios of 10 % to 70 % of the data 2.9 and 4.2 (BNN), 5.7 and 4.6 (ensemble), "
        f"for Deep Sets with invariants ({UNCERTAINTY_TALK}).",
        (Panel("scan", {"x": "events", "average": "mean", "which": ["syst", "stat"]}),), **setup, rows=rows, seconds=150,
    )  # fmt: skip


TABLE = {
    "bnn, small, syst": 2.5e-4, "bnn, small, stat": 1.5e-4, "bnn, large, syst": 8.7e-5, "bnn, large, stat": 3.6e-5,
    "repulsive_ensemble, small, syst": 2.9e-4, "repulsive_ensemble, small, stat": 2.2e-4,
    "repulsive_ensemble, large, syst": 5.1e-5, "repulsive_ensemble, large, stat": 4.8e-5,
}  # fmt: skip
"""Mean σ/A of Deep Sets with invariants on 100,000 and 700,000 points, from the talk's table."""
REPRODUCED = (0.7, 1.3)
"""Ours over the talk's: what the same network on the same data should come to."""


def table(full: bool) -> Story:
    same = training_size(full)
    few, many = _tenth(full), max(same.axes["events"])
    runs = tuple((options, recipe) for options, recipe in same.runs if options["events"] in (few, many))

    def rows(scan: xarray.Dataset) -> list[Row]:
        found = []
        for way in ("bnn", "repulsive_ensemble"):
            name = WORDS[way]
            for size, word in ((few, "small"), (many, "large")):
                for part in ("syst", "stat"):
                    ours, talk = at(scan, f"sigma_{part}_mean", uncertainty=way, events=size), TABLE[f"{way}, {word}, {part}"]
                    what = f"{name}, {size:,} points: ⟨σ_{part}/A⟩ over the talk's {number(talk)}"
                    found += claim("Error bars are as small as the talk's.", Row(what, ratio(ours, talk), *REPRODUCED))
            low, high = (at(scan, "statistical_width", uncertainty=way, events=size) for size in (few, many))
            on_few = Row(f"{name}, {few:,} points: width of t_stat", low, 0.8, 1.3, ".2f")
            if way == "bnn":
                on_many = Row(f"{name}, {many:,} points: width of t_stat", high, 1.3, form=".2f")
                found += claim("With more data the Bayesian network becomes over-confident.", on_few, on_many)
            else:
                on_many = Row(f"{name}, {many:,} points: width of t_stat", high, 0.8, 1.3, ".2f")
                found += claim("The spread of the ensemble stays right.", on_few, on_many)
        return found

    return Story(
        "table", "The talk's table of uncertainties", "⟨σ_syst/A⟩, ⟨σ_stat/A⟩",
        "Bayesian network or ensemble, few or many data: both kinds of error bars, ours over the talk's. The spread of the Bayesian "
        "network shrinks faster than its error.",
        f"Deep Sets with invariants on 100,000 and 700,000 points ({UNCERTAINTY_TALK}); ours is a small MLP on few points.",
        (Panel("uncertainty_table", {"published": TABLE}),), {**same.axes, "events": [few, many]}, runs, rows, same.seconds,
    )  # fmt: skip


STORIES: dict[str, Callable[[bool], Story]] = {"depth": depth, "prior": prior, "training_size": training_size, "table": table}
