"""Events that a job makes: they are then in the data folder, which lies where all nodes see it, and everybody is served from there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.data import catalogue
from workbench.home import runs_folder

from .cluster import Cluster, cluster_of
from .errand import answer, asked, errand_folder, send
from .files import in_words


def make_dataset(on: Cluster | str, *, say: Callable[[str], None] = lambda _: None, **what: Any) -> Any:
    """`wb.make_dataset(**what)`, made by a job on a cluster and read here from the data folder.

    Raises: ValueError for an impossible request; RunError when the job comes to nothing; OSError.
    """
    cluster = cluster_of(on)
    with errand_folder(runs_folder().absolute(), what) as folder:
        found = send(cluster, "making", folder, say=say)
    if problem := found["problem"]:
        raise ValueError(problem)
    return catalogue.make_dataset(**what)


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
