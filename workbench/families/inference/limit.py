"""From log-likelihood ratios to limits: contours in the (f_W, f_WW) plane, profiles, intervals, areas.

    q(θ) = −2n [⟨log r(x|θ)⟩ − max_θ ⟨log r(x|θ)⟩]  (+ 2n [σ(θ)/σ(0) − 1 − log σ(θ)/σ(0)] with the rate)

⟨…⟩ is the mean over events of the Standard Model, so q is what n of them lead one to expect. By Wilks q follows χ² of two parameters, or of
one where the other is profiled: 68, 95 and 99.7 % lie below the thresholds here.
"""

from __future__ import annotations

import math

import numpy as np

LEVELS = (0.68, 0.95, 0.997)
TWO = tuple(-2 * math.log(1 - level) for level in LEVELS)
"""q of two parameters: 2.279, 5.991, 11.618."""
ONE = (0.98895, 3.84146, 8.80747)
"""q of one parameter."""
EXPECTED = 36
"""Selected events of the Standard Model."""
RAYS = 144


def q_of(
    mean: np.ndarray, sigma_ratio: np.ndarray, events: float = EXPECTED, *, rate: bool = False, seen: float | None = None
) -> np.ndarray:
    """q (…, f_WW, f_W) from ⟨log r(x|θ)⟩ of the same shape and σ(θ)/σ(0) on the grid, where `seen` events of the expected ones were seen;
    by default as many."""
    count = events if seen is None else seen
    log_likelihood = count * mean
    if rate:
        log_likelihood = log_likelihood + count * np.log(sigma_ratio) - events * (sigma_ratio - 1)
    return -2 * (log_likelihood - log_likelihood.max(axis=(-2, -1), keepdims=True))


def contour(axis: np.ndarray, q: np.ndarray, level: float, centre: tuple[float, float] = (0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """The closed line around a point on which q first reaches a level, seen along rays; on the edge of the grid where it does not."""
    angle = np.linspace(0, 2 * np.pi, RAYS + 1)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.where(direction > 0, (axis[-1] - np.array(centre)) / direction, (axis[0] - np.array(centre)) / direction)
    reach = np.nanmin(np.where(np.abs(direction) < 1e-12, np.inf, ends), axis=-1)
    share = np.linspace(0, 1, 121)
    radius = reach[:, None] * share
    values = at(axis, q, centre[0] + radius * direction[:, :1], centre[1] + radius * direction[:, 1:])
    above = values >= level
    first = np.where(above.any(axis=1), above.argmax(axis=1), len(share) - 1)
    rows = np.arange(len(angle))
    before = np.maximum(first - 1, 0)
    low, high = values[rows, before], values[rows, first]
    part = np.clip(np.where(high > low, (level - low) / np.where(high > low, high - low, 1.0), 1.0), 0.0, 1.0)
    found = radius[rows, before] + part * (radius[rows, first] - radius[rows, before])
    return centre[0] + found * direction[:, 0], centre[1] + found * direction[:, 1]


def at(axis: np.ndarray, q: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """q between the points of the grid, by cubic interpolation (Catmull and Rom) along each axis."""
    step = axis[1] - axis[0]
    padded = np.pad(q, 1, mode="reflect", reflect_type="odd")
    across, up = (np.clip((values - axis[0]) / step, 0, len(axis) - 1 - 1e-9) for values in (x, y))
    column, row = across.astype(int), up.astype(int)
    found = np.zeros(np.shape(x))
    for i, along_row in enumerate(_cubic(up - row)):
        for j, along_column in enumerate(_cubic(across - column)):
            found += along_row * along_column * padded[row + i, column + j]
    return found


def _cubic(t: np.ndarray) -> tuple[np.ndarray, ...]:
    return (-t + 2 * t**2 - t**3) / 2, (2 - 5 * t**2 + 3 * t**3) / 2, (t + 4 * t**2 - 3 * t**3) / 2, (t**3 - t**2) / 2


def area(x: np.ndarray, y: np.ndarray) -> float:
    """Inside of a closed line, TeV⁻⁴."""
    return float(abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2)


def lowest(axis: np.ndarray, q: np.ndarray) -> tuple[float, float]:
    """(f_W, f_WW) of the point of the grid where q is smallest."""
    row, column = np.unravel_index(int(np.argmin(q)), q.shape)
    return float(axis[column]), float(axis[row])


def areas(axis: np.ndarray, q: np.ndarray) -> list[float]:
    """Of the 68, 95 and 99.7 % contours, TeV⁻⁴."""
    return [area(*contour(axis, q, level, lowest(axis, q))) for level in TWO]


def profile(q: np.ndarray, coupling: str) -> np.ndarray:
    """q with the other coupling at its best."""
    return q.min(axis=-2 if coupling == "f_W" else -1)


def interval(axis: np.ndarray, profiled: np.ndarray, level: float) -> tuple[float, float]:
    """Where a profile lies below a level; infinite where it does to the edge of the grid."""
    fine = np.linspace(axis[0], axis[-1], 2_001)
    inside = fine[np.interp(fine, axis, profiled) <= level]
    low, high = (inside[0], inside[-1]) if len(inside) else (np.nan, np.nan)
    return (-np.inf if low == axis[0] else float(low)), (np.inf if high == axis[-1] else float(high))


def ellipse(information: np.ndarray, level: float, events: float = EXPECTED) -> tuple[np.ndarray, np.ndarray]:
    """θᵀ I θ n = level of the Fisher information I (2, 2) of one event, in TeV⁴."""
    values, vectors = np.linalg.eigh(information)
    angle = np.linspace(0, 2 * np.pi, RAYS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    return tuple(vectors @ (circle * np.sqrt(level / (events * np.maximum(values, 1e-12)))[:, None]))  # type: ignore[return-value]
