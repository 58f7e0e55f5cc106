"""Servers that die, networks that break, laptops that sleep: runs go on, pages come back as they were, and nothing is started twice."""

from __future__ import annotations

import re
import select
import signal
import socket
import struct
import threading
import time

import psutil
import pytest
from test_amplitudes import ENDLESS, address, sentence, step, until

from workbench.runs.store import RunStore

LECTURER = "lecturer-token-1"


class Wire:
    """The network between a browser and a server: it can be cut, go silent, or forget the connections that it has."""

    def __init__(self, port: int):
        self.port, self.mode, self.pairs = port, "open", []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.lock, self.over = threading.Lock(), False
        threading.Thread(target=self._run, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks, and no new one is made."""
        self.mode = "cut"
        with self.lock:
            for pair in self.pairs:
                for end in pair:
                    reset(end)
            self.pairs = []

    def forget(self) -> None:
        """As a router does with a laptop that sleeps: the server's ends are gone, the browser's are not told. New connections are made."""
        with self.lock:
            for pair in self.pairs:
                reset(pair.pop())

    def close(self) -> None:
        self.over = True
        self.cut()
        self.listening.close()

    def _run(self) -> None:
        while not self.over:
            with self.lock:
                ends = {end: pair for pair in self.pairs if len(pair) == 2 for end in pair}
            ready = select.select([self.listening, *([] if self.mode == "silent" else ends)], [], [], 0.05)[0]
            for end in ready:
                with self.lock:
                    try:
                        self._join() if end is self.listening else self._pass(end, ends[end])
                    except (OSError, ValueError):  # closed meanwhile
                        continue

    def _join(self) -> None:
        browser, _ = self.listening.accept()
        if self.mode == "cut":
            return reset(browser)
        self.pairs.append([browser, socket.create_connection(("127.0.0.1", self.port))])

    def _pass(self, end: socket.socket, pair: list[socket.socket]) -> None:
        if len(pair) < 2:
            return
        data = end.recv(65_536)
        pair[1 if end is pair[0] else 0].sendall(data)
        if not data:
            self.pairs.remove(pair)
            for each in pair:
                each.close()


def reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


@pytest.fixture(scope="module")
def wired(class_server):
    """A server behind a network of ours, and that network."""
    server = class_server()
    wire = Wire(server.port)
    server.options = ("--token", "class-token-1", "--lecturer-token", LECTURER, "--origin", wire.origin, "--jobs", "4")
    server.start()
    server.settle()
    yield server, wire
    stop_all(server)
    server.process.terminate()
    server.process.wait(10)
    wire.close()
    assert not re.search(r'File ".*/workbench/', server.said), server.said


def stop_all(server) -> None:
    for run in RunStore(server.home / "runs").runs():
        if run.alive():
            run.stop()


@pytest.fixture
def training(chromium, wired):
    """training(seed) is a page on the far side of the network with a run that trains, and the run."""
    server, wire = wired
    contexts, complaints = [], []

    def training(seed):
        wire.mode = "open"
        contexts.append(chromium.new_context(viewport={"width": 1400, "height": 900}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.goto(f"{wire.origin}/?{ENDLESS}&seed={seed}&token={LECTURER}", wait_until="commit")
        page.click("[data-action=train]", timeout=30_000)
        until(lambda: sentence(page).startswith("Training: step") and step(page) > 0, 30, "training")
        return page, RunStore(server.home / "runs").open(re.search(r"run=([a-z0-9-]+)", address(page))[1])

    yield training
    wire.mode = "open"
    for context in contexts:
        context.close()
    stop_all(server)
    assert complaints == []


def curves(page) -> list[list[float]]:
    """The first and the last step of every curve among the losses."""
    ranges = "(plots) => plots.flatMap(({data}) => data ?? []).filter(({x}) => x?.length).map(({x}) => [Math.min(...x), Math.max(...x)])"
    return page.locator("[data-figure=losses] .js-plotly-plot").evaluate_all(ranges)


def edit(page) -> None:
    """One edit of every kind, the last one not even finished."""
    page.fill("#option-prior_width", "0.5")
    page.press("#option-prior_width", "Enter")
    page.fill("#title", "my next one")
    page.press("#title", "Tab")
    page.click("[data-option=uncertainty] label:has-text('ensemble')")
    page.fill("#option-noise", "lots")
    page.press("#option-noise", "Enter")
    page.locator("#option-learning_rate").evaluate("(e) => e.closest('details')?.setAttribute('open', '')")
    page.fill("#option-learning_rate", "0.002")


def lost(page) -> list[str]:
    """The edits that do not stand there, or of which the server has not heard."""
    found = {
        "width": page.input_value("#option-prior_width") == "0.5",
        "title": page.input_value("#title") == "my next one",
        "radio": page.is_checked("[data-option=uncertainty] label:has-text('ensemble') input"),
        "noise": page.input_value("#option-noise") == "lots" and "must be a number" in page.inner_text("[data-option=noise] .wrong"),
        "unfinished": page.input_value("#option-learning_rate") == "0.002",
        **{word: word in address(page) for word in ("prior_width=0.5", "uncertainty=repulsive_ensemble", "learning_rate=0.002")},
    }
    return [name for name, there in found.items() if not there]


def keeps_edits(page) -> None:
    end = time.monotonic() + 10
    while lost(page) and time.monotonic() < end:
        time.sleep(0.05)
    assert lost(page) == [], address(page)


def as_before(page, run, done) -> bool:
    """Whether a page shows a run that has gone on from step `done`, with its curves from the beginning."""
    if page.locator("#away:visible").count() or not page.locator(".sentence").count():
        return False
    if not sentence(page).startswith("Training: step") or step(page) < done or run.id not in address(page):
        return False
    reports = [report["step"] for report in run.read_reports().reports]
    ranges = curves(page)
    return bool(ranges) and all(first <= reports[:4][-1] and last >= done - 2 * reports[0] for first, last in ranges)


def back(page, run, slowdown, what: str, seconds: float = 3.0) -> None:
    """Wait for the same state, three seconds on an idle machine."""
    done = run.status.step
    took = until(lambda: as_before(page, run, done), 30, what)
    print(f"{what}: the same state after {took:.2f} s")
    assert took < seconds * slowdown(), f"{what}: the same state after {took:.2f} s"


def test_r3_four_runs_outlive_their_server_and_a_new_one_finds_them(chromium, class_server, slowdown):
    """R3: kill -9 of the server with 4 runs on: they never stop; all 4 are back with full history < 3 s; 0 duplicates."""
    server = class_server("--jobs", "4")
    server.start()
    server.settle()
    store = RunStore(server.home / "runs")
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    server.let_in(page.context)
    try:
        page.goto(f"{server.url}?{ENDLESS}")
        for seed in range(4):
            page.fill("#option-seed", str(seed))
            page.press("#option-seed", "Enter")
            until(lambda seed=seed: f"seed={seed}" in address(page) or not seed, 5, "the seed in the address")
            page.click("[data-action=train]")
            until(lambda seed=seed: len(store.runs()) == seed + 1, 20, "a run")
        runs = store.runs()
        until(lambda: all(run.status.state == "running" and run.status.step > 0 for run in runs), 60, "four trainings")
        page.goto(f"{server.url}?run={runs[0].id}&compare={','.join(run.id for run in runs[1:])}")
        until(lambda: len(curves(page)) >= 4, 30, "four curves")
        link, before = address(page), [run.status for run in runs]
        server.kill()
        killed = [run.status.step for run in runs]
        until(lambda: page.is_visible("#away"), 5, "the page says that the connection is lost")
        until(lambda: all(run.status.step > step for run, step in zip(runs, killed, strict=True)), 30, "they go on")
        server.start()
        restarted = [run.status.step for run in runs]

        def reattached() -> bool:
            if page.is_visible("#away") or page.locator(".numbers tbody tr").count() != 4:
                return False
            ranges = curves(page)
            first = [run.read_reports().reports[:4][-1]["step"] for run in runs]
            return (
                len(ranges) >= 4 and max(low for low, _ in ranges) <= max(first) and min(high for _, high in ranges) >= 0.9 * min(restarted)
            )

        took = until(reattached, 30, "all four are back")
        print(f"four runs were back {took:.2f} s after the server listened")
        assert took < 3 * slowdown(), f"four runs were back {took:.2f} s after the server listened"
        assert address(page) == link and sentence(page).startswith("Training: step")
        assert page.is_disabled("[data-action=train]"), "this recipe is being trained"
        after = [run.status for run in runs]
        assert [status.pid for status in after] == [status.pid for status in before] and {status.attempt for status in after} == {1}
        assert all(status.state == "running" for status in after) and len(store.runs()) == 4
    finally:
        page.close()
        server.process.terminate()
        server.process.wait(10)
        stop_all(server)


def test_r17_f5_and_a_second_tab_in_mid_training(training, wired, slowdown):
    """R17: F5 and a second tab: same state < 3 s, no lost edits, no second run."""
    page, run = training(200)
    edit(page)
    page.reload(wait_until="commit")
    back(page, run, slowdown, "F5")
    keeps_edits(page)
    second = page.context.new_page()
    second.goto(address(page), wait_until="commit")
    back(second, run, slowdown, "a second tab")
    assert second.input_value("#option-prior_width") == "0.5" and second.input_value("#option-learning_rate") == "0.002"
    page.bring_to_front()
    keeps_edits(page)
    assert run.status.attempt == 1 and run.status.state == "running"
    assert [other.id for other in RunStore(run.path.parent).runs() if other.alive()] == [run.id]


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", ["cut", "silent"])
def test_r17_a_network_that_breaks(training, wired, slowdown, how, seconds):
    """R17: the websocket is cut, or hears nothing, for 4 s (slow: 30 s): same state < 3 s, no lost edits, no second run."""
    page, run = training(201 if how == "cut" else 202)
    wire, trained = wired[1], run.status.step
    if how == "cut":
        wire.cut()
        until(lambda: page.is_visible("#away"), 5, "the page says that the connection is lost")
    else:
        wire.mode = "silent"
    edit(page)
    page.keyboard.press("Escape")
    page.wait_for_timeout(1_000 * seconds)
    assert run.alive() and run.status.step > trained, "a run does not depend on the network"
    wire.mode = "open"
    back(page, run, slowdown, f"a network that was {how} for {seconds} s")
    if how == "silent":
        page.press("#option-learning_rate", "Enter")
    keeps_edits(page)
    assert run.status.attempt == 1
    assert [other.id for other in RunStore(run.path.parent).runs() if other.alive()] == [run.id]


@pytest.mark.parametrize("seconds", [7, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("forgotten", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_r17_a_laptop_that_sleeps(training, wired, slowdown, forgotten, seconds):
    """R17: the browser stands still (10 min as 7 s, slow: 60 s), its connection forgotten or not: same state < 3 s, no lost edits."""
    page, run = training(203 if forgotten else 204)
    edit(page)
    browsers = [p for p in psutil.Process().children(recursive=True) if p.status() != "zombie" and "--type=renderer" in p.cmdline()]
    assert browsers
    for process in browsers:
        process.send_signal(signal.SIGSTOP)
    try:
        if forgotten:
            wired[1].forget()
        time.sleep(seconds)
    finally:
        for process in browsers:
            process.send_signal(signal.SIGCONT)
    back(page, run, slowdown, f"a sleep of {seconds} s{', forgotten' if forgotten else ''}")
    if not forgotten:
        page.press("#option-learning_rate", "Enter")
    keeps_edits(page)
    assert run.status.attempt == 1
    assert [other.id for other in RunStore(run.path.parent).runs() if other.alive()] == [run.id]


def test_f5_just_before_an_answer_that_changes_the_address(training):
    """The page that comes from the old address goes on to the newer one, where the last page stood."""
    page, run = training(205)
    newer = f"{address(page)}&{ENDLESS}&seed=205&learning_rate=0.002"
    left = {"at": newer, "before": [address(page)], "title": "my next one", "options": [["noise", "lots"]]}
    page.evaluate("(left) => addEventListener('pagehide', () => sessionStorage.setItem('workbench:unsaid', JSON.stringify(left)))", left)
    page.reload(wait_until="commit")
    until(lambda: page.locator("#title").count() and page.input_value("#title") == "my next one", 20, "what was kept")
    assert "learning_rate=0.002" in address(page) and page.input_value("#option-learning_rate") == "0.002"
    until(lambda: page.input_value("#option-noise") == "lots" and page.inner_text("[data-option=noise] .wrong"), 10, "the wrong value")
    assert [other.id for other in RunStore(run.path.parent).runs() if other.alive()] == [run.id]


def test_a_tab_that_showed_a_page_before_follows_the_lecture_that_it_waited_for(chromium, wired, training):
    """Where a page was reloaded its tab may show something else: what was kept of another address is none of its business."""
    wire, (teacher, _) = wired[1], training(207)
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    try:
        student = context.new_page()
        student.goto(f"{wire.origin}/?token=class-token-1", wait_until="commit")
        student.locator("#option-noise").wait_for(state="attached", timeout=30_000)  # in a drawer on a small window
        student.goto(f"{wire.origin}/follow")
        assert not student.locator(".lectern").count()
        teacher.locator("text=Follow me").evaluate("button => button.click()")
        student.locator(".lectern[data-role=follows]").wait_for(timeout=30_000)
    finally:
        context.close()


def test_what_is_pressed_before_the_page_is_complete_is_heard(chromium, wired):
    """Panel drops changes of a page whose browser has not yet said that it has everything."""
    wire = wired[1]
    wire.mode = "open"
    page = chromium.new_page()
    late, frames, ends = [], [], []

    def pass_on(frame) -> None:
        """A message has a header, metadata and content."""
        frames.append(frame)
        if len(frames) == 3:
            message, frames[:] = list(frames), []
            for part in message:
                late.append(part) if '"document_ready"' in str(message[2]) else ends[0].send(part)

    def join(socket) -> None:
        ends.append(socket.connect_to_server())
        socket.on_message(pass_on)

    page.route_web_socket(re.compile("/ws"), join)
    try:
        page.goto(f"{wire.origin}/?{ENDLESS}&seed=206&token={LECTURER}", wait_until="commit")
        page.wait_for_selector("[data-option=uncertainty] label:has-text('ensemble')", timeout=20_000)
        page.click("[data-option=uncertainty] label:has-text('ensemble')")
        page.fill("#option-noise", "lots")
        page.press("#option-noise", "Enter")
        page.wait_for_timeout(1_000)
        assert len(late) == 3 and "repulsive" not in address(page)
        for part in late:
            ends[0].send(part)
        until(lambda: "uncertainty=repulsive_ensemble" in address(page), 10, "the edit in the address")
        until(lambda: page.inner_text("[data-option=noise] .wrong"), 10, "the sentence about the wrong value")
        assert page.input_value("#option-noise") == "lots"
    finally:
        page.close()
