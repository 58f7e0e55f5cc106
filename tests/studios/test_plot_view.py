"""PlotView: the newest frame wins, on the server and in a real browser."""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from workbench.figures.frame import checksum, pack, unpack
from workbench.studios.browser.assets import bundle
from workbench.studios.live import plot_view
from workbench.studios.live.plot_view import PlotView


def frame(number):
    return pack({"data": [{"type": "scatter", "x": [0, 1], "y": [0, number]}], "layout": {"meta": {"number": number}}})


@pytest.fixture
def view():
    return PlotView(frame=frame(0))


@pytest.fixture
def watched(view, monkeypatch):
    """A view on a page that has drawn frame 0; `draw()` is the browser acknowledging what it was sent."""
    monkeypatch.setattr(PlotView, "watched", True)
    view.draw = lambda: view._handle_msg({"drawn": checksum(view.wire)})
    view.draw()
    return view


def number(wire):
    return unpack(wire)["layout"]["meta"]["number"]


def test_a_frame_is_sent_at_once_when_the_browser_waits(watched):
    watched.frame = frame(1)
    assert number(watched.wire) == 1


def test_while_the_browser_draws_only_the_newest_frame_is_kept(watched):
    for k in (1, 2, 3, 4):
        watched.frame = frame(k)
    assert number(watched.wire) == 1
    watched.draw()
    assert number(watched.wire) == 4
    watched.draw()
    assert number(watched.wire) == 4


def test_the_acknowledgement_of_an_older_frame_is_not_taken_for_that_of_the_newest(watched):
    watched.frame = frame(1)
    watched.frame = frame(2)
    watched._handle_msg({"drawn": checksum(frame(0))})
    assert number(watched.wire) == 1


def test_a_lost_acknowledgement_does_not_stop_the_figure(watched, monkeypatch):
    watched.frame = frame(1)
    monkeypatch.setattr(plot_view, "PATIENCE", 0.0)
    watched.frame = frame(2)
    assert number(watched.wire) == 2


def test_before_any_browser_shows_it_a_view_holds_the_newest_frame(view):
    for k in (1, 2, 3):
        view.frame = frame(k)
    assert number(view.wire) == 3


@pytest.mark.parametrize("message", [None, "drawn", {"drawn": "x"}, {}, 7])
def test_strange_messages_from_a_browser_are_ignored(watched, message):
    watched.frame = frame(1)
    watched.frame = frame(2)
    watched._handle_msg(message)
    assert number(watched.wire) == 1


WATCH = "window.drawn = []; document.addEventListener('workbench:drawn', e => window.drawn.push({...e.detail, at: Date.now()}))"


def serve(*arguments):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("plot_page.py")
    said = tempfile.TemporaryFile("w+")
    process = subprocess.Popen([sys.executable, script, str(port), *arguments], stdout=said, stderr=said)
    base = f"http://localhost:{port}/{''.join(f'{a}/' for a in arguments)}"
    for _ in range(300):
        try:
            urllib.request.urlopen(base + "plotlyjs/plotly.min.js", timeout=1).close()
            return process, base
        except OSError:
            time.sleep(0.1)
    process.kill()
    said.seek(0)
    raise TimeoutError(f"The test page was not served within 30 seconds. It said: {said.read()}")


@pytest.fixture(scope="module")
def url():
    process, base = serve()
    yield base
    process.terminate()
    process.wait(10)


def visit(chromium, address, **options):
    page = chromium.new_page(viewport={"width": 1100, "height": 800}, **options)
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda problem: page.complaints.append(str(problem)))
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_function("window.drawn.filter(d => d?.number).length >= 2", timeout=60_000)
    return page


@pytest.fixture(scope="module")
def page(chromium, url):
    page = visit(chromium, url)
    yield page
    page.close()


@pytest.mark.browser
def test_nothing_leaves_the_machine_and_nothing_complains(page):
    assert not [u for u in page.requests if not u.startswith(("http://localhost", "ws://localhost", "blob:", "data:"))]
    assert page.complaints == []


