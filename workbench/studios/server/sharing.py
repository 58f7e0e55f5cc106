"""What leaves a page: its link as a code that phones read, and the data of a figure as netCDF. Both are made here, and nobody is asked."""

from __future__ import annotations

import io
import string
from typing import Any
from urllib.parse import quote

from tornado.web import RequestHandler

LONGEST = 1_800
"""Characters of a link whose code can still be read from the back of a room."""
LARGEST = 4_000_000
"""Bytes of a figure."""


def code(link: str) -> bytes:
    """A QR code of a link as SVG, black on white whatever the theme. Raises: ValueError in one sentence."""
    import segno

    link = quote(
        link, safe=string.printable.strip(), errors="replace"
    )  # letters beyond ASCII as addresses carry them: cameras guess their encoding wrong
    if not 0 < len(link) <= LONGEST:
        raise ValueError(f"A link of {len(link):,} characters has no code; at most {LONGEST:,} can be read.")
    image = io.BytesIO()
    segno.make(link, error="l", micro=False).save(
        image, kind="svg", scale=8, border=4, light="#fff", xmldecl=False, svgclass=None, lineclass=None
    )
    return image.getvalue()


def netcdf_of(frame: bytes) -> bytes:
    """Exactly the points of a packed figure as netCDF4, with what it is about. Raises: ValueError in one sentence."""
    from workbench.figures import data_of
    from workbench.figures.frame import unpack
    from workbench.runs import netcdf

    try:
        figure = unpack(frame)
        data = data_of(figure)
        about = str((figure["layout"].get("meta") or {}).get("about", ""))
        return netcdf.encode({"/": data.assign_attrs(about=about)})
    except Exception as problem:  # it came over the network: anything may be wrong with it
        raise ValueError(f"These {len(frame):,} bytes are not a figure of ours.") from problem


class Code(RequestHandler):
    def get(self) -> None:
        try:
            image = code(self.get_query_argument("link", ""))
        except ValueError as problem:
            return refuse(self, 400, problem)
        self.set_header("Content-Type", "image/svg+xml")
        self.set_header("Cache-Control", "no-store")
        self.finish(image)


class Data(RequestHandler):
    """Gets the frame that a page shows, and gives its points back as a file."""

    def post(self) -> None:
        if len(self.request.body) > LARGEST:
            return refuse(self, 413, ValueError(f"A figure has at most {LARGEST:,} bytes, not {len(self.request.body):,}."))
        try:
            content = netcdf_of(self.request.body)
        except ValueError as problem:
            return refuse(self, 400, problem)
        self.set_header("Content-Type", "application/x-netcdf")
        self.set_header("Cache-Control", "no-store")
        self.finish(content)


def refuse(handler: RequestHandler, status: int, problem: Exception) -> None:
    """Answer with the sentence of a problem."""
    handler.set_status(status)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(str(problem))


def routes() -> list[tuple[Any, ...]]:
    return [(r"/code\.svg", Code), (r"/figure\.nc", Data)]
