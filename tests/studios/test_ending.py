"""Ctrl+C ends the pages at once, whatever is being read; and so does the end of any program that reads runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Starts servers one after the other, has each open its pages, and interrupts it while their runs and stories are read. Forks are
# servers that have already imported everything; torch and first events are left out, since their processes are not the server's.
INTERRUPT = """
import json, os, random, signal, sys, threading, time, urllib.request
import panel, xarray, h5py
from workbench.runs import launcher
from workbench.runs.store import EXAMPLES
from workbench.studios.server import server
launcher.warm = lambda: None
server.KEY = os.environ["WORKBENCH_LECTURER_TOKEN"] = "a-key-for-the-tests"
server.errands.prepare_events = lambda recipe: None
examples = sorted(path.name for path in EXAMPLES.iterdir() if (path / "recipe.json").exists())
pages = [f"?run={name}&tab=accuracy" for name in examples] + ["?tab=stories&story=plateau", "generators"]
chance, took, times = random.Random(5), [], int(sys.argv[1])
for turn in range(times):
    port = server._free_port("127.0.0.1")
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            server.serve(port, show=False)
        finally:
            sys.exit()
    over = threading.Event()
    def open_page(page):
        for _ in range(200):
            if over.is_set():
                return
            try:
                browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
                mark = "&" if "?" in page else "?"
                return browser.open(f"http://127.0.0.1:{port}/{page}{mark}token={server.KEY}", timeout=20).read()
            except OSError:
                time.sleep(0.05)
    threads = [threading.Thread(target=open_page, args=(page,), daemon=True) for page in pages]
    open_page(pages[turn % len(pages)])
    for thread in threads:
        thread.start()
    time.sleep(chance.uniform(0.0, 1.5))
    begin = time.monotonic()
    os.kill(child, signal.SIGINT)
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > begin + 20:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    took.append(time.monotonic() - begin)
    over.set()
    for thread in threads:
        thread.join(5)
print(json.dumps(took))
"""


LOST = """
import os, signal, socket, threading, time
from workbench.runs import launcher
from workbench.studios.server import server
launcher.warm = lambda: None
build = server.build
def interrupting(*arguments, **options):
    made = build(*arguments, **options)
    gate, find = made.gate, made.gate.application.find_handler
    def find_handler(request, **more):
        if request.path == "/now":
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        return find(request, **more)
    gate.application.find_handler = find_handler
    return made
server.build = interrupting
port = server._free_port("127.0.0.1")
def ask():
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as browser:
                browser.sendall(b"GET /now HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
                return browser.recv(1)
        except ConnectionRefusedError:
            time.sleep(0.1)
threading.Thread(target=ask, daemon=True).start()
server.serve(port, show=False)
print("ended")
"""


def test_ctrl_c_while_an_address_is_looked_up_ends_the_server_without_a_traceback():
    """Tornado logs whatever an address raises and goes on; a server was left that nobody had interrupted."""
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0 and done.stdout.endswith("ended\n"), done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "Uncaught" not in done.stderr, done.stderr


def interrupted(times: int) -> list[float]:
    """How long servers took to end [s]."""
    done = subprocess.run([sys.executable, "-c", INTERRUPT, str(times)], capture_output=True, text=True, timeout=60 + 30 * times)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("times", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_ctrl_c_ends_a_server_whose_pages_are_being_read_within_three_seconds(times, slowdown):
    took = interrupted(times)
    print(f"ended after {', '.join(f'{seconds:.2f}' for seconds in took)} s")
    assert len(took) == times and max(took) < 3 * slowdown()
