"""Observables: what is histogrammed, with name, unit and binning.

Each has its usual bins, those of the default collisions and of the toys. Of events that they do not suit, of another energy or of one's
own, `fitted` takes as many bins of a round width between the 1 % and 99 % quantiles, with a margin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.physics.amplitudes import check_process
from workbench.physics.collisions import MOST_JETS
from workbench.physics.kinematics import delta_phi, delta_r, eta, mass, pt

INSIDE = 0.95
"""Share of the events that bins must hold, for a score and for the usual bins to be taken."""
IN_A_WINDOW = 0.5
"""The same of bins that are meant to show a part, the neighbourhood of a peak or of a hole."""
CRAMPED = 0.1
"""Part of the usual bins that the central 90 % of the events must cover, or they would all stand in a few of them."""
COUNTED = 10
"""Up to so many bins an observable counts things, and its bins stay."""
ENDS, MARGIN = (0.01, 0.99), 0.1
"""Quantiles between which other bins are laid, and how much further they reach on both sides, relative to their distance."""
ROUND = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
ETA = np.linspace(-6, 6, 61)
"""Of pseudorapidities behind colliding protons."""
FEW = 20
"""Events that a bin must hold to be drawn alone."""


@dataclass(frozen=True)
class Observable:
    """A number per event: `values(momenta)` of momenta (event, particle, 4) in GeV, to be histogrammed in `bins` (edges).

    Of toys, values of points (event, 2). Of events with fewer jets than `jets` they are NaN, or their momenta have no such particle. A
    `window` shows a part of the events only, on purpose.
    """

    name: str
    symbol: str
    unit: str
    bins: np.ndarray = field(repr=False)
    values: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    description: str = ""
    jets: int = 0
    window: bool = False

    def fitted(self, points: np.ndarray, weight: np.ndarray | None = None) -> Observable:
        """The same with bins for these events: the usual ones where they suit them."""
        values = np.asarray(self.values(points), dtype=float)
        there = np.isfinite(values)
        weight = np.ones(len(values)) if weight is None else weight
        return replace(self, bins=self._binning(values[there], weight[there]))

    def _binning(self, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        usual = np.asarray(self.bins, dtype=float)
        if not len(values) or len(usual) - 1 <= COUNTED:
            return usual
        wide = np.subtract(*quantiles(values, (0.95, 0.05), weight)) >= CRAMPED * (usual[-1] - usual[0])
        if wide and 1 - sum(outside(values, usual, weight)) >= self.least_inside:
            return usual
        return laid(values, weight, len(usual) - 1, lowest=0.0 if self.unit == "GeV" else -np.inf)

    @property
    def least_inside(self) -> float:
        """Share of the events that the bins must hold to be judged."""
        return IN_A_WINDOW if self.window else INSIDE

    @property
    def axis(self) -> str:
        """The title of an axis: symbol and unit."""
        return f"{self.symbol} [{self.unit}]" if self.unit else self.symbol


def quantiles(values: np.ndarray, levels: Sequence[float], weight: np.ndarray | None = None) -> np.ndarray:
    """The quantiles of values with weights; without weights, or with equal ones, those of numpy."""
    if weight is None or not len(weight) or (weight == weight[0]).all():
        return np.quantile(values, levels)
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) - weight[order] / 2
    return np.interp(np.asarray(levels) * weight.sum(), reached, values[order])


def outside(values: np.ndarray, edges: np.ndarray, weight: np.ndarray | None = None) -> tuple[float, float]:
    """Which share of the finite values lies below the first edge, and which above the last."""
    there = np.isfinite(values)
    weight = np.where(there, 1.0 if weight is None else weight, 0.0)
    total = max(weight.sum(), 1e-300)
    return float(weight[there & (values < edges[0])].sum() / total), float(weight[there & (values > edges[-1])].sum() / total)


def laid(values: np.ndarray, weight: np.ndarray | None, most: int, *, lowest: float = -np.inf) -> np.ndarray:
    """Edges of at most about so many bins of a round width for these values, none of them below `lowest`."""
    low, high = quantiles(values, ENDS, weight)
    distance = float(high - low) or abs(float(high)) or 1.0
    low, high = max(low - MARGIN * distance, lowest), high + MARGIN * distance
    power = int(np.floor(np.log10((high - low) / most)))
    factor = next(factor for factor in ROUND if factor * 10.0**power * most >= 0.999 * (high - low))
    step = factor * 10.0**power
    places = factor * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
    return places * 10.0**power if power > 0 else places / 10.0**-power


def joined(count: np.ndarray) -> np.ndarray:
    """Where those bins begin that hold some events each if bins with few are put together, from the peak outward.

    `count` of events in each bin. Empty bins at both ends stay as they are: a gap is none of the distribution. Of few events a bin needs a
    tenth of them.
    """
    filled = np.flatnonzero(count > 0)
    if not len(filled):
        return np.arange(len(count))
    first, last, peak = filled[0], filled[-1], int(count.argmax())
    least = 0.999 * min(FEW, count.sum() / 10)  # counts may come from errors in 32 bits
    left, right = _together(count[first:peak][::-1], least), _together(count[peak + 1 : last + 1], least)
    sizes = [1] * first + left[:0:-1] + [left[0] + 1 + right[0]] + right[1:] + [1] * (len(count) - 1 - last)
    return np.cumsum([0, *sizes[:-1]])


def _together(count: np.ndarray, least: float) -> list[int]:
    """Sizes of groups of neighbours that hold so much each; the first number is what is left where there is no group, for the peak."""
    sizes, size, total = [0], 0, 0.0
    for number in count:
        size, total = size + 1, total + number
        if total >= least:
            sizes.append(size)
            size, total = 0, 0.0
    sizes[-1] += size
    return sizes


def observables(process: str, jets: int = MOST_JETS) -> dict[str, Observable]:
    """The observables of a process or dataset, by name, in the order in which they are shown: those that events with so many jets have.

    Raises: ValueError for an unknown process.
    """
    from workbench.physics.datasets.known import KNOWN

    known = KNOWN[process].observables if process in KNOWN else _OF_PROCESSES[check_process(process)]
    return {observable.name: observable for observable in known if observable.jets <= jets}


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


_OF_PROCESSES = {"gg_yyg": _GG_YYG, "gg_yygg": _GG_YYGG}
