"""Recipes: everything that defines a training run, declared once.

From these declarations grow the page's controls, the command line, the state in the URL, `recipe.json` on disk, the check of bad
input and the help. A recipe is plain data: it imports neither torch nor panel.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import param


class RecipeError(ValueError):
    """A recipe value that cannot be used; the message names the option, what was met and what is allowed."""


class Choice(param.Selector):
    """One of a few names."""

    def __init__(self, objects: list[str], **kwargs: Any):
        super().__init__(objects=objects, default=kwargs.pop("default", objects[0]), **kwargs)


class Widths(param.List):
    """Widths of the hidden layers, one integer per layer."""

    __slots__ = ["layer_bounds", "unit_bounds"]

    def __init__(self, default: tuple[int, ...], *, layers: tuple[int, int], units: tuple[int, int], **kwargs: Any):
        self.layer_bounds, self.unit_bounds = layers, units
        super().__init__(default=list(default), item_type=int, bounds=layers, **kwargs)


class Recipe(param.Parameterized):
    """Common part of all recipes: construction with sentences for errors, JSON, hash, differences."""

    kind: ClassVar[str] = ""
    command: ClassVar[str] = "train"
    """What `workbench` calls the training of such a recipe."""
    groups: ClassVar[dict[str, tuple[str, ...]]] = {}
    later: ClassVar[frozenset[str]] = frozenset()
    """Options that came after runs had been stored: at their default they do not change the hash."""

    def __init__(self, **values: Any):
        checked = {name: self.check(name, value) for name, value in values.items()}
        super().__init__(**checked)

    @classmethod
    @functools.cache
    def options(cls) -> Mapping[str, param.Parameter]:
        """The declared options in the order of their groups, else of declaration, without param's own `name`."""
        grouped = [name for names in cls.groups.values() for name in names]
        return MappingProxyType({name: cls.param[name] for name in grouped or cls.param if name != "name"})

    @classmethod
    def check(cls, name: str, value: Any) -> Any:
        """The value in its declared type. Strings are parsed, so the command line and the URL come through here too.

        Raises: RecipeError naming the option, the value met and the range allowed.
        """
        options = cls.options()
        if name not in options:
            near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise RecipeError(f"There is no option {shown(name)}.{hint} The options are: {', '.join(options)}.")
        try:
            return _parse(options[name], value)
        except (TypeError, ValueError, OverflowError) as problem:
            raise RecipeError(f"{name} = {shown(value)} is not possible: {allowed(options[name])}.") from problem

    def to_dict(self, *, only_changes: bool = False) -> dict[str, Any]:
        """Options and values as plain JSON types; `only_changes` leaves out those at their default."""
        items = {name: _plain(getattr(self, name)) for name in self.options()}
        if only_changes:
            return {name: value for name, value in items.items() if value != _plain(self.options()[name].default)}
        return items

    def to_json(self) -> str:
        return json.dumps({"recipe": self.kind, **self.to_dict()}, indent=1, ensure_ascii=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """A recipe from `to_dict`, of the class that `values["recipe"]` names (by default the class this is called on)."""
        values = dict(values)
        kind = values.pop("recipe", cls.kind)
        if kind != cls.kind:
            if not isinstance(kind, str) or kind not in KINDS:
                raise RecipeError(f"recipe = {shown(kind)} is not known: one of {', '.join(KINDS)} is needed.")
            return KINDS[kind].from_dict(values)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Parse `to_json`, strictly: at most 64 kB, no duplicate keys, no NaN or infinity, one flat object.

        Raises: RecipeError in one sentence.
        """
        if len(text) > 65_536:
            raise RecipeError(f"The recipe has {len(text):,} characters; at most 65,536 are read.")
        try:
            values = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as problem:
            raise RecipeError(f"The recipe is not valid JSON: {problem}.") from problem
        if not isinstance(values, dict):
            raise RecipeError(f"The recipe must be a JSON object with options and values, not {type(values).__name__}.")
        return cls.from_dict(values)

    def replace(self, **changes: Any) -> Self:
        """The same recipe with some options changed."""
        return type(self)(**{**self.to_dict(), **changes})

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that identify the recipe: equal recipes share a run."""
        changed = self.to_dict(only_changes=True)
        values = {name: value for name, value in self.to_dict().items() if name not in self.later or name in changed}
        text = json.dumps({"recipe": self.kind, **values}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def as_python(self) -> str:
        """The call that makes this recipe, with the options that differ from the defaults."""
        changes = ", ".join(f"{name}={value!r}" for name, value in self.to_dict(only_changes=True).items())
        return f"wb.{type(self).__name__}({changes})"

    def as_command(self) -> str:
        """The shell command that trains this recipe."""
        return " ".join([f"workbench {self.command}", *(_flag(name, value) for name, value in self.to_dict(only_changes=True).items())])


UNITS = ["auto", "GeV", "MeV", "TeV"]
OF_FILE = "Units of the momenta in your own file, and in powers of its amplitudes. auto: what the file says, else GeV."
RATE = "Step length η of the optimiser in θ ← θ − η m/√v, at its largest: the schedule lowers it."
OPTIMISER = "adam: θ ← θ − η m/√v, with running means m of the gradient and v of its square. sgd: θ ← θ − η m, with m ← 0.9 m + gradient."


class TrainingRecipe(Recipe):
    """What all trainings have in common: steps, step lengths, the Bayesian prior, seeds, device."""

    prior_width = param.Number(
        1.0,
        bounds=(1e-3, 1e3),
        label="Prior width σ_p",
        doc="Width of the Gaussian weight prior p(θ) = N(0, σ_p²); smaller pulls the weights to zero.",
    )
    draws = param.Integer(
        32,
        bounds=(2, 512),
        softbounds=(8, 64),
        label="Draws",
        doc="Number M of weight draws of a Bayesian network in the final prediction.",
    )
    steps = param.Integer(12_000, bounds=(1, 10_000_000), softbounds=(500, 50_000), label="Steps", doc="Number of optimiser steps.")
    batch_size = param.Integer(256, bounds=(16, 65_536), softbounds=(64, 4_096), label="Batch size", doc="Events per step B.")
    learning_rate = param.Number(3e-3, bounds=(1e-7, 1.0), label="Learning rate", doc=RATE)
    schedule = Choice(
        ["cosine", "one_cycle", "constant"],
        label="Schedule",
        doc="Learning rate after a fraction t of the steps. cosine: η (1 + cos πt)/2, to zero. one_cycle: from η/25 up to η at t = 0.3, "
        "then to zero as a cosine. constant: η.",
    )
    optimiser = Choice(["adam", "sgd"], label="Optimiser", doc=OPTIMISER)
    warm_start = param.Number(
        0.55,
        bounds=(0.0, 1.0),
        label="Warm start",
        doc="Fraction of the steps in which a Bayesian network trains its mean weights only, before their widths open.",
    )
    seed = param.Integer(
        0, bounds=(0, 2**31 - 1), label="Seed", doc="Seed of weights, batches and draws: same recipe and seed, same curve."
    )
    device = Choice(["auto", "cpu", "cuda"], label="Device", doc="auto: a GPU when there is one.")


class AmplitudeRecipe(TrainingRecipe):
    """How to learn a squared amplitude with error bars: data, network, uncertainty, boosting, training."""

    kind = "amplitude"
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "Data": ("process", "file", "units", "beams", "sampling", "sqrt_s", "events", "test_events", "data_seed", "noise"),
        "Network": ("architecture", "inputs", "hidden", "activation"),
        "Uncertainty": ("uncertainty", "prior_width", "members", "repulsion", "first_width", "draws", "calibrate"),
        "Boosting": ("boost_pull", "boost_sigma", "boost_rounds", "boost_pull_cut", "boost_fraction"),
        "Training": ("steps", "batch_size", "learning_rate", "schedule", "optimiser", "warm_start", "seed", "device"),
    }
    later = frozenset(("first_width", "units"))

    process = Choice(
        ["gg_yyg", "gg_yygg"],
        label="Process",
        doc="The scattering process whose squared amplitude A = |M|² is learned. gg_yyg: gg → γγg at one loop, as many events as wanted. "
        "gg_yygg: one more jet, 600 events computed elsewhere, for instance 400 for training and 100 for the test, or your own file.",
    )
    file = param.String(
        "",
        label="Own file",
        doc="Path of your own file with momenta and amplitudes: HDF5, CSV, .npy, .npz, Parquet or ROOT; empty: exact amplitudes of the "
        "process.",
    )
    units = Choice(UNITS, label="Units of the file", doc=OF_FILE)
    beams = Choice(
        ["fixed", "pp"],
        label="Beams",
        doc="fixed: partonic collisions at √ŝ = √s. pp: protons at √s, gluons weighted with their densities x·g(x).",
    )
    sampling = Choice(
        ["flat", "unweighted"],
        label="Sampling",
        doc="flat: uniform in phase space. unweighted: density ∝ A, by hit-or-miss, so that large amplitudes are frequent.",
    )
    sqrt_s = param.Number(1000.0, bounds=(200.0, 14_000.0), label="√s [GeV]", doc="Collision energy √s of the two beams, in GeV.")
    events = param.Integer(
        9_000, bounds=(100, 1_000_000), softbounds=(1_000, 100_000), label="Training events", doc="Number of training events N."
    )
    test_events = param.Integer(
        10_000,
        bounds=(100, 200_000),
        softbounds=(1_000, 20_000),
        label="Test events",
        doc="Number of events kept for the final figures; the network never sees them.",
    )
    data_seed = param.Integer(1, bounds=(0, 2**31 - 1), label="Data seed", doc="Seed of the events and of the noise put on them.")
    noise = param.Number(
        0.01,
        bounds=(0.0, 0.1),
        label="Noise f_smear",
        doc="Relative width of the noise on the training amplitudes: A_train = A (1 + f ε), ε ~ N(0,1). Above 0.1 log A would be skewed.",
    )
    architecture = Choice(
        ["mlp", "deepsets", "deepsets_invariants", "lgatr", "kan", "group_kan", "lgatr_slim", "lgatr_full"],
        label="Architecture",
        doc="mlp: fully connected layers. deepsets: an embedding per type of particle, summed over identical ones, from momenta; "
        "deepsets_invariants: with all invariants added. lgatr: Lorentz-equivariant transformer, far slower: "
        "its slim variant (vectors) on a processor, the full one (multivectors) on a GPU; lgatr_slim and lgatr_full: that one anywhere. "
        "kan: a learned function on every edge. group_kan: an mlp with learned activations.",
    )
    inputs = Choice(
        ["momenta", "invariants"],
        label="Inputs",
        doc="momenta: all (E, px, py, pz). invariants: log(pᵢ·pⱼ) of all pairs and one parity-odd ε of four momenta. "
        "Chosen for mlp, kan and group_kan; Deep Sets and L-GATr always read momenta, deepsets_invariants both.",
    )
    hidden = Widths(
        (128, 128, 128),
        layers=(1, 8),
        units=(2, 1024),
        label="Hidden layers",
        doc="Widths of the hidden layers, for instance 128, 128, 128. Deep Sets: of the head, embeddings are half as wide; "
        "kan: a third is used, so that the weights remain as many; lgatr: one block per layer, w/8 vector or multivector "
        "and w/4 scalar channels.",
    )
    activation = Choice(
        ["silu", "gelu", "tanh", "relu"],
        label="Activation",
        doc="Non-linearity between the layers: SiLU x/(1+e⁻ˣ), GELU x Φ(x), tanh, ReLU max(0, x).",
    )
    uncertainty = Choice(
        ["bnn", "bnn_last_layer", "repulsive_ensemble", "deterministic"],
        label="Uncertainty",
        doc="bnn: Gaussian weights q(θ), all layers or the last. repulsive_ensemble: members pushed apart. deterministic: σ_syst only.",
    )
    members = param.Integer(8, bounds=(2, 512), softbounds=(2, 32), label="Members", doc="Number n of networks in the repulsive ensemble.")
    repulsion = param.Number(
        1.0,
        bounds=(0.0, 1e4),
        softbounds=(0.0, 10.0),
        label="Repulsion β",
        doc="Strength of the repulsion (β/N) Σⱼ k(Aᵢ, Aⱼ) between ensemble members; 0: independent networks.",
    )
    first_width = param.Number(
        1.0,
        bounds=(0.1, 10.0),
        softbounds=(0.5, 4.0),
        label="First width",
        doc="Factor on the fresh weights of the first layer of ensemble members (mlp only): members that begin rougher end farther apart "
        "where there are no data.",
    )
    calibrate = param.Boolean(
        True, label="Calibrate σ_syst", doc="Multiply σ_syst by T = √⟨(A − ⟨A⟩)²/σ_syst²⟩ measured on validation events."
    )
    boost_pull = param.Number(
        0.0,
        bounds=(0.0, 100.0),
        softbounds=(0.0, 10.0),
        label="Boost by pull",
        doc="Loss boosting: every round adds this to the weight n_j of training events with |t_syst| above the cut.",
    )
    boost_sigma = param.Number(
        0.0,
        bounds=(0.0, 100.0),
        softbounds=(0.0, 10.0),
        label="Boost by σ",
        doc="Process boosting: every round adds this × min(1, √(σ_tot,j/σ_cut)) to the weight n_j of a training event.",
    )
    boost_rounds = param.Integer(
        4,
        bounds=(1, 50),
        softbounds=(1, 10),
        label="Boosting rounds",
        doc="Number of times the boosted events are chosen anew, from a fifth of the training on.",
    )
    boost_pull_cut = param.Number(2.0, bounds=(0.1, 10.0), label="Pull cut", doc="Events with |t_syst| above this are boosted by pull.")
    boost_fraction = param.Number(
        0.02, bounds=(1e-4, 0.5), label="Boosted fraction", doc="Fraction of training events with σ_tot above σ_cut, boosted in full by σ."
    )

    @property
    def chooses_inputs(self) -> bool:
        """Whether the architecture leaves `inputs` open; Deep Sets and L-GATr have their own."""
        return self.architecture in ("mlp", "kan", "group_kan")


SHARED = ("uncertainty", "noise", "prior_width", "repulsion", "boost_pull", "boost_sigma", "seed")
"""Options in which the points of one training may differ; the others shape the networks or the steps."""
MOST_POINTS = 512


class Axes(param.Dict):
    """Options of a sweep, each with its values."""


class SweepRecipe(AmplitudeRecipe):
    """Many recipes trained together: those that differ only by the options of `axes`, all their combinations.

    All points see the same events in the same order with the same ε, so that they differ by what is swept and by nothing else; with the
    axis `seed` they differ by their first weights.
    """

    kind = "sweep"
    groups: ClassVar[dict[str, tuple[str, ...]]] = {"Sweep": ("axes",), **AmplitudeRecipe.groups}

    axes = Axes(
        {"noise": [0.0, 0.01, 0.1]},
        label="Axes",
        doc="Options and their values, for instance noise=0,0.01,0.1; uncertainty=deterministic,bnn. All combinations are trained at once.",
    )

    def __init__(self, **values: Any):
        axes = self.check("axes", values.get("axes", self.options()["axes"].default))
        super().__init__(**{name: value for name, value in values.items() if name not in axes})

    @classmethod
    def check(cls, name: str, value: Any) -> Any:
        return checked_axes(value, SHARED) if name == "axes" else super().check(name, value)

    def as_command(self) -> str:
        """The shell command that trains this sweep."""
        axes = [f"--{name.replace('_', '-')} {','.join(map(str, values))}" for name, values in self.axes.items()]
        rest = [name for name in self.base.to_dict(only_changes=True) if name not in self.axes]
        return " ".join(["workbench sweep", *axes, *(_flag(name, getattr(self, name)) for name in rest)])

    @property
    def base(self) -> AmplitudeRecipe:
        """The options that all points share; those on an axis stand at their first value."""
        return AmplitudeRecipe(**{name: value for name, value in self.to_dict().items() if name != "axes"} | self.options_of_points[0])

    @property
    def options_of_points(self) -> list[dict[str, Any]]:
        """The swept options of every point, the last axis running fastest."""
        return [dict(zip(self.axes, values, strict=True)) for values in itertools.product(*self.axes.values())]

    @property
    def points(self) -> list[AmplitudeRecipe]:
        """The recipe of every point."""
        base = {name: value for name, value in self.to_dict().items() if name != "axes"}
        return [AmplitudeRecipe(**base | options) for options in self.options_of_points]


class GeneratorRecipe(TrainingRecipe):
    """How to learn the density of events with a normalizing flow, with error bars, and to draw new events from it."""

    kind = "generator"
    command = "generate"
    groups: ClassVar[dict[str, tuple[str, ...]]] = {
        "Data": ("dataset", "jets", "file", "units", "events", "test_events", "data_seed"),
        "Network": ("spline", "bins", "blocks", "hidden", "mixing", "edges", "coordinates"),
        "Weights": ("magic", "nuisance"),
        "Uncertainty": ("bayesian", "prior_width", "width_pace", "draws"),
        "Discriminator": (
            "discriminator_steps", "discriminator_hidden", "discflow_alpha", "coupling", "discflow_start", "discflow_ramp", "discflow_clip",
        ),
        "Training": ("steps", "batch_size", "learning_rate", "schedule", "optimiser", "warm_start", "seed", "device"),
    }  # fmt: skip
    later = frozenset(("units", "edges", "coordinates", "width_pace", *groups["Weights"], *groups["Discriminator"]))

    dataset = Choice(
        ["wedge", "kicker", "ring", "z_jets", "tt_partons"],
        label="Dataset",
        doc="wedge: p = 2x on the unit square. kicker: p = 3x². ring: half a Gaussian ring. z_jets: pp → Z(μμ) + jets at 13 TeV. "
        "tt_partons: pp → tt̄ → six partons.",
    )
    jets = param.Integer(
        1,
        bounds=(0, 3),
        label="Jets",
        doc="Number of jets of Z + jets, p_T > 20 GeV, anti-k_T with R = 0.4. 0: events with 1, 2 and 3 jets as they come, learned by a "
        "chain of flows: the first makes the muons and one jet, given the number of jets, each other adds a jet, given what is there.",
    )
    file = param.String(
        "",
        label="Own file",
        doc="Path of your own file of such events: HDF5, CSV, .npy, .npz, LHE, Parquet or ROOT; empty: made or shipped events.",
    )
    units = Choice(UNITS, label="Units of the file", doc=OF_FILE)
    events = param.Integer(
        50_000, bounds=(100, 10_000_000), softbounds=(1_000, 300_000), label="Training events", doc="Number of training events N."
    )
    test_events = param.Integer(
        50_000,
        bounds=(100, 1_000_000),
        softbounds=(1_000, 100_000),
        label="Test events",
        doc="Events that the network never sees, and as many that it draws: histograms compare the two.",
    )
    data_seed = param.Integer(1, bounds=(0, 2**31 - 1), label="Data seed", doc="Seed of the events, or of the order of your own.")
    spline = Choice(
        ["rational_quadratic", "cubic", "affine"],
        label="Spline",
        doc="The monotonic curve of each component: rational-quadratic or cubic pieces, or affine, eˢ x + t: few parameters, as in a fit.",
    )
    bins = param.Integer(10, bounds=(2, 64), softbounds=(4, 32), label="Bins", doc="Pieces of each spline, inside of ±4 widths.")
    blocks = param.Integer(
        6, bounds=(2, 40), softbounds=(2, 24), label="Blocks", doc="Coupling blocks; each moves half of the components, given the others."
    )
    hidden = Widths((32, 32), layers=(1, 6), units=(2, 1024), label="Hidden layers", doc="Widths of the perceptron of each block.")
    mixing = Choice(
        ["permutation", "rotation"],
        label="Mixing",
        doc="Between blocks: a fixed permutation of the components, which keeps edges sharp, or a fixed random rotation.",
    )
    edges = Choice(
        ["learned", "known"],
        label="Edges",
        doc="Of a ramp on the unit square. learned: from x and y as they are, which a smooth flow smears at the edges. "
        "known: from Φ⁻¹(x) and Φ⁻¹(y), which have none.",
    )
    coordinates = Choice(
        ["particles", "boson"],
        label="Coordinates",
        doc="Of Z + jets. particles: p_T, η, Δφ and m of each, in whose correlations the Z peak and the holes between jets hide. boson: "
        "mass, p_T, rapidity and decay angles of the Z, the jets beside it and each other, without the hole around the first.",
    )
    bayesian = param.Boolean(True, label="Bayesian", doc="Gaussian weights q(θ): L = −⟨log p(x|θ)⟩ + KL[q, p]/N; else one network.")
    width_pace = param.Number(
        1.0,
        bounds=(0.1, 100.0),
        softbounds=(1.0, 10.0),
        label="Width pace",
        doc="How many times faster than their means the widths of the weights learn. Many events need more of it, or more steps: until the "
        "widths are found the band is too narrow. Above √(N/B) it may become unstable.",
    )
    draws = param.Integer(32, softbounds=(8, 64), label="Draws", doc="Number M of weight draws in the final bands.")
    magic = param.Boolean(
        False,
        label="Magic transformation",
        doc="Of Z + jets: train with the weight Π f(ΔR) over pairs of jets, f from 0 at ΔR = 0.2 to 1 at 1.5, so that the learned density "
        "fades out towards the hole; generated events get the inverse weight, and those with ΔR < 0.4 are dropped.",
    )
    nuisance = param.Boolean(
        False,
        label="Theory nuisance a",
        doc="Of Z + jets: every training event gets an a from 0 to 30 and the weight 1 + a ((p_T,j1 − 15 GeV)/100 GeV)², normalised for "
        "each a; a is a condition, so that the trained network draws events for any a.",
    )
    discriminator_steps = param.Integer(
        0,
        bounds=(0, 1_000_000),
        softbounds=(0, 5_000),
        label="Discriminator steps",
        doc="Steps of a fresh discriminator that judges the finished generator: its w_D = D/(1 − D) reweights the events, its area under "
        "the curve says how well the two can be told apart. 0: none.",
    )
    discriminator_hidden = Widths(
        (64, 64, 64), layers=(1, 6), units=(2, 1024), label="Discriminator layers", doc="Widths of the hidden layers of discriminators."
    )
    discflow_alpha = param.Number(
        0.0,
        bounds=(0.0, 2.0),
        softbounds=(0.0, 1.0),
        label="DiscFlow α",
        doc="Strength of the joint training: training events get the weight w_D^α of a discriminator that learns along. Below 1 it "
        "converges; 0: no discriminator.",
    )
    coupling = Choice(
        ["discflow", "gan"],
        label="Coupling",
        doc="What a joint discriminator does. discflow: weights w_D^α on training events. gan: the flow also maximises α⟨log D⟩ of its own "
        "events, which may never settle.",
    )
    discflow_start = param.Number(
        0.4, bounds=(0.0, 1.0), label="DiscFlow start", doc="Fraction of the steps after which the joint discriminator begins to learn."
    )
    discflow_ramp = param.Number(
        0.2, bounds=(0.0, 1.0), label="DiscFlow ramp", doc="Fraction of the steps in which α then rises from 0 to its value."
    )
    discflow_clip = param.Number(
        5.0,
        bounds=(1.0, 1e6),
        softbounds=(1.0, 100.0),
        label="DiscFlow clip",
        doc="Largest weight w_D^α of an event, and smallest 1/w_D^α.",
    )
    steps = param.Integer(3_000, softbounds=(500, 50_000), label="Steps", doc="Number of optimiser steps.")
    batch_size = param.Integer(1_024, softbounds=(64, 8_192), label="Batch size", doc="Events per step B.")
    learning_rate = param.Number(5e-3, label="Learning rate", doc=RATE)

    @property
    def most_jets(self) -> int:
        """The largest number of jets that events have."""
        return self.jets or 3


KINDS: dict[str, type[Recipe]] = {kind.kind: kind for kind in (AmplitudeRecipe, SweepRecipe, GeneratorRecipe)}


def checked_axes(value: Any, names: Collection[str] | None = None, recipe_type: type[Recipe] = AmplitudeRecipe) -> dict[str, list[Any]]:
    """The axes of a sweep from a dict or a text such as "noise=0,0.01; seed=1,2", each value in its declared type.

    Arguments: `names`, the options that may be swept, by default all of `recipe_type`.
    Raises: RecipeError naming the option, the value met and the range allowed.
    """
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(";") if part.strip()]
        if len({name.strip() for name, _, _ in pairs}) < len(pairs):
            raise RecipeError(f"axes = {shown(value)} is not possible: an option stands there twice.")
        value = {name.strip(): [text.strip() for text in values.split(",")] for name, _, values in pairs}
    if not isinstance(value, dict) or not value:
        raise RecipeError(f"axes = {shown(value)} is not possible: options with their values are needed, such as noise=0,0.01,0.1.")
    axes = {}
    for name, values in value.items():
        listed = list(values) if isinstance(values, (list, tuple, range)) or hasattr(values, "tolist") else [values]
        axes[str(name)] = [recipe_type.check(str(name), item.item() if hasattr(item, "item") else item) for item in listed]
        if names is not None and name not in names:
            raise RecipeError(f"{name} cannot differ within one training; an axis may be one of {', '.join(names)}.")
        if not axes[name] or len({str(item) for item in axes[name]}) < len(axes[name]):
            raise RecipeError(f"{name} = {shown(values)} is not possible as an axis: one or more different values are needed.")
    points = math.prod(map(len, axes.values()))
    if points > MOST_POINTS:
        raise RecipeError(f"{points:,} points are too many for one sweep; at most {MOST_POINTS} are possible.")
    return axes


