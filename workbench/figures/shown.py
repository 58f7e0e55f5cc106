"""A plotly Figure that shows itself with our buttons: no upload to a cloud, SVG as the format of its image."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from workbench.figures.drawing import config

USUAL, LIGHT = "plotly_mimetype+notebook", "plotly_mimetype"
"""What plotly takes in a notebook, which writes its whole library into the first cell; and what JupyterLab needs, which has the library."""


class Drawn(go.Figure):
    """What `run.figure` returns. *Arguments*: those of a Figure; name, of its image file."""

    def __init__(self, *arguments: Any, name: str = "figure", **options: Any):
        super().__init__(*arguments, **options)
        self._name = name

    def show(self, *arguments: Any, **options: Any) -> None:
        renderer = {"renderer": LIGHT} if pio.renderers.default == USUAL and not arguments else {}
        pio.show(self, *arguments, **{"config": config(self._name), **renderer, **options})

    def _ipython_display_(self) -> None:
        if pio.renderers.render_on_display and pio.renderers.default:
            self.show()
        else:
            print(repr(self))
