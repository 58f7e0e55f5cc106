"""Files that are not read are told by their own names."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile

import pytest
from own import problem, refused


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


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return out.getvalue()


NUMBERS = "1,2,3\n" * 99
OTHERS = {
    "HepMC3": (b"HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nE 0 1 2\n", "is a HepMC file"),
    "HepMC2": (b"\nHepMC::Version 2.06.09\nHepMC::IO_GenEvent-START_EVENT_LISTING\n", "its first line is 'HepMC::Version 2.06.09'"),
    "JSON": (json.dumps({"momenta": [[1, 2]]}).encode(), "is a JSON file (its first line is '{\"momenta\": [[1, 2]]}')"),
    "JSON list": (json.dumps([[1, 2]]).encode(), "is a JSON file"),
    "YAML": (b"process: gg\nevents: 3\n", "is a YAML file"),
    "XML": (b"<?xml version='1.0'?>\n<events/>", "is an XML file"),
    "web page": (b"<!DOCTYPE html>\n<html>", "is a web page; perhaps a login page came instead of the file"),
    "YODA": (b"BEGIN YODA_HISTO1D_V2 /x\n", "is a YODA file of histograms"),
    "UTF-16": (NUMBERS.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    "UTF-16 without mark": (NUMBERS.encode("utf-16-le"), "is UTF-16 text"),
    "UTF-32": (NUMBERS.encode("utf-32"), "is UTF-32 text"),
    "PDF": (b"%PDF-1.7\n", "is a PDF"),
    "pickle": (pickle.dumps([1, 2]), "is a Python pickle, which is never read since it can run programs"),
    "old pickle": (pickle.dumps({"a": 1}, 0), "is a Python pickle"),
    "pickle behind gzip": (gzip.compress(pickle.dumps([1])), "is a Python pickle"),
    "PyTorch": (archive("model/data.pkl", "model/version"), "is a PyTorch file: a Python pickle, which is never read"),
    "Excel": (archive("[Content_Types].xml", "xl/workbook.xml"), "is an Excel workbook; save the sheet as CSV"),
    "OpenDocument": (archive("mimetype", "content.xml"), "is an OpenDocument file"),
    "zip": (archive("events.csv"), "is a zip archive; unpack it first (it holds events.csv)"),
    "damaged zip": (archive("events.csv")[:30], "is a damaged zip archive"),
    "HDF5 behind gzip": (gzip.compress(b"\x89HDF\r\n\x1a\n"), "is an HDF5 file behind gzip; unpack it first"),
    "bzip2": (b"BZh91AY", "is packed with bzip2; unpack it first, or pack it with gzip"),
    "xz": (b"\xfd7zXZ\0", "is packed with xz"),
    "tar": (b"x" * 257 + b"ustar\0" + bytes(99), "is a tar archive; unpack it first"),
    "Feather": (b"ARROW1\0\0", "is an Arrow (Feather) file; save it as Parquet"),
    "MATLAB": (b"MATLAB 5.0 MAT-file", "is a MATLAB file; save it with -v7.3, as HDF5"),
    "FITS": (b"SIMPLE  =                    T", "is a FITS file"),
    "safetensors": ((60).to_bytes(8, "little") + b'{"a": 1}' + bytes(60), "is a safetensors file"),
    "picture": (b"\x89PNG\r\n\x1a\n", "is a picture (PNG)"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "get the file itself with `git lfs pull`"),
    "program": (b"import numpy as np\n", "is a program"),
    "LHCO": (b"  #  typ     eta    phi      pt   jmas  ntrk  btag\n", "is an LHCO file of p_T, η, φ"),
    "anything": (bytes(range(256)) * 9, "is neither an HDF5 file nor a text of numbers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_whatever_else_a_file_is_is_told_by_its_own_name_and_what_is_read_instead(kind, tmp_path):
    content, sentence = OTHERS[kind]
    (tmp_path / "mine.csv").write_bytes(content)
    said = refused(tmp_path / "mine.csv")
    assert said.startswith("mine.csv is ") and sentence in said
    assert "HDF5, CSV, numpy, LHE, Parquet and ROOT files are read" in said or "damaged" in said or "unpack it first." in said
