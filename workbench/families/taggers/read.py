"""The user's own jets: the public landscape set, JetClass, or what `save_jets` wrote, read by a process with limits."""

from __future__ import annotations

import os

import numpy as np

from workbench.data.files import load_jets
from workbench.families.taggers.jets import MOST_CONSTITUENTS, Jets


def read_jets(path: str | os.PathLike[str], *, to_train: bool = True) -> Jets:
    """The jets of a file, each with its 128 hardest constituents.

    HDF5 of the landscape: columns E_0, PX_0, PY_0, PZ_0, …, is_signal_new, as pandas writes them. ROOT of JetClass: its tree, of which jets
    with label_Tbqq or label_QCD are taken. Our own: `save_jets`. At most 300,000 jets are read, from all parts of a file.

    Arguments: `to_train`: refuse a file with few jets, or with those of one label only.
    Raises: ValueError with one sentence naming the file. Warns: FileNote with one sentence.
    """
    found = load_jets(path, to_train)
    momentum, label, count = found["momentum"], found["label"], found["count"].astype(np.int64)
    if "delta_eta" in found:
        columns = {name: found[name] for name in ("pt", "delta_eta", "delta_phi", "kind")}
        jets = Jets(momentum, label, np.cumsum(count) - count, count, **columns).ordered()
    else:
        jets = Jets.of(label, count, found["pt"], found["eta"], found["phi"], found["kind"], momentum)
    return jets.packed(MOST_CONSTITUENTS)
