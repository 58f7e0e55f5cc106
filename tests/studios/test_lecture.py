"""Follow mode without a browser: followers show what the lecturer shows, and nothing that they press matters."""

from __future__ import annotations

import gc
import json
import weakref

import pytest

from workbench.families.amplitudes.page import Amplitudes
from workbench.families.generators.page import Generators
from workbench.studios.pages.address import Address
from workbench.studios.server import lecture as lectures
from workbench.studios.server.house import Guest, House
from workbench.studios.server.lecture import HALL

TEACHER, OTHER, STUDENT = "1" * 32, "2" * 32, "3" * 32
CLASS = House(each=2, address="http://10.0.0.1:5006/", token="class-token")


@pytest.fixture(autouse=True)
def empty_hall():
    yield
    for lecture in HALL.all():
        HALL.end(lecture)


def opened(finished, name, *, lecturer=True, studio=Amplitudes, **address):
    page = studio(runs=finished.root, guest=Guest(CLASS, name, lecturer))
    page.restore(Address(**address))
    page.refresh(everything=True)
    return page


@pytest.fixture
def teacher(finished):
    page = opened(finished, TEACHER, run=finished.singles[0].id)
    page.hear({"lead": True})
    return page


@pytest.fixture
def follower(finished, teacher):
    return opened(finished, STUDENT, lecturer=False, follow=teacher.leads.id)


def told(page):
    return json.loads(page.frame.state)


def test_a_late_follower_sees_what_the_lecturer_sees_with_the_very_same_figures(teacher, finished):
    teacher.hear({"compare": finished.singles[1].id, "on": True})
    teacher.hear({"tab": "kinematics"})
    teacher.hear({"observable": "jet_pt"})
    late = opened(finished, STUDENT, lecturer=False, follow=teacher.leads.id)
    assert [run.id for run in late.shown] == [run.id for run in teacher.shown] and len(late.shown) == 2
    assert (late.tab, late.drawn_at["observable"]) == ("kinematics", "jet_pt")
    assert late.plots["kinematics"].frame is teacher.plots["kinematics"].frame


def test_followers_go_along_and_keep_their_own_theme(teacher, follower):
    follower.hear({"theme": "dark", "projector": False})
    for tab in ("accuracy", "stories", "training"):
        teacher.hear({"tab": tab})
        follower.tick()
        assert follower.tab == tab
    assert follower.theme == "dark" and teacher.theme == "light"
    teacher.hear({"time": 0})
    follower.tick()
    assert follower.at == teacher.at is not None
    assert f"step {teacher.at:,}" in told(follower)["lecture"]["sentence"]


PRESSED = [
    {"tab": "runs"}, {"action": "train"}, {"action": "reset"}, {"key": "space"}, {"key": "r"}, {"key": "p"}, {"time": 0},
    {"observable": "jet_pt"},
    {"option": "noise", "value": "0.05"}, {"preset": "noise"}, {"story": "noise"}, {"tell": "train"}, {"lead": True}, {"title": "x"},
]  # fmt: skip


@pytest.mark.parametrize("message", PRESSED)
def test_what_a_follower_presses_does_not_matter(follower, message, finished):
    before, runs = follower.address.query(), len(finished.runs())
    scene = follower.shown_now()
    follower.hear(message)
    assert follower.address.query() == before and follower.shown_now() == scene and not follower.busy
    assert len(finished.runs()) == runs and len(HALL.all()) == 1
    bar = json.loads(follower.bar.state)
    assert bar["buttons"] == [] and bar["time"] is None


def test_the_address_of_a_follower_brings_it_back(follower, finished):
    assert follower.address.query() == f"?follow={follower.follows.id}"
    again = opened(finished, STUDENT, lecturer=False, follow=follower.follows.id)
    assert again.shown_now() == follower.shown_now()


def test_the_lecturer_takes_the_lecture_along_to_another_page(teacher, follower, finished):
    assert "lead=1" in teacher.address.query()
    moved = opened(finished, TEACHER, studio=Generators, lead=True)
    teacher.tick()
    follower.tick()
    assert moved.leads is not None and teacher.leads is None
    assert told(follower)["lecture"]["go"] == f"./generators?follow={moved.leads.id}"


def test_the_link_does_not_make_anybody_else_a_lecturer(teacher, finished):
    for name, lecturer in ((STUDENT, False), (OTHER, True), (TEACHER, False)):
        assert opened(finished, name, lecturer=lecturer, lead=True).leads is None
    assert teacher.leads.leader is teacher
    student = opened(finished, STUDENT, lecturer=False)
    student.hear({"lead": True})
    assert len(HALL.all()) == 1 and told(student)["lecture"] is None


def test_one_sentence_says_that_the_lecturer_has_left_and_it_goes_on_when_they_return(teacher, follower, finished, monkeypatch):
    monkeypatch.setattr(lectures, "AWAY", 0.0)
    follower.tick()
    assert told(follower)["lecture"]["sentence"].startswith("The lecturer has left")
    monkeypatch.setattr(lectures, "AWAY", 60.0)
    back = opened(finished, TEACHER, lead=True, tab="accuracy")
    follower.tick()
    assert back.leads and follower.tab == "accuracy" and "You are following" in told(follower)["lecture"]["sentence"]


def test_a_lecture_that_was_ended_is_over(teacher, follower, finished):
    name = teacher.leads.id
    teacher.hear({"lead": False})
    follower.tick()
    assert told(follower)["lecture"]["sentence"].startswith("The lecture is over")
    assert told(teacher)["lecture"] == {"leads": False}
    late = opened(finished, STUDENT, lecturer=False, follow=name)
    assert late.follows is None and late.notices == ["The lecture of this link is over."]


def test_two_lecturers_have_a_link_each(teacher, finished):
    other = opened(finished, OTHER, tab="accuracy")
    other.hear({"lead": True})
    links = [told(page)["lecture"]["link"] for page in (teacher, other)]
    assert links == ["http://10.0.0.1:5006/follow?token=class-token", f"http://10.0.0.1:5006/follow/{other.leads.id}?token=class-token"]
    pages = [opened(finished, STUDENT, lecturer=False, follow=page.leads.id) for page in (teacher, other)]
    assert [page.tab for page in pages] == ["training", "accuracy"]


def test_a_lecturer_knows_how_many_follow(teacher, follower, finished):
    teacher.tick()
    assert told(teacher)["lecture"]["people"] == "1 page follows"


def test_a_lecture_outlives_the_page_that_began_it_and_keeps_nothing_of_it(finished):
    page = opened(finished, TEACHER, run=finished.singles[0].id)
    page.hear({"lead": True})
    lecture, seen = page.leads, weakref.ref(page)
    del page
    gc.collect()
    assert seen() is None and lecture.leader is None and HALL.all() == [lecture] and lecture.scene is not None
    assert opened(finished, TEACHER, lead=True).leads is lecture


def test_a_follower_that_has_left_is_counted_no_longer(teacher, follower):
    assert len(teacher.leads.followers) == 1
    follower.leave()
    assert not teacher.leads.followers
