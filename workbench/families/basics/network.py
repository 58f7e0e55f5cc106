"""Perceptrons whose hidden neurons are silent now and then: dropout.

In each step every hidden neuron is left out with probability q, and those left count 1/(1 − q) times, so that the mean stays. A network
that is asked, not trained, has all its neurons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from workbench.nets.population import PopulationMLP, Tape


@dataclass(frozen=True)
class Dropped(Tape):
    """What the backward pass needs beside the usual: the hidden layers after φ, and how much of them counts."""

    after: list[Tensor] = field(default_factory=list)
    counts: list[Tensor] = field(default_factory=list)


class DroppingMLP(PopulationMLP):
    """A population of perceptrons with dropout while they learn.

    Arguments: `dropout`, the share q of silent neurons; the rest is that of `PopulationMLP`. `shuffle(step)` chooses the random numbers.
    """

    tape = Dropped

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str, dropout: float, seed: int):
        super().__init__(features, hidden, outputs, activation=activation)
        self.dropout, self.seed = dropout, seed
        self.random = torch.Generator()

    def shuffle(self, step: int) -> None:
        """Silence that depends on the step only, so that a resumed training finds the same."""
        self.random.manual_seed(self.seed * 1_000_003 + step)

    def _bend(self, tape: Tape) -> Tensor:
        assert isinstance(tape, Dropped)
        tape.after.append(super()._bend(tape))
        if not self.dropout:
            return tape.after[-1]
        kept = torch.rand(tape.after[-1].shape, generator=self.random) >= self.dropout
        tape.counts.append(kept.to(tape.after[-1]) / (1 - self.dropout))
        return tape.after[-1] * tape.counts[-1]

    def _bend_backward(self, tape: Tape, layer: int, delta: Tensor) -> Tensor:
        assert isinstance(tape, Dropped)
        counting = delta * tape.counts[layer] if self.dropout else delta
        return self.activation_backward(counting, tape.before[layer], tape.after[layer])
