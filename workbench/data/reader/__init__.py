"""How the user's own files are read: what a file is, where in it the numbers are, their units, and whether they can be events.

All of it runs in the limited process of `sandbox`, one file per format; nothing that runs code (a pickle) is ever opened.
"""

from __future__ import annotations


class FileProblem(ValueError):
    """A file that cannot be used; the message is one sentence that begins with the file."""
