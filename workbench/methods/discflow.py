"""DiscFlow: L = −Σ_i w_D(x_i)^α log p(x_i) ,  x_i training events   (arXiv:2110.13632)

The discriminator of `methods.discriminator` learns along, from training events and fresh ones of the flow. The flow sees it as a weight
and nothing else, so there is no Nash equilibrium to find: at the minimum w_D = 1 and p is the truth. If both converged in turns,

    log p/p_truth → −α log p/p_truth

in every round, up to the norm: too much where there was too little, and convergent for α < 1. α rises from 0 while the discriminator
warms up; w_D^α is clipped, and divided by its mean over the batch. One step moves both networks, each with the other as it stands.

The control that may never settle is the coupling of a GAN: the flow also raises α⟨log D⟩ of its own events,

    ∂/∂θ ⟨log D(x)⟩_{x~p} = ⟨ (log D(x) − ⟨log D⟩) ∂ log p(x)/∂θ ⟩_{x~p}

Both change the batch before a generator sees it, and so does the theory nuisance a: the weight over its mean at this a is

    (1 + a e(x)) / (1 + a ⟨e⟩)

Every event gets an a with ln(1 + a) uniform, and c = √12 (ln(1 + a)/ln(1 + a_max) − 1/2) is the condition, with mean 0 and width 1. The
logarithm of a weight between 1 and 1 + a is a gentle function of it. Of a uniform a most events would have large ones, and the network
would learn that shape for all a.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch, DensityBatch
from workbench.methods.base import Method
from workbench.methods.discriminator import Discriminator
from workbench.nets.network import Matrix

Inputs = Callable[[Tensor, Tensor], Tensor]
"""What a discriminator sees of features and conditions of events."""


class Steered(Method):
    """A method that learns a density, and whose batches are changed before each step."""

    def __init__(self, inner: Method):
        self.inner, self.objective, self.network, self.points = inner, inner.objective, inner.network, inner.points
        self.parameters = dict(inner.parameters)

    @property
    def linear(self) -> list[tuple[int, list[Matrix]]]:
        return self.inner.linear

    @abstractmethod
    def steer(self, batch: DensityBatch, step: int) -> DensityBatch:
        """The batch that the generator sees; random numbers depend on `step` only."""

    def differentiate(self, batch: DensityBatch, step: int) -> Float[Tensor, " point"]:
        return self.inner.differentiate(self.steer(batch, step), step)

    def advance(self, fraction: float) -> None:
        self.inner.advance(fraction)

    def penalty(self) -> Float[Tensor, " point"]:
        return self.inner.penalty()

    def networks(self, draws: int, generator: torch.Generator) -> Float[Tensor, "point draw parameter"]:
        return self.inner.networks(draws, generator)

    def central(self) -> Float[Tensor, "point draw parameter"]:
        return self.inner.central()


@dataclass(frozen=True)
class Ramp:
    """α over the fraction of training done: 0 until `start`, then rising to `alpha` within `length`."""

    alpha: float
    start: float
    length: float

    def __call__(self, fraction: float) -> float:
        return self.alpha * min(1.0, max(0.0, fraction - self.start) / max(self.length, 1e-9))


class DiscFlow(Steered):
    """A generator and a discriminator that learn together.

    Arguments: `inputs` of the discriminator; `clip` bounds w_D^α from above, and its inverse; `gan` couples them as a GAN does.
    """

    def __init__(
        self, inner: Method, discriminator: Discriminator, inputs: Inputs, *, ramp: Ramp, clip: float, seed: int, gan: bool = False
    ):
        super().__init__(inner)
        self.discriminator, self.inputs, self.ramp, self.clip, self.seed, self.gan = discriminator, inputs, ramp, clip, seed, gan
        self.parameters |= discriminator.parameters
        self.fraction = 0.0

    @property
    def linear(self) -> list[tuple[int, list[Matrix]]]:
        return [*self.inner.linear, *self.discriminator.linear]

    @property
    def alpha(self) -> float:
        """α at this time."""
        return self.ramp(self.fraction)

    @property
    def coupled(self) -> bool:
        """Whether the discriminator learns already."""
        return self.fraction >= self.ramp.start

    def advance(self, fraction: float) -> None:
        self.fraction = fraction
        super().advance(fraction)

    def steer(self, batch: DensityBatch, step: int) -> DensityBatch:
        if not self.coupled:
            for tensor in self.discriminator.parameters.values():
                tensor.grad = torch.zeros_like(tensor)
            return batch
        generated = self.objective.sample(self.central()[0, :1], batch.condition, _numbers(self.seed, step))[0]
        truth, drawn = self.inputs(batch.features, batch.condition), self.inputs(generated, batch.condition)
        self.discriminator.differentiate(labelled(truth, drawn, batch.weight), step)
        if self.gan:
            log_d = F.logsigmoid(self.discriminator.log_weight(drawn))
            features = torch.stack([batch.features, generated], 1).flatten(0, 1)
            weight = torch.stack([batch.weight / batch.weight.mean(), self.alpha * (log_d - log_d.mean())], 1).flatten()
            return DensityBatch(features, batch.condition.repeat_interleave(2, 0), weight)
        w = (self.alpha * self.discriminator.log_weight(truth)).exp().clamp(1 / self.clip, self.clip)
        return DensityBatch(batch.features, batch.condition, batch.weight * w / w.mean())


class Nuisance(Steered):
    """A generator conditioned on c of a theory nuisance a, the last column of the condition.

    Arguments: `excess` is e(x) of features, `mean_excess` its mean ⟨e⟩, `largest` the largest a.
    """

    def __init__(self, inner: Method, excess: Callable[[Tensor], Tensor], mean_excess: float, largest: float, *, seed: int):
        super().__init__(inner)
        self.excess, self.mean_excess, self.largest, self.seed = excess, mean_excess, largest, seed

    def steer(self, batch: DensityBatch, step: int) -> DensityBatch:
        share = torch.rand(len(batch), generator=_numbers(self.seed, step)).to(batch.weight)
        a, c = torch.expm1(share * math.log1p(self.largest)), math.sqrt(12) * (share - 0.5)
        weight = batch.weight * (1 + a * self.excess(batch.features)) / (1 + a * self.mean_excess)
        return DensityBatch(batch.features, torch.cat([batch.condition[:, :-1], c.unsqueeze(1)], dim=1), weight)


def labelled(truth: Float[Tensor, "event input"], generated: Float[Tensor, "other input"], weight: Float[Tensor, " event"]) -> Batch:
    """What a discriminator learns from: truth with weights of mean 1, labelled 1, and generated events, labelled 0."""
    label = torch.cat([truth.new_ones(len(truth)), truth.new_zeros(len(generated))])
    return Batch(torch.cat([truth, generated]), label, torch.cat([weight / weight.mean(), truth.new_ones(len(generated))]))


def _numbers(seed: int, step: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed + 1 << 32) + step)
