"""Events, made here or by a job: they are then in the data folder, which all nodes see, and everybody is served from there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data import catalogue
from workbench.home import runs_folder

from .cluster import Cluster, cluster_of
from .errand import answer, asked, errand_folder, send
from .files import in_words

if TYPE_CHECKING:
    import xarray


def make_dataset(*what: Any, on: Cluster | str | None = None, say: Callable[[str], None] = lambda _: None, **how: Any) -> xarray.Dataset:
    given = inspect.signature(catalogue.make_dataset).bind(*what, **how).arguments
    if on is None:
        return catalogue.make_dataset(**given)
    if not given.get("cache", True):
        raise ValueError("cache = False is not possible for events that a job makes: they are read from the data folder.")
    cluster = cluster_of(on)
    asked_for = {name: value for name, value in given.items() if name not in ("cache", "progress")}
    with errand_folder(runs_folder().absolute(), asked_for) as folder:
        found = send(cluster, "making", folder, say=say)
    if problem := found["problem"]:
        raise ValueError(problem)
    return catalogue.make_dataset(**given)


_usual, _own = inspect.signature(catalogue.make_dataset), inspect.signature(make_dataset).parameters
make_dataset.__signature__ = _usual.replace(parameters=[*_usual.parameters.values(), _own["on"], _own["say"]])  # type: ignore[attr-defined]
make_dataset.__doc__ = (catalogue.make_dataset.__doc__ or "").replace(
    "\n    Raises: ValueError for an impossible request;",
    "        on: a cluster, or the name of one in clusters.toml, whose job makes and keeps them; they are read here from the data folder.\n"
    "        say: hears what is waited for meanwhile.\n\n"
    "    Raises: ValueError for an impossible request; RunError when the job comes to nothing;",
)


def main() -> int:
    """`python -m workbench.runs.making FOLDER`, on the node."""
    folder, problem = Path(sys.argv[1]), ""
    try:
        catalogue.make_dataset(**asked(folder), progress=lambda *_: None)
    except (ValueError, OSError) as met:
        problem = in_words(met)
    answer(folder, {"problem": problem})
    return 0


if __name__ == "__main__":
    sys.exit(main())
