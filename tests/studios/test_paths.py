"""S6: no name, link or symbolic link leads out of the runs folder."""

from __future__ import annotations

import os
import shutil

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs.files import RunError
from workbench.runs.store import ID, RunStore, open_run
from workbench.studios.pages.address import Address, read

NAMES = [
    "..", ".", "../runs-secret", "../runs-secret/x-1", "/etc", "/etc/passwd", "..\\x", "x/../../y", "~", "~root", "-rf", "CON", "x\ny",
    "x\0y", "a" * 300, "<img src=x>", "%2e%2e%2fx", "X-1", "x.1", "", " ", "．．", "file:///etc", "x-1/../../runs-secret/x-1",
    ".queue", ".people",
]  # fmt: skip


@pytest.fixture
def store(tmp_path, finished):
    """A store with one run; beside it one whose name begins alike, and links to it from within."""
    outside = tmp_path / "runs-secret" / "x-1"
    shutil.copytree(finished.singles[0].path, outside)
    store = RunStore(tmp_path / "runs")
    shutil.copytree(finished.singles[0].path, store.root / "real-1")
    (store.root / "link-1").symlink_to(outside, target_is_directory=True)
    shutil.copytree(finished.singles[0].path, store.root / "inner-1")
    for name in ("recipe.json", "run.nc", "status.json"):
        (store.root / "inner-1" / name).unlink()
        (store.root / "inner-1" / name).symlink_to(outside / name)
    return store


def listed(path):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_opens_and_deletes_nothing_outside(store, name, tmp_path):
    before = listed(tmp_path)
    for act in (store.open, store.delete):
        with pytest.raises(RunError):
            act(name)
    page = Amplitudes(runs=store.root)
    for message in ({"open": name}, {"compare": name, "on": True}, {"delete": name}):
        page.hear(message)
        assert not any(run.id == name for run in page.shown)
    assert page.notices and listed(tmp_path) == before
    address = read({"run": [name], "compare": [name], "follow": [name]}, AmplitudeRecipe, tabs=[])
    assert ID.fullmatch(name) or (address.run, address.compare, address.follow) == ("", [], "")
    page.restore(Address(run=name))
    assert not any(run.id == name for run in page.shown)


def test_links_inside_a_run_are_not_followed(store):
    run = RunStore(store.root).open("inner-1")
    with pytest.raises(RunError):
        _ = run.recipe
    with pytest.raises(RunError):
        run.prediction("test")
    page = Amplitudes(runs=store.root)
    page.hear({"tab": "runs"})
    assert "inner-1" not in [row["id"] for row in page.rows()]


def test_a_run_that_is_linked_into_the_folder_is_listed_and_shown(store, tmp_path):
    page = Amplitudes(runs=store.root)
    assert "link-1" in [row["id"] for row in page.rows()] and "link-1" in [run.id for run in store.runs()]
    page.hear({"open": "link-1"})
    assert [run.id for run in page.shown] == ["link-1"] and page.table_of_numbers(page.pictures())["rows"][0]["state"] == "finished"
    page.hear({"delete": "link-1"})
    assert not (store.root / "link-1").is_symlink() and (tmp_path / "runs-secret" / "x-1" / "run.nc").exists()


def test_a_path_is_opened_by_whoever_has_a_shell_only(store, tmp_path):
    assert open_run(store.root / "real-1").id == "real-1"
    page = Amplitudes(runs=store.root)
    page.hear({"open": str(tmp_path / "runs-secret" / "x-1")})
    assert "There is no run" in page.notices[-1]
