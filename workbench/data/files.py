"""The user's own events: HDF5 with `momenta` (event, particle, 4) and `amplitude` (event), or CSV with E1, px1, py1, pz1, …, amplitude.

For networks that learn a density there is no amplitude, and toys have `points` (event, 2), or columns x, y.

A file may come from anywhere, so a process of its own reads it, with limits on memory, time and files, without this process's environment:
a file that breaks the HDF5 library breaks only that. What comes back are plain arrays, or one number. Of an HDF5 file only the named
datasets are looked at, and only if they are plain numbers inside the file itself: no links, no data in other files, no filters but the
common compressions, no size that is only declared.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from workbench.data.events import COMPONENTS, Events
from workbench.data.own_file import UPLOADED, located
from workbench.data.samples import Sample, check_sample
from workbench.physics.amplitudes import PARTICLES, check_process
from workbench.physics.collisions import COLLISIONS, JET_CUTS, MUON_MASS
from workbench.physics.kinematics import delta_r, mass, momentum, pt
from workbench.physics.toys import TOYS

if TYPE_CHECKING:
    import h5py

MOST_BYTES = 2**31
MOST_EVENTS = 5_000_000
LEAST_EVENTS = 210
"""100 for training, 10 for validation, 100 for the test."""
EXPANSION = 100
"""How many times smaller than its content a compressed dataset may be; momenta compress by less than two."""
MEMORY, PER_BYTE, MOST_MEMORY = 2**30, 24, 12 * 2**30
"""Address space of the process that reads [bytes]: with an empty file, more per byte of a file, and at most."""
SECONDS, PACE = 10, 1_000_000
"""Its computing time [s] with an empty file, and how many bytes buy a second more."""
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""What of the environment it sees: no token, no home."""
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32_000: "lzf"}
TOLERANCE = 1e-3
"""Of masses, balance and beam direction, relative to the energies: rounded files pass, wrong ones do not."""
REFUSED = 3


class FileProblem(ValueError):
    """A file that cannot be used; the message is one sentence that begins with the file."""


def load_file(path: str | os.PathLike[str], process: str = "gg_yyg") -> Events:
    """The events of an HDF5 or CSV file.

    HDF5: datasets `momenta` (event, particle, 4) and `amplitude` (event). CSV: columns E1, px1, py1, pz1, E2, …, amplitude in any order,
    among others if there are; without a header, these and no others. Momenta in GeV, incoming particles first, all energies positive;
    amplitudes positive.

    Raises: ValueError with one sentence naming the file and, where they matter, the row (from 1) and the column.
    """
    momenta, amplitude = _read(path, check_process(process))
    return Events(momenta, amplitude, process)


def load_sample(path: str | os.PathLike[str], dataset: str) -> Sample:
    """The events of an HDF5 or CSV file, to learn their density.

    z_jets: `momenta` (event, particle, 4), or columns E1, …, of two muons and one, two or three jets with p_T > 20 GeV, ordered by p_T,
    nan for jets that an event does not have. tt_partons: the same of b, two quarks, b̄, two quarks, massless. Toys: `points` (event, 2), or
    columns x, y: any density in the plane. Momenta in GeV.

    Raises: ValueError with one sentence naming the file and, where they matter, the row (from 1) and the column.
    """
    return Sample(_read(path, check_sample(dataset))[0], dataset)


def count_events(path: str | os.PathLike[str], kind: str, name: str = "") -> int:
    """How many events a file of a process or dataset has; `name` is how the user calls the file. Raises: as `load_file`."""
    if kind not in READERS:
        raise FileProblem(f"{str(kind)[:40]!r} is no process or dataset: one of {', '.join(READERS)} is needed.")
    return int(_answer(path, kind, name, "count"))


def allowed(path: str) -> None:
    """Refuse every file that was not sent from a browser and lies outside $WORKBENCH_DATA: for those who may not read this computer.

    Raises: FileProblem, which is the same whether there is such a file or not.
    """
    folder = os.environ.get("WORKBENCH_DATA")
    if UPLOADED.fullmatch(path) and not located(path).is_symlink():
        return
    try:
        inside = bool(folder) and "\0" not in path and located(path).resolve().is_relative_to(Path(str(folder)).resolve())
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not inside:
        where = f", or name one in {folder}" if folder else ""
        raise FileProblem(f"{path[:200]} is not open to this class; choose a file of your own to send{where}.")


