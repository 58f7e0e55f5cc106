"""A figure as bytes, packed once for every browser that shows it.

Layout of a frame: uint32 length of the header | uint32 checksum | header, JSON in UTF-8 | arrays. Header and arrays are padded to
multiples of eight bytes; the checksum of all that follows it is the frame's name when the browser acknowledges it. In the header an
array stands as {"$": [offset, length, "f4" or "f8", columns]}: offset counts bytes from the first array, columns is 0 for
one-dimensional arrays; equal arrays are there once. `studios/browser/plot_view.js` and `stories/take_home.js` read this.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from typing import Any

import numpy as np


def pack(figure: Any) -> bytes:
    """The bytes of a figure, given as plotly.graph_objects.Figure or as a dict with data, layout and optionally config."""
    blocks: dict[bytes, int] = {}
    header = json.dumps(_plain(_parts(figure), blocks), allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    content = b"".join([header, *blocks])
    return struct.pack("<II", len(header), zlib.crc32(content)) + content


def checksum(frame: bytes) -> int:
    """The number by which a frame is acknowledged."""
    return struct.unpack_from("<I", frame, 4)[0] if frame else 0


def unpack(frame: bytes) -> dict[str, Any]:
    """The figure dict of a frame, with its arrays as numpy arrays: the inverse of `pack` up to rounding."""
    start = 8 + struct.unpack_from("<I", frame)[0]

    def restore(item: dict[str, Any]) -> Any:
        if "$" not in item:
            return item
        offset, size, kind, columns = item["$"]
        array = np.frombuffer(frame, dtype=f"<{kind}", count=size, offset=start + offset)
        return array.reshape(-1, columns) if columns else array

    return json.loads(frame[8:start].decode(), object_hook=restore)


def _parts(figure: Any) -> dict[str, Any]:
    if isinstance(figure, dict):
        return figure
    return {"data": [trace.to_plotly_json() for trace in figure.data], "layout": figure.layout.to_plotly_json()}


def _plain(value: Any, blocks: dict[bytes, int]) -> Any:
    """The value in JSON types; arrays of numbers go to `blocks`, by offset, and leave their address behind, NaN becomes null."""
    if isinstance(value, dict):
        return {str(key): _plain(item, blocks) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.ndim in (1, 2):
        return _address(value, blocks)
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item, blocks) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item(), blocks)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _address(array: np.ndarray, blocks: dict[bytes, int]) -> dict[str, Any]:
    wide = np.ascontiguousarray(array, dtype="<f8")
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = wide.astype("<f4")
        finite = wide[np.isfinite(wide)]
        resolution = 1e-6 * np.ptp(finite) if finite.size else 0.0
        faithful = finite.size == 0 or np.nanmax(np.abs(finite - narrow[np.isfinite(wide)])) <= max(resolution, 1e-7 * np.abs(finite).min())
    chosen = narrow if faithful else wide
    content = chosen.tobytes()
    content += b"\0" * (-len(content) % 8)
    end = next((begin + len(last) for last, begin in reversed(blocks.items())), 0)
    offset = blocks.setdefault(content, end)
    return {"$": [offset, chosen.size, chosen.dtype.str[1:], array.shape[1] if array.ndim == 2 else 0]}
