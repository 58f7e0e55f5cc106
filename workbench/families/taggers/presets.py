"""Taggers of all families, each a preset, with what there is to see."""

from __future__ import annotations

from typing import Any

from workbench.families.taggers.recipe import TaggerRecipe
from workbench.training.presets import Preset

MANY: dict[str, Any] = {"jets": 20_000, "test_jets": 10_000}
"""Jets that are made first."""


def preset(title: str, see: str, **changes: Any) -> Preset:
    return Preset(title, see, changes, recipe_type=TaggerRecipe)


PRESETS = {
    "tagger": preset(
        "Deep sets with aligned angles",
        "2,000 jets that come with the program: the ROC curve leaves that of the jet mass behind within seconds. Every jet gets μ and σ "
        "from a Bayesian last layer, on the arc σ = μ (1 − μ) σ_z. Click one to see its constituents.",
    ),
    "tagger-single": preset(
        "One network, no error bars",
        "The same network with one value for each weight: as good a tagger, which cannot say how far off another training would end.",
        uncertainty="none",
    ),
    "tagger-mass": preset(
        "The jet mass alone",
        "The top weighs 172.5 GeV: one number, well chosen, is a serious tagger. Everything else has to beat it.",
        architecture="mass",
        uncertainty="none",
    ),
    "tagger-bootstrap": preset(
        "Error bars: a bootstrap ensemble",
        "Eight networks, each with jets drawn with repetition: the error bars that agree with networks on other jets.",
        uncertainty="bootstrap",
    ),
    "tagger-20k": preset(
        "20,000 jets",
        "Ten times the jets, made once. The bands of the ROC curve shrink, and the rejection doubles.",
        **MANY,
        uncertainty="none",
        steps=1_250,
    ),
    "tagger-image": preset(
        "Jet images",
        "A convolutional network of 24 × 24 pixels, after rotation. It learns 2,000 jets by heart sooner than all others.",
        architecture="image",
        uncertainty="none",
        steps=160,
        learning_rate=4e-3,
    ),
    "tagger-particlenet": preset(
        "ParticleNet",
        "Every constituent learns from its seven nearest neighbours, first in angle, then in what was learned.",
        architecture="particlenet",
        uncertainty="none",
        constituents=30,
        steps=160,
        learning_rate=4e-3,
    ),
    "tagger-part": preset(
        "ParT",
        "Attention among all constituents, with what each pair is to each other. It wants more jets and more steps than it gets here.",
        architecture="part",
        uncertainty="none",
        constituents=30,
        steps=300,
    ),
    "tagger-lorentznet": preset(
        "LorentzNet",
        "6,000 weights that know nothing but Minkowski products.",
        architecture="lorentznet",
        uncertainty="none",
        constituents=24,
        steps=160,
    ),
    "tagger-lgatr": preset(
        "L-GATr-slim",
        "A Lorentz-equivariant transformer with 7,000 weights, from the package lgatr.",
        architecture="lgatr",
        uncertainty="none",
        constituents=30,
        steps=300,
        learning_rate=4e-3,
    ),
}
