"""Jets: what a tagger looks at. Each has a momentum, a label and as many constituents as it has, hardest first.

    p_i = p_T,i (cosh η_i, cos φ_i, sin φ_i, sinh η_i),    η_i = η_jet + Δη_i,    φ_i = φ_jet + Δφ_i        (massless)

Constituents of all jets lie one behind the other (`pt`, `delta_eta`, `delta_phi`, `kind`); jet j has those from `first[j]` on, `count[j]`
of them. A part of jets, `jets[:100]` or `jets[order]`, looks at the same constituents. Beside this file:

    features.particle_features(jets, constituents)      (jet, constituent, 7)   what ParT sees of a constituent; zero where there is none
    features.aligned(jets, constituents)                (jet, constituent, 2)   angles after centring, rotation and flips
    features.image(jets, constituents, pixels=24)       (jet, pixel, pixel)     shares of p_T, aligned
    features.jet_features(jets)                         (jet, 3)                mass, p_T, number of constituents
    features.average_image(jets)                        (pixel, pixel)          numpy, for figures

all torch tensors in 32 bits but the last. `jets.padded(constituents)` and `jets.momenta(constituents)` are numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

MOST_CONSTITUENTS = 128
"""Of a jet that is kept: at the level of the detector nothing visible is lost."""
UNKNOWN, TRACK, PHOTON, NEUTRAL_HADRON = range(4)
"""Kinds of constituents."""
QCD, TOP = range(2)
"""Labels."""


@dataclass(frozen=True)
class Jets:
    """momentum (jet, 4): p_T [GeV], η, φ, mass [GeV]; label (jet): 1 top, 0 QCD; first, count (jet): where its constituents lie; pt [GeV],
    delta_eta, delta_phi relative to the jet's axis and kind (constituent): 1 track, 2 photon, 3 neutral hadron, 0 unknown."""

    momentum: np.ndarray
    label: np.ndarray
    first: np.ndarray
    count: np.ndarray
    pt: np.ndarray
    delta_eta: np.ndarray
    delta_phi: np.ndarray
    kind: np.ndarray

    @classmethod
    def of(
        cls,
        label: np.ndarray,
        count: np.ndarray,
        pt: np.ndarray,
        eta: np.ndarray,
        phi: np.ndarray,
        kind: np.ndarray | None = None,
        momentum: np.ndarray | None = None,
    ) -> Jets:
        """Jets from constituents one behind the other, in any order within a jet, with angles of the laboratory.

        Arguments:
            label, count: (jet); pt [GeV], eta, phi, kind: (constituent), kind unknown when it is not given.
            momentum: (jet, 4) p_T, η, φ, mass; the sum of the massless constituents when it is not given.
        """
        count = np.asarray(count, dtype=np.int64)
        jet = np.repeat(np.arange(len(count)), count)
        pt, eta, phi = (np.asarray(values, dtype=np.float64) for values in (pt, eta, phi))
        if momentum is None:
            momentum = _sum(jet, len(count), pt, eta, phi)
        order = np.lexsort((-pt, jet))
        axis = np.asarray(momentum, dtype=np.float64)[jet]
        kind = np.zeros(len(pt)) if kind is None else kind
        return cls(
            momentum=np.asarray(momentum, dtype=np.float32),
            label=np.asarray(label, dtype=np.uint8),
            first=np.cumsum(count) - count,
            count=count,
            pt=pt[order].astype(np.float32),
            delta_eta=(eta - axis[:, 1])[order].astype(np.float32),
            delta_phi=wrapped(phi - axis[:, 2])[order].astype(np.float32),
            kind=np.asarray(kind, dtype=np.uint8)[order],
        )

    @classmethod
    def joined(cls, parts: list[Jets]) -> Jets:
        """The jets of all parts, one behind the other."""
        packed = [part.packed() for part in parts]
        shifts = np.cumsum([0, *(len(part.pt) for part in packed)])[:-1]
        columns = {name: np.concatenate([getattr(part, name) for part in packed]) for name in cls.__dataclass_fields__ if name != "first"}
        return cls(**columns, first=np.concatenate([part.first + shift for part, shift in zip(packed, shifts, strict=True)]))

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, part: int | slice | np.ndarray) -> Jets:
        """Some of the jets: a slice, a mask, places, or one place."""
        return replace(
            self,
            **{name: np.atleast_1d(getattr(self, name)[part]) for name in ("label", "first", "count")},
            momentum=self.momentum[part].reshape(-1, 4),
        )

    def ordered(self) -> Jets:
        """The same jets, packed, with the hardest constituents first."""
        own = self.packed()
        order = np.lexsort((-own.pt, np.repeat(np.arange(len(own)), own.count)))
        return replace(own, **{name: getattr(own, name)[order] for name in ("pt", "delta_eta", "delta_phi", "kind")})

    def packed(self, most: int | None = None) -> Jets:
        """The same jets without constituents of others, and at most so many of their own."""
        count = self.count if most is None else np.minimum(self.count, most)
        first = np.cumsum(count) - count
        places = np.repeat(self.first - first, count) + np.arange(count.sum())
        kept = {name: getattr(self, name)[places] for name in ("pt", "delta_eta", "delta_phi", "kind")}
        return replace(self, first=first, count=count, **kept)

    def padded(self, constituents: int) -> tuple[np.ndarray, np.ndarray]:
        """(p_T, Δη, Δφ) of the hardest constituents (jet, constituents, 3) in 32 bits, zero where there is none, and where there is one
        (jet, constituents)."""
        there = np.arange(constituents) < self.count[:, None]
        found = np.zeros((*there.shape, 3), dtype=np.float32)
        places = (self.first[:, None] + np.arange(constituents))[there]
        for column, values in enumerate((self.pt, self.delta_eta, self.delta_phi)):
            found[there, column] = values[places]
        return found, there

    def momenta(self, constituents: int) -> np.ndarray:
        """(E, px, py, pz) [GeV] of the hardest constituents (jet, constituents, 4) in 32 bits, massless; zero where there is none."""
        found, _ = self.padded(constituents)
        pt, eta, phi = np.moveaxis(found, -1, 0)
        eta, phi = eta + self.momentum[:, 1:2], phi + self.momentum[:, 2:3]
        return pt[..., None] * np.stack([np.cosh(eta), np.cos(phi), np.sin(phi), np.sinh(eta)], axis=-1)

    @property
    def pt_jet(self) -> np.ndarray:
        """Transverse momenta of the jets, in GeV."""
        return self.momentum[:, 0]

    @property
    def mass(self) -> np.ndarray:
        """Masses of the jets, in GeV."""
        return self.momentum[:, 3]

    @property
    def energy(self) -> np.ndarray:
        """Energies of the jets, in GeV, in 64 bits: a mass is a small difference."""
        pt, eta, _, mass = self.momentum.T.astype(np.float64)
        return np.sqrt(np.square(pt * np.cosh(eta)) + np.square(mass))

    def shift_energy(self, scale: float | np.ndarray) -> Jets:
        """The same jets with all momenta `scale` times as large, one number for all or one for each jet."""
        factor = np.broadcast_to(np.asarray(scale, dtype=np.float32), (len(self),))
        ones, own = np.ones_like(factor), self.packed()
        momentum = self.momentum * np.stack([factor, ones, ones, factor], axis=-1)
        return replace(own, momentum=momentum, pt=own.pt * np.repeat(factor, own.count))


def wrapped(phi: np.ndarray) -> np.ndarray:
    """The angle between −π and π."""
    return (phi + np.pi) % (2 * np.pi) - np.pi


def massless(pt: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, ...]:
    """E, px, py, pz."""
    return pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)


def cylinder(energy: np.ndarray, px: np.ndarray, py: np.ndarray, pz: np.ndarray) -> np.ndarray:
    """(p_T, η, φ, mass) of four-momenta; where all components are zero, so are these."""
    pt = np.hypot(px, py)
    mass = np.sqrt(np.maximum(energy**2 - pt**2 - pz**2, 0))
    return np.stack([pt, np.arcsinh(pz / np.where(pt > 0, pt, 1)), np.arctan2(py, px), mass], axis=-1)


def _sum(jet: np.ndarray, jets: int, pt: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """(p_T, η, φ, mass) of the sums of massless constituents; of a jet without any all are zero."""
    return cylinder(*(np.bincount(jet, weights=part, minlength=jets) for part in massless(pt, eta, phi)))
