"""The bridge between physical quantities and what a network sees; both directions, uncertainties included.

    y = (log A − m)/s ,    ⟨A⟩ = exp(m + s ȳ + v/2) ,    σ_A² = ⟨A⟩² (eᵛ − 1) ,    v = s² σ_y²

A Gaussian in log A is log-normal in A. To first order this is A = exp(m + s ȳ) and σ_A/A = s σ_y; the exact form removes the bias
−f²/2 that noise of width f puts on ⟨log A⟩.

Where a process radiates gluons j, log (A Π s_1j s_2j) may be learned instead: the factor, a known number of every event, is put on before
and taken off behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.physics.amplitudes import EXCHANGES, RADIATED, TYPES
from workbench.physics.kinematics import dot, log_invariants, ordered, parity_odd

SAME = 1e-12
"""Width of log A below which amplitudes differ by rounding only."""


@dataclass(frozen=True)
class Batch:
    """Order-one numbers for networks; all tensors share the event axis and the device.

    The points of a sweep see the same events with targets and weights of their own; a single training needs no axis `point`.
    """

    features: Float[Tensor, "*row event feature"]
    target: Float[Tensor, "*point event"]
    weight: Float[Tensor, "*point event"]
    """How often an event counts in the loss: its own weight, of mean 1, times n_j of boosting; 1 without either."""

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: Tensor | slice) -> Batch:
        return Batch(self.features[index], self.target[..., index], self.weight[..., index])

    def select(self, index: Tensor) -> Batch:
        """The events with these numbers, faster than indexing."""
        return Batch(self.features.index_select(0, index), self.target.index_select(-1, index), self.weight.index_select(-1, index))


@dataclass(frozen=True)
class DensityBatch:
    """Order-one numbers whose density a flow learns; all tensors share the event axis and the device."""

    features: Float[Tensor, "*row event dimension"]
    condition: Float[Tensor, "*row event condition"]
    """What the density is conditioned on; often no columns."""
    weight: Float[Tensor, "*point event"]
    """Event weights; only their ratios matter, and the points of a sweep may have their own."""

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: Tensor | slice) -> DensityBatch:
        return DensityBatch(self.features[index], self.condition[index], self.weight[..., index])

    def select(self, index: Tensor) -> DensityBatch:
        """The events with these numbers, faster than indexing."""
        return DensityBatch(
            self.features.index_select(0, index), self.condition.index_select(0, index), self.weight.index_select(-1, index)
        )


def raw_features(momenta: np.ndarray, inputs: str, process: str = "gg_yyg") -> np.ndarray:
    """Network inputs before standardisation.

    Arguments: `inputs` = momenta or four_vectors: all 4-momenta [GeV], the latter to be scaled as a whole, so that they stay 4-vectors;
    invariants: the logarithms of the pair products and a parity-odd product; momenta_invariants: both; ordered: ln s_ij/ŝ of all pairs,
    and ln p₁·p₂, after identical legs of the process were put in order.
    """
    if inputs == "ordered":
        logs = log_invariants(ordered(momenta, EXCHANGES[process]))
        return np.column_stack([logs[:, :1], logs[:, 1:] - logs[:, :1]])
    flat = momenta.reshape(len(momenta), -1)
    if inputs in ("momenta", "four_vectors"):
        return flat
    invariants = np.column_stack([log_invariants(momenta), parity_odd(momenta)])
    return invariants if inputs == "invariants" else np.column_stack([flat, invariants])


def by_type(momenta: np.ndarray, types: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and width [GeV] of each component of each particle, flattened; particles of one type share theirs."""
    alike = [momenta[:, [other == own for other in types]] for own in types]
    return (np.concatenate([same.mean(axis=(0, 1)) for same in alike]), np.concatenate([same.std(axis=(0, 1)) for same in alike]))


def soft_factor(momenta: np.ndarray, process: str) -> np.ndarray:
    """Π s_1j s_2j/ŝ² over the gluons j that the process radiates, of momenta (event, particle, 4): how A falls away from its poles."""
    s = dot(momenta[:, 0], momenta[:, 1])
    return np.prod([dot(momenta[:, i], momenta[:, j]) / s for i in (0, 1) for j in RADIATED[process]], axis=0)


def log_moments(amplitude: np.ndarray) -> tuple[float, float]:
    """Mean and width of log A. Raises: ValueError when all amplitudes are equal, up to rounding."""
    log = np.log(amplitude)
    if not log.std() > SAME:
        raise ValueError(f"All {len(amplitude)} training amplitudes are equal ({amplitude[0]:.6g}); there is nothing to learn.")
    return float(log.mean()), float(log.std())


