"""Files that are not read are told by their own names."""

from __future__ import annotations

import pytest
from own import problem


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
