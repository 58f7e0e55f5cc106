"""What networks see of jets: numbers of order one, in 32 bits, zero where there is no constituent.

    seven per constituent, as ParT:    0.7 (ln p_T − 1.7), 0.7 (ln E − 2), 0.7 (ln p_T/p_T,jet + 4.7), 0.7 (ln E/E_jet + 4.7),
                                       4 (ΔR − 0.2), Δη, Δφ                                              with p_T and E in GeV
    aligned angles:                    relative to the p_T centroid, principal axis vertical, more p_T above and to the right
    image:                             shares of p_T on a grid of aligned angles
    the jet as a whole:                2 (ln m − 4.7), 10 (ln p_T − 6.4), (n − 40)/20

Sources: arXiv:2202.03772 (ParT); arXiv:1803.00107 (centring, rotation, flips).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workbench.families.taggers.jets import MOST_CONSTITUENTS, Jets

HALF_WIDTH = 1.0
"""Images reach so far from their centre."""


def constituent_tensors(jets: Jets, constituents: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """p_T [GeV], Δη, Δφ of the hardest constituents (jet, constituents), and where there is one."""
    found, there = jets.padded(constituents)
    pt, delta_eta, delta_phi = torch.from_numpy(found).unbind(dim=-1)
    return pt, delta_eta, delta_phi, torch.from_numpy(there)


def particle_features(jets: Jets, constituents: int) -> Tensor:
    """The seven numbers of each constituent (jet, constituents, 7)."""
    pt, delta_eta, delta_phi, there = constituent_tensors(jets, constituents)
    whole, eta = torch.from_numpy(jets.momentum[:, :2]).unsqueeze(-1).unbind(dim=1)
    log_pt = pt.clamp(min=1e-6).log()
    log_energy = log_pt + (eta + delta_eta).cosh().log()
    jet_energy = torch.from_numpy(jets.energy).float().unsqueeze(-1)
    columns = [
        0.7 * (log_pt - 1.7),
        0.7 * (log_energy - 2),
        0.7 * (log_pt - whole.log() + 4.7),
        0.7 * (log_energy - jet_energy.log() + 4.7),
        4 * (torch.hypot(delta_eta, delta_phi) - 0.2),
        delta_eta,
        delta_phi,
    ]
    return torch.where(there.unsqueeze(-1), torch.stack(columns, dim=-1), 0.0)


def jet_features(jets: Jets) -> Tensor:
    """The jet as a whole (jet, 3): mass, p_T and number of constituents."""
    pt, mass = (torch.from_numpy(quantity).clamp(min=1.0) for quantity in (jets.pt_jet, jets.mass))
    count = torch.from_numpy(jets.count).to(pt.dtype)
    return torch.stack([2 * (mass.log() - 4.7), 10 * (pt.log() - 6.4), (count - 40) / 20], dim=-1)


def align(pt: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Angles (jet, constituent, 2) after centring, rotation and flips, which are the same for jets that were turned, mirrored or moved.

    Constituents without p_T count nowhere; what comes out for them is zero.
    """
    share = pt / pt.sum(dim=1, keepdim=True).clamp(min=1e-12)
    x, y = (angle - (share * angle).sum(dim=1, keepdim=True) for angle in (x, y))
    xx, yy, xy = ((share * product).sum(dim=1, keepdim=True) for product in (x * x, y * y, x * y))
    turn = torch.atan2(2 * xy, xx - yy) / 2
    u, v = x * turn.sin() - y * turn.cos(), x * turn.cos() + y * turn.sin()
    u, v = (angle * torch.where((share * angle.sign()).sum(dim=1, keepdim=True) < 0, -1.0, 1.0) for angle in (u, v))
    return torch.where(pt.unsqueeze(-1) > 0, torch.stack([u, v], dim=-1), 0.0)


def aligned(jets: Jets, constituents: int) -> Tensor:
    """Aligned angles of each constituent (jet, constituents, 2)."""
    pt, delta_eta, delta_phi, _ = constituent_tensors(jets, constituents)
    return align(pt, delta_eta, delta_phi)


def image(jets: Jets, constituents: int, pixels: int = 24) -> Tensor:
    """Shares of p_T on a grid of aligned angles (jet, row, column); the first row is the lowest, the first column the leftmost."""
    pt, delta_eta, delta_phi, _ = constituent_tensors(jets, constituents)
    return pixelated(pt, align(pt, delta_eta, delta_phi), pixels)


def pixelated(pt: Tensor, angles: Tensor, pixels: int) -> Tensor:
    """Shares of p_T on a grid of angles (jet, row, column); what lies outside it is in no pixel."""
    column, row = ((angles + HALF_WIDTH) * (pixels / 2 / HALF_WIDTH)).floor().long().unbind(dim=-1)
    inside = (column >= 0) & (column < pixels) & (row >= 0) & (row < pixels)
    share = pt / pt.sum(dim=1, keepdim=True).clamp(min=1e-12)
    place = torch.where(inside, row * pixels + column, 0)
    grid = torch.zeros(len(pt), pixels * pixels, dtype=pt.dtype)
    return grid.scatter_add(1, place, torch.where(inside, share, 0.0)).unflatten(1, (pixels, pixels))


def average_image(jets: Jets, pixels: int = 40, constituents: int = MOST_CONSTITUENTS) -> np.ndarray:
    """The mean of the images of jets (row, column), for figures."""
    return image(jets, constituents, pixels).mean(dim=0).numpy()
