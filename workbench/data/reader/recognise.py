"""What a file is, by its first bytes: one that is read, or one that is told by its own name."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib

from workbench.data.reader.request import READ, Request

READABLE = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x93NUMPY": "npy",
    b"PAR1": "parquet",
    b"root": "root",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
}
PICKLE = "a Python pickle, which is never read since it can run programs; save the arrays with wb.save_events or numpy.savez"
UNREAD = {
    b"CDF\x01": "a netCDF-3 file; save it as netCDF-4 or HDF5",
    b"CDF\x02": "a netCDF-3 file; save it as netCDF-4 or HDF5",
    b"CDF\x05": "a netCDF-3 file; save it as netCDF-4 or HDF5",
    b"%PDF": "a PDF",
    b"PK\x05\x06": "an empty zip archive",
    b"ARROW1": "an Arrow (Feather) file; save it as Parquet",
    b"BZh": "packed with bzip2; unpack it first, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it first, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it first, or pack it with gzip",
    b"\x04\x22\x4d\x18": "packed with lz4; unpack it first, or pack it with gzip",
    b"7z\xbc\xaf": "a 7-zip archive; unpack it first",
    b"Rar!": "a rar archive; unpack it first",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"SIMPLE  =": "a FITS file",
    b"MATLAB 5.0": "a MATLAB file; save it with -v7.3, as HDF5",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document; save the sheet as CSV",
    b"\x7fELF": "a program",
    b"Obj\x01": "an Avro file",
    b"version https://git-lfs": "a pointer to a file in Git LFS; get the file itself with `git lfs pull`",
}
"""First bytes, and words."""
TEXTS = (
    (re.compile(r"\s*HepMC::|^E -?\d+ \d+ .*\nU \w+ \w+"), "a HepMC file, of generator records; choose particles and jets first"),
    (re.compile(r"#?\s*(<\?xml[^>]*\?>\s*|<!--.*?-->\s*)*<LesHouchesEvents", re.DOTALL), "lhe"),
    (re.compile(r"\s*<(!doctype html|html)", re.IGNORECASE), "a web page; perhaps a login page came instead of the file"),
    (re.compile(r"\s*<\?xml|\s*<[a-z!]", re.IGNORECASE), "an XML file"),
    (re.compile(r"BEGIN YODA"), "a YODA file of histograms"),
    (re.compile(r"\s*\{\\rtf"), "a rich-text document; save it as plain text"),
    (re.compile(r'\s*(\{\s*["}\n]|\[\s*[\[{"\d-])'), "a JSON file"),
    (re.compile(r"---\s*\n|\s*[\w-]+:\s+\S.*\n(\s*[\w-]+:|\s*- )"), "a YAML file"),
    (re.compile(r"ccopy_reg|c__builtin__|\(dp0|\(lp0|cnumpy"), PICKLE),
    (re.compile(r"\s*#.*\btyp\b.*\bjmas\b", re.IGNORECASE), "an LHCO file of p_T, η, φ; convert it to E, px, py, pz first"),
    (re.compile(r"(import|from) \w+|#!/"), "a program"),
    (re.compile(r"\s*\\(documentclass|begin)"), "a LaTeX file"),
)  # fmt: skip
"""How texts begin, and words."""
START = 4_096
MEMBERS = (
    (re.compile(r"xl/workbook\.(xml|bin)"), "an Excel workbook; save the sheet as CSV"),
    (re.compile(r"word/document\.xml"), "a Word document"),
    (re.compile(r"content\.xml"), "an OpenDocument file; save the sheet as CSV"),
    (re.compile(r".*data\.pkl"), f"a PyTorch file: {PICKLE}"),
    (re.compile(r".*\.(csv|h5|hdf5|txt|dat|lhe|parquet|root)(\.gz)?", re.IGNORECASE), "a zip archive; unpack it first"),
)


def recognise(request: Request) -> str:
    """hdf5, npy, npz, parquet, root, lhe or text. Raises: FileProblem that names what else the file is, and what is read."""
    with open(request.path, "rb") as file:
        start = file.read(START)
    found = next((kind for first, kind in READABLE.items() if start.startswith(first)), "")
    if found == "zip":
        return _in_zip(request)
    if found == "gzip":
        return _in_gzip(request)
    if found:
        return found
    with open(request.path, "rb") as file:  # HDF5 after a block of the user's
        for place in (512, 1_024, 2_048):
            file.seek(place)
            if file.read(8) == b"\x89HDF\r\n\x1a\n":
                return "hdf5"
    return _other(start, request)


def _other(start: bytes, request: Request, packed: str = "") -> str:
    """Text that may be read, by the name of what reads it."""
    if words := next((words for first, words in UNREAD.items() if start.startswith(first)), ""):
        _told(words, request)
    if re.match(rb"\x80[\x02-\x05]", start):
        _told(PICKLE, request)
    if start[257:262] == b"ustar":
        _told("a tar archive; unpack it first", request)
    if len(start) > 16 and start[8:10] == b'{"' and int.from_bytes(start[:8], "little") < 2**26:
        _told("a safetensors file", request)
    if (wide := _wide(start)) and not packed:
        _told(f"{wide} text; save it as UTF-8", request)
    if b"\0" in start or sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in start) > len(start) / 50:
        request.refuse(f"is neither an HDF5 file nor a text of numbers; {READ}")
    text = start.decode("utf-8-sig", errors="replace")
    if sum(letter == "\ufffd" for letter in text) > len(text) / 3:
        request.refuse(f"is neither an HDF5 file nor a text of numbers; {READ}")
    for pattern, words in TEXTS:
        if pattern.match(text):
            if words == "lhe":
                return "lhe"
            line = next((line.strip() for line in text.splitlines() if line.strip()), "")
            request.refuse(f"is {words} (its first line is {line[:50]!r}); {READ}")
    return "text"


def _told(words: str, request: Request) -> None:
    request.refuse(f"is {words}; {READ}")


def _wide(start: bytes) -> str:
    """UTF-16 or UTF-32, if the bytes are such a text."""
    for name, marks in (("UTF-32", (b"\xff\xfe\0\0", b"\0\0\xfe\xff")), ("UTF-16", (b"\xff\xfe", b"\xfe\xff"))):
        if start.startswith(marks):
            width = int(name[4:]) // 8
            try:
                text = start[: len(start) // width * width].decode(name)
            except UnicodeDecodeError:
                continue
            if sum(letter.isascii() for letter in text) > len(text) / 2:
                return name
    even, odd = start[::2].count(0), start[1::2].count(0)
    return "UTF-16" if len(start) > 8 and {even, odd} == {0, max(even, odd)} and max(even, odd) > 0.4 * len(start) else ""


def _in_zip(request: Request) -> str:
    """npz; other archives are told by what is in them."""
    try:
        with zipfile.ZipFile(request.path) as archive:
            names = archive.namelist()[:1_000]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as problem:
        request.refuse(f"is a damaged zip archive: {str(problem)[:100]}")
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    words = next((words for pattern, words in MEMBERS if any(map(pattern.fullmatch, names))), "a zip archive; unpack it first")
    request.refuse(f"is {words} (it holds {', '.join(names)[:60]}); {READ}")


def _in_gzip(request: Request) -> str:
    """Text or LHE behind gzip."""
    try:
        with gzip.open(request.path, "rb") as file:
            start = file.read(START)
    except (OSError, EOFError, zlib.error) as problem:
        request.refuse(f"is a damaged gzip file: {str(problem)[:100]}")
    if kind := next((kind for first, kind in READABLE.items() if start.startswith(first)), ""):
        request.refuse(f"is {'an HDF5' if kind == 'hdf5' else f'a {kind}'} file behind gzip; unpack it first")
    if not start:
        request.refuse("has no events: it is empty")
    return _other(start, request, "gzip")
