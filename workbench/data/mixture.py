"""Mixed samples: flat events, among which others stand that are frequent where |M|² is large.

Of flat events one in a hundred lies where a process has its largest amplitudes, and a network is poor there for want of points. Three
unweighted events among ten make it several times better there and hardly worse elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray

SAMPLES = ("flat", "unweighted")
"""What is mixed."""
UNWEIGHTED, OF = 3, 10
"""So many of so many events are unweighted."""


def unweighted(events: int) -> np.ndarray:
    """Which of so many events are unweighted; the first n of more are the same."""
    numbers = np.arange(events + 1) * UNWEIGHTED // OF
    return np.diff(numbers) > 0


def mixed(
    make: Callable[..., xarray.Dataset], events: int, before: int = 0, progress: Callable[[float, str], None] | None = None
) -> xarray.Dataset:
    """`before` flat events, and so many mixed ones.

    Arguments: `make` gives the events of one `sampling`, so many `events`, and tells `progress`.
    """
    import xarray

    tilted = unweighted(events)
    counts = (before + int((~tilted).sum()), max(1, int(tilted.sum())))

    def part(number: int) -> xarray.Dataset:
        told = progress and (lambda fraction, text: progress((number + fraction) / 2, text))
        return make(sampling=SAMPLES[number], events=counts[number], progress=told)

    both = xarray.concat([part(0), part(1)], "event", combine_attrs="drop_conflicts")
    places = np.where(tilted, counts[0] + np.cumsum(tilted) - 1, before + np.cumsum(~tilted) - 1)
    return both.isel(event=np.concatenate([np.arange(before), places]))
