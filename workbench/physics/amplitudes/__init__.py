"""Exact squared amplitudes, one file per process."""

from __future__ import annotations

import difflib
import importlib
import sys
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import torch

PROCESSES = {"gg_yyg": "gg → γγg at one loop", "gg_yygg": "gg → γγgg at one loop, one more jet"}
PARTICLES = {"gg_yyg": ("g1", "g2", "y1", "y2", "g3"), "gg_yygg": ("g1", "g2", "y1", "y2", "g3", "g4")}
"""Names of the particles of each process, two incoming ones first."""
TYPES = {"gg_yyg": (0, 0, 1, 1, 2), "gg_yygg": (0, 0, 1, 1, 2, 2)}
"""Particles with the same number are identical: exchanging their momenta leaves the amplitude as it is."""
EXCHANGES = {"gg_yyg": ((0, 1, (4,)), (2, 3, (4,))), "gg_yygg": ((0, 1, (4, 5)), (2, 3, (4, 5)), (4, 5, (2, 3)))}
"""The whole symmetry of amplitudes that are even under reflection: pairs of identical legs a, b, with the legs c that tell them apart, in
order when Σ p_a·p_c ≤ Σ p_b·p_c. The order of a pair must not depend on that of another."""
RADIATED = {"gg_yyg": (4,), "gg_yygg": (4, 5)}
"""Outgoing gluons j, with which |M|² grows about as Π 1/(s_1j s_2j) where they are soft or close to a beam."""
SHIPPED = {"gg_yygg": 600}
"""Processes of which so many exact points of another program are shipped: a request for no more of them gives these."""
WITH_NUMPY = ("gg_yygg",)
"""Processes computed by numpy; the others by torch."""
COUPLED = {"wbf_h": ("f_W", "f_WW", "f_T", "lines")}
"""Processes whose amplitude depends on couplings, and these: their events are for inference, not for regression."""


def check_process(process: str) -> str:
    """The process, if its amplitude is known.

    Raises: ValueError naming the processes and the nearest one.
    """
    if process in PROCESSES:
        return process
    near = difflib.get_close_matches(str(process), [*PROCESSES, *COUPLED], n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no process {str(process)[:40]!r}.{hint} The processes are: {', '.join([*PROCESSES, *COUPLED])}.")


def units(process: str) -> str:
    """The unit of |M|²: GeV^(8 − 2n) for n particles."""
    return f"GeV^{8 - 2 * len(PARTICLES[check_process(process)])}"


@overload
def squared_amplitude(process: str, momenta: np.ndarray, **couplings: Any) -> np.ndarray: ...
@overload
def squared_amplitude(process: str, momenta: torch.Tensor, **couplings: Any) -> torch.Tensor: ...
def squared_amplitude(process: str, momenta: Any, **couplings: Any) -> Any:
    """|M|² in GeV^(8 − 2n) of momenta (*batch, n, 4) in GeV, as (*batch): exact, in 64 bits.

    Components are (E, px, py, pz), the two incoming particles first, all energies positive. Torch tensors are computed where they live and
    give torch tensors; anything else gives numpy arrays. "gg_yygg" is computed by numpy, wherever a tensor lives, and has no gradient. Of
    "wbf_h", numpy only, the couplings f_W, f_WW and f_T in TeV⁻² may be arrays that broadcast over the events, and `lines` is
    "quark-quark" or "quark-antiquark".

    Raises: ValueError for an unknown process, an option that it does not have, or a wrong shape.
    """
    known = COUPLED.get(process, ())
    if unknown := [name for name in couplings if name not in known]:
        have = f"it has {', '.join(known)}" if known else "its amplitude has no couplings to choose"
        raise ValueError(f"{str(process)[:40]} has no option {unknown[0]!r}; {have}.")
    if process in COUPLED:
        return importlib.import_module(f"{__name__}.{process}").squared_amplitude(momenta, **couplings)
    check_process(process)
    # who has no torch yet, or is just importing it in another thread, has no tensors
    tensor = isinstance(momenta, getattr(sys.modules.get("torch"), "Tensor", ()))
    values = momenta if tensor else np.asarray(momenta, dtype=np.float64)
    particles = len(PARTICLES[process])
    if values.ndim < 2 or tuple(values.shape[-2:]) != (particles, 4):
        raise ValueError(f"The momenta of {process} have the shape (…, {particles}, 4), not {tuple(values.shape)}.")
    amplitude = importlib.import_module(f"{__name__}.{process}").squared_amplitude
    if process in WITH_NUMPY:
        return _like(momenta, amplitude(momenta.detach().cpu().numpy())) if tensor else amplitude(values)
    if tensor:
        return amplitude(values)
    import torch

    with torch.no_grad():
        return amplitude(torch.from_numpy(np.require(values, requirements=["C", "W"]))).numpy()


def _like(tensor: torch.Tensor, values: np.ndarray) -> torch.Tensor:
    """Values as a 64-bit tensor where another one lives."""
    import torch

    return torch.from_numpy(values).to(tensor.device)
