"""Files sent from a browser: kept when they hold events, refused in a sentence when not, and nothing is left of those."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import shutil
import threading
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from workbench.data import files
from workbench.data.saving import save_events
from workbench.families.amplitudes import page as amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.physics.phase_space import flat_events
from workbench.studios.server import errands, uploads
from workbench.studios.server.house import Guest, House


@pytest.fixture(scope="module")
def table() -> bytes:
    rng = np.random.default_rng(4)
    rows = np.column_stack([flat_events(400, rng)[:300].reshape(300, 20), np.exp(rng.normal(-18, 1, 300))])
    return ("\n".join([",".join(files.columns("gg_yyg")), *(",".join(f"{x:.17g}" for x in row) for row in rows)])).encode()


@pytest.fixture
def port(tmp_path, monkeypatch):
    """A server with nothing but the upload."""
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application

    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(uploads, "MOST_BYTES", 200_000)
    sockets, ready, loop = bind_sockets(0, "127.0.0.1"), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        room = {"house": House(), "room": uploads.Room()}
        handlers = [(r"/upload", Guarded, {"house": House(gallery=True)}), (r"/mine", uploads.Upload, room)]
        HTTPServer(Application(handlers), max_body_size=50_000).add_sockets(sockets)  # of all but uploads
        ready.set()

    class Guarded(uploads.Upload):
        pass

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(serve())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    yield sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def send(port: int, content: bytes, *, name="mine.csv", kind="gg_yyg", role="lecturer", path="/mine", **headers) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sent = {"Content-Type": "application/octet-stream", "X-Workbench-Guest": f"{'0' * 32} {role}"} | headers
    connection.request("POST", f"{path}?name={name}&kind={kind}", content, sent)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def left(home: Path) -> list[str]:
    return sorted(os.listdir(home / "uploads")) if (home / "uploads").exists() else []


def test_a_file_is_kept_under_a_name_made_from_its_content_and_trains(port, table, tmp_path):
    status, said = send(port, table, name="../../My%20Events<img>.CSV")
    told = json.loads(said)
    assert (
        status == 200 and told["events"] == 300 and files.UPLOADED.fullmatch(told["file"]) and told["file"].endswith("-my-events-img-.csv")
    )
    assert left(tmp_path) == [told["file"].partition("/")[2]] and (tmp_path / told["file"]).stat().st_mode & 0o777 == 0o600
    assert json.loads(send(port, table, name="../../My%20Events<img>.CSV")[1]) == told and len(left(tmp_path)) == 1
    assert len(files.load_file(AmplitudeRecipe(file=told["file"]).file)) == 300
    odd = json.loads(send(port, table, name=quote("Größe ☂ (1).csv"))[1])["file"]
    assert files.UPLOADED.fullmatch(odd) and odd.endswith(".csv") and len(files.load_file(odd)) == 300


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"content": b"E1,px1\n1,2\n"}, 422, "mine.csv has no column 'py1'"),
        ({"kind": "wedge"}, 422, "mine.csv has no column 'x'"),
        ({"kind": "nonsense"}, 422, "'nonsense' is no process or dataset"),
        ({"content": b"0" * 300_000}, 413, "The file has 300,000 bytes; at most 200,000 can be sent"),
        ({"Content-Type": "text/plain"}, 415, "by the page's own button only"),
        ({"path": "/upload", "role": "student"}, 403, "This is a gallery"),
        ({"content": b""}, 422, "mine.csv is empty"),
    ],
)
def test_what_is_refused_leaves_a_sentence_and_nothing_else(port, table, tmp_path, change, status, sentence):
    found = send(port, **{"content": table, **change})
    assert found[0] == status and sentence in found[1] and "\n" not in found[1].strip()
    assert left(tmp_path) == []


def test_a_transfer_that_is_cut_leaves_nothing(port, table, tmp_path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/mine?name=a.csv&kind=gg_yyg")
    for name, value in {"Content-Type": "application/octet-stream", "Content-Length": str(len(table))}.items():
        connection.putheader(name, value)
    connection.endheaders(table[: len(table) // 2])
    while not left(tmp_path):
        pass
    connection.close()
    for _ in range(200):
        if not left(tmp_path):
            break
        threading.Event().wait(0.05)
    assert left(tmp_path) == []


@contextlib.contextmanager
def begun(port: int, length: int, content: bytes = b"", *, name: str = "0" * 32, role: str = "student"):
    """A transfer of which only the beginning has come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", "/mine?name=a.csv&kind=gg_yyg")
    sent = {"Content-Type": "application/octet-stream", "Content-Length": str(length), "X-Workbench-Guest": f"{name} {role}"}
    for header, value in sent.items():
        connection.putheader(header, value)
    connection.endheaders(content or None)
    try:
        yield connection
    finally:
        connection.close()


