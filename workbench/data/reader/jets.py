"""Jets with their constituents: the public top-tagging files, JetClass, and what `save_jets` of the taggers writes.

    landscape    HDF5 by pandas, "table" or "fixed": E_0, PX_0, PY_0, PZ_0, E_1, … in GeV, zero where there is none, and is_signal_new
    JetClass     a ROOT tree with lists part_px, part_py, part_pz, part_energy, jet_pt, …, label_Tbqq and label_QCD; others are left out
    our own      jet_momentum, label, count, pt, delta_eta, delta_phi, kind

What pandas wrote is read with h5py alone: the names of a table's columns stand in a pickle, of which only the texts are looked at.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.reader import FileProblem
from workbench.data.reader.columnar import check_size, require, told
from workbench.data.reader.hdf5 import OPEN, held, numbers_of, require_inside, unit_of
from workbench.data.reader.layout import refuse_weights
from workbench.data.reader.limits import LEAST_EVENTS
from workbench.data.reader.recognise import recognise
from workbench.data.reader.request import Request
from workbench.data.reader.units import PLAIN, energy_of, factor
from workbench.physics.kinematics import eta, mass, phi, pt

if TYPE_CHECKING:
    import h5py

JETS, SOME_JETS = "jets", "jets:points"
"""The kinds of such files: to be trained with, and only to be looked at."""
MOST_JETS = 300_000
"""That are read of one file, from all parts of it."""
ROWS = 10_000
"""That are unpacked at once."""
MOST_CONSTITUENTS = 1_000
MOST_ROWS, MOST_UNPACKED = 100_000_000, 2**34
"""Of one array, and its bytes; a table is read portion by portion."""
MOST_TEXT = 2**20
"""Bytes of names of columns."""
LOWEST_PT, HIGHEST_PT = 10.0, 1e4
"""What p_T of a jet in the middle may be in GeV."""
SUMS = (0.3, 3.0)
"""What the p_T of its constituents may come to, over that of a jet in the middle."""
COMPONENTS, LABEL = ("E", "PX", "PY", "PZ"), "is_signal_new"
OWN = {"jet_momentum": 2, "label": 1, "first": 1, "count": 1, "pt": 1, "delta_eta": 1, "delta_phi": 1, "kind": 1}
"""Our own datasets and their axes."""
PARTS = ("part_px", "part_py", "part_pz", "part_energy")
WHOLE = ("jet_pt", "jet_eta", "jet_phi", "jet_energy")
TOP_LABEL, QCD_LABEL = "label_Tbqq", "label_QCD"
KINDS = {"part_isChargedHadron": 1, "part_isElectron": 1, "part_isMuon": 1, "part_isPhoton": 2, "part_isNeutralHadron": 3}
NEEDED = "jets are read from the landscape's HDF5 files by pandas, from ROOT files of JetClass, and as wb.save_jets writes them"
TEXTS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}
BLOSC = {32_001: "blosc", 32_026: "blosc2"}

Arrays = dict[str, np.ndarray]


def read_jets(request: Request) -> Arrays:
    """momentum (jet, 4) as p_T, η, φ, mass; label (jet), 1 for top; count (jet); and of all constituents, jet after jet, p_T and kind with
    either their η and φ, or delta_eta and delta_phi relative to the jet. Raises: FileProblem."""
    kind = recognise(request)
    if kind not in ("hdf5", "root"):
        request.refuse(f"is {kind}; {NEEDED}")
    found = (_hdf5 if kind == "hdf5" else _root)(request)
    return _checked(found, request)


def _checked(found: Arrays, request: Request) -> Arrays:
    """The jets that have constituents, if there are enough. Raises: FileProblem."""
    for name, values in found.items():
        if values.dtype.kind == "f" and (wrong := ~np.isfinite(values)).any():
            place, of = np.argwhere(wrong)[0], "jet" if name == "momentum" else "constituent"
            request.refuse(f"has {name} = {values[tuple(place)]:g} of {of} {place[0] + 1:,}; a number is needed")
    if (empty := found["count"] == 0).any():
        request.note(f"has {empty.sum():,} jets without constituents, which are left out")
        found |= {name: found[name][~empty] for name in ("momentum", "label", "count")}
    label = found["label"]
    if (needed := 1 if request.kind == SOME_JETS else LEAST_EVENTS) > len(label):
        request.refuse(f"has {len(label):,} jets with constituents; at least {needed} are needed")
    if request.kind == JETS and (label == label[0]).all():
        request.refuse(f"has {'top' if label[0] else 'QCD'} jets only; jets of both labels are needed to train")
    middle = float(np.median(found["momentum"][:, 0]))
    if not LOWEST_PT < middle < HIGHEST_PT:
        request.refuse(f"has jets with transverse momenta around {middle:,.3g}, which can hardly be GeV; bring them to GeV first")
    sums = np.bincount(np.repeat(np.arange(len(label)), found["count"]), weights=found["pt"], minlength=len(label))
    part = float(np.median(sums / np.maximum(found["momentum"][:, 0], 1e-30)))
    if not SUMS[0] < part < SUMS[1]:
        request.refuse(
            f"has constituents whose transverse momenta come to {part:.3g} times those of their jets; both are needed in the same unit, GeV"
        )
    return found


# HDF5


def _hdf5(request: Request) -> Arrays:
    import h5py

    if held(request):
        request.refuse(OPEN)
    try:
        with h5py.File(request.path, "r", locking=False) as file:
            if "jet_momentum" in file:
                refuse_weights(file, "jets", request)
                return _own(file, request)
            for name in file:
                if isinstance(file.get(name, getlink=True), h5py.HardLink) and isinstance(file[name], h5py.Group):
                    written = bytes(file[name].attrs.get("pandas_type", b""))
                    if written in (b"frame_table", b"frame"):
                        return _landscape(_Table(file[name], written == b"frame_table", request), request)
            request.refuse(f"has no jets: it holds {', '.join(map(str, file))[:100] or 'nothing'}; {NEEDED}")
    except FileProblem:
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as problem:
        text = " ".join(str(problem).split())
        raise FileProblem(f"{request.name} is damaged: {text[:200]}.") from problem


def _dataset(group: h5py.Group, name: str, axes: int, request: Request) -> h5py.Dataset:
    """A dataset that is inside the file, with so many axes. Raises: FileProblem."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        missing = "has no" if name not in group else "is refused, since data must be in the file itself, not behind the link"
        request.refuse(f"{missing} {name!r}; {NEEDED}")
    found = group[name]
    if not isinstance(found, h5py.Dataset) or found.shape is None or len(found.shape) != axes:
        request.refuse(f"has {name!r} as something else than an array with {axes} axes; {NEEDED}")
    made = found.id.get_create_plist()
    packed = {made.get_filter(number)[0] for number in range(made.get_nfilters())} & set(BLOSC)
    if packed:
        require(request, f"packed with {BLOSC[packed.pop()]}", "hdf5plugin")
        import hdf5plugin  # noqa: F401
    require_inside(found, name, request, also=BLOSC, rows=MOST_ROWS, size=MOST_UNPACKED)
    return found


