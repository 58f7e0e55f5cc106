"""How much memory a recipe needs, said before it is taken.

Training holds every network's weights four times (weights, gradient, two moments) and what the backward pass needs of one batch; the
prediction holds two numbers for every draw and event, in double precision while they become amplitudes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.nets.network import Architecture
from workbench.training.recipe import Recipe, TrainingRecipe

if TYPE_CHECKING:
    import torch

SHARE = 0.8
"""Of the memory that is free, at most this much may be asked for."""
SINGLE, DOUBLE = 4, 8
LIBRARIES = 40_000_000
"""Bytes that torch takes for itself in a training of any size."""


@dataclass(frozen=True)
class Needed:
    """Memory of a training and of its final prediction, in bytes."""

    training: int
    prediction: int

    @property
    def most(self) -> int:
        return max(self.training, self.prediction)

    def __str__(self) -> str:
        return f"about {in_words(self.training)} of memory to train and {in_words(self.prediction)} to predict"

    def __add__(self, other: Needed) -> Needed:
        return Needed(self.training + other.training, self.prediction + other.prediction)


def bases(recipe: TrainingRecipe, networks: Sequence[Architecture], rows: int) -> int:
    """What SOAP keeps of the matrices of so many rows: squares and bases of both sides."""
    sides = [side for network in networks for matrix in network.matrices for side in (matrix.outputs, matrix.inputs)]
    return 2 * rows * sum(side**2 for side in sides) * SINGLE if recipe.optimiser == "soap" else 0


EASED = {"members": "training prediction", "draws": "prediction", "batch_size": "training", "test_events": "prediction"}
"""What needs less memory with a smaller value of an option, in any recipe that has it."""


def check(need: Needed, free: int, recipe: Recipe, also: Sequence[str] = ()) -> None:
    """Raises: ValueError in one sentence, with what would fit, where more is needed than is free.

    *Arguments*: also, options of this family that most of the memory is proportional to.
    """
    limit = SHARE * free
    if need.most <= limit:
        return
    tight = {part for part in ("training", "prediction") if getattr(need, part) > limit}
    options, ways = recipe.options(), []
    eased = dict.fromkeys(also, "training prediction") | EASED
    for name in eased:
        if name in options and recipe.matters(name) and tight & {*eased[name].split()}:
            value, words = getattr(recipe, name), options[name].label.lower()
            if (less := _smaller(value, limit / need.most, int(options[name].limits[0]))) < value:
                ways.append(f"{less:,} {words}" if words.endswith("s") else f"a {words} of {less:,}")
    raise ValueError(f"This needs {need}, but {in_words(free)} are free; {' or '.join(ways) or 'a smaller network'} would fit.")


def free_memory(device: torch.device) -> int:
    """Free memory of a device in bytes; where it is not known, a very large number."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1_024
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 1 << 62


def in_words(size: float) -> str:
    """Bytes as people read them: 1.3 GB, 45 MB."""
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{max(size / 1e6, 1):.0f} MB"


def _smaller(value: int, share: float, least: int) -> int:
    """Two digits below value × share, but not below what is possible."""
    wanted = int(value * share * 0.95)
    step = 10 ** max(len(str(wanted)) - 2, 0)
    return max(least, wanted // step * step)
