"""Four-vectors (E, px, py, pz) in GeV, metric (+,−,−,−). Arrays are (*batch, 4), or (*batch, particle, 4) where several particles enter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

ROUNDING = float(np.finfo(float).eps)


def dot(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p·q = E_p E_q − p⃗·q⃗, in GeV²."""
    return p[..., 0] * q[..., 0] - (p[..., 1:] * q[..., 1:]).sum(axis=-1)


def mass(p: np.ndarray) -> np.ndarray:
    """Invariant mass √(E² − |p⃗|²), in GeV; 0 where rounding made the square negative."""
    return np.sqrt(dot(p, p).clip(min=0.0))


def momentum(p: np.ndarray) -> np.ndarray:
    """|p⃗|, in GeV."""
    return np.sqrt((p[..., 1:] ** 2).sum(axis=-1))


def pt(p: np.ndarray) -> np.ndarray:
    """Transverse momentum, in GeV."""
    return np.hypot(p[..., 1], p[..., 2])


def eta(p: np.ndarray) -> np.ndarray:
    """Pseudorapidity η = arsinh(p_z / p_T); ±∞ along the beam."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.arcsinh(p[..., 3] / pt(p))


def phi(p: np.ndarray) -> np.ndarray:
    """Azimuth, from −π to π."""
    return np.arctan2(p[..., 2], p[..., 1])


def delta_phi(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Angle between the transverse momenta, from 0 to π."""
    cross = p[..., 1] * q[..., 2] - p[..., 2] * q[..., 1]
    return np.arctan2(np.abs(cross), p[..., 1] * q[..., 1] + p[..., 2] * q[..., 2])


def delta_r(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """ΔR = √(Δη² + Δφ²)."""
    return np.hypot(eta(p) - eta(q), delta_phi(p, q))


def boost_z(p: np.ndarray, rapidity: np.ndarray | float) -> np.ndarray:
    """p seen from a frame that moves along −z, so that rapidities grow by `rapidity` (one number per momentum, or one for all)."""
    plus, minus = (p[..., 0] + p[..., 3]) * np.exp(rapidity), (p[..., 0] - p[..., 3]) * np.exp(-np.asarray(rapidity))
    return np.stack([(plus + minus) / 2, p[..., 1], p[..., 2], (plus - minus) / 2], axis=-1)


def boost(p: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """p, given in the rest frame of a massive four-momentum `frame` (*batch, 4), seen where that has this momentum."""
    invariant = mass(frame)[..., None]
    velocity, gamma = frame[..., 1:] / invariant, frame[..., :1] / invariant
    along = (p[..., 1:] * velocity).sum(axis=-1, keepdims=True)
    return np.concatenate([gamma * p[..., :1] + along, p[..., 1:] + velocity * (p[..., :1] + along / (1 + gamma))], axis=-1)


def massless(momenta: np.ndarray) -> np.ndarray:
    """The same three-momenta with E = |p⃗|."""
    return np.concatenate([momentum(momenta)[..., None], momenta[..., 1:]], axis=-1)


def log_invariants(momenta: np.ndarray) -> np.ndarray:
    """ln(p_i·p_j / GeV²) of all pairs i < j of massless momenta (*batch, particle, 4), as (*batch, pair): ten for five
    particles, fifteen for six.

    p_i·p_j = E_i E_j |n_i − n_j|²/2 with directions n: small angles keep their digits, where E_i E_j − p⃗_i·p⃗_j would lose them. Momenta
    in exactly the same direction, as files of few digits have them, are as far apart as the rounding of a direction.
    """
    energy, direction = momenta[..., 0], momenta[..., 1:] / momenta[..., :1]
    first, second = np.array(list(combinations(range(momenta.shape[-2]), 2))).T
    opening = ((direction[..., first, :] - direction[..., second, :]) ** 2).sum(axis=-1)
    return np.log(energy[..., first] * energy[..., second] * np.maximum(opening, ROUNDING**2) / 2)


def ordered(momenta: np.ndarray, exchanges: Sequence[tuple[int, int, tuple[int, ...]]]) -> np.ndarray:
    """Momenta (*batch, particle, 4) with identical legs in one order: a and b change places where Σ p_a·p_c > Σ p_b·p_c over some legs c.

    Any function of them is exactly symmetric under every exchange. Inside of one order it is as smooth as before, and its points are twice
    as dense for each pair.
    """
    for a, b, others in exchanges:
        first, second = (sum(dot(momenta[..., leg, :], momenta[..., c, :]) for c in others) for leg in (a, b))
        legs = np.arange(momenta.shape[-2])
        legs[[a, b]] = b, a
        momenta = np.where(np.asarray(first > second)[..., None, None], momenta[..., legs, :], momenta)
    return momenta


def parity_odd(momenta: np.ndarray) -> np.ndarray:
    """ε(p₁,p₂,p₃,p₅), of six particles ε(p₁,p₂,p₃,p₄), in GeV⁴, of massless momenta (*batch, particle, 4): changes sign under reflection.

    The determinant of the four rows (E, px, py, pz), as E_i E_j E_k E_l (n_j−n_i)·((n_k−n_i)×(n_l−n_i)), the volume of the directions,
    exact to rounding also for planar events. Of five particles all other choices of four legs give ± the same number, by momentum
    conservation. Of six they differ, but one is enough: the product of any two is a polynomial in the invariants (a Gram determinant). This
    one, of incoming particles and photons, only changes sign when identical particles are exchanged.
    """
    legs = momenta[..., [0, 1, 2, 4 if momenta.shape[-2] == 5 else 3], :]
    direction = legs[..., 1:] / legs[..., :1]
    a, b, c = (direction[..., leg, :] - direction[..., 0, :] for leg in (1, 2, 3))
    return legs[..., 0].prod(axis=-1) * (a * np.cross(b, c)).sum(axis=-1)


def four_momentum(pt: np.ndarray, eta: np.ndarray, phi: np.ndarray, mass: np.ndarray | float) -> np.ndarray:
    """(*batch, 4) in GeV from transverse momentum and mass in GeV, pseudorapidity and azimuth."""
    x, y, z = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([np.sqrt(x**2 + y**2 + z**2 + np.square(mass)), x, y, z], axis=-1)


def signed_delta_phi(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """φ_q − φ_p, from −π to π."""
    cross, along = p[..., 1] * q[..., 2] - p[..., 2] * q[..., 1], p[..., 1] * q[..., 1] + p[..., 2] * q[..., 2]
    return np.arctan2(cross, along)
