"""Z + jets seen from the Z: coordinates in which what is sharp is a number of its own, and what is smooth is nearly independent.

    muons    M_μμ ,  p_T,μμ ,  rapidity y ,  cos θ and φ of the μ⁻ in the rest frame of the pair
    jet 1    p_T ,  η ,  azimuth from the direction opposite to the pair ,  m
    jet n    (p_T,n − c)/(p_T,n−1 − c) from 0 to 1 ,  η and azimuth from jet 1, times ρ/R ,  m ;   c = 19.99 GeV

R is the distance from jet 1, and dρ² = g dR² from ρ = 0 at R = r, so that the hole of radius r shrinks to a point, to ρ = π at R = π.
Beyond π nothing may move, because an azimuth ends there. Areas grow by g, one number in each of `RINGS`: as jets crowd from 0.45 to 0.8,
which is narrow for a flow, g is larger there, and they are about equally dense in the plane of ρ.

The rest frame is that of Collins and Soper: boosted along the beam to y = 0, then against p_T,μμ, which points along x. The density of
these numbers is that of (p_T, η, Δφ, m) of the particles, divided by

    2 p_T,1 p_T,2 v₁ v₂ / (β M p_T,μμ) · Π_n g(R_n)/(p_T,n−1 − c) ,    v = |p⃗|/E ,  β = √(1 − 4m²/M²) ,

because d³p₁/E₁ d³p₂/E₂ = β/2 dcosθ dφ M dM p_T dp_T dφ_μμ dy.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.physics.collisions import JET_CUTS, MUON_MASS
from workbench.physics.kinematics import boost, boost_z, delta_r, eta, four_momentum, mass, momentum, phi, pt, signed_delta_phi

START = JET_CUTS.pt - 0.01
"""c in GeV: a little below the cut, so that a jet at the cut has a finite feature."""
RADIUS = JET_CUTS.distance - 1e-3
"""r, a little below the cut, too."""
RINGS = (RADIUS, 0.42, 0.44, 0.46, 0.5, 0.7, 0.8, 1.0, 1.3, math.pi)
"""Distances R at which g steps."""
_DENSITY = (0.7, 1.4, 1.8, 2.2, 2.3, 1.8, 1.2, 1.05, 0.95)
"""Of second jets in each ring, over their mean inside of π, in 20,000 events. Other numbers would be as exact, and learned less easily."""
_AREAS = np.diff(np.square(RINGS))
GROWTH = np.append(np.array(_DENSITY) * math.pi**2 / np.dot(_DENSITY, _AREAS), 1.0)
"""g of each ring, and beyond."""
_BEFORE, _AFTER = np.square(RINGS), np.append(0.0, np.cumsum(GROWTH[:-1] * _AREAS))
"""R² and ρ² at the steps."""
VERSION = 2
"""Of this map, raised when it changes: weights that were trained with another one would draw wrong events."""


def coordinates(momenta: np.ndarray) -> np.ndarray:
    """Those of events (event, 2 + jets, 4) in GeV, as (event, 5 + 4 jets); NaN for jets that are not there."""
    pair = momenta[:, 0] + momenta[:, 1]
    across, invariant = pt(pair), mass(pair)
    rapidity = np.arcsinh(pair[:, 3] / np.hypot(across, invariant))
    at_rest = boost(boost_z(_turned(momenta[:, 0], -phi(pair)), -rapidity), _frame(invariant, -across))
    found = [invariant, across, rapidity, at_rest[:, 3] / momentum(at_rest), phi(at_rest)]
    first = momenta[:, 2]
    for n in range(2, momenta.shape[1]):
        jet = momenta[:, n]
        if n == 2:
            found += [pt(jet), eta(jet), signed_delta_phi(-pair, jet), mass(jet)]
        else:
            share = (pt(jet) - START) / (pt(momenta[:, n - 1]) - START)
            found += [share, *closed(eta(jet) - eta(first), signed_delta_phi(first, jet)), mass(jet)]
    return np.stack(found, axis=-1)


def momenta(values: np.ndarray, azimuth: np.ndarray | float = 0.0) -> np.ndarray:
    """Inverse of `coordinates`; `azimuth` is that of the first muon."""
    invariant, across, rapidity, cosine, angle = values[:, :5].T
    sine, size = np.sqrt(np.maximum(1 - cosine**2, 0.0)), _size(invariant)
    direction = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], axis=-1)
    back = [np.concatenate([invariant[:, None] / 2, sign * size[:, None] * direction], axis=1) for sign in (1.0, -1.0)]
    made = [boost_z(boost(one, _frame(invariant, across)), rapidity) for one in back]
    for n, (share, along, turn, own) in enumerate(np.moveaxis(values[:, 5:].reshape(len(values), -1, 4), 0, -1)):
        if n == 0:
            transverse, first = share, (along, math.pi + turn)
            made.append(four_momentum(transverse, along, math.pi + turn, own))
        else:
            transverse = START + share * (transverse - START)
            along, turn = opened(along, turn)
            made.append(four_momentum(transverse, first[0] + along, first[1] + turn, own))
    return np.stack([_turned(one, azimuth - phi(made[0])) for one in made], axis=1)


def log_jacobian(momenta: np.ndarray) -> np.ndarray:
    """ln |∂ coordinates / ∂ (p_T, η, Δφ, m) of the particles| of events (event); jets that are not there count nothing."""
    pair, muons, jets = momenta[:, 0] + momenta[:, 1], momenta[:, :2], momenta[:, 2:-1]
    invariant = mass(pair)
    own = (pt(muons) * momentum(muons) / muons[..., 0]).prod(axis=1)
    there = ~np.isnan(momenta[:, 3:, 0])
    steps = np.where(there, np.log(np.where(there, pt(jets), START + 1.0) - START), 0.0)
    ring = np.searchsorted(RINGS, delta_r(momenta[:, 2:3], momenta[:, 3:]), "right") - 1
    growth = np.where(there, np.log(GROWTH)[np.clip(ring, 0, len(RINGS) - 1)], 0.0)
    return np.log(own / (_size(invariant) * pt(pair))) - steps.sum(axis=1) + growth.sum(axis=1)


def closed(along: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Δη and Δφ without the hole; infinite inside of it."""
    distance = np.hypot(along, turn)
    factor = np.where(distance < math.pi, np.sqrt(np.interp(distance**2, _BEFORE, _AFTER)) / np.maximum(distance, RADIUS), 1.0)
    inside = distance <= RADIUS
    return np.where(inside, np.inf, factor * along), np.where(inside, np.inf, factor * turn)


def opened(along: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `closed`."""
    distance = np.maximum(np.hypot(along, turn), 1e-12)
    factor = np.where(distance < math.pi, np.sqrt(np.interp(distance**2, _AFTER, _BEFORE)) / distance, 1.0)
    return factor * along, factor * turn


def _size(invariant: np.ndarray) -> np.ndarray:
    """|p⃗| of the muons in the rest frame of the pair, β M/2."""
    return np.sqrt(np.maximum(invariant**2 / 4 - MUON_MASS**2, 0.0))


def _frame(invariant: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The four-momentum of something with this mass and this momentum along x."""
    nothing = np.zeros_like(invariant)
    return np.stack([np.hypot(invariant, across), across, nothing, nothing], axis=-1)


def _turned(p: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """p turned around the beam."""
    x, y = np.cos(angle) * p[..., 1] - np.sin(angle) * p[..., 2], np.sin(angle) * p[..., 1] + np.cos(angle) * p[..., 2]
    return np.stack([p[..., 0], x, y, p[..., 3]], axis=-1)
