"""q q′ → q q′ H by the fusion of two W bosons, with two CP-even operators and a CP-odd one: |M|² in closed form.

    i g m_W { g^μν [1 − f_W m_H²/2 + 2 f_WW q₁·q₂] + q₂^μ q₁^ν [f_W − 2 f_WW] + f_T ε^{μνρσ} q₁_ρ q₂_σ }        (f means f/Λ²)

is the vertex of two W with momenta q₁ = p₁ − p₃ and q₂ = p₂ − p₄ into it, between the conserved currents J₁, J₂ of massless quarks. With
A = J₁·J₂, B = (J₁·q₂)(J₂·q₁), C = ε(J₁,J₂,q₁,q₂), α = −f_W m_H²/2 + 2 f_WW q₁·q₂ and β = f_W − 2 f_WW

    |M|² = N { (1+α)²|A|² + 2(1+α)β Re AB* + β²|B|² + 2(1+α) f_T Re AC* + 2β f_T Re BC* + f_T²|C|² }
    N    = (1/4) (g²/2)² (g m_W)² / ((t₁ − m_W²)² (t₂ − m_W²)²)

a polynomial of second order in θ = (f_W, f_WW, f_T): ten numbers per event, `components`, give |M|² for any θ as c·m(θ). Averaged over
spins and colours of the incoming quarks, summed over the outgoing ones; CKM matrix 1, W width 0. One quark line and one antiquark line:
p₂ ↔ −p₄. Two antiquark lines: as two quark lines.

Neglected: fusion of Z and photons, which the operators change too, and its interference with that of W between equal flavours; associated
production; the decay of the Higgs; shifts of the input parameters; higher orders.

Convention: ε(p₁,p₂,p₃,p₄) = −det[p₁;p₂;p₃;p₄], that is ε₀₁₂₃ = −1. f in TeV⁻².
"""

from __future__ import annotations

import math

import numpy as np

MASS_W, MASS_H = 80.379, 125.0
"""In GeV."""
FERMI = 1.1663787e-5
"""G_F in GeV⁻²."""
G_SQUARED = 8 * FERMI * MASS_W**2 / math.sqrt(2)
PER_GEV2 = 1e-6
"""TeV⁻² in GeV⁻²."""
COUPLINGS = ("f_W", "f_WW", "f_T")
MONOMIALS = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 0, 0), (1, 1, 0), (0, 2, 0), (0, 0, 2), (1, 0, 1), (0, 1, 1))
"""Powers of f_W, f_WW and f_T that belong to the ten components."""
LINES = ("quark-quark", "quark-antiquark")


def squared_amplitude(
    momenta: np.ndarray,
    *,
    f_W: np.ndarray | float = 0.0,
    f_WW: np.ndarray | float = 0.0,
    f_T: np.ndarray | float = 0.0,
    lines: str = "quark-quark",
) -> np.ndarray:
    """|M|² in GeV⁻² of momenta (*batch, 5, 4) in GeV of p₁ p₂ → p₃ p₄ H; f in TeV⁻², numbers or arrays that broadcast over the events.

    Raises: ValueError for other lines, wrong shapes.
    """
    theta = np.stack(np.broadcast_arrays(*(np.asarray(f, dtype=np.float64) for f in (f_W, f_WW, f_T))), axis=-1)
    return (components(momenta, lines) * monomials(theta)).sum(axis=-1)


def monomials(theta: np.ndarray) -> np.ndarray:
    """m(θ) (*batch, 10) of θ = (f_W, f_WW, f_T) (*batch, 3) in TeV⁻²: 1, f_W, f_WW, f_T, f_W², f_W f_WW, f_WW², f_T², f_W f_T, f_WW f_T."""
    return np.prod(np.asarray(theta, dtype=np.float64)[..., None, :] ** np.array(MONOMIALS), axis=-1)


