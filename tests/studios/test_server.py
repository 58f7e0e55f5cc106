"""The page server: who may connect, what it sends along, what it costs, and that it never imports torch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from workbench.studios.server import server as servers

KEY = "a-key-for-the-tests"
SERVE = "import sys; from workbench.studios import serve; serve(int(sys.argv[1]), show=False)"
# Serves itself one page and tells which modules that took.
LOOK = """
import sys, threading, urllib.request
from workbench.studios.server.server import build
server = build(0, "127.0.0.1", None)
server.start()
seen = []
def look():
    try:
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        link = f"http://127.0.0.1:{server.port}/?tab=accuracy&token={server.gate.door.lecturer}"
        seen.append(browser.open(link, timeout=60).read().decode())
    finally:
        server.io_loop.add_callback(server.io_loop.stop)
threading.Thread(target=look).start()
server.io_loop.start()
assert "data-root-id" in seen[0]
print(*sorted({name.split(".")[0] for name in sys.modules}), flush=True)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return os.environ | {"WORKBENCH_HOME": str(tmp_path_factory.mktemp("home")), "WORKBENCH_LECTURER_TOKEN": KEY}


@pytest.fixture(scope="module")
def served(environment):
    """The address of a running server, and how long its start took: wall clock and CPU [s]."""
    import psutil

    port = servers._free_port("127.0.0.1")
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], env=environment, stdout=subprocess.DEVNULL)
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert process.poll() is None and time.monotonic() < begin + 60
        time.sleep(0.02)
    wall, cpu = time.monotonic() - begin, sum(psutil.Process(process.pid).cpu_times()[:2])
    yield f"http://127.0.0.1:{port}", wall, cpu
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def browser(served):
    """Lets itself in by the link, and keeps the badge."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.open(f"{served[0]}/follow?token={KEY}").close()
    return browser


def test_the_server_starts_within_four_seconds(served):
    _, wall, cpu = served
    print(f"listening after {wall:.2f} s, {cpu:.2f} s of CPU")
    assert cpu < 4


def test_showing_a_page_takes_no_torch(environment):
    done = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "panel" in done.stdout.split()
    assert "torch" not in done.stdout.split()


def test_only_this_computer_is_served(served):
    port = int(served[0].rsplit(":", 1)[1])
    with open("/proc/net/tcp") as table:
        listening = [line.split()[1] for line in table if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")]
    assert listening == [f"0100007F:{port:04X}"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org"])
def test_another_address_is_refused_in_a_sentence(host):
    with pytest.raises(OSError, match="only with --token"):
        servers.build(0, host, None)


def test_a_port_in_use_is_said_in_a_sentence(served):
    port = int(served[0].rsplit(":", 1)[1])
    with pytest.raises(OSError, match=f"Port {port} is in use"):
        servers.build(port, "127.0.0.1", None)


@pytest.mark.parametrize("path", ["/", "/alive", "/static/js/bokeh.min.js", "/nowhere"])
def test_every_answer_carries_the_headers_that_protect(served, browser, path):
    try:
        answer = browser.open(served[0] + path)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert "Tornado" not in str(answer.headers.get("Server"))


def test_scripts_in_the_page_are_allowed_by_a_number_that_is_new_each_time(served, browser):
    pages = [browser.open(served[0]) for _ in range(2)]
    policies = [page.headers["Content-Security-Policy"] for page in pages]
    assert policies[0] != policies[1] and "unsafe-inline'; style" not in policies[0] and "unsafe-eval" not in policies[0]
    text = pages[0].read().decode()
    assert "<script" in text and text.count("<script") == text.count('<script nonce="')
