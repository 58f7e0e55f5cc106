"""What a browser gets of ours: the files in `page/`, and plotly.js. Knows no Panel: notebook cells need it too."""

from __future__ import annotations

import functools
import gzip
from pathlib import Path

import plotly

from workbench.figures.engine import engine

PAGE = Path(__file__).with_name("page")
ENGINE_URL = f"plotlyjs/plotly.min.js?v={plotly.__version__}"


@functools.cache
def source(*names: str) -> str:
    """The text of files in `page/`, one after the other: read once, and the same for all pages."""
    return "\n".join((PAGE / name).read_text(encoding="utf-8") for name in names)


@functools.cache
def compressed_engine() -> bytes:
    """The same as gzip, made once per process."""
    return gzip.compress(engine(), compresslevel=6)
