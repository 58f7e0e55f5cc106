"""Jets in files: netCDF 4, which is HDF5, with as many constituents as there are.

    jet_momentum (jet, coordinate)      p_T [GeV], η, φ, mass [GeV]
    label, count, first (jet)           1 top, 0 QCD; how many constituents, and where the first lies
    pt, delta_eta, delta_phi, kind (constituent)

Numbers of constituents keep 10 bits of their mantissa, a relative error below 4.9e-4, far below any detector's; angles are relative to the
jet's axis, which is what makes that harmless. 100,000 jets take some 35 MB.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.saving import replaced
from workbench.families.taggers.jets import Jets

BITS = 10
"""Of the mantissa that are kept."""
PORTION = 65_536
"""Numbers that are packed at once."""
COORDINATES = ("pt", "eta", "phi", "mass")
ABOUT = {
    "jet_momentum": {"long_name": "p_T [GeV], η, φ, mass [GeV] of the jet"},
    "label": {"long_name": "1: top jet, 0: QCD jet"},
    "pt": {"units": "GeV", "long_name": "transverse momentum of the constituent"},
    "delta_eta": {"long_name": "η of the constituent minus that of the jet"},
    "delta_phi": {"long_name": "φ of the constituent minus that of the jet"},
    "kind": {"long_name": "0: unknown, 1: track, 2: photon, 3: neutral hadron"},
    "first": {"long_name": "place of the jet's hardest constituent"},
    "count": {"long_name": "number of the jet's constituents"},
}


def rounded(jets: Jets) -> Jets:
    """The same jets with numbers that are kept as they are."""
    return replace(jets, **{name: rounded_numbers(getattr(jets, name)) for name in ("pt", "delta_eta", "delta_phi")})


def rounded_numbers(values: np.ndarray) -> np.ndarray:
    """The nearest numbers with so many bits, in 32."""
    dropped = 23 - BITS
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + np.uint32(1 << (dropped - 1))) & np.uint32(2**32 - (1 << dropped))).view(np.float32)


def encode(jets: Jets, **attributes: Any) -> bytes:
    """The bytes of a file."""
    import h5netcdf

    jets = rounded(jets.packed())
    columns: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "jet_momentum": (("jet", "coordinate"), jets.momentum.astype(np.float32)),
        "label": (("jet",), jets.label),
        "first": (("jet",), jets.first.astype(np.int64)),
        "count": (("jet",), jets.count.astype(np.int32)),
        **{name: (("constituent",), getattr(jets, name)) for name in ("pt", "delta_eta", "delta_phi", "kind")},
    }
    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        file.dimensions = {"jet": len(jets), "coordinate": len(COORDINATES), "constituent": len(jets.pt)}
        file.attrs.update(attributes)
        for name, (axes, values) in columns.items():
            packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True, "chunks": _chunks(values.shape)} if values.size else {}
            made = file.create_variable(name, axes, values.dtype, **packed)
            made[...] = values
            made.attrs.update(ABOUT[name])
    return buffer.getvalue()


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (min(shape[0], PORTION), *shape[1:])


def decode(data: bytes | memoryview) -> tuple[Jets, dict[str, Any]]:
    """The jets of a file that `encode` wrote, and its attributes."""
    import h5py

    with h5py.File(io.BytesIO(data)) as file:
        attributes = {name: value for name, value in file.attrs.items() if not name.startswith("_")}
        momentum, count = file["jet_momentum"][()], file["count"][()].astype(np.int64)
        columns = {name: file[name][()] for name in ("label", "first", "pt", "delta_eta", "delta_phi", "kind")}
    return Jets(momentum=momentum, count=count, **columns), attributes


def save_jets(path: str | os.PathLike[str], jets: Jets, **attributes: Any) -> Path:
    """Write jets so that `read_jets` reads them, and `file=path` of a recipe; the attributes stay with them.

    Returns: the absolute path. A file of that name is replaced when the new one is whole.
    Raises: ValueError in one sentence; OSError when the file cannot be written.
    """
    path = Path(path).expanduser().absolute()
    if path.suffix.lower() not in (".h5", ".hdf5", ".nc"):
        raise ValueError(f"{path.name} says no format that jets are written in: an end in .h5, .hdf5 or .nc is needed.")
    return replaced(path, encode(jets, **attributes))
