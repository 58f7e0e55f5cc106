"""The user's files: found where they are, refused in a sentence where they are not, and read by those who may."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own import problem, same

from workbench.data import files, own_file
from workbench.data.files import FileProblem, columns, load_file


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("http://127.0.0.1:9/x.nc", "is not a file on this computer: addresses are not opened"),
        ("file://elsewhere/etc/hostname", "is not a file on this computer"),
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


def test_events_are_counted_without_being_sent(write, table, hdf5, tmp_path):
    assert files.count_events(write(table), "gg_yyg").events == 300
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


PASTED = [
    "{}",
    " {} ",
    '"{}"',
    "'{}'",
    " ' {} ' ",
    "“{}”",
    "„{}“",
    "file://{}",
    "FILE://{}",
    "file:{}",
    "file://localhost{}",
    '"file://{}"',
    "'\"{}\"'",
]
"""How a path is pasted."""


@pytest.fixture
def opened_to_a_class(tmp_path, monkeypatch):
    """A folder that is open to a class, with a file; another file beside it, and in the home folder."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("data", "home/uploads", "data-secret"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("data/mine.h5", "secret.h5", "data-secret/x.h5", "home/uploads/0123456789abcdef-sent.h5"):
        (tmp_path / name).write_text("x")
    (tmp_path / "data" / "link.h5").symlink_to(tmp_path / "secret.h5")
    (tmp_path / "data" / "folder").symlink_to(tmp_path / "data-secret")
    (tmp_path / "home" / "uploads" / "0123456789abcdef-link.h5").symlink_to(tmp_path / "secret.h5")
    return tmp_path


@pytest.mark.parametrize("pasted", PASTED)
@pytest.mark.parametrize(
    "path", ["{}/data/mine.h5", "{}/data/../data/mine.h5", "{}/da%74a/mine.h5", "$HOME/data/mine.h5", "~/data/mine.h5"]
)
def test_a_class_reads_what_is_open_to_it_however_it_is_pasted(path, pasted, opened_to_a_class):
    named = pasted.format(path.format(opened_to_a_class))
    read = "%" not in path or "file:" in pasted.lower()
    if "file:" in pasted.lower() and path[0] in "$~":
        read = False  # no address of a file
    if read:
        files.allowed(named)
        assert files.existing(named) == opened_to_a_class / "data" / "mine.h5"
    else:
        with pytest.raises(FileProblem, match="is not open to this class"):
            files.allowed(named)


OUTSIDE = [
    "{}/secret.h5", "{}/data/../secret.h5", "{}/data/%2e%2e/secret.h5", "{}/data%2f..%2fsecret.h5", "{}/data/%252e%252e/secret.h5",
    "{}/data/link.h5", "{}/data/folder/x.h5", "{}/data-secret/x.h5", "$HOME/secret.h5", "${{HOME}}/secret.h5", "~/secret.h5", "secret.h5",
    "$HOME/../etc/passwd", "data/../secret.h5", "uploads/0123456789abcdef-link.h5", "uploads/../secret.h5", "/etc/passwd", "//etc/passwd",
    "uploads/0123456789abcdef-sent.h5/../../../secret.h5", "{}/data/\0/../../secret.h5", "/proc/self/environ",
]  # fmt: skip


@pytest.mark.parametrize("pasted", PASTED)
@pytest.mark.parametrize("path", OUTSIDE)
def test_no_way_to_paste_a_path_leads_a_class_outside(path, pasted, opened_to_a_class):
    """S6: also twice pasted, as a recipe keeps what was read once; the sentence tells nothing of what is there."""
    named = pasted.format(path.format(opened_to_a_class))
    for said in (named, pasted.format(named), own_file.pasted(named)):
        try:
            files.allowed(said)
        except FileProblem as problem:
            assert "is not open to this class" in str(problem)
            continue
        assert "%" in said and files.located(own_file.pasted(said)).is_relative_to(opened_to_a_class / "data")  # a name with a percent sign
        with pytest.raises(FileProblem, match="does not exist"):
            files.existing(said)


PIECES = [
    "/", "..", "data", "secret.h5", "mine.h5", "link.h5", "~", "$HOME", "file:", "//", "%2e", "%2f", "%25", '"', "'", " ", "localhost",
    "uploads/0123456789abcdef-sent.h5", "HERE",
]  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=9))
def test_whatever_a_class_may_read_lies_where_it_may_read(pieces, opened_to_a_class):
    named = "".join(pieces).replace("HERE", str(opened_to_a_class))
    try:
        files.allowed(named)
    except FileProblem:
        return
    for said in (named, own_file.pasted(named)):  # as it was typed, and as a recipe keeps it
        try:
            found = files.existing(said)
        except FileProblem:
            continue
        assert found.parent in (opened_to_a_class / "data", opened_to_a_class / "home" / "uploads")


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


@pytest.mark.parametrize("written", [" '{}' \n", '"{}"', "“{}”", "file://{}", "file://localhost{}", "{} "])
def test_a_path_is_read_as_people_paste_it_and_as_programs_pass_it(tmp_path, monkeypatch, written):
    path = tmp_path / "mine.csv"
    np.savetxt(path, np.random.default_rng(1).random((400, 2)), delimiter=",", header="x,y")
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = files.load_sample(path, "wedge").points
    for said in (written.format(path), str(path).encode(), "${HOME}/mine.csv", "$HOME/mine.csv"):
        assert np.array_equal(files.load_sample(said, "wedge").points, wanted)
