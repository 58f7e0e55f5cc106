"""What strangers, guessers and students try at the door, one test for each; nothing of it leaves a traceback or keeps others out."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
import zlib
from urllib.parse import urlencode

import pytest
from test_door import CLASS, LECTURER, OWN, Browser, start
from test_served import Server
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from workbench.__main__ import main
from workbench.commands.serve import token_of
from workbench.studios.server.badges import HOPELESS, LOOKS, REFILL, Badges, Patience
from workbench.studios.server.served import LONGEST_QUERY, LONGEST_TOKEN, page_of

SILENT = ("--token", CLASS, "--lecturer-token", LECTURER)


def served(*options):
    @pytest.fixture(scope="module")
    def home(tmp_path_factory):
        home = tmp_path_factory.mktemp("home")
        process, port = start(home, *options)
        yield port, home
        process.terminate()
        process.wait(10)
        assert "Traceback" not in (home / "log.txt").read_text()

    return home


classroom = served(*SILENT, "--origin", "https://hub.example.org")
alone = served()


# Tokens in a handshake


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bomb() -> str:
    packed = encoded(zlib.compress(json.dumps({"headers": "x" * 30_000_000}).encode(), 9))
    return encoded(json.dumps({"session_id": "a", "session_expiry": 2**40, "__bk__zlib_": packed}).encode())


FORGED = {
    "a zlib bomb": bomb(),
    "a signed zlib bomb": bomb() + "." + "A" * 43,
    "zlib rubbish": encoded(json.dumps({"session_id": "a", "__bk__zlib_": "AAAA"}).encode()) + "." + "A" * 43,
    "deep JSON": encoded(b"[" * 3_000) + "." + "A" * 43,
    "a list": encoded(b"[]") + "." + "A" * 43,
    "a token that is too long": "A" * (LONGEST_TOKEN + 1) + "." + "A" * 43,
    "no base64": "€%%%",
    "nothing": "",
    "dots": "." * 100,
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_of_a_page_is_refused_before_it_is_unpacked(classroom, kind, monkeypatch):
    """With the sentence, and with one line of the log."""
    port, home = classroom
    browser, said = Browser.inside(port, CLASS), len((home / "log.txt").read_text())
    token = FORGED[kind].encode().decode("latin-1")
    assert browser.shake(token, f"http://127.0.0.1:{port}")[0] == 403
    end = time.monotonic() + 20
    while "403 GET /amplitudes/ws" not in (told := (home / "log.txt").read_text()[said:]):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert told.count("\n") == 1, told
    unpacked: list[bytes] = []
    monkeypatch.setattr(zlib, "decompress", lambda packed, *more: unpacked.append(packed) or b"{}")
    request = HTTPServerRequest(
        start_line=RequestStartLine("GET", "/amplitudes/ws", "HTTP/1.1"),
        headers=HTTPHeaders({"Host": "x", "Sec-WebSocket-Protocol": f"bokeh, {token}"}),
    )
    assert page_of(request, b"key") == ("", {}) and not unpacked


def test_the_longest_link_still_opens_its_page(classroom):
    port, _ = classroom
    browser = Browser.inside(port, LECTURER)
    letters = "".join(map(chr, (33 + (number * 7_919) % 13 + number * 31 % 57 for number in range(LONGEST_QUERY))))
    query = ("x=" + re.sub(r"[&#%<>\"'\\^`{|}=+]", "z", letters))[:LONGEST_QUERY]
    page = re.search(r'"token":"([^"]+)"', browser.ask(f"/amplitudes?{query}").text)[1]
    assert len(page) < LONGEST_TOKEN and browser.shake(page, f"http://127.0.0.1:{port}") == (101, True)
    answer = browser.ask(f"/amplitudes?{query}x")
    assert answer.status == 414 and f"at most {LONGEST_QUERY:,} are read" in answer.text


# Headers that cannot be parsed


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "://", "http://\xff", "http://a:b:c", "[", "http://127.0.0.1:{port}/", "null"]
)
def test_an_origin_that_is_none_is_refused_in_a_sentence(classroom, origin):
    port, _ = classroom
    browser, origin = Browser(port), origin.format(port=port)
    form = urlencode({"token": CLASS})
    assert browser.shake("x", origin)[0] == 403
    answer = browser.ask("/", "POST", form, Origin=origin)
    assert answer.status == 403 and "on a page of this server only" in answer.text


def test_a_badge_with_strange_letters_is_none():
    tokens = {"student": "a" * 8, "lecturer": "b" * 8}
    badge = Badges(b"s", tokens).issue("0" * 32, "student")
    for strange in (badge[:-1] + "é", badge[:40] + "é" * 64, "é" * 32 + badge[32:], badge.replace("student", "stüdent"), badge + "\n"):
        assert Badges(b"s", tokens).read(strange) == ("", "")


def test_a_browser_with_a_strange_badge_reads_the_sentence(classroom):
    port, _ = classroom
    browser = Browser.inside(port, CLASS)
    name, badge = browser.cookies.popitem()
    browser.cookies[name] = badge[:-1] + "\xe9"
    answer = browser.ask("/amplitudes")
    assert answer.status == 403 and "This class has a token" in answer.text


# The door


def test_a_right_token_and_a_badge_are_let_in_while_somebody_guesses_from_the_same_address(classroom):
    port, _ = classroom
    inside = Browser.inside(port, CLASS)
    for number in range(30):
        assert Browser(port).ask(f"/?token=wrong-guess-{number}").status in (403, 429)
    assert Browser(port).ask("/?token=wrong-guess").status == 429
    assert Browser(port).ask(f"/?token={CLASS}").status == 303
    assert Browser(port).ask("/", "POST", urlencode({"token": CLASS}), Origin=f"http://127.0.0.1:{port}").status == 303
    for token in (CLASS, "an-old-token"):
        answer = inside.ask(f"/?token={token}&tab=accuracy")
        assert (answer.status, answer.headers["Location"]) == (303, "./?tab=accuracy")
    assert inside.ask("/alive").status == 200


def test_guesses_are_bounded_and_what_cannot_be_guessed_is_never_kept_out():
    now = [0.0]
    patience = Patience(lambda: now[0])

    def guesses(seconds):
        """How many of fifty guesses a second are compared."""
        compared, end = 0, now[0] + seconds
        while now[0] < end:
            compared += patience.compares("10.0.0.1")
            patience.wrong("10.0.0.1")
            now[0] += 0.02
        return compared

    assert guesses(60) <= LOOKS + 60 / REFILL + 1
    assert guesses(600) <= 600 / REFILL + 1
    assert patience.compares("10.0.0.2")
    now[0] += 2 * REFILL
    assert patience.compares("10.0.0.1")


FEW_LOOKS = "from workbench.studios.server import badges; badges.LOOKS, badges.REFILL = 20, 1e9\n"


def test_a_long_token_is_let_in_where_guesses_keep_a_short_one_out(tmp_path):
    """Whoever guesses without pause keeps new browsers with a short token waiting, but neither one with a token of sixteen letters, as
    `auto` makes them, nor whoever is inside."""
    server = Server(tmp_path, *SILENT, first=FEW_LOOKS)
    try:
        assert len(CLASS) < HOPELESS <= len(LECTURER)
        inside = Browser.inside(server.port, CLASS)
        for number in range(40):
            assert Browser(server.port).ask(f"/?token=wrong-guess-{number}").status in (403, 429)
        here = {"Origin": f"http://127.0.0.1:{server.port}"}
        for _ in range(3):
            assert Browser(server.port).ask(f"/?token={CLASS}").status == 429
            assert Browser(server.port).ask(f"/?token={LECTURER}").status == 303
            assert Browser(server.port).ask("/", "POST", urlencode({"token": LECTURER}), **here).status == 303
            assert Browser(server.port).ask(f"/?token={'x' * HOPELESS}").status in (403, 429)
        guesser = Browser(server.port)
        for _ in range(5):
            guesser.ask("/?token=wrong-guess")
        assert guesser.ask(f"/?token={LECTURER}").status == 303, "even the browser that guessed"
        assert inside.ask("/amplitudes").status == 200 and inside.ask(f"/?token={CLASS}").status == 303
    finally:
        server.process.terminate()
        server.process.wait(10)
    assert "Traceback" not in server.said


def test_only_the_proxys_own_entry_of_the_forwarded_address_counts(classroom):
    port, _ = classroom
    seen = [
        Browser(port).ask(
            f"/?token=wrong-guess-{number}",
            X_Real_Ip=f"10.1.{number}.1",
            X_Forwarded_For=f"10.2.{number}.1, 198.51.100.7",
            X_Scheme="https",
        )
        for number in range(30)
    ]
    assert sum(answer.status == 403 for answer in seen) <= 4
    assert "; Secure" not in str(seen[0].headers["Set-Cookie"])


def test_the_higher_role_stays(classroom):
    port, _ = classroom
    lecturer, student = Browser.inside(port, LECTURER), Browser.inside(port, CLASS)
    assert lecturer.ask(f"/follow?token={CLASS}").status == 303
    student.enter(LECTURER)
    for browser in (lecturer, student):
        assert ".lecturer." in str(browser.cookies)


@pytest.mark.parametrize(
    "place",
    ["/https:evil.example", "//evil.example", "/\\evil.example", "/%2f%2fevil.example", "/nowhere", "/alive", "/https:%2f%2fevil.example/"],
)
def test_a_token_leads_to_known_pages_only(classroom, place):
    for browser in (Browser(classroom[0]), Browser.inside(classroom[0], CLASS)):
        answer = browser.ask(f"{place}?token={CLASS}&x=1")
        assert answer.status in (200, 403, 404) and answer.headers["Location"] is None


PATIENT = "from workbench.studios.server import gate; gate.FETCHING = 1e9"
HASTY = "from workbench.studios.server import gate; gate.FETCHING = 0"


def test_pages_are_counted_for_each_browser(tmp_path):
    server = Server(tmp_path, *SILENT, "--pages", "9", first=PATIENT)
    try:
        one, other = Browser.inside(server.port, CLASS), Browser.inside(server.port, CLASS)
        asked = [one.ask("/amplitudes") for _ in range(12)]
        assert [answer.status for answer in asked] == [200] * 6 + [503] * 6
        assert "This browser shows 6 pages of the class already" in asked[-1].text
        asked = [other.ask("/generators") for _ in range(6)]
        assert {answer.status for answer in asked[:2]} == {200} and asked[-1].status == 503 and "The class is full" in asked[-1].text
        assert Browser.inside(server.port, LECTURER).ask("/amplitudes").status == 200
    finally:
        server.process.terminate()
        server.process.wait(10)


def test_one_address_with_many_badges_does_not_keep_others_out(tmp_path):
    """Without cookies it is another browser each time; a quarter more places are for whoever comes from elsewhere."""
    server = Server(tmp_path, *SILENT, "--pages", "8", "--origin", "https://hub.example.org", first=PATIENT)

    def ask(browser, source):
        return browser.ask("/amplitudes", X_Forwarded_For=f"203.0.113.{source}")

    try:
        crowd = [Browser.inside(server.port, CLASS) for _ in range(12)]
        assert [ask(browser, 1).status for browser in crowd] == [200] * 8 + [503] * 4
        others = [ask(Browser.inside(server.port, CLASS), source) for source in (2, 3, 4)]
        assert [answer.status for answer in others] == [200, 200, 503] and "The class is full: 8 pages" in others[-1].text
        assert ask(crowd[-1], 1).status == 503 and ask(Browser.inside(server.port, LECTURER), 1).status == 200
    finally:
        server.process.terminate()
        server.process.wait(10)


def test_a_class_behind_one_address_gets_all_in(tmp_path):
    server = Server(tmp_path, *SILENT, "--pages", "40", first=PATIENT)
    try:
        assert {Browser.inside(server.port, CLASS).ask("/amplitudes").status for _ in range(40)} == {200}
    finally:
        server.process.terminate()
        server.process.wait(10)


def test_a_page_without_a_websocket_takes_no_place_and_a_late_one_is_counted_again(tmp_path):
    server = Server(tmp_path, *SILENT, "--pages", "2", first=HASTY)
    try:
        browsers = [Browser.inside(server.port, CLASS) for _ in range(3)]
        pages, here = [browser.page() for browser in browsers], f"http://127.0.0.1:{server.port}"
        held = [browser.hold(page, here) for browser, page in zip(browsers[:2], pages[:2], strict=True)]
        assert browsers[2].shake(pages[2], here)[0] == 503 and browsers[2].ask("/amplitudes").status == 503
        for stream in held:
            stream.close()
        end = time.monotonic() + 30
        while browsers[2].shake(pages[2], here) != (101, True):
            assert time.monotonic() < end
            time.sleep(0.2)
    finally:
        server.process.terminate()
        server.process.wait(10)


# On one's own computer


def test_the_printed_link_lets_in_and_the_badge_outlives_the_server(tmp_path, monkeypatch):
    monkeypatch.setattr("test_door.OWN", "")
    process, port = start(tmp_path)
    try:
        end = time.monotonic() + 20
        while not (found := re.findall(r"workbench is at http://127\.0\.0\.1:\d+/\?token=(\S+)", (tmp_path / "log.txt").read_text())):
            assert time.monotonic() < end
            time.sleep(0.1)
        stranger, owner = Browser(port), Browser.inside(port, found[0])
        answer = stranger.ask("/amplitudes")
        assert answer.status == 403 and "Open the link that is shown in the terminal" in answer.text and "<form" in answer.text
        assert stranger.ask("/?token=abcd-efgh-jkmn-pqrs").status == 403 and "earlier start" in stranger.ask("/?token=x").text
        assert owner.ask("/amplitudes").status == 200
    finally:
        process.terminate()
        process.wait(10)
    command = [sys.executable, "-m", "workbench", "--no-browser", "--port", str(port)]
    with (tmp_path / "log.txt").open("a") as log:
        again = subprocess.Popen(command, env=os.environ | {"WORKBENCH_HOME": str(tmp_path)}, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert again.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        assert owner.ask("/amplitudes").status == 200
        assert Browser(port).ask(f"/?token={found[0]}").status == 403
    finally:
        again.terminate()
        again.wait(10)


def test_the_token_that_starts_a_browser_holds_once():
    from workbench.studios.server.door import Door
    from workbench.studios.server.gate import Gate

    gate = Gate.__new__(Gate)
    gate.tickets, gate.door = {}, Door(lecturer=OWN)
    ticket = gate.ticket()
    assert [gate.role_of(ticket), gate.role_of(ticket), gate.role_of(OWN)] == ["lecturer", "", "lecturer"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root becomes another user of the computer")
def test_another_account_of_the_computer_sees_the_note_and_nothing_else(alone):
    port, home = alone
    (home / "runs").mkdir(exist_ok=True)
    script = """