def _read(path: str | os.PathLike[str], kind: str) -> list[np.ndarray]:
    """The arrays of a file, read by a process of its own."""
    data = _answer(path, kind, str(path), "arrays")
    stream, found = io.BytesIO(data), []
    while stream.tell() < len(data):
        found.append(np.load(stream, allow_pickle=False))
    return found


def _answer(path: str | os.PathLike[str], kind: str, name: str, wanted: str) -> bytes:
    """What the process that reads a file says of it. Raises: FileProblem."""
    chosen, name = existing(path, name), (name or str(path))[:200]
    paths = [Path(__file__).parents[2], *map(Path, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))]
    environment = {key: os.environ[key] for key in KEPT if key in os.environ} | {
        "PYTHONPATH": os.pathsep.join(str(path.absolute()) for path in paths),
        "HDF5_PLUGIN_PRELOAD": "::",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "workbench.data.files", str(chosen), kind, name, wanted]
    seconds = _seconds(chosen)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=chosen.anchor, timeout=3 * seconds, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise FileProblem(f"{name} could not be read in {3 * seconds} seconds.") from problem
    if done.returncode == REFUSED:
        raise FileProblem(json.loads(done.stderr.decode().splitlines()[-1]))
    if done.returncode:
        raise FileProblem(f"{name} is damaged: its reader stopped with code {done.returncode}.")
    return done.stdout


def existing(path: str | os.PathLike[str], name: str = "") -> Path:
    """The absolute path of an existing file on this computer, which the user calls `name`."""
    text = os.fspath(path)
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


def columns(kind: str) -> list[str]:
    """The names of the columns of a CSV file: E1, px1, py1, pz1, E2, …, amplitude; without amplitude for z_jets and tt_partons; x, y."""
    return READERS[kind](Path(), kind, "").layouts[-1].columns


@dataclass(frozen=True)
class Layout:
    """What a file may hold: HDF5 datasets with the shapes of one event, or the same numbers as columns of a CSV file."""

    shapes: dict[str, tuple[int, ...]]
    columns: list[str]

    @property
    def particles(self) -> int:
        return self.shapes["momenta"][0] if "momenta" in self.shapes else 0


def _momenta(particles: int, *more: str) -> Layout:
    names = [f"{component}{leg}" for leg in range(1, particles + 1) for component in COMPONENTS]
    return Layout({"momenta": (particles, 4)} | dict.fromkeys(more, ()), [*names, *more])


