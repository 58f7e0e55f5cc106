"""The user's files: read where they are right; one sentence naming file, row and column where they are not; no harm from hostile ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from workbench.data import cache, files
from workbench.data.events import Events
from workbench.data.files import FileProblem, columns, load_file
from workbench.physics.amplitudes import gg_yygg
from workbench.physics.phase_space import flat_events

SECRET = b"private" * 10_000


@pytest.fixture(scope="module")
def events() -> Events:
    rng = np.random.default_rng(4)
    return Events(flat_events(400, rng)[:300], np.exp(rng.normal(-18, 1, 300)))


@pytest.fixture
def table(events) -> np.ndarray:
    """A row per event: E1, …, pz5, amplitude."""
    return np.column_stack([events.momenta.reshape(300, 20), events.amplitude])


@pytest.fixture
def write(tmp_path):
    """Writes rows as CSV, with a header unless told otherwise."""

    def write(table, *, header=True, delimiter=",", digits=17, name="mine.csv"):
        path = tmp_path / name
        names = header if isinstance(header, str) else delimiter.join(columns("gg_yyg")) if header else ""
        np.savetxt(path, table, delimiter=delimiter, header=names, comments="", fmt=f"%.{digits}g")
        return path

    return write


@pytest.fixture
def hdf5(tmp_path):
    """Writes an HDF5 file by a function of the open file."""

    def write(fill, name="mine.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            fill(file)
        return tmp_path / name

    return write


def same(first: Events, second: Events, rtol: float = 0) -> bool:
    return np.allclose(first.momenta, second.momenta, rtol=rtol, atol=0) and np.allclose(
        first.amplitude, second.amplitude, rtol=rtol, atol=0
    )


def problem(path, process: str = "gg_yyg") -> str:
    with pytest.raises(FileProblem) as found:
        load_file(path, process)
    assert "\n" not in str(found.value) and len(str(found.value)) < 400
    return str(found.value)


def test_csv_with_and_without_header_and_with_any_delimiter(events, table, write):
    assert same(load_file(write(table)), events)
    assert same(load_file(write(table, header=False)), events)
    for delimiter in (";", "\t", " "):
        assert same(load_file(write(table, delimiter=delimiter)), events)
    assert same(load_file(write(table, digits=7)), events, rtol=1e-5)


def test_csv_columns_may_come_in_any_order_and_among_others(events, table, write):
    order = np.random.default_rng(1).permutation(21)
    header = "id," + ",".join(np.array(columns("gg_yyg"))[order]).upper()
    assert same(load_file(write(np.column_stack([np.arange(300), table[:, order]]), header=header)), events)


def test_csv_with_comments_blank_lines_and_a_byte_order_mark(events, table, write):
    path = write(table)
    path.write_text("\ufeff# made by hand\n\n" + path.read_text())
    assert same(load_file(path), events)


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


def at(table, row, column, value):
    changed = table.copy()
    changed[row - 1, column] = value
    return changed


def moved(table, **shifts):
    changed = table.copy()
    for name, value in shifts.items():
        changed[4, columns("gg_yyg").index(name)] += value
    return changed


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: at(t, 17, 20, np.nan), "mine.csv has amplitude = nan in row 17; amplitudes must be positive"),
        (lambda t: at(t, 17, 20, np.inf), "has amplitude = inf in row 17"),
        (lambda t: at(t, 17, 20, 0), "has amplitude = 0 in row 17"),
        (lambda t: at(at(t, 17, 20, -1e-9), 18, 20, -2), "has amplitude = -1e-09 in row 17; amplitudes must be positive"),
        (lambda t: at(at(t, 17, 20, -1e-9), 18, 20, -2), "since their logarithm is learned (2 of 300 rows are so)"),
        (lambda t: at(t, 3, 13, np.nan), "has px4 = nan in row 3; a number is needed"),
        (lambda t: at(t, 300, 0, -np.inf), "has E1 = -inf in row 300"),
        (lambda t: at(t, 5, 0, -t[4, 0]), "in row 5; all energies are positive, those of incoming particles too"),
        (lambda t: moved(t, E3=50), "has particle 3 (y1) with E ="),
        (lambda t: moved(t, px1=30, E1=1), "has the incoming particle 1 (g1) not along the beam, the z axis, in row 5"),
        (lambda t: moved(t, pz1=5, E1=5), "does not conserve momentum in row 5: E of incoming and outgoing particles differ by 5 GeV"),
        (lambda t: t[:, [1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 17, 18, 19, 16, 20]], "has E1 = 0 in row 1"),
        (lambda t: np.column_stack([t[:, :20] * 1e3, t[:, 20]]), "has collisions of √ŝ = 1e+06 GeV; are the momenta in MeV?"),
        (lambda t: np.column_stack([t[:, :20] / 1e4, t[:, 20]]), "has collisions of √ŝ = 0.1 GeV; are the momenta in TeV?"),
        (lambda t: t[:1], "has 1 event; at least 210 are needed"),
        (lambda t: t[:100], "has 100 events; at least 210 are needed"),
        (lambda t: t[:0], "has no events"),
    ],
)  # fmt: skip
def test_r13_numbers_that_cannot_be_right_are_named_with_row_and_column(change, sentence, table, write):
    assert sentence in problem(write(change(table)))


def broken_line(path, row: int, change) -> None:
    lines = path.read_text().splitlines()
    lines[row] = change(lines[row])
    path.write_text("\n".join(lines))


def test_text_among_numbers_is_named_with_row_and_column(table, write):
    path = write(table)
    broken_line(path, 17, lambda line: ",".join("n/a" if place == 5 else cell for place, cell in enumerate(line.split(","))))
    assert "has 'n/a' in row 17, column px2; a number is needed" in problem(path)
    path = write(table)
    broken_line(path, 17, lambda line: line.rsplit(",", 1)[0])
    assert "has 20 columns in row 17; 21 are needed" in problem(path)


def test_missing_column_is_named_with_the_nearest(table, write):
    header = ",".join(columns("gg_yyg"))
    assert "has no column 'amplitude' (rename 'amplitudes'?)" in problem(write(table, header=header + "s"))
    assert "has no column 'px3'" in problem(write(table, header=header.replace("px3", "foo")))
    assert "has the column 'pz5' twice" in problem(write(np.column_stack([table, table[:, 0]]), header=header + ",PZ5"))
    assert "has 20 columns and no header; 21 are needed: E1, …, amplitude" in problem(write(table[:, :20], header=False))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n\n# nothing\n", "it is empty"),
        (b"\x00\x01\x02" * 100, "is neither an HDF5 file nor a text of numbers"),
        (b"\xff\xfe\xfd" * 100, "is neither an HDF5 file nor a text of numbers"),
        (b"CDF\x01" + b"\0" * 100, "is a netCDF-3 file; save it as netCDF-4 or HDF5"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "is damaged"),
    ],
)
def test_files_without_events_are_refused(content, sentence, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    assert sentence in problem(path)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("http://127.0.0.1:9/x.nc", "is not a file on this computer: addresses are not opened"),
        ("file:///etc/hostname", "is not a file on this computer"),
        ("\\\\server\\share\\x.h5", "is not a file on this computer"),
        ("x.nc#mode=bytes", "does not exist"),
        ("", "is not the path of a file"),
        ("a\0b", "is not the path of a file"),
        ("a" * 300, "cannot be read: File name too long"),
        ("/dev/zero", "is not a file"),
        (os.path.dirname(__file__), "is not a file"),
    ],
)
def test_only_files_of_this_computer_are_opened(path, sentence):
    assert sentence in problem(path)


def test_mistyped_name_gets_the_nearest(table, write):
    path = write(table)
    assert f"does not exist. Did you mean {path.name}?" in problem(path.with_name("mein.csv"))


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    assert "is not a file" in problem(tmp_path / "pipe.h5")


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
        (lambda p, a: {"momenta": p.reshape(300, 20), "amplitude": a}, "has momenta of the shape (300, 20); (event, 5, 4) is needed"),
        (lambda p, a: {"momenta": p, "amplitude": a[:-1]}, "has 300 momenta but amplitudes of the shape (299,); (300,) is needed"),
        (lambda p, a: {"momenta": p, "amplitudes": a}, "has no dataset 'amplitude' (rename 'amplitudes'?); it has amplitudes, momenta"),
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


# Forks of a process that has already imported everything read one damaged file each, with the limits of the real one. Prints per file: exit
# code, seconds, whether the secret came out, the sentence.
READ_MANY = """
import json, os, sys, time
import h5py
from workbench.data import files
for path in sys.argv[1:]:
    begin, (out, into) = time.monotonic(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(into, 1), os.dup2(into, 2), os.close(out)
        sys.stdout = open(1, "w", closefd=False)
        sys.stderr = open(2, "w", closefd=False)
        code = files.main(path, "gg_yyg", "mine.h5")
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    os.close(into)
    with open(out, "rb") as stream:
        said = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([code, time.monotonic() - begin, any(word in said for word in WORDS), said[-300:].decode("latin1") if code else ""]))
