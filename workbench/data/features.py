"""The bridge between events and the networks that learn their density; both directions, with the Jacobian.

    muon, parton   ln p_T ,  η ,  artanh(Δφ/π′)
    jet            ln(p_T − 20 GeV + 0.01 GeV) ,  η ,  artanh(Δφ/π′) ,  ln m
    toy            x ,  y ,  or, of a ramp whose edges are known, Φ⁻¹(x) ,  Φ⁻¹(y)
    boson          the coordinates of `data.boson`, of which M_μμ, angles and shares are made Gaussian

each minus its mean, divided by its width. Δφ is counted from the first particle, whose own azimuth is left out: nothing depends on it.
Masses of muons and partons are known. So z_jets has 9, 13 or 17 features with 1, 2 or 3 jets, tt_partons 17. π′ is a millionth larger
than π, so that back-to-back particles have finite features.

    ln p(physical) = ln p(features) + log_jacobian ,   physical: p_T and m in GeV, η, Δφ of the same particles

Features of jets that an event does not have are NaN: one fit serves every network of a chain over jet multiplicities.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from workbench.data import boson
from workbench.physics.collisions import JET_CUTS, MOST_JETS, MUON_MASS
from workbench.physics.kinematics import eta, four_momentum, mass, pt, signed_delta_phi
from workbench.physics.observables import observables

HIDDEN = {
    "z_jets": ("dimuon_mass", "jets12_distance", "jets13_distance", "jets23_distance"),
    "tt_partons": ("top_mass", "antitop_mass", "w_plus_mass", "w_minus_mass"),
}
"""Observables that no feature shows, only correlations of them: what a discriminator sees besides."""
FARTHEST = 10.0
"""Widths from the mean beyond which a discriminator sees no difference."""
HALF_TURN = math.pi * (1 + 1e-6)
SMALLEST = 1e-12
"""Nearest to an edge of the unit square that a known edge lets a point come."""
STAGES = {1: slice(0, 9), 2: slice(9, 13), 3: slice(13, 17)}
"""The features that each network of a chain over jet multiplicities makes, given those before."""


class Transform(ABC):
    """A monotonic function of one number and its inverse."""

    @abstractmethod
    def forward(self, x: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def inverse(self, y: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def log_slope(self, x: np.ndarray) -> np.ndarray:
        """ln |dy/dx|"""


@dataclass(frozen=True)
class Identity(Transform):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return x

    def inverse(self, y: np.ndarray) -> np.ndarray:
        return y

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        return 0.0 * x  # NaN stays NaN


@dataclass(frozen=True)
class Logarithm(Transform):
    """y = ln(x − start)"""

    start: float = 0.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.log(x - self.start)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        return self.start + np.exp(y)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        return -np.log(x - self.start)


@dataclass(frozen=True)
class Angle(Transform):
    """y = artanh(x/π′)"""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.arctanh(x / HALF_TURN)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        return HALF_TURN * np.tanh(y)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        return -np.log(HALF_TURN) - np.log1p(-((x / HALF_TURN) ** 2))


@dataclass(frozen=True)
class Probit(Transform):
    """y = Φ⁻¹(s), s = (t(x) − t(low))/(t(high) − t(low)): what is flat in t becomes a unit Gaussian, and there is no edge left to learn.

    Outside there is no density. Here t(x) = x.
    """

    low: float = 0.0
    high: float = 1.0

    def forward(self, x: np.ndarray) -> np.ndarray:
        from torch import as_tensor
        from torch.special import ndtri

        return ndtri(as_tensor(np.clip((self.bent(x) - self.bent(self.low)) / self._range, SMALLEST, 1 - SMALLEST))).numpy()

    def inverse(self, y: np.ndarray) -> np.ndarray:
        from torch import as_tensor
        from torch.special import ndtr

        return self.unbent(self.bent(self.low) + self._range * ndtr(as_tensor(y)).numpy())

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        found = 0.5 * self.forward(x) ** 2 + 0.5 * math.log(2 * math.pi) + self.log_bend(x) - np.log(self._range)
        return np.where((x <= self.low) | (x >= self.high), -np.inf, found)  # NaN stays NaN

    def bent(self, x: np.ndarray | float) -> Any:
        """t(x)"""
        return x

    def unbent(self, t: np.ndarray) -> np.ndarray:
        """The x with t(x) = t."""
        return t

    def log_bend(self, x: np.ndarray) -> np.ndarray | float:
        """ln dt/dx"""
        return 0.0

    @property
    def _range(self) -> float:
        return float(self.bent(self.high) - self.bent(self.low))


@dataclass(frozen=True)
class Peak(Probit):
    """t = arctan((x − mean)/(width/2)): a resonance becomes a unit Gaussian."""

    mean: float = 0.0
    width: float = 1.0

    def bent(self, x: np.ndarray | float) -> Any:
        return np.arctan(2 * (x - self.mean) / self.width)

    def unbent(self, t: np.ndarray) -> np.ndarray:
        return self.mean + self.width / 2 * np.tan(t)

    def log_bend(self, x: np.ndarray) -> np.ndarray:
        return np.log(2 / self.width) - np.log1p((2 * (x - self.mean) / self.width) ** 2)


@dataclass(frozen=True)
class Column:
    """A physical coordinate: what is done to it, and its place among those of all particles, (p_T, η, Δφ, m) each."""

    name: str
    unit: str
    transform: Transform
    place: int


JET_PT = Logarithm(boson.START)
Z_PEAK = Peak(66 - 1e-3, 116 + 1e-3, 91.19, 2.5)
"""The range of masses that is made, a little wider, and the pole: what is left of the peak is smooth."""
TURN = Probit(-HALF_TURN, HALF_TURN)
RAMPS = ("wedge", "kicker")
"""Toys on the unit square."""
MASSES = {"z_jets": (MUON_MASS, MUON_MASS), "tt_partons": (0.0,) * 6}
"""Of the particles whose masses are known, in GeV; they come first."""


@cache
def columns(dataset: str, jets: int = MOST_JETS, edges: str = "learned", frame: str = "particles") -> tuple[Column, ...]:
    """The coordinates of a toy, of six partons, or of two muons and so many jets; `edges` of ramps may be "known", `frame` of z_jets
    "boson"."""
    match dataset:
        case _ if _of_boson(dataset, frame):
            return (*_pair(), *(column for n in range(jets) for column in _jet_beside(n)))
        case "z_jets":
            muons = [column for n in range(2) for column in _particle(f"muon{n + 1}", n)]
            return (*muons, *(column for n in range(jets) for column in _jet(f"jet{n + 1}", 2 + n)))
        case "tt_partons":
            return tuple(column for n in range(6) for column in _particle(f"parton{n + 1}", n))
    plain = Probit() if edges == "known" and dataset in RAMPS else Identity()
    return Column("x", "", plain, 0), Column("y", "", plain, 1)


def _particle(name: str, number: int) -> list[Column]:
    """Of the first particle without azimuth."""
    found = [Column(f"{name}_pt", "GeV", Logarithm(), 4 * number), Column(f"{name}_eta", "", Identity(), 4 * number + 1)]
    return found + [Column(f"{name}_phi", "", Angle(), 4 * number + 2)] * (number > 0)


def _jet(name: str, number: int) -> list[Column]:
    cut, *rest = _particle(name, number)
    return [replace(cut, transform=JET_PT), *rest, Column(f"{name}_mass", "GeV", Logarithm(), 4 * number + 3)]


def _pair() -> list[Column]:
    transforms = {
        "dimuon_mass": ("GeV", Z_PEAK), "dimuon_pt": ("GeV", Logarithm()), "dimuon_rapidity": ("", Identity()),
        "muon1_cosine": ("", Probit(-1.0, 1.0)), "muon1_angle": ("", TURN),
    }  # fmt: skip
    return [Column(name, unit, transform, place) for place, (name, (unit, transform)) in enumerate(transforms.items())]


def _jet_beside(number: int) -> list[Column]:
    """Of the first jet from the pair, of the others from the first."""
    name, place = f"jet{number + 1}", 5 + 4 * number
    own = [("pt", "GeV", JET_PT), ("eta", "", Identity()), ("phi", "", Angle())]
    if number:
        own = [("share", "", Probit()), ("eta", "", Identity()), ("phi", "", TURN)]
    listed = [*own, ("mass", "GeV", Logarithm())]
    return [Column(f"{name}_{what}", unit, transform, place + n) for n, (what, unit, transform) in enumerate(listed)]


def physical(points: np.ndarray, dataset: str) -> np.ndarray:
    """The coordinates of `columns` (event, feature), of momenta (event, particle, 4) in GeV or toy points (event, 2)."""
    if dataset not in MASSES:
        return points
    table = np.stack([pt(points), eta(points), signed_delta_phi(points[:, :1], points), mass(points)], axis=-1)
    return table.reshape(len(points), -1)[:, _places(dataset, points.shape[1] - 2)]


def events(coordinates: np.ndarray, dataset: str, azimuth: np.ndarray | float = 0.0) -> np.ndarray:
    """Inverse of `physical`: momenta (event, particle, 4) in GeV, or points; `azimuth` is that of the first particle."""
    if dataset not in MASSES:
        return coordinates
    places = _places(dataset, (coordinates.shape[1] - 5) // 4)
    table = np.zeros((len(coordinates), places[-1] // 4 + 1, 4))
    table[:, : len(MASSES[dataset]), 3] = MASSES[dataset]
    table.reshape(len(coordinates), -1)[:, places] = coordinates
    turned = table[..., 2] + np.broadcast_to(azimuth, len(table))[:, None]
    return four_momentum(table[..., 0], table[..., 1], turned, table[..., 3])


def _places(dataset: str, jets: int) -> list[int]:
    return [column.place for column in columns(dataset, jets)]


@dataclass(frozen=True, eq=False)
class Features:
    """Standardisation fitted on training events: `features` goes to the networks, `points` comes back, `log_jacobian` for densities."""

    dataset: str
    mean: np.ndarray
    width: np.ndarray
    edges: str = "learned"
    frame: str = "particles"

    @classmethod
    def fit(cls, points: np.ndarray, dataset: str, edges: str = "learned", frame: str = "particles") -> Features:
        """Means and widths of the training events: momenta (event, particle, 4) in GeV, with NaN for jets that are not there, or points.

        Raises: ValueError when a feature is not finite or never changes.
        """
        if edges == "known" and dataset in RAMPS and (outside := ((points <= 0) | (points >= 1)).any(axis=1)).any():
            raise ValueError(
                f"{outside.sum():,} of {len(points):,} points are not inside of the unit square; leave them out, or learn the edges."
            )
        raw = _coordinates(points, dataset, frame)
        known = columns(dataset, _jets(raw), edges, frame)
        if dataset == "z_jets" and (outside := _outside(raw, known)).any():
            raise ValueError(
                f"{outside.sum():,} of {len(raw):,} events have no place in the coordinates of the boson: jets must be ordered by p_T "
                f"and {JET_CUTS.distance:g} apart from the first, {Z_PEAK.low:.0f} < M_μμ < {Z_PEAK.high:.0f} GeV; choose particles."
            )
        values, there, names = _transformed(raw, known), ~np.isnan(raw), [column.name for column in known]
        if (broken := there & ~np.isfinite(values)).any():
            event, feature = np.argwhere(broken)[0]
            raise ValueError(
                f"{broken.any(axis=1).sum():,} of {len(values):,} events have no finite feature, the first of them {names[feature]} of "
                f"event {event}; jets need p_T > {JET_CUTS.pt:g} GeV and a mass, all particles p_T > 0: leave these events out."
            )
        count = there.sum(axis=0)
        mean = np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1)
        width = np.sqrt((np.where(there, values - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count, 1))
        if (constant := ~(width > 1e-9 * (np.abs(mean) + 1e-300))).any():
            where = int(constant.argmax())
            same = width[where] == 0
            how = "is the same" if same else f"differs by {width[where]:.2g} around {mean[where]:.6g}, too little for its size,"
            raise ValueError(f"{names[where]} {how} in all {count[where]:,} events that have it; there is no density to learn.")
        return cls(dataset, mean, width, edges, frame)

    @property
    def columns(self) -> tuple[Column, ...]:
        """What the features are, in their order."""
        return columns(self.dataset, _jets(self.mean[None]), self.edges, self.frame)

    def __len__(self) -> int:
        return len(self.mean)

    def features(self, points: np.ndarray) -> np.ndarray:
        """Network inputs (event, feature) in 64 bits; fewer of them for events with fewer particles, NaN for jets that are not there."""
        values = _transformed(_coordinates(points, self.dataset, self.frame), self.columns)
        return (values - self.mean[: values.shape[1]]) / self.width[: values.shape[1]]

    def points(self, features: np.ndarray, azimuth: np.ndarray | float = 0.0) -> np.ndarray:
        """Inverse of `features`: momenta (event, particle, 4) in GeV, with the first particle at `azimuth`, or points."""
        features = np.asarray(features, dtype=np.float64)
        values = features * self.width[: features.shape[1]] + self.mean[: features.shape[1]]
        back = [column.transform.inverse(value) for column, value in zip(self.columns, values.T, strict=False)]
        if _of_boson(self.dataset, self.frame):
            return boson.momenta(np.stack(back, axis=-1), azimuth)
        return events(np.stack(back, axis=-1), self.dataset, azimuth)

    def log_slopes(self, points: np.ndarray) -> np.ndarray:
        """ln |d feature / d coordinate| (event, feature), p_T and m in GeV; NaN for jets that are not there."""
        values = _coordinates(points, self.dataset, self.frame)
        slopes = [column.transform.log_slope(value) for column, value in zip(self.columns, values.T, strict=False)]
        return np.stack(slopes, axis=-1) - np.log(self.width[: values.shape[1]])

    def log_jacobian(self, points: np.ndarray) -> np.ndarray:
        """What turns the log-density of the features into that of the physical coordinates (event): their product has GeV to the power of
        minus the number of p_T and m among them."""
        found = np.nansum(self.log_slopes(points), axis=-1)
        return found + boson.log_jacobian(points) if _of_boson(self.dataset, self.frame) else found


def _of_boson(dataset: str, frame: str) -> bool:
    """Whether the coordinates are those of `data.boson`: only Z + jets have them."""
    return frame == "boson" and dataset == "z_jets"


def _coordinates(points: np.ndarray, dataset: str, frame: str) -> np.ndarray:
    return boson.coordinates(points) if _of_boson(dataset, frame) else physical(points, dataset)


def _transformed(values: np.ndarray, known: Sequence[Column]) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        forward = [column.transform.forward(value) for column, value in zip(known, values.T, strict=False)]
    return np.stack(forward, axis=-1)


def _outside(values: np.ndarray, known: Sequence[Column]) -> np.ndarray:
    """Which events have a number at or beyond the end of what its transform knows."""
    beyond = [
        (value <= column.transform.low) | (value >= column.transform.high)
        for column, value in zip(known, values.T, strict=True)
        if isinstance(column.transform, Probit)
    ]
    return np.any(beyond, axis=0) if beyond else np.zeros(len(values), dtype=bool)


def _jets(values: np.ndarray) -> int:
    """How many jets have so many columns; of no meaning where there are none."""
    return (values.shape[1] - 5) // 4


def jet_condition(jets: np.ndarray) -> np.ndarray:
    """The number of jets as three numbers (event, 3), one of them 1: the condition of the first network of a chain."""
    return (np.asarray(jets)[:, None] == np.arange(1, MOST_JETS + 1)).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Seen:
    """What a discriminator sees of an event: its features, the observables of `HIDDEN` standardised on training events, the condition."""

    features: Features
    names: tuple[str, ...]
    mean: np.ndarray
    width: np.ndarray

    @classmethod
    def fit(cls, features: Features, points: np.ndarray) -> Seen:
        """Means and widths of the observables of these events."""
        known = observables(features.dataset, jets=_jets(features.mean[None]))
        names = tuple(name for name in HIDDEN.get(features.dataset, ()) if name in known)
        values = _observed(points, features.dataset, names)
        return cls(features, names, np.nanmean(values, axis=0), np.nanstd(values, axis=0))

    def __len__(self) -> int:
        return len(self.features) + len(self.names)

    def __call__(self, features: np.ndarray, condition: np.ndarray) -> np.ndarray:
        """Inputs (event, input); 0 for those of jets that are not there."""
        hidden = (_observed(self.features.points(features), self.features.dataset, self.names) - self.mean) / self.width
        whole = np.nan_to_num(np.concatenate([features, hidden, condition], axis=1), posinf=FARTHEST, neginf=-FARTHEST)
        return np.clip(whole, -FARTHEST, FARTHEST).astype(np.float32)


def _observed(points: np.ndarray, dataset: str, names: tuple[str, ...]) -> np.ndarray:
    known = observables(dataset) if names else {}
    return np.stack([known[name].values(points) for name in names], axis=-1) if names else np.zeros((len(points), 0))
