"""A trained network as a plain module of torch: momenta go in, an amplitude with its error bars comes out.

    (⟨A⟩, σ_syst, σ_stat) = surrogate(momenta) ,   momenta (event, particle, 4) in GeV, in 64 bits

It knows nothing of runs and files, so that `torch.export` and ONNX can take it away. Its features are those of `data.scaling`, in torch.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from workbench.data.scaling import Scaling
from workbench.methods.regression import LOG_VARIANCE
from workbench.nets.network import Network
from workbench.physics.amplitudes import EXCHANGES, PARTICLES, RADIATED, units
from workbench.physics.kinematics import ROUNDING


class Surrogate(torch.nn.Module):
    """Networks, one a row of weights, whose average is ⟨A⟩; `factor` is the temperature T of σ_syst.

    Its tensors are buffers, as nothing is learned any more; all of them move with `.to(device)`.
    """

    outputs = ("mean", "sigma_syst", "sigma_stat")
    """What comes out, in the unit of the amplitude."""

    rows: Tensor
    feature_mean: Tensor
    feature_width: Tensor

    def __init__(self, scaling: Scaling, network: Network, rows: Tensor, *, factor: float = 1.0, square: bool = False):
        super().__init__()
        self.scaling, self.network, self.factor, self.square = scaling, network, factor, square
        for name, value in (("feature_mean", scaling.feature_mean), ("feature_width", scaling.feature_width)):
            self.register_buffer(name, torch.tensor(np.asarray(value), dtype=torch.float64, device=rows.device))
        self.register_buffer("rows", rows.clone())

    @property
    def particles(self) -> int:
        """How many momenta an event has."""
        return len(PARTICLES[self.scaling.process])

    @property
    def about(self) -> dict[str, str]:
        """What whoever meets it elsewhere has to know."""
        process = self.scaling.process
        return {
            "process": process,
            "particles": ", ".join(PARTICLES[process]),
            "momenta": "(E, px, py, pz) in GeV, incoming particles first, all energies positive",
            "units": units(process),
        }

    def forward(self, momenta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean ⟨A⟩, σ_syst and σ_stat (event) of momenta (event, particle, 4) in GeV."""
        value, sigma = self.draws(momenta)
        average = value.mean(0)
        return average, sigma.square().mean(0).sqrt(), (value - average).square().mean(0).sqrt()

    def draws(self, momenta: Tensor) -> tuple[Tensor, Tensor]:
        """The amplitude and σ_syst as each network gives them (draw, event)."""
        momenta = momenta.to(torch.float64)
        features = (self.raw_features(momenta) - self.feature_mean) / self.feature_width
        x = features.to(self.rows.dtype)
        outputs = self.network(self.rows, x.expand(self.rows.shape[0], *x.shape)).to(torch.float64)
        mean, log_variance = outputs[..., 0], outputs[..., 1].clamp(*LOG_VARIANCE)
        if self.square:
            log_variance = torch.full_like(log_variance, LOG_VARIANCE[0])
        scaling = self.scaling
        v = (scaling.log_width**2 * log_variance.exp()).clamp(max=4.0)
        value = (scaling.log_mean + scaling.log_width * mean + 0.5 * v).exp()
        if scaling.target == "soft":
            value = value / self._soft_factor(momenta)
        return value, self.factor * value * v.expm1().sqrt()

    def raw_features(self, momenta: Tensor) -> Tensor:
        """As `data.scaling.raw_features`."""
        inputs, flat = self.scaling.inputs, momenta.flatten(1)
        if inputs == "ordered":
            logs = log_invariants(ordered(momenta, self.scaling.process))
            return torch.cat([logs[:, :1], logs[:, 1:] - logs[:, :1]], dim=1)
        if inputs in ("momenta", "four_vectors"):
            return flat
        invariants = torch.cat([log_invariants(momenta), parity_odd(momenta).unsqueeze(1)], dim=1)
        return invariants if inputs == "invariants" else torch.cat([flat, invariants], dim=1)

    def _soft_factor(self, momenta: Tensor) -> Tensor:
        s, whole = dot(momenta[:, 0], momenta[:, 1]), torch.ones_like(momenta[:, 0, 0])
        for incoming in (0, 1):
            for gluon in RADIATED[self.scaling.process]:
                whole = whole * dot(momenta[:, incoming], momenta[:, gluon]) / s
        return whole


def dot(p: Tensor, q: Tensor) -> Tensor:
    """p·q."""
    return p[..., 0] * q[..., 0] - (p[..., 1:] * q[..., 1:]).sum(-1)


def ordered(momenta: Tensor, process: str) -> Tensor:
    """Identical legs of a process in order, as in `physics.kinematics.ordered`."""
    for a, b, others in EXCHANGES[process]:
        seen = momenta[:, list(others)].sum(1)
        legs = list(range(momenta.shape[1]))
        legs[a], legs[b] = b, a
        wrong = dot(momenta[:, a], seen) > dot(momenta[:, b], seen)
        momenta = torch.where(wrong[:, None, None], momenta[:, legs], momenta)
    return momenta


def log_invariants(momenta: Tensor) -> Tensor:
    """ln p_i·p_j of all pairs, as in `physics.kinematics.log_invariants`."""
    energy, direction = momenta[..., 0], momenta[..., 1:] / momenta[..., :1]
    first, second = (list(legs) for legs in zip(*combinations(range(momenta.shape[1]), 2), strict=True))
    opening = (direction[:, first] - direction[:, second]).square().sum(-1)
    return (energy[:, first] * energy[:, second] * opening.clamp(min=ROUNDING**2) / 2).log()


def parity_odd(momenta: Tensor) -> Tensor:
    """ε of four legs, as in `physics.kinematics.parity_odd`."""
    legs = momenta[:, [0, 1, 2, 4 if momenta.shape[1] == 5 else 3]]
    direction = legs[..., 1:] / legs[..., :1]
    a, b, c = (direction[:, leg] - direction[:, 0] for leg in (1, 2, 3))
    after, before = [1, 2, 0], [2, 0, 1]
    return legs[..., 0].prod(1) * (a * (b[:, after] * c[:, before] - b[:, before] * c[:, after])).sum(-1)
