"""S4: who may come in. A server for this computer only, and one for a class, asked as browsers and as strangers ask."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from urllib.parse import urlencode

import pytest

from workbench.__main__ import main
from workbench.studios.server.door import Badges, Patience, new_token, source_of

CLASS, LECTURER, OWN = "class-token-1", "lecturer-token-1", "own-computer-token"


def start(home, *options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "workbench", "--no-browser", "--port", str(port), *options]
    environment = os.environ | {"WORKBENCH_HOME": str(home), "WORKBENCH_LECTURER_TOKEN": OWN}
    log = (home / "log.txt").open("a")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    end = time.monotonic() + 60
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert process.poll() is None and time.monotonic() < end, (home / "log.txt").read_text()
        time.sleep(0.05)
    return process, port


def served(*options):
    @pytest.fixture(scope="module")
    def port(tmp_path_factory):
        process, port = start(tmp_path_factory.mktemp("home"), *options)
        yield port
        process.terminate()
        process.wait(10)

    return port


alone = served()
classroom = served("--token", CLASS, "--lecturer-token", LECTURER, "--pages", "4", "--origin", "https://hub.example.org")


class Browser:
    """Keeps cookies; `host` is the name in its address bar."""

    def __init__(self, port, host=""):
        self.port, self.host, self.cookies = port, host or f"127.0.0.1:{port}", {}

    def ask(self, path, method="GET", body=None, timeout=30, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {"Host": self.host, "Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        connection.request(method, path, body, sent | {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.text = answer.read().decode("utf-8", "replace")
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        connection.close()
        return answer

    def enter(self, token):
        answer = self.ask(f"/?token={token}&tab=accuracy")
        assert answer.status == 303, answer.text
        return answer

    @classmethod
    def inside(cls, port, token=OWN, host=""):
        browser = cls(port, host)
        browser.enter(token)
        return browser

    def page(self, path="/amplitudes"):
        answer = self.ask(path)
        assert answer.status == 200, answer.text
        return re.search(r'"token":"([^"]+)"', answer.text)[1]

    def hold(self, token, origin):
        """A websocket that stays open."""
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        stream.sendall(self.handshake(token, origin))
        said = b""
        while b"ACK" not in said:
            said += stream.recv(4_096)
        return stream

    def handshake(self, token, origin=None):
        lines = [
            "GET /amplitudes/ws HTTP/1.1", f"Host: {self.host}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Sec-WebSocket-Protocol: bokeh, {token}",
            "Cookie: " + "; ".join(f"{n}={v}" for n, v in self.cookies.items()), *([f"Origin: {origin}"] if origin is not None else []),
        ]  # fmt: skip
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def shake(self, token, origin=None):
        """The answer to a websocket handshake, and whether Bokeh then acknowledges the session."""
        with socket.create_connection(("127.0.0.1", self.port)) as stream:
            stream.settimeout(3)
            stream.sendall(self.handshake(token, origin))
            said = b""
            try:
                while (chunk := stream.recv(4_096)) and b"ACK" not in said:
                    said += chunk
                    if b"ACK" in said or b"\x88" in said.split(b"\r\n\r\n", 1)[-1][:1]:
                        break
            except TimeoutError:
                pass
        return int(said.split()[1]), b"ACK" in said


@pytest.fixture
def student(classroom):
    browser = Browser(classroom)
    browser.enter(CLASS)
    return browser


ORIGINS = [
    "{here}",
    None,
    "",
    "null",
    "http://evil.com",
    "http://127.0.0.1.evil.com:{port}",
    "http://127.0.0.1:1",
    "ftp://127.0.0.1:{port}",
]


def test_one_cell_of_the_matrix_origin_by_session_opens(alone):
    browser, stranger = Browser.inside(alone), Browser.inside(alone)
    token, foreign = browser.page(), stranger.page()
    forged = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
    here = f"http://127.0.0.1:{alone}"
    opened = {
        (origin, kind)
        for origin in ORIGINS
        for kind, each in (("own", token), ("forged", forged), ("another browser's", foreign), ("none", "x"))
        if browser.shake(each, None if origin is None else origin.format(here=here, port=alone))[1]
    }
    assert opened == {("{here}", "own")}


def test_without_a_token_only_the_names_of_this_computer_are_answered(alone):
    assert Browser.inside(alone).ask("/alive").status == 200
    assert Browser.inside(alone, host=f"localhost:{alone}").ask("/alive").status == 200
    for host in ("evil.com", f"evil.com:{alone}", f"127.0.0.1.evil.com:{alone}", "192.168.1.1"):
        assert Browser(alone, host).ask("/amplitudes").status == 403


@pytest.mark.parametrize("path", ["/", "/alive", "/static/js/bokeh.min.js", "/plotlyjs/plotly.min.js", "/autoload.js", "/generators"])
def test_other_sites_cannot_take_anything_into_their_pages(alone, path):
    assert Browser(alone).ask(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403


def test_a_page_is_not_embedded_by_script(alone):
    assert Browser.inside(alone).ask("/autoload.js?bokeh-autoload-element=x").status == 404


EVERYTHING = [
    "/",
    "/generators",
    "/alive",
    "/static/js/bokeh.min.js",
    "/plotlyjs/plotly.min.js?v=1",
    "/new-events/x-1.h5",
    "/take-home/ring.html",
    "/follow",
    "/nowhere",
]


@pytest.mark.parametrize("path", EVERYTHING)
def test_every_route_of_a_class_needs_the_token(classroom, path):
    stranger = Browser(classroom)
    answer = stranger.ask(path)
    assert answer.status == 403 and "token" in answer.text and not stranger.cookies
    stranger.cookies[f"workbench_badge_{classroom}"] = "0" * 32 + ".lecturer." + "0" * 64 + "." + "0" * 64
    assert stranger.ask(path).status == 403


@pytest.mark.parametrize("path", ["/", "/alive", "/static/js/bokeh.min.js", "/nowhere", "/?token=wrong-token"])
def test_every_answer_carries_the_headers_that_protect(alone, classroom, path):
    for port in (alone, classroom):
        answer = Browser(port).ask(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] is None


def test_the_token_leaves_the_address_and_the_badge_is_kept_from_scripts(classroom):
    browser = Browser(classroom)
    answer = browser.enter(CLASS)
    assert answer.headers["Location"] == "./?tab=accuracy"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and CLASS not in cookie
    assert browser.ask("/alive").status == 200


def test_behind_a_proxy_that_encrypts_the_badge_travels_encrypted_only(classroom):
    for scheme, secure in (("https", True), ("http", False)):
        answer = Browser(classroom, "hub.example.org").ask(f"/?token={CLASS}", X_Forwarded_Proto=scheme)
        assert answer.status == 303 and ("; Secure" in answer.headers["Set-Cookie"]) is secure


def test_a_websocket_of_a_class_needs_badge_origin_and_session(student, classroom):
    token, here = student.page(), f"http://127.0.0.1:{classroom}"
    assert student.shake(token) == (403, False)
    assert student.shake(token, "http://evil.com") == (403, False)
    stranger = Browser(classroom)
    assert stranger.shake(token, here) == (403, False)
    stranger.enter(CLASS)
    assert stranger.shake(token, here) == (403, False)
    assert student.shake(token, here) == (101, True)
    assert student.shake(token, "https://hub.example.org") == (101, True)


def test_a_full_class_says_so_and_whoever_is_in_stays(classroom):
    lecturer, crowd = Browser.inside(classroom, LECTURER), Browser.inside(classroom, CLASS)
    answers = [crowd.ask("/amplitudes") for _ in range(6)]
    full = [answer for answer in answers if answer.status == 503]
    assert full and "The class is full: 4 pages are open" in full[0].text and full[0].headers["Retry-After"] == "10"
    assert crowd.ask("/alive").status == 200 and lecturer.ask("/amplitudes").status == 200
    for path in ("/generators/", "//generators", "/generators//", "/%67enerators", "/generators?"):
        answer = crowd.ask(path)
        assert answer.status in (303, 404, 503) and answer.headers["Location"] in (None, "../generators"), path


def test_a_wrong_token_is_refused_then_waits_and_others_are_not_disturbed(classroom):
    inside, guesser = Browser(classroom), Browser(classroom)
    inside.enter(LECTURER)
    seen = [guesser.ask(f"/?token=wrong-token-{number}").status for number in range(6)]
    assert seen[0] == 403 and seen[-1] == 429, seen
    assert guesser.ask("/", "POST", urlencode({"token": CLASS}), Origin=f"http://127.0.0.1:{classroom}").status == 429
    assert inside.ask("/alive").status == 200
    time.sleep(3.0)
    answer = guesser.ask("/", "POST", urlencode({"token": CLASS}), Origin=f"http://127.0.0.1:{classroom}")
    assert answer.status == 303 and guesser.ask("/alive").status == 200
    assert Browser(classroom).ask("/", "POST", urlencode({"token": CLASS}), Origin="http://evil.com").status == 403


def test_a_hundred_wrong_tokens_take_minutes():
    now = [0.0]
    patience = Patience(lambda: now[0])
    for _ in range(100):
        now[0] += patience.left("10.0.0.1")
        patience.wrong("10.0.0.1")
    assert now[0] > 60 and patience.left("10.0.0.2") == 0
    now[0] += 601
    assert patience.left("10.0.0.1") == 0


def test_one_network_of_version_six_is_one_source():
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1") != source_of("2001:db8:1::1")
    assert source_of("10.0.0.1") != source_of("10.0.0.2")


def test_a_badge_holds_for_its_token_and_who_it_is_for_good():
    tokens = {"student": "a" * 8, "lecturer": "b" * 8}
    badge, name = Badges(b"s", tokens).issue("0" * 32, "student"), "0" * 32
    assert Badges(b"s", tokens).read(badge) == (name, "student")
    assert Badges(b"s", tokens | {"student": "c" * 8}).read(badge) == (name, "")
    assert Badges(b"t", tokens).read(badge) == ("", "")
    assert Badges(b"s", tokens).read(badge.replace("student", "lecturer")) == (name, "")
    assert Badges(b"s", {"lecturer": ""}).read(badge) == ("", "")
    for strange in ("", ".", "...", badge + ".", badge[1:], "x" * 5_000, badge.upper()):
        assert Badges(b"s", tokens).read(strange) == ("", "")


def test_tokens_can_be_read_aloud():
    made = {new_token() for _ in range(100)}
    assert len(made) == 100 and all(re.fullmatch(r"([a-hj-km-np-z2-9]{4}-){3}[a-hj-km-np-z2-9]{4}", token) for token in made)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "only with --token"),
        (["--host", "::"], "only with --token"),
        (["--host", "example.org"], "only with --token"),
        (["--origin", "https://hub.example.org"], "only with --token"),
        (["--host", "0.0.0.0", "--token", "short"], "at least 8"),
        (["--token", "same-same", "--lecturer-token", "same-same"], "must differ"),
        (["--token", "auto", "--origin", "hub.example.org"], "looks like https://"),
        (["--token", "auto", "--origin", "https://["], "looks like https://"),
        (["--token", "auto", "--prefix", "/a/../b"], "looks like /user"),
        (["--token", "auto", "--host", "203.0.113.7"], "not an address of this computer"),
        (["--gallery"], "needs --token"),
        (["--pages", "0", "--token", "auto"], "from 1 to 10,000"),
        (["--jobs", "two"], "from 1 to 1,000"),
    ],
)
def test_what_is_not_safe_ends_with_code_2_and_one_sentence(options, words, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    assert main(["--no-browser", "--port", "0", *options]) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and said.out == ""


def test_without_options_only_this_computer_is_listened_to(alone):
    with open("/proc/net/tcp") as table, open("/proc/net/tcp6") as table6:
        lines = [line.split() for line in [*table, *table6]]
    assert [line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{alone:04X}")] == [f"0100007F:{alone:04X}"]


BEFORE = ["/new-events/", "/take-home/", "/static/", "/static/extensions/panel/", "/components/", "/plotlyjs/", "/follow/", "/"]
OUT = [
    "../secret", "..%2fsecret", "%2e%2e/%2e%2e/secret", "....//secret", "/etc/passwd", "..%5csecret", "%00", "..;/secret",
]  # fmt: skip


@pytest.mark.parametrize("before", BEFORE)
def test_no_path_of_an_address_leads_out(alone, before):
    """S6. The file `secret`, with which badges are signed, lies one folder above the runs."""
    browser = Browser.inside(alone)
    for rest in OUT:
        for path in (before + rest, before + rest + ".h5", before + rest + ".html"):
            answer = browser.ask(path)
            assert answer.status in (303, 400, 403, 404) or (answer.status == 200 and "lecture" in answer.text), (path, answer.status)
            assert "root:" not in answer.text and not re.search("[0-9a-f]{64}", answer.text)
