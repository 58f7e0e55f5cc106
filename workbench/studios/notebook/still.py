"""A still picture beside what lives in a notebook cell, for where nothing lives: a notebook that was exported, or is read
without its kernel.

Whatever lives hides it with a rule of the document as soon as it has something to show itself (follow.js, cell.js); it knows the name.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from html import escape
from typing import Any


class Still:
    """Pictures in the output of a cell, as long as there is a notebook. `name` is the class of their element."""

    def __init__(self) -> None:
        self.name = f"workbench-still-{secrets.token_hex(6)}"
        self._shown = ""
        self._told: tuple[str, ...] = ()

    def show(self, about: str, pictures: Sequence[str]) -> None:
        """Put SVGs into the output of the cell that is being run, and later others in their place. Equal ones are not sent again."""
        publish = _publisher()
        if publish is None or self._told == (about, *pictures):
            return
        self._told, first = (about, *pictures), not self._shown
        self._shown = self.name
        images = (base64.b64encode(picture.encode()).decode("ascii") for picture in pictures)
        shown = "".join(f'<img alt="{escape(about)}" style="max-width:100%" src="data:image/svg+xml;base64,{image}">' for image in images)
        html = f'<div class="{self.name}">{shown or escape(about)}</div>'
        publish({"text/html": html, "text/plain": about}, transient={"display_id": self.name}, update=not first)


def _publisher() -> Any:
    """What puts something into a notebook's output; None where there is no notebook."""
    try:
        from IPython import get_ipython

        shell = get_ipython()
        return shell.display_pub.publish if hasattr(shell, "kernel") else None
    except ImportError:
        return None
