"""Points sent from a browser to a trained network: answered as `run.predict` does, within the rules of the house, and nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import threading
import time

import numpy as np
import psutil
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

import workbench as wb
from workbench.physics.phase_space import flat_events
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job
from workbench.studios.server import points, uploads
from workbench.studios.server.house import House

LECTURER, STUDENT = f"{'0' * 32} lecturer", f"{'1' * 32} student"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = RunStore(tmp_path_factory.mktemp("points") / "runs").create(
        wb.AmplitudeRecipe(events=300, test_events=120, hidden=[16, 16], steps=60, draws=6)
    )
    assert run_job(run.path) == 0
    return run


@contextlib.contextmanager
def serving(runs, house):
    sockets, ready, loop = bind_sockets(0, "127.0.0.1"), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        HTTPServer(Application(points.routes(runs, house)), max_body_size=500_000).add_sockets(sockets)
        ready.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    yield sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def port(run, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving(run.path.parent, House()) as port:
        yield port


def begin(port, query, content, guest=LECTURER):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", f"/predict?{query}", content, {"Content-Type": "application/octet-stream", "X-Workbench-Guest": guest})
    return connection


def send(port, query, content, guest=LECTURER):
    answer = begin(port, query, content, guest).getresponse()
    return answer.status, answer.read().decode()


def fetch(port, address, guest=LECTURER):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/{address}", headers={"X-Workbench-Guest": guest})
    answer = connection.getresponse()
    return answer.status, answer.read()


def as_npy(momenta):
    file = io.BytesIO()
    np.save(file, momenta.reshape(len(momenta), 20))
    return file.getvalue()


def test_the_file_that_comes_back_is_the_prediction_and_the_sentence_counts_who_lies_outside(port, run, tmp_path):
    momenta = run.prediction("test")["momenta"].values
    mixed = np.concatenate([momenta, 2 * momenta[:30]])
    status, said = send(port, f"run={run.id}&name=mine.npy", as_npy(mixed))
    *progress, last = map(json.loads, said.splitlines())
    expected = run.predict(mixed)
    outside = int((expected["distance"] > expected["distance"].attrs["far"]).sum())
    assert status == 200 and progress[-1]["fraction"] == 1.0 and 30 <= outside < 40
    assert last["says"].startswith(f"150 points of mine.npy predicted. {outside} of 150 points lie further than")
    status, table = fetch(port, last["file"])
    found = np.genfromtxt(io.BytesIO(table), delimiter=",", names=True)
    np.testing.assert_allclose(found["mean_GeV2"], expected["mean"], rtol=1e-6)
    np.testing.assert_allclose(found["distance_1"], expected["distance"], rtol=1e-4)
    assert fetch(port, last["file"], STUDENT)[0] == 404  # nobody else gets it
    assert list((tmp_path / "uploads").iterdir()) == [] and not uploads.ROOM.sending


def test_netcdf_is_written_too(port, run):
    last = json.loads(send(port, f"run={run.id}&name=a.npy&end=nc", as_npy(run.prediction("test")["momenta"].values))[1].splitlines()[-1])
    assert last["file"].endswith(".nc") and fetch(port, last["file"])[1][:4] == b"\x89HDF"


def test_what_cannot_be_answered_is_one_sentence_with_the_name_that_its_sender_gave(port, run, tmp_path):
    for query, content, status, sentence in (
        (f"run={run.id}&name=mine.csv", b"1,2,3\n" * 50, 200, "mine.csv has 3 columns"),
        (f"run={run.id}&name=a.npy", as_npy(flat_events(50, np.random.default_rng(1)) / 1000), 200, "are the momenta in TeV"),
        ("run=aaaaaaaaaaaa-1&name=a.npy", b"x", 404, "There is no run"),
        (f"run={run.id}&name=a.npy&end=exe", b"x", 400, "one of: csv, nc"),
    ):
        found, said = send(port, query, content)
        assert found == status and sentence in said and str(tmp_path) not in said and "/tmp" not in said, said
    assert list((tmp_path / "uploads").iterdir()) == []


def test_in_a_gallery_students_send_nothing_and_elsewhere_as_much_as_of_other_files(port, run, tmp_path, monkeypatch):
    with serving(run.path.parent, House(gallery=True)) as gallery:
        assert send(gallery, f"run={run.id}&name=a.npy", b"x", STUDENT)[0] == 403
    momenta = as_npy(run.prediction("test")["momenta"].values)
    uploads.ROOM.sent.clear()
    monkeypatch.setattr(uploads, "MOST_EACH", len(momenta))
    assert send(port, f"run={run.id}&name=a.npy", momenta, STUDENT)[0] == 200
    assert send(port, f"run={run.id}&name=a.npy", momenta, STUDENT)[0] == 507
    uploads.ROOM.sent.clear()


def test_whoever_cancels_leaves_no_process_and_no_file(port, run, tmp_path):
    momenta = flat_events(4_000, np.random.default_rng(1))[:1_500]
    children, others = psutil.Process().children, set(psutil.Process().children(recursive=True))  # of tests before this one
    asked = lambda: [child for child in set(children(recursive=True)) - others if lives(child)]  # noqa: E731
    connection = begin(port, f"run={run.id}&name=a.npy", as_npy(momenta))
    until(lambda: asked(), "a process is asked")
    connection.sock.close()
    connection.close()
    until(lambda: not asked(), "it has ended")
    until(lambda: not uploads.ROOM.sending, "the transfer is forgotten")
    until(lambda: not list(tmp_path.glob("workbench-points-*/*")), "nothing is left")
    assert list((tmp_path / "uploads").iterdir()) == []
    assert fetch(port, f"predicted/{run.id}-predicted.csv")[0] == 404


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)
