"""Exact squared amplitudes, one file per process."""

from __future__ import annotations

import difflib
import importlib
import sys
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import torch

PROCESSES = {"gg_yyg": "gg → γγg at one loop"}
PARTICLES = {"gg_yyg": ("g1", "g2", "y1", "y2", "g3")}
"""Names of the particles of each process, two incoming ones first."""
TYPES = {"gg_yyg": (0, 0, 1, 1, 2)}
"""Particles with the same number are identical: exchanging their momenta leaves the amplitude as it is."""


def check_process(process: str) -> str:
    """The process, if its amplitude is known.

    Raises: ValueError naming the processes and the nearest one.
    """
    if process in PROCESSES:
        return process
    near = difflib.get_close_matches(str(process), PROCESSES, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no process {str(process)[:40]!r}.{hint} The processes are: {', '.join(PROCESSES)}.")


@overload
def squared_amplitude(process: str, momenta: np.ndarray) -> np.ndarray: ...
@overload
def squared_amplitude(process: str, momenta: torch.Tensor) -> torch.Tensor: ...
def squared_amplitude(process: str, momenta: Any) -> Any:
    """|M|² in GeV^(8 − 2n) of momenta (*batch, n, 4) in GeV, as (*batch): exact, in 64 bits.

    Components are (E, px, py, pz), the two incoming particles first, all energies positive. Torch tensors are computed where they live and
    give torch tensors; anything else gives numpy arrays.

    Raises: ValueError for an unknown process or a wrong shape.
    """
    check_process(process)
    # who has no torch yet, or is just importing it in another thread, has no tensors
    tensor = isinstance(momenta, getattr(sys.modules.get("torch"), "Tensor", ()))
    values = momenta if tensor else np.asarray(momenta, dtype=np.float64)
    particles = len(PARTICLES[process])
    if values.ndim < 2 or tuple(values.shape[-2:]) != (particles, 4):
        raise ValueError(f"The momenta of {process} have the shape (…, {particles}, 4), not {tuple(values.shape)}.")
    amplitude = importlib.import_module(f"{__name__}.{process}").squared_amplitude
    if tensor:
        return amplitude(values)
    import torch

    with torch.no_grad():
        return amplitude(torch.from_numpy(np.require(values, requirements=["C", "W"]))).numpy()
