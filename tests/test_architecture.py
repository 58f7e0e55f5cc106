"""The house as designed: imports point one way, heavy packages stay where they belong, and both dependency files agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from workbench.physics.collisions import INSTALL

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "workbench").rglob("*.py"))
MAY_IMPORT = {
    "physics": set(),
    "data": {"physics"},
    "nets": set(),
    "results": {"physics"},
    "methods": {"data", "nets"},
    "training": {"physics", "data", "nets", "methods", "results"},
    "families": {"training", "results"},
    "runs": {"data", "training", "results", "families"},
    "figures": {"results", "physics", "training", "families"},
    "stories": {"training", "results", "families", "runs", "figures"},
    "studios": {"physics", "data", "training", "results", "families", "runs", "figures", "stories"},
    "commands": {"physics", "data", "training", "results", "families", "runs", "stories", "studios"},
}
IN_A_FAMILY = {
    "page": "studios",
    "stories": "stories",
    "figures": "figures",
    "product": "results",
    "generated": "results",
    "recipe": "training",
    "networks": "runs",
}
"""The folder of a family has all floors: a file of it, or a folder of files, may import what its floor may, one that is not named here what
training may."""
BASEMENT = {"home", "threads", "terminal"}
"""Files beside the packages that everybody may use."""
WITH_TORCH = {"threads.py", "physics/amplitudes/gg_yyg.py", "data/scaling.py", "runs/worker.py", "runs/forker.py"}
"""Outside nets, methods and training, torch is imported at the top of these files only; recipe, report and presets are free of it."""


@cache
def imports(path: Path, *, top_level_only: bool = False) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def package_of(path: Path) -> str:
    return path.relative_to(ROOT / "workbench").parts[0].removesuffix(".py")


def in_its_family(path: Path) -> str:
    """The part of a family that a file is, or belongs to: stories of families/amplitudes/stories/sizes.py."""
    return "".join(path.relative_to(ROOT / "workbench").parts[2:3]).removesuffix(".py")


def top_of(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("path", [p for p in FILES if package_of(p) in MAY_IMPORT], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    package, at_home = package_of(path), package_of(path)
    if package == "families" and path.parent.name != "families" and in_its_family(path) != "__init__":
        package = IN_A_FAMILY.get(in_its_family(path), "training")
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("workbench.")}
    lazily_drawn = {"figures", "studios"} if package == "runs" and path.name == "run.py" else set()
    wrong = ours - MAY_IMPORT[package] - {package, at_home} - BASEMENT - lazily_drawn
    if package == "data" and path.name == "catalogue.py":
        wrong -= {"training"}
    assert not wrong, (
        f"{path.relative_to(ROOT)} imports {sorted(wrong)}; {package} may import {sorted(MAY_IMPORT[package]) or 'nothing of ours'}."
    )


@pytest.mark.parametrize(("library", "homes"), [("panel", {"studios"}), ("plotly", {"figures", "studios"}), ("bokeh", {"studios"})])
def test_screens_are_drawn_upstairs_only(library, homes):
    floors = {path: IN_A_FAMILY.get(in_its_family(path), "") if package_of(path) == "families" else package_of(path) for path in FILES}
    users = {floors[path] for path in FILES if library in {top_of(name) for name in imports(path)}}
    assert users <= homes


def test_torch_is_loaded_only_where_something_trains():
    users = {
        str(path.relative_to(ROOT / "workbench"))
        for path in FILES
        if "torch" in {top_of(name) for name in imports(path, top_level_only=True)}
    }
    allowed = (
        {path for path in users if path.split("/")[0] in {"nets", "methods"}}
        | WITH_TORCH
        | {f"training/{name}.py" for name in ("curve", "flows", "generator", "job", "judge", "loop", "optimiser", "predictor", "recording")}
        | {f"training/{name}.py" for name in ("sampling", "soap", "sweep")}
    )
    heavy = {path for path in users if path.startswith("families/")}
    assert users - heavy <= allowed
    assert not {path for path in heavy if path.count("/") < 2 or Path(path).stem in IN_A_FAMILY or path.endswith("__init__.py")}


def test_no_file_is_longer_than_one_idea_needs():
    lengths = {path: len(path.read_text().splitlines()) for end in ("py", "js") for path in (ROOT / "workbench").rglob(f"*.{end}")}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 500} == {}


def test_both_dependency_files_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = re.findall(r"^\s+- (\S+)$", (ROOT / "environment.yml").read_text(), re.MULTILINE)
    listed = {line for line in lines if line not in {"pip", "conda-forge"} and not line.startswith(("python", "pip:"))}
    assert listed == set(project["dependencies"])
    assert f"- python{project['requires-python']}" in (ROOT / "environment.yml").read_text()


def test_the_sentence_about_pythia_names_what_its_extra_holds():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["pythia"]
    for needed in extra:
        name, last = re.fullmatch(r"(\w+)>=[\d.]+(?:,(<[\d.]+))?", needed).groups()
        assert name + (last or "") in INSTALL


def test_every_third_party_import_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in project["dependencies"]} | {"workbench"}
    extras = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for lines in project["optional-dependencies"].values() for line in lines}
    used = {top_of(name) for path in FILES for name in imports(path)} - set(sys.stdlib_module_names)
    below = {"tornado", "jinja2", "markupsafe", "IPython", "traitlets", "zmq", "jupyter_client"}  # Bokeh and Jupyter stand on them
    known = declared | extras | below | {"pythia8", "psij"}
    assert used <= known, f"not declared: {sorted(used - known)}"


def test_the_top_level_holds_what_was_agreed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in tracked}
    assert {name for name in top if not name.startswith(".")} <= {
        "workbench",
        "notebooks",
        "tests",
        "environment.yml",
        "pyproject.toml",
        "README.md",
    }


def test_s8_nothing_unsafe_is_called():
    """S8: no pickles, no shell, no error that is swallowed whole."""
    unsafe = re.compile(
        r"weights_only\s*=\s*False|allow_pickle\s*=\s*True|yaml\.load\(|shell\s*=\s*True|os\.system\(|\beval\(|\bexec\(|except:\s*$",
        re.MULTILINE,
    )
    found = [f"{path.relative_to(ROOT)}: {match.group()}" for path in FILES for match in unsafe.finditer(path.read_text())]
    pickling = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
    found += [f"{path.relative_to(ROOT)} imports {name}" for path in FILES for name in imports(path) if top_of(name) in pickling]
    loads = [path for path in FILES if re.search(r"(?<!safetensors\.)torch\.load\(|np\.load\(", path.read_text())]
    assert not found and {path.name for path in loads} <= {"numpy_file.py", "sandbox.py", "table.py", "collisions.py"}
    assert all(
        line.count("allow_pickle=False") for path in loads for line in path.read_text().splitlines() if ".load(" in line and "np." in line
    )


def test_s8_dependencies_begin_where_known_holes_are_closed():
    """S8, T17: bokeh >= 3.8.2 (websocket origins), jupyter_server >= 2.18 (three holes), torch >= 2.10 (weights_only)."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    floors = {re.split(r"[<>=]", line)[0]: tuple(map(int, re.search(r">=([\d.]+)", line)[1].split("."))) for line in listed}
    needed = {"bokeh": (3, 8, 2), "jupyter_server": (2, 18), "torch": (2, 10), "safetensors": (0, 4, 5)}
    assert all(floors[name] >= least for name, least in needed.items())


