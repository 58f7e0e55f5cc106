"""Files made to break who reads them: each is a sentence or events, in a process of its own with narrow limits."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from own import problem, same

from workbench.data.files import FileProblem, columns, count_events, load_file

LONG = 4_000_000
TEXTS = {
    "a million columns": lambda: b"1," * 999_999 + b"1\n",
    "a million columns with names": lambda: b",".join(b"c%d" % k for k in range(300_000)) + b"\n" + b"1," * 299_999 + b"1\n",
    "one line without an end": lambda: b"1" * LONG,
    "nothing but quotes": lambda: b'"' * LONG,
    "nothing but new lines": lambda: b"\n" * LONG,
    "nothing but comments": lambda: b"#\n" * (LONG // 2),
    "one comment without an end": lambda: b"#" * LONG,
    "nothing but commas": lambda: b"," * LONG,
    "a number of 100,000 digits": lambda: header() + (b"1," * 20 + b"9" * 100_000 + b"\n") * 300,
    "names that are no numbers": lambda: b"nan," * 20 + b"inf\n" + (b"1," * 20 + b"1\n") * 300,
    "the header twice": lambda: header() * 2 + (b"1," * 20 + b"1\n") * 300,
    "names that are HTML": lambda: b"<script>alert(1)</script>," * 20 + b"<img src=x>\n" + (b"1," * 20 + b"1\n") * 300,
    "an exponent without end": lambda: header() + (b"1," * 20 + b"1e999999999\n") * 300,
    "a null in each line": lambda: header() + (b"1," * 20 + b"\0\n") * 300,
}


def header() -> bytes:
    return ",".join(columns("gg_yyg")).encode() + b"\n"


@pytest.mark.parametrize("kind", TEXTS)
def test_a_hostile_text_is_a_sentence(kind, tmp_path):
    (tmp_path / "mine.csv").write_bytes(TEXTS[kind]())
    said = problem(tmp_path / "mine.csv")
    assert said.startswith(f"{tmp_path / 'mine.csv'} ") and "needs more memory" not in said and "damaged" not in said, said


def plain(file, events):
    file["momenta"], file["amplitude"] = events.momenta, events.amplitude


def attributes(file, events):
    plain(file, events)
    for number in range(3_000):
        file.attrs[f"a{number}"] = "x" * 20


def groups(file, events):
    for number in range(30_000):
        file.create_group(f"group{number}")


def markup(file, events):
    file["<script>alert(1)</script>"] = np.ones(300)
    file["momenta/<img src=x onerror=alert(1)>"] = np.ones(300)


def text(file, events):
    plain(file, events)
    file["momenta"].attrs["units"] = "<script>" * 1_000


HDF5 = {attributes: "", groups: "has no dataset 'momenta'", markup: "'momenta'", text: "for the unit of its momenta"}


@pytest.mark.parametrize("fill", HDF5, ids=lambda fill: fill.__name__)
def test_a_hostile_hdf5_file_is_read_or_a_sentence(fill, events, hdf5):
    path = hdf5(lambda file: fill(file, events))
    if not HDF5[fill]:
        assert same(load_file(path), events)
    else:
        assert HDF5[fill] in problem(path)


def test_a_user_block_before_hdf5_is_passed_over(events, tmp_path):
    with h5py.File(tmp_path / "mine.h5", "w", userblock_size=1_024) as file:
        plain(file, events)
    data = (tmp_path / "mine.h5").read_bytes()
    (tmp_path / "mine.h5").write_bytes(b"#!/bin/sh\nrm -rf /\n".ljust(1_024, b"\0") + data[1_024:])
    try:
        assert same(load_file(tmp_path / "mine.h5"), events)
    except FileProblem as said:
        assert str(said).startswith("mine.h5 is "), said
    with pytest.raises(FileProblem, match=r"^sent\.h5 "):
        (tmp_path / "cut.h5").write_bytes(data[:1_024])
        count_events(tmp_path / "cut.h5", "gg_yyg", "sent.h5")
