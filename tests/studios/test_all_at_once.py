"""All that a student can do to a class at the same time leaves the others their places, their turn, and the lecturer everything."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from concurrent.futures import ThreadPoolExecutor

import served  # noqa: F401  finds the benchmarks
from classroom import Client
from test_door import CLASS, LECTURER, Browser
from test_served import Server

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import launcher, turns
from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.stories import STORIES, story
from workbench.studios.server.house import Guest, House

RECIPE = AmplitudeRecipe(events=1_000, test_events=1_000, hidden=[16, 16], steps=200, draws=4)


def test_one_student_s_stories_badges_pages_and_guesses_leave_the_others_their_place(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_SLOTS", "1")
    store, house = RunStore(tmp_path / "runs"), House(each=2)
    turns.alone(store.root, "tickets").release()
    slot = turns.Lock.acquire(store.root / turns.FOLDER / "slot-0")
    server = Server(tmp_path, "--token", CLASS, "--lecturer-token", LECTURER, "--pages", "40")

    def stories():
        greedy, refused = Guest(house, "a" * 32, False, "203.0.113.5"), 0
        for name in STORIES:
            try:
                greedy.begin_story(story(name), store)
            except RunError:
                refused += 1
        return refused

    def badges():
        for number in range(12):
            Guest(house, f"{number:032x}", False, "203.0.113.5").launch(RECIPE.replace(seed=number), store)

    def pages():
        browser = Browser.inside(server.port, CLASS)
        return [browser.ask("/amplitudes").status for _ in range(59)]

    def guesses():
        return [Browser(server.port).ask(f"/?token=guess-{number}").status for number in range(30)]

    def frames():
        browser = Browser.inside(server.port, CLASS)
        for _ in range(5):
            with browser.hold(browser.page(), f"http://127.0.0.1:{server.port}") as stream:
                stream.sendall(b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\0" * 1_000)

    try:
        with ThreadPoolExecutor(5) as pool:
            attacks = [pool.submit(one) for one in (stories, badges, pages, guesses, frames)]
            refused, _, seen, guessed, _ = [attack.result() for attack in attacks]
        assert refused > 5 and seen.count(200) < seen.count(503) and set(guessed) <= {403, 429}
        assert Browser.inside(server.port, CLASS).ask("/amplitudes").status == 200
        assert Browser.inside(server.port, LECTURER).ask("/generators").status == 200
        mine = Guest(house, "b" * 32, False, "203.0.113.7").launch(RECIPE.replace(seed=99), store)
        assert mine.status.queue_position == 2, "behind one run of the other's"
        assert server.process.poll() is None and "Traceback" not in server.said
    finally:
        server.process.terminate()
        server.process.wait(10)
        for run in store.runs():
            if run.alive():
                run.stop()
        slot.release()


def flood(port: int, rounds) -> None:
    """Pages, guesses and frames without a pause, all from one address."""
    here, browser = {"X_Forwarded_For": GREEDY}, Browser.inside(port, CLASS)
    while True:
        for number in range(59):
            answer = browser.ask("/amplitudes", **here)
            Browser(port).ask(f"/?token=guess-{number}", **here)
            if number % 10 == 0 and answer.status == 200:
                with browser.hold(re.search(r'"token":"([^"]+)"', answer.text)[1], f"http://127.0.0.1:{port}") as stream:
                    stream.sendall(b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\0" * 1_000)
        rounds.value += 1


GREEDY, LONG = "203.0.113.5", "steps=1000000&hidden=64,64"


class Page(Client):
    """One that somebody has open, as far as the server can tell from some address."""

    def __init__(self, server: Server, token: str, address: str):
        super().__init__(f"http://127.0.0.1:{server.port}/")
        self.browser, self.address = Browser.inside(server.port, token), address

    def fetch(self, path: str) -> str:
        end = time.monotonic() + 60
        while (answer := self.browser.ask(f"/{path}", X_Forwarded_For=self.address)).status == 503 and time.monotonic() < end:
            time.sleep(0.2)
        self.cookies = self.browser.cookies
        return answer.text


def test_the_first_point_of_others_comes_within_three_seconds_whatever_one_student_does(tmp_path, slowdown):
    """Two trainings at once; 21 stories, the trainings of 12 badges, pages, guesses and frames without a pause are all one student's."""
    store, before = RunStore(tmp_path / "runs"), slowdown()
    server = Server(tmp_path, "--token", CLASS, "--lecturer-token", LECTURER, "--jobs", "2", "--origin", "https://hub.example.org")
    spawn = multiprocessing.get_context("spawn")
    rounds = spawn.Value("i", 0)
    flooding = spawn.Process(target=flood, args=(server.port, rounds), daemon=True)

    async def opened(token: str, address: str, seed: int) -> Page:
        page = Page(server, token, address)
        await page.open(f"?{LONG}&seed={seed}")
        following.append(asyncio.create_task(page.follow()))
        return page

    async def first_point(token: str, address: str, seed: int) -> float:
        page = await opened(token, address, seed)
        page.seen.clear()
        begin = time.time()
        await page.press("Bar", action="train")
        while not any(page.seen) and time.time() < begin + 60:
            await asyncio.sleep(0.01)
        (run,) = [run for run in store.runs() if run.recipe.seed == seed]
        await asyncio.to_thread(run.stop)
        return min((at for step, at in page.seen.items() if step), default=float("inf")) - begin

    async def scene() -> list[float]:
        greedy = [await opened(CLASS, GREEDY, 100 + number) for number in range(12)]
        for page in greedy:
            await page.press("Bar", action="train")
        for name in STORIES:
            await greedy[0].press("Frame", story=name)
            await greedy[0].press("Frame", tell="train")
        flooding.start()
        end = time.monotonic() + 120
        while [run.status.state for run in store.runs()].count("running") < 2 or len(store.runs()) < 12 or not rounds.value:
            assert time.monotonic() < end, store.runs()
            await asyncio.sleep(0.2)
        seconds = [await first_point(*who) for who in ((LECTURER, "203.0.113.1", 1), (CLASS, "203.0.113.7", 2))]
        assert [run.status.state for run in store.runs()].count("running") == 2 and flooding.is_alive()
        for task in following:
            task.cancel()
        return seconds

    following: list[asyncio.Task[None]] = []
    try:
        seconds = asyncio.run(scene())
        assert server.process.poll() is None and "Traceback" not in server.said
    finally:
        flooding.kill()
        server.process.terminate()
        server.process.wait(10)
        launcher.stop_waiting(store.root)
        for run in store.runs():
            if run.alive():
                run.stop()
    factor = max(before, slowdown())
    words = "first points after {:.2f} s (lecturer) and {:.2f} s (another student), on a machine {:.1f} times slower"
    print(words.format(*seconds, factor))
    assert max(seconds) < 3 * factor
