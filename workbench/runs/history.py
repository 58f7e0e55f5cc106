"""What a run has said so far: its reports, line by line, and its snapshots, file by file."""

from __future__ import annotations

import os
import statistics
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import files
from .files import Damaged

if TYPE_CHECKING:
    import xarray

SAME_IN_ALL_SNAPSHOTS = ("amplitude_true", "amplitude_train", "momenta", "weight", "map_truth", "map_counted", "line_truth", "entropy")
OF_THE_TRUTH = ("edges_", "truth_", "error_")
"""Beginnings of the names of histograms of the truth, which are the same in all snapshots too."""
BEGINNING = (0, 0)


class NewReports(NamedTuple):
    """Reports since a cursor. `restarted`: the run went back to a checkpoint, so these are all reports from the beginning."""

    reports: list[dict[str, Any]]
    cursor: tuple[int, int]
    restarted: bool


def read_reports(path: Path, cursor: tuple[int, int] | None = None) -> NewReports:
    """The whole lines after `cursor`: (inode, offset). A run that goes back replaces the file, so a cursor into the old one is noticed."""
    begun = cursor is not None and cursor != BEGINNING
    try:
        with files.opened(path, os.O_RDONLY) as file:
            told = os.fstat(file)
            same = cursor is not None and cursor[0] == told.st_ino and cursor[1] <= told.st_size
            offset = cursor[1] if cursor and same else 0
            data = _bytes(file, offset, told.st_size)
    except FileNotFoundError:
        return NewReports([], BEGINNING, begun)
    end = data.rfind(b"\n") + 1
    return NewReports(parse(data[:end])[0], (told.st_ino, offset + end), begun and not same)


def last_reports(path: Path, size: int = 8_192) -> list[dict[str, Any]]:
    """The reports in the last `size` bytes, some forty of them."""
    try:
        with files.opened(path, os.O_RDONLY) as file:
            end = os.fstat(file).st_size
            data = _bytes(file, max(0, end - size), end)
    except OSError:
        return []
    begin = data.find(b"\n") + 1 if end > size else 0
    return parse(data[begin : data.rfind(b"\n") + 1])[0]


def parse(lines: bytes) -> tuple[list[dict[str, Any]], int]:
    """Reports of whole lines, and how many lines were damaged."""
    reports, damaged = [], 0
    for line in lines.splitlines():
        try:
            report = files.unseal(line, "reports.jsonl")
            reports.append({**report, "step": int(report["step"]), "seconds": float(report["seconds"])})
        except (Damaged, KeyError, TypeError, ValueError):
            damaged += 1
    return reports, damaged


def eta(reports: list[dict[str, Any]], steps: int) -> float | None:
    """Seconds still to train: the median time per step of the last 20 blocks, times the steps that remain; None before two blocks."""
    recent = reports[-21:]
    pace = [(b["seconds"] - a["seconds"]) / (b["step"] - a["step"]) for a, b in pairwise(recent) if b["step"] > a["step"]]
    return statistics.median(pace) * max(0, steps - recent[-1]["step"]) if pace else None


def reports_dataset(reports: list[dict[str, Any]]) -> xarray.Dataset:
    """Reports as a Dataset over step: one variable per loss, validation measures with the prefix validation_, NaN where there is none."""
    import numpy as np
    import xarray as xr

    columns = {"loss": np.full(len(reports), np.nan)}
    for row, report in enumerate(reports):
        validation = {f"validation_{name}": value for name, value in report.get("validation", {}).items()}
        for name, value in {**report.get("losses", {}), **validation}.items():
            columns.setdefault(name, np.full(len(reports), np.nan))[row] = np.nan if value is None else value
    seconds = ("step", np.array([report["seconds"] for report in reports], dtype=float), {"units": "s", "long_name": "time spent training"})
    steps = np.array([report["step"] for report in reports], dtype=np.int64)
    data = {name: ("step", column, {"long_name": name.replace("_", " ")}) for name, column in columns.items()}
    return xr.Dataset({"seconds": seconds, **data}, coords={"step": ("step", steps, {"long_name": "optimiser steps done"})})


def snapshot_steps(folder: Path) -> list[int]:
    """Steps of the snapshots in a run folder, ascending. A finished run keeps its snapshots in run.nc."""
    try:
        return sorted(int(name[:-3]) for name in os.listdir(folder / "snapshots") if name.endswith(".nc") and name[:-3].isdecimal())
    except FileNotFoundError:
        return []


def snapshot(folder: Path, step: int) -> xarray.Dataset:
    """Raises: OSError, Damaged."""
    return _decoded(*_snapshot_bytes(folder, step))


def snapshots(folder: Path) -> tuple[xarray.Dataset, list[str]]:
    """All whole snapshots of a folder along a dimension step, and a sentence for each damaged one.

    Only the last one is read with its dimensions and units, the others as bare arrays: five times faster.
    """
    import numpy as np
    import xarray as xr

    from . import netcdf

    arrays, last, problems = {}, None, []
    for step in reversed(snapshot_steps(folder)):
        try:
            read = _snapshot_bytes(folder, step)  # once: it may be gone a moment later
            found = netcdf.decode_arrays(*read)
            last = _decoded(*read) if last is None else last
            arrays[step] = found
        except FileNotFoundError:
            continue  # it has moved into run.nc, or the run went back to a checkpoint
        except (OSError, Damaged) as problem:
            problems.append(str(problem))
    if last is None:
        return xr.Dataset(coords={"step": np.zeros(0, dtype=np.int64)}), problems
    fixed = {*SAME_IN_ALL_SNAPSHOTS, *last.dims, "step"}
    varying = {str(n): variable for n, variable in last.variables.items() if n not in fixed and not str(n).startswith(OF_THE_TRUTH)}
    alike = [
        step
        for step in sorted(arrays)
        if all(name in arrays[step] and arrays[step][name].shape == each.shape for name, each in varying.items())
    ]
    stacked = {
        name: (("step", *variable.dims), np.stack([arrays[step][name] for step in alike]), variable.attrs)
        for name, variable in varying.items()
    }
    steps = np.array(alike, dtype=np.int64)
    return last.drop_vars([*varying, "step"]).assign(stacked).assign_coords(step=steps).set_coords({"seconds"} & {*stacked}), problems


def _decoded(data: bytes, name: str) -> xarray.Dataset:
    from . import netcdf

    found = netcdf.decode(data, name)["/"]
    return found.set_coords([name for name in ("step", "seconds") if name in found])


def _snapshot_bytes(folder: Path, step: int) -> tuple[bytes, str]:
    return files.read(folder / "snapshots" / f"{step}.nc"), f"{folder.name}/snapshots/{step}.nc"


def _bytes(file: int, begin: int, end: int) -> bytes:
    os.lseek(file, begin, os.SEEK_SET)
    with os.fdopen(os.dup(file), "rb") as stream:
        return stream.read(max(0, end - begin))