class Reader(ABC):
    """Reads one file in the process of its own; `name` is how the user calls the file."""

    layouts: list[Layout]
    """What the file may hold, the largest last."""

    def __init__(self, path: Path, kind: str, name: str):
        self.path, self.kind, self.name = path, kind, name
        self.layouts = self.possible_layouts()

    @abstractmethod
    def possible_layouts(self) -> list[Layout]: ...

    @abstractmethod
    def check(self, *arrays: np.ndarray) -> None:
        """Refuse events that cannot be what they should be."""

    def arrays(self) -> list[np.ndarray]:
        """The numbers of the file, checked."""
        with open(self.path, "rb") as file:
            start = file.read(8)
        if start == b"\x89HDF\r\n\x1a\n":
            found = self.hdf5()
        elif start[:3] == b"CDF":
            self.refuse("is a netCDF-3 file; save it as netCDF-4 or HDF5")
        else:
            found = self.csv()
        if len(found[0]) == 0:
            self.refuse("has no events")
        self.check(*found)
        if (count := len(found[0])) < LEAST_EVENTS:
            self.refuse(f"has {count:,} event{'s' * (count > 1)}; at least {LEAST_EVENTS} are needed to train, validate and test")
        return found

    def refuse(self, what: str) -> NoReturn:
        raise FileProblem(f"{self.name} {what}.")

    # HDF5

    def hdf5(self) -> list[np.ndarray]:
        import h5py

        first, *others = self.layouts[-1].shapes
        try:
            with h5py.File(self.path, "r") as file:
                found = {name: self.dataset(file, name) for name in self.layouts[-1].shapes}
                shape = found[first].shape
                events = shape[0] if shape else 0
                needed = [(events, *layout.shapes[first]) for layout in self.layouts]
                if shape not in needed:
                    other = shape[1] if len(shape) == 3 else 0
                    texts = [f"(event, {', '.join(map(str, shape[1:]))})" for shape in needed]
                    self.refuse(f"has {first} of the shape {shape}; {' or '.join(texts)} is needed{self.instead(other)}")
                for name in others:
                    if found[name].shape != (events,):
                        self.refuse(f"has {events:,} {first} but {name}s of the shape {found[name].shape}; ({events},) is needed")
                for name, dataset in found.items():
                    self.plain(dataset, name)
                return [dataset.astype(np.float64)[()] for dataset in found.values()]
        except FileProblem:
            raise
        except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as problem:
            raise FileProblem(f"{self.name} is damaged: {str(problem)[:200]}.") from problem

    def instead(self, particles: int) -> str:
        """The process that has so many particles, if it is another one."""
        return ""

    def dataset(self, file: h5py.File, name: str) -> h5py.Dataset:
        """A dataset at the top of the file; links are not followed, nothing else is looked at."""
        import h5py

        present = [str(other) for other in islice(iter(file), 100)]  # names that are no text come as bytes
        if name not in present:
            self.refuse(f"has no dataset {name!r}{_hint(name, present)}; it has {', '.join(present[:10]) or 'none'}")
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            self.refuse(f"is refused: {name!r} is a link to elsewhere; the data must be in the file itself")
        found = file[name]
        if not isinstance(found, h5py.Dataset):
            self.refuse(f"has {name!r} as a group; a dataset is needed")
        return found

    def plain(self, dataset: h5py.Dataset, name: str) -> None:
        """Refuse what is not simply numbers inside the file."""
        made = dataset.id.get_create_plist()
        if dataset.is_virtual or made.get_external_count():
            self.refuse(f"is refused: the data of {name!r} are in another file; they must be in the file itself")
        if dataset.dtype.kind not in "fiu":
            self.refuse(f"has {name!r} of the type {str(dataset.dtype)[:40]}; numbers are needed")
        filters = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
        if unknown := [code for code in filters if code not in FILTERS]:
            self.refuse(f"is refused: {name!r} is stored with filter {unknown[0]}; use none or {', '.join(FILTERS.values())}")
        declared, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
        chunk = int(np.prod(dataset.chunks, dtype=float)) * dataset.dtype.itemsize if dataset.chunks else 0
        size = self.path.stat().st_size
        if dataset.shape[0] > MOST_EVENTS or declared > MOST_BYTES or chunk > MOST_BYTES:
            self.refuse(f"declares {dataset.shape[0]:,} events in {name!r}; at most {MOST_EVENTS:,} are read")
        if len(set(filters)) < len(filters) or max(declared, chunk) > EXPANSION * stored + 2**20 or stored > size:
            self.refuse(f"is refused: {name!r} declares {declared:,} bytes but holds {min(stored, size):,}")

    # CSV

    def csv(self) -> list[np.ndarray]:
        line, skip = self.first_line()
        delimiter = next((mark for mark in ",;\t" if mark in line), None)
        cells = _cells(line, delimiter)
        if header := not all(map(_is_number, cells)):
            layout = self.layout_of(cells)
            order = self.header(cells, layout)
        else:
            layout = next((layout for layout in self.layouts if len(layout.columns) == len(cells)), self.layouts[-1])
            order = list(range(len(cells)))
            if len(cells) != len(layout.columns):
                counts = " or ".join(str(len(layout.columns)) for layout in self.layouts)
                needed = f"{counts} are needed: {layout.columns[0]}, …, {layout.columns[-1]}{self.instead((len(cells) - 1) // 4)}"
                self.refuse(f"has {len(cells)} columns and no header; {needed}")
        try:
            possible = self.path.stat().st_size // (2 * len(order)) + 1  # numpy reserves memory for as many: a number takes two bytes
            most = min(MOST_EVENTS + 1, possible)
            options: dict[str, Any] = {"delimiter": delimiter, "skiprows": skip + header, "usecols": order, "max_rows": most}
            rows = np.loadtxt(self.path, ndmin=2, encoding="utf-8-sig", **options)
        except ValueError:
            self.broken_row(delimiter, skip + header, order, layout)
        if len(rows) > MOST_EVENTS:
            self.refuse(f"has more than {MOST_EVENTS:,} events; at most so many are read")
        rows = rows.reshape(len(rows), len(layout.columns))
        sizes = [int(np.prod(shape)) for shape in layout.shapes.values()]
        parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
        return [part.reshape(len(rows), *shape) for part, shape in zip(parts, layout.shapes.values(), strict=True)]

    def layout_of(self, cells: list[str]) -> Layout:
        """The layout with as many particles as the header names, or the largest."""
        legs = _legs(cells)
        if legs not in [layout.particles for layout in self.layouts] and (other := self.instead(legs)):
            self.refuse(f"has columns of {legs} particles; {self.layouts[-1].particles} are needed{other}")
        return next((layout for layout in self.layouts if layout.particles == legs), self.layouts[-1])

    def first_line(self) -> tuple[str, int]:
        """The first line with content, and how many lines are before it."""
        try:
            with open(self.path, encoding="utf-8-sig") as file:
                for number, line in enumerate(iter(lambda: file.readline(1_000_000), "")):
                    if "\0" in line:
                        break
                    if line.split("#")[0].strip():
                        return line.split("#")[0].strip(), number
                else:
                    self.refuse("has no events: it is empty")
        except UnicodeDecodeError:
            pass
        self.refuse("is neither an HDF5 file nor a text of numbers")

    def header(self, cells: list[str], layout: Layout) -> list[int]:
        """Where the columns are, by their names in any case."""
        lower, columns = [cell.lower() for cell in cells], layout.columns
        for name in columns:
            if name.lower() not in lower:
                self.refuse(f"has no column {name!r}{_hint(name, cells)}; the columns {columns[0]}, …, {columns[-1]} are needed")
            if lower.count(name.lower()) > 1:
                self.refuse(f"has the column {name!r} twice")
        return [lower.index(name.lower()) for name in columns]

    def broken_row(self, delimiter: str | None, skip: int, order: list[int], layout: Layout) -> NoReturn:
        """Name the first row that is not a row of numbers."""
        with open(self.path, encoding="utf-8-sig", errors="replace") as file:
            texts = (line.split("#")[0].strip() for line in islice(file, skip, None))
            for row, line in enumerate(filter(None, texts), start=1):
                cells = _cells(line, delimiter)
                if len(cells) <= max(order):
                    self.refuse(f"has {len(cells)} columns in row {row:,}; {max(order) + 1} are needed")
                for name, place in zip(layout.columns, order, strict=True):
                    if not _is_number(cells[place]):
                        self.refuse(f"has {cells[place][:40]!r} in row {row:,}, column {name}; a number is needed")
        self.refuse("cannot be read as a table of numbers")

    def refuse_first(self, wrong: np.ndarray, sentence: Callable[..., str]) -> None:
        """Refuse the file if anything is wrong, by a sentence about the first place (row from 0, particle) where it is."""
        if wrong.any():
            self.refuse(sentence(*np.argwhere(wrong)[0]))