def _own(file: h5py.File, request: Request) -> Arrays:
    """What `save_jets` wrote, or somebody else in the same way."""
    datasets = {name: _dataset(file, name, axes, request) for name, axes in OWN.items()}
    found = {name: dataset[()] for name, dataset in datasets.items()}
    for name, values in found.items():
        if values.dtype.kind not in ("fiu" if name in ("jet_momentum", "pt", "delta_eta", "delta_phi") else "iub"):
            request.refuse(
                f"has {name!r} of the type {values.dtype}; {'numbers' if values.dtype.kind != 'f' else 'whole numbers'} are needed"
            )
    for name in ("jet_momentum", "pt", "delta_eta", "delta_phi"):
        found[name] = numbers_of(datasets[name], name, None, request)
    found["pt"] = found["pt"] * _in_gev(datasets["pt"], request)
    if found["jet_momentum"].shape[1] == 4:  # p_T, η, φ, mass
        found["jet_momentum"][:, [0, 3]] *= _in_gev(datasets["jet_momentum"], request)
    if (far := np.abs(found["delta_phi"]) > np.pi + 1e-3).any():
        value = found["delta_phi"][far][0]
        request.refuse(f"has delta_phi = {value:g} of constituent {int(far.argmax()) + 1:,}; from −π to π relative to the jet is needed")
    momentum, label, count, first = (found[name] for name in ("jet_momentum", "label", "count", "first"))
    lengths = {len(found[name]) for name in ("pt", "delta_eta", "delta_phi", "kind")}
    if momentum.shape != (len(label), 4) or not len(label) == len(count) == len(first) or len(lengths) > 1:
        request.refuse(
            "has arrays of different lengths; label, count, first, jet_momentum (jet, 4) have one per jet, the others one per constituent"
        )
    first, count = first.astype(np.int64), count.astype(np.int64)
    if (wrong := (first < 0) | (count < 0) | (first + count > lengths.pop())).any():
        request.refuse(f"has jet {int(wrong.argmax()) + 1:,} with constituents that are not there")
    places = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
    columns = {name: found[name].astype(np.float32)[places] for name in ("pt", "delta_eta", "delta_phi")}
    if (columns["pt"] <= 0).any():
        request.refuse(f"has a constituent with pt = {columns['pt'].min():g}; a positive number is needed")
    kept = {"momentum": momentum.astype(np.float32), "label": _labels(label, "label", request), "count": count}
    return kept | columns | {"kind": found["kind"].astype(np.uint8)[places]}


