"""Deep Sets: one learned embedding per type of particle, summed over identical particles   (arXiv:2412.12069, after arXiv:1703.06114)

    A(x) = F( Σ_{i∈type 1} f₁(p_i), Σ_{i∈type 2} f₂(p_i), … , I )

Exchanging particles of one type exchanges terms of a sum and nothing else. I are further features of the whole event, for instance its
invariants; without them this is Deep Sets (DS), with them Deep Sets with invariants (DSI).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.network import Matrix, Network, beside
from workbench.nets.population import PopulationMLP, Tape


@dataclass(frozen=True)
class SetsTape:
    """The tapes of the embeddings, type by type, and of the head."""

    embeddings: list[Tape]
    head: Tape


class DeepSets(Network):
    """Embeddings per type, their sums, and a head; the features are the particles' `components` each, then those of the whole event.

    Arguments: `types` a number for each particle, equal for identical ones, which stand together; `event_features` how many features
    follow those of the particles; `embedding` and `hidden` the widths of the embeddings and of the head; `outputs` numbers out.
    """

    def __init__(
        self,
        types: Sequence[int],
        event_features: int,
        embedding: Sequence[int],
        hidden: Sequence[int],
        outputs: int,
        *,
        activation: str = "gelu",
        components: int = 4,
    ):
        self.counts = [len(list(group)) for _, group in groupby(types)]
        self.event_features, self.components, self.latent = event_features, components, embedding[-1]
        self.embeddings = [PopulationMLP(components, embedding[:-1], self.latent, activation=activation) for _ in self.counts]
        self.head = PopulationMLP(len(self.counts) * self.latent + event_features, hidden, outputs, activation=activation)
        self.sizes = [part.parameters for part in (*self.embeddings, self.head)]
        self.columns = [*(count * components for count in self.counts), event_features]

    @property
    def matrices(self) -> list[Matrix]:
        return beside([(part.parameters, part.matrices) for part in (*self.embeddings, self.head)])

    @property
    def last_layer(self) -> slice:
        part, start = self.head.last_layer, self.parameters - self.head.parameters
        return slice(start + part.start, start + part.stop)

    def initial(self, members: int, generator: torch.Generator) -> Float[Tensor, "member parameter"]:
        """As in the multilayer perceptrons; the sums over identical particles keep order one."""
        rows = torch.cat([part.initial(members, generator) for part in (*self.embeddings, self.head)], dim=1)
        for embedding, own, count in zip(self.embeddings, rows.split(self.sizes, dim=1), self.counts, strict=False):
            own[:, embedding.last_layer] /= count**0.5
        return rows

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, SetsTape]:
        *owns, own = rows.split(self.sizes, dim=1)
        *types, event = x.split(self.columns, dim=2)
        members, events = x.shape[:2]
        sums, tapes = [], []
        for embedding, part, particles, count in zip(self.embeddings, owns, types, self.counts, strict=True):
            embedded, tape = embedding.forward(part, particles.reshape(members, events * count, self.components))
            sums.append(embedded.view(members, events, count, self.latent).sum(2))
            tapes.append(tape)
        outputs, tape = self.head.forward(own, torch.cat([*sums, event], dim=2))
        return outputs, SetsTape(tapes, tape)

    def backward(self, tape: SetsTape, delta: Float[Tensor, "member event output"]) -> Float[Tensor, "member parameter"]:
        slope, inputs = self.head.backward_to_inputs(tape.head, delta)
        slopes = []
        for number, (embedding, own, count) in enumerate(zip(self.embeddings, tape.embeddings, self.counts, strict=True)):
            shared = inputs[..., number * self.latent : (number + 1) * self.latent]
            slopes.append(embedding.backward(own, shared.repeat_interleave(count, dim=1)))
        return torch.cat([*slopes, slope], dim=1)
