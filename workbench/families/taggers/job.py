"""From a recipe to a tagger that learns, and what it says of jets that it has not seen.

A prediction, and a snapshot of it, hold (μ = ⟨p⟩ and σ over networks, μ_z and σ_z of logits)

    label, mass, mu, sigma, mu_logit, sigma_logit_each (event)           test jets; 1 is a top, masses in GeV
    signal; background, background_sigma_log, background_mass (signal)   ε_B at ε_S: of μ, its spread over networks, of |m − 172.5 GeV|
    histogram (label_kind, score)                                        how p is distributed, for QCD and top
    bin_mean, bin_share, bin_error, bin_count (bin)                      reliability
    shift; shift_mu, shift_sigma (shift, shifted)                        the same jets, seen wrongly, and the numbers of each shift
    auc, rejection_50, … (see `product`), each with its error

and a prediction also

    average_image (label_kind, row, column)                              shares of p_T of aligned jets
    constituent_pt, constituent_eta, constituent_phi (shown, constituent)   in units of PT_UNIT [GeV] and ANGLE_UNIT
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.families.basics.measures import EFFICIENCIES
from workbench.families.taggers.choice import ANGLE_UNIT, MOST_SHOWN, PT_UNIT, SHIFTS
from workbench.families.taggers.features import average_image
from workbench.families.taggers.jets import Jets
from workbench.families.taggers.learning import counted, method_of, seen, tagger_of
from workbench.families.taggers.measures import Reliability, Roc, area, cross_entropy
from workbench.families.taggers.product import KNOWN, TAGGER_PRODUCT
from workbench.families.taggers.recipe import TaggerRecipe, bayesian, ensemble
from workbench.families.taggers.splits import jets_for, shifted
from workbench.training.job import GradientJob, Progress, device_of, granted, nothing, provenance, state
from workbench.training.loop import block_size, train
from workbench.training.memory import LIBRARIES, SINGLE, Needed
from workbench.training.report import Report

FIXED = 1_024
"""Training jets from which layers that normalise take means and widths."""
LIVE, LIVE_DRAWS, LIVE_SHIFTED = 800, 8, 100
"""Test jets, draws and jets under each shift of a snapshot."""
SHIFTED, SLOWLY_SHIFTED, SLOW = 2_000, 400, 20.0
"""Jets under each shift of a prediction, fewer of a network that works so much for each weight."""
CHECKS, SLOW_CHECKS, SLOWLY_WATCHED = 40, 20, 1_000
"""Looks at the jets that watch in one training; fewer of a slow network, at fewer jets."""
TOP_MASS = 172.5
"""GeV."""
SCORES, PIXELS, DRAWN = 40, 40, 40
"""Bins of p, pixels of an image, constituents that are kept for drawing."""


class TaggerJob(GradientJob):
    """One training of a tagger, ready to run.

    Raises: ValueError or OSError with one sentence when jets, memory, a package or device cannot be used.
    """

    def __init__(self, recipe: TaggerRecipe, progress: Progress = nothing):
        self.recipe, self._device = recipe, device_of(recipe.device)
        self.network = tagger_of(recipe)
        self.memory = granted(needed(recipe, self.network), self._device, recipe, ["jets", "test_jets"])
        self.jets = jets_for(recipe, progress)
        self.inputs = {split: self.features(jets) for split, jets in self.jets.items()}
        self.network.fixed = self.inputs["train"][:FIXED]
        self.batch = self._batch()
        self.method = method_of(recipe, self.network, len(self.batch), self._device)
        self.state = state(recipe, self.method)
        self._shifted: dict[tuple[str, int], tuple[Tensor, np.ndarray]] = {}

    def features(self, jets: Jets) -> Tensor:
        """What the network sees of jets."""
        return seen(self.network, jets, self.recipe.constituents, self._device)

    def _batch(self) -> Batch:
        target = torch.from_numpy(self.jets["train"].label.astype(np.float32))
        weight = counted(self.recipe, len(target)).to(self._device)
        return Batch(self.inputs["train"], target.to(self._device).expand_as(weight), weight)

    def train(self) -> Iterator[Report]:
        """Reports from where the training stands; the validation adds AUC and 1/ε_B(0.5)."""
        yield from train(self.state, self.batch, self._check)

    def _check(self) -> dict[str, float]:
        slow = self.network.work > SLOW
        looks, before = SLOW_CHECKS if slow else CHECKS, max(0, self.step - 4 * block_size(self.state))
        if before and self.step < self.steps and self.step * looks // self.steps == before * looks // self.steps:
            return {}
        jets = self.jets["validation"][: SLOWLY_WATCHED if slow else None]
        p = probability(self.network.ask(self.method.central().flatten(0, 1), self.inputs["validation"][: len(jets)])).mean(0)
        found = Roc.of(p, jets.label)
        checked = {"likelihood": cross_entropy(p, jets.label), "auc": found.area, "rejection": found.rejection(0.5)[0]}
        return {name: value for name, value in checked.items() if np.isfinite(value)}

    # What is known of the networks

    def rows(self, draws: int) -> Tensor:
        """The networks that are asked: members, or draws."""
        return self.method.networks(draws, torch.Generator().manual_seed(self.recipe.seed + 1)).flatten(0, 1)

    def snapshot(self) -> xr.Dataset:
        """What the networks of this moment say; does not touch the training's random numbers."""
        scalars = {"step": self.step, "seconds": self.state.seconds}
        found = self._look("test", LIVE_DRAWS, LIVE, LIVE_SHIFTED).assign({name: ((), value) for name, value in scalars.items()})
        return found.map(lambda column: column.astype(np.float32) if column.dtype == np.float64 else column, keep_attrs=True)

    def prediction(self, split: str = "test") -> xr.Dataset:
        """What the networks say at the end, with what jets look like."""
        under = LIVE_SHIFTED if split != "test" else SLOWLY_SHIFTED if self.network.work > SLOW else SHIFTED
        found = self._look(split, self.recipe.draws, None if split == "test" else LIVE, under)
        return found.assign(pictures(self.jets[split])) if split == "test" else found

    def _look(self, split: str, draws: int, most: int | None, under: int) -> xr.Dataset:
        jets, rows = self.jets[split][:most], self.rows(draws)
        logits = self.network.ask(rows, self.inputs[split][:most]).double().cpu().numpy()
        mass = -np.abs(jets.mass - TOP_MASS)
        columns = judged(logits, jets.label, mass) | self._under_shifts(rows, split, under)
        columns |= {"label": ("event", jets.label.astype(np.int8)), "mass": ("event", jets.mass.astype(np.float32))}
        attrs = {
            **provenance(self.recipe, self.device, split),
            "network": str(self.network),
            "jets": len(self.batch),
            "tested": len(jets),
            "networks": len(rows),
        }
        described = {name: (*column, ATTRIBUTES.get(name, KNOWN.get(name, {}))) for name, column in columns.items()}
        return TAGGER_PRODUCT.named(xr.Dataset(described, attrs=attrs))

    def _under_shifts(self, rows: Tensor, split: str, most: int) -> dict[str, Any]:
        """μ and σ of the same jets, seen wrongly; AUC, ECE and ⟨μ⟩ of tops and of others."""
        found: dict[str, list[Any]] = {name: [] for name in ("mu", "sigma", "auc", "ece", "top", "qcd", "sigma_logit")}
        for name in SHIFTS:
            if (name, most) not in self._shifted:
                jets = shifted(self.jets[split][:most], name)
                self._shifted[name, most] = self.features(jets), jets.label
            inputs, label = self._shifted[name, most]
            logits = self.network.ask(rows, inputs).double().cpu().numpy()
            p = probability(logits)
            mu = p.mean(0)
            for key, value in {
                "mu": mu.astype(np.float32), "sigma": p.std(0).astype(np.float32), "auc": area(mu, label),
                "ece": Reliability.of(mu, label).expected_error, "top": mu[label == 1].mean(), "qcd": mu[label == 0].mean(),
                "sigma_logit": np.median(logits.std(0)),
            }.items():  # fmt: skip
                found[key].append(value)
        names = {"mu": ("shift", "shifted"), "sigma": ("shift", "shifted")}
        return {"shift": ("shift", list(SHIFTS))} | {
            f"shift_{key}": (names.get(key, ("shift",)), np.array(value)) for key, value in found.items()
        }


