"""A search for formulas by simulated annealing: trees change at random, and worse ones are taken with the probability

    p = exp(−(s_new − s_old)/(α T s_old))            s = MSE/variance + parsimony · nodes

while the temperature T falls from one to zero, again and again. Several islands of formulas search on their own, each born formula takes
the place of the oldest of its island; the best formula of each complexity stays in the hall of fame, which all islands visit. Constants of
every new formula are fitted, from those of its parent.

*Source*: the rule of Cranmer's PySR (arXiv:2305.01582) as in Butter, Plehn, Soybelman, Brehmer, arXiv:2109.10414.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.families.formulas.fit import Data, minimised
from workbench.families.formulas.tree import (
    BINARY,
    OPERATORS,
    UNARY,
    Program,
    Tree,
    constants,
    key,
    nodes,
    part_at,
    places,
    replaced,
    simplified,
    with_constants,
)

CHANGES = {"grow": 0.34, "exchange": 0.16, "constant": 0.08, "delete": 0.14, "copy": 0.10, "cross": 0.12, "new": 0.06}
"""How often a formula changes in which way."""
FAMOUS = 0.35
"""Share of the parents that come from the hall of fame, each complexity as often as another."""
TOURNAMENT = 3
FIT_STEPS = 6
"""Steps of Levenberg and Marquardt for a new formula."""
REMEMBERED = 80_000_000
"""Bytes of parts without constants whose values are kept for all formulas that share them."""


@dataclass(frozen=True)
class Settings:
    """What the search may use, and how it goes about it."""

    operators: str = "products"
    most_nodes: int = 24
    parsimony: float = 0.005
    alpha: float = 0.1
    islands: int = 4
    population: int = 30
    cycle: int = 40
    """Generations in which the temperature falls from one to zero."""


@dataclass(frozen=True)
class Member:
    """A formula with fitted constants, and what it is worth."""

    tree: Tree
    key: str
    nodes: int
    mse: float
    score: float


@dataclass(frozen=True)
class Trial:
    """One proposal: (s_new − s_old)/s_old, the temperature, and whether it was taken."""

    change: float
    temperature: float
    taken: bool


class Annealing:
    """The search. One generation is as many trials on each island as it has formulas; same seed, same formulas."""

    def __init__(self, data: Data, settings: Settings, seed: int):
        self.data, self.settings = data, settings
        self.variance = max(data.variance, 1e-300)
        self.rng = random.Random(seed)  # noqa: S311 (no secret)
        names = OPERATORS[settings.operators]
        self.binary = [name for name in names if name in BINARY]
        self.unary = [name for name in names if name in UNARY]
        self.known: dict[Tree, np.ndarray] = {}
        self.generation = self.evaluations = 0
        self.hall: dict[int, Member] = {}
        self.trials: list[Trial] = []
        self.islands: list[list[Member]] = []

    @property
    def temperature(self) -> float:
        """T of the generation that comes next."""
        return 1.0 - (self.generation % self.settings.cycle) / max(1, self.settings.cycle - 1)

    def step(self) -> None:
        """One generation."""
        with np.errstate(all="ignore"):
            if not self.islands:
                self.islands = [self._settled() for _ in range(self.settings.islands)]
            if self.generation and self.generation % self.settings.cycle == 0:
                self._begin_anew()
            self.trials = []
            temperature = self.temperature
            for island in self.islands:
                index = {member.key: member for member in island}
                for _ in range(self.settings.population):
                    self._try(island, index, temperature)
            self.generation += 1
            if 8 * len(self.known) * len(self.data) > REMEMBERED:
                self.known.clear()

    def _settled(self) -> list[Member]:
        """A new island."""
        island: list[Member] = []
        taken: set[str] = set()
        for _ in range(50 * self.settings.population):
            tree = self._scaled(self._random(self.rng.randint(1, 3)))
            member = None if nested(tree) else self._member(tree)
            if member is not None and member.key not in taken:
                island.append(member)
                taken.add(member.key)
            if len(island) == self.settings.population:
                break
        return island

    def _begin_anew(self) -> None:
        """After a cycle one island starts from nothing, and the others get formulas of the hall of fame in place of their oldest."""
        which = (self.generation // self.settings.cycle - 1) % len(self.islands)
        self.islands[which] = self._settled()
        famous = self.front()
        for number, island in enumerate(self.islands):
            if number != which and famous:
                island.pop(0)
                island.append(self.rng.choice(famous))

    def _try(self, island: list[Member], index: dict[str, Member], temperature: float) -> None:
        parent = self._parent(island)
        tree = simplified(self._changed(parent, island))
        name = key(tree)
        if name == parent.key or nodes(tree) > self.settings.most_nodes or nested(tree):
            return
        child = index.get(name) or self._famous(name, nodes(tree)) or self._member(tree)
        if child is None:
            return
        change = (child.score - parent.score) / parent.score
        step = self.settings.alpha * temperature
        chance = 1.0 if change <= 0 else math.exp(-change / step) if step > 0 and change < 700 * step else 0.0
        taken = self.rng.random() < chance
        self.trials.append(Trial(change, temperature, taken))
        if taken and name not in index:
            index.pop(island.pop(0).key, None)
            island.append(child)
            index[name] = child

    def _famous(self, name: str, size: int) -> Member | None:
        member = self.hall.get(size)
        return member if member is not None and member.key == name else None

    def _parent(self, island: list[Member]) -> Member:
        if self.rng.random() < FAMOUS:
            front = self.front()
            return front[self.rng.randrange(len(front))]
        return min((island[self.rng.randrange(len(island))] for _ in range(TOURNAMENT)), key=lambda member: member.score)

    def front(self) -> list[Member]:
        """The hall of fame: formulas that no simpler one matches, from the simplest to the best."""
        found: list[Member] = []
        for size in sorted(self.hall):
            if not found or self.hall[size].mse < found[-1].mse * (1 - 1e-9):
                found.append(self.hall[size])
        return found

    def _member(self, tree: Tree) -> Member | None:
        """A formula with its constants fitted, if it has a value at every point."""
        size = nodes(tree)
        if size > self.settings.most_nodes:
            return None
        start = constants(tree)
        self.evaluations += 1
        values, mse = minimised(Program.of(tree, self.data.columns, self.known), start, self.data, FIT_STEPS)
        if not math.isfinite(mse):
            return None
        member = Member(with_constants(tree, values), key(tree), size, mse, mse / self.variance + self.settings.parsimony * size)
        best = self.hall.get(size)
        if best is None or mse < best.mse:
            self.hall[size] = member
        return member

    # Changes

    def _random(self, depth: int) -> Tree:
        if depth <= 0 or self.rng.random() < 0.15:
            return self._leaf()
        if self.unary and self.rng.random() < 0.25:
            return (self.rng.choice(self.unary), self._random(depth - 1))
        return (self.rng.choice(self.binary), self._random(depth - 1), self._random(depth - 1))

    def _leaf(self) -> Tree:
        if self.rng.random() < 0.2:
            return self.rng.gauss(0.0, 1.0) or 1.0
        return self.rng.randrange(len(self.data.columns))

    def _scaled(self, tree: Tree) -> Tree:
        """With a constant in front."""
        return simplified(("mul", 1.5, tree))

    def _changed(self, parent: Member, island: list[Member]) -> Tree:
        tree, rng = parent.tree, self.rng
        way = rng.choices(list(CHANGES), list(CHANGES.values()))[0]
        if way == "new":
            return self._scaled(self._random(rng.randint(1, 3)))
        where = list(places(tree))
        place = rng.choice(where)
        part = part_at(tree, place)
        if way == "grow":
            return replaced(tree, place, self._grown(part))
        if way == "delete":
            inside = [each for each in where if each and isinstance(part_at(tree, each[:-1]), tuple)]
            if not inside:
                return self._grown(tree)
            chosen = rng.choice(inside)  # its parent goes, and with it what else hangs on that
            return replaced(tree, chosen[:-1], part_at(tree, chosen))
        if way == "copy":
            return replaced(tree, place, part_at(tree, rng.choice(where)))
        if way == "cross":
            other = rng.choice(island if rng.random() < 0.5 else self.front()).tree
            return replaced(tree, place, part_at(other, rng.choice(list(places(other)))))
        if way == "constant":
            values = constants(tree)
            if values:
                number = rng.randrange(len(values))
                values[number] *= rng.choice((-1.0, 1.0)) * math.exp(rng.gauss(0.0, 1.0))
                tree = with_constants(tree, values)
            return self._exchanged(tree, place, part)
        return self._exchanged(tree, place, part)

    def _grown(self, part: Tree) -> Tree:
        """A node above a part, with a new leaf: a constant, a variable, or a constant times one, of little weight at first."""
        rng = self.rng
        if self.unary and rng.random() < 0.15:
            return (rng.choice(self.unary), part)
        name = rng.choice(self.binary)
        leaf: Tree = self._leaf()
        if name in ("add", "sub") and rng.random() < 0.6:
            leaf = 0.1 * rng.gauss(0.0, 1.0) or 0.1
            if rng.random() < 0.6:
                leaf = ("mul", leaf, rng.randrange(len(self.data.columns)))
        return (name, part, leaf) if rng.random() < 0.75 else (name, leaf, part)

    def _exchanged(self, tree: Tree, place: tuple[int, ...], part: Tree) -> Tree:
        """Another operator or leaf in the same place."""
        if not isinstance(part, tuple):
            return replaced(tree, place, self._leaf())
        names = self.binary if len(part) == 3 else self.unary
        return replaced(tree, place, (self.rng.choice(names), *part[1:]))

    # Going on

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit, as plain numbers for JSON."""
        version, numbers, spare = self.rng.getstate()
        return {
            "random": [version, list(numbers), spare],
            "generation": self.generation,
            "evaluations": self.evaluations,
            "hall": [_plain(member) for member in self.hall.values()],
            "islands": [[_plain(member) for member in island] for island in self.islands],
            "trials": [[trial.change, trial.temperature, trial.taken] for trial in self.trials],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there. Raises: KeyError, TypeError or ValueError where it does not fit."""
        version, numbers, spare = state["random"]
        self.rng.setstate((version, tuple(numbers), spare))
        self.generation, self.evaluations = int(state["generation"]), int(state["evaluations"])
        self.hall = {member.nodes: member for member in map(_member, state["hall"])}
        self.islands = [list(map(_member, island)) for island in state["islands"]]
        self.trials = [Trial(float(change), float(temperature), bool(taken)) for change, temperature, taken in state["trials"]]

    @property
    def population(self) -> list[Member]:
        return [member for island in self.islands for member in island]


def nested(tree: Tree, within: frozenset[str] = frozenset()) -> bool:
    """Whether a function stands inside itself, as in sin sin x: such formulas fit anything and say nothing."""
    if not isinstance(tree, tuple):
        return False
    if tree[0] in within:
        return True
    inside = within | {tree[0]} if tree[0] in UNARY else within
    return any(nested(part, inside) for part in tree[1:])


def _plain(member: Member) -> list[Any]:
    return [member.tree, member.mse, member.score]


def _member(plain: list[Any]) -> Member:
    tree = as_tree(plain[0])
    return Member(tree, key(tree), nodes(tree), float(plain[1]), float(plain[2]))


def as_tree(plain: Any) -> Tree:
    """A formula from the lists of JSON."""
    return (plain[0], *map(as_tree, plain[1:])) if isinstance(plain, (list, tuple)) else plain
