"""The mass of the jet alone: a perceptron of one number, for the baseline that every tagger has to beat."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.families.taggers.architectures.tagger import Blocks, Tagger
from workbench.nets.population import PopulationMLP


class Mass(PopulationMLP, Tagger):
    """p(top | m). *Arguments*: constituents, of which nothing is seen."""

    sees = ("mass",)

    def __init__(self, constituents: int):
        self.blocks = Blocks(self.sees, constituents)
        super().__init__(1, (32, 32), 1)

    def __str__(self) -> str:
        return f"jet mass alone, {self.parameters:,} weights"

    def latent(self, row: Float[Tensor, " parameter"], x: Float[Tensor, "jet feature"]) -> Float[Tensor, "jet latent"]:
        hidden = x.unsqueeze(0)
        for weight, bias in self.layers(row.unsqueeze(0))[:-1]:
            hidden = self.activation(torch.baddbmm(bias.unsqueeze(1), hidden, weight.mT))
        return hidden[0]
