"""Pages: the only place that imports panel. Nothing here trains, and nothing here imports torch."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.studios.server.door import Door
    from workbench.studios.server.house import House

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
    from workbench.studios.server.house import HOME
    from workbench.studios.server.server import serve

    serve(port, host, show, runs, door=door, house=house or HOME)


def studio(name: str = "", *, runs: str | os.PathLike[str] | None = None, height: int = 860) -> Any:
    """A page that displays in a notebook cell, and opens in a browser at its `url`.

    *Arguments*: name of a family, by default the first one; runs, the folder with the run folders; height in pixels.
    *Raises*: ValueError for an unknown name.
    """
    from workbench.studios.notebook.cell import PAGES, StudioCell

    name = name or next(iter(PAGES))
    if name not in PAGES:
        near = difflib.get_close_matches(str(name), PAGES, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no studio {str(name)[:60]!r}: one of {', '.join(PAGES)} is needed.{hint}")
    return StudioCell(name, runs, height)
