"""Own jets: the public files as pandas and uproot write them, our own; what is damaged, foreign, hostile or missing is one sentence."""

from __future__ import annotations

import contextlib
import re
import warnings
from importlib.util import find_spec

import h5py
import numpy as np
import pytest
from test_jets import same

from workbench.data.files import FileNote, count_events
from workbench.data.reader import FileProblem
from workbench.data.reader import jets as reader
from workbench.data.reader.request import Request
from workbench.families.taggers.jets import Jets, cylinder
from workbench.families.taggers.read import read_jets
from workbench.families.taggers.sample import shipped
from workbench.families.taggers.store import save_jets

COMPONENTS = ("E", "PX", "PY", "PZ")
ROOM = 30


@pytest.fixture(scope="module")
def momenta() -> np.ndarray:
    """Four-momenta (jet, 30, 4) in 32 bits, zero where there is none; no two have the same p_T."""
    jets = shipped()[:400]
    spread = np.random.default_rng(1).uniform(0.9, 1.1, (400, ROOM, 1))
    return (jets.momenta(ROOM) * spread).astype(np.float32)


@pytest.fixture(scope="module")
def label() -> np.ndarray:
    return shipped()[:400].label.astype(np.int64)


@pytest.fixture(scope="module")
def frame(momenta, label):
    """As the public files: constituents, the true top, and what a jet is, among which the label is last."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    names = [f"{component}_{number}" for number in range(ROOM) for component in COMPONENTS]
    made = pandas.DataFrame(momenta.reshape(len(momenta), -1), columns=names)
    true = pandas.DataFrame(np.zeros((len(made), 4), dtype=np.float32), columns=[f"truth{name}" for name in COMPONENTS])
    return pandas.concat([made, true, pandas.DataFrame({"ttv": 0, "is_signal_new": label})], axis=1)


@pytest.fixture
def written(tmp_path):
    """Writes a frame as the public files are."""

    def write(frame, form="table", library=None, key="table"):
        path = tmp_path / f"{form}.h5"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTables, about names and speed
            frame.to_hdf(path, key=key, mode="w", format=form, complib=library, complevel=5 if library else None)
        return path

    return write


def expected(momenta: np.ndarray, label: np.ndarray) -> Jets:
    """The jets of these momenta, worked out here."""
    there = momenta[..., 0] > 0
    parts = cylinder(*momenta[there].astype(np.float64).T)
    whole = cylinder(*np.moveaxis(momenta.astype(np.float64).sum(axis=1), -1, 0)).astype(np.float32)
    return Jets.of(label, there.sum(axis=1), *parts[:, :3].astype(np.float32).T, momentum=whole)


def problem(path, **options) -> str:
    """The sentence with which a file is refused, by the process that reads it."""
    with pytest.raises(FileProblem) as found:
        read_jets(path, **options)
    text = str(found.value)
    assert "\n" not in text and len(text) < 500 and path.name in text and text.endswith(".")
    return text


def refused(path, kind: str = reader.JETS) -> str:
    """The same, read in this process."""
    with pytest.raises(FileProblem) as found:
        reader.read_jets(Request(path, kind, path.name, "auto", []))
    text = str(found.value)
    assert "\n" not in text and len(text) < 500 and path.name in text and text.endswith(".")
    return text


# What pandas writes


@pytest.mark.parametrize("library", [None, "zlib"])
@pytest.mark.parametrize("form", ["table", "fixed"])
def test_both_layouts_of_pandas_are_read_bit_by_bit(form, library, frame, momenta, label, written):
    found = read_jets(written(frame, form, library))
    assert same(found, expected(momenta, label)) and len(found) == 400 and found.kind.max() == 0
    order = np.argsort(-np.hypot(momenta[..., 1], momenta[..., 2]), axis=1, kind="stable")
    np.testing.assert_allclose(found.momenta(ROOM), np.take_along_axis(momenta, order[..., None], axis=1), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("form", ["table", "fixed"])
def test_columns_are_found_by_name_whatever_their_order_and_type(form, frame, momenta, label, written):
    rng = np.random.default_rng(1)
    shuffled = frame[[frame.columns[place] for place in rng.permutation(len(frame.columns))]].astype(float)
    shuffled["is_signal_new"] = label.astype(bool)
    shuffled["PX_3"] = shuffled["PX_3"].astype(np.float32)
    assert same(read_jets(written(shuffled, form, key="jets")), expected(momenta, label))


def test_a_column_of_its_own_in_a_table_is_found(frame, momenta, label, tmp_path):
    frame.to_hdf(tmp_path / "own.h5", key="table", format="table", data_columns=["is_signal_new", "E_0"])
    assert same(read_jets(tmp_path / "own.h5"), expected(momenta, label))


@pytest.mark.parametrize("form", ["table", "fixed"])
@pytest.mark.parametrize("library", ["blosc", "blosc:zstd", "blosc2"])
def test_blosc_is_read_with_its_plugin_or_refused_by_its_name(form, library, frame, momenta, label, written):
    path = written(frame, form, library)
    if find_spec("hdf5plugin"):
        assert same(read_jets(path), expected(momenta, label))
    else:
        assert re.search(r"is packed with blosc2?, which is read with hdf5plugin, not installed here: pip install", problem(path))


def test_the_names_of_columns_are_read_without_loading_their_pickle(frame, written, tmp_path):
    """A pickle that makes a file when it is loaded."""
    path, mark = written(frame), tmp_path / "made"
    with h5py.File(path, "r+") as file:
        table = file["table/table"]
        raw = bytes(table.attrs["values_block_0_kind"])
        table.attrs["values_block_0_kind"] = np.bytes_(f"cos\nsystem\n(S'touch {mark}'\ntR.".encode() + raw)
    refused(path)
    assert not mark.exists()


def test_more_jets_than_are_read_come_from_all_parts(frame, label, written, monkeypatch):
    monkeypatch.setattr(reader, "MOST_JETS", 250)
    monkeypatch.setattr(reader, "ROWS", 50)
    request = Request(path := written(frame), reader.JETS, path.name, "auto", [])
    table_label = reader.read_jets(request)["label"]
    starts = np.linspace(0, 350, 5).astype(int)
    np.testing.assert_array_equal(table_label, np.concatenate([label[start : start + 50] for start in starts]))
    assert request.notes == ["table.h5 has 400 jets, of which 250 from all parts of it are read."]


def test_jets_without_constituents_are_left_out_and_said(frame, momenta, label, written):
    some = momenta.copy()
    some[[3, 17]] = 0
    changed = frame.copy()
    changed.iloc[[3, 17], : 4 * ROOM] = 0.0
    with pytest.warns(FileNote, match="2 jets without constituents, which are left out"):
        found = read_jets(written(changed))
    kept = np.delete(np.arange(400), [3, 17])
    assert same(found, expected(some[kept], label[kept]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="is_signal_new"), "has the columns E_0, PX_0, .* is_signal_new are needed"),
        (lambda frame: frame.drop(columns="PX_7"), "has no column PX_7"),
        (lambda frame: frame.drop(columns="E_4"), r"has no column E_29|has no column E_4"),
        (lambda frame: frame.assign(is_signal_new=2), "has is_signal_new = 2.* of jet 1; 1 for top and 0 for QCD"),
        (lambda frame: frame.assign(is_signal_new=1), "has top jets only; jets of both labels are needed"),
        (lambda frame: frame.assign(PY_2=np.nan), "has PY_2 = nan in row 1; a number is needed"),
        (lambda frame: frame.assign(E_5=-1.0), "has E_5 = -1 in row 1; energies are not negative"),
        (lambda frame: frame.iloc[:50], "has 50 jets with constituents; at least 210 are needed"),
        (lambda frame: frame * ([1e3] * 4 * ROOM + [1] * 6), "can hardly be GeV"),
        (lambda frame: frame.iloc[:0], "has no jets|has 0 jets|is damaged"),
        (lambda frame: frame.rename(columns=lambda name: f"x{name}"), "has the columns xE_0, .* are needed"),
    ],
)
@pytest.mark.parametrize("form", ["table", "fixed"])
def test_what_is_missing_or_wrong_in_a_frame_is_a_sentence(form, change, words, frame, written):
    assert re.search(words, refused(written(change(frame), form)))


def test_few_jets_or_one_label_can_be_looked_at(frame, momenta, label, written):
    tops = np.flatnonzero(label)[:30]
    assert same(read_jets(written(frame.iloc[tops]), to_train=False), expected(momenta[tops], label[tops]))


def test_a_file_is_counted_before_it_is_trained_with(frame, written):
    answer = count_events(written(frame), "jets")
    assert (answer.kind, answer.events, answer.values) == ("jets", 400, {})


def test_weights_are_refused_with_how_to_get_rid_of_them(frame, written, root, tmp_path):
    wanted = "which are not used, as all jets count alike; leave them out, after hit-or-miss, keeping each with the probability w/w_max."
    weight = np.linspace(0.5, 2, len(frame)).astype(np.float32)
    for form in ("table", "fixed"):
        assert f"has weights, 'weight', {wanted}" in refused(written(frame.assign(weight=weight), form, None))
    assert f"has weights, 'event_weight', {wanted}" in refused(root(event_weight=weight))
    path = save_jets(tmp_path / "mine.h5", shipped()[:300])
    with h5py.File(path, "r+") as file:
        file["weights"] = np.ones(300)
    assert f"has weights, 'weights', {wanted}" in problem(path)


def saved(tmp_path, change):
    """Jets as `save_jets` writes them, changed by a function of the open file."""
    path = save_jets(tmp_path / "mine.h5", shipped()[:300])
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def scaled(factor: float, *names: str, unit: str = ""):
    def change(file):
        for name in names:
            values = file[name][()]
            columns = [0, 3] if values.ndim == 2 else slice(None)
            values[..., columns] *= factor
            file[name][...] = values
            if unit:
                file[name].attrs["units"] = unit

    return change


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "MeV"), (1e-3, "TeV"), (1.0, "GeV")])
def test_units_that_a_file_says_of_jets_are_obeyed(factor, unit, tmp_path):
    plain = read_jets(saved(tmp_path, lambda file: None))
    notes = contextlib.nullcontext() if unit == "GeV" else pytest.warns(FileNote, match=f"in {unit}, as it says, and was brought to GeV")
    with notes:
        found = read_jets(saved(tmp_path, scaled(factor, "jet_momentum", "pt", unit=unit)))
    np.testing.assert_allclose(found.momentum, plain.momentum, rtol=1e-6)
    np.testing.assert_allclose(found.pt, plain.pt, rtol=1e-6)


def test_units_and_angles_of_jets_that_cannot_be_are_refused(tmp_path):
    assert "says 'furlong' for the unit of its pt" in refused(saved(tmp_path, scaled(1.0, "pt", unit="furlong")))
    assert "can hardly be GeV" in refused(saved(tmp_path, scaled(3e-3, "jet_momentum", "pt")))
    assert "has constituents whose transverse momenta come to" in refused(saved(tmp_path, scaled(1e3, "pt")))

    def turned(file):
        file["delta_phi"][...] = file["delta_phi"][()] + 2 * np.pi

    assert "from −π to π relative to the jet is needed" in refused(saved(tmp_path, turned))


# JetClass


@pytest.fixture
def root(tmp_path, momenta, label):
    """Writes a tree as JetClass has it; options replace branches, None leaves one out."""
    uproot, awkward = pytest.importorskip("uproot"), pytest.importorskip("awkward")

    def write(**changes):
        count = (momenta[..., 0] > 0).sum(axis=1)
        flat = momenta[momenta[..., 0] > 0]
        lists = dict(zip(("part_energy", "part_px", "part_py", "part_pz"), flat.T, strict=True))
        lists |= {
            f"part_is{name}": (np.arange(len(flat)) % 3 == place).astype(np.float32)
            for place, name in enumerate(("ChargedHadron", "Photon", "NeutralHadron"))
        }
        whole = cylinder(*np.moveaxis(momenta.astype(np.float64).sum(axis=1), -1, 0))
        energy = momenta[..., 0].astype(np.float64).sum(axis=1)
        branches = {name: awkward.unflatten(values, count) for name, values in lists.items()}
        branches |= dict(zip(("jet_pt", "jet_eta", "jet_phi"), whole.T[:3].astype(np.float32), strict=True))
        branches |= {
            "jet_energy": energy.astype(np.float32),
            "label_Tbqq": label.astype(np.int32),
            "label_QCD": (1 - label).astype(np.float32),
        }
        branches = {name: values for name, values in (branches | changes).items() if values is not None}
        with uproot.recreate(tmp_path / "jets.root") as file:
            file["tree"] = branches
        return tmp_path / "jets.root"

    return write


def test_jets_of_jetclass_are_read(root, momenta, label):
    found, wanted = read_jets(root()), expected(momenta, label)
    np.testing.assert_array_equal(found.label, label)
    np.testing.assert_array_equal(found.count, wanted.count)
    np.testing.assert_array_equal(found.pt, wanted.pt)
    np.testing.assert_allclose(found.delta_eta, wanted.delta_eta, atol=1e-5)
    np.testing.assert_allclose(found.momentum[:, :3], wanted.momentum[:, :3], rtol=1e-5)
    np.testing.assert_allclose(found.mass, wanted.mass, rtol=0.02, atol=0.5)
    assert set(np.unique(found.kind)) == {1, 2, 3}


def test_jets_with_other_labels_are_left_out_and_said(root, label):
    other = label.copy()
    other[:60] = 0
    rest = (1 - label).astype(np.float32)
    rest[:60] = 0
    with pytest.warns(FileNote, match="60 jets that are neither top"):
        found = read_jets(root(label_Tbqq=other.astype(np.int32), label_QCD=rest))
    np.testing.assert_array_equal(found.label, label[60:])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label_QCD": None}, "has no branch label_QCD"),
        ({"jet_pt": None}, "has no branch jet_pt"),
        ({"part_py": None}, "has no tree with part_px, part_py"),
        ({"label_QCD": np.zeros(400), "label_Tbqq": np.ones(400)}, "has top jets only"),
        ({"label_QCD": np.zeros(400), "label_Tbqq": np.zeros(400)}, "has 0 jets"),
        ({"jet_pt": np.full(400, np.nan)}, "has momentum = nan of jet 1; a number is needed"),
    ],
)
def test_what_is_missing_in_a_tree_is_a_sentence(root, changes, words):
    assert words in refused(root(**changes))


# Our own


def test_what_is_saved_is_read_as_it_was(tmp_path):
    jets = shipped()[100:500]
    assert same(read_jets(save_jets(tmp_path / "mine.h5", jets, title="mine")), jets)
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(tmp_path / "mine.h5", engine="h5netcdf") as dataset:
        assert dataset.sizes["jet"] == 400 and dataset.pt.attrs["units"] == "GeV" and dataset.attrs["title"] == "mine"


def change_file(path, name, values):
    with h5py.File(path, "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("kind", lambda values: None, "has no 'kind'"),
        ("count", lambda values: values[:-1], "has arrays of different lengths"),
        ("pt", lambda values: values[:-1], "has arrays of different lengths"),
        ("jet_momentum", lambda values: values[:, :3], "has arrays of different lengths"),
        ("first", lambda values: values + 10_000_000, "with constituents that are not there"),
        ("first", lambda values: values.astype(float), "whole numbers are needed"),
        ("count", lambda values: -values, "with constituents that are not there"),
        ("label", lambda values: values + 1, "of jet 1; 1 for top"),
        ("pt", lambda values: -values, "a positive number is needed"),
        ("delta_phi", lambda values: values * np.nan, "has delta_phi = nan of constituent 1; a number is needed"),
        ("pt", lambda values: values.astype("S8"), "numbers are needed"),
        ("pt", lambda values: values.reshape(-1, 1), "an array with 1 axes"),
    ],
)
def test_own_arrays_that_do_not_fit_are_a_sentence(name, change, words, tmp_path):
    path = save_jets(tmp_path / "mine.h5", shipped()[:300])
    with h5py.File(path) as file:
        values = file[name][()]
    change_file(path, name, change(values))
    assert words in refused(path)


def test_own_arrays_in_another_order_are_put_in_order(tmp_path):
    jets = shipped()[:300]
    path = save_jets(tmp_path / "mine.h5", jets)
    backwards = {name: getattr(jets.packed(), name)[::-1] for name in ("pt", "delta_eta", "delta_phi", "kind")}
    for name, values in backwards.items():
        change_file(path, name, values.copy())
    change_file(path, "first", len(jets.packed().pt) - jets.packed().first - jets.count)
    found = read_jets(path)
    np.testing.assert_array_equal(found.pt, jets.packed().pt)
    np.testing.assert_array_equal(found.count, jets.count)


# Damaged, foreign, hostile


@pytest.mark.parametrize("share", [0.2, 0.7, 0.98])
def test_a_truncated_file_is_damaged(share, frame, written, tmp_path, root):
    for path in (written(frame, "table", "zlib"), written(frame, "fixed"), save_jets(tmp_path / "mine.h5", shipped()), root()):
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        assert re.search("is damaged|has no|is refused|is neither", problem(path))


def test_damaged_bytes_are_a_sentence_or_leave_the_jets_numbers(tmp_path):
    data = save_jets(tmp_path / "mine.h5", shipped()[:300]).read_bytes()
    rng = np.random.default_rng(3)
    for number in range(40):
        broken = bytearray(data)
        for place in rng.integers(len(data), size=20):
            broken[place] = rng.integers(256)
        path = tmp_path / f"{number}.h5"
        path.write_bytes(broken)
        try:
            found = reader.read_jets(Request(path, reader.JETS, path.name, "auto", []))
        except FileProblem as sentence:
            assert "\n" not in str(sentence) and path.name in str(sentence)
        else:
            assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("text.csv", b"E,px\n1,2\n", "is text; jets are read from"),
        ("notes.pdf", b"%PDF-1.4 " + b"x" * 100, "is a PDF"),
        ("some.pkl", b"\x80\x04\x95 123456", "is a Python pickle, which is never read"),
        ("zeros.h5", b"\0" * 5_000, "is neither an HDF5 file"),
        ("empty.root", b"root" + b"\0" * 500, "is damaged|has no"),
    ],
)
def test_other_files_are_told_by_their_name(name, data, words, tmp_path):
    (tmp_path / name).write_bytes(data)
    assert re.search(words, problem(tmp_path / name))


def test_events_are_no_jets(tmp_path):
    with h5py.File(tmp_path / "events.h5", "w") as file:
        file["momenta"] = np.ones((300, 5, 4))
        file["group/other"] = np.ones(3)
    assert "has no jets: it holds group, momenta" in problem(tmp_path / "events.h5")


def test_a_file_that_does_not_exist_is_said(tmp_path):
    assert "does not exist" in problem(tmp_path / "none.h5")


def hostile_link(file, folder):
    del file["pt"]
    file["pt"] = h5py.ExternalLink(str(folder / "other.h5"), "pt")


def hostile_storage(file, folder):
    size = len(file["pt"])
    del file["pt"]
    file.create_dataset("pt", (size,), "f4", external=[(str(folder / "other.bin"), 0, 4 * size)])


def hostile_size(file, folder):
    del file["pt"]
    file.create_dataset("pt", (90_000_000,), "f4", chunks=(100_000,), compression="gzip")


def hostile_group(file, folder):
    del file["pt"]
    file.create_group("pt")


@pytest.mark.parametrize("change", [hostile_link, hostile_storage, hostile_size, hostile_group])
def test_what_reaches_outside_or_claims_to_be_enormous_is_refused(change, tmp_path):
    path = save_jets(tmp_path / "mine.h5", shipped()[:300])
    save_jets(tmp_path / "other.h5", shipped()[:300])
    (tmp_path / "other.bin").write_bytes(b"private" * 100_000)
    with h5py.File(path, "r+") as file:
        change(file, tmp_path)
    assert re.search("must be in the file itself|declares|is refused|something else", refused(path))


def test_a_pickle_with_a_million_names_is_refused(frame, written):
    path = written(frame)
    with h5py.File(path, "r+") as file:
        table = file["table/table"]
        table.attrs["values_block_0_kind"] = np.bytes_(b"(lp0\n" + b"".join(b"VE_%d\na" % number for number in range(5_000)) + b".")
    assert "names 5000 columns where it has" in refused(path)