class AmplitudeReader(Reader):
    """Momenta with squared amplitudes."""

    def possible_layouts(self) -> list[Layout]:
        return [_momenta(len(PARTICLES[self.kind]), "amplitude")]

    def instead(self, particles: int) -> str:
        fitting = [name for name, legs in PARTICLES.items() if len(legs) == particles and name != self.kind]
        return f" for {self.kind}, choose process={fitting[0]!r}" if fitting else ""

    def check(self, *arrays: np.ndarray) -> None:
        self.check_numbers(*arrays)
        self.check_kinematics(arrays[0])

    def check_numbers(self, momenta: np.ndarray, amplitude: np.ndarray) -> None:
        table = np.column_stack([momenta.reshape(len(momenta), -1), amplitude])
        broken = ~np.isfinite(table)
        broken[:, -1] |= ~(amplitude > 0)
        if broken.any():
            row, column = np.argwhere(broken)[0]
            rows, columns = int(broken.any(axis=1).sum()), self.layouts[0].columns
            need = "amplitudes must be positive, since their logarithm is learned" if column == len(columns) - 1 else "a number is needed"
            many = f" ({rows:,} of {len(table):,} rows are so)" if rows > 1 else ""
            self.refuse(f"has {columns[column]} = {table[row, column]:g} in row {row + 1:,}; {need}{many}")

    def check_kinematics(self, momenta: np.ndarray) -> None:
        """Massless, balanced, incoming along the beam, in GeV."""
        energy, size = momenta[..., 0], momentum(momenta)
        names = [f"particle {leg} ({name})" for leg, name in enumerate(PARTICLES[self.kind], start=1)]
        if (wrong := ~(energy > 0)).any():
            row, leg = np.argwhere(wrong)[0]
            self.refuse(
                f"has E{leg + 1} = {energy[row, leg]:g} in row {row + 1:,}; all energies are positive, those of incoming particles too"
            )
        if (wrong := np.abs(energy - size) > TOLERANCE * energy).any():
            row, leg = np.argwhere(wrong)[0]
            self.refuse(
                f"has {names[leg]} with E = {energy[row, leg]:g} but |p| = {size[row, leg]:g} GeV in row {row + 1:,}; all are massless, "
                "and the order is E, px, py, pz"
            )
        if (wrong := pt(momenta[:, :2]) > TOLERANCE * energy[:, :2]).any():
            row, leg = np.argwhere(wrong)[0]
            self.refuse(f"has the incoming {names[leg]} not along the beam, the z axis, in row {row + 1:,}; leave such events out")
        missing = np.abs(momenta[:, :2].sum(axis=1) - momenta[:, 2:].sum(axis=1))
        if (wrong := missing > TOLERANCE * energy[:, :2].sum(axis=1, keepdims=True)).any():
            row, component = np.argwhere(wrong)[0]
            self.refuse(
                f"does not conserve momentum in row {row + 1:,}: {COMPONENTS[component]} of incoming and outgoing particles differ by "
                f"{missing[row, component]:g} GeV; incoming particles come first, with positive energies"
            )
        scale = float(np.median(2 * np.sqrt(energy[:, 0] * energy[:, 1])))
        if not 1 < scale < 2e5:
            unit = "TeV" if scale < 1 else "MeV"
            self.refuse(f"has collisions of √ŝ = {scale:.3g} GeV; are the momenta in {unit}? They must be in GeV")


