"""Pages that were closed, reloaded or lost: nothing of them is left, in memory or in a count, and those that stay open are no slower."""

from __future__ import annotations

import asyncio

import pytest
from served import Served

from workbench.studios.live.plot_view import PlotView
from workbench.studios.pages.parts import Bar, RunTable
from workbench.studios.server.pulse import SHORTEST

UPDATES = 360  # of a page, of some 7,200 in two hours of a lecture


@pytest.mark.parametrize(("first", "loads"), [(10, 20), pytest.param(50, 200, marks=pytest.mark.slow)])
def test_nothing_is_left_of_pages_that_were_closed(tmp_path, first, loads):
    with Served(tmp_path) as server:
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
    """Two servers, the same run, at the same time: a busy machine slows both, and then both are watched for longer."""

    async def both(path: str) -> list[list[int]]:
        return await asyncio.gather(*(server.watch(1, path, 20) for server in (old, fresh)))

    with Served(tmp_path) as old, old.training(rate=10) as run:
        asyncio.run(old.come_and_go(50))
        before = old.left()
        asyncio.run(old.come_and_go(1_000))
        after = old.left()
        with Served(tmp_path) as fresh:
            updates = [0, 0]
            while updates[1] < 400:
                updates = [count + more for count, (more,) in zip(updates, asyncio.run(both(f"?run={run.id}")), strict=True)]
    print(
        f"{updates[0]} updates after 1,000 closed pages, {updates[1]} on a fresh server; {before['memory']:.0f} -> {after['memory']:.0f} MB"
    )
    check_nothing_is_left(before, after)
    assert after["memory"] < before["memory"] + 10
    assert updates[0] >= 0.9 * updates[1]


def test_a_page_whose_network_is_gone_without_a_word_is_lost(tmp_path):
    async def fall_silent() -> None:
        client = server.visitor()
        await client.open("")
        assert (told := server.census())["listed"] == told["pages"] == 1
        stream = client.socket.protocol.stream
        stream.io_loop.remove_handler(stream.fileno())  # neither read nor closed any more
        silent.append(client)

    with Served(tmp_path, lost=0.5) as server:
        silent = []
        asyncio.run(fall_silent())
        assert server.left()["pages"] == 0


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_forty_pages_that_stay_open_for_a_lecture_grow_by_less_than_a_megabyte(tmp_path):
    """Two hours are some 7,200 updates: what a share of them adds to the memory is taken that many times. Some follow the lecturer."""

    async def lecture(path: str) -> tuple[float, float]:
        clients = [server.visitor() for _ in range(40)]
        await clients[0].open(path)
        await clients[0].press("Frame", lead=True)
        following = [asyncio.create_task(clients[0].follow())]
        led = await asyncio.to_thread(server.lecture, clients[0])
        for number, client in enumerate(clients[1:]):
            await client.open((path, f"?follow={led}", path, f"{path}&tab=accuracy")[number % 4])
            following.append(asyncio.create_task(client.follow()))
        watching, told = [client for client in clients if client.seen], []
        for wanted in (UPDATES / 3, UPDATES * 4 / 3):
            while (updates := sum(len(client.seen) for client in watching) / len(watching)) < wanted:
                await asyncio.sleep(1)
            told.append((updates, await asyncio.to_thread(server.memory)))
        for task in following:
            task.cancel()
        return told[1][0] - told[0][0], told[1][1] - told[0][1]

    with Served(tmp_path) as server, server.training(rate=10) as run:
        updates, grown = asyncio.run(lecture(f"?run={run.id}"))
    print(f"{grown:.1f} MB in {updates:.0f} updates of 40 pages")
    assert grown / 40 < updates / 7_200


def test_pages_share_the_scripts_and_styles_that_they_send():
    """They were read anew for each figure and part of each page, and kept: a fifth of a megabyte a page."""
    for kind in (Bar, RunTable, PlotView):
        assert kind._render_esm() is kind._render_esm()
    styles = {id(part.stylesheets[0]) for kind in (Bar, RunTable) for part in (kind(heard=print), kind(heard=print))}
    assert len(styles) == 1


def check_nothing_is_left(before, after):
    nothing = dict.fromkeys(("pages", "parts", "figures", "looks", "sessions", "listed"), 0)
    assert {name: after[name] for name in nothing} == nothing
    assert after["documents"] == before["documents"] <= 2  # one of them is Bokeh's own
    assert after["shortest"] == SHORTEST
