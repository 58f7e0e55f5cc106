"""The user's own files: where they are, who may read them, and the events in them.

`workbench.data.reader` reads HDF5 with `momenta` and `amplitude`, text such as CSV, numpy's arrays, Les Houches events, Parquet and ROOT.
For networks that learn a density there is no amplitude, and toys have `points`. A process of its own reads each file.
"""

from __future__ import annotations

import difflib
import os
import warnings
from pathlib import Path

import numpy as np

from workbench.data.events import Events
from workbench.data.own_file import UNITS, UPLOADED, located, pasted
from workbench.data.reader import FileProblem
from workbench.data.reader.jets import JETS, SOME_JETS
from workbench.data.reader.kinds import KINDS, kind_of
from workbench.data.reader.limits import MOST_BYTES
from workbench.data.reader.request import Request
from workbench.data.reader.sandbox import Answer, ask
from workbench.data.reader.table import TABLE
from workbench.data.reader.wanted import LABELLED, POINTS, points_of
from workbench.data.samples import Sample, check_sample
from workbench.physics.amplitudes import PARTICLES, check_process


class FileNote(UserWarning):
    """What the user should know of a file that was read: a header in a comment, units that were changed, points that are there twice."""


def load_file(path: str | os.PathLike[str], process: str = "gg_yyg", units: str = "auto") -> Events:
    """The events of a file with momenta and amplitudes, in GeV.

    HDF5, .npz, Parquet, ROOT: arrays `momenta` (event, particle, 4), or flat, and `amplitude` (event), in a group or not; or columns; or
    one array (event, 4n + 1) per process, the amplitude last. Text: columns E1, px1, py1, pz1, E2, …, amplitude in any order, among others
    if there are; without names, these and no others. Incoming particles first, all energies positive; amplitudes positive. `weight`: how
    much each event counts, if not all the same.

    Arguments: `units` of the momenta, and in powers of the amplitudes; auto: as the file says, else GeV.
    Raises: ValueError with one sentence naming the file and, where they matter, the row (from 1) and the column.
    Warns: FileNote with one sentence.
    """
    values = _read(path, check_process(process), units).values
    return Events(values["momenta"], values["amplitude"], process, values.get("weight"))


def load_sample(path: str | os.PathLike[str], dataset: str, units: str = "auto") -> Sample:
    """The events of a file, to learn their density.

    z_jets: `momenta` (event, particle, 4), or columns E1, …, of two muons and one, two or three jets with p_T > 20 GeV, ordered by p_T;
    nan, zeros or four equal negative numbers for jets that an event does not have. tt_partons: the same of b, two quarks, b̄, two quarks,
    massless; also Les Houches events. Toys: `points` (event, 2), or columns x, y: any density in the plane.

    Arguments, raises, warns: as `load_file`.
    """
    values = _read(path, check_sample(dataset), units).values
    return Sample(values["points"] if "points" in values else values["momenta"], dataset, values.get("weight"))


def load_points(path: str | os.PathLike[str], kind: str, units: str = "auto") -> np.ndarray:
    """The momenta (event, particle, 4) in GeV, or points (event, 2), of a file with any number of events of a process or dataset, to be
    looked at by a trained network; amplitudes may be there or not. Raises, warns: as `load_file`."""
    try:
        values = _read(path, f"{kind}{POINTS}", units).values
    except FileProblem as problem:
        if kind not in PARTICLES:
            raise
        try:
            values = _read(path, f"{kind}{LABELLED}", units).values
        except FileProblem:
            raise problem from None
    return values["points"] if "points" in values else values["momenta"]


