"""HDF5 files that would read others, or claim to be enormous."""

from __future__ import annotations

import h5py
import numpy as np

SECRET = b"private" * 10_000


def numbers(file, leave=""):
    """A file of 300 right shapes, less one dataset."""
    for name, shape in (("momenta", (300, 5, 4)), ("amplitude", (300,))):
        if name != leave:
            file[name] = np.ones(shape)


def elsewhere(tmp_path):
    """A file with something private in it."""
    (tmp_path / "private.bin").write_bytes(SECRET)
    with h5py.File(tmp_path / "private.h5", "w") as file:
        numbers(file)
    return tmp_path


def attack_external_link(file, folder):
    numbers(file, "momenta")
    file["momenta"] = h5py.ExternalLink(str(folder / "private.h5"), "momenta")


def attack_soft_link(file, folder):
    numbers(file, "momenta")
    file["other"] = h5py.ExternalLink(str(folder / "private.h5"), "/")
    file["momenta"] = h5py.SoftLink("/other/momenta")


def attack_external_storage(file, folder):
    numbers(file, "amplitude")
    file.create_dataset("amplitude", (300,), "f8", external=[(str(folder / "private.bin"), 0, 2400)])


def attack_virtual(file, folder):
    numbers(file, "momenta")
    layout = h5py.VirtualLayout((300, 5, 4), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "private.h5"), "momenta", (300, 5, 4))
    file.create_virtual_dataset("momenta", layout)


def attack_cycle(file, folder):
    numbers(file, "momenta")
    file["momenta"] = file["/"]
    file["again/and/again"] = file["/"]


def attack_size(file, folder):
    numbers(file, "momenta")
    file.create_dataset("momenta", (50_000_000_000, 5, 4), "f8", chunks=(1_000, 5, 4))
    del file["amplitude"]
    file.create_dataset("amplitude", (50_000_000_000,), "f8", chunks=(1_000,))


def attack_declared(file, folder):
    file.create_dataset("momenta", (4_000_000, 5, 4), "f8", chunks=(1_000, 5, 4), fillvalue=1.0)
    file.create_dataset("amplitude", (4_000_000,), "f8", chunks=(1_000,), fillvalue=1.0)


def attack_compressed(file, folder):
    file.create_dataset("momenta", data=np.ones((100_000, 5, 4)), compression="gzip", compression_opts=9)
    file.create_dataset("amplitude", data=np.ones(100_000), compression="gzip")


def attack_twice_compressed(file, folder):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((1_000, 5, 4))
    made.set_deflate(9)
    made.set_deflate(9)
    space = h5py.h5s.create_simple((10_000, 5, 4))
    h5py.Dataset(h5py.h5d.create(file.id, b"momenta", h5py.h5t.NATIVE_DOUBLE, space, made))[...] = 1.0
    file["amplitude"] = np.ones(10_000)


def attack_filter(file, folder):
    numbers(file, "amplitude")
    file.create_dataset("amplitude", data=np.ones(300), scaleoffset=3)


def attack_type(file, folder):
    numbers(file, "amplitude")
    file.create_dataset("amplitude", (300,), h5py.vlen_dtype(np.float64))


def attack_many(file, folder):
    for number in range(3_000):
        file.create_group(f"group{number}")


ATTACKS = {
    attack_external_link: "'momenta' is a link to elsewhere",
    attack_soft_link: "'momenta' is a link to elsewhere",
    attack_external_storage: "the data of 'amplitude' are in another file",
    attack_virtual: "the data of 'momenta' are in another file",
    attack_cycle: "has 'momenta' as a group; a dataset is needed",
    attack_size: "declares 50,000,000,000 events in 'momenta'; at most 5,000,000 are read",
    attack_declared: "'momenta' declares 640,000,000 bytes but holds 0",
    attack_compressed: "'momenta' declares 16,000,000 bytes but holds",
    attack_twice_compressed: "'momenta' declares 1,600,000 bytes but holds",
    attack_filter: "'amplitude' is stored with filter 6",
    attack_type: "has 'amplitude' of the type object; numbers are needed",
    attack_many: "has no dataset 'momenta'",
}
