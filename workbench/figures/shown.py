"""A plotly Figure that shows itself with our buttons: no upload to a cloud, SVG as the format of its image; and as a still picture where
no script runs: in a notebook that was exported."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.io.base_renderers import PlotlyRenderer

from workbench.figures.drawing import config
from workbench.figures.still import svg

USUAL = ("plotly_mimetype+notebook", "plotly_mimetype")
"""What plotly takes in a notebook. The first one writes its whole library into the first cell; JupyterLab has the library."""


class Drawn(go.Figure):
    """What `run.figure` returns. *Arguments*: those of a Figure; name, of its image file."""

    def __init__(self, *arguments: Any, name: str = "figure", **options: Any):
        super().__init__(*arguments, **options)
        self._name = name

    def show(self, *arguments: Any, **options: Any) -> None:
        if pio.renderers.default not in USUAL or arguments or "renderer" in options:
            return pio.show(self, *arguments, **{"config": config(self._name), **options})
        from IPython import display

        figure = PlotlyRenderer(config=options.get("config", config(self._name))).to_mimebundle(self.to_dict())
        display.display({**figure, "image/svg+xml": self.still}, raw=True)

    @property
    def still(self) -> str:
        """This figure as SVG, as it is now."""
        return svg({"data": [trace.to_plotly_json() for trace in self.data], "layout": self.layout.to_plotly_json()})

    def _ipython_display_(self) -> None:
        if pio.renderers.render_on_display and pio.renderers.default:
            self.show()
        else:
            print(repr(self))
