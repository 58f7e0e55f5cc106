"""HDF5 files: read with any names, groups and units; refused at once where they are hostile."""

from __future__ import annotations

import time

import numpy as np
import pytest
from attacks import ATTACKS, elsewhere
from own import problem, same

from workbench.data import cache
from workbench.data.files import load_file


def test_hdf5_plain_compressed_and_single_precision(events, hdf5):
    def fill(file, **options):
        file.create_dataset("momenta", data=events.momenta, **options)
        file.create_dataset("amplitude", data=events.amplitude, **options)

    assert same(load_file(hdf5(fill)), events)
    assert same(load_file(hdf5(lambda file: fill(file, compression="gzip", shuffle=True, fletcher32=True))), events)
    assert same(load_file(hdf5(lambda file: fill(file, compression="lzf", chunks=True))), events)
    assert same(load_file(hdf5(lambda file: fill(file, dtype=">f4"))), events, rtol=1e-6)


def test_datasets_made_by_workbench_and_by_xarray_are_read(events, tmp_path):
    path = tmp_path / "made.h5"
    path.write_bytes(cache.encode(events.to_dataset()))
    assert same(load_file(path), events)
    events.to_dataset().to_netcdf(tmp_path / "made.nc", engine="h5netcdf")
    assert same(load_file(tmp_path / "made.nc"), events)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_s2_hostile_hdf5_is_refused_at_once_naming_the_object(attack, hdf5, tmp_path, slowdown):
    """S2: external links and storage, virtual datasets, cycles, bombs, 3,000 groups: the sentence names the object, after less than 2 s."""
    path = hdf5(lambda file: attack(file, elsewhere(tmp_path)))
    start = time.perf_counter()
    assert ATTACKS[attack] in problem(path)
    seconds = time.perf_counter() - start
    assert seconds < 2 or seconds < 2 * slowdown()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p, a: {"momenta": p[:, :4], "amplitude": a}, "has momenta of the shape (300, 4, 4); (event, 5, 4) is needed"),
        (
            lambda p, a: {"momenta": p.reshape(300, 20)[:, 1:], "amplitude": a},
            "has momenta of the shape (300, 19); (event, 5, 4) is needed",
        ),
        (lambda p, a: {"momenta": p, "amplitude": a[:-1]}, "has 300 momenta but amplitudes of the shape (299,); (300,) is needed"),
        (lambda p, a: {"momenta": p, "amplitute": a}, "has no dataset 'amplitude' (rename 'amplitute'?); it has amplitute, momenta"),
        (
            lambda p, a: {"momenta": p, "amplitude": np.array(["x"] * 300, dtype="S1")},
            "has 'amplitude' of the type |S1; numbers are needed",
        ),
        (lambda p, a: {"momenta": p, "amplitude": np.where(a == a[6], -1, a)}, "has amplitude = -1 in row 7"),
        (lambda p, a: {"momenta": p[:0], "amplitude": a[:0]}, "has no events"),
    ],
)
def test_hdf5_of_the_wrong_form_is_refused(change, sentence, events, hdf5):
    assert sentence in problem(hdf5(lambda file: file.update(change(events.momenta, events.amplitude))))
