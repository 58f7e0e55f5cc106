"""Links from before the pages had names lead to the page of their family, also below a path of a proxy, with its last slash or without."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from test_door import CLASS, Browser, start


@pytest.fixture(scope="module", params=["", "/x", "/user/name/x"])
def place(request, tmp_path_factory):
    """The port of a server below a path, and that path."""
    below = ("--prefix", request.param) if request.param else ()
    process, port = start(tmp_path_factory.mktemp("home"), "--token", CLASS, *below)
    yield port, request.param
    process.terminate()
    process.wait(10)


def arrive(browser, path):
    """Where a browser is in the end, and the page that it finds there."""
    while True:
        answer = browser.ask(path)
        if not 300 <= answer.status < 400:
            assert answer.status == 200, answer.text
            return path, answer.text
        path = urljoin(path, answer.headers["Location"])


@pytest.mark.parametrize(
    ("asked", "found", "here"),
    [
        ("/", "/basics", "Basics"),
        ("/?events=200&hidden=16", "/amplitudes?events=200&hidden=16", "Amplitudes"),
        ("/amplitudes", "/amplitudes", "Amplitudes"),
        ("/amplitudes/?events=200", "/amplitudes?events=200", "Amplitudes"),
        ("/basics/", "/basics", "Basics"),
    ],
)
def test_a_link_of_any_age_leads_to_the_page_of_its_family(place, asked, found, here):
    port, prefix = place
    browser = Browser(port)
    assert browser.ask(f"{prefix}/?token={CLASS}").status == 303
    for path in {asked, asked.removeprefix("/") if prefix and asked[1:2] in ("", "?") else asked}:
        address, text = arrive(browser, prefix + path)
        assert address == prefix + found
        assert f'aria-current="page">{here}</a>' in text
