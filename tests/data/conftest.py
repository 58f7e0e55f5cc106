"""Events as files of the user's own."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from workbench.data.events import Events
from workbench.data.files import columns
from workbench.physics.amplitudes import gg_yygg
from workbench.physics.phase_space import flat_events


@pytest.fixture(scope="module")
def events() -> Events:
    rng = np.random.default_rng(4)
    return Events(flat_events(400, rng)[:300], np.exp(rng.normal(-18, 1, 300)))


@pytest.fixture
def table(events) -> np.ndarray:
    """A row per event: E1, …, pz5, amplitude."""
    return np.column_stack([events.momenta.reshape(300, 20), events.amplitude])


@pytest.fixture
def write(tmp_path):
    """Writes rows as CSV, with a header unless told otherwise."""

    def write(table, *, header=True, delimiter=",", digits=17, name="mine.csv"):
        path = tmp_path / name
        names = header if isinstance(header, str) else delimiter.join(columns("gg_yyg")) if header else ""
        np.savetxt(path, table, delimiter=delimiter, header=names, comments="", fmt=f"%.{digits}g")
        return path

    return write


@pytest.fixture
def hdf5(tmp_path):
    """Writes an HDF5 file by a function of the open file."""

    def write(fill, name="mine.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            fill(file)
        return tmp_path / name

    return write


@pytest.fixture
def two_jets() -> Events:
    """Three hundred events with six particles."""
    points = gg_yygg.shipped()
    return Events(points.momenta[:300], points.amplitude[:300], "gg_yygg")
