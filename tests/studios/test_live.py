"""Following runs: what a picture holds, and that readers live only as long as somebody asks."""

from __future__ import annotations

import time

import numpy as np
import pytest
import xarray as xr

from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import files
from workbench.runs.files import seal
from workbench.runs.store import RunStore
from workbench.studios.live import hub as live
from workbench.studios.live.hub import Hub, Kept, identity, look, size_of
from workbench.training.report import Report


@pytest.fixture
def run(tmp_path):
    return RunStore(tmp_path).create(AmplitudeRecipe(steps=100))


def tell(run, *steps):
    with (run.path / "reports.jsonl").open("ab") as file:
        for step in steps:
            file.write(seal(Report(step, 100, step / 10, {"loss": 1.0 / step}).to_dict()))


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_finished_run_shows_its_prediction_on_all_test_events(finished):
    picture = look(finished.singles[0], None)
    assert picture.summary.sizes == {"event": 1_000, **{k: v for k, v in picture.summary.sizes.items() if k not in ("event", "draw")}}
    assert picture.prediction.sizes["draw"] == 4
    assert picture.moment[2] and picture.reports.sizes["step"] > 0
    np.testing.assert_allclose(picture.summary["mean"], picture.prediction["mean"].mean("draw"))


def test_only_new_reports_are_read(run):
    tell(run, 10, 20)
    first = look(run, None)
    tell(run, 30)
    second = look(run, first)
    assert list(second.reports["step"].values) == [10, 20, 30]
    assert look(run, second).reports is second.reports
    assert second.raw[:2] == first.raw


def test_a_run_that_went_back_to_a_checkpoint_forgets_what_came_after(run):
    tell(run, 10, 20, 30)
    before = look(run, None)
    (run.path / "reports.jsonl").unlink()
    tell(run, 10)
    assert list(look(run, before).reports["step"].values) == [10]


def test_one_reader_serves_all_and_ends_when_nobody_asks(run, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", 0.2)
    monkeypatch.setattr(live, "GLANCE_EVERY", 0.02)
    tell(run, 10)
    hub = Hub()
    assert len({id(hub._followers.get(identity(run))) for _ in range(5) if hub.picture(run)}) == 1
    follower = hub._followers[identity(run)]
    tell(run, 20)
    until(lambda: hub.picture(run).reports.sizes["step"] == 2)
    until(lambda: follower.idle)
    tell(run, 30)
    hub.picture(run)
    until(lambda: hub.picture(run).reports.sizes["step"] == 3)
    assert not follower.idle


def test_who_waits_for_news_gets_them_as_soon_as_they_are_read_and_is_not_bothered_before(run, monkeypatch, slowdown):
    monkeypatch.setattr(live, "GLANCE_EVERY", 0.02)
    tell(run, 10)
    hub = Hub()
    first = hub.newer(run, None, 5.0)
    begin = time.monotonic()
    assert hub.newer(run, first, 0.3) == hub.picture(run)  # read again and again meanwhile, with nothing new
    assert time.monotonic() - begin >= 0.3
    tell(run, 20)
    until(lambda: hub.picture(run).cursor != first.cursor)
    begin = time.monotonic()
    assert hub.newer(run, first, 5.0).reports.sizes["step"] == 2  # what came before the question counts too
    seconds = time.monotonic() - begin
    assert seconds < 1.0 * slowdown()


def test_a_folder_that_cannot_be_read_is_not_read_again_and_again(run, monkeypatch):
    looks, read = [], live.look
    monkeypatch.setattr(live, "look", lambda which, before: looks.append(which) or read(which, before))
    lock = run.acquire()
    files.replace(run.path / "status.json", seal({"state": "running"}), sync=False)
    hub, begin = Hub(), time.monotonic()
    assert hub.picture(run).status.live
    until(lambda: looks.count(run) > 3)  # with nothing new
    (run.path / "reports.jsonl").unlink(missing_ok=True)
    (run.path / "reports.jsonl").mkdir()
    with pytest.raises(OSError):
        read(run, None)
    time.sleep(1.0)
    assert looks.count(run) <= (time.monotonic() - begin) / live.BREATH + 2
    lock.release()


def test_a_deleted_run_does_not_end_its_reader_with_an_error(run, monkeypatch, caplog):
    monkeypatch.setattr(live, "GLANCE_EVERY", 0.02)
    hub = Hub()
    hub.picture(run)
    RunStore(run.path.parent).delete(run.id)
    time.sleep(0.2)
    assert hub.picture(run) is not None
    assert not caplog.records


def test_what_pages_share_is_made_once():
    hub, made = Hub(), []
    for _ in range(3):
        assert hub.once(("losses", "light"), lambda: made.append(1) or b"frame") == b"frame"
    assert made == [1]


def test_the_hub_does_not_grow_without_bound():
    hub = Hub()
    for number in range(3 * live.KEPT_FRAMES):
        hub.once(number, lambda: b"")
    assert len(hub.once.made) == live.KEPT_FRAMES


def test_large_things_are_kept_as_far_as_there_is_room_for_them():
    past = {"events": xr.Dataset({"mean": ("event", np.zeros(100))}), "scan": None}
    kept = Kept(10, room=2_500)
    for number in range(9):
        kept(number, lambda number=number: b"0" * 800 if number % 2 else past)
        assert kept.size == sum(map(size_of, kept.made.values())) <= 2_500
    assert list(kept.made) == [6, 7, 8]
    assert len(kept("huge", lambda: b"0" * 9_000)) == 9_000 and list(kept.made) == ["huge"]