def wait_for(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def people(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(1, count + 1)]


def test_a_file_is_longer_than_anything_else_that_may_be_sent(port, table):
    assert len(table) > 50_000 and send(port, table)[0] == 200


def test_a_silent_sender_is_ended_and_leaves_nothing(port, table, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0.5)
    with begun(port, len(table), table[:1_000]) as connection:
        wait_for(lambda: left(tmp_path))
        answer = connection.getresponse()
        assert answer.status == 408 and answer.read().decode().startswith("Nothing has come for a while")
        assert left(tmp_path) == []
    assert send(port, table, role="student")[0] == 200  # it counts no longer


def test_a_slow_sender_may_take_its_time(port, table, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 1.0)
    monkeypatch.setattr(uploads, "LEAST", 1)
    with begun(port, len(table), role="lecturer") as connection:
        parts = [table[place : place + len(table) // 8] for place in range(0, len(table), len(table) // 8)]
        for part in parts:
            connection.send(part)
            time.sleep(0.3)
        assert connection.getresponse().status == 200


def test_a_student_sends_one_file_at_a_time_and_only_so_much(port, table, tmp_path, monkeypatch):
    with begun(port, len(table)):
        wait_for(lambda: left(tmp_path))
        status, said = send(port, table, role="student")
        assert status == 429 and "Another file of yours" in said
        assert send(port, table, role="lecturer")[0] == 200
    wait_for(lambda: len(left(tmp_path)) == 1)
    monkeypatch.setattr(uploads, "MOST_EACH", len(table) + 10)
    assert send(port, table + b"\n", role="student")[0] == 200
    status, said = send(port, table, role="student")
    assert status == 507 and f"You have sent {len(table) + 1:,} bytes" in said
    assert send(port, table, role="lecturer")[0] == 200


def test_what_was_promised_counts_as_if_it_were_there(port, table, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_KEPT", 1_000_000)  # half of it for students: two files of 190,000
    with contextlib.ExitStack() as stack:
        for number, name in enumerate(people(2)):
            stack.enter_context(begun(port, 190_000, name=name))
            wait_for(lambda number=number: len(left(tmp_path)) == number + 1)
        with begun(port, 190_000, name=people(3)[2]) as third:
            answer = third.getresponse()
            assert answer.status == 507 and "no room for 190,000 more bytes" in answer.read().decode()
        assert send(port, table, role="lecturer")[0] == 200
        told = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: told._replace(free=3 * 190_000))
        with begun(port, 190_000, role="lecturer") as other:  # the two that come already leave room for one once, and not twice
            assert other.getresponse().status == 507


def test_only_so_many_files_are_sent_at_once(port, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_AT_ONCE", 5)
    with contextlib.ExitStack() as stack:
        for number, name in enumerate(people(5)):
            stack.enter_context(begun(port, 100, name=name))
            wait_for(lambda number=number: len(left(tmp_path)) == number + 1)
        with begun(port, 100, role="lecturer") as other:
            assert other.getresponse().status == 503
    wait_for(lambda: left(tmp_path) == [])


def test_what_a_killed_server_left_is_removed_at_the_next_start_and_the_next_upload(port, table, tmp_path):
    def remains() -> None:
        (tmp_path / "uploads").mkdir(exist_ok=True)
        (tmp_path / "uploads" / ".part-0123456789abcdef").write_bytes(b"0" * 100)

    remains()
    with begun(port, len(table)):
        wait_for(lambda: [name != ".part-0123456789abcdef" for name in left(tmp_path)] == [True])
        remains()
        uploads.routes()
        assert len(left(tmp_path)) == 1 and ".part-0123456789abcdef" not in left(tmp_path)  # what is being sent stays


def test_r13_and_s6_a_wrong_or_forbidden_file_starts_no_run(table, tmp_path, monkeypatch):
    """R13: one sentence with file, row and column before launch; 0 runs started. S6: a student's session reads sent files only."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    rows = table.decode().splitlines()
    rows[17] = rows[17].rsplit(",", 1)[0] + ",-1"
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    student = Guest(House(users=True), "0" * 32, lecturer=False)
    cases = [
        (Guest(), tmp_path / "mine.csv", "mine.csv has amplitude = -1 in row 17"),
        (student, tmp_path / "mine.csv", "is not open to this class"),
        (student, "/etc/passwd", "is not open to this class"),
    ]
    for guest, path, sentence in cases:
        page, done = amplitudes.Amplitudes(guest=guest), threading.Event()
        page.refresh = lambda *, everything=False, done=done: done.set()
        page.soon = lambda work: work()
        page.draft.set("file", str(path))
        page._start()
        assert done.wait(60)
        assert page.notices and sentence in page.notices[-1] and page.library.own.runs() == []


def test_other_formats_are_taken_by_the_same_reader_and_notes_come_back(port, tmp_path):
    rng = np.random.default_rng(4)
    rows = np.column_stack([flat_events(400, rng)[:300].reshape(300, 20), np.exp(rng.normal(-18, 1, 300))])
    out = io.BytesIO()
    np.save(out, rows)
    status, said = send(port, out.getvalue(), name="aag.npy")
    told = json.loads(said)
    assert status == 200 and told["events"] == 300 and told["notes"] == [] and told["file"].endswith("-aag.npy")
    assert np.array_equal(files.load_file(told["file"]).amplitude, rows[:, 20])
    out = io.BytesIO()
    np.save(out, rows * np.where(np.arange(21) < 20, 1e-3, 1e6))
    status, said = send(port, out.getvalue(), name="aag.npy")
    assert status == 200 and "are the momenta in TeV? Say so with units = 'TeV'" in json.loads(said)["notes"][0]
    status, said = send(port, out.getvalue(), name="aag.npy", kind="gg_yyg&units=TeV")
    assert status == 200 and json.loads(said)["notes"] == [
        "aag.npy has momenta in TeV and amplitudes in TeV^-2, as asked, and was brought to GeV."
    ]
    status, said = send(port, b'{"momenta": []}', name="mine.json")
    assert status == 422 and said.startswith("mine.json is a JSON file")


@pytest.mark.parametrize("end", ["h5", "hdf5", "csv", "csv.gz", "npy", "npz", "parquet", "root"])
def test_every_format_that_is_written_can_be_sent_and_has_equal_numbers(end, port, tmp_path):
    rng = np.random.default_rng(4)
    momenta, amplitude = flat_events(400, rng)[:300], np.exp(rng.normal(-18, 1, 300))
    if end == "root":
        with pytest.importorskip("uproot").recreate(tmp_path / "mine.root") as file:
            file["events"] = {"momenta": momenta.reshape(300, 20), "amplitude": amplitude}
    else:
        save_events(tmp_path / f"mine.{end}", momenta, amplitude)
    status, said = send(port, (tmp_path / f"mine.{end}").read_bytes(), name=f"mine.{end}")
    assert status == 200, said
    told = json.loads(said)
    loaded = files.load_file(AmplitudeRecipe(file=told["file"]).file)
    assert told["events"] == 300 and told["notes"] == []
    np.testing.assert_allclose(loaded.momenta, momenta, rtol=1e-12, atol=0)
    np.testing.assert_allclose(loaded.amplitude, amplitude, rtol=1e-12, atol=0)


def test_the_check_before_a_run_says_what_is_to_be_said_of_a_file(tmp_path):
    points = np.random.default_rng(1).normal(size=(300, 2))
    np.savetxt(tmp_path / "a.csv", points, delimiter=",", header="y,x")
    recipe = GeneratorRecipe(dataset="wedge", file=str(tmp_path / "a.csv"), events=100, test_events=100)
    assert errands.check_events(recipe) == [f"{tmp_path}/a.csv has the names of its columns in a comment, and was read by them."]