"""


@pytest.mark.parametrize("number", [100, pytest.param(2_000, marks=pytest.mark.slow)])
def test_s2_damaged_files_leak_nothing_crash_nobody_and_are_refused_within_two_seconds(number, events, tmp_path, slowdown):
    """S2: bytes flipped, cut and doubled in plain, compressed and hostile files: 0 leaks, 0 crashes of the server, each refused < 2 s."""
    secret = float.fromhex("0x1.23456789abcdep+3")
    with h5py.File(tmp_path / "private.h5", "w") as file:
        file["momenta"], file["amplitude"] = np.full((300, 5, 4), secret), np.full(300, secret)
    (tmp_path / "private.bin").write_bytes(SECRET)

    def plain(file, folder, **options):
        file.create_dataset("momenta", data=events.momenta, **options)
        file.create_dataset("amplitude", data=events.amplitude, **options)

    def compressed(file, folder):
        plain(file, folder, compression="gzip", shuffle=True, fletcher32=True)

    makers = [plain, compressed, attack_external_link, attack_external_storage, attack_virtual, attack_cycle, attack_filter]
    wholes = []
    for make in makers:
        with h5py.File(tmp_path / "whole.h5", "w", libver="latest" if make is compressed else None) as file:
            make(file, tmp_path)
        wholes.append(np.frombuffer((tmp_path / "whole.h5").read_bytes(), dtype=np.uint8))
    rng, paths = np.random.default_rng(number), []
    for count in range(number):
        data = wholes[count % len(wholes)].copy()
        end = min(len(data), 6_000)  # where the structure is
        where = rng.integers(8, end, rng.integers(1, 8))
        data[where] = rng.integers(0, 256, len(where)) if count % 3 else data[where] ^ (1 << rng.integers(0, 8, len(where)))
        data = data[: rng.integers(100, len(data))] if count % 17 == 0 else data
        paths.append(tmp_path / f"{count}.h5")
        paths[-1].write_bytes(data.tobytes())
    before = slowdown()
    program = f"WORDS = {[np.float64(secret).tobytes(), SECRET[:14]]!r}\n" + READ_MANY
    done = subprocess.run([sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True, timeout=1_000)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == number and not any(leaked for _, _, leaked, _ in answers)
    refused = [answer for answer in answers if answer[0]]
    stopped = [code for code, *_ in answers if code not in (0, files.REFUSED)]
    slowest = max(seconds for _, seconds, *_ in refused)
    print(f"{len(refused)} of {number} refused, {len(stopped)} readers stopped {sorted(set(stopped))}, slowest after {slowest:.2f} s")
    assert len(refused) > number / 3 and slowest < 2 * max(before, slowdown())
    assert all("mine.h5" in said for code, _, _, said in refused if code == files.REFUSED)
    assert all(code < 0 for code in stopped), "a reader ends with events, a sentence, or by a signal"
    assert len(refused) < number, "some damage is none"


def test_a_reader_that_crashes_is_a_damaged_file(write, table, monkeypatch):
    monkeypatch.setattr(files.sys, "executable", shutil.which("false"))
    assert "mine.csv is damaged: its reader stopped with code 1" in problem(write(table))


def test_s2_the_reader_has_no_environment_no_folder_and_narrow_limits(write, table, monkeypatch):
    """S2: in the reader's process there is no token to steal, nothing can be written, and memory is 1 GiB plus 24 bytes per byte."""
    path, seen, real = write(table), {}, subprocess.run

    def run(command, **options):
        limits = "import resource as r; print([r.getrlimit(getattr(r, 'RLIMIT_' + n))[0] for n in ('AS', 'CPU', 'FSIZE', 'NOFILE')])"
        code = f"from pathlib import Path; from workbench.data import files; files._limit(Path({str(path)!r})); {limits}"
        done = real([*command[:2], "-c", code], capture_output=True, text=True, **{k: options[k] for k in ("env", "cwd")})
        seen.update(options, limits=json.loads(done.stdout))
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setenv("WORKBENCH_TOKEN", "secret")
    monkeypatch.setattr(files.subprocess, "run", run)
    files._answer(path, "gg_yyg", "", "count")
    size = path.stat().st_size
    assert seen["limits"] == [2**30 + 24 * size, files.SECONDS, 0, 64] and seen["cwd"] == "/"
    assert not [name for name in seen["env"] if name.startswith("WORKBENCH") or name == "HOME"]


