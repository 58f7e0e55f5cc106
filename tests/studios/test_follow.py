"""run.live(): frames of a run as it trains, ten a second at most, the newest wins; and it ends by itself."""

from __future__ import annotations

import json
import time

import pytest

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import ALIASES, FIGURES, named
from workbench.figures.frame import checksum, pack, unpack
from workbench.runs.launcher import launch
from workbench.studios.browser.assets import ENGINE_URL
from workbench.studios.notebook import follow

SMALL = AmplitudeRecipe(events=1_000, test_events=1_000, hidden=[16, 16], steps=2_000_000, draws=4, seed=1)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def told(live):
    return json.loads(live.state)


def buttons(live):
    return [button["name"] for button in told(live)["buttons"]]


@pytest.fixture
def opened():
    """live(run, ...) opens a live figure; all are closed at the end."""
    lives = []

    def opened(run, *names, **options):
        lives.append(run.live(*names, **options))
        return lives[-1]

    yield opened
    for live in lives:
        live.close()


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        run = launch(SMALL)
        yield run
        run.stop()


def test_a_finished_run_is_drawn_once_and_followed_no_longer(finished, opened):
    live = opened(finished.singles[0])
    until(lambda: not live.following, 5)
    assert unpack(live.wire_0)["data"] and told(live)["sentence"].startswith("Finished") and buttons(live) == []


def test_a_training_is_followed_paused_and_stopped_from_the_cell(training, opened):
    live = opened(training, "losses", "pulls")
    until(lambda: told(live)["state"] == "running" and unpack(live.wire_0)["data"])
    assert buttons(live) == ["pause", "step", "stop"]
    live._hear({"action": "pause"})
    until(lambda: told(live)["state"] == "paused")
    assert "continue" in buttons(live)
    live._hear({"action": "continue"})
    until(lambda: told(live)["state"] == "running")
    live._hear({"action": "stop"})
    until(lambda: told(live)["state"] == "stopped")
    until(lambda: not live.following, 5)
    assert buttons(live) == ["resume"]
    live._hear({"action": "resume"})
    until(lambda: told(live)["state"] == "running")
    assert live.following and unpack(live.wire_1)["layout"]


def test_a_browser_gets_four_frames_a_second_at_most_and_always_the_newest(finished, opened, monkeypatch):
    live = opened(finished.singles[0])
    until(lambda: not live.following, 5)
    sent, (first, second, third) = [], (pack({"data": [], "layout": {"title": word}}) for word in ("first", "second", "third"))
    live.observe(lambda change: sent.append(change["new"]), "wire_0")
    live._frames[0] = first
    live._hand_over(0)  # the browser still draws what it was given before: this one waits
    live._frames[0] = second
    live._hear({"drawn": checksum(live.wire_0), "figure": 0})
    assert sent == [second]
    live._frames[0] = third
    live._hear({"drawn": 12345, "figure": 0})  # the acknowledgement of something else
    assert sent == [second]
    monkeypatch.setattr(follow, "PATIENCE", 0.0)
    live._hand_over(0)
    assert sent == [second, third]


def test_the_figures_and_the_bar_go_in_one_message(finished, opened, monkeypatch):
    live = opened(finished.singles[0], "losses", "pulls")
    until(lambda: not live.following, 5)
    for k in (0, 1):
        live._hear({"drawn": checksum(getattr(live, f"wire_{k}")), "figure": k})
    messages = []
    monkeypatch.setattr(live, "send_state", lambda key: messages.append({key} if isinstance(key, str) else set(key)))
    live.busy = "Stopping …"
    live._hear({"theme": "dark"})
    assert messages == [{"state", "wire_0", "wire_1"}]


def test_the_pace_is_ten_a_second_on_average(finished, opened):
    live = opened(finished.singles[0])
    begin = time.monotonic()
    for _ in range(6):
        live._pace()
    assert time.monotonic() - begin >= 5 * follow.PERIOD - follow.AHEAD - 0.01


def test_no_cell_carries_the_plotting_library(finished, opened, monkeypatch):
    live, answers = opened(finished.singles[0]), []
    monkeypatch.setattr(live, "send", lambda message, buffers: answers.append((message, len(buffers[0]))))
    assert len(json.dumps({name: str(value) for name, value in live.get_state().items()})) < 100_000
    live._hear({"engine": ENGINE_URL})
    assert answers[0][0] == {"engine": ENGINE_URL} and 500_000 < answers[0][1] < 2_000_000


@pytest.mark.parametrize(
    "message", [None, 7, {}, {"action": "delete"}, {"drawn": 1}, {"drawn": 1, "figure": 9}, {"theme": "pink"}, {"engine": "x"}]
)
def test_strange_messages_are_ignored(finished, opened, message):
    live = opened(finished.singles[0])
    before = live.wire_0
    live._hear(message)
    assert live.wire_0 == before


def test_the_theme_is_the_notebooks_unless_it_is_chosen(finished, opened):
    run = finished.singles[0]
    live, projector = opened(run), opened(run, theme="projector")
    light = unpack(live.wire_0)["layout"]["paper_bgcolor"]
    live._hear({"theme": "dark"})
    projector._hear({"theme": "dark"})
    live._hear({"drawn": checksum(live.wire_0), "figure": 0})
    assert unpack(live.wire_0)["layout"]["paper_bgcolor"] != light
    assert unpack(projector.wire_0)["layout"]["font"]["size"] == 20


def test_a_run_that_is_gone_leaves_a_sentence(finished, opened, tmp_path):
    import shutil

    from workbench.runs.run import Run

    run = Run(shutil.copytree(finished.singles[0].path, tmp_path / "copy-1"))
    live = opened(run)
    until(lambda: not live.following, 5)
    live._hear({"action": "pause"})
    assert "there is nobody to pause" in told(live)["sentence"]


def test_figures_are_found_by_the_words_that_people_use(finished):
    run = finished.singles[0]
    assert run.figure("pulls").to_dict() == run.figure("systematic_pull").to_dict()
    assert set(ALIASES.values()) <= set(FIGURES) and not set(ALIASES) & set(FIGURES)
    with pytest.raises(ValueError, match="Did you mean 'losses'"):
        named("lossses")
    with pytest.raises(ValueError, match="draws a generator"):
        run.live("density")
    with pytest.raises(ValueError, match="at most 4"):
        run.live(*["losses"] * 5)


def test_a_figure_shows_itself_without_an_upload_to_a_cloud_and_without_a_library_of_its_own(finished, monkeypatch):
    from plotly import io

    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    monkeypatch.setattr(type(io.renderers), "default", property(lambda _: "plotly_mimetype+notebook"))
    monkeypatch.setattr(type(io.renderers), "render_on_display", True)
    finished.singles[0].figure("pulls")._ipython_display_()
    figure, picture = shown[0].pop("application/vnd.plotly.v1+json"), shown[0].pop("image/svg+xml")
    assert not shown[0] and len(json.dumps(figure, default=str)) < 100_000 and picture.startswith("<svg") and len(picture) < 50_000
    assert figure["config"]["showSendToCloud"] is False and figure["config"]["toImageButtonOptions"]["filename"] == "systematic_pull"