@pytest.mark.browser
def test_the_engine_is_loaded_once_for_all_figures(page):
    assert sum("plotly.min.js" in u for u in page.requests) == 1
    served = urllib.request.urlopen(page.url + plot_view.ENGINE_URL).read(200).decode()
    assert f"plotly.js v{page.evaluate('Plotly.version')}" in served


@pytest.mark.browser
def test_material_components_leave_fonts_and_legends_alone(page):
    look = page.locator(".live .js-plotly-plot").evaluate(
        "gd => [gd._fullLayout.font.size, gd._fullLayout.legend.orientation, gd.data[0].line.color]"
    )
    assert look == [20, "h", "#0072B2"]
    shown = page.locator(".live .js-plotly-plot").evaluate("gd => getComputedStyle(gd.querySelector('.xtitle')).fontSize")
    assert float(shown.removesuffix("px")) >= 20


@pytest.mark.browser
def test_an_empty_figure_says_its_sentence(page):
    assert "No run is chosen." in page.locator(".empty .js-plotly-plot").inner_text()


@pytest.mark.browser
def test_new_frames_arrive_in_order_at_most_twelve_a_second_and_without_lag(page):
    page.evaluate("window.drawn.length = 0")
    page.wait_for_timeout(5_000)
    drawn = page.evaluate("window.drawn")
    numbers = [d["number"] for d in drawn]
    assert numbers == sorted(numbers)
    assert 5 <= len(drawn) <= 12.5 * 5 + 1  # one in 80 ms
    lags = sorted(d["at"] - d["sent"] for d in drawn)
    assert lags[len(lags) // 2] < 1_000, "the newest frame should be on the screen well within a second"


@pytest.mark.browser
def test_a_figure_follows_the_size_of_its_page(page):
    plot = page.locator(".live .js-plotly-plot")
    page.set_viewport_size({"width": 700, "height": 800})
    page.wait_for_timeout(1_000)
    narrow = plot.evaluate("gd => [gd._fullLayout.width, gd.offsetWidth]")
    page.set_viewport_size({"width": 1100, "height": 800})
    page.wait_for_timeout(1_000)
    wide = plot.evaluate("gd => [gd._fullLayout.width, gd.offsetWidth]")
    assert narrow[0] == narrow[1] < wide[0] == wide[1]


@pytest.mark.browser
def test_a_hidden_tab_is_drawn_when_it_is_opened_and_then_shows_the_newest(page):
    assert page.locator(".hidden .js-plotly-plot").count() == 0
    page.get_by_text("hidden", exact=True).click()
    plot = page.locator(".hidden .js-plotly-plot")
    plot.wait_for(timeout=10_000)
    page.wait_for_timeout(1_500)
    live = page.locator(".live .js-plotly-plot").evaluate("gd => gd.layout.meta.number")
    assert abs(live - plot.evaluate("gd => gd.layout.meta.number")) <= 6


@pytest.mark.browser
def test_zoom_survives_new_frames(page):
    plot = page.locator(".live .js-plotly-plot")
    box = page.locator(".live .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    before, number = plot.evaluate("gd => [gd._fullLayout.xaxis.range, gd.layout.meta.number]")
    page.wait_for_timeout(1_500)
    after, later = plot.evaluate("gd => [gd._fullLayout.xaxis.range, gd.layout.meta.number]")
    assert later > number
    assert after == before
    assert before[1] - before[0] < 6


@pytest.mark.browser
def test_the_theme_changes_in_place(page):
    page.get_by_label("dark").first.click()
    page.wait_for_function("window.drawn.length > 0")
    page.wait_for_timeout(1_500)
    assert page.locator(".live .js-plotly-plot").evaluate("gd => gd._fullLayout.paper_bgcolor") == "#121212"


@pytest.mark.browser
def test_the_mode_bar_saves_svg_png_and_the_points_shown(page, tmp_path):
    page.locator(".live .js-plotly-plot").hover()
    titles = page.locator(".live .modebar-btn").evaluate_all("buttons => buttons.map(b => b.getAttribute('data-title'))")
    assert not [title for title in titles if "cloud" in title.lower() or "share" in title.lower()]
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"curve,panel,x,y\n")):
        with page.expect_download() as download:
            page.locator(f".live .modebar-btn[data-title*='{kind}']").click()
        path = tmp_path / kind
        download.value.save_as(path)
        assert path.read_bytes().startswith(start)
        assert download.value.suggested_filename.endswith(kind.lower())


