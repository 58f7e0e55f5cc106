"""What ships stands in grey behind one's own figure, and fills it as long as there is nothing else."""

import numpy as np
import pytest

from workbench.figures.drawing import axis, curve, key, layout, sentence
from workbench.figures.ghosts import ghost, over
from workbench.figures.theme import DARK, LIGHT


def drawn(theme, height, **more):
    axes = {"xaxis": axis(theme, "x", range=[0, 1]), "yaxis": axis(theme, "y", log=True, range=[1, height])}
    note = {"annotations": [{"text": f"up to {height}"}]}
    return {
        "data": [curve(theme, "p", [0, 1], [1, height], theme.colour(0)), key(theme, "one style")],
        "layout": layout(theme, **axes) | note,
        **more,
    }


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_shipped_curves_are_there_before_ones_own(theme):
    both = over(drawn(theme, 1_000), sentence("Not yet.", theme), theme)
    grey, named = both["data"]
    assert grey["name"] == "shipped: p" and not grey["showlegend"] and np.array_equal(grey["y"], [1, 1_000])
    assert named["name"] == "shipped" and both["layout"]["yaxis"]["range"] == [0, 3] and "annotations" not in both["layout"]


def test_own_curves_lie_over_the_shipped_ones_on_axes_that_hold_both():
    for mine, theirs in ((10, 1_000), (1_000, 10)):
        both = over(drawn(LIGHT, theirs), drawn(LIGHT, mine), LIGHT)
        assert [trace["name"] for trace in both["data"]] == ["shipped: p", "p", "one style", "shipped"]
        assert both["layout"]["yaxis"]["range"] == [0, 3] and both["layout"]["annotations"] == [{"text": f"up to {mine}"}]
        assert both["data"][0]["line"]["color"] != both["data"][1]["line"]["color"] == LIGHT.colour(0)


def test_labels_reach_from_the_shipped_curves_to_ones_own():
    far, near = ({**drawn(LIGHT, 10), "layout": {"yaxis": axis(LIGHT, "y", log=True, range=ends)}} for ends in ([5, 100], [0.01, 0.1]))
    for figure in (over(near, far, LIGHT), over(far, near, LIGHT)):
        y = figure["layout"]["yaxis"]
        assert y["range"] == [-2, 2] and y["dtick"] == 1 and "tickvals" not in y


def test_a_shipped_map_is_covered_by_the_first_of_ones_own():
    square = {"type": "heatmap", "name": "p", "x": [0, 1], "y": [0, 1], "z": [[1, 2], [3, 4]]}
    mapped = {"data": [square], "layout": layout(LIGHT)}
    assert over(mapped, sentence("Not yet.", LIGHT), LIGHT)["data"][0]["opacity"] < 0.5
    assert over(mapped, mapped, LIGHT)["data"] == [square]


def test_a_ghost_leaves_the_curve_as_it_was():
    trace = {"name": "p", "x": [0], "y": [1], "marker": {"color": "#0072B2", "size": 4}, "error_y": {"array": [1], "color": "#0072B2"}}
    grey = ghost(trace, LIGHT)
    assert grey["marker"] == {"color": grey["error_y"]["color"], "size": 4} and trace["marker"]["color"] == "#0072B2"