class CollisionReader(Reader):
    """Momenta of muons and jets, or of partons, without amplitudes."""

    def possible_layouts(self) -> list[Layout]:
        most = len(COLLISIONS[self.kind].particles)
        return [_momenta(particles) for particles in (range(3, most + 1) if self.kind == "z_jets" else [most])]

    def check(self, *arrays: np.ndarray) -> None:
        [momenta] = arrays
        jets = self.kind == "z_jets"
        missing = np.isnan(momenta).all(axis=2)
        missing[:, : 3 if jets else None] = False
        need = "a number is needed" + ", or nan in all four of a jet that is not there" * jets
        self.refuse_first(
            ~np.isfinite(momenta) & ~missing[..., None],
            lambda row, leg, k: f"has {COMPONENTS[k]}{leg + 1} = {momenta[row, leg, k]:g} in row {row + 1:,}; {need}",
        )
        self.refuse_first(
            missing[:, :-1] & ~missing[:, 1:],
            lambda row, leg: f"has jet {leg} but no jet {leg - 1} in row {row + 1:,}; begin with the hardest",
        )
        energy, size, transverse = momenta[..., 0], momentum(momenta), pt(momenta)
        names = COLLISIONS[self.kind].particles
        self.refuse_first(
            ~(transverse > 0) & ~missing, lambda row, leg: f"has {names[leg]} along the beam in row {row + 1:,}; leave such events out"
        )
        light = np.abs(energy - np.sqrt(size**2 + MUON_MASS**2)) > TOLERANCE * energy
        light &= np.abs(energy - size) > TOLERANCE * energy
        light[:, 2 if jets else 6 :] = False
        self.refuse_first(
            light,
            lambda row, leg: (
                f"has {names[leg]} with E = {energy[row, leg]:g} but |p| = {size[row, leg]:g} GeV in row {row + 1:,}; "
                f"{'muons come first' if jets else 'partons are massless here'}, and the order is E, px, py, pz"
            ),
        )
        pole, what = (91.2, "M_μμ") if jets else (172.5, "top masses")
        scale = float(np.median(mass(momenta[:, :2].sum(axis=1) if jets else momenta[:, :3].sum(axis=1))))
        if not pole / 20 < scale < 20 * pole:
            self.refuse(f"has {what} of {scale:.3g} GeV; are the momenta in {'TeV' if scale < pole else 'MeV'}? They must be in GeV")
        if jets:
            self.check_jets(momenta[:, 2:], missing[:, 2:])

    def check_jets(self, jets: np.ndarray, missing: np.ndarray) -> None:
        """With the p_T, mass, order and distances of the dataset."""
        transverse = pt(jets)
        self.refuse_first(
            ~missing & ~(transverse > JET_CUTS.pt),
            lambda row, leg: (
                f"has jet {leg + 1} with p_T = {transverse[row, leg]:g} GeV in row {row + 1:,}; jets have more than "
                f"{JET_CUTS.pt:g} GeV: leave such events out"
            ),
        )
        self.refuse_first(
            ~missing & ~(jets[..., 0] - momentum(jets) > 1e-12 * jets[..., 0]),
            lambda row, leg: (
                f"has jet {leg + 1} with E = {jets[row, leg, 0]:.9g} and |p| = {momentum(jets)[row, leg]:.9g} GeV in row "
                f"{row + 1:,}; jets need a mass, since its logarithm is learned"
            ),
        )
        self.refuse_first(
            np.diff(transverse, axis=1) > 0,
            lambda row, leg: f"has jet {leg + 2} harder than jet {leg + 1} in row {row + 1:,}; order jets by p_T",
        )
        for first, second in combinations(range(jets.shape[1]), 2):
            distance = delta_r(jets[:, first], jets[:, second])
            self.refuse_first(
                distance <= JET_CUTS.distance,
                lambda row, a=first, b=second, far=distance: (
                    f"has jets {a + 1} and {b + 1} with ΔR = {far[row]:.3g} in row {row + 1:,}; "
                    f"jets are more than {JET_CUTS.distance:g} apart: leave such events out"
                ),
            )