def probability(logits: Any) -> np.ndarray:
    """p = 1/(1 + e^(−z))."""
    values = logits.double().cpu().numpy() if isinstance(logits, Tensor) else logits
    return 1 / (1 + np.exp(-np.clip(values, -60, 60)))


def judged(logits: np.ndarray, label: np.ndarray, mass: np.ndarray) -> dict[str, Any]:
    """Columns and numbers of logits (network, event), and of −|m − 172.5 GeV| as a score."""
    p = probability(logits)
    mu, sigma, sigma_logit = p.mean(0), p.std(0), logits.std(0)
    roc, by_mass, reliability = Roc.of(mu, label), Roc.of(mass, label), Reliability.of(mu, label)
    # a signal efficiency between two cuts of few jets may leave no background: its logarithm is bound by half a jet
    least = 0.5 / max(1, roc.others)
    each = np.log(np.maximum([Roc.of(one, label).at(EFFICIENCIES) for one in p], least)) if len(p) > 1 else np.zeros((1, len(EFFICIENCIES)))
    edges = np.linspace(0, 1, SCORES + 1)
    undecided = (mu > 0.3) & (mu < 0.7)
    columns: dict[str, Any] = {
        "mu": ("event", mu.astype(np.float32)),
        "sigma": ("event", sigma.astype(np.float32)),
        "mu_logit": ("event", logits.mean(0).astype(np.float32)),
        "sigma_logit_each": ("event", sigma_logit.astype(np.float32)),
        "signal": ("signal", EFFICIENCIES),
        "background": ("signal", roc.at(EFFICIENCIES)),
        "background_sigma_log": ("signal", each.std(0)),
        "background_mass": ("signal", by_mass.at(EFFICIENCIES)),
        "histogram": (("label_kind", "score"), np.stack([np.histogram(mu[label == kind], edges)[0] for kind in (0, 1)]).astype(float)),
        "bin_mean": ("bin", reliability.mean),
        "bin_share": ("bin", reliability.share),
        "bin_error": ("bin", reliability.error),
        "bin_count": ("bin", reliability.count),
        "ece": ((), reliability.expected_error),
        "ece_floor": ((), reliability.floor),
        "auc": ((), roc.area),
        "auc_error": ((), roc.area_error),
        "auc_mass": ((), by_mass.area),
        "accuracy": ((), float(((mu > 0.5) == (label == 1)).mean())),
        "loss": ((), cross_entropy(mu, label)),
        "sigma_undecided": ((), float(np.median(sigma[undecided])) if undecided.any() else float("nan")),
        "sigma_logit": ((), float(np.median(sigma_logit))),
    }
    for name, curve, efficiency in (("rejection_50", roc, 0.5), ("rejection_30", roc, 0.3), ("rejection_50_mass", by_mass, 0.5)):
        value, error = curve.rejection(efficiency)
        columns |= {name: ((), value), f"{name}_error": ((), error)}
    return columns


