"""Observables: what is histogrammed, with name, unit and binning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.physics.amplitudes import check_process
from workbench.physics.kinematics import delta_phi, delta_r, eta, mass, pt


@dataclass(frozen=True)
class Observable:
    """A number per event: `values(momenta)` of momenta (event, particle, 4) in GeV, to be histogrammed in `bins` (edges)."""

    name: str
    symbol: str
    unit: str
    bins: np.ndarray = field(repr=False)
    values: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    description: str = ""

    @property
    def axis(self) -> str:
        """The title of an axis: symbol and unit."""
        return f"{self.symbol} [{self.unit}]" if self.unit else self.symbol


def observables(process: str) -> dict[str, Observable]:
    """The observables of a process by name, in the order in which they are shown.

    Raises: ValueError for an unknown process.
    """
    return OBSERVABLES[check_process(process)]


def _photons(momenta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photons, the harder one first."""
    return _ordered(momenta[:, 2], momenta[:, 3])


def _jets(momenta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The jets of gg → γγgg, the harder one first."""
    return _ordered(momenta[:, 4], momenta[:, 5])


def _ordered(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    swap = (pt(first) < pt(second))[:, None]
    return np.where(swap, second, first), np.where(swap, first, second)


def _cos_theta(momenta: np.ndarray) -> np.ndarray:
    """|cos θ*| of the photons in the Collins-Soper frame: |sinh Δη| / √(1 + (p_T,γγ/m_γγ)²) · 2 p_T1 p_T2 / m_γγ²"""
    first, second = _photons(momenta)
    pair = first + second
    ratio = pt(pair) / mass(pair)
    return np.abs(np.sinh(eta(first) - eta(second))) / np.hypot(1.0, ratio) * 2 * pt(first) * pt(second) / mass(pair) ** 2


def _nearest(momenta: np.ndarray) -> np.ndarray:
    """Distance of the nearest pair of a photon and a jet."""
    return np.min([delta_r(momenta[:, y], momenta[:, j]) for y in (2, 3) for j in range(4, momenta.shape[1])], axis=0)


_GG_YYG = (
    Observable(
        "photon1_pt",
        "p<sub>T,γ1</sub>",
        "GeV",
        np.linspace(40, 500, 47),
        lambda p: pt(_photons(p)[0]),
        "Transverse momentum of the harder photon",
    ),
    Observable(
        "photon2_pt",
        "p<sub>T,γ2</sub>",
        "GeV",
        np.linspace(30, 500, 48),
        lambda p: pt(_photons(p)[1]),
        "Transverse momentum of the softer photon",
    ),
    Observable("jet_pt", "p<sub>T,j</sub>", "GeV", np.linspace(20, 500, 49), lambda p: pt(p[:, 4]), "Transverse momentum of the jet"),
    Observable(
        "diphoton_mass",
        "m<sub>γγ</sub>",
        "GeV",
        np.linspace(0, 1000, 51),
        lambda p: mass(p[:, 2] + p[:, 3]),
        "Invariant mass of the photons",
    ),
    Observable(
        "diphoton_pt",
        "p<sub>T,γγ</sub>",
        "GeV",
        np.linspace(20, 500, 49),
        lambda p: pt(p[:, 2] + p[:, 3]),
        "Transverse momentum of the photon pair: that of the jets, by balance",
    ),
    Observable(
        "photon_distance", "ΔR<sub>γγ</sub>", "", np.linspace(0.4, 5.4, 51), lambda p: delta_r(p[:, 2], p[:, 3]), "Distance of the photons"
    ),
    Observable("jet_distance", "min ΔR<sub>γj</sub>", "", np.linspace(0.4, 5.4, 51), _nearest, "Distance of a jet from the nearest photon"),
    Observable(
        "photon_angle",
        "Δφ<sub>γγ</sub>",
        "",
        np.linspace(0, np.pi, 41),
        lambda p: delta_phi(p[:, 2], p[:, 3]),
        "Azimuthal angle between the photons",
    ),
    Observable("jet_eta", "η<sub>j</sub>", "", np.linspace(-5, 5, 51), lambda p: eta(p[:, 4]), "Pseudorapidity of the jet"),
    Observable("cos_theta", "|cos θ*|", "", np.linspace(0, 1, 41), _cos_theta, "Polar angle of the photons in the Collins-Soper frame"),
)

_COARSE = {
    "photon1_pt": np.linspace(40, 500, 24),
    "photon2_pt": np.linspace(30, 500, 25),
    "diphoton_mass": np.linspace(0, 1000, 26),
    "diphoton_pt": np.linspace(0, 500, 26),
    "photon_distance": np.linspace(0.4, 5.4, 26),
    "jet_distance": np.linspace(0.4, 5.4, 26),
    "photon_angle": np.linspace(0, np.pi, 21),
    "cos_theta": np.linspace(0, 1, 21),
}
"""Bins for hundreds of events."""

_GG_YYGG = (
    *(replace(observable, bins=_COARSE[observable.name]) for observable in _GG_YYG if observable.name in _COARSE),
    Observable(
        "jet_pt",
        "p<sub>T,j1</sub>",
        "GeV",
        np.linspace(20, 500, 25),
        lambda p: pt(_jets(p)[0]),
        "Transverse momentum of the harder jet",
    ),
    Observable(
        "jet2_pt",
        "p<sub>T,j2</sub>",
        "GeV",
        np.linspace(20, 500, 25),
        lambda p: pt(_jets(p)[1]),
        "Transverse momentum of the softer jet",
    ),
    Observable("jet_eta", "η<sub>j1</sub>", "", np.linspace(-5, 5, 26), lambda p: eta(_jets(p)[0]), "Pseudorapidity of the harder jet"),
    Observable(
        "dijet_mass", "m<sub>jj</sub>", "GeV", np.linspace(0, 1000, 26), lambda p: mass(p[:, 4] + p[:, 5]), "Invariant mass of the jets"
    ),
    Observable(
        "dijet_distance", "ΔR<sub>jj</sub>", "", np.linspace(0.4, 5.4, 26), lambda p: delta_r(p[:, 4], p[:, 5]), "Distance of the jets"
    ),
)

OBSERVABLES: dict[str, dict[str, Observable]] = {
    "gg_yyg": {observable.name: observable for observable in _GG_YYG},
    "gg_yygg": {observable.name: observable for observable in _GG_YYGG},
}
