"""The slides of the first lecture, in its order: each preset is one of them."""

from __future__ import annotations

from typing import Any

from workbench.families.basics.recipe import BasicsRecipe
from workbench.training.presets import Preset

DENSITIES = {"points": 4_000, "steps": 800, "batch_size": 256}
FEW = {"toy": "resonance", "points": 100, "hidden": [64, 64, 64], "learning_rate": 3e-3, "steps": 800, "batch_size": 256}
BY_HEART = {"points": 25, "noise": 0.1, "hidden": [64, 64, 64], "batch_size": 25, "schedule": "constant"}


def slide(title: str, see: str, **changes: Any) -> Preset:
    return Preset(title, see, changes, recipe_type=BasicsRecipe)


PRESETS = {
    "curve": slide(
        "A fit", "A network with 1,153 weights finds the bump on the falling spectrum from 200 noisy points; its loss ends at σ²."
    ),
    "small": slide("Too small", "Two neurons make two bends: the bump is missed, and more steps do not help.", hidden=[2]),
    "by-heart": slide(
        "Too many weights for 25 points",
        "The training loss falls far below σ², that of unseen points rises: the network learns the noise by heart.",
        **BY_HEART,
    ),
    "early-stopping": slide(
        "Early stopping",
        "The same, but at the end the weights of the smallest validation loss are taken: the curve is smooth again.",
        **BY_HEART,
        early_stopping=True,
    ),
    "dropout": slide(
        "Dropout",
        "100 points of two classes, three layers of 64: without a cure the loss of unseen points rises to several times the best one. "
        "With a third of the neurons silent in each step it rises much less.",
        **FEW,
        dropout=0.3,
    ),
    "l2": slide("L2", "The same 100 points with λ Σ ω²: small weights make a smooth border.", **FEW, l2=3e-3),
    "outliers": slide(
        "Outliers: MSE or MAE?",
        "One point in ten lies ½ too high. The absolute error learns the median, which hardly moves; switch to the squared error and the "
        "curve rises by q/2 = 0.05.",
        points=4_000,
        outliers=0.1,
        loss="mae",
    ),
    "chi2": slide(
        "Error bars: χ²",
        "The noise grows with x. χ² trusts precise points more; 'Gaussian with learned σ' finds the error bars by itself.",
        noise=0.15,
        growing=True,
        loss="chi2",
    ),
    "optimisers": slide(
        "SGD, momentum, Adam",
        "Four blobs, a small batch. Plain SGD with a rate of 0.01 comes within 0.02 of the exact answer after some 400 steps, with "
        "momentum after some 50; with a rate of 0.005 it does not arrive. Adam with 0.005 needs some 30.",
        toy="xor",
        points=4_000,
        steps=800,
        batch_size=64,
        optimiser="sgd",
        learning_rate=0.01,
    ),
    "units": slide(
        "Units matter",
        "The same fit with x in GeV, from 0 to 1,000, as it comes: the network sees huge numbers and fits little more than a line.",
        scale="GeV",
        standardise=False,
    ),
    "densities": slide(
        "Two densities",
        "A resonance on a falling background, with an angle: the network learns the probability of signal, and its border lies on the "
        "exact one.",
        toy="resonance",
        **DENSITIES,
    ),
    "neyman-pearson": slide(
        "Neyman and Pearson",
        "Four blobs, crosswise. No cut keeps less background than the one on p_S/p_B: the network's curve ends on the dashed one.",
        toy="xor",
        **DENSITIES,
    ),
    "linear": slide(
        "Depth without non-linearity",
        "Three layers without a bend are one straight line, whatever their widths: AUC 0.72 instead of 0.84.",
        toy="resonance",
        **DENSITIES,
        hidden=[32, 32, 32],
        activation="linear",
    ),
    "bce": slide(
        "Why cross-entropy",
        "The squared error has the same minimum, p = p_S/(p_S + p_B), and gets nearly as near; what lies above the exact cross-entropy is "
        "a KL divergence.",
        toy="resonance",
        **DENSITIES,
        class_loss="mse",
    ),
    "error-bars": slide(
        "Error bars of the curve",
        "A Bayesian network says where it does not know: its band is narrow where points are many, and opens where they are few and at the "
        "ends. This leads to Amplitudes.",
        points=30,
        uncertainty="bnn",
        steps=4_000,
    ),
}
