"""HDF5 files: read with any names, groups and units; refused at once where they are hostile."""

from __future__ import annotations

import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from attacks import ATTACKS, elsewhere
from own import of_file, problem, refused, same

import workbench as wb
from workbench.data import cache
from workbench.data.events import Events
from workbench.data.files import FileProblem, load_file


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


def flat(p, a) -> np.ndarray:
    return np.column_stack([p.reshape(len(p), -1), a])


LAYOUTS = {
    "one dataset per process": lambda p, a: {"aag": flat(p, a), "aagg": np.ones((300, 25))},
    "two that fit, one called like the process": lambda p, a: {"gg_yyg": flat(p, a), "test": flat(p, a)},
    "amplitudes in a column": lambda p, a: {"momenta": p, "amplitude": a[:, None]},
    "flat momenta": lambda p, a: {"momenta": p.reshape(300, 20), "amplitude": a},
    "flat momenta and labels": lambda p, a: {"aag": p.reshape(300, 20), "aagg": np.ones((300, 24)), "labels": a, "pt": a},
    "momenta of another name": lambda p, a: {"g/PS": p, "g/me2": a[:, None], "g/id": np.arange(300), "top": p[:9]},
    "other case": lambda p, a: {"Momenta": p, "AMPLITUDE": a},
    "a group": lambda p, a: {"data/events/momenta": p, "data/events/amplitude": a, "data/pt": a[:7]},
    "the top before groups": lambda p, a: {"momenta": p, "amplitude": a, "more/momenta": p[:9], "more/amplitude": a[:9]},
    "columns": lambda p, a: (
        {f"{part}{leg + 1}": p[:, leg, k] for leg in range(5) for k, part in enumerate(("E", "px", "py", "pz"))} | {"amplitude": a}
    ),
    "records": lambda p, a: {
        "table": np.rec.fromarrays(
            flat(p, a).T, names=[f"{part}{leg}" for leg in range(1, 6) for part in ("E", "px", "py", "pz")] + ["amplitude"]
        )
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_events_are_found_wherever_they_are(layout, events, hdf5):
    assert same(Events(**of_file(hdf5(lambda file: file.update(LAYOUTS[layout](events.momenta, events.amplitude))))), events)


def test_points_are_found_in_groups_and_columns(hdf5):
    points = np.random.default_rng(1).normal(size=(300, 2))
    for layout in ({"g/Points": points}, {"x": points[:, 0], "Y": points[:, 1]}, {"anything": points}):
        assert np.array_equal(of_file(hdf5(lambda file, layout=layout: file.update(layout)), "ring")["points"], points)


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        (lambda p, a: {"aag": flat(p, a), "aag_test": flat(p, a)}, "that fit: aag, aag_test; save the one that is meant"),
        (lambda p, a: {"aagg": np.ones((300, 25))}, "has aagg (300, 25); 21 columns are needed for gg_yyg, choose process='gg_yygg'"),
        (lambda p, a: {"zg": np.ones((300, 17))}, "it has zg (300, 17), but momenta and amplitude, or 21 columns, are needed; wb.s"),
        (
            lambda p, a: {"PS": p, "NJ": a},
            "has no dataset 'momenta'; it has NJ (300,), PS (300, 5, 4), but momenta and amplitude, or 21 columns",
        ),
        (lambda p, a: {"a": p, "b": p, "labels": a}, "has several momenta that fit: a, b; save the one that is meant"),
        (lambda p, a: {f"{n}/momenta": p for n in ("test", "train")}, "has several momenta that fit: test/momenta, train/momenta"),
        (lambda p, a: {"momenta": p}, "has no dataset 'amplitude'; it has momenta; wb.save_events(path, momenta, amplitude) writes both"),
        (lambda p, a: {"momenta": p, "amplitude": 3.0}, "has 300 momenta but amplitudes of the shape ()"),
    ],
)
def test_what_is_there_is_named_where_it_is_not_clear(layout, sentence, events, hdf5):
    assert sentence in refused(hdf5(lambda file: file.update(layout(events.momenta, events.amplitude))))


