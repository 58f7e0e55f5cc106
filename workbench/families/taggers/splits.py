"""The jets of a recipe: those to learn from, those that watch, those that are tested on; and the same jets, seen wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.data.catalogue import Progress
from workbench.families.taggers.jets import Jets
from workbench.families.taggers.pile_up import overlaid
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.families.taggers.sample import SEED, TEST_SEED, make_jets

WATCHING = 2_000
"""Jets at most that watch."""


def jets_for(recipe: TaggerRecipe, progress: Progress | None = None) -> dict[str, Jets]:
    """train, validation and test; those that nobody learns from have another seed. Raises: ValueError, OSError in one sentence."""
    told = progress or (lambda fraction, text: None)
    watching = min(WATCHING, recipe.test_jets // 4)
    train = half(recipe.jets, recipe.level, SEED, lambda fraction, text: told(0.7 * fraction, text))
    others = half(recipe.test_jets + watching, recipe.level, TEST_SEED, lambda fraction, text: told(0.7 + 0.3 * fraction, text))
    if recipe.smearing:
        train = smeared(train, recipe.smearing, recipe.seed)
    return {"train": train, "validation": others[recipe.test_jets :], "test": others[: recipe.test_jets]}


def half(jets: int, level: str, seed: int, progress: Progress) -> Jets:
    """So many jets, half of each kind, in turns."""
    return make_jets(-(-jets // 2), level, seed, progress=progress)[:jets]


def smeared(jets: Jets, width: float, seed: int) -> Jets:
    """The same jets, all momenta of each with a factor of its own."""
    jets = jets.packed()
    factor = np.maximum(1 + width * np.random.default_rng([seed, 5]).standard_normal(len(jets)), 0.1).astype(np.float32)
    momentum = jets.momentum * np.stack([factor, np.ones_like(factor), np.ones_like(factor), factor], axis=-1)
    return replace(jets, momentum=momentum, pt=jets.pt * np.repeat(factor, jets.count))


def shifted(jets: Jets, name: str) -> Jets:
    """The jets as a shift makes them."""
    if name.startswith("v"):
        return overlaid(jets, float(name[1:]), TEST_SEED)
    return jets.shift_energy(1 + float(name) / 100)
