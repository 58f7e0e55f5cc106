"""The page around a studio: HTML head with security policy, header, theme from cookies, and what the browser does alone."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import panel as pn
from jinja2 import Environment
from markupsafe import Markup, escape

from workbench.families import FAMILIES
from workbench.figures.theme import DARK, LIGHT, PROJECTOR, Theme
from workbench.studios.browser.assets import source
from workbench.studios.live.plot_view import ENGINE_URL

if TYPE_CHECKING:
    from workbench.studios.server.house import House

STUDIOS = tuple((family.title, f"./{family.place}") for family in FAMILIES)


def dress(
    title: str, *, here: str = FAMILIES[0].title, stories: bool = True, hideable: Sequence[dict[str, Any]] = (), house: House | None = None
) -> None:
    """Give the document of the session that is being opened our page instead of Panel's.

    *Arguments*: here, its name in the header; hideable, what a link may hide; house, whose class may be invited.
    """
    document = pn.state.curdoc
    assert document, "only a session has a page"
    look = appearance()
    document.title = title
    document.template = _template()
    document.template_variables.update(
        nonce=secrets.token_urlsafe(16),
        theme=look["theme"],
        projector=look["projector"],
        studios=STUDIOS,
        here=here,
        stories=stories,
        hideable=hideable,
        invitation={"address": house.address, "token": house.token} if house else {},
        style=Markup(source("theme.css", "page.css")),  # noqa: S704
        script=Markup(source("page.js")),  # noqa: S704
        engine=ENGINE_URL,
    )
    document.config.update(reconnect_session=False, notify_connection_status=False, notifications=None)


def appearance() -> dict[str, bool | str]:
    """Theme and projector mode as the browser's cookies say, so that nothing flashes."""
    cookies = pn.state.cookies or {}
    return {
        "theme": "dark" if cookies.get("workbench_theme") == "dark" else "light",
        "projector": cookies.get("workbench_projector") == "1",
    }


def figure_theme(theme: str, *, projector: bool = False) -> Theme:
    """How figures look on this page: on the colour of its cards, large on a projector."""
    base = replace(DARK, paper="#1a1e22") if theme == "dark" else LIGHT
    return replace(base, font_size=PROJECTOR.font_size, line_width=PROJECTOR.line_width) if projector else base


def with_nonce(markup: str, nonce: str) -> Markup:
    """Bokeh's own script elements, allowed by the page's security policy."""
    return Markup(str(markup).replace("<script", f'<script nonce="{escape(nonce)}"'))  # noqa: S704


def _template():
    environment = Environment(autoescape=True)
    environment.filters["with_nonce"] = with_nonce
    return environment.from_string(source("page.html"))
