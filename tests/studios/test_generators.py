"""The page Generators without a browser: its own runs only, and all that runs can do on the page Amplitudes."""

from __future__ import annotations

import json
import math
import shutil

import h5py
import numpy as np
import pytest

from workbench.data.files import load_sample
from workbench.families import presets
from workbench.families.amplitudes.page import Amplitudes
from workbench.families.generators.page import Generators, describe
from workbench.families.generators.recipe import GeneratorRecipe
from workbench.figures import unpack
from workbench.runs.store import RunStore
from workbench.runs.worker import run_job
from workbench.studios.live.hub import HUB, look
from workbench.studios.pages.address import Address, read
from workbench.studios.pages.draft import Draft, form
from workbench.studios.server.downloads import events_file

SMALL = GeneratorRecipe(events=1_000, test_events=1_000, hidden=[8], blocks=2, steps=60, batch_size=256, draws=4)


@pytest.fixture(scope="module")
def store(finished, tmp_path_factory):
    """A store of its own with a finished amplitude in it."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    run = next(run for run in finished.runs() if run.recipe.kind == "amplitude")
    shutil.copytree(run.path, store.root / run.id)
    return store


@pytest.fixture(scope="module")
def generators(store):
    """Finished generators in the same store: a toy, the same with one network, and collisions."""
    runs = []
    for recipe in (SMALL, SMALL.replace(bayesian=False), SMALL.replace(dataset="z_jets", blocks=4)):
        runs.append(store.create(recipe))
        assert run_job(runs[-1].path) == 0
    return runs


@pytest.fixture
def page(store, generators):
    page = Generators(runs=store.root)
    page.restore(Address(run=generators[0].id))
    page.refresh(everything=True)
    return page


def state(part):
    return json.loads(part.state)


def values(page):
    return state(page.frame)["numbers"]["rows"][0]["values"]


def said(plot):
    return " ".join(note["text"].replace("<br>", " ") for note in unpack(plot.frame)["layout"].get("annotations", []))


def test_the_first_page_shows_the_example_of_the_default_preset(tmp_path):
    page = Generators(runs=tmp_path)
    page.restore(Address())
    page.refresh(everything=True)
    assert page.of_example and state(page.bar)["sentence"].startswith("A finished example")
    first = next(iter(presets(GeneratorRecipe).values()))
    assert page.shown[0].recipe.hash == first.recipe.hash and page.name_of(page.shown[0]) == first.title
    assert page.address.query() == ""


def test_a_finished_toy_fills_every_figure(page):
    for tab in page.tabs:
        page.hear({"tab": tab.name})
        for card in page.cards:
            if card.tab == tab.name and card.name not in page.absent():
                assert any(len(trace["x"]) for trace in unpack(page.plots[card.name].frame)["data"]), card.name


def test_numbers_of_a_toy_and_of_collisions(page, generators):
    log_loss, entropy, deviation, statistics, largest, band = values(page)
    assert entropy == "−0.193" and float(log_loss.replace("−", "-")) > -0.3
    assert all(value.endswith(" %") for value in (deviation, statistics, band)) and largest.endswith(("(x)", "(y)"))
    page.hear({"open": generators[1].id})
    assert values(page)[-1] == "none"
    page.hear({"open": generators[2].id})
    assert values(page)[1] == "–"


def test_each_page_shows_its_own_runs_only(page, store, generators):
    page.hear({"tab": "runs"})
    assert {row["id"] for row in state(page.table)["rows"] if not row["example"]} == {run.id for run in generators}
    other = Amplitudes(runs=store.root)
    other.restore(Address(run=generators[0].id))
    assert generators[0].id not in {row["id"] for row in other.rows()} and "page of its own" in other.notices[0]
    assert not any(run.recipe.kind == "generator" for run in other.shown)
    amplitude = next(run for run in store.runs() if run.recipe.kind == "amplitude")
    page.hear({"open": amplitude.id})
    assert "page of its own" in page.notices[-1] and page.shown[0].id == generators[0].id


def test_observables_are_those_of_the_runs_shown(page, generators):
    page.hear({"tab": "distributions"})
    assert state(page.frame)["offered"]["observable"] == ["x", "y"] and state(page.frame)["chosen"]["observable"] == "x"
    before = page.plots["generated"].frame
    page.hear({"observable": "y"})
    assert page.plots["generated"].frame != before and page.address.chosen == {"observable": "y"}
    page.hear({"open": generators[2].id})
    page.hear({"tab": "distributions"})
    offered = state(page.frame)["offered"]["observable"]
    assert "dimuon_mass" in offered and "jet2_pt" not in offered and state(page.frame)["chosen"]["observable"] == offered[0]
    assert page.address.chosen == {}
    again = Generators(runs=page.library.own.root)
    page.hear({"observable": "dimuon_mass"})
    again.restore(page.address)
    assert again.drawn_at["observable"] == "dimuon_mass"


def test_tabs_whose_figures_make_no_sense_are_hidden(page, generators):
    assert state(page.frame)["hidden"] == ["discriminator", "theory"]
    page.hear({"tab": "density"})
    page.hear({"open": generators[2].id})
    assert "density" in state(page.frame)["hidden"] and page.tab == "distributions"  # something generated is seen
    page.hear({"compare": generators[0].id, "on": True})
    assert "density" not in state(page.frame)["hidden"]


def test_one_network_has_no_spread(page, generators):
    page.hear({"open": generators[1].id})
    page.hear({"tab": "density"})
    assert "one network has none" in said(page.plots["uncertainty_line"]) and unpack(page.plots["density_map"].frame)["data"]


def test_runs_are_compared(page, generators):
    page.hear({"compare": generators[1].id, "on": True})
    page.hear({"tab": "distributions"})
    names = [trace.get("name", "") for trace in unpack(page.plots["generated"].frame)["data"]]
    assert any(name.startswith("A: flow ± σ of 4 draws") for name in names) and "B: flow" in names
    page.hear({"tab": "runs"})
    assert [row["name"] for row in state(page.table)["differs"]["rows"]] == ["bayesian"]


def test_the_slider_reaches_back_to_the_first_snapshot(tmp_path):
    page = Generators(runs=tmp_path)
    page.restore(Address(tab="distributions"))
    run = page.shown[0]
    done = look(run, look(run, None))
    assert len(done.steps) > 10 and done.steps[0] < 100
    while not HUB.picture(run).steps:
        pass
    page.refresh(everything=True)
    last = page.plots["generated"].frame, values(page)
    page.hear({"time": 0})
    assert page.plots["generated"].frame != last[0] and values(page) != last[1] and page.at == done.steps[0]
    page.hear({"tab": "density"})
    assert "weights get their widths at step" in said(page.plots["uncertainty_map"])


def test_the_slider_of_a_theory_nuisance_stands_in_the_address(page, store):
    assert page.address.chosen == {} and state(page.frame)["chosen"]["a"] == "30"
    page.hear({"a": "10"})
    assert state(page.frame)["chosen"]["a"] == "10" and "a=10" in page.address.query()
    page.hear({"a": "11"})
    assert page.chosen["a"] == "10"
    choosers = {one.name: list(one.values) for one in page.choosers}
    found = read({"a": [b"10"]}, GeneratorRecipe, tabs=[], choosers=choosers)
    again = Generators(runs=store.root)
    again.restore(found)
    assert again.chosen["a"] == "10" and not found.problems
    assert "one of 0, 5, 10, 20, 30" in read({"a": [b"11"]}, GeneratorRecipe, tabs=[], choosers=choosers).problems[0]
    page.hear({"a": "30"})
    assert "a=" not in page.address.query().replace("tab=", "")


def test_a_link_restores_recipe_tab_and_run(page, store):
    page.hear({"option": "dataset", "value": "z_jets"})
    page.hear({"option": "jets", "value": "2"})
    page.hear({"tab": "density"})
    again = Generators(runs=store.root)
    again.restore(page.address)
    assert again.draft.recipe.to_dict() == page.draft.recipe.to_dict() and again.tab == "density"
    assert [run.id for run in again.shown] == [run.id for run in page.shown]


def test_the_form_has_every_option_and_hides_what_has_no_effect():
    fields = [field["name"] for group in form(GeneratorRecipe)["groups"] for field in (*group["fields"], *group["more"])]
    assert sorted(fields) == sorted(GeneratorRecipe.options())
    draft = Draft(GeneratorRecipe)
    assert {"jets", "coordinates", "magic", "coupling"} <= set(draft.hidden) and not {"draws", "warm_start", "file"} & set(draft.hidden)
    draft.set("bayesian", False)
    draft.set("dataset", "z_jets")
    assert {"draws", "warm_start", "width_pace"} <= set(draft.hidden)
    assert not {"jets", "coordinates", "magic", "prior_width"} & set(draft.hidden)
    assert draft.view()["command"].startswith("workbench generate --dataset z_jets")
    assert "wb.GeneratorRecipe(" in draft.view()["python"]


def test_a_recipe_in_one_line():
    assert describe(SMALL).startswith("wedge ramp · Bayesian INN · 2 blocks")
    assert describe(SMALL.replace(dataset="z_jets", jets=2, bayesian=False)).startswith("Z + 2 jets · INN")


def test_figures_by_name_are_those_of_the_kind_of_run(store, generators):
    run = generators[0]
    assert run.figure("generated", observable="y").layout.xaxis.title.text == "y"
    assert len(run.figure("log_loss").data) == 2 and math.isclose(run.figure("log_loss").data[1].y[0], -0.193, abs_tol=1e-3)
    with pytest.raises(ValueError, match=r"draws a single training, and run .* is a generator: one of losses"):
        run.figure("delta")
    with pytest.raises(ValueError, match="draws a generator"):
        next(other for other in store.runs() if other.recipe.kind == "amplitude").figure("density_map")


def test_new_events_are_a_file_that_a_recipe_can_read(page, generators, tmp_path):
    page.hear({"tab": "runs"})
    row = next(row for row in state(page.table)["rows"] if row["id"] == generators[0].id)
    assert row["download"] == f"new-events/{generators[0].id}.h5"
    for run in generators:
        (tmp_path / "new.h5").write_bytes(events_file(run))
        with h5py.File(tmp_path / "new.h5") as file:
            (name,) = file
            np.testing.assert_array_equal(file[name], run.prediction("test")["samples"])
            assert GeneratorRecipe.from_json(file.attrs["recipe"]).hash == run.recipe.hash
    (tmp_path / "toy.h5").write_bytes(events_file(generators[0]))
    assert len(load_sample(tmp_path / "toy.h5", "wedge").points) == 1_000
