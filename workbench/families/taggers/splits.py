"""The jets of a recipe: those to learn from, those that watch, those that are tested on; and the same jets, seen wrongly."""

from __future__ import annotations

import numpy as np

from workbench.data.catalogue import Progress
from workbench.data.own_file import check_content
from workbench.families.taggers.jets import Jets
from workbench.families.taggers.pile_up import overlaid
from workbench.families.taggers.read import read_jets
from workbench.families.taggers.recipe import TaggerRecipe
from workbench.families.taggers.sample import SEED, TEST_SEED, make_jets

WATCHING = 2_000
"""Jets at most that watch."""


def jets_for(recipe: TaggerRecipe, progress: Progress | None = None) -> dict[str, Jets]:
    """train, validation and test; those that nobody learns from have another seed. Raises: ValueError, OSError in one sentence."""
    told = progress or (lambda fraction, text: None)
    watching = min(WATCHING, recipe.test_jets // 4)
    if recipe.file:
        return own_jets(recipe, watching)
    train = half(recipe.jets, recipe.level, SEED, lambda fraction, text: told(0.7 * fraction, text))
    others = half(recipe.test_jets + watching, recipe.level, TEST_SEED, lambda fraction, text: told(0.7 + 0.3 * fraction, text))
    if recipe.smearing:
        train = smeared(train, recipe.smearing, recipe.seed)
    return {"train": train, "validation": others[recipe.test_jets :], "test": others[: recipe.test_jets]}


def own_jets(recipe: TaggerRecipe, watching: int) -> dict[str, Jets]:
    """The jets of a file in another order: those that are tested on and that watch, at most a third of them, and those to learn from."""
    check_content(recipe)
    whole = read_jets(recipe.file)
    order = np.random.default_rng(TEST_SEED).permutation(len(whole))
    test = min(recipe.test_jets, len(whole) // 4)
    watch = min(watching, len(whole) // 12)
    last = min(len(whole), test + watch + recipe.jets)
    ends = {"test": (0, test), "validation": (test, test + watch), "train": (test + watch, last)}
    found = {split: whole[order[first:end]] for split, (first, end) in ends.items()}
    train = found["train"]
    return found | {"train": smeared(train, recipe.smearing, recipe.seed) if recipe.smearing else train}


def half(jets: int, level: str, seed: int, progress: Progress) -> Jets:
    """So many jets, half of each kind, in turns."""
    return make_jets(-(-jets // 2), level, seed, progress=progress)[:jets]


def smeared(jets: Jets, width: float, seed: int) -> Jets:
    """The same jets, all momenta of each with a factor of its own."""
    return jets.shift_energy(np.maximum(1 + width * np.random.default_rng([seed, 5]).standard_normal(len(jets)), 0.1))


def shifted(jets: Jets, name: str) -> Jets:
    """The jets as a shift makes them."""
    if name.startswith("v"):
        return overlaid(jets, float(name[1:]), TEST_SEED)
    return jets.shift_energy(1 + float(name) / 100)
