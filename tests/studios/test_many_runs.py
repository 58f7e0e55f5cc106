"""Thousands of runs in one folder: how long the list, a search and an index made anew take beside reading the files (L6)."""

from __future__ import annotations

import gc
import json
import os
import shutil
import time

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.runs import files
from workbench.runs.store import RunStore
from workbench.studios.pages.address import Address
from workbench.studios.pages.index import Index
from workbench.studios.pages.view import MOST_LISTED


def timed(work):
    """Seconds of the processor, as long as on the wall where nothing else runs; and what came out."""
    gc.collect()  # or what a thousand tests before this one left behind may be collected in its time
    begin = time.process_time()
    found = work()
    return time.process_time() - begin, found


NUMBER = 5_000


@pytest.fixture
def many(finished, tmp_path):
    """A store with NUMBER copies of a finished run, whose files are shared, each with a recipe and a title of its own."""
    source, store = finished.singles[0], RunStore(tmp_path / "runs")
    record = json.loads((source.path / "recipe.json").read_bytes())
    record.pop("crc")
    for number in range(NUMBER):
        folder = store.root / f"{number:012x}-1"
        folder.mkdir(parents=True)
        for name in ("status.json", "reports.jsonl", "run.nc", "LOCK"):
            os.link(source.path / name, folder / name)
        recipe = record["recipe"] | {"seed": number, "noise": 0.05 if number % 100 == 7 else 0.0}
        (folder / "recipe.json").write_bytes(files.seal({**record, "recipe": recipe, "title": f"number {number}"}))
    return store


def told(page):
    return json.loads(page.table.state)


@pytest.mark.timing
def test_l6_a_folder_of_thousands_of_runs(many):
    """L6: of 5,000 runs every one is read once: the first page takes little more than reading them, a search and a later look far less."""
    store, number = many, NUMBER
    page = Amplitudes(runs=store.root)
    page.restore(Address())
    first, _ = timed(lambda: page.hear({"tab": "runs"}))
    assert [row["title"] for row in told(page)["rows"]] == [f"number {number - 1 - k}" for k in range(MOST_LISTED)]
    assert told(page)["total"] == number + len(page.library.search(page.library.examples))
    search, _ = timed(lambda: page.hear({"search": "Noise 0.05"}))
    assert [row["title"] for row in told(page)["rows"]] == [f"number {k}" for k in reversed(range(number)) if k % 100 == 7][:MOST_LISTED]
    one, _ = timed(lambda: page.hear({"search": f"number {number // 2}"}))
    assert told(page)["rows"][0]["title"] == f"number {number // 2}" and told(page)["total"] < 20
    page.hear({"search": ""})
    place, _ = timed(lambda: page.hear({"place": number - MOST_LISTED}))
    assert told(page)["rows"][-1]["title"] == "number 0" and len(told(page)["rows"]) == MOST_LISTED
    time.sleep(1.1)
    again, _ = timed(page.refresh)
    rebuilt, entries = timed(lambda: Index(store.root).entries)
    assert len(entries) == number
    read, _ = timed(lambda: [json.loads((folder / "recipe.json").read_bytes()) for folder in store.root.iterdir()])
    measured = {"first page": first, "search": max(search, one), "turning": place, "rebuilt": rebuilt, "a later look": again}
    print(f"{number:,} recipes read in {read:.3f} s;", ", ".join(f"{name} {seconds:.3f} s" for name, seconds in measured.items()))
    assert first < 8 * read and rebuilt < 6 * read, measured
    assert max(search, one, place, again) < 2 * read, measured


def test_a_search_finds_titles_options_values_and_dates_and_forgets_what_was_deleted(finished):
    page = Amplitudes(runs=finished.root)
    own = {run.id for run in finished.runs() if not run.recipe.axes}  # other tests may have left a sweep there

    def found(words):
        return {row["id"] for row in page.rows()} & own if page.hear({"search": words}) is None else set()

    assert found("") == own
    assert len(found("SECOND")) == 1 == len(found("seed 1"))
    assert found("bayesian mlp") == own == found("test_events 1,000") == found("16 hidden 16")
    assert found("no such run") == set() and page.total == 0
    copy = shutil.copytree(finished.singles[0].path, finished.root / "copy-1")
    assert found("copy-1") == set() and "copy-1" in [row["id"] for row in page.rows()]
    shutil.rmtree(copy)
    assert "copy-1" not in [row["id"] for row in page.rows()]