@pytest.mark.parametrize(
    ("words", "homes"),
    [
        (r"isinstance\([^)]*GeneratorRecipe", set()),
        (r"is_generated|is_scan|\"(log_loss|mean|sigma_syst_median)\" in ", set()),
        (r"\"log_loss\": \"generator\"", {"results/product.py"}),
        (r"\"/?generators(/ws)?\"", {"families/generators/__init__.py"}),
        (r"\"(/?amplitudes/ws|/amplitudes|\./amplitudes)\"", {"families/amplitudes/__init__.py"}),
        (r"[\"']z_jets\b", {"physics/datasets/__init__.py", "physics/datasets/z_jets.py"}),
        (r"[\"']tt_partons\b", {"physics/datasets/__init__.py", "physics/datasets/tt_partons.py"}),
        (r"[\"'](wedge|kicker)[\"']", {f"physics/datasets/{name}.py" for name in ("__init__", "wedge", "kicker")}),
        (
            r"\bGeneratorRecipe\b",
            {
                f"families/generators/{name}.py"
                for name in ("__init__", "recipe", "job", "flows", "judge", "sampling", "predictor", "memory", "page")
            }
            | {"__init__.py"},
        ),
        (r"\bGeneratorJob\b", {"families/generators/__init__.py", "families/generators/job.py"}),
    ],
)
def test_only_a_family_or_a_dataset_itself_knows_what_it_is(words, homes):
    """Everybody else asks `families.FAMILIES` and `physics.datasets`, and a result for the name of its product.

    Presets and stories may name what they tell of.
    """
    places = [path.relative_to(ROOT / "workbench") for path in FILES]
    told = {place for place in places if {"stories", "stories.py", "presets.py"} & {*place.parts}}
    met = {str(place) for place in set(places) - told if re.search(words, (ROOT / "workbench" / place).read_text())}
    assert met <= homes