def allowed(option: param.Parameter) -> str:
    """What an option may be, in words: 'a number from 0.001 to 1000 is needed'."""
    if isinstance(option, param.Selector):
        return f"one of {', '.join(map(str, option.objects))} is needed"
    if isinstance(option, Widths):
        return (
            f"{option.layer_bounds[0]} to {option.layer_bounds[1]} whole numbers from {option.unit_bounds[0]} to {option.unit_bounds[1]}, "
            "separated by commas, are needed"
        )
    if isinstance(option, param.Boolean):
        return "true or false is needed"
    if isinstance(option, param.Number):
        noun = "a whole number" if isinstance(option, param.Integer) else "a number"
        low, high = _bounds(option)
        return f"{noun} from {low:,} to {high:,} is needed"
    return "a text of at most 1,000 characters without control characters is needed"


def shown(value: Any) -> str:
    """A value as it may stand in an error message: quoted, and shortened when long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _parse(option: param.Parameter, value: Any) -> Any:
    if isinstance(option, param.Selector):
        if value not in option.objects:
            raise ValueError(value)
        return value
    if isinstance(option, Widths):
        items = value.replace(",", " ").split() if isinstance(value, str) else list(value)
        widths = [_integer(item) for item in items]
        narrow, wide = option.unit_bounds
        if not option.layer_bounds[0] <= len(widths) <= option.layer_bounds[1] or not all(narrow <= width <= wide for width in widths):
            raise ValueError(value)
        return widths
    if isinstance(option, param.Boolean):
        words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
        if isinstance(value, str):
            return words[value.lower()] if value.lower() in words else _refuse(value)
        return value if isinstance(value, bool) else _refuse(value)
    if isinstance(option, param.Number):
        number: float = _integer(value) if isinstance(option, param.Integer) else float(value)
        low, high = _bounds(option)
        if isinstance(value, bool) or not math.isfinite(number) or not low <= number <= high:
            raise ValueError(value)
        return number
    if not isinstance(value, str) or len(value) > 1_000 or any(ord(character) < 32 for character in value):
        raise ValueError(value)
    return value


def _bounds(option: param.Number) -> tuple[float, float]:
    low, high = option.bounds or (None, None)
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _integer(value: Any) -> int:
    if isinstance(value, str):
        if len(value) > 20:
            raise ValueError(value)
        value = float(value) if any(mark in value for mark in ".eE") else int(value.replace("_", ""))
    if isinstance(value, bool) or not math.isfinite(value) or value != int(value):
        raise ValueError(value)
    return int(value)


def _refuse(value: Any) -> Any:
    raise ValueError(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _flag(name: str, value: Any) -> str:
    return f"--{name.replace('_', '-')} {_word(value)}"


def _word(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return (
        text if text and all(character.isalnum() or character in "._-,/" for character in text) else "'" + text.replace("'", "'\\''") + "'"
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"the key {shown(min(twice))} stands twice")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number JSON knows")
