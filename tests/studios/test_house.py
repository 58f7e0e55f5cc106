"""What students may do with runs, and L3 in small: more launches than slots, none lost, equal recipes trained once."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.runs import turns
from workbench.runs.files import RunError
from workbench.runs.launcher import launch
from workbench.runs.run import Run
from workbench.runs.store import RunStore
from workbench.stories import STORIES, story
from workbench.studios.pages.address import Address
from workbench.studios.server.house import PEOPLE, Guest, House

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
    page.restore(Address(run=finished.singles[0].id))
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
            ann.begin_story(story("plateau"), store)
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


@pytest.fixture
def waiting_only(store, monkeypatch):
    """No slot is free, so that all that is started waits, and costs nothing."""
    monkeypatch.setenv("WORKBENCH_SLOTS", "1")
    turns.alone(store.root, "tickets").release()
    slot = turns.Lock.acquire(store.root / turns.FOLDER / "slot-0")
    yield
    for run in store.runs():
        if run.alive():
            run.stop()
    slot.release()


def pressed(page, message):
    page.hear(message)
    deadline = time.monotonic() + 30
    while page.busy and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_trainings_of_stories_are_claimed_counted_and_stopped_by_who_began_them(store, waiting_only):
    """All stories, one after the other, by one student: never more than the limit, all of them theirs; nobody else stops them."""
    house = House(each=3, users=True)
    ann, ben = (Amplitudes(runs=store.root, guest=Guest(house, name, False)) for name in (ANN, BEN))
    for name in ann.stories:
        pressed(ann, {"story": name})
        pressed(ann, {"tell": "train"})
    assert 1 <= len(store.runs()) <= 3 and len(STORIES) > 5
    assert {run.id for run in store.runs()} == ann.guest._claims(store.root) == {row["id"] for row in ann.rows() if not row["example"]}
    assert any("At most 3 runs per person" in notice for notice in ann.notices)
    begun = next(name for name in ann.stories if story(name).found(store))
    for page in (ben, ann):
        pressed(page, {"story": begun})
        pressed(page, {"tell": "stop"})
        assert any(run.alive() for _, run in story(begun).found(store)) == (page is ben)
    assert any("started by somebody else" in notice for notice in ben.notices)


def test_people_take_turns_and_badges_from_one_address_are_one_person(store, waiting_only):
    """Twelve badges of one browser queue two runs each; who comes then waits behind one of them, and behind one of the lecturer's."""
    house = House(each=2)
    seeds = iter(range(100))

    def press(name, address, lecturer=False):
        return Guest(house, name, lecturer, address).launch(RECIPE.replace(seed=next(seeds)), store)

    def order():
        return [ticket.run for ticket in turns.tickets(store.root)]

    greedy = [press(f"{number:032x}", "203.0.113.5") for number in range(12) for _ in range(2)]
    teacher = [press(TEACHER, "203.0.113.1", True) for _ in range(5)]
    honest = press(ANN, "203.0.113.7")
    assert order()[:3] == [greedy[0].id, teacher[0].id, honest.id] and len(order()) == 30
    assert honest.status.queue_position == 3 and honest.status.state == "queued"
    next(iter(greedy)).stop()
    teacher[0].stop()
    later = press(BEN, "203.0.113.8")
    assert honest.status.queue_position == 1 and later.status.queue_position == 2, "who is next is not overtaken"
    for _ in range(40):  # whatever is taken from the head, nobody is overtaken twice by the same person
        if later.id not in order():
            break
        Run(store.root / order()[0]).stop()
    assert order()[0] == greedy[1].id


def test_who_has_trained_before_is_known_by_the_badge(store, finished):
    ann = Guest(House(), ANN, False, "203.0.113.5")
    assert ann.queues_as(finished) == "203.0.113.5"
    run = finished.singles[0]
    ann._claimed(run, finished)
    assert ann.queues_as(finished) == "203.0.113.5", "joining what others have trained is no history"
    os.utime(finished.root / PEOPLE / ANN / run.id, (1, 1))
    try:
        assert ann.queues_as(finished) == ANN
    finally:
        ann.forget(run)


def test_the_lecturer_stops_all_that_wait_and_nobody_else_does(store, waiting_only):
    house = House()
    ann, teacher = (Amplitudes(runs=store.root, guest=Guest(house, name, name == TEACHER)) for name in (ANN, TEACHER))
    runs = [launch(RECIPE.replace(seed=seed), runs=store) for seed in range(5)]
    for page in (ann, teacher):
        page.hear({"tab": "runs"})
        assert json.loads(page.table.state)["waiting"] == (5 if page is teacher else 0)
        pressed(page, {"waiting": "stop"})
        assert [run.status.state for run in runs] == ["queued" if page is ann else "stopped"] * 5
    assert any("Only the lecturer" in notice for notice in ann.notices)
    assert all(run.status.resumable and "waited" in run.status.message for run in runs)


def test_no_sentence_for_students_says_where_the_runs_are_on_the_lecturers_computer(store):
    said = {}
    for name in (ANN, TEACHER):
        page = Amplitudes(runs=store.root, guest=Guest(House(), name, name == TEACHER))
        page.hear({"delete": "nothing-like-it"})
        page.note(f"The disk of {store.root}/abc-1 is full.")
        said[name] = " ".join(page.notices)
    assert str(store.root) in said[TEACHER] and str(store.root) not in said[ANN]
    assert "The disk of abc-1 is full." in said[ANN] and "no run 'nothing-like-it' in " in said[ANN]
