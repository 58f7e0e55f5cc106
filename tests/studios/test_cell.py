"""wb.studio(): a page server of its own for each kernel, which ends with it; and the copy of notebooks that `workbench lab` opens."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import workbench as wb
from workbench.__main__ import main
from workbench.studios.notebook import cell, lab

KERNEL = """
import sys, time
import workbench as wb
print(wb.studio("amplitudes", runs=sys.argv[1]).url, flush=True)
time.sleep(600)
"""


def answers(url):
    """What the server answers to a browser, which keeps its badge; None where there is no server."""
    try:
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(url, timeout=20) as answer:
            return dict(answer.headers), answer.read().decode()
    except OSError:
        return None


def test_a_studio_is_known_by_its_name():
    with pytest.raises(ValueError, match=r"one of basics, amplitudes, generators, .*is needed. Did you mean 'amplitudes'"):
        wb.studio("amplitude")


def test_the_page_server_lives_as_long_as_its_kernel_however_that_ends(tmp_path):
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        url = kernel.stdout.readline().strip()
        headers, page = answers(url)
        assert 'data-theme="light"' in page and "Amplitudes" in page
        assert "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*" in headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in headers
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.split("?")[0], timeout=20)  # nobody comes in without the token
    finally:
        kernel.kill()
    kernel.wait(10)
    end = time.monotonic() + 10
    while answers(url):
        assert time.monotonic() < end, "the server outlived its kernel by 10 s"
        time.sleep(0.1)


def test_studios_of_one_folder_share_a_server_and_one_that_died_is_replaced(tmp_path):
    first = cell.server_of(tmp_path / "a")
    assert cell.server_of(tmp_path / "a") is first
    first.process.kill()
    first.process.wait(10)
    second = cell.server_of(tmp_path / "a")
    assert second is not first and second.alive
    second.process.kill()


def test_a_server_that_cannot_start_leaves_its_last_words(tmp_path, monkeypatch):
    monkeypatch.setattr(cell.sys, "executable", shutil.which("false"))
    studio = wb.studio("amplitudes", runs=tmp_path / "never")
    studio._begin()
    assert studio.sentence.startswith("The page server of this kernel could not start")


def test_a_cell_that_is_run_again_stands_where_it_stood(tmp_path, monkeypatch):
    monkeypatch.setattr(cell, "name_of_cell", lambda: "cell-7")
    wb.studio("amplitudes", runs=tmp_path).query = "?noise=0.05&tab=runs"
    assert wb.studio("amplitudes", runs=tmp_path).query == "?noise=0.05&tab=runs"
    assert wb.studio("generators", runs=tmp_path).query == ""
    monkeypatch.setattr(cell, "name_of_cell", lambda: "")
    assert wb.studio("amplitudes", runs=tmp_path).query == ""


def test_notebooks_are_copied_once_and_what_was_changed_stays(tmp_path):
    folder = tmp_path / "deep" / "mine"
    new, changed = lab.copy_notebooks(folder)
    assert new == [path.name for path in lab.packaged()] and changed == []
    edited = folder / new[0]
    edited.write_text("mine")
    (folder / "own.ipynb").write_text("own")
    assert lab.copy_notebooks(folder) == ([], [new[0]])
    assert edited.read_text() == "mine" and (folder / "own.ipynb").read_text() == "own"
    edited.unlink()
    assert lab.copy_notebooks(folder) == ([new[0]], [])


def test_what_is_no_folder_and_no_port_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["lab", str(tmp_path / "file")]) == 2
    assert "is a file; a folder is needed" in capsys.readouterr().err
    assert main(["lab", "--port", "many"]) == 2
    assert "a whole number from 1 to 65,535 is needed" in capsys.readouterr().err


def test_an_installed_package_has_its_notebooks_under_share(monkeypatch, tmp_path):
    """As pip records them: a file of the distribution in share/workbench/notebooks, and none beside the package."""

    class Installed(type(Path())):
        def locate(self):
            return tmp_path / self.name

    files = [Installed(f"../../../share/workbench/notebooks/{name}") for name in ("02_b.ipynb", "01_a.ipynb")] + [
        Installed("workbench/home.py")
    ]
    monkeypatch.setattr(lab.workbench, "__file__", str(tmp_path / "site-packages" / "workbench" / "__init__.py"))
    monkeypatch.setattr(lab.metadata, "files", lambda name: files)
    assert [path.name for path in lab.packaged()] == ["01_a.ipynb", "02_b.ipynb"]
    monkeypatch.setattr(lab.metadata, "files", lambda name: None)
    with pytest.raises(FileNotFoundError, match="install it anew"):
        lab.copy_notebooks(tmp_path / "mine")
