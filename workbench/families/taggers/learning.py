"""What a tagger minimises, and what it is made of.

L = −⟨ y log p + (1 − y) log(1 − p) ⟩ + w KL[q, p]/N ,    p = 1/(1 + e^(−z)) ,    y = 1 for a top
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.families.taggers import features
from workbench.families.taggers.architectures.attention import ParT
from workbench.families.taggers.architectures.graphs import ParticleNet
from workbench.families.taggers.architectures.images import Images
from workbench.families.taggers.architectures.lorentz import LGATr, LorentzNet
from workbench.families.taggers.architectures.mass import Mass
from workbench.families.taggers.architectures.sets import DeepSets, Lola
from workbench.families.taggers.architectures.tagger import Tagger
from workbench.families.taggers.jets import Jets
from workbench.families.taggers.recipe import TaggerRecipe, bayesian, ensemble
from workbench.methods.base import Method, Point
from workbench.methods.mean_field import MeanField
from workbench.methods.objective import Autograd
from workbench.methods.point import PointEstimate

PACE = 15.0
"""How many times faster than their means the widths of the weights learn: with the same rate they would end where the schedule does."""
APART = 1_009
"""Between the seeds of members."""
EACH = {
    "features": lambda jets, constituents: features.particle_features(jets, constituents),
    "aligned": lambda jets, constituents: features.aligned(jets, constituents),
    "momenta": lambda jets, constituents: torch.from_numpy(jets.momenta(constituents)),
    "there": lambda jets, constituents: torch.from_numpy(jets.padded(constituents)[1]),
    "jet": lambda jets, constituents: features.jet_features(jets),
    "mass": lambda jets, constituents: features.jet_features(jets)[:, :1],
    "image": lambda jets, constituents: features.image(jets, constituents),
}
"""What may be seen of jets."""


def tagger_of(recipe: TaggerRecipe) -> Tagger:
    """The network of a recipe. Raises: ValueError where a package is missing."""
    made: dict[str, Any] = {
        "mass": Mass,
        "deep_sets": DeepSets,
        "deep_sets_jet": lambda constituents: DeepSets(constituents, ("features", "aligned", "there", "jet")),
        "image": Images,
        "lola": Lola,
        "particlenet": ParticleNet,
        "part": ParT,
        "lorentznet": LorentzNet,
        "lgatr": LGATr,
    }
    return made[recipe.architecture](recipe.constituents)


def seen(network: Tagger, jets: Jets, constituents: int, device: torch.device) -> Float[Tensor, "jet feature"]:
    """What a network sees of jets."""
    return network.blocks.joined({name: EACH[name](jets, constituents) for name in network.sees}).to(device)


class Entropy(Autograd):
    """The binary cross-entropy of logits."""

    def __init__(self, network: Tagger):
        self.network: Any = network

    def value(self, outputs: Float[Tensor, "*row jet 1"], batch: Any) -> Float[Tensor, "*row jet"]:
        logit = outputs[..., 0]
        return batch.weight * (F.softplus(logit) - batch.target * logit)


def method_of(recipe: TaggerRecipe, network: Tagger, jets: int, device: torch.device) -> Method:
    """The networks of a recipe with fresh weights."""
    objective = Entropy(network)
    if bayesian(recipe):
        return MeanField(
            objective,
            [Point(recipe.seed, recipe.prior_width)],
            training_points=max(1, round(jets / max(recipe.kl_weight, 1e-9))),
            device=device,
            seed=recipe.seed,
            bayesian=network.last_layer if recipe.uncertainty == "bnn_last_layer" else None,
            warm_start=recipe.warm_start,
            pace=PACE,
        )
    members = recipe.members if ensemble(recipe) else 1
    points = [Point(recipe.seed + APART * number, math.inf) for number in range(members)]
    return PointEstimate(objective, points, training_points=jets, device=device)


def counted(recipe: TaggerRecipe, jets: int) -> Float[Tensor, "member jet"] | Float[Tensor, " jet"]:
    """How often each training jet counts, for each member of a bootstrap."""
    if recipe.uncertainty != "bootstrap":
        return torch.ones(jets)
    rng = np.random.default_rng([recipe.seed, 11])
    return torch.from_numpy(rng.multinomial(jets, np.full(jets, 1 / jets), size=recipe.members)).float()
