"""A story in one file: small, complete, closed to what a title might smuggle in, and with the figures as they were over the training."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

from workbench.__main__ import main
from workbench.families.amplitudes.recipe import AmplitudeRecipe
from workbench.figures import unpack
from workbench.stories import STORIES, Panel, Row, Story, story
from workbench.stories.story import listed, swept
from workbench.stories.take_home import MOMENTS, Replayed, symbols, take_home

SMALL = AmplitudeRecipe(events=2_000, test_events=2_000, hidden=[32, 32], steps=600, inputs="invariants", uncertainty="bnn")
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> {policy} σ_syst"


class Page(HTMLParser):
    """Tags with their attributes, the text of each, and the content of scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.scripts, self._in = [], "", [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "script":
            self.scripts.append(data)
        elif self._in != "style":
            self.text += data

    @property
    def figures(self):
        return unpack(zlib.decompress(base64.b64decode(self.scripts[0])))


PANELS = (Panel("losses"), Panel("systematic_pull"), Panel("plateau"))


def told(panels=PANELS, title="Tiny", **setup):
    def rows(scan):
        return [Row("median |Δ|", float(scan["delta_median"].min()), 0.0, claim="It learns."), Row(f"{title}: more", 1.0, 2.0)]

    return Story("tiny", title, title, title, title, panels, rows=rows, seconds=1, **(setup or swept(SMALL, noise=[0.0, 0.1])))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A story of two trainings of different lengths, and its runs."""
    recipes = {"short": SMALL.replace(steps=400), "<b>long</b>": SMALL}
    one, folder = told((Panel("losses"), Panel("systematic_pull"), Panel("coverage")), EVIL, **listed("network", recipes)), tmp_path_factory
    runs = folder.mktemp("runs")
    one.train(runs, progress=False)
    return one, one.found(runs)


@pytest.mark.parametrize("name", ["plateau", "maps", "scaled", "fit", "spectra"])
def test_what_ships_fits_into_one_file_with_verdict_recipe_and_how_to_do_it_again(name):
    one = story(name)
    text = take_home(one)
    page, verdict = Page(text), one.judge(one.kept)
    assert len(text.encode()) < 6_000_000
    plain = " ".join(page.text.split())
    assert verdict.headline in plain and f"workbench story {name}" in plain and one.runs[0][1].as_python() in plain
    assert all(row.ours in plain for row in verdict.rows) and one.kept.attrs["made"] in plain
    assert page.figures["moments"] == ["the end"] and len(page.figures["drawn"][0]) == len(one.panels)
    assert any(figure and any(len(trace["x"]) > 1 for trace in figure["data"]) for figure in page.figures["drawn"][0])


def test_nothing_in_it_leads_elsewhere_and_only_its_own_scripts_may_run(trained):
    page = Page(take_home(*trained))
    addresses = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href", "action", "srcset")]
    assert addresses == ["data:,"]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert [tag for tag, _ in page.tags].count("script") == len(page.scripts) == 3
    policy = next(attributes["content"] for _, attributes in page.tags if "http-equiv" in attributes)
    own = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in page.scripts[1:]]
    assert policy.startswith("default-src 'none'; ") and re.findall(r"'sha256-(.*?)'", policy) == own
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_titles_and_names_stay_text(trained):
    page = Page(take_home(*trained))
    # title, formula, what to look at, talk; its row, and the sentence of the verdict
    assert page.text.count(EVIL.replace("σ_syst", "σsyst")) == 6
    assert not {"img", "b"} & {tag for tag, _ in page.tags}
    assert "<b>long</b>" in page.text


def test_its_figures_go_through_the_training_and_end_with_what_came_out(trained):
    one, runs = trained
    found = Page(take_home(one, runs)).figures
    assert 3 <= len(found["moments"]) == len(found["drawn"]) <= MOMENTS
    assert found["moments"][-1] == "the end" and "% of each training" in found["moments"][0]
    pulls, coverage = ([figures[place] for figures in found["drawn"]] for place in (1, 2))
    curve = [figure["data"][0]["y"] for figure in pulls]
    assert not np.array_equal(curve[0], curve[-1])
    expected = one.figure(one.panels[1], runs).data[0].y
    np.testing.assert_allclose(curve[-1].astype(float), np.asarray(expected, float), rtol=1e-5, atol=1e-5)
    losses = [figures[0]["data"] for figures in found["drawn"] if figures[0]]
    reached = [max(np.nanmax(trace["x"].astype(float), initial=0) for trace in data) for data in losses]
    assert reached == sorted(reached) and reached[0] < reached[-1]
    assert coverage[-1] is not None


def test_a_sweep_grows_point_by_point_in_its_file(tmp_path):
    one = told((Panel("plateau"),))
    one.train(tmp_path, progress=False)
    plateau = [figures[0] for figures in Page(take_home(one, one.found(tmp_path))).figures["drawn"]]
    first, last = (np.concatenate([trace["y"] for trace in figure["data"] if len(trace["y"])]) for figure in (plateau[0], plateau[-1]))
    assert len(plateau) > 1 and np.isfinite(first).any() and not np.array_equal(first, last)


def test_a_run_is_seen_as_it_was(trained):
    _, runs = trained
    run = Replayed(runs[1][1], 4)
    assert len(run.moments) <= 4 and int(run.latest_snapshot()["step"]) == max(run.snapshots["step"].values)
    run.moment = run.moments[0]
    assert int(run.latest_snapshot()["step"]) == round(run.moments[0] * 600) and run.reports["step"].max() <= run.moments[0] * 600
    with pytest.raises(RuntimeError, match="had no prediction before its end"):
        run.prediction("test")


def test_where_it_would_be_too_large_it_shows_fewer_moments_and_never_none(trained, monkeypatch):
    one, runs = trained
    large = take_home(one, runs)
    all_of_them = Page(large).figures["moments"]
    monkeypatch.setattr("workbench.stories.take_home.LARGEST", len(large.encode()) - 1_000)
    fewer = Page(take_home(one, runs)).figures["moments"]
    assert len(fewer) < len(all_of_them) and fewer[-1] == "the end"
    monkeypatch.setattr("workbench.stories.take_home.LARGEST", 4_000_000)
    with pytest.raises(ValueError, match=r"The figures of tiny take [\d,]+ bytes"):
        take_home(one, runs)


def test_without_trainings_and_numbers_it_says_what_to_do():
    with pytest.raises(ValueError, match="Nothing has been trained for the story 'tiny' yet, and no numbers of it ship: train it first"):
        take_home(told())


def test_while_a_training_is_missing_nothing_is_decided(trained):
    one, runs = trained
    page = Page(take_home(one, runs[:1]))
    assert "not known yet" in page.text and "1 of 2 trainings have finished; these are the numbers so far." in page.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("σ_syst/A", "σ<sub>syst</sub>/A"),
        ("z_jets & gg_yyg", "z_jets &amp; gg_yyg"),
        ("p_T,j1 > 0", "p<sub>T,j1</sub> &gt; 0"),
        ("⟨A⟩_M", "⟨A⟩<sub>M</sub>"),
    ],
)
def test_symbols_get_their_indices(text, expected):
    assert symbols(text) == expected


def test_the_command_writes_the_file_and_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(STORIES, "tiny", lambda full: told((Panel("plateau"),)))
    monkeypatch.chdir(tmp_path)
    assert main(["story", "tiny", "--html", "tiny.html"]) == 1  # one of its rows differs
    assert capsys.readouterr().out.splitlines()[-1] == "tiny.html" and [path.name for path in tmp_path.glob("t*")] == ["tiny.html"]
    page = Page((tmp_path / "tiny.html").read_text(encoding="utf-8"))
    assert "agrees in part (1 of 2)" in page.text and page.figures["moments"][-1] == "the end"
    assert main(["story", "tiny", "--html", "new/tiny.html", "--out", "all"]) == 1
    assert (tmp_path / "new" / "tiny.html").exists() and (tmp_path / "all" / "verdict.txt").exists()
