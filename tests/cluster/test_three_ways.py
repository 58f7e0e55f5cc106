"""A training, a sweep, a story and a data set on two nodes, from the command line, Python and the page: the numbers of one machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import safetensors.numpy

import workbench as wb
from workbench.data import cache
from workbench.families.amplitudes.page import Amplitudes
from workbench.families.basics.page import Basics
from workbench.runs import jobs
from workbench.runs.run import Run
from workbench.runs.store import RunStore

OPTIONS = {"hidden": [8], "steps": 200, "events": 500, "uncertainty": "deterministic"}
AXES = {"hidden": [[8], [6]], "noise": [0.0, 0.01, 0.03, 0.1], "seed": [1, 2, 3]}
STORY = "mean_or_median"  # two trainings
EVENTS = {"events": 3_000, "seed": 7}
TRAINED = ("training", "sweep", "story")


class CommandLine:
    """Each way does the same in a home of its own."""

    def __init__(self, home: Path):
        self.home = home

    def _said(self, *words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "workbench", *words, "--on", "two"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def training(self) -> None:
        self._said("train", "--hidden", "8", "--steps", "200", "--events", "500", "--uncertainty", "deterministic")

    def sweep(self) -> None:
        axes = ("--hidden", "8", "--hidden", "6", "--noise", "0,0.01,0.03,0.1", "--seed", "1,2,3")
        rest = ("--steps", "200", "--events", "500", "--uncertainty", "deterministic")
        said = self._said("sweep", *axes, *rest, "--out", str(self.home / "scan.nc"))
        assert len(said.splitlines()) == 1 + 24, said

    def story(self) -> None:
        assert wb.story(STORY).title in self._said("story", STORY, "--out", str(self.home / "told"))

    def events(self) -> None:
        assert "3,000 events are ready." in self._said("data", "make", "--events", "3000", "--data-seed", "7")


class Python:
    def __init__(self, home: Path):
        pass

    def training(self) -> None:
        assert wb.launch(wb.AmplitudeRecipe(**OPTIONS), on="two").wait(200).status.state == "finished"

    def sweep(self) -> None:
        assert wb.sweep(wb.AmplitudeRecipe(**OPTIONS), on="two", progress=False, **AXES)["sigma_syst_median"].size == 24

    def story(self) -> None:
        wb.story(STORY).train(on="two", progress=False)

    def events(self) -> None:
        assert wb.make_dataset("gg_yyg", **EVENTS, on="two").sizes["event"] == 3_000


class Page:
    """That of a lecturer, who chooses where."""

    def __init__(self, home: Path):
        self.home = home

    def _page(self, kind, **options):
        page = kind(runs=self.home / "runs")
        page.soon = lambda work: work()
        for name, value in options.items():
            page.hear({"option": name, "value": value})
        page.refresh(everything=True)
        page.hear({"where": "two"})
        assert json.loads(page.form.state)["where"] == "two"
        return page

    def _ended(self, page, runs: int) -> None:
        end = time.monotonic() + 200
        while [run.status.state for run in page.library.own.runs()] != ["finished"] * runs:
            assert time.monotonic() < end and not page.notices, (page.notices, json.loads(page.bar.state))
            time.sleep(0.2)
            page.refresh(everything=True)

    def _trained(self, runs: int, **options) -> None:
        page = self._page(Amplitudes, **{name: str(value).strip("[]") for name, value in OPTIONS.items()} | options)
        page.hear({"action": "train"})
        self._ended(page, runs)

    def training(self) -> None:
        self._trained(1)

    def sweep(self) -> None:
        self._trained(2, hidden="8; 6", noise="0, 0.01, 0.03, 0.1", seed="1, 2, 3")

    def story(self) -> None:
        page = self._page(Basics)
        page.hear({"story": STORY})
        page.hear({"tell": "train"})
        self._ended(page, 2)

    def events(self) -> None:
        """On the page a training has its events made, where it trains."""
        self._trained(1, data_seed="7", steps="50")


WAYS = {"command line": CommandLine, "Python": Python, "page": Page}


def trained(store: RunStore) -> dict[str, Run]:
    """The runs of a folder, by what they train."""
    runs = {run.recipe.hash: run for run in store.runs()}
    assert all(run.status.state == "finished" for run in runs.values()), [run.status for run in runs.values()]
    return runs


def weights(run: Run) -> dict[str, bytes]:
    path = run.path / f"checkpoint-{run.checkpoints()[0]}.safetensors"
    return {name: array.tobytes() for name, array in safetensors.numpy.load_file(path).items()}


@pytest.fixture(scope="module")
def here(slurm, tmp_path_factory):
    """What comes out on this computer alone: the folders of runs by what is trained, and the events."""
    home = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        patch.delenv("WORKBENCH_RUNS", raising=False)
        wb.launch(wb.AmplitudeRecipe(**OPTIONS), runs=home / "training").wait(200)
        wb.sweep(wb.AmplitudeRecipe(**OPTIONS), runs=home / "sweep", progress=False, **AXES)
        wb.story(STORY).train(home / "story", progress=False)
        found = {name: trained(RunStore(home / name)) for name in TRAINED}
        assert [len(runs) for runs in found.values()] == [1, 2, 2]
        yield found | {"events": wb.make_dataset("gg_yyg", **EVENTS)}


@pytest.fixture
def home(here, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    (tmp_path / "clusters.toml").write_text('[two]\ntime = "0:30:00"\nat_once = 4\n')
    return tmp_path


@pytest.mark.parametrize("what", TRAINED)
@pytest.mark.parametrize("way", WAYS)
def test_it_is_bitwise_that_of_one_machine(here, home, way, what):
    """What trains together is one array of jobs, of which no node gets more than two."""
    getattr(WAYS[way](home), what)()
    there = trained(RunStore(home / "runs"))
    assert there.keys() == here[what].keys()
    for name, run in there.items():
        one = here[what][name]
        assert weights(run) == weights(one) and run.prediction("test").equals(one.prediction("test")), name
    of_nodes = Counter(run.read_status()["host"] for run in there.values())
    assert of_nodes.keys() <= {"n1", "n2"} and max(of_nodes.values()) <= 2
    ids = [jobs.job_of(run.path).id for run in there.values()]
    assert len(set(ids)) == len(ids) and (len(ids) == 1 or {name.partition("_")[2] for name in ids} == {"0", "1"}), ids


@pytest.mark.parametrize("way", WAYS)
def test_events_are_made_by_the_job_once_and_are_those_of_one_machine(here, home, way, monkeypatch):
    def made_here(*_: object) -> None:
        raise AssertionError("this computer makes what a job was to make")

    monkeypatch.setattr(cache, "write", made_here)
    WAYS[way](home).events()
    assert len([*(home / "data").glob("*seed7*.h5")]) == 1, [*home.glob("data/*")]
    assert wb.make_dataset("gg_yyg", **EVENTS).equals(here["events"])
