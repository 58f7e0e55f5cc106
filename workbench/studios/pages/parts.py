"""The visible parts of a page: thin Panel components whose whole content is one JSON text.

Python says what is shown (`part.tell(...)`), the browser says what was pressed (`part.heard`, a callable that takes a dict). The parts
keep no state of their own, build no HTML from strings, and are the same in a page and in a notebook cell.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import panel as pn
import param
from panel.custom import Child, Children

from workbench.studios.browser.assets import bundle, source
from workbench.studios.live.plot_view import assign


class Part(pn.custom.JSComponent):
    """A component that shows `state` and reports what was pressed to `heard`."""

    state = param.String("{}", doc="What is shown, as JSON.")

    _esm = "export function render() {}"

    def __init__(self, heard: Callable[[dict[str, Any]], None], **params: Any):
        super().__init__(stylesheets=[source("studio.css")], sizing_mode="stretch_width", margin=0, **params)
        self.heard = heard

    def tell(self, **view: Any) -> None:
        """Show these values; nothing is sent where nothing changed."""
        state = as_json(view)
        if state != self.state:
            assign(self, "state", state)

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, dict):
            self.heard(data)


class Form(Part):
    """The options of a recipe."""

    spec = param.String("{}", doc="Presets and declared options, as JSON; constant.")

    _esm = bundle("form.js")


class Bar(Part):
    """Buttons, progress and the sentence that says where the run stands."""

    _esm = bundle("bar.js")


class RunTable(Part):
    """All runs: open, compare, delete."""

    _esm = bundle("runs.js")


class Stories(Part):
    """A story as a slide, and the list of all of them."""

    spec = param.String("[]", doc="Names and titles of all stories, as JSON; constant.")
    plots = Children()

    _esm = bundle("stories.js")
    _render_policy = "manual"


class Frame(Part):
    """Places the parts, switches tabs, listens to the keyboard and writes the address."""

    cards = param.String("[]", doc="Name, title, sentence and tab of every figure, as JSON; constant.")
    tabs = param.String("[]", doc="Names and titles of the tabs, as JSON; constant.")
    controls = Child()
    bar = Child()
    runs = Child()
    stories = Child()
    plots = Children()
    tour = param.String("[]", doc="Steps of the tour: what is pointed at, and what is said, as JSON; constant.")
    placed = param.String("[]", doc="Names of the figures that `plots` belong to, as JSON; a tab's figures come when it is first opened.")

    _esm = bundle("frame.js")
    _render_policy = "manual"  # the frame stays as it is when plots come


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
