"""Pages: the only place that imports panel. Nothing here trains, and nothing here imports torch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.studios.door import Door
    from workbench.studios.house import House

__all__ = ["serve", "studio"]


def serve(
    port: int = 5006,
    host: str = "127.0.0.1",
    show: bool = True,
    runs: str | os.PathLike[str] | None = None,
    *,
    door: Door | None = None,
    house: House | None = None,
) -> None:
    """Serve the pages until interrupted.

    *Arguments*: port, 0 for any free one; show, open a browser; runs, the folder with the run folders; door and house, for a class: who may
    come in, and what students may do.
    *Raises*: OSError in one sentence, when the port is taken, or the host is not this computer itself and there is no token.
    """
    from workbench.studios.house import HOME
    from workbench.studios.server import serve

    serve(port, host, show, runs, door=door, house=house or HOME)


def studio(name: str = "amplitudes", *, runs: str | os.PathLike[str] | None = None) -> Any:
    """A page as an object that displays in a notebook cell.

    *Raises*: ValueError for an unknown name.
    """
    from workbench.studios.amplitudes import Amplitudes
    from workbench.studios.generators import Generators

    known: dict[str, Any] = {"amplitudes": Amplitudes, "generators": Generators}
    if name not in known:
        raise ValueError(f"There is no studio {name!r}: one of {', '.join(known)} is needed.")
    return known[name](runs=runs)
