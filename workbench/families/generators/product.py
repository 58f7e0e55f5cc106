"""What a training of a generator yields."""

from __future__ import annotations

import math

import xarray as xr

from workbench.families.generators import generated
from workbench.results.product import Product


def _percent(value: float) -> str:
    """Two digits, never as 2.3e+02."""
    return f"{float(f'{100 * value:.2g}'):,.10g} %"


def _generator_sentence(found: xr.Dataset) -> str:
    """The log loss, and how far the histograms are from the truth."""
    quality = generated.quality(found)
    loss = f"log loss {quality.log_loss_in_words}"
    exact = f" (exact entropy {quality.entropy:.3f})" if math.isfinite(quality.entropy) else ""
    band = f", band {_percent(quality.band)}" if math.isfinite(quality.band) else ""
    if quality.reason:
        return f"{loss}{exact}, no |ratio − 1|: {quality.reason}"
    deviation = f"|ratio − 1| {_percent(quality.deviation)} where the truth is known to {_percent(quality.statistics)}"
    return f"{loss}{exact}, {deviation}, largest {_percent(quality.largest)} ({quality.where}){band}"


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
