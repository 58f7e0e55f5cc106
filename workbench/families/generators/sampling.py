"""New events in physical units from the weights of a generator, with what its training left to be done.

number of jets ~ truth,  n(a) ∝ n (1 + a ⟨e⟩_n) ;   magic transformation: weight 1/w, normalised for each number of jets,
events with ΔR_jj < 0.4 or p_T,j < 20 GeV dropped, hit-or-miss for events of weight 1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.data.features import Features, jet_condition
from workbench.data.samples import Sample
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.methods.base import Method
from workbench.physics import boson
from workbench.physics.collisions import JET_CUTS, jet_count
from workbench.physics.datasets import has_jets
from workbench.physics.kinematics import delta_r, pt
from workbench.physics.weights import leading_jet_pt, magic_weight, nuisance_scale, theory_weight

PORTION = 20_000
"""Events that are drawn together."""
JETS = (1, 2, 3)


@dataclass(frozen=True)
class Shares:
    """Of the training events, each with its weight: which part has 1, 2, 3 jets, and their mean e = ((p_T,j1 − 15 GeV)/100 GeV)²."""

    jets: tuple[float, ...]
    excess: tuple[float, ...]

    @classmethod
    def of(cls, sample: Sample) -> Shares:
        """Those of a sample; without jets, nothing."""
        if not has_jets(sample.dataset):
            return cls((), ())
        e, count, weight = excess(sample.points), sample.jets, sample.relative_weight
        means = [float(np.average(e[count == n], weights=weight[count == n])) if (count == n).any() else 0.0 for n in JETS]
        return cls(tuple(float(np.average(count == n, weights=weight)) for n in JETS), tuple(means))

    @property
    def mean_excess(self) -> float:
        """⟨e⟩ of all."""
        return float(np.dot(self.jets, self.excess))

    def at(self, nuisance: float) -> np.ndarray:
        """Which part has 1, 2, 3 jets if every event has the weight of this nuisance."""
        weight = np.asarray(self.jets) * (1 + nuisance * np.asarray(self.excess))
        return weight / weight.sum()


@dataclass(frozen=True, eq=False)
class Drawn:
    """Events that networks drew, each network as many.

    `features` as the networks gave them, `points` in physical units, `weight` of mean 1 in each number of jets, 0 for dropped ones.
    """

    features: np.ndarray
    points: np.ndarray
    condition: Tensor
    weight: np.ndarray
    below_cut: float


@dataclass(frozen=True, eq=False)
class Sampler:
    """Draws events from rows of weights of a method."""

    recipe: GeneratorRecipe
    method: Method
    features: Features
    shares: Shares
    device: torch.device

    def condition(self, jets: np.ndarray, nuisance: np.ndarray | float = 0.0) -> Tensor:
        """What events with so many jets are conditioned on: nothing, their number in a chain, and c of the nuisance if there is one."""
        columns = [jet_condition(jets)] if self.recipe.has_jets and not self.recipe.jets else [np.zeros((len(jets), 0))]
        if self.recipe.nuisance:
            columns.append(np.broadcast_to(nuisance_scale(nuisance), len(jets))[:, None])
        return torch.tensor(np.concatenate(columns, axis=1), dtype=torch.float32, device=self.device)

    def jets(self, events: int, generator: np.random.Generator, nuisance: float = 0.0) -> np.ndarray:
        """The numbers of jets of new events."""
        return generator.choice(JETS, events, p=self.shares.at(nuisance)) if self.shares.jets else np.zeros(events, dtype=int)

    def draw(self, rows: Tensor, jets: np.ndarray, seed: Any, nuisance: np.ndarray | float = 0.0) -> Drawn:
        """An event of every network for each number of jets; the same latent numbers for the same seed."""
        condition = self.condition(jets, nuisance)
        numbers = np.random.default_rng(seed)
        latent = torch.Generator().manual_seed(int(numbers.integers(2**62)))
        features = self.method.objective.sample(rows, condition, latent).double().cpu().numpy()
        azimuth = numbers.uniform(-np.pi, np.pi, len(jets))
        with np.errstate(over="ignore", invalid="ignore"):
            points = np.stack([self.features.points(one, azimuth) for one in features])
        near = [self._too_near(one) for one in points]
        weight = np.stack([self._weight(one, cut) for one, cut in zip(points, near, strict=True)])
        return Drawn(features, points, condition, weight, float(np.mean(near)) if near else 0.0)

    def _too_near(self, points: np.ndarray) -> np.ndarray:
        """Which events have two jets nearer than the cut."""
        if not self.recipe.has_jets or points.shape[1] < 4:
            return np.zeros(len(points), dtype=bool)
        pairs = [(2 + i, 2 + j) for j in range(points.shape[1] - 2) for i in range(j)]
        return np.any([delta_r(points[:, i], points[:, j]) < JET_CUTS.distance for i, j in pairs], axis=0)

    def _weight(self, points: np.ndarray, near: np.ndarray) -> np.ndarray:
        if not self.recipe.magic:
            return np.ones(len(points))
        soft = np.any(pt(points[:, 2:]) < JET_CUTS.pt, axis=1)
        weight = np.zeros(len(points))
        kept = ~(near | soft) & np.isfinite(points[:, :3]).all(axis=(1, 2))
        weight[kept] = 1 / magic_weight(points[kept])
        count = jet_count(points)
        for n in JETS:
            if weight[count == n].any():
                weight[count == n] /= weight[count == n].mean()
        return weight

    def new_events(self, rows: Tensor, events: int, seed: int, nuisance: float = 0.0, portion: int = PORTION) -> Iterator[np.ndarray]:
        """Events of weight 1 from one network, in portions; jets that it drew in another order are ordered by p_T."""
        for number, start in enumerate(range(0, events, portion)):
            numbers = np.random.default_rng([seed, 5, number])
            wanted = self.jets(min(portion, events - start), numbers, nuisance)
            if self.recipe.magic:
                made = self._unweighted(rows, wanted, [seed, 6, number], nuisance)
            else:
                made = self.draw(rows, wanted, [seed, 6, number], nuisance).points[0]
            yield harder_first(made) if self.recipe.has_jets else made

    def _unweighted(self, rows: Tensor, wanted: np.ndarray, seed: list[int], nuisance: float) -> np.ndarray:
        """Hit-or-miss against the largest weight of a first round, for each number of jets; a later larger one counts as this one."""
        made: np.ndarray | None = None
        for n in np.unique(wanted):
            places, found, largest, size, again = np.flatnonzero(wanted == n), 0, 0.0, PORTION // 4, 0
            while found < len(places):
                drawn = self.draw(rows, np.full(size, n), [*seed, int(n), again], nuisance)
                largest = largest or drawn.weight.max()
                if not largest:
                    raise ValueError(f"None of {size:,} drawn events with {n} jets passes the cuts; the generator is not trained enough.")
                hit = np.random.default_rng([*seed, int(n), again, 1]).uniform(0, largest, size) < drawn.weight[0]
                passed = drawn.points[0][hit][: len(places) - found]
                made = np.full((len(wanted), *passed.shape[1:]), np.nan) if made is None else made
                made[places[found : found + len(passed)]] = passed
                found, again = found + len(passed), again + 1
                size = int(np.clip((len(places) - found) / max(hit.mean(), 1e-3) * 1.1, 500, PORTION))
        return made if made is not None else np.zeros((0, 3, 4))

    @property
    def about(self) -> dict[str, Any]:
        """What a checkpoint must say so that new events need no training events: plain numbers for JSON."""
        own = {"map": boson.VERSION} if _beside(self.recipe) else {}
        return {"mean": self.features.mean.tolist(), "width": self.features.width.tolist(), **asdict(self.shares), **own}


def check_map(recipe: GeneratorRecipe, about: dict[str, Any]) -> None:
    """Raises: ValueError where the weights that `about` came with were trained with another map around the first jet."""
    if _beside(recipe) and about.get("map") != boson.VERSION:
        raise ValueError("This training placed jets around the first in another way than is done now; train it anew.")


def _beside(recipe: GeneratorRecipe) -> bool:
    """Whether jets are placed beside the first."""
    return recipe.has_jets and recipe.coordinates == "boson" and recipe.jets != 1


def harder_first(momenta: np.ndarray) -> np.ndarray:
    """The same events with their jets ordered by p_T, those that are not there last."""
    order = np.argsort(-pt(momenta[:, 2:]), axis=1)  # NaN come last
    return np.concatenate([momenta[:, :2], np.take_along_axis(momenta[:, 2:], order[..., None], axis=1)], axis=1)


def kept_share(weight: np.ndarray, jets: np.ndarray) -> float:
    """Share of the events that hit-or-miss keeps, against the largest weight of each number of jets."""
    return float(sum(weight[jets == n].sum() / max(weight[jets == n].max(), 1e-300) for n in np.unique(jets)) / max(len(jets), 1))


def excess(momenta: np.ndarray) -> np.ndarray:
    """e = ((p_T,j1 − 15 GeV)/100 GeV)², the part of the theory weight that multiplies a."""
    return theory_weight(leading_jet_pt(momenta), 1.0) - 1.0
