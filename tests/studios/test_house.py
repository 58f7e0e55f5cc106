"""What students may do with runs, and L3 in small: more launches than slots, none lost, equal recipes trained once."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.runs.files import RunError
from workbench.runs.store import RunStore
from workbench.studios.address import Address
from workbench.studios.amplitudes import Amplitudes
from workbench.studios.house import PEOPLE, Guest, House
from workbench.training.recipe import AmplitudeRecipe

ANN, BEN, TEACHER = "a" * 32, "b" * 32, "c" * 32
RECIPE = AmplitudeRecipe(events=1_000, test_events=1_000, hidden=[16, 16], steps=200, draws=4)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return RunStore(tmp_path / "runs")


def owned(store, guest, seed):
    """A run that a guest has started, without a process."""
    return guest._claimed(store.create(RECIPE.replace(seed=seed)), store)


def test_a_student_changes_only_runs_of_their_own(store):
    house = House()
    ann, ben, teacher = Guest(house, ANN, False), Guest(house, BEN, False), Guest(house, TEACHER, True)
    run = owned(store, ann, 0)
    assert ann.no_change(run) == teacher.no_change(run) == ""
    assert "started by somebody else" in ben.no_change(run)
    ben._claimed(run, store)
    assert "Somebody else trains this too" in ann.no_change(run) and teacher.no_change(run) == ""
    ann.forget(run)
    assert "started by somebody else" in ann.no_change(run)


@pytest.mark.parametrize("name", ["", "../" + "a" * 29, "A" * 32, "a" * 31, "a" * 32 + "/..", "x\0"])
def test_a_name_that_is_no_badge_owns_nothing_and_writes_nothing(store, name):
    guest = Guest.read(House(), f"{name} student")
    run = owned(store, guest, 0)
    assert guest.name == "" and guest.no_change(run) and not (store.root / PEOPLE).exists()


def test_in_a_gallery_nothing_is_changed_by_students(store, finished):
    page = Amplitudes(runs=finished.root, guest=Guest(House(gallery=True), ANN, False))
    page.restore(Address(run=finished.runs()[0].id))
    page.refresh(everything=True)
    buttons = {button["name"]: button for button in json.loads(page.bar.state)["buttons"]}
    assert not buttons["train"]["enabled"] and "gallery" in buttons["train"]["title"]
    before = [run.id for run in finished.runs()]
    for message in ({"action": "train"}, {"key": "space"}, {"delete": before[0]}, {"tell": "train"}, {"action": "stop"}):
        page.hear(message)
        deadline = time.monotonic() + 10
        while page.busy and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [run.id for run in finished.runs()] == before
    assert any("gallery" in notice for notice in page.notices)
    page.hear({"tab": "runs"})
    assert all(row["locked"] for row in json.loads(page.table.state)["rows"] if not row["example"])


def test_with_users_a_list_shows_ones_own_runs_and_a_link_still_shows_any(store, finished):
    house, (one, other) = House(users=True), finished.runs()[:2]
    ann = Guest(house, ANN, False)
    ann._claimed(one, finished)
    page = Amplitudes(runs=finished.root, guest=ann)
    page.restore(Address(run=other.id, tab="runs"))
    page.refresh(everything=True)
    assert [row["id"] for row in json.loads(page.table.state)["rows"] if not row["example"]] == [one.id]
    assert [run.id for run in page.shown] == [other.id]
    teacher = Amplitudes(runs=finished.root, guest=Guest(house, TEACHER, True))
    assert {one.id, other.id} <= {row["id"] for row in teacher.rows()}
    ann.forget(one)


def test_many_launches_share_two_slots_and_equal_recipes_one_training(store, monkeypatch):
    """L3 in small: eight students at once, four recipes, two slots."""
    monkeypatch.setenv("WORKBENCH_SLOTS", "2")
    house = House(each=2)
    students = [Guest(house, f"{number:032x}", False) for number in range(8)]
    recipes = [RECIPE.replace(seed=seed, steps=1_000) for seed in range(4)]
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda pair: pair[0].launch(pair[1], store), zip(students, recipes * 2, strict=True)))
    assert [run.id for run in runs[:4]] == [run.id for run in runs[4:]] and len(store.runs()) == 4
    most, positions = 0, set()
    end = time.monotonic() + 120
    states = [run.status for run in store.runs()]
    while any(status.live for status in states):
        states = [run.status for run in store.runs()]
        assert time.monotonic() < end, states
        most = max(most, sum(status.state in ("preparing", "running", "finishing") for status in states))
        positions |= {status.queue_position for status in states if status.queue_position}
        time.sleep(0.05)
    assert [status.state for status in states] == ["finished"] * 4
    assert 1 <= most <= 2 and {1, 2} <= positions


def test_one_student_has_at_most_so_many_runs_and_joining_costs_nothing(store, monkeypatch):
    house = House(each=1)
    ann, ben = Guest(house, ANN, False), Guest(house, BEN, False)
    long = [RECIPE.replace(seed=seed, steps=100_000) for seed in range(3)]
    mine, theirs = ann.launch(long[0], store), ben.launch(long[1], store)
    try:
        with pytest.raises(RunError, match=r"At most 1 run per person .* 1 of yours trains or waits already"):
            ann.launch(long[2], store)
        assert ann.launch(long[1], store).id == theirs.id
        with pytest.raises(RunError, match="At most 1 run per person"):
            ann.check_story(store, 3)
        with pytest.raises(RunError, match="only the lecturer"):
            ben.change(theirs)
    finally:
        for run in (mine, theirs):
            run.stop()
    assert len(store.runs()) == 2


def test_students_do_not_read_where_on_the_computer_things_lie(tmp_path):
    house = House()
    student, teacher = Guest(house, ANN, False), Guest(house, TEACHER, True)
    for sentence, told in {
        f"There is no run 'x' in {tmp_path}/runs.": "There is no run 'x' in runs.",
        "The disk of /home/anna/.workbench/runs is full: 0 bytes are free.": "The disk of runs is full: 0 bytes are free.",
        "/srv/a/recipe.json: Permission denied.": "recipe.json: Permission denied.",
        "M = 1, N/8 and σ_syst/A, at https://example.org/a/b, in GeV/c.": "M = 1, N/8 and σ_syst/A, at https://example.org/a/b, in GeV/c.",
    }.items():
        assert (student.told(sentence), teacher.told(sentence)) == (told, sentence)


def test_a_student_s_page_and_its_files_do_not_tell_the_folder(store):
    page = Amplitudes(runs=store.root, guest=Guest(House(), ANN, False))
    page.note(f"There is no run 'x' in {store.root}.")
    assert str(store.root) not in str(page.notices) and "There is no run 'x' in runs." in page.notices
