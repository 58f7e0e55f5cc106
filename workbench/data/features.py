"""The bridge between events and the networks that learn their density; both directions, with the Jacobian.

    muon, parton   ln p_T ,  η ,  artanh(Δφ/π′)
    jet            ln(p_T − 20 GeV + 0.01 GeV) ,  η ,  artanh(Δφ/π′) ,  ln m
    toy            x ,  y ,  or, of a ramp whose edges are known, Φ⁻¹(x) ,  Φ⁻¹(y)
    boson          the coordinates of `physics.boson`, of which M_μμ, angles and shares are made Gaussian

each minus its mean, divided by its width. Δφ is counted from the first particle, whose own azimuth is left out: nothing depends on it.
Masses of muons and partons are known. So z_jets has 9, 13 or 17 features with 1, 2 or 3 jets, tt_partons 17. π′ is a millionth larger
than π, so that back-to-back particles have finite features.

    ln p(physical) = ln p(features) + log_jacobian ,   physical: p_T and m in GeV, η, Δφ of the same particles

Features of jets that an event does not have are NaN: one fit serves every network of a chain over jet multiplicities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from workbench.physics.collisions import JET_CUTS, MOST_JETS
from workbench.physics.coordinates import Column, Probit
from workbench.physics.datasets import DATASETS
from workbench.physics.datasets.dataset import Frame
from workbench.physics.datasets.known import KNOWN
from workbench.physics.kinematics import eta, four_momentum, mass, pt, signed_delta_phi
from workbench.physics.observables import observables

FARTHEST = 10.0
"""Widths from the mean beyond which a discriminator sees no difference."""
STAGES = {1: slice(0, 9), 2: slice(9, 13), 3: slice(13, 17)}
"""The features that each network of a chain over jet multiplicities makes, given those before."""


@cache
def columns(dataset: str, jets: int = MOST_JETS, edges: str = "learned", frame: str = "particles") -> tuple[Column, ...]:
    """The coordinates of a dataset, with so many jets where it has jets; `edges` of the unit square may be "known", and `frame` one of
    the dataset's own."""
    return KNOWN[dataset].columns(jets, edges, frame)


def physical(points: np.ndarray, dataset: str) -> np.ndarray:
    """The coordinates of `columns` (event, feature), of momenta (event, particle, 4) in GeV or toy points (event, 2)."""
    if not KNOWN[dataset].masses:
        return points
    table = np.stack([pt(points), eta(points), signed_delta_phi(points[:, :1], points), mass(points)], axis=-1)
    return table.reshape(len(points), -1)[:, _places(dataset, points.shape[1] - 2)]


def events(coordinates: np.ndarray, dataset: str, azimuth: np.ndarray | float = 0.0) -> np.ndarray:
    """Inverse of `physical`: momenta (event, particle, 4) in GeV, or points; `azimuth` is that of the first particle."""
    if not KNOWN[dataset].masses:
        return coordinates
    places = _places(dataset, (coordinates.shape[1] - 5) // 4)
    table = np.zeros((len(coordinates), places[-1] // 4 + 1, 4))
    masses = KNOWN[dataset].masses
    table[:, : len(masses), 3] = masses
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
        if edges == "known" and DATASETS[dataset].square and (outside := ((points <= 0) | (points >= 1)).any(axis=1)).any():
            raise ValueError(
                f"{outside.sum():,} of {len(points):,} points are not inside of the unit square; leave them out, or learn the edges."
            )
        raw = _coordinates(points, dataset, frame)
        known = columns(dataset, _jets(raw), edges, frame)
        if (own := _frame(dataset, frame)) and (outside := _outside(raw, known)).any():
            raise ValueError(
                f"{outside.sum():,} of {len(raw):,} events have no place in the coordinates of the {frame}: {own.needs}; choose particles."
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
        if own := _frame(self.dataset, self.frame):
            return own.momenta(np.stack(back, axis=-1), azimuth)
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
        own = _frame(self.dataset, self.frame)
        return found + own.log_jacobian(points) if own else found


def _frame(dataset: str, frame: str) -> Frame | None:
    """Coordinates of a dataset that are not those of its particles one by one."""
    return KNOWN[dataset].frames.get(frame)


def _coordinates(points: np.ndarray, dataset: str, frame: str) -> np.ndarray:
    own = _frame(dataset, frame)
    return own.coordinates(points) if own else physical(points, dataset)


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
    """What a discriminator sees of an event: its features, the `hidden` observables standardised on training events, the condition."""

    features: Features
    names: tuple[str, ...]
    mean: np.ndarray
    width: np.ndarray

    @classmethod
    def fit(cls, features: Features, points: np.ndarray) -> Seen:
        """Means and widths of the observables of these events."""
        known = observables(features.dataset, jets=_jets(features.mean[None]))
        names = tuple(name for name in KNOWN[features.dataset].hidden if name in known)
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
