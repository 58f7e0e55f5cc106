"""plotly.js, which draws our figures in browsers, made quick to start."""

from __future__ import annotations

import re
from pathlib import Path

import plotly

ENGINE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
OTHER_TRACES = re.compile(r"([\w$]+)\.register\(\[((?:[\w$]+\(\),)+[\w$]+\(\))\]\)")


def engine() -> bytes:
    """plotly.js, made quick to start: on a page's first visit its thread is busy for 0.1 s instead of 1.0 s.

    Unwrapped from the function for other module systems: a browser reads a script on a thread of its own, but what a function holds it
    reads once more on the page's thread. And maps, 3D and all other traces than scatter, which no figure of ours may ever need, wait until
    `Plotly.others()` is called. Where the script looks different, it is served as it is.
    """
    script = ENGINE.read_text(encoding="utf-8")
    begin, end = script.find('"use strict";var Plotly='), script.rfind("return Plotly;")
    if begin < 0 or script[end:].strip() != "return Plotly;\n}));":
        return script.encode()
    licence = script[: script.find("*/") + 2]
    body = OTHER_TRACES.sub(r"\1.others=()=>{\1.others=()=>{};\1.register([\2])}", script[begin:end])
    return f"{licence}\n{body}".encode()
