"""A page with PlotViews inside Material components, for the browser tests: python plot_page.py PORT [PREFIX]"""

import sys
import time

import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.figures import FIGURES, pack
from workbench.figures.drawing import axis, curve, layout, steps
from workbench.figures.theme import THEMES
from workbench.studios.live.plot_view import PlotView, routes

START = time.time()
EDGES = np.linspace(-5, 5, 61)
made: dict[tuple[int, str], bytes] = {}


def frame(theme_name):
    """The same bytes for every session: twenty-five new ones a second."""
    number = int((time.time() - START) * 25)
    if (number, theme_name) not in made:
        theme, rng = THEMES[theme_name], np.random.default_rng(number)
        heights, _ = np.histogram(rng.normal(size=2_000), EDGES, density=True)
        step = np.arange(600.0) * (number + 1)
        axes = {"xaxis": axis(theme, "t"), "yaxis": axis(theme, "density")}
        look = layout(theme, **axes) | {"uirevision": "live", "meta": {"number": number, "sent": time.time() * 1000}}
        data = [
            steps(theme, "learned", EDGES[:-1], EDGES[1:], heights, theme.colour(0)),
            curve(theme, "a long loss", step / step[-1] * 10 - 5, 0.4 * np.exp(-step / 3_000), theme.colour(1)),
        ]
        made[number, theme_name] = pack({"data": data, "layout": look})
    return made[number, theme_name]


def page():
    live = PlotView(frame=frame("projector"), sizing_mode="stretch_width", height=360, css_classes=["live"])
    hidden = PlotView(frame=frame("light"), sizing_mode="stretch_width", height=300, css_classes=["hidden"])
    dark = pmui.Switch(label="dark")
    empty = PlotView(frame=pack(FIGURES["delta"].as_dict([])), sizing_mode="stretch_width", height=200, css_classes=["empty"])

    def tick():
        live.frame = frame("dark" if dark.value else "projector")
        hidden.frame = frame("light")

    pn.state.add_periodic_callback(tick, period=40)
    tabs = pn.Tabs(("empty", empty), ("hidden", hidden))
    # with an icon in it: below a prefix Panel 1.10 names one that its server does not have
    return pmui.Page(title="PlotView", favicon="data:,", main=[pmui.Paper(live), tabs], sidebar=[dark, pmui.FloatSlider(label="x")])


if __name__ == "__main__":
    pn.extension()
    options = {"prefix": sys.argv[2]} if len(sys.argv) > 2 else {}
    pn.serve({"/": page, "/deep/page": page}, port=int(sys.argv[1]), show=False, extra_patterns=routes(), **options)