def components(momenta: np.ndarray, lines: str = "quark-quark") -> np.ndarray:
    """The ten coefficients c (*batch, 10) of |M|² = c·m(θ), in GeV⁻² times the power of TeV² that belongs to each monomial.

    The first is the Standard Model's |M|²; c_i/c_0 of the three linear ones is the joint score of an event at θ = 0, apart from the rate.
    Momenta (*batch, 5, 4) in GeV: incoming p₁, p₂, outgoing p₃ from p₁, p₄ from p₂, and the Higgs, in any frame. `lines`: "quark-quark"
    also for two antiquarks; "quark-antiquark" for one of each.

    Raises: ValueError for other lines, wrong shapes.
    """
    if lines not in LINES:
        raise ValueError(f"lines = {str(lines)[:40]!r} is not possible: one of {', '.join(LINES)} is needed.")
    momenta = np.asarray(momenta, dtype=np.float64)
    if momenta.ndim < 2 or momenta.shape[-2:] != (5, 4):
        raise ValueError(f"The momenta of wbf_h have the shape (…, 5, 4), not {momenta.shape}.")
    p1, p2, p3, p4 = (momenta[..., leg, :] for leg in range(4))
    s12, s34 = 2 * massless_dot(p1, p2), 2 * massless_dot(p3, p4)
    u14, u23 = -2 * massless_dot(p1, p4), -2 * massless_dot(p2, p3)
    t1, t2 = -2 * massless_dot(p1, p3), -2 * massless_dot(p2, p4)
    e = -volume(p1, p2, p3, p4)
    if lines == "quark-antiquark":
        s12, u14, s34, u23, e = u14, s12, u23, s34, -e
    normalisation = G_SQUARED / 4 * (G_SQUARED / 2) ** 2 * MASS_W**2 / ((t1 - MASS_W**2) ** 2 * (t2 - MASS_W**2) ** 2)
    q1q2 = (s12 + s34 + u14 + u23) / 2
    aa = 4 * s12 * s34
    ab = (s12 + s34) * (s12 * s34 + u14 * u23 - t1 * t2) + 2 * s12 * s34 * (u14 + u23)
    bb = (t1 * t2 - (s12 + u14) * (s34 + u23)) * (t1 * t2 - (s12 + u23) * (s34 + u14))
    ac = 4 * (s12 + s34) * e
    cc = t1 * t2 * (s12**2 + s34**2 + 2 * u14 * u23 - t1 * t2) - (s12 * s34 - u14 * u23) ** 2
    bc = 2 * e * (s12**2 + s34**2 + (s12 + s34) * (u14 + u23) + 2 * u14 * u23 - 2 * t1 * t2)
    a_w, a_ww = -(MASS_H**2) / 2, 2 * q1q2  # α = a_w f_W + a_ww f_WW, β = f_W − 2 f_WW
    zero, linear, square = 1.0, PER_GEV2, PER_GEV2**2
    found = [
        zero * aa,
        linear * (2 * a_w * aa + 2 * ab),
        linear * (2 * a_ww * aa - 4 * ab),
        linear * 2 * ac,
        square * (a_w**2 * aa + 2 * a_w * ab + bb),
        square * (2 * a_w * a_ww * aa + 2 * (a_ww - 2 * a_w) * ab - 4 * bb),
        square * (a_ww**2 * aa - 4 * a_ww * ab + 4 * bb),
        square * cc,
        square * (2 * a_w * ac + 2 * bc),
        square * (2 * a_ww * ac - 4 * bc),
    ]
    return np.stack(found, axis=-1) * normalisation[..., None]


def massless_dot(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """p·q of massless momenta in GeV², E_p E_q |n_p − n_q|²/2 with their directions n: small angles keep their digits."""
    n, m = p[..., 1:] / p[..., :1], q[..., 1:] / q[..., :1]
    return p[..., 0] * q[..., 0] * ((n - m) ** 2).sum(axis=-1) / 2


def volume(p1: np.ndarray, p2: np.ndarray, p3: np.ndarray, p4: np.ndarray) -> np.ndarray:
    """det[p₁;p₂;p₃;p₄] of massless momenta in GeV⁴, as E₁E₂E₃E₄ times the volume of their directions."""
    first = p1[..., 1:] / p1[..., :1]
    a, b, c = (p[..., 1:] / p[..., :1] - first for p in (p2, p3, p4))
    return p1[..., 0] * p2[..., 0] * p3[..., 0] * p4[..., 0] * (a * np.cross(b, c)).sum(axis=-1)
