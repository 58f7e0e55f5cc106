"""Exactly the data that a figure shows."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np
import xarray as xr


def data_of(figure: Any) -> xr.Dataset:
    """The points of all curves of a figure (a plotly Figure or a dict), one after the other, without what only explains the legend.

    *Returns*: dim point with curve (its name), x, y, and z of maps; attributes x, y (and x2, y2), z say what the axes are, with units.
    """
    drawn = figure if isinstance(figure, dict) else figure.to_plotly_json()
    columns: dict[str, list[np.ndarray]] = {"curve": [], "panel": [], "x": [], "y": [], "z": []}
    for trace in drawn["data"]:
        if trace.get("meta") == "key":
            continue
        x, y = (_array(trace.get(key, [])) for key in "xy")
        z = np.full(len(x), np.nan)
        if "z" in trace:
            x, y = map(np.ravel, np.meshgrid(x, y))
            z = _array(trace["z"]).ravel()
        columns["curve"].append(np.full(len(x), plain(trace.get("name", "")), dtype=object))
        columns["panel"].append(np.full(len(x), trace.get("yaxis", "y"), dtype=object))
        columns["x"].append(x)
        columns["y"].append(y)
        columns["z"].append(z)
    result = xr.Dataset({name: ("point", np.concatenate(parts) if parts else np.array([])) for name, parts in columns.items()})
    for name, axis in (("x", "xaxis"), ("y", "yaxis"), ("x2", "xaxis2"), ("y2", "yaxis2")):
        title = drawn["layout"].get(axis, {}).get("title", {}).get("text", "")
        if title:
            result.attrs[name] = plain(title)
    if not np.isfinite(result["z"]).any():
        return result.drop_vars("z")
    return result.assign_attrs(z=plain(drawn["layout"].get("coloraxis", {}).get("colorbar", {}).get("title", {}).get("text", "")))


def csv_of(figure: Any) -> str:
    """`data_of` as CSV text with the columns curve, panel, x, y, and z of maps; empty where a curve has a gap."""
    data = data_of(figure)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in ("x", "y", "z") if name in data]
    writer.writerow(["curve", "panel", *names])
    for curve, panel, *values in zip(*(data[name].values for name in ("curve", "panel", *names)), strict=True):
        writer.writerow([curve, panel, *map(_number, values)])
    return text.getvalue()


def plain(text: Any) -> str:
    """Text without HTML marks."""
    return re.sub(r"<[^>]*>", "", str(text).replace("<br>", " "))


def _number(value: float) -> str:
    return repr(float(value)) if np.isfinite(value) else ""


def _array(values: Any) -> np.ndarray:
    """Numbers from a list, an array, or plotly's {"dtype", "bdata"}."""
    if isinstance(values, dict):
        import base64

        flat = np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]).newbyteorder("<")).astype(float)
        return flat.reshape([int(size) for size in str(values.get("shape", flat.size)).split(",")])
    return np.array(values, dtype=float) if np.ndim(values) > 1 else np.array([np.nan if v is None else v for v in values], dtype=float)