@dataclass(frozen=True)
class Scaling:
    """Standardisation fitted on training events; `batch` goes to the networks, `amplitude` comes back."""

    inputs: str
    feature_mean: np.ndarray
    feature_width: np.ndarray
    log_mean: float
    log_width: float
    process: str = "gg_yyg"
    target: str = "amplitude"

    @classmethod
    def fit(
        cls, momenta: np.ndarray, amplitude: np.ndarray, inputs: str = "momenta", *, process: str = "gg_yyg", target: str = "amplitude"
    ) -> Scaling:
        """Means and widths of the training events: momenta `(event, particle, 4)` in GeV and the (noisy) amplitudes they carry.

        Arguments: `target` = amplitude: log A is learned; soft: log (A Π s_1j s_2j/ŝ²).

        Identical particles share theirs, component by component, so that exchanging the particles exchanges the features. 4-vectors keep
        their origin and share one width.

        Raises: ValueError when an amplitude has no logarithm or all are equal.
        """
        bad = int((~(amplitude > 0)).sum())
        if bad:
            raise ValueError(
                f"{bad} of {len(amplitude)} amplitudes are not positive, so their logarithm is undefined; cut these events first."
            )
        raw = raw_features(momenta, inputs, process)
        mean, width = raw.mean(axis=0), raw.std(axis=0)
        if inputs == "four_vectors":
            mean, width = np.zeros_like(mean), np.full_like(width, raw.std())
        elif inputs not in ("invariants", "ordered"):
            own = slice(0, momenta.shape[1] * momenta.shape[2])
            mean[own], width[own] = by_type(momenta, TYPES[process])
        constant = width <= 1e-9 * (np.abs(raw).max(axis=0) + 1e-300)
        whole = cls(inputs, mean, np.where(constant, 1.0, width), 0.0, 1.0, process, target)
        return whole.for_targets(momenta, amplitude)

    @property
    def about(self) -> dict[str, Any]:
        """What a checkpoint says so that the network can be asked without its training events: plain numbers for JSON."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}

    @classmethod
    def of(cls, about: dict[str, Any]) -> Scaling:
        """The inverse of `about`."""
        values: dict[str, Any] = {name: np.array(value) if isinstance(value, list) else value for name, value in about.items()}
        return cls(**values)

    def for_targets(self, momenta: np.ndarray, amplitude: np.ndarray) -> Scaling:
        """The same features with the targets of other training amplitudes. Raises: as `fit`."""
        log_mean, log_width = log_moments(amplitude * self.factor(momenta))
        return replace(self, log_mean=log_mean, log_width=log_width)

    def factor(self, momenta: np.ndarray) -> np.ndarray | float:
        """What A is multiplied by before its logarithm is learned."""
        return soft_factor(momenta, self.process) if self.target == "soft" else 1.0

    def targets(self, momenta: np.ndarray, amplitude: np.ndarray) -> Float[Tensor, " event"]:
        """Standardised log-amplitudes."""
        return torch.tensor((np.log(amplitude * self.factor(momenta)) - self.log_mean) / self.log_width, dtype=torch.float32)

    def features(self, momenta: np.ndarray) -> np.ndarray:
        """Standardised inputs `(event, feature)`; inputs that never change are 0."""
        return ((raw_features(momenta, self.inputs, self.process) - self.feature_mean) / self.feature_width).astype(np.float32)

    def batch(self, momenta: np.ndarray, amplitude: np.ndarray, device: torch.device | str = "cpu") -> Batch:
        """Events as network input and standardised log-amplitude."""
        target = self.targets(momenta, amplitude)
        return Batch(torch.tensor(self.features(momenta)).to(device), target.to(device), torch.ones_like(target).to(device))

    def amplitude(self, mean: np.ndarray, log_variance: np.ndarray, factor: np.ndarray | float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """⟨A⟩ and σ_A [both in the unit of A] from the network's mean and log σ² of y, in float64; `factor` is that of the events.

        Where a network knows nothing (v above 4) the width stays that of v = 4, so that single events cannot overflow all averages.
        """
        v = np.minimum(self.log_width**2 * np.exp(log_variance.astype(np.float64)), 4.0)
        value = np.exp(self.log_mean + self.log_width * mean.astype(np.float64) + 0.5 * v) / factor
        return value, value * np.sqrt(np.expm1(v))
