"""Events written to a file that is read again, with the same numbers: HDF5, CSV, numpy or Parquet, by the end of its name."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.events import COMPONENTS, Events, checked_weight
from workbench.data.samples import Sample

Arrays = dict[str, np.ndarray]


def save_events(
    path: str | os.PathLike[str], momenta: Any = None, amplitude: Any = None, *, points: Any = None, weight: Any = None
) -> Path:
    """Write events so that `file=path` of a recipe reads them: the numbers come back as they are.

    Arguments:
        path: ends in .h5, .csv, .csv.gz, .npy, .npz or .parquet, which says the format.
        momenta: (event, particle, 4), or flat (event, 4 × particle), as E, px, py, pz in GeV; nan for jets that are not there.
        amplitude: (event,), squared amplitudes in powers of GeV; none for generators.
        points: (event, 2), instead of momenta, for a density in the plane.
        weight: (event,), how much each event counts.

    Returns: the absolute path. A file of that name is replaced when the new one is whole.
    Raises: ValueError in one sentence; OSError when the file cannot be written.
    """
    path = Path(path).expanduser().absolute()
    ending = next((ending for ending in WRITERS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise ValueError(f"{path.name} says no format that is written: an end in {', '.join(WRITERS)} is needed.")
    return replaced(path, WRITERS[ending](_arrays(momenta, amplitude, points, weight)))


def replaced(path: Path, data: bytes) -> Path:
    """The path, with a file there that holds the data: the former one stays until the new one is whole. Raises: OSError."""
    torn = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        torn.write_bytes(data)
        os.replace(torn, path)
    finally:
        with contextlib.suppress(OSError):
            torn.unlink(missing_ok=True)
    return path


def save(path: str | os.PathLike[str], events: Events | Sample) -> Path:
    """The same for events as they are read. Raises: as `save_events`."""
    if isinstance(events, Events):
        return save_events(path, events.momenta, events.amplitude, weight=events.weight)
    points = {"points" if events.points.ndim == 2 else "momenta": events.points}
    return save_events(path, **points, weight=events.weight)


def _arrays(momenta: Any, amplitude: Any, points: Any, weight: Any) -> Arrays:
    """The arrays by name, 64-bit, each with as many events. Raises: ValueError."""
    if (momenta is None) == (points is None):
        raise ValueError("Either momenta or points are needed.")
    name, main = ("momenta", momenta) if points is None else ("points", points)
    found = {name: np.asarray(main, dtype=np.float64)}
    main = found[name]
    if name == "momenta" and main.ndim == 2 and main.shape[1] % 4 == 0:
        main = found[name] = main.reshape(len(main), -1, 4)
    if (main.shape[2:] != (4,) or main.shape[1] < 1) if name == "momenta" else main.shape[1:] != (2,):
        shape = "(event, particle, 4)" if name == "momenta" else "(event, 2)"
        raise ValueError(f"The {name} have the shape {main.shape}; {shape} is needed.")
    if amplitude is not None:
        if points is not None:
            raise ValueError("Points have no amplitude; leave it out.")
        found["amplitude"] = np.asarray(amplitude, dtype=np.float64)
        if found["amplitude"].shape == (len(main), 1):
            found["amplitude"] = found["amplitude"][:, 0]
        if found["amplitude"].shape != (len(main),):
            raise ValueError(f"{len(main):,} events need amplitudes of the shape ({len(main)},), not {found['amplitude'].shape}.")
    weight = checked_weight(weight, len(main))
    return found if weight is None else found | {"weight": weight}


def _units(arrays: Arrays) -> dict[str, str]:
    if "momenta" not in arrays:
        return {}
    return {"momenta": "GeV", "amplitude": f"GeV^{8 - 2 * arrays['momenta'].shape[1]}"}


def _columns(arrays: Arrays) -> tuple[list[str], np.ndarray]:
    """The same as columns: their names, and a row per event."""
    main = next(iter(arrays.values()))
    names = ["x", "y"] if "points" in arrays else [f"{part}{leg}" for leg in range(1, main.shape[1] + 1) for part in COMPONENTS]
    others = [name for name in arrays if name not in ("momenta", "points")]
    return [*names, *others], np.column_stack([main.reshape(len(main), -1), *(arrays[name] for name in others)])


def _hdf5(arrays: Arrays) -> bytes:
    import h5py

    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        for name, values in arrays.items():
            made = file.create_dataset(name, data=values)
            if name in (units := _units(arrays)):
                made.attrs["units"] = units[name]
        file.flush()
        return file.id.get_file_image()


def _csv(arrays: Arrays) -> bytes:
    names, rows = _columns(arrays)
    out = io.StringIO()
    np.savetxt(out, rows, delimiter=",", header=",".join(names), comments="", fmt="%.17g")
    return out.getvalue().encode()


def _npy(arrays: Arrays) -> bytes:
    if "weight" in arrays:
        raise ValueError("A .npy file has no place for weights; choose .npz, .h5, .csv or .parquet.")
    out = io.BytesIO()
    np.save(out, _columns(arrays)[1], allow_pickle=False)
    return out.getvalue()


def _npz(arrays: Arrays) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def _parquet(arrays: Arrays) -> bytes:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as problem:
        raise ValueError("Parquet is written with pyarrow, not installed here: pip install 'workbench[files]'.") from problem
    names, rows = _columns(arrays)
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(dict(zip(names, rows.T.copy(), strict=True))), out)
    return out.getvalue()


WRITERS: dict[str, Callable[[Arrays], bytes]] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".csv": _csv,
    ".csv.gz": lambda arrays: gzip.compress(_csv(arrays), mtime=0),
    ".npy": _npy,
    ".npz": _npz,
    ".parquet": _parquet,
}
