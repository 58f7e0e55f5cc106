"""The total cross section of a trained network over phase space, beside the exact one at the same points.

    σ = 1/(2ŝ) ∫dΦ |M|² = 1/(2ŝ) · Φ · (share of points inside the cuts) · ⟨|M|²⟩ inside the cuts

|M|² is averaged over initial states and has the 1/2 for identical particles in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.data.catalogue import make_dataset
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.amplitudes.surrogate import Surrogate
from workbench.physics import phase_space, two_jets
from workbench.physics.amplitudes import PARTICLES
from workbench.results.integral import integral
from workbench.threads import one_thread

PICOBARN = 3.893793721e8
"""GeV⁻² in pb: (ħc)²."""
TRIES, TRIES_SEED = 400_000, 2**32 - 3
"""Points that say which share lies inside the cuts, to some per mille: the same factor for network and truth."""
PORTION = 1_024
MOST_EVENTS = 200_000
SEED = 1_000
"""How far the seed of the points is from that of the training."""

Progress = Callable[[float, str], None]


def cross_section(
    recipe: AmplitudeRecipe, surrogate: Surrogate, events: int, seed: int | None = None, progress: Progress | None = None
) -> xr.Dataset:
    """See `Run.integrate`. Raises: ValueError in one sentence."""
    if isinstance(events, bool) or events != int(events) or not 100 <= events <= MOST_EVENTS:
        raise ValueError(f"events = {events!r} is not possible: a whole number from 100 to {MOST_EVENTS:,} is needed.")
    if recipe.file or recipe.beams != "fixed":
        met = "its own file" if recipe.file else "proton beams"
        raise ValueError(f"This network was trained on events of {met}; the cross section is known for beams of fixed energy only.")
    seed = recipe.data_seed + SEED if seed is None else seed
    points = make_dataset(recipe.process, int(events), seed, sqrt_s=recipe.sqrt_s, progress=progress)
    momenta = points["momenta"].values
    outputs = [_draws(surrogate, momenta[first : first + PORTION]) for first in range(0, len(momenta), PORTION)]
    mean, sigma = (np.concatenate(part, axis=1) for part in zip(*outputs, strict=True))
    columns = {"mean": (("draw", "event"), mean), "sigma_syst": (("draw", "event"), sigma)}
    found = integral(xr.Dataset({**columns, "amplitude_true": ("event", points["amplitude"].values)}))
    exact = PICOBARN * flux_and_volume(recipe.process, recipe.sqrt_s) * float(points["amplitude"].mean())
    scaled = {name: (found[name] * exact).assign_attrs(found[name].attrs | {"units": "pb"}) for name in found if name != "monte_carlo"}
    pb = {"units": "pb"}
    return xr.Dataset(
        {"exact": ((), exact, pb), "exact_error": ((), exact * float(found["monte_carlo"]), pb), **scaled},
        attrs={"points": len(momenta), "seed": seed, "process": recipe.process, "sqrt_s": recipe.sqrt_s},
    )


def flux_and_volume(process: str, sqrt_s: float) -> float:
    """Φ/(2ŝ) inside the cuts, in GeV^(2n − 6) for n final particles."""
    final = len(PARTICLES[process]) - 2
    flat: Any = phase_space.flat_events if final == 3 else two_jets.flat_events
    inside = len(flat(TRIES, np.random.default_rng(TRIES_SEED), sqrt_s=sqrt_s)) / TRIES
    return inside * phase_space.volume(final, sqrt_s) / (2 * sqrt_s**2)


@torch.no_grad()
def _draws(surrogate: Surrogate, momenta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with one_thread():
        value, sigma = surrogate.draws(torch.tensor(momenta, device=surrogate.rows.device))
    return value.cpu().numpy(), sigma.cpu().numpy()
