"""All that a student can do to a class at the same time leaves the others their places, their turn, and the lecturer everything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from test_door import CLASS, LECTURER, Browser
from test_served import Server

from workbench.runs import turns
from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.stories import STORIES, story
from workbench.studios.house import Guest, House
from workbench.training.recipe import AmplitudeRecipe

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
        return [browser.ask("/").status for _ in range(59)]

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
        assert Browser.inside(server.port, CLASS).ask("/").status == 200
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
