"""Perceptrons whose hidden neurons are silent now and then: dropout.

In each step every hidden neuron is left out with probability q, and those left count 1/(1 − q) times, so that the mean stays. A network
that is asked, not trained, has all its neurons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.nets.population import PopulationMLP, Tape


@dataclass(frozen=True)
class Dropped(Tape):
    """What the backward pass needs beside the usual: the hidden layers after φ, and how much of them counts."""

    after: list[Tensor]
    counts: list[Tensor]


class DroppingMLP(PopulationMLP):
    """A population of perceptrons with dropout while they learn.

    Arguments: `dropout`, the share q of silent neurons; the rest is that of `PopulationMLP`. `shuffle(step)` chooses the random numbers.
    """

    def __init__(self, features: int, hidden: Sequence[int], outputs: int, *, activation: str, dropout: float, seed: int):
        super().__init__(features, hidden, outputs, activation=activation)
        self.dropout, self.seed = dropout, seed
        self.random = torch.Generator()

    def shuffle(self, step: int) -> None:
        """Silence that depends on the step only, so that a resumed training finds the same."""
        self.random.manual_seed(self.seed * 1_000_003 + step)

    def forward(self, rows: Float[Tensor, "member parameter"], x: Float[Tensor, "member event feature"]) -> tuple[Tensor, Dropped]:
        """Outputs `(member, event, output)` of networks some of whose neurons are silent, and the tape for `backward`."""
        tape = Dropped(self.layers(rows), [x], [], [], [])
        *hidden, (last, last_bias) = tape.layers
        for weight, bias in hidden:
            tape.before.append(torch.baddbmm(bias.unsqueeze(1), tape.inputs[-1], weight.mT))
            tape.after.append(self.activation(tape.before[-1]))
            kept = torch.rand(tape.after[-1].shape, generator=self.random) >= self.dropout
            tape.counts.append(kept.to(x) / (1 - self.dropout))
            tape.inputs.append(tape.after[-1] * tape.counts[-1])
        return torch.baddbmm(last_bias.unsqueeze(1), tape.inputs[-1], last.mT), tape

    def _backward(self, tape: Tape, delta: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(tape, Dropped)
        gradient = delta.new_empty(len(delta), self.parameters)
        slopes = self.layers(gradient)
        for number in reversed(range(len(slopes))):
            slope, bias_slope = slopes[number]
            torch.bmm(delta.mT, tape.inputs[number], out=slope)
            torch.sum(delta, 1, out=bias_slope)
            if number:
                delta = torch.bmm(delta, tape.layers[number][0]) * tape.counts[number - 1]
                delta = self.activation_backward(delta, tape.before[number - 1], tape.after[number - 1])
        return gradient, delta