def test_events_are_counted_without_being_sent(write, table, hdf5, tmp_path):
    assert files.count_events(write(table), "gg_yyg") == 300
    with pytest.raises(FileProblem, match=r"^theirs\.csv has 100 events"):
        files.count_events(write(table[:100]), "gg_yyg", "theirs.csv")
    with pytest.raises(FileProblem, match="'nothing' is no process or dataset"):
        files.count_events(write(table), "nothing")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.h5", "uploads/../runs/x", "uploads/0123456789abcdef-../x", "", "a\0b", "~/x.h5", "data-secret/x.h5"]
)
def test_whoever_may_not_read_this_computer_names_sent_files_only(name, tmp_path, monkeypatch):
    """S6: no answer tells whether there is such a file; a folder beside the allowed one is not the allowed one."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data-secret").mkdir()
    (tmp_path / "data-secret" / "x.h5").touch()
    with pytest.raises(FileProblem, match="is not open to this class; choose a file of your own to send"):
        files.allowed(name)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "data"))
    with pytest.raises(FileProblem, match="or name one in"):
        files.allowed(name)
    (tmp_path / "data" / "link.h5").symlink_to(tmp_path / "data-secret" / "x.h5")
    with pytest.raises(FileProblem, match="is not open to this class"):
        files.allowed(str(tmp_path / "data" / "link.h5"))
    files.allowed(str(tmp_path / "data" / "mine.h5"))
    files.allowed("uploads/0123456789abcdef-mine.h5")


@pytest.fixture
def two_jets() -> Events:
    """Three hundred events with six particles."""
    points = gg_yygg.shipped()
    return Events(points.momenta[:300], points.amplitude[:300], "gg_yygg")


def test_files_with_one_more_jet_are_read(two_jets, write, hdf5):
    rows = np.column_stack([two_jets.momenta.reshape(300, 24), two_jets.amplitude])
    names = columns("gg_yygg")
    assert names[-5:] == ["E6", "px6", "py6", "pz6", "amplitude"]
    for path in (
        write(rows, header=",".join(names)),
        write(rows[:, ::-1], header=";".join(names[::-1]), delimiter=";", name="other.csv"),
        write(rows, header=False, name="bare.csv"),
        hdf5(
            lambda file: (file.create_dataset("momenta", data=two_jets.momenta), file.create_dataset("amplitude", data=two_jets.amplitude))
        ),
    ):
        assert same(load_file(path, "gg_yygg"), two_jets, rtol=1e-15)


def test_a_file_of_another_process_is_told_to_be_one(events, two_jets, table, write, hdf5):
    rows = np.column_stack([two_jets.momenta.reshape(300, 24), two_jets.amplitude])
    six = write(rows, header=",".join(columns("gg_yygg")))
    assert "has columns of 6 particles; 5 are needed for gg_yyg, choose process='gg_yygg'" in problem(six)
    assert "25 columns and no header" in (found := problem(write(rows, header=False))) and "choose process='gg_yygg'" in found
    assert "has columns of 5 particles; 6 are needed for gg_yygg, choose process='gg_yyg'" in problem(write(table), "gg_yygg")
    path = hdf5(lambda file: (file.create_dataset("momenta", data=events.momenta), file.create_dataset("amplitude", data=events.amplitude)))
    assert "(event, 6, 4) is needed for gg_yygg, choose process='gg_yyg'" in problem(path, "gg_yygg")