def described(events, hdf5, momenta=1.0, amplitude=1.0, of_momenta=(), of_amplitude=()):
    """A file with other numbers and the attributes that say why."""

    def fill(file):
        file["momenta"], file["amplitude"] = events.momenta * momenta, events.amplitude * amplitude
        file["momenta"].attrs.update(dict(of_momenta))
        file["amplitude"].attrs.update(dict(of_amplitude))

    return hdf5(fill)


@pytest.mark.parametrize(
    ("momenta", "amplitude", "of_momenta", "of_amplitude"),
    [
        (1e-3, 1e6, "TeV", ""),
        (1e3, 1e-6, "MeV", ""),
        (1e3, 1e-6, b"MeV/c", "1/MeV^2"),
        (1e3, 1.0, "MeV", "GeV^-2"),
        (1.0, 1e6, "GeV", "TeV**(-2)"),
        (1e6, 1e-12, "keV", ""),
        (1.0, 1.0, "GeV", "1"),
    ],
)
def test_units_that_a_file_says_are_obeyed_and_amplitudes_have_powers_of_them(momenta, amplitude, of_momenta, of_amplitude, events, hdf5):
    path = described(events, hdf5, momenta, amplitude, {"units": of_momenta}, {"units": of_amplitude} if of_amplitude else {})
    notes: list[str] = []
    assert same(Events(**of_file(path, notes=notes)), events, rtol=1e-14)
    assert bool(notes) == ((momenta, amplitude) != (1, 1))


def test_units_that_the_user_says_go_before(events, hdf5):
    path = described(events, hdf5, 1e-3, 1e6)
    assert "has collisions of √ŝ = 1 GeV; are the momenta in TeV? Say so with units = 'TeV' (--units TeV)" in problem(path)
    assert same(load_file(path, units="TeV"), events, rtol=1e-14)
    notes: list[str] = []
    path = described(events, hdf5, 1e3, 1e-6, {"units": "GeV"})
    assert same(Events(**of_file(path, units="MeV", notes=notes)), events, rtol=1e-14)
    assert notes == [
        "mine.h5 says that its momenta are in GeV, but was read in MeV, as asked.",
        "mine.h5 has momenta in MeV and amplitudes in MeV^-2, as asked, and was brought to GeV.",
    ]
    notes = []
    path = described(events, hdf5, 1e3, 1e-6, {"units": "furlong"}, {"units": "GeV^-2"})
    assert same(Events(**of_file(path, units="MeV", notes=notes)), events, rtol=1e-14)
    assert "says 'furlong' for the unit of its momenta, but was read in MeV, as asked" in notes[0]
    assert "says that its amplitudes are in GeV^-2, but was read in MeV^-2, as asked" in notes[1]
    low = described(events, hdf5, 0.01)
    assert np.allclose(of_file(low, units="GeV")["momenta"], events.momenta / 100)
    with pytest.raises(FileProblem, match="units = 'furlong' is not possible: one of auto, GeV, MeV, TeV is needed"):
        load_file(path, units="furlong")


@pytest.mark.parametrize("name", ["units", "Units", "UNIT"])
@pytest.mark.parametrize("place", ["/", "ev", "ev/momenta"])
def test_units_of_a_group_or_of_the_file_hold_for_the_momenta_in_it(place, name, events, hdf5):
    def fill(file):
        file["ev/momenta"], file["ev/amplitude"] = events.momenta * 1e3, events.amplitude * 1e-6
        file["/"].attrs["units"] = "furlong" if place != "/" else "MeV"
        file[place].attrs[name] = "MeV"

    if (place, name) != ("/", "UNIT"):
        assert same(Events(**of_file(hdf5(fill))), events, rtol=1e-14)


def test_units_of_the_file_are_not_those_of_its_weights_and_of_amplitudes_they_have_powers(events, hdf5):
    weight = np.linspace(1, 2, 300)

    def fill(file):
        file["momenta"], file["amplitude"], file["weight"] = events.momenta / 1e3, events.amplitude * 1e6, weight
        file.attrs["units"] = "TeV"

    found = of_file(hdf5(fill))
    np.testing.assert_array_equal(found["weight"], weight)
    np.testing.assert_allclose(found["amplitude"], events.amplitude, rtol=1e-14)