def _in_gev(dataset: h5py.Dataset, request: Request) -> float:
    """The factor that brings transverse momenta and masses to GeV, by the unit that the file says. Raises: FileProblem."""
    said = unit_of(dataset)
    if said.lower() in PLAIN:
        return 1.0
    unit, power = energy_of(said) or ("", 0)
    if power != 1:
        request.refuse(f"says {said[:40]!r} for the unit of its {dataset.name.lstrip('/')}; GeV, or another unit of energy, is needed")
    if unit != "GeV":
        request.note(f"has {dataset.name.lstrip('/')} in {unit}, as it says, and was brought to GeV")
    return factor(unit)


def _labels(values: np.ndarray, name: str, request: Request) -> np.ndarray:
    """0 and 1 in 8 bits, from numbers or truth values. Raises: FileProblem."""
    if (wrong := ~np.isin(values, (0, 1))).any():
        request.refuse(f"has {name} = {values[wrong][0]} of jet {int(wrong.argmax()) + 1:,}; 1 for top and 0 for QCD are needed")
    return values.astype(np.uint8)


class _Table:
    """The columns of a frame that pandas wrote, by their names, in blocks of one type."""

    def __init__(self, group: h5py.Group, as_table: bool, request: Request):
        self.places: dict[str, tuple[int, int]] = {}
        """Of each column: its block, and where it is there."""
        self.as_table = as_table
        if as_table:
            self.blocks = [(_dataset(group, "table", 1, request), field) for field in _fields(group, request)]
            named = [_names_of(dataset, field, request) for dataset, field in self.blocks]
        else:
            numbers = sorted(int(found[1]) for name in group if (found := re.fullmatch(r"block(\d{1,3})_values", str(name))))
            self.blocks = [(_dataset(group, f"block{number}_values", 2, request), "") for number in numbers]
            named = [[bytes(name).decode() for name in _dataset(group, f"block{number}_items", 1, request)[()]] for number in numbers]
        for block, names in enumerate(named):
            width = self.width(block)
            if len(names) != width:
                request.refuse(f"is damaged: it names {len(names)} columns where it has {width}")
            self.places |= {name: (block, place) for place, name in enumerate(names)}
        self.rows = min((len(dataset) for dataset, _ in self.blocks), default=0)

    def width(self, block: int) -> int:
        dataset, field = self.blocks[block]
        return int(np.prod(dataset.dtype[field].shape or (1,))) if field else dataset.shape[1]

    def portion(self, names: list[str], rows: slice) -> np.ndarray:
        """Some of the columns and rows (row, column), 64-bit."""
        wanted: dict[int, list[tuple[int, int]]] = {}
        for column, name in enumerate(names):
            block, place = self.places[name]
            wanted.setdefault(block, []).append((column, place))
        found = np.empty((rows.stop - rows.start, len(names)))
        record = self.blocks[0][0][rows] if self.as_table else None
        for block, pairs in wanted.items():
            dataset, field = self.blocks[block]
            values = dataset[rows] if record is None else record[field].reshape(len(found), -1)
            columns, places = np.transpose(pairs)
            found[:, columns] = values[:, places]
        return found


