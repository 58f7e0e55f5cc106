"""A family that is one folder and one row, and a dataset that is one file and one row: `lines` and `band.py` beside this file are put into
a copy of the house, and get all that the others have.

Only `families/` and `physics/datasets/` are copied and changed there; all else are links to the files that ship.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import workbench

OURS = Path(workbench.__file__).parent


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """The environment of a house with one more family."""
    root = tmp_path_factory.mktemp("house")
    (root / "workbench").mkdir()
    (root / "workbench" / "physics").mkdir()
    for entry in [*OURS.iterdir(), *(OURS / "physics").iterdir()]:
        if entry.name not in ("families", "physics", "datasets", "__pycache__"):
            (root / "workbench" / entry.relative_to(OURS)).symlink_to(entry)
    datasets = root / "workbench" / "physics" / "datasets"
    shutil.copytree(OURS / "physics" / "datasets", datasets)
    shutil.copy(Path(__file__).parent / "band.py", datasets)
    text = (datasets / "__init__.py").read_text()
    assert "ROWS = (" in text
    (datasets / "__init__.py").write_text(text.replace("ROWS = (", 'ROWS = (\n    Row("band", "flat band", "p = 1 for y < 1"),'))
    families = root / "workbench" / "families"
    shutil.copytree(OURS / "families", families)
    shutil.copytree(Path(__file__).parent / "lines", families / "lines")
    text = (families / "__init__.py").read_text()
    text, found = re.subn(r"(FAMILIES: [^=]*= \([A-Z, ]*)\)", r"from workbench.families.lines import LINES\n\1, LINES)", text)
    assert found == 1
    (families / "__init__.py").write_text(text)
    return os.environ | {"PYTHONPATH": str(root), "WORKBENCH_HOME": str(root / "home"), "COLUMNS": "140", "OMP_NUM_THREADS": "1"}


def said(house, *command):
    """What a process says to standard output."""
    found = subprocess.run([sys.executable, *command], env=house, cwd=house["PYTHONPATH"], capture_output=True, text=True, timeout=200)
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def trained(house):
    """The id of a run that its command has trained, in a process of its own."""
    lines = said(house, "-m", "workbench", "fit-line", "--slope", "3", "--steps", "200", "--learning-rate", "0.1").splitlines()
    assert "off by" in lines[-1]
    return Path(lines[-2]).name


def test_it_has_its_command_with_options_presets_and_help(house, trained):
    told = said(house, "-m", "workbench", "--help")
    assert "fit a line and follow it" in told
    assert "Slope a." in said(house, "-m", "workbench", "fit-line", "--help")
    flat = said(house, "-m", "workbench", "fit-line", "--preset", "flat", "--steps", "20", "--background")
    shown = said(house, "-m", "workbench", "runs", "show", Path(flat.strip()).name)
    assert "workbench fit-line --slope 0.5 --steps 20" in shown and "wb.LineRecipe(" in shown
    assert trained in said(house, "-m", "workbench", "runs")
    swept = said(house, "-m", "workbench", "sweep", "fit-line", "--slope", "1,3", "--steps", "200", "--learning-rate", "0.1").splitlines()
    assert swept[0].split() == ["slope", "largest", "|y", "−", "y_true|"] and [line.split()[0] for line in swept[1:]] == ["1.0", "3.0"]


PYTHON = """
import json, sys
import workbench as wb
from workbench.stories import STORIES
run = wb.open_run(sys.argv[1])
assert type(run.recipe) is wb.LineRecipe and "LineRecipe" in dir(wb) and "LineRecipe" in wb.__all__
assert run.prediction("test").attrs["product"] == "line" and run.snapshots.attrs["product"] == "line"
assert run.figure("line").data and run.figure("losses").data
try:
    run.figure("delta")
except ValueError as problem:
    refused = str(problem)