def test_units_of_each_component_are_obeyed_if_they_are_one(events, hdf5):
    assert same(Events(**of_file(described(events, hdf5, 1e3, 1e-6, {"units": ["MeV"] * 4}))), events, rtol=1e-14)
    assert "says 'MeV, GeV' for the unit of its momenta" in refused(described(events, hdf5, 1e3, 1e-6, {"units": ["MeV", "GeV"]}))


def test_factors_of_packed_numbers_are_found_in_any_case_and_refused_where_there_are_several(events, hdf5):
    assert same(Events(**of_file(described(events, hdf5, 0.5, 1, {"Scale_Factor": [2.0] * 4}))), events, rtol=1e-14)
    said = refused(described(events, hdf5, 1, 1, {"scale_factor": [1.0, 2.0, 2.0, 2.0]}))
    assert "has the attribute scale_factor of '/momenta' with several values; unpack the numbers first" in said


def test_arrays_inside_of_records_are_read(events, tmp_path, hdf5):
    rows = np.zeros(300, dtype=[("momenta", "f8", (5, 4)), ("amplitude", "f8")])
    rows["momenta"], rows["amplitude"] = events.momenta, events.amplitude
    np.save(tmp_path / "a.npy", rows)
    for path in (tmp_path / "a.npy", hdf5(lambda file: file.create_dataset("table", data=rows))):
        assert same(Events(**of_file(path)), events)


def test_units_that_cannot_be_are_refused(events, hdf5):
    assert "says 'furlong' for the unit of its momenta" in refused(described(events, hdf5, of_momenta={"units": "furlong"}))
    assert "says 'pb' for the unit of its amplitude" in refused(described(events, hdf5, of_amplitude={"units": "pb"}))
    said = refused(described(events, hdf5, of_amplitude={"units": "GeV^-4"}))
    assert "has amplitudes in GeV^-4; |M|² of gg_yyg has the unit GeV^-2" in said


def test_packed_numbers_are_unpacked(hdf5):
    points = np.round(np.random.default_rng(1).normal(size=(300, 2)), 2)

    def fill(file):
        file["points"] = np.round((points - 5) / 0.01).astype("i4")
        file["points"].attrs.update({"scale_factor": 0.01, "add_offset": np.array([5.0])})

    notes: list[str] = []
    np.testing.assert_allclose(of_file(hdf5(fill), "ring", notes=notes)["points"], points, atol=1e-12)
    assert "has 'points' packed, and was unpacked by its scale_factor 0.01 and add_offset 5" in notes[0]
    momenta = wb.make_dataset("z_jets", 250)["momenta"].values

    def filled(file):
        file["momenta"] = np.where(np.isnan(momenta), -1e20, momenta)
        file["momenta"].attrs["_FillValue"] = -1e20

    np.testing.assert_array_equal(of_file(hdf5(filled), "z_jets")["momenta"], momenta)


HOLD = "import sys, h5py; file = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"


def test_a_file_that_another_program_has_open_for_writing_is_told_to_be_so(events, hdf5, monkeypatch):
    path = described(events, hdf5)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        assert "mine.h5 is open for writing in another program; close it there." in problem(path)
        monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "FALSE")
        assert same(load_file(path), events)
        other.stdin.close()
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING")
    assert same(load_file(path), events)


def test_no_lock_is_needed_to_read(events, hdf5, monkeypatch):
    """Disks of clusters may have none: HDF5 itself then refuses to open a file."""
    import fcntl

    def no_locks(file, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    opened, real = [], h5py.File

    def file(*arguments, **options):
        opened.append(options["locking"])
        return real(*arguments, **options)

    path = described(events, hdf5)
    monkeypatch.setattr(h5py, "File", file)
    assert same(Events(**of_file(path)), events) and opened == [False]
