"""Processes of ours that a test has started, by what they run."""

from __future__ import annotations

import contextlib

import psutil


def children_running(module: str) -> list[psutil.Process]:
    """The children of this process that run a module, however deep; without those that have just gone, and zombies of other tests."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [child] if module in child.cmdline() else []
    return found