scan = wb.sweep(wb.LineRecipe(steps=200, learning_rate=0.1), slope=[1.0, 3.0], progress=False)
told = wb.story("slopes")
judged = told.judge(told.train(progress=False))
widgets = wb.controls(wb.LineRecipe())
widgets["slope"].value = "4"
live = run.live("line", "losses")
live.close()
print(json.dumps([refused, scan["off"].values.tolist(), judged.holds, widgets.recipe.slope, wb.studio("lines").page]))
"""


def test_it_has_public_names_figures_sweeps_stories_and_cells_of_notebooks(house, trained):
    refused, off, holds, slope, page = json.loads(said(house, "-c", PYTHON, trained).splitlines()[-1])
    assert refused.startswith("The figure 'delta' draws a single training, and run")
    assert refused.endswith("is a line: one of losses, line is needed.")
    assert max(off) < 1e-3 and holds is True and slope == 4.0 and page == "lines"


DATASET = """
import json
import workbench as wb
from workbench.families import kind_of
from workbench.figures import FIGURES
made = wb.make_dataset("band", 500)
wb.save_events("band.h5", points=made["points"].values)
recipe = wb.GeneratorRecipe(dataset="band", events=500, test_events=500, hidden=[8], blocks=2, steps=30, batch_size=64, draws=3)
job = kind_of(recipe).job.load()(recipe)
list(job.train())
found = job.prediction("test")
drawn = [name for name, entry in FIGURES.items() if entry.takes == "generator" and entry.as_dict(found)["data"]]
own = wb.GeneratorRecipe(dataset="band", file="band.h5", events=200, test_events=100)
points = kind_of(own).job.load()(own).events["train"].points
print(json.dumps([made.attrs["title"], float(found["entropy"]), list(found["map_mean"].shape), drawn, points.shape[1]]))
"""


def test_a_dataset_is_made_read_from_files_learned_and_drawn(house):
    title, entropy, shape, drawn, dimension = json.loads(said(house, "-c", DATASET).splitlines()[-1])
    assert title == "Flat band" and entropy == 0.0 and dimension == 2 and {"generated", "density_map"} <= set(drawn) and len(shape) == 2
    told = said(house, "-m", "workbench", "generate", "--help")
    assert "band: p = 1 for y < 1." in " ".join(told.split())


PAGE = """
import json, sys, threading, urllib.request
from workbench.families import FAMILIES
from workbench.figures import unpack
from workbench.home import runs_folder
from workbench.studios.server import errands
from workbench.studios.server.gate import ENTRANCE, PAGES
from workbench.studios.server.server import build

page = FAMILIES[-1].page.load()(runs=runs_folder())
page.on_open({"open": sys.argv[1]})
page.refresh(everything=True)
drawn = {name: len(unpack(plot.frame)["data"]) for name, plot in page.plots.items()}
page.tab = "runs"
page.refresh(everything=True)
rows = [row["id"] for row in json.loads(page.table.state)["rows"]]
form = [field["name"] for group in json.loads(page.form.spec)["groups"] for field in [*group["fields"], *group["more"]]]
numbers = json.loads(page.frame.state)["numbers"]["rows"][0]["values"]
page.hear({"tab": "training"})
before = page.plots["line"].frame
page.hear({"less": "truth"})
assert page.plots["line"].frame != before and "less=truth" in page.address.query() and page.shown_now().chosen == {"less": "truth"}
page.hear({"option": "slope", "value": "1, 3"})
assert len(page.draft.trainings) == 2 and page.draft.recipe.as_command().startswith("workbench sweep fit-line --slope 1.0,3.0")
page.hear({"undo": "slope"})
assert errands.check_events(page.draft.recipe) == []

server = build(0, "127.0.0.1", None)
server.start()
answers = {}
def ask():
    for place in ("", "lines"):
        token = server.gate.door.lecturer
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"http://127.0.0.1:{server.port}/{place}?token={token}") as answer:
            answers[place] = [answer.status, answer.read().decode()]
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/lines")
    except urllib.error.HTTPError as refusal:
        answers["closed"] = [refusal.code, refusal.read().decode()]
    server.io_loop.add_callback(server.io_loop.stop)
threading.Thread(target=ask).start()
server.io_loop.start()
print(json.dumps([drawn, rows, form, numbers, list(page.stories), "/lines" in PAGES and bool(ENTRANCE.fullmatch("/lines/")), answers]))
"""


def test_it_has_its_page_with_form_figures_runs_and_stories_behind_the_door(house, trained):
    drawn, rows, form, numbers, stories, guarded, answers = json.loads(said(house, "-c", PAGE, trained).splitlines()[-1])
    assert drawn["line"] == 1 and drawn["losses"] >= 1 and trained in rows and "slope" in form and stories == ["slopes"] and guarded
    assert float(numbers[0]) < 1e-3
    assert answers["lines"][0] == 200 and '<a href="./lines" aria-current="page">Lines</a>' in answers["lines"][1]
    assert 'href="./lines"' in answers[""][1] and answers["closed"][0] == 403 and "<form" in answers["closed"][1]
