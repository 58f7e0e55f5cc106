"""Single experiments of n events instead of the expected ones, and toys that tell whether asymptotic thresholds hold.

    Σ log r(x_i|θ) over n events of the Standard Model            q(θ) = −2 [Σ log r(x_i|θ) − max_θ Σ log r(x_i|θ)]

Wilks: q at the true θ follows χ² of two parameters when n is large. Toys draw n events again and again and look at q(0).
"""

from __future__ import annotations

from typing import Any

import numpy as np

EVENTS = (5, 10, 20, 36, 60, 100, 200, 300, 600, 1_000)
"""Expected events that are offered."""
EXPERIMENTS, SEED = 3, 36
TOYS, TOY_EVENTS = 1_000, (10, 36, 100)
STRIDE = 2
"""Experiments are looked at on every second point of the grid."""


def experiments(log_ratio: np.ndarray, exact: np.ndarray, weight: np.ndarray, points: int) -> dict[str, Any]:
    """Columns of a prediction: Σ log r over the events of each experiment, (experiment, expected, f_WW, f_W), of the mean of the networks
    and exact; the spread of q among networks; and how many events were seen, a Poisson number whose mean is the expected one.

    Arguments: log r̂ (network, event, θ) and log r (event, θ) on a grid of `points`² hypotheses.
    """
    rng, share = np.random.default_rng(SEED), weight / weight.sum()
    networks = log_ratio.reshape(len(log_ratio), -1, points, points)[:, :, ::STRIDE, ::STRIDE].astype(np.float32)
    truth = exact.reshape(-1, points, points)[:, ::STRIDE, ::STRIDE]
    shape = (EXPERIMENTS, len(EVENTS))
    seen, found = np.zeros(shape, dtype=np.int32), np.zeros((3, *shape, *truth.shape[1:]), dtype=np.float32)
    for experiment in range(EXPERIMENTS):
        order = rng.choice(len(weight), 2 * EVENTS[-1], p=share)  # a larger experiment has the events of the smaller one and more
        chance = rng.random()
        for place, expected in enumerate(EVENTS):
            seen[experiment, place] = poisson_at(chance, expected)
            chosen = order[: seen[experiment, place]]
            each = networks[:, chosen].sum(1)
            spread = (-2 * (each - each.max(axis=(-2, -1), keepdims=True))).std(0)
            found[:, experiment, place] = each.mean(0), truth[chosen].sum(0), spread
    dims, names = ("experiment", "expected", "coarse_f_WW", "coarse_f_W"), ("log_ratio", "log_ratio_true", "q_sigma")
    return {
        "expected": ("expected", np.array(EVENTS)),
        "experiment_events": (dims[:2], seen),
        **{f"experiment_{name}": (dims, values) for name, values in zip(names, found, strict=True)},
    }


def poisson_at(chance: float, mean: float) -> int:
    """The number below which a Poisson number with this mean lies with this probability; at least one."""
    numbers = np.arange(1, int(mean + 12 * np.sqrt(mean)) + 20)
    log = np.concatenate([[-mean], -mean + np.cumsum(np.log(mean / numbers))])
    return max(1, int(np.searchsorted(np.exp(log).cumsum(), chance)))


def toys(log_ratio: np.ndarray, exact: np.ndarray, weight: np.ndarray, points: int) -> dict[str, Any]:
    """Columns of a prediction: q(0) of 1,000 experiments of each size, in order, of the mean of the networks and of the exact ratio."""
    share = weight / weight.sum()
    columns: dict[str, Any] = {"toy_events": ("toy_events", np.array(TOY_EVENTS))}
    for name, values in (("toy_q", log_ratio.mean(0)), ("toy_q_true", exact)):
        rng, narrow = np.random.default_rng(SEED + 1), np.ascontiguousarray(values, dtype=np.float32)  # the same toys for both
        rows = []
        for events in TOY_EVENTS:
            drawn = rng.choice(len(weight), (TOYS, events), p=share)
            sums = np.stack([narrow[each].sum(0) for each in drawn]).reshape(TOYS, points, points)
            rows.append(np.sort(2 * np.maximum(highest(sums), 0.0)))
        columns[name] = (("toy_events", "toy"), np.array(rows, dtype=np.float32))
    return columns


def highest(values: np.ndarray) -> np.ndarray:
    """The largest value (…) of a smooth function on a grid (…, row, column), between its points: a parabola along each axis."""
    rows, columns = values.shape[-2:]
    flat = values.reshape(-1, rows, columns)
    at = flat.reshape(len(flat), -1).argmax(axis=1)
    row, column = at // columns, at % columns
    every, top = np.arange(len(flat)), flat.reshape(len(flat), -1).max(axis=1)
    found = top.astype(np.float64)
    for (up, across), place, size in (((1, 0), row, rows), ((0, 1), column, columns)):
        inner = (place > 0) & (place < size - 1)
        one, r, c = every[inner], row[inner], column[inner]
        left, right, here = flat[one, r - up, c - across], flat[one, r + up, c + across], top[inner]
        bend = 2 * here - left - right
        found[inner] += np.where(bend > 1e-9, (right - left) ** 2 / (8 * np.maximum(bend, 1e-9)), 0.0)
    return found.reshape(values.shape[:-2])
