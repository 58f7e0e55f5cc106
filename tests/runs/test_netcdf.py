"""Our netCDF4 is everybody's netCDF4, and hostile HDF5 is refused before anything is read from elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from workbench.runs import netcdf
from workbench.runs.files import Damaged, with_trailer


def dataset() -> xr.Dataset:
    generator = np.random.default_rng(1)
    momenta = generator.normal(size=(3, 5, 4))
    data = {
        "momenta": (("event", "particle", "component"), momenta, {"units": "GeV"}),
        "mean": (("draw", "event"), generator.normal(size=(2, 3)).astype("f4"), {"long_name": "⟨A⟩"}),
        "count": ("event", np.array([1, 2, 3], dtype="i8")),
        "name": ("particle", ["g1", "g2", "γ1", "γ2", "g3"]),
        "temperature": 1.5,
    }
    coords = {"component": ["E", "px", "py", "pz"], "draw": [4, 7], "step": 12, "seconds": 0.5}
    return xr.Dataset(data, coords=coords, attrs={"recipe": "{}", "made": "2026-01-01", "number": 3})


def test_what_is_encoded_is_decoded_and_read_by_xarray_alike():
    groups = {"/": xr.Dataset(attrs={"run": "a"}), "/reports": dataset().isel(event=slice(2)), "/prediction/test": dataset()}
    data = netcdf.encode(groups)
    decoded = netcdf.decode(data, "run.nc")
    for name, group in groups.items():
        assert decoded[name].identical(group)
        read = xr.open_dataset(io.BytesIO(data), engine="h5netcdf", group=name).load()
        assert read.identical(group) and read.sizes == group.sizes


def test_many_attributes_and_empty_dimensions_survive():
    wide = xr.Dataset({"a": ("x", np.zeros(0), {f"k{i}": "v" * i for i in range(40)})}, attrs={f"k{i}": i for i in range(40)})
    assert netcdf.decode(netcdf.encode({"/": wide}), "x")["/"].identical(wide)


@given(arrays.arrays(st.sampled_from(["f4", "f8", "i4", "i8", "u1"]), arrays.array_shapes(max_dims=3, max_side=4)))
def test_every_array_comes_back_to_the_bit(values: np.ndarray):
    item = xr.Dataset({"a": ([f"d{i}" for i in range(values.ndim)], values)})
    assert netcdf.decode_arrays(netcdf.encode({"/": item}), "x")["a"].tobytes() == values.tobytes()


def test_every_truncation_and_every_flipped_bit_is_noticed():
    data = bytearray(netcdf.encode({"/": dataset()}))
    for place in range(0, len(data), 97):
        data[place] ^= 1 << place % 8
        with pytest.raises(Damaged, match=r"^x\.nc is damaged"):
            netcdf.decode(bytes(data), "x.nc")
        data[place] ^= 1 << place % 8
        with pytest.raises(Damaged, match=r"^x\.nc is damaged"):
            netcdf.decode(bytes(data[:place]), "x.nc")
    netcdf.decode(bytes(data), "x.nc")


def hostile(tmp_path: Path, what: str) -> bytes:
    (tmp_path / "secret").write_bytes(b"secret" * 100)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.arange(10.0)
    path = tmp_path / "bad.nc"
    with h5py.File(path, "w") as file:
        if what == "external link":
            file["a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")
        elif what == "soft cycle":
            file.create_group("g")["again"] = h5py.SoftLink("/g")
        elif what == "hard cycle":
            group = file.create_group("g")
            group["again"] = group
        elif what == "external data":
            file.create_dataset("a", (10,), "f8", external=[(str(tmp_path / "secret"), 0, 80)])
        elif what == "virtual":
            layout = h5py.VirtualLayout((10,), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", (10,))
            file.create_virtual_dataset("a", layout)
        elif what == "declared only":
            file.create_dataset("a", (10**12,), "f8", chunks=(1024,))
        elif what == "contiguous, declared only":
            file.create_dataset("a", (10**9,), "f8")
        elif what == "gzip bomb":
            file.create_dataset("a", data=np.zeros(10**6), compression="gzip")
        elif what == "many groups":
            for number in range(1_000):
                file.create_group(f"g{number}")
    return with_trailer(path.read_bytes())


HOSTILE = [
    "external link", "soft cycle", "hard cycle", "external data", "virtual", "declared only", "contiguous, declared only",
    "gzip bomb", "many groups",
]  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, what: str):
    data = hostile(tmp_path, what)
    for read in (netcdf.decode, netcdf.decode_arrays):
        with pytest.raises(Damaged, match=r"^x\.nc is "):
            read(data, "x.nc")


def test_a_generator_with_all_its_histograms_comes_back():
    many = xr.Dataset({f"nuisance_density_{k}": (f"bin_{k}", np.arange(3.0)) for k in range(130)})
    assert netcdf.decode(netcdf.encode({"/": many}), "run.nc")["/"].identical(many)