def pictures(jets: Jets) -> dict[str, Any]:
    """Average images of both kinds, and constituents of the first jets as whole numbers."""
    shown = jets[:MOST_SHOWN]
    angles, _ = shown.padded(DRAWN)
    whole = np.iinfo(np.int16).max
    units = (PT_UNIT, ANGLE_UNIT, ANGLE_UNIT)
    columns: dict[str, Any] = {
        f"constituent_{name}": (("shown", "constituent"), np.clip(np.rint(angles[..., k] / units[k]), -whole, whole).astype(np.int16))
        for k, name in enumerate(("pt", "eta", "phi"))
    }
    images = np.stack([average_image(jets[jets.label == kind], PIXELS) for kind in (0, 1)]).astype(np.float32)
    return columns | {"average_image": (("label_kind", "row", "column"), images)}


def needed(recipe: TaggerRecipe, network: Any) -> Needed:
    """The memory of a training and of what is said at its end, in bytes: an estimate from the sizes of the arrays."""
    members = recipe.members if ensemble(recipe) else 1
    features = sum(network.blocks.sizes)
    jets = recipe.jets + 1.3 * recipe.test_jets + 8 * min(recipe.test_jets, SHIFTED)
    data = LIBRARIES + jets * (2 * features + 150) * SINGLE
    weights = 4 * (2 if bayesian(recipe) else 1) * members * network.parameters * SINGLE
    activations = 40 * members * min(recipe.batch_size, recipe.jets) * max(features, 600) * SINGLE
    asked = (recipe.draws if bayesian(recipe) else members) * (network.parameters * SINGLE + recipe.test_jets * 40)
    return Needed(int(data + weights + activations), int(data + weights + asked + 60 * FIXED * features * SINGLE))


ATTRIBUTES: dict[str, dict[str, str]] = {
    "label": {"long_name": "1: top jet, 0: QCD jet"},
    "mass": {"long_name": "jet mass", "units": "GeV"},
    "mu": {"long_name": "probability of a top, mean over networks"},
    "sigma": {"long_name": "spread σ_stat of the probability over networks"},
    "mu_logit": {"long_name": "mean logit"},
    "sigma_logit_each": {"long_name": "spread of the logit over networks"},
    "background": {"long_name": "background efficiency ε_B of a cut on μ"},
    "background_sigma_log": {"long_name": "spread of ln ε_B over networks"},
    "background_mass": {"long_name": "ε_B of a cut on |m − 172.5 GeV|"},
    "bin_share": {"long_name": "share of tops"},
    "shift_mu": {"long_name": "μ of the same jets, shifted"},
    "shift_sigma": {"long_name": "σ of the same jets, shifted"},
}
