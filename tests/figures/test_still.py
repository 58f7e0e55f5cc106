"""Still pictures: well-formed, with every curve, and points where the axes say."""

from __future__ import annotations

import base64
import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from workbench.figures import FIGURES, REPORTS
from workbench.figures.drawing import axis, curve, dots, layout, sentence
from workbench.figures.still import svg
from workbench.figures.theme import LIGHT
from workbench.runs.store import EXAMPLES, Run
from workbench.stories import STORIES, story

SVG = "{http://www.w3.org/2000/svg}"


def drawn(figure, **options):
    return ElementTree.fromstring(svg(figure, **options))


def words(picture):
    return ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_figure_of_every_example_is_a_picture_with_its_curves_and_names(path):
    run, seen = Run(path), 0
    for name in FIGURES:
        try:
            figure = run.figure(name)
        except ValueError:  # of another kind of run
            continue
        picture, seen = ElementTree.fromstring(figure.still), seen + 1
        curves = [t for t in figure.data if t.type == "scatter" and np.isfinite(np.asarray(t.y, float)).any() and t.name]
        assert len(list(picture.iter(f"{SVG}path"))) >= sum(t.fill != "toself" for t in curves)
        maps = sum(trace.type == "heatmap" for trace in figure.data)
        assert len(list(picture.iter(f"{SVG}image"))) == maps + (maps > 0), "with their colours below"
        plain = "\n".join(words(picture))
        for trace in curves:
            if trace.showlegend is not False:
                assert re.sub("<[^>]*>", "", trace.name.split("<br>")[0]) in plain
        told = re.sub('base64,[^"]*|information|infinite', "", figure.still)
        assert "nan" not in told and "inf" not in told
    assert seen >= 6


def test_every_figure_of_every_story_that_ships_is_a_picture():
    for name in STORIES:
        told = story(name)
        if told.kept is not None:
            for panel in told.panels:
                entry = FIGURES[panel.figure]
                if entry.takes == REPORTS:  # no steps ship with a story
                    continue
                data = told.kept if entry.takes == "scan" else told.drawn_from(panel, ())
                picture = drawn(entry.as_dict(data, **panel.passed))
                assert len(list(picture.iter(f"{SVG}path"))) + len(list(picture.iter(f"{SVG}image"))) > 0, (name, panel)


def test_points_are_where_the_axes_say():
    axes = {"xaxis": axis(LIGHT, "x", range=[0, 10]), "yaxis": axis(LIGHT, "A<sub>train</sub> < 1", log=True, range=[1e-2, 1e2])}
    figure = {"data": [curve(LIGHT, "law", [0, 5, 10], [1e-2, 1, 1e2], LIGHT.ink)], "layout": layout(LIGHT, **axes)}
    picture = drawn(figure)
    frame = next(r for r in picture.iter(f"{SVG}rect") if r.get("fill") == "none")
    left, top, wide, high = (float(frame.get(key)) for key in ("x", "y", "width", "height"))
    (path,) = picture.iter(f"{SVG}path")
    points = [tuple(map(float, pair.split())) for pair in path.get("d").removeprefix("M").split("L")]
    expected = [(left, top + high), (left + wide / 2, top + high / 2), (left + wide, top)]
    assert all(math.dist(a, b) < 0.2 for a, b in zip(points, expected, strict=True))
    assert {"law", "x", "Atrain < 1", "10−2", "102"} <= set(words(picture))


def test_what_is_not_finite_is_a_gap_and_what_leaves_the_axes_is_cut():
    axes = {"xaxis": axis(LIGHT, "x", range=[0, 1]), "yaxis": axis(LIGHT, "y", range=[0, 1])}
    figure = {"data": [curve(LIGHT, "c", [0, 0.5, 1], [0.5, np.nan, 1e30], LIGHT.ink), dots(LIGHT, "d", [np.nan], [1], LIGHT.ink)]}
    picture = drawn(figure | {"layout": layout(LIGHT, **axes)})
    path = next(iter(picture.iter(f"{SVG}path")))
    assert path.get("d").count("M") == 2
    assert any(path in list(inner) for inner in picture.iter(f"{SVG}svg")), "it ends at the frame, by a picture within the picture"


def test_text_stays_text_and_a_sentence_is_a_picture_too():
    text = "a < b & <script>alert(1)</script>"
    picture = drawn(sentence(text, LIGHT))
    assert "alert(1)" in " ".join(words(picture)) and not list(picture.iter(f"{SVG}script"))
    assert picture.get("aria-label") == "Figure"


def test_a_map_is_an_image_whose_first_row_is_on_top():
    z = np.array([[0.0, 0.0], [1.0, 1.0]])
    scale = [[0, "#000000"], [1, "#ff0000"]]
    trace = {"type": "heatmap", "x": [0.0, 1.0], "y": [0.0, 1.0], "z": z, "coloraxis": "coloraxis", "name": "p"}
    figure = {"data": [trace], "layout": layout(LIGHT) | {"coloraxis": {"colorscale": scale, "cmin": 0, "cmax": 1}}}
    image = next(iter(drawn(figure).iter(f"{SVG}image"))).get("href").partition(",")[2]
    pixels = pytest.importorskip("PIL.Image").open(io.BytesIO(base64.b64decode(image)))
    assert pixels.size == (2, 2) and pixels.getpixel((0, 0)) == (255, 0, 0, 255) and pixels.getpixel((0, 1)) == (0, 0, 0, 255)