def load_table(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The columns of a table by their names: CSV with names in its first line, .npz or HDF5 with one array per column.

    Raises: as `load_file`.
    """
    return _read(path, TABLE, "auto").values


def load_jets(path: str | os.PathLike[str], to_train: bool = True) -> dict[str, np.ndarray]:
    """The arrays of a file with jets, as `reader.jets.read_jets` gives them; to train, there must be enough of both labels.

    Raises, warns: as `load_file`.
    """
    return _read(path, JETS if to_train else SOME_JETS, "auto").values


def checked_points(points: np.ndarray, kind: str, name: str = "the input") -> np.ndarray:
    """The same of an array in GeV. Raises: FileProblem in one sentence."""
    wanted = points_of(f"{kind}{POINTS}")
    request = Request(Path(), kind, name, "auto", wanted.layouts(), wanted.instead)
    [(array, shape), *_] = request.largest.shapes.items()
    fitting = [layout.shapes[array] for layout in request.layouts]
    if points.ndim != len(shape) + 1 or points.shape[1:] not in fitting:
        needed = " or ".join(str(("event", *each)).replace("'", "") for each in fitting)
        raise FileProblem(f"{name} has the shape {points.shape}; {needed} is needed for {kind}.")
    return wanted.checked({array: points}, request)[array]


def load_any(path: str | os.PathLike[str], units: str = "auto") -> Events | Sample:
    """The events of a file as the process or dataset that its content fits. Arguments, raises, warns: as `load_file`."""
    found = _read(path, "any", units)
    weight = found.values.get("weight")
    if "amplitude" in found.values:
        return Events(found.values["momenta"], found.values["amplitude"], found.kind, weight)
    return Sample(found.values["points"] if "points" in found.values else found.values["momenta"], found.kind, weight)


def count_events(path: str | os.PathLike[str], kind: str, name: str = "", units: str = "auto") -> Answer:
    """How many events a file of a process or dataset has, and notes on it; `name` is how the user calls the file.

    Unlikely units are a note here: they can still be said. Raises: as `load_file`.
    """
    if kind not in (*KINDS, TABLE, JETS):
        raise FileProblem(f"{str(kind)[:40]!r} is no process or dataset: one of {', '.join(KINDS)} is needed.")
    return ask(existing(path, name), kind, (name or os.fspath(path))[:200], checked_units(units), "look")


def check_file(path: str | os.PathLike[str], kind: str, units: str = "auto") -> list[str]:
    """What is to be said of a file that can be read as events of a kind, one sentence each. Raises: as `load_file`."""
    return ask(existing(path), kind, os.fsdecode(path)[:200], checked_units(units), "check").notes


def columns(kind: str) -> list[str]:
    """The names of the columns of a text: E1, px1, py1, pz1, E2, …, amplitude; without amplitude for z_jets and tt_partons; x, y."""
    return kind_of(kind).layouts()[-1].columns


def checked_units(units: str) -> str:
    """The unit, if it is one that may be asked for. Raises: FileProblem."""
    if units not in UNITS:
        raise FileProblem(f"units = {str(units)[:40]!r} is not possible: one of {', '.join(UNITS)} is needed.")
    return units


def _read(path: str | os.PathLike[str], kind: str, units: str) -> Answer:
    """What a file holds, read by a process of its own."""
    answer = ask(existing(path), kind, os.fsdecode(path)[:200], checked_units(units))
    for note in answer.notes:
        warnings.warn(note, FileNote, stacklevel=3)
    return answer


def allowed(path: str) -> None:
    """Refuse every file that was not sent from a browser and lies outside $WORKBENCH_DATA: for those who may not read this computer.

    Raises: FileProblem, which is the same whether there is such a file or not.
    """
    path, folder = pasted(path), os.environ.get("WORKBENCH_DATA")
    if UPLOADED.fullmatch(path) and not located(path).is_symlink():
        return
    try:
        inside = bool(folder) and "\0" not in path and located(path).resolve().is_relative_to(Path(str(folder)).resolve())
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not inside:
        where = f", or name one in {folder}" if folder else ""
        raise FileProblem(f"{path[:200]} is not open to this class; choose a file of your own to send{where}.")


def existing(path: str | os.PathLike[str], name: str = "") -> Path:
    """The absolute path of an existing file on this computer, which the user calls `name`."""
    text = pasted(os.fsdecode(path))
    if not text or len(text) > 1_000 or any(ord(character) < 32 for character in text):
        raise FileProblem(f"{text[:60]!r} is not the path of a file.")
    if "://" in text or text.lower().startswith(("file:", "\\\\", "//")):
        raise FileProblem(f"{text[:200]} is not a file on this computer: addresses are not opened, save the file here first.")
    try:
        chosen = located(text)
        if UPLOADED.fullmatch(text) and chosen.is_symlink():
            raise FileProblem(f"{text} is a link; send the file again.")
        chosen = chosen.resolve()
        if not chosen.exists():
            near = difflib.get_close_matches(chosen.name, os.listdir(chosen.parent) if chosen.parent.is_dir() else [], n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise FileProblem(f"{text} does not exist.{hint}")
        if not chosen.is_file():
            raise FileProblem(f"{text} is not a file.")
        size = chosen.stat().st_size
        with open(chosen, "rb"):
            pass
    except (OSError, RuntimeError) as problem:
        raise FileProblem(f"{text} cannot be read: {getattr(problem, 'strerror', None) or problem}.") from problem
    if size == 0:
        raise FileProblem(f"{name or text} is empty.")
    if size > MOST_BYTES:
        raise FileProblem(f"{text} has {size:,} bytes; at most {MOST_BYTES:,} are read.")
    return chosen
