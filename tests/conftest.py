"""For all tests: shapes written as types are checked while they run, there is one Chromium, and it is known how busy the machine is.

Every annotated function of the packages below is called through beartype.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import hypothesis
import pytest
from jaxtyping import install_import_hook

for package in ("workbench.nets", "workbench.methods", "workbench.data.scaling", "workbench.physics.amplitudes.gg_yyg"):
    install_import_hook(package, "beartype.beartype")

hypothesis.settings.register_profile("patient", deadline=None)  # neighbours may take the processor at any moment
hypothesis.settings.load_profile("patient")

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip

BURN = """
import time
wall, cpu = time.perf_counter(), time.process_time()
while time.process_time() < cpu + 0.3:
    pass
print((time.perf_counter() - wall) / 0.3)
"""


def pytest_collection_modifyitems(items):
    """Tests in a browser come last: Playwright keeps an event loop running, in which nothing else can start its own.

    What asks how busy the machine is holds bounds on times, and is marked so.
    """
    for item in items:
        if "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
        if "slowdown" in item.fixturenames and not item.get_closest_marker("notebook"):
            item.add_marker(pytest.mark.timing)
    items.sort(key=lambda item: "chromium" in item.fixturenames)


def wait_for_function(page, expression, *, arg=None, timeout=30_000):
    """Playwright's own makes a function of a text within the page, which the policy of our pages forbids; this one asks from outside."""
    from playwright.sync_api import Error

    end = time.monotonic() + timeout / 1_000
    while True:
        try:
            if page.evaluate(expression, arg):
                return
        except Error as problem:
            if "context was destroyed" not in str(problem):  # it loads again
                raise
        assert time.monotonic() < end, f"not within {timeout / 1_000:g} s: {expression}"
        page.wait_for_timeout(20)


@pytest.fixture(scope="session")
def chromium():
    wanted = bool(os.environ.get("CI") or os.environ.get("WORKBENCH_REQUIRE_BROWSER"))
    try:
        from playwright.sync_api import Page, sync_playwright
    except ImportError:
        (pytest.fail if wanted else pytest.skip)("playwright is not installed, so the pages are not tested in a browser.")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("WORKBENCH_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not path:
        (pytest.fail if wanted else pytest.skip)(f"None of {', '.join(names)} is here, so the pages are not tested in a browser.")
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Page, "wait_for_function", wait_for_function)
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def slowdown():
    """slowdown() says how many times slower than alone two processes run here just now: bounds on times hold for two idle cores."""

    def slowdown():
        burners = [subprocess.Popen([sys.executable, "-S", "-c", BURN], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        return max(1.0, *(float(burner.communicate()[0]) for burner in burners))

    return slowdown
