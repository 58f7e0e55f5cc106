"""PlotView: one figure on a page, drawn by the plotly.js that belongs to plotly.py, fed with packed frames.

A session assigns `view.frame = bytes`, the same bytes in every session. The newest frame wins: while the browser is still drawing (or its
tab is hidden) newer frames wait here and older ones are dropped, so a slow browser never falls behind and costs nothing.
"""

from __future__ import annotations

import gzip
import threading
import time
from typing import Any

import panel as pn
import param
from panel.io.state import set_curdoc
from tornado.web import RequestHandler

from workbench.figures.engine import engine
from workbench.figures.frame import checksum, pack, unpack
from workbench.studios.browser.assets import ENGINE_URL, bundle, compressed_engine

__all__ = ["ENGINE_URL", "PlotView", "engine", "pack", "routes", "unpack"]

PATIENCE = 5.0  # seconds after which a frame is sent although the last one was not acknowledged


class PlotView(pn.custom.JSComponent):
    """A figure that follows its `frame`.

    *Arguments*: frame, from `pack(figure)`; sizing_mode, height and the other layout options of Panel.
    *Example*: view = PlotView(frame=pack(figure), sizing_mode="stretch_width", height=360); view.frame = pack(next_figure)
    """

    frame = param.Bytes(default=b"", doc="The packed figure to show; assign as often as you like.")
    wire = param.Bytes(default=b"", doc="The frame that was sent to the browser last.")
    engine_url = param.String(doc="Where the browser finds plotly.js.")

    _esm = bundle("plot_view.js")
    _rename = {"frame": None}  # noqa: RUF012

    def __init__(self, **params: Any):
        base = f"{pn.state.rel_path}/" if pn.state.rel_path else ""
        super().__init__(engine_url=params.pop("engine_url", base + ENGINE_URL), **params)
        self._sent_at = 0.0
        self._send()

    @property
    def watched(self) -> bool:
        """Whether a page holds this view."""
        return bool(self._models)

    def draw(self, frame: bytes) -> None:
        """The same as `view.frame = frame`, at a tenth of the price."""
        if frame is not self.frame and frame != self.frame:
            with param.parameterized.discard_events(self):
                self.frame = frame
            self._offer()

    @param.depends("frame", watch=True)
    def _offer(self) -> None:
        if not (self.watched and self._awaited and time.monotonic() - self._sent_at < PATIENCE):
            self._send()

    def _send(self) -> None:
        self._sent_at, self._awaited = time.monotonic(), bool(self.frame)  # nobody draws, or acknowledges, an empty frame
        assign(self, "wire", self.frame)

    def _process_bokeh_event(self, doc: Any, event: Any) -> None:
        """An acknowledgement is not work, so it stays out of Panel's costly book-keeping of what is busy."""
        with set_curdoc(doc):
            self._process_event(event)

    def _handle_msg(self, data: Any) -> None:
        """The browser has drawn what was sent: send what came meanwhile."""
        if isinstance(data, dict) and data.get("drawn") == checksum(self.wire):
            self._awaited = False
            if self.wire != self.frame:  # an equal frame would not reach the browser, nor be acknowledged
                self._send()


def assign(component: pn.custom.JSComponent, name: str, value: Any) -> None:
    """Give a parameter of a component a value; while its page takes a look (`pulse`), straight on the model in the browser."""
    models = [model for model, _ in component._models.values()]
    if models and all(model.document and model.document.callbacks.hold_value for model in models):
        with param.parameterized.discard_events(component):
            setattr(component, name, value)
        for model in models:
            setattr(model.data, name, value)
    else:
        setattr(component, name, value)


class EngineHandler(RequestHandler):
    """Serves plotly.js, compressed once for all visitors, cached by the browser for as long as the version stays."""

    compressed: bytes | None = None

    @classmethod
    def prepare_engine(cls) -> None:
        cls.compressed = compressed_engine()

    def get(self) -> None:
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        if self.compressed and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(self.compressed)
        else:
            self.finish(gzip.decompress(self.compressed) if self.compressed else engine())


def routes() -> list[tuple[Any, ...]]:
    """What the server must serve for PlotView: `pn.serve(..., extra_patterns=routes())`."""
    threading.Thread(target=EngineHandler.prepare_engine, name="compress plotly.js", daemon=True).start()
    return [(r"/plotlyjs/plotly\.min\.js", EngineHandler)]