class ToyReader(Reader):
    """Points in the plane."""

    def possible_layouts(self) -> list[Layout]:
        return [Layout({"points": (2,)}, ["x", "y"])]

    def check(self, *arrays: np.ndarray) -> None:
        [points] = arrays
        self.refuse_first(
            ~np.isfinite(points), lambda row, axis: f"has {'xy'[axis]} = {points[row, axis]:g} in row {row + 1:,}; a number is needed"
        )
        self.refuse_first(points.std(axis=0) == 0, lambda axis: f"has the same {'xy'[axis]} in all rows; there is no density to learn")


READERS: dict[str, type[Reader]] = (
    dict.fromkeys(PARTICLES, AmplitudeReader) | dict.fromkeys(COLLISIONS, CollisionReader) | dict.fromkeys(TOYS, ToyReader)
)


def _legs(cells: list[str]) -> int:
    """The largest number of a particle in a header."""
    return max((int(cell[-1]) for cell in cells if re.fullmatch(r"(e|px|py|pz)[1-9]", cell.lower())), default=0)


def _cells(line: str, delimiter: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(delimiter)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _hint(name: str, present: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in present], n=1, cutoff=0.6)
    original = next((other for other in present if near and other.lower() == near[0]), None)
    return f" (rename {original!r}?)" if original else ""


def _seconds(path: Path) -> int:
    """Computing time for a file [s]."""
    return SECONDS + path.stat().st_size // PACE


def _limit(path: Path) -> None:
    """Bound what this process may use for a file, where the system can: memory, time, a few open files, and nothing written."""
    try:
        import resource
    except ImportError:
        return
    memory = min(MEMORY + PER_BYTE * path.stat().st_size, MOST_MEMORY)
    limits = {"AS": memory, "CPU": _seconds(path), "CORE": 0, "FSIZE": 0, "NOFILE": 64}
    for kind, limit in ((getattr(resource, f"RLIMIT_{name}"), limit) for name, limit in limits.items()):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def main(path: str, kind: str, name: str, wanted: str = "arrays") -> int:
    """Read a file in this process: its arrays, or their length, to standard output, or a sentence to standard error."""
    try:
        _limit(Path(path))
        arrays = READERS[kind](Path(path), kind, name).arrays()
    except FileProblem as problem:
        sentence = re.sub(r"\s+", " ", str(problem))
    except MemoryError:
        sentence = f"{name} needs more memory than a file of its size may."
    except OSError as problem:
        sentence = f"{name} cannot be read: {problem.strerror or problem}."
    else:
        if wanted == "count":
            print(len(arrays[0]))
        else:
            pipe: Any = SimpleNamespace(write=sys.stdout.buffer.write)  # a pipe has no position, which numpy asks files for
            for array in arrays:
                np.save(pipe, array, allow_pickle=False)
        return 0
    print(json.dumps(sentence), file=sys.stderr)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
