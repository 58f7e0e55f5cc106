"""What one file may cost: bytes, events, memory, seconds."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 2**31
MOST_EVENTS = 5_000_000
LEAST_EVENTS = 210
"""100 for training, 10 for validation, 100 for the test."""
EXPANSION = 100
"""How many times smaller than its content a compressed dataset may be; momenta compress by less than two."""
UNPACKED = 20
"""The same of a whole file behind gzip or zip: text compresses by two to five."""
MEMORY, PER_BYTE, MOST_MEMORY = 2**30, 24, 12 * 2**30
"""Address space of the process that reads [bytes]: with an empty file, more per byte of a file, and at most."""
SECONDS, PACE = 10, 1_000_000
"""Its computing time [s] with an empty file, and how many bytes buy a second more."""


def most_unpacked(path: Path) -> int:
    """How many bytes a compressed file may come to."""
    return min(UNPACKED * path.stat().st_size + 2**20, MOST_BYTES)


def size_of(path: Path) -> int:
    """Bytes to read, at most: of a gzip or zip file those that it may come to."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        packed = file.read(2) in (b"\x1f\x8b", b"PK")
    return most_unpacked(path) - 2**20 if packed else size


def seconds(path: Path) -> int:
    """Computing time for a file [s]."""
    return SECONDS + size_of(path) // PACE
