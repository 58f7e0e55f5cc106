"""How to learn a curve through points, or to tell classes of points apart: everything the first lecture turns a knob of."""

from __future__ import annotations

from typing import Any

from workbench.training.option import Choice, FilePath, Flag, Integer, Number, Widths
from workbench.training.recipe.base import RATE, TrainingRecipe, declared

NETWORK, DATA, LOSS, OPTIMISER = "Algorithm: the network", "Experience: the data", "Improve: the loss", "Automatically: the optimiser"
"""The four words of Mitchell's definition: an algorithm learns from experience if it improves with it, automatically."""


def curve(recipe: Any) -> bool:
    """A curve is to be learned, y from x."""
    return recipe.toy in ("bump", "own_curve")


def own(recipe: Any) -> bool:
    """The points are the user's own, and nobody knows the exact answer."""
    return recipe.toy in ("own_curve", "own_classes")


def bump(recipe: Any) -> bool:
    return recipe.toy == "bump"


def made(recipe: Any) -> bool:
    return not own(recipe)


def plane(recipe: Any) -> bool:
    """Classes of points in the plane are to be told apart."""
    return not curve(recipe)


def point_estimate(recipe: Any) -> bool:
    return recipe.uncertainty != "bnn"


@declared
class BasicsRecipe(TrainingRecipe):
    """How to learn a first toy, whose exact answer is known: a curve through noisy points, or classes of points in the plane."""

    kind = "basics"
    command = "learn"

    toy = Choice(
        {
            "bump": "a bump on a falling spectrum",
            "resonance": "resonance and background",
            "shift": "two Gaussians, shifted",
            "width": "two Gaussians, wide and narrow",
            "xor": "four Gaussians, crosswise",
            "own_curve": "own points of a curve",
            "own_classes": "own classes of points",
        },
        label="What is learned",
        group=DATA,
        doc="bump: a curve y(x) through noisy points. The others are classes of points in the plane to be told apart: resonance, a mass "
        "peak on a falling background, with an angle; shift: N(±¾, 1) in x₁; width: N(0, ½²) and N(0, 1); xor: blobs at ±(1, 1) "
        "and ±(1, −1). own: columns that you paste, or of your own file, whose exact answer nobody knows.",
    )
    file = FilePath(
        "",
        label="Own points",
        group=DATA,
        matters=own,
        later=True,
        doc="Path of a table: CSV, .npz or HDF5. Of a curve the columns x, y and, if you know it, σ of y; of classes x₁, x₂ and the "
        "class, 0 for signal, 1 for background. A fifth of the rows watches over the training, and another tests it.",
    )
    points = Integer(
        200,
        bounds=(10, 100_000),
        softbounds=(10, 10_000),
        label="Points",
        symbol="N",
        group=DATA,
        scale="decades",
        smallest=10,
        doc="Number of training points N. Few of them, and a large network learns them by heart.",
    )
    noise = Number(
        0.05,
        bounds=(0.001, 0.5),
        label="Noise σ",
        symbol="σ",
        group=DATA,
        scale="decades",
        smallest=0.001,
        matters=bump,
        doc="Width σ of the noise on y = f(x) + σ ε, ε from N(0, 1): no network has a smaller squared error than σ².",
    )
    growing = Flag(
        False, label="Noise grows", group=DATA, rare=True, matters=bump, doc="σ(x) = σ (0.3 + 1.7 x) instead of the same σ everywhere."
    )
    outliers = Number(
        0.0,
        bounds=(0.0, 0.4),
        label="Outliers",
        symbol="q",
        group=DATA,
        matters=bump,
        doc="Share q of points that lie ½ too high. The mean of y moves by q/2, the median hardly.",
    )
    classes = Integer(
        2,
        bounds=(2, 3),
        label="Classes",
        group=DATA,
        rare=True,
        matters=plane,
        doc="Signal and background, or a third class too, with the cross-entropy of several: p_k = e^(z_k)/Σ e^(z_j).",
    )
    scale = Choice(
        {"natural": "order one", "GeV": "GeV"},
        label="Inputs",
        group=DATA,
        rare=True,
        matters=made,
        doc="How the inputs come. order one: as they are. GeV: x from 0 to 1,000, or 100 x + 500 in the plane.",
    )
    data_seed = Integer(
        1,
        bounds=(0, 2**31 - 1),
        label="Data seed",
        group=DATA,
        rare=True,
        scale="none",
        doc="Seed of the points: another one, new points; of own ones, another split.",
    )
    hidden = Widths(
        (32, 32),
        layers=(1, 6),
        units=(1, 512),
        label="Hidden layers",
        group=NETWORK,
        doc="Widths of the hidden layers; each neuron is y = φ(Σ ω x + β).",
    )
    activation = Choice(
        {"gelu": "GELU", "relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid", "linear": "linear"},
        label="Activation",
        group=NETWORK,
        doc="φ of every hidden neuron. Without a bend (linear) any depth is one straight line.",
    )
    standardise = Flag(
        True,
        label="Standardise inputs",
        group=NETWORK,
        rare=True,
        doc="x → (x − ⟨x⟩)/σ_x before the network sees it, with mean and width of the training points.",
    )
    target = Choice(
        {"plain": "y", "standardised": "(y − ⟨y⟩)/σ_y", "logarithm": "ln y"},
        label="Target",
        group=NETWORK,
        rare=True,
        matters=curve,
        doc="What the network learns; its answer is turned back. ln y leaves out points with y ≤ 0, and its mean is not that of y.",
    )
    loss = Choice(
        {"mse": "squared error", "mae": "absolute error", "chi2": "χ²", "gaussian": "Gaussian with learned σ"},
        label="Loss",
        group=LOSS,
        matters=curve,
        doc="squared error: ⟨(y − f)²⟩, learns the mean. absolute error: ⟨|y − f|⟩, learns the median. χ²: ⟨(y − f)²/σ²⟩ with the known "
        "σ(x). Gaussian with learned σ: ⟨(y − f)²/(2σ²) + ln σ⟩ with σ(x) a second output. With a Bayesian network the first three are "
        "counted as −ln p with the known σ.",
    )
    class_loss = Choice(
        {"cross_entropy": "cross-entropy", "mse": "squared error"},
        label="Loss",
        group=LOSS,
        matters=lambda recipe: plane(recipe) and point_estimate(recipe),
        doc="cross-entropy: −⟨ln p_k⟩ of the true class k, in nats. squared error: ⟨(p_S − 1)²⟩ or ⟨p_S²⟩. Both are smallest for "
        "p_S = p(x|S)/(p(x|S) + p(x|B)).",
    )
    l1 = Number(
        0.0,
        bounds=(0.0, 1.0),
        softbounds=(0.0, 0.01),
        label="L1",
        group=LOSS,
        live=True,
        scale="decades",
        smallest=1e-6,
        matters=point_estimate,
        doc="λ of λ Σ|ω|, added to the loss: pulls weights to exactly zero.",
    )
    l2 = Number(
        0.0,
        bounds=(0.0, 1.0),
        softbounds=(0.0, 0.1),
        label="L2",
        group=LOSS,
        live=True,
        scale="decades",
        smallest=1e-6,
        matters=point_estimate,
        doc="λ of λ Σ ω², added to the loss: keeps weights small; the logarithm of a Gaussian prior.",
    )
    dropout = Number(
        0.0,
        bounds=(0.0, 0.9),
        label="Dropout",
        group=LOSS,
        live=True,
        doc="Share of hidden neurons that are silent in a step, others each time; those left count 1/(1 − share) times.",
    )
    early_stopping = Flag(
        False,
        label="Early stopping",
        group=LOSS,
        matters=point_estimate,
        doc="At the end the weights of the step with the smallest validation loss are taken, not the last ones.",
    )
    uncertainty = Choice(
        {"none": "none", "ensemble": "ensemble", "bnn": "BNN"},
        label="Error bars",
        group="Uncertainty",
        doc="none: one network. ensemble: several networks with other first weights; their spread is σ_stat. BNN: Gaussian weights, "
        "L = −⟨ln p⟩ + KL[q(θ), p(θ)]/N.",
    )
    members = Integer(
        8,
        bounds=(2, 64),
        softbounds=(2, 16),
        label="Members",
        group="Uncertainty",
        rare=True,
        matters=lambda recipe: recipe.uncertainty == "ensemble",
        doc="Number of networks of an ensemble.",
    )
    prior_width = Number(1.0, matters=lambda recipe: recipe.uncertainty == "bnn")
    draws = Integer(32, softbounds=(8, 64), matters=lambda recipe: recipe.uncertainty == "bnn")
    steps = Integer(2_000, softbounds=(100, 20_000), group=OPTIMISER, doc="Number of steps ω → ω − η ∂L/∂ω.")
    batch_size = Integer(
        64,
        bounds=(1, 65_536),
        softbounds=(8, 1_024),
        group=OPTIMISER,
        rare=False,
        smallest=8,
        doc="Points per step B; at most all of them.",
    )
    learning_rate = Number(5e-3, bounds=(1e-7, 10.0), group=OPTIMISER, rare=False, live=True, doc=RATE)
    schedule = Choice(
        {"cosine": "cosine", "one_cycle": "one cycle", "constant": "constant"},
        group=OPTIMISER,
        doc="Learning rate after a fraction t of the steps. cosine: η (1 + cos πt)/2, to zero. one_cycle: from η/25 up to η at t = 0.3, "
        "then to zero as a cosine. constant: η, with which the last digit jitters.",
    )
    optimiser = Choice(
        {"adam": "Adam", "momentum": "momentum", "sgd": "SGD"},
        group=OPTIMISER,
        rare=False,
        doc="sgd: ω → ω − η g, with the gradient g of a batch. momentum: m → 0.9 m + g, ω → ω − η m. adam: ω → ω − η m/√v, with running "
        "means m of the gradient and v of its square.",
    )
    warm_start = Number(group="Uncertainty", matters=lambda recipe: recipe.uncertainty == "bnn")
    seed = Integer(
        0,
        bounds=(0, 2**31 - 1),
        group=OPTIMISER,
        doc="Seed of the first weights, the batches and the silent neurons: same seed, same curve.",
    )
    device = Choice({"cpu": "CPU", "cuda": "GPU"}, group=OPTIMISER, doc="So small a network is fastest on a CPU.")

    @property
    def reported(self) -> dict[str, Any]:
        return {"recipe": self.to_json()}

    @property
    def subject(self) -> str:
        return self.toy.removeprefix("own_")
