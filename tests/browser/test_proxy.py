"""A proxy in front, as on a hub: everything stands under a path of its own, whether the proxy hands that path on or cuts it off."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading

import pytest
from test_amplitudes import address, sentence, step, until
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

from workbench.runs.store import RunStore

PLACE = "/user/name/workbench"
LECTURER = "lecturer-token-1"
ENDLESS = "events=2000&test_events=2000&hidden=64,64&steps=400000"
HOP_BY_HOP = {"connection", "keep-alive", "upgrade", "transfer-encoding", "content-length", "content-encoding"}


class Forward(WebSocketHandler):
    """Hands everything under PLACE on, as jupyter-server-proxy does: with the browser's own Host and Origin."""

    def initialize(self, port: int, cuts: bool, seen: list[tuple[int, str]]) -> None:
        self.port, self.cuts, self.seen = port, cuts, seen

    def url(self, scheme: str) -> str:
        uri = self.request.uri.removeprefix(PLACE) or "/" if self.cuts else self.request.uri
        return f"{scheme}://127.0.0.1:{self.port}{uri}"

    def passed_on(self) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in self.request.headers.get_all():
            if name.lower() not in HOP_BY_HOP and not name.lower().startswith("sec-websocket"):
                headers.add(name, value)
        headers.add("X-Forwarded-For", self.request.remote_ip)
        headers.add("X-Forwarded-Proto", self.request.protocol)
        return headers

    async def get(self, *_: str) -> None:
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            return await self.fetch()
        words = [word.strip() for word in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        asked = HTTPRequest(self.url("ws"), headers=self.passed_on())
        self.other = await websocket_connect(asked, subprotocols=words, on_message_callback=self.back, max_message_size=2**26)
        await super().get()

    async def post(self, *_: str) -> None:
        await self.fetch()

    async def fetch(self) -> None:
        body = self.request.body if self.request.method == "POST" else None
        asked = HTTPRequest(
            self.url("http"),
            self.request.method,
            self.passed_on(),
            body,
            follow_redirects=False,
            decompress_response=False,
            request_timeout=60,
        )
        answer = await AsyncHTTPClient().fetch(asked, raise_error=False)
        self.seen.append((answer.code, self.request.uri))
        self.set_status(answer.code)
        self._headers = HTTPHeaders()
        for name, value in answer.headers.get_all():
            if name.lower() not in HOP_BY_HOP - {"content-encoding"}:
                self.add_header(name, value)
        await self.finish(answer.body if answer.code not in (204, 304) else None)

    def check_origin(self, origin: str) -> bool:
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return self.other.selected_subprotocol

    def back(self, message: str | bytes | None) -> None:
        if message is None:
            self.close()
        else:
            with contextlib.suppress(Exception):  # the browser has left
                self.write_message(message, binary=isinstance(message, bytes))

    def on_message(self, message: str | bytes) -> None:
        self.other.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        self.other.close()


class Proxy:
    """In a thread with a loop of its own; `seen` are the answers that went through, `origin` is where browsers find it."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def start(self, port: int, cuts: bool) -> None:
        async def listen():
            options = {"port": port, "cuts": cuts, "seen": self.seen}
            self.server = Application([(rf"({PLACE}(?:/.*)?)", Forward, options)]).listen(self.own_port, "127.0.0.1")

        asyncio.run_coroutine_threadsafe(listen(), self.loop).result(10)

    def reserve(self) -> str:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.own_port = probe.getsockname()[1]
        return f"http://127.0.0.1:{self.own_port}"


@pytest.mark.parametrize(
    ("cuts", "page"),
    [(False, ""), (True, "generators"), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((False, "generators"), (True, "")))],
)
def test_pages_open_and_train_behind_a_proxy(chromium, class_server, cuts, page):
    """The page opens, trains, reloads, shares and serves its files, all below the path, without a complaint on the console."""
    proxy = Proxy()
    origin = proxy.reserve()
    prefix = [] if cuts else ["--prefix", PLACE]
    server = class_server("--token", "class-token-1", "--lecturer-token", LECTURER, "--origin", origin, *prefix)
    server.start()
    server.settle()
    proxy.start(server.port, cuts)
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    complaints, asked = [], []
    try:
        tab = context.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda problem: complaints.append(str(problem)))
        recipe = "dataset=ring&events=2000&test_events=2000&steps=20000" if page else ENDLESS
        tab.goto(f"{origin}{PLACE}/{page}?{recipe}&token={LECTURER}", wait_until="commit")
        tab.click("[data-action=train]", timeout=40_000)
        page = page or "amplitudes"  # where links of the days without names lead
        until(lambda: sentence(tab).startswith("Training: step") and step(tab) > 0, 60, "training")
        tab.locator("[data-figure=losses] .js-plotly-plot, [data-figure=losses_generated] .js-plotly-plot").first.wait_for(timeout=20_000)
        assert address(tab).startswith(f"{origin}{PLACE}/{page}?") and "token" not in address(tab)
        tab.reload(wait_until="commit")
        until(lambda: tab.locator(".sentence").count() and sentence(tab).startswith("Training: step"), 40, "the same after F5")
        tab.click("#share")
        tab.wait_for_function("document.getElementById('code').naturalWidth > 0", timeout=10_000)
        assert tab.input_value("#link").startswith(f"{origin}{PLACE}/{page}?")
        tab.keyboard.press("Escape")
        tab.click("text=Follow me")
        tab.wait_for_selector(".lectern[data-role=leads]")
        assert tab.get_attribute(".lectern a", "href") == f"{origin}{PLACE}/follow?token=class-token-1"
        student = chromium.new_page()
        student.goto(tab.get_attribute(".lectern a", "href"), wait_until="commit")
        student.wait_for_selector(".lectern[data-role=follows]", timeout=40_000)
        student.close()
        tab.click("[data-action=stop]")
        until(lambda: sentence(tab).startswith("Stopped"), 20, "stopped")
        tab.click(f"nav >> text={'Amplitudes' if page == 'generators' else 'Generators'}")
        tab.wait_for_selector(".studio", timeout=40_000)
        assert address(tab).split("?")[0] == f"{origin}{PLACE}/{'amplitudes' if page == 'generators' else 'generators'}"
        cookies = {cookie["name"]: cookie["path"] for cookie in context.cookies()}
        assert cookies[f"workbench_badge_{server.port}"] == ("/" if cuts else PLACE)
    finally:
        context.close()
        for run in RunStore(server.home / "runs").runs():
            run.stop() if run.alive() else None
        server.process.terminate()
        server.process.wait(10)
    outside = [url for url in asked if not re.match(rf"{re.escape(origin + PLACE)}/|blob:|data:", url)]
    assert outside == [] and complaints == []
    assert [answer for answer in proxy.seen if answer[0] >= 400] == []
    assert not re.search(r'File ".*/workbench/', server.said), server.said