def _fields(group: h5py.Group, request: Request) -> list[str]:
    return [field for field in _dataset(group, "table", 1, request).dtype.names or () if field != "index"]


def _names_of(table: h5py.Dataset, field: str, request: Request) -> list[str]:
    """The columns in a block of a table: the texts of a pickle that is never loaded."""
    if not re.fullmatch(r"values_block_\d+", field):
        return [field]
    attribute = f"{field}_kind"
    if attribute not in table.attrs or table.attrs.get_id(attribute).dtype.itemsize > MOST_TEXT:
        request.refuse(f"is damaged: it does not say which columns are in {field}")
    raw = bytes(table.attrs[attribute])
    return [str(argument) for code, argument, _ in pickletools.genops(raw) if code.name in TEXTS]


def _landscape(table: _Table, request: Request) -> Arrays:
    """Jets from the columns of the public set; jets come from all parts of a file with too many."""
    refuse_weights(table.places, "jets", request)
    numbers = sorted(int(name[2:]) for name in table.places if re.fullmatch(r"E_\d{1,4}", name))
    if not numbers or LABEL not in table.places:
        listed = ", ".join(list(table.places)[:6])
        request.refuse(f"has the columns {listed[:120]}, …; E_0, PX_0, PY_0, PZ_0, …, {LABEL} are needed")
    names = [f"{component}_{number}" for number in range(len(numbers)) for component in COMPONENTS]
    if missing := next((name for name in names if name not in table.places), ""):
        request.refuse(f"has no column {missing}; E, PX, PY, PZ of each constituent from 0 on are needed")
    if len(numbers) > MOST_CONSTITUENTS:
        request.refuse(f"has room for {len(numbers):,} constituents; at most {MOST_CONSTITUENTS:,} are read")
    parts = [_jets_of(table.portion([*names, LABEL], rows), rows.start, request) for rows in _portions(table.rows, request)]
    if not parts:
        request.refuse("has no jets")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _portions(rows: int, request: Request) -> Iterator[slice]:
    """Rows to read: all, or as many as are read from evenly spread places."""
    if rows > MOST_JETS:
        request.note(f"has {rows:,} jets, of which {MOST_JETS:,} from all parts of it are read")
    count = -(-min(rows, MOST_JETS) // ROWS)
    for start in np.linspace(0, rows - ROWS, count).astype(int) if rows > MOST_JETS else np.arange(0, rows, ROWS):
        yield slice(int(start), int(min(start + ROWS, rows)))


def _jets_of(values: np.ndarray, row: int, request: Request) -> Arrays:
    """Jets of rows with columns E_0, PX_0, …, label."""
    momenta, label = values[:, :-1].reshape(len(values), -1, 4), values[:, -1]
    request.refuse_first(
        ~np.isfinite(momenta),
        lambda jet, part, k: f"has {COMPONENTS[k]}_{part} = {momenta[jet, part, k]:g} in row {row + jet + 1:,}; a number is needed",
    )
    request.refuse_first(
        momenta[..., 0] < 0,
        lambda jet, part: f"has E_{part} = {momenta[jet, part, 0]:g} in row {row + jet + 1:,}; energies are not negative",
    )
    there = (momenta[..., 0] > 0) & (pt(momenta) > 0)
    whole, parts = np.where(there[..., None], momenta, 0).sum(axis=1), momenta[there]
    return {
        "momentum": _cylinder(whole, mass(whole)),
        "label": _labels(label, LABEL, request),
        "count": there.sum(axis=1),
        "pt": pt(parts).astype(np.float32),
        "eta": eta(parts).astype(np.float32),
        "phi": phi(parts).astype(np.float32),
        "kind": np.zeros(len(parts), dtype=np.uint8),
    }


def _cylinder(momenta: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """(p_T, η, φ, mass) in 32 bits; zeros where there is nothing."""
    columns = np.stack([pt(momenta), eta(momenta), phi(momenta), masses], axis=-1)
    return np.where(pt(momenta)[:, None] > 0, columns, 0.0).astype(np.float32)


# ROOT


def _root(request: Request) -> Arrays:
    require(request, "a ROOT file", "uproot", "awkward")
    with told(request):
        import uproot

        with uproot.open({str(request.path): None}, handler=uproot.source.file.MemmapSource) as file:
            trees = [name for name, kind in file.classnames(recursive=True).items() if kind in ("TTree", "ROOT::RNTuple")]
            tree = next((file[name] for name in trees if set(PARTS) <= set(file[name].keys())), None)
            if tree is None:
                request.refuse(f"has no tree with {', '.join(PARTS)}; {NEEDED}")
            if missing := [name for name in (*WHOLE, TOP_LABEL, QCD_LABEL) if name not in tree.keys()]:
                request.refuse(f"has no branch {missing[0]}; {', '.join((*PARTS, *WHOLE, TOP_LABEL, QCD_LABEL))} are needed")
            refuse_weights(tree.keys(), "jets", request)
            check_size(tree.num_entries, getattr(tree, "uncompressed_bytes", 0), request)
            return _jet_class(tree, request)


def _jet_class(tree: Any, request: Request) -> Arrays:
    """Top and QCD jets of a tree of JetClass."""
    import awkward

    def flat(name: str) -> np.ndarray:
        return np.asarray(awkward.to_numpy(tree[name].array()), dtype=np.float64)

    top, qcd = flat(TOP_LABEL) > 0, flat(QCD_LABEL) > 0
    chosen = np.flatnonzero(top | qcd)
    if others := len(top) - len(chosen):
        request.note(f"has {others:,} jets that are neither top ({TOP_LABEL}) nor QCD, which are left out")
    if len(chosen) > MOST_JETS:
        request.note(f"has {len(chosen):,} jets, of which {MOST_JETS:,} from all parts of it are read")
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_JETS).astype(int)]
    lists = {name: tree[name].array()[chosen] for name in (*PARTS, *(name for name in KINDS if name in tree.keys()))}
    count = awkward.to_numpy(awkward.num(lists[PARTS[0]]))
    for name, values in lists.items():
        if not np.array_equal(awkward.to_numpy(awkward.num(values)), count):
            request.refuse(f"has another number of constituents in {name} than in {PARTS[0]}")
    x, y, z, energy = (np.asarray(awkward.to_numpy(awkward.flatten(lists[name])), dtype=np.float64) for name in PARTS)
    parts = np.stack([energy, x, y, z], axis=-1)
    kind = np.zeros(len(parts), dtype=np.uint8)
    for name, number in KINDS.items():
        if name in lists:
            kind[np.asarray(awkward.to_numpy(awkward.flatten(lists[name]))) > 0] = number
    there = (energy > 0) & (pt(parts) > 0)
    jet = np.repeat(np.arange(len(chosen)), count)[there]
    pt_jet, eta_jet, phi_jet, energy_jet = (flat(name)[chosen] for name in WHOLE)
    masses = np.sqrt(np.maximum(energy_jet**2 - (pt_jet * np.cosh(eta_jet)) ** 2, 0))
    return {
        "momentum": np.stack([pt_jet, eta_jet, phi_jet, masses], axis=-1).astype(np.float32),
        "label": top[chosen].astype(np.uint8),
        "count": np.bincount(jet, minlength=len(chosen)),
        "pt": pt(parts[there]).astype(np.float32),
        "eta": eta(parts[there]).astype(np.float32),
        "phi": phi(parts[there]).astype(np.float32),
        "kind": kind[there],
    }
