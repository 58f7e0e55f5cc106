"""Pages that were closed, reloaded or lost: nothing of them is left, in memory or in a count, and those that stay open are no slower."""

from __future__ import annotations

import asyncio

import pytest
from served import Served

from workbench.studios.pulse import SHORTEST


@pytest.mark.parametrize(("first", "loads"), [(10, 20), pytest.param(50, 200, marks=pytest.mark.slow)])
def test_nothing_is_left_of_pages_that_were_closed(tmp_path, first, loads):
    with Served(tmp_path, life=1.0) as server:
        asyncio.run(server.come_and_go(first))
        before = server.left()
        asyncio.run(server.come_and_go(loads))
        after = server.left()
        print(f"{before['memory']:.0f} MB after {first} loads, {after['memory']:.0f} MB after {loads} more")
    check_nothing_is_left(before, after)
    if loads >= 200:  # before, much is made that all later pages share
        assert after["memory"] < before["memory"] + 10


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_pages_are_as_live_after_a_thousand_were_closed_as_on_a_fresh_server(tmp_path):
    """Two servers, the same run, at the same time: a busy machine slows both."""

    async def both(path: str) -> list[list[int]]:
        return await asyncio.gather(*(server.watch(1, path, 20) for server in (old, fresh)))

    with Served(tmp_path, life=1.0) as old, old.training(rate=10) as run:
        asyncio.run(old.come_and_go(50))
        before = old.left()
        asyncio.run(old.come_and_go(1_000))
        after = old.left()
        with Served(tmp_path, life=1.0) as fresh:
            counts = [asyncio.run(both(f"?run={run.id}")) for _ in range(3)]
    updates = [sum(sum(turn[place]) for turn in counts) for place in (0, 1)]
    print(
        f"{updates[0]} updates after 1,000 closed pages, {updates[1]} on a fresh server; {before['memory']:.0f} -> {after['memory']:.0f} MB"
    )
    check_nothing_is_left(before, after)
    assert after["memory"] < before["memory"] + 10
    assert updates[0] >= 0.9 * updates[1] > 100


def check_nothing_is_left(before, after):
    nothing = dict.fromkeys(("pages", "parts", "figures", "looks", "sessions", "listed"), 0)
    assert {name: after[name] for name in nothing} == nothing
    assert after["documents"] == before["documents"] <= 2  # one of them is Bokeh's own
    assert after["shortest"] == SHORTEST