import http.client, json, os, sys
port, home, seen = int(sys.argv[1]), sys.argv[2], []
http.client.HTTPConnection("127.0.0.1", port).request("GET", "/alive")  # with all that must be imported for it
os.setgid(65534), os.setuid(65534)
for method, path in json.loads(sys.argv[3]):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    seen.append([path, answer.status, answer.read().decode("utf-8", "replace")])
try:
    open(home + "/secret").read()
    seen.append(["secret", 200, "read"])
except OSError:
    pass
print(json.dumps(seen))
"""
    Browser.inside(port).ask("/amplitudes")
    asked = [
        ("GET", path)
        for path in (
            "/",
            "/generators",
            "/?file=/etc/shadow",
            "/alive",
            "/static/js/bokeh.min.js",
            "/new-events/a-1.h5",
            "/take-home/ring.html",
            "/follow",
            "/code.svg",
        )
    ] + [("POST", "/upload"), ("POST", "/figure.nc"), ("POST", "/")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", script, str(port), str(home), json.dumps(asked)], capture_output=True, text=True, cwd="/"
    )
    if "Permission" in done.stderr:
        pytest.skip("this Python lies where only its owner may start it")
    seen = json.loads(done.stdout)
    assert [path for path, _, _ in seen] == [path for _, path in asked]
    assert {status for _, status, _ in seen} == {403}, seen
    assert not any("root:" in text or "data-root-id" in text for _, _, text in seen)


# Tokens that no other user reads among the processes


def test_tokens_come_from_files_and_are_asked_for_in_the_help(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    (tmp_path / "token").write_text("class-token-2\nand more\n")
    (tmp_path / "empty").write_text("\n")
    assert token_of("--token", f"@{tmp_path}/token") == "class-token-2" and token_of("--token", "plain-token") == "plain-token"
    assert main(["--no-browser", "--token", f"@{tmp_path}/empty"]) == 2
    assert "no token in the first line" in capsys.readouterr().err
    assert main(["--no-browser", "--token", f"@{tmp_path}/none"]) == 2
    assert "No such file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert "@FILE" in said and "$WORKBENCH_TOKEN" in said and "$WORKBENCH_LECTURER_TOKEN" in said
