"""Pages that were closed, reloaded or lost: nothing of them is left, in memory or in a count, and those that stay open are no slower."""

from __future__ import annotations

import asyncio

import pytest
from served import Served

from workbench.studios.pulse import SHORTEST


@pytest.mark.parametrize(
    ("first", "loads"),
    [(10, 20), *(pytest.param(50, loads, marks=[pytest.mark.slow, pytest.mark.timeout(1_800)]) for loads in (200, 1_000))],
)
def test_nothing_is_left_of_pages_that_were_closed(tmp_path, first, loads):
    with Served(tmp_path, life=1.0) as server:
        asyncio.run(server.come_and_go(first))
        before = server.left()
        asyncio.run(server.come_and_go(loads))
        after = server.left()
        print(f"{before['memory']:.0f} MB after {first} loads, {after['memory']:.0f} MB after {loads} more")
    nothing = dict.fromkeys(("pages", "parts", "figures", "looks", "sessions", "listed"), 0)
    assert {name: after[name] for name in nothing} == nothing
    assert after["documents"] == before["documents"] <= 2  # one of them is Bokeh's own
    assert after["shortest"] == SHORTEST
    if loads >= 200:  # before, much is made that all later pages share
        assert after["memory"] < before["memory"] + 10
