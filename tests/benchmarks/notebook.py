"""Live figures in JupyterLab: from the worker's report to the figure on the screen.

    python tests/benchmarks/notebook.py [--seconds 30] [--rate 4] [--studio]

`workbench lab` in a real Chromium, where a notebook follows a run with `run.live("losses", "pulls")`, or with `--studio` on the page in a
cell. The run is the paced one of classroom.py: a real worker notes when it hands over each report and its snapshot.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from classroom import WATCH, Classroom
from playwright.sync_api import Error, sync_playwright
from timing import record_option, recorded


def start_lab(room: Classroom, folder: Path) -> tuple[str, str]:
    """JupyterLab in the room; its address and token."""
    room.start([sys.executable, "-m", "workbench", "lab", str(folder), "--no-browser", "--port", "8895"])
    for _ in range(600):
        if found := re.search(r"(http://127\.0\.0\.1:\d+/)lab\S*\?token=(\w+)", (room.home / "log.txt").read_text()):
            return found[1], found[2]
        time.sleep(0.1)
    raise TimeoutError("JupyterLab did not start within a minute.")


def write(folder: Path, cell: str) -> None:
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)], metadata=about), folder / "live.ipynb")


def drawn(page: Any) -> list[tuple[float, float]]:
    """(step, time in ms) of every drawing of the losses, in whichever frame of the page."""
    found = []
    for frame in page.frames:
        with contextlib.suppress(Error):  # it is just being loaded anew
            found += frame.evaluate("window.drawn ?? []")
    return found


def measure(room: Classroom, seconds: float, cell: str) -> None:
    folder = room.home / "notebooks"
    url, token = start_lab(room, folder)
    write(folder, cell)
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.add_init_script(WATCH)
        page.goto(f"{url}lab/tree/live.ipynb?token={token}")
        page.get_by_text("| Idle").wait_for(timeout=90_000)
        page.wait_for_timeout(2_000)
        page.locator(".jp-CodeCell .jp-Editor").first.click()
        page.keyboard.press("Control+Enter")
        for _ in range(120):
            page.wait_for_timeout(1_000)
            if len(drawn(page)) > 5:
                break
        page.wait_for_timeout(5_000)
        begin = time.time()
        page.wait_for_timeout(1_000 * seconds)
        seen = {int(step): at / 1e3 for step, at in reversed(drawn(page))}
        browser.close()
    said = [(step, at) for step, at in room.said().items() if begin <= at <= begin + seconds - 1]
    latencies = np.array([seen[step] - at for step, at in said if step in seen])
    p50, p95 = 1e3 * np.percentile(latencies, [50, 95])
    print(f"{len(latencies)} of {len(said)} updates were drawn")
    print(f"worker to screen: p50 {p50:.0f}, p95 {p95:.0f}, max {1e3 * latencies.max():.0f} ms")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=30.0)
    arguments.add_argument("--rate", type=float, default=4.0, help="updates per second [4]")
    arguments.add_argument("--studio", action="store_true", help="the page in a cell instead of live figures")
    record_option(arguments)
    options = arguments.parse_args()
    with recorded(options.record), Classroom(rate=options.rate, trainings=0) as room:
        live = f"import workbench as wb\nwb.open_run({str(room.run.path)!r}).live('losses', 'pulls')"
        page = f"import workbench as wb\npage = wb.studio('amplitudes', height=1000)\npage.query = '?run={room.run.id}'\npage"
        measure(room, options.seconds, page if options.studio else live)


if __name__ == "__main__":
    main()