@pytest.mark.browser
@pytest.mark.parametrize("place", ["deep/page", ""])
def test_it_works_below_a_prefix_and_deep_in_the_tree(chromium, url, place):
    if place:
        page = visit(chromium, url + place)
        assert page.complaints == []
        page.close()
        return
    process, base = serve("some/prefix")
    try:
        page = visit(chromium, base)
        assert page.complaints == []
        page.close()
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.browser
def test_the_same_module_serves_a_notebook_widget(chromium, url):
    """anywidget hands over model.get, .on and .send and binary traits as DataView, and calls what render returns when the cell goes."""
    page = chromium.new_page()
    page.goto(url + "alive")
    script = """async ([source, frame, url]) => {
        const {default: {render}} = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))
        const state = {wire: new DataView(new Uint8Array([0, 0, 0, ...frame]).buffer, 3), engine_url: url}, said = []
        const el = document.body.appendChild(Object.assign(document.createElement("div"), {style: "width: 400px; height: 300px"}))
        const close = render({el, model: {get: (name) => state[name], on: () => {}, send: (message) => said.push(message)}})
        while (!said.length) await new Promise((go) => setTimeout(go, 50))
        const shown = el.querySelector(".js-plotly-plot").data[0].y
        close()
        return [said, [...shown], el.querySelectorAll("svg").length]
    }"""
    source = bundle("plot_view.js")
    said, shown, left = page.evaluate(script, [source, list(frame(7)), url + plot_view.ENGINE_URL])
    assert said[0] == {"drawn": checksum(frame(7))}
    assert shown == [0, 7]
    assert left == 0
    page.close()


@pytest.mark.browser
def test_one_slow_drawing_delays_nothing_but_a_slow_computer_gets_time_to_breathe(chromium, url):
    page = chromium.new_page()
    page.goto(url + "alive")
    script = """async ([source, frames, costs, url]) => {
        const {default: {render}} = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))
        const state = {wire: new DataView(new Uint8Array(frames[0]).buffer), engine_url: url}, rests = []
        const el = document.body.appendChild(Object.assign(document.createElement("div"), {style: "width: 400px; height: 300px"}))
        let cost = 0, drawn = 0, change, said
        el.addEventListener("workbench:drawn", () => { drawn = performance.now() })
        const next = () => new Promise((go) => { said = () => go(performance.now() - drawn) })
        const on = (event, hear) => { change = hear }
        const first = next(), close = render({el, model: {get: (name) => state[name], on, send: () => said()}})
        await first
        const react = Plotly.react
        Plotly.react = (...figure) => {
            for (const end = performance.now() + cost; performance.now() < end;);
            return react(...figure)
        }
        for (const [k, ms] of costs.entries()) {
            await new Promise((go) => setTimeout(go, 250))
            cost = ms
            state.wire = new DataView(new Uint8Array(frames[k + 1]).buffer)
            const rest = next()
            change()
            rests.push(await rest)
        }
        Plotly.react = react
        close()
        return rests
    }"""
    source, costs = bundle("plot_view.js"), [0, 0, 200, 200]
    frames = [list(frame(k)) for k in range(5)]
    rests = page.evaluate(script, [source, frames, costs, url + plot_view.ENGINE_URL])
    assert rests[2] < 400, rests  # ms; its share of the time would be 1,000
    assert rests[3] > 600, rests
    page.close()


@pytest.mark.browser
def test_when_the_engine_cannot_be_reached_a_sentence_stands_there_until_it_can(chromium, url):
    page = chromium.new_page()
    refused = []
    page.route("**/plotly.min.js*", lambda route: (refused.append(1), route.abort()) if not refused else route.continue_())
    page.add_init_script(WATCH)
    page.goto(url)
    page.get_by_text("The plotting library could not be loaded").first.wait_for(timeout=20_000)
    page.wait_for_function("window.drawn.length > 0", timeout=20_000)
    page.close()
